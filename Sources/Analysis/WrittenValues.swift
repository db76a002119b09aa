// Literals of INSERT and UPDATE in the types of their columns: a text is read as PostgreSQL reads one for a number, so that `VALUES ('5')` is 5.

import Catalog
import Diagnostics
import Syntax
import Values

extension Expression {
    /// The literal as one of the column's type; every other expression as it is. Errors: a text that says nothing in the column's type.
    func literal(for column: Values.ColumnDefinition) throws(Diagnostic) -> Expression {
        guard case .literal(let literal) = node else { return self }
        switch (literal, column.type) {
        case (.string(let text), _): return Expression(.literal(try read(text, for: column)), span: span)
        case (.integer(let number), .boolean) where number == 0 || number == 1: return Expression(.literal(.boolean(number == 1)), span: span)
        case (.integer, .string), (.decimal, .string), (.double, .string), (.boolean, .string):
            return Expression(.literal(.string(CanonicalText.literal(literal))), span: span)
        default: return self
        }
    }

    private func read(_ text: String, for column: Values.ColumnDefinition) throws(Diagnostic) -> Literal {
        let trimmed = String(text.unicodeScalars.drop { $0.properties.isWhitespace }.reversed().drop { $0.properties.isWhitespace }.reversed().map(Character.init))
        switch column.type {
        case .integer, .bigint:
            guard let number = Int64(trimmed) else { throw unreadable(text, for: column, isNumber: Expression(decimalText: trimmed) != nil) }
            guard column.type == .bigint || Int32(exactly: number) != nil else { throw unreadable(text, for: column, isNumber: true) }
            return .integer(number)
        case .double:
            guard trimmed.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let number = Double(trimmed) else { throw unreadable(text, for: column) }
            guard number.isFinite else { throw unreadable(text, for: column, isNumber: true) }
            return .double(number)
        case .decimal:
            guard let number = Expression(decimalText: trimmed), case .literal(let literal) = number.node else { throw unreadable(text, for: column) }
            return literal
        case .boolean:
            switch trimmed.lowercased() {
            case "true", "t", "yes", "y", "on", "1": return .boolean(true)
            case "false", "f", "no", "n", "off", "0": return .boolean(false)
            default: throw unreadable(text, for: column)
            }
        case .timestamp: return .string(text.withTimeMark)
        default: return .string(text)
        }
    }

    private init?(decimalText text: String) {
        guard let digits = Literal.decimal(spelled: text) else { return nil }
        self.init(.literal(digits))
    }

    private func unreadable(_ text: String, for column: Values.ColumnDefinition, isNumber: Bool = false) -> Diagnostic {
        let shown = text.count > 40 ? text.prefix(40) + "…" : text[...]
        guard isNumber else {
            return Diagnostic(
                .typeMismatch, "'\(shown)' is no \(column.type), the type of the column `\(column.name)`", category: .statement, at: span.range)
        }
        return Diagnostic(
            .numberOutOfRange, "'\(shown)' does not fit \(column.type), the type of the column `\(column.name)`", category: .statement, at: span.range)
    }
}

extension QuestionBody {
    /// The rows with what stands in them as values replaced by what `change` gives for it and its column, counted from 0; what is computed stays.
    func replacingValues(_ change: (Expression, Int) throws(Diagnostic) -> Expression) throws(Diagnostic) -> QuestionBody {
        switch self {
        case .values(let rows, let span):
            var changed: [[Expression]] = []
            for row in rows { changed.append(try replaced(row, change)) }
            return .values(changed, span)
        case .select(var block):
            var items: [SelectItem] = []
            for (index, item) in block.items.enumerated() {
                guard case .expression(let expression, let alias) = item else { return self }
                // Its name stays the one of what was written.
                items.append(.expression(try change(expression, index), alias: alias))
            }
            block.items = items
            return .select(block)
        case .combination(let operation, let isAll, let left, let right, let span):
            return .combination(operation, isAll: isAll, try left.replacingValues(change), try right.replacingValues(change), span)
        case .nested(var question):
            question.body = try question.body.replacingValues(change)
            return .nested(question)
        }
    }

    private func replaced(
        _ row: [Expression], _ change: (Expression, Int) throws(Diagnostic) -> Expression
    ) throws(Diagnostic) -> [Expression] {
        var changed: [Expression] = []
        for (index, value) in row.enumerated() { changed.append(try change(value, index)) }
        return changed
    }
}
