// Carries out one statement and answers with events. Long-running queries go on after `perform` returns and call back when they end.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Operators
import Platform
import Quantities
import Sessions
import Settings
import Syntax

/// One statement on its way through the engine.
struct StatementExecution: Sendable {
    let engine: MillraceEngine
    let session: EngineSession
    let request: Request
    let sink: any AnswerSink
    let parsed: ParsedStatement
    let positions: PositionWish
    let started: Int64
    /// Its number in the history.
    private let number: Int64

    init(engine: MillraceEngine, session: EngineSession, request: Request, sink: any AnswerSink, parsed: ParsedStatement, positions: PositionWish = .none) {
        self.engine = engine
        self.session = session
        self.request = request
        self.sink = sink
        self.parsed = parsed
        self.positions = positions
        started = engine.configuration.time.monotonicNanoseconds()
        number = engine.history.begin(parsed.text, connection: session.connection, at: engine.configuration.time)
    }

    /// What the analyser may look at for this statement.
    var context: AnalysisContext {
        let engine = engine
        var context = AnalysisContext(
            catalog: engine.catalog, functions: engine.configuration.functions, properties: session.effectiveProperties,
            partitions: { engine.partitions(of: $0) })
        context.literalProblem = { literalProblem(of: $0, $1, in: TimeZoneFiles.self) }
        context.registry = engine.registry
        return context
    }

    /// Carries the statement out; `whenDone` is called with whether it succeeded, after the last event.
    func perform(_ whenDone: @escaping @Sendable (Bool) -> Void) {
        do throws(Diagnostic) {
            for notice in parsed.notices { sink.emit(.notice(notice)) }
            try perform(parsed.statement.meant(in: context), whenDone)
        } catch {
            fail(error.about(statement: parsed.text), whenDone)
        }
    }

    private func perform(_ statement: Statement, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        if case .after = positions {
            guard case .query(let query) = statement, query.emit != nil else { throw RowPosition.ofOtherStatement(at: parsed.range) }
        }
        switch statement {
        case .query(let query): try perform(query, whenDone)
        case .question(let question, let failure): try perform(question, else: failure, whenDone)
        case .insertValues(let insert): goOn(on: engine.writes, whenDone) { () throws(Diagnostic) in try perform(insert, whenDone) }
        case .changeRows(let change): try perform(change, whenDone)
        case .createFilled(let create, let rows):
            if !session.mayDefine { throw definitionRefused }
            goOn(on: engine.catalogLane, whenDone) { () throws(Diagnostic) in
                defer { engine.waiting.notify(.catalog) }
                if request.isCancelled { throw StatementExecution.cancelledOnRequest }
                try engine.checkChangeable()
                try perform(create, filledWith: rows, whenDone)
            }
        case .print(let print): try perform(print, whenDone)
        case .assert(let assertion): try perform(assertion, whenDone)
        case .analyzeStatement(let inner, _): try analyze(inner, whenDone)
        default:
            let isChange = statement.changesCatalog && !isAboutTransient(statement)
            if isChange, !session.mayDefine, !isPauseOrResume(statement) { throw definitionRefused }
            try afterUpstream(of: sourcesToRead(before: statement), endsQuery: endsQuery(statement), whenDone) { _ throws(Diagnostic) in
                if statement.asksRegistry {
                    return goOn(on: engine.registryLane, whenDone) { () throws(Diagnostic) in done(try performAtOnce(statement), whenDone) }
                }
                guard isChange else { return done(try performAtOnce(statement), whenDone) }
                goOn(on: engine.catalogLane, whenDone) { () throws(Diagnostic) in
                    defer { engine.waiting.notify(.catalog) }
                    // Others may have been in front of it for long.
                    if request.isCancelled { throw StatementExecution.cancelledOnRequest }
                    try engine.checkChangeable()
                    done(try performAtOnce(statement), whenDone)
                }
            }
        }
    }

    /// Statements that are finished when they return; the answer is what `done` says.
    private func performAtOnce(_ statement: Statement) throws(Diagnostic) -> AnswerSummary {
        switch statement {
        case .createSource(let create): return try perform(create)
        case .createAs(let create): return try perform(create)
        case .insertSelect(let insert): return try perform(insert)
        case .dropSource(let drop): return try performAll(drop)
        case .createFunction(let create): return try perform(create)
        case .dropFunction(let name, let ifExists, let cascades): return try dropFunction(name, ifExists: ifExists, cascades: cascades)
        case .createView(let create): return try perform(create)
        case .dropView(let name, let ifExists, let cascades): return try dropView(name, ifExists: ifExists, cascades: cascades)
        case .needless(let statement): return try perform(statement)
        case .comment(let comment): return try perform(comment)
        case .alterSource(let alter): return try perform(alter)
        case .createType(let name, let type, let ifNotExists): return try createType(name, type, ifNotExists: ifNotExists)
        case .dropType(let name, let ifExists): return try dropType(name, ifExists: ifExists)
        case .manageQuery(let action, let target): return try manage(action, target)
        case .show(let subject): return try show(subject)
        case .describe(let subject): return try describe(subject)
        case .explainQuery(let name): return try explain(queryNamed: name)
        case .explainStatement(let inner, let text): return try explain(inner, text.text)
        case .set(let name, let value): return try set(name, value)
        case .unset(let name): return try unset(name)
        case .define(let name, let value):
            session.state.withLock { $0.variables[name.text.uppercased()] = value }
            return AnswerSummary()
        case .undefine(let name):
            let known = session.state.withLock { $0.variables.removeValue(forKey: name.text.uppercased()) }
            if known == nil { sink.emit(.notice("Cannot undefine variable '\(name.text)' which was never defined")) }
            return AnswerSummary()
        case .alterSystem:
            throw notSupported("ALTER SYSTEM", hint: "Set server-wide values in the configuration file, or with SET for this session.")
        case .createConnector(let create): return try perform(create)
        case .dropConnector(let name, let ifExists): return try dropConnector(name, ifExists: ifExists)
        case .runScript: throw notSupported("RUN SCRIPT on a server", hint: "It is a command of the shell.")
        case .query, .question, .insertValues, .changeRows, .createFilled, .print, .assert, .analyzeStatement: return AnswerSummary()
        }
    }

