// Division by a number that is the same for all rows: a multiplication instead of the processor's division, which takes ten times as long.
//
// T. Granlund, P. Montgomery: Division by Invariant Integers using Multiplication, 1994. Magnitudes have at most 63 bits, so that the
// multiplier, ⌊2^(63+l) / d⌋ + 1 with l = ⌈log2 d⌉, fits 64 bits and the quotient is exact.

/// A divisor whose magnitude is neither 0 nor 1.
struct ConstantDivisor {
    private let value: Int64
    private let magnitude: UInt64
    private let multiplier: UInt64
    private let shift: UInt64

    /// nil for 0, 1, −1 and the smallest number.
    init?(_ value: Int64) {
        let magnitude = value.magnitude
        guard magnitude > 1, value != .min else { return nil }
        self.value = value
        self.magnitude = magnitude
        let bits = UInt64(UInt64.bitWidth - (magnitude - 1).leadingZeroBitCount)
        multiplier = UInt64(truncatingIfNeeded: (UInt128(1) << UInt128(63 + bits)) / UInt128(magnitude) + 1)
        shift = bits - 1
    }

    @inline(__always) private func quotient(ofMagnitude number: UInt64) -> UInt64 { number.multipliedFullWidth(by: multiplier).high &>> shift }

    /// `number / value`, towards zero.
    @inline(__always) func quotient(of number: Int64) -> Int64 {
        if number == .min { return number / value }
        let result = Int64(truncatingIfNeeded: quotient(ofMagnitude: number.magnitude))
        return (number < 0) != (value < 0) ? 0 &- result : result
    }

    /// `number % value`, with the sign of `number`.
    @inline(__always) func remainder(of number: Int64) -> Int64 {
        if number == .min { return number % value }
        let rest = Int64(truncatingIfNeeded: number.magnitude &- quotient(ofMagnitude: number.magnitude) &* magnitude)
        return number < 0 ? 0 &- rest : rest
    }
}
