// The row of one SELECT as it grows, and expressions over FROM's row rewritten to it.

import Diagnostics
import Plans
import Syntax
import Values

/// What has been planned of a SELECT so far.
struct QuestionLevel {
    private(set) var step: RelationalStep
    private let parts: QuestionParts
    /// Of an aggregation: what it groups by.
    private var grouping: [TypedExpression]?
    /// Where results of subqueries stand, by their number.
    private var subqueries: [Int: Int] = [:]
    private var windowBase: Int?
    private var tableFunctionBase: Int?
    /// Where the bounds of the windows stand in the row.
    private var boundsBase: Int?
    /// Of an aggregation with several grouping sets: which grouping expressions each of them has, and where a row says of which set it is.
    private var sets: [[Int]]?
    private var setColumn = 0
    /// Whether its groups are the different rows of each window.
    private(set) var isGroupedByItems = false

    init(_ step: RelationalStep, _ parts: QuestionParts) {
        self.step = step
        self.parts = parts
    }

    private var width: Int { step.types.count }

    /// Keeps the rows for which a condition, over this row but for its subqueries, is true.
    mutating func filter(_ condition: TypedExpression) {
        // First what the condition asks, which stands below it.
        let predicate = applied(condition)
        step = .filter(step, predicate: predicate)
    }

    /// The expression with its subqueries planned under it. Their parameters and operands are over this row already.
    private mutating func applied(_ expression: TypedExpression) -> TypedExpression {
        for column in expression.columnsRead.sorted() where column >= QuestionColumns.subqueries {
            let number = column - QuestionColumns.subqueries
            if subqueries[number] == nil { apply(parts.subqueries[number], number) }
        }
        return expression.mappingColumns { column in
            if column >= QuestionColumns.subqueries { return subqueries[column - QuestionColumns.subqueries] ?? column }
            guard let boundsBase, column >= QuestionColumns.bounds, column < QuestionColumns.parameters else { return column }
            return boundsBase + column - QuestionColumns.bounds
        }
    }

    private mutating func apply(_ found: FoundSubquery, _ number: Int) {
        var kind = found.kind
        if case .isIn(let operand) = kind { kind = .isIn(operand: applied(operand)) }
        let parameters = found.parameters.map { applied($0) }
        subqueries[number] = width
        step = .apply(RelationalApply(input: step, subquery: found.step, kind: kind, parameters: parameters, type: found.type))
    }

    // MARK: Levels

