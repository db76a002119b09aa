// Exact decimals: a 128-bit integer and a scale. Precision 38 and less is exact here; what does not fit 128 bits is an overflow.

/// An exact decimal number, `unscaled` × 10^-`scale`. `10.1` and `10.10` are two different decimals of equal value.
package struct Decimal: Hashable, Sendable, Codable {
    package var unscaled: Int128
    /// Digits after the point; never negative.
    package var scale: Int

    package init(unscaled: Int128, scale: Int) {
        self.unscaled = unscaled
        self.scale = scale
    }

    /// 10^0 … 10^38, the powers of ten that fit 128 bits.
    package static let powersOfTen: [Int128] = {
        var powers: [Int128] = [1]
        for _ in 0..<38 { powers.append(powers[powers.count - 1] * 10) }
        return powers
    }()

    /// 10^`exponent`, or nil beyond 128 bits.
    package static func powerOfTen(_ exponent: Int) -> Int128? {
        exponent >= 0 && exponent < powersOfTen.count ? powersOfTen[exponent] : nil
    }

    /// How a number that has too many digits is brought to fewer.
    package enum Rounding: Sendable {
        /// Ties away from zero (Java's HALF_UP).
        case halfUp
        /// Towards zero.
        case down
        /// Nothing may be lost; nil when it would be.
        case exact
    }

    /// This number at another scale, or nil when it does not fit 128 bits or may not be rounded.
    package func rescaled(to newScale: Int, _ rounding: Rounding) -> Decimal? {
        if newScale == scale { return self }
        if newScale > scale {
            guard unscaled != 0 else { return Decimal(unscaled: 0, scale: newScale) }
            guard let factor = Decimal.powerOfTen(newScale - scale) else { return nil }
            let (product, overflow) = unscaled.multipliedReportingOverflow(by: factor)
            return overflow ? nil : Decimal(unscaled: product, scale: newScale)
        }
        guard let factor = Decimal.powerOfTen(scale - newScale) else {
            return rounding == .exact && unscaled != 0 ? nil : Decimal(unscaled: 0, scale: newScale)
        }
        var (quotient, remainder) = unscaled.quotientAndRemainder(dividingBy: factor)
        switch rounding {
        case .exact: if remainder != 0 { return nil }
        case .down: break
        case .halfUp: if remainder.magnitude >= factor.magnitude - remainder.magnitude { quotient += unscaled < 0 ? -1 : 1 }
        }
        return Decimal(unscaled: quotient, scale: newScale)
    }

    /// Whether the number fits DECIMAL(`precision`, its own scale).
    package func fits(precision: Int) -> Bool {
        guard let limit = Decimal.powerOfTen(precision) else { return true }
        return unscaled > -limit && unscaled < limit
    }

    /// This number as a DECIMAL(precision, scale), or nil when it overflows or may not be rounded.
    package func converted(precision: Int, scale newScale: Int, _ rounding: Rounding) -> Decimal? {
        guard let result = rescaled(to: newScale, rounding), result.fits(precision: precision) else { return nil }
        return result
    }

    /// -1, 0 or 1 by value, whatever the scales.
    package func compare(_ other: Decimal) -> Int {
        if scale == other.scale { return unscaled == other.unscaled ? 0 : unscaled < other.unscaled ? -1 : 1 }
        let common = max(scale, other.scale)
        if let left = rescaled(to: common, .exact), let right = other.rescaled(to: common, .exact) {
            return left.unscaled == right.unscaled ? 0 : left.unscaled < right.unscaled ? -1 : 1
        }
        // One of them is too large for the common scale: whole parts differ, or the sign decides.
        let left = rescaled(to: 0, .down)?.unscaled ?? 0
        let right = other.rescaled(to: 0, .down)?.unscaled ?? 0
        return left == right ? 0 : left < right ? -1 : 1
    }

    /// The nearest double.
    package var doubleValue: Double { Double(description) ?? .nan }

    /// Reads `[+-]digits[.digits][e[+-]digits]`; nil for any other text or more digits than 128 bits hold.
    package init?(text: some Sequence<UInt8>) {
        var unscaled: Int128 = 0
        var scale = 0
        var negative = false
        var digits = 0
        var seenPoint = false
        var index = 0
        var exponent: Int?
        var exponentNegative = false
        var exponentDigits = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let digit = Int(byte - UInt8(ascii: "0"))
                if let soFar = exponent {
                    guard soFar < 100_000 else { return nil }
                    exponent = soFar * 10 + digit
                    exponentDigits += 1
                } else {
                    let (product, overflow) = unscaled.multipliedReportingOverflow(by: 10)
                    let (sum, overflow2) = product.addingReportingOverflow(Int128(digit))
                    if overflow || overflow2 { return nil }
                    unscaled = sum
                    digits += 1
                    if seenPoint { scale += 1 }
                }
            case UInt8(ascii: "."):
                if seenPoint || exponent != nil { return nil }
                seenPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                if exponent != nil || digits == 0 { return nil }
                exponent = 0
                index = -1
            case UInt8(ascii: "-"), UInt8(ascii: "+"):
                if index != 0 { return nil }
                if exponent == nil { negative = byte == UInt8(ascii: "-") } else { exponentNegative = byte == UInt8(ascii: "-") }
            default: return nil
            }
            index += 1
        }
        if digits == 0 || (exponent != nil && exponentDigits == 0) { return nil }
        let shift = (exponent ?? 0) * (exponentNegative ? -1 : 1)
        self.init(unscaled: negative ? -unscaled : unscaled, scale: scale - shift)
        if self.scale < 0 {
            let places = -self.scale
            self.scale = 0
            guard self.unscaled != 0 else { return }
            guard let factor = Decimal.powerOfTen(places) else { return nil }
            let (product, overflow) = self.unscaled.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            self.unscaled = product
        }
    }
}

extension Decimal: CustomStringConvertible {
    /// Plain notation with the full scale: `-0.50`, `10`.
    package var description: String {
        let digits = String(unscaled.magnitude)
        let sign = unscaled < 0 ? "-" : ""
        if scale == 0 { return sign + digits }
        let padded = digits.count > scale ? digits : String(repeating: "0", count: scale - digits.count + 1) + digits
        let point = padded.index(padded.endIndex, offsetBy: -scale)
        return sign + padded[..<point] + "." + padded[point...]
    }
}
