// One worker thread: its inbox, its tasks and its loop. It takes the ready tasks in turn, gives each a slice of time, and commits all that
// is due together. It sleeps when nothing is ready; news from the log, messages and clients with room again wake it.

import LogStore
import Operators
import Platform

/// A thread that owns tasks. Everything but the inbox belongs to the thread itself.
final class Worker: @unchecked Sendable {
    // `slots`, `ready`, `scans`, `due` and `waiting` are touched by the worker's own thread only; the inbox has its lock. After
    // the thread has ended, the messages that still come are carried out one at a time by their senders, and touch what it left.
    private struct Inbox {
        var messages: [@Sendable (Worker) -> Void] = []
        var news: Set<PartitionKey> = []
        /// How many tasks read each partition. News of others are ignored.
        var readers: [PartitionKey: Int] = [:]
        var epochs: [ObjectIdentifier: (epoch: RunEpoch, tasks: Int)] = [:]
        var isStopped = false
        var hasEnded = false
        /// One sender is carrying out messages for the thread that has ended.
        var isAnswering = false
        var hasWork: Bool { !messages.isEmpty || !news.isEmpty || isStopped }
    }

    /// A caller that waits for a task's commits to be decided.
    struct Waiting {
        let task: QueryTask
        let commits: Int
        let call: () -> Void
    }

    private let inbox = Monitor(Inbox())
    let log: any EventLog
    let time: any TimeSource
    /// The clock of the waits themselves, also where the engine's is simulated.
    private let clock: any TimeSource
    let snapshots: ThreadPool
    /// Every task, in the order in which they came.
    var slots: [TaskSlot] = []
    /// Ready tasks whose turn comes next, first to last.
    private var ready: [TaskSlot] = []
    /// Ready tasks that are long scans: one of them gets a slice after a round of the others.
    private var scans: [TaskSlot] = []
    /// Tasks left in this round. At its end the worker commits.
    private var leftInRound = 0
    /// Tasks whose commit is due at the end of the round.
    private var due: [TaskSlot] = []
    var waiting: [Waiting] = []
    /// Commits handed to the log whose outcome has not been dealt with.
    var commitsUnderWay = 0
    private var thread: (any RunningThread)?

    init(
        name: String, log: any EventLog, time: any TimeSource, snapshots: ThreadPool, scheduler: any Scheduler
    ) throws(SystemError) {
        self.log = log
        self.time = time
        clock = scheduler.time
        self.snapshots = snapshots
        thread = try scheduler.start(name) { [weak self] in self?.loop() }
    }

    // MARK: From other threads

    /// Has the worker carry out `message`. After its end the caller does.
    func post(_ message: @escaping @Sendable (Worker) -> Void) {
        let answers = inbox.update { inbox -> Bool in
            inbox.messages.append(message)
            guard inbox.hasEnded && !inbox.isAnswering else { return false }
            inbox.isAnswering = true
            return true
        }
        if answers { answerAll() }
    }

    private func answerAll() {
        while true {
            let messages = inbox.update { inbox -> [@Sendable (Worker) -> Void] in
                defer { inbox.messages = [] }
                if inbox.messages.isEmpty { inbox.isAnswering = false }
                return inbox.messages
            }
            if messages.isEmpty { return }
            for message in messages { message(self) }
        }
    }

    /// The ends of a partition have moved.
    func notify(_ partition: PartitionKey) {
        let isWanted = inbox.withLock { $0.readers[partition] != nil && !$0.news.contains(partition) }
        if isWanted { inbox.update { _ = $0.news.insert(partition) } }
    }

    func adopt(_ confined: ConfinedTask, of run: QueryRun, in epoch: RunEpoch) {
        inbox.withLock { inbox in
            for input in confined.task.description.inputs { inbox.readers[input.partition, default: 0] += 1 }
            inbox.epochs[ObjectIdentifier(epoch), default: (epoch, 0)].tasks += 1
        }
        post { worker in
            confined.task.snapshotThreads = worker.snapshots
            let slot = TaskSlot(confined.task, of: run, in: epoch)
            let woken = SlotReference(slot)
            slot.wake = { [weak worker] in
                worker?.post { worker in
                    if let slot = woken.slot { worker.makeReady(slot) }
                }
            }
            worker.slots.append(slot)
            worker.makeReady(slot)
        }
    }

    func commit(_ epoch: RunEpoch, finally: @escaping @Sendable () -> Void) {
        post { worker in
            let found = worker.slots.filter { $0.epoch === epoch }
            worker.commit(found.filter { $0.task.isCommitDue(isIdle: true) })
            worker.whenDecided(found.map(\.task), finally)
        }
    }

    func remove(_ epoch: RunEpoch, committing: Bool, finally: @escaping @Sendable () -> Void) {
        post { worker in
            let leaving = worker.slots.filter { $0.epoch === epoch }
            if committing { worker.commit(leaving.filter { $0.task.isCommitDue(isIdle: true) }) }
            for slot in leaving { worker.drop(slot) }
            worker.whenDecided(leaving.map(\.task), finally)
        }
    }

    /// Has the worker commit what it has and end. Clients' queries are cancelled at once.
    func stop() {
        let epochs = inbox.update { inbox in
            inbox.isStopped = true
            return inbox.epochs.values.map(\.epoch)
        }
        for epoch in epochs where epoch.owner == nil { epoch.cancel.set() }
    }

    /// Ends the work of all tasks wherever they are.
    func cancelAll() { for epoch in inbox.withLock({ $0.epochs.values.map(\.epoch) }) { epoch.cancel.set() } }

    var hasEnded: Bool { inbox.withLock { $0.hasEnded } }

