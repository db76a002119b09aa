// `millrace top`: the queries of a server with their rates, lags, states and errors, asked for with SQL; redrawn on a terminal, else
// printed once.

import CommandLineTable
import Diagnostics
import Platform
import Quantities
import Settings
import Shell

/// The command with its arguments.
struct TopCommand {
    private let settings: CommandSettings
    private let seconds: Int
    private let once: Bool

    /// Errors: the command line makes no sense.
    init(_ given: Invocation) throws(CommandFailure) {
        settings = try CommandSettings(given)
        let invocation = settings.invocation
        seconds = invocation[.interval]?.integer ?? 2
        let format = invocation[.output]?.text ?? "table"
        once = invocation.isOn(.once) || !Terminal.isTerminal(1) || format != "table"
        if invocation[.server] == nil {
            throw .usage(
                Diagnostic(
                    .usage, "top needs --server HOST:PORT", category: .general,
                    hint: "A data directory that no server works in has no running queries."))
        }
    }

    /// The summary above the queries, and the queries, the busiest first.
    private static let summary = """
        SELECT (SELECT COUNT(*) FROM millrace.connections) AS connections, \
        (SELECT COUNT(*) FROM millrace.statements WHERE state = 'RUNNING' \
        AND statement NOT LIKE '%FROM millrace.connections%') AS statements, \
        (SELECT COUNT(*) FROM millrace.statements WHERE state = 'FAILED') AS failed, \
        (SELECT SUM(bytes) FROM millrace.memory WHERE NOT on_disk) AS state_bytes, \
        (SELECT SUM(bytes) FROM millrace.topics) AS log_bytes;
        """
    /// The queries, with as many columns as `width` has room for beside ids of usual length.
    private static func queries(width: Int?) -> String {
        let columns = switch width ?? .max {
        case ..<80: "id, state, ROUND(records_per_second, 1) AS rate, lag"
        case ..<130: "id, state, ROUND(records_per_second, 1) AS rate, lag, skipped, last_error"
        default: "id, kind, state, ROUND(records_per_second, 1) AS per_second, lag, lag_ms, state_bytes, skipped, last_error"
        }
        return "SELECT \(columns) FROM millrace.queries WHERE NOT (kind = 'PULL' AND statement LIKE '%FROM millrace.queries%') "
            + "ORDER BY records_per_second DESC NULLS LAST, id;"
    }

    func run() throws(CommandFailure) -> Int32 {
        let door = try Door.open(settings)
        defer { door.close() }
        let interrupts: InterruptWatcher
        do throws(SystemError) { interrupts = try InterruptWatcher() } catch {
            throw .cannotStart(Diagnostic(.ioError, "Ctrl-C cannot be watched for: \(error)", category: .general))
        }
        // Also while nothing is asked: then the wait ends.
        let stop = Monitor(false)
        let runner = StatementRunner(session: door.session, interrupts: nil)
        interrupts.onInterrupt { stop.update { $0 = true } }
        if once { return ask(runner, isFrame: false) { Terminal.write(line: $0, to: 1) } ? 0 : 1 }
        let screen = LiveScreen()
        let problem = Monitor<String?>(nil)
        Terminal.whileWatchingKeys({ key in if key == UInt8(ascii: "q") { stop.update { $0 = true } } }) {
            var hasAnswered = false
            while !stop.withLock({ $0 }) {
                let frame = Monitor("")
                let isAnswered = ask(runner) { text in frame.update { $0 += text + "\n" } }
                hasAnswered = hasAnswered || isAnswered
                let text = frame.withLock { $0 }
                // A server that was there may be started anew: the frame says what is wrong, and the next one asks again.
                guard hasAnswered else { return problem.update { $0 = text } }
                screen.draw(text, foot: "q or Ctrl-C ends")
                stop.wait(nanoseconds: Milliseconds(Int64(seconds).multipliedSaturated(by: 1000)).nanoseconds, until: { $0 }, then: { _ in })
            }
        }
        if let problem = problem.withLock({ $0 }) {
            ByteStream.errors.print(problem)
            return 1
        }
        ByteStream.output.print("\n")
        return 0
    }

    /// Asks for both tables; whether that went well.
    /// In a frame errors stand where the tables would.
    private func ask(_ runner: StatementRunner, isFrame: Bool = true, _ out: @escaping @Sendable (String) -> Void) -> Bool {
        var options = printerOptions(settings.invocation)
        options.out = out
        if isFrame { options.err = out }
        options.drawing.expansion = .off
        let isTable = options.drawing.format == .table
        let queries = TopCommand.queries(width: isTable ? options.drawing.width : nil)
        return (!isTable || runner.run(TopCommand.summary, options: options)) && runner.run(queries, options: options)
    }
}
