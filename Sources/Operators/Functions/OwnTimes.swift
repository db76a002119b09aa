// Bodies of functions over dates and times that people know from PostgreSQL.

import Plans
import Quantities
import Values

/// A part of a date or time.
enum DatePart: String, CaseIterable {
    case millennium, century, decade, year, isoyear, quarter, month, week, day, doy, dow, isodow, hour, minute, second, milliseconds, epoch

    init(_ name: ArraySlice<UInt8>) throws(EvaluationError) {
        var word = string(name.prefix(20)).lowercased()
        if word == "millisecond" { word = "milliseconds" }
        if let part = DatePart(rawValue: word) ?? (word.hasSuffix("s") ? DatePart(rawValue: String(word.dropLast())) : nil) {
            self = part
            return
        }
        throw EvaluationError("'\(string(name.prefix(100)))' is no part of a date or time")
    }

    private var isOfDay: Bool { [.hour, .minute, .second, .milliseconds].contains(self) }

    /// What is wrong with the first argument of DATE_PART or DATE_TRUNC, whose second one is of a type; nil when nothing is.
    static func problem(_ name: ArraySlice<UInt8>, _ function: String, of type: SQLType?) -> LiteralProblem? {
        let isTruncated = function == "DATE_TRUNC"
        let allowed = allCases.filter { part in
            isTruncated ? ![.isoyear, .doy, .dow, .isodow, .epoch].contains(part) : type != .time || part.isOfDay || part == .epoch
        }
        let words = allowed.map(\.rawValue)
        let hint = "The parts are \(words.joined(separator: ", "))."
        do throws(EvaluationError) {
            let part = try DatePart(name)
            if allowed.contains(part) { return nil }
            let message = isTruncated ? "no time begins with a \(part.rawValue)" : "a time has no \(part.rawValue)"
            return LiteralProblem(argument: 0, message: message, hint: hint)
        } catch {
            return LiteralProblem(argument: 0, message: error.message, candidates: words, hint: hint)
        }
    }
}

extension FunctionLibrary {
    private static let day = TemporalText.millisecondsPerDay

    static let ownTimes: [FunctionBody] = [
        FunctionBody(
            "NOW", [],
            .vectorised { call in
                let now = call.frame.environment.now()
                call.words { _ in now }
            }),
        FunctionBody(
            "CURRENT_DATE", [],
            .vectorised { call in
                let today = floorDivide(call.frame.environment.now(), day).quotient
                call.words { _ in today }
            }),
        FunctionBody(
            "CURRENT_TIME", [],
            .vectorised { call in
                let time = floorDivide(call.frame.environment.now(), day).remainder
                call.words { _ in time }
            }),
        FunctionBody(
            "MAKE_DATE", [.integer, .integer, .integer],
            .vectorised { call in
                call.words { row throws(EvaluationError) in
                    let (year, month, day) = (call.arguments[0].words[row], call.arguments[1].words[row], call.arguments[2].words[row])
                    guard (1...12).contains(month), day >= 1, day <= CivilDate.days(inMonth: month, of: year) else {
                        throw EvaluationError("there is no date \(year)-\(month)-\(day)")
                    }
                    let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
                    guard Int32(exactly: days) != nil else { throw EvaluationError("the date is out of range") }
                    return days
                }
            }),
        FunctionBody("ADD_INTERVAL", [.timestamp, .integer, .bigint], .vectorised(addInterval)),
        FunctionBody(
            "ADD_INTERVAL", [.time, .integer, .bigint],
            .vectorised { call in
                call.words { row in floorDivide(call.arguments[0].words[row] &+ call.arguments[2].words[row] % day, day).remainder }
            }),
        FunctionBody("DATE_PART", [.string, .timestamp], part { time in
                let (days, rest) = floorDivide(time, day)
                return (days: days, milliseconds: rest)
            }),
        FunctionBody("DATE_PART", [.string, .date], part { (days: $0, milliseconds: 0) }),
        FunctionBody("DATE_PART", [.string, .time], part { (days: nil, milliseconds: $0) }),
        FunctionBody("DATE_TRUNC", [.string, .timestamp], truncate(isDate: false)),
        FunctionBody("DATE_TRUNC", [.string, .date], truncate(isDate: true)),
        FunctionBody("TO_CHAR", [.timestamp, .string], toText { DateFields(instant: $0, in: .utc) }),
        FunctionBody("TO_CHAR", [.date, .string], toText { DateFields(days: $0) }),
        FunctionBody("TO_CHAR", [.time, .string], toText { DateFields(milliseconds: $0) }),
        FunctionBody("TO_TIMESTAMP", [.string, .string], fromText(isDate: false)),
        FunctionBody("TO_DATE", [.string, .string], fromText(isDate: true)),
        FunctionBody(
            "TO_TIMESTAMP", accepts: { $0 == [.bigint] || $0 == [.integer] },
            .vectorised { call in
                call.words { row throws(EvaluationError) in
                    let (milliseconds, isTooLarge) = call.arguments[0].words[row].multipliedReportingOverflow(by: 1000)
                    if isTooLarge { throw EvaluationError("the timestamp is out of range") }
                    return milliseconds
                }
            }),
        FunctionBody(
            "TO_TIMESTAMP", [.double],
            .vectorised { call in
                call.words { row throws(EvaluationError) in
                    guard let milliseconds = Int64(exactly: (call.arguments[0].doubles[row] * 1000).rounded()) else {
                        throw EvaluationError("the timestamp is out of range")
                    }
                    return milliseconds
                }
            }),
    ]

