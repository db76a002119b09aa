// One segment of a partition: a file of record batches and its index. Readers come from any thread and see what was extended;
// only the log's writer extends. Files and index are opened at the first use, so that a store of many segments starts fast.
//
// The batches of a partition are a chain: each begins where the one before ended, from the segment's base offset on, and the next
// segment begins where the last batch ends. Compaction keeps the chain: a batch covers the offsets that were removed around its
// records. So a base offset that was changed, a batch or a whole segment that is gone, is always noticed.
import Bytes
import Platform
import Quantities
import Synchronization

/// A segment as readers share it.
final class Segment: Sendable {
    struct State {
        /// nil until the first use.
        var file: (any File)?
        var size: Int64
        var index = SparseIndex()
        /// The journal file that was open when the segment last grew: as long as that file is needed, a replay may write to it.
        var journal: UInt64 = 0
        /// Whether it was compacted, so its side file says; nil until compaction asks.
        var isCompacted: Bool?
        /// What of it cannot be read; nil until a reader has met it.
        var damage: String?
        /// Why a side file could not be read, where it is there: for maintenance to report. It is made anew from the segment.
        var unreadableSideFile: LogError?
        /// What is missing between this segment and the next; nil until a reader has met it. The segment itself is sound.
        var gap: String?
        /// Where the last fetches ended, so that the next ones need not look for the place: the index leads to a batch before it.
        var continuations = Continuations()
    }

    let baseOffset: Offset
    /// The path without its extension.
    let stem: String
    let files: any FileSystem
    let state: Mutex<State>

    /// A segment whose file is opened when it is needed. `size` is what readers may see.
    init(stem: String, baseOffset: Offset, size: Int64, files: any FileSystem) {
        self.stem = stem
        self.baseOffset = baseOffset
        self.files = files
        state = Mutex(State(size: size))
    }

    static func stem(_ directory: String, _ baseOffset: Offset) -> String { directory + "/" + fileNumber(baseOffset.count) }

    var path: String { stem + ".log" }
    var size: Int64 { state.withLock { $0.size } }
    var damage: String? { state.withLock { $0.damage ?? $0.gap } }

    /// The open file, with the index loaded.
    func open() throws(LogError) -> any File {
        if let file = state.withLock({ $0.file }) { return file }
        let file = try translating { () throws(SystemError) in try files.open(path, .read) }
        let size = self.size
        let loaded = SegmentLoading(segment: self, file: file, size: size)
        let index = try loaded.load()
        return state.withLock { state in
            if let winner = state.file { return winner }
            state.file = file
            state.index = index
            return file
        }
    }

    /// Takes over a file that is open, with an index made for it: how the writer opens it.
    func adopt(_ file: any File, index: SparseIndex) {
        state.withLock { state in
            state.file = file
            state.index = index
        }
    }

    /// Notes batches that the writer has put at the end of the file, and the journal file that still has them.
    func extend(by framed: FramedBatches, baseOffset: Offset, at position: Int64, journal: UInt64) {
        state.withLock { state in
            state.journal = journal
            var next = baseOffset
            for batch in framed.batches {
                next = next + Int64(batch.recordCount)
                state.index.note(
                    lastOffset: next.previous, position: position + Int64(batch.start), maxTimestamp: batch.maxTimestamp)
            }
            state.size = position + Int64(framed.byteCount)
        }
    }

    /// Records damage, for verification. The bytes stay as they are; readers that reach them get the error, the sound batches before
    /// and behind are served.
    func quarantine(_ reason: String) -> LogError {
        state.withLock { $0.damage = $0.damage ?? reason }
        return damaged(reason)
    }

    func damaged(_ reason: String) -> LogError {
        LogError(
            .damaged, "segment \(path) is damaged: \(reason)",
            hint: "Nothing of it was cut, and what is sound can be read; `millrace topics verify` says more.")
    }

