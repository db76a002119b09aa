// The order in which a table's rows are shown, and in which ranges of keys are looked for: that of SQL's comparisons on the key
// columns, left to right, NULLs first, then by window. Whatever the format of the key bytes, `ResultOrder` turns them into bytes that
// compare in this order, byte by byte:
//
//   NULL                   00
//   BOOLEAN … TIMESTAMP    01, 8 bytes big-endian with the sign bit turned
//   DOUBLE                 01, 8 bytes big-endian, all bits turned for negative numbers and the sign bit for others; -0 as 0
//   DECIMAL                01, 16 bytes big-endian with the sign bit turned; one scale a column
//   STRING                 01, the bytes in the order of UTF-16 code units, 00 written as 00 FF, ended by 00 00
//   BYTES                  01, as STRING, but the bytes with the sign bit turned (they compare as signed numbers)
//   ARRAY, MAP             01, for each element 01 and its children, ended by 00
//   STRUCT                 01, its fields
//
// No value starts with FF, so that a prefix followed by FF stands behind everything with that prefix.

import Bytes
import Formats
import Plans
import Schemas
import Values

final class ResultOrder {
    private let decoder: SideDecoder
    private let types: [SQLType]

    /// The order of the keys of a table that is read as `source`. Of the registry's formats, keys by another schema than the table's own
    /// can be read only where `schemas` knows it.
    init(_ source: SourceStep, schemas: (any SchemaLookup)? = nil) throws(DataflowError) {
        let key = source.schema.key
        decoder = try Codecs.decoder(source.keyFormat, key, wanted: key.map { _ in true }, schemas: schemas)
        types = key.map(\.type)
    }

    /// Bytes in the order of the keys of a run, without their windows. Keys that cannot be read come last, in the order of their bytes.
    func orderKeys(of run: RecordRun, _ keys: [ByteRange]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        result.reserveCapacity(keys.count)
        eachOrderKey(of: run, keys) { _, append in
            var bytes: [UInt8] = []
            append(&bytes)
            result.append(bytes)
        }
        return result
    }

    /// Calls `body` for each key, in order, with what appends its order bytes.
    func eachOrderKey(of run: RecordRun, _ keys: [ByteRange], _ body: (_ row: Int, _ append: (inout [UInt8]) -> Void) -> Void) {
        decoder.begin(run, keys.count)
        var problems: [Bool] = []
        unsafe run.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for (row, key) in keys.enumerated() { unsafe problems.append(decoder.decode(base, key, row) != nil) }
        }
        decoder.finish(keys.count)
        for (row, key) in keys.enumerated() {
            body(row) { bytes in
                if problems[row] {
                    bytes += [0xFF, 0xFE]
                    bytes += run.bytes[key.indexes]
                } else {
                    for column in decoder.columns { Self.append(column, row, to: &bytes) }
                }
            }
        }
    }

    /// The order bytes of the keys in a range.
    func interval(_ range: KeyRange) -> KeyInterval {
        var prefix: [UInt8] = []
        for (type, value) in zip(types, range.prefix) { Self.append(Column(type, [value]), 0, to: &prefix) }
        var from = prefix
        var to = prefix + [0xFF]
        guard range.prefix.count < types.count, !range.bounds.isEmpty else {
            return KeyInterval(from: from, to: range.hasAllKeys ? [0xFF, 0xFF] : to)
        }
        func end(_ bound: KeyBound<Value>, isAfter: Bool) -> [UInt8] {
            var bytes = prefix
            Self.append(Column(types[range.prefix.count], [bound.value]), 0, to: &bytes)
            return isAfter ? bytes + [0xFF] : bytes
        }
        // A comparison with NULL is false.
        from.append(1)
        for bound in range.bounds.lower { from = Self.later(from, end(bound, isAfter: !bound.isInclusive)) }
        for bound in range.bounds.upper { to = Self.earlier(to, end(bound, isAfter: bound.isInclusive)) }
        return KeyInterval(from: from, to: to)
    }

    /// The order bytes of the key in these columns at `row`.
    static func orderKey(_ columns: [Column], _ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for column in columns { append(column, row, to: &bytes) }
        return bytes
    }

    private static func later(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { a.lexicographicallyPrecedes(b) ? b : a }
    private static func earlier(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { a.lexicographicallyPrecedes(b) ? a : b }

    /// Appends the value at `row` so that the bytes compare as the values do.
    static func append(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        if column.isNull(row) { return bytes.append(0) }
        bytes.append(1)
        switch column.lane {
        case .word: append(UInt64(bitPattern: column.words[row]) ^ 1 << 63, to: &bytes)
        case .double:
            let bits = (column.doubles[row] + 0).bitPattern
            append(bits >> 63 == 1 ? ~bits : bits | 1 << 63, to: &bytes)
        case .wide:
            let value = UInt128(bitPattern: column.wides[row]) ^ 1 << 127
            append(UInt64(truncatingIfNeeded: value >> 64), to: &bytes)
            append(UInt64(truncatingIfNeeded: value), to: &bytes)
        case .text:
            let isBytes = column.type == .bytes
            for byte in column.text(row) {
                let ordered = isBytes ? byte ^ 0x80 : inUTF16Order(byte)
                bytes.append(ordered)
                if ordered == 0 { bytes.append(0xFF) }
            }
            bytes += [0, 0]
        case .list, .map:
            for element in column.elements(row) {
                bytes.append(1)
                for child in column.children { append(child, element, to: &bytes) }
            }
            bytes.append(0)
        case .structure: for child in column.children { append(child, row, to: &bytes) }
        }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    /// Lead bytes of surrogate pairs (F0…F4) before those of U+E000…U+FFFF (EE, EF).
    private static func inUTF16Order(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0xEE, 0xEF: byte + 5
        case 0xF0...0xF4: byte - 2
        default: byte
        }
    }
}

/// Keys between two places in the order.
struct KeyInterval {
    /// The order bytes of the first key.
    let from: [UInt8]
    /// What stands behind the last key.
    let to: [UInt8]

    func contains(_ key: [UInt8]) -> Bool { !key.lexicographicallyPrecedes(from) && key.lexicographicallyPrecedes(to) }
}
