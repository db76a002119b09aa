// Bounded queries over tables: an access path is chosen, the tasks that keep the table give the rows of that path, and the query's own plan
// runs over them. The answer comes in the order of the key, whatever the partitions.

import Analysis
import Bytes
import Catalog
import Diagnostics
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
    /// How a bounded query reaches the rows of its table. Errors: the settings allow no such way.
    func tableAccess(of query: ResolvedQuery) throws(Diagnostic) -> TableAccess {
        let settings = session.settings
        let rules = AccessRules(
            allowsRanges: settings[.pullRangeScans], allowsScans: settings[.pullTableScans], isNarrow: settings[.boundedQueries] == .ksqldb)
        return try access(of: query, under: rules, evaluate: constantValue)
    }

    /// The value of an expression without columns. What cannot be computed narrows nothing; if it matters, the filter says so row by row.
    func constantValue(_ expression: TypedExpression) -> Value? {
        try? ExpressionEvaluator([expression], environment: QueryLauncher(engine: engine).environment()).evaluate().first
    }

    /// Reads the rows that a persistent query keeps of its table. A query that is known to be behind (`isCaughtUp` is false, of which the
    /// client has been told) is not waited for again.
    func read(
        _ resolved: ResolvedQuery, from owner: PersistentQuery, isCaughtUp: Bool, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        try checkReadable(resolved.sources[0], of: owner)
        let isOverLimit = owner.run.status.content.withLock { $0.excess != nil }
        let access = try tableAccess(of: resolved)
        let id = transientID(resolved)
        let plan = transientPlan(resolved, in: planning(id))
        sink.emit(.columns(columns(of: resolved, flagsKeys: true), .rows))
        if isOverLimit { sink.emit(.notice("the query \(owner.id) was paused by the server; the answer is what it had made before")) }
        let properties = session.givenProperties
        // What needs no commit and looks at few rows is answered here: each change of threads would cost more than the answer.
        if access.isFew, owner.run.isSettled {
            return finish(try compute(plan, id, of: owner, access, properties), id, limit: resolved.limit, whenDone)
        }
        // Of the query's answer and a cancellation the first one counts.
        let isAnswered = Monitor(false)
        let isFirst: @Sendable () -> Bool = {
            isAnswered.update { answered in
                defer { answered = true }
                return !answered
            }
        }
        request.onCancel { if isFirst() { fail(StatementExecution.cancelled, whenDone) } }
        // The rows are what is durable: a commit that is refused meanwhile leaves them as they are.
        let patience = isCaughtUp ? StatementExecution.patience : StatementExecution.patienceBeforeEnd
        owner.run.commit(patience: patience) { outcome in
            guard isFirst() else { return }
            request.onCancel(nil)
            if outcome == .restoring {
                return fail(
                    Diagnostic(
                        .wrongState, "\(resolved.sources[0].name) cannot be read yet: its query \(owner.id) is restoring its state",
                        category: .general, hint: "Ask again in a while."), whenDone)
            }
            goOn(on: engine.questions, whenDone) { () throws(Diagnostic) in
                if outcome == .busy, isCaughtUp {
                    let time = "for \(patience / 1_000_000) ms"
                    sink.emit(
                        .notice(
                            "the query \(owner.id) has been in the middle of a row or a batch \(time); the answer is what "
                                + "\(resolved.sources[0].name) held before that"))
                }
                let table = try compute(plan, id, of: owner, access, properties)
                finish(table, id, limit: resolved.limit, whenDone)
            }
        }
    }

    private static let cancelled = Diagnostic(.cancelled, "the query was cancelled", category: .general)

    /// What the plan makes of the rows on the way that was chosen. While that is computed the question is on the list of what runs. Errors:
    /// the question is too large, or it was cancelled.
    private func compute(
        _ plan: QueryPlan, _ id: String, of owner: PersistentQuery, _ access: TableAccess, _ properties: [String: String]
    ) throws(Diagnostic) -> TableAnswer {
        let cancel = CancelFlag()
        try enter(TransientQuery(id: id, statement: parsed.text, isPush: false, run: nil, cancel: { cancel.set() }))
        defer { _ = engine.state.update { $0.transients.removeValue(forKey: id) } }
        request.onCancel { cancel.set() }
        do throws(QueryFailure) {
            // Counted until the answer is there.
            let share = MemoryShare(of: id, in: engine.memory, for: .client)
            let hold = MemoryHold(share)
            defer { hold.keep([:]) }
            let contents = try rows(of: owner, access, counting: hold, of: share, unless: cancel)
            return try QueryLauncher(engine: engine).answer(plan, over: contents, properties: properties, unless: cancel)
        } catch {
            if cancel.isSet { throw StatementExecution.cancelled }
            if let excess = error.excess { throw Diagnostic(excess) }
            throw Diagnostic(.dataError, error.description, category: .general)
        }
    }

    /// The most bytes of rows that one question may gather: all of them are in memory at once, and places in them are 32 bits wide.
    static let mostBytes = 512 << 20
    /// Bytes of rows that a question may gather without asking whether they fit the memory limit.
    private static let freeBytes = 1 << 20

    /// The rows on an access path. Errors: there are too many, in all or for the memory that is left.
    private func rows(
        of owner: PersistentQuery, _ access: TableAccess, counting hold: MemoryHold, of share: MemoryShare, unless cancel: CancelFlag
    ) throws(QueryFailure) -> [TableContent] {
        let most = StatementExecution.mostBytes
        let room = max(StatementExecution.freeBytes, engine.memory.room ?? .max)
        let contents = try owner.rows.read(access, mostBytes: min(most, room), unless: cancel)
        let bytes = contents.reduce(0) { $0 + $1.run.bytes.count }
        if bytes > StatementExecution.freeBytes, let excess = hold.report(["rows of the table": bytes]) { throw QueryFailure(excess) }
        let isWhole = contents.allSatisfy(\.isWhole)
        if !isWhole, room < most, let excess = share.obstacle(holding: room + 1) { throw QueryFailure(excess) }
        if !isWhole || bytes > most {
            throw QueryFailure(message: "the question looks at more than \(most) bytes of rows: narrow it by the key, or read the changes with EMIT CHANGES")
        }
        return contents
    }

    private func finish(_ table: TableAnswer, _ id: String, limit: Int?, _ whenDone: @escaping @Sendable (Bool) -> Void) {
        var rows = table.rows
        if let limit { rows.truncate(to: limit) }
        if !rows.isEmpty { sink.emit(.rows(rows)) }
        let causes = table.errors.map { CauseCount(cause: $0.key.rawValue, count: $0.value) }.sorted { $0.cause < $1.cause }
        let skipped = causes.reduce(0) { $0 + $1.count }
        done(AnswerSummary(rows: rows.count, skipped: skipped, causes: causes, firstProblem: table.firstProblem, queryID: id), whenDone)
    }
}

