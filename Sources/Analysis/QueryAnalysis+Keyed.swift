// Continuous queries that keep rows by a key: SELECT DISTINCT … WINDOW, QUALIFY ROW_NUMBER() OVER (…) <= k, and LAG, FIRST_VALUE and
// ROW_NUMBER OVER (PARTITION BY …) in the order in which rows come.

import Catalog
import Diagnostics
import Functions
import Plans
import Quantities
import Syntax
import Values

/// The columns that rows bring to the step, each once.
private struct Carrier {
    private(set) var columns: [TypedExpression]
    private(set) var names: [String] = []

    init(_ columns: [TypedExpression], name: (TypedExpression) -> String) {
        self.columns = columns
        names = columns.map(name)
    }

    /// Where a value stands.
    mutating func place(_ value: TypedExpression, name: (TypedExpression) -> String) -> Int {
        if let known = columns.firstIndex(of: value) { return known }
        columns.append(value)
        names.append(name(value))
        return columns.count - 1
    }
}

extension QueryAnalysis {
    /// Rows of a key that a Top-N may have: each row that comes may change the numbers of all of them.
    private static let mostRows: Int64 = 10_000

    mutating func runKeyed() throws(Diagnostic) -> ResolvedQuery {
        try checkKeyed()
        let expanded = try expansion.expand(query.items, analyser: &analyser)
        let filter = try whereCondition()
        analyser.place = "SELECT column"
        analyser.running = []
        var items: [ResolvedItem] = []
        for item in expanded { items.append(try resolve(item)) }
        let qualify = try query.qualify.flatMap { written throws(Diagnostic) in try condition(named(written), clause: "QUALIFY") }
        let calls = analyser.running ?? []
        analyser.running = nil
        let source = from.sources[0].definition
        var result = ResolvedQuery(
            relation: from.relation, rowSources: from.scope.sources, filter: filter, partitionBy: nil, grouping: nil, aggregates: [],
            window: nil, isFinal: false, tableFunctions: [], having: nil, items: items, key: source.schema.key, keyOrigin: .source,
            keyTexts: source.schema.key.map(\.name), resultKind: .stream, limit: nil, normalised: normalise(expanded))
        result.limit = try limit()
        if query.isDistinct {
            try distinct(&result)
        } else if let qualify, calls.contains(where: { $0.function == .rowNumber && !$0.orderBy.isEmpty }) {
            try top(&result, calls, qualify)
        } else {
            try run(&result, calls, qualify)
        }
        return result
    }

    private func checkKeyed() throws(Diagnostic) {
        func refuse(_ message: String, hint: String? = nil) -> Diagnostic {
            Diagnostic(.featureNotSupported, message, hint: hint, at: query.span.range)
        }
        guard context.isFull else { throw refuse("DISTINCT, OVER and QUALIFY are not part of ksqlDB's dialect") }
        guard purpose != .pull else { throw refuse("a question keeps no rows by a key") }
        guard !from.isJoin, from.kind == .stream, from.window == nil else {
            throw refuse(
                "DISTINCT, OVER and QUALIFY of a continuous query are over one stream without windows",
                hint: "CREATE STREAM … AS SELECT a join, and query that; of a table SELECT without EMIT CHANGES tells what is in it.")
        }
        guard query.groupBy == nil, query.partitionBy == nil, query.having == nil, query.emit != .final, query.lateRows == nil else {
            throw refuse("DISTINCT, OVER and QUALIFY stand in a continuous query without GROUP BY, PARTITION BY, HAVING and EMIT FINAL")
        }
        if query.isDistinct, query.window == nil {
            throw refuse(
                "DISTINCT over an endless stream needs a WINDOW, or what it has seen would grow without end",
                hint: "SELECT DISTINCT … FROM s WINDOW TUMBLING (SIZE 1 HOUR); SELECT DISTINCT without EMIT CHANGES is a question that ends.")
        }
        if !query.isDistinct, query.window != nil {
            throw refuse("OVER and QUALIFY of a continuous query have no WINDOW clause")
        }
    }

    /// The name of a carried value in plans.
    private func carriedName(_ value: TypedExpression) -> String {
        switch value.node {
        case .column(let index): name(ofColumn: index)
        case .pseudo(let column): column.rawValue
        default: "KSQL_INTERNAL_COL"
        }
    }

