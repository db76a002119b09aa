// From a resolved query to its steps: read or join, filter, change the key, explode, aggregate, filter again, project.

package import Analysis
package import Catalog
import Diagnostics
package import Formats
package import Plans
import Values

/// What a plan must know besides the query.
package struct PlanningContext: Sendable {
    /// Names the query's own topics and its state: `_confluent-ksql-<service>query_<id>`.
    package var serviceID: String
    package var queryID: String
    /// An extraction failure of a source's timestamp column fails the query instead of skipping the row.
    package var failsOnInvalidTimestamp: Bool
    /// The key format of keys that the source's cannot carry.
    package var defaultKeyFormat: FormatName

    package init(serviceID: String, queryID: String, failsOnInvalidTimestamp: Bool, defaultKeyFormat: FormatName) {
        self.serviceID = serviceID
        self.queryID = queryID
        self.failsOnInvalidTimestamp = failsOnInvalidTimestamp
        self.defaultKeyFormat = defaultKeyFormat
    }

    func internalName(_ step: String) -> String { "_confluent-ksql-\(serviceID)query_\(queryID)-\(step)" }

    /// The format of a source's keys where it can carry these, JSON where it cannot.
    func internalKeyFormat(_ format: FormatSpec, _ key: [ColumnDefinition]) -> FormatSpec {
        let name = format.name == .none && !key.isEmpty ? defaultKeyFormat : format.name
        let fits = problem(of: key, in: name, on: .key) == nil
        return FormatSpec(fits ? name : .json, delimiter: format.delimiter, isUnwrapped: key.count == 1)
    }
}

/// The plan of CREATE … AS SELECT: rows laid out as the sink's columns.
package func plan(_ sink: NewSink, in context: PlanningContext) -> QueryPlan {
    persistentPlan(sink.query, sink.layout, into: sink.definition, context)
}

/// The plan of INSERT INTO … SELECT.
package func plan(_ insert: InsertQuery, in context: PlanningContext) -> QueryPlan {
    var layout = insert.layout
    layout.schema = insert.target.schema
    return persistentPlan(insert.query, layout, into: insert.target, context)
}

private func persistentPlan(
    _ query: ResolvedQuery, _ layout: ResultLayout, into target: SourceDefinition, _ context: PlanningContext
) -> QueryPlan {
    var planner = StepPlanner(query: query, context: context)
    let output = RowSchema(columns: layout.schema.key + layout.schema.value, keyCount: layout.schema.key.count)
    let input = planner.steps()
    let root = planner.project(input, layout.items.map { planner.query.items[$0].expression }, output)
    let timestamp = target.timestamp.flatMap { timestamp in
        output.columns.firstIndex { $0.name == timestamp.column }.map {
            TimestampColumn(column: $0, pattern: timestamp.pattern, failsQuery: context.failsOnInvalidTimestamp)
        }
    }
    let sink = SinkDescription(
        sourceName: target.name, topic: target.topic, kind: target.kind, keyFormat: target.keyFormat, valueFormat: target.valueFormat,
        timestamp: timestamp, window: target.window)
    return QueryPlan(id: context.queryID, root: root, destination: .sink(sink), resultKind: query.resultKind).prunedToNeeded()
}

/// The plan of a push query, or of a bounded one: rows keep their key columns first, and the bounds of their windows with them, which
/// also a deletion shows; `order` restores the SELECT list.
package func transientPlan(_ query: ResolvedQuery, in context: PlanningContext) -> QueryPlan {
    var planner = StepPlanner(query: query, context: context)
    let input = planner.steps()
    let key = query.key.enumerated().map { TypedExpression.column($0, $1.type) }
    // Without all of its key columns in the projection, a deletion still needs them: they are carried, not shown.
    var expressions = key
    var columns = query.key
    for item in planner.query.items where item.expression.isWindowBound && !expressions.contains(item.expression) {
        expressions.append(item.expression)
        columns.append(ColumnDefinition(item.name, item.expression.type))
    }
    let keyCount = expressions.count
    var order: [Int] = []
    for item in planner.query.items {
        if let place = expressions[..<keyCount].firstIndex(of: item.expression) {
            order.append(place)
        } else {
            order.append(expressions.count)
            expressions.append(item.expression)
            columns.append(ColumnDefinition(item.name, item.expression.type))
        }
    }
    let output = RowSchema(columns: columns, keyCount: keyCount)
    let root = planner.project(input, expressions, output)
    return QueryPlan(
        id: context.queryID, root: root, destination: .client(limit: query.limit, order: order), resultKind: query.resultKind
    ).prunedToNeeded()
}