    /// Whether compaction made it. Without a readable side file that is unknown, and it is compacted again.
    func isCompacted() throws(LogError) -> Bool {
        if let known = state.withLock({ $0.isCompacted }) { return known }
        let ledger = SegmentLoading(segment: self, file: try open(), size: size).ledger
        let found = ledger?.isCompacted ?? false
        state.withLock { $0.isCompacted = found }
        return found
    }

    // MARK: Reading

    /// Records from `offset` on that lie below `limit`, or nil when this segment has none. `end` is where the whole partition
    /// ends for this reader, `next` the base offset of the segment after this one: ending before it is damage.
    func fetch(
        from offset: Offset, maxBytes: ByteCount, limit: Offset, end: Offset, next: Offset?, readsRecords: Bool = true,
        leavingOut transactions: TransactionTable
    ) throws(LogError) -> RecordRun? {
        let file = try open()
        var wanted = (max(maxBytes, ByteCount(length: 1)) + ByteCount(clamping: SparseIndex.interval)).length
        var (size, place, count) = state.withLock { state in
            let place = start(of: offset, in: state)
            // Up to the beginning of a batch, where the index knows one: half a batch would be read for nothing. Which one follows from the offset
            // alone: readers that meet at an offset then ask for the same runs, and share them.
            let end = (state.index.position(nearBatchWith: offset) ?? place.position) + Int64(wanted)
            let stop = end < state.size ? state.index.lastPosition(atOrBefore: end) ?? 0 : state.size
            return (state.size, place, stop > place.position ? Int(stop - place.position) : wanted)
        }
        while place.position < size {
            count = Int(min(Int64(count), size - place.position))
            let chunk = try translating { () throws(SystemError) in
                try file.read(at: place.position, count: count, padding: RecordRun.padding)
            }
            guard chunk.count == count + RecordRun.padding else {
                throw quarantine("it ends at \(place.position + Int64(chunk.count - RecordRun.padding)), not at \(size)")
            }
            let chunkStart = place.position
            let (builder, after) = try collect(chunk, count, &place, from: offset, limit: limit, readsRecords, transactions)
            if let after {
                state.withLock { $0.continuations.note(after, at: place.end) }
                return builder.finish(nextOffset: after, isAtEnd: after >= end)
            }
            if place.isPastLimit { break }
            if place.position == chunkStart {
                // Not one whole batch: read at least as much as the first one is long.
                guard Int64(count) < size - chunkStart else { throw quarantine("the batch at \(chunkStart) goes beyond the end") }
                wanted = place.wanted
            }
            count = wanted
        }
        if let error = place.bad { throw error }
        if place.isPastLimit { return nil }
        if let next, let reached = place.offset, reached < next { throw gap(from: reached, to: next) }
        return nil
    }

    /// Where to begin to read for `offset`.
    private func start(of offset: Offset, in state: State) -> Place {
        if let position = state.continuations.position(of: offset) { return Place(position: position, offset: offset) }
        guard let entry = state.index.entry(atOrBefore: offset) else { return Place(position: 0, offset: baseOffset) }
        return Place(position: entry.position, lastOffset: entry.lastOffset)
    }

    /// Offsets that no segment has. Not a quarantine: what this segment has is sound.
    func gap(from first: Offset, to next: Offset) -> LogError {
        let missing = missingOffsets(first, next)
        state.withLock { $0.gap = missing }
        return LogError(
            .damaged, "\(missing) from \(path): segment files were removed or cut short",
            hint: "Restore the files, or read on from offset \(next); `millrace topics verify` says more.")
    }

    /// Where reading stands, and what must be found there.
    private struct Place {
        var position: Int64
        /// The base offset that the next batch must have, when known.
        var offset: Offset?
        /// The last offset that the next batch must have, when an index entry led here.
        var lastOffset: Offset?
        var wanted = 0
        /// Where the last batch that was taken ends.
        var end: Int64 = 0
        var isPastLimit = false
        /// What is wrong with the batch before, which begins before what is asked for: the next one tells where it ends.
        var bad: LogError?
    }

