// Kafka's transactions as one partition sees them: which producers have one open, and which were aborted. (Batches say in their attributes that
// they are part of a transaction; a control batch, the marker, ends it in each partition: kafka.apache.org/documentation/#controlbatch.)
//
// Readers of records see nothing of a transaction that is open, nor anything behind its first record, so that what they see never changes; of
// one that was aborted they never see anything.
import Bytes
package import Quantities

/// What a reader of whole batches is given.
package enum Isolation: Sendable {
    /// All that is durable.
    case readUncommitted
    /// What lies before the first open transaction. What was aborted is among it, and is named by `EventLog.abortedTransactions`.
    case readCommitted
}

/// The topic that keeps the states of transactions; compacted.
package let transactionStateTopic = "__transaction_state"

/// An idempotent producer as one partition remembers it.
package struct ProducerDescription: Hashable, Sendable {
    /// Not negative.
    package let id: Int64
    /// Which life of the producer.
    package let epoch: Int16
    /// The number of the last record that it has appended; -1 when that is not known.
    package let lastSequence: Int32
    /// The first record of its open transaction; nil where it has none here.
    package let transactionStart: Offset?
}

/// A transaction of which nothing counts.
package struct AbortedTransaction: Hashable, Sendable {
    /// Who began it.
    package let producer: Int64
    /// Its first record in the partition.
    package let first: Offset
    /// The marker of its end.
    package let marker: Offset

    /// As given.
    package init(producer: Int64, first: Offset, marker: Offset) {
        (self.producer, self.first, self.marker) = (producer, first, marker)
    }
}

/// What a batch does to the transaction of its producer.
enum TransactionStep: Hashable, Sendable {
    /// Its records are part of it.
    case records(producer: Int64)
    /// A marker ends it.
    case end(producer: Int64, isCommit: Bool)

    /// What the batch at `position` of `bytes` does; nil for one outside transactions.
    init?(_ header: RecordBatchHeader, in bytes: [UInt8], at position: Int) {
        guard header.isTransactional, header.producerID >= 0 else { return nil }
        guard header.isControl else {
            self = .records(producer: header.producerID)
            return
        }
        // One record: length, attributes, two deltas (each one byte, as brokers write them), the key's length, and the key: version and kind.
        let section = position + RecordBatchHeader.byteCount
        var reader = ByteReader(bytes, min(section, bytes.count)..<min(position + header.totalBytes, bytes.count))
        guard reader.varint() != nil, reader.skip(1) != nil, reader.varint() != nil, reader.varint() != nil, reader.varint() == 4,
            reader.int16() != nil, let kind = reader.int16(), kind == 0 || kind == 1
        else { return nil }
        self = .end(producer: header.producerID, isCommit: kind == 1)
    }
}

extension TransactionStep {
    var producer: Int64 {
        switch self {
        case .records(let producer), .end(let producer, _): producer
        }
    }

    /// Bits 2 and 3 of a byte of the journal, of which the others say something else: 0 for none, 1 records, 2 aborted, 3 committed.
    var bits: UInt8 {
        switch self {
        case .records: 4
        case .end(_, let isCommit): isCommit ? 12 : 8
        }
    }

    init?(bits: UInt8, producer: Int64) {
        switch bits & 12 {
        case 4: self = .records(producer: producer)
        case 8, 12: self = .end(producer: producer, isCommit: bits & 12 == 12)
        default: return nil
        }
    }
}

/// The transactions of one partition. Grows with those that are open, and with those that were aborted and whose records are still there.
struct TransactionTable: Hashable, Sendable {
    struct Ended: Hashable, Sendable {
        var producer: Int64
        var first: Offset
        var marker: Offset
        /// No transaction that ended later has a record before this.
        var stableEnd: Offset

        var transaction: AbortedTransaction { AbortedTransaction(producer: producer, first: first, marker: marker) }
    }

    /// The first record of each one that is open.
    private(set) var open: [Int64: Offset] = [:]
    /// In the order of their markers.
    private(set) var aborted: [Ended] = []
    /// Those whose marker may still be withdrawn.
    private var committed: [Ended] = []

    var isEmpty: Bool { open.isEmpty && aborted.isEmpty && committed.isEmpty }

    /// Notes a batch at `offset`. Nothing before `durableEnd` is ever withdrawn.
    mutating func note(_ step: TransactionStep, at offset: Offset, durableEnd: Offset) {
        switch step {
        case .records(let producer): if open[producer] == nil { open[producer] = offset }
        case .end(let producer, let isCommit):
            committed.removeAll { $0.marker < durableEnd }
            guard let first = open.removeValue(forKey: producer) else { return }
            let ended = Ended(producer: producer, first: first, marker: offset, stableEnd: open.values.min() ?? offset.next)
            if isCommit { committed.append(ended) } else { aborted.append(ended) }
        }
    }