/// The plan that materialises a SOURCE TABLE: it keeps the last row of each key and writes nowhere.
package func sourceStep(
    for source: SourceDefinition, store: StoreDescription?, failsOnInvalidTimestamp: Bool
) -> SourceStep {
    let columns = source.schema.columns
    let timestamp = source.timestamp.flatMap { timestamp in
        columns.firstIndex { $0.name == timestamp.column }.map {
            TimestampColumn(column: $0, pattern: timestamp.pattern, failsQuery: failsOnInvalidTimestamp)
        }
    }
    return SourceStep(
        sourceName: source.name, topic: source.topic, kind: source.kind, keyFormat: source.keyFormat, valueFormat: source.valueFormat,
        schema: source.schema, timestamp: timestamp, window: source.window, needed: Array(repeating: true, count: columns.count),
        store: store)
}

/// Builds the steps of one query.
private struct StepPlanner {
    /// Once the steps are built: the query over the rows that its sources give.
    private(set) var query: ResolvedQuery
    let context: PlanningContext

    init(query: ResolvedQuery, context: PlanningContext) {
        self.query = query
        self.context = context
    }

    /// Everything below the projection.
    mutating func steps() -> Step {
        let isTable = query.relation.kind == .table
        let isGroupedByKey = query.isGroupedByKey
        var step = rows()
        if let filter = query.filter {
            if case .join(let join) = step { step = .join(join.knowing(filter)) }
            // The dialect's foreign-key joins do not tell what a row was before, unless an aggregation asks them to.
            let ignoresOld = isTable && query.grouping == nil && query.relation.isForeignKeyJoin
            step = .filter(FilterStep(input: step, predicate: filter, isTable: isTable, ignoresOld: ignoresOld))
        }
        if let keyed = query.keyed { return self.keyed(step, keyed) }
        if let keys = query.partitionBy { step = rekey(step, keys) }
        if !query.tableFunctions.isEmpty { step = explode(step) }
        if query.grouping != nil || !query.aggregates.isEmpty {
            step = aggregate(step, isGroupedByKey)
            if let having = query.having {
                step = .filter(FilterStep(input: step, predicate: having, isTable: !query.isFinal))
            }
        }
        return step
    }

    /// What follows FROM. A table that is filtered or aggregated must know the old version of each row; joins know it anyway.
    private mutating func rows() -> Step {
        switch query.relation {
        case .source(let source, _):
            let keepsOld = source.kind == .table && (query.filter != nil || query.grouping != nil || !query.aggregates.isEmpty)
            return .source(
                sourceStep(
                    for: source, store: keepsOld ? StoreDescription(name: context.internalName("KsqlTopic-Reduce")) : nil,
                    failsOnInvalidTimestamp: context.failsOnInvalidTimestamp))
        case .join(let join):
            let placed = JoinPlanner(query: query, context: context).plan(join, needed: query.wideColumnsRead)
            query = query.narrowed(to: placed.places, width: placed.step.output.columns.count)
            return placed.step
        }
    }

    /// The rows that are kept by a key, and their columns in the order in which the projection sees them.
    private func keyed(_ input: Step, _ keyed: ResolvedKeyed) -> Step {
        let columns = zip(keyed.names, keyed.carried).map { ColumnDefinition($0, $1.type) }
        let row = RowSchema(columns: columns, keyCount: keyed.keyCount)
        let key = Array(row.key)
        var output = RowSchema(columns: columns + keyed.added, keyCount: keyed.keyCount)
        if case .top = keyed.kind {
            output = RowSchema(columns: key + keyed.added + Array(row.value), keyCount: keyed.keyCount + keyed.added.count)
        }
        let format = FormatSpec(.json, isUnwrapped: key.count == 1)
        let topic = InternalTopic(name: context.internalName("Keyed-GroupBy-repartition"), keyFormat: format)
        let step = KeyedStep(
            input: project(input, keyed.carried, row, isTable: false), keyCount: keyed.keyCount, kind: keyed.kind, output: output,
            repartition: keyed.isKeyed ? nil : topic, store: StoreDescription(name: context.internalName("Keyed-Materialize")))
        let shown = keyed.order.map { output.columns[$0] }
        let rows = project(
            .keyed(step), keyed.order.map { .column($0, output.columns[$0].type) }, RowSchema(columns: shown, keyCount: query.key.count),
            isTable: step.isTable)
        return query.having.map { .filter(FilterStep(input: rows, predicate: $0, isTable: step.isTable)) } ?? rows
    }

