// Reads JSON (RFC 8259) byte by byte and word by word from the buffer of a record run.
//
// No byte at or past `end`, the record's end, ever decides anything; whole words may be loaded past it, which the run's padding allows.

import Bytes
import CHardware

/// A position in one JSON text. Methods that return Bool return false when the text is malformed; the cursor is then of no further use.
@safe struct JSONCursor {
    /// Nesting deeper than this is refused: a record must not decide how deep the recursion goes.
    static let depthLimit = 200

    let base: UnsafePointer<UInt8>
    var at: Int
    let end: Int
    /// Whether a number that its column would change is a mismatch: one out of range, or with a fraction for an integer.
    let refusesChanges: Bool

    init(base: UnsafePointer<UInt8>, start: Int, end: Int, refusesChanges: Bool = false) {
        unsafe self.base = unsafe base
        at = start
        self.end = end
        self.refusesChanges = refusesChanges
    }

    /// The byte at the position, 0 at the end.
    @inline(__always) var byte: UInt8 { at < end ? unsafe base[at] : 0 }
    @inline(__always) func byte(_ position: Int) -> UInt8 { unsafe base[position] }

    @inline(__always) func word(_ position: Int) -> UInt64 {
        unsafe UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self)
    }

    @inline(__always) mutating func skipSpace() {
        while at < end {
            let byte = unsafe base[at]
            if byte > 0x20 { return }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            at += 1
        }
    }

    /// Steps over `byte` if it is there.
    @inline(__always) mutating func take(_ wanted: UInt8) -> Bool {
        guard at < end, unsafe base[at] == wanted else { return false }
        at += 1
        return true
    }

    /// A string as it stands in the text, quotes aside.
    struct RawString {
        var start: Int
        var length: Int
        var hasEscapes: Bool
    }

    /// Scans the rest of a string whose opening quote has been read, sixteen bytes at a time; UTF-8 is checked only if there is any.
    @inline(__always) mutating func scanString() -> RawString? {
        let start = at
        var hasEscapes = false
        var high: UInt32 = 0
        while at < end {
            at += unsafe Int(millrace_plain_bytes(base + at, Int64(end - at), &high))
            guard at < end else { return nil }
            switch unsafe base[at] {
            case 0x22:
                let string = RawString(start: start, length: at - start, hasEscapes: hasEscapes)
                at += 1
                if high != 0, unsafe !UTF8Check.isValid(base + start, string.length) { return nil }
                return string
            case 0x5C:
                guard skipEscape() else { return nil }
                hasEscapes = true
            default: return nil
            }
        }
        return nil
    }

    private mutating func skipEscape() -> Bool {
        guard at + 1 < end else { return false }
        switch unsafe base[at + 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: at += 2
        case 0x75:
            guard at + 5 < end, hexadecimal(at + 2) != nil else { return false }
            at += 6
        default: return false
        }
        return true
    }

    private func hexadecimal(_ position: Int) -> UInt32? {
        var value: UInt32 = 0
        for index in position..<position + 4 {
            let byte = unsafe base[index]
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    /// Appends the text that a scanned string stands for. A surrogate without its partner becomes U+FFFD.
    func decode(_ string: RawString, into bytes: inout [UInt8]) {
        guard string.hasEscapes else {
            return unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: base + string.start, count: string.length))
        }
        var position = string.start
        let stop = string.start + string.length
        while position < stop {
            let byte = unsafe base[position]
            guard byte == 0x5C else {
                bytes.append(byte)
                position += 1
                continue
            }
            let letter = unsafe base[position + 1]
            position += 2
            switch letter {
            case 0x62: bytes.append(0x08)
            case 0x66: bytes.append(0x0C)
            case 0x6E: bytes.append(0x0A)
            case 0x72: bytes.append(0x0D)
            case 0x74: bytes.append(0x09)
            case 0x75:
                var unit = hexadecimal(position) ?? 0xFFFD
                position += 4
                if unit >= 0xD800 && unit < 0xDC00, position + 6 <= stop, unsafe base[position] == 0x5C, unsafe base[position + 1] == 0x75,
                    let low = hexadecimal(position + 2), low >= 0xDC00 && low < 0xE000
                {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                    position += 6
                }
                let scalar = Unicode.Scalar(unit) ?? "\u{FFFD}"
                bytes.append(contentsOf: String(Character(scalar)).utf8)
            default: bytes.append(letter)
            }
        }
    }

    /// A number as it stands in the text.
    struct RawNumber {
        var start: Int
        var length: Int
        /// No fraction and no exponent.
        var isInteger: Bool
        /// The value of an integer of at most 18 digits; nil for all others.
        var small: Int64?
    }

    /// Scans a number: `-`, digits without a leading zero, fraction, exponent. Sixteen digits are read without looking at each: numbers of
    /// changing lengths would have the processor guess wrong at the end of most.
    @inline(__always) mutating func scanNumber() -> RawNumber? {
        let start = at
        let negative = take(0x2D)
        let first = at
        let block = DigitBlock(word(at))
        var value: Int64
        if block.count < 8 {
            value = block.value(of: block.count)
            at += block.count
        } else {
            let more = DigitBlock(word(at + 8)).count
            at += 8 + more
            value = block.value(of: more) &* 100_000_000 &+ DigitBlock(word(at - 8)).value(of: 8)
        }
        if at > end || at - first == 16 { value = scanDigits(first) }
        let digits = at - first
        if digits == 0 || (digits > 1 && byte(first) == 0x30) { return nil }
        if byte == 0x2E || byte | 0x20 == 0x65 { return scanFraction(start) }
        return RawNumber(start: start, length: at - start, isInteger: true, small: digits <= 18 ? (negative ? 0 &- value : value) : nil)
    }

    /// Scans digits one by one, from `first` on.
    @inline(never) private mutating func scanDigits(_ first: Int) -> Int64 {
        at = first
        var value: Int64 = 0
        while at < end {
            let digit = unsafe base[at] &- 0x30
            if digit > 9 { break }
            value = value &* 10 &+ Int64(digit)
            at += 1
        }
        return value
    }

    private mutating func scanFraction(_ start: Int) -> RawNumber? {
        if take(0x2E) {
            guard skipDigits() else { return nil }
        }
        if byte | 0x20 == 0x65 {
            at += 1
            if byte == 0x2B || byte == 0x2D { at += 1 }
            guard skipDigits() else { return nil }
        }
        return RawNumber(start: start, length: at - start, isInteger: false, small: nil)
    }

    private mutating func skipDigits() -> Bool {
        let start = at
        while at < end, unsafe base[at] &- 0x30 <= 9 { at += 1 }
        return at > start
    }

    /// The bytes of a piece of the text.
    func bytes(_ start: Int, _ length: Int) -> [UInt8] {
        unsafe Array(UnsafeBufferPointer(start: base + start, count: length))
    }

    /// Steps over `true`, `false` or `null`.
    mutating func takeWord(_ letters: StaticString) -> Bool {
        let count = letters.utf8CodeUnitCount
        guard at + count <= end else { return false }
        for index in 0..<count where unsafe base[at + index] != letters.utf8Start[index] { return false }
        at += count
        return true
    }

    /// Steps over one value of any kind.
    mutating func skipValue(depth: Int = 0) -> Bool {
        guard depth < JSONCursor.depthLimit else { return false }
        switch byte {
        case 0x22:
            at += 1
            return scanString() != nil
        case 0x74: return takeWord("true")
        case 0x66: return takeWord("false")
        case 0x6E: return takeWord("null")
        case 0x2D, 0x30...0x39: return scanNumber() != nil
        case 0x7B: return skipMembers(depth, close: 0x7D, named: true)
        case 0x5B: return skipMembers(depth, close: 0x5D, named: false)
        default: return false
        }
    }

    private mutating func skipMembers(_ depth: Int, close: UInt8, named: Bool) -> Bool {
        at += 1
        skipSpace()
        if take(close) { return true }
        while true {
            if named {
                guard take(0x22), scanString() != nil else { return false }
                skipSpace()
                guard take(0x3A) else { return false }
                skipSpace()
            }
            guard skipValue(depth: depth + 1) else { return false }
            skipSpace()
            if take(close) { return true }
            guard take(0x2C) else { return false }
            skipSpace()
        }
    }
}

