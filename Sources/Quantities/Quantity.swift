// What all quantities have in common: a 64-bit integer with a unit, whose arithmetic saturates at the bounds of the type instead of
// trapping, or says with nil that it does not fit. A number that comes from a record, a statement, a setting or a file becomes one of
// these before anything is computed with it.

/// An integer with a unit. What a type has of `+` and `-` saturates in `bounds`; `checkedSum` is nil where the exact result lies outside.
@usableFromInline package protocol Quantity: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// The number, in the unit of the type, in `bounds`.
    var count: Int64 { get }
    /// The smallest and the largest number of this type.
    static var bounds: ClosedRange<Int64> { get }
    /// Takes `count`, or the nearest bound where it lies outside.
    init(clamping count: Int64)
}

extension Quantity {
    /// Takes `count`; nil outside the bounds of the type.
    @inlinable package init?(exactly count: Int64) {
        guard Self.bounds.contains(count) else { return nil }
        self.init(clamping: count)
    }

    /// The bare number.
    @inlinable package var description: String { String(count) }

    /// By the number.
    @inlinable package static func < (left: Self, right: Self) -> Bool { left.count < right.count }

    /// Reads the bare number. A number outside the bounds is refused.
    @usableFromInline package init(from decoder: any Decoder) throws {
        let count = try decoder.singleValueContainer().decode(Int64.self)
        guard let quantity = Self(exactly: count) else {
            let description = "\(count) is not in \(Self.bounds.lowerBound)...\(Self.bounds.upperBound)"
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: description))
        }
        self = quantity
    }

    /// Writes the bare number.
    @usableFromInline package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }
}

extension Int64 {
    /// The sum, or the nearest number that is one.
    @inlinable package func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest number that is one.
    @inlinable package func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    /// The product, or the nearest number that is one.
    @inlinable package func multipliedSaturated(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }

    /// The sum; nil where it does not fit.
    @inlinable package func addingChecked(_ other: Int64) -> Int64? {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? nil : sum
    }
}

/// Integer division that rounds down, and its remainder, which has the sign of the divisor.
@inlinable package func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    var (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    if remainder < 0 {
        quotient -= 1
        remainder += divisor
    }
    return (quotient, remainder)
}
