// Compaction of closed segments: of each key only the last record stays, at its offset. A tombstone stays for
// `delete.retention.ms` after it was first compacted, as Kafka does it: that moment is kept as the base timestamp of its batch,
// marked by bit 6 of the attributes.
//
// The chain of offsets stays whole: batches cover what was removed around their records, up to the next segment that stays. A
// segment of which nothing stays goes when the one before it can cover it, and is one empty batch otherwise.
import Bytes
import Platform
import Quantities
import Synchronization

/// A segment's replacement, written and synced beside it.
struct CleanedSegment: Sendable {
    var old: Segment
    var path: String
    var size: Int64
    var ledger: BatchLedger
    var index: SparseIndex
}

/// One compaction of one partition. What has been compacted holds no key twice, so only the keys of the other segments are held in memory, 40
/// bytes each; `limitRound` bounds how many segments these are.
struct Compaction {
    let partition: Partition
    /// Closed, and out of the journal.
    var segments: [Segment]
    /// Base offset of the segment behind them.
    var end: Offset
    let config: TopicConfig
    /// Wall clock, milliseconds.
    let now: Int64
    let files: any FileSystem
    let seed: UInt64
    let batchBytes: Int
    /// The records of aborted ones go, as do all markers: what is left is not in any transaction.
    var transactions = TransactionTable()

    static let horizonBit: Int16 = 0x40
    static let chunkBytes = 1 << 20

    /// About how many bytes that have never been compacted one round takes: less than a million records. Of a large topic it takes an eighth
    /// of what has been compacted, because it writes all of that again.
    static let largestRound: Int64 = 32 << 20
    /// Bytes of a topic that is released which are compacted all the same: its reader has not released them for long.
    static let largestReleased: Int64 = 1 << 30

    /// Bytes of the segments that have been compacted, and of the others.
    private func sizes() throws(LogError) -> (clean: Int64, dirty: Int64) {
        var (clean, dirty): (Int64, Int64) = (0, 0)
        for segment in segments {
            if try segment.isCompacted() { clean += segment.size } else { dirty += segment.size }
        }
        return (clean, dirty)
    }

    /// Whether at least half of the closed bytes have never been compacted, or some of them have waited for as long as they may.
    func isWorthwhile() throws(LogError) -> Bool {
        let (clean, dirty) = try sizes()
        if let lag = config.mostCompactionLag, dirty > 0 {
            for segment in segments where try !segment.isCompacted() {
                var written = try segment.times().changed
                if written == nil { written = try segment.maxTimestamp() }
                if let written, written <= now.earlier(by: lag) { return true }
            }
        }
        return dirty > 0 && dirty >= clean && (config.cleanupPolicy != .release || dirty >= Self.largestReleased)
    }

    /// Leaves alone what is too new (`min.compaction.lag.ms`): from the first segment on that has such a record.
    mutating func leaveOutNew() throws(LogError) {
        guard config.leastCompactionLag > 0 else { return }
        let limit = now.earlier(by: config.leastCompactionLag)
        for (index, segment) in segments.enumerated() {
            guard let newest = try segment.maxTimestamp(), newest > limit else { continue }
            return segments.removeSubrange(index...)
        }
    }

    /// Leaves to later rounds what is more than one takes.
    mutating func limitRound() throws(LogError) {
        let limit = max(Self.largestRound, try sizes().clean / 8)
        var dirty: Int64 = 0
        for (index, segment) in segments.enumerated() where try !segment.isCompacted() {
            dirty += segment.size
            if dirty >= limit, index + 1 < segments.count {
                end = segments[index + 1].baseOffset
                return segments.removeSubrange((index + 1)...)
            }
        }
    }

    func run() throws(LogError) -> [CleanedSegment] {
        let latest = try latestOffsets()
        var cleaned: [CleanedSegment] = []
        // Backwards, so that each segment knows what it has to cover of those behind it.
        var end = end
        for (index, segment) in segments.enumerated().reversed() {
            let before = index == 0 ? nil : segments[index - 1]
            let canGo = before.map { end - $0.baseOffset <= Int64(Int32.max) } ?? false
            let new = try clean(segment, latest, until: end, mayBeEmpty: canGo)
            if new.size > 0 { end = segment.baseOffset }
            cleaned.append(new)
        }
        return cleaned.reversed()
    }

    private func hash(_ bytes: [UInt8], _ range: ByteRange) -> KeyHash {
        let range = Int(range.start)..<Int(range.start + range.length)
        return KeyHash(high: hash64(bytes, range, seed: seed), low: hash64(bytes, range, seed: ~seed))
    }

    /// Where the last record of each key stands, of the segments that have never been compacted.
    private func latestOffsets() throws(LogError) -> LatestOffsets {
        var latest = LatestOffsets()
        for segment in segments where try !segment.isCompacted() {
            try visit(segment) { _, run throws(LogError) in
                for index in 0..<run.count where !run.keys[index].isNull {
                    latest.note(hash(run.bytes, run.keys[index]), run.offsets[index])
                }
            }
        }
        return latest
    }

