// One segment of a partition: a file of record batches and its index. Readers come from any thread and see what was extended;
// only the log's writer extends. Files and index are opened at the first use, so that a store of many segments starts fast.
import Bytes
import Platform
import Synchronization

/// A segment as readers share it.
final class Segment: Sendable {
    struct State {
        /// nil until the first use.
        var file: (any File)?
        var size: Int64
        var index = SparseIndex()
        /// For a segment with gaps: the entries by which its headers are checked.
        var ledger: BatchLedger?
        /// Whether offsets may have gaps.
        var isCompacted = false
        /// Why the segment cannot be read any more.
        var damage: String?
    }

    let baseOffset: Int64
    /// The path without its extension.
    let stem: String
    let files: any FileSystem
    let state: Mutex<State>

    /// A segment whose file is opened when it is needed. `size` is what readers may see.
    init(stem: String, baseOffset: Int64, size: Int64, files: any FileSystem) {
        self.stem = stem
        self.baseOffset = baseOffset
        self.files = files
        state = Mutex(State(size: size))
    }

    static func stem(_ directory: String, _ baseOffset: Int64) -> String { directory + "/" + padded(baseOffset) }

    var path: String { stem + ".log" }
    var size: Int64 { state.withLock { $0.size } }
    var damage: String? { state.withLock { $0.damage } }

    /// The open file, with the index loaded.
    func open() throws(LogError) -> any File {
        if let file = state.withLock({ $0.file }) { return file }
        let file = try translating { () throws(SystemError) in try files.open(path, .read) }
        let size = self.size
        let loaded = SegmentLoading(segment: self, file: file, size: size)
        let (index, ledger) = try loaded.load()
        return state.withLock { state in
            if let winner = state.file { return winner }
            state.file = file
            state.index = index
            // Without a side file nobody can say whether gaps are in order.
            state.isCompacted = ledger?.isCompacted ?? true
            state.ledger = state.isCompacted ? ledger : nil
            return file
        }
    }

    /// Takes over a file that is open, with an index made for it: the writer's way in.
    func adopt(_ file: any File, index: SparseIndex) {
        state.withLock { state in
            state.file = file
            state.index = index
        }
    }

    /// Notes batches that the writer has put at the end of the file.
    func extend(by framed: FramedBatches, baseOffset: Int64, at position: Int64) {
        state.withLock { state in
            var next = baseOffset
            for batch in framed.batches {
                next += Int64(batch.recordCount)
                state.index.note(
                    lastOffset: next - 1, position: position + Int64(batch.start), maxTimestamp: batch.maxTimestamp)
            }
            state.size = position + Int64(framed.byteCount)
        }
    }

    /// Keeps readers out. The bytes stay as they are.
    func quarantine(_ reason: String) -> LogError {
        state.withLock { $0.damage = $0.damage ?? reason }
        return damaged(reason)
    }

    func damaged(_ reason: String) -> LogError {
        LogError(
            .damaged, "segment \(path) is damaged: \(reason)",
            hint: "It was taken out of use and nothing of it was cut; `millrace topics verify` says more.")
    }

    // MARK: Reading

    /// Records from `offset` on that lie below `limit`, or nil when this segment has none. `end` is where the whole partition
    /// ends for this reader.
    func fetch(from offset: Int64, maxBytes: Int, limit: Int64, end: Int64) throws(LogError) -> RecordRun? {
        let file = try open()
        let (size, start, isCompacted, damage) = state.withLock {
            ($0.size, $0.index.entry(atOrBefore: offset), $0.isCompacted, $0.damage)
        }
        if let damage { throw damaged(damage) }
        var place = Place(position: start?.position ?? 0, offset: start == nil ? baseOffset : nil, lastOffset: start?.lastOffset)
        var wanted = max(maxBytes, 1) + Int(SparseIndex.interval)
        while place.position < size {
            let count = Int(min(Int64(wanted), size - place.position))
            let chunk = try translating { () throws(SystemError) in
                try file.read(at: place.position, count: count, padding: RecordRun.padding)
            }
            guard chunk.count == count + RecordRun.padding else {
                throw quarantine("it ends at \(place.position + Int64(chunk.count - RecordRun.padding)), not at \(size)")
            }
            let chunkStart = place.position
            let (builder, next) = try collect(chunk, count, &place, from: offset, limit: limit, isCompacted)
            if let next { return builder.finish(nextOffset: next, isAtEnd: next >= end) }
            if place.isPastLimit { return nil }
            if place.position == chunkStart {
                // Not one whole batch: read at least as much as the first one is long.
                guard Int64(count) < size - chunkStart else { throw quarantine("the batch at \(chunkStart) goes beyond the end") }
                wanted = place.wanted
            }
        }
        return nil
    }

