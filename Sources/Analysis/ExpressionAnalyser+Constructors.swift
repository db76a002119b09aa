// ARRAY[…], MAP(…), STRUCT(…) and IN: lists whose members must find a common type.

import Diagnostics
import Plans
import Syntax
import Values

extension ExpressionAnalyser {
    private mutating func all(_ expressions: [Expression]) throws(Diagnostic) -> [Analysed] {
        var result: [Analysed] = []
        for expression in expressions { result.append(try analyse(expression)) }
        return result
    }

    mutating func makeArray(_ items: [Expression], _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        guard !items.isEmpty else {
            throw Diagnostic(
                .typeMismatch,
                "Array constructor cannot be empty. Please supply at least one element (see https://github.com/confluentinc/ksql/issues/4239).",
                category: .statement, at: whole.span.range)
        }
        let members = try all(items)
        guard let type = try commonType(members, of: "an array", whole) else {
            throw Diagnostic(
                .typeMismatch,
                "Cannot construct an array with all NULL elements (see https://github.com/confluentinc/ksql/issues/4239). "
                    + "As a workaround, you may cast a NULL value to the desired type.", at: whole.span.range)
        }
        var elements: [TypedExpression] = []
        for member in members { elements.append(try coerce(member, to: type)) }
        return TypedExpression(.makeArray(elements), .array(type))
    }

    mutating func makeMap(_ entries: [Expression.MapEntry], _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        guard !entries.isEmpty else {
            throw Diagnostic(
                .typeMismatch,
                "Map constructor cannot be empty. Please supply at least one key value pair (see https://github.com/confluentinc/ksql/issues/4239).",
                at: whole.span.range)
        }
        let keys = try all(entries.map(\.key))
        let values = try all(entries.map(\.value))
        func missing(_ part: String) -> Diagnostic {
            Diagnostic(
                .typeMismatch,
                "Cannot construct a map with all NULL \(part) (see https://github.com/confluentinc/ksql/issues/4239). "
                    + "As a workaround, you may cast a NULL \(part == "keys" ? "key" : "value") to the desired type.", at: whole.span.range)
        }
        guard let keyType = try commonType(keys, of: "a map", whole) else { throw missing("keys") }
        guard let valueType = try commonType(values, of: "a map", whole) else { throw missing("values") }
        var items: [MapItem] = []
        for (key, value) in zip(keys, values) {
            items.append(MapItem(key: try coerce(key, to: keyType), value: try coerce(value, to: valueType)))
        }
        return TypedExpression(.makeMap(items), .map(key: keyType, value: valueType))
    }

    mutating func makeStruct(_ entries: [Expression.StructEntry]) throws(Diagnostic) -> TypedExpression {
        var fields: [StructField] = []
        var values: [TypedExpression] = []
        for entry in entries {
            if fields.contains(where: { $0.name == entry.name.text }) {
                throw Diagnostic(
                    .duplicateColumn, "Duplicate field names found in STRUCT: '\(entry.name.text)'", category: .general,
                    at: entry.name.span.range)
            }
            let value = try analyse(entry.value)
            if value.isNull {
                throw Diagnostic(
                    .typeMismatch, "Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR).",
                    at: entry.value.span.range)
            }
            fields.append(StructField(entry.name.text, value.type))
            values.append(value.expression)
        }
        return TypedExpression(.makeStruct(values), .structure(fields))
    }

