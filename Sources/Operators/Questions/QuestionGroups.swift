// Stages that look rows up by their values: DISTINCT and set operations; see QuestionAggregation.swift for GROUP BY.
//
// Where there are more different rows than the question may hold, those that it has seen stay in memory, and rows that are like none of them
// go to disk, divided by their hashes. At the end each of these lists is looked at like the rows before, with an empty memory.

import Bytes
import Plans
import Values

/// Numbers different rows. NULLs are equal to each other here.
final class RowGroups {
    private(set) var table: GroupTable
    private let types: [SQLType]
    private let context: QuestionContext
    private let holding: QuestionHolding
    private var accounted = 0
    /// How often the rows have been divided before, because they were too many.
    let level: Int
    /// Once the question holds enough: where rows go that are like none before.
    private var divided: SpilledPartitions?

    init(
        _ types: [SQLType], _ context: QuestionContext, for holding: QuestionHolding = .groups, level: Int = 0, aggregators: [Aggregator] = [],
        resultTypes: [SQLType] = []
    ) {
        self.types = types
        self.holding = holding
        self.level = level
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

    /// The numbers of rows of a chunk; -1 for those that were put on disk, because the question holds enough and they are like none before.
    func assign(_ columns: [Column], _ rows: [Int32], of chunk: Batch) throws(DataflowError) -> [Int32] {
        // Without columns there is one group, whatever its states hold.
        if divided == nil, !columns.isEmpty, context.mustSpill(accounted) { divided = SpilledPartitions(chunk.columns.map(\.type), level: level, context) }
        guard let divided else { return try assign(columns, rows) }
        let columns = columns.map(Self.withoutMinusZero)
        var groups: [Int32] = []
        table.find(columns, rows, to: &groups)
        let others = zip(rows, groups).filter { $0.1 < 0 }.map(\.0)
        if !others.isEmpty { try divided.append(chunk, others, keys: columns) }
        return groups
    }

    /// No row comes any more and the groups are not needed: lets go of them, and gives the rows that were put on disk, in lists that have no
    /// key in common.
    func takeDivided() throws(DataflowError) -> [SpilledRows] {
        try letGo()
        // Frees the groups: a caller may still hold this object while the lists are looked at.
        table = GroupTable(keyTypes: types, keysMayBeNull: true, aggregators: [], seed: context.seed)
        defer { divided = nil }
        return try divided?.finish().filter { $0.count > 0 } ?? []
    }

    /// The groups are not needed any more.
    func letGo() throws(DataflowError) {
        try context.hold(-accounted, for: holding)
        accounted = 0
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

/// Hands each different row on once, as soon as it comes, or at the end where there are too many.
final class QuestionDistinct: QuestionStage {
    private let types: [SQLType]
    private var groups: RowGroups

    init(_ types: [SQLType], _ context: QuestionContext, next: QuestionStage) {
        self.types = types
        groups = RowGroups(types, context)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        var known = Int32(truncatingIfNeeded: groups.count)
        var fresh: [Int32] = []
        for (row, group) in try groups.assign(chunk.columns, chunk.allRows, of: chunk).enumerated() where group == known {
            known += 1
            fresh.append(Int32(truncatingIfNeeded: row))
        }
        if !fresh.isEmpty { try next?.push(fresh.count == chunk.rowCount ? chunk : chunk.picked(fresh)) }
    }

    override func end() throws(DataflowError) {
        try pushDivided()
        try super.end()
    }

    private func pushDivided() throws(DataflowError) {
        let level = groups.level + 1
        for list in try groups.takeDivided() where !isDone {
            groups = RowGroups(types, context, level: level)
            try list.forEachChunk { chunk throws(DataflowError) in
                try push(chunk)
                return !isDone
            }
            try pushDivided()
        }
    }
}

/// UNION, INTERSECT and EXCEPT. The right side is read first, but for UNION, which hands rows on as they come.
final class QuestionCombination: QuestionStage {
    private let operation: RelationalCombination.Operation
    private let isAll: Bool
    private let types: [SQLType]
    private var groups: RowGroups
    /// Of each different row: how often the right side has it, less the rows of the left side that it was matched with.
    private var left: [Int] = []
    /// Which rows have been handed on.
    private var isOut: [Bool] = []
    /// Whether the rows that come are those of the right side.
    var isRight = true

    init(_ combination: RelationalCombination, _ context: QuestionContext, next: QuestionStage) {
        operation = combination.operation
        isAll = combination.isAll
        types = combination.left.types
        groups = RowGroups(types, context)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        if operation == .union, isAll { return try super.push(chunk) }
        try take(chunk, chunk.allRows)
    }

    private func take(_ chunk: Batch, _ rows: [Int32]) throws(DataflowError) {
        let numbers = try groups.assign(chunk.columns, rows, of: marked(chunk))
        left.append(contentsOf: repeatElement(0, count: groups.count - left.count))
        isOut.append(contentsOf: repeatElement(false, count: groups.count - isOut.count))
        if operation != .union, isRight {
            for number in numbers where number >= 0 { left[Int(number)] += 1 }
            return
        }
        var kept: [Int32] = []
        for (row, number) in zip(rows, numbers) where number >= 0 && keeps(Int(number)) { kept.append(row) }
        if !kept.isEmpty { try next?.push(kept.count == chunk.rowCount ? chunk : chunk.picked(kept)) }
    }

    /// The chunk with a column more, which says of a row that goes to disk whether it is one of the right side.
    private func marked(_ chunk: Batch) -> Batch {
        let side = Column(.boolean)
        side.reset(chunk.rowCount)
        for row in 0..<chunk.rowCount { side.words[row] = isRight ? 1 : 0 }
        return Batch(chunk.columns + [side], rows: chunk.rowCount)
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
        if isRight { return }
        try takeDivided()
        try super.end()
    }

    /// Takes the rows that were put on disk; in each list those of the right side come first.
    private func takeDivided() throws(DataflowError) {
        let level = groups.level + 1
        for list in try groups.takeDivided() where !isDone {
            groups = RowGroups(types, context, level: level)
            (left, isOut) = ([], [])
            try list.forEachChunk { marked throws(DataflowError) in
                let chunk = Batch(Array(marked.columns.dropLast()), rows: marked.rowCount)
                for side in [true, false] {
                    isRight = side
                    let rows = chunk.allRows.filter { (marked.columns[types.count].words[Int($0)] != 0) == side }
                    if !rows.isEmpty { try take(chunk, rows) }
                }
                return !isDone
            }
            try takeDivided()
        }
    }
}
