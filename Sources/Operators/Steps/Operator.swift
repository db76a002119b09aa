// The shape of a running step: batches enter at the sources and leave at the last operator.
//
// Ownership: the `Dataflow` alone holds its operators. An operator holds the operator above it (`next`) and the context, and the
// context holds no operator, store, kernel or batch. Nothing below holds what is above, so no cycle can arise: when the dataflow goes, all
// of it goes. A closure that an operator keeps (in a frame, in a store) captures that operator `unowned`.
//
// Scheduling: an operator that makes more than one chunk of a batch looks at the budget after each. When that is used up, it keeps
// its place in the batch (`hasWork`) and returns; so do those below it. The operator furthest up that has work goes on first (`resume`):
// when an operator takes a batch, nothing above it has work, and every batch is valid until the operator that made it goes on.

import Bytes
import Plans
import Values

/// One running step. `push` takes a batch and pushes its results to the step above, in chunks, before it returns.
///
/// A base class rather than a protocol, because the calls through `next` are the hot path: a class reference is one word, and its methods
/// are reached without a witness table.
class Operator {
    /// The step above.
    let next: Operator?
    let context: DataflowContext

    init(_ context: DataflowContext, next: Operator?) {
        self.context = context
        self.next = next
    }

    /// Takes a batch of the step below.
    func push(_ batch: Batch) throws(DataflowError) {
        preconditionFailure("every operator takes batches")
    }

    /// Whether a condition on the rows of a table needs to know what they were before.
    var judgesOld: Bool { false }

    /// Whether the operator has put work aside because the budget was used up.
    var hasWork: Bool { false }

    /// Goes on with the work that was put aside, until it is done or the budget is used up again.
    func resume() throws(DataflowError) {}

    /// Gives up the work that was put aside.
    func abandon() {}

    /// Emits what was held back for coalescing. Called while no operator has work.
    func flush() throws(DataflowError) {}

    /// Hands a chunk to the step above.
    final func emit(_ chunk: Batch) throws(DataflowError) {
        assert(chunk.isConsistent, "a chunk's columns and rows differ in number")
        assert(next?.hasWork != true, "an operator takes a chunk while it has work")
        try next?.push(chunk)
    }

    /// Frees what was needed for the latest batch, and holds nothing of it any more; the next one takes it again. Called while no operator
    /// has work.
    func releaseMemory() {}

    /// How many rows are held back for coalescing.
    var heldRows: Int { 0 }

    /// How many rows one row may become by what the operator's state holds now; 1 where that does not depend on state.
    var rowsPerRow: Int { 1 }

    /// Bytes of state that this operator holds beside its stores.
    var stateMemory: Int { 0 }

    /// The latest time, in milliseconds, of the rows that its windows have seen; nil where it has none, or has seen none.
    var windowTime: Int64? { nil }

    /// What the operator puts out for another topic than the dataflow's own; nil for none.
    var besideRecords: RecordSink? { nil }

    /// The state stores that this operator keeps, each under the name by which the plan knows it.
    var stores: [NamedStore] { [] }
}

/// A state store and its name in the plan.
struct NamedStore {
    let name: String
    let store: StateStore

    init(_ description: StoreDescription, _ store: StateStore) {
        name = description.name
        self.store = store
    }
}

/// What all operators of a dataflow share; it holds none of them.
final class DataflowContext {
    let options: DataflowOptions
    let environment: DataflowEnvironment
    let errors = ErrorLog()
    let budget: OutputBudget
    /// Ends the work when it is set: operators see it between chunks, kernels within one.
    var cancel: CancelFlag {
        get { budget.cancel }
        set {
            budget.cancel = newValue
            environment.pressure?.cancel = newValue
        }
    }
    /// Whether aggregates leave out what they cannot take in: a continuous query goes on whatever comes, while the one who asks a question is
    /// told that there is no answer.
    var skipsFailures: Bool { !environment.isQuestion && !options.failsOnAggregate }

    /// Reports the rows that an aggregator has left out of its latest operations, which were of these rows of a batch.
    func reportSkipped(by aggregator: Aggregator, of batch: Batch, _ rows: [Int32]) {
        for failure in aggregator.skipped {
            errors.add(.expression, step: "Aggregate", column: nil, message: failure.message, batch: batch, row: Int(rows[failure.entry]))
        }
    }

    /// While several inputs are processed together: for each input, the place of each of its records in the order of all. Joins then keep
    /// what comes until they know which row is next.
    var mergeOrder: [[Int32]]?

    init(options: DataflowOptions, environment: DataflowEnvironment) {
        self.options = options
        var environment = environment
        let pressure = EvaluationPressure()
        environment.pressure = pressure
        self.environment = environment
        budget = OutputBudget(hasSlices: options.hasSlices)
        errors.stopsAtUnreadable = options.failsOnUnreadableRecord
        pressure.cancel = budget.cancel
    }
}

/// State that is written as changelog records and restored from them.
protocol StateStore: AnyObject {
    /// Appends the next of what has changed since the last commit, about `limit` entries; whether that was the last of it. Nothing changes
    /// before all of it is written.
    func writeChanges(to records: RecordSink, limit: Int) -> Bool
    /// Forgets what has changed since the last commit.
    func discardChanges()
    /// Takes the records of a run of the changelog; nil, or what is wrong with which of them.
    func restore(_ run: RecordRun) -> RestoreProblem?
    /// Appends the next slice of the whole state, at most about `limit` entries, from where the last slice ended (0 first). Gives where
    /// the next slice starts, nil at the end.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) throws(DataflowError) -> Int?
    /// Bytes of memory.
    var memory: Int { get }
}

/// A store whose state may go to disk, where it takes no memory.
protocol SpillingStore: StateStore {
    /// Bytes of memory that would be free, as of the last look at `memory`.
    var spillableMemory: Int { get }
    /// Bytes that it takes on disk.
    var diskBytes: Int { get }
    /// Has half of it go to disk, or more. Only while all changes are in durable commits. Errors: there is no room, or the work was cancelled;
    /// the state is as it was, some of it perhaps on disk.
    func spill() throws(DataflowError)
    /// Whether something on disk can be removed.
    var hasWaste: Bool { get }
    /// Removes some of that. Only while all changes are in durable commits.
    func removeWaste() throws(DataflowError)
}

/// A store that is restored record by record.
protocol RecordwiseStore: StateStore {
    /// Takes one record of the changelog; nil or a reason.
    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String?
}

extension RecordwiseStore {
    func restore(_ run: RecordRun) -> RestoreProblem? {
        for record in 0..<run.count where !run.keys[record].isNull {
            let value = run.values[record].isNull ? nil : run.bytes[run.values[record].indexes]
            let problem = restore(key: run.bytes[run.keys[record].indexes], value: value, timestamp: run.timestamps[record])
            if let problem { return RestoreProblem(record: record, reason: problem) }
        }
        return nil
    }
}

/// Why state cannot be restored.
struct RestoreProblem {
    /// The index in its run of the record that is at fault.
    let record: Int
    let reason: String
}

extension Operator {
    /// Calls `take` with the rows of a batch that have a value; the others are reported.
    func forEachRow(
        of input: Batch, step: String, _ take: (_ row: Int) throws(DataflowError) -> Void
    ) throws(DataflowError) {
        for place in 0..<input.selection.count {
            let row = input.selection[place]
            if input.hasValue(row) {
                try take(row)
            } else {
                context.errors.add(.nullValue, step: step, column: nil, message: "the record has no value", batch: input, row: row)
            }
        }
    }
}