    /// Where reading stands, and what must be found there.
    private struct Place {
        var position: Int64
        /// The base offset that the next batch must have, when known.
        var offset: Int64?
        /// The last offset that the next batch must have, when an index entry led here.
        var lastOffset: Int64?
        var wanted = 0
        var isPastLimit = false
    }

    /// Adds the whole batches of a chunk to a run. The offset after the last one added, or nil when none was.
    private func collect(
        _ chunk: [UInt8], _ count: Int, _ place: inout Place, from offset: Int64, limit: Int64, _ isCompacted: Bool
    ) throws(LogError) -> (RecordRunBuilder, Int64?) {
        var builder = RecordRunBuilder(chunk, from: offset)
        var walk = BatchWalk(chunk, 0..<count)
        let start = place.position
        var next: Int64?
        walking: while true {
            switch walk.next() {
            case .end: break walking
            case .malformed(let position): throw quarantine("no batch begins at \(start + Int64(position))")
            case .incomplete(let position, let byteCount):
                place.position = start + Int64(position)
                place.wanted = max(byteCount, count + 1)
                break walking
            case .batch(let header, let position):
                try check(header, chunk, at: position, start + Int64(position), place, isCompacted)
                if header.baseOffset >= limit {
                    place.isPastLimit = true
                    break walking
                }
                place.position = start + Int64(position + header.totalBytes)
                place.offset = header.lastOffset + 1
                place.lastOffset = nil
                if header.lastOffset < offset { continue }
                guard header.isIntact(in: chunk, at: position), builder.addBatch(header, at: position) else {
                    throw quarantine("the batch at \(start + Int64(position)), offset \(header.baseOffset), fails its checksum")
                }
                next = header.lastOffset + 1
            }
        }
        return (builder, next)
    }

    /// What the checksum of a batch does not cover.
    private func check(
        _ header: RecordBatchHeader, _ chunk: [UInt8], at start: Int, _ position: Int64, _ place: Place, _ isCompacted: Bool
    ) throws(LogError) {
        if isCompacted {
            let agrees = state.withLock { $0.ledger?.agrees(position: position, bytes: chunk, at: start) ?? true }
            if !agrees { throw quarantine("the header of the batch at \(position) is not as it was written") }
        } else if let expected = place.offset, header.baseOffset != expected {
            throw quarantine("the batch at \(position) has offset \(header.baseOffset) where \(expected) belongs")
        } else if let expected = place.lastOffset, header.lastOffset != expected {
            throw quarantine("the batch at \(position) ends at offset \(header.lastOffset), its index says \(expected)")
        }
    }

    /// The offset of the first record at or after `timestamp` below `limit`, or nil.
    func offset(atOrAfter timestamp: Int64, from first: Int64, limit: Int64) throws(LogError) -> Int64? {
        _ = try open()
        var next = state.withLock { $0.index.entry(before: timestamp)?.lastOffset ?? baseOffset }
        next = max(next, first)
        while let run = try fetch(from: next, maxBytes: 1 << 18, limit: limit, end: limit) {
            if let index = run.timestamps.firstIndex(where: { $0 >= timestamp }) { return run.offsets[index] }
            next = run.nextOffset
        }
        return nil
    }

    /// The largest timestamp in it, for retention; nil when it has no record.
    func maxTimestamp() throws(LogError) -> Int64? {
        _ = try open()
        let known = state.withLock { $0.index.maxTimestamp }
        return known == .min ? nil : known
    }
}
