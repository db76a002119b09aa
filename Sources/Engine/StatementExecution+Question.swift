// Questions: SELECT of the general form, which ends. A question runs on a thread for questions over what is durable when it begins; its
// answer is then handed to the client as fast as that takes it.

import Analysis
import Bytes
import Catalog
import Diagnostics
import LogStore
import Operators
import Pipelines
import Planner
import Platform
import Plans
import Quantities
import Sessions
import Settings
import Spill
import Syntax
import Values

extension StatementExecution {
    /// Bytes that each question may hold whatever others have.
    private static let questionBytes = 1 << 20

    /// `failure` is what a parser of ksqlDB's grammar says to it.
    func perform(
        _ question: Question, else failure: OriginalFailure, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        if session.settings[.boundedQueries] == .ksqldb { throw failure.diagnostic.about(statement: parsed.text) }
        try ask(question, whenDone)
    }

    /// Answers a question.
    func ask(_ question: Question, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let resolved = try analyse(question, in: context)
        try checkAllowed(over: resolved.sources, hasLimit: question.limit != nil, at: question.span.range)
        // What needs no log does not wait for those that read it.
        if resolved.step.isSmall {
            return goOn(on: engine.statements, whenDone) { () throws(Diagnostic) in try answer(resolved, [], whenDone) }
        }
        try whenReadable(resolved.sources, whenDone) { owners throws(Diagnostic) in try answer(resolved, owners, whenDone) }
    }

    /// Goes on with `body` on a thread for questions once the sources hold what this session was told is written; it gets the queries behind tables.
    func whenReadable(
        _ sources: [SourceDefinition], _ whenDone: @escaping @Sendable (Bool) -> Void,
        then body: @escaping @Sendable ([PersistentQuery]) throws(Diagnostic) -> Void
    ) throws(Diagnostic) {
        try afterUpstream(of: sources.map(\.name), whenDone) { isCaughtUp throws(Diagnostic) in
            var owners: [PersistentQuery] = []
            for source in sources where source.kind == .table {
                guard let owner = source.queryID.flatMap({ id in engine.state.withLock { $0.queries[id] } }) else { continue }
                try checkReadable(source, of: owner)
                owners.append(owner)
            }
            let patience = isCaughtUp ? StatementExecution.patience : StatementExecution.patienceBeforeEnd
            let readable = owners
            commit(readable[...], patience, isCaughtUp: isCaughtUp, whenDone) { () throws(Diagnostic) in try body(readable) }
        }
    }

    /// Errors: the rows of a table are not there.
    func checkReadable(_ source: SourceDefinition, of owner: PersistentQuery) throws(Diagnostic) {
        // One that the server has paused for its memory shows the rows that it had, as long as they are there.
        let (state, isOverLimit) = owner.run.status.content.withLock { ($0.state, $0.excess != nil) }
        if state == .terminated {
            throw Diagnostic(.unknownSource, "\(source.name) cannot be read: it is being dropped, or its query \(owner.id) has just been terminated")
        }
        guard state == .running || isOverLimit && owner.rows.areInMemory else {
            throw Diagnostic(
                .wrongState, "\(source.name) cannot be read: its query \(owner.id) is \(state.name)",
                hint: isOverLimit
                    ? "It was paused for its memory, and its rows had to go; start the server with a higher limit, or DROP or TERMINATE queries."
                    : "RESUME \(owner.id); EXPLAIN \(owner.id) says why it stopped.")
        }
    }

    /// Has one query after the other commit what it has, so that its rows can be seen, and goes on.
    private func commit(
        _ owners: ArraySlice<PersistentQuery>, _ patience: Int64, isCaughtUp: Bool, _ whenDone: @escaping @Sendable (Bool) -> Void,
        then body: @escaping @Sendable () throws(Diagnostic) -> Void
    ) {
        guard let owner = owners.first else { return goOn(on: engine.questions, whenDone, body) }
        owner.run.commit(patience: patience) { outcome in
            if outcome == .restoring {
                let error = Diagnostic(
                    .wrongState, "a table cannot be read yet: its query \(owner.id) is restoring its state", category: .general,
                    hint: "Ask again in a while.")
                return fail(error, whenDone)
            }
            if outcome == .busy, isCaughtUp {
                sink.emit(
                    .notice(
                        "the query \(owner.id) has been in the middle of a row or a batch for \(patience / 1_000_000) ms; the answer is what its "
                            + "table held before that"))
            }
            if owner.run.status.content.withLock({ $0.excess != nil }) {
                sink.emit(.notice("the query \(owner.id) was paused by the server; the answer is what it had made before"))
            }
            commit(owners.dropFirst(), patience, isCaughtUp: isCaughtUp, whenDone, then: body)
        }
    }

