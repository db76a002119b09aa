// The fixed pool of worker threads, and the threads beside them: those on which queries restore their state, the one that writes snapshots,
// and that of the timers. A worker never waits for a disk.

package import LogStore
package import Platform

/// The threads that run tasks.
package final class WorkerPool: Sendable {
    let log: any EventLog
    private let workers: [Worker]
    private let subscription: Monitor<NewsSubscription?>
    private let turnOfNext = Monitor(0)
    /// Two, so that a restore that waits for the disk does not keep all others waiting; they share the processor with the workers.
    private let restores: ThreadPool
    private let snapshots: ThreadPool
    private let timers: Timers
    private let isStopping = Monitor(false)

    /// Starts `count` workers on threads of `scheduler`. A worker goes on without a task that has not come back from its slice after
    /// `handOffNanoseconds`: 10 ms, half of what a new row may wait for beside any load. What tasks read together counts in `budget`.
    /// `turns` hears how long the workers are busy with one thing. Errors: the system refuses a thread.
    package init(
        count: Int, log: any EventLog, time: any TimeSource, budget: MemoryBudget = MemoryBudget(), handOffNanoseconds: Int64 = 10_000_000,
        turns: (any TurnObserver)? = nil, scheduler: any Scheduler = HostScheduler()
    ) throws(SystemError) {
        self.log = log
        restores = ThreadPool("restore", limit: 2, scheduler: scheduler)
        snapshots = ThreadPool("snapshots", limit: 1, scheduler: scheduler)
        timers = try Timers(scheduler)
        var workers: [Worker] = []
        let shared = MemoryShare(of: "records that queries read together", in: budget, for: .cache)
        // All caches together are an eighth of the limit at most.
        let most = SharedRuns.byteLimit(of: budget.limit, workers: max(1, count))
        for index in 0..<max(1, count) {
            workers.append(
                try Worker(
                    name: "worker-\(index)", log: log, time: time, sharedRuns: SharedRuns(byteLimit: most, memory: MemoryHold(shared)),
                    snapshots: snapshots, timers: timers, handOffNanoseconds: handOffNanoseconds, turns: turns, scheduler: scheduler))
        }
        self.workers = workers
        // The account of memory must not keep what it empties.
        let empty = workers.map { worker -> @Sendable () -> Void in { [weak runs = worker.sharedRuns] in runs?.releaseAll() } }
        shared.lend { for cache in empty { cache() } }
        subscription = Monitor(nil)
        let listening = workers
        let subscribed = log.subscribe { news in
            let partition = PartitionKey(topic: news.topic, partition: news.partition)
            for worker in listening { worker.notify(partition) }
        }
        subscription.update { $0 = subscribed }
    }

    /// Gives each task to a worker, in turn. Tasks of an epoch that has ended are dropped.
    func start(_ tasks: [QueryTask], of run: QueryRun, in epoch: RunEpoch) {
        let first = turnOfNext.update { next in
            defer { next = (next + tasks.count) % workers.count }
            return next
        }
        let places = tasks.indices.map { (first + $0) % workers.count }
        let confined = tasks.map(ConfinedTask.init)
        guard epoch.place(on: Set(places).sorted().map { workers[$0] }) else {
            for task in tasks { task.retire() }
            return
        }
        for (place, task) in zip(places, confined) { workers[place].adopt(task, of: run, in: epoch) }
        // Ended meanwhile: the message that removes the tasks may have come before the tasks did.
        if epoch.isEnded { remove(epoch, committing: false) {} }
    }

    /// Calls `body`, which must not wait, when so much time has passed, whatever the workers are doing.
    func after(nanoseconds delay: Int64, _ body: @escaping @Sendable () -> Void) { timers.after(nanoseconds: delay, body) }

    /// Does one step of a restore beside the workers, after the steps of other queries that wait already.
    func restore(_ step: @escaping @Sendable () -> Void) {
        if !isStopping.withLock({ $0 }) { restores.run(step) }
    }

    /// Commits what the tasks of an epoch have processed; `finally` is called when all of it is durable or refused. `whenHeldUp` is called
    /// when that may have to wait for the end of something long, once or more often.
    func commit(_ epoch: RunEpoch, whenHeldUp: @escaping @Sendable () -> Void, finally: @escaping @Sendable () -> Void) {
        let workers = epoch.workers
        let each = countdown(workers.count, finally)
        for worker in workers { worker.commit(epoch, whenHeldUp: whenHeldUp, finally: each) }
    }

    /// Takes the tasks of an epoch away from their workers, with what they have not committed; `finally` is called when none of them can do
    /// anything more. One that is in the middle of something long may still be at it then.
    func remove(_ epoch: RunEpoch, committing: Bool, finally: @escaping @Sendable () -> Void) {
        let workers = epoch.end()
        let each = countdown(workers.count, finally)
        for worker in workers { worker.remove(epoch, committing: committing, finally: each) }
    }

    /// Drops the tasks of an ending epoch that are in the middle of something long, so that its removal goes on without them.
    func abandon(_ epoch: RunEpoch) {
        for worker in epoch.workers { worker.abandon(epoch) }
    }

    /// What is to be called `count` times; the last call, or this one when there is none to come, calls `finally`.
    private func countdown(_ count: Int, _ finally: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        if count == 0 { finally() }
        let waiting = Monitor(count)
        return {
            let left = waiting.update { count in
                count -= 1
                return count
            }
            if left == 0 { finally() }
        }
    }

    /// Lets every worker commit what it has, and ends the threads, within five seconds: what is in the middle of something long is
    /// cancelled after a third of one, and done again after the next start. Every message that a worker has received is answered.
    package func stop() {
        isStopping.update { $0 = true }
        if let subscribed = subscription.withLock({ $0 }) { log.unsubscribe(subscribed) }
        for worker in workers { worker.stop() }
        for (wait, isLast) in [(WorkerPool.patience, false), (WorkerPool.lastPatience, true)] {
            for worker in workers where !worker.waitForEnd(nanoseconds: wait) && !isLast { worker.cancelAll() }
        }
        for worker in workers where worker.hasEnded { worker.join() }
        timers.stop()
        restores.close()
        snapshots.close()
    }

    /// Nanoseconds that a stop waits for work under way, before and after cancelling it.
    private static let patience: Int64 = 300_000_000, lastPatience: Int64 = 3_000_000_000
}

/// A new task for its worker. Handed over once: the thread that made it keeps no reference.
struct ConfinedTask: @unchecked Sendable {
    let task: QueryTask
}
