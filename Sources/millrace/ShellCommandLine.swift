// `millrace` and `millrace shell`: the interactive shell, or the statements of `-c` and `-f`.

import CommandLineTable
import Diagnostics
import Engine
import Platform
import Shell

/// The command with its arguments.
struct ShellCommandLine {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(CommandFailure) -> Int32 {
        let door = try Door.open(invocation)
        defer { door.close() }
        try door.define(invocation.all(.define))
        let interrupts = try watchInterrupts()
        var texts: [String] = []
        if let command = invocation[.command]?.text { texts.append(command) }
        if let path = invocation[.file]?.text { texts.append(try scriptText(path)) }
        if !texts.isEmpty {
            let runner = StatementRunner(session: door.session, interrupts: interrupts)
            for text in texts where !runner.run(text, options: printerOptions(invocation)) {
                return runner.wasInterrupted ? interruptedExitCode : 1
            }
            return 0
        }
        let home = Terminal.environment("HOME")
        let shell = InteractiveShell(
            session: door.session, place: place, interrupts: interrupts, files: HostFileSystem(), version: productVersion,
            historyPath: home.map { $0 + "/.millrace-history" }, format: invocation[.output]?.text.flatMap(OutputFormat.init) ?? .table)
        return shell.run() ? 0 : 1
    }

    private var place: String {
        if let address = invocation[.server]?.address { return "server \(address.host):\(address.port)" }
        if let directory = invocation[.data]?.text { return "data in \(directory)" }
        return "in memory: nothing is kept when you leave (--data DIR keeps it)"
    }
}
