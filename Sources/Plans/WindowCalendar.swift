// Tumbling windows that follow a calendar or the clock of a zone: their lengths differ, because months and days do.

package import Quantities

/// Where the windows lie that do not all begin at multiples of their length since the epoch.
package struct WindowCalendar: Hashable, Sendable, Codable {
    /// What windows are counted in.
    package enum Unit: String, Hashable, Sendable, Codable {
        case milliseconds, days
        /// From Monday to Sunday.
        case weeks
        case months
    }
    package var unit: Unit
    /// How many units a window has. They are counted from 1970-01-01, weeks from the Monday before it.
    package var count: Int64
    /// The zone whose clock and calendar count; nil for UTC.
    package var zone: String?
    /// How much later than the units the windows begin, on the zone's clock.
    package var offset: Milliseconds

    /// The function of questions that gives a bound of the window of a time: its arguments are the time in milliseconds, the zone or an empty text,
    /// the unit, the count, the offset, and whether the end is wanted. No statement can call it.
    package static let function = "CALENDAR_WINDOW"

    package init(unit: Unit, count: Int64, zone: String?, offset: Milliseconds) {
        self.unit = unit
        self.count = count
        self.zone = zone
        self.offset = offset
    }

    /// Whether the windows differ in length, so that a start and a size do not tell when one ends.
    package var varies: Bool { zone != nil || unit == .months }

    /// A length that no window exceeds; nil where that is no length of time that can be computed with.
    package var longest: Milliseconds? {
        let day: Int64 = 86_400_000
        let unitLength =
            switch unit {
            case .milliseconds: Int64(1)
            case .days: day
            case .weeks: 7 * day
            case .months: 31 * day
            }
        let (length, isTooLong) = count.multipliedReportingOverflow(by: unitLength)
        // A zone may move its clock back by a day at most.
        return isTooLong ? nil : Milliseconds(length).checkedSum(zone == nil ? 0 : Milliseconds(day))
    }

    /// `1 days in Europe/Berlin from 21600000 ms`
    var text: String {
        "\(count) \(unit.rawValue)" + (zone.map { " in \($0)" } ?? "") + (offset > 0 ? " from \(offset) ms" : "")
    }
}
