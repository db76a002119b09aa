// One worker: its inbox, its tasks and its loop. It takes the ready tasks in turn, gives each a slice of time, and commits all that is due
// together. It sleeps when nothing is ready; news from the log, messages and clients with room again wake it. A task that does not come
// back from its slice is left to its thread, and another thread goes on (see Worker+HandOff.swift).

import LogStore
import Operators
import Platform

/// The owner of some tasks, with one thread in charge of them at a time. Everything but the inbox belongs to that thread.
final class Worker: @unchecked Sendable {
    // `slots`, `readers`, `ready`, `scans`, `due`, `waiting`, `current`, `away` and `departures` are touched by the thread in charge only; the inbox has its lock.
    // After the worker has ended, the messages that still come are carried out one at a time by their senders, and touch what it left.
    struct Inbox {
        var messages: [@Sendable (Worker) -> Void] = []
        var news: Set<PartitionKey> = []
        /// How many tasks read each partition. News of others are ignored.
        var readers: [PartitionKey: Int] = [:]
        var epochs: [ObjectIdentifier: (epoch: RunEpoch, tasks: Int)] = [:]
        var isStopped = false
        var hasEnded = false
        /// One sender is carrying out messages for the thread that has ended.
        var isAnswering = false
        /// The slice that the thread in charge is in, and how many there have been.
        var slice: Slice?
        var slices = 0
        /// Other tasks were ready when the slice began.
        var hasOthersReady = false
        /// A timer will look at the slice.
        var isWatched = false
        /// Threads that were left to a task each.
        var awayThreads = 0
        /// The threads that have not ended, by their numbers.
        var threads: [Int: any RunningThread] = [:]
        var threadsStarted = 0
        /// Numbers of threads that have ended before they were in `threads`.
        var endedEarly: Set<Int> = []
        var hasWork: Bool { !messages.isEmpty || !news.isEmpty || isStopped }
    }

    /// A caller that waits for a task's commits to be decided.
    struct Waiting {
        let slot: TaskSlot
        let commits: Int
        let call: () -> Void
    }

    let inbox = Monitor(Inbox())
    let name: String
    let scheduler: any Scheduler
    let timers: Timers
    /// Nanoseconds of one slice after which another thread goes on without the task.
    let handOffNanoseconds: Int64
    let log: any EventLog
    let time: any TimeSource
    /// The clock of the waits themselves, also where the engine's is simulated.
    var clock: any TimeSource { scheduler.time }
    let snapshots: ThreadPool
    /// Hears how long the worker is busy with one thing; nil where nobody measures that.
    let turns: (any TurnObserver)?
    /// What its tasks read together.
    let sharedRuns: SharedRuns
    /// Where those stand that catch up together.
    var convoys = Convoys()
    /// New tasks that will begin together.
    var departures = Departures<TaskSlot>()
    /// A timer will look at those.
    var departuresAreWatched = false
    /// Every task, in the order in which they came.
    var slots: [TaskSlot] = []
    /// Ready tasks whose turn comes next, first to last.
    private var ready = TaskLine()
    /// Ready tasks that are long scans: one of them gets a slice after a round of the others.
    private var scans = TaskLine()
    /// The tasks that read each partition.
    private var readers: [PartitionKey: [TaskSlot]] = [:]
    /// Tasks left in this round. At its end the worker commits.
    private var leftInRound = 0
    /// Tasks whose commit is due at the end of the round.
    private var due: [TaskSlot] = []
    var waiting: [Waiting] = []
    /// Commits handed to the log whose outcome has not been dealt with.
    var commitsUnderWay = 0
    /// The task whose slice it is.
    var current: TaskSlot?
    /// Tasks that other threads are still at.
    var away: [TaskSlot] = []

    init(
        name: String, log: any EventLog, time: any TimeSource, sharedRuns: SharedRuns, snapshots: ThreadPool, timers: Timers,
        handOffNanoseconds: Int64, turns: (any TurnObserver)? = nil, scheduler: any Scheduler
    ) throws(SystemError) {
        self.name = name
        self.log = log
        self.time = time
        self.sharedRuns = sharedRuns
        self.snapshots = snapshots
        self.timers = timers
        self.handOffNanoseconds = handOffNanoseconds
        self.turns = turns
        self.scheduler = scheduler
        try startThread { $0.loop() }
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
        if answers { answerAll() } else { watch() }
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
        guard isWanted else { return }
        inbox.update { _ = $0.news.insert(partition) }
        watch()
    }

