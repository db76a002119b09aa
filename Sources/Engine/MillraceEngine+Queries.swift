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
        let status = status(of: plan.id)
        let rows = TableRows(log: log)
        let run = makeRun(status, properties) { [launcher] () throws(QueryFailure) in
            try launcher.tasks(of: plan, properties: properties, rows: rows, status: status)
        }
        return PersistentQuery(
            id: plan.id, statement: statement, plan: plan, properties: properties, reads: reads, writes: writes, run: run,
            rows: rows, order: order(of: plan.id))
    }

    /// The status of a persistent query, whose changes are news for those who wait.
    private func status(of id: String) -> QueryStatus {
        QueryStatus(queryID: id) { [waiting] in waiting.notify(.query(id)) }
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
                onFailure: { failure in logLine(.error, logText("query_failed", ["query": status.queryID, "reason": failure.description])) },
                onObstacle: { failure in logLine(.warning, logText("query_waits", ["query": status.queryID, "reason": failure.description])) },
                onFirstCommit: {
                    do throws(SystemError) { try crashes?.clear(status.queryID) } catch {
                        logLine(.warning, logText("crash_record_not_written", ["query": status.queryID, "reason": "\(error)"]))
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
        let status = status(of: id)
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
    /// What has to be caught up for the sources to be up to date, each behind what it reads from. Upstream of the stream of errors are all
    /// queries.
    func stages(upstreamOf sources: [String]) -> [CatchUpStage] {
        let (catalog, queries) = state.withLock { ($0.catalog, $0.queries.values.sorted { $0.id < $1.id }) }
        let launcher = QueryLauncher(engine: self)
        var path: [CatchUpStage] = []
        var seen: Set<String> = []
        func climb(_ name: String) {
            let isErrors = catalog.sources[name]?.topic == errorsTopic
            for query in queries where isErrors || query.writes == name || (query.writes == nil && query.reads.contains(name)) {
                guard seen.insert(query.id).inserted else { continue }
                for upstream in query.reads where upstream != name { climb(upstream) }
                path += launcher.pipelines(of: query.plan).map { CatchUpStage(status: query.run.status, topics: $0.topics) }
            }
        }
        for source in sources { climb(source) }
        return path
    }

    /// Whether a stage has durably processed what its inputs hold now, as a question that can be asked again and again. A query that does not
    /// run is not waited for.
    func hasCaughtUp(_ stage: CatchUpStage) -> @Sendable () -> Bool {
        var targets: [PartitionKey: Int64] = [:]
        for name in stage.topics {
            guard let topic = log.describeTopic(named: name) else { continue }
            for (index, partition) in topic.partitions.enumerated() {
                targets[PartitionKey(topic: topic.id, partition: index)] = partition.bounds.durableEnd
            }
        }
        return { [targets, status = stage.status] in
            status.content.withLock { content in
                content.state != .running || targets.allSatisfy { (content.durablePositions[$0.key] ?? 0) >= $0.value }
            }
        }
    }

    /// Waits on this thread until all running queries have processed everything; false when the time (nanoseconds) is up.
    package func drain(nanoseconds: Int64) -> Bool {
        let (deadline, isEndless) = clock.monotonicNanoseconds().addingReportingOverflow(max(0, nanoseconds))
        let outcome = Monitor<WaitOutcome?>(nil)
        let stages = stages(upstreamOf: catalog.sortedSources.map(\.name))
        drain(stages[...], waiting.ticket(), isEndless ? nil : deadline) { result in outcome.update { $0 = result } }
        return outcome.wait(until: { $0 != nil }) { $0 == .holds }
    }

    private func drain(
        _ stages: ArraySlice<CatchUpStage>, _ ticket: WaitingRoom.Ticket, _ deadline: Int64?,
        then: @escaping @Sendable (WaitOutcome) -> Void
    ) {
        guard let stage = stages.first else { return then(.holds) }
        waiting.when(ticket, hasCaughtUp(stage), news: [.query(stage.status.queryID)], deadline: deadline) { [self] outcome in
            guard outcome == .holds else { return then(outcome) }
            drain(stages.dropFirst(), ticket, deadline, then: then)
        }
    }
}

/// A pipeline of a running query, as something to wait for: what its topics hold has to be processed.
struct CatchUpStage: Sendable {
    let status: QueryStatus
    let topics: [String]
}
