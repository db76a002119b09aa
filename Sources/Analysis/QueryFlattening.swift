// FROM (SELECT … FROM s) WHERE rn <= k as one SELECT with QUALIFY.

import Diagnostics
import Syntax

extension Query {
    /// A query over another one, as one over what that reads: `SELECT … FROM (SELECT …, ROW_NUMBER() OVER (…) AS rn FROM s) WHERE rn <= k`.
    /// Other queries stay as they are. Errors: the two cannot be put together.
    func flattened() throws(Diagnostic) -> Query {
        guard case .subquery(let written, let alias) = from else { return self }
        let inner = try written.flattened()
        func refuse(_ what: String) -> Diagnostic {
            Diagnostic(
                .featureNotSupported, "a continuous query over another one \(what)",
                hint: "CREATE … AS SELECT the inner query, and query that.", at: span.range)
        }
        guard inner.keepsRows, !inner.isDistinct, inner.qualify == nil, inner.emit == nil, inner.limit == nil else {
            throw refuse("is for ROW_NUMBER() OVER (…) AS rn inside and WHERE rn <= n outside")
        }
        guard !isDistinct, qualify == nil, window == nil, groupBy == nil, partitionBy == nil, having == nil, lateRows == nil else {
            throw refuse("has only items and WHERE")
        }
        var names: [String: Expression] = [:]
        for item in inner.items {
            guard case .expression(let expression, let name) = item else { continue }
            if let name = name?.text ?? expression.columnName { names[name] = expression }
        }
        func replaced(_ expression: Expression) throws(Diagnostic) -> Expression {
            guard case .column(let source, let name) = expression.node, source == nil || source?.text == alias?.text else {
                throw refuse("only names columns of it")
            }
            guard let inside = names[name.text] else {
                throw Diagnostic(.unknownColumn, "the inner query has no column \(name.text) of that name", at: expression.span.range)
            }
            return inside
        }
        var result = inner
        (result.emit, result.limit, result.limitSpan, result.span) = (emit, limit, limitSpan, span)
        result.items = []
        for item in items {
            switch item {
            case .all, .allOf: result.items += inner.items
            case .allFields, .changedStar: throw refuse("only names columns of it")
            case .expression(let expression, let name):
                let own = expression.columnName.map { Name($0, isQuoted: true) }
                result.items.append(.expression(try replaced(expression), alias: name ?? own))
            }
        }
        guard let filter, case .comparison(let operation, let first, let second) = filter.node else {
            throw refuse("needs WHERE rn <= n")
        }
        let isFlipped = first.columnName == nil
        let call = try replaced(isFlipped ? second : first)
        result.qualify = Expression(
            .comparison(operation, isFlipped ? first : call, isFlipped ? call : second), span: filter.span)
        return result
    }
}

extension Expression {
    /// The name of the column that it is.
    fileprivate var columnName: String? {
        if case .column(_, let name) = node { return name.text }
        return nil
    }
}
