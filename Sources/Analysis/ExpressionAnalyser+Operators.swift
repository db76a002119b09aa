// Arithmetic, comparison and membership: which operand types go together, and the casts that bring them together.

import Diagnostics
import Functions
package import Plans
import Syntax
package import Values

extension ExpressionAnalyser {
    mutating func signed(_ sign: Expression.Sign, _ operand: Expression, _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        guard value.type.isNumeric, !value.isNull else {
            throw Diagnostic(
                .typeMismatch,
                "Error processing expression: \(text(of: whole)). Unsupported arithmetic types. \(value.type.baseName)",
                at: whole.span.range)
        }
        if sign == .plus { return value.expression }
        if case .literal(let literal) = value.expression.node, let negated = literal.negated { return .literal(negated, value.type) }
        return TypedExpression(.negate(value.expression), value.type)
    }

    mutating func arithmetic(
        _ operation: Expression.ArithmeticOperator, left: Expression, right: Expression, whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        if operation == .concatenate {
            return context.isFull ? try concatenation(left, right, whole) : try call(Name("CONCAT"), [left, right], whole)
        }
        if let shifted = try intervalArithmetic(operation, left, right, whole) { return shifted }
        let left = try analyse(left)
        let right = try analyse(right)
        guard let planned = Plans.ArithmeticOperator(rawValue: operation.rawValue) else {
            throw Diagnostic(.internalError, "no such operator: \(operation.rawValue)", at: whole.span.range)
        }
        if planned == .add, left.type == .string, right.type == .string, !left.isNull, !right.isNull {
            return TypedExpression(.arithmetic(.add, left.expression, right.expression), .string)
        }
        if let date = try dateArithmetic(planned, left, right, whole) { return date }
        guard !left.isNull, !right.isNull, let leftRank = left.type.numericRank, let rightRank = right.type.numericRank else {
            let reason =
                left.isNull || right.isNull
                ? "Arithmetic on types \(left.typeText) and \(right.typeText) are not supported."
                : "Unsupported arithmetic types. \(left.type.baseName) \(right.type.baseName)"
            throw Diagnostic(.typeMismatch, "Error processing expression: \(text(of: whole)). \(reason)", at: whole.span.range)
        }
        if max(leftRank, rightRank) == 2, let first = left.type.asDecimal, let second = right.type.asDecimal {
            let result =
                switch planned {
                case .add, .subtract: SQLType.decimalSum(first, second)
                case .multiply: SQLType.decimalProduct(first, second)
                case .divide: SQLType.decimalQuotient(first, second)
                case .modulo: SQLType.decimalRemainder(first, second)
                }
            if case .decimal(let precision, _) = result, precision > SQLType.mostArithmeticDigits {
                throw Diagnostic(
                    .typeMismatch,
                    "\(text(of: whole)) is a \(result), which is more than \(SQLType.mostArithmeticDigits) digits",
                    hint: "CAST the operands to DECIMALs with fewer digits.", at: whole.span.range)
            }
            func operand(_ side: Analysed, _ shape: (precision: Int, scale: Int)) -> TypedExpression {
                side.expression.coerced(to: .decimal(precision: shape.precision, scale: shape.scale))
            }
            return TypedExpression(.arithmetic(planned, operand(left, first), operand(right, second)), result)
        }
        let result = leftRank >= rightRank ? left.type : right.type
        return TypedExpression(.arithmetic(planned, left.expression.coerced(to: result), right.expression.coerced(to: result)), result)
    }

