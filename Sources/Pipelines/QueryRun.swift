// A query that runs, as a state machine: which starts, pauses, failures and retries are possible when, and which tasks are its current ones.
//
//     created ── start ──> running ── pause ──> paused ── start ──> running        terminate: from anywhere, for good
//                          running ── a failure ──> failed ── start ──> running
//                          running ── a refused commit ──> running, with new tasks after a while
//
// Each entry into `running`, and each retry, is an epoch of its own (`RunEpoch`). What tasks of an earlier epoch still report is ignored,
// what they still commit is refused by the log.

package import LogStore
import Operators
import Platform
package import Quantities

/// Whom a query tells what happens to it. Each is called on a thread of the pool, and must not wait unless it says so.
package struct QueryEvents: Sendable {
    /// The query has stopped by itself.
    package var onFailure: @Sendable (QueryFailure) -> Void
    /// The query has been paused because its state does not fit the memory limit.
    package var onExcess: @Sendable (MemoryExcess) -> Void
    /// The query has met an obstacle and will try again by itself.
    package var onObstacle: @Sendable (QueryFailure) -> Void
    /// The query's task of a partition has committed for the first time. Called beside the workers, and may wait for the disk.
    package var onFirstCommit: @Sendable (_ partition: PartitionIndex) -> Void

    package init(
        onFailure: @escaping @Sendable (QueryFailure) -> Void = { _ in },
        onObstacle: @escaping @Sendable (QueryFailure) -> Void = { _ in },
        onExcess: @escaping @Sendable (MemoryExcess) -> Void = { _ in },
        onFirstCommit: @escaping @Sendable (_ partition: PartitionIndex) -> Void = { _ in }
    ) {
        self.onFailure = onFailure
        self.onObstacle = onObstacle
        self.onExcess = onExcess
        self.onFirstCommit = onFirstCommit
    }
}

/// The outcome of asking a query to commit.
package enum CommitOutcome: Hashable, Sendable {
    /// What had been processed is durable, or was refused; the readable rows are what is durable.
    case decided
    /// The query is still restoring its state, and has no rows to show yet.
    case restoring
    /// The query is in the middle of something long, a row or a batch, and cannot commit before its end; the readable rows are what was
    /// durable before.
    case busy
}

