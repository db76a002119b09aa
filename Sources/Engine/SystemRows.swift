// The rows of the system tables, made when a question asks for them: values in the order of the columns of `SystemTable`.

import Analysis
import Bytes
import Catalog
import Functions
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Quantities
import Settings
import Values

extension StatementExecution {
    /// The rows of a system table now.
    func rows(of table: SystemTable) -> [[Value]] {
        switch table.kind {
        case .queries: queryRows()
        case .tasks: taskRows()
        case .topics: topicRows()
        case .partitions: partitionRows()
        case .connections: connectionRows()
        case .statements: statementRows()
        case .memory: memoryRows()
        case .settings: settingRows()
        case .functions: functionRows()
        case .views: engine.catalog.sortedViews.map { [.string($0.name), .array($0.reads.map { .string($0) }), .string($0.statement)] }
        }
    }

    // MARK: Queries

    private func queryRows() -> [[Value]] {
        let (queries, transients, broken) = engine.state.withLock { ($0.queries, $0.transients, $0.broken) }
        var rows = queries.values.sorted { $0.id < $1.id }.map(row)
        rows += transients.values.sorted { $0.id < $1.id }.map(row)
        for entry in broken {
            var row: [Value] = [.string(entry.queryID ?? entry.key), .string("PERSISTENT"), .string("ERROR"), .array([])]
            row += Array(repeating: .null, count: 11)
            rows.append(row + [.string(entry.reason), .string(entry.statement)])
        }
        return rows
    }

    private func row(of query: PersistentQuery) -> [Value] {
        let status = query.run.status
        let content = status.content.withLock { $0 }
        let parts = (try? engine.progress(of: query, content, internalTopics: true)) ?? []
        let troubles = troubles(of: query.id, content)
        var row: [Value] = [.string(query.id), .string("PERSISTENT"), .string(content.state.name)]
        row += [.array(query.reads.map { .string($0) }), .optional(query.writes)] + counters(content)
        row += [.bigint(parts.reduce(0) { $0.addingSaturated($1.lag) }), .optional(parts.compactMap { engine.lagMilliseconds($0) }.max())]
        row += [.bigint(content.counters.commits), .bigint(Int64(status.memory.bytes)), .bigint(Int64(status.memory.diskBytes))]
        row += skips(content.counters)
        return row + [.optional(troubles.isEmpty ? content.counters.firstProblem : troubles.joined(separator: "; ")), .string(query.statement)]
    }

    private func row(of query: TransientQuery) -> [Value] {
        let content = query.run?.status.content.withLock { $0 }
        let memory = query.run?.status.memory
        var row: [Value] = [.string(query.id), .string(query.isPush ? "PUSH" : "PULL"), .string("RUNNING"), .array([]), .null]
        row += content.map(counters) ?? [.null, .null, .null]
        row += [.null, .null, .null, .optional(memory.map { Int64($0.bytes) }), .optional(memory.map { Int64($0.diskBytes) })]
        row += content.map { skips($0.counters) } ?? [.null, .null]
        return row + [.optional(content?.counters.firstProblem), .string(query.statement)]
    }

    private func counters(_ content: QueryStatus.Content) -> [Value] {
        [
            .bigint(content.counters.recordsRead), .bigint(content.counters.recordsWritten),
            .double(content.rate.perSecond(at: engine.configuration.time.monotonicNanoseconds())),
        ]
    }

    private func skips(_ counters: QueryCounters) -> [Value] {
        let causes = counters.errors.sorted { $0.key < $1.key }.map { MapEntry(.string($0.key), .bigint(Int64($0.value))) }
        return [.bigint(Int64(counters.skipped)), .map(causes)]
    }

    private func taskRows() -> [[Value]] {
        let queries = engine.state.withLock { Array($0.queries.values) }.sorted { $0.id < $1.id }
        return queries.flatMap { query -> [[Value]] in
            let content = query.run.status.content.withLock { $0 }
            let parts = (try? engine.progress(of: query, content, internalTopics: true)) ?? []
            return parts.map { part in
                [
                    .string(query.id), .string(part.topic.name), .integer(Int32(clamping: part.partition.index)), .bigint(part.position.count),
                    .bigint(part.bounds.durableEnd.count), .bigint(part.lag), .optional(engine.lagMilliseconds(part)),
                    part.streamTime.map { .timestamp($0) } ?? .null,
                ]
            }
        }
    }

    // MARK: The log

