// Columns into JSON, with the members' names baked beforehand. The same writer serves rows on the wire,
// which differ in how temporal values and non-finite numbers look.

import Bytes
import CHardware
import Values

/// Which JSON is meant.
enum JSONDialect {
    /// Records of topics: temporal values are integers.
    case record
    /// Rows for clients: temporal values are ISO texts.
    case row
}

/// Writes values as JSON at a pointer that has room for them.
@safe struct JSONWriter {
    private(set) var place: UnsafeMutablePointer<UInt8>

    init(_ place: UnsafeMutablePointer<UInt8>) { unsafe self.place = unsafe place }

    @inline(__always) mutating func putByte(_ byte: UInt8) {
        unsafe place.pointee = byte
        unsafe place += 1
    }

    /// Steps over bytes that have been written directly.
    @inline(__always) @unsafe mutating func skip(_ count: Int) { unsafe place += count }

    @inline(__always) mutating func put(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        unsafe place.update(from: text.utf8Start, count: count)
        unsafe place += count
    }

    @inline(__always) @unsafe mutating func put(_ source: UnsafePointer<UInt8>, _ count: Int) {
        unsafe place.update(from: source, count: count)
        unsafe place += count
    }

    mutating func put(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { unsafe put(base, buffer.count) }
        }
    }

    /// At most 20 bytes.
    @inline(__always) mutating func put(_ value: Int64) {
        if value < 0 { putByte(0x2D) }
        put(value.magnitude)
    }

    @inline(__always) mutating func put(_ value: UInt64) {
        if value < 10 { return putByte(0x30 &+ UInt8(truncatingIfNeeded: value)) }
        var rest = value
        var end = unsafe place + DecimalDigits.count(value)
        unsafe place = end
        while rest >= 100 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            rest = quotient
            unsafe end -= 2
            unsafe UnsafeMutableRawPointer(end).storeBytes(of: DecimalDigits.pair(pair), as: UInt16.self)
        }
        if rest >= 10 {
            unsafe UnsafeMutableRawPointer(end - 2).storeBytes(of: DecimalDigits.pair(rest), as: UInt16.self)
        } else {
            unsafe end[-1] = 0x30 &+ UInt8(truncatingIfNeeded: rest)
        }
    }

    /// At most 26 bytes. Java's text; NaN and the infinities as strings, because JSON has none.
    @inline(__always) mutating func put(_ value: Double) {
        let magnitude = value.magnitude
        if magnitude >= 1e-3, magnitude < 1e7 {
            let scaled = (magnitude * 1000).rounded()
            if scaled / 1000 == magnitude {
                if value < 0 { putByte(0x2D) }
                return putThousandths(UInt64(scaled))
            }
        }
        putAnyDouble(value)
    }

    private mutating func putThousandths(_ thousandths: UInt64) {
        put(thousandths / 1000)
        putByte(0x2E)
        let fraction = Int(thousandths % 1000)
        putByte(0x30 &+ UInt8(truncatingIfNeeded: fraction / 100))
        if fraction % 100 == 0 { return }
        putByte(0x30 &+ UInt8(truncatingIfNeeded: fraction / 10 % 10))
        if fraction % 10 == 0 { return }
        putByte(0x30 &+ UInt8(truncatingIfNeeded: fraction % 10))
    }

    /// A decimal in plain notation with its full scale: at most 41 bytes, and the scale.
    @inline(__always) mutating func put(_ unscaled: Int128, _ scale: DecimalScale) {
        guard let magnitude = UInt64(exactly: unscaled.magnitude), scale.unit > 0 else { return putLongDecimal(unscaled, scale) }
        if unscaled < 0 { putByte(0x2D) }
        let (whole, fraction) = magnitude.quotientAndRemainder(dividingBy: scale.unit)
        put(whole)
        if scale.digits > 0 {
            putByte(0x2E)
            put(fraction, digits: scale.digits)
        }
    }

    /// The last `digits` decimal digits of a number.
    @inline(__always) private mutating func put(_ value: UInt64, digits: Int) {
        var rest = value
        var left = digits
        while left >= 2 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            rest = quotient
            left -= 2
            unsafe UnsafeMutableRawPointer(place + left).storeBytes(of: DecimalDigits.pair(pair), as: UInt16.self)
        }
        if left == 1 { unsafe place.pointee = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10) }
        unsafe place += digits
    }

    @inline(never) private mutating func putLongDecimal(_ unscaled: Int128, _ scale: DecimalScale) {
        var text: [UInt8] = []
        NumberText.append(unscaled, scale: scale.digits, to: &text)
        put(text)
    }

    @inline(never) private mutating func putAnyDouble(_ value: Double) {
        var text: [UInt8] = []
        NumberText.append(value, to: &text)
        if value.isFinite { return put(text) }
        putByte(0x22)
        put(text)
        putByte(0x22)
    }

    /// A string with its quotes; at most 6 bytes a byte, and 17.
    @inline(__always) @unsafe mutating func putString(_ source: UnsafePointer<UInt8>, _ count: Int) {
        putByte(0x22)
        var index = 0
        while true {
            let copied = unsafe Int(millrace_copy_plain_bytes(place, source + index, Int64(count - index)))
            unsafe place += copied
            index += copied
            if index >= count { break }
            unsafe putEscape(source[index])
            index += 1
        }
        putByte(0x22)
    }

    private mutating func putEscape(_ byte: UInt8) {
        putByte(0x5C)
        switch byte {
        case 0x22, 0x5C: putByte(byte)
        case 0x08: putByte(0x62)
        case 0x0C: putByte(0x66)
        case 0x0A: putByte(0x6E)
        case 0x0D: putByte(0x72)
        case 0x09: putByte(0x74)
        default:
            put("u00")
            for digit in [byte >> 4, byte & 15] { putByte(digit < 10 ? 0x30 + digit : 0x41 + digit - 10) }
        }
    }
}

