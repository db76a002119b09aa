// A query that runs: its status, and how its tasks are made again after a pause or a failure.

import LogStore
import Platform

/// One running query, persistent or transient. Its tasks live on the workers; this is what the engine holds on to.
package final class QueryRun: Sendable {
    package let status: QueryStatus
    /// Nil where a harness drives the tasks itself.
    private let pool: WorkerPool?
    /// Makes the tasks from what is durable: positions, changelogs, topics.
    private let makeTasks: @Sendable () throws(QueryFailure) -> [QueryTask]
    /// Records that new tasks leave out, with the reasons. They stay here in case that the query fails again before it is past them.
    private let skips = Monitor<[PartitionKey: [Int64: String]]>([:])
    /// Told when the query stops by itself.
    private let onFailure: @Sendable (QueryFailure) -> Void
    /// Told when the query has met an obstacle and will try again by itself.
    private let onObstacle: @Sendable (QueryFailure) -> Void
    /// How often tasks were made, and whether that is about to happen again: tasks fail one by one, but start anew together and once.
    private let starts = Monitor<(count: Int, isDue: Bool)>((0, false))

    package init(
        status: QueryStatus, pool: WorkerPool?, onFailure: @escaping @Sendable (QueryFailure) -> Void = { _ in },
        onObstacle: @escaping @Sendable (QueryFailure) -> Void = { _ in },
        makeTasks: @escaping @Sendable () throws(QueryFailure) -> [QueryTask]
    ) {
        self.status = status
        self.pool = pool
        self.makeTasks = makeTasks
        self.onFailure = onFailure
        self.onObstacle = onObstacle
    }

    /// Makes the tasks and hands them to the workers. A failure to make them is the query's failure. A query that has been terminated
    /// does not start any more, however close the two come: nobody would ever stop it again.
    package func start() {
        if status.state == .terminated { return }
        starts.update { $0 = ($0.count + 1, false) }
        do throws(QueryFailure) {
            let tasks = try makeTasks()
            let skips = skips.withLock { $0 }
            for task in tasks {
                for place in task.description.inputs.indices {
                    task.description.inputs[place].skips = skips[task.description.inputs[place].partition] ?? [:]
                }
            }
            let isWanted = status.content.update { content in
                if content.state == .terminated { return false }
                content.state = .running
                for task in tasks {
                    for (partition, position) in task.positions where content.durablePositions[partition] == nil {
                        content.durablePositions[partition] = position
                    }
                }
                return true
            }
            guard isWanted else { return }
            pool?.start(tasks, of: self)
            // Terminated meanwhile: its message to the workers may have come before the tasks did.
            if status.state == .terminated { remove(committing: false) {} }
        } catch {
            fail(error)
        }
    }

    /// Has the tasks that are made from now on leave out one record, which is reported with the reason.
    package func leaveOut(_ partition: PartitionKey, offset: Int64, reason: String) {
        skips.update { $0[partition, default: [:]][offset] = reason }
    }

    /// Stops the tasks after committing what they have; `finally` is called when that is durable.
    package func pause(finally: @escaping @Sendable () -> Void) {
        status.content.update { if $0.state == .running { $0.state = .paused } }
        remove(committing: true, finally)
    }

    /// Stops the tasks for good. What is not committed is dropped with them.
    package func terminate(finally: @escaping @Sendable () -> Void) {
        status.content.update { $0.state = .terminated }
        remove(committing: false, finally)
    }

    private func remove(committing: Bool, _ finally: @escaping @Sendable () -> Void) {
        guard let pool else { return finally() }
        pool.remove(status.queryID, committing: committing, finally: finally)
    }

    /// The query cannot go on; it stays where it is until somebody resumes it.
    func fail(_ failure: QueryFailure) {
        if failure.isWithdrawn { return retry(after: failure, atOnce: true) }
        let isRunning = status.content.update { content in
            guard content.state == .running else { return false }
            content.state = .failed(failure)
            return true
        }
        guard isRunning else { return }
        remove(committing: false) { [self] in onFailure(failure) }
    }

    /// A commit was refused through no fault of the query: its tasks are made anew from what is durable, at once when the commit merely
    /// rested on another that failed, else after a while that grows as long as the obstacle stays.
    func retry(after refusal: QueryFailure, atOnce: Bool) {
        let delay: Int64? = status.content.update { content in
            guard content.state == .running else { return nil }
            if !atOnce || content.refusedCommits > 1 { content.obstacle = refusal.description }
            content.refusedCommits += 1
            let isFirst = atOnce && content.refusedCommits == 1
            return isFirst ? 0 : min(QueryRun.longestDelay, QueryRun.shortestDelay << Int64(min(content.refusedCommits, 16)))
        }
        guard let delay else { return }
        let number = starts.update { starts -> Int? in
            if starts.isDue { return nil }
            starts.isDue = true
            return starts.count
        }
        guard let number else { return }
        if delay > 0 { onObstacle(refusal) }
        remove(committing: false) { [self] in
            pool?.after(nanoseconds: delay) { [self] in restart(number) }
        }
    }

    /// Nanoseconds before a refused commit is tried again.
    private static let shortestDelay: Int64 = 20_000_000, longestDelay: Int64 = 2_000_000_000

    /// Starts again, unless somebody has paused, ended or started the query meanwhile.
    private func restart(_ number: Int) {
        let isWanted = starts.withLock { $0.count == number && $0.isDue }
        if isWanted && status.state == .running { start() }
    }

    /// Has the tasks commit what they have processed; `finally` is called when that is durable, or has been refused.
    package func commit(finally: @escaping @Sendable () -> Void) {
        guard let pool else { return finally() }
        pool.commit(status.queryID, finally: finally)
    }
}
