// Lengths of time, in milliseconds: sizes of windows, retention, intervals, timeouts.

/// A length of time in milliseconds; negative ones look back. Any 64-bit number is one, and what is computed from one saturates.
@usableFromInline package struct Milliseconds: Quantity {
    @usableFromInline package let count: Int64
    @inlinable package static var bounds: ClosedRange<Int64> { .min ... .max }

    /// `count` milliseconds.
    @inlinable package init(_ count: Int64) { self.count = count }
    @inlinable package init(clamping count: Int64) { self.count = count }

    /// The same length in nanoseconds, saturated.
    @inlinable package var nanoseconds: Int64 { count.multipliedSaturated(by: 1_000_000) }

    /// The sum, saturated.
    @inlinable package static func + (left: Self, right: Self) -> Self { Self(left.count.addingSaturated(right.count)) }
    /// The difference, saturated.
    @inlinable package static func - (left: Self, right: Self) -> Self { Self(left.count.subtractingSaturated(right.count)) }

    /// The sum; nil where it is beyond 64 bits.
    @inlinable package func checkedSum(_ other: Self) -> Self? { count.addingChecked(other.count).map { Self($0) } }
}

extension Milliseconds: ExpressibleByIntegerLiteral {
    /// As many milliseconds as the literal says.
    @inlinable package init(integerLiteral count: Int64) { self.init(count) }
}

extension Int64 {
    /// The point in time `length` after this one, or the last there is; both are milliseconds since the epoch.
    @inlinable package func later(by length: Milliseconds) -> Int64 { addingSaturated(length.count) }

    /// The point in time `length` before this one, or the first there is; both are milliseconds since the epoch.
    @inlinable package func earlier(by length: Milliseconds) -> Int64 { subtractingSaturated(length.count) }
}