/// One running query, persistent or transient. Its tasks live on the workers; this is what the engine holds on to.
package final class QueryRun: Sendable {
    private struct Machine {
        /// The latest start's.
        var epoch: RunEpoch?
        /// Commits refused since the last one that was not.
        var refusals = 0
        /// Tasks of a rejected commit, by what they read; each commits separately until one of its commits succeeds, so that only the
        /// faulty one fails.
        var isolated: Set<[PartitionKey]> = []
        /// Tasks of which one micro-batch made too much; they take one record at a time until a commit of theirs succeeds.
        var oneByOne: Set<[PartitionKey]> = []
        /// Records that new tasks skip, with the reasons. They stay here in case that the query fails again before it is past them.
        var skips: [PartitionKey: [Offset: String]] = [:]
        /// What the tasks read whose work was refused, as long as they have not got further: the query waits for them.
        var refused: Set<[PartitionKey]> = []
        /// The status says what the query waits for.
        var hasObstacle = false
        /// Partitions whose tasks have committed.
        var committed: Set<PartitionIndex> = []
    }

    package let status: QueryStatus
    /// The consumer group of a persistent query; nil for a transient one, which commits nothing.
    let group: String?
    /// Nil where a harness drives the tasks itself.
    private let pool: WorkerPool?
    /// Makes the tasks from what is durable: positions, changelogs, topics.
    let makeTasks: @Sendable () throws(QueryFailure) -> [QueryTask]
    private let events: QueryEvents
    /// The readable rows, which stay when the tasks end.
    private let rows: TableRows?
    /// Nanoseconds before a refused commit is tried again: at first, and at most.
    private let retryDelays: ClosedRange<Int64>
    private let machine = Monitor(Machine())

    /// A query that has not been started. `group` is the consumer group of a persistent query, nil for a transient one. `retryDelays` are
    /// the nanoseconds before a refused commit is tried again, at first and at most. `rows` are the readable rows that the tasks keep.
    package init(
        status: QueryStatus, group: String?, pool: WorkerPool?, rows: TableRows? = nil, events: QueryEvents = QueryEvents(),
        retryDelays: ClosedRange<Int64> = 20_000_000...2_000_000_000,
        makeTasks: @escaping @Sendable () throws(QueryFailure) -> [QueryTask]
    ) {
        self.status = status
        self.group = group
        self.pool = pool
        self.retryDelays = retryDelays
        self.events = events
        self.rows = rows
        self.makeTasks = makeTasks
        if pool == nil { status.update { $0.state = .running } }
    }

    /// Changes the machine, and with it the status. Watchers of the status are called afterwards: they may call this query again.
    private func change<Result>(_ body: (inout Machine) -> Result) -> Result {
        defer { status.callWatchers() }
        return machine.update(body)
    }

    // MARK: What statements do

    /// Starts the query: its tasks are made, restored beside the workers, and then handed to them. False, and nothing done, for a query
    /// that runs or was terminated. A failure to make the tasks is the query's failure.
    @discardableResult package func start() -> Bool {
        guard let pool else { return false }
        let epoch = RunEpoch()
        let isStarted = change { machine -> Bool in
            let canStart = status.content.update { content in
                guard content.state.canStart else { return false }
                content.state = .running
                content.isRestoring = group != nil
                content.pauseReason = nil
                content.excess = nil
                return true
            }
            if canStart {
                machine.epoch = epoch
                status.memory.becomeActive()
            }
            return canStart
        }
        if isStarted { launch(epoch, on: pool) }
        return isStarted
    }

    /// Stops the tasks after committing what they have; `finally` is called when that is durable. A query that has not been started is
    /// paused with the reason why the server does not start it.
    package func pause(reason: String? = nil, finally: @escaping @Sendable () -> Void) {
        let epoch = change { machine in
            status.content.update { content in
                guard content.state == .running || content.state == .created else { return }
                content.state = .paused
                content.isRestoring = false
                content.pauseReason = reason
                becomeIdle()
            }
            return machine.epoch
        }
        guard let epoch, let pool else { return finally() }
        leave(epoch, on: pool, finally: finally)
    }

    /// Has the tasks of an epoch commit what they have, and end.
    private func leave(_ epoch: RunEpoch, on pool: WorkerPool, finally: @escaping @Sendable () -> Void) {
        pool.remove(epoch, committing: true, finally: finally)
        // What is in the middle of something long is not waited for: it is done again after the next start.
        pool.after(nanoseconds: QueryRun.patience) {
            epoch.cancel.set()
            pool.after(nanoseconds: QueryRun.patience) { pool.abandon(epoch) }
        }
    }

    /// Stops the tasks for good. What is not committed is dropped with them.
    package func terminate(finally: @escaping @Sendable () -> Void) {
        let epoch = change { machine in
            status.content.update { content in
                content.state = .terminated
                content.isRestoring = false
            }
            return machine.epoch
        }
        guard let epoch, let pool else { return finally() }
        epoch.cancel.set()
        // From here on the log refuses what the tasks still commit.
        if let group { pool.log.endEpoch(of: group) }
        pool.remove(epoch, committing: false, finally: finally)
    }

    /// Whether the readable rows are all that the tasks have processed until now: nothing is to be committed, and nothing is being restored.
    package var isSettled: Bool {
        !status.content.withLock { $0.isRestoring } && (machine.withLock { $0.epoch }?.isSettled ?? true)
    }

    /// Has the tasks commit what they have processed; `finally` is called when that is decided, or after `patience` nanoseconds when the
    /// query is still restoring its state by then, or still in the middle of something long.
    package func commit(patience: Int64 = 5_000_000_000, finally: @escaping @Sendable (CommitOutcome) -> Void) {
        guard let pool else { return finally(.decided) }
        guard status.content.withLock({ $0.isRestoring }) else { return commit(on: pool, patience, finally) }
        let once = QueryRun.once()
        status.whenever({ !$0.isRestoring }, call: { [self] in once { [self] in commit(on: pool, patience, finally) } })
        pool.after(nanoseconds: patience) { once { finally(.restoring) } }
    }

    private func commit(on pool: WorkerPool, _ patience: Int64, _ finally: @escaping @Sendable (CommitOutcome) -> Void) {
        guard let epoch = machine.withLock({ $0.epoch }), !epoch.isSettled else { return finally(.decided) }
        let once = QueryRun.once()
        // Only what is held up gets a timer: of all other commits there may be thousands a second.
        pool.commit(epoch, whenHeldUp: { pool.after(nanoseconds: patience) { once { finally(.busy) } } }) { once { finally(.decided) } }
    }

    /// A function that calls the first body that it is given, and no other.
    private static func once() -> @Sendable (@Sendable () -> Void) -> Void {
        let isAnswered = Monitor(false)
        return { body in
            let isFirst = isAnswered.update { answered in
                defer { answered = true }
                return !answered
            }
            if isFirst { body() }
        }
    }

    /// Has the tasks that are made from now on skip one record, which is reported with the reason.
    package func skip(_ partition: PartitionKey, offset: Offset, reason: String) {
        machine.update { $0.skips[partition, default: [:]][offset] = reason }
    }

    /// Nanoseconds that a pause waits for work under way before it cancels it, and then before it goes on without it.
    private static let patience: Int64 = 50_000_000

    // MARK: Starting

    private func launch(_ epoch: RunEpoch, on pool: WorkerPool) {
        if let group { return QueryStart(self, epoch, group: group, pool: pool).begin() }
        do throws(QueryFailure) {
            let tasks = try makeTasks()
            adopt(tasks, in: epoch)
            pool.start(tasks, of: self, in: epoch)
        } catch {
            fail(epoch, error)
        }
    }

    /// Tells new tasks what earlier ones have left behind.
    func adopt(_ tasks: [QueryTask], in epoch: RunEpoch) {
        let machine = machine.withLock { $0 }
        for task in tasks {
            for place in task.description.inputs.indices {
                task.description.inputs[place].skips = machine.skips[task.description.inputs[place].partition] ?? [:]
            }
            task.cancel = epoch.cancel
            task.takesOneByOne = machine.oneByOne.contains(task.identity)
        }
    }

    /// The tasks are restored and with their workers.
    func hasStarted(_ epoch: RunEpoch) {
        change { machine in
            guard machine.epoch === epoch else { return }
            status.content.update { $0.isRestoring = false }
        }
    }

    // MARK: What workers report

    /// Whether the work of the task that reads this must not be in one commit with that of others.
    func isIsolated(_ identity: [PartitionKey]) -> Bool {
        machine.withLock { !$0.isolated.isEmpty && $0.isolated.contains(identity) }
    }

    /// Has the task that reads this commit separately from now on.
    func isolate(_ identity: [PartitionKey]) { _ = machine.update { $0.isolated.insert(identity) } }

    /// A commit with work of the task that reads this, and that is for a partition, is durable.
    func committed(_ identity: [PartitionKey], partition: PartitionIndex) {
        let isFirst = machine.withLock { machine in
            machine.refusals = 0
            machine.isolated.remove(identity)
            machine.oneByOne.remove(identity)
            return machine.committed.insert(partition).inserted
        }
        if isFirst { pool?.restore { [events] in events.onFirstCommit(partition) } }
        goesOn(identity)
    }

    /// The task that reads this has got further, or has nothing to do: what it waited for is over.
    func goesOn(_ identity: [PartitionKey]) {
        let isClear = machine.withLock { machine in
            machine.refused.remove(identity)
            guard machine.hasObstacle, machine.refused.isEmpty else { return false }
            machine.hasObstacle = false
            machine.refusals = 0
            return true
        }
        if isClear { status.update { $0.obstacle = nil } }
    }

    /// A task of `epoch` cannot go on, and the query with it; it stays where it is until a user resumes it.
    func fail(_ epoch: RunEpoch, _ failure: QueryFailure, of identity: [PartitionKey] = []) {
        if failure.isCancelled { return }
        if let excess = failure.excess, group != nil { return stop(epoch, for: excess) }
        if failure.isWithdrawn { return retry(epoch, after: failure, of: identity, atOnce: true) }
        if failure.isOutputTooLarge {
            let isNew = machine.update { machine -> Bool in
                guard let place = failure.place, let offset = failure.offset else { return machine.oneByOne.insert(identity).inserted }
                // One record alone makes too much: it is skipped.
                return machine.skips[place, default: [:]].updateValue(failure.message, forKey: offset) == nil
            }
            if isNew { return retry(epoch, after: failure, of: identity, atOnce: true) }
        }
        let isFailed = change { machine in
            machine.epoch === epoch
                && status.content.update { content in
                    guard content.state == .running else { return false }
                    content.state = .failed(failure)
                    content.isRestoring = false
                    becomeIdle()
                    return true
                }
        }
        guard isFailed else { return }
        guard let pool else { return events.onFailure(failure) }
        pool.remove(epoch, committing: false) { [events] in events.onFailure(failure) }
    }

    // MARK: Memory

    /// The state of the query does not fit the memory limit: it is paused with the reason. What tasks of `epoch` have made until now is
    /// committed. Rows that are readable stay so as long as nobody else needs the memory; what was being restored goes at once.
    func stop(_ epoch: RunEpoch, for excess: MemoryExcess) {
        var gone: DetachedRows?
        let isPaused = change { machine -> Bool in
            // One task says it for all of them; and one of an epoch that is over says nothing about this one.
            let (state, isRestoring) = status.content.withLock { ($0.state, $0.isRestoring) }
            guard machine.epoch === epoch, state == .running else {
                if state == .running { status.memory.becomeActive() }
                return false
            }
            becomeIdle()
            // Before anybody can see that the query is paused: half of its rows would be read as if they were all.
            if isRestoring { gone = rows?.detach() }
            status.content.update { content in
                content.state = .paused
                content.isRestoring = false
                content.obstacle = nil
                content.excess = excess
            }
            return true
        }
        withExtendedLifetime(gone) {}
        guard isPaused else { return }
        guard let pool else { return events.onExcess(excess) }
        leave(epoch, on: pool) { [events] in events.onExcess(excess) }
    }

    /// What the query still holds may go when others need the memory.
    private func becomeIdle() {
        // A client's query ends, and holds nothing then.
        guard group != nil else { return }
        status.memory.becomeIdle { [weak self] in
            // Large memory takes a while to be freed: not on the thread that happens to need some.
            if let self { pool?.restore { self.letGo() } }
        }
    }

    /// Lets go of the readable rows, unless the query runs, or has been started again meanwhile.
    private func letGo() {
        let gone = machine.withLock { _ in status.state == .running ? nil : rows?.detach() }
        withExtendedLifetime(gone) {}
    }

    /// Why the state that the query had when the server paused it still does not fit; nil when it does, or nobody knows.
    package var obstacleToResume: MemoryExcess? {
        guard let excess = status.content.withLock({ $0.excess }) else { return nil }
        var obstacle = status.memory.obstacle(holding: excess.held)
        obstacle?.isRestoring = excess.isRestoring
        return obstacle
    }

    /// A commit of `epoch`, with work of the task that reads `identity`, was refused through no fault of the query: its tasks are made anew
    /// from what is durable, at once when the commit only depended on another that failed, else after a delay that grows as long as
    /// commits are refused.
    func retry(_ epoch: RunEpoch, after refusal: QueryFailure, of identity: [PartitionKey], atOnce: Bool) {
        let delay = change { machine -> Int64? in
            if machine.epoch === epoch, !identity.isEmpty { machine.refused.insert(identity) }
            guard machine.epoch === epoch, status.state == .running, epoch.beginRetry() else { return nil }
            machine.refusals += 1
            let isFirst = atOnce && machine.refusals == 1
            if !isFirst {
                machine.hasObstacle = true
                status.content.update { $0.obstacle = refusal.description }
            }
            return isFirst ? 0 : longerDelay(after: machine.refusals)
        }
        guard let delay, let pool else { return }
        if delay > 0 { events.onObstacle(refusal) }
        pool.remove(epoch, committing: false) { [self] in
            pool.after(nanoseconds: delay) { [self] in restart(after: epoch, on: pool) }
        }
    }

    /// The shortest delay doubled with each refusal, up to the longest.
    private func longerDelay(after refusals: Int) -> Int64 {
        let (product, overflow) = retryDelays.lowerBound.multipliedReportingOverflow(by: 1 << Int64(min(refusals, 16)))
        return overflow ? retryDelays.upperBound : min(retryDelays.upperBound, product)
    }

    /// Starts again, unless the query has been paused, ended or started meanwhile.
    private func restart(after old: RunEpoch, on pool: WorkerPool) {
        let epoch = RunEpoch()
        let isWanted = change { machine -> Bool in
            guard machine.epoch === old, status.state == .running else { return false }
            machine.epoch = epoch
            status.content.update { $0.isRestoring = group != nil }
            return true
        }
        if isWanted { launch(epoch, on: pool) }
    }
}
