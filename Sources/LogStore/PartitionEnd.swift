// Finds out where a partition ends when the journal is gone or damaged and its last segment alone can tell.
import Bytes
import Platform

struct PartitionEnd {
    /// The last one.
    let segment: Segment
    let recovery: Recovery

    /// The state of the partition, which is at least as far as `known`. Whole batches that follow belong to it. What follows them is
    /// the torn end of the segment, unless a whole batch stands behind it: then it is damage, and not to be cut.
    func state(knowing known: JournalState.PartitionState, _ journal: JournalCondition) throws(LogError) -> JournalState.PartitionState {
        let file = try translating { () throws(SystemError) in try segment.files.open(segment.path, .read) }
        defer { file.close() }
        var state = known
        if segment.baseOffset > known.segment {
            (state.segment, state.size) = (segment.baseOffset, 0)
            state.end = max(known.end, segment.baseOffset)
        }
        let floor = state.size
        var (reached, expected) = (Int64(0), segment.baseOffset)
        let loading = SegmentLoading(segment: segment, file: file, size: segment.size)
        try loading.walk(from: 0) { header, position, bytes, start in
            guard reached == position, header.baseOffset == expected, header.isIntact(in: bytes, at: start) else { return }
            reached = position + Int64(header.totalBytes)
            expected = header.lastOffset + 1
            if reached > floor { note(header, &state) }
        }
        // Something below what is known is damaged: opening the segment will say so.
        if reached < floor { return state }
        (state.size, state.end) = (reached, max(state.end, expected))
        if reached < segment.size, let last = try loading.lastIntactBatch(after: reached, expected) {
            (state.size, state.end) = (segment.size, last.lastOffset + 1)
        }
        report(known, state, journal)
        return state
    }

    private func note(_ header: RecordBatchHeader, _ state: inout JournalState.PartitionState) {
        guard header.producerID >= 0, header.baseSequence >= 0 else { return }
        let stamp = ProducerStamp(id: header.producerID, epoch: header.producerEpoch, baseSequence: header.baseSequence)
        state.producers.note(stamp, count: Int(header.recordCount), baseOffset: header.baseOffset)
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

extension SegmentLoading {
    /// The last whole batch behind bytes that are none, whose offset may follow `expected`; nil when there is none at all.
    func lastIntactBatch(after position: Int64, _ expected: Int64) throws(LogError) -> RecordBatchHeader? {
        let bytes = try translating { () throws(SystemError) in
            try file.read(at: position, count: Int(size - position), padding: 0)
        }
        var (place, last) = (0, RecordBatchHeader?.none)
        while place + RecordBatchHeader.byteCount <= bytes.count {
            let least = last.map { $0.lastOffset + 1 } ?? expected
            if let header = RecordBatchHeader(bytes, at: place), header.baseOffset >= least,
                header.baseOffset - segment.baseOffset <= Int64(Int32.max), header.isIntact(in: bytes, at: place)
            {
                last = header
                place += header.totalBytes
            } else {
                place += 1
            }
        }
        return last
    }
}
