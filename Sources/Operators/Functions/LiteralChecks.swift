// Literal arguments that no row could be computed with: parts of dates, patterns, regular expressions, time zones. They are found when a
// statement is analysed, by the same readers that the bodies use.

package import Plans
import Values

/// Where the files of time zones are.
package protocol TimeZoneSource {
    /// The file (TZif) of a zone; nil of an unknown one.
    static func contents(of zone: String) -> [UInt8]?
    /// Names of zones, for suggestions.
    static var ids: [String] { get }
}

/// What is wrong with the literals among the arguments of a function; nil when nothing is known to be.
package func literalProblem(
    of function: String, _ arguments: [TypedExpression], in zones: any TimeZoneSource.Type
) -> LiteralProblem? {
    func text(_ index: Int) -> ArraySlice<UInt8>? {
        guard arguments.indices.contains(index), case .literal(.string(let text)) = arguments[index].node else { return nil }
        return Array(text.utf8)[...]
    }
    /// Reads the literal at a place, if there is one.
    func check(_ index: Int, _ hint: String? = nil, _ read: (ArraySlice<UInt8>) throws(EvaluationError) -> Void) -> LiteralProblem? {
        guard let text = text(index) else { return nil }
        do throws(EvaluationError) { try read(text) } catch { return LiteralProblem(argument: index, message: error.message, hint: hint) }
        return nil
    }
    func checkZone(_ index: Int) -> LiteralProblem? {
        guard let id = text(index).map({ string($0) }) else { return nil }
        let table = TimeZoneTable(DataflowEnvironment(timeZoneFile: { zones.contents(of: $0) }))
        if table.zone(id) != nil { return nil }
        return LiteralProblem(
            argument: index, message: "'\(id)' is no time zone", candidates: ["UTC"] + zones.ids,
            hint: "Zones are named as in Europe/Berlin, UTC or +02:00.")
    }
    switch function {
    case "DATE_TRUNC", "DATE_PART": return text(0).flatMap { DatePart.problem($0, function, of: arguments.last?.type) }
    case "TO_CHAR", "TO_DATE", "TO_TIMESTAMP":
        if arguments.first?.type.isNumeric ?? false {
            return check(1, "The parts are 9, 0, a point, commas, S, MI, PR and FM, as in FM999,990.00.") { text throws(EvaluationError) in
                _ = try NumberPattern(text)
            }
        }
        return check(1, "The parts are those of PostgreSQL, as in YYYY-MM-DD HH24:MI:SS; text stands in double quotes.") { text throws(EvaluationError) in
            _ = try PostgresDates.compiled(text)
        }
    case "REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL": return check(0) { text throws(EvaluationError) in _ = try RegularExpression(text) }
    case "REGEXP_REPLACE", "REGEXP_SPLIT_TO_ARRAY", "REGEXP_LIKE":
        return check(1) { text throws(EvaluationError) in _ = try RegularExpression(text) }
    case "SIMILAR_TO": return check(1) { text throws(EvaluationError) in _ = try FunctionLibrary.similar(text) }
    case WindowCalendar.function: return checkZone(1)
    case "CONVERT_TZ": return checkZone(1) ?? checkZone(2)
    case "FORMAT_TIMESTAMP", "PARSE_TIMESTAMP", "STRINGTOTIMESTAMP", "TIMESTAMPTOSTRING": return checkZone(2)
    default: return nil
    }
}