/// Eight bytes of a text as decimal digits, the first in the lowest byte.
struct DigitBlock {
    /// The digits' values; bytes behind them hold anything.
    private let values: UInt64
    /// How many of the bytes, from the first on, are digits.
    let count: Int

    @inline(__always) init(_ bytes: UInt64) {
        values = bytes ^ 0x3030_3030_3030_3030
        // A byte is none where its upper half is not 3 or adding 0x76 to the lower one sets the highest bit; carries cannot leave a byte.
        let others = ((values & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7676_7676_7676_7676 | values) & 0x8080_8080_8080_8080
        count = others.trailingZeroBitCount >> 3
    }

    /// The number that the first `length` digits make, which are at most `count`; neighbours are joined to pairs, fours and eights at once.
    @inline(__always) func value(of length: Int) -> Int64 {
        var value = length == 0 ? 0 : values &<< UInt64(64 - length * 8)
        value = (value &* 10 &+ value >> 8) & 0x00FF_00FF_00FF_00FF
        value = (value &* 100 &+ value >> 16) & 0x0000_FFFF_0000_FFFF
        value = (value &* 10_000 &+ value >> 32) & 0xFFFF_FFFF
        return Int64(truncatingIfNeeded: value)
    }
}

/// UTF-8 well-formedness (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Check {
    @unsafe static func isValid(_ base: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        var index = 0
        func continuation(_ position: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF) -> Bool {
            guard position < length else { return false }
            let byte = unsafe base[position]
            return byte >= low && byte <= high
        }
        while index < length {
            let byte = unsafe base[index]
            switch byte {
            case 0...0x7F: index += 1
            case 0xC2...0xDF:
                guard continuation(index + 1) else { return false }
                index += 2
            case 0xE0...0xEF:
                guard continuation(index + 1, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF), continuation(index + 2) else {
                    return false
                }
                index += 3
            case 0xF0...0xF4:
                guard continuation(index + 1, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF), continuation(index + 2),
                    continuation(index + 3)
                else { return false }
                index += 4
            default: return false
            }
        }
        return true
    }

    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return true }
            return unsafe isValid(base, buffer.count)
        }
    }
}
