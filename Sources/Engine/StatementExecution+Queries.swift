// SELECT: push queries that run until they are stopped, bounded queries over streams that read the log to its end, and bounded queries
// over tables that read the rows which their query keeps.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Formats
import Functions
import LogStore
import Operators
import Pipelines
import Planner
import Plans
import Platform
import Quantities
import Sessions
import Settings
import Syntax
import Values

extension StatementExecution {
    func perform(_ query: Query, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        if query.emit != nil { return try push(query, whenDone) }
        try bounded(query, whenDone)
    }

    // MARK: Push

    private func push(_ query: Query, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let resolved = try analyse(query, for: .push, in: context)
        var properties = session.givenProperties
        properties["auto.offset.reset"] = session.settings[.offsetReset]?.rawValue ?? engine.configuration.pushStart
        // What the session was told is inserted lies before its end, also what other queries make of that.
        let isLatest = SettingValues(properties)[.offsetReset] == .latest && engine.pool != nil
        let streams = isLatest ? resolved.sources.filter { $0.kind == .stream }.map(\.name) : []
        try afterUpstream(of: streams, whenDone) { [properties] _ throws(Diagnostic) in
            try push(resolved, properties, whenDone)
        }
    }

    private func push(
        _ resolved: ResolvedQuery, _ properties: [String: String], _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let id = transientID(resolved)
        var plan = transientPlan(resolved, in: planning(id))
        var limit = resolved.limit
        var first = try firstPosition(of: plan)
        // Fixed before the columns go out: a client that has seen those gets every row that is acknowledged later.
        var starts = QueryLauncher(engine: engine).transientStarts(of: plan, properties: properties)
        if case .after = positions, let first {
            starts = first.starts
            // Rows that came before count.
            limit = limit.map { max(0, $0 - first.rows) }
            if case .client(_, let order) = plan.destination { plan.destination = .client(limit: limit, order: order) }
        } else {
            first = first?.begun(at: starts, in: engine.log, isLatest: SettingValues(properties)[.offsetReset] == .latest)
        }
        sink.emit(.columns(columns(of: resolved, flagsKeys: false), .changes))
        if let first { sink.emit(.position(first.text)) }
        if limit == 0 { return done(AnswerSummary(message: "Limit Reached", queryID: id), whenDone) }
        try start(plan, id, properties, from: starts, of: nil, isPush: true, limit: limit, positions: first, whenDone)
    }

    func transientID(_ query: ResolvedQuery) -> String { transientID(named: query.sources[0].name) }

    func transientID(named name: String) -> String {
        let number = engine.state.update { state in
            defer { state.nextTransient += 1 }
            return state.nextTransient
        }
        return "\(session.settings[.transientPrefix])\(name)_\(number)"
    }

    func columns(of query: ResolvedQuery, flagsKeys: Bool) -> [ResultColumn] {
        let key = query.key.enumerated().map { TypedExpression.column($0, $1.type) }
        func isKey(_ expression: TypedExpression) -> Bool {
            key.contains(expression) || expression.node == .pseudo(.windowstart) || expression.node == .pseudo(.windowend)
        }
        return query.items.map { item in
            ResultColumn(
                item.name, item.isNull ? "STRING" : item.expression.type.description, isKey: flagsKeys && isKey(item.expression))
        }
    }

    /// Starts a transient query whose rows go to the sink: a push query, or one that stops at the ends of its sources, or of the part of its
    /// stream that is given.
    private func start(
        _ plan: QueryPlan, _ id: String, _ properties: [String: String], from starts: [PartitionKey: Offset] = [:], of part: StreamPart?,
        isPush: Bool, limit: Int?, positions: RowPosition? = nil,
        _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let status = QueryStatus(queryID: id, budget: engine.memory, for: .client)
        let topics = Dictionary(plan.sources.map { ($0.topic, engine.log.topicID(named: $0.topic)) }, uniquingKeysWith: { first, _ in first })
        if let gone = topics.filter({ $0.value == nil }).keys.min() { throw .deleted(gone) }
        let receiver = TransientReceiver(
            execution: self, queryID: id, topics: topics.compactMapValues(\.self), reading: part?.reading, limit: limit, positions: positions, whenDone: whenDone)
        let launcher = QueryLauncher(engine: engine)
        let run = QueryRun(
            status: status, group: nil, pool: engine.pool, events: QueryEvents(onFailure: { receiver.finish($0, status.counters) })
        ) {
            () throws(QueryFailure) in
            [
                try launcher.transientTask(
                    plan, properties: properties, from: part?.starts ?? starts, to: part?.ends ?? [:], isBounded: !isPush,
                    receiver: receiver, status: status)
            ]
        }
        let cancel: @Sendable () -> Void = {
            run.terminate { receiver.cancelled(status.counters) }
        }
        try enter(TransientQuery(id: id, statement: parsed.text, isPush: isPush, plan: plan, run: run, cancel: cancel))
        request.onCancel(cancel)
        run.start()
    }

