// The interface of this room: a dataflow is the running form of a plan for one partition. It takes records and gives records or rows; it reads
// no clock, no file and no random number by itself, and it has one owner and one thread.
//
// The protocol of its driver:
//
//   process   a batch of at most `batchLimit` records. With `hasSlices` it returns as soon as a slice of output has been made (see
//             `OutputLimits`), although the batch may not be done: `hasPending` tells.
//   resume    while `hasPending`: makes the next slice. Between two slices the driver may take a client's rows, give the thread to
//             others, or set `cancel` (from any thread), which ends `process` and `resume` with an error wherever they are.
//   flush     when nothing is pending and a commit is due (by time, by input, or by `heldBytes`); it may leave work pending, too.
//   take…     when nothing is pending: output, changelog and errors, which are committed together with the positions of the inputs.
//             A commit while something is pending would hold half of what a record does.
//
// After an error the dataflow must be thrown away and rebuilt from the last commit. An error with `isOutputTooLarge` says that what was put
// out since that commit does not fit one commit. Without an offset it stems from several records: the driver goes on from the commit with
// batches of one record, each with a commit of its own. With an offset, one record alone makes too much: the driver goes on from the commit
// and leaves that record out (`skip`). A dataflow without state that is given one record at a time leaves such a record out by itself.

package import Bytes
package import Plans
package import Quantities
import Values

