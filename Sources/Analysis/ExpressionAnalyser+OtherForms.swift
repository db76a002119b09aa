// Forms that people know from other databases, in the dialect `full`: DATE '…', arithmetic of times, `||` of values of any type, NOW without
// brackets.

import Diagnostics
import Functions
import Plans
import Syntax
import Values

extension ExpressionAnalyser {
    /// Calls that are no functions: `DATE '2024-01-01'`, which is read as `DATE('2024-01-01')`; nil for any other call.
    mutating func otherForm(_ name: Name, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic) -> TypedExpression? {
        guard context.isFull, !name.isQuoted, arguments.count == 1 else { return nil }
        switch name.text {
        case "DATE": return try converted(arguments[0], to: .date, whole)
        case "TIME": return try converted(arguments[0], to: .time, whole)
        case "TIMESTAMP": return try converted(arguments[0], to: .timestamp, whole)
        case "INTERVAL":
            throw Diagnostic(
                .typeMismatch, "an INTERVAL can only be added to a time, or taken from one", at: whole.span.range)
        default: return nil
        }
    }

    private mutating func converted(_ operand: Expression, to type: SQLType, _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        if value.isNull { return .literal(.null, type) }
        if case .literal(.string(let text)) = value.expression.node {
            guard let literal = Value.parsed(type == .timestamp ? text.withTimeMark : text, as: type) else {
                throw Diagnostic(.invalidDateTime, "'\(text)' is not a valid \(type)", at: operand.span.range)
            }
            return .literal(literal, type)
        }
        if isRowTime(value) { return instant(ofMilliseconds: value.expression).coerced(to: type) }
        guard value.type.canCast(to: type), value.type.isTemporal || value.type == .string else {
            throw Diagnostic(
                .invalidCast, "Cast of \(value.type) to \(type) is not supported",
                hint: value.type == .bigint || value.type == .integer ? Self.instantHint : nil, at: whole.span.range)
        }
        return value.expression.coerced(to: type)
    }

    /// Casts that ksqlDB does not have: of ROWTIME to times, and between truth values and whole numbers; nil for all others.
    func otherCast(_ value: Analysed, to type: SQLType) -> TypedExpression? {
        let operand = value.expression
        /// What is NULL stays that: a comparison with it would be false.
        func unlessNull(_ result: TypedExpression) -> TypedExpression {
            let isNull = TypedExpression(.isNull(operand, negated: false), .boolean)
            return TypedExpression(.searchedCase([CaseBranch(condition: isNull, result: .literal(.null, type))], otherwise: result), type)
        }
        switch (value.type, type) {
        case (.bigint, .timestamp), (.bigint, .date), (.bigint, .time):
            return isRowTime(value) ? instant(ofMilliseconds: operand).coerced(to: type) : nil
        case (.integer, .boolean), (.bigint, .boolean):
            let zero = TypedExpression.literal(.integer(0), .integer).coerced(to: value.type)
            return unlessNull(TypedExpression(.compare(.notEqual, operand, zero), .boolean))
        case (.boolean, .integer), (.boolean, .bigint):
            func number(_ value: Int32) -> TypedExpression { TypedExpression.literal(.integer(value), .integer).coerced(to: type) }
            return unlessNull(TypedExpression(.searchedCase([CaseBranch(condition: operand, result: number(1))], otherwise: number(0)), type))
        default: return nil
        }
    }

    /// Functions that the standard calls without brackets.
    private static let bareCalls: Set<String> = ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME"]

    /// The call that a name without brackets is, where no column has that name.
    mutating func bareCall(_ source: Name?, _ name: Name, _ whole: Expression) throws(Diagnostic) -> TypedExpression? {
        guard context.isFull, source == nil, !name.isQuoted, Self.bareCalls.contains(name.text) || name.text == "UNKNOWN",
            (try? scope.resolve(source: nil, name, place: place)) == nil
        else { return nil }
        if name.text == "UNKNOWN" { return .literal(.null, .boolean) }
        return try call(name, [], whole)
    }

    // MARK: Arithmetic of times

