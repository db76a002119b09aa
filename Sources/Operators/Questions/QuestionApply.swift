// Subqueries of expressions: a column with what a question says about each row. It is asked once for each different list of values that it
// takes from the row, and what does not depend on those is computed once.

import Bytes
import Plans
import Values

/// Asks a subquery about each row.
final class QuestionApply: QuestionStage {
    private let apply: RelationalApply
    private let parameters: [Kernel]
    private let operand: Kernel?
    private let frame: Frame
    /// Runs a plan and gives its rows, at most so many and one more.
    private let ask: (_ step: RelationalStep, _ most: Int) throws(DataflowError) -> QuestionRows
    private let subquery: RelationalStep
    private let known: RowGroups
    /// The answer for each different list of parameters.
    private var answers: [Answer] = []

    /// What a subquery says.
    private enum Answer {
        case scalar(Column)
        case exists(Bool)
        /// The values that are not NULL: nothing equals the others, as in a list behind IN.
        case values(RowGroups)
    }

    init(
        _ apply: RelationalApply, subquery: RelationalStep, _ context: QuestionContext, next: QuestionStage,
        ask: @escaping (RelationalStep, Int) throws(DataflowError) -> QuestionRows
    ) throws(DataflowError) {
        self.apply = apply
        self.ask = ask
        self.subquery = subquery
        let added = context.environment.added
        parameters = try KernelCompiler.compileAll(apply.parameters, added)
        if case .isIn(let operand) = apply.kind { self.operand = try KernelCompiler.compile(operand, added) } else { operand = nil }
        known = RowGroups(apply.parameters.map(\.type), context, for: .subqueries)
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        context.show(chunk, in: frame)
        let values = parameters.map { $0.evaluate(frame, chunk.selection) }
        let groups = try known.assign(values, chunk.allRows)
        for (row, group) in groups.enumerated() where Int(group) == answers.count {
            try context.checkCancelled()
            let bound = values.map { TypedExpression.literal($0.value(row), $0.type) }
            answers.append(try answer(of: bound.isEmpty ? subquery : subquery.binding(bound)))
        }
        try context.checkCancelled()
        let result = Column(apply.type)
        result.reset(chunk.rowCount)
        let operands = (operand?.evaluate(frame, chunk.selection)).map(RowGroups.withoutMinusZero)
        for (row, group) in groups.enumerated() { put(answers[Int(group)], operands, into: result, row) }
        try next?.push(Batch(chunk.columns + [result], rows: chunk.rowCount))
    }

    private func answer(of step: RelationalStep) throws(DataflowError) -> Answer {
        switch apply.kind {
        case .exists: return .exists(try ask(step, 0).count > 0)
        case .scalar:
            let rows = try ask(step, 1)
            guard rows.count <= 1 else { throw DataflowError("a subquery that stands for one value gives more than one row") }
            return .scalar(rows.columns[0])
        case .isIn:
            // What is asked once may have any number of rows, of which the different ones are enough.
            let rows = try ask(parameters.isEmpty ? .distinct(step) : step, .max)
            let groups = RowGroups(rows.columns.map(\.type), context, for: .subqueries)
            try rows.forEachChunk { chunk throws(DataflowError) in
                let column = chunk.columns[0]
                _ = try groups.assign([column], chunk.allRows.filter { !column.isNull(Int($0)) })
                return true
            }
            try rows.letGo()
            return .values(groups)
        }
    }

    private func put(_ answer: Answer, _ operands: Column?, into result: Column, _ row: Int) {
        switch answer {
        case .exists(let exists): result.words[row] = exists ? 1 : 0
        case .scalar(let column): if column.count == 0 { result.setNull(row) } else { result.copy(column, 0, to: row) }
        case .values(let groups):
            let isFound = operands.map { !$0.isNull(row) && groups.find([$0], row) != nil } ?? false
            result.words[row] = isFound ? 1 : 0
        }
    }
}

extension RelationalStep {
    /// The plan of a subquery with the values of the row around it in place of its parameters.
    func binding(_ values: [TypedExpression]) -> RelationalStep {
        mappingExpressions { expression in
            expression.replacingLeaves { leaf in
                guard case .column(let index) = leaf.node, index >= RelationalApply.parameterBase else { return nil }
                let number = index - RelationalApply.parameterBase
                return number < values.count ? values[number] : nil
            }
        }
    }

    /// Whether what the plan gives depends on a value of the row around, or on the round of a recursion around it.
    var hasParameters: Bool {
        var found = readsRounds
        _ = mappingExpressions { expression in
            if expression.columnsRead.contains(where: { $0 >= RelationalApply.parameterBase }) { found = true }
            return expression
        }
        return found
    }

