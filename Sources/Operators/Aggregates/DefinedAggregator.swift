// Aggregate functions of users: the state of a group is a value, and each row goes through an expression over it.

import Plans
import Values

/// An aggregate that a statement defines.
final class DefinedAggregator: Aggregator {
    /// One expression over a row of values.
    private final class Part {
        private let kernel: Kernel
        private let columns: [Column]
        private let frame: Frame
        private let batch: Batch

        init(_ expression: TypedExpression, over types: [SQLType], _ environment: DataflowEnvironment) throws(DataflowError) {
            kernel = try KernelCompiler.compile(expression, environment.added)
            columns = types.map { Column($0) }
            for column in columns { column.reset(1) }
            batch = Batch(columns, rows: 1)
            frame = Frame(environment: environment)
        }

        /// Sets a value of the row.
        func set(_ index: Int, _ value: Value) {
            columns[index].reset(1)
            columns[index].set(0, value)
        }

        /// Takes a value of the row from another column.
        func set(_ index: Int, _ column: Column, _ row: Int) {
            columns[index].reset(1)
            columns[index].copy(column, row, to: 0)
        }

        /// The column whose first row is what the expression gives.
        func evaluate() throws(EvaluationError) -> Column {
            frame.show(batch)
            var failure: String?
            frame.onFailure = { _, message in failure = message }
            defer { frame.onFailure = nil }
            let result = kernel.evaluate(frame, .all(1))
            if let failure { throw EvaluationError(failure) }
            return result
        }
    }

    private let definition: AggregateDefinition
    private let name: String
    private let initial: Value
    private let step: Part
    private let merge: Part?
    private let result: Part
    private var states: [Value] = []
    /// Bytes of all states, about.
    private var size = 0

    init(_ name: String, _ definition: AggregateDefinition, _ arguments: [SQLType], _ added: AddedFunctions) throws(DataflowError) {
        let environment = DataflowEnvironment(added: added)
        self.name = name
        self.definition = definition
        step = try Part(definition.step, over: [definition.state] + arguments, environment)
        merge = try definition.merge.map { merge throws(DataflowError) in
            try Part(merge, over: [definition.state, definition.state], environment)
        }
        result = try Part(definition.result, over: [definition.state], environment)
        let first = try Part(definition.initial, over: [], environment)
        do throws(EvaluationError) { initial = try first.evaluate().value(0) } catch {
            throw DataflowError("the initial state of \(name) cannot be computed: \(error.message)")
        }
        super.init()
        // What a user's expression makes of one row says nothing about the others.
        skipsFailures = true
    }

    override func extend(to count: Int) { while states.count < count { states.append(initial) } }
    override func reset(_ group: Int) { change(group, initial) }
    override var memory: Int { states.capacity * MemoryLayout<Value>.stride + size }

    private func change(_ group: Int, _ value: Value) {
        size += value.weight - states[group].weight
        states[group] = value
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        step.set(0, states[group])
        for (index, argument) in arguments.enumerated() { step.set(index + 1, argument, row) }
        do throws(EvaluationError) { change(group, try step.evaluate().value(0)) } catch {
            throw EvaluationError("the aggregate \(name): \(error.message)")
        }
    }

    override func merge(_ other: Int, into group: Int) throws(EvaluationError) {
        guard let merge else { throw EvaluationError("the aggregate \(name) does not merge states") }
        merge.set(0, states[group])
        merge.set(1, states[other])
        do throws(EvaluationError) { change(group, try merge.evaluate().value(0)) } catch {
            throw EvaluationError("the aggregate \(name): \(error.message)")
        }
    }

    /// What cannot be computed of a state is NULL, as in every expression.
    override func result(_ group: Int, into column: Column, _ row: Int) {
        result.set(0, states[group])
        guard let computed = try? result.evaluate() else { return column.setNull(row) }
        column.copy(computed, 0, to: row)
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) { RowWriter.put(Column(definition.state, [states[group]]), 0, to: &bytes) }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        let column = Column(definition.state)
        column.reset(1)
        guard reader.read(into: column, 0) else { return false }
        change(group, column.value(0))
        return true
    }
}

extension Value {
    /// Bytes that the value takes beside itself, about.
    fileprivate var weight: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .array(let values), .structure(let values): values.reduce(0) { $0 + MemoryLayout<Value>.stride + $1.weight }
        case .map(let entries): entries.reduce(0) { $0 + 2 * MemoryLayout<Value>.stride + $1.key.weight + $1.value.weight }
        case .null, .boolean, .integer, .bigint, .double, .decimal, .time, .date, .timestamp: 0
        }
    }
}
