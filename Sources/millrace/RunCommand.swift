// `millrace run`: carries out scripts and stops at the first error. Push queries start at the beginning of their topics here, because a
// script that waits for rows that came before it would surprise everyone.

import CommandLineTable
import Diagnostics
import Platform
import Settings
import Shell

/// The command with its arguments.
struct RunCommand {
    private let settings: CommandSettings

    init(_ invocation: Invocation) throws(CommandFailure) { settings = try CommandSettings(invocation) }

    func run() throws(CommandFailure) -> Int32 {
        let invocation = settings.invocation
        let scripts = try wantedScripts()
        let door = try Door.open(settings, pushStart: "earliest", makesData: true)
        defer { door.close() }
        // Queries that a data directory brings along catch up before anything is asked of them.
        if invocation[.data] != nil { door.drain() }
        try door.define(invocation.all(.define))
        let conversation = try Conversation(with: door, at: "", invocation, takesTermination: true)
        let status = carryOut(scripts, in: conversation)
        // Nothing is left that an interrupt could cancel: it ends the wait for the queries, which go on from where they are.
        if let interrupts = conversation.surroundings.interrupts {
            interrupts.onInterrupt { abandonProcess(interrupts.wasTerminated ? terminatedExitCode : interruptedExitCode) }
        }
        if status == 0 { door.drain() }
        return status
    }

    /// The scripts of `-c`, `-f` and operands, or the standard input.
    private func wantedScripts() throws(CommandFailure) -> [Script] {
        let scripts = try settings.scripts()
        guard scripts.isEmpty else { return scripts }
        // A person who waits at a terminal did not mean to type a script.
        if Terminal.isTerminal(0) {
            throw .usage(Diagnostic(.usage, "run needs a FILE or -c SQL", category: .general, hint: "Use - to type the script here."))
        }
        return [try script("-")]
    }
}
