// Dates and times as ISO text. Days and milliseconds count from 1970-01-01T00:00Z in the proleptic Gregorian calendar.

/// Civil dates from day numbers and back (the algorithms of Howard Hinnant, "chrono-compatible low-level date algorithms").
enum CivilDate {
    static func fromDays(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    static func toDays(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func daysInMonth(year: Int64, month: Int64) -> Int64 {
        if month == 2 { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28 }
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
    }
}

/// Integer division that rounds down, and its remainder.
func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    var (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    if remainder < 0 {
        quotient -= 1
        remainder += divisor
    }
    return (quotient, remainder)
}

/// ISO texts of the temporal types.
enum DateText {
    static let millisecondsPerDay: Int64 = 86_400_000

    private static func appendPadded(_ value: Int64, _ width: Int, to bytes: inout [UInt8]) {
        var digits: [UInt8] = []
        NumberText.append(Int64(value.magnitude), to: &digits)
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        for _ in 0..<max(0, width - digits.count) { bytes.append(UInt8(ascii: "0")) }
        bytes.append(contentsOf: digits)
    }

    /// `yyyy-MM-dd`
    static func appendDate(_ days: Int64, to bytes: inout [UInt8]) {
        let (year, month, day) = CivilDate.fromDays(days)
        appendPadded(year, 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendPadded(month, 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendPadded(day, 2, to: &bytes)
    }

    /// `HH:mm[:ss]`: milliseconds are lost, seconds left out when 0.
    static func appendTime(_ milliseconds: Int64, to bytes: inout [UInt8]) {
        let seconds = milliseconds / 1000
        appendPadded(seconds / 3600, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendPadded(seconds / 60 % 60, 2, to: &bytes)
        guard seconds % 60 != 0 else { return }
        bytes.append(UInt8(ascii: ":"))
        appendPadded(seconds % 60, 2, to: &bytes)
    }

    /// `yyyy-MM-dd'T'HH:mm:ss.SSS`
    static func appendTimestamp(_ milliseconds: Int64, to bytes: inout [UInt8]) {
        let (days, rest) = floorDivide(milliseconds, millisecondsPerDay)
        appendDate(days, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        for (value, width, separator) in [
            (rest / 3_600_000, 2, ":"), (rest / 60_000 % 60, 2, ":"), (rest / 1000 % 60, 2, "."), (rest % 1000, 3, ""),
        ] {
            appendPadded(value, width, to: &bytes)
            bytes.append(contentsOf: separator.utf8)
        }
    }
}

/// Reads ISO texts from left to right.
struct DateTextReader {
    private var rest: ArraySlice<UInt8>

    init(_ text: ArraySlice<UInt8>) { rest = text }

    private mutating func digits(_ counts: ClosedRange<Int>) -> Int64? {
        var value: Int64 = 0
        var count = 0
        while let byte = rest.first, byte >= 48, byte <= 57, count < counts.upperBound {
            value = value * 10 + Int64(byte - 48)
            rest = rest.dropFirst()
            count += 1
        }
        return count >= counts.lowerBound ? value : nil
    }

    private mutating func take(_ character: Character) -> Bool {
        guard rest.first == character.asciiValue else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// `yyyy[-MM[-dd]]` as days.
    private mutating func readDate() -> Int64? {
        guard let year = digits(4...9) else { return nil }
        var month: Int64 = 1
        var day: Int64 = 1
        if take("-") {
            guard let value = digits(1...2), (1...12).contains(value) else { return nil }
            month = value
            if take("-") {
                guard let value = digits(1...2), value >= 1, value <= CivilDate.daysInMonth(year: year, month: month) else { return nil }
                day = value
            }
        }
        return CivilDate.toDays(year: year, month: month, day: day)
    }

    /// `HH[:mm[:ss[.fff…]]]` as milliseconds of the day.
    private mutating func readTime() -> Int64? {
        guard let hour = digits(1...2), hour < 24 else { return nil }
        var milliseconds = hour * 3_600_000
        guard take(":") else { return milliseconds }
        guard let minute = digits(1...2), minute < 60 else { return nil }
        milliseconds += minute * 60_000
        guard take(":") else { return milliseconds }
        guard let second = digits(1...2), second < 60 else { return nil }
        milliseconds += second * 1000
        guard take(".") else { return milliseconds }
        let before = rest.count
        guard let fraction = digits(1...9) else { return nil }
        var scaled = fraction
        for _ in 0..<max(0, 3 - (before - rest.count)) { scaled *= 10 }
        for _ in 0..<max(0, before - rest.count - 3) { scaled /= 10 }
        return milliseconds + scaled
    }

    /// `Z`, `+0100`, `-05:30`, `+01` as milliseconds east of UTC; nothing is UTC.
    private mutating func readZone() -> Int64? {
        if rest.isEmpty || take("Z") { return 0 }
        let negative = rest.first == UInt8(ascii: "-")
        guard take("+") || take("-"), let hours = digits(2...2) else { return nil }
        _ = take(":")
        let minutes = rest.isEmpty ? 0 : digits(2...2)
        guard let minutes, hours < 24, minutes < 60 else { return nil }
        let offset = (hours * 60 + minutes) * 60_000
        return negative ? -offset : offset
    }

    /// `yyyy`, `yyyy-MM`, `yyyy-MM-dd`
    static func date(_ text: ArraySlice<UInt8>) -> Int64? {
        var reader = DateTextReader(NumberText.trimmed(text))
        guard let days = reader.readDate(), reader.rest.isEmpty else { return nil }
        return days
    }

    /// `HH:mm`, `HH:mm:ss`, `HH:mm:ss.fff…`
    static func time(_ text: ArraySlice<UInt8>) -> Int64? {
        var reader = DateTextReader(NumberText.trimmed(text))
        guard text.contains(UInt8(ascii: ":")), let milliseconds = reader.readTime(), reader.rest.isEmpty else { return nil }
        return milliseconds
    }

    /// The forms of semantics §8.4: a date, perhaps partial, then `T` and a time, perhaps partial, then a zone.
    static func timestamp(_ text: ArraySlice<UInt8>) -> Int64? {
        var reader = DateTextReader(NumberText.trimmed(text))
        guard let days = reader.readDate() else { return nil }
        // Years of nine digits are dates, but their milliseconds do not fit.
        let (midnight, overflow) = days.multipliedReportingOverflow(by: DateText.millisecondsPerDay)
        if overflow { return nil }
        var milliseconds = midnight
        if reader.take("T"), !reader.rest.isEmpty {
            guard let time = reader.readTime() else { return nil }
            milliseconds &+= time
        }
        guard let offset = reader.readZone(), reader.rest.isEmpty else { return nil }
        return milliseconds &- offset
    }
}
