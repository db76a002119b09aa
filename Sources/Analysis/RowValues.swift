// `(a, b) = (c, d)`, `(a, b) IN ((1, 2), (3, 4))`, `(a, b) IN (SELECT …)`: rows of values, compared value by value from the left.

import Diagnostics
import Syntax

extension Expression {
    /// The values of `(a, b)`; nil for anything else.
    var rowValues: [Expression]? {
        guard case .call(let name, let values) = node, name.text == "ROW", !name.isQuoted, values.count > 1 else { return nil }
        return values
    }
}

/// Rows of values as what the language has anyway.
struct RowComparison {
    /// More values than that in a row, and what it is written out to gets too large.
    private static let mostValues = 64

    let whole: Expression

    private func node(_ node: Expression.Node) -> Expression { Expression(node, span: whole.span) }

    /// A comparison of rows; nil when neither side is one. Errors: only one is, or they have different lengths.
    func comparison(
        _ operation: Expression.ComparisonOperator, _ left: Expression, _ right: Expression
    ) throws(Diagnostic) -> Expression? {
        guard left.rowValues != nil || right.rowValues != nil else { return nil }
        guard let a = left.rowValues, let b = right.rowValues, a.count == b.count, a.count <= Self.mostValues else {
            throw Diagnostic(
                .typeMismatch, "a row of values is compared with a row of as many, \(Self.mostValues) at most", at: whole.span.range)
        }
        func pair(_ operation: Expression.ComparisonOperator, _ index: Int) -> Expression { node(.comparison(operation, a[index], b[index])) }
        switch operation {
        case .equal, .isNotDistinctFrom: return joined(.and, a.indices.map { pair(operation, $0) })
        case .notEqual, .isDistinctFrom: return joined(.or, a.indices.map { pair(operation, $0) })
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            // The first values that differ decide.
            let strict: Expression.ComparisonOperator = operation == .less || operation == .lessOrEqual ? .less : .greater
            var result = pair(operation, a.count - 1)
            for index in a.indices.dropLast().reversed() {
                result = node(.logical(.or, pair(strict, index), node(.logical(.and, pair(.equal, index), result))))
            }
            return result
        }
    }

    /// `(a, b) IN ((c, d), …)`; nil when the operand is no row.
    func membership(_ operand: Expression, _ list: [Expression]) throws(Diagnostic) -> Expression? {
        guard operand.rowValues != nil else { return nil }
        var tests: [Expression] = []
        for member in list {
            guard let test = try comparison(.equal, operand, member) else { return nil }
            tests.append(test)
        }
        return joined(.or, tests)
    }

    /// `(a, b) IN (SELECT …)` as EXISTS; nil when the operand is no row. Errors: the subquery is known to have another number of columns.
    func membership(_ operand: Expression, in question: Question) throws(Diagnostic) -> Expression? {
        guard let values = operand.rowValues else { return nil }
        if let count = question.body.itemCount, count != values.count {
            throw Diagnostic(
                .statementError, "a row of \(values.count) values is looked for in a subquery of \(count) columns", at: question.span.range)
        }
        let names = values.indices.map { Name("in row \($0)", isQuoted: true) }
        let alias = Name("in row", isQuoted: true)
        let tests = zip(values, names).map { node(.comparison(.equal, $0, node(.column(source: alias, $1)))) }
        var block = SelectBlock(
            items: [.expression(node(.literal(.integer(1))), alias: nil)],
            from: .question(question, alias: TableAlias(name: alias, columns: names), isLateral: false, span: question.span), span: question.span)
        block.filter = joined(.and, tests)
        return node(.exists(Question(body: .select(block), span: question.span)))
    }

    /// Conditions joined in halves, so that many of them make no deep tree.
    private func joined(_ operation: Expression.LogicalOperator, _ tests: [Expression]) -> Expression {
        guard tests.count > 1 else { return tests.first ?? node(.literal(.boolean(operation == .and))) }
        let middle = tests.count / 2
        return node(.logical(operation, joined(operation, Array(tests[..<middle])), joined(operation, Array(tests[middle...]))))
    }
}

extension QuestionBody {
    /// How many columns it gives; nil where stars stand for some.
    var itemCount: Int? {
        switch self {
        case .select(let block):
            block.items.allSatisfy { if case .expression = $0 { true } else { false } } ? block.items.count : nil
        case .values(let rows, _): rows.first?.count
        case .combination(_, _, let left, _, _): left.itemCount
        case .nested(let question): question.body.itemCount
        }
    }
}