    /// Months first: the same day of another month, or its last one where it is shorter.
    private static func addInterval(_ call: FunctionCall) {
        call.words { row throws(EvaluationError) in
            var time = call.arguments[0].words[row]
            let months = call.arguments[1].words[row]
            if months != 0 {
                let (days, rest) = floorDivide(time, day)
                guard days.magnitude < 1 << 40 else { throw EvaluationError("the timestamp is out of range") }
                let date = CivilDate(daysSinceEpoch: days)
                let (years, month) = floorDivide(date.month - 1 + months, 12)
                let length = CivilDate.days(inMonth: month + 1, of: date.year + years)
                let moved = CivilDate(year: date.year + years, month: month + 1, day: min(date.day, length)).daysSinceEpoch
                let (start, isTooLarge) = moved.multipliedReportingOverflow(by: day)
                guard !isTooLarge, let sum = start.addingChecked(rest) else { throw EvaluationError("the timestamp is out of range") }
                time = sum
            }
            guard let sum = time.addingChecked(call.arguments[2].words[row]) else { throw EvaluationError("the timestamp is out of range") }
            return sum
        }
    }

    // MARK: Parts

    private static func part(
        _ split: @escaping @Sendable (Int64) -> (days: Int64?, milliseconds: Int64)
    ) -> FunctionBody.Shape {
        .prepared { _, _ in
            let parts = Recent<DatePart>()
            return { call in
                call.words { row throws(EvaluationError) in
                    let part = try parts.get(call.arguments[0].text(row)) { text throws(EvaluationError) in try DatePart(text) }
                    let (days, time) = split(call.arguments[1].words[row])
                    if let value = timePart(part, days, time) { return value }
                    guard let days else { throw EvaluationError("a time has no \(part.rawValue)") }
                    guard days.magnitude < 1 << 40 else { throw EvaluationError("the date is out of range") }
                    return datePart(part, days)
                }
            }
        }
    }

    private static func timePart(_ part: DatePart, _ days: Int64?, _ time: Int64) -> Int64? {
        switch part {
        case .hour: time / 3_600_000
        case .minute: time / 60_000 % 60
        case .second: time / 1000 % 60
        case .milliseconds: time % 60_000
        // A day has 86,400 seconds, which no number of days in 64 bits of milliseconds can make too large.
        case .epoch: (days ?? 0) &* 86_400 &+ time / 1000
        default: nil
        }
    }

    private static func datePart(_ part: DatePart, _ days: Int64) -> Int64 {
        let date = CivilDate(daysSinceEpoch: days)
        switch part {
        case .millennium: return (date.year + 999) / 1000
        case .century: return (date.year + 99) / 100
        case .decade: return floorDivide(date.year, 10).quotient
        case .year: return date.year
        case .isoyear: return isoWeek(days).year
        case .quarter: return (date.month + 2) / 3
        case .month: return date.month
        case .week: return isoWeek(days).week
        case .doy: return days - CivilDate(year: date.year, month: 1, day: 1).daysSinceEpoch + 1
        case .dow: return CalendarWeek.weekday(days)
        case .isodow: return (CalendarWeek.weekday(days) + 6) % 7 + 1
        default: return date.day
        }
    }

