// The text of expressions: every operator in parentheses, so that no reader needs to know the precedences.

extension Expression {
    /// The canonical text.
    package var canonicalText: String { CanonicalText.expression(self) }
}

extension CanonicalText {
    package static func expression(_ expression: Expression) -> String {
        switch expression.node {
        case .literal(let literal): return self.literal(literal)
        case .column(let source, let column): return (source.map { name($0) + "." } ?? "") + name(column)
        case .sign(let sign, let operand): return signed(sign, operand)
        case .arithmetic(let operation, let left, let right): return infix(left, operation.rawValue, right)
        case .comparison(let operation, let left, let right): return infix(left, operation.rawValue, right)
        case .logical(let operation, let left, let right): return infix(left, operation.rawValue, right)
        case .not(let operand): return "(NOT " + self.expression(operand) + ")"
        case .isNull(let operand, let negated): return "(" + self.expression(operand) + (negated ? " IS NOT NULL)" : " IS NULL)")
        case .between(let operand, let low, let high):
            return "(" + self.expression(operand) + " BETWEEN " + self.expression(low) + " AND " + self.expression(high) + ")"
        case .isIn(let operand, let list): return "(" + self.expression(operand) + " IN (" + commas(list) + "))"
        case .like(let operand, let pattern, let escape):
            let end = escape.map { " ESCAPE " + quoted($0) } ?? ""
            return "(" + self.expression(operand) + " LIKE " + self.expression(pattern) + end + ")"
        case .searchedCase(let whens, let otherwise): return caseText(nil, whens, otherwise)
        case .simpleCase(let operand, let whens, let otherwise): return caseText(operand, whens, otherwise)
        case .cast(let operand, let type): return "CAST(" + self.expression(operand) + " AS " + self.type(type) + ")"
        case .call(let function, let arguments):
            if arguments.isEmpty, function.text == "COUNT" { return "COUNT(*)" }
            return name(function) + "(" + commas(arguments) + ")"
        case .subscripted(let base, let index): return postfixBase(base) + "[" + self.expression(index) + "]"
        case .field(let base, let field): return postfixBase(base) + "->" + name(field)
        case .array(let elements): return "ARRAY[" + commas(elements) + "]"
        case .map(let entries):
            return "MAP(" + entries.map { self.expression($0.key) + ":=" + self.expression($0.value) }.joined(separator: ", ") + ")"
        case .structure(let entries):
            return "STRUCT(" + entries.map { name($0.name) + ":=" + self.expression($0.value) }.joined(separator: ", ") + ")"
        case .lambda(let parameters, let body):
            return "(" + parameters.map(name).joined(separator: ", ") + ") => " + self.expression(body)
        case .timeUnit(let unit): return unit.rawValue
        }
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