    private func answer(
        _ resolved: ResolvedQuestion, _ owners: [PersistentQuery], _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let (found, records, id) = try outcome(of: resolved, owners) { question throws(DataflowError) in try question.answer(resolved.step) }
        sink.emit(.columns(resolved.columns.map { ResultColumn($0.name, $0.type.description) }, .rows))
        let errors = records.errors.reduce(into: found.errors) { $0[$1.key, default: 0] += $1.value }
        let causes = errors.map { CauseCount(cause: $0.key.rawValue, count: $0.value) }.sorted { $0.cause < $1.cause }
        let isFull = resolved.limit.map { found.rowCount >= $0 } ?? false
        var summary = AnswerSummary(
            message: isFull ? "Limit Reached" : nil, rows: found.rowCount, skipped: causes.reduce(0) { $0 + $1.count }, causes: causes,
            firstProblem: (records.firstError ?? found.firstError)?.text(topic: resolved.sources.first?.topic), queryID: id)
        summary.readings = records.readings
        AnswerSender(self, found.blocks, summary, whenDone).send()
    }

    /// Runs the plan of a question over its sources; gives what came of it, what was read, and the id that it had.
    func outcome<Outcome>(
        of resolved: ResolvedQuestion, _ owners: [PersistentQuery], profile: QuestionProfile? = nil, _ body: (QuestionRun) throws(DataflowError) -> Outcome
    ) throws(Diagnostic) -> (Outcome, LogQuestionRecords, id: String) {
        let id = transientID(named: resolved.sources.first?.name ?? "VALUES")
        let cancel = CancelFlag()
        try enter(TransientQuery(id: id, statement: parsed.text, isPush: false, run: nil, cancel: { cancel.set() }))
        request.onCancel { cancel.set() }
        let share = MemoryShare(of: id, in: engine.memory, for: .client)
        let hold = MemoryHold(share)
        let records = LogQuestionRecords(self, resolved.sources, owners, share, cancel)
        let outcome = run(records, hold, cancel, profile, body)
        _ = engine.state.update { $0.transients.removeValue(forKey: id) }
        hold.keep([:])
        return (try outcome.get(), records, id)
    }

    /// The refusal of a question that keeps too much, with what that is.
    private static func tooLarge(_ held: [QuestionHolding: Int]) -> Diagnostic {
        let parts = held.filter { $0.value >= 1 << 20 }.sorted { $0.value > $1.value }.map { "\($0.value >> 20) MiB of \($0.key.rawValue)" }
        return Diagnostic(
            .outOfMemoryBudget, "the question holds more than \(mostBytes * 4 >> 20) MiB: \(parts.joined(separator: ", "))", category: .general,
            hint: "A LIMIT behind ORDER BY keeps the first rows only, the right side of a join should be the smaller one, and CREATE TABLE … AS "
                + "SELECT … GROUP BY … keeps groups that do not fit on disk.")
    }