/// The options of a dataflow.
package struct DataflowOptions: Hashable, Sendable {
    /// Whether the changes of one group between two calls of `flush` become one. Without it every change is emitted in order, and the
    /// output does not depend on how records are cut into batches.
    package var coalesces: Bool
    /// Seed of all hash tables: keys come from clients, who must not be able to choose colliding ones.
    package var hashSeed: UInt64
    /// Whether `process` and `flush` return with work pending when a slice of output has been made. Without it they go on to the end of
    /// the batch, for callers that hold all output in memory anyway.
    package var hasSlices: Bool

    /// Whether a record whose key or value cannot be read stops the query instead of being skipped.
    package var failsOnUnreadableRecord = false

    /// Whether a value that an aggregate cannot take in stops the query, as in ksqlDB, instead of being left out and reported.
    package var failsOnAggregate = false

    /// Whether questions may read the result, when that is a table whose rows follow from the state (`Dataflow.view`).
    package var keepsView = false

    /// Whether the changelogs are never compacted by key: then many entries of a store may be one record.
    package var packsChangelog = false

    /// How far beyond the clock the time of a row may be that goes into windows or a join of streams; nil for any time.
    package var mostFuture: Milliseconds?

    /// Every change in order, seed 0 and no slices unless told otherwise.
    package init(coalesces: Bool = false, hashSeed: UInt64 = 0, hasSlices: Bool = false) {
        self.coalesces = coalesces
        self.hashSeed = hashSeed
        self.hasSlices = hasSlices
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

/// Records of one input that are processed together with those of others.
package struct InputSlice: Sendable {
    /// Index into `inputs`.
    package var input: Int
    /// The run that holds the records.
    package var run: RecordRun
    /// Which records of the run.
    package var range: Range<Int>
    /// The partition that the run was read from.
    package var partition: PartitionIndex

    /// A slice of `run`.
    package init(input: Int, run: RecordRun, range: Range<Int>, partition: PartitionIndex) {
        self.input = input
        self.run = run
        self.range = range
        self.partition = partition
    }
}

/// A part of a store's changelog or snapshot.
package struct StoreSlice: Sendable {
    /// Whose it is.
    package let store: String
    /// What is to be written.
    package let records: OutgoingRecords
    /// How many entries of the store these are; a record may have many.
    package let entries: Int
    /// Of a snapshot: where the next slice begins, nil at the end.
    package var next: Int?
}

/// A running plan. Not Sendable: one owner, one thread. The head of this file says how it is driven.
package final class Dataflow {
    /// What the inputs are, left to right; `process` names them by index.
    package let inputs: [DataflowInput]
    private let context: DataflowContext
    /// All operators, from the sources up. Nothing else holds them for as long as the dataflow lives.
    private let operators: [Operator]
    /// The joins, lower ones first.
    private let joins: [PlacedJoin]
    /// Names of the state stores, in the order of the plan.
    package let storeNames: [String]
    private let stores: [String: StateStore]
    /// Where changelogs are written: each is about as long as the one before, so that its memory serves again.
    private let changes = RecordSink()
    /// Those of the stores that may go to disk.
    let spilling: [any SpillingStore]
    /// Whether a source goes into both sides of a join: then its rows take turns.
    private let joinsItself: Bool
    private var sources: [SourceOperator?] = []
    /// What its sources are shared through.
    private var decoding: SharedDecoding?
    private var exchanges: [ExchangeSourceOperator?] = []
    /// The table as questions read it, where the rows follow from the state and the options ask for it; else nil.
    package let view: TableView?
    private let sink: SinkOperator?
    private let exchangeSink: ExchangeSinkOperator?
    private let client: ClientOperator?

    /// The slices of the current batch; those before `nextSlice` have been given to their sources.
    private var slices: [InputSlice] = []
    private var nextSlice = 0
    /// While flushing: the operator whose turn is next.
    private var nextFlush: Int?
    private var sizing: BatchSizing
    /// Bytes of the largest run since memory was released.
    private var largestRun = 0
    /// Records of the current batch, and those since the last commit.
    private var batchRecords = 0
    /// The last slice that was begun since the last commit, for the record that is at fault when there was only one.
    private var lastSlice: InputSlice?
    private var heldRecords = 0
    /// What the end held when the batch began.
    private var batchMark = RecordSink.Mark()
    /// Bytes of a row that was held back, as the last flush had it.
    private var bytesPerHeldRow = 0
    /// While the changelog is taken: the store whose turn is next, and bytes of what it has written.
    private var nextLogged = 0
    private var loggedBytes = 0
    /// While flushing: how many rows were held back.
    private var flushedRows = 0
    /// Whether a batch or a flush is not done. Then only `resume` may be called, `takeRows`, or nothing any more.
    package private(set) var hasPending = false

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
            let operation = ClientOperator(
                limit: limit, order: order, keyCount: schema.keyCount, showsDeletions: root.givesTable, context)
            (sink, exchangeSink, client) = (nil, nil, operation)
            end = operation
        }
        var builder = DataflowBuilder(context: context, root: root)
        var readable: ReadableAggregation?
        if options.keepsView, case .sink(let description) = destination, description.kind == .table {
            readable = ReadableAggregation(below: root, environment.added)
        }
        builder.keepsView = readable != nil
        try builder.build(root, into: end)
        view = readable.flatMap { TableView($0, builder.viewed, of: root, destination, environment) }
        operators = builder.operators + [end]
        joins = builder.joins
        joinsItself = !builder.repeated.tees.isEmpty
        keepsLateRows = builder.operators.contains { $0.besideRecords != nil }
        storeNames = builder.stores.map(\.name)
        stores = Dictionary(builder.stores.map { ($0.name, $0.store) }, uniquingKeysWith: { _, later in later })
        spilling = builder.stores.compactMap { ($0.store as? AggregateOperator).flatMap { $0.maySpill ? $0 : nil } }
        inputs = builder.inputs
        sources = builder.sources
        exchanges = builder.exchanges
        sizing = BatchSizing(expands: root.expands(options), rowsPerRecord: root.windowsPerRow)
    }

    /// Processes records `range` of `run`, which input `input` read from `partition`. Several ranges of one run may be given one after the
    /// other. The error names the input and the offset of the record that cannot be processed.
    package func process(input: Int, run: RecordRun, range: Range<Int>, partition: PartitionIndex) throws(DataflowError) {
        guard !range.isEmpty else { return }
        if joinsItself {
            let slice = InputSlice(input: input, run: run, range: range, partition: partition)
            return try process([slice], order: [Int32](repeating: 0, count: range.count))
        }
        begin(records: range.count)
        largestRun = max(largestRun, run.bytes.count)
        // Cut at the same places of the run by all that read it: see SharedDecoding.
        let first = range.lowerBound / OutputLimits.chunkRows * OutputLimits.chunkRows
        for start in stride(from: first, to: range.upperBound, by: OutputLimits.chunkRows) {
            let part = max(range.lowerBound, start)..<min(range.upperBound, start + OutputLimits.chunkRows)
            slices.append(InputSlice(input: input, run: run, range: part, partition: partition))
        }
        try resume()
    }

    /// Processes slices of several inputs in one order: `order` names, record by record, the slice (by index) whose next record comes.
    /// No two slices are of one input. The output is that of `process` record by record.
    package func process(_ slices: [InputSlice], order: [Int32]) throws(DataflowError) {
        begin(records: order.count)
        var places = [[Int32]](repeating: [], count: inputs.count)
        for (place, slice) in order.enumerated() { places[slices[Int(slice)].input].append(Int32(truncatingIfNeeded: place)) }
        context.mergeOrder = places
        self.slices = slices.filter { !$0.range.isEmpty }
        largestRun = slices.reduce(largestRun) { max($0, $1.run.bytes.count) }
        for placed in joins { placed.join.beginMerge() }
        try resume()
    }

    private func begin(records: Int) {
        assert(!hasPending, "a batch is begun while another one is pending")
        hasPending = true
        batchRecords = records
        heldRecords += records
        batchMark = held?.mark ?? RecordSink.Mark()
        context.budget.beginBatch()
    }

    /// Emits what was held back for coalescing. To be called before a commit; afterwards something may be pending.
    package func flush() throws(DataflowError) {
        assert(!hasPending, "a flush is begun while a batch is pending")
        hasPending = true
        batchRecords = 0
        context.budget.beginBatch()
        nextFlush = 0
        flushedRows = heldRows
        try resume()
    }

    /// Goes on with the batch or the flush that is pending, until it is done or a slice of output has been made.
    package func resume() throws(DataflowError) {
        guard hasPending else { return }
        // Of records only a flush makes none.
        context.budget.beginSlice(rows: batchRecords == 0 ? OutputLimits.flushRows : OutputLimits.sliceRows)
        while true {
            try checkCancelled()
            let isAnyLeft = try step()
            // A step that was cancelled has left rows out: nothing of it may be handed on.
            try checkCancelled()
            guard isAnyLeft else { return finishBatch() }
            if let reason = try excess() { return reject(reason) }
            if context.budget.isUsedUp { return }
        }
    }

    private func checkCancelled() throws(DataflowError) {
        if context.cancel.isSet { throw DataflowError("the work was cancelled", isCancelled: true) }
    }

    /// The event times (milliseconds since the epoch) of the records of `run`, from the input with this index, before they are processed; nil
    /// when they are the log's timestamps. Not while a batch is pending.
    package func eventTimes(input: Int, of run: RecordRun) throws(DataflowError) -> [Int64]? {
        assert(!hasPending, "records are decoded while a batch is pending")
        return sources.indices.contains(input) ? try sources[input]?.eventTimes(of: run) : nil
    }

    /// The first record of `run`, from the input with this index, that waits for its schema: until it is there, or has been given up, none of
    /// the run is to be processed. `call` is called, from any thread, when it is worth asking again.
    package func awaitedSchema(input: Int, in run: RecordRun, orCall call: @escaping @Sendable () -> Void) -> AwaitedSchema? {
        sources.indices.contains(input) ? sources[input]?.awaitedSchema(in: run, orCall: call) : nil
    }

    /// Lets the operator furthest up that has work go on; with none, the next slice begins, then the next flush. False when all is done.
    private func step() throws(DataflowError) -> Bool {
        if context.mergeOrder != nil { noteCompleteSides() }
        if let operation = operators.last(where: \.hasWork) {
            try operation.resume()
        } else if nextSlice < slices.count {
            let slice = slices[nextSlice]
            nextSlice += 1
            lastSlice = slice
            if let source = sources[slice.input] {
                try source.process(slice.run, slice.range, partition: slice.partition)
            } else {
                try exchanges[slice.input]?.process(slice.run, slice.range, partition: slice.partition)
            }
        } else if let index = nextFlush {
            // From the sources up: what one operator emits is held back by none below it.
            nextFlush = index + 1 < operators.count ? index + 1 : nil
            try operators[index].flush()
        } else {
            return false
        }
        return true
    }

    /// Tells the joins for which of their sides no more rows come in this batch.
    private func noteCompleteSides() {
        let isFed = nextSlice == slices.count
        for placed in joins {
            let (join, sides) = (placed.join, placed.sides)
            join.noteComplete(
                left: isFed && !operators[sides.left].contains(where: \.hasWork),
                right: isFed && !operators[sides.right].contains(where: \.hasWork))
        }
    }

    private func finishBatch() {
        hasPending = false
        context.mergeOrder = nil
        slices.removeAll(keepingCapacity: true)
        nextSlice = 0
        if flushedRows > 0 { bytesPerHeldRow = context.budget.batchBytes / flushedRows }
        flushedRows = 0
        sizing.learn(records: batchRecords, rows: context.budget.batchRows, bytes: context.budget.batchBytes)
    }

    /// Has the sources take rows that are decoded once for all dataflows that share `decoding`; nil ends that, and must, before the
    /// dataflow goes.
    package func share(_ decoding: SharedDecoding?) {
        for source in sources.compactMap({ $0 }) {
            if let shared = source.shared { self.decoding?.leave(shared, source.step) }
            source.shared = decoding?.join(source.step, schemas: context.environment.schemas)
        }
        self.decoding = decoding
    }

    /// How many records the next batch should have at most: no more than it could commit if each became as many rows as one may.
    package var batchLimit: Int {
        var rows = 1
        for operation in operators {
            let (product, isTooLarge) = rows.multipliedReportingOverflow(by: max(1, operation.rowsPerRow))
            rows = isTooLarge ? .max : product
        }
        return min(sizing.limit, max(1, OutputLimits.rowsPerBatch / rows))
    }

    /// Ends all work when it is set, which any thread may do: within milliseconds also in the middle of a chunk.
    package var cancel: CancelFlag {
        get { context.cancel }
        set { context.cancel = newValue }
    }

    // MARK: Too much output

    private var held: RecordSink? { sink?.records ?? exchangeSink?.records }
    private var heldRows: Int { operators.reduce(0) { $0 + $1.heldRows } }

    /// Bytes of output since the last commit, those of rows that are held back included, as far as they can be foreseen.
    package var heldBytes: Int { context.budget.heldBytes + heldRows * bytesPerHeldRow }

    /// Why the only record of the batch must go; nil while no hard limit is passed. Throws where what it did cannot be undone here.
    private func excess() throws(DataflowError) -> String? {
        let budget = context.budget
        let isOverfull = context.environment.pressure?.isOverfull ?? false
        guard budget.isTooMuch || isOverfull else { return nil }
        let mebibytes = OutputLimits.heldBytes >> 20
        // One record alone is at fault when it makes too many rows, when its batch put out too much, or when no other has put out anything.
        let isAlone = budget.hasTooManyRows || heldRecords == 1 || isOverfull && batchRecords == 1
            || batchRecords == 1 && budget.heldBytes - batchMark.bytes > OutputLimits.heldBytes
        guard isAlone, batchRecords == 1 || batchRecords == 0 && heldRecords == 1, let slice = lastSlice else {
            if isOverfull {
                throw DataflowError("the values of one batch are larger than \(ValueLimit.batchBytes >> 20) MiB", isOutputTooLarge: true)
            }
            let whole = client == nil ? "the output of one commit" : "the answer"
            throw DataflowError("\(whole) is larger than \(mebibytes) MiB", isOutputTooLarge: true)
        }
        let reason =
            budget.hasTooManyRows
            ? "the record makes more than \(OutputLimits.rowsPerRecord) rows" : "the record makes more than \(mebibytes) MiB of output"
        if batchRecords == 1, stores.isEmpty, held != nil { return reason }
        throw DataflowError(
            reason, input: slice.input, partition: slice.partition, offset: slice.run.offset(at: slice.range.lowerBound),
            isOutputTooLarge: true)
    }

    /// Takes back what the only record of the batch has put out, and reports it. Only without state, which cannot be taken back.
    private func reject(_ reason: String) {
        for operation in operators { operation.abandon() }
        context.environment.pressure?.isOverfull = false
        held?.truncate(to: batchMark)
        context.budget.release(to: batchMark.bytes)
        if let slice = lastSlice {
            skip(
                input: slice.input, run: slice.run, record: slice.range.lowerBound, partition: slice.partition, reason: reason,
                cause: .tooLarge)
        }
        nextSlice = slices.count
        finishBatch()
    }

    // MARK: Output

    /// The records for the sink or the exchange topic since the last call; empty for a client's dataflow.
    package func takeOutput() -> OutgoingRecords {
        didTake()
        return held?.take() ?? OutgoingRecords()
    }

    /// Whether rows whose windows are closed are kept.
    package let keepsLateRows: Bool

    /// The records for the stream of late rows since the last call.
    package func takeLateRows() -> OutgoingRecords {
        didTake()
        return operators.lazy.compactMap(\.besideRecords).first?.take() ?? OutgoingRecords()
    }

    /// Frees what large batches and answers have needed, for as long as no records come.
    package func releaseMemory() {
        changes.bytes.releaseMemory()
        client?.rows.releaseMemory()
        // What batches of small runs need, others of the kind need at once again.
        guard !hasPending, largestRun >= Dataflow.largeRun else { return }
        largestRun = 0
        for operation in operators { operation.releaseMemory() }
    }

    /// Bytes of a run from which on it is released.
    private static let largeRun = 128 << 10

    /// The rows for the client since the last call; empty for others.
    package func takeRows() -> RowBlock {
        didTake()
        return client?.rows.take() ?? RowBlock()
    }

    private func didTake() {
        context.budget.release(to: 0)
        guard !hasPending else { return }
        heldRecords = 0
        lastSlice = nil
    }

    /// Whether the client has got as many rows as it asked for.
    package var isComplete: Bool { client?.isComplete ?? false }

    /// Counts and reports a record that is not processed, on request (`skipped`) or because it makes too much (`tooLarge`).
    package func skip(
        input: Int, run: RecordRun, record: Int, partition: PartitionIndex, reason: String, cause: RowErrorCause = .skipped
    ) {
        context.errors.add(cause, message: reason, input: input, partition: partition, run: run, record: record)
    }

    /// The rows that could not be processed since the last call, at most `rowErrorLimit` of them.
    package func takeErrors() -> [RowError] { context.errors.take() }

    /// How many rows `takeErrors` gives at most; the counts stay exact.
    package static let rowErrorLimit = ErrorLog.rowLimit

    /// How many failures of each class there were since the dataflow was made.
    package var errorCounts: [RowErrorCause: Int] { context.errors.counts }

    /// What has changed in each store since the last call, as records for the store's changelog topic; stores without changes are left
    /// out. Stream time is among the records, so that it survives a restart. Throws `isOutputTooLarge` when a store's changes do not fit
    /// one commit.
    package func takeChangelog() throws(DataflowError) -> [(store: String, records: OutgoingRecords)] {
        var result: [(store: String, records: OutgoingRecords)] = []
        for name in storeNames {
            let records = changes
            while try !writeChanges(of: name, to: records, limit: .max) {}
            if records.count > 0 { result.append((name, records.take())) }
        }
        return result
    }

    /// The next part of the changelog records of all stores, about `limit` entries of one store; nil when there are no more of this commit.
    package func takeChangelogSlice(limit: Int) throws(DataflowError) -> StoreSlice? {
        while nextLogged < storeNames.count {
            let name = storeNames[nextLogged]
            let records = RecordSink()
            if try writeChanges(of: name, to: records, limit: limit) { nextLogged += 1 }
            let entries = records.entries
            if entries > 0 { return StoreSlice(store: name, records: records.take(), entries: entries) }
        }
        nextLogged = 0
        return nil
    }

    /// Writes the next changes of a store; whether these were the last.
    private func writeChanges(of name: String, to records: RecordSink, limit: Int) throws(DataflowError) -> Bool {
        let before = records.bytes.count
        records.beginSlice()
        let isDone = stores[name]?.writeChanges(to: records, limit: limit) ?? true
        loggedBytes += records.bytes.count - before
        if loggedBytes > OutputLimits.heldBytes {
            throw DataflowError("the changes of the store \(name) do not fit one commit", isOutputTooLarge: true)
        }
        if isDone { loggedBytes = 0 }
        return isDone
    }

    /// Forgets what has changed in the stores, for queries that keep no changelog.
    package func discardChangelog() {
        for store in stores.values { store.discardChanges() }
    }

    /// Takes changelog (or snapshot) records of a store, in the order in which they were written. To be called before any `process`.
    /// Gives the number of entries.
    @discardableResult package func restore(store: String, run: RecordRun) throws(DataflowError) -> Int {
        guard let target = stores[store] else { throw DataflowError("there is no state store \(store)") }
        if let problem = target.restore(run) {
            throw DataflowError("the state store \(store) cannot be restored: \(problem.reason)", offset: run.offset(at: problem.record))
        }
        return PackedGroups.entries(in: run)
    }

    /// The next slice of a store's whole state as changelog records, about `limit` entries, from `position` (0 first). The position of the
    /// next slice is nil at the end. Changes made between slices are in the changelog, so the snapshot is right once that is replayed.
    /// Errors: what is on disk cannot be read.
    package func snapshot(store: String, from position: Int, limit: Int) throws(DataflowError) -> StoreSlice {
        let records = RecordSink()
        let next = try stores[store]?.writeSnapshot(from: position, limit: limit, to: records)
        let entries = records.entries
        return StoreSlice(store: store, records: records.take(), entries: entries, next: next)
    }

    /// Bytes of memory that state takes.
    package var stateMemory: Int {
        stores.values.reduce(0) { $0 + $1.memory } + operators.reduce(0) { $0 + $1.stateMemory }
    }

    /// The latest time, in milliseconds, of the rows that windows and joins of streams have seen; nil where there are none of these, or no rows.
    package var streamTime: Int64? {
        operators.compactMap(\.windowTime).filter { $0 != StreamTime.unset }.max()
    }

    /// The same by store; under no store's name what operators hold beside them.
    package var memoryByStore: [String: Int] {
        var bytes = stores.mapValues(\.memory)
        let beside = operators.reduce(0) { $0 + $1.stateMemory }
        if beside > 0 { bytes["beside the stores"] = beside }
        return bytes
    }
}