    private var definitionRefused: Diagnostic {
        Diagnostic(
            .readOnly, "this server runs the queries of a script and takes no definitions from clients",
            hint: "Change the script and start the server again; to change what exists already, the script needs CREATE OR REPLACE, or a DROP "
                + "in front.", at: parsed.range)
    }

    /// What a server that runs a script leaves to its clients: its queries stay as the script says, and those that `--paused` or a crash has
    /// held back must be started by somebody.
    private func isPauseOrResume(_ statement: Statement) -> Bool {
        switch statement {
        case .manageQuery(.pause, _), .manageQuery(.resume, _): true
        default: false
        }
    }

    /// Whether a statement ends a query of a client, which is no change of what exists.
    private func isAboutTransient(_ statement: Statement) -> Bool {
        guard session.mayDefine, case .manageQuery(_, .query(let name)) = statement else { return false }
        return engine.state.withLock { $0.transient(named: name) != nil }
    }

    func notSupported(_ what: String, hint: String? = nil) -> Diagnostic {
        Diagnostic(.featureNotSupported, "\(what): not supported yet", hint: hint, at: parsed.range)
    }

    /// Answers with a table.
    func answer(_ listing: Listing, kind: ResultKind = .rows) -> AnswerSummary {
        sink.emit(.columns(listing.columns, kind))
        if !listing.rows.isEmpty { sink.emit(.rows(listing.rows)) }
        return AnswerSummary(rows: listing.rows.count)
    }

    /// Answers with lines of text.
    func answer(text lines: [String], queryID: String? = nil) -> AnswerSummary {
        var listing = Listing(texts: ["Text"])
        for line in lines { listing.add(texts: [line]) }
        var summary = answer(listing, kind: .text)
        summary.queryID = queryID
        return summary
    }

    func done(_ summary: AnswerSummary, _ whenDone: @escaping @Sendable (Bool) -> Void) {
        var summary = summary
        let now = engine.configuration.time.monotonicNanoseconds()
        summary.nanoseconds = now - started
        noteEnd(.done(rows: summary.rows), at: now)
        sink.emit(.done(summary))
        whenDone(true)
    }

    func fail(_ error: Diagnostic, _ whenDone: @escaping @Sendable (Bool) -> Void) {
        noteEnd(.failed(code: error.code.rawValue, message: error.message), at: engine.configuration.time.monotonicNanoseconds())
        sink.emit(.failed(error))
        whenDone(false)
    }

    /// Remembers how the statement ended, and logs it when it was slow and not one that goes on until somebody ends it.
    private func noteEnd(_ outcome: RememberedStatement.State, at now: Int64) {
        guard let record = engine.history.end(number, outcome, at: now), let nanoseconds = record.nanoseconds,
            let limit = engine.slowStatement, nanoseconds >= limit.nanoseconds, !isEndless
        else { return }
        engine.configuration.logLine(
            .warning, logText("slow_statement", ["ms": "\(nanoseconds / 1_000_000)", "outcome": record.outcome, "statement": record.text]))
    }

    private var isEndless: Bool {
        switch parsed.statement {
        case .query(let query): query.emit != nil
        case .print: true
        default: false
        }
    }

    private func set(_ name: String, _ value: String) throws(Diagnostic) -> AnswerSummary {
        let kept = SettingTable.keptName(name)
        let old = session.state.withLock { $0.properties[kept] }
        do throws(Diagnostic) { if let notice = try session.set(name, to: value) { sink.emit(.notice(notice)) } } catch {
            throw error.placed(at: parsed.range)
        }
        return AnswerSummary(message: "Successfully changed local property '\(name)'\(old.map { " from '\($0)'" } ?? "") to '\(value)'.")
    }

    private func unset(_ name: String) throws(Diagnostic) -> AnswerSummary {
        let kept = SettingTable.keptName(name)
        guard let old = session.state.withLock({ $0.properties.removeValue(forKey: kept) }) else {
            do throws(Diagnostic) { _ = try SettingTable.settable(name) } catch { throw error.placed(at: parsed.range) }
            throw Diagnostic(
                .invalidSetting, "Cannot unset local property '\(name)' which was never set in the first place.", at: parsed.range)
        }
        return AnswerSummary(message: "Successfully unset local property '\(name)' (value was '\(old)').")
    }
}