extension JSONWriter {
    /// Writes the value at `row`, of any type.
    mutating func put(_ column: Column, _ row: Int, _ dialect: JSONDialect) {
        if column.isNull(row) { return put("null") }
        switch column.type {
        case .boolean: if column.words[row] != 0 { put("true") } else { put("false") }
        case .integer, .bigint: put(column.words[row])
        case .double: put(column.doubles[row])
        case .string: putText(column, row)
        case .time, .date, .timestamp: putTemporal(column, row, dialect)
        case .decimal(_, let scale): put(column.wides[row], DecimalScale(scale))
        case .bytes:
            var text: [UInt8] = []
            Base64.append(column.text(row), to: &text)
            putByte(0x22)
            put(text)
            putByte(0x22)
        case .array, .map, .structure: putNested(column, row, dialect)
        }
    }

    private mutating func putText(_ column: Column, _ row: Int) {
        let range = column.ranges[row]
        unsafe column.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return put("\"\"") }
            unsafe putString(base + Int(range.start), Int(range.length))
        }
    }

    private mutating func putTemporal(_ column: Column, _ row: Int, _ dialect: JSONDialect) {
        let value = column.words[row]
        guard dialect == .row else { return put(value) }
        var text: [UInt8] = []
        switch column.type {
        case .time: TemporalText.append(time: value, keepingMilliseconds: true, to: &text)
        case .date: TemporalText.append(date: value, to: &text)
        default: TemporalText.append(timestamp: value, to: &text)
        }
        putByte(0x22)
        put(text)
        putByte(0x22)
    }

    private mutating func putNested(_ column: Column, _ row: Int, _ dialect: JSONDialect) {
        switch column.type {
        case .array:
            putByte(0x5B)
            for (place, element) in column.elements(row).enumerated() {
                if place > 0 { putByte(0x2C) }
                put(column.children[0], element, dialect)
            }
            putByte(0x5D)
        case .map:
            putByte(0x7B)
            for (place, entry) in column.elements(row).enumerated() {
                if place > 0 { putByte(0x2C) }
                putName(column.children[0], entry)
                putByte(0x3A)
                put(column.children[1], entry, dialect)
            }
            putByte(0x7D)
        case .structure(let fields):
            putByte(0x7B)
            for (place, field) in fields.enumerated() {
                if place > 0 { putByte(0x2C) }
                put(JSONNames.quoted(field.name))
                putByte(0x3A)
                put(column.children[place], row, dialect)
            }
            putByte(0x7D)
        default: break
        }
    }

    /// A map key as a member's name: texts as they are, others by their SQL text.
    private mutating func putName(_ column: Column, _ row: Int) {
        if column.isNull(row) { return put("\"null\"") }
        if column.type == .string { return putText(column, row) }
        var text: [UInt8] = []
        column.appendText(row, to: &text)
        putByte(0x22)
        put(text)
        putByte(0x22)
    }

    /// An upper bound of the bytes that `put` writes for the value.
    static func bound(_ column: Column, _ row: Int) -> Int {
        switch column.lane {
        case .word: return 32
        case .double: return 32
        case .wide: return 48 + (column.type.asDecimal?.scale ?? 0)
        case .text: return column.isNull(row) ? 8 : Int(column.ranges[row].length) * 6 + 16
        case .list: return column.isNull(row) ? 8 : column.elements(row).reduce(16) { $0 + bound(column.children[0], $1) + 1 }
        case .map:
            if column.isNull(row) { return 8 }
            let keys = column.children[0]
            let values = column.children[1]
            return column.elements(row).reduce(16) { $0 + bound(keys, $1) + bound(values, $1) + textBound(keys, $1) + 4 }
        case .structure:
            guard case .structure(let fields) = column.type, !column.isNull(row) else { return 8 }
            return zip(fields, column.children).reduce(16) { $0 + $1.0.name.utf8.count * 6 + 4 + bound($1.1, row) }
        }
    }

    private static func textBound(_ column: Column, _ row: Int) -> Int {
        column.type.isNested ? bound(column, row) * 2 : 0
    }
}