    // MARK: DISTINCT

    private func distinct(_ result: inout ResolvedQuery) throws(Diagnostic) {
        guard let clause = query.window else { return }
        guard result.items.allSatisfy({ !$0.expression.columnsRead.contains { $0 >= ExpressionAnalyser.runningBase } }), query.qualify == nil else {
            throw Diagnostic(.featureNotSupported, "DISTINCT and OVER do not stand in one continuous query", at: query.span.range)
        }
        let window = try describe(clause)
        guard case .tumbling = window.shape else {
            throw Diagnostic(.windowError, "DISTINCT is for TUMBLING windows, which do not overlap", at: clause.span.range)
        }
        let key = result.key.enumerated().map { TypedExpression.column($0, $1.type) }
        var carrier = Carrier([], name: carriedName)
        for index in result.items.indices {
            let expression = result.items[index].expression
            if expression.type.containsMap {
                throw Diagnostic(.typeMismatch, "\(result.items[index].name) has a MAP in it, which DISTINCT cannot compare", at: query.span.range)
            }
            result.items[index].expression = .column(carrier.place(expression, name: carriedName), expression.type)
        }
        let isKeyed = !key.isEmpty && key.allSatisfy(carrier.columns.contains)
        let places = try order(carrier.columns, key: key)
        result.keyed = ResolvedKeyed(
            kind: .distinct(window), carried: carrier.columns, names: carrier.names, keyCount: carrier.columns.count, added: [],
            isKeyed: isKeyed, order: places)
        reorder(&result)
    }

    /// The places of carried columns with those of the source's key first, where all of it is there.
    private func order(_ carried: [TypedExpression], key: [TypedExpression], count: Int = 0) throws(Diagnostic) -> [Int] {
        let first = key.compactMap { carried.firstIndex(of: $0) }
        guard first.count == key.count else {
            let missing = key.filter { !carried.contains($0) }.map(carriedName)
            throw Diagnostic(
                .invalidKey, "Key missing from projection (ie, SELECT): \(missing.joined(separator: ", "))",
                hint: "The rows of the result have the key of \(from.sources[0].definition.name).", at: query.span.range)
        }
        return first + (0..<carried.count + count).filter { !first.contains($0) }
    }

    /// Moves the items, which are over the step's rows, to the order in which the projection sees them.
    private func reorder(_ result: inout ResolvedQuery) {
        guard let order = result.keyed?.order else { return }
        result.mapKeyed { order.firstIndex(of: $0) ?? $0 }
    }

    // MARK: LAG and its kind

    /// `qualify`: which of the rows pass, once the calls are computed.
    private func run(_ result: inout ResolvedQuery, _ calls: [RunningPart], _ qualify: TypedExpression?) throws(Diagnostic) {
        guard let first = calls.first else {
            throw Diagnostic(
                .featureNotSupported, "QUALIFY of a continuous query is about a call with OVER", hint: "Other conditions on rows belong into WHERE.",
                at: query.span.range)
        }
        for call in calls {
            if call.partitionBy != first.partitionBy {
                throw Diagnostic(
                    .featureNotSupported, "all OVER clauses of a continuous query have one PARTITION BY",
                    hint: "Compute the others in a second query.", at: call.span.range)
            }
            try checkOrder(call)
        }
        let key = result.key.enumerated().map { TypedExpression.column($0, $1.type) }
        var carrier = Carrier(first.partitionBy, name: carriedName)
        for part in key { _ = carrier.place(part, name: carriedName) }
        var running: [RunningCall] = []
        for call in calls {
            running.append(
                RunningCall(
                    function: call.function, value: call.value.map { carrier.place($0, name: carriedName) },
                    otherwise: call.otherwise.map { carrier.place($0, name: carriedName) }, result: call.type))
        }
        // What calls are replaced by stands behind all carried columns, of which there may be more yet.
        for index in result.items.indices { result.items[index].expression = carry(result.items[index].expression, &carrier) }
        result.having = qualify.map { carry($0, &carrier) }
        let width = carrier.columns.count
        result.mapKeyed { column in column >= ExpressionAnalyser.runningBase ? column - ExpressionAnalyser.runningBase + width : column }
        try checkPlace(first.partitionBy, first.span)
        result.keyed = ResolvedKeyed(
            kind: .running(running), carried: carrier.columns, names: carrier.names, keyCount: first.partitionBy.count,
            added: calls.enumerated().map { Values.ColumnDefinition("KSQL_RUNNING_\($0)", $1.type) },
            isKeyed: isKeyed(by: first.partitionBy), order: try order(carrier.columns, key: key, count: calls.count))
        reorder(&result)
    }

