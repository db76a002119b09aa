// A question from its plan to its answer: the stages of each step are built from the end, and each step's input is run into them.

import Bytes
package import Formats
package import Plans
import Values

/// What a question came to.
package struct QuestionAnswer: Sendable {
    /// The rows, in order where the question has one.
    package var blocks: AnswerBlocks
    package var rowCount: Int
    /// Rows and values that could not be read or computed, by cause, and the first of them.
    package var errors: [RowErrorCause: Int]
    package var firstError: RowError?
}

/// One question. One owner, one thread.
package final class QuestionRun {
    private let context: QuestionContext
    private let records: any QuestionRecords
    /// Rows that were computed once, by number.
    private var kept: [QuestionRows] = []
    /// Steps of subqueries whose rows are kept.
    private var keptSteps: [RelationalStep: Int] = [:]
    /// By recursion: the rows that its last round gave.
    private var rounds: [Int: QuestionRows] = [:]
    /// Kept rows by what an expression gives for them.
    private var indexes: [KeptIndex.Name: KeptIndex] = [:]

    /// Rounds of a recursion; one that does not end by then is taken for endless.
    private let mostRounds: Int

    /// A question over `records`. `account` takes how many bytes it holds, by what for, and throws when those are too many; what is more than
    /// `spilling` allows goes to disk where that is possible; `cancel` ends it; `profile` counts where the time goes.
    package init(
        _ records: any QuestionRecords, options: DataflowOptions, environment: DataflowEnvironment, cancel: CancelFlag,
        mostRounds: Int = 100_000, spilling: QuestionSpilling? = nil, profile: QuestionProfile? = nil, account: @escaping ([QuestionHolding: Int]) throws(DataflowError) -> Void
    ) {
        self.mostRounds = mostRounds
        self.records = records
        let dataflow = DataflowContext(options: options, environment: environment)
        dataflow.cancel = cancel
        dataflow.environment.pressure?.limit = ValueLimit.partBytes
        context = QuestionContext(dataflow, spilling: spilling, profile: profile, account: account)
    }

    /// Runs a plan to its end. Errors: it holds too much, a subquery gives too many rows, or it was cancelled.
    package func answer(_ step: RelationalStep) throws(DataflowError) -> QuestionAnswer {
        let output = QuestionOutput(step.types.count, context)
        try run(step, into: output)
        let errors = context.dataflow.errors
        return QuestionAnswer(blocks: output.blocks, rowCount: output.rowCount, errors: errors.counts, firstError: errors.take().first)
    }

    /// Runs a plan whose rows have the columns of `schema`, and gives them as records: with the key alone when `isDeletion`. A row that has no
    /// usable time in the column `time`, from which its readers take it, or NULL in a `required` column, counts as an error. `returning` is what is shown
    /// of each row, if anything. Errors: as of `answer`.
    package func records(
        _ step: RelationalStep, _ schema: RowSchema, key: FormatSpec, value: FormatSpec, isDeletion: Bool, timestamp: Int64,
        time: TimestampColumn?, required: [Int] = [], returning: [TypedExpression]? = nil
    ) throws(DataflowError) -> QuestionWrites {
        let shown = returning.map { QuestionOutput($0.count, context) }
        var next: QuestionStage?
        if let shown, let returning { next = try QuestionProjection(returning, context, next: shown) }
        let output = try QuestionRecordOutput(
            schema, key, value, isDeletion: isDeletion, timestamp, time: time, required: required, context, next: next)
        try run(step, into: output)
        let errors = context.dataflow.errors
        return QuestionWrites(records: output.records, errors: errors.counts, firstError: errors.take().first, returned: shown?.blocks)
    }

    /// Whether what the question could not hold did not fit the disk either.
    package var diskIsFull: Bool { context.disk?.isFull ?? false }

    /// Runs `step` into a stage, to its end.
    private func run(_ step: RelationalStep, into next: QuestionStage) throws(DataflowError) {
        try feed(step, into: next)
        try next.end()
    }

    /// Hands all rows of `step` to a stage, which may get more of others.
    private func feed(_ step: RelationalStep, into next: QuestionStage) throws(DataflowError) {
        guard let profile = context.profile else { return try carryOut(step, into: next) }
        let places = profile.begin(step.heading)
        defer { profile.change(to: places.parent) }
        try carryOut(step, into: ProfiledStage(profile, places, context, next: next))
    }

    private func carryOut(_ step: RelationalStep, into next: QuestionStage) throws(DataflowError) {
        try context.checkCancelled()
        switch step {
        case .scan(let scan): try feed(scan, into: next)
        case .system(let name, let types):
            let rows = try records.rows(ofSystemTable: name)
            for first in stride(from: 0, to: rows.count, by: OutputLimits.chunkRows) where !next.isDone {
                let part = rows[first..<min(first + OutputLimits.chunkRows, rows.count)]
                try feed(part.map { zip($0, types).map { TypedExpression.literal($0, $1) } }, types, into: next)
            }
        case .rows(let rows, let types): try feed(rows, types, into: next)
        case .kept(let number, _, _): try feed(kept[number], into: next)
        case .lateral(let lateral): try feed(lateral, into: next)
        case .recursive(let recursion): try feed(recursion, into: next)
        case .working(let number, _): if let rows = rounds[number] { try feed(rows, into: next) }
        case .filter(let input, let predicate):
            let stage = try QuestionFilter(predicate, context, next: next.open)
            if try !feedFound(input, where: predicate, through: stage) { try feed(input, through: stage) }
        case .project(let input, let expressions): try feed(input, through: try QuestionProjection(expressions, context, next: next.open))
        case .join(let join): try feed(join, into: next)
        case .apply(let apply): try feed(apply, into: next)
        case .unnest(let input, let calls): try feed(input, through: try QuestionUnnest(calls, input.types, context, next: next.open))
        case .aggregate(let aggregation):
            try feed(aggregation.input, through: try QuestionAggregation(aggregation, context, next: next.open))
        case .window(let input, let calls): try feed(input, through: QuestionWindow(calls, input.types, context, next: next.open))
        case .distinct(let input): try feed(input, through: QuestionDistinct(input.types, context, next: next.open))
        case .combine(let combination): try feed(combination, into: next)
        case .sort(let input, let keys, let limit):
            try feed(input, through: try QuestionSort(keys, limit: limit, input.types, context, next: next.open))
        case .limit(let input, let offset, let limit):
            try feed(input, through: QuestionLimit(offset: offset, limit: limit, context, next: next.open))
        }
    }

    private func feed(_ input: RelationalStep, through stage: QuestionStage) throws(DataflowError) {
        try feed(input, into: stage)
        try stage.end()
    }

    // MARK: Steps

    private func feed(_ scan: RelationalScan, into next: QuestionStage) throws(DataflowError) {
        if next.isDone { return }
        let input = try records.input(of: scan)
        let reader = try QuestionScan(scan, input, context, next: next)
        try records.read(scan) { run, range, partition throws(DataflowError) in try reader.take(run, range, partition) }
        try reader.finish(scan.filter?.overColumns(of: scan))
    }

    private func feed(_ rows: QuestionRows, into next: QuestionStage) throws(DataflowError) {
        try rows.forEachChunk { chunk throws(DataflowError) in
            if !next.isDone { try next.push(chunk) }
            return !next.isDone
        }
    }

    private func feed(_ lateral: RelationalLateral, into next: QuestionStage) throws(DataflowError) {
        let subquery = try keeping(lateral.subquery)
        let stage = try QuestionLateral(lateral, subquery: subquery, context, next: next.open) { [self] step throws(DataflowError) in
            let collector = QuestionCollector(step.types, context, for: .subqueries)
            try run(step, into: collector)
            return collector.rows
        }
        try feed(lateral.input, through: stage)
    }

    private func feed(_ recursion: RelationalRecursion, into next: QuestionStage) throws(DataflowError) {
        // What does not depend on the round is computed once.
        let step = try keeping(recursion.step)
        let before = rounds.removeValue(forKey: recursion.number)
        defer { rounds[recursion.number] = before }
        let seen = recursion.isAll ? nil : RowGroups(recursion.base.types, context, for: .recursion)
        var round = 0
        var current = recursion.base
        while !next.isDone {
            let stage = QuestionRound(recursion.base.types, seen, context, next: next)
            try run(current, into: stage)
            try rounds[recursion.number]?.letGo()
            if stage.rows.count == 0 { return }
            rounds[recursion.number] = stage.rows
            current = step
            round += 1
            guard round < mostRounds else {
                throw DataflowError(
                    "\(recursion.name) still gives rows after \(mostRounds) rounds; a condition in its second SELECT must end it")
            }
        }
    }

    private func feed(_ rows: [[TypedExpression]], _ types: [SQLType], into next: QuestionStage) throws(DataflowError) {
        let columns = types.map { Column($0) }
        for column in columns { column.reset(rows.count) }
        let one = Batch([], rows: 1)
        let frame = context.frame(showing: one)
        for (row, expressions) in rows.enumerated() {
            if row & 0xFF == 0 { try context.checkCancelled() }
            for (expression, column) in zip(expressions, columns) {
                column.copy(try KernelCompiler.compile(expression, context.environment.added).evaluate(frame, .all(1)), 0, to: row)
            }
        }
        try next.push(Batch(columns, rows: rows.count))
    }

    private func feed(_ join: RelationalJoin, into next: QuestionStage) throws(DataflowError) {
        let right = QuestionJoinRight(join, context)
        try run(join.right, into: right)
        if let lists = right.spilled, let stage = try SpilledJoin(join, right: lists, context, next: next.open) {
            return try feed(join.left, through: stage)
        }
        let stage = try QuestionJoin(join, right: right.rows, context, next: next.open)
        try feed(join.left, through: stage)
        try stage.letGo()
    }

    private func feed(_ combination: RelationalCombination, into next: QuestionStage) throws(DataflowError) {
        let stage = QuestionCombination(combination, context, next: next.open)
        if combination.operation == .union {
            try feed(combination.left, into: stage)
            try feed(combination.right, into: stage)
        } else {
            try feed(combination.right, into: stage)
            stage.isRight = false
            try feed(combination.left, into: stage)
        }
        stage.isRight = false
        try stage.end()
    }

    private func feed(_ apply: RelationalApply, into next: QuestionStage) throws(DataflowError) {
        let subquery = apply.parameters.isEmpty ? apply.subquery : try keeping(apply.subquery)
        let stage = try QuestionApply(apply, subquery: subquery, context, next: next.open) {
            [self] step, most throws(DataflowError) in
            let collector = QuestionCollector(step.types, context, for: .subqueries, most: most)
            try run(step, into: collector)
            return collector.rows
        }
        try feed(apply.input, through: stage)
    }

    /// Hands those kept rows to a stage that an equality with a value lets pass; false where there is no such equality. A subquery that is
    /// asked once for each value would else look at all rows each time.
    private func feedFound(
        _ input: RelationalStep, where predicate: TypedExpression, through stage: QuestionStage
    ) throws(DataflowError) -> Bool {
        guard case .kept(let number, _, _) = input, let equality = predicate.equalityWithValue else { return false }
        let name = KeptIndex.Name(rows: number, expression: equality.expression)
        let index: KeptIndex
        if let known = indexes[name] { index = known } else {
            index = try KeptIndex(kept[number], by: equality.expression, context)
            indexes[name] = index
        }
        let found = index.rows(equality.value)
        for first in stride(from: 0, to: found.count, by: OutputLimits.chunkRows) where !stage.isDone {
            try stage.push(kept[number].chunk(Array(found[first..<min(first + OutputLimits.chunkRows, found.count)])))
        }
        try stage.end()
        return true
    }

    /// The plan with its largest parts that depend on no parameter computed.
    private func keeping(_ step: RelationalStep) throws(DataflowError) -> RelationalStep {
        switch step {
        case .system, .rows, .kept, .working: return step
        default: break
        }
        guard step.hasParameters else {
            if let known = keptSteps[step] { return .kept(known, types: step.types, filled: step.filled) }
            let collector = QuestionCollector(step.types, context, for: .subqueries)
            try run(step, into: collector)
            kept.append(collector.rows)
            keptSteps[step] = kept.count - 1
            return .kept(kept.count - 1, types: step.types, filled: step.filled)
        }
        switch step {
        case .scan, .system, .rows, .kept, .working: return step
        case .lateral(var lateral):
            lateral.input = try keeping(lateral.input)
            return .lateral(lateral)
        case .recursive(var recursion):
            recursion.base = try keeping(recursion.base)
            return .recursive(recursion)
        case .filter(let input, let predicate): return .filter(try keeping(input), predicate: predicate)
        case .project(let input, let expressions): return .project(try keeping(input), expressions)
        case .join(var join):
            join.left = try keeping(join.left)
            join.right = try keeping(join.right)
            return .join(join)
        case .apply(var apply):
            apply.input = try keeping(apply.input)
            return .apply(apply)
        case .unnest(let input, let calls): return .unnest(try keeping(input), calls)
        case .aggregate(var aggregation):
            aggregation.input = try keeping(aggregation.input)
            return .aggregate(aggregation)
        case .window(let input, let calls): return .window(try keeping(input), calls)
        case .distinct(let input): return .distinct(try keeping(input))
        case .combine(var combination):
            combination.left = try keeping(combination.left)
            combination.right = try keeping(combination.right)
            return .combine(combination)
        case .sort(let input, let keys, let limit): return .sort(try keeping(input), keys, limit: limit)
        case .limit(let input, let offset, let limit): return .limit(try keeping(input), offset: offset, limit: limit)
        }
    }
}