    mutating func comparison(
        _ operation: Expression.ComparisonOperator, left: Expression, right: Expression, whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        let left = try analyse(left)
        let right = try analyse(right)
        let isDistinct = operation == .isDistinctFrom || operation == .isNotDistinctFrom
        if left.isNull || right.isNull {
            // What is compared with NULL is false, here as for values.
            guard isDistinct || !context.isFull else { return .literal(.boolean(false), .boolean) }
            guard isDistinct else {
                throw Diagnostic(
                    .typeMismatch,
                    "Comparison with NULL not supported: \(operandText(left)) \(operation.rawValue) \(operandText(right))\n"
                        + "You can use 'IS NULL' or 'IS NOT NULL' instead.", at: whole.span.range)
            }
            let other = left.isNull ? right : left
            return TypedExpression(.isNull(other.expression, negated: operation == .isDistinctFrom), .boolean)
        }
        let (first, second) = try comparable(left, right, operation)
        if isDistinct { return TypedExpression(.isDistinct(first, second, negated: operation == .isNotDistinctFrom), .boolean) }
        guard let planned = Plans.ComparisonOperator(rawValue: operation.rawValue) else {
            throw Diagnostic(.internalError, "no such operator: \(operation.rawValue)", at: whole.span.range)
        }
        return TypedExpression(.compare(planned, first, second), .boolean)
    }

    private func operandText(_ side: Analysed) -> String { side.isNull ? "NULL" : text(of: side.source) }

    /// Both sides brought to types that can be compared, or the complaint that they cannot.
    func comparable(
        _ left: Analysed, _ right: Analysed, _ operation: Expression.ComparisonOperator
    ) throws(Diagnostic) -> (TypedExpression, TypedExpression) {
        if let pair = try timeLiteral(left, right) { return pair }
        if let pair = try timeLiteral(right, left) { return (pair.1, pair.0) }
        if context.isFull, isRowTime(left), let instant = instant(right) { return (left.expression, instant) }
        if context.isFull, isRowTime(right), let instant = instant(left) { return (instant, right.expression) }
        let isEquality =
            operation == .equal || operation == .notEqual || operation == .isDistinctFrom || operation == .isNotDistinctFrom
        switch (left.type, right.type) {
        case (let a, let b) where a.isNumeric && b.isNumeric:
            return numericPair(left.expression, right.expression)
        case (let a, .string) where a.isNumeric && context.isFull && right.number != nil:
            return numericPair(left.expression, right.number ?? right.expression)
        case (.string, let b) where b.isNumeric && context.isFull && left.number != nil:
            return numericPair(left.number ?? left.expression, right.expression)
        case (.string, .string), (.time, .time), (.date, .date), (.timestamp, .timestamp), (.bytes, .bytes):
            return (left.expression, right.expression)
        case (.string, .time), (.string, .date), (.string, .timestamp):
            return (try temporal(left, right.type), right.expression)
        case (.time, .string), (.date, .string), (.timestamp, .string):
            return (left.expression, try temporal(right, left.type))
        case (.date, .timestamp): return (left.expression.coerced(to: .timestamp), right.expression)
        case (.timestamp, .date): return (left.expression, right.expression.coerced(to: .timestamp))
        case (.boolean, .boolean) where isEquality: return (left.expression, right.expression)
        case (.array, .array) where isEquality && left.type == right.type, (.map, .map) where isEquality && left.type == right.type,
            (.structure, .structure) where isEquality && left.type == right.type:
            return (left.expression, right.expression)
        default:
            let text =
                "Cannot compare \(text(of: left.source)) (\(left.type)) to \(text(of: right.source)) (\(right.type)) "
                + "with \(operation.comparisonName)."
            throw Diagnostic(.typeMismatch, text, at: left.source.span.range)
        }
    }

    /// Text compared with a time column; a literal that is no such time fails here, a column row by row.
    private func temporal(_ side: Analysed, _ type: SQLType) throws(Diagnostic) -> TypedExpression {
        guard case .literal(.string(let text)) = side.expression.node else { return side.expression.coerced(to: type) }
        let value: Value? =
            switch type {
            case .time: TemporalText.time(text.utf8).map { .time($0) }
            case .date: TemporalText.date(text.utf8).map { .date($0) }
            default: TemporalText.timestamp((context.isFull ? text.withTimeMark : text).utf8).map { .timestamp($0) }
            }
        guard let value else {
            throw Diagnostic(.invalidDateTime, "'\(text)' is not a valid \(type)", at: side.source.span.range)
        }
        return .literal(value, type)
    }

