// Bytes as text: hexadecimal and base64 (RFC 4648).

private let hexadecimalDigits = Array("0123456789abcdef".utf8)
private let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

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
package func bytes(hexadecimal text: some StringProtocol) -> [UInt8]? {
    var result: [UInt8] = []
    var high: UInt8?
    for digit in text.utf8 {
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

/// Base64 with padding.
package func base64(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var position = 0
    while position < bytes.count {
        let second = position + 1 < bytes.count ? bytes[position + 1] : 0
        let third = position + 2 < bytes.count ? bytes[position + 2] : 0
        let word = Int(bytes[position]) << 16 | Int(second) << 8 | Int(third)
        text.append(base64Digits[word >> 18])
        text.append(base64Digits[word >> 12 & 63])
        text.append(position + 1 < bytes.count ? base64Digits[word >> 6 & 63] : UInt8(ascii: "="))
        text.append(position + 2 < bytes.count ? base64Digits[word & 63] : UInt8(ascii: "="))
        position += 3
    }
    return text
}

/// The bytes that base64 text names, with or without padding; nil for anything else.
package func bytes(base64 text: some Collection<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var (word, bits, digits, padding) = (0, 0, 0, 0)
    for digit in text {
        if digit == UInt8(ascii: "=") {
            padding += 1
            continue
        }
        let value: UInt8
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): value = digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): value = 62
        case UInt8(ascii: "/"): value = 63
        default: return nil
        }
        if padding > 0 { return nil }
        word = word << 6 | Int(value)
        bits += 6
        digits += 1
        if bits >= 8 {
            bits -= 8
            result.append(UInt8(truncatingIfNeeded: word >> bits))
            word &= (1 << bits) - 1
        }
    }
    guard word == 0, digits % 4 != 1, padding == 0 || (digits + padding) % 4 == 0 && padding < 3 else { return nil }
    return result
}