    private func topicRows() -> [[Value]] {
        let queries = engine.state.withLock { Array($0.queries.values) }
        return engine.log.describeTopics().map { topic in
            let records = topic.partitions.reduce(Int64(0)) { $0.addingSaturated($1.bounds.durableEnd - $1.bounds.start) }
            return [
                .string(topic.name), .integer(Int32(clamping: topic.partitions.count)), .bigint(records),
                .bigint(Int64(topic.partitions.reduce(ByteCount.zero) { $0 + $1.byteCount }.count)), .string(topic.config.cleanupPolicy.rawValue),
                .optional(topic.config.retention?.count),
                .bigint(Int64(queries.count { $0.plan.sources.contains { $0.topic == topic.name } })), .boolean(SystemTopics.isHidden(topic.name)),
            ]
        }
    }

    private func partitionRows() -> [[Value]] {
        engine.log.describeTopics().flatMap { topic in
            zip(topic.partitionIndexes, topic.partitions).map { index, partition in
                [
                    .string(topic.name), .integer(Int32(clamping: index.index)), .bigint(partition.bounds.start.count),
                    .bigint(partition.bounds.durableEnd.count), .bigint(partition.bounds.durableEnd - partition.bounds.start),
                    .bigint(Int64(partition.byteCount.count)), .integer(Int32(clamping: partition.segmentCount)), .optional(partition.damage),
                ]
            }
        }
    }

    // MARK: Clients

    private func connectionRows() -> [[Value]] {
        let connections = engine.connections.withLock { $0 }
        return connections.values.sorted { $0.number < $1.number }.map { connection in
            [
                .bigint(Int64(connection.number)), .string(connection.proto), .optional(connection.client), .timestamp(connection.connectedAt),
                .bigint(Int64(connection.requests())),
            ]
        }
    }

    private func statementRows() -> [[Value]] {
        let now = engine.configuration.time.monotonicNanoseconds()
        return engine.history.records.map { record in
            let milliseconds = Double(record.nanoseconds ?? now - record.began) / 1e6
            let outcome: [Value]
            var state = "RUNNING"
            switch record.state {
            case .running: outcome = [.null, .null, .null]
            case .done(let rows): (state, outcome) = ("DONE", [.bigint(Int64(rows)), .null, .null])
            case .failed(let code, let message): (state, outcome) = ("FAILED", [.null, .string(code), .string(message)])
            }
            return [
                .bigint(record.number), .optional(record.connection.map { Int64($0) }), .string(state), .timestamp(record.startedAt),
                .double(milliseconds),
            ] + outcome + [.string(record.text)]
        }
    }

    // MARK: The server

    private func memoryRows() -> [[Value]] {
        engine.memory.holdings.flatMap { holding -> [[Value]] in
            let kind =
                switch holding.user {
                case .query: "QUERY"
                case .client: "CLIENT"
                case .cache: "CACHE"
                }
            func row(_ store: String?, _ bytes: Int, onDisk: Bool) -> [Value] {
                [.string(holding.name), .string(kind), .optional(store), .bigint(Int64(bytes)), .boolean(onDisk)]
            }
            return holding.stores.sorted { $0.key < $1.key }.map { row($0.key, $0.value, onDisk: false) }
                + (holding.diskBytes > 0 ? [row(nil, holding.diskBytes, onDisk: true)] : [])
        }
    }

    private func settingRows() -> [[Value]] {
        let (own, server) = (session.state.withLock { $0.properties }, engine.serverProperties)
        return SettingTable.entries.filter(\.isRead).sorted { $0.name < $1.name }.map { entry in
            let origin = own[entry.name] != nil ? "SESSION" : server[entry.name] != nil ? "SERVER" : "DEFAULT"
            return [
                .string(entry.name), .optional(session.property(entry.name)), .optional(entry.defaultText), .string(origin),
                .string(entry.scope == .server ? "SERVER" : "SESSION"), .string(entry.meaning), .optional(entry.kind.choices?.joined(separator: ", ")),
            ]
        }
    }

    private func functionRows() -> [[Value]] {
        let isFull = context.isFull
        return engine.configuration.functions.all.filter { isFull || !$0.isOwn }.flatMap { family in
            family.signatures.map { signature in
                [
                    .string(family.name), .string(family.kind.rawValue), .string(family.category.rawValue), .string(family.text(of: signature)),
                    .string(signature.result.description), .string(family.summary),
                ]
            }
        }
    }
}

extension Value {
    fileprivate static func optional(_ text: String?) -> Value { text.map { .string($0) } ?? .null }
    fileprivate static func optional(_ number: Int64?) -> Value { number.map { .bigint($0) } ?? .null }
}