    /// Groups the rows. Subqueries that are asked before stand under the aggregation and are gone behind it.
    mutating func aggregate(_ sets: GroupingSets) {
        let keys = sets.expressions.map { applied($0) }
        let aggregates = parts.aggregates.map { aggregate in
            var planned = aggregate
            planned.call.arguments = aggregate.call.arguments.map { applied($0) }
            planned.filter = aggregate.filter.map { applied($0) }
            return planned
        }
        if !parts.rowOrder.isEmpty {
            let order = parts.rowOrder.map { RelationalSortKey(expression: applied($0.expression), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
            step = .sort(step, order, limit: nil)
        }
        var aggregation = RelationalAggregation(input: step, grouping: keys, sets: sets.sets, aggregates: aggregates)
        isGroupedByItems = sets.keepsNulls
        if boundsBase != nil, sets.sets == nil, !sets.keepsNulls { aggregation.neededKeys = Array(keys.indices) }
        aggregation.givesSet = sets.sets != nil && !parts.groupings.isEmpty
        step = .aggregate(aggregation)
        (self.sets, setColumn) = (sets.sets, keys.count + aggregates.count)
        grouping = sets.expressions
        subqueries = [:]
    }

    /// Puts the rows into windows: with the bounds of its window behind each row, which is there once for each window that it is in.
    mutating func addWindows(_ windows: QuestionWindows, by keys: [TypedExpression]) {
        let keys = keys.map { applied($0) }
        step = windows.windowed(step, by: keys)
        boundsBase = width - 2
    }

    /// Adds the elements of what table functions of the SELECT list give.
    mutating func unnest(_ calls: [TableFunctionCall], _ select: SelectAnalysis) throws(Diagnostic) {
        if grouping != nil {
            throw Diagnostic(.groupingError, "Table functions cannot be used with aggregations.", at: select.block.span.range)
        }
        let base = width
        step = .unnest(step, calls)
        tableFunctionBase = base
    }

    /// Computes the window functions that the expressions hold.
    mutating func computeWindows(_ select: SelectAnalysis) throws(Diagnostic) {
        guard !parts.windows.isEmpty else { return }
        var calls: [WindowFunctionCall] = []
        for call in parts.windows { calls.append(try call.mapping { expression throws(Diagnostic) in try rewritten(expression, select) }) }
        let base = width
        step = .window(step, calls)
        windowBase = base
    }

    /// Keeps the first row, in the order of `order`, of the rows with the same `keys`.
    mutating func keepFirst(
        of keys: [TypedExpression], _ order: [TypedExpression], _ sortKeys: [RelationalSortKey], _ select: SelectAnalysis
    ) throws(Diagnostic) {
        let partitionBy = try keys.map { key throws(Diagnostic) in try rewritten(key, select) }
        var orderBy: [RelationalSortKey] = []
        for (expression, key) in zip(order, sortKeys) {
            var sortKey = key
            sortKey.expression = try rewritten(expression, select)
            orderBy.append(sortKey)
        }
        let number = WindowFunctionCall(
            function: .rowNumber, partitionBy: partitionBy, orderBy: orderBy, unit: .range, start: .unboundedPreceding, end: .currentRow,
            type: .bigint)
        let base = width
        step = .window(step, [number])
        step = .filter(
            step, predicate: TypedExpression(.compare(.equal, .column(base, .bigint), .literal(.bigint(1), .bigint)), .boolean))
    }

    // MARK: Expressions

    /// An expression over FROM's row as one over this row, with its subqueries planned. Errors: it reads a column that is not grouped.
    mutating func rewritten(_ expression: TypedExpression, _ select: SelectAnalysis) throws(Diagnostic) -> TypedExpression {
        for column in expression.columnsRead.sorted() where column >= QuestionColumns.subqueries {
            let number = column - QuestionColumns.subqueries
            guard subqueries[number] == nil else { continue }
            let found = parts.subqueries[number]
            var kind = found.kind
            if case .isIn(let operand) = kind { kind = .isIn(operand: try rewritten(operand, select)) }
            var parameters: [TypedExpression] = []
            for parameter in found.parameters { parameters.append(try rewritten(parameter, select)) }
            subqueries[number] = width
            step = .apply(RelationalApply(input: step, subquery: found.step, kind: kind, parameters: parameters, type: found.type))
        }
        return try placed(expression, select)
    }

    private func placed(_ expression: TypedExpression, _ select: SelectAnalysis) throws(Diagnostic) -> TypedExpression {
        var stray: Int?
        var foreign = false
        let result = expression.replacing { part in
            if let grouping, let key = grouping.firstIndex(of: part) { return .column(key, part.type) }
            guard case .column(let column) = part.node else { return nil }
            switch column {
            case QuestionColumns.groupings..<QuestionColumns.subqueries:
                guard let number = self.number(of: parts.groupings[column - QuestionColumns.groupings]) else {
                    foreign = true
                    return part
                }
                return number
            case QuestionColumns.subqueries...: return .column(subqueries[column - QuestionColumns.subqueries] ?? column, part.type)
            case QuestionColumns.windows...: return .column((windowBase ?? 0) + column - QuestionColumns.windows, part.type)
            case QuestionColumns.parameters...: return part
            case ExpressionAnalyser.tableFunctionBase...:
                return .column((tableFunctionBase ?? 0) + column - ExpressionAnalyser.tableFunctionBase, part.type)
            case ExpressionAnalyser.aggregateBase...:
                return .column((grouping?.count ?? 0) + column - ExpressionAnalyser.aggregateBase, part.type)
            default:
                if grouping != nil { stray = stray ?? column }
                return part
            }
        }
        if foreign {
            throw Diagnostic(.groupingError, "the arguments of GROUPING must be expressions of the GROUP BY", at: select.block.span.range)
        }
        if let stray {
            let from = try select.block.from.map { table throws(Diagnostic) in try select.analysis.tables(of: table) }
            let name = from.flatMap { Scope(sources: $0.sources).columnName(at: stray) } ?? "a column"
            throw Diagnostic(
                .groupingError, "\(name) is neither in the GROUP BY nor inside an aggregate",
                hint: "Add it to the GROUP BY, or aggregate it: LATEST_BY_OFFSET(\(name)) takes one of the values.", at: select.block.span.range)
        }
        return result
    }
}

extension QuestionLevel {
    /// What GROUPING gives: a bit for each argument, the first one the highest, which says that the row's set does not have it; nil when one of
    /// them is no grouping expression.
    private func number(of arguments: [TypedExpression]) -> TypedExpression? {
        guard let grouping else { return nil }
        let places = arguments.compactMap { grouping.firstIndex(of: $0) }
        guard places.count == arguments.count else { return nil }
        func number(_ set: [Int]) -> TypedExpression {
            .literal(.bigint(places.reduce(0) { $0 << 1 | (set.contains($1) ? 0 : 1) }), .bigint)
        }
        guard let sets else { return .literal(.bigint(0), .bigint) }
        let branches = sets.enumerated().map { index, set in
            CaseBranch(
                condition: TypedExpression(
                    .compare(.equal, .column(setColumn, .bigint), .literal(.bigint(Int64(index)), .bigint)), .boolean), result: number(set))
        }
        return TypedExpression(.searchedCase(branches, otherwise: .literal(.null, .bigint)), .bigint)
    }
}

extension WindowFunctionCall {
    /// The call with all its expressions changed.
    func mapping(_ change: (TypedExpression) throws(Diagnostic) -> TypedExpression) throws(Diagnostic) -> WindowFunctionCall {
        var call = self
        call.partitionBy = try partitionBy.map { key throws(Diagnostic) in try change(key) }
        for index in orderBy.indices { call.orderBy[index].expression = try change(orderBy[index].expression) }
        switch function {
        case .rowNumber, .rank, .denseRank, .percentRank, .cumulativeDistribution: break
        case .ntile(let count): call.function = .ntile(try change(count))
        case .lag(let value, let offset, let otherwise):
            call.function = .lag(try change(value), offset: try change(offset), otherwise: try change(otherwise))
        case .lead(let value, let offset, let otherwise):
            call.function = .lead(try change(value), offset: try change(offset), otherwise: try change(otherwise))
        case .firstValue(let value): call.function = .firstValue(try change(value))
        case .lastValue(let value): call.function = .lastValue(try change(value))
        case .nthValue(let value, let number): call.function = .nthValue(try change(value), try change(number))
        case .aggregate(var aggregate):
            aggregate.call.arguments = try aggregate.call.arguments.map { argument throws(Diagnostic) in try change(argument) }
            aggregate.filter = try aggregate.filter.map { filter throws(Diagnostic) in try change(filter) }
            call.function = .aggregate(aggregate)
        }
        return call
    }
}