    func adopt(_ confined: ConfinedTask, of run: QueryRun, in epoch: RunEpoch) {
        inbox.withLock { inbox in
            for input in confined.task.description.inputs { inbox.readers[input.partition, default: 0] += 1 }
            inbox.epochs[ObjectIdentifier(epoch), default: (epoch, 0)].tasks += 1
        }
        post { worker in
            confined.task.snapshotThreads = worker.snapshots
            confined.task.turns = worker.turns
            confined.task.share(worker.sharedRuns)
            let slot = TaskSlot(confined.task, of: run, in: epoch)
            let woken = SlotReference(slot)
            slot.wake = { [weak worker] in
                worker?.post { worker in
                    if let slot = woken.slot { worker.makeReady(slot) }
                }
            }
            confined.task.whenToldToSpill(slot.wake)
            worker.slots.append(slot)
            for partition in Set(slot.partitions) { worker.readers[partition, default: []].append(slot) }
            // A start may come to its end after the worker has: nothing will ever run the task.
            if worker.hasEnded { worker.drop(slot) } else { worker.begin(slot) }
        }
    }

    /// Commits what the tasks of an epoch have processed, and calls `finally` when that is decided. `whenHeldUp` is called when that
    /// waits for a task that is away, or may wait because no more threads can go on for tasks that are.
    func commit(_ epoch: RunEpoch, whenHeldUp: @escaping @Sendable () -> Void, finally: @escaping @Sendable () -> Void) {
        if inbox.withLock({ $0.awayThreads >= Worker.mostAway }) { whenHeldUp() }
        post { worker in
            let found = worker.slots.filter { $0.epoch === epoch }
            if let slot = found.first(where: \.isAway) {
                whenHeldUp()
                return slot.whenBack.append { $0.commit(epoch, whenHeldUp: whenHeldUp, finally: finally) }
            }
            worker.commit(found.filter { $0.task.isCommitDue(isIdle: true) })
            worker.whenDecided(found, finally)
        }
    }

    /// Drops the tasks of an epoch, after a commit of what they have when it is `committing`. A task that is away is waited for when it has
    /// something to commit, or a client to answer.
    func remove(_ epoch: RunEpoch, committing: Bool, finally: @escaping @Sendable () -> Void) {
        post { worker in
            let leaving = worker.slots.filter { $0.epoch === epoch }
            if let slot = leaving.first(where: \.isAway), committing || slot.isTransient {
                return slot.whenBack.append { $0.remove(epoch, committing: committing, finally: finally) }
            }
            if committing { worker.commit(leaving.filter { $0.task.isCommitDue(isIdle: true) }) }
            worker.drop(leaving)
            worker.whenDecided(leaving, finally)
        }
    }

    /// Drops those tasks of an epoch that are away: what waits for them to come back is done without them.
    func abandon(_ epoch: RunEpoch) {
        post { worker in
            worker.drop(worker.away.filter { $0.epoch === epoch && !$0.isTransient })
        }
    }

    /// Has the worker commit what it has and end. Clients' queries are cancelled at once.
    func stop() {
        let epochs = inbox.update { inbox in
            inbox.isStopped = true
            return inbox.epochs.values.map(\.epoch)
        }
        for epoch in epochs where epoch.owner == nil { epoch.cancel.set() }
        watch()
    }

    /// Ends the work of all tasks wherever they are.
    func cancelAll() { for epoch in inbox.withLock({ $0.epochs.values.map(\.epoch) }) { epoch.cancel.set() } }

    var hasEnded: Bool { inbox.withLock { $0.hasEnded } }

    /// Waits until the worker has ended, for so long at most; whether it has.
    func waitForEnd(nanoseconds: Int64) -> Bool { inbox.wait(nanoseconds: nanoseconds, until: { $0.hasEnded }, then: { $0.hasEnded }) }

    /// Waits for the end of its threads, once it has ended. One that is still at a task ends with that.
    func join() {
        let threads = inbox.withLock { $0.awayThreads == 0 ? $0.threads : [:] }
        for thread in threads.values { thread.join() }
    }

    // MARK: On the worker's thread

    func loop() {
        while true {
            let (messages, news, isStopped) = takeInbox()
            let isInCharge = turns.timing(.turn, clock) {
                turns.timing(.messages, clock) { takeIn(messages, news) }
                return isStopped || runNext()
            }
            if isStopped { return end() }
            guard isInCharge else { return }
        }
    }

    private func takeIn(_ messages: [@Sendable (Worker) -> Void], _ news: Set<PartitionKey>) {
        for message in messages { message(self) }
        for partition in news {
            for slot in readers[partition] ?? [] { makeReady(slot) }
        }
    }

    /// Commits what there is, deals with what the log says to it, and leaves.
    private func end() {
        commit(slots.filter { !$0.isAway && $0.task.isCommitDue(isIdle: true) })
        let deadline = clock.monotonicNanoseconds() + Worker.longestSettling
        while commitsUnderWay > 0 || !away.isEmpty, clock.monotonicNanoseconds() < deadline {
            let left = deadline - clock.monotonicNanoseconds()
            let messages = inbox.wait(nanoseconds: max(0, left), until: { !$0.messages.isEmpty }) { inbox in
                defer { inbox.messages = [] }
                return inbox.messages
            }
            for message in messages { message(self) }
        }
        drop(slots.filter { !$0.isAway })
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
        sharedRuns.releaseAll()
        return inbox.wait(until: { $0.hasWork }, then: { take(&$0) })
    }

