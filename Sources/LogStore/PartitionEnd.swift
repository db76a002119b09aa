// Finds out where a partition ends when the journal is gone or damaged and its last segment alone can tell.
import Bytes
import Platform
import Quantities

struct PartitionEnd {
    /// The last one.
    let segment: Segment
    let recovery: Recovery

    /// The state of the partition, which is at least as far as `known`. Whole batches that follow belong to it. What follows them is
    /// the torn end of the segment, unless a whole batch stands behind it: then it is damage, and not to be cut.
    func state(knowing known: JournalState.PartitionState, _ journal: JournalCondition) throws(LogError) -> JournalState.PartitionState {
        let file = try translating { () throws(SystemError) in try segment.files.open(segment.path, .write) }
        defer { file.close() }
        var state = known
        if segment.baseOffset > known.segment {
            (state.segment, state.size) = (segment.baseOffset, 0)
            state.end = max(known.end, segment.baseOffset)
        }
        let floor = state.size
        let loading = SegmentLoading(segment: segment, file: file, size: segment.size)
        var chain = BatchChain(end: 0, next: segment.baseOffset)
        repeat {
            try loading.follow(&chain) { header, end, bytes, start in
                if end > floor { state.producers.note(header, in: bytes, at: start) }
            }
            // The journal would tell whether the commit of such a batch came about. It is taken for one that did.
        } while try confirm(chain, in: file)
        let (reached, expected) = (chain.end, chain.next)
        // Something below what is known is damaged: opening the segment will say so.
        if reached < floor { return state }
        (state.size, state.end) = (reached, max(state.end, expected))
        if reached < segment.size, let last = try loading.lastIntactBatch(after: reached, expected) {
            (state.size, state.end) = (segment.size, last.lastOffset + 1)
        }
        report(known, state, journal)
        return state
    }

    /// Gives the batch behind a chain its offset, when it is a whole one that was written ahead of its commit.
    private func confirm(_ chain: BatchChain, in file: any File) throws(LogError) -> Bool {
        try translating { () throws(SystemError) in
            var bytes = try file.read(at: chain.end, count: RecordBatchHeader.byteCount, padding: 0)
            guard bytes.starts(with: SegmentWriter.noOffset) else { return false }
            bytes.put(int64: chain.next.count, at: 0)
            guard let header = RecordBatchHeader(bytes, at: 0) else { return false }
            let batch = try file.read(at: chain.end, count: header.totalBytes, padding: 0)
            guard header.isIntact(in: batch, at: 0) else { return false }
            try file.write(bytes, 0..<SegmentWriter.noOffset.count, at: chain.end)
            return true
        }
    }

    private func report(_ known: JournalState.PartitionState, _ state: JournalState.PartitionState, _ journal: JournalCondition) {
        switch journal {
        case .sound:
            recovery.note(
                .missingJournal, segment.path,
                "the journal does not know the topic: the partition is taken to end at offset \(state.end)")
        case .absent:
            recovery.note(.missingJournal, segment.path, "there is no journal: the partition is taken to end at offset \(state.end)")
        case .damaged where state.end > known.end:
            recovery.note(
                .damagedJournal, segment.path,
                "the journal tells of offsets up to \(known.end), the segment goes on to \(state.end), which is taken for the end")
        case .damaged: break
        }
    }
}

/// Intact batches one after the other, each with the offset that follows the one before.
struct BatchChain {
    /// Where the next batch has to begin.
    var end: Int64
    /// The offset that it has to have.
    var next: Offset
    var batchCount = 0
    var recordCount = 0
}

extension ProducerTable {
    /// Notes the batch of an idempotent producer, or of a transaction, that lies in `bytes`; others are of no interest.
    mutating func note(_ header: RecordBatchHeader, in bytes: [UInt8], at position: Int) {
        if let step = TransactionStep(header, in: bytes, at: position) {
            transactions.note(step, at: header.baseOffset, durableEnd: header.baseOffset)
        }
        guard header.producerID >= 0, header.baseSequence >= 0 else { return }
        let stamp = ProducerStamp(id: header.producerID, epoch: header.producerEpoch, baseSequence: header.baseSequence)
        note(stamp, count: Int(header.recordCount), baseOffset: header.baseOffset)
    }
}

extension SegmentLoading {
    /// Follows a chain as far as it goes, and calls `visit` with each batch, where that ends, and the bytes and the place in them where it lies.
    func follow(_ chain: inout BatchChain, visit: (RecordBatchHeader, Int64, [UInt8], Int) -> Void) throws(LogError) {
        var followed = chain
        try walk(from: chain.end) { header, position, bytes, start in
            guard followed.end == position, header.baseOffset == followed.next, header.isIntact(in: bytes, at: start) else { return }
            followed.end = position + Int64(header.totalBytes)
            followed.next = header.lastOffset + 1
            followed.batchCount += 1
            followed.recordCount += Int(header.recordCount)
            visit(header, followed.end, bytes, start)
        }
        chain = followed
    }

    /// The last whole batch behind bytes that are none, whose offset may follow `expected`; nil when there is none at all.
    func lastIntactBatch(after position: Int64, _ expected: Offset) throws(LogError) -> RecordBatchHeader? {
        var last: RecordBatchHeader?
        try searchBatches(after: position, expected) { last = $0 }
        return last
    }

    /// Calls `visit` with the whole batches behind a position, over whatever lies between; their offsets are in order, from `first` on.
    func searchBatches(after position: Int64, _ first: Offset, visit: (RecordBatchHeader) -> Void) throws(LogError) {
        let bytes = try translating { () throws(SystemError) in
            try file.read(at: position, count: Int(size - position), padding: 0)
        }
        let most = segment.baseOffset + Int64(Int32.max)
        forEachWholeBatch(in: bytes, from: first) { header, _ in
            guard header.baseOffset <= most else { return false }
            visit(header)
            return true
        }
    }
}

/// Finds whole batches among `bytes`, over whatever lies between them; their offsets ascend from `first` on. Calls `visit` with each and where
/// it begins; one that `visit` refuses counts as bytes that are no batch.
func forEachWholeBatch(in bytes: [UInt8], from first: Offset, visit: (RecordBatchHeader, Int) -> Bool) {
    var (place, least) = (0, first)
    while place + RecordBatchHeader.byteCount <= bytes.count {
        if let header = RecordBatchHeader(bytes, at: place), header.baseOffset >= least, header.isIntact(in: bytes, at: place),
            visit(header, place)
        {
            least = header.lastOffset + 1
            place += header.totalBytes
        } else {
            place += 1
        }
    }
}
