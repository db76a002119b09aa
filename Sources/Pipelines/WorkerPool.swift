// The fixed pool of worker threads. A worker owns its tasks: it takes one that has input, runs one micro-batch, moves on, and commits
// all that is due together. It sleeps when nothing is ready, and news from the log, messages and clients with room again wake it.

package import LogStore
package import Platform

/// The threads that run tasks.
package final class WorkerPool: Sendable {
    private let workers: [Worker]
    private let log: any EventLog
    private let subscription: Monitor<NewsSubscription?>
    private let turnOfNext = Monitor(0)

    /// Starts `count` workers. Errors: the system refuses a thread.
    package init(count: Int, log: any EventLog, time: any TimeSource) throws(SystemError) {
        self.log = log
        var workers: [Worker] = []
        for index in 0..<max(1, count) { workers.append(try Worker(name: "worker-\(index)", log: log, time: time)) }
        self.workers = workers
        subscription = Monitor(nil)
        let listening = workers
        let subscribed = log.subscribe { news in
            let partition = PartitionKey(topic: news.topic, partition: news.partition)
            for worker in listening { worker.tell(partition) }
        }
        subscription.update { $0 = subscribed }
    }

    /// Gives each task to a worker, in turn; `adopt` is told which.
    package func start(_ tasks: [QueryTask], of run: QueryRun) {
        for task in tasks {
            let index = turnOfNext.update { next in
                next += 1
                return (next - 1) % workers.count
            }
            workers[index].adopt(ConfinedTask(task: task), of: run)
        }
    }

    /// Calls `body` on a worker's thread when so much time has passed.
    func after(nanoseconds delay: Int64, _ body: @escaping @Sendable () -> Void) { workers[0].after(nanoseconds: delay, body) }

    /// Commits what the tasks of a query have processed; `finally` is called when all of it is durable or refused.
    func commit(_ queryID: String, finally: @escaping @Sendable () -> Void) {
        let each = countdown(finally)
        for worker in workers { worker.commit(queryID, finally: each) }
    }

    /// Takes the tasks of a query away from their workers, with what they have not committed; `finally` is called when all are gone.
    package func remove(_ queryID: String, committing: Bool, finally: @escaping @Sendable () -> Void) {
        let each = countdown(finally)
        for worker in workers { worker.remove(queryID, committing: committing, finally: each) }
    }

    /// What every worker calls once; the last of them calls `finally`.
    private func countdown(_ finally: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let waiting = Monitor(workers.count)
        return {
            let left = waiting.update { count in
                count -= 1
                return count
            }
            if left == 0 { finally() }
        }
    }

    /// Lets every worker commit what it has, and ends the threads.
    package func stop() {
        if let subscribed = subscription.withLock({ $0 }) { log.unsubscribe(subscribed) }
        for worker in workers { worker.stop() }
        for worker in workers { worker.join() }
    }
}

/// A task on its way to its worker. Handed over once: whoever made it keeps no reference.
struct ConfinedTask: @unchecked Sendable {
    let task: QueryTask
}
