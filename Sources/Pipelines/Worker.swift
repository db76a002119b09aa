// One worker thread: its inbox, its tasks and its loop.

import LogStore
import Platform

/// A thread that owns tasks. Everything but the inbox belongs to the thread itself.
final class Worker: @unchecked Sendable {
    // `tasks`, `waiting` and `timers` are touched by the worker's own thread only; the inbox has its lock.
    private struct Inbox {
        var messages: [@Sendable (Worker) -> Void] = []
        var news: Set<PartitionKey> = []
        var isStopped = false
        var hasWork: Bool { !messages.isEmpty || !news.isEmpty || isStopped }
    }

    private struct Entry {
        let task: QueryTask
        let run: QueryRun
        var isReady = true
    }

    /// Someone who waits for a task's commits to be durable.
    private struct Waiting {
        let task: QueryTask
        let commits: Int
        let call: () -> Void
    }

    private let inbox = Monitor(Inbox())
    private let interest = Monitor(Set<PartitionKey>())
    private let log: any EventLog
    private let time: any TimeSource
    private var tasks: [Entry] = []
    private var waiting: [Waiting] = []
    /// What is to be done at a time (monotonic nanoseconds).
    private var timers: [(due: Int64, call: @Sendable () -> Void)] = []
    private var thread: WorkerThread?

    init(name: String, log: any EventLog, time: any TimeSource) throws(SystemError) {
        self.log = log
        self.time = time
        thread = try WorkerThread.start(name) { [weak self] in self?.loop() }
    }

    // MARK: From other threads

    func post(_ message: @escaping @Sendable (Worker) -> Void) { inbox.update { $0.messages.append(message) } }

    /// Calls `body` on the worker's thread when so much time has passed.
    func after(nanoseconds delay: Int64, _ body: @escaping @Sendable () -> Void) {
        post { worker in worker.timers.append((worker.time.monotonicNanoseconds() + delay, body)) }
    }

    func tell(_ partition: PartitionKey) {
        guard interest.withLock({ $0.contains(partition) }) else { return }
        inbox.update { _ = $0.news.insert(partition) }
    }

    func adopt(_ confined: ConfinedTask, of run: QueryRun) {
        interest.withLock { $0.formUnion(confined.task.description.inputs.map(\.partition)) }
        post { $0.tasks.append(Entry(task: confined.task, run: run)) }
    }

    func commit(_ queryID: String, finally: @escaping @Sendable () -> Void) {
        post { worker in
            let found = worker.tasks.filter { $0.task.status.queryID == queryID }
            worker.commit(found.filter { $0.task.isCommitDue(isIdle: true) })
            worker.whenDurable(found.map(\.task), finally)
        }
    }

    func remove(_ queryID: String, committing: Bool, finally: @escaping @Sendable () -> Void) {
        post { worker in
            let leaving = worker.tasks.filter { $0.task.status.queryID == queryID }
            if committing { worker.commit(leaving.filter { $0.task.isCommitDue(isIdle: true) }) }
            worker.tasks.removeAll { $0.task.status.queryID == queryID }
            for entry in leaving { entry.task.retire() }
            worker.whenDurable(leaving.map(\.task), finally)
        }
    }

    func stop() { inbox.update { $0.isStopped = true } }
    func join() { thread?.join() }

    // MARK: On the worker's thread

    private func whenDurable(_ tasks: [QueryTask], _ call: @escaping () -> Void) {
        guard let latest = tasks.first(where: { $0.commitsDurable < $0.commitsMade }) else { return call() }
        let rest = tasks.filter { $0 !== latest }
        waiting.append(Waiting(task: latest, commits: latest.commitsMade) { [weak self] in self?.whenDurable(rest, call) })
    }

    private func loop() {
        while true {
            let (messages, news, isStopped) = takeInbox()
            for message in messages { message(self) }
            fireTimers()
            if !news.isEmpty {
                for index in tasks.indices where !tasks[index].isReady {
                    if tasks[index].task.description.inputs.contains(where: { news.contains($0.partition) }) { tasks[index].isReady = true }
                }
            }
            if isStopped {
                commit(tasks.filter { $0.task.isCommitDue(isIdle: true) })
                tasks.removeAll()
                return
            }
            runReady()
        }
    }

    private func fireTimers() {
        guard !timers.isEmpty else { return }
        let now = time.monotonicNanoseconds()
        let due = timers.filter { $0.due <= now }
        timers.removeAll { $0.due <= now }
        for timer in due { timer.call() }
    }

