// The door of the hot room: a dataflow is the running form of a plan for one partition. Records go in, records or rows come out; it reads
// no clock, no file and no random number by itself, and it has one owner and one thread.

package import Bytes
package import Plans
import Values

/// What a dataflow is told besides its plan.
package struct DataflowOptions: Hashable, Sendable {
    /// Whether the changes of one group between two calls of `flush` become one. Without it every change is emitted in order, and the
    /// output does not depend on how records are cut into batches.
    package var coalesces: Bool
    /// Seed of all hash tables: keys are written by strangers.
    package var hashSeed: UInt64

    /// Every change in order and seed 0 unless told otherwise.
    package init(coalesces: Bool = false, hashSeed: UInt64 = 0) {
        self.coalesces = coalesces
        self.hashSeed = hashSeed
    }
}

/// What one input of a dataflow reads.
package enum DataflowInput: Hashable, Sendable {
    /// A topic in the formats of its source.
    case source(SourceStep)
    /// An internal topic that another pipeline of the query writes.
    case exchange(ExchangeStep)

    /// The topic's name; internal topics by their name as users see it.
    package var topic: String {
        switch self {
        case .source(let step): step.topic
        case .exchange(let step): step.topic.name
        }
    }

    /// Whether its rows are changes of a table.
    package var isTable: Bool {
        switch self {
        case .source(let step): step.kind == .table
        case .exchange(let step): step.isTable
        }
    }
}

/// Records of one input that are worked off together with those of others.
package struct InputSlice: Sendable {
    /// Index into `inputs`.
    package var input: Int
    /// The run that holds the records.
    package var run: RecordRun
    /// Which records of the run.
    package var range: Range<Int>
    /// The partition that the run was read from.
    package var partition: Int32

    /// A slice of `run`.
    package init(input: Int, run: RecordRun, range: Range<Int>, partition: Int32) {
        self.input = input
        self.run = run
        self.range = range
        self.partition = partition
    }
}

/// A running plan. Not Sendable: one owner, one thread.
///
/// A round is: `process` any number of runs, `flush`, then take output, changelog and errors, and commit them together with the positions
/// of the inputs. After an error the dataflow must be thrown away and rebuilt from the last commit.
package final class Dataflow {
    /// What the inputs are, left to right; `process` names them by index.
    package let inputs: [DataflowInput]
    private let context: DataflowContext
    /// All operators, from the sources up. Nothing else holds them for as long as the dataflow lives.
    private let operators: [Operator]
    /// The joins, lower ones first.
    private let joins: [JoinOperator]
    /// Names of the state stores, in the order of the plan.
    package let storeNames: [String]
    private let stores: [String: StateStore]
    private var sources: [SourceOperator?] = []
    private var exchanges: [ExchangeSourceOperator?] = []
    private let sink: SinkOperator?
    private let exchangeSink: ExchangeSinkOperator?
    private let client: ClientOperator?

    /// Makes the operators of `root`. Throws when a format is not supported or a function has no body.
    package init(
        root: Step, destination: Destination, options: DataflowOptions = DataflowOptions(),
        environment: DataflowEnvironment = DataflowEnvironment()
    ) throws(DataflowError) {
        let context = DataflowContext(options: options, environment: environment)
        self.context = context
        let schema = root.output
        var end: Operator
        switch destination {
        case .sink(let description):
            let operation = try SinkOperator(description, schema, makesKeys: root.makesKeys, context)
            (sink, exchangeSink, client) = (operation, nil, nil)
            end = operation
        case .exchange(let topic):
            let operation = try ExchangeSinkOperator(topic, schema, context)
            (sink, exchangeSink, client) = (nil, operation, nil)
            end = operation
        case .client(let limit, let order):
            let operation = ClientOperator(limit: limit, order: order, keyCount: schema.keyCount, context)
            (sink, exchangeSink, client) = (nil, nil, operation)
            end = operation
        }
        var builder = DataflowBuilder(context: context)
        try builder.build(root, into: end)
        operators = builder.operators + [end]
        joins = builder.joins
        storeNames = builder.stores.map(\.name)
        stores = Dictionary(builder.stores.map { ($0.name, $0.store) }, uniquingKeysWith: { _, later in later })
        inputs = builder.inputs
        sources = builder.sources
        exchanges = builder.exchanges
    }

    /// Works off records `range` of `run`, which input `input` read from `partition`. Several ranges of one run may be given one after the
    /// other. The error names the input and the offset of the record that cannot be processed.
    package func process(input: Int, run: RecordRun, range: Range<Int>, partition: Int32) throws(DataflowError) {
        guard !range.isEmpty else { return }
        if let source = sources[input] {
            try source.process(run, range, partition: partition)
        } else {
            try exchanges[input]?.process(run, range, partition: partition)
        }
    }

    /// Works off slices of several inputs in one order: `order` names, record by record, the slice (by index) whose next record comes.
    /// No two slices are of one input. The output is that of `process` record by record.
    package func process(_ slices: [InputSlice], order: [Int32]) throws(DataflowError) {
        var ranks = [[Int32]](repeating: [], count: inputs.count)
        for (rank, slice) in order.enumerated() { ranks[slices[Int(slice)].input].append(Int32(rank)) }
        context.ranks = ranks
        defer { context.ranks = nil }
        for slice in slices { try process(input: slice.input, run: slice.run, range: slice.range, partition: slice.partition) }
        for join in joins { try join.settle() }
    }

    /// Lets out what was held back for coalescing. To be called before a commit.
    package func flush() throws(DataflowError) {
        // From the sources up: what one operator lets out is held by none below it.
        for operation in operators { try operation.flush() }
    }

    /// The records for the sink or the exchange topic since the last call; empty for a client's dataflow.
    package func takeOutput() -> OutgoingRecords {
        sink?.records.take() ?? exchangeSink?.records.take() ?? OutgoingRecords()
    }

    /// The rows for the client since the last call; empty for others.
    package func takeRows() -> RowBlock { client?.rows.take() ?? RowBlock() }

    /// Whether the client has got as many rows as it asked for.
    package var isComplete: Bool { client?.isComplete ?? false }

    /// Counts and reports a record that is left out because somebody asked for it.
    package func leaveOut(input: Int, run: RecordRun, record: Int, partition: Int32, reason: String) {
        context.errors.add(.skipped, message: reason, input: input, partition: partition, run: run, record: record)
    }

    /// The rows that could not be processed since the last call, at most `rowErrorLimit` of them.
    package func takeErrors() -> [RowError] { context.errors.take() }

    /// How many rows `takeErrors` gives at most; the counts stay exact.
    package static let rowErrorLimit = ErrorLog.rowLimit

    /// How many failures of each class there were since the dataflow was made.
    package var errorCounts: [RowErrorCause: Int] { context.errors.counts }

    /// What has changed in each store since the last call, as records for the store's changelog topic; stores without changes are left
    /// out. Stream time is among the records, so that it survives a restart.
    package func takeChangelog() -> [(store: String, records: OutgoingRecords)] {
        var result: [(store: String, records: OutgoingRecords)] = []
        for name in storeNames {
            let records = RecordSink()
            stores[name]?.writeChanges(to: records)
            if records.count > 0 { result.append((name, records.take())) }
        }
        return result
    }

    /// Takes changelog (or snapshot) records of a store, in the order in which they were written. To be called before any `process`.
    package func restore(store: String, run: RecordRun) throws(DataflowError) {
        guard let target = stores[store] else { throw DataflowError("there is no state store \(store)") }
        for record in 0..<run.count {
            let key = run.keys[record]
            let value = run.values[record]
            guard !key.isNull else { continue }
            let keyBytes = run.bytes[Int(key.start)..<Int(key.start + key.length)]
            let valueBytes = value.isNull ? nil : run.bytes[Int(value.start)..<Int(value.start + value.length)]
            if let problem = target.restore(key: keyBytes, value: valueBytes, timestamp: run.timestamps[record]) {
                throw DataflowError("the state store \(store) cannot be restored: \(problem)", offset: run.offsets[record])
            }
        }
    }

    /// The next slice of a store's whole state as changelog records, about `limit` entries, from `position` (0 first). The position of the
    /// next slice is nil at the end. Changes made between slices are in the changelog, so the snapshot is right once that is replayed.
    package func snapshot(store: String, from position: Int, limit: Int) -> (records: OutgoingRecords, next: Int?) {
        let records = RecordSink()
        let next = stores[store]?.writeSnapshot(from: position, limit: limit, to: records)
        return (records.take(), next)
    }

    /// Bytes of memory that state takes.
    package var stateMemory: Int {
        stores.values.reduce(0) { $0 + $1.memory } + operators.reduce(0) { $0 + $1.stateMemory }
    }
}

