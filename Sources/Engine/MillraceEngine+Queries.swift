// Persistent queries as the engine keeps them: made, started, stopped.

import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Values

extension MillraceEngine {
    /// A persistent query of that plan, not started yet.
    func makeQuery(
        _ plan: QueryPlan, statement: String, properties: [String: String], reads: [String], writes: String?
    ) -> PersistentQuery {
        let launcher = QueryLauncher(engine: self)
        let status = QueryStatus(queryID: plan.id)
        let run = makeRun(status) { [launcher] () throws(QueryFailure) in try launcher.tasks(of: plan, properties: properties, status: status) }
        return PersistentQuery(
            id: plan.id, statement: statement, plan: plan, properties: properties, reads: reads, writes: writes, run: run)
    }

    private func makeRun(_ status: QueryStatus, _ makeTasks: @escaping @Sendable () throws(QueryFailure) -> [QueryTask]) -> QueryRun {
        let logLine = configuration.logLine
        return QueryRun(
            status: status, pool: pool,
            onFailure: { failure in logLine(.error, "event=query_failed query=\(status.queryID) reason=\"\(failure.description)\"") },
            makeTasks: makeTasks)
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
        let run = makeRun(status) { [launcher] () throws(QueryFailure) in try launcher.sourceTableTasks(plan, status: status) }
        let query = PersistentQuery(
            id: id, statement: source.statement, plan: plan, properties: properties, reads: [source.name], writes: nil, run: run)
        state.update { state in
            state.queries[id] = query
            state.catalog.set(QueryDefinition(id: id, statement: source.statement, reads: [source.name], writes: nil))
        }
        if !configuration.isDriven { run.start() }
    }

    /// Stops a query and waits until its threads have let go of it.
    func stopQuery(_ id: String) {
        guard let query = state.withLock({ $0.queries[id] }) else { return }
        let isGone = Monitor(false)
        query.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
    }
}
