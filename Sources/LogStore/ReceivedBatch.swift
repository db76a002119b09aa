// Record batches as a producer made them: checked, and then stored without a change but that of their offset (and, where the topic says so, of
// the time of their records).

package import Bytes
package import Quantities

/// Why a batch is not taken.
package struct BatchProblem: Error {
    /// The kinds that callers distinguish.
    package enum Kind: Sendable {
        /// The bytes are not what they say they are.
        case damaged
        /// The records are not such as the topic takes.
        case invalid
        /// Compressed by a codec that is not known.
        case unknownCodec
    }

    /// What went wrong, for programs.
    package let kind: Kind
    /// What went wrong, as a message: lower case, no full stop.
    package let message: String

    /// A problem with its sentence.
    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

/// One batch from outside.
package struct ReceivedBatch: Sendable {
    /// What it says of itself.
    package let header: RecordBatchHeader
    private let bytes: [UInt8]

    /// Takes the one batch that `bytes` are. Errors: it is damaged, of another format, or not alone; its codec is unknown.
    package init(_ bytes: ArraySlice<UInt8>) throws(BatchProblem) {
        var padded: [UInt8] = []
        padded.reserveCapacity(bytes.count + RecordRun.padding)
        padded.append(contentsOf: bytes)
        padded.append(contentsOf: repeatElement(0, count: RecordRun.padding))
        // A log without copies has had one leader. (The checksum does not cover it.)
        if bytes.count >= RecordBatchHeader.byteCount { padded.put(uint32: 0, at: 12) }
        guard let header = RecordBatchHeader(padded, at: 0, end: bytes.count) else {
            throw BatchProblem(.damaged, "there is no record batch of format 2")
        }
        guard header.totalBytes == bytes.count else {
            throw BatchProblem(.invalid, "there is to be one batch, and it is \(header.totalBytes) of \(bytes.count) bytes")
        }
        guard header.isIntact(in: padded, at: 0) else { throw BatchProblem(.damaged, "the checksum of the batch is wrong") }
        guard header.recordCount > 0, header.lastOffsetDelta == header.recordCount - 1 else {
            throw BatchProblem(.invalid, "the batch says that it has \(header.recordCount) records up to number \(header.lastOffsetDelta)")
        }
        guard !header.isControl else { throw BatchProblem(.invalid, "only a broker writes control batches") }
        guard header.compressionBits == 0 || Compression(rawValue: header.compressionBits) != nil else {
            throw BatchProblem(.unknownCodec, "codec \(header.compressionBits) is not known")
        }
        guard header.producerID < 0 || header.producerEpoch >= 0 && header.baseSequence >= 0 else {
            throw BatchProblem(.invalid, "the batch has a producer without an epoch or a sequence")
        }
        guard header.producerID >= 0 || !header.isTransactional else {
            throw BatchProblem(.invalid, "the batch is part of a transaction and has no producer")
        }
        // A batch that cannot be read would stop every reader: it is not taken in.
        var builder = RecordRunBuilder(padded, from: .first)
        guard builder.addBatch(header, at: 0), builder.count == Int(header.recordCount) else {
            throw BatchProblem(.damaged, "the records of the batch cannot be read")
        }
        let run = builder.finish(nextOffset: .first, isAtEnd: true)
        largestTimestamp = run.timestamps.max() ?? header.maxTimestamp
        hasNullKey = run.keys.contains(where: \.isNull)
        (self.header, self.bytes) = (header, padded)
    }

    private let largestTimestamp: Int64
    /// Whether any of its records has no key.
    package let hasNullKey: Bool

    fileprivate func framed(appendTime: Int64?) -> FramedBatches {
        var framed = FramedBatches(
            bytes: bytes,
            batches: [FramedBatch(start: 0, byteCount: header.totalBytes, recordCount: Int(header.recordCount), maxTimestamp: largestTimestamp)])
        if let appendTime { framed.stamp(appendTime: appendTime) }
        return framed
    }

    fileprivate var producer: ProducerStamp? {
        guard header.producerID >= 0 else { return nil }
        return ProducerStamp(id: header.producerID, epoch: header.producerEpoch, baseSequence: header.baseSequence)
    }
}

extension Append {
    /// An append of a batch as it is, but for the times of its records where `appendTime` is given (milliseconds since the epoch).
    package init(topic: TopicID, partition: PartitionIndex, batch: ReceivedBatch, appendTime: Int64? = nil) {
        self.init(topic: topic, partition: partition, records: OutgoingRecords(), producer: batch.producer)
        prepared = PreparedRecords(batch.framed(appendTime: appendTime))
        step = batch.header.isTransactional ? .records(producer: batch.header.producerID) : nil
    }
}
