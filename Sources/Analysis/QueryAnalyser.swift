// A SELECT from text to meaning: sources, stars, WHERE, PARTITION BY or GROUP BY, HAVING and the projection, with every rule checked
// that does not depend on where the result goes.

import Catalog
package import Diagnostics
import Formats
import Functions
import Plans
package import Syntax
import Values

/// Analyses `query` for a purpose. Throws the first thing that is wrong with it.
package func analyse(_ query: Query, for purpose: QueryPurpose, in context: AnalysisContext) throws(Diagnostic) -> ResolvedQuery {
    var analysis = try QueryAnalysis(query, purpose, context)
    return try analysis.run()
}

/// The analysis of one query, clause by clause.
private struct QueryAnalysis {
    let query: Query
    let purpose: QueryPurpose
    let context: AnalysisContext
    let source: SourceDefinition
    let alias: String
    var analyser: ExpressionAnalyser
    var expansion: SelectExpansion

    init(_ query: Query, _ purpose: QueryPurpose, _ context: AnalysisContext) throws(Diagnostic) {
        self.query = query
        self.purpose = purpose
        self.context = context
        guard case .source(let name, let written) = query.from else {
            throw Diagnostic(
                .featureNotSupported, "joins and subqueries are not supported yet", hint: "Query one stream or table at a time.",
                at: query.span.range)
        }
        source = try context.source(named: name)
        alias = written?.text ?? name.text
        if source.kind == .table && source.window != nil && purpose == .persistent {
            throw Diagnostic(
                .windowError, "KSQL does not support persistent queries on windowed tables.",
                hint: "Declare a stream over the table's topic with the same WINDOW_TYPE and query that.", at: name.span.range)
        }
        let scope = Scope(sources: [
            ScopeSource(alias: alias, columns: source.schema.columns, base: 0, isWindowed: source.window != nil)
        ])
        analyser = ExpressionAnalyser(context: context, scope: scope)
        expansion = SelectExpansion(scope: scope, purpose: purpose, keyCounts: [source.schema.key.count], partitionBy: query.partitionBy)
    }

    mutating func run() throws(Diagnostic) -> ResolvedQuery {
        try checkShape()
        let window = try query.window.map { clause throws(Diagnostic) in try describe(clause) }
        let expanded = try expansion.expand(query.items, analyser: &analyser)
        let filter = try condition(query.filter, clause: "WHERE")
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
        var result = ResolvedQuery(
            relation: .source(source, alias: alias), filter: filter, partitionBy: nil, grouping: nil, aggregates: analyser.aggregates,
            window: window, isFinal: query.emit == .final, tableFunctions: analyser.tableFunctions, having: nil, items: items,
            key: source.schema.key, keyOrigin: .source, keyTexts: source.schema.key.map(\.name), resultKind: source.kind, limit: nil,
            normalised: normalised)
        result.limit = try limit()
        if isAggregation || !analyser.aggregates.isEmpty {
            try group(&result, by: grouping ?? [], having)
        } else if let partitionBy {
            try partition(&result, by: partitionBy)
        } else {
            shiftTableFunctions(&result.items, to: source.schema.columns.count)
        }
        return result
    }

    /// The rules that can be seen without looking at any expression.
    private func checkShape() throws(Diagnostic) {
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
        if query.partitionBy != nil && source.kind == .table {
            throw Diagnostic(
                .groupingError, "PARTITION BY is not supported on tables", hint: "A table's key is what it is; use GROUP BY.", at: range)
        }
        if query.window != nil && source.kind == .table {
            throw Diagnostic(.windowError, "WINDOW clause is only supported on streams, but \(source.name) is a table", at: range)
        }
        if query.emit == .final && query.window == nil {
            throw Diagnostic(.windowError, "EMIT FINAL is only supported for windowed aggregations.", at: range)
        }
        if query.emit == .final && !context.flag("ksql.suppress.enabled", default: true) {
            throw Diagnostic(
                .featureNotSupported, "Suppression is currently disabled. You can enable it by setting ksql.suppress.enabled to true",
                at: range)
        }
        if source.valueFormat.name == .kafka && query.groupBy != nil {
            throw Diagnostic(
                .serialisationMismatch,
                "Source(s) \(source.name) are using the 'KAFKA' value format. This format does not yet support GROUP BY.", at: range)
        }
    }

    private func limit() throws(Diagnostic) -> Int? {
        guard let limit = query.limit else { return nil }
        if purpose == .persistent {
            throw Diagnostic(
                .statementError, "LIMIT is not supported in CREATE … AS SELECT and INSERT INTO statements", at: query.span.range)
        }
        if limit < 0 { throw Diagnostic(.statementError, "negative LIMIT: \(limit)", at: query.span.range) }
        return Int(limit)
    }