    /// Forgets all that happened at or above `offset`, which was withdrawn.
    mutating func forget(from offset: Offset) {
        if isEmpty { return }
        // A producer may have ended one transaction and begun the next above the offset: what counts is the earliest.
        func reopen(_ ended: Ended) { open[ended.producer] = min(open[ended.producer] ?? ended.first, ended.first) }
        while let last = committed.last, last.marker >= offset { reopen(committed.removeLast()) }
        while let last = aborted.last, last.marker >= offset { reopen(aborted.removeLast()) }
        open = open.filter { $0.value < offset }
    }

    /// Forgets those that were aborted and of which nothing is left from `offset` on.
    mutating func forgetAborted(before offset: Offset) {
        let gone = aborted.firstPlace(where: { $0.marker >= offset })
        if gone > 0 { aborted.removeFirst(gone) }
    }

    /// Where the first transaction begins that is open for a reader who sees up to `end`; `end` where there is none.
    func stableEnd(upTo end: Offset) -> Offset {
        var stable = end
        for first in open.values { stable = min(stable, first) }
        for ended in committed.reversed().prefix(while: { $0.marker >= end }) { stable = min(stable, ended.first) }
        for ended in aborted.reversed().prefix(while: { $0.marker >= end }) { stable = min(stable, ended.first) }
        return stable
    }

    /// The aborted transaction that the records of a batch belong to; nil where they count.
    func aborted(_ header: RecordBatchHeader) -> AbortedTransaction? {
        guard !aborted.isEmpty, header.isTransactional, !header.isControl else { return nil }
        let offset = header.baseOffset
        for ended in aborted[aborted.firstPlace(where: { $0.marker >= offset })...] {
            if ended.producer == header.producerID { return ended.first <= offset ? ended.transaction : nil }
            if ended.stableEnd > offset { return nil }
        }
        return nil
    }

    // MARK: As bytes, in the journal's state

    func append(to bytes: inout [UInt8]) {
        bytes.append(unsignedVarint: UInt64(open.count))
        for (producer, first) in open.sorted(by: { $0.key < $1.key }) {
            bytes.append(int64: producer)
            bytes.append(int64: first.count)
        }
        bytes.append(unsignedVarint: UInt64(aborted.count))
        for ended in aborted {
            bytes.append(int64: ended.producer)
            for offset in [ended.first, ended.marker, ended.stableEnd] { bytes.append(int64: offset.count) }
        }
    }

    init() {}

    init?(_ reader: inout ByteReader) {
        guard let openCount = reader.unsignedVarint() else { return nil }
        for _ in 0..<openCount {
            guard let producer = reader.int64(), let first = reader.offset() else { return nil }
            open[producer] = first
        }
        guard let abortedCount = reader.unsignedVarint() else { return nil }
        for _ in 0..<abortedCount {
            guard let producer = reader.int64(), let first = reader.offset(), let marker = reader.offset(), let stable = reader.offset()
            else { return nil }
            aborted.append(Ended(producer: producer, first: first, marker: marker, stableEnd: stable))
        }
    }
}

extension Append {
    /// The marker of a transaction's end in one partition: a control batch. `epoch` is the producer's.
    package init(
        endOf producer: Int64, epoch: Int16, isCommit: Bool, topic: TopicID, partition: PartitionIndex, timestamp: Int64
    ) {
        self.init(topic: topic, partition: partition, records: OutgoingRecords())
        var header = RecordBatchHeader()
        (header.producerID, header.producerEpoch) = (producer, epoch)
        (header.baseTimestamp, header.maxTimestamp) = (timestamp, timestamp)
        header.attributes = 0x30
        header.recordCount = 1
        // The record: attributes, no deltas; the key: version 0 and the kind; the value: version 0 and the coordinator's epoch; no headers.
        var record: [UInt8] = [0, 0, 0]
        record.append(varint: 4)
        record.append(int16: 0)
        record.append(int16: isCommit ? 1 : 0)
        record.append(varint: 6)
        record.append(int16: 0)
        // There is one coordinator.
        record.append(int32: 0)
        record.append(0)
        var section: [UInt8] = []
        section.append(varint: Int64(record.count))
        let batch = header.sealed(section: section + record)
        prepared = PreparedRecords(
            FramedBatches(
                bytes: batch + [UInt8](repeating: 0, count: RecordRun.padding),
                batches: [FramedBatch(start: 0, byteCount: batch.count, recordCount: 1, maxTimestamp: timestamp)]))
        step = .end(producer: producer, isCommit: isCommit)
    }
}
