// Persistent queries as the engine keeps them: made of what the catalog says, not started yet.

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
    /// A persistent query as it is defined, not started yet.
    func makeQuery(_ definition: QueryDefinition) -> PersistentQuery {
        let launcher = QueryLauncher(engine: self)
        let status = status(of: definition.id)
        let rows = TableRows(log: log, memory: status.memory)
        let run = makeRun(status, rows, definition.properties) { [launcher] () throws(QueryFailure) in
            if let problem = definition.problem { throw QueryFailure(message: problem) }
            if definition.writes == nil { return try launcher.sourceTableTasks(definition.plan, rows: rows, status: status) }
            return try launcher.tasks(of: definition.plan, properties: definition.properties, rows: rows, status: status)
        }
        return PersistentQuery(definition, run: run, rows: rows)
    }

    /// The status of a persistent query, whose changes wake waiting statements.
    private func status(of id: String) -> QueryStatus {
        QueryStatus(queryID: id, budget: memory) { [waiting] in waiting.notify(.query(id)) }
    }

    private func makeRun(
        _ status: QueryStatus, _ rows: TableRows, _ properties: [String: String],
        _ makeTasks: @escaping @Sendable () throws(QueryFailure) -> [QueryTask]
    ) -> QueryRun {
        let settings = SettingValues(properties)
        let shortest = settings[.retryBackoff], longest = max(shortest, settings[.longestRetryBackoff])
        let logLine = configuration.logLine
        let crashes = configuration.crashes
        return QueryRun(
            status: status, group: status.queryID, pool: pool, rows: rows,
            events: QueryEvents(
                onFailure: { failure in logLine(.error, logText("query_failed", ["query": status.queryID, "reason": failure.description])) },
                onObstacle: { failure in logLine(.warning, logText("query_waits", ["query": status.queryID, "reason": failure.description])) },
                onExcess: { [self] excess in
                    logLine(.error, logText("query_paused", ["query": status.queryID, "reason": excess.reason]))
                    noteExcess(of: status.queryID)
                },
                onFirstCommit: { partition in
                    do throws(SystemError) { try crashes?.clear(status.queryID, partition: partition) } catch {
                        logLine(.warning, logText("crash_record_not_written", ["query": status.queryID, "reason": "\(error)"]))
                    }
                }),
            retryDelays: shortest.nanoseconds...longest.nanoseconds, makeTasks: makeTasks)
    }

    /// The query behind a SOURCE TABLE, which keeps the table's rows readable.
    func sourceTableQuery(_ source: SourceDefinition, _ id: String, _ properties: [String: String]) -> QueryDefinition {
        let step = sourceStep(for: source, store: nil, failsOnInvalidTimestamp: false)
        let sink = SinkDescription(
            sourceName: source.name, topic: source.topic, kind: .table, keyFormat: source.keyFormat, valueFormat: source.valueFormat,
            timestamp: nil, window: source.window)
        let plan = QueryPlan(id: id, root: .source(step), destination: .sink(sink), resultKind: .table)
        return QueryDefinition(
            id: id, statement: source.statement, properties: properties, reads: [source.name], writes: nil, plan: plan)
    }

    /// What listings say about a query beside its state: that its state is built anew.
    func remark(on id: String) -> String? { state.withLock { $0.remarks[id] } }
}
