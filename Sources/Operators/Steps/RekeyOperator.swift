// PARTITION BY.

import Plans
import Values

/// Gives a stream new key columns, before all columns of the input. A key expression that fails is NULL.
final class RekeyOperator: Operator {
    private let step: RekeyStep
    private let keys: CompiledExpressions
    /// Whether a key expression reads nothing but the old key: only such a one is there for a row without a value.
    private let readsOnlyKey: [Bool]
    private var frame: Frame
    private var batch = Batch()
    private var failingColumn = 0

    init(_ step: RekeyStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        keys = try CompiledExpressions(step.keys, context.environment.added)
        readsOnlyKey = step.keys.map { key in
            var isOnly = true
            key.walk { part in
                if case .column(let index) = part.node, index >= step.input.output.keyCount { isOnly = false }
                if case .pseudo = part.node { isOnly = false }
            }
            return isOnly
        }
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ input: Batch) throws(DataflowError) {
        batch.adoptRows(of: input)
        frame.show(input)
        frame.onFailure = { [context, unowned self] row, message in
            let name = step.output.columns[failingColumn].name
            context.errors.add(.expression, step: "PartitionBy", column: name, message: message, batch: input, row: row)
        }
        defer { frame.onFailure = nil }
        batch.columns.removeAll(keepingCapacity: true)
        for (index, kernel) in try keys.kernels.enumerated() {
            failingColumn = index
            if readsOnlyKey[index] || input.hasValue.isEmpty {
                batch.columns.append(kernel.evaluate(frame, input.selection))
            } else {
                batch.columns.append(nullsWithoutValue(kernel.evaluate(frame, input.selection.filtered { input.hasValue[$0] }), input))
            }
        }
        batch.columns.append(contentsOf: input.columns)
        try emit(batch)
    }

    override func releaseMemory() {
        keys.release()
        frame = Frame(environment: context.environment)
        batch = Batch()
    }
}

extension RekeyOperator {
    /// A copy of `column` that is NULL at rows without a value.
    private func nullsWithoutValue(_ column: Column, _ input: Batch) -> Column {
        let copy = Column(column.type)
        copy.gather(column, (0..<Int32(truncatingIfNeeded: input.rowCount)).map { input.hasValue[Int($0)] ? $0 : -1 })
        return copy
    }
}