    mutating func isIn(_ operand: Expression, _ list: [Expression]) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        let members = try all(list)
        if let time = try inTimes(value, members) { return time }
        do throws(Diagnostic) {
            guard let type = try commonType([value] + members, of: nil, operand) else {
                return TypedExpression(.isIn(value.expression, members.map(\.expression), negated: false), .boolean)
            }
            var items: [TypedExpression] = []
            for member in members { items.append(try coerce(member, to: type)) }
            return TypedExpression(.isIn(try coerce(value, to: type), items, negated: false), .boolean)
        } catch {
            var wrapped = error
            wrapped.message = "Invalid Predicate: \(error.message)"
            throw wrapped
        }
    }

    /// ROWTIME IN ('2024-01-01', …): texts become milliseconds.
    private func inTimes(_ value: Analysed, _ members: [Analysed]) throws(Diagnostic) -> TypedExpression? {
        var items: [TypedExpression] = []
        for member in members {
            guard let pair = try timeLiteral(value, member) else { return nil }
            items.append(pair.1)
        }
        return TypedExpression(.isIn(value.expression, items, negated: false), .boolean)
    }

    /// The type that all members can take, NULLs aside; nil when all are NULL.
    ///
    /// Columns and calls decide before literals do: a text literal among numbers is read as a number, a number among texts is written.
    func commonType(_ members: [Analysed], of constructor: String?, _ whole: Expression) throws(Diagnostic) -> SQLType? {
        let known = members.filter { !$0.isNull }
        guard let first = known.first(where: { !$0.isLiteral }) ?? known.first else { return nil }
        var common = first.type
        for member in known {
            if let wider = commonType(common, member) {
                common = wider
                continue
            }
            if let constructor {
                throw Diagnostic(
                    .typeMismatch,
                    "Cannot construct \(constructor) with mismatching types (\(common), \(member.type)). Please cast the elements to one type.",
                    at: member.source.span.range)
            }
            throw Diagnostic(
                .typeMismatch,
                "operator does not exist: \(common) = \(member.type) (\(text(of: member.source)))"
                    + "\nHint: You might need to add explicit type casts.", at: member.source.span.range)
        }
        return common
    }

    private func commonType(_ common: SQLType, _ member: Analysed) -> SQLType? {
        // A text literal that is a number too large for the others widens them.
        if common == .integer, case .literal(.string(let text)) = member.expression.node, Value.parsed(text, as: .integer) == nil,
            Value.parsed(text, as: .bigint) != nil
        {
            return .bigint
        }
        return SQLType.common(common, member.type, lax: member.isLiteral)
    }

    /// The member as `type`; a literal text that cannot be read as one is an error now.
    func coerce(_ member: Analysed, to type: SQLType) throws(Diagnostic) -> TypedExpression {
        if member.isNull { return .literal(.null, type) }
        return try coerce(member.expression, to: type, member.source)
    }

    private func coerce(_ expression: TypedExpression, to type: SQLType, _ source: Expression) throws(Diagnostic) -> TypedExpression {
        if expression.type == type { return expression }
        switch (expression.node, type) {
        case (.literal(.string(let text)), _) where type != .string:
            guard let value = Value.parsed(text, as: type) else {
                throw Diagnostic(.invalidLiteral, "invalid input syntax for type \(type): \"\(text)\".", at: source.span.range)
            }
            return .literal(value, type)
        case (.makeArray(let items), .array(let element)):
            var coerced: [TypedExpression] = []
            for item in items { coerced.append(try coerce(item, to: element, source)) }
            return TypedExpression(.makeArray(coerced), type)
        case (.makeMap(let items), .map(let key, let value)):
            var coerced: [MapItem] = []
            for item in items {
                coerced.append(MapItem(key: try coerce(item.key, to: key, source), value: try coerce(item.value, to: value, source)))
            }
            return TypedExpression(.makeMap(coerced), type)
        case (.makeStruct(let values), .structure(let wanted)):
            guard case .structure(let fields) = expression.type else { return expression.coerced(to: type) }
            var coerced: [TypedExpression] = []
            for field in wanted {
                if let index = fields.firstIndex(where: { $0.name == field.name }) {
                    coerced.append(try coerce(values[index], to: field.type, source))
                } else {
                    coerced.append(.literal(.null, field.type))
                }
            }
            return TypedExpression(.makeStruct(coerced), type)
        default: return expression.coerced(to: type)
        }
    }
}