/// What a question to a table came to.
private struct TableAnswer {
    /// In the order of the keys.
    var rows: RowBlock
    /// How many rows could not be computed, and the first of those.
    var errors: [RowErrorCause: Int]
    var firstProblem: String?
}

extension QueryLauncher {
    /// What a plan over one table makes of the table's records. Fails as soon as `cancel` is set.
    fileprivate func answer(
        _ plan: QueryPlan, over contents: [TableContent], properties: [String: String], unless cancel: CancelFlag
    ) throws(QueryFailure) -> TableAnswer {
        let dataflow = try dataflow(PipelinePlan(root: plan.root, destination: plan.destination), properties: properties, isQuestion: true)
        dataflow.cancel = cancel
        do throws(DataflowError) {
            let run = contents.count == 1 ? contents[0].run : try ResultMerge(plan.sources[0]).merged(contents.map(\.run))
            try dataflow.process(input: 0, run: run, range: 0..<run.count, partition: .first)
            try dataflow.flush()
        } catch {
            throw QueryFailure(message: error.message)
        }
        // Rows that the table itself cannot show, and those of which the question can make nothing.
        let errors = contents.reduce(dataflow.errorCounts) { $0.merging($1.errors) { $0 + $1 } }
        let problem = contents.lazy.compactMap(\.firstError).first ?? dataflow.takeErrors().first
        return TableAnswer(rows: dataflow.takeRows(), errors: errors, firstProblem: problem?.text(topic: plan.sources.first?.topic))
    }
}

extension TableAccess {
    /// Keys that a thread for statements looks up itself.
    private static let fewKeys = 64

    /// Whether it leads to a few keys.
    fileprivate var isFew: Bool {
        if case .keys(let ranges) = self { ranges.count <= TableAccess.fewKeys } else { false }
    }
}