    /// Calls `body` with every data batch's header and records.
    private func visit(
        _ segment: Segment, _ body: (RecordBatchHeader, RecordRun) throws(LogError) -> Void
    ) throws(LogError) {
        let file = try segment.open()
        let size = segment.size
        let loading = SegmentLoading(segment: segment, file: file, size: size)
        var expected = segment.baseOffset
        let end = try loading.walk(from: 0) { header, position, chunk, start throws(LogError) in
            guard header.baseOffset == expected else {
                throw segment.quarantine("the batch at \(position) has offset \(header.baseOffset) where \(expected) belongs")
            }
            expected = header.lastOffset + 1
            var builder = RecordRunBuilder(
                Array(chunk[start..<start + header.totalBytes]) + [UInt8](repeating: 0, count: RecordRun.padding), from: .first)
            guard header.isIntact(in: chunk, at: start), builder.addBatch(header, at: 0, leavingOut: transactions)
            else {
                throw segment.quarantine("the batch at \(position), offset \(header.baseOffset), fails its checksum")
            }
            try body(header, builder.finish(nextOffset: header.lastOffset + 1, isAtEnd: false))
        }
        guard end == size else { throw segment.quarantine("no batch begins at \(end)") }
        let next = segments.first { $0.baseOffset > segment.baseOffset }?.baseOffset ?? self.end
        if expected < next { throw segment.gap(from: expected, to: next) }
    }

    private func clean(
        _ segment: Segment, _ latest: LatestOffsets, until end: Offset, mayBeEmpty: Bool
    ) throws(LogError) -> CleanedSegment {
        let path = segment.path + ".cleaned"
        var output = CompactedOutput(
            file: try translating { () throws(SystemError) in try files.open(path, .truncate) }, codec: config.compression,
            batchBytes: batchBytes, from: segment.baseOffset)
        try visit(segment) { header, run throws(LogError) in
            let known = header.attributes & Self.horizonBit != 0 ? header.baseTimestamp : nil
            for index in 0..<run.count {
                let (key, value) = (run.keys[index], run.values[index])
                if !key.isNull, latest.offset(of: hash(run.bytes, key)) > run.offsets[index] { continue }
                var horizon: Int64?
                if value.isNull && !key.isNull {
                    if let known, known <= now { continue }
                    horizon = known ?? now.later(by: config.deleteRetention)
                }
                try output.add(run, index, horizon)
            }
        }
        try output.finish(until: end, mayBeEmpty: mayBeEmpty)
        try translating { () throws(SystemError) in try output.file.synchronize() }
        return CleanedSegment(old: segment, path: path, size: output.position, ledger: output.ledger, index: output.index)
    }
}

/// Collects surviving records into batches and writes them.
private struct CompactedOutput {
    let file: any File
    let codec: Compression
    let batchBytes: Int
    var position: Int64 = 0
    var ledger = BatchLedger(isCompacted: true)
    var index = SparseIndex()
    private var section: [UInt8] = []
    /// Where the batch before the current one ended.
    private var baseOffset: Offset
    private var baseTimestamp: Int64 = 0
    private var maxTimestamp = Int64.min
    private var count: Int32 = 0
    private var horizon: Int64?

    init(file: any File, codec: Compression, batchBytes: Int, from baseOffset: Offset) {
        self.file = file
        self.baseOffset = baseOffset
        self.codec = codec
        self.batchBytes = batchBytes
    }

    /// Adds a record. Records with different horizons go to different batches.
    mutating func add(_ run: RecordRun, _ record: Int, _ horizon: Int64?) throws(LogError) {
        if count > 0 && (section.count >= batchBytes || horizon != self.horizon) { try flush(until: run.offset(at: record)) }
        if count == 0 {
            self.horizon = horizon
            baseTimestamp = horizon ?? run.timestamps[record]
        }
        var body: [UInt8] = [0]
        body.append(varint: run.timestamps[record] &- baseTimestamp)
        body.append(varint: run.offset(at: record) - baseOffset)
        for piece in [run.keys[record], run.values[record]] {
            body.append(varint: piece.isNull ? -1 : Int64(piece.length))
            if !piece.isNull { body.append(contentsOf: run.bytes[Int(piece.start)..<Int(piece.start + piece.length)]) }
        }
        if !run.headers.isEmpty, !run.headers[record].isNull {
            let block = run.headers[record]
            body.append(contentsOf: run.bytes[Int(block.start)..<Int(block.start + block.length)])
        } else {
            body.append(0)
        }
        section.append(varint: Int64(body.count))
        section.append(contentsOf: body)
        maxTimestamp = max(maxTimestamp, run.timestamps[record])
        count += 1
    }

    /// Ends the segment, whose chain goes on at `end`. Without a record it is one empty batch, or nothing.
    mutating func finish(until end: Offset, mayBeEmpty: Bool) throws(LogError) {
        if count == 0 && mayBeEmpty { return }
        if count == 0 { (baseTimestamp, maxTimestamp, horizon) = (-1, -1, nil) }
        try flush(until: end)
    }

    /// Writes the current batch; the next one begins at `next`.
    private mutating func flush(until next: Offset) throws(LogError) {
        var header = RecordBatchHeader()
        header.baseOffset = baseOffset
        header.lastOffsetDelta = Int32(truncatingIfNeeded: next - baseOffset - 1)
        let codec = count == 0 ? .none : codec
        header.attributes = Int16(truncatingIfNeeded: codec.rawValue) | (horizon == nil ? 0 : Compaction.horizonBit)
        header.baseTimestamp = baseTimestamp
        header.maxTimestamp = maxTimestamp
        header.recordCount = count
        let batch = header.sealed(section: try compress(section, by: codec))
        try translating { () throws(SystemError) in try file.write(batch, at: position) }
        ledger.entries.append(
            BatchLedger.Entry(
                position: position, baseOffset: baseOffset, headerHash: BatchLedger.headerHash(batch, at: 0)))
        index.note(lastOffset: next.previous, position: position, maxTimestamp: maxTimestamp)
        position += Int64(batch.count)
        baseOffset = next
        section.removeAll(keepingCapacity: true)
        count = 0
        maxTimestamp = .min
    }
}
