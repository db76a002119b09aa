// Aggregations of a question: the groups are held in memory, and the rows of those that are too many for that go to disk, by the hashes of their
// keys; see RowGroups.

import Bytes
import Plans
import Values

/// One grouping set of an aggregation.
private final class GroupingSet {
    /// Which of the grouping expressions it has.
    let keys: [Int]
    let groups: RowGroups
    /// By aggregate: of DISTINCT, the different arguments of each group.
    var distinct: [RowGroups?]
    /// Its place among the sets.
    let number: Int

    init(
        _ keys: [Int], number: Int, level: Int = 0, _ aggregation: RelationalAggregation, _ context: QuestionContext
    ) throws(DataflowError) {
        self.keys = keys
        self.number = number
        var aggregators: [Aggregator] = []
        for aggregate in aggregation.aggregates {
            aggregators.append(try AggregateLibrary.make(aggregate.call, SequenceCounter(), context.environment.added, seed: context.seed, isQuestion: true))
        }
        groups = RowGroups(
            keys.map { aggregation.grouping[$0].type }, context, level: level, aggregators: aggregators,
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
        for (number, keys) in (aggregation.sets ?? [Array(aggregation.grouping.indices)]).enumerated() {
            sets.append(try GroupingSet(keys, number: number, aggregation, context))
        }
        self.sets = sets
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) { try push(chunk, into: sets, isAgain: false) }

    /// `isAgain`: the rows have been on disk, and count.
    private func push(_ chunk: Batch, into sets: [GroupingSet], isAgain: Bool) throws(DataflowError) {
        context.show(chunk, in: frame)
        let keys = grouping.map { $0.evaluate(frame, chunk.selection) }
        let values = arguments.map { $0.map { $0.evaluate(frame, chunk.selection) } }
        let all = isAgain ? chunk.allRows : counted(chunk, keys)
        let isCounted = filters.map { $0.map { $0.evaluate(frame, chunk.selection) } }
        for set in sets {
            var groups = try set.groups.assign(set.keys.map { keys[$0] }, all, of: chunk)
            var rows = all
            if groups.contains(where: { $0 < 0 }) {
                rows = zip(all, groups).filter { $0.1 >= 0 }.map(\.0)
                groups.removeAll { $0 < 0 }
            }
            for index in aggregation.aggregates.indices {
                var operations = GroupOperations()
                (operations.rows, operations.groups) = (rows, groups)
                if let column = isCounted[index] { operations.keep { !column.isNull($0) && column.words[$0] != 0 } }
                if let distinct = set.distinct[index] { try keepDifferent(&operations, values[index], distinct) }
                try apply(operations, values[index], of: index, to: set, chunk)
            }
            try set.groups.account()
        }
        try context.checkCancelled()
    }

    private func apply(
        _ operations: GroupOperations, _ values: [Column], of index: Int, to set: GroupingSet, _ chunk: Batch
    ) throws(DataflowError) {
        do throws(AggregateFailure) {
            try set.groups.table.aggregators[index].apply(operations, values, old: [], result: nil)
        } catch {
            throw DataflowError("\(aggregation.aggregates[index].call.function) failed: \(error.message)")
        }
        context.dataflow.reportSkipped(by: set.groups.table.aggregators[index], of: chunk, operations.rows)
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
        let entries = Batch([numbers] + values, rows: numbers.count)
        for (place, entry) in try distinct.assign(entries.columns, operations.rows, of: entries).enumerated() where entry == known {
            known += 1
            kept.rows.append(operations.rows[place])
            kept.groups.append(operations.groups[place])
        }
        operations = kept
    }

    override func end() throws(DataflowError) {
        for set in sets { try finish(set) }
        try super.end()
    }

    /// Hands on the groups of a set, and then those whose rows were put on disk.
    private func finish(_ set: GroupingSet) throws(DataflowError) {
        // Without grouping there is a group, whether there are rows or not.
        if set.keys.isEmpty, set.groups.count == 0 { _ = set.groups.table.group([], 0) }
        for index in set.distinct.indices {
            if let distinct = set.distinct[index] { try applyDivided(distinct, of: index, to: set) }
            set.distinct[index] = nil
        }
        var first = 0
        while first < set.groups.count, !isDone {
            try context.checkCancelled()
            let last = min(first + OutputLimits.chunkRows, set.groups.count)
            try next?.push(chunk(of: set, first..<last))
            first = last
        }
        for list in try set.groups.takeDivided() where !isDone {
            let part = try GroupingSet(set.keys, number: set.number, level: set.groups.level + 1, aggregation, context)
            try list.forEachChunk { chunk throws(DataflowError) in
                try push(chunk, into: [part], isAgain: true)
                return true
            }
            try finish(part)
        }
    }

    /// Adds up those different arguments that were put on disk: each row has the number of its group, and then the arguments.
    private func applyDivided(_ distinct: RowGroups, of index: Int, to set: GroupingSet) throws(DataflowError) {
        for list in try distinct.takeDivided() {
            let part = RowGroups(list.types, context, level: distinct.level + 1)
            try list.forEachChunk { chunk throws(DataflowError) in
                var operations = GroupOperations()
                operations.rows = chunk.allRows
                operations.groups = operations.rows.map { Int32(truncatingIfNeeded: chunk.columns[0].words[Int($0)]) }
                let values = Array(chunk.columns.dropFirst())
                try keepDifferent(&operations, values, part)
                try apply(operations, values, of: index, to: set, chunk)
                try set.groups.account()
                try context.checkCancelled()
                return true
            }
            try applyDivided(part, of: index, to: set)
        }
    }

    private func chunk(of set: GroupingSet, _ range: Range<Int>) -> Batch {
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
            for row in groups.indices { column.words[row] = Int64(set.number) }
            columns.append(column)
        }
        return Batch(columns, rows: groups.count)
    }
}

extension GroupOperations {
    /// Keeps the operations whose rows pass.
    fileprivate mutating func keep(_ passes: (_ row: Int) -> Bool) {
        let places = rows.indices.filter { passes(Int(rows[$0])) }
        if places.count == rows.count { return }
        (rows, groups) = (places.map { rows[$0] }, places.map { groups[$0] })
    }
}
