// Rules of a query that concern more than one clause.

import Catalog
import Diagnostics
import Formats
import Functions
import Plans
import Settings
import Syntax
import Values

extension QueryAnalysis {
    /// The rules that can be seen without looking at any expression.
    func checkShape() throws(Diagnostic) {
        let range = query.span.range
        if query.window != nil && query.groupBy == nil {
            throw Diagnostic(.windowError, "WINDOW clause requires a GROUP BY clause.", category: .general, at: range)
        }
        if query.having != nil && query.groupBy == nil {
            throw Diagnostic(.groupingError, "HAVING requires a GROUP BY clause", at: range)
        }
        if query.partitionBy != nil && query.groupBy != nil {
            throw Diagnostic(.groupingError, "Only one of PARTITION BY or GROUP BY clauses is allowed", at: range)
        }
        if query.partitionBy != nil && from.kind == .table {
            throw Diagnostic(
                .groupingError, "PARTITION BY is not supported on tables", hint: "A table's key is what it is; use GROUP BY.", at: range)
        }
        if query.window != nil && from.kind == .table {
            let name = from.sources[0].definition.name
            throw Diagnostic(.windowError, "WINDOW clause is only supported on streams, but \(name) is a table", at: range)
        }
        if query.emit == .final && query.window == nil {
            throw Diagnostic(.windowError, "EMIT FINAL is only supported for windowed aggregations.", at: range)
        }
        if query.emit == .final && !context.settings[.emitFinal] {
            throw Diagnostic(
                .featureNotSupported, "Suppression is currently disabled. You can enable it by setting ksql.suppress.enabled to true",
                at: range)
        }
        if query.groupBy != nil, let source = from.sources.first(where: { $0.definition.valueFormat.name == .kafka }) {
            throw Diagnostic(
                .serialisationMismatch,
                "Source(s) \(source.definition.name) are using the 'KAFKA' value format. This format does not yet support GROUP BY.", at: range)
        }
    }

    func checkAggregates(_ isAggregation: Bool, _ items: [ResolvedItem]) throws(Diagnostic) {
        if !analyser.tableFunctions.isEmpty {
            if from.kind == .table {
                throw Diagnostic(.wrongObjectKind, "Table source is not supported with table functions", at: query.span.range)
            }
            if isAggregation || !analyser.aggregates.isEmpty {
                throw Diagnostic(.groupingError, "Table functions cannot be used with aggregations.", at: query.span.range)
            }
        }
        if isAggregation && analyser.aggregates.isEmpty {
            throw Diagnostic(
                .groupingError, "GROUP BY requires aggregate functions in either the SELECT or HAVING clause.", at: query.span.range)
        }
        if !isAggregation, purpose == .persistent, let first = firstAggregateText(items) {
            throw Diagnostic(
                .groupingError,
                "CREATE TABLE AS SELECT statement does not support aggregate function [\(first)] without a GROUP BY clause.",
                at: query.span.range)
        }
        if case .session? = query.window?.shape, let index = analyser.aggregates.firstIndex(where: { $0.definition != nil && $0.definition?.merge == nil }) {
            throw Diagnostic(
                .windowError, "\(analyser.aggregateNames[index]) cannot be used in sessions, which have to be put together",
                hint: "Give it a third lambda, (a, b) => …, that makes one state of two.", at: query.window?.span.range)
        }
        guard from.kind == .table else { return }
        var refusing: [String] = []
        for (call, name) in zip(analyser.aggregates, analyser.aggregateNames) {
            let canUndo = call.definition == nil && context.functions[name: call.function]?.canUndo ?? true
            if !canUndo, !refusing.contains(name) { refusing.append(name) }
        }
        guard !refusing.isEmpty else { return }
        let names = refusing.count == 1 ? refusing[0] : refusing.dropLast().joined(separator: ", ") + " and " + refusing[refusing.count - 1]
        throw Diagnostic(
            .groupingError,
            "The aggregation function\(refusing.count == 1 ? "" : "s") \(names) cannot be applied to a table source, only to a stream source.",
            at: query.span.range)
    }

    func firstAggregateText(_ items: [ResolvedItem]) -> String? {
        guard let call = analyser.aggregates.first else { return nil }
        let arguments = call.arguments.map { argument -> String in
            switch argument.node {
            case .pseudo(let column): column.rawValue
            case .column(let index): name(ofColumn: index)
            default: "…"
            }
        }
        return "\(call.function)(\(arguments.joined(separator: ", ")))"
    }

    func limit() throws(Diagnostic) -> Int? {
        guard let limit = query.limit else { return nil }
        if limit < 0 { throw Diagnostic(.statementError, "negative LIMIT: \(limit)", at: query.limitSpan.range) }
        return Int(limit)
    }
}
