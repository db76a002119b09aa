// Finds a place in a segment: one entry for about every 4 KiB of batches. In memory one array; on disk Kafka's two files:
//
//   .index      4 bytes last offset of the batch, relative to the segment's base; 4 bytes position of the batch
//   .timeindex  8 bytes largest timestamp so far, 4 bytes relative last offset of the batch that reached it
//
// The files have no checksum: they are only believed where the segment agrees, and made anew from it otherwise.
import Bytes
import Quantities

/// The index of one segment, in order of offsets.
struct SparseIndex: Hashable {
    struct Entry: Hashable {
        /// Last offset of the batch.
        var lastOffset: Offset
        /// Where the batch starts, in bytes.
        var position: Int64
        /// Largest timestamp of the segment up to and with this batch.
        var maxTimestamp: Int64
    }

    static let interval: Int64 = 4096
    private(set) var entries: [Entry] = []
    /// Largest timestamp of all batches noted; `Int64.min` before the first.
    private(set) var maxTimestamp = Int64.min

    init() {}

    /// Notes a batch that was added to the end of the segment.
    mutating func note(lastOffset: Offset, position: Int64, maxTimestamp timestamp: Int64) {
        maxTimestamp = max(maxTimestamp, timestamp)
        if position - (entries.last?.position ?? 0) >= Self.interval {
            entries.append(Entry(lastOffset: lastOffset, position: position, maxTimestamp: maxTimestamp))
        }
    }

    /// The last entry whose batch ends before or at `offset`; nil means to start at the beginning.
    func entry(atOrBefore offset: Offset) -> Entry? {
        let next = entries.firstPlace(where: { $0.lastOffset > offset })
        return next == 0 ? nil : entries[next - 1]
    }

    /// The last entry before which every timestamp is smaller than `timestamp`; nil means to start at the beginning.
    func entry(before timestamp: Int64) -> Entry? {
        let next = entries.firstPlace(where: { $0.maxTimestamp >= timestamp })
        return next == 0 ? nil : entries[next - 1]
    }

    /// Where the first batch begins, among those noted, that ends at `offset` or behind it; nil when none does.
    func position(nearBatchWith offset: Offset) -> Int64? {
        let place = entries.firstPlace(where: { $0.lastOffset >= offset })
        return place < entries.count ? entries[place].position : nil
    }

    /// The last beginning of a batch, among those noted, at or before a place in the file; nil when there is none.
    func lastPosition(atOrBefore place: Int64) -> Int64? {
        let next = entries.firstPlace(where: { $0.position > place })
        return next == 0 ? nil : entries[next - 1].position
    }

    // MARK: Files

    func indexFile(baseOffset: Offset) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * 8)
        for entry in entries {
            bytes.append(int32: Int32(clamping: entry.lastOffset - baseOffset))
            bytes.append(int32: Int32(clamping: entry.position))
        }
        return bytes
    }

    func timeIndexFile(baseOffset: Offset) -> [UInt8] {
        var bytes: [UInt8] = []
        var largest = Int64.min
        for entry in entries where entry.maxTimestamp > largest {
            largest = entry.maxTimestamp
            bytes.append(int64: largest)
            bytes.append(int32: Int32(clamping: entry.lastOffset - baseOffset))
        }
        return bytes
    }

    /// Reads both files; nil when they cannot belong to a segment of `size` bytes or contradict themselves.
    init?(index: [UInt8], timeIndex: [UInt8], baseOffset: Offset, size: Int64) {
        guard index.count % 8 == 0, timeIndex.count % 12 == 0 else { return nil }
        var (offsets, times) = (ByteReader(index), ByteReader(timeIndex))
        var (nextTime, nextTimeOffset): (Int64?, Int32?) = (times.int64(), times.int32())
        while let relative = offsets.int32(), let position = offsets.int32() {
            while let time = nextTime, let timeOffset = nextTimeOffset, timeOffset <= relative {
                guard time > maxTimestamp else { return nil }
                maxTimestamp = time
                (nextTime, nextTimeOffset) = (times.int64(), times.int32())
            }
            let entry = Entry(lastOffset: baseOffset + Int64(relative), position: Int64(position), maxTimestamp: maxTimestamp)
            guard relative >= 0, entries.last.map({ entry.lastOffset > $0.lastOffset }) ?? true, entry.position < size,
                entry.position > entries.last?.position ?? 0, maxTimestamp > .min
            else { return nil }
            entries.append(entry)
        }
        guard nextTime == nil else { return nil }
    }
}

/// Where the last few fetches from a segment ended: the offsets that their readers ask for next, and where those batches begin in the file.
/// Batches never move in the file of a segment, so no place grows old.
struct Continuations {
    private struct Entry {
        let offset: Offset
        let position: Int64
    }

    /// How many readers at different places are served; more of them use the index.
    private static let limit = 8
    private var entries: [Entry] = []
    private var next = 0

    /// Notes that the batch with base offset `offset` begins at `position`.
    mutating func note(_ offset: Offset, at position: Int64) {
        if entries.contains(where: { $0.offset == offset }) { return }
        let entry = Entry(offset: offset, position: position)
        if entries.count < Self.limit { entries.append(entry) } else { entries[next] = entry }
        next = (next + 1) % Self.limit
    }

    /// Where the batch with base offset `offset` begins, when a fetch has ended there.
    func position(of offset: Offset) -> Int64? { entries.first(where: { $0.offset == offset })?.position }
}