    // MARK: Bounded

    private func bounded(_ query: Query, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        if isForQuestions(query) { return try ask(query.question, whenDone) }
        let resolved = try analyse(query, for: .pull, in: context)
        try afterUpstream(of: resolved.sources.map(\.name), whenDone) { isCaughtUp throws(Diagnostic) in
            try answer(query, resolved, isCaughtUp: isCaughtUp, whenDone)
        }
    }

    private func answer(
        _ query: Query, _ resolved: ResolvedQuery, isCaughtUp: Bool, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let source = resolved.sources[0]
        try checkAllowed(query, over: source)
        let isAggregation = resolved.grouping != nil || !resolved.aggregates.isEmpty
        if source.kind == .table {
            guard let id = source.queryID, let owner = engine.state.withLock({ $0.queries[id] }) else {
                throw Diagnostic(
                    .wrongObjectKind,
                    "The `\(source.name)` table isn't queryable. To derive a queryable table, you can do "
                        + "'CREATE TABLE QUERYABLE_\(source.name) AS SELECT * FROM \(source.name)'. "
                        + "See https://cnfl.io/queries for more info.", at: query.span.range)
            }
            if isAggregation { throw notSupported("aggregation in a bounded query over a table") }
            try read(resolved, from: owner, isCaughtUp: isCaughtUp, whenDone)
            return
        }
        let id = transientID(resolved)
        var plan = transientPlan(resolved, in: planning(id))
        // Limits of aggregations count final rows, not the changes on the way; the receiver counts them.
        if isAggregation, case .client(_, let order) = plan.destination { plan.destination = .client(limit: nil, order: order) }
        var properties = session.givenProperties
        properties["cache.max.bytes.buffering"] = "10000000"
        sink.emit(.columns(columns(of: resolved, flagsKeys: resolved.resultKind == .table), .rows))
        try start(plan, id, properties, of: try parts(of: resolved), isPush: false, limit: resolved.limit, whenDone)
    }

    /// The part of its stream that a bounded query reads. Errors: the log cannot be read.
    private func parts(of resolved: ResolvedQuery) throws(Diagnostic) -> StreamPart? {
        let source = resolved.sources[0]
        guard resolved.sources.count == 1, let topic = engine.log.describeTopic(named: source.topic) else { return nil }
        do throws(LogError) {
            let parts = try parts(where: resolved.filter, source, topic)
            for lost in parts.compactMap(\.lost) { sink.emit(.notice(lost)) }
            return StreamPart(source: source.name, topic: topic, parts: parts)
        } catch {
            throw Diagnostic(error, about: topic.name)
        }
    }

    /// Whether a query of ksqlDB's form is more than a look at one source's rows: joins, aggregations and the tables that no query computes.
    func isForQuestions(_ query: Query) -> Bool {
        if session.settings[.boundedQueries] == .ksqldb { return false }
        guard case .source(let name, _) = query.from else { return true }
        if engine.catalog.views[name.text] != nil { return true }
        // One that does not exist is for the analyser to tell.
        guard query.window == nil, let source = engine.catalog.sources[name.text] else { return false }
        let functions = engine.configuration.functions
        let users = engine.catalog.functions
        var isAggregation = query.groupBy != nil || query.having != nil
        for case .expression(let expression, _) in query.items {
            expression.walk { part in
                if case .call(let name, _) = part.node, functions.family(named: name.text, withAliases: true)?.kind == .aggregate || users[name.text]?.isAggregate ?? false
                {
                    isAggregation = true
                }
            }
        }
        if isAggregation { return true }
        return source.kind == .table && (source.queryID.flatMap { id in engine.state.withLock { $0.queries[id] } }) == nil
    }

    /// Errors: the settings do not allow this bounded query.
    private func checkAllowed(_ query: Query, over source: SourceDefinition) throws(Diagnostic) {
        try checkAllowed(over: [source], hasLimit: query.limit != nil, at: query.span.range)
    }

