// LATERAL: each row with the rows that a question about it gives; and the rounds of a recursion.

import Bytes
import Plans
import Values

/// Joins each row with what a subquery gives for it. The subquery is asked once for each different list of the values that it takes.
final class QuestionLateral: QuestionStage {
    private let lateral: RelationalLateral
    private let parameters: [Kernel]
    private let frame: Frame
    private let subquery: RelationalStep
    /// Runs a plan and gives its rows.
    private let ask: (RelationalStep) throws(DataflowError) -> QuestionRows
    private let known: RowGroups
    /// For each different list of parameters: joins a chunk with the rows that the subquery gave.
    private var joins: [QuestionJoin] = []

    init(
        _ lateral: RelationalLateral, subquery: RelationalStep, _ context: QuestionContext, next: QuestionStage,
        ask: @escaping (RelationalStep) throws(DataflowError) -> QuestionRows
    ) throws(DataflowError) {
        self.lateral = lateral
        self.subquery = subquery
        self.ask = ask
        parameters = try KernelCompiler.compileAll(lateral.parameters, context.environment.added)
        known = RowGroups(lateral.parameters.map(\.type), context, for: .subqueries)
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        guard let next else { return }
        context.show(chunk, in: frame)
        let values = parameters.map { $0.evaluate(frame, chunk.selection) }
        let groups = try known.assign(values, chunk.allRows)
        for (row, group) in groups.enumerated() where Int(group) == joins.count {
            try context.checkCancelled()
            let bound = values.map { TypedExpression.literal($0.value(row), $0.type) }
            let rows = try ask(bound.isEmpty ? subquery : subquery.binding(bound))
            let join = RelationalJoin(left: lateral.input, right: lateral.subquery, type: lateral.type, condition: lateral.condition)
            joins.append(try QuestionJoin(join, right: rows, context, next: next))
        }
        // Rows of one list that stand together are joined together; their order stays.
        var first = 0
        while first < groups.count, !isDone {
            var last = first + 1
            while last < groups.count, groups[last] == groups[first] { last += 1 }
            let isWhole = first == 0 && last == chunk.rowCount
            let part = isWhole ? chunk : chunk.picked((first..<last).map { Int32(truncatingIfNeeded: $0) })
            try joins[Int(groups[first])].push(part)
            first = last
        }
    }
}

/// Takes the rows of one round of a recursion: keeps them for the next round, and hands them on.
final class QuestionRound: QuestionStage {
    let rows: QuestionRows
    /// The different rows of all rounds; nil where rows may come again.
    private let seen: RowGroups?

    init(_ types: [SQLType], _ seen: RowGroups?, _ context: QuestionContext, next: QuestionStage) {
        rows = QuestionRows(types, context, for: .recursion)
        self.seen = seen
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        var fresh = chunk
        if let seen {
            var known = Int32(truncatingIfNeeded: seen.count)
            var kept: [Int32] = []
            for (row, group) in try seen.assign(chunk.columns, chunk.allRows).enumerated() where group == known {
                known += 1
                kept.append(Int32(truncatingIfNeeded: row))
            }
            if kept.isEmpty { return }
            if kept.count < chunk.rowCount { fresh = chunk.picked(kept) }
        }
        try rows.append(fresh)
        try next?.push(fresh)
    }

    /// The end of a round is not that of the rows.
    override func end() throws(DataflowError) {}
}
