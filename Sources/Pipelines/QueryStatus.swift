// The status of a query: its state, its counters, and how far it has durably come. Its run and its tasks write it, statements,
// listings and metrics read it, and statements wait here for a query to reach a state or a position.

package import LogStore
package import Operators
package import Platform
package import Quantities

/// Why a query stopped by itself.
package struct QueryFailure: Error, Hashable, Sendable {
    /// What went wrong, as a message.
    package var message: String
    /// The record at which it happened, where there is one.
    package var topic: String?
    package var partition: PartitionIndex?
    package var offset: Offset?
    /// What the query had read was taken back by the log: nothing is wrong with the query, which starts again from what is durable.
    var isWithdrawn = false
    /// The partition of that record.
    var place: PartitionKey?
    /// The query was stopped from outside in the middle of its work: the task is dropped without an error.
    var isCancelled = false
    /// Its state would have passed the memory limit.
    package var excess: MemoryExcess?
    /// One micro-batch made more than a commit can hold: the task starts again and takes one record at a time.
    var isOutputTooLarge = false

    /// A failure, with the record at which it happened where there is one.
    package init(message: String, topic: String? = nil, partition: PartitionIndex? = nil, offset: Offset? = nil) {
        self.message = message
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// State that does not fit.
    package init(_ excess: MemoryExcess) {
        self.init(message: excess.reason)
        self.excess = excess
    }

    /// One line with everything.
    package var description: String {
        guard let topic else { return message }
        return "\(message) (topic \(topic), partition \(partition ?? .first), offset \(offset ?? .first))"
    }
}

/// What a query is doing.
package enum QueryState: Hashable, Sendable {
    /// It exists and has not been started.
    case created
    /// It processes records, or is on its way there: restoring its state, or waiting for a refused commit to be tried again.
    case running
    case paused
    case failed(QueryFailure)
    case terminated

    /// The word that listings show.
    package var name: String {
        switch self {
        case .created: "CREATED"
        case .running: "RUNNING"
        case .paused: "PAUSED"
        case .failed: "ERROR"
        case .terminated: "TERMINATED"
        }
    }

    /// Whether a start is possible from here. A query that runs is not started a second time, one that was terminated never again.
    package var canStart: Bool {
        switch self {
        case .created, .paused, .failed: true
        case .running, .terminated: false
        }
    }
}

/// Exact counts of what a query did.
package struct QueryCounters: Hashable, Sendable {
    package var recordsRead: Int64 = 0
    package var recordsWritten: Int64 = 0
    package var commits: Int64 = 0
    /// Rows that could not be processed, by cause.
    package var errors: [String: Int] = [:]
    /// The first row that a transient query could not process: where, and why.
    package var firstProblem: String?

    /// Rows that could not be processed, of whatever cause.
    package var skipped: Int { errors.values.reduce(0, +) }
}

/// What a task has done between two commits.
struct TaskCounts: Sendable {
    var recordsRead = 0
    var recordsWritten = 0
    /// Rows that could not be processed.
    var errors: [RowErrorCause: Int] = [:]
}

extension QueryCounters {
    /// Counts what a task has done.
    mutating func add(_ counts: TaskCounts) {
        recordsRead += Int64(counts.recordsRead)
        recordsWritten += Int64(counts.recordsWritten)
        for (cause, count) in counts.errors { errors[cause.rawValue, default: 0] += count }
    }
}

/// The status of one query, shared by its tasks, listings and metrics.
package final class QueryStatus: Sendable {
    /// What there is to know about a query at one moment.
    package struct Content: Sendable {
        package var state: QueryState = .created
        /// Its tasks are being made and their state is read back; until that is done it can neither process nor answer.
        package var isRestoring = false
        package var counters = QueryCounters()
        /// Records read lately.
        package var rate = RateMeter()
        /// The offset up to which each input is processed and durable.
        package var durablePositions: [PartitionKey: Offset] = [:]
        /// By input: the latest time, in milliseconds, of the rows that the windows and joins of its task have seen.
        package var streamTimes: [PartitionKey: Int64] = [:]
        /// What the query waits for before it tries again, for example for room on a full disk. Nil while it goes on.
        package var obstacle: String?
        /// Schemas that records wait for, each with its reason, by the partitions of the records.
        package var awaitedSchemas: [PartitionKey: String] = [:]
        /// Why the latest snapshot of state could not be written.
        package var snapshotProblem: String?
        /// Why the server, and not a user, left the query paused.
        package var pauseReason: String?
        /// Why the server paused the query: its state does not fit the memory limit.
        package var excess: MemoryExcess?
    }

    package let queryID: String
    /// What it holds of the server's memory.
    package let memory: MemoryShare
    /// Threads wait on it for a query to have caught up.
    package let content = Monitor(Content())
    /// Watchers, to be called once the content satisfies their conditions.
    private let watchers = Monitor<[Watcher]>([])

    private struct Watcher: Sendable {
        let holds: @Sendable (borrowing Content) -> Bool
        let call: @Sendable () -> Void
    }

    /// By what the handler of deadly signals knows the query while no task of it works.
    let crashLabel: CrashLabel

    /// Called after every change, on the thread that made it; must not wait.
    private let onChange: @Sendable () -> Void

    /// The status of the query `queryID`, whose memory counts in a budget: without one, in none that anybody looks at.
    package init(
        queryID: String, budget: MemoryBudget = MemoryBudget(), for user: MemoryUser = .query, onChange: @escaping @Sendable () -> Void = {}
    ) {
        self.queryID = queryID
        memory = MemoryShare(of: queryID, in: budget, for: user)
        self.onChange = onChange
        crashLabel = CrashLabel(queryID)
    }

    package var state: QueryState { content.withLock { $0.state } }
    package var counters: QueryCounters { content.withLock { $0.counters } }

    /// Calls `body` once as soon as `holds` is true of the content: at once on this thread, or later on the thread that makes it true.
    /// `body` must not wait. This is how a statement waits for a query without keeping a thread.
    package func whenever(_ holds: @escaping @Sendable (borrowing Content) -> Bool, call body: @escaping @Sendable () -> Void) {
        watchers.withLock { $0.append(Watcher(holds: holds, call: body)) }
        callWatchers()
    }

    /// Changes the content, and notifies its watchers.
    func update<Result>(_ change: (inout Content) -> Result) -> Result {
        let result = content.update(change)
        callWatchers()
        return result
    }

    /// Calls those whose condition holds now; not to be called while a lock is held.
    func callWatchers() {
        let calls = watchers.withLock { watchers -> [Watcher] in
            guard !watchers.isEmpty else { return [] }
            let (ready, waiting) = content.withLock { content in
                var split: (ready: [Watcher], waiting: [Watcher]) = ([], [])
                for watcher in watchers { if watcher.holds(content) { split.ready.append(watcher) } else { split.waiting.append(watcher) } }
                return split
            }
            watchers = waiting
            return ready
        }
        for watcher in calls { watcher.call() }
        onChange()
    }
}

extension RowError {
    /// Place and reason in one line: ``column `N`: not a number (topic t, partition 0, offset 7)``.
    package func text(topic: String?) -> String {
        let reason = (column.map { "column `\($0)`: " } ?? "") + message
        guard let topic, let offset else { return reason }
        return "\(reason) (topic \(topic), partition \(partition ?? .first), offset \(offset))"
    }
}