    /// ROWTIME, WINDOWSTART or WINDOWEND against a string literal: the literal is a date-time text and becomes milliseconds.
    func timeLiteral(_ time: Analysed, _ text: Analysed) throws(Diagnostic) -> (TypedExpression, TypedExpression)? {
        guard case .column(_, let name) = time.source.node, case .literal(.string(let string)) = text.expression.node, time.type == .bigint,
            name.text == "ROWTIME" || name.text == "WINDOWSTART" || name.text == "WINDOWEND"
        else { return nil }
        guard let value = TemporalText.timestamp(string.utf8) else {
            throw Diagnostic(
                .invalidDateTime, "Failed to parse timestamp '\(string)': Text '\(string)' could not be parsed",
                hint: "Use yyyy-MM-ddTHH:mm:ss.SSS, or a part of it from the left.", at: text.source.span.range)
        }
        return (time.expression, .literal(.bigint(value), .bigint))
    }

    /// The milliseconds of a TIMESTAMP or DATE; nil for other types.
    private func instant(_ value: Analysed) -> TypedExpression? {
        guard value.type == .timestamp || value.type == .date, !value.isNull else { return nil }
        if case .literal(.timestamp(let milliseconds)) = value.expression.node { return .literal(.bigint(milliseconds), .bigint) }
        return TypedExpression(.call("UNIX_TIMESTAMP", [value.expression.coerced(to: .timestamp)]), .bigint)
    }

    func numericPair(_ left: TypedExpression, _ right: TypedExpression) -> (TypedExpression, TypedExpression) {
        guard let leftRank = left.type.numericRank, let rightRank = right.type.numericRank, left.type != right.type else {
            return (left, right)
        }
        if leftRank == 2 && rightRank == 2 { return (left, right) }
        let wider = leftRank > rightRank ? left.type : right.type
        func widened(_ side: TypedExpression) -> TypedExpression {
            guard case .decimal = wider, let shape = side.type.asDecimal else { return side.coerced(to: wider) }
            return side.coerced(to: .decimal(precision: shape.precision, scale: shape.scale))
        }
        return (widened(left), widened(right))
    }

    mutating func between(
        _ operand: Expression, low: Expression, high: Expression, whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        let low = try analyse(low)
        let high = try analyse(high)
        if value.isNull || low.isNull || high.isNull {
            if context.isFull { return .literal(.boolean(false), .boolean) }
            throw Diagnostic(.typeMismatch, "Comparison with NULL not supported: \(text(of: whole))", at: whole.span.range)
        }
        let (first, from) = try comparable(value, low, .greaterOrEqual)
        let (second, to) = try comparable(value, high, .lessOrEqual)
        if first == second { return TypedExpression(.between(first, from, to, negated: false), .boolean) }
        return TypedExpression(
            .and(
                TypedExpression(.compare(.greaterOrEqual, first, from), .boolean),
                TypedExpression(.compare(.lessOrEqual, second, to), .boolean)), .boolean)
    }

    mutating func subscripted(_ base: Expression, _ index: Expression) throws(Diagnostic) -> TypedExpression {
        let container = try analyse(base)
        let key = try analyse(index)
        switch container.type {
        case .array(let element):
            guard key.type == .integer else {
                throw Diagnostic(
                    .typeMismatch, "Array Index must be INTEGER, but \(text(of: index)) is of type \(key.typeText)",
                    at: index.span.range)
            }
            return TypedExpression(.subscripted(container.expression, key.expression), element)
        case .map(let keyType, let value):
            guard key.type == keyType || key.type.castsImplicitly(to: keyType) else {
                throw Diagnostic(
                    .typeMismatch, "Map keys are of type \(keyType), but \(text(of: index)) is of type \(key.typeText)",
                    at: index.span.range)
            }
            return TypedExpression(.subscripted(container.expression, key.expression.coerced(to: keyType)), value)
        default:
            throw Diagnostic(
                .typeMismatch, "Subscript operator is only for ARRAY and MAP, but \(text(of: base)) is of type \(container.type)",
                hint: container.type.baseName == "STRUCT" ? "Use -> to get a field of a STRUCT." : nil, at: base.span.range)
        }
    }

