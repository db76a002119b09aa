// Groups in a changelog and in snapshots, many of one window to a record: their keys, times and states column by column. Such a record costs a
// fraction of one for each group, in time and in bytes, to write and to read back. Where a changelog is compacted by key (it is, where no
// snapshots are taken), each group has a record of its own: see AggregateOperator+State.swift.
//
//   key    `StateKeys.pack`, then 16 bytes of hash of the value: two records with one key hold the same
//   value  a varint count; of a windowed store the window's start; a byte, 1 for keys that are one whole number each, and these as a
//          `WordBlock`, or 0 and the keys as rows in the compact format; the times as a `WordBlock`; then what each aggregate has
//
// A group may be in several records: the last one counts.

import Bytes
import Quantities
import Values

/// Makes records of groups.
struct PackedGroups {
    /// Groups of one record: what is read back at once, and what one damaged record takes with it.
    static let most = 4096
    /// With fewer, a record for each takes no more bytes.
    static let fewest = 4

    private let value = ByteSink()
    private var scratch: [UInt8] = []

    /// Appends a record of some groups of a window.
    mutating func write(_ groups: ArraySlice<Int32>, of window: WindowGroups, isWindowed: Bool, to records: RecordSink) {
        let table = window.table
        value.append(varint: UInt64(groups.count))
        if isWindowed { value.append(varint: zigzag(window.start)) }
        if table.hasWordKeys {
            value.append(1)
            WordBlock.put(table.keys[0].words, groups, to: value)
        } else {
            value.append(0)
            scratch.removeAll(keepingCapacity: true)
            for group in groups { RowWriter.put(table.keys, Int(group), to: &scratch) }
            value.append(scratch)
        }
        WordBlock.put(table.timestamps, groups, to: value)
        for aggregator in table.aggregators { aggregator.write(groups, to: value) }
        let bytes = value.take()
        let start = records.bytes.count
        records.bytes.append(StateKeys.pack)
        for seed in [0, 1] as [UInt64] {
            let hash = hash64(bytes, 0..<bytes.count, seed: seed)
            for shift in stride(from: UInt64(0), to: 64, by: 8) { records.bytes.append(UInt8(truncatingIfNeeded: hash >> shift)) }
        }
        let key = records.bytes.range(from: start)
        let valueStart = records.bytes.count
        records.bytes.append(bytes)
        let newest = groups.reduce(Int64.min) { max($0, table.timestamps[Int($1)]) }
        records.append(key: key, value: records.bytes.range(from: valueStart), timestamp: max(0, newest), header: .null)
        records.packedEntries += groups.count - 1
    }

    /// How many of these groups, which are at least one, make the next record.
    static func fitting(_ groups: ArraySlice<Int32>, _ keys: [Column]) -> Int {
        var weight = 0
        for (place, group) in groups.prefix(most).enumerated() {
            for key in keys where !key.lane.isFixed { weight += key.weight(Int(group)) }
            if weight > largestKeys { return max(1, place) }
        }
        return min(most, groups.count)
    }

    /// Bytes of the keys of one record, about, unless there is but one.
    private static let largestKeys = 256 << 10

    /// How many groups a run of a changelog or a snapshot has.
    static func entries(in run: RecordRun) -> Int {
        (0..<run.count).reduce(0) { total, record in
            guard !run.keys[record].isNull, !run.values[record].isNull, run.bytes[run.keys[record].indexes].first == StateKeys.pack else {
                return total + 1
            }
            var reader = RowReader(run.bytes, run.values[record].indexes)
            return total + Int(clamping: min(reader.varint() ?? 1, UInt64(most)))
        }
    }

    /// Reads the keys of so many groups; false when the bytes are damaged.
    static func read(_ reader: inout RowReader, _ count: Int, into keys: [Column]) -> Bool {
        guard let kind = reader.byte() else { return false }
        if kind == 1 {
            guard keys.count == 1, keys[0].lane == .word, let words = WordBlock.words(&reader, count) else { return false }
            keys[0].words = words
            keys[0].adopt(count: count)
            return true
        }
        for _ in 0..<count {
            for key in keys where !reader.read(into: key, key.appendRow()) { return false }
        }
        return kind == 0
    }
}