extension QuestionStage {
    /// The stage as the next one of another that ends: its own end comes later, from who feeds it.
    fileprivate var open: QuestionStage { OpenEnd(context, next: self) }
}

/// Hands rows on, but not the end.
final class OpenEnd: QuestionStage {
    override func end() throws(DataflowError) {}
}

extension TypedExpression {
    /// A scan's condition over the scan's row, where pseudo columns are columns.
    fileprivate func overColumns(of scan: RelationalScan) -> TypedExpression {
        let base = scan.columns.count - scan.pseudoColumns.count
        return replacing { part in
            guard case .pseudo(let pseudo) = part.node, let index = scan.pseudoColumns.firstIndex(of: pseudo) else { return nil }
            return .column(base + index, part.type)
        }
    }
}

/// Makes a row of every element of what table functions give.
private final class QuestionUnnest: QuestionStage {
    private let operation: ExplodeOperator

    init(_ calls: [TableFunctionCall], _ types: [SQLType], _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        let end = StageEnd(next, context.dataflow)
        operation = try ExplodeOperator(calls, output: types + calls.map(\.result), context.dataflow, next: end)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        let input = Batch(chunk.columns, rows: chunk.rowCount)
        // The operator passes on what records carry beside their columns.
        input.timestamps = Array(repeating: 0, count: chunk.rowCount)
        context.dataflow.budget.beginBatch()
        context.dataflow.budget.beginSlice(rows: OutputLimits.sliceRows)
        let failures = context.dataflow.errors.counts[.expression]
        try operation.push(input)
        while operation.hasWork {
            try context.checkCancelled()
            context.dataflow.budget.beginSlice(rows: OutputLimits.sliceRows)
            try operation.resume()
        }
        // A table whose rows cannot be computed is no empty one: what is counted or looked for in it would be wrong.
        guard context.dataflow.errors.counts[.expression] == failures else {
            throw DataflowError(context.dataflow.errors.latest?.message ?? "a table function cannot be computed")
        }
    }
}

/// Where an operator's rows go back to stages.
private final class StageEnd: Operator {
    private let stage: QuestionStage

    init(_ stage: QuestionStage, _ context: DataflowContext) {
        self.stage = stage
        super.init(context, next: nil)
    }

    override func push(_ batch: Batch) throws(DataflowError) { try stage.push(Batch(batch.columns, rows: batch.rowCount)) }
}
