// The compact row format of the hot room: exchange topics, state rows and group keys.
//
// A row is its values one after the other. A value is one byte, 0 for NULL and 1 else, followed when it is 1 by
//   BOOLEAN … TIMESTAMP   zigzag varint
//   DOUBLE                8 bytes, little-endian IEEE-754
//   DECIMAL               16 bytes, little-endian two's complement; the scale stands in the type
//   STRING, BYTES         varint length, bytes
//   ARRAY                 varint count, then that many values
//   MAP                   varint count, then that many pairs of values
//   STRUCT                the fields' values
// Equal values of one type have equal bytes (maps aside), so that a row of key values is itself a key.

import Bytes
import Values

/// Appends rows to byte arrays.
enum RowWriter {
    static func putVarint(_ value: UInt64, to bytes: inout [UInt8]) { bytes.append(unsignedVarint: value) }

    static func putWord(_ value: Int64, to bytes: inout [UInt8]) { bytes.append(varint: value) }

    static func putFixed(_ value: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    static func put(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        if column.isNull(row) { return bytes.append(0) }
        bytes.append(1)
        switch column.lane {
        case .word: putWord(column.words[row], to: &bytes)
        case .double: putFixed(column.doubles[row].bitPattern, to: &bytes)
        case .wide:
            let value = UInt128(bitPattern: column.wides[row])
            putFixed(UInt64(truncatingIfNeeded: value), to: &bytes)
            putFixed(UInt64(truncatingIfNeeded: value >> 64), to: &bytes)
        case .text:
            putVarint(UInt64(column.ranges[row].length), to: &bytes)
            bytes.append(contentsOf: column.text(row))
        case .list, .map:
            let elements = column.elements(row)
            putVarint(UInt64(elements.count), to: &bytes)
            for element in elements {
                for child in column.children { put(child, element, to: &bytes) }
            }
        case .structure: for child in column.children { put(child, row, to: &bytes) }
        }
    }

    static func put(_ columns: some Sequence<Column>, _ row: Int, to bytes: inout [UInt8]) {
        for column in columns { put(column, row, to: &bytes) }
    }
}

/// Reads rows back. Every method gives nil, or false, where the bytes end too soon.
struct RowReader {
    private let bytes: [UInt8]
    private var at: Int
    private var end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        at = range.lowerBound
        end = min(range.upperBound, bytes.count)
    }

    /// Goes on with another row of the same bytes.
    mutating func move(to range: Range<Int>) {
        at = range.lowerBound
        end = min(range.upperBound, bytes.count)
    }

    var isAtEnd: Bool { at >= end }
    /// The index of the next byte.
    var position: Int { at }

    mutating func byte() -> UInt8? {
        guard at < end else { return nil }
        at += 1
        return bytes[at - 1]
    }

    mutating func varint() -> UInt64? { readVarint(bytes, at: &at, end: end) }

    mutating func word() -> Int64? {
        varint().map(unzigzag)
    }

    mutating func fixed() -> UInt64? {
        guard end - at >= 8 else { return nil }
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[at + index]) << UInt64(8 * index) }
        at += 8
        return value
    }

    /// The next `count` times `size` bytes, for `body` alone; nil where there are fewer.
    mutating func withBytes<Result>(_ count: Int, times size: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard count <= (end - at) / max(1, size) else { return nil }
        defer { at += count * size }
        return unsafe bytes.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[at..<at + count * size])) }
    }

    /// A length and so many bytes.
    mutating func text() -> ArraySlice<UInt8>? {
        guard let length = varint(), length <= UInt64(end - at) else { return nil }
        defer { at += Int(length) }
        return bytes[at..<at + Int(length)]
    }

    /// Reads a value into `row` of `column`.
    mutating func read(into column: Column, _ row: Int) -> Bool {
        guard let mark = byte() else { return false }
        if mark == 0 {
            column.setNull(row)
            return true
        }
        column.setPresent(row)
        switch column.lane {
        case .word:
            guard let value = word() else { return false }
            column.words[row] = value
        case .double:
            guard let bits = fixed() else { return false }
            column.doubles[row] = Double(bitPattern: bits)
        case .wide:
            guard let low = fixed(), let high = fixed() else { return false }
            column.wides[row] = Int128(truncatingIfNeeded: UInt128(high) << 64 | UInt128(low))
        case .text:
            guard let text = text() else { return false }
            column.setText(row, text)
        case .list, .map:
            guard let count = varint(), count <= UInt64(end - at) else { return false }
            return readElements(Int(count), into: column, row)
        case .structure: for child in column.children where !read(into: child, row) { return false }
        }
        return true
    }

    /// Reads so many elements, of which each has a byte at least, as the value at `row` of an array or a map.
    mutating func readElements(_ count: Int, into column: Column, _ row: Int) -> Bool {
        let start = column.children[0].count
        for child in column.children { child.grow(to: start + count) }
        for element in start..<start + count {
            for child in column.children where !read(into: child, element) { return false }
        }
        column.setRange(row, start: start, count: count)
        return true
    }

    /// Goes past a value of `type`.
    mutating func skip(_ type: SQLType) -> Bool {
        guard let mark = byte() else { return false }
        if mark == 0 { return true }
        switch type {
        case .boolean, .integer, .bigint, .time, .date, .timestamp: return varint() != nil
        case .double: return skip(bytes: 8)
        case .decimal: return skip(bytes: 16)
        case .string, .bytes: return text() != nil
        case .array(let element): return varint().flatMap { skipped($0, element) } != nil
        case .map(let key, let value):
            guard let count = varint(), count <= UInt64(max(0, end - at)) else { return false }
            for _ in 0..<count where !skip(key) || !skip(value) { return false }
            return true
        case .structure(let fields): return fields.allSatisfy { skip($0.type) }
        }
    }

    private mutating func skip(bytes count: Int) -> Bool {
        guard end - at >= count else { return false }
        at += count
        return true
    }

    /// The bytes of so many values of `type`; nil where they are damaged.
    mutating func skipped(_ count: UInt64, _ type: SQLType) -> ArraySlice<UInt8>? {
        guard count <= UInt64(max(0, end - at)) else { return nil }
        let start = at
        for _ in 0..<count where !skip(type) { return nil }
        return bytes[start..<at]
    }
}
