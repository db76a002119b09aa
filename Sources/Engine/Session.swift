// A session: one user's settings and variables, and the requests that are under way for them.

package import Diagnostics
package import Platform
package import Sessions
import Settings
import Syntax

/// A request that was handed to a session. Cancelling it ends its query; it then ends with `failed` and the code for cancelled.
package final class Request: RunningRequest {
    private struct State: Sendable {
        var isCancelled = false
        var cancel: (@Sendable () -> Void)?
    }
    private let state = Monitor(State())

    package var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Ends what the request is doing, as soon as it can be ended.
    package func cancel() {
        let call = state.update { state -> (@Sendable () -> Void)? in
            state.isCancelled = true
            defer { state.cancel = nil }
            return state.cancel
        }
        call?()
    }

    /// Says what cancelling means from now on; done at once if the request is cancelled already.
    func onCancel(_ cancel: (@Sendable () -> Void)?) {
        let isLate = state.update { state in
            state.cancel = state.isCancelled ? nil : cancel
            return state.isCancelled
        }
        if isLate { cancel?() }
    }
}

/// What a session remembers between statements.
struct SessionState: Sendable {
    /// Settings changed with SET, under their bare names.
    var properties: [String: String] = [:]
    /// Variables of DEFINE, by name in upper case.
    var variables: [String: String] = [:]
    /// How much of this session was acknowledged that its later questions must see: rows, and queries over rows that were there.
    var writes = 0
    /// What `writes` was when rows of this session were acknowledged last.
    var rowWrites = 0
    /// How many of these each source that was asked for had seen when its upstream queries had last caught up.
    var seenWrites: [String: Int] = [:]
    /// The mark of the script's statement that is being carried out; nil where no script runs.
    var scriptMark: String?

    /// Rows of this session were acknowledged.
    mutating func noteRows() {
        writes += 1
        rowWrites = writes
    }
}

/// One user's session at the engine.
package final class EngineSession: Sendable {
    let engine: MillraceEngine
    let state: Monitor<SessionState>
    /// Whether it may change what exists; not where a script alone decides that.
    let mayDefine: Bool
    /// The number under which listings know its client.
    let connection: Int?

    init(engine: MillraceEngine, properties: [String: String], mayDefine: Bool, connection: Int? = nil) {
        self.engine = engine
        self.connection = connection
        self.mayDefine = mayDefine
        state = Monitor(SessionState(properties: properties))
    }

    /// Carries out the statements of `text` one after the other; the events of all of them go to `sink`, each statement ending with
    /// `done` or `failed`. After a `failed` the rest is not carried out. Returns at once.
    @discardableResult
    package func execute(
        _ text: String, positions: PositionWish = .none, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void = { _ in }
    ) -> Request {
        let request = Request()
        onStatementThread(sink, whenFinished) { [self] in
            let options = parserOptions
            do throws(Diagnostic) {
                let parsed = try parse(text, options: options)
                if parsed.count == 1 { return perform(parsed[...], positions, request, sink, whenFinished) }
                if case .after = positions { throw RowPosition.ofSeveralStatements }
                perform(parsed[...], .none, request, sink, whenFinished)
            } catch {
                let number = engine.history.begin(text, connection: connection, at: engine.clock)
                engine.history.end(number, .failed(code: error.code.rawValue, message: error.message), at: engine.clock.monotonicNanoseconds())
                sink.emit(.failed(error))
                whenFinished(false)
            }
        }
        return request
    }

    /// Checks the syntax of a text without carrying any of it out. Errors: the first mistake, with its place in the text.
    package func checkSyntax(of text: String) throws(Diagnostic) { _ = try parse(text, options: parserOptions) }

    /// Has `work` done on a thread for statements; an engine that closes ends the request instead.
    private func onStatementThread(
        _ sink: any AnswerSink, _ whenFinished: @escaping @Sendable (Bool) -> Void, _ work: @escaping @Sendable () -> Void
    ) {
        if engine.statements.run(work) { return }
        sink.emit(.failed(StatementExecution.shuttingDown))
        whenFinished(false)
    }

    private func perform(
        _ statements: ArraySlice<ParsedStatement>, _ positions: PositionWish, _ request: Request, _ sink: any AnswerSink,
        _ whenFinished: @escaping @Sendable (Bool) -> Void
    ) {
        guard let first = statements.first else { return whenFinished(true) }
        if request.isCancelled {
            sink.emit(.failed(StatementExecution.cancelledOnRequest))
            return whenFinished(false)
        }
        let rest = statements.dropFirst()
        let execution = StatementExecution(engine: engine, session: self, request: request, sink: sink, parsed: first, positions: positions)
        execution.perform { [self] succeeded in
            if !succeeded { return whenFinished(false) }
            if rest.isEmpty { return whenFinished(true) }
            onStatementThread(sink, whenFinished) { [self] in perform(rest, positions, request, sink, whenFinished) }
        }
    }

    /// Sets a property as SET does; gives the sentence for one that changes nothing. Errors: unknown, not settable, no such value.
    @discardableResult
    package func set(_ name: String, to value: String) throws(Diagnostic) -> String? {
        let accepted = try SettingTable.accept(name, value: value, denied: engine.deniedSettings)
        state.withLock { $0.properties[accepted.name] = value }
        return accepted.notice
    }

    /// What the server and this session have set, by bare name; queries that are made now take it with them.
    var givenProperties: [String: String] { engine.serverProperties.merging(state.withLock { $0.properties }) { _, new in new } }

    /// The settings in force in this session.
    var settings: SettingValues {
        SettingValues(givenProperties)
    }

    /// How texts of this session are read: with its variables, unless it has switched them off.
    var parserOptions: ParserOptions {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        options.variables = state.withLock { $0.variables }
        options.substitutesVariables = settings[.variableSubstitution]
        let name = SettingKey<Bool>.variableSubstitution.name
        options.substitutionSettings = [name, "ksql.streams." + name]
        options.isFull = settings[.dialect] == .full
        options.dialectSetting = SettingKey.dialect.name
        return options
    }

    /// The value of a property in this session: its own, else the server's, else the default.
    package func property(_ name: String) -> String? {
        state.withLock { $0.properties[name] } ?? engine.serverProperty(name) ?? SettingTable.entry(name)?.defaultText
    }

    /// All effective properties by bare name.
    var effectiveProperties: [String: String] {
        SettingTable.defaultTexts.merging(givenProperties) { _, new in new }
    }
}

extension EngineSession: StatementSession {
    package func submit(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        execute(text, positions: positions, into: sink, whenFinished: whenFinished)
    }
}

extension EngineSession {
    /// The clock of the engine.
    package var clock: any TimeSource { engine.clock }
}
