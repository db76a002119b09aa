// Dates and times as ISO 8601 text. The forms are those of ksqlDB's casts: partial dates and times are allowed.

import Bytes
import Quantities

/// Reads and writes the ISO texts of DATE, TIME and TIMESTAMP values.
package enum TemporalText {
    /// Milliseconds from midnight to midnight.
    @inlinable package static var millisecondsPerDay: Int64 { 86_400_000 }

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
    /// since the epoch. Without a zone it is UTC. `zone` gives the offset in milliseconds of a named zone at a local time (for texts
    /// such as `2020-01-01T00:00 Europe/Paris` this room has no zone database); nil when there is none of that name.
    package static func timestamp(
        _ text: some Sequence<UInt8>, zone: (_ name: String, _ local: Int64) -> Int64? = { _, _ in nil }
    ) -> Int64? {
        var reader = TextReader(Array(text))
        // Years of nine digits are dates, but their milliseconds do not fit 64 bits.
        guard let days = reader.date(), var local = days.multipliedChecked(by: millisecondsPerDay) else { return nil }
        if reader.take(UInt8(ascii: "T")) || reader.take(UInt8(ascii: " ")) {
            guard let time = reader.time(minimumParts: 1) else { return nil }
            local = local.addingSaturated(time)
        }
        if reader.isAtEnd { return local }
        if let offset = reader.offset() { return reader.isAtEnd ? local.subtractingSaturated(offset) : nil }
        guard let offset = zone(reader.rest(), local) else { return nil }
        return local.subtractingSaturated(offset)
    }

    /// `yyyy-MM-dd` of a day since the epoch.
    package static func append(date days: Int64, to text: inout [UInt8]) {
        let date = CivilDate(daysSinceEpoch: days)
        text.append(zeroPadded: date.year, width: 4)
        text.append(UInt8(ascii: "-"))
        text.append(zeroPadded: date.month, width: 2)
        text.append(UInt8(ascii: "-"))
        text.append(zeroPadded: date.day, width: 2)
    }

    /// `HH:mm`, with `:ss` when the seconds are not zero; milliseconds are lost.
    package static func append(time milliseconds: Int64, to text: inout [UInt8]) {
        let seconds = milliseconds / 1000
        text.append(zeroPadded: seconds / 3600, width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(zeroPadded: seconds / 60 % 60, width: 2)
        guard seconds % 60 != 0 else { return }
        text.append(UInt8(ascii: ":"))
        text.append(zeroPadded: seconds % 60, width: 2)
    }

    /// `yyyy-MM-ddTHH:mm:ss.SSS`, UTC, of milliseconds since the epoch.
    package static func append(timestamp milliseconds: Int64, to text: inout [UInt8]) {
        let (days, rest) = floorDivide(milliseconds, millisecondsPerDay)
        append(date: days, to: &text)
        text.append(UInt8(ascii: "T"))
        text.append(zeroPadded: rest / 3_600_000, width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(zeroPadded: rest / 60_000 % 60, width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(zeroPadded: rest / 1000 % 60, width: 2)
        text.append(UInt8(ascii: "."))
        text.append(zeroPadded: rest % 1000, width: 3)
    }

    /// As `append(date:to:)`.
    package static func text(date days: Int32) -> String { string { append(date: Int64(days), to: &$0) } }
    /// As `append(time:to:)`.
    package static func text(time milliseconds: Int32) -> String { string { append(time: Int64(milliseconds), to: &$0) } }
    /// As `append(timestamp:to:)`.
    package static func text(timestamp milliseconds: Int64) -> String { string { append(timestamp: milliseconds, to: &$0) } }

    private static func string(_ append: (inout [UInt8]) -> Void) -> String {
        var text: [UInt8] = []
        append(&text)
        return String(decoding: text, as: UTF8.self)
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

    private mutating func number(digits: ClosedRange<Int>) -> Int64? {
        var value: Int64 = 0
        var count = 0
        while count < digits.upperBound, let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            count += 1
            position += 1
        }
        return digits.contains(count) ? value : nil
    }

    mutating func date() -> Int64? {
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
    mutating func time(minimumParts: Int) -> Int64? {
        guard let hour = number(digits: 1...2), hour < 24 else { return nil }
        var minute: Int64 = 0
        var second: Int64 = 0
        var milliseconds: Int64 = 0
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
        return sign * (hours * 60 + minutes) * 60_000
    }
}
