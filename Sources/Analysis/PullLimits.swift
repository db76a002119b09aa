// ksqlDB's limits of bounded queries (its "pull queries"), which are in force where `millrace.bounded.queries` is ksqldb.

import Catalog
import Diagnostics
import Plans
import Settings
import Syntax
import Values

/// What ksqlDB refuses in a query that ends, in its words. Where the setting is `full`, nothing of it applies.
struct PullLimits {
    let query: Query

    private static let more = " See https://cnfl.io/queries for more info."

    /// Errors: the first clause that ksqlDB does not take.
    func checkClauses() throws(Diagnostic) {
        if case .join(let join) = query.from { throw clause("JOIN clauses", join.span) }
        if let window = query.window { throw clause("WINDOW clauses", window.span) }
        if let grouping = query.groupBy { throw clause("GROUP BY clauses", grouping.first?.span ?? query.span) }
        if let keys = query.partitionBy { throw clause("PARTITION BY clauses", keys.first?.span ?? query.span) }
        if let having = query.having { throw clause("HAVING clauses", having.span) }
        if let limit = query.limit, limit < 0 {
            throw refusal("Pull queries don't support negative integers in the LIMIT clause." + Self.more, query.limitSpan)
        }
        try checkColumns(of: query.items.compactMap { if case .expression(let expression, _) = $0 { expression } else { nil } }, in: "SELECT")
        try checkColumns(of: query.filter.map { [$0] } ?? [], in: "WHERE")
    }

    /// Errors: two columns have one name, or the key is looked up among values of another type.
    func check(_ resolved: ResolvedQuery) throws(Diagnostic) {
        let key = resolved.sources[0].schema.key
        for (index, item) in resolved.items.enumerated() where resolved.items[..<index].contains(where: { $0.name == item.name }) {
            let kind = key.contains { $0.name == item.name } ? "key" : "value"
            throw refusal("Duplicate \(kind) columns found in schema: `\(item.name)` \(item.expression.type)", item.source.span)
        }
        guard resolved.sources[0].kind == .table else { return }
        var failure: Diagnostic?
        query.filter?.walk { part in
            guard case .isIn(let value, let list) = part.node, case .column(_, let name) = value.node,
                let column = key.first(where: { $0.name == name.text })
            else { return }
            guard let stranger = list.first(where: { !isComparable($0, to: column.type) }) else { return }
            let text = "\(canonicalText(of: stranger)) can not be converted to the type of the key column: \(column.name) \(column.type) KEY"
            failure = failure ?? refusal(text, stranger.span)
        }
        if let failure { throw failure }
    }

    /// Texts are not looked up among numbers, and numbers not among texts.
    private func isComparable(_ expression: Expression, to type: SQLType) -> Bool {
        guard case .literal(let literal) = expression.node else { return true }
        switch literal {
        case .string: return !type.isNumeric && type != .boolean
        case .integer, .double, .decimal: return type.isNumeric
        case .boolean: return type == .boolean
        case .null: return true
        }
    }

    private func clause(_ name: String, _ span: SourceSpan) -> Diagnostic {
        refusal("Pull queries don't support \(name).\(Self.more)\nAdd EMIT CHANGES if you intended to issue a push query.", span)
    }

    /// The columns that say where a record stands in its topic: ksqlDB does not keep them in the rows that it looks up.
    private func checkColumns(of expressions: [Expression], in clause: String) throws(Diagnostic) {
        var found: [Name] = []
        for expression in expressions {
            expression.walk { part in
                guard case .column(_, let name) = part.node, name.text == "ROWPARTITION" || name.text == "ROWOFFSET" else { return }
                if !found.contains(where: { $0.text == name.text }) { found.append(name) }
            }
        }
        guard let first = found.first else { return }
        let names = found.map { "`\($0.text)`" }.joined(separator: ", ")
        throw refusal("Pull queries don't support the following columns in \(clause) clauses: \(names)", first.span)
    }

    private func refusal(_ message: String, _ span: SourceSpan) -> Diagnostic {
        Diagnostic(
            .featureNotSupported, message, category: .general,
            hint: "millrace.bounded.queries is ksqldb, which sets ksqlDB's limits; SET it to 'full' to have none of them.", at: span.range)
    }
}
