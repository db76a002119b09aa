// Stages that look rows up by their values: DISTINCT, set operations, and aggregations.

import Bytes
import Plans
import Values

/// Numbers different rows. NULLs are equal to each other here.
final class RowGroups {
    let table: GroupTable
    private let context: QuestionContext
    private let holding: QuestionHolding
    private var accounted = 0

    init(
        _ types: [SQLType], _ context: QuestionContext, for holding: QuestionHolding = .groups, aggregators: [Aggregator] = [], resultTypes: [SQLType] = []
    ) {
        self.holding = holding
        table = GroupTable(
            keyTypes: types, keysMayBeNull: true, aggregators: aggregators, resultTypes: resultTypes, seed: context.seed)
        self.context = context
    }

    var count: Int { table.count }

    /// The numbers of rows, which begin at 0 for the first different row.
    func assign(_ columns: [Column], _ rows: [Int32]) throws(DataflowError) -> [Int32] {
        var groups: [Int32] = []
        table.assign(columns.map(Self.withoutMinusZero), rows, to: &groups)
        if table.isFull { throw DataflowError("the question keeps too many different rows") }
        try account()
        return groups
    }

    /// The number of one row; nil when there is none like it.
    func find(_ columns: [Column], _ row: Int) -> Int? { table.find(columns, row) }

    /// The values as `=` compares them: NaN is equal to nothing, like NULL, and -0.0 to 0.0.
    static func comparable(_ column: Column) -> Column {
        guard column.lane == .double, column.doubles.contains(where: { $0.isNaN }) else { return withoutMinusZero(column) }
        let copy = withoutMinusZero(column).detached()
        for row in 0..<copy.count where copy.doubles[row].isNaN { copy.setNull(row) }
        return copy
    }

    /// -0.0 is equal to 0.0, so it is the same key.
    static func withoutMinusZero(_ column: Column) -> Column {
        guard column.lane == .double, column.doubles.contains(where: { $0 == 0 && $0.sign == .minus }) else { return column }
        let copy = column.detached()
        for row in copy.doubles.indices where copy.doubles[row] == 0 { copy.doubles[row] = 0 }
        return copy
    }

    func account() throws(DataflowError) {
        let memory = table.memory
        try context.hold(memory - accounted, for: holding)
        accounted = memory
    }
}

/// Which rows are in each group, in their order.
struct RowChains {
    /// The first row of each group, and for each row the next one of its group; -1 for none.
    private var firstRow: [Int32]
    private var nextRow: [Int32]

    /// `rows[k]`, of `rowCount` in all, is in group `groups[k]` of `groupCount`.
    init(_ rows: [Int32], groups: [Int32], groupCount: Int, rowCount: Int) {
        firstRow = Array(repeating: -1, count: groupCount)
        nextRow = Array(repeating: -1, count: rowCount)
        // From the end, so that each group's rows come in their order.
        for (row, group) in zip(rows, groups).reversed() {
            nextRow[Int(row)] = firstRow[Int(group)]
            firstRow[Int(group)] = row
        }
    }

    /// The first row of a group; -1 when it has none.
    func first(of group: Int) -> Int32 { firstRow[group] }
    /// The row behind another one in its group; -1 when that is the last.
    func next(behind row: Int32) -> Int32 { nextRow[Int(row)] }
}

extension Batch {
    /// All rows, by their numbers.
    var allRows: [Int32] { (0..<Int32(truncatingIfNeeded: rowCount)).map { $0 } }
}

/// Hands each different row on once, as soon as it comes.
final class QuestionDistinct: QuestionStage {
    private let groups: RowGroups

    init(_ types: [SQLType], _ context: QuestionContext, next: QuestionStage) {
        groups = RowGroups(types, context)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        var known = Int32(truncatingIfNeeded: groups.count)
        var fresh: [Int32] = []
        for (row, group) in try groups.assign(chunk.columns, chunk.allRows).enumerated() where group == known {
            known += 1
            fresh.append(Int32(truncatingIfNeeded: row))
        }
        if !fresh.isEmpty { try next?.push(fresh.count == chunk.rowCount ? chunk : chunk.picked(fresh)) }
    }
}

