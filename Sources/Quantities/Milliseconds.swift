// Lengths of time, in milliseconds: sizes of windows, retention, intervals, timeouts.

/// A length of time in milliseconds; negative ones look back. Any 64-bit number is one, and what is computed from one saturates.
package struct Milliseconds: Quantity {
    package let count: Int64
    package static var bounds: ClosedRange<Int64> { .min ... .max }

    /// `count` milliseconds.
    @inlinable package init(_ count: Int64) { self.count = count }
    @inlinable package init(clamping count: Int64) { self.count = count }

    /// The same length in nanoseconds, saturated.
    @inlinable package var nanoseconds: Int64 { count.multipliedSaturated(by: 1_000_000) }
}