    /// Errors: the settings do not allow bounded queries over these sources.
    func checkAllowed(over sources: [SourceDefinition], hasLimit: Bool, at range: SourceRange?) throws(Diagnostic) {
        let settings = session.settings
        func refused<Value>(_ what: String, _ key: SettingKey<Value>) -> Diagnostic {
            Diagnostic(
                .featureNotSupported, "\(what) are switched off", hint: "\(key.name) is false; EMIT CHANGES makes a push query.",
                at: range)
        }
        if !settings[.pullQueries] { throw refused("bounded queries", SettingKey<Bool>.pullQueries) }
        if sources.contains(where: { $0.kind == .stream }), !settings[.pullStreams] { throw refused("bounded queries over streams", SettingKey<Bool>.pullStreams) }
        if hasLimit, !settings[.pullLimitClause] { throw refused("bounded queries with LIMIT", SettingKey<Bool>.pullLimitClause) }
    }
}

/// Hands the rows of a transient query to the sink and ends the answer once.
final class TransientReceiver: RowReceiver {
    private let execution: StatementExecution
    private let queryID: String
    /// The topics that the query reads, by name.
    private let topics: [String: TopicID]
    /// Of a bounded query over one stream: what is said of what it read, but for the count.
    private let reading: SourceReading?
    private let limit: Int?
    private let whenDone: @Sendable (Bool) -> Void
    private let state = Monitor<(rows: Int, isFinished: Bool)>((0, false))
    /// Where the rows end that the client has been told about; nil where it is not told.
    private let position: Monitor<ToldPosition>?

    init(
        execution: StatementExecution, queryID: String, topics: [String: TopicID], reading: SourceReading?, limit: Int?,
        positions: RowPosition? = nil, whenDone: @escaping @Sendable (Bool) -> Void
    ) {
        self.reading = reading
        self.execution = execution
        self.queryID = queryID
        self.topics = topics
        self.limit = limit
        self.whenDone = whenDone
        position = positions.map { Monitor(ToldPosition(told: $0, at: execution.engine.clock.monotonicNanoseconds())) }
    }

    func reached(_ offsets: () -> [(partition: PartitionIndex, offset: Offset)]) {
        guard let position else { return }
        let rows = state.withLock { $0.rows }
        let now = execution.engine.clock.monotonicNanoseconds()
        let text = position.update { $0.news(rows: rows, now: now, offsets) }
        if let text { execution.sink.emit(.position(text)) }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { execution.sink.hasRoom(orCall: resume) }

    func receive(_ rows: RowBlock) {
        var rows = rows
        state.withLock { state in
            if let limit { rows.truncate(to: max(0, limit - state.rows)) }
            state.rows += rows.count
        }
        if !rows.isEmpty { execution.sink.emit(.rows(rows)) }
    }

    func finish(_ failure: QueryFailure?, _ counters: QueryCounters) {
        guard let rows = end() else { return }
        if let failure { return execution.fail(diagnostic(of: failure), whenDone) }
        let reachedLimit = limit.map { rows >= $0 } ?? false
        execution.done(summary(rows, counters, message: reachedLimit ? "Limit Reached" : nil), whenDone)
    }

    /// Where a topic that the query reads has been deleted, that is the reason, whatever it met on the way.
    private func diagnostic(of failure: QueryFailure) -> Diagnostic {
        if let excess = failure.excess { return Diagnostic(excess) }
        let log = execution.engine.log
        let deleted = topics.filter { log.partitionCount(of: $0.value) == nil }.keys.min()
        return deleted.map { .deleted($0) } ?? Diagnostic(.dataError, failure.description, category: .runtime)
    }

    func cancelled(_ counters: QueryCounters) {
        guard let rows = end() else { return }
        if execution.request.isCancelled {
            execution.fail(Diagnostic(.cancelled, "the query was cancelled after \(rows) rows", category: .general), whenDone)
        } else if execution.engine.state.withLock({ $0.isClosing }) {
            execution.fail(StatementExecution.shuttingDown, whenDone)
        } else {
            execution.done(summary(rows, counters, message: "Query terminated"), whenDone)
        }
    }

    private func summary(_ rows: Int, _ counters: QueryCounters, message: String?) -> AnswerSummary {
        var summary = AnswerSummary(
            message: message, rows: rows, skipped: counters.skipped,
            causes: counters.errors.map { CauseCount(cause: $0.key, count: $0.value) }.sorted { $0.cause < $1.cause },
            firstProblem: counters.firstProblem, queryID: queryID)
        if var reading {
            reading.records = Int(clamping: counters.recordsRead)
            // One that has its rows earlier ends somewhere before.
            if message != nil { (reading.partition, reading.offsets) = (nil, nil) }
            summary.readings = [reading]
        }
        return summary
    }

    /// The rows so far, the first time it is asked.
    private func end() -> Int? {
        let rows = state.update { state -> Int? in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            return state.rows
        }
        if rows != nil {
            execution.request.onCancel(nil)
            _ = execution.engine.state.update { $0.transients.removeValue(forKey: queryID) }
        }
        return rows
    }
}
