// Opens a segment: believes its index files where the segment agrees with them, and walks over the rest of the batches.
import Bytes
import Platform
import Quantities
import Synchronization

/// What is needed to load the index of one segment.
struct SegmentLoading {
    let segment: Segment
    let file: any File
    /// Bytes that belong to the log.
    let size: Int64

    static let chunkBytes = 1 << 20

    /// The side file, when there is a readable one.
    var ledger: BatchLedger? {
        // Absence and damage are the same: it is made anew.
        sideFile(".batches").flatMap { BatchLedger(file: $0) }
    }

    /// The content of a side file; nil when there is none or when it cannot be read, which is noted.
    private func sideFile(_ suffix: String) -> [UInt8]? {
        do {
            return try segment.files.contents(of: segment.stem + suffix)
        } catch {
            if error.kind != .notFound { segment.state.withLock { $0.unreadableSideFile = LogError(error) } }
            return nil
        }
    }

    /// The index over all batches.
    func load() throws(LogError) -> SparseIndex {
        var index = try believedIndex() ?? SparseIndex()
        let position = index.entries.last?.position ?? 0
        var isFirst = position > 0
        // The last indexed batch is known already; what follows it is not.
        try walk(from: position) { header, at, _, _ in
            if isFirst {
                isFirst = false
            } else {
                index.note(lastOffset: header.lastOffset, position: at, maxTimestamp: header.maxTimestamp)
            }
        }
        return index
    }

    /// The largest timestamp of the first batch, milliseconds; nil when there is none.
    func firstTimestamp() throws(LogError) -> Int64? {
        guard size >= RecordBatchHeader.byteCount else { return nil }
        let bytes = try translating { () throws(SystemError) in
            try file.read(at: 0, count: RecordBatchHeader.byteCount, padding: 0)
        }
        return RecordBatchHeader(bytes, at: 0)?.maxTimestamp
    }

    /// The index files' content, when the batch of the last entry is where they say. Absence and disagreement are the same: the
    /// index is made anew.
    private func believedIndex() throws(LogError) -> SparseIndex? {
        guard let index = sideFile(".index"),
            let timeIndex = sideFile(".timeindex"),
            let sparse = SparseIndex(index: index, timeIndex: timeIndex, baseOffset: segment.baseOffset, size: size),
            let last = sparse.entries.last
        else { return nil }
        let bytes = try translating { () throws(SystemError) in
            try file.read(at: last.position, count: RecordBatchHeader.byteCount, padding: 0)
        }
        guard let header = RecordBatchHeader(bytes, at: 0), header.lastOffset == last.lastOffset else { return nil }
        return sparse
    }

    /// Calls `visit` with each batch's header, its position, and the chunk and place in it where it lies; stops where no whole
    /// batch follows. Returns where that is.
    @discardableResult func walk(
        from start: Int64, _ visit: (RecordBatchHeader, Int64, [UInt8], Int) throws(LogError) -> Void
    ) throws(LogError) -> Int64 {
        var position = start
        var wanted = Self.chunkBytes
        while position < size {
            let count = Int(min(Int64(wanted), size - position))
            let chunk = try translating { () throws(SystemError) in try file.read(at: position, count: count, padding: 0) }
            var walk = BatchWalk(chunk, 0..<chunk.count)
            let chunkStart = position
            var needed = 0
            walking: while true {
                switch walk.next() {
                case .end: break walking
                case .malformed: return position
                case .incomplete(_, let byteCount):
                    needed = byteCount
                    break walking
                case .batch(let header, let at):
                    try visit(header, chunkStart + Int64(at), chunk, at)
                    position = chunkStart + Int64(at + header.totalBytes)
                }
            }
            if position == chunkStart {
                guard needed > count || count < RecordBatchHeader.byteCount, Int64(needed) <= size - position, chunk.count == count,
                    needed > 0
                else { return position }
                wanted = needed
            } else {
                wanted = Self.chunkBytes
            }
        }
        return position
    }
}
