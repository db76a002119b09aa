// A task: one pipeline of a query over one partition (all partitions, for a transient query). It fetches, runs micro-batches through
// its dataflow, and gathers what one commit must hold: output, changelogs, reported errors and positions.
//
// A task is confined: made on one thread, then owned by one worker. Only its `status` is shared.

import Bytes
package import LogStore
package import Operators
package import Platform

/// What a task is made of.
package struct TaskDescription {
    package var dataflow: Dataflow
    package var inputs: [TaskInput]
    /// Nil for a transient query.
    package var output: OutputTopic?
    /// The changelog of each store, by the store's name, in the partition of this task.
    package var changelogs: [String: PartitionKey]
    /// The consumer group under which positions are kept; nil for a transient query, which keeps none.
    package var group: String?
    package var receiver: (any RowReceiver)?
    /// The inputs have ends.
    package var isBounded = false
    /// The readable rows of the table that the query makes.
    package var rows: TableRows?
    /// The partitions of the table's topic of which the task reads the rows back; none when it reads them anyway.
    package var rowsToRestore: [Int] = []
    package var errors: ErrorReporter?
    /// Where snapshots of the stores are kept; nil for none.
    package var snapshots: SnapshotFolder?
    /// Whether how far the task got is kept; without it every start reads from the beginning.
    package var keepsPositions = true
    /// Which partition the task is for; names it and spreads keyless output.
    package var partition: Int

    package init(dataflow: Dataflow, inputs: [TaskInput], partition: Int) {
        self.dataflow = dataflow
        self.inputs = inputs
        self.partition = partition
        changelogs = [:]
    }
}

/// Limits of one task's work between looks at everything else.
package enum TaskLimits {
    /// Records of one micro-batch: enough to spread the cost of a batch, small enough for the first-level caches.
    package static let batchRecords = 4096
    /// Bytes of one fetch.
    package static let fetchBytes = 512 << 10
    /// Uncommitted output that makes a commit due at once.
    package static let commitBytes = 16 << 20
}

