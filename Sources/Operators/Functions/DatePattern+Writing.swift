// Writing dates, times and instants by a compiled pattern. A letter that the value has nothing for is an error.

import Quantities
import Values

/// What a value offers to a pattern.
struct DateFields {
    /// Days since the epoch; nil for TIME.
    var days: Int64?
    /// Milliseconds of the day; nil for DATE.
    var milliseconds: Int64?
    /// Nil for DATE and TIME.
    var zone: (id: String, moment: TimeZone.Moment)?

    init(days: Int64) { self.days = days }
    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// An instant, in milliseconds, as a zone's clock shows it.
    init(instant: Int64, in zone: TimeZone) {
        let moment = zone.moment(at: floorDivide(instant, 1000).quotient)
        let (days, rest) = floorDivide(instant &+ moment.offset * 1000, TemporalText.millisecondsPerDay)
        self.days = days
        milliseconds = rest
        self.zone = (zone.id, moment)
    }
}

extension DatePattern {
    func append(_ fields: DateFields, to bytes: inout [UInt8]) throws(EvaluationError) {
        try DatePattern.append(pieces, fields, to: &bytes)
    }

    private static func append(_ pieces: [Piece], _ fields: DateFields, to bytes: inout [UInt8]) throws(EvaluationError) {
        for piece in pieces {
            switch piece {
            case .literal(let literal): bytes.append(contentsOf: literal)
            case .number(let letter, let width): appendNumber(try value(letter, fields), letter, width, to: &bytes)
            case .name(let letter, let width):
                let number = try value(letter, fields)
                let names = DateNames.names(letter, width)
                bytes.append(contentsOf: (names.first { $0.value == number }?.name ?? "").utf8)
            case .fraction(let width):
                var digits = Array("\(1_000_000_000 + (try value(UInt8(ascii: "n"), fields)))".utf8.dropFirst())
                digits.removeLast(9 - width)
                bytes.append(contentsOf: digits)
            case .zone(let letter, let width): try appendZone(fields, letter, width, to: &bytes)
            case .padded(let inner, let width):
                let start = bytes.count
                try append([inner], fields, to: &bytes)
                let length = bytes[start...].count { $0 & 0xC0 != 0x80 }
                guard length <= width else { throw EvaluationError("Cannot print as output of \(length) characters exceeds pad width of \(width)") }
                bytes.insert(contentsOf: repeatElement(UInt8(ascii: " "), count: width - length), at: start)
            case .optional(let inner):
                let start = bytes.count
                do throws(EvaluationError) {
                    try append(inner, fields, to: &bytes)
                } catch {
                    // An optional part is left out when the value has nothing for it.
                    bytes.removeLast(bytes.count - start)
                }
            }
        }
    }

    private static func value(_ letter: UInt8, _ fields: DateFields) throws(EvaluationError) -> Int64 {
        func unsupported() -> EvaluationError { EvaluationError("Unsupported field: \(Character(Unicode.Scalar(letter)))") }
        let shown = Character(Unicode.Scalar(letter))
        if "GyuYMQwWFEeDd".contains(shown) {
            guard let days = fields.days else { throw unsupported() }
            let date = CivilDate(daysSinceEpoch: days)
            // Day 0 was a Thursday.
            let weekday = floorDivide(days + 3, 7).remainder + 1
            switch shown {
            case "Y": return CalendarWeek(of: days).year
            case "w": return CalendarWeek(of: days).number
            case "W": return CalendarWeek.ofMonth(days)
            // The day in weeks that begin with the month, as in Java up to 18.
            case "F": return (date.day - 1) % 7 + 1
            case "G": return date.year > 0 ? 1 : 0
            case "y": return date.year > 0 ? date.year : 1 - date.year
            case "u": return date.year
            case "M": return date.month
            case "Q": return (date.month + 2) / 3
            case "E": return weekday
            // Weeks start on Sunday.
            case "e": return weekday % 7 + 1
            case "D": return days - CivilDate(year: date.year, month: 1, day: 1).daysSinceEpoch + 1
            default: return date.day
            }
        }
        guard let milliseconds = fields.milliseconds else { throw unsupported() }
        let hour = milliseconds / 3_600_000
        switch shown {
        case "H": return hour
        case "k": return hour == 0 ? 24 : hour
        case "K": return hour % 12
        case "h": return hour % 12 == 0 ? 12 : hour % 12
        case "a": return hour / 12
        case "B": return DateNames.partOfDay(milliseconds)
        case "m": return milliseconds / 60_000 % 60
        case "s": return milliseconds / 1000 % 60
        case "A": return milliseconds
        case "N": return milliseconds * 1_000_000
        default: return milliseconds % 1000 * 1_000_000
        }
    }

    private static func appendNumber(_ value: Int64, _ letter: UInt8, _ width: Int, to bytes: inout [UInt8]) {
        let isYear = "yuY".utf8.contains(letter)
        var value = value
        if isYear, width == 2 { value = floorDivide(value, 100).remainder }
        var digits: [UInt8] = []
        NumberText.append(Int64(value.magnitude), to: &digits)
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        if isYear, width >= 4, value >= 0, digits.count > width { bytes.append(UInt8(ascii: "+")) }
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, width - digits.count)))
        bytes.append(contentsOf: digits)
    }

    private static func appendZone(_ fields: DateFields, _ letter: UInt8, _ width: Int, to bytes: inout [UInt8]) throws(EvaluationError) {
        guard let zone = fields.zone else { throw EvaluationError("Unable to extract a zone from a value without one") }
        let offset = zone.moment.offset
        switch Character(Unicode.Scalar(letter)) {
        case "V": bytes.append(contentsOf: zone.id.utf8)
        case "z":
            let name = zone.moment.abbreviation
            bytes.append(contentsOf: (width == 4 ? TimeZoneNames.longName(name) : name).utf8)
        case "X" where offset == 0: bytes.append(UInt8(ascii: "Z"))
        case "Z" where offset == 0 && width == 5: bytes.append(UInt8(ascii: "Z"))
        case "O": appendLocalized(offset, isFull: width == 4, to: &bytes)
        case "Z" where width == 4: appendLocalized(offset, isFull: true, to: &bytes)
        case "Z": appendOffset(offset, hasColon: width == 5, minutes: true, seconds: width == 5, to: &bytes)
        default:
            appendOffset(
                offset, hasColon: width == 3 || width == 5, minutes: width > 1 || offset % 3600 != 0, seconds: width > 3, to: &bytes)
        }
    }

    /// `GMT+08:00`, or `GMT+8` when it need not be full.
    private static func appendLocalized(_ offset: Int64, isFull: Bool, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "GMT".utf8)
        guard offset != 0 else { return }
        var text = Array(TimeZoneNames.text(offset).utf8)
        if !isFull {
            if text[1] == UInt8(ascii: "0") { text.remove(at: 1) }
            if offset % 3600 == 0 { text.removeLast(3) }
        }
        bytes.append(contentsOf: text)
    }

    private static func appendOffset(_ offset: Int64, hasColon: Bool, minutes: Bool, seconds: Bool, to bytes: inout [UInt8]) {
        let magnitude = Int64(offset.magnitude)
        bytes.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        func append(_ value: Int64, isFirst: Bool = false) {
            if hasColon, !isFirst { bytes.append(UInt8(ascii: ":")) }
            bytes.append(contentsOf: [UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10 % 10), UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)])
        }
        append(magnitude / 3600, isFirst: true)
        if minutes { append(magnitude / 60 % 60) }
        if seconds, magnitude % 60 != 0 { append(magnitude % 60) }
    }
}
