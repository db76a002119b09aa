// Bytes as text: hexadecimal and base64 (RFC 4648).

private let hexadecimalDigits = Array("0123456789abcdef".utf8)

/// Two lower-case digits a byte.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
        text.append(hexadecimalDigits[Int(byte >> 4)])
        text.append(hexadecimalDigits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes that pairs of digits of either case name, or nil.
package func bytes(hexadecimal digits: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var high: UInt8?
    for digit in digits {
        let value: UInt8
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
        default: return nil
        }
        if let first = high {
            result.append(first << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    return high == nil ? result : nil
}

/// Base64 with the standard alphabet (RFC 4648 §4).
package enum Base64 {
    @usableFromInline static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// The value of each digit; 0xFF for all other bytes.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, digit) in digits.enumerated() { table[Int(digit)] = UInt8(value) }
        return table
    }()

    /// Appends the text of `bytes`, with padding.
    @inlinable package static func append(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
        let digits = digits
        var group = 0
        var filled = 0
        for byte in bytes {
            group = group << 8 | Int(byte)
            filled += 1
            if filled == 3 {
                for shift in [18, 12, 6, 0] { text.append(digits[group >> shift & 63]) }
                group = 0
                filled = 0
            }
        }
        guard filled > 0 else { return }
        group <<= 8 * (3 - filled)
        text.append(digits[group >> 18 & 63])
        text.append(digits[group >> 12 & 63])
        text.append(filled == 2 ? digits[group >> 6 & 63] : UInt8(ascii: "="))
        text.append(UInt8(ascii: "="))
    }

    /// The text of `bytes`, with padding.
    package static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text, nil when it is not base64. As Java's decoder reads it: padding may be missing, but not be wrong, and bits
    /// behind the last byte are ignored.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 3)
        return decode(text, into: &bytes) ? bytes : nil
    }

    /// Appends the bytes of a text. False when it is not base64; some bytes may have been appended then.
    package static func decode(_ text: ArraySlice<UInt8>, into bytes: inout [UInt8]) -> Bool {
        var body = text
        while body.last == UInt8(ascii: "=") { body = body.dropLast() }
        guard body.count % 4 != 1, body.count == text.count || (text.count % 4 == 0 && text.count - body.count <= 2) else { return false }
        let values = values
        var group: UInt32 = 0
        var bits: UInt32 = 0
        for digit in body {
            let value = values[Int(digit)]
            guard value != 0xFF else { return false }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> bits))
            }
        }
        return true
    }
}
