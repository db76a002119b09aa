// Numbers as text, as Java prints and reads them.

import Values

/// Digits of numbers, written to the end of a byte array.
enum NumberText {
    static func append(_ value: Int64, to bytes: inout [UInt8]) {
        var magnitude = value.magnitude
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10))
            magnitude /= 10
        } while magnitude > 0
        bytes[start...].reverse()
    }

    /// Plain notation with the full scale: `-0.50`.
    static func append(_ unscaled: Int128, scale: Int, to bytes: inout [UInt8]) {
        var magnitude = unscaled.magnitude
        if unscaled < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var digits = 0
        repeat {
            if digits == scale && scale > 0 { bytes.append(UInt8(ascii: ".")) }
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10))
            magnitude /= 10
            digits += 1
        } while magnitude > 0 || digits <= scale
        bytes[start...].reverse()
    }

    /// The text of Java's `Double.toString`: the shortest digits that read back the same, plain from 1e-3 below 1e7, else `1.0E10`.
    static func append(_ value: Double, to bytes: inout [UInt8]) {
        if appendShortDecimal(value, to: &bytes) { return }
        if value.isNaN { return bytes.append(contentsOf: "NaN".utf8) }
        if value.sign == .minus { bytes.append(UInt8(ascii: "-")) }
        if value.isInfinite { return bytes.append(contentsOf: "Infinity".utf8) }
        if value == 0 { return bytes.append(contentsOf: "0.0".utf8) }
        let (digits, exponent) = shortestDigits(value.magnitude)
        if exponent >= -3 && exponent < 7 {
            appendPlain(digits, exponent, to: &bytes)
        } else {
            bytes.append(digits[0])
            bytes.append(UInt8(ascii: "."))
            if digits.count == 1 { bytes.append(UInt8(ascii: "0")) } else { bytes.append(contentsOf: digits[1...]) }
            bytes.append(UInt8(ascii: "E"))
            append(Int64(exponent), to: &bytes)
        }
    }

    private static func appendPlain(_ digits: [UInt8], _ exponent: Int, to bytes: inout [UInt8]) {
        let zero = UInt8(ascii: "0")
        if exponent < 0 {
            bytes.append(contentsOf: [zero, UInt8(ascii: ".")])
            for _ in 0..<(-exponent - 1) { bytes.append(zero) }
            return bytes.append(contentsOf: digits)
        }
        for place in 0...exponent { bytes.append(place < digits.count ? digits[place] : zero) }
        bytes.append(UInt8(ascii: "."))
        if digits.count > exponent + 1 { bytes.append(contentsOf: digits[(exponent + 1)...]) } else { bytes.append(zero) }
    }

    /// Most doubles of real data have at most three decimals: when the value times 1000 is an integer that divides back to the same
    /// double, its decimal digits are the shortest text. False when the value is not of that kind.
    private static func appendShortDecimal(_ value: Double, to bytes: inout [UInt8]) -> Bool {
        let magnitude = value.magnitude
        guard magnitude >= 1e-3, magnitude < 1e7 else { return false }
        let scaled = (magnitude * 1000).rounded()
        guard scaled / 1000 == magnitude else { return false }
        let thousandths = UInt64(scaled)
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        append(Int64(thousandths / 1000), to: &bytes)
        bytes.append(UInt8(ascii: "."))
        var fraction = thousandths % 1000
        var divisor: UInt64 = 100
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / divisor))
            fraction %= divisor
            divisor /= 10
        } while fraction > 0
        return true
    }

    /// The shortest digits of a positive finite number, as d₁.d₂d₃… × 10^exponent.
    static func shortestDigits(_ value: Double) -> (digits: [UInt8], exponent: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        var leadingZeros = 0
        var inExponent = false
        var negativeExponent = false
        var seen = 0
        for byte in value.description.utf8 {
            switch byte {
            case UInt8(ascii: "."): point = seen
            case UInt8(ascii: "e"), UInt8(ascii: "E"): inExponent = true
            case UInt8(ascii: "-"): negativeExponent = true
            case UInt8(ascii: "+"): break
            case _ where inExponent: exponent = exponent * 10 + Int(byte - UInt8(ascii: "0"))
            default:
                seen += 1
                if digits.isEmpty && byte == UInt8(ascii: "0") { leadingZeros += 1 } else { digits.append(byte) }
            }
        }
        let whole = point ?? seen
        while digits.count > 1, digits[digits.count - 1] == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, whole - leadingZeros - 1 + (negativeExponent ? -exponent : exponent))
    }

    /// `[+-]digits`, and nothing else, within 64 bits.
    static func integer(_ text: ArraySlice<UInt8>) -> Int64? {
        var index = text.startIndex
        var negative = false
        if let first = text.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            negative = first == UInt8(ascii: "-")
            index += 1
        }
        guard index < text.endIndex else { return nil }
        var value: Int64 = 0
        for byte in text[index...] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let digit = Int64(byte - UInt8(ascii: "0"))
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = negative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflow || overflow2 { return nil }
            value = sum
        }
        return value
    }

    /// A double in Java's syntax (decimal digits, optional exponent, optional suffix d or f); NaN and Infinity when `allowsNonFinite`.
    static func double(_ text: ArraySlice<UInt8>, allowsNonFinite: Bool) -> Double? {
        var body = text
        if let last = body.last, "dDfF".utf8.contains(last), body.count > 1 { body = body.dropLast() }
        guard let first = body.first else { return nil }
        let signed = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
        let rest = signed ? body.dropFirst() : body
        if rest.elementsEqual("NaN".utf8) { return allowsNonFinite ? .nan : nil }
        if rest.elementsEqual("Infinity".utf8) {
            return allowsNonFinite ? (first == UInt8(ascii: "-") ? -.infinity : .infinity) : nil
        }
        // Swift's reader also takes "inf", "nan" and hexadecimal: only these characters may reach it.
        guard rest.allSatisfy({ ($0 >= 48 && $0 <= 57) || "+-.eE".utf8.contains($0) }) else { return nil }
        return Double(String(decoding: body, as: UTF8.self))
    }

    /// Whether a double is what its text says: infinity only where that is written.
    static func isSpelledOut(_ text: ArraySlice<UInt8>, _ value: Double) -> Bool {
        !value.isInfinite || text.contains(UInt8(ascii: "y"))
    }

    static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var result = text
        while let first = result.first, first <= 0x20 { result = result.dropFirst() }
        while let last = result.last, last <= 0x20 { result = result.dropLast() }
        return result
    }
}
