// WHERE and HAVING, and projection.

import Plans
import Values

/// Keeps rows by a predicate, of streams and of tables.
final class FilterOperator: Operator {
    private let step: FilterStep
    private let predicate: CompiledExpressions
    private var frame: Frame
    private var batch = Batch()

    init(_ step: FilterStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        predicate = try CompiledExpressions([step.predicate], context.environment.added)
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override var judgesOld: Bool { step.isTable }

    override func push(_ input: Batch) throws(DataflowError) {
        batch.adoptRows(of: input)
        batch.columns = input.columns
        batch.old = input.old
        let withValue = input.hasValue.isEmpty ? input.selection : input.selection.filtered { input.hasValue[$0] }
        let passing = try self.passing(input, withValue, old: false)
        if step.isTable {
            try judgeTable(input, passing)
        } else {
            batch.selection = passing
        }
        if !batch.selection.isEmpty { try emit(batch) }
    }

    override func releaseMemory() {
        predicate.release()
        frame = Frame(environment: context.environment)
        batch = Batch()
    }

    private func passing(_ input: Batch, _ rows: Selection, old: Bool) throws(DataflowError) -> Selection {
        if rows.isEmpty { return rows }
        frame.show(input, old: old)
        frame.onFailure =
            old
            ? nil
            : { [context] row, message in
                context.errors.add(.expression, step: "WhereFilter", column: nil, message: message, batch: input, row: row)
            }
        defer { frame.onFailure = nil }
        let column = try predicate.kernels[0].evaluate(frame, rows)
        let (words, nulls) = (column.words, column.nulls)
        return nulls.isEmpty ? rows.filtered { words[$0] != 0 } : rows.filtered { !nulls[$0] && words[$0] != 0 }
    }

    /// A row that passes is a value; one whose old version passed but which does not is a tombstone; all others are nothing.
    private func judgeTable(_ input: Batch, _ passing: Selection) throws(DataflowError) {
        let passes = flags(passing, input.rowCount)
        var passed = [Bool](repeating: false, count: input.rowCount)
        if !input.hasOld.isEmpty {
            // Evaluated after the new versions' result has been read: both use the same kernels.
            passed = flags(try self.passing(input, input.selection.filtered { input.hasOld[$0] }, old: true), input.rowCount)
        }
        // Where only the last of several changes counts, the deletion of what was not there is none.
        if !step.ignoresOld || context.options.coalesces { batch.selection = input.selection.filtered { passes[$0] || passed[$0] } }
        batch.hasValue = passes
        batch.hasOld = passed
    }

    private func flags(_ rows: Selection, _ count: Int) -> [Bool] {
        var result = [Bool](repeating: false, count: count)
        rows.forEach { result[$0] = true }
        return result
    }
}

/// Computes the columns of a projection.
final class ProjectOperator: Operator {
    private let step: ProjectStep
    private let new: CompiledExpressions
    /// The same expressions again, for old versions: a kernel's column lives only until its next batch.
    private let old: CompiledExpressions
    private var frame: Frame
    private var batch = Batch()
    private var failingColumn = 0

    init(_ step: ProjectStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        new = try CompiledExpressions(step.expressions, context.environment.added)
        old = try CompiledExpressions(step.expressions, context.environment.added)
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override var judgesOld: Bool { next?.judgesOld ?? false }

    override func push(_ input: Batch) throws(DataflowError) {
        batch.adoptRows(of: input)
        frame.onFailure = { [context, unowned self] row, message in
            let name = step.output.columns[failingColumn].name
            context.errors.add(.expression, step: "Project", column: name, message: message, batch: input, row: row)
        }
        defer { frame.onFailure = nil }
        frame.show(input)
        let withValue = input.hasValue.isEmpty ? input.selection : input.selection.filtered { input.hasValue[$0] }
        batch.columns.removeAll(keepingCapacity: true)
        for (index, kernel) in try new.kernels.enumerated() {
            failingColumn = index
            // Rows without a value keep their key columns.
            batch.columns.append(kernel.evaluate(frame, index < step.output.keyCount ? input.selection : withValue))
        }
        batch.old.removeAll(keepingCapacity: true)
        if !input.old.isEmpty {
            frame.onFailure = nil
            frame.show(input, old: true)
            let withOld = input.selection.filtered { input.hadOld($0) }
            for kernel in try old.kernels { batch.old.append(kernel.evaluate(frame, withOld)) }
        }
        try emit(batch)
    }

    override func releaseMemory() {
        new.release()
        old.release()
        frame = Frame(environment: context.environment)
        batch = Batch()
    }
}
