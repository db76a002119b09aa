// Dates and times as ISO 8601 text, and days as civil dates. Calendar arithmetic follows Howard Hinnant's "chrono-compatible
// low-level date algorithms"; the forms of text are those of ksqlDB's casts (partial dates and times are allowed).

import Quantities

/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Hashable, Sendable {
    package var year: Int
    /// 1…12
    package var month: Int
    /// 1…31
    package var day: Int

    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date `days` days after 1970-01-01.
    package init(daysSinceEpoch days: Int) {
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
    package var daysSinceEpoch: Int {
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
    package static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    var isValid: Bool { (1...12).contains(month) && day >= 1 && day <= CivilDate.days(inMonth: month, of: year) }
}

/// Reads and writes the ISO texts of DATE, TIME and TIMESTAMP values.
package enum TemporalText {
    package static let millisecondsPerDay: Int64 = 86_400_000

    /// `yyyy`, `yyyy-MM` or `yyyy-MM-dd` as days since the epoch; nil for any other text.
    package static func date(_ text: some Sequence<UInt8>) -> Int32? {
        var reader = TextReader(Array(text))
        guard let days = reader.date(), reader.isAtEnd else { return nil }
        return Int32(exactly: days)
    }

    /// `HH:mm`, `HH:mm:ss` or `HH:mm:ss.fff…` as milliseconds of the day; nil for any other text.
    package static func time(_ text: some Sequence<UInt8>) -> Int32? {
        var reader = TextReader(Array(text))
        guard let milliseconds = reader.time(minimumParts: 2), reader.isAtEnd else { return nil }
        return Int32(exactly: milliseconds)
    }

    /// Any prefix of `yyyy-MM-ddTHH:mm:ss.SSS` from the year on, with `Z`, `+hhmm`, `+hh:mm` or `+hh` after the time, as milliseconds
    /// since the epoch. Without a zone it is UTC. `zone` tells the offset in milliseconds of a named zone at a local time (for texts
    /// such as `2020-01-01T00:00 Europe/Paris` no zone database is at hand here); nil when it knows none of that name.
    package static func timestamp(
        _ text: some Sequence<UInt8>, zone: (_ name: String, _ local: Int64) -> Int64? = { _, _ in nil }
    ) -> Int64? {
        var reader = TextReader(Array(text))
        // Years of nine digits are dates, but their milliseconds do not fit 64 bits.
        guard let days = reader.date(), var local = Int64(days).multipliedChecked(by: millisecondsPerDay) else { return nil }
        if reader.take(UInt8(ascii: "T")) || reader.take(UInt8(ascii: " ")) {
            guard let time = reader.time(minimumParts: 1) else { return nil }
            local = local.addingSaturated(Int64(time))
        }
        if reader.isAtEnd { return local }
        if let offset = reader.offset() { return reader.isAtEnd ? local.subtractingSaturated(offset) : nil }
        guard let offset = zone(reader.rest(), local) else { return nil }
        return local.subtractingSaturated(offset)
    }

    /// `yyyy-MM-dd`
    package static func text(date days: Int32) -> String {
        let date = CivilDate(daysSinceEpoch: Int(days))
        return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2)
    }

    /// `HH:mm`, with `:ss` when the seconds are not zero; milliseconds are lost.
    package static func text(time milliseconds: Int32) -> String {
        let seconds = Int(milliseconds) / 1000
        let text = padded(seconds / 3600, 2) + ":" + padded(seconds / 60 % 60, 2)
        return seconds % 60 == 0 ? text : text + ":" + padded(seconds % 60, 2)
    }

    /// `yyyy-MM-ddTHH:mm:ss.SSS`, UTC.
    package static func text(timestamp milliseconds: Int64) -> String {
        var days = milliseconds / millisecondsPerDay
        var ofDay = milliseconds % millisecondsPerDay
        if ofDay < 0 {
            ofDay += millisecondsPerDay
            days -= 1
        }
        let date = CivilDate(daysSinceEpoch: Int(days))
        let seconds = Int(ofDay / 1000)
        return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T" + padded(seconds / 3600, 2) + ":"
            + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2) + "." + padded(Int(ofDay % 1000), 3)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// A cursor over the bytes of a date-time text.
private struct TextReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }
    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func rest() -> String {
        while take(UInt8(ascii: " ")) {}
        defer { position = bytes.count }
        return String(decoding: bytes[position...], as: UTF8.self)
    }

    private mutating func number(digits: ClosedRange<Int>) -> Int? {
        var value = 0
        var count = 0
        while count < digits.upperBound, let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            count += 1
            position += 1
        }
        return digits.contains(count) ? value : nil
    }

    mutating func date() -> Int? {
        let isNegative = take(UInt8(ascii: "-"))
        guard let year = number(digits: 4...9) else { return nil }
        var date = CivilDate(year: isNegative ? -year : year, month: 1, day: 1)
        if take(UInt8(ascii: "-")) {
            guard let month = number(digits: 1...2) else { return nil }
            date.month = month
            if take(UInt8(ascii: "-")) {
                guard let day = number(digits: 1...2) else { return nil }
                date.day = day
            }
        }
        return date.isValid ? date.daysSinceEpoch : nil
    }

    /// Milliseconds of the day of `HH[:mm[:ss[.fff]]]`.
    mutating func time(minimumParts: Int) -> Int? {
        guard let hour = number(digits: 1...2), hour < 24 else { return nil }
        var minute = 0
        var second = 0
        var milliseconds = 0
        if take(UInt8(ascii: ":")) {
            guard let value = number(digits: 1...2), value < 60 else { return nil }
            minute = value
            if take(UInt8(ascii: ":")) {
                guard let value = number(digits: 1...2), value < 60 else { return nil }
                second = value
                if take(UInt8(ascii: ".")) {
                    let start = position
                    guard let fraction = number(digits: 1...9) else { return nil }
                    var scaled = fraction
                    for _ in 0..<(9 - (position - start)) { scaled *= 10 }
                    milliseconds = scaled / 1_000_000
                }
            }
        } else if minimumParts > 1 {
            return nil
        }
        return ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds
    }

    /// Milliseconds east of UTC of `Z`, `+hh`, `+hhmm` or `+hh:mm`.
    mutating func offset() -> Int64? {
        if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return 0 }
        let sign: Int64
        if take(UInt8(ascii: "+")) { sign = 1 } else if take(UInt8(ascii: "-")) { sign = -1 } else { return nil }
        guard let hours = number(digits: 2...2), hours <= 18 else { return nil }
        _ = take(UInt8(ascii: ":"))
        let minutes = isAtEnd ? 0 : number(digits: 2...2)
        guard let minutes, minutes < 60 else { return nil }
        return sign * Int64(hours * 60 + minutes) * 60_000
    }
}
