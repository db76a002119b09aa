// Statements that wait: the rest of the statement is a continuation, which goes on when there is news. No thread is kept meanwhile.

import Diagnostics
import LogStore
import Pipelines
import Platform
import Quantities
import Schemas
import Sessions
import Settings
import Syntax

extension StatementExecution {
    /// How long a statement may be told to wait, in milliseconds.
    static let waitRange: ClosedRange<Int64> = 0...86_400_000

    /// Nanoseconds for which a question waits for the queries upstream of its source.
    static let patience: Int64 = 5_000_000_000

    /// Nanoseconds for which a statement that ends a query waits until that has read the session's own rows: what is ended is to stop within
    /// a tenth of a second, and it may be ended because it is slow.
    static let patienceBeforeEnd: Int64 = 80_000_000

    /// Goes on with `body` on a thread for statements as soon as `holds` is true, when one of the `news` has made it so, or when `deadline`
    /// (monotonic nanoseconds) has passed. A request that is cancelled, and an engine that closes, end the statement instead.
    func wait(
        until holds: @escaping @Sendable () -> Bool, news: [WaitingNews], deadline: Int64, _ whenDone: @escaping @Sendable (Bool) -> Void,
        then body: @escaping @Sendable (WaitOutcome) throws(Diagnostic) -> Void
    ) {
        let (engine, request) = (engine, request)
        let ticket = engine.waiting.ticket()
        request.onCancel { engine.waiting.cancel(ticket) }
        engine.waiting.when(ticket, { request.isCancelled || holds() }, news: news, deadline: deadline) { outcome in
            if outcome == .closing { return fail(StatementExecution.shuttingDown, whenDone) }
            goOn(on: engine.statements, whenDone) { () throws(Diagnostic) in
                request.onCancel(nil)
                if request.isCancelled { throw StatementExecution.cancelledOnRequest }
                try body(outcome)
            }
        }
    }

    /// Carries out `body` on a thread of `pool`; its error is the end of the statement.
    func goOn(
        on pool: ThreadPool, _ whenDone: @escaping @Sendable (Bool) -> Void, _ body: @escaping @Sendable () throws(Diagnostic) -> Void
    ) {
        let isTaken = pool.run {
            do throws(Diagnostic) { try body() } catch { fail(error.about(statement: parsed.text), whenDone) }
        }
        if !isTaken { fail(StatementExecution.shuttingDown, whenDone) }
    }

    /// Why a statement does not end by itself when the engine closes.
    static let shuttingDown = Diagnostic(.shuttingDown, "the server is shutting down", category: .general)

    /// The end of a statement that its client does not want any more.
    static let cancelledOnRequest = Diagnostic(.cancelled, "cancelled on request", category: .general)

    // MARK: What this session wrote

    /// Goes on once the queries upstream of the sources have processed what this session had acknowledged, or after five seconds. What has been
    /// waited for once is not waited for again: on a busy server that would be a wait for the rows of other sessions. A statement that
    /// ends a query (`endsQuery`) waits for inserted rows only, not for what new queries make of old ones, and not as long.
    func afterUpstream(
        of sources: [String], endsQuery: Bool = false, _ whenDone: @escaping @Sendable (Bool) -> Void,
        _ body: @escaping @Sendable (_ isCaughtUp: Bool) throws(Diagnostic) -> Void
    ) throws(Diagnostic) {
        let (writes, seen) = session.state.withLock { (endsQuery ? $0.rowWrites : $0.writes, $0.seenWrites) }
        let behind = sources.filter { (seen[$0] ?? 0) < writes }
        if behind.isEmpty { return try body(true) }
        let patience = endsQuery ? StatementExecution.patienceBeforeEnd : StatementExecution.patience
        let deadline = engine.clock.monotonicNanoseconds() + patience
        catchUp(engine.stages(upstreamOf: behind)[...], deadline, whenDone) { isCaughtUp throws(Diagnostic) in
            if isCaughtUp {
                session.state.withLock { state in
                    for source in behind { state.seenWrites[source] = max(writes, state.seenWrites[source] ?? 0) }
                }
            } else {
                sink.emit(
                    .notice(
                        "the queries upstream of \(behind.joined(separator: ", ")) have not caught up after "
                            + "\(patience / 1_000_000) ms; "
                            + (endsQuery ? "rows that were just written may be missing" : "the answer may lack what was just written")))
            }
            try body(isCaughtUp)
        }
    }

    /// Waits for one stage after the other, those upstream first: what each has to reach is known when those before it have come so far.
    private func catchUp(
        _ stages: ArraySlice<CatchUpStage>, _ deadline: Int64, _ whenDone: @escaping @Sendable (Bool) -> Void,
        then body: @escaping @Sendable (_ isCaughtUp: Bool) throws(Diagnostic) -> Void
    ) {
        guard let stage = stages.first else { return goOn(on: engine.statements, whenDone) { () throws(Diagnostic) in try body(true) } }
        wait(until: engine.hasCaughtUp(stage), news: [.query(stage.status.queryID)], deadline: deadline, whenDone) { outcome throws(Diagnostic) in
            if outcome == .timedOut { return try body(false) }
            catchUp(stages.dropFirst(), deadline, whenDone, then: body)
        }
    }