    /// Waits until the worker has ended, for so long at most; whether it has.
    func waitForEnd(nanoseconds: Int64) -> Bool { inbox.wait(nanoseconds: nanoseconds, until: { $0.hasEnded }, then: { $0.hasEnded }) }
    func join() { thread?.join() }

    // MARK: On the worker's thread

    /// Calls `call` once all that these tasks have handed to the log is decided.
    private func whenDecided(_ tasks: [QueryTask], _ call: @escaping () -> Void) {
        guard let latest = tasks.first(where: { $0.commitsDurable < $0.commitsMade }) else { return call() }
        let rest = tasks.filter { $0 !== latest }
        waiting.append(Waiting(task: latest, commits: latest.commitsMade) { [weak self] in self?.whenDecided(rest, call) })
    }

    private func loop() {
        while true {
            let (messages, news, isStopped) = takeInbox()
            for message in messages { message(self) }
            if !news.isEmpty {
                for slot in slots where !slot.isReady && slot.task.description.inputs.contains(where: { news.contains($0.partition) }) {
                    makeReady(slot)
                }
            }
            if isStopped { return end() }
            runNext()
        }
    }

    /// Commits what there is, deals with what the log says to it, and leaves.
    private func end() {
        commit(slots.filter { $0.task.isCommitDue(isIdle: true) })
        let deadline = clock.monotonicNanoseconds() + Worker.longestSettling
        while commitsUnderWay > 0, clock.monotonicNanoseconds() < deadline {
            let left = deadline - clock.monotonicNanoseconds()
            let messages = inbox.wait(nanoseconds: max(0, left), until: { !$0.messages.isEmpty }) { inbox in
                defer { inbox.messages = [] }
                return inbox.messages
            }
            for message in messages { message(self) }
        }
        for slot in slots { drop(slot) }
        let stranded = waiting
        waiting = []
        for waiter in stranded { waiter.call() }
        inbox.update { inbox in
            inbox.hasEnded = true
            inbox.isAnswering = true
        }
        answerAll()
    }

    /// Nanoseconds that a worker that was stopped waits for the log to decide its commits.
    private static let longestSettling: Int64 = 2_000_000_000

    /// Waits for work: not at all while a task is ready.
    private func takeInbox() -> ([@Sendable (Worker) -> Void], Set<PartitionKey>, Bool) {
        func take(_ inbox: inout Inbox) -> ([@Sendable (Worker) -> Void], Set<PartitionKey>, Bool) {
            defer {
                inbox.messages.removeAll(keepingCapacity: true)
                inbox.news.removeAll(keepingCapacity: true)
            }
            return (inbox.messages, inbox.news, inbox.isStopped)
        }
        if !ready.isEmpty || !scans.isEmpty { return inbox.withLock { take(&$0) } }
        return inbox.wait(until: { $0.hasWork }, then: { take(&$0) })
    }

    // MARK: Turns

    /// Puts a task at the end of the line.
    func makeReady(_ slot: TaskSlot) {
        guard !slot.isReady && !slot.isGone else { return }
        slot.isReady = true
        if slot.isLongScan { scans.append(slot) } else { ready.append(slot) }
    }

    /// A slice for the next task, and at the end of a round the commits that are due and a slice for one long scan.
    private func runNext() {
        if leftInRound <= 0 || ready.isEmpty {
            if !scans.isEmpty { runSlice(scans.removeFirst()) }
            commitDue()
            leftInRound = min(ready.count, Worker.roundTasks)
        }
        guard !ready.isEmpty else { return commitDue() }
        leftInRound -= 1
        runSlice(ready.removeFirst())
        if leftInRound <= 0 || ready.isEmpty { commitDue() }
    }

    /// Tasks of one round: with more, what the first has processed would wait for its commit until the last has had its slice.
    private static let roundTasks = 8

    private func runSlice(_ slot: TaskSlot) {
        slot.isReady = false
        guard !slot.isGone else { return }
        do throws(QueryFailure) {
            let turn = try slot.runSlice(time)
            if slot.task.isCommitDue(isIdle: turn != .worked), !due.contains(where: { $0 === slot }) { due.append(slot) }
            switch turn {
            case .worked: makeReady(slot)
            case .idle, .blocked: break
            case .finished: drop(slot)
            }
        } catch {
            drop(slot)
            slot.run.fail(slot.epoch, error, of: slot.task.identity)
        }
    }

    private func commitDue() {
        guard !due.isEmpty else { return }
        let slots = due.filter { !$0.isGone }
        due = []
        commit(slots)
    }

    /// Drops a task with everything that it has not committed.
    func drop(_ slot: TaskSlot) {
        guard !slot.isGone else { return }
        slot.isGone = true
        slots.removeAll { $0 === slot }
        ready.removeAll { $0 === slot }
        scans.removeAll { $0 === slot }
        due.removeAll { $0 === slot }
        slot.task.retire()
        inbox.withLock { inbox in
            for input in slot.task.description.inputs {
                let left = (inbox.readers[input.partition] ?? 1) - 1
                inbox.readers[input.partition] = left > 0 ? left : nil
            }
            let key = ObjectIdentifier(slot.epoch)
            if let entry = inbox.epochs[key] { inbox.epochs[key] = entry.tasks > 1 ? (entry.epoch, entry.tasks - 1) : nil }
        }
    }
}

/// A slot on its way through an inbox, back to the worker that owns it. Wakers hold a slot weakly.
private final class SlotReference: @unchecked Sendable {
    // Set once; read on the thread of the worker that owns the slot.
    private(set) weak var slot: TaskSlot?
    init(_ slot: TaskSlot) { self.slot = slot }
}