    private func describe(_ clause: WindowClause) throws(Diagnostic) -> WindowDescription {
        func milliseconds(_ duration: Syntax.Duration?) throws(Diagnostic) -> Int64? {
            guard let duration else { return nil }
            guard let value = duration.milliseconds else {
                throw Diagnostic(.numberOutOfRange, "\(duration.count) \(duration.unit.rawValue) is too long", at: duration.span.range)
            }
            return value
        }
        let shape: WindowDescription.Shape
        let length: Int64
        switch clause.shape {
        case .tumbling(let size):
            length = try milliseconds(size) ?? 0
            shape = .tumbling(size: length)
        case .hopping(let size, let advance):
            length = try milliseconds(size) ?? 0
            let step = try milliseconds(advance) ?? 0
            if step <= 0 || step > length {
                throw Diagnostic(
                    .windowError, "the ADVANCE of a hopping window must be more than zero and at most its SIZE", at: advance.span.range)
            }
            shape = .hopping(size: length, advance: step)
        case .session(let gap):
            length = try milliseconds(gap) ?? 0
            shape = .session(gap: length)
        }
        if length <= 0 { throw Diagnostic(.windowError, "the size of a window must be more than zero", at: clause.span.range) }
        let grace = try milliseconds(clause.grace) ?? max(TemporalText.millisecondsPerDay - length, 0)
        let needed = length.addingReportingOverflow(grace)
        let retention = try milliseconds(clause.retention) ?? needed.partialValue
        if needed.overflow || retention < needed.partialValue {
            throw Diagnostic(
                .windowError, "the RETENTION of a window must be at least its size plus its GRACE PERIOD",
                at: clause.retention?.span.range ?? clause.span.range)
        }
        return WindowDescription(shape: shape, grace: grace, retention: retention)
    }

    /// WHERE or HAVING: a BOOLEAN, with the clause named in what is wrong with it.
    private mutating func condition(_ expression: Expression?, clause: String) throws(Diagnostic) -> TypedExpression? {
        guard let expression else { return nil }
        analyser.place = "\(clause) column"
        let result: Analysed
        do throws(Diagnostic) { result = try analyser.analyse(expression) } catch {
            guard error.code == .typeMismatch || error.code == .invalidLiteral else { throw error }
            var wrapped = error.about(statement: canonicalText(of: expression))
            if !wrapped.message.hasPrefix("Invalid Predicate") { wrapped.message = "Error in \(clause) expression: \(error.message)" }
            throw wrapped
        }
        guard result.type == .boolean && !result.isNull else {
            throw Diagnostic(
                .typeMismatch,
                "Type error in \(clause) expression: Should evaluate to boolean but is \(canonicalText(of: expression)) (\(result.typeText)) instead.",
                at: expression.span.range)
        }
        return result.expression
    }

    private mutating func havingCondition(_ isWindowed: Bool) throws(Diagnostic) -> TypedExpression? {
        try rejectWindowBounds(query.having.map { [$0] } ?? [], isWindowed)
        return try condition(query.having, clause: "HAVING")
    }

