// Persistent queries as the engine keeps them: made, started, stopped.

import Bytes
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Quantities
import Settings
import Values

extension MillraceEngine {
    /// A persistent query of that plan, not started yet.
    func makeQuery(
        _ plan: QueryPlan, statement: String, properties: [String: String], reads: [String], writes: String?
    ) -> PersistentQuery {
        let launcher = QueryLauncher(engine: self)
        let status = QueryStatus(queryID: plan.id)
        let rows = TableRows(log: log)
        let run = makeRun(status, properties) { [launcher] () throws(QueryFailure) in
            try launcher.tasks(of: plan, properties: properties, rows: rows, status: status)
        }
        return PersistentQuery(
            id: plan.id, statement: statement, plan: plan, properties: properties, reads: reads, writes: writes, run: run,
            rows: rows, order: order(of: plan.id))
    }

    private func order(of id: String) -> Int {
        state.update { state in
            if let old = state.queries[id] { return old.order }
            state.nextOrder += 1
            return state.nextOrder
        }
    }

    private func makeRun(
        _ status: QueryStatus, _ properties: [String: String], _ makeTasks: @escaping @Sendable () throws(QueryFailure) -> [QueryTask]
    ) -> QueryRun {
        let settings = SettingValues(properties)
        let shortest = settings[.retryBackoff], longest = max(shortest, settings[.longestRetryBackoff])
        let logLine = configuration.logLine
        let crashes = configuration.crashes
        return QueryRun(
            status: status, group: status.queryID, pool: pool,
            events: QueryEvents(
                onFailure: { failure in logLine(.error, "event=query_failed query=\(status.queryID) reason=\"\(failure.description)\"") },
                onObstacle: { failure in logLine(.warning, "event=query_waits query=\(status.queryID) reason=\"\(failure.description)\"") },
                onFirstCommit: {
                    do throws(SystemError) { try crashes?.clear(status.queryID) } catch {
                        logLine(.warning, "event=crash_record_not_written query=\(status.queryID) reason=\"\(error)\"")
                    }
                }),
            retryDelays: shortest.nanoseconds...longest.nanoseconds, makeTasks: makeTasks)
    }

    /// Starts the query behind a SOURCE TABLE, which keeps the table's rows readable.
    func startSourceTable(_ source: SourceDefinition, _ id: String, properties: [String: String]) throws(Diagnostic) {
        let step = sourceStep(for: source, store: nil, failsOnInvalidTimestamp: false)
        let sink = SinkDescription(
            sourceName: source.name, topic: source.topic, kind: .table, keyFormat: source.keyFormat, valueFormat: source.valueFormat,
            timestamp: nil, window: source.window)
        let plan = QueryPlan(id: id, root: .source(step), destination: .sink(sink), resultKind: .table)
        let launcher = QueryLauncher(engine: self)
        let status = QueryStatus(queryID: id)
        let rows = TableRows(log: log)
        let run = makeRun(status, properties) { [launcher] () throws(QueryFailure) in
            try launcher.sourceTableTasks(plan, rows: rows, status: status)
        }
        let query = PersistentQuery(
            id: id, statement: source.statement, plan: plan, properties: properties, reads: [source.name], writes: nil, run: run,
            rows: rows, order: order(of: id))
        state.update { state in
            state.queries[id] = query
            state.catalog.set(QueryDefinition(id: id, statement: source.statement, reads: [source.name], writes: nil))
        }
        begin(query)
    }

    /// Starts a query that was made or brought back, unless the server is to leave that to its users.
    func begin(_ query: PersistentQuery) {
        if configuration.startsPaused {
            query.run.pause(reason: "the server starts no query by itself") {}
        } else {
            query.run.start()
        }
    }

    /// Stops a query and waits until its threads have let go of it.
    func stopQuery(_ id: String) {
        guard let query = state.withLock({ $0.queries[id] }) else { return }
        let isGone = Monitor(false)
        query.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
    }
}

extension MillraceEngine {
    /// Waits until every query upstream of a source has durably worked off what its inputs hold now; false when the time is up. Upstream
    /// of the stream of errors are all queries.
    func awaitUpstream(of source: String, nanoseconds: Int64) -> Bool {
        if catalog.sources[source]?.topic == errorsTopic { return drain(nanoseconds: nanoseconds) }
        let deadline = configuration.time.monotonicNanoseconds() + nanoseconds
        var path: [PersistentQuery] = []
        func climb(_ name: String, seen: inout Set<String>) {
            let queries = state.withLock { state in
                state.queries.values.filter { $0.writes == name || ($0.writes == nil && $0.reads.contains(name)) }
            }
            for query in queries.sorted(by: { $0.id < $1.id }) where seen.insert(query.id).inserted {
                for upstream in query.reads where upstream != name { climb(upstream, seen: &seen) }
                path.append(query)
            }
        }
        var seen: Set<String> = []
        climb(source, seen: &seen)
        for query in path {
            if !awaitCaughtUp(query, deadline: deadline) { return false }
        }
        return true
    }

    /// Waits until a query has durably worked off what its inputs hold now. A query that does not run is not waited for.
    func awaitCaughtUp(_ query: PersistentQuery, deadline: Int64) -> Bool {
        var targets: [PartitionKey: Int64] = [:]
        for pipeline in QueryLauncher(engine: self).pipelines(of: query.plan) {
            for topicName in pipeline.topics {
                guard let topic = log.describeTopic(named: topicName) else { continue }
                for (index, partition) in topic.partitions.enumerated() {
                    targets[PartitionKey(topic: topic.id, partition: index)] = partition.bounds.durableEnd
                }
            }
            let wanted = targets
            let isThere: (borrowing QueryStatus.Content) -> Bool = { content in
                content.state != .running || wanted.allSatisfy { (content.durablePositions[$0.key] ?? 0) >= $0.value }
            }
            let left = max(0, deadline - configuration.time.monotonicNanoseconds())
            let caughtUp = query.run.status.content.wait(nanoseconds: left, until: isThere) { isThere($0) }
            if !caughtUp { return false }
        }
        return true
    }

    /// Waits until all running queries have worked off everything; false when the time (nanoseconds) is up.
    package func drain(nanoseconds: Int64) -> Bool {
        let deadline = configuration.time.monotonicNanoseconds() + nanoseconds
        let queries = state.withLock { Array($0.queries.values) }
        // A query may feed another: as many rounds as the longest chain can be long.
        for _ in 0...queries.count {
            for query in queries.sorted(by: { $0.id < $1.id }) where !awaitCaughtUp(query, deadline: deadline) { return false }
        }
        return true
    }
}