/// How many decimals a column has.
struct DecimalScale {
    let digits: Int
    /// The unscaled number of one, 10^`digits`; 0 where that is beyond 64 bits.
    let unit: UInt64

    init(_ digits: Int) {
        self.digits = digits
        unit = Decimal.powerOfTen(digits).flatMap { UInt64(exactly: $0) } ?? 0
    }
}

/// Decimal digits of machine words.
enum DecimalDigits {
    /// How many digits a number from 1 on has.
    @inline(__always) static func count(_ value: UInt64) -> Int {
        if value < 10_000 { return value < 100 ? (value < 10 ? 1 : 2) : (value < 1000 ? 3 : 4) }
        if value < 100_000_000 { return value < 1_000_000 ? (value < 100_000 ? 5 : 6) : (value < 10_000_000 ? 7 : 8) }
        if value < 1_000_000_000_000 {
            return value < 10_000_000_000 ? (value < 1_000_000_000 ? 9 : 10) : (value < 100_000_000_000 ? 11 : 12)
        }
        var digits = 12
        var rest = value / 1_000_000_000_000
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        return digits
    }

    /// The two digits of a number below 100, the first in the low byte.
    @inline(__always) static func pair(_ value: UInt64) -> UInt16 {
        let tens = UInt16(truncatingIfNeeded: (value &* 103) >> 10)
        return (0x3030 &+ tens) &+ (UInt16(truncatingIfNeeded: value) &- tens &* 10) << 8
    }
}

/// Names of members as JSON strings.
enum JSONNames {
    static func quoted(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8)
        let room = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count * 6 + 16)
        defer { unsafe room.deallocate() }
        var writer = unsafe JSONWriter(room)
        unsafe bytes.withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { unsafe writer.putString(base, buffer.count) } else { writer.put("\"\"") }
        }
        return unsafe Array(UnsafeBufferPointer(start: room, count: writer.place - room))
    }
}
