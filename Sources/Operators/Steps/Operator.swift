// The shape of a running step: batches are pushed in at the bottom and come out of the last operator.
//
// Who holds whom: the `Dataflow` alone holds its operators. An operator holds the operator above it (`next`) and the context, and the
// context holds no operator, store, kernel or batch. Nothing below holds what is above, so no cycle can arise: when the dataflow goes, all
// of it goes. A closure that an operator keeps (in a frame, in a store) captures that operator `unowned`.

import Plans
import Values

/// One running step. `push` takes a batch, works it off completely, and pushes what comes out to the step above before it returns.
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

    /// Lets out what was held back for coalescing.
    func flush() throws(DataflowError) {}

    /// Bytes of state that this operator holds beside its stores.
    var stateMemory: Int { 0 }

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
    /// While several inputs are worked off together: the ranks of the records at hand, by input. Joins then wait for `settle`.
    var ranks: [[Int32]]?

    init(options: DataflowOptions, environment: DataflowEnvironment) {
        self.options = options
        self.environment = environment
    }
}

/// State that leaves as changelog records and comes back from them.
protocol StateStore: AnyObject {
    /// Appends what has changed since the last call.
    func writeChanges(to records: RecordSink)
    /// Takes one record of the changelog; nil or a reason.
    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String?
    /// Appends the next slice of the whole state, at most about `limit` entries, from where the last slice ended (0 first). Gives where
    /// the next slice starts, nil at the end.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int?
    /// Bytes of memory.
    var memory: Int { get }
}