    /// Waits for work: not at all while a task is ready, and no longer than until the next timer is due.
    private func takeInbox() -> ([@Sendable (Worker) -> Void], Set<PartitionKey>, Bool) {
        func take(_ inbox: inout Inbox) -> ([@Sendable (Worker) -> Void], Set<PartitionKey>, Bool) {
            defer {
                inbox.messages.removeAll(keepingCapacity: true)
                inbox.news.removeAll(keepingCapacity: true)
            }
            return (inbox.messages, inbox.news, inbox.isStopped)
        }
        if tasks.contains(where: \.isReady) { return inbox.withLock { take(&$0) } }
        let left = timers.map(\.due).min().map { max(0, $0 - time.monotonicNanoseconds()) }
        return inbox.wait(nanoseconds: left, until: { $0.hasWork }, then: { take(&$0) })
    }

    /// One turn for every ready task, then the commits that are due.
    private func runReady() {
        var failed: [(Entry, QueryFailure)] = []
        var due: [Entry] = []
        for index in tasks.indices {
            let entry = tasks[index]
            guard entry.isReady else { continue }
            do throws(QueryFailure) {
                let confined = ConfinedTask(task: entry.task)
                let turn = try entry.task.turn { [weak self] in self?.wake(confined) }
                tasks[index].isReady = turn == .worked
                if entry.task.isCommitDue(isIdle: turn != .worked) { due.append(entry) }
            } catch {
                failed.append((entry, error))
            }
        }
        for (entry, failure) in failed {
            tasks.removeAll { $0.task === entry.task }
            due.removeAll { $0.task === entry.task }
            entry.task.retire()
            entry.run.fail(failure)
        }
        commit(due)
        tasks.removeAll { $0.task.isFinished }
    }

    private func wake(_ confined: ConfinedTask) {
        post { worker in
            for index in worker.tasks.indices where worker.tasks[index].task === confined.task { worker.tasks[index].isReady = true }
        }
    }

    /// Commits everything of these tasks, in one call to the log as far as they may be together.
    private func commit(_ entries: [Entry]) {
        let lonely = entries.filter { $0.task.commitsAlone }
        if lonely.isEmpty { return commitTogether(entries) }
        commitTogether(entries.filter { entry in !lonely.contains { $0.task === entry.task } })
        for entry in lonely { commitTogether([entry]) }
    }

    private func commitTogether(_ entries: [Entry]) {
        guard !entries.isEmpty else { return }
        var appends: [Append] = []
        var parts: [CommitPart] = []
        let generation = entries.map(\.task.generation).min()
        for entry in entries {
            let first = appends.count
            do throws(QueryFailure) { appends += try entry.task.takeAppends() } catch {
                tasks.removeAll { $0.task === entry.task }
                entry.task.retire()
                entry.run.fail(error)
                continue
            }
            parts.append(CommitPart(entry.task, of: entry.run, firstAppend: first))
        }
        let settled = parts
        log.commit(Commit(appends, generation: generation)) { [weak self] result in
            self?.post { worker in
                for part in settled { worker.settle(part, isAlone: settled.count == 1, result) }
            }
        }
    }

    private func settle(_ part: CommitPart, isAlone: Bool, _ result: Result<CommitReceipt, LogError>) {
        let task = part.task.task
        switch result {
        case .success(let receipt):
            part.showRows(receipt)
            task.commitsDurable = max(task.commitsDurable, part.number)
            part.publish()
            let ready = waiting.filter { $0.task === task && $0.commits <= task.commitsDurable }
            waiting.removeAll { $0.task === task && $0.commits <= task.commitsDurable }
            for waiter in ready { waiter.call() }
        case .failure(let error):
            // Nothing more of this task becomes durable. Whoever waits for that may wait for a task that has left already.
            let stranded = waiting.filter { $0.task === task }
            waiting.removeAll { $0.task === task }
            task.commitsDurable = task.commitsMade
            defer { for waiter in stranded { waiter.call() } }
            // Memory is ahead of the log now: the task is thrown away, and a new one starts from what is durable.
            guard tasks.contains(where: { $0.task === task }) else { return }
            tasks.removeAll { $0.task === task }
            task.retire()
            let refusal = QueryFailure(message: "the commit failed: \(error.message)")
            switch error.kind {
            case .withdrawn, .diskFull, .storage: part.run.retry(after: refusal, atOnce: error.kind == .withdrawn)
            default:
                if isAlone { return part.run.fail(refusal) }
                // Something is wrong with the commit, but whose part it is only shows when each is made alone.
                _ = part.run.status.content.withLock { $0.lonelyTasks.insert(part.identity) }
                part.run.retry(after: refusal, atOnce: true)
            }
        }
    }
}