    /// An expression over the source's row as one over the carried columns; calls stay as they are.
    private func carry(_ expression: TypedExpression, _ carrier: inout Carrier) -> TypedExpression {
        expression.replacing { part in
            if carrier.columns.contains(part), part.children.isEmpty == false || part.isSourceLeaf {
                return .column(carrier.place(part, name: carriedName), part.type)
            }
            return part.isSourceLeaf ? .column(carrier.place(part, name: carriedName), part.type) : nil
        }
    }

    private func isKeyed(by partitionBy: [TypedExpression]) -> Bool { !partitionBy.isEmpty && from.rowKeys.contains(partitionBy) }

    /// Errors: without PARTITION BY all rows belong together, and they lie in several partitions.
    private func checkPlace(_ partitionBy: [TypedExpression], _ span: SourceSpan) throws(Diagnostic) {
        let source = from.sources[0].definition
        guard partitionBy.isEmpty, let partitions = context.partitions(source.topic), partitions > 1 else { return }
        throw Diagnostic(
            .featureNotSupported, "\(source.name) has \(partitions) partitions: OVER needs a PARTITION BY",
            hint: "CREATE STREAM … WITH (PARTITIONS = 1) AS SELECT * FROM \(source.name) brings all rows together.", at: span.range)
    }

    /// Rows come in the order of their offsets: another order would have to wait for rows without end.
    private func checkOrder(_ call: RunningPart) throws(Diagnostic) {
        let isByOffset = call.orderBy.count == 1 && call.orderBy[0].expression.node == .pseudo(.rowoffset) && !call.orderBy[0].isDescending
        if call.orderBy.isEmpty || isByOffset { return }
        throw Diagnostic(
            .featureNotSupported, "a continuous query has its rows in the order of their offsets: OVER takes no other ORDER BY",
            hint: "Leave it out, or ORDER BY ROWOFFSET. QUALIFY ROW_NUMBER() OVER (… ORDER BY …) <= n keeps the first rows of any order.",
            at: call.span.range)
    }

    // MARK: Top-N

    private func top(_ result: inout ResolvedQuery, _ calls: [RunningPart], _ qualify: TypedExpression) throws(Diagnostic) {
        guard let call = calls.first, calls.count == 1 else {
            throw Diagnostic(
                .featureNotSupported,
                "a continuous query with QUALIFY and ROW_NUMBER() OVER (… ORDER BY …) has no other call with OVER", at: query.span.range)
        }
        guard let most = qualify.most(ofColumn: ExpressionAnalyser.runningBase), most >= 1, most <= Self.mostRows else {
            throw Diagnostic(
                .featureNotSupported,
                "QUALIFY of a continuous query says how many rows of a key there are at most: ROW_NUMBER() OVER (…) <= n, with n from 1 to "
                    + "\(Self.mostRows)",
                hint: "Other conditions may stand beside that, with AND.", at: query.qualify?.span.range)
        }
        let count = Int(most)
        var carrier = Carrier(call.partitionBy, name: carriedName)
        let order = call.orderBy.map { key in
            SortColumn(
                column: carrier.place(key.expression, name: carriedName), isDescending: key.isDescending, nullsFirst: key.nullsFirst)
        }
        for index in result.items.indices { result.items[index].expression = carry(result.items[index].expression, &carrier) }
        if !qualify.isUpperBound(ofColumn: ExpressionAnalyser.runningBase) { result.having = carry(qualify, &carrier) }
        // The number stands behind the key.
        let keyCount = call.partitionBy.count
        result.mapKeyed { column in column >= ExpressionAnalyser.runningBase ? keyCount : column < keyCount ? column : column + 1 }
        try checkPlace(call.partitionBy, call.span)
        let places = (0..<keyCount + 1).map { $0 }
        func itemName(_ place: Int, _ otherwise: String) -> String {
            result.items.first { $0.expression.node == .column(place) }?.name ?? otherwise
        }
        result.key =
            call.partitionBy.enumerated().map { Values.ColumnDefinition(itemName($0, carrier.names[$0]), $1.type) }
            + [Values.ColumnDefinition(itemName(keyCount, "ROW_NUMBER"), .bigint)]
        result.keyOrigin = .grouping
        result.keyTexts = call.partitionBy.map(carriedName) + ["ROW_NUMBER() OVER (…)"]
        result.resultKind = .table
        result.keyed = ResolvedKeyed(
            kind: .top(order, count: count), carried: carrier.columns, names: carrier.names, keyCount: keyCount,
            added: [Values.ColumnDefinition("KSQL_ROW_NUMBER", .bigint)], isKeyed: isKeyed(by: call.partitionBy),
            order: places + (keyCount + 1..<carrier.columns.count + 1).map { $0 })
    }