    mutating func field(_ base: Expression, _ name: Name) throws(Diagnostic) -> TypedExpression {
        let container = try analyse(base)
        guard case .structure(let fields) = container.type, !container.isNull else {
            throw Diagnostic(
                .typeMismatch, "-> is only for STRUCT, but \(text(of: base)) is of type \(container.typeText)", at: base.span.range
            )
        }
        guard let index = fields.firstIndex(where: { $0.name == name.text }) else {
            throw Diagnostic(
                .unknownColumn,
                "Could not find field '\(name.text)' in '\(text(of: base))'.\nAvailable fields: "
                    + fields.map { "`\($0.name)`" }.joined(separator: ", "),
                hint: nameSuggestion(for: name.text, among: fields.map(\.name)), at: name.span.range)
        }
        return TypedExpression(.field(container.expression, index), fields[index].type)
    }
}

extension TypedExpression {
    /// The expression as `wanted`: itself, a literal converted now, or a cast. A NULL literal just takes the type.
    package func coerced(to wanted: SQLType) -> TypedExpression {
        if type == wanted { return self }
        if case .literal(let value) = node {
            if value == .null { return .literal(.null, wanted) }
            if let converted = value.widened(to: wanted) { return .literal(converted, wanted) }
        }
        return TypedExpression(.cast(self), wanted)
    }
}

extension Value {
    /// The number with its sign turned; nil for what is no number.
    var negated: Value? {
        switch self {
        case .integer(let value) where value != .min: .integer(-value)
        case .bigint(let value) where value != .min: .bigint(-value)
        case .double(let value): .double(-value)
        case .decimal(let value): .decimal(Decimal(unscaled: -value.unscaled, scale: value.scale))
        default: nil
        }
    }

    /// An exact number in a wider number type; nil when this is not such a pair.
    package func widened(to type: SQLType) -> Value? {
        switch (self, type) {
        case (.integer(let value), .bigint): return .bigint(Int64(value))
        case (.integer(let value), .double): return .double(Double(value))
        case (.bigint(let value), .double): return .double(Double(value))
        case (.decimal(let value), .double): return .double(value.doubleValue)
        case (.integer(let value), .decimal(let precision, let scale)):
            return Decimal(unscaled: Int128(value), scale: 0).converted(precision: precision, scale: scale, .exact).map { .decimal($0) }
        case (.bigint(let value), .decimal(let precision, let scale)):
            return Decimal(unscaled: Int128(value), scale: 0).converted(precision: precision, scale: scale, .exact).map { .decimal($0) }
        case (.decimal(let value), .decimal(let precision, let scale)):
            return value.converted(precision: precision, scale: scale, .exact).map { .decimal($0) }
        default: return nil
        }
    }
}

extension Expression.ComparisonOperator {
    /// The operator's name in messages.
    var comparisonName: String {
        switch self {
        case .equal: "EQUAL"
        case .notEqual: "NOT_EQUAL"
        case .less: "LESS_THAN"
        case .lessOrEqual: "LESS_THAN_OR_EQUAL"
        case .greater: "GREATER_THAN"
        case .greaterOrEqual: "GREATER_THAN_OR_EQUAL"
        case .isDistinctFrom: "IS_DISTINCT_FROM"
        case .isNotDistinctFrom: "IS_NOT_DISTINCT_FROM"
        }
    }
}

extension Analysed {
    /// The number that a literal text spells, as in `id = '42'`; nil for all other values.
    fileprivate var number: TypedExpression? {
        guard case .literal(.string(let text)) = expression.node else { return nil }
        if let whole = Int64(text) { return Literal.integer(whole).typed }
        if Decimal(text: text.utf8) != nil { return Literal.decimal(text).typed }
        return Double(text).map { .literal(.double($0), .double) }
    }
}
