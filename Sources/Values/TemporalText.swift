// Dates and times as ISO 8601 text, and back (`DateTextReader`).

import Bytes
import Quantities

/// Reads and writes the ISO texts of DATE, TIME and TIMESTAMP values.
package enum TemporalText {
    /// Milliseconds from midnight to midnight.
    @inlinable package static var millisecondsPerDay: Int64 { 86_400_000 }

    /// As `DateTextReader.date`; nil also where the day does not fit 32 bits.
    package static func date(_ text: some Sequence<UInt8>) -> Int32? {
        DateTextReader.date(Array(text)[...]).flatMap { Int32(exactly: $0) }
    }

    /// As `DateTextReader.time`.
    package static func time(_ text: some Sequence<UInt8>) -> Int32? {
        DateTextReader.time(Array(text)[...]).flatMap { Int32(exactly: $0) }
    }

    /// As `DateTextReader.timestamp`.
    package static func timestamp(_ text: some Sequence<UInt8>) -> Int64? { DateTextReader.timestamp(Array(text)[...]) }

    /// `yyyy-MM-dd` of a day since the epoch.
    package static func append(date days: Int64, to text: inout [UInt8]) {
        let date = CivilDate(daysSinceEpoch: days)
        text.append(zeroPadded: date.year, width: 4)
        text.append(UInt8(ascii: "-"))
        text.append(zeroPadded: date.month, width: 2)
        text.append(UInt8(ascii: "-"))
        text.append(zeroPadded: date.day, width: 2)
    }

    /// `HH:mm`, with `:ss` when the seconds are not zero. Milliseconds are lost, as ksqlDB's CAST loses them, or written behind the seconds where
    /// there are any, as answers have them.
    package static func append(time milliseconds: Int64, keepingMilliseconds: Bool = false, to text: inout [UInt8]) {
        let seconds = milliseconds / 1000
        text.append(zeroPadded: seconds / 3600, width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(zeroPadded: seconds / 60 % 60, width: 2)
        let fraction = keepingMilliseconds ? milliseconds % 1000 : 0
        guard seconds % 60 != 0 || fraction != 0 else { return }
        text.append(UInt8(ascii: ":"))
        text.append(zeroPadded: seconds % 60, width: 2)
        guard fraction != 0 else { return }
        text.append(UInt8(ascii: "."))
        text.append(zeroPadded: fraction, width: 3)
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
