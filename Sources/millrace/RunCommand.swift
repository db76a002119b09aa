// `millrace run`: carries out scripts and stops at the first error. Push queries start at the beginning of their topics here, because a
// script that waits for rows that came before it would surprise everyone.

import CommandLineTable
import Diagnostics
import Engine
import Platform
import Shell

/// The command with its arguments.
struct RunCommand {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(CommandFailure) -> Int32 {
        let scripts = try texts()
        var embedded = EmbeddedEngine()
        embedded.pushStart = "earliest"
        let door = try Door.open(invocation, embedded)
        defer { door.close() }
        // Queries that a data directory brings along catch up before anything is asked of them.
        if invocation[.data] != nil { door.drain() }
        try door.define(invocation.all(.define))
        let interrupts = try watchInterrupts()
        let runner = StatementRunner(session: door.session, interrupts: interrupts)
        for text in scripts {
            if !runner.run(text, options: printerOptions(invocation)) { return runner.wasInterrupted ? interruptedExitCode : 1 }
        }
        door.drain()
        return 0
    }

    /// What is to be carried out: `-c`, the files, or the standard input.
    private func texts() throws(CommandFailure) -> [String] {
        var texts: [String] = []
        if let command = invocation[.command]?.text { texts.append(command) }
        for path in invocation.operands { texts.append(try scriptText(path)) }
        if texts.isEmpty {
            // A person who waits at a terminal did not mean to type a script.
            if Terminal.isTerminal(0) {
                throw .usage(Diagnostic(.usage, "run needs a FILE or -c SQL", category: .general, hint: "Use - to type the script here."))
            }
            texts = [try scriptText("-")]
        }
        return texts
    }
}

/// The text of a script; `-` is the standard input.
func scriptText(_ path: String) throws(CommandFailure) -> String {
    do throws(SystemError) {
        guard path == "-" else { return String(decoding: try HostFileSystem().contents(of: path), as: UTF8.self) }
        var bytes: [UInt8] = []
        while try ByteStream.input.read(upTo: 1 << 16, into: &bytes) > 0 {}
        return String(decoding: bytes, as: UTF8.self)
    } catch {
        throw .cannotStart(Diagnostic(.noSuchFile, "the script \(path) cannot be read: \(error)", category: .general))
    }
}

/// Makes Ctrl-C cancel the query that runs.
func watchInterrupts() throws(CommandFailure) -> InterruptWatcher {
    do throws(SystemError) { return try InterruptWatcher() } catch {
        throw .cannotStart(Diagnostic(.ioError, "Ctrl-C cannot be watched for: \(error)", category: .general))
    }
}

/// How answers are to be printed, from `--output` and from what the output is.
func printerOptions(_ invocation: Invocation) -> PrinterOptions {
    let isTerminal = Terminal.isTerminal(1)
    return PrinterOptions(
        format: invocation[.output]?.text.flatMap(OutputFormat.init) ?? .table, width: Terminal.width,
        usesColor: isTerminal && Terminal.environment("NO_COLOR") == nil, isQuiet: (invocation[.output]?.text ?? "table") != "table",
        out: { Terminal.write(line: $0, to: 1) }, err: { Terminal.write(line: $0, to: 2) })
}
