// Bodies of the functions between dates and texts, and of CONVERT_TZ.

import Quantities
import Values

/// Patterns and zones of one call in a query. Nothing is looked up again while the arguments stay the same.
private final class DateContext {
    private let patterns = Recent<DatePattern>()
    private let zones = Recent<TimeZone>()
    private let otherZones = Recent<TimeZone>()
    private var table: TimeZoneTable?

    func table(_ call: FunctionCall) -> TimeZoneTable {
        if let table { return table }
        let made = TimeZoneTable(call.frame.environment)
        table = made
        return made
    }

    func pattern(_ text: ArraySlice<UInt8>) throws(EvaluationError) -> DatePattern {
        try patterns.get(text) { text throws(EvaluationError) in
            do throws(DatePatternError) { return try DatePattern(Array(text)) } catch { throw EvaluationError(error.message) }
        }
    }

    /// The zone that argument `index` names, or `otherwise` when there is no such argument.
    func zone(_ call: FunctionCall, _ index: Int, _ row: Int, otherwise: TimeZone = DateContext.greenwich) throws(EvaluationError)
        -> TimeZone
    {
        guard index < call.arguments.count else { return otherwise }
        let table = table(call)
        let cache = index == 1 ? otherZones : zones
        return try cache.get(call.arguments[index].text(row)) { name throws(EvaluationError) in
            guard let zone = table.zone(string(name)) else { throw EvaluationError("Unknown time-zone ID: \(string(name))") }
            return zone
        }
    }

    static let greenwich = TimeZone(id: "GMT", offset: 0)
}

extension FunctionLibrary {
    static let dateTexts: [FunctionBody] = [
        FunctionBody("FORMAT_DATE", [.date, .string], format { row, call, _ in DateFields(days: call.arguments[0].words[row]) }),
        FunctionBody("FORMAT_TIME", [.time, .string], format { row, call, _ in DateFields(milliseconds: call.arguments[0].words[row]) }),
        FunctionBody("FORMAT_TIMESTAMP", [.timestamp, .string], formatInstant(.strictGreenwich)),
        FunctionBody("FORMAT_TIMESTAMP", [.timestamp, .string, .string], formatInstant(.strictGreenwich)),
        FunctionBody("TIMESTAMPTOSTRING", [.bigint, .string], nulls: .seen, formatInstant(.legacy)),
        FunctionBody("TIMESTAMPTOSTRING", [.bigint, .string, .string], nulls: .seen, formatInstant(.legacy)),
        FunctionBody(
            "DATETOSTRING", [.integer, .string], nulls: .seen, format { row, call, _ in DateFields(days: call.arguments[0].words[row]) }),
        FunctionBody("PARSE_TIMESTAMP", [.string, .string], parseInstant()),
        FunctionBody("PARSE_TIMESTAMP", [.string, .string, .string], parseInstant()),
        FunctionBody("STRINGTOTIMESTAMP", [.string, .string], nulls: .seen, parseInstant()),
        FunctionBody("STRINGTOTIMESTAMP", [.string, .string, .string], nulls: .seen, parseInstant()),
        FunctionBody("PARSE_TIME", [.string, .string], parseTime()),
        FunctionBody("PARSE_DATE", [.string, .string], parseDate()),
        FunctionBody("STRINGTODATE", [.string, .string], nulls: .seen, parseStrictDate()),
        FunctionBody("CONVERT_TZ", [.timestamp, .string, .string], convertZone()),
    ]

    /// The defaults of the two generations of functions; the server's own zone, which the older one takes, is UTC.
    private enum Generation {
        case strictGreenwich, legacy
        var zone: TimeZone { self == .legacy ? .utc : DateContext.greenwich }
    }

    /// A body that writes by the pattern in argument 1. NULL patterns and zones give NULL, a NULL value fails.
    private static func format(
        _ fields: @escaping @Sendable (Int, FunctionCall, DateContext) throws(EvaluationError) -> DateFields
    ) -> FunctionBody.Shape {
        .prepared { _, _ in
            let context = DateContext()
            return { call in
                call.texts { row, bytes throws(EvaluationError) in
                    if call.isNull(0, row) { throw EvaluationError("the value to format must not be null") }
                    if call.arguments.dropFirst().contains(where: { $0.isNull(row) }) { return false }
                    let pattern = try context.pattern(call.arguments[1].text(row))
                    try pattern.append(try fields(row, call, context), to: &bytes)
                    return true
                }
            }
        }
    }