    /// Adds the whole batches of a chunk to a run, up to the first bad one; a bad one at the front is the error. The offset after the
    /// last one added, or nil when none was.
    private func collect(
        _ chunk: [UInt8], _ count: Int, _ place: inout Place, from offset: Offset, limit: Offset, _ readsRecords: Bool,
        _ transactions: TransactionTable
    ) throws(LogError) -> (RecordRunBuilder, Offset?) {
        var builder = RecordRunBuilder(chunk, from: offset, readsRecords: readsRecords)
        var walk = BatchWalk(chunk, 0..<count)
        let start = place.position
        var next: Offset?
        walking: while true {
            switch walk.next() {
            case .end: break walking
            case .malformed(let position):
                if next != nil { break walking }
                throw quarantine("no batch begins at \(start + Int64(position))")
            case .incomplete(let position, let byteCount):
                place.position = start + Int64(position)
                place.wanted = max(byteCount, count + 1)
                break walking
            case .batch(let header, let position):
                if let reason = contradiction(header, start + Int64(position), place) {
                    if next != nil { break walking }
                    let error = quarantine(reason)
                    // A batch before what is asked for need not be sound: the index says where it ends, or where it had to begin does.
                    let end = place.lastOffset ?? (place.offset ?? .first) + Int64(header.lastOffsetDelta)
                    if end >= offset { throw error }
                    place.position = start + Int64(position + header.totalBytes)
                    (place.offset, place.lastOffset) = (end + 1, nil)
                    continue
                }
                if let error = place.bad {
                    if header.baseOffset > offset { throw error }
                    place.bad = nil
                }
                if header.baseOffset >= limit {
                    place.isPastLimit = true
                    break walking
                }
                place.position = start + Int64(position + header.totalBytes)
                place.offset = header.lastOffset + 1
                place.lastOffset = nil
                if header.lastOffset < offset { continue }
                guard header.isIntact(in: chunk, at: position), builder.addBatch(header, at: position, leavingOut: transactions)
                else {
                    if next != nil { break walking }
                    let error = quarantine("the batch at \(start + Int64(position)), offset \(header.baseOffset), fails its checksum")
                    if header.baseOffset == offset { throw error }
                    // Its last offset is under the checksum.
                    (place.bad, place.offset) = (error, nil)
                    continue
                }
                next = header.lastOffset + 1
                place.end = place.position
            }
        }
        return (builder, next)
    }

    /// What is wrong with the base offset, which the checksum of a batch does not cover.
    private func contradiction(_ header: RecordBatchHeader, _ position: Int64, _ place: Place) -> String? {
        if let expected = place.offset, header.baseOffset != expected {
            return "the batch at \(position) has offset \(header.baseOffset) where \(expected) belongs"
        }
        if let expected = place.lastOffset, header.lastOffset != expected {
            return "the batch at \(position) ends at offset \(header.lastOffset), its index says \(expected)"
        }
        return nil
    }

    /// The first record at or after `timestamp` below `limit`, or nil.
    func place(
        atOrAfter timestamp: Int64, from first: Offset, limit: Offset, leavingOut transactions: TransactionTable
    ) throws(LogError) -> TimedPlace? {
        _ = try open()
        var next = state.withLock { $0.index.entry(before: timestamp)?.lastOffset ?? baseOffset }
        next = max(next, first)
        while let run = try fetch(from: next, maxBytes: .kibibytes(256), limit: limit, end: limit, next: nil, leavingOut: transactions) {
            if let place = run.place(atOrAfter: timestamp) { return place }
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

extension Segment {
    /// When its file was made and when it last changed.
    func times() throws(LogError) -> FileTimes { try open().times }
}

/// The sentence about offsets from `first` up to and without `next` that are not there.
func missingOffsets(_ first: Offset, _ next: Offset) -> String { "offsets \(first) to \(next.previous) are missing" }
