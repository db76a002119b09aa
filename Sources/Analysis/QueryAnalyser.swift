// A SELECT from text to meaning: sources, stars, WHERE, PARTITION BY or GROUP BY, HAVING and the projection, with every rule checked
// that does not depend on where the result goes.

import Catalog
package import Diagnostics
import Plans
import Settings
package import Syntax
import Values

/// Analyses `query` for a purpose. Throws the first thing that is wrong with it.
package func analyse(_ query: Query, for purpose: QueryPurpose, in context: AnalysisContext) throws(Diagnostic) -> ResolvedQuery {
    var analysis = try QueryAnalysis(query, purpose, context)
    return try analysis.run()
}

/// The analysis of one query, clause by clause.
struct QueryAnalysis {
    let query: Query
    let purpose: QueryPurpose
    let context: AnalysisContext
    let from: FromAnalysis
    var analyser: ExpressionAnalyser
    var expansion: SelectExpansion

    init(_ query: Query, _ purpose: QueryPurpose, _ context: AnalysisContext) throws(Diagnostic) {
        let query = try query.flattened()
        self.purpose = purpose
        self.context = context
        from = try FromAnalysis(query.from, purpose, sumsWindows: context.isFull && query.groupBy != nil && query.window == nil, context)
        self.query = context.isFull ? query.groupingByItems(in: from.scope).partitionedByItems(in: from.scope) : query
        analyser = ExpressionAnalyser(context: context, scope: from.scope)
        expansion = SelectExpansion(
            scope: from.scope, purpose: purpose, keyCounts: from.sources.map(\.definition.schema.key.count),
            partitionBy: self.query.partitionBy, isFull: context.isFull)
        expansion.hidesKeys = from.sources.map { $0.definition.hidesKey == true }
    }

    mutating func run() throws(Diagnostic) -> ResolvedQuery {
        let isLimited = purpose == .pull && context.settings[.boundedQueries] == .ksqldb
        if isLimited { try PullLimits(query: query).checkClauses() }
        if query.keepsRows { return try runKeyed() }
        try checkShape()
        let window = try query.window.map { clause throws(Diagnostic) in try describe(clause) }
        let expanded = try expansion.expand(query.items, analyser: &analyser)
        let filter = try whereCondition()
        let partitionBy = try partitionExpressions()
        let grouping = try groupExpressions(window != nil)
        let isAggregation = grouping != nil
        analyser.scope.hasWindowClause = window != nil
        analyser.allowsAggregates = true
        analyser.allowsTableFunctions = true
        analyser.place = "SELECT column"
        var items: [ResolvedItem] = []
        for item in expanded { items.append(try resolve(item)) }
        analyser.allowsTableFunctions = false
        analyser.scope.hasWindowClause = false
        let having = try havingCondition(window != nil)
        try checkAggregates(isAggregation, items)
        let normalised = normalise(expanded)
        let key = from.sources[0].definition.schema.key
        var result = ResolvedQuery(
            relation: from.relation, rowSources: from.scope.sources, filter: filter, partitionBy: nil, grouping: nil,
            aggregates: analyser.aggregates,
            window: window, isFinal: query.emit == .final, tableFunctions: analyser.tableFunctions, having: nil, items: items,
            key: key, keyOrigin: .source, keyTexts: key.map(\.name), resultKind: from.kind, limit: nil, normalised: normalised)
        result.limit = try limit()
        result.lateRows = try lateRows()
        if isLimited { try PullLimits(query: query).check(result) }
        if isAggregation || !analyser.aggregates.isEmpty {
            try group(&result, by: grouping ?? [], having)
        } else if let partitionBy {
            try partition(&result, by: partitionBy)
        } else {
            shiftTableFunctions(&result.items, to: from.rowWidth)
            if let choice = from.keyChoice { chooseKey(of: &result, choice) }
        }
        return result
    }

    mutating func resolve(_ item: ExpandedItem) throws(Diagnostic) -> ResolvedItem {
        let value = try analyser.analyse(item.expression)
        return ResolvedItem(name: item.name, expression: value.expression, source: item.expression, isNull: value.isNull)
    }

    // MARK: Texts

    func qualified(_ expression: Expression) -> Expression { from.qualified(expression) }

    func unqualified(_ expression: Expression) -> Expression { expression.mappingColumns { _, name in (nil, name) } }

    func normalise(_ items: [ExpandedItem]) -> Query {
        var result = query
        result.items = items.map { .expression(qualified($0.expression), alias: Name($0.name, isQuoted: true)) }
        result.from = from.normalised(query.from)
        result.filter = query.filter.map(qualified)
        result.groupBy = query.groupBy?.map(qualified)
        result.partitionBy = query.partitionBy?.map(qualified)
        result.having = query.having.map(qualified)
        result.qualify = query.qualify.map(qualified)
        result.emit = query.emit ?? (purpose == .pull ? nil : .changes)
        return result
    }
}

extension Query {
    /// With the expressions of items in place of aliases and positions in GROUP BY. A column of that name goes first.
    fileprivate func groupingByItems(in scope: Scope) -> Query {
        guard let groupBy else { return self }
        var query = self
        query.groupBy = groupBy.map { key in
            switch key.node {
            case .column(nil, let name): return item(called: name, in: scope) ?? key
            // One group of all rows, as ksqlDB means it, where the number itself is an item.
            case .literal(.integer) where items.contains(where: { if case .expression(let item, _) = $0 { item.node == key.node } else { false } }):
                return key
            case .literal(.integer(let place)):
                guard place >= 1, place <= items.count, items.allSatisfy({ if case .expression = $0 { true } else { false } }),
                    case .expression(let expression, _) = items[Int(place) - 1]
                else { return key }
                return expression
            default: return key
            }
        }
        return query
    }

    /// With the expressions of items in place of aliases in PARTITION BY. A column of that name goes first.
    fileprivate func partitionedByItems(in scope: Scope) -> Query {
        var query = self
        query.partitionBy = partitionBy?.map { key in
            if case .column(nil, let name) = key.node { item(called: name, in: scope) ?? key } else { key }
        }
        return query
    }

    /// The expression of the item with this alias; nil where there is none, or where a column has the name.
    private func item(called name: Name, in scope: Scope) -> Expression? {
        guard (try? scope.resolve(source: nil, name, place: "")) == nil else { return nil }
        for case .expression(let expression, let alias?) in items where alias.text == name.text { return expression }
        return nil
    }
}
