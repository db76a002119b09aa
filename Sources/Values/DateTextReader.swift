// Reads dates and times in ISO text, as literals, casts and records have them: partial ones are allowed, as in ksqlDB's casts.

/// Reads ISO texts from left to right. Blanks around them are ignored.
package struct DateTextReader {
    private var rest: ArraySlice<UInt8>

    private init(_ text: ArraySlice<UInt8>) {
        rest = text
        while let first = rest.first, first <= 0x20 { rest = rest.dropFirst() }
        while let last = rest.last, last <= 0x20 { rest = rest.dropLast() }
    }

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

    /// Takes blanks, in front of a digit alone; whether there were any.
    private mutating func takeBlanks() -> Bool {
        let end = rest.drop { $0 == UInt8(ascii: " ") }
        guard end.count < rest.count, let next = end.first, next >= 48, next <= 57 else { return false }
        rest = end
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
                guard let value = digits(1...2), value >= 1, value <= CivilDate.days(inMonth: month, of: year) else { return nil }
                day = value
            }
        }
        return CivilDate(year: year, month: month, day: day).daysSinceEpoch
    }

    /// `HH[:mm[:ss[.fff…]]]` as milliseconds of the day; 24:00 is the end of the day, where that may stand.
    private mutating func readTime(mayBeEndOfDay: Bool = false) -> Int64? {
        let day = TemporalText.millisecondsPerDay
        guard let time = readAnyTime(), time < day || mayBeEndOfDay && time == day else { return nil }
        return time
    }

    /// As `readTime`, with an hour up to 24.
    private mutating func readAnyTime() -> Int64? {
        guard let hour = digits(1...2), hour <= 24 else { return nil }
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
        guard let minutes, hours <= 18, minutes < 60 else { return nil }
        let offset = (hours * 60 + minutes) * 60_000
        return negative ? -offset : offset
    }

    /// `yyyy`, `yyyy-MM` or `yyyy-MM-dd` as days since 1970-01-01; nil for any other text.
    package static func date(_ text: ArraySlice<UInt8>) -> Int64? {
        var reader = DateTextReader(text)
        guard let days = reader.readDate(), reader.rest.isEmpty else { return nil }
        return days
    }

    /// `HH:mm`, `HH:mm:ss` or `HH:mm:ss.fff…` as milliseconds of the day; nil for any other text.
    package static func time(_ text: ArraySlice<UInt8>) -> Int64? {
        var reader = DateTextReader(text)
        guard text.contains(UInt8(ascii: ":")), let milliseconds = reader.readTime(), reader.rest.isEmpty else { return nil }
        return milliseconds
    }

    /// A date, perhaps partial, then `T` or blanks and a time up to 24:00, perhaps partial, then a zone (`Z`, `+hhmm`, `+hh:mm`, `+hh`; UTC without one) as
    /// milliseconds since 1970-01-01T00:00Z; nil for any other text.
    package static func timestamp(_ text: ArraySlice<UInt8>) -> Int64? {
        var reader = DateTextReader(text)
        guard let days = reader.readDate() else { return nil }
        // Years of nine digits are dates, but their milliseconds do not fit.
        let (midnight, overflow) = days.multipliedReportingOverflow(by: TemporalText.millisecondsPerDay)
        if overflow { return nil }
        var milliseconds = midnight
        if reader.take("T") ? !reader.rest.isEmpty : reader.takeBlanks() {
            guard let time = reader.readTime(mayBeEndOfDay: true) else { return nil }
            milliseconds &+= time
        }
        guard let offset = reader.readZone(), reader.rest.isEmpty else { return nil }
        return milliseconds &- offset
    }
}
