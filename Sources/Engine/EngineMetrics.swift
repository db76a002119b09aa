// What the engine measures about itself, as plain values: for the metrics page.

import LogStore
import Pipelines
package import Platform
package import Quantities

/// What is measured, at one moment.
package struct EngineMetrics: Sendable {
    /// A persistent query: its state and what it has done since the start of the process.
    package struct Query: Sendable {
        package var id: String
        /// `RUNNING`, `PAUSED` or `ERROR`.
        package var state: String
        package var recordsRead: Int64
        package var recordsWritten: Int64
        /// Records that it could not process, by cause, sorted by cause.
        package var skipped: [(cause: String, count: Int)]
        package var commits: Int64
        /// Records that it has still to read, and milliseconds since the timestamp of the oldest of these; 0 where there are none.
        package var lag: Int64
        package var lagMilliseconds: Int64
        /// Bytes of state in memory, in all and by store, sorted by name.
        package var stateBytes: Int
        package var stores: [(name: String, bytes: Int)]
        /// Bytes of state on disk.
        package var diskBytes: Int
        /// Whether the server has paused it because its state does not fit.
        package var isOverLimit: Bool
    }

    /// A topic of the log.
    package struct Topic: Sendable {
        package var name: String
        /// The size of its segments.
        package var bytes: ByteCount
        /// One past the last durable offset of each partition.
        package var endOffsets: [Offset]
    }

    /// Sorted by id.
    package var queries: [Query]
    package var topics: [Topic]
    /// Bytes of state of all queries, clients' ones and shared caches included, and how many there may be; nil for any number.
    package var stateBytes: Int
    package var memoryLimit: Int?
}

extension MillraceEngine {
    /// Measures now. It looks at every segment of the log: not for a thread that others wait for.
    package func metrics() -> EngineMetrics {
        let queries = state.withLock { Array($0.queries.values) }.sorted { $0.id < $1.id }.map { query -> EngineMetrics.Query in
            let status = query.run.status
            let content = status.content.withLock { $0 }
            let counters = content.counters
            let parts = (try? progress(of: query, content, internalTopics: true)) ?? []
            return EngineMetrics.Query(
                id: status.queryID, state: content.state.name, recordsRead: counters.recordsRead, recordsWritten: counters.recordsWritten,
                skipped: counters.errors.map { (cause: $0.key, count: $0.value) }.sorted { $0.cause < $1.cause },
                commits: counters.commits, lag: parts.reduce(0) { $0.addingSaturated($1.lag) },
                lagMilliseconds: parts.compactMap(lagMilliseconds).max() ?? 0, stateBytes: status.memory.bytes,
                stores: status.memory.stores.map { (name: $0.key, bytes: $0.value) }.sorted { $0.name < $1.name },
                diskBytes: status.memory.diskBytes, isOverLimit: content.excess != nil)
        }
        let topics = log.describeTopics().map { topic in
            EngineMetrics.Topic(
                name: topic.name, bytes: topic.partitions.reduce(.zero) { $0 + $1.byteCount },
                endOffsets: topic.partitions.map(\.bounds.durableEnd))
        }
        return EngineMetrics(queries: queries, topics: topics, stateBytes: memory.used, memoryLimit: memory.limit)
    }

    /// How many persistent queries there are.
    package var queryCount: Int { state.withLock { $0.queries.count } }

    /// The clock of the engine.
    package var clock: any TimeSource { configuration.time }

    /// Writes a line of the server's log.
    package func report(_ level: LogLevel, _ line: String) { configuration.logLine(level, line) }
}