    /// A condition with the expressions of items for their names, where the source has no column of the name.
    private func named(_ condition: Expression) -> Expression {
        let columns = Set(from.sources[0].definition.schema.columns.map(\.name))
        return condition.replacingColumns { source, name in
            let column = Expression(.column(source: source, name), span: name.span)
            if source != nil || columns.contains(name.text) { return column }
            for item in query.items {
                if case .expression(let inner, let alias?) = item, alias.text == name.text { return inner }
            }
            return column
        }
    }
}

extension ResolvedQuery {
    /// Changes the columns of what is over the rows that a step keeps by a key.
    fileprivate mutating func mapKeyed(_ change: (Int) -> Int) {
        for index in items.indices { items[index].expression = items[index].expression.mappingColumns(change) }
        having = having.map { $0.mappingColumns(change) }
    }
}

extension TypedExpression {
    /// The largest number that a column can have where the condition is true; nil where the condition does not say.
    fileprivate func most(ofColumn column: Int) -> Int64? {
        switch node {
        case .and(let a, let b):
            let bounds = [a, b].compactMap { $0.most(ofColumn: column) }
            return bounds.min()
        case .or(let a, let b):
            guard let first = a.most(ofColumn: column), let second = b.most(ofColumn: column) else { return nil }
            return max(first, second)
        case .between(let value, _, let high, negated: false): return value.node == .column(column) ? high.wholeNumber : nil
        case .isIn(let value, let items, negated: false):
            let numbers = items.compactMap(\.wholeNumber)
            return value.node == .column(column) && numbers.count == items.count ? numbers.max() : nil
        case .compare(let operation, let a, let b):
            if b.node == .column(column), a.node != b.node {
                return TypedExpression(.compare(operation.turned, b, a), type).most(ofColumn: column)
            }
            guard a.node == .column(column), let number = b.wholeNumber else { return nil }
            switch operation {
            case .equal, .lessOrEqual: return number
            case .less: return number == .min ? number : number - 1
            case .notEqual, .greater, .greaterOrEqual: return nil
            }
        default: return nil
        }
    }

    /// Whether the condition is that a column, which begins at 1, has a number up to the largest one, and nothing else.
    fileprivate func isUpperBound(ofColumn column: Int) -> Bool {
        guard case .compare(let operation, let a, _) = node else { return false }
        switch a.node == .column(column) ? operation : operation.turned {
        case .less, .lessOrEqual: return true
        case .equal: return most(ofColumn: column) == 1
        case .notEqual, .greater, .greaterOrEqual: return false
        }
    }

    private var wholeNumber: Int64? {
        switch node {
        case .literal(.integer(let number)): Int64(number)
        case .literal(.bigint(let number)): number
        case .cast(let inner): inner.wholeNumber
        default: nil
        }
    }

    /// A column or pseudo column of the source's row.
    fileprivate var isSourceLeaf: Bool {
        switch node {
        case .column(let index): index < ExpressionAnalyser.aggregateBase
        case .pseudo: true
        default: false
        }
    }
}
