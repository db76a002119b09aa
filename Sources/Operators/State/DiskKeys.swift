// How the groups of an aggregation lie in a table on disk.
//
//   key     of a windowed aggregation: the window's start, 8 bytes big-endian with the sign bit turned; then
//             where the key of all groups is one whole number that is never NULL: 8 bytes big-endian with the sign bit turned
//             else the key as a row
//   value   the state as in the changelog
//
// So a window is one stretch, which goes as a whole, and neighbours among numbers, of which many come one after the other, lie side by side.

import Bytes
import Plans
import Spill
import Values

/// Writes and reads the keys of groups on disk.
struct DiskKeys {
    let isWindowed: Bool
    /// Whether each key is one whole number.
    private let isWord: Bool
    private let types: [SQLType]

    init(_ step: AggregateStep) {
        isWindowed = step.window != nil
        types = step.grouping.map(\.type)
        isWord = types.count == 1 && Lane(types[0]) == .word && !step.keepsNullKeys
    }

    /// Bytes of a key that say which window it is of.
    var sectionBytes: Int { isWindowed ? 8 : 0 }

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

    /// Appends the key at `row` of a window.
    func put(_ start: Int64, _ columns: [Column], _ row: Int, to bytes: inout [UInt8]) {
        putPrefix(start, to: &bytes)
        if isWord { return DiskKeys.putOrdered(columns[0].words[row], to: &bytes) }
        RowWriter.put(columns, row, to: &bytes)
    }

    /// The start of the window of an entry; 0 without windows, nil where the key is damaged.
    func start(_ key: ArraySlice<UInt8>) -> Int64? { isWindowed ? DiskKeys.ordered(key) : 0 }

    private static func ordered(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count >= 8 else { return nil }
        return Int64(bitPattern: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } ^ 1 << 63)
    }

    /// Reads the key of the entry at `place` into a new row of `columns`; false where it is damaged.
    func read(_ entries: EntryList, _ place: Int, into columns: [Column]) -> Bool {
        let key = entries.key(place).dropFirst(sectionBytes)
        if isWord {
            guard let word = DiskKeys.ordered(key) else { return false }
            columns[0].words[columns[0].appendRow()] = word
            return true
        }
        var reader = RowReader(entries.bytes, key.indices)
        for column in columns where !reader.read(into: column, column.appendRow()) { return false }
        return true
    }
}
