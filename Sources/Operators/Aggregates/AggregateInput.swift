// The side of an aggregation that looks at its input: grouping values and arguments of a batch, new and old versions.

import Bytes
import Plans
import Values

/// Evaluates grouping expressions and aggregate arguments.
final class AggregateInput {
    private let step: AggregateStep
    private let grouping: CompiledExpressions
    /// Of each aggregate.
    private let arguments: [CompiledExpressions]
    private var frame: Frame
    private let context: DataflowContext

    /// Grouping columns and arguments (per aggregate) of the batch that `read` saw.
    private(set) var groups: [Column] = []
    private(set) var values: [[Column]] = []

    init(_ step: AggregateStep, _ context: DataflowContext) throws(DataflowError) {
        self.step = step
        self.context = context
        grouping = try CompiledExpressions(step.grouping, context.environment.added)
        var arguments: [CompiledExpressions] = []
        for call in step.aggregates { arguments.append(try CompiledExpressions(call.arguments, context.environment.added)) }
        self.arguments = arguments
        frame = Frame(environment: context.environment)
    }

    /// Evaluates everything for the new (or old) versions of `rows`; gives the rows whose grouping values are all there. The others are
    /// reported, unless they are old versions.
    func read(_ batch: Batch, _ rows: Selection, old: Bool) throws(DataflowError) -> Selection {
        frame.show(batch, old: old)
        if !old {
            frame.onFailure = { [context] row, message in
                context.errors.add(.expression, step: "Aggregate", column: nil, message: message, batch: batch, row: row)
            }
        }
        defer { frame.onFailure = nil }
        groups = try grouping.kernels.map { $0.evaluate(frame, rows) }
        var usable = rows
        for column in groups where !column.nulls.isEmpty {
            usable = usable.filtered { row in
                guard column.nulls[row], !(step.keepsNullKeys && hasKey(batch, row)) else { return true }
                if !old {
                    context.errors.add(
                        .nullGroup, step: "Aggregate", column: nil, message: "a grouping value is null", batch: batch, row: row)
                }
                return false
            }
        }
        if step.emptyIsNull { groups = groups.map { withoutEmptyTexts($0, usable) } }
        values.removeAll(keepingCapacity: true)
        for arguments in arguments { values.append(try arguments.kernels.map { $0.evaluate(frame, usable) }) }
        return usable
    }

    /// Frees the columns of the latest batch.
    func releaseMemory() {
        grouping.release()
        for arguments in arguments { arguments.release() }
        frame = Frame(environment: context.environment)
        (groups, values) = ([], [])
    }

    /// Whether the record of a row has a key at all, be it a NULL.
    private func hasKey(_ batch: Batch, _ row: Int) -> Bool {
        guard let run = batch.run, row < batch.recordIndexes.count else { return false }
        return !run.keys[Int(batch.recordIndexes[row])].isNull
    }

    private func withoutEmptyTexts(_ column: Column, _ rows: Selection) -> Column {
        guard column.type == .string else { return column }
        var isEmpty: [Int: Bool] = [:]
        rows.forEach { row in if column.ranges[row].length == 0 { isEmpty[row] = true } }
        if isEmpty.isEmpty { return column }
        let copy = Column(column.type)
        copy.gather(column, (0..<Int32(truncatingIfNeeded: column.count)).map { isEmpty[Int($0)] == true ? -1 : $0 })
        return copy
    }
}
