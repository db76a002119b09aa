// Reads the bytes of one record, never past its end.

import Bytes
import Values

/// A place in a record, and what was found to be wrong.
@safe struct BinaryCursor {
    let base: UnsafePointer<UInt8>
    var at: Int
    /// Where the record ends, or the part of it that is read.
    var end: Int
    /// What is wrong; the first finding counts.
    private(set) var problem: String?
    /// Elements of lists that may still come: no record has many more than bytes.
    private var elements: Int
    /// Levels of values within values.
    private var depth = 0

    /// The most levels of values within values.
    static let depthLimit = 128
    /// Elements beyond the number of bytes: those of some types take none.
    static let emptyElements = 4096

    @unsafe init(_ base: UnsafePointer<UInt8>, start: Int, end: Int) {
        unsafe self.base = base
        at = start
        self.end = end
        elements = end - start + BinaryCursor.emptyElements
    }

    var isAtEnd: Bool { at >= end }

    /// Notes what is wrong, and gives false.
    @inline(never) mutating func fail(_ message: @autoclosure () -> String) -> Bool {
        if problem == nil { problem = message() }
        return false
    }

    @inline(never) mutating func truncated() -> Bool { fail("the record ends too soon") }

    @inline(__always) mutating func byte() -> UInt8? {
        guard at < end else {
            _ = truncated()
            return nil
        }
        at &+= 1
        return unsafe base[at &- 1]
    }

    /// A number of at most 64 bits, seven to a byte, the low ones first.
    @inline(__always) mutating func varint() -> UInt64? {
        if at < end {
            let first = unsafe base[at]
            if first < 0x80 {
                at &+= 1
                return UInt64(first)
            }
        }
        return longVarint()
    }

    @inline(never) private mutating func longVarint() -> UInt64? {
        if end &- at >= 8 {
            // Numbers of up to 56 bits at once: what lies behind the byte without a mark is cut off, then the marks are squeezed out.
            let word = unsafe UInt64(littleEndian: UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self))
            let ends = ~word & 0x8080_8080_8080_8080
            if ends != 0 {
                at &+= ends.trailingZeroBitCount &>> 3 &+ 1
                var bits = word & (ends ^ (ends &- 1)) & 0x7F7F_7F7F_7F7F_7F7F
                bits = (bits & 0x7F00_7F00_7F00_7F00) &>> 1 | (bits & 0x007F_007F_007F_007F)
                bits = (bits & 0x3FFF_0000_3FFF_0000) &>> 2 | (bits & 0x0000_3FFF_0000_3FFF)
                return (bits & 0x0FFF_FFFF_0000_0000) &>> 4 | (bits & 0x0000_0000_0FFF_FFFF)
            }
        }
        return slowVarint()
    }

    private mutating func slowVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while at < end {
            let next = unsafe base[at]
            at &+= 1
            if shift == 63, next > 1 { break }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
            shift += 7
        }
        _ = shift >= 63 ? fail("a number has more than 64 bits") : truncated()
        return nil
    }

    @inline(__always) mutating func zigzag() -> Int64? {
        varint().map(unzigzag)
    }

    @inline(__always) mutating func fixed32() -> UInt32? {
        guard end &- at >= 4 else {
            _ = truncated()
            return nil
        }
        at &+= 4
        return unsafe UInt32(littleEndian: UnsafeRawPointer(base + at - 4).loadUnaligned(as: UInt32.self))
    }

    @inline(__always) mutating func fixed64() -> UInt64? {
        guard end &- at >= 8 else {
            _ = truncated()
            return nil
        }
        at &+= 8
        return unsafe UInt64(littleEndian: UnsafeRawPointer(base + at - 8).loadUnaligned(as: UInt64.self))
    }

    /// Steps over bytes and gives where they begin.
    @inline(__always) mutating func take(_ count: Int64) -> Int? {
        guard count >= 0, count <= Int64(end &- at) else {
            _ = count < 0 ? fail("a length is negative") : truncated()
            return nil
        }
        at &+= Int(count)
        return at &- Int(count)
    }

    /// Counts elements of a list that are about to be read.
    mutating func admit(_ count: Int64) -> Bool {
        guard count >= 0, count <= Int64(elements) else { return fail("a list has more elements than the record has bytes") }
        elements -= Int(count)
        return true
    }

    /// Enters a value within a value; `leave` goes out of it.
    mutating func enter() -> Bool {
        depth += 1
        return depth <= BinaryCursor.depthLimit || fail("values are nested deeper than \(BinaryCursor.depthLimit) levels")
    }

    mutating func leave() { depth -= 1 }

    /// Whether the bytes are UTF-8; a note where they are not.
    @inline(__always) mutating func isText(_ start: Int, _ length: Int) -> Bool {
        unsafe BinaryCursor.isUTF8(base + start, length) || fail("a text is not UTF-8")
    }

    /// Looks at eight bytes at a time as long as they are ASCII.
    @inline(__always) @unsafe static func isUTF8(_ start: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let raw = unsafe UnsafeRawPointer(start)
        var index = 0
        while index &+ 8 <= length {
            if unsafe raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { break }
            index &+= 8
        }
        return unsafe index == length || UTF8Check.isValid(start + index, length &- index)
    }

    /// The bytes at a place.
    @unsafe func bytes(_ start: Int, _ length: Int) -> UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: base + start, count: length)
    }

    /// The two's complement number in big-endian bytes; nil where it needs more than 128 bits.
    func bigEndian(_ start: Int, _ length: Int) -> Int128? {
        guard length > 0 else { return 0 }
        var value: Int128 = unsafe base[start] >= 0x80 ? -1 : 0
        for index in start..<start + length {
            let next = Int128(unsafe base[index])
            if value > Int128.max >> 8 || value < Int128.min >> 8 { return nil }
            value = value << 8 | next
        }
        return value
    }

    /// Puts a decimal with `scale` digits behind the point into the column. Nothing may be lost.
    mutating func setDecimal(_ unscaled: Int128?, scale: Int, _ column: Column, _ row: Int) -> Bool {
        guard case .decimal(let precision, let wanted) = column.type, let unscaled,
            let value = Decimal(unscaled: unscaled, scale: scale).converted(precision: precision, scale: wanted, .exact)
        else { return fail("a decimal does not fit \(column.type)") }
        column.wides[row] = value.unscaled
        return true
    }
}