extension SQLType {
    /// The narrowest type that both can take in a list, or nil. `lax` tells that the second is a literal: texts may then stand among
    /// numbers and the other way round.
    static func common(_ a: SQLType, _ b: SQLType, lax: Bool) -> SQLType? {
        if a == b { return a }
        if let first = a.numericRank, let second = b.numericRank {
            if max(first, second) < 2 || max(first, second) == 3 { return first >= second ? a : b }
            guard let x = a.asDecimal, let y = b.asDecimal else { return nil }
            let scale = max(x.scale, y.scale)
            let precision = max(x.precision - x.scale, y.precision - y.scale) + scale
            // A type that one of them has already is no wider than what was declared.
            if precision <= mostDecimalDigits || precision == x.precision || precision == y.precision {
                return .decimal(precision: precision, scale: scale)
            }
            // A whole number seldom has all digits of its type: one that does not fit fails by itself. Two decimals that no 38 digits hold
            // have no type in common.
            guard first < 2 || second < 2 else { return nil }
            return .decimal(precision: max(mostDecimalDigits, x.precision, y.precision), scale: scale)
        }
        switch (a, b) {
        case (.array(let x), .array(let y)): return common(x, y, lax: lax).map { .array($0) }
        case (.map(let k1, let v1), .map(let k2, let v2)):
            guard let key = common(k1, k2, lax: lax), let value = common(v1, v2, lax: lax) else { return nil }
            return .map(key: key, value: value)
        case (.structure(let x), .structure(let y)): return union(x, y, lax: lax)
        case (.time, .string), (.date, .string), (.timestamp, .string), (.bytes, .string): return a
        case (.string, .time), (.string, .date), (.string, .timestamp): return b
        case (.string, _) where lax && !b.isNested: return .string
        case (_, .string) where lax && !a.isNested: return a
        default: return nil
        }
    }

    private static func union(_ a: [StructField], _ b: [StructField], lax: Bool) -> SQLType? {
        var fields = a
        for field in b {
            guard let index = fields.firstIndex(where: { $0.name == field.name }) else {
                fields.append(field)
                continue
            }
            guard let type = common(fields[index].type, field.type, lax: lax) else { return nil }
            fields[index].type = type
        }
        return .structure(fields)
    }
}

extension Value {
    /// A text literal read as another type, by the rules of lists; nil when it is no such value.
    static func parsed(_ text: String, as type: SQLType) -> Value? {
        let trimmed = text.trimmingBlanks
        switch type {
        case .integer:
            return Int32(trimmed).map { .integer($0) } ?? wholeNumber(trimmed).flatMap { Int32(exactly: $0) }.map { .integer($0) }
        case .bigint: return Int64(trimmed).map { .bigint($0) } ?? wholeNumber(trimmed).map { .bigint($0) }
        case .double: return Double(trimmed).flatMap { $0.isFinite ? .double($0) : nil }
        case .decimal(let precision, let scale):
            return Decimal(text: trimmed.utf8)?.converted(precision: precision, scale: scale, .exact).map { .decimal($0) }
        case .boolean:
            switch trimmed.lowercased() {
            case "t", "tr", "tru", "true", "y", "ye", "yes": return .boolean(true)
            case "f", "fa", "fal", "fals", "false", "n", "no": return .boolean(false)
            default: return nil
            }
        case .time: return TemporalText.time(text.utf8).map { .time($0) }
        case .date: return TemporalText.date(text.utf8).map { .date($0) }
        case .timestamp: return TemporalText.timestamp(text.utf8).map { .timestamp($0) }
        case .string: return .string(text)
        case .bytes, .array, .map, .structure: return nil
        }
    }

    private static func wholeNumber(_ text: String) -> Int64? {
        guard let value = Decimal(text: text.utf8)?.rescaled(to: 0, .exact) else { return nil }
        return Int64(exactly: value.unscaled)
    }
}

extension String {
    /// The text without blanks around it.
    var trimmingBlanks: String {
        var scalars = unicodeScalars[...]
        while let first = scalars.first, first.value <= 32 { scalars.removeFirst() }
        while let last = scalars.last, last.value <= 32 { scalars.removeLast() }
        return String(scalars)
    }
}
