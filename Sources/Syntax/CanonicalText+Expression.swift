// The text of expressions: every operator in parentheses, so that no reader needs to know the precedences.

extension Expression {
    /// The canonical text.
    package var canonicalText: String { CanonicalText.expression(self) }
}

extension CanonicalText {
    /// In three parts, because long chains of operators are the deep trees and the frames of this function add up.
    package static func expression(_ expression: Expression) -> String {
        switch expression.node {
        case .arithmetic(let operation, let left, let right): infix(left, operation.rawValue, right)
        case .comparison(let operation, let left, let right): infix(left, operation.rawValue, right)
        case .logical(let operation, let left, let right): infix(left, operation.rawValue, right)
        case .literal(let literal): self.literal(literal)
        case .column(let source, let column): (source.map { name($0) + "." } ?? "") + name(column)
        case .timeUnit(let unit): unit.rawValue
        case .not, .isNull, .between, .isIn, .like, .searchedCase, .simpleCase, .sign: test(expression)
        case .cast, .call, .subscripted, .field, .array, .map, .structure, .lambda: construct(expression)
        case .subquery, .exists, .inSubquery, .modifiedCall: extended(expression)
        }
    }

    private static func test(_ expression: Expression) -> String {
        switch expression.node {
        case .sign(let sign, let operand): signed(sign, operand)
        case .not(let operand): "(NOT " + self.expression(operand) + ")"
        case .isNull(let operand, let negated): "(" + self.expression(operand) + (negated ? " IS NOT NULL)" : " IS NULL)")
        case .between(let operand, let low, let high):
            "(" + self.expression(operand) + " BETWEEN " + self.expression(low) + " AND " + self.expression(high) + ")"
        case .isIn(let operand, let list): "(" + self.expression(operand) + " IN (" + commas(list) + "))"
        case .like(let operand, let pattern, let escape):
            "(" + self.expression(operand) + " LIKE " + self.expression(pattern) + (escape.map { " ESCAPE " + quoted($0) } ?? "") + ")"
        case .searchedCase(let whens, let otherwise): caseText(nil, whens, otherwise)
        case .simpleCase(let operand, let whens, let otherwise): caseText(operand, whens, otherwise)
        default: ""
        }
    }

    private static func construct(_ expression: Expression) -> String {
        switch expression.node {
        case .cast(let operand, let type): "CAST(" + self.expression(operand) + " AS " + self.type(type) + ")"
        case .call(let function, let arguments):
            arguments.isEmpty && function.text == "COUNT" ? "COUNT(*)" : name(function) + "(" + commas(arguments) + ")"
        case .subscripted(let base, let index): postfixBase(base) + "[" + self.expression(index) + "]"
        case .field(let base, let field): postfixBase(base) + "->" + name(field)
        case .array(let elements): "ARRAY[" + commas(elements) + "]"
        case .map(let entries):
            "MAP(" + entries.map { self.expression($0.key) + ":=" + self.expression($0.value) }.joined(separator: ", ") + ")"
        case .structure(let entries):
            "STRUCT(" + entries.map { name($0.name) + ":=" + self.expression($0.value) }.joined(separator: ", ") + ")"
        case .lambda(let parameters, let body): "(" + parameters.map(name).joined(separator: ", ") + ") => " + self.expression(body)
        default: ""
        }
    }

    private static func extended(_ expression: Expression) -> String {
        switch expression.node {
        case .subquery(let question): "(" + self.question(question) + ")"
        case .exists(let question): "EXISTS (" + self.question(question) + ")"
        case .inSubquery(let operand, let question): "(" + self.expression(operand) + " IN (" + self.question(question) + "))"
        case .modifiedCall(let function, let arguments, let modifiers): modified(function, arguments, modifiers)
        default: ""
        }
    }

    private static func modified(_ function: Name, _ arguments: [Expression], _ modifiers: CallModifiers) -> String {
        let list = arguments.isEmpty && function.text == "COUNT" ? "*" : commas(arguments)
        let order = modifiers.orderBy.isEmpty ? "" : " ORDER BY " + keys(modifiers.orderBy)
        var text = name(function) + "(" + (modifiers.isDistinct ? "DISTINCT " : "") + list + order + ")"
        if modifiers.ignoresNulls { text += " IGNORE NULLS" }
        if let filter = modifiers.filter { text += " FILTER (WHERE " + expression(filter) + ")" }
        if let window = modifiers.window { text += window.isName ? " OVER " + specification(window) : " OVER (" + specification(window) + ")" }
        return text
    }

    private static func infix(_ left: Expression, _ operation: String, _ right: Expression) -> String {
        "(" + expression(left) + " " + operation + " " + expression(right) + ")"
    }

    private static func commas(_ expressions: [Expression]) -> String { expressions.map(expression).joined(separator: ", ") }

    /// `-A`; a blank keeps two minus signs from becoming a comment, and brackets keep a sign from becoming part of a number.
    private static func signed(_ sign: Expression.Sign, _ operand: Expression) -> String {
        let text = expression(operand)
        guard sign == .minus, let first = text.utf8.first else { return sign.rawValue + text }
        if first == UInt8(ascii: "-") { return "- " + text }
        return Lexer.isDigit(first) ? "-(" + text + ")" : "-" + text
    }

    /// What `[` or `->` follows: a sign before it would bind looser than they do.
    private static func postfixBase(_ base: Expression) -> String {
        if case .sign = base.node { return "(" + expression(base) + ")" }
        return expression(base)
    }

    private static func caseText(_ operand: Expression?, _ whens: [Expression.WhenClause], _ otherwise: Expression?) -> String {
        var text = "(CASE"
        if let operand { text += " " + expression(operand) }
        for when in whens { text += " WHEN " + expression(when.condition) + " THEN " + expression(when.result) }
        if let otherwise { text += " ELSE " + expression(otherwise) }
        return text + " END)"
    }
}
