// The times of events: points of UTC from year 1 to year 9999, so that a time always has a text of one form, and every sum of an
// event time and a length of time that the system computes stays far from the ends of 64 bits.

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z, of the years 1 to 9999.
@usableFromInline package struct EventTime: Quantity {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    @usableFromInline package let milliseconds: Int64
    @inlinable package var count: Int64 { milliseconds }
    @inlinable package static var bounds: ClosedRange<Int64> { -62_135_596_800_000 ... 253_402_300_799_999 }

    /// 9999-12-31T23:59:59.999Z
    package static let latest = EventTime(clamping: .max)

    /// The time `milliseconds` after the epoch; nil outside the bounds.
    @inlinable package init?(milliseconds: Int64) {
        guard EventTime.bounds.contains(milliseconds) else { return nil }
        self.milliseconds = milliseconds
    }

    /// The time `milliseconds` after the epoch, or the nearest one there is.
    @inlinable package init(clamping milliseconds: Int64) {
        let bounds = EventTime.bounds
        self.milliseconds = Swift.min(Swift.max(milliseconds, bounds.lowerBound), bounds.upperBound)
    }
}