    // MARK: Turns

    /// Puts a task at the end of the line.
    func makeReady(_ slot: TaskSlot) {
        guard !slot.isReady && !slot.isGone && !slot.isAway && !slot.isHeld else { return }
        slot.isReady = true
        if slot.isLongScan { scans.append(slot) } else { ready.append(slot) }
    }

    /// A slice for the next task, and at the end of a round the commits that are due and a slice for one long scan. Gives false when
    /// another thread is in charge now.
    private func runNext() -> Bool {
        if leftInRound <= 0 || ready.isEmpty {
            if let slot = scans.removeFirst(), !runSlice(slot) { return false }
            commitDue()
            leftInRound = min(ready.count, Worker.roundTasks)
            gatherConvoys(ready)
        }
        if let slot = takeNext() {
            leftInRound -= 1
            if !runSlice(slot) { return false }
        }
        if leftInRound <= 0 || ready.isEmpty { commitDue() }
        return true
    }

    /// The ready task whose turn it is; nil where none is ready. Those that wait for others go to the end of the line.
    private func takeNext() -> TaskSlot? {
        for _ in 0..<max(0, ready.count - 1) {
            guard let slot = ready.first, waits(slot) else { break }
            ready.sendToEnd()
        }
        return ready.removeFirst()
    }

    /// Tasks of one round: with more, what the first has processed would wait for its commit until the last has had its slice.
    private static let roundTasks = 8

    /// Gives false when another thread is in charge now, and has been told the outcome.
    private func runSlice(_ slot: TaskSlot) -> Bool {
        slot.isReady = false
        guard !slot.isGone else { return true }
        current = slot
        slot.turnCame = nil
        slot.open()
        let number = beginSlice(hasOthersReady: !ready.isEmpty || !scans.isEmpty)
        let outcome = turns.timing(.slice, clock) { SliceOutcome(slot, time) }
        guard endSlice(number) else {
            comeBack(outcome)
            return false
        }
        current = nil
        conclude(outcome)
        return true
    }

    /// What follows from a slice.
    func conclude(_ outcome: SliceOutcome) {
        let slot = outcome.slot
        guard !slot.isGone else { return }
        switch outcome.result {
        case .success(let turn):
            if slot.task.isPrepared, !due.contains(where: { $0 === slot }) { due.append(slot) }
            switch turn {
            case .worked: makeReady(slot)
            case .idle: if slot.isUpToDate { slot.run.goesOn(slot.task.identity) }
            case .blocked: break
            case .finished: return drop(slot)
            }
            slot.settleIfUpToDate()
        case .failure(let error):
            drop(slot)
            slot.run.fail(slot.epoch, error, of: slot.task.identity)
        }
    }

    private func commitDue() {
        guard !due.isEmpty else { return }
        // A task that is away says again what it needs when it is back.
        let slots = due.filter { !$0.isGone && !$0.isAway }
        due = []
        turns.timing(.commit, clock) { commit(slots) }
    }

    /// Drops a task with everything that it has not committed. One that is away is told to end, and leaves when it has come back.
    func drop(_ slot: TaskSlot) { drop([slot]) }

    /// Drops several tasks, of which a query may have thousands, with one look through the lines for all of them.
    func drop(_ slots: [TaskSlot]) {
        let leaving = slots.filter { !$0.isGone }
        if leaving.isEmpty { return }
        for slot in leaving {
            slot.isGone = true
            slot.settleIfUpToDate()
        }
        self.slots.removeAll(where: \.isGone)
        ready.removeGone()
        scans.removeGone()
        for partition in Set(leaving.flatMap(\.partitions)) {
            readers[partition]?.removeAll(where: \.isGone)
            if readers[partition]?.isEmpty == true { readers[partition] = nil }
        }
        due.removeAll(where: \.isGone)
        inbox.withLock { inbox in
            for slot in leaving { inbox.forget(slot) }
        }
        for slot in leaving {
            guard slot.isAway else {
                slot.task.retire()
                continue
            }
            slot.epoch.cancel.set()
            slot.doPostponed(on: self)
        }
    }
}

extension Worker.Inbox {
    /// Takes a task out of the counts of readers and of the tasks of its epoch.
    fileprivate mutating func forget(_ slot: TaskSlot) {
        for partition in slot.partitions {
            let left = (readers[partition] ?? 1) - 1
            readers[partition] = left > 0 ? left : nil
        }
        let key = ObjectIdentifier(slot.epoch)
        if let entry = epochs[key] { epochs[key] = entry.tasks > 1 ? (entry.epoch, entry.tasks - 1) : nil }
    }
}

/// A slot on its way through an inbox, back to the worker that owns it. Wakers hold a slot weakly.
private final class SlotReference: @unchecked Sendable {
    // Set once; read on the thread of the worker that owns the slot.
    private(set) weak var slot: TaskSlot?
    init(_ slot: TaskSlot) { self.slot = slot }
}