    private func run<Outcome>(
        _ records: LogQuestionRecords, _ hold: MemoryHold, _ cancel: CancelFlag, _ profile: QuestionProfile?,
        _ body: (QuestionRun) throws(DataflowError) -> Outcome
    ) -> Result<Outcome, Diagnostic> {
        let launcher = QueryLauncher(engine: engine)
        let options = DataflowOptions(hashSeed: engine.configuration.random.next())
        var environment = launcher.environment()
        environment.isQuestion = session.settings[.dialect] == .full
        // Said where it happens, since what stages throw has no room for it.
        var excess: MemoryExcess?
        var pressedBytes: Int?
        let question = QuestionRun(
            records, options: options, environment: environment, cancel: cancel, spilling: spilling, profile: profile
        ) { (held: [QuestionHolding: Int]) throws(DataflowError) in
            let bytes = held.values.reduce(0, +)
            guard bytes <= StatementExecution.mostBytes * 4 else {
                records.refuse(StatementExecution.tooLarge(held))
                throw DataflowError("the question is too large")
            }
            if let found = hold.report(Dictionary(held.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)) {
                excess = found
                throw DataflowError("the question needs more memory than there is")
            }
            // The rest is for the state of queries, which would be paused for it. What can go to disk does so when it is looked at next.
            guard isPressed else {
                pressedBytes = nil
                return
            }
            let seen = pressedBytes ?? bytes
            pressedBytes = seen
            let grace = spilling == nil ? 0 : max(StatementExecution.questionBytes, seen)
            if bytes > StatementExecution.questionBytes + grace {
                records.refuse(
                    Diagnostic(
                        .outOfMemoryBudget, "questions leave a quarter of the memory limit to queries, and \(bytes >> 20) MiB more would not",
                        category: .general, hint: "Ask for less, ask again when others are answered, or start the server with a higher limit."))
                throw DataflowError("the memory is for queries")
            }
        }
        do throws(DataflowError) {
            return .success(try body(question))
        } catch {
            if cancel.isSet || error.isCancelled {
                return .failure(Diagnostic(.cancelled, "the query was cancelled", category: .general))
            }
            if let excess { return .failure(Diagnostic(excess)) }
            if question.diskIsFull {
                return .failure(
                    Diagnostic(
                        .diskFull, error.message, category: .general,
                        hint: "Make room on the disk of the data directory, or ask for less: what a question cannot hold in memory is put there."))
            }
            return .failure(records.failure ?? Diagnostic(.dataError, error.message, category: .general))
        }
    }
}

extension StatementExecution {
    /// Whether questions hold so much of the memory, or queries, that the rest is for queries.
    private var isPressed: Bool {
        guard let limit = engine.memory.limit, let room = engine.memory.room else { return false }
        return room < limit / 4
    }

    /// Where a question puts what it cannot hold, which is less when there is little room.
    private var spilling: QuestionSpilling? {
        guard let folder = engine.configuration.spills else { return nil }
        let most = engine.configuration.questionMemory
        return QuestionSpilling(memory: { [self] in isPressed ? min(most, StatementExecution.questionBytes) : most }) {
            () throws(DiskTableError) in try folder.file()
        }
    }
}

/// Hands an answer that is complete to its client, block by block, as that has room.
private final class AnswerSender: Sendable {
    private struct State {
        var next = 0
        /// It waits for its client to read.
        var isParked = false
        var isFinished = false
    }

    private let execution: StatementExecution
    private let blocks: AnswerBlocks
    private let summary: AnswerSummary
    private let whenDone: @Sendable (Bool) -> Void
    private let state = Monitor(State())

    init(_ execution: StatementExecution, _ blocks: AnswerBlocks, _ summary: AnswerSummary, _ whenDone: @escaping @Sendable (Bool) -> Void) {
        self.execution = execution
        self.blocks = blocks
        self.summary = summary
        self.whenDone = whenDone
        execution.request.onCancel { [self] in cancel() }
    }

    /// Sends what there is room for, and goes on as soon as there is more.
    func send() {
        while true {
            let next = state.update { state -> Int? in
                guard !state.isFinished, state.next < blocks.count else { return nil }
                state.isParked = true
                return state.next
            }
            guard let next else { return finish() }
            guard execution.sink.hasRoom(orCall: { [self] in unpark() }) else { return }
            let mayEmit = state.update { state in
                guard state.isParked, !state.isFinished else { return false }
                state.isParked = false
                state.next = next + 1
                return true
            }
            guard mayEmit else { return }
            do throws(DataflowError) { execution.sink.emit(.rows(try blocks.block(next))) } catch {
                if end() { execution.fail(Diagnostic(.ioError, error.message, category: .general), whenDone) }
                return
            }
        }
    }

    private func unpark() {
        let wasParked = state.update { state in
            defer { state.isParked = false }
            return state.isParked && !state.isFinished
        }
        if wasParked, !execution.engine.questions.run({ [self] in send() }) { cancel() }
    }

    private func cancel() {
        if end() { execution.fail(Diagnostic(.cancelled, "the query was cancelled", category: .general), whenDone) }
    }

    private func finish() {
        if end() { execution.done(summary, whenDone) }
    }

    /// Whether nothing has ended it before.
    private func end() -> Bool {
        let isFirst = state.update { state in
            defer { state.isFinished = true }
            return !state.isFinished
        }
        if isFirst { execution.request.onCancel(nil) }
        return isFirst
    }
}
