// A task: one pipeline of a query over one partition (all partitions, for a transient query). It fetches, runs micro-batches through
// its dataflow, and gathers what one commit must hold: output, changelogs, reported errors and positions.
//
// A task is confined: made on one thread, then owned by one worker. Only its `status` is shared.

import Bytes
package import LogStore
import Operators
package import Platform
import Quantities

package final class QueryTask {
    package let status: QueryStatus
    /// By what the handler of deadly signals knows the task.
    let crashLabel: CrashLabel
    package var description: TaskDescription
    let log: any EventLog
    let time: any TimeSource
    /// Nanoseconds after which what was processed is committed at the latest.
    let commitInterval: Int64
    var chooser: any InputChooser
    /// Set, by any thread, to end the task's work.
    var cancel = CancelFlag() {
        didSet { description.dataflow.cancel = cancel }
    }
    /// One record a micro-batch: a larger one made too much output.
    var takesOneByOne = false
    /// Records of a micro-batch that takes about one slice of time.
    private var batchRecords = TaskLimits.firstBatch
    /// Bytes of input processed so far.
    private(set) var bytesProcessed = 0
    /// Records processed since the last commit, and about how many bytes they had.
    private(set) var uncommittedRecords = 0
    private var uncommittedBytes = 0
    private(set) var uncommittedSince: Int64?
    private var recordsRead = 0
    var recordsWritten = 0
    /// When a client's query last told what it has done.
    private var publishedAt = Int64.min / 2
    private var countedErrors: [RowErrorCause: Int] = [:]
    /// What records of its inputs wait for, as the status says it.
    var awaitedSchemas: [PartitionKey: String] = [:]
    let memory: MemoryHold
    /// Bytes of state as last reported.
    private var publishedMemory = 0
    /// When that was last compared with what it takes.
    private var watchedMemory = Int64.min / 2
    /// Why its state must not have what was last reported; nil when it may.
    private(set) var excess: MemoryExcess?
    /// What the latest commit adds to the query's counters, once it is durable.
    var newCounts = TaskCounts()
    /// Errors that commits have reported so far.
    var reportedErrors: [RowErrorCause: Int] = [:]
    /// A record was skipped on request: the skip is made durable before anything else.
    private var mustCommit = false
    /// The oldest generation under which a record was fetched that the next commit uses; nil when it uses none.
    private var usedGeneration: UInt64?
    /// A commit that the log has not decided, and the generation that it was made under.
    private struct UndecidedCommit {
        let number: Int
        let generation: UInt64
    }

    /// The generations of commits that the log has not decided, by their numbers: the task's state rests on them, and so does whatever it
    /// commits next.
    private var undecided: [UndecidedCommit] = []
    /// Commits handed to the log, and how many of them are durable.
    package private(set) var commitsMade = 0
    var commitsDurable = 0
    /// What is left to be read back before the task can work; nil when that is done.
    var restoring: RestoreCursor?
    /// The next commit, as far as it has been made ready; nil while the task takes input.
    var preparation: CommitPreparation?
    /// What the latest commit makes of the readable rows, once it is durable.
    var newRows: [NewRows] = []
    let snapshots: SnapshotTaker?
    /// Where snapshots are written; without it none are taken.
    var snapshotThreads: ThreadPool?
    /// Hears how long a part of a snapshot takes; nil where nobody measures that.
    var turns: (any TurnObserver)?
    /// What it reads together with other tasks of its worker; nil while it has none.
    private(set) var shared: SharedRuns?
    private(set) var isFinished = false

    package init(
        _ description: TaskDescription, status: QueryStatus, log: any EventLog, time: any TimeSource, commitMilliseconds: Int64 = 100,
        chooser: any InputChooser = OldestFirst()
    ) {
        self.description = description
        self.status = status
        crashLabel = CrashLabel(CrashPlace(queryID: status.queryID, partition: description.partition).line)
        self.log = log
        self.time = time
        self.chooser = chooser
        commitInterval = Milliseconds(max(0, min(commitMilliseconds, 1 << 40))).nanoseconds
        let persistence = description.persistence
        snapshots = persistence.flatMap { $0.changelogs.isEmpty ? nil : $0.snapshots }.map(SnapshotTaker.init)
        restoring = persistence.flatMap(RestoreCursor.init)
        memory = MemoryHold(status.memory)
        if description.dataflow.maySpill { memory.beginSpilling() }
        // What is readable takes memory until nobody reads it.
        description.dataflow.view?.companion = memory
        if restoring == nil { description.dataflow.view?.becomeReady() }
    }

    /// Whether it works for a client, and commits nothing.
    var isTransient: Bool { description.persistence == nil }

    /// The outcome of one turn.
    package enum Turn: Hashable, Sendable {
        /// Records were processed; there may be more.
        case worked
        /// Nothing to do until news arrive.
        case idle
        /// The client takes no rows now, or a schema is not there yet: a call comes when that has changed.
        case blocked
        /// The input is exhausted, or the client's LIMIT is reached.
        case finished
    }

    /// Processes one micro-batch, or as much of one as makes a slice of output. `resume` is called, from any thread, when a blocked client
    /// has room again.
    package func turn(resume: @escaping @Sendable () -> Void) throws(QueryFailure) -> Turn {
        if isFinished { return .finished }
        if cancel.isSet { throw QueryFailure.cancelled }
        if restoring != nil { try restore() }
        if isPreparing { return .worked }
        if case .transient(let receiver, _) = description.role, !receiver.hasRoom(orCall: resume) {
            description.dataflow.releaseMemory()
            return .blocked
        }
        if description.dataflow.hasPending {
            do throws(DataflowError) { try description.dataflow.resume() } catch { throw failure(error) }
            try deliver()
            try watchMemory()
            return isFinished ? .finished : .worked
        }
        if try makeRoom() { return .worked }
        if memory.mustSpill || memory.waits(orCall: resume) { return .blocked }
        guard try fetchMissing(orCall: resume) else {
            description.dataflow.releaseMemory()
            return .blocked
        }
        if try waitsForUpstream(orCall: resume) {
            description.dataflow.releaseMemory()
            return .blocked
        }
        if uncommittedRecords == 0 { snapshots?.advance(self, wake: resume) }
        guard try processNext() else {
            if description.inputs.allSatisfy(\.isFinished) { return try finish() }
            description.dataflow.releaseMemory()
            if isTransient, recordsRead > 0 { publish() }
            return hasSnapshotWork ? .worked : .idle
        }
        try deliver()
        if isTransient, time.monotonicNanoseconds() - publishedAt >= TaskLimits.publishNanoseconds { publish() }
        try watchMemory()
        return isFinished ? .finished : .worked
    }

    /// Whether a snapshot of its state is to be taken further now.
    var hasSnapshotWork: Bool { uncommittedRecords == 0 && snapshots?.hasWork(self) == true }

    /// Processes the records that come next; false when there are none.
    private func processNext() throws(QueryFailure) -> Bool {
        let limit = takesOneByOne ? 1 : min(batchRecords, max(1, description.dataflow.batchLimit))
        let began = time.monotonicNanoseconds()
        let before = recordsRead
        if description.inputs.count > 1, limit > 1, let merged = chooser.merge(description.inputs, atMost: limit) {
            try begin(merged)
        } else {
            guard let choice = chooser.choose(among: description.inputs, atMost: limit) else { return false }
            switch description.inputs[choice.input].distanceToSkip(within: choice.count) {
            case nil: try begin(place: choice.input, count: choice.count)
            case 0?: skip(place: choice.input)
            case let distance?: try begin(place: choice.input, count: distance)
            }
        }
        adaptBatch(records: recordsRead - before, nanoseconds: time.monotonicNanoseconds() - began)
        return true
    }

    /// Makes the next batch of a slow query so small that it takes about one slice, and lets it grow again. One measurement may be wrong,
    /// because the thread lost its core meanwhile, so it shrinks a batch to a sixteenth at most.
    private func adaptBatch(records: Int, nanoseconds: Int64) {
        if nanoseconds > TaskLimits.sliceNanoseconds * 2, records >= batchRecords / 2 {
            // Records are at most 4,096, so the product fits.
            let fitting = Int64(records) * TaskLimits.sliceNanoseconds / nanoseconds
            batchRecords = max(1, batchRecords / 16, min(batchRecords, Int(clamping: fitting)))
        } else if nanoseconds < TaskLimits.sliceNanoseconds, batchRecords < TaskLimits.batchRecords {
            batchRecords = min(TaskLimits.batchRecords, batchRecords * 2)
        }
    }

    /// Processes the next `count` fetched records of the input at `place`, to the end.
    package func process(place: Int, count: Int) throws(QueryFailure) {
        try begin(place: place, count: count)
        try runToEnd { _ in }
    }

    /// Processes fetched records of several inputs in one order, to the end.
    package func process(_ choice: MergedChoice) throws(QueryFailure) {
        try begin(choice)
        try runToEnd { _ in }
    }

    /// Has the dataflow do something and all that it leaves pending.
    func runToEnd(_ work: (Dataflow) throws(DataflowError) -> Void) throws(QueryFailure) {
        do throws(DataflowError) {
            try work(description.dataflow)
            while description.dataflow.hasPending { try description.dataflow.resume() }
        } catch {
            throw failure(error)
        }
    }

    /// Begins with the next `count` fetched records of the input at `place`; what that makes may be pending afterwards. The positions are
    /// behind them from here on: nothing is committed while anything is pending.
    private func begin(place: Int, count: Int) throws(QueryFailure) {
        let input = description.inputs[place]
        guard let run = input.run else { return }
        do throws(DataflowError) {
            try description.dataflow.process(
                input: input.index, run: run, range: input.next..<input.next + count, partition: input.partition.partition)
        } catch {
            throw failure(error)
        }
        tally(run, count, input.generation)
        description.inputs[place].advance(by: count)
    }

    private func begin(_ choice: MergedChoice) throws(QueryFailure) {
        let slices = choice.parts.compactMap { part -> InputSlice? in
            let input = description.inputs[part.place]
            return input.run.map {
                InputSlice(
                    input: input.index, run: $0, range: input.next..<input.next + part.count, partition: input.partition.partition)
            }
        }
        do throws(DataflowError) { try description.dataflow.process(slices, order: choice.order) } catch { throw failure(error) }
        for (part, slice) in zip(choice.parts, slices) {
            tally(slice.run, part.count, description.inputs[part.place].generation)
            description.inputs[part.place].advance(by: part.count)
        }
    }

    /// Counts records that have been processed.
    private func tally(_ run: RecordRun, _ records: Int, _ generation: UInt64) {
        let bytes = run.bytes.count / max(1, run.count) * records
        uncommittedBytes += bytes
        bytesProcessed += bytes
        use(records, of: generation)
    }

    private func use(_ records: Int, of generation: UInt64) {
        uncommittedRecords += records
        recordsRead += records
        usedGeneration = min(generation, usedGeneration ?? generation)
        if uncommittedSince == nil { uncommittedSince = time.monotonicNanoseconds() }
    }

    /// Skips the next record of the input at `place`, and reports that.
    private func skip(place: Int) {
        let input = description.inputs[place]
        guard let run = input.run else { return }
        description.dataflow.skip(
            input: input.index, run: run, record: input.next, partition: input.partition.partition,
            reason: input.skips[run.offset(at: input.next)] ?? "")
        description.inputs[place].advance(by: 1)
        use(1, of: input.generation)
        mustCommit = true
    }

    /// Fetches for every input that has nothing left. Transient queries see only what is durable. What was fetched under an older
    /// generation of the log and has not been processed may have been withdrawn: it is dropped and fetched again.
    ///
    /// Gives false when records wait for their schemas. Then nothing is to be processed, of other inputs neither, which would come out of their
    /// order, and `resume` is called when it is worth trying again. Without `resume` no record waits.
    @discardableResult
    package func fetchMissing(orCall resume: (@Sendable () -> Void)? = nil) throws(QueryFailure) -> Bool {
        var isWhole = true
        let moment: LogMoment = isTransient ? .durable : .appended
        // Asked before fetching: if records are withdrawn in between, they count as older than they are, never as younger.
        let generation = log.generation
        for place in description.inputs.indices {
            if moment == .appended { description.inputs[place].dropRun(olderThan: generation) }
            let input = description.inputs[place]
            guard input.remaining == 0 && !input.isFinished else { continue }
            let fetchedUnder = input.held == nil ? generation : input.generation
            let run = if let held = input.held { held } else { try fetch(input, upTo: moment, generation) }
            if let resume, let awaited = description.dataflow.awaitedSchema(input: input.index, in: run, orCall: resume) {
                description.inputs[place].hold(run, generation: fetchedUnder)
                note(awaited, input)
                isWhole = false
                continue
            }
            forgetAwaited(by: input.partition)
            var times: [Int64]?
            if description.inputs.count > 1 {
                do throws(DataflowError) { times = try description.dataflow.eventTimes(input: input.index, of: run) } catch {
                    throw failure(error)
                }
            }
            description.inputs[place].take(run, times: times, generation: fetchedUnder)
        }
        return isWhole
    }

    private func fetch(_ input: TaskInput, upTo moment: LogMoment, _ generation: UInt64) throws(QueryFailure) -> RecordRun {
        let log = log
        func fetch() throws(LogError) -> RecordRun {
            try log.fetch(
                input.partition.topic, partition: input.partition.partition, from: input.position, maxBytes: TaskLimits.fetchBytes,
                upTo: moment)
        }
        do throws(LogError) {
            guard let shared else { return try fetch() }
            return try shared.run(of: input.partition, from: input.position, upTo: moment, generation: generation, fetch: fetch)
        } catch {
            var failure = QueryFailure(
                message: error.message, topic: input.topicName, partition: input.partition.partition, offset: input.position)
            switch error.kind {
            case .offsetLost(_, let next):
                // RESUME … SKIP: the gap is skipped and reported like one record.
                if input.skips[input.position] != nil { return .gap(at: input.position, until: next) }
                if !isTransient { failure.message += "; RESUME … SKIP goes on with those that are there" }
            // A reader of appended records is beyond the end when those were withdrawn.
            case .offsetBeyondEnd where moment == .appended: failure = .withdrawn
            default: break
            }
            throw failure
        }
    }

    /// Hands finished rows to the client, if there is one.
    private func deliver() throws(QueryFailure) {
        guard case .transient(let receiver, let isBounded) = description.role else { return }
        // A bounded query shows where things stand at its end, not how they came there.
        if !isBounded && !description.dataflow.hasPending && !description.dataflow.isComplete {
            do throws(DataflowError) { try description.dataflow.flush() } catch { throw failure(error) }
        }
        hand(description.dataflow.takeRows(), to: receiver)
        if !description.dataflow.hasPending {
            description.dataflow.discardChangelog()
            noteProblem()
            if !isBounded { receiver.reached { description.inputs.map { ($0.partition.partition, $0.position) } } }
        }
        if description.dataflow.isComplete { _ = try finish() }
    }

    private func hand(_ rows: RowBlock, to receiver: any RowReceiver) {
        recordsWritten += rows.count
        if !rows.isEmpty { receiver.receive(rows) }
    }

    /// Keeps the first row that could not be processed, for the answer to the client.
    private func noteProblem() {
        if let first = description.dataflow.takeErrors().first { noteProblem(first) }
    }

    /// Keeps the first row that could not be processed, for listings.
    func noteProblem(_ first: RowError) {
        let text = first.text(topic: description.inputs.first { $0.index == first.input }?.topicName)
        status.content.withLock { if $0.counters.firstProblem == nil { $0.counters.firstProblem = text } }
    }

    /// The dataflow's complaint with the names of the log.
    func failure(_ error: DataflowError) -> QueryFailure {
        let input = error.input.flatMap { index in description.inputs.first { $0.index == index } }
        var failure = QueryFailure(
            message: error.message, topic: input?.topicName, partition: input.map { _ in error.partition }, offset: error.offset)
        failure.isCancelled = error.isCancelled
        failure.isOutputTooLarge = error.isOutputTooLarge
        failure.place = input.map { PartitionKey(topic: $0.partition.topic, partition: error.partition) }
        return failure
    }

    private func finish() throws(QueryFailure) -> Turn {
        guard !isFinished else { return .finished }
        if case .transient(let receiver, _) = description.role {
            // Where the client's limit is reached, what is still pending is not wanted.
            let isComplete = description.dataflow.isComplete
            if !isComplete { do throws(DataflowError) { try description.dataflow.flush() } catch { throw failure(error) } }
            hand(description.dataflow.takeRows(), to: receiver)
            if description.dataflow.hasPending && !isComplete { return .worked }
            noteProblem()
            publish()
            receiver.finish(nil, status.counters)
        }
        isFinished = true
        return .finished
    }

    /// What the task is known by when its query is started anew.
    var identity: [PartitionKey] { description.inputs.map(\.partition) }

    // MARK: Commits

    /// Whether what was processed should be committed now; `isIdle` tells that nothing more is waiting.
    package func isCommitDue(isIdle: Bool) -> Bool {
        guard !isTransient, uncommittedRecords > 0 else { return false }
        if isPreparing { return true }
        if description.dataflow.hasPending { return false }
        if isIdle || mustCommit || takesOneByOne || uncommittedBytes >= TaskLimits.commitBytes { return true }
        if description.dataflow.heldBytes >= TaskLimits.commitOutputBytes { return true }
        return time.monotonicNanoseconds() - (uncommittedSince ?? 0) >= commitInterval
    }

    /// The generation that a commit of all that the task has processed must carry: the oldest of everything that its state rests on and
    /// that is not known to be durable. Nil when it rests on nothing else.
    package var commitGeneration: UInt64? {
        let oldest = undecided.map(\.generation).min()
        guard let used = usedGeneration else { return oldest }
        return min(used, oldest ?? used)
    }

    /// The appends that were taken last are handed to the log, under this generation.
    package func noteCommit(_ generation: UInt64?) {
        if let generation { undecided.append(UndecidedCommit(number: commitsMade, generation: generation)) }
        usedGeneration = nil
    }

    /// A commit, and with it all before it, is durable.
    package func commitIsDurable(_ number: Int) {
        commitsDurable = max(commitsDurable, number)
        description.dataflow.view?.commitIsDurable(number)
        undecided.removeAll { $0.number <= number }
        takesOneByOne = false
    }

    func didTakeAppends() {
        uncommittedRecords = 0
        uncommittedBytes = 0
        uncommittedSince = nil
        mustCommit = false
        commitsMade += 1
    }

    // MARK: Counters

    /// What was done since the last call.
    func takeCounts() -> TaskCounts {
        let errors = description.dataflow.errorCounts
        let new = errors.merging(countedErrors) { now, before in now - before }.filter { $0.value > 0 }
        countedErrors = errors
        defer { (recordsRead, recordsWritten) = (0, 0) }
        return TaskCounts(recordsRead: recordsRead, recordsWritten: recordsWritten, errors: new)
    }

    /// Reports how much memory the state takes now, and notes whether it may.
    func publishMemory() {
        let now = description.dataflow.stateMemory
        guard now != publishedMemory else { return excess = nil }
        publishedMemory = now
        if description.dataflow.maySpill {
            memory.offer(spillable: description.dataflow.spillableMemory, onDisk: description.dataflow.diskBytes)
        }
        excess = memory.report(description.dataflow.memoryByStore)
    }

    /// Looks after a batch, now and then, whether so much state has come since the last report that the next one cannot wait: it comes with a
    /// commit, a client's task makes it at once. Errors: the state of a client's task does not fit.
    private func watchMemory() throws(QueryFailure) {
        guard let step = status.memory.step, !isFinished else { return }
        let now = time.monotonicNanoseconds()
        guard now - watchedMemory >= TaskLimits.memoryNanoseconds || now < watchedMemory else { return }
        watchedMemory = now
        let growth = description.dataflow.stateMemory - publishedMemory
        guard isTransient else { return mustCommit = mustCommit || growth >= step }
        guard growth >= TaskLimits.clientStep else { return }
        publishMemory()
        if let excess { throw QueryFailure(excess) }
    }

    /// Brings the counters of a client's query up to date.
    private func publish() {
        let counts = takeCounts()
        let now = time.monotonicNanoseconds()
        publishedAt = now
        status.content.withLock { content in
            content.counters.add(counts)
            content.rate.add(counts.recordsRead, at: now)
        }
    }

    /// Reads what other tasks read, too, together with them. To be called once.
    func share(_ runs: SharedRuns) {
        shared = runs
        runs.join(identity)
        description.dataflow.share(runs.decoding)
    }

    /// Leaves with what it has not committed: its memory no longer counts, and a client's query tells what it did.
    func retire() {
        if isTransient {
            noteProblem()
            publish()
        }
        for partition in awaitedSchemas.keys { forgetAwaited(by: partition) }
        snapshots?.abandon()
        shared?.leave(identity)
        shared = nil
        description.dataflow.share(nil)
        publishedMemory = 0
        memory.endSpilling()
        guard let store = description.dataflow.view?.storeName else { return memory.keep([:]) }
        memory.keep([store: description.dataflow.memoryByStore[store] ?? 0])
    }
}

extension QueryFailure {
    /// The log has taken back what the query had read before it was durable.
    static var withdrawn: QueryFailure {
        var failure = QueryFailure(message: "records that it had read were withdrawn")
        failure.isWithdrawn = true
        return failure
    }

    /// The task was told to end in the middle of its work.
    static var cancelled: QueryFailure {
        var failure = QueryFailure(message: "the query was cancelled")
        failure.isCancelled = true
        return failure
    }
}