/// Turns the tree of steps into operators, from the root down.
struct DataflowBuilder {
    let context: DataflowContext
    var inputs: [DataflowInput] = []
    var sources: [SourceOperator?] = []
    var exchanges: [ExchangeSourceOperator?] = []
    /// From the sources up.
    var operators: [Operator] = []
    /// Lower ones first.
    var joins: [JoinOperator] = []
    /// In the order of the plan, from the root down.
    var stores: [NamedStore] = []

    /// Makes the operators of `step`, whose rows go into `next`.
    mutating func build(_ step: Step, into next: Operator) throws(DataflowError) {
        switch step {
        case .source(let source):
            let index = inputs.count
            inputs.append(.source(source))
            var above = next
            if let store = source.store, source.kind == .table {
                above = TableOperator(source, store, context, next: next)
                stores += above.stores
                operators.append(above)
            }
            let operation = try SourceOperator(source, input: index, context, next: above)
            sources.append(operation)
            exchanges.append(nil)
            operators.append(operation)
        case .exchange(let exchange):
            let index = inputs.count
            inputs.append(.exchange(exchange))
            let operation = ExchangeSourceOperator(exchange, input: index, context, next: next)
            sources.append(nil)
            exchanges.append(operation)
            operators.append(operation)
        case .filter(let filter):
            try add(try FilterOperator(filter, context, next: next), over: filter.input)
        case .project(let project):
            try add(try ProjectOperator(project, context, next: next), over: project.input)
        case .rekey(let rekey):
            try add(try RekeyOperator(rekey, context, next: next), over: rekey.input)
        case .explode(let explode):
            try add(try ExplodeOperator(explode, context, next: next), over: explode.input)
        case .aggregate(let aggregate):
            if case .session = aggregate.window?.shape {
                try add(try SessionOperator(aggregate, context, next: next), over: aggregate.input)
            } else {
                try add(try AggregateOperator(aggregate, context, next: next), over: aggregate.input)
            }
        case .join(let join):
            let operation = try JoinOperator.make(join, context, next: next)
            stores += operation.stores
            try build(join.left, into: JoinPort(operation, isLeft: true))
            try build(join.right, into: JoinPort(operation, isLeft: false))
            operators.append(operation)
            joins.append(operation)
        }
    }

    private mutating func add(_ operation: Operator, over input: Step) throws(DataflowError) {
        stores += operation.stores
        try build(input, into: operation)
        operators.append(operation)
    }
}

extension Step {
    /// Whether PARTITION BY stands in the step or below it.
    fileprivate var makesKeys: Bool {
        if case .rekey = self { return true }
        return inputs.contains { $0.makesKeys }
    }
}
