// The shared face of a query: its state, its counters, and how far its tasks have durably come. Tasks write it, everybody reads it.

import LogStore
import Operators
package import Platform

/// Why a query stopped by itself.
package struct QueryFailure: Error, Hashable, Sendable {
    package var message: String
    /// The record at which it happened, where there is one.
    package var topic: String?
    package var partition: Int?
    package var offset: Int64?
    /// What the query had read was taken back by the log: nothing is wrong with the query, which starts again from what is durable.
    var isWithdrawn = false

    package init(message: String, topic: String? = nil, partition: Int? = nil, offset: Int64? = nil) {
        self.init(message: message, topic: topic, partition: partition, offset: offset, isWithdrawn: false)
    }

    init(message: String, topic: String?, partition: Int?, offset: Int64?, isWithdrawn: Bool) {
        self.message = message
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.isWithdrawn = isWithdrawn
    }

    /// One line with everything.
    package var description: String {
        guard let topic else { return message }
        return "\(message) (topic \(topic), partition \(partition ?? 0), offset \(offset ?? 0))"
    }
}

/// What a query is doing.
package enum QueryState: Hashable, Sendable {
    case running
    case paused
    case failed(QueryFailure)
    case terminated

    /// The word that listings show.
    package var name: String {
        switch self {
        case .running: "RUNNING"
        case .paused: "PAUSED"
        case .failed: "ERROR"
        case .terminated: "TERMINATED"
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
    /// Bytes of state held in memory.
    package var stateBytes: Int = 0

    package var skipped: Int { errors.values.reduce(0, +) }
}

/// The status of one query, shared by its tasks and whoever asks.
package final class QueryStatus: Sendable {
    package struct Content: Sendable {
        package var state: QueryState = .running
        package var counters = QueryCounters()
        /// The offset up to which each input is processed and durable.
        package var durablePositions: [PartitionKey: Int64] = [:]
        /// What the query waits for before it tries again: its commits are refused by a disk that is full, say. Nil while it goes on.
        package var obstacle: String?
        /// Commits that were refused since the last one that was not.
        var refusedCommits = 0
        /// Tasks, by what they read, whose work was in a commit that was refused for something wrong with it. It may be another task's: they
        /// commit by themselves until one has succeeded.
        var lonelyTasks: Set<[PartitionKey]> = []
        /// Why the latest snapshot of state could not be written.
        package var snapshotProblem: String?
    }

    package let queryID: String
    /// Waited on by those who want a query to have caught up.
    package let content = Monitor(Content())

    package init(queryID: String) { self.queryID = queryID }

    package var state: QueryState { content.withLock { $0.state } }
    package var counters: QueryCounters { content.withLock { $0.counters } }
}