    /// The week of ISO 8601: weeks begin on Monday, and the first one is that of the first Thursday.
    private static func isoWeek(_ days: Int64) -> (year: Int64, week: Int64) {
        let thursday = days - (CalendarWeek.weekday(days) + 6) % 7 + 3
        let year = CivilDate(daysSinceEpoch: thursday).year
        return (year, (thursday - CivilDate(year: year, month: 1, day: 1).daysSinceEpoch) / 7 + 1)
    }

    private static func truncate(isDate: Bool) -> FunctionBody.Shape {
        .prepared { _, _ in
            let parts = Recent<DatePart>()
            return { call in
                call.words { row throws(EvaluationError) in
                    let part = try parts.get(call.arguments[0].text(row)) { text throws(EvaluationError) in try DatePart(text) }
                    let value = call.arguments[1].words[row]
                    let (days, time) = isDate ? (value, 0) : floorDivide(value, day)
                    guard days.magnitude < 1 << 40 else { throw EvaluationError("the date is out of range") }
                    let unit: Int64? =
                        switch part {
                        case .hour: 3_600_000
                        case .minute: 60_000
                        case .second: 1000
                        case .milliseconds: 1
                        default: nil
                        }
                    if let unit {
                        let (first, isTooSmall) = value.subtractingReportingOverflow(time % unit)
                        if !isDate, isTooSmall { throw EvaluationError("the timestamp is out of range") }
                        return isDate ? days : first
                    }
                    let start = try firstDay(of: part, days)
                    if isDate { return start }
                    let (first, isTooLarge) = start.multipliedReportingOverflow(by: day)
                    if isTooLarge { throw EvaluationError("the timestamp is out of range") }
                    return first
                }
            }
        }
    }

    private static func firstDay(of part: DatePart, _ days: Int64) throws(EvaluationError) -> Int64 {
        let date = CivilDate(daysSinceEpoch: days)
        func january(_ year: Int64) -> Int64 { CivilDate(year: year, month: 1, day: 1).daysSinceEpoch }
        switch part {
        case .millennium: return january(floorDivide(date.year - 1, 1000).quotient * 1000 + 1)
        case .century: return january(floorDivide(date.year - 1, 100).quotient * 100 + 1)
        case .decade: return january(floorDivide(date.year, 10).quotient * 10)
        case .year: return january(date.year)
        case .quarter: return CivilDate(year: date.year, month: (date.month - 1) / 3 * 3 + 1, day: 1).daysSinceEpoch
        case .month: return CivilDate(year: date.year, month: date.month, day: 1).daysSinceEpoch
        case .week: return days - (CalendarWeek.weekday(days) + 6) % 7
        case .day: return days
        default: throw EvaluationError("no time begins with a \(part.rawValue)")
        }
    }

    // MARK: Texts

    private static func toText(_ fields: @escaping @Sendable (Int64) -> DateFields) -> FunctionBody.Shape {
        .prepared { _, _ in
            let patterns = Recent<DatePattern>()
            return { call in
                call.texts { row, bytes throws(EvaluationError) in
                    let pattern = try patterns.get(call.arguments[1].text(row), PostgresDates.compiled)
                    try pattern.append(fields(call.arguments[0].words[row]), to: &bytes)
                    return true
                }
            }
        }
    }

    private static func fromText(isDate: Bool) -> FunctionBody.Shape {
        .prepared { _, _ in
            let patterns = Recent<DatePattern>()
            return { call in
                call.words { row throws(EvaluationError) in
                    let pattern = try patterns.get(call.arguments[1].text(row), PostgresDates.compiled)
                    let text = call.arguments[0].text(row)
                    let value = isDate ? pattern.read(text)?.days(defaults: true) : pattern.timestamp(text)
                    guard let value, !isDate || Int32(exactly: value) != nil else {
                        throw EvaluationError(
                            "'\(string(text.prefix(100)))' has not the form '\(string(call.arguments[1].text(row).prefix(100)))'")
                    }
                    return value
                }
            }
        }
    }
}

/// Patterns of TO_CHAR, TO_DATE and TO_TIMESTAMP.
enum PostgresDates {
    /// The pattern, ready for use. Errors: what is wrong with it.
    static func compiled(_ text: ArraySlice<UInt8>) throws(EvaluationError) -> DatePattern {
        do throws(DatePatternError) { return try DatePattern(PostgresPattern.translated(text)) } catch { throw EvaluationError(error.message) }
    }
}
