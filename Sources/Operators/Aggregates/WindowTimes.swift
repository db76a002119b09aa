// When the windows of an aggregation begin and end. Most begin at multiples of a length; those of a calendar follow the clock of a zone: a day
// has 23 or 25 hours when that is changed, and months differ.

import Plans
import Quantities
import Values

/// Windows that follow a calendar. A value, so that every thread can have it.
struct CalendarWindows {
    let calendar: WindowCalendar
    private let zone: TimeZone

    /// Errors: the zone is unknown.
    init(_ calendar: WindowCalendar, _ environment: DataflowEnvironment) throws(DataflowError) {
        self.calendar = calendar
        guard let name = calendar.zone else {
            zone = .utc
            return
        }
        guard let zone = TimeZoneTable(environment).zone(name) else {
            throw DataflowError("there is no time zone '\(name)': zones have names such as Europe/Berlin, UTC or +02:00")
        }
        self.zone = zone
    }

    /// The bounds of the window that holds an instant. No window begins before 1970: what would, begins with it.
    func window(at time: Int64) -> (start: Int64, end: Int64) {
        var period = period(ofLocal: time + zone.offset(at: time) - calendar.offset.count)
        var (start, end) = (beginning(of: period), beginning(of: period + 1))
        // Where the clock is put back, one time of it is two instants, and a window may have none.
        while start > time {
            period -= 1
            (start, end) = (beginning(of: period), start)
        }
        while end <= time {
            period += 1
            (start, end) = (end, beginning(of: period + 1))
        }
        return (max(0, start), end)
    }

    /// The number of the window that holds a time of the clock.
    private func period(ofLocal time: Int64) -> Int64 {
        let day = floorDivide(time, TemporalText.millisecondsPerDay).quotient
        let units: Int64 =
            switch calendar.unit {
            case .milliseconds: time
            case .days: day
            case .weeks: floorDivide(day + CalendarWindows.daysToMonday, 7).quotient
            case .months: CalendarWindows.months(at: day)
            }
        return floorDivide(units, calendar.count).quotient
    }

    /// The instant at which a window begins.
    private func beginning(of period: Int64) -> Int64 {
        let units = period * calendar.count
        let local: Int64 =
            switch calendar.unit {
            case .milliseconds: units
            case .days: units * TemporalText.millisecondsPerDay
            case .weeks: (units * 7 - CalendarWindows.daysToMonday) * TemporalText.millisecondsPerDay
            case .months: CivilDate(year: 1970, month: units + 1, day: 1).daysSinceEpoch * TemporalText.millisecondsPerDay
            }
        return zone.beginning(ofLocal: local + calendar.offset.count)
    }

    /// 1970-01-01 was a Thursday.
    private static let daysToMonday: Int64 = 3

    /// Months from January 1970 to that of a day.
    private static func months(at day: Int64) -> Int64 {
        let date = CivilDate(daysSinceEpoch: day)
        return (date.year - 1970) * 12 + date.month - 1
    }
}

extension FunctionLibrary {
    /// `WindowCalendar.function`.
    static let calendarWindows: [FunctionBody] = [
        FunctionBody(
            WindowCalendar.function, [.bigint, .string, .string, .bigint, .bigint, .boolean],
            .prepared { arguments, _ in
                let calendar = WindowCalendar(arguments)
                let isEnd = arguments.last?.literal == .boolean(true)
                var known: CalendarWindows?
                return { call in
                    call.words { row throws(EvaluationError) in
                        let time = call.arguments[0].words[row]
                        if let problem = RowTime.problem(time) { throw EvaluationError("the time of the row \(problem)") }
                        if known == nil, let calendar {
                            do throws(DataflowError) { known = try CalendarWindows(calendar, call.frame.environment) } catch {
                                throw EvaluationError(error.message)
                            }
                        }
                        guard let bounds = known?.window(at: time) else { throw EvaluationError("there is no such calendar") }
                        return isEnd ? bounds.end : bounds.start
                    }
                }
            })
    ]
}

extension WindowCalendar {
    /// The calendar that the literals of a call name; nil when there is none.
    fileprivate init?(_ arguments: [TypedArgument]) {
        let literals = arguments.dropFirst().map(\.literal)
        guard literals.count == 5, case .string(let zone)? = literals[0], case .string(let name)? = literals[1], let unit = Unit(rawValue: name),
            case .bigint(let count)? = literals[2], count > 0, case .bigint(let offset)? = literals[3]
        else { return nil }
        self.init(unit: unit, count: count, zone: zone.isEmpty ? nil : zone, offset: Milliseconds(offset))
    }
}

extension TimeZone {
    /// The first instant at which the clock shows a time or a later one.
    fileprivate func beginning(ofLocal local: Int64) -> Int64 {
        let instant = instant(ofLocal: local)
        let offset = offset(at: instant)
        if instant + offset == local { return instant }
        // The clock skips the time: the instant of the skip is the last one before which it has another offset.
        var (before, behind) = (instant - TemporalText.millisecondsPerDay, instant)
        while behind - before > 1 {
            let middle = before + (behind - before) / 2
            if self.offset(at: middle) == offset { behind = middle } else { before = middle }
        }
        return behind
    }
}

/// The windows of an aggregation without sessions.
struct WindowTimes {
    /// Of a calendar: a length that no window exceeds.
    let size: Milliseconds
    let advance: Milliseconds
    let calendar: CalendarWindows?

    /// Without a window all is 0. Errors: the zone of a calendar is unknown.
    init(_ window: WindowDescription?, _ environment: DataflowEnvironment) throws(DataflowError) {
        switch window?.shape {
        case .tumbling(let size): (self.size, advance) = (size, size)
        case .hopping(let size, let advance): (self.size, self.advance) = (size, advance)
        case .session, nil: (size, advance) = (0, 0)
        }
        calendar = try window?.calendar.map { calendar throws(DataflowError) in try CalendarWindows(calendar, environment) }
    }

    /// The bounds of the tumbling window that holds a time.
    func bounds(at time: Int64) -> (start: Int64, end: Int64) {
        if let calendar { return calendar.window(at: time) }
        let start = time - time % max(1, size.count)
        return (start, start.later(by: size))
    }

    /// When the window ends that begins at `start`.
    func end(of start: Int64) -> Int64 { calendar?.window(at: start).end ?? start.later(by: size) }
}