    private mutating func partitionExpressions() throws(Diagnostic) -> [TypedExpression]? {
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

    private mutating func groupExpressions(_ isWindowed: Bool) throws(Diagnostic) -> [TypedExpression]? {
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

    private func rejectWindowBounds(_ expressions: [Expression], _ isWindowed: Bool) throws(Diagnostic) {
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

    private mutating func resolve(_ item: ExpandedItem) throws(Diagnostic) -> ResolvedItem {
        let value = try analyser.analyse(item.expression)
        return ResolvedItem(name: item.name, expression: value.expression, source: item.expression, isNull: value.isNull)
    }

    private func checkAggregates(_ isAggregation: Bool, _ items: [ResolvedItem]) throws(Diagnostic) {
        if !analyser.tableFunctions.isEmpty {
            if source.kind == .table {
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
        guard source.kind == .table else { return }
        var refusing: [String] = []
        for (call, name) in zip(analyser.aggregates, analyser.aggregateNames) {
            if let family = context.functions[name: call.function], !family.canUndo, !refusing.contains(name) { refusing.append(name) }
        }
        guard !refusing.isEmpty else { return }
        let names = refusing.count == 1 ? refusing[0] : refusing.dropLast().joined(separator: ", ") + " and " + refusing[refusing.count - 1]
        throw Diagnostic(
            .groupingError,
            "The aggregation function\(refusing.count == 1 ? "" : "s") \(names) cannot be applied to a table source, only to a stream source.",
            at: query.span.range)
    }

    private func firstAggregateText(_ items: [ResolvedItem]) -> String? {
        guard let call = analyser.aggregates.first else { return nil }
        let arguments = call.arguments.map { argument -> String in
            switch argument.node {
            case .pseudo(let column): column.rawValue
            case .column(let index) where index < source.schema.columns.count: source.schema.columns[index].name
            default: "…"
            }
        }
        return "\(call.function)(\(arguments.joined(separator: ", ")))"
    }

    private func shiftTableFunctions(_ items: inout [ResolvedItem], to base: Int) {
        for index in items.indices {
            items[index].expression = items[index].expression.mappingColumns { column in
                column >= ExpressionAnalyser.tableFunctionBase ? column - ExpressionAnalyser.tableFunctionBase + base : column
            }
        }
    }

    // MARK: PARTITION BY and GROUP BY

    private func partition(_ result: inout ResolvedQuery, by keys: [TypedExpression]) throws(Diagnostic) {
        let columns = source.schema.columns
        let isRedundant = !keys.isEmpty && keys == source.schema.key.indices.map { TypedExpression.column($0, columns[$0].type) }
        result.keyOrigin = .partitioning
        result.keyTexts = keys.isEmpty ? [] : (query.partitionBy ?? []).map { canonicalText(of: qualified($0)) }
        if isRedundant || (keys.isEmpty && source.schema.key.isEmpty) {
            shiftTableFunctions(&result.items, to: columns.count)
            return
        }
        if source.window != nil {
            throw Diagnostic(
                .windowError,
                "Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.",
                at: query.span.range)
        }
        let count = keys.count
        result.partitionBy = keys
        for index in result.items.indices {
            result.items[index].expression = result.items[index].expression.replacing { part in
                if let key = keys.firstIndex(of: part) { return .column(key, part.type) }
                if case .column(let column) = part.node {
                    let isFunction = column >= ExpressionAnalyser.tableFunctionBase
                    return .column(
                        isFunction ? column - ExpressionAnalyser.tableFunctionBase + count + columns.count : column + count, part.type)
                }
                return nil
            }
        }
        result.tableFunctions = result.tableFunctions.map { call in
            var moved = call
            moved.arguments = call.arguments.map { $0.mappingColumns { $0 + count } }
            return moved
        }
        result.key = zip(keys, keyNames(keys, result.items)).map { Values.ColumnDefinition($1, $0.type) }
    }

    /// The names of new key columns: those of the items that select them, else the column's own, else a generated one.
    private func keyNames(_ keys: [TypedExpression], _ items: [ResolvedItem]) -> [String] {
        var generator = expansion
        return keys.enumerated().map { index, key in
            if let item = items.first(where: { $0.expression == .column(index, key.type) }) { return item.name }
            if case .column(let column) = key.node { return source.schema.columns[column].name }
            return generator.generatedName()
        }
    }

    private func group(_ result: inout ResolvedQuery, by grouping: [TypedExpression], _ having: TypedExpression?) throws(Diagnostic) {
        let columns = source.schema.columns
        let isKey = grouping == source.schema.key.indices.map { TypedExpression.column($0, columns[$0].type) }
        if source.window != nil && !isKey {
            throw Diagnostic(
                .windowError,
                "Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.",
                at: query.span.range)
        }
        let rewriting = GroupRewriting(grouping: grouping, allowsWindowBounds: query.window != nil)
        var outside: [String] = []
        for index in result.items.indices {
            let item = result.items[index]
            let (rewritten, strays) = rewriting.rewrite(item.expression)
            result.items[index].expression = rewritten
            guard !strays.isEmpty else { continue }
            if item.expression.hasAggregate {
                outside += strays.map { name(ofColumn: $0) }
            } else {
                outside.append(canonicalText(of: unqualified(item.source)))
            }
        }
        if !outside.isEmpty {
            throw Diagnostic(
                .groupingError,
                "Non-aggregate SELECT expression(s) not part of GROUP BY: \(outside.joined(separator: ", "))\n"
                    + "Either add the column(s) to the GROUP BY or remove them from the SELECT.", at: query.span.range)
        }
        if let having {
            let (rewritten, strays) = rewriting.rewrite(having)
            if let stray = strays.first {
                throw Diagnostic(
                    .groupingError,
                    "Non-aggregate HAVING expression not part of GROUP BY: \(name(ofColumn: stray))\n"
                        + "Either add the column(s) to the GROUP BY or remove them from the HAVING.", at: query.having?.span.range)
            }
            result.having = rewritten
        }
        result.grouping = grouping
        result.keyOrigin = .grouping
        result.keyTexts = (query.groupBy ?? []).map { canonicalText(of: unqualified($0)) }
        result.resultKind = .table
        result.key = zip(grouping, keyNames(grouping, result.items)).map { Values.ColumnDefinition($1, $0.type) }
    }

    private func name(ofColumn index: Int) -> String { index < source.schema.columns.count ? source.schema.columns[index].name : "ROWTIME" }

    // MARK: Texts

    private func qualified(_ expression: Expression) -> Expression {
        expression.mappingColumns { source, name in
            (source ?? Name(alias, isQuoted: true), name)
        }
    }

    private func unqualified(_ expression: Expression) -> Expression { expression.mappingColumns { _, name in (nil, name) } }

    private func normalise(_ items: [ExpandedItem]) -> Query {
        var result = query
        result.items = items.map { .expression(qualified($0.expression), alias: Name($0.name, isQuoted: true)) }
        result.from = .source(name: Name(source.name, isQuoted: true), alias: Name(alias, isQuoted: true))
        result.filter = query.filter.map(qualified)
        result.groupBy = query.groupBy?.map(qualified)
        result.partitionBy = query.partitionBy?.map(qualified)
        result.having = query.having.map(qualified)
        result.emit = query.emit ?? (purpose == .pull ? nil : .changes)
        return result
    }
}
