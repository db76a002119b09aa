// Numbers in byte arrays: big-endian integers, the zigzag varints of protocol buffers that Kafka uses too, and padded digits. Writers
// append; `ByteReader` reads and never past the end: what is not there is nil.
package import Quantities

extension [UInt8] {
    /// Appends 2 bytes, big-endian.
    @inlinable package mutating func append(int16 value: Int16) { appendBigEndian(value) }
    /// Appends 4 bytes, big-endian.
    @inlinable package mutating func append(int32 value: Int32) { appendBigEndian(value) }
    /// Appends 8 bytes, big-endian.
    @inlinable package mutating func append(int64 value: Int64) { appendBigEndian(value) }
    /// Appends 4 bytes, big-endian.
    @inlinable package mutating func append(uint32 value: UInt32) { appendBigEndian(value) }
    /// Appends 8 bytes, big-endian.
    @inlinable package mutating func append(uint64 value: UInt64) { appendBigEndian(value) }

    @inlinable mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
        var shift = Value.bitWidth - 8
        while shift >= 0 {
            append(UInt8(truncatingIfNeeded: value >> shift))
            shift -= 8
        }
    }

    /// Overwrites 8 bytes that exist.
    package mutating func put(int64 value: Int64, at position: Int) {
        precondition(position >= 0 && position + 8 <= count, "a number is put over bytes that exist")
        for index in 0..<8 { self[position + index] = UInt8(truncatingIfNeeded: value >> Int64(56 - 8 * index)) }
    }

    /// Overwrites 4 bytes that exist.
    package mutating func put(uint32 value: UInt32, at position: Int) {
        precondition(position >= 0 && position + 4 <= count, "a number is put over bytes that exist")
        for index in 0..<4 { self[position + index] = UInt8(truncatingIfNeeded: value >> UInt32(truncatingIfNeeded: 24 - 8 * index)) }
    }

    /// Appends a base-128 varint, least significant group first.
    @inlinable package mutating func append(unsignedVarint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a zigzag varint: small numbers of either sign are short.
    @inlinable package mutating func append(varint value: Int64) {
        append(unsignedVarint: zigzag(value))
    }

    /// Appends decimal digits, zeros before them up to a width of `width`, and a minus sign before all that for a negative number.
    @inlinable package mutating func append(zeroPadded value: Int64, width: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        let start = count
        var rest = value.magnitude
        while rest > 0 || count - start < Swift.max(width, 1) {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        self[start...].reverse()
    }

    /// Appends a 16-bit length and the UTF-8 bytes of `text`, which are at most 32,767.
    package mutating func append(shortString text: String) {
        append(int16: Int16(clamping: text.utf8.count))
        append(contentsOf: text.utf8.prefix(Int(Int16.max)))
    }
}

/// Decimal digits, with zeros before them up to a width of `width`, so that texts of numbers sort as the numbers do.
package func zeroPadded(_ value: Int64, width: Int) -> String {
    var text: [UInt8] = []
    text.append(zeroPadded: value, width: width)
    return String(decoding: text, as: UTF8.self)
}

/// 16 hexadecimal digits.
package func hexadecimalDigits(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// 0, -1, 1, -2 … as 0, 1, 2, 3 …
@inlinable package func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: value &<< 1 ^ value &>> 63)
}

/// The inverse of `zigzag`.
@inlinable package func unzigzag(_ value: UInt64) -> Int64 {
    Int64(bitPattern: value &>> 1) ^ -Int64(bitPattern: value & 1)
}

/// How many bytes the zigzag varint of `value` takes, 1 to 10.
@inlinable package func varintLength(_ value: Int64) -> Int {
    (63 &- (zigzag(value) | 1).leadingZeroBitCount) / 7 &+ 1
}

/// The base-128 varint of at most 10 bytes at `position`, which moves behind it; nil, and an unspecified position, when it does not end
/// before `end` or does not fit 64 bits.
@inlinable package func readVarint(_ bytes: [UInt8], at position: inout Int, end: Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 70, position < end {
        let byte = bytes[position]
        position += 1
        value |= UInt64(byte & 0x7F) &<< shift
        if byte < 0x80 { return shift < 63 || byte <= 1 ? value : nil }
        shift += 7
    }
    return nil
}

/// Reads numbers and pieces from `bytes`, from `position` up to and without `end`. A failed read leaves the position unspecified.
package struct ByteReader {
    /// What is read from.
    package let bytes: [UInt8]
    /// Index of the next byte.
    package private(set) var position: Int
    /// Index behind the last byte that may be read.
    package let end: Int

    /// Reads `range` of the bytes, or all of them.
    package init(_ bytes: [UInt8], _ range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        end = Swift.min(range?.upperBound ?? bytes.count, bytes.count)
    }

    /// Bytes that are left.
    package var remaining: Int { end - position }
    /// Whether everything was read.
    package var isAtEnd: Bool { position >= end }

    /// The next byte.
    package mutating func uint8() -> UInt8? {
        guard position < end else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// 2 bytes, big-endian.
    package mutating func int16() -> Int16? { bigEndian(2).map { Int16(truncatingIfNeeded: $0) } }
    /// 4 bytes, big-endian.
    package mutating func int32() -> Int32? { bigEndian(4).map { Int32(truncatingIfNeeded: $0) } }
    /// 8 bytes, big-endian.
    package mutating func int64() -> Int64? { bigEndian(8).map { Int64(bitPattern: $0) } }
    /// 4 bytes, big-endian.
    package mutating func uint32() -> UInt32? { bigEndian(4).map { UInt32(truncatingIfNeeded: $0) } }
    /// 8 bytes, big-endian.
    package mutating func uint64() -> UInt64? { bigEndian(8) }
    /// A place in a partition, from 64 bits; nil also for a negative number.
    package mutating func offset() -> Offset? { int64().flatMap { Offset(exactly: $0) } }
    /// Which partition, from 32 bits; nil also for a negative number.
    package mutating func partitionIndex() -> PartitionIndex? { int32().flatMap { PartitionIndex(exactly: Int64($0)) } }

    private mutating func bigEndian(_ width: Int) -> UInt64? {
        guard remaining >= width else { return nil }
        var value: UInt64 = 0
        for index in position..<position + width { value = value << 8 | UInt64(bytes[index]) }
        position += width
        return value
    }

    /// A base-128 varint of at most 10 bytes.
    package mutating func unsignedVarint() -> UInt64? {
        readVarint(bytes, at: &position, end: end)
    }

    /// A zigzag varint of at most 10 bytes.
    package mutating func varint() -> Int64? { unsignedVarint().map(unzigzag) }

    /// The range of the next `count` bytes, which are skipped.
    package mutating func skip(_ count: Int) -> Range<Int>? {
        guard count >= 0 && remaining >= count else { return nil }
        defer { position += count }
        return position..<position + count
    }

    /// A copy of the next `count` bytes.
    package mutating func take(_ count: Int) -> [UInt8]? {
        skip(count).map { Array(bytes[$0]) }
    }

    /// What `append(shortString:)` wrote.
    package mutating func shortString() -> String? {
        guard let count = int16(), let range = skip(Int(count)) else { return nil }
        return String(validating: bytes[range], as: UTF8.self)
    }
}