/// UNION, INTERSECT and EXCEPT. The right side is read first, but for UNION, which hands rows on as they come.
final class QuestionCombination: QuestionStage {
    private let operation: RelationalCombination.Operation
    private let isAll: Bool
    private let groups: RowGroups
    /// Of each different row: how often the right side has it, less the rows of the left side that it was matched with.
    private var left: [Int] = []
    /// Which rows have been handed on.
    private var isOut: [Bool] = []
    /// Whether the rows that come are those of the right side.
    var isRight = true

    init(_ combination: RelationalCombination, _ context: QuestionContext, next: QuestionStage) {
        operation = combination.operation
        isAll = combination.isAll
        groups = RowGroups(combination.left.types, context)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        if operation == .union, isAll { return try super.push(chunk) }
        let numbers = try groups.assign(chunk.columns, chunk.allRows)
        left.append(contentsOf: repeatElement(0, count: groups.count - left.count))
        isOut.append(contentsOf: repeatElement(false, count: groups.count - isOut.count))
        if operation != .union, isRight {
            for number in numbers { left[Int(number)] += 1 }
            return
        }
        var kept: [Int32] = []
        for (row, number) in numbers.enumerated() where keeps(Int(number)) { kept.append(Int32(truncatingIfNeeded: row)) }
        if !kept.isEmpty { try next?.push(kept.count == chunk.rowCount ? chunk : chunk.picked(kept)) }
    }

    private func keeps(_ number: Int) -> Bool {
        if !isAll, isOut[number] { return false }
        let isMatched = left[number] > 0
        if isAll, isMatched { left[number] -= 1 }
        let keeps = operation == .union || (operation == .intersect) == isMatched
        if keeps { isOut[number] = true }
        return keeps
    }

    override func end() throws(DataflowError) {
        // The end of the right side is not that of the rows.
        if !isRight { try super.end() }
    }
}

/// One grouping set of an aggregation.
private final class GroupingSet {
    /// Which of the grouping expressions it has.
    let keys: [Int]
    let groups: RowGroups
    /// By aggregate: of DISTINCT, the different arguments of each group.
    let distinct: [RowGroups?]

    init(
        _ keys: [Int], _ aggregation: RelationalAggregation, _ context: QuestionContext
    ) throws(DataflowError) {
        self.keys = keys
        var aggregators: [Aggregator] = []
        for aggregate in aggregation.aggregates {
            aggregators.append(try AggregateLibrary.make(aggregate.call, SequenceCounter(), context.environment.added, seed: context.seed))
        }
        groups = RowGroups(
            keys.map { aggregation.grouping[$0].type }, context, aggregators: aggregators,
            resultTypes: aggregation.aggregates.map(\.call.result))
        distinct = aggregation.aggregates.map { aggregate in
            aggregate.isDistinct ? RowGroups([.bigint] + aggregate.call.arguments.map(\.type), context) : nil
        }
    }
}

/// GROUP BY, and aggregates without it.
final class QuestionAggregation: QuestionStage {
    private let aggregation: RelationalAggregation
    private let grouping: [Kernel]
    private let arguments: [[Kernel]]
    private let filters: [Kernel?]
    private let sets: [GroupingSet]
    private let frame: Frame

    init(_ aggregation: RelationalAggregation, _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        self.aggregation = aggregation
        let added = context.environment.added
        grouping = try KernelCompiler.compileAll(aggregation.grouping, added)
        var (arguments, filters): ([[Kernel]], [Kernel?]) = ([], [])
        for aggregate in aggregation.aggregates {
            arguments.append(try KernelCompiler.compileAll(aggregate.call.arguments, added))
            filters.append(try aggregate.filter.map { filter throws(DataflowError) in try KernelCompiler.compile(filter, added) })
        }
        (self.arguments, self.filters) = (arguments, filters)
        var sets: [GroupingSet] = []
        for keys in aggregation.sets ?? [Array(aggregation.grouping.indices)] {
            sets.append(try GroupingSet(keys, aggregation, context))
        }
        self.sets = sets
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        context.show(chunk, in: frame)
        let keys = grouping.map { $0.evaluate(frame, chunk.selection) }
        let values = arguments.map { $0.map { $0.evaluate(frame, chunk.selection) } }
        let all = counted(chunk, keys)
        let rows = filters.map { filter -> [Int32] in
            guard let filter else { return all }
            let column = filter.evaluate(frame, chunk.selection)
            return all.filter { !column.isNull(Int($0)) && column.words[Int($0)] != 0 }
        }
        for set in sets {
            let groups = try set.groups.assign(set.keys.map { keys[$0] }, all)
            for index in aggregation.aggregates.indices {
                var operations = GroupOperations()
                operations.rows = rows[index]
                operations.groups = rows[index].count == all.count ? groups : groups.picked(rows[index], of: all)
                if let distinct = set.distinct[index] { try keepDifferent(&operations, values[index], distinct) }
                do throws(AggregateFailure) {
                    try set.groups.table.aggregators[index].apply(operations, values[index], old: [], result: nil)
                } catch {
                    throw DataflowError("\(aggregation.aggregates[index].call.function) failed: \(error.message)")
                }
                context.dataflow.reportSkipped(by: set.groups.table.aggregators[index], of: chunk, operations.rows)
            }
            try set.groups.account()
        }
        try context.checkCancelled()
    }

