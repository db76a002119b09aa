// WHERE, HAVING, PARTITION BY and GROUP BY: their expressions with types, and the rules of each clause.

import Catalog
import Diagnostics
import Functions
import Plans
import Syntax
import Values

extension QueryAnalysis {
    /// The condition of WHERE; nil where there is none.
    mutating func whereCondition() throws(Diagnostic) -> TypedExpression? {
        do throws(Diagnostic) { return try condition(query.filter, clause: "WHERE") } catch {
            guard context.isFull, let filter = query.filter else { throw error }
            throw error.advised(about: filter, query.items.byAlias)
        }
    }

    /// WHERE or HAVING: a BOOLEAN, with the clause named in what is wrong with it.
    mutating func condition(_ expression: Expression?, clause: String) throws(Diagnostic) -> TypedExpression? {
        guard let expression else { return nil }
        analyser.place = "\(clause) column"
        let result: Analysed
        do throws(Diagnostic) { result = try analyser.analyse(expression) } catch {
            guard error.code == .typeMismatch || error.code == .invalidLiteral else { throw error }
            var wrapped = error.about(statement: analyser.text(of: expression))
            if !wrapped.message.hasPrefix("Invalid Predicate") { wrapped.message = "Error in \(clause) expression: \(error.message)" }
            throw wrapped
        }
        guard result.type == .boolean && !result.isNull else {
            throw Diagnostic(
                .typeMismatch,
                "Type error in \(clause) expression: Should evaluate to boolean but is \(analyser.text(of: expression)) (\(result.typeText)) instead.",
                at: expression.span.range)
        }
        return result.expression
    }

    mutating func havingCondition(_ isWindowed: Bool) throws(Diagnostic) -> TypedExpression? {
        try rejectWindowBounds(query.having.map { [$0] } ?? [], isWindowed || from.isJoin)
        return try condition(query.having, clause: "HAVING")
    }

    mutating func partitionExpressions() throws(Diagnostic) -> [TypedExpression]? {
        guard let written = query.partitionBy else { return nil }
        guard !written.isEmpty else {
            throw Diagnostic(.groupingError, "PARTITION BY requires at least one expression", at: query.span.range)
        }
        analyser.place = "PARTITION BY column"
        let isNull = written.map { $0.node == .literal(.null) }
        if isNull.contains(true) {
            guard written.count == 1 else {
                throw Diagnostic(.groupingError, "Cannot PARTITION BY multiple columns including NULL", at: query.span.range)
            }
            return []
        }
        var keys: [TypedExpression] = []
        analyser.place = "PARTITION BY"
        for expression in written {
            let key = try analyser.typed(expression)
            if keys.contains(key) {
                throw Diagnostic(
                    .groupingError, "Duplicate expression in PARTITION BY clause: \(canonicalText(of: expression))",
                    at: expression.span.range)
            }
            keys.append(key)
        }
        return keys
    }

    mutating func groupExpressions(_ isWindowed: Bool) throws(Diagnostic) -> [TypedExpression]? {
        guard let written = query.groupBy else { return nil }
        try rejectWindowBounds(written, isWindowed)
        analyser.place = "GROUP BY"
        var keys: [TypedExpression] = []
        for expression in written {
            let key = try analyser.analyse(expression)
            if key.isNull { throw Diagnostic(.groupingError, "GROUP BY NULL is not supported", at: expression.span.range) }
            if keys.contains(key.expression) {
                throw Diagnostic(
                    .groupingError, "Duplicate expression in GROUP BY clause: \(canonicalText(of: qualified(expression)))",
                    at: expression.span.range)
            }
            keys.append(key.expression)
        }
        guard !keys.isEmpty else { throw Diagnostic(.groupingError, "GROUP BY requires at least one expression", at: query.span.range) }
        return keys
    }

    func rejectWindowBounds(_ expressions: [Expression], _ isWindowed: Bool) throws(Diagnostic) {
        guard isWindowed else { return }
        for expression in expressions {
            var found: Name?
            expression.walk {
                if case .column(_, let name) = $0.node, name.text == "WINDOWSTART" || name.text == "WINDOWEND" { found = found ?? name }
            }
            if let found {
                throw Diagnostic(
                    .windowError, "Window bounds column \(found.text) can only be used in the SELECT clause of windowed aggregations",
                    at: found.span.range)
            }
        }
    }
}