    /// A time with an INTERVAL on one side; nil when there is none.
    mutating func intervalArithmetic(
        _ operation: Expression.ArithmeticOperator, _ left: Expression, _ right: Expression, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression? {
        guard context.isFull, operation == .add || operation == .subtract else { return nil }
        if let interval = try Interval(right) { return try shifted(left, by: operation == .add ? interval : interval.negated, whole) }
        if operation == .add, let interval = try Interval(left) { return try shifted(right, by: interval, whole) }
        return nil
    }

    private mutating func shifted(_ operand: Expression, by interval: Interval, _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        var time = value.expression
        switch value.type {
        case .timestamp: break
        case .date: time = time.coerced(to: .timestamp)
        case .time where interval.months == 0: break
        case .bigint where isRowTime(value): time = instant(ofMilliseconds: time)
        default:
            throw Diagnostic(
                .typeMismatch, "an INTERVAL\(value.type == .time ? " of months" : "") cannot be added to \(text(of: operand)), which is \(value.typeText)",
                at: whole.span.range)
        }
        let arguments = [time, .literal(.integer(interval.months), .integer), .literal(.bigint(interval.milliseconds), .bigint)]
        return TypedExpression(.call("ADD_INTERVAL", arguments), time.type)
    }

    /// Whether a value is ROWTIME, WINDOWSTART or WINDOWEND: milliseconds since 1970.
    func isRowTime(_ value: Analysed) -> Bool {
        guard value.type == .bigint, case .column(_, let name) = value.source.node else { return false }
        return ["ROWTIME", "WINDOWSTART", "WINDOWEND"].contains(name.text)
    }

    /// Days added to a date, days between dates; nil for anything else.
    func dateArithmetic(_ operation: Plans.ArithmeticOperator, _ left: Analysed, _ right: Analysed, _ whole: Expression) throws(Diagnostic) -> TypedExpression? {
        guard context.isFull else { return nil }
        func moved(_ date: Analysed, _ days: Analysed, _ function: String) -> TypedExpression {
            TypedExpression(.call(function, [.literal(.string("DAYS"), .string), days.expression, date.expression]), .date)
        }
        switch (operation, left.type, right.type) {
        case (.add, .date, .integer): return moved(left, right, "DATEADD")
        case (.add, .integer, .date): return moved(right, left, "DATEADD")
        case (.subtract, .date, .integer): return moved(left, right, "DATESUB")
        case (.subtract, .date, .date):
            func days(_ date: Analysed) -> TypedExpression { TypedExpression(.call("UNIX_DATE", [date.expression]), .integer) }
            return TypedExpression(.arithmetic(.subtract, days(left), days(right)), .integer)
        case (.subtract, .timestamp, .timestamp):
            throw Diagnostic(
                .typeMismatch, "\(text(of: whole)) would be an INTERVAL, which is no type of a value",
                hint: "UNIX_TIMESTAMP(a) - UNIX_TIMESTAMP(b) gives milliseconds.", at: whole.span.range)
        default: return nil
        }
    }

    /// `a || b`: texts of values of any type, or one array behind the other.
    mutating func concatenation(_ left: Expression, _ right: Expression, _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        let values = [try analyse(left), try analyse(right)]
        if case .array = values[0].type, values[0].type == values[1].type {
            return TypedExpression(.call("ARRAY_CONCAT", values.map(\.expression)), values[0].type)
        }
        if values.contains(where: { $0.type == .bytes }) { return try call(Name("CONCAT"), [left, right], whole) }
        return TypedExpression(.call("CONCAT", values.map { $0.expression.coerced(to: .string) }), .string)
    }
}

extension String {
    /// The text with a T between date and time, where `2024-01-01 12:00` is what people write.
    var withTimeMark: String {
        let parts = trimmingBlanks.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[1].first?.isNumber == true else { return self }
        return parts.joined(separator: "T")
    }
}

/// The text of an INTERVAL: months, whose length depends on the calendar, and milliseconds.
struct Interval {
    var months: Int32 = 0
    var milliseconds: Int64 = 0

    var negated: Interval { Interval(months: 0 &- months, milliseconds: 0 &- milliseconds) }

    private init(months: Int32, milliseconds: Int64) {
        self.months = months
        self.milliseconds = milliseconds
    }

    /// Nil when the expression is no INTERVAL. Errors: its text cannot be read.
    init?(_ expression: Expression) throws(Diagnostic) {
        guard case .call(let name, let arguments) = expression.node, name.text == "INTERVAL", !name.isQuoted, arguments.count == 1,
            case .literal(.string(let text)) = arguments[0].node
        else { return nil }
        guard let read = Interval(text: text) else {
            throw Diagnostic(
                .invalidLiteral, "'\(text)' is no INTERVAL", hint: "Write INTERVAL '5' MINUTE or INTERVAL '1 day 2 hours'.", at: expression.span.range)
        }
        self = read
    }

    /// `1 year 2 days 03:04:05`; nil for any other text, and for one that is too long.
    private init?(text: String) {
        var words = text.lowercased().split(whereSeparator: { " ,\t\n".contains($0) })[...]
        if words.isEmpty { return nil }
        while let word = words.popFirst() {
            if word.contains(":") {
                guard let clock = Interval.clock(word), let sum = add(clock) else { return nil }
                milliseconds = sum
                continue
            }
            guard let count = Int64(word), let unit = words.popFirst() else { return nil }
            let name = unit.hasSuffix("s") ? unit.dropLast() : unit
            if let length = Interval.lengths[String(name)] {
                let (part, isTooLong) = count.multipliedReportingOverflow(by: length)
                guard !isTooLong, let sum = add(part) else { return nil }
                milliseconds = sum
            } else if name == "month" || name == "year" {
                let (part, isTooLong) = count.multipliedReportingOverflow(by: name == "year" ? 12 : 1)
                guard !isTooLong, let small = Int32(exactly: part), small.magnitude < 1 << 24, months.magnitude < 1 << 24 else { return nil }
                months += small
            } else {
                return nil
            }
        }
    }

    private func add(_ part: Int64) -> Int64? {
        let (sum, isTooLong) = milliseconds.addingReportingOverflow(part)
        return isTooLong ? nil : sum
    }

    private static let lengths: [String: Int64] = [
        "week": 604_800_000, "day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "min": 60_000, "second": 1000, "sec": 1000,
        "millisecond": 1,
    ]

    /// `HH:mm[:ss]`
    private static func clock(_ word: Substring) -> Int64? {
        TemporalText.time(word.utf8).map { Int64($0) }
    }
}