    /// The rows that count. Without a key that it needs a row is in no group, which is reported.
    private func counted(_ chunk: Batch, _ keys: [Column]) -> [Int32] {
        let columns = aggregation.neededKeys.map { keys[$0] }
        guard columns.contains(where: { !$0.nulls.isEmpty }) else { return chunk.allRows }
        return chunk.allRows.filter { row in
            guard columns.contains(where: { $0.isNull(Int(row)) }) else { return true }
            context.dataflow.errors.add(
                .nullGroup, step: "Question", column: nil, message: "a grouping value is null", batch: chunk, row: Int(row))
            return false
        }
    }

    /// Leaves out the rows whose arguments their groups have had before.
    private func keepDifferent(
        _ operations: inout GroupOperations, _ values: [Column], _ distinct: RowGroups
    ) throws(DataflowError) {
        let numbers = Column(.bigint)
        numbers.reset(operations.rows.last.map { Int($0) + 1 } ?? 0)
        for (row, group) in zip(operations.rows, operations.groups) { numbers.words[Int(row)] = Int64(group) }
        var known = Int32(truncatingIfNeeded: distinct.count)
        var kept = GroupOperations()
        for (place, entry) in try distinct.assign([numbers] + values, operations.rows).enumerated() where entry == known {
            known += 1
            kept.rows.append(operations.rows[place])
            kept.groups.append(operations.groups[place])
        }
        operations = kept
    }

    override func end() throws(DataflowError) {
        for (number, set) in sets.enumerated() {
            // Without grouping there is a group, whether there are rows or not.
            if set.keys.isEmpty, set.groups.count == 0 { _ = set.groups.table.group([], 0) }
            var first = 0
            while first < set.groups.count, !(next?.isDone ?? true) {
                try context.checkCancelled()
                let last = min(first + OutputLimits.chunkRows, set.groups.count)
                try next?.push(chunk(of: set, number, first..<last))
                first = last
            }
        }
        try super.end()
    }

    private func chunk(of set: GroupingSet, _ number: Int, _ range: Range<Int>) -> Batch {
        let groups = range.map { Int32(truncatingIfNeeded: $0) }
        var columns = aggregation.grouping.map { Column($0.type) }
        for (place, column) in columns.enumerated() {
            if let key = set.keys.firstIndex(of: place) {
                column.gather(set.groups.table.keys[key], groups)
            } else {
                column.gather(Column(column.type), groups.map { _ in -1 })
            }
        }
        for (aggregate, aggregator) in zip(aggregation.aggregates, set.groups.table.aggregators) {
            let column = Column(aggregate.call.result)
            column.reset(groups.count)
            aggregator.results(groups, into: column)
            columns.append(column)
        }
        if aggregation.givesSet {
            let column = Column(.bigint)
            column.reset(groups.count)
            for row in groups.indices { column.words[row] = Int64(number) }
            columns.append(column)
        }
        return Batch(columns, rows: groups.count)
    }
}

extension [Int32] {
    /// The entries for `rows`, which are some of those, in their order, that the entries stand for.
    fileprivate func picked(_ rows: [Int32], of all: [Int32]) -> [Int32] {
        guard all.count > 0, Int(all[all.count - 1]) == all.count - 1 else {
            var place = 0
            return rows.map { row in
                while all[place] < row { place += 1 }
                return self[place]
            }
        }
        return rows.map { self[Int($0)] }
    }
}
