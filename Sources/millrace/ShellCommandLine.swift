// `millrace` and `millrace shell`: the interactive shell, or the statements of `-c` and `-f`.

import CommandLineTable
import Diagnostics
import Platform
import Settings
import Shell

/// The command with its arguments.
struct ShellCommandLine {
    private let settings: CommandSettings
    private var invocation: Invocation { settings.invocation }

    init(_ invocation: Invocation) throws(CommandFailure) { settings = try CommandSettings(invocation) }

    func run() throws(CommandFailure) -> Int32 {
        let scripts = try settings.scripts()
        let isTyped = scripts.isEmpty && Terminal.isTerminal(0)
        let door = try Door.open(settings, pushStart: isTyped ? "latest" : "earliest", makesData: true)
        defer { door.close() }
        try door.define(invocation.all(.define))
        let conversation = try Conversation(with: door, at: place, invocation)
        if !scripts.isEmpty { return carryOut(scripts, in: conversation) }
        let home = Terminal.environment("HOME")
        let shell = InteractiveShell(
            conversation, historyPath: home.map { $0 + "/.millrace-history" }, profilePath: home.map { $0 + "/.millracerc" })
        return shell.run() ? 0 : 1
    }

    private var place: String {
        if let address = invocation[.server]?.address { return "server \(address)" }
        if let directory = invocation[.data]?.text { return "data in \(directory)" }
        return "in memory: nothing is kept when you leave (--data DIR keeps it)"
    }
}
