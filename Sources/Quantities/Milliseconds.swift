// Lengths of time, in milliseconds: sizes of windows, retention, intervals, timeouts.

/// A length of time in milliseconds; negative ones look back. Any 64-bit number is one, and arithmetic saturates.
package struct Milliseconds: Quantity {
    package let count: Int64
    package static var bounds: ClosedRange<Int64> { .min ... .max }

    /// No time.
    package static let zero = Milliseconds(0)
    /// The longest length there is, which stands for "without end".
    package static let longest = Milliseconds(.max)

    /// `count` milliseconds.
    @inlinable package init(_ count: Int64) { self.count = count }
    @inlinable package init(clamping count: Int64) { self.count = count }

    /// `count` seconds, saturated.
    @inlinable package static func seconds(_ count: Int64) -> Milliseconds { Milliseconds(count.multipliedSaturated(by: 1000)) }
    /// `count` minutes, saturated.
    @inlinable package static func minutes(_ count: Int64) -> Milliseconds { Milliseconds(count.multipliedSaturated(by: 60_000)) }
    /// `count` hours, saturated.
    @inlinable package static func hours(_ count: Int64) -> Milliseconds { Milliseconds(count.multipliedSaturated(by: 3_600_000)) }
    /// `count` days of 24 hours, saturated.
    @inlinable package static func days(_ count: Int64) -> Milliseconds { Milliseconds(count.multipliedSaturated(by: 86_400_000)) }

    /// The same length in nanoseconds, saturated.
    @inlinable package var nanoseconds: Int64 { count.multipliedSaturated(by: 1_000_000) }
    /// The same length in microseconds, saturated.
    @inlinable package var microseconds: Int64 { count.multipliedSaturated(by: 1000) }

    /// The sum, saturated.
    @inlinable package static func + (left: Self, right: Self) -> Self { Self(left.count.addingSaturated(right.count)) }
    /// The difference, saturated.
    @inlinable package static func - (left: Self, right: Self) -> Self { Self(left.count.subtractingSaturated(right.count)) }
    /// A multiple, saturated.
    @inlinable package static func * (left: Self, right: Int64) -> Self { Self(left.count.multipliedSaturated(by: right)) }

    /// The sum; nil where it does not fit.
    @inlinable package func checkedSum(_ other: Self) -> Self? { count.addingChecked(other.count).map(Self.init(_:)) }
    /// A multiple; nil where it does not fit.
    @inlinable package func checkedProduct(_ factor: Int64) -> Self? { count.multipliedChecked(by: factor).map(Self.init(_:)) }
}