    private func rekey(_ input: Step, _ keys: [TypedExpression]) -> Step {
        let output = RowSchema(columns: query.key + input.output.columns, keyCount: keys.count)
        let format = context.internalKeyFormat(query.sources[0].keyFormat, query.key)
        return .rekey(
            RekeyStep(
                input: input, keys: keys, output: output,
                repartition: InternalTopic(name: context.internalName("PartitionBy-SelectKey-repartition"), keyFormat: format)))
    }

    private func explode(_ input: Step) -> Step {
        let results = query.tableFunctions.enumerated().map { ColumnDefinition("KSQL_INTERNAL_COL_\($0)", $1.result) }
        let output = RowSchema(columns: input.output.columns + results, keyCount: input.output.keyCount)
        return .explode(ExplodeStep(input: input, functions: query.tableFunctions, output: output))
    }

    private func aggregate(_ input: Step, _ isGroupedByKey: Bool) -> Step {
        let grouping = query.grouping ?? []
        let results = query.aggregates.enumerated().map { ColumnDefinition("KSQL_AGG_VARIABLE_\($0)", $1.result) }
        let key = query.grouping == nil ? [] : query.key
        let format = context.internalKeyFormat(query.sources[0].keyFormat, key)
        let repartition =
            isGroupedByKey ? nil : InternalTopic(name: context.internalName("Aggregate-GroupBy-repartition"), keyFormat: format)
        var step = AggregateStep(
                input: input, grouping: grouping, aggregates: query.aggregates, window: query.window, isFinal: query.isFinal,
                isTableInput: query.relation.kind == .table, output: RowSchema(columns: key + results, keyCount: key.count),
                repartition: repartition,
                store: StoreDescription(name: context.internalName("Aggregate-Aggregate-Materialize")), keyFormat: format,
                sendsOld: query.having != nil && !query.isFinal)
        step.emptyIsNull = !isGroupedByKey && format.name == .delimited
        step.keepsNullKeys = isGroupedByKey && !query.isJoin && (key.count > 1 || format.name == .delimited)
        step.late = query.lateRows.map { late in
            let output = RowSchema(columns: late.schema.key + late.schema.value, keyCount: late.schema.key.count)
            let sink = SinkDescription(
                sourceName: late.name, topic: late.topic, kind: .stream, keyFormat: late.keyFormat, valueFormat: late.valueFormat,
                timestamp: nil, window: nil)
            // The source's columns, without those that it takes from headers.
            let own = output.columns.count - LateRows.added
            return LateRows(sink: sink, columns: (0..<own).map { .column($0, output.columns[$0].type) }, output: output)
        }
        return .aggregate(step)
    }

    func project(_ input: Step, _ expressions: [TypedExpression], _ output: RowSchema) -> Step {
        project(input, expressions, output, isTable: query.resultKind == .table)
    }

    private func project(_ input: Step, _ expressions: [TypedExpression], _ output: RowSchema, isTable: Bool) -> Step {
        let isIdentity =
            output.keyCount == input.output.keyCount
            && expressions == input.output.columns.enumerated().map { TypedExpression.column($0, $1.type) }
            && output.columns == input.output.columns
        if isIdentity { return input }
        return .project(ProjectStep(input: input, expressions: expressions, output: output, isTable: isTable))
    }
}

extension TypedExpression {
    /// Whether it is WINDOWSTART or WINDOWEND of the row's own window.
    fileprivate var isWindowBound: Bool { node == .pseudo(.windowstart) || node == .pseudo(.windowend) }
}

extension ResolvedQuery {
    /// Whether the rows that are grouped have the grouping expressions as their key already.
    fileprivate var isGroupedByKey: Bool {
        guard let grouping, !grouping.isEmpty else { return false }
        switch relation {
        case .source(let source, _): return grouping == source.schema.key.indices.map { .column($0, source.schema.key[$0].type) }
        case .join(let join): return grouping.count == 1 && join.keys.contains(grouping[0])
        }
    }
}