    private static func formatInstant(_ generation: Generation) -> FunctionBody.Shape {
        format { row, call, context throws(EvaluationError) in
            DateFields(instant: call.arguments[0].words[row], in: try context.zone(call, 2, row, otherwise: generation.zone))
        }
    }

    private static func unreadable(_ call: FunctionCall, _ row: Int, _ what: String) -> EvaluationError {
        let text = string(call.arguments[0].text(row).prefix(100))
        let pattern = string(call.arguments[1].text(row).prefix(100))
        return EvaluationError("Failed to parse \(what) '\(text)' with formatter '\(pattern)'")
    }

    /// NULL arguments fail; where they shall give NULL, the body never sees them.
    private static func requirePresent(_ call: FunctionCall, _ row: Int) throws(EvaluationError) {
        if call.arguments.contains(where: { $0.isNull(row) }) {
            throw EvaluationError("the text, the pattern and the zone must not be null")
        }
    }

    private static func parseInstant() -> FunctionBody.Shape {
        .prepared { _, _ in
            let context = DateContext()
            return { call in
                let table = context.table(call)
                call.words { row throws(EvaluationError) in
                    try requirePresent(call, row)
                    let pattern = try context.pattern(call.arguments[1].text(row))
                    let zone = try context.zone(call, 2, row)
                    guard let instant = pattern.timestamp(call.arguments[0].text(row), in: zone, table.zone) else {
                        throw unreadable(call, row, "timestamp")
                    }
                    return instant
                }
            }
        }
    }

    private static func parseTime() -> FunctionBody.Shape {
        .prepared { _, _ in
            let context = DateContext()
            return { call in
                call.words { row throws(EvaluationError) in
                    let pattern = try context.pattern(call.arguments[1].text(row))
                    if pattern.hasDateFields { throw EvaluationError("Time format contains date field") }
                    guard let parsed = pattern.read(call.arguments[0].text(row)), let time = parsed.timeOfDay(defaults: false) else {
                        throw unreadable(call, row, "time")
                    }
                    return time % TemporalText.millisecondsPerDay
                }
            }
        }
    }

    private static func parseDate() -> FunctionBody.Shape {
        .prepared { _, _ in
            let patterns = Recent<CalendarPattern>()
            return { call in
                let now = call.frame.environment.now()
                call.words { row throws(EvaluationError) in
                    let pattern = try patterns.get(call.arguments[1].text(row)) { text throws(EvaluationError) in
                        do throws(DatePatternError) { return try CalendarPattern(Array(text)) } catch {
                            throw EvaluationError(error.message)
                        }
                    }
                    guard let instant = pattern.instant(call.arguments[0].text(row), now: now) else { throw unreadable(call, row, "date") }
                    let (days, rest) = floorDivide(instant, TemporalText.millisecondsPerDay)
                    guard rest == 0 else { throw EvaluationError("Date format contains time field") }
                    guard Int32(exactly: days) != nil else { throw unreadable(call, row, "date") }
                    return days
                }
            }
        }
    }

    private static func parseStrictDate() -> FunctionBody.Shape {
        .prepared { _, _ in
            let context = DateContext()
            return { call in
                call.words { row throws(EvaluationError) in
                    try requirePresent(call, row)
                    let pattern = try context.pattern(call.arguments[1].text(row))
                    guard let days = pattern.read(call.arguments[0].text(row))?.days(defaults: false), Int32(exactly: days) != nil else {
                        throw unreadable(call, row, "date")
                    }
                    return days
                }
            }
        }
    }

    /// Both offsets are those of the instant itself, not of the local time.
    private static func convertZone() -> FunctionBody.Shape {
        .prepared { _, _ in
            let context = DateContext()
            return { call in
                call.words { row throws(EvaluationError) in
                    let instant = call.arguments[0].words[row]
                    let shift: Int64
                    do throws(EvaluationError) {
                        let from = try context.zone(call, 1, row)
                        let to = try context.zone(call, 2, row)
                        shift = to.offset(at: instant) - from.offset(at: instant)
                    } catch {
                        throw EvaluationError("Invalid time zone: \(error.message)")
                    }
                    guard let converted = instant.addingChecked(shift) else {
                        throw EvaluationError("CONVERT_TZ: the timestamp is out of range")
                    }
                    return converted
                }
            }
        }
    }
}