    // MARK: ASSERT

    /// ASSERT TOPIC and ASSERT SCHEMA: end as soon as they are true, and fail when they have not become so in time.
    func perform(_ assertion: Assertion, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let execution = self
        switch assertion {
        case .topic(let name, let exists, let properties, let timeout):
            let message = "Topic \(name.text) \(exists ? "exists" : "does not exist")"
            let hint: @Sendable () -> String? = {
                execution.engine.log.describeTopic(named: name.text) != nil ? nil : execution.hint(forTopic: name) ?? "SHOW TOPICS lists those that exist."
            }
            try wait(timeout, or: session.settings[.assertTopicTimeout], message, hint: hint, at: name.span.range, whenDone) {
                execution.problem(with: name, exists: exists, properties)
            }
        case .schema(let subject, let id, let exists, let timeout):
            var number: SchemaID?
            if let id {
                guard case .integer(let value) = id, let small = Int32(exactly: value), small >= 0 else {
                    throw Diagnostic(.numberOutOfRange, "the ID of a schema is a whole number of 32 bits", at: parsed.range)
                }
                number = SchemaID(small)
            }
            let (name, wanted) = (subject?.text, number)
            let message = "Schema \(exists ? "exists" : "does not exist")"
            let patience = try patience(timeout, or: session.settings[.assertTopicTimeout])
            let deadline = engine.clock.monotonicNanoseconds() + patience.nanoseconds
            askAgain(until: deadline, message, at: subject?.span.range ?? parsed.range, whenDone) {
                execution.schemaProblem(name, id: wanted, exists: exists)
            }
        default: throw notSupported("this form of ASSERT", hint: "ASSERT TOPIC and ASSERT SCHEMA work on a server, the other forms in SQL tests.")
        }
    }

    private func wait(
        _ timeout: Duration?, or usual: Milliseconds, _ message: String, hint: @escaping @Sendable () -> String?, at place: SourceRange?,
        _ whenDone: @escaping @Sendable (Bool) -> Void, _ problem: @escaping @Sendable () -> String?
    ) throws(Diagnostic) {
        let execution = self
        let deadline = engine.clock.monotonicNanoseconds() + (try patience(timeout, or: usual)).nanoseconds
        wait(until: { problem() == nil }, news: [.catalog], deadline: deadline, whenDone) { _ throws(Diagnostic) in
            if let problem = problem() { throw Diagnostic(.assertionFailed, problem, category: .general, hint: hint(), at: place) }
            execution.done(AnswerSummary(message: message), whenDone)
        }
    }

    private func patience(_ timeout: Duration?, or usual: Milliseconds) throws(Diagnostic) -> Milliseconds {
        guard let timeout else { return usual }
        guard let given = timeout.milliseconds, StatementExecution.waitRange.contains(given) else {
            throw Diagnostic(
                .numberOutOfRange, "a TIMEOUT is from 0 to \(StatementExecution.waitRange.upperBound / 3_600_000) hours",
                at: timeout.span.range)
        }
        return Milliseconds(given)
    }

    /// Asks the registry, on a thread that may wait for it, until it has what is asserted: nobody tells when there is something new.
    private func askAgain(
        until deadline: Int64, _ message: String, at place: SourceRange?, _ whenDone: @escaping @Sendable (Bool) -> Void,
        _ problem: @escaping @Sendable () -> String?
    ) {
        goOn(on: engine.registryLane, whenDone) { () throws(Diagnostic) in
            guard let found = problem() else { return done(AnswerSummary(message: message), whenDone) }
            let now = engine.clock.monotonicNanoseconds()
            guard now < deadline else { throw Diagnostic(.assertionFailed, found, category: .general, at: place) }
            wait(until: { false }, news: [], deadline: min(deadline, now + StatementExecution.askingPause), whenDone) { _ throws(Diagnostic) in
                askAgain(until: deadline, message, at: place, whenDone, problem)
            }
        }
    }

    /// Nanoseconds between two questions to the registry.
    private static let askingPause: Int64 = 100_000_000

    private func problem(with name: Name, exists: Bool, _ properties: [Property]) -> String? {
        let topic = engine.log.describeTopic(named: name.text)
        if !exists { return topic == nil ? nil : "Topic \(name.text) exists" }
        guard let topic else { return "Topic \(name.text) does not exist" }
        for property in properties {
            let actual: Int64
            switch property.name.text.uppercased() {
            case "PARTITIONS": actual = Int64(topic.partitions.count)
            case "REPLICAS": actual = 1
            default: return "Cannot assert unknown topic property: \(property.name.text)"
            }
            if property.value != .integer(actual) {
                return
                    "Mismatched configuration for topic \(name.text): for config \(property.name.text), expected another value, got \(actual)"
            }
        }
        return nil
    }
}
