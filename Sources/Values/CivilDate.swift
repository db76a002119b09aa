// Days of the calendar as numbers and back, by Howard Hinnant's "chrono-compatible low-level date algorithms".

/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Hashable, Sendable {
    package var year: Int64
    /// 1…12
    package var month: Int64
    /// 1…31
    package var day: Int64

    @inlinable package init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date `days` days after 1970-01-01.
    @inlinable package init(daysSinceEpoch days: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01. Months and days outside their range count on into the next or previous month.
    @inlinable package var daysSinceEpoch: Int64 {
        let wholeMonths = month - 1
        let extraYears = wholeMonths >= 0 ? wholeMonths / 12 : (wholeMonths - 11) / 12
        let normalMonth = wholeMonths - extraYears * 12 + 1
        let shiftedYear = year + extraYears - (normalMonth <= 2 ? 1 : 0)
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (normalMonth + (normalMonth > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// Days of a month of a year.
    @inlinable package static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    var isValid: Bool { (1...12).contains(month) && day >= 1 && day <= CivilDate.days(inMonth: month, of: year) }
}

/// A week of the calendar as most of America counts them: weeks begin on Sunday, and the first one of a year is that of January 1. The last days
/// of December may so be of the next year's first week.
package struct CalendarWeek: Hashable, Sendable {
    /// The year whose week it is.
    package var year: Int64
    /// 1…53
    package var number: Int64

    package init(year: Int64, number: Int64) {
        self.year = year
        self.number = number
    }

    /// The week of a day.
    package init(of days: Int64) {
        let start = CalendarWeek.start(of: days)
        year = CivilDate(daysSinceEpoch: start + 6).year
        number = (start - CalendarWeek(year: year, number: 1).firstDay) / 7 + 1
    }

    /// Its Sunday. Numbers outside the year's count on.
    package var firstDay: Int64 { CalendarWeek.start(of: CivilDate(year: year, month: 1, day: 1).daysSinceEpoch) + (number - 1) * 7 }

    /// The Sunday on or before a day.
    package static func start(of days: Int64) -> Int64 { days - weekday(days) }

    /// 0 for Sunday to 6 for Saturday.
    package static func weekday(_ days: Int64) -> Int64 {
        // Day 0 was a Thursday.
        let rest = (days + 4) % 7
        return rest < 0 ? rest + 7 : rest
    }

    /// Which week of its month a day is in.
    package static func ofMonth(_ days: Int64) -> Int64 {
        let day = CivilDate(daysSinceEpoch: days).day
        return (day - 1 + weekday(days - day + 1)) / 7 + 1
    }
}