    /// The plan with every expression changed; those of subqueries, which have parameters of their own, stay.
    func mappingExpressions(_ change: (TypedExpression) -> TypedExpression) -> RelationalStep {
        func inside(_ step: RelationalStep) -> RelationalStep { step.mappingExpressions(change) }
        func sortKeys(_ keys: [RelationalSortKey]) -> [RelationalSortKey] {
            keys.map { RelationalSortKey(expression: change($0.expression), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
        }
        func aggregate(_ aggregate: RelationalAggregate) -> RelationalAggregate {
            var changed = aggregate
            changed.call.arguments = aggregate.call.arguments.map(change)
            changed.filter = aggregate.filter.map(change)
            return changed
        }
        switch self {
        case .scan, .system, .kept, .working: return self
        case .lateral(var lateral):
            lateral.input = inside(lateral.input)
            lateral.parameters = lateral.parameters.map(change)
            lateral.condition = lateral.condition.map(change)
            return .lateral(lateral)
        case .recursive(var recursion):
            (recursion.base, recursion.step) = (inside(recursion.base), inside(recursion.step))
            return .recursive(recursion)
        case .rows(let rows, let types): return .rows(rows.map { $0.map(change) }, types: types)
        case .filter(let input, let predicate): return .filter(inside(input), predicate: change(predicate))
        case .project(let input, let expressions): return .project(inside(input), expressions.map(change))
        case .join(var join):
            (join.left, join.right) = (inside(join.left), inside(join.right))
            join.leftKeys = join.leftKeys.map(change)
            join.rightKeys = join.rightKeys.map(change)
            join.condition = join.condition.map(change)
            if let choice = join.choice { join.choice?.value = change(choice.value) }
            return .join(join)
        case .apply(var apply):
            apply.input = inside(apply.input)
            apply.parameters = apply.parameters.map(change)
            if case .isIn(let operand) = apply.kind { apply.kind = .isIn(operand: change(operand)) }
            return .apply(apply)
        case .unnest(let input, var calls):
            for index in calls.indices { calls[index].arguments = calls[index].arguments.map(change) }
            return .unnest(inside(input), calls)
        case .aggregate(var aggregation):
            aggregation.input = inside(aggregation.input)
            aggregation.grouping = aggregation.grouping.map(change)
            aggregation.aggregates = aggregation.aggregates.map(aggregate)
            return .aggregate(aggregation)
        case .window(let input, let calls): return .window(inside(input), calls.map { $0.mappingExpressions(change, aggregate, sortKeys) })
        case .distinct(let input): return .distinct(inside(input))
        case .combine(var combination):
            (combination.left, combination.right) = (inside(combination.left), inside(combination.right))
            return .combine(combination)
        case .sort(let input, let keys, let limit): return .sort(inside(input), sortKeys(keys), limit: limit)
        case .limit(let input, let offset, let limit): return .limit(inside(input), offset: offset, limit: limit)
        }
    }
}

extension RelationalStep {
    /// Whether a step of the plan reads the rows of a recursion that is not part of it.
    private var readsRounds: Bool { !roundsRead.isEmpty }

    private var roundsRead: Set<Int> {
        var rounds = inputs.reduce(into: Set<Int>()) { $0.formUnion($1.roundsRead) }
        if case .working(let number, _) = self { rounds.insert(number) }
        if case .recursive(let recursion) = self { rounds.remove(recursion.number) }
        return rounds
    }
}

extension WindowFunctionCall {
    fileprivate func mappingExpressions(
        _ change: (TypedExpression) -> TypedExpression, _ aggregate: (RelationalAggregate) -> RelationalAggregate,
        _ sortKeys: ([RelationalSortKey]) -> [RelationalSortKey]
    ) -> WindowFunctionCall {
        var call = self
        call.partitionBy = partitionBy.map(change)
        call.orderBy = sortKeys(orderBy)
        switch function {
        case .rowNumber, .rank, .denseRank, .percentRank, .cumulativeDistribution: break
        case .ntile(let count): call.function = .ntile(change(count))
        case .lag(let value, let offset, let otherwise): call.function = .lag(change(value), offset: change(offset), otherwise: change(otherwise))
        case .lead(let value, let offset, let otherwise):
            call.function = .lead(change(value), offset: change(offset), otherwise: change(otherwise))
        case .firstValue(let value): call.function = .firstValue(change(value))
        case .lastValue(let value): call.function = .lastValue(change(value))
        case .nthValue(let value, let number): call.function = .nthValue(change(value), change(number))
        case .aggregate(let inner): call.function = .aggregate(aggregate(inner))
        }
        return call
    }
}
