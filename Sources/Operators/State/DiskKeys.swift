// How the groups of an aggregation lie in a table on disk.
//
//   key     of a windowed aggregation: the window's start, 8 bytes big-endian with the sign bit turned; then
//             where the key of all groups is one whole number that is never NULL: 8 bytes big-endian with the sign bit turned
//             else 00 and the key as a row, or, where that is too long, 01 and two hashes of 8 bytes
//   value   where the key is a hash: the length of the key, and the key as a row; then the state as in the changelog
//
// So a window is one stretch, which goes as a whole, and neighbours among numbers, of which many come one after the other, lie side by side.

import Bytes
import Plans
import Spill
import Values

/// Writes and reads the keys of groups on disk.
struct DiskKeys {
    private static let plain: UInt8 = 0, hashed: UInt8 = 1
    private static let mostBytes = DiskTableLimits.keyBytes - 20

    let isWindowed: Bool
    /// Whether each key is one whole number.
    private let isWord: Bool
    private let types: [SQLType]
    private let seed: UInt64

    init(_ step: AggregateStep, seed: UInt64) {
        isWindowed = step.window != nil
        types = step.grouping.map(\.type)
        isWord = types.count == 1 && Lane(types[0]) == .word && !step.keepsNullKeys
        self.seed = seed
    }

    /// Columns for keys that are read.
    func makeColumns() -> [Column] { types.map { Column($0) } }

    /// With what the keys of a window begin.
    func prefix(_ start: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        putPrefix(start, to: &bytes)
        return bytes
    }

    private func putPrefix(_ start: Int64, to bytes: inout [UInt8]) {
        if isWindowed { DiskKeys.putOrdered(start, to: &bytes) }
    }

    private static func putOrdered(_ value: Int64, to bytes: inout [UInt8]) {
        let bits = UInt64(bitPattern: value) ^ 1 << 63
        unsafe withUnsafeBytes(of: bits.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends the key at `row` of a window; gives the key as a row where the entry has a hash of it only.
    func put(_ start: Int64, _ columns: [Column], _ row: Int, to bytes: inout [UInt8]) -> [UInt8]? {
        putPrefix(start, to: &bytes)
        if isWord {
            DiskKeys.putOrdered(columns[0].words[row], to: &bytes)
            return nil
        }
        bytes.append(DiskKeys.plain)
        let first = bytes.count
        RowWriter.put(columns, row, to: &bytes)
        guard bytes.count - first > DiskKeys.mostBytes else { return nil }
        let key = Array(bytes[first...])
        bytes.removeSubrange((first - 1)...)
        bytes.append(DiskKeys.hashed)
        for seed in [seed, ~seed] { RowWriter.putFixed(StoredBytes.with(key[...]) { $0.hash(seed) }, to: &bytes) }
        return key
    }

    /// Appends what stands before the state of a key whose entry has a hash of it only.
    static func putValueHead(_ key: [UInt8], to bytes: inout [UInt8]) {
        RowWriter.putVarint(UInt64(key.count), to: &bytes)
        bytes += key
    }

    /// The start of the window of an entry; 0 without windows, nil where the key is damaged.
    func start(_ key: ArraySlice<UInt8>) -> Int64? { isWindowed ? DiskKeys.ordered(key) : 0 }

    private static func ordered(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count >= 8 else { return nil }
        return Int64(bitPattern: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } ^ 1 << 63)
    }

    /// Reads the key of the entry at `place` into a new row of `columns`, and has the entry's value begin with the state; false where
    /// either is damaged.
    func read(_ entries: inout EntryList, _ place: Int, into columns: [Column]) -> Bool {
        let key = entries.key(place).dropFirst(isWindowed ? 8 : 0)
        if isWord {
            guard let word = DiskKeys.ordered(key) else { return false }
            columns[0].words[columns[0].appendRow()] = word
            return true
        }
        var row = key.dropFirst().indices
        switch key.first {
        case DiskKeys.plain: break
        case DiskKeys.hashed:
            guard let stored = takeValueHead(&entries, place) else { return false }
            row = stored
        default: return false
        }
        var reader = RowReader(entries.bytes, row)
        for column in columns where !reader.read(into: column, column.appendRow()) { return false }
        return true
    }

    /// Where the key of an entry stands in its value, which from now on begins behind it; nil where it is damaged.
    func takeValueHead(_ entries: inout EntryList, _ place: Int) -> Range<Int>? {
        let value = entries.values[place].indexes
        var reader = RowReader(entries.bytes, value)
        guard let text = reader.text() else { return nil }
        entries.trimValue(place, by: reader.position - value.lowerBound)
        return text.indices
    }
}