package final class QueryTask {
    package let status: QueryStatus
    package var description: TaskDescription
    let log: any EventLog
    let time: any TimeSource
    let commitInterval: Int64
    var chooser: any InputChooser
    /// Records processed since the last commit, and about how many bytes they had.
    var uncommittedRecords = 0
    private var uncommittedBytes = 0
    private var recordsRead = 0
    var recordsWritten = 0
    private var publishedErrors: [RowErrorCause: Int] = [:]
    private var publishedMemory = 0
    /// Errors that commits have reported so far.
    var reportedErrors: [RowErrorCause: Int] = [:]
    /// A record was left out on request: what that comes to is made durable before anything else.
    private var mustCommit = false
    private(set) var uncommittedSince: Int64?
    /// The log's generation when the reading that the next commit rests on began.
    var generation: UInt64
    /// Commits handed to the log, and how many of them are durable.
    var commitsMade = 0
    var commitsDurable = 0
    private(set) var isRestored = false
    /// What the latest commit makes of the readable rows, once it is durable.
    var newRows: [NewRows] = []
    let snapshots: SnapshotTaker?
    var isFinished = false

    package init(
        _ description: TaskDescription, status: QueryStatus, log: any EventLog, time: any TimeSource, commitInterval: Int64 = 100,
        chooser: any InputChooser = OldestFirst()
    ) {
        self.description = description
        self.status = status
        self.log = log
        self.time = time
        self.commitInterval = commitInterval * 1_000_000
        self.chooser = chooser
        generation = log.generation
        snapshots = description.changelogs.isEmpty ? nil : description.snapshots.map(SnapshotTaker.init)
        isRestored = description.changelogs.isEmpty && description.rowsToRestore.isEmpty
    }

    /// What one turn came to.
    package enum Turn: Hashable, Sendable {
        /// Records were processed; there may be more.
        case worked
        /// Nothing to do until news arrive.
        case idle
        /// The client takes no rows now; it calls back.
        case blocked
        /// A bounded read, or a query whose client has all it wants, is at its end.
        case finished
    }

    /// Processes one micro-batch. `resume` is called, from any thread, when a blocked client has room again.
    package func turn(resume: @escaping @Sendable () -> Void) throws(QueryFailure) -> Turn {
        if isFinished { return .finished }
        if !isRestored { try restore() }
        if let receiver = description.receiver, !receiver.hasRoom(orCall: resume) { return .blocked }
        try fetchMissing()
        if uncommittedRecords == 0 { snapshots?.advance(self) }
        if description.inputs.count > 1, let merged = chooser.merge(description.inputs, atMost: TaskLimits.batchRecords) {
            try process(merged)
            try deliver()
            return isFinished ? .finished : .worked
        }
        guard let choice = chooser.choose(among: description.inputs, atMost: TaskLimits.batchRecords) else {
            if description.inputs.allSatisfy(\.isFinished) { return try finish() }
            return uncommittedRecords == 0 && snapshots?.isBusy == true ? .worked : .idle
        }
        switch description.inputs[choice.input].distanceToSkip(within: choice.count) {
        case nil: try process(place: choice.input, count: choice.count)
        case 0?: skip(place: choice.input)
        case let distance?: try process(place: choice.input, count: distance)
        }
        try deliver()
        return isFinished ? .finished : .worked
    }

    /// Processes the next `count` fetched records of the input at `place`.
    package func process(place: Int, count: Int) throws(QueryFailure) {
        let input = description.inputs[place]
        guard let run = input.run else { return }
        do throws(DataflowError) {
            try description.dataflow.process(
                input: input.index, run: run, range: input.next..<input.next + count, partition: Int32(input.partition.partition))
        } catch {
            throw failure(error)
        }
        tally(run, count)
        description.inputs[place].advance(by: count)
    }

    /// Processes fetched records of several inputs in one order.
    package func process(_ choice: MergedChoice) throws(QueryFailure) {
        let slices = choice.parts.compactMap { part -> InputSlice? in
            let input = description.inputs[part.place]
            return input.run.map {
                InputSlice(
                    input: input.index, run: $0, range: input.next..<input.next + part.count, partition: Int32(input.partition.partition))
            }
        }
        do throws(DataflowError) { try description.dataflow.process(slices, order: choice.order) } catch { throw failure(error) }
        for (part, slice) in zip(choice.parts, slices) {
            tally(slice.run, part.count)
            description.inputs[part.place].advance(by: part.count)
        }
    }

    /// Counts records that have been processed.
    private func tally(_ run: RecordRun, _ records: Int) {
        uncommittedRecords += records
        uncommittedBytes += run.bytes.count / max(1, run.count) * records
        recordsRead += records
        if uncommittedSince == nil { uncommittedSince = time.monotonicNanoseconds() }
    }

    /// Leaves out the next record of the input at `place`, and reports that.
    private func skip(place: Int) {
        let input = description.inputs[place]
        guard let run = input.run else { return }
        description.dataflow.skip(
            input: input.index, run: run, record: input.next, partition: Int32(input.partition.partition),
            reason: input.skips[run.offsets[input.next]] ?? "")
        description.inputs[place].advance(by: 1)
        uncommittedRecords += 1
        recordsRead += 1
        mustCommit = true
        if uncommittedSince == nil { uncommittedSince = time.monotonicNanoseconds() }
    }

    /// Fetches for every input that has nothing left. Transient queries see only what is durable.
    package func fetchMissing() throws(QueryFailure) {
        let moment: LogMoment = description.group == nil ? .durable : .appended
        for place in description.inputs.indices where description.inputs[place].remaining == 0 && !description.inputs[place].isFinished {
            let input = description.inputs[place]
            if uncommittedRecords == 0 { generation = log.generation }
            do throws(LogError) {
                let run = try log.fetch(
                    input.partition.topic, partition: input.partition.partition, from: input.position, maxBytes: TaskLimits.fetchBytes,
                    upTo: moment)
                description.inputs[place].take(run)
            } catch {
                // A reader of appended records is beyond the end when those were withdrawn.
                var isWithdrawn = false
                if case .offsetBeyondEnd = error.kind { isWithdrawn = moment == .appended }
                throw QueryFailure(
                    message: error.message, topic: input.topicName, partition: input.partition.partition, offset: input.position,
                    isWithdrawn: isWithdrawn)
            }
        }
    }

    /// Hands finished rows to the client, if there is one.
    private func deliver() throws(QueryFailure) {
        guard let receiver = description.receiver else { return }
        // A bounded query shows where things stand at its end, not how they came there.
        if !description.isBounded { do throws(DataflowError) { try description.dataflow.flush() } catch { throw failure(error) } }
        let rows = description.dataflow.takeRows()
        recordsWritten += rows.count
        if !rows.isEmpty { receiver.receive(rows) }
        description.dataflow.discardChangelog()
        _ = description.dataflow.takeErrors()
        if description.dataflow.isComplete { _ = try finish() }
    }

    /// The dataflow's complaint with the names of the log.
    func failure(_ error: DataflowError) -> QueryFailure {
        let input = error.input.flatMap { index in description.inputs.first { $0.index == index } }
        return QueryFailure(
            message: error.message, topic: input?.topicName, partition: input.map { _ in Int(error.partition) },
            offset: error.offset >= 0 ? error.offset : nil)
    }

    private func finish() throws(QueryFailure) -> Turn {
        guard !isFinished else { return .finished }
        if let receiver = description.receiver {
            do throws(DataflowError) { try description.dataflow.flush() } catch { throw failure(error) }
            let rows = description.dataflow.takeRows()
            if !rows.isEmpty { receiver.receive(rows) }
            recordsWritten += rows.count
            publish()
            receiver.finish(nil, status.counters)
        }
        isFinished = true
        return .finished
    }

    /// What the task is known by when its query is started anew.
    var identity: [PartitionKey] { description.inputs.map(\.partition) }

    /// Whether its work must not be in one commit with that of others.
    var commitsAlone: Bool {
        let identity = identity
        return status.content.withLock { !$0.lonelyTasks.isEmpty && $0.lonelyTasks.contains(identity) }
    }

    /// Whether what was processed should be committed now; `isIdle` tells that nothing more is waiting.
    package func isCommitDue(isIdle: Bool) -> Bool {
        guard description.group != nil, uncommittedRecords > 0 else { return false }
        if isIdle || mustCommit || uncommittedBytes >= TaskLimits.commitBytes { return true }
        return time.monotonicNanoseconds() - (uncommittedSince ?? 0) >= commitInterval
    }

    func didCommit() {
        uncommittedRecords = 0
        uncommittedBytes = 0
        uncommittedSince = nil
        mustCommit = false
        commitsMade += 1
    }

    /// Brings the counters of the shared status up to date.
    func publish() {
        let errors = description.dataflow.errorCounts
        let memory = description.dataflow.stateMemory
        status.content.withLock { content in
            content.counters.recordsRead += Int64(recordsRead)
            content.counters.recordsWritten += Int64(recordsWritten)
            for (cause, count) in errors {
                let new = count - (publishedErrors[cause] ?? 0)
                if new > 0 { content.counters.errors[cause.rawValue, default: 0] += new }
            }
            content.counters.stateBytes += memory - publishedMemory
        }
        publishedErrors = errors
        publishedMemory = memory
        recordsRead = 0
        recordsWritten = 0
    }

    /// The task is thrown away with what it has not committed: its memory no longer counts, and a client's query tells what it did.
    func retire() {
        if description.group == nil { publish() }
        let memory = publishedMemory
        publishedMemory = 0
        status.content.withLock { $0.counters.stateBytes -= memory }
    }

    /// Rebuilds the state of every store from its changelog, and the readable rows from the sink.
    package func restore() throws(QueryFailure) {
        var damage: DataflowError?
        do throws(LogError) {
            for (store, partition) in description.changelogs.sorted(by: { $0.key < $1.key }) {
                let bounds = try log.bounds(of: partition.topic, partition: partition.partition)
                let snapshot = description.snapshots?.newest(store, partition, bounds)
                if let snapshot {
                    do throws(DataflowError) { try description.dataflow.restore(store: store, run: snapshot.records) } catch {
                        damage = damage ?? error
                    }
                }
                try readAll(of: log, partition, from: snapshot?.offset) { run in
                    do throws(DataflowError) { try description.dataflow.restore(store: store, run: run) } catch { damage = damage ?? error }
                }
            }
            try description.rows?.restore(description.rowsToRestore)
        } catch {
            throw QueryFailure(message: "state could not be restored: \(error.message)")
        }
        if let damage { throw QueryFailure(message: damage.message) }
        if let growth = description.rows?.takeGrowth(), growth != 0 { status.content.withLock { $0.counters.stateBytes += growth } }
        isRestored = true
    }
}
