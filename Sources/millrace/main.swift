// The program: understands its arguments, carries out the command, and leaves with an exit code that says how it went: 0 done, 1 a
// statement failed, 2 usage, 3 cannot connect or start, 130 interrupted.

import CommandLineTable
import Diagnostics
import Engine
import Pages
import Platform
import Sessions

/// Why a command ended badly.
struct CommandFailure: Error {
    let diagnostic: Diagnostic
    let exitCode: Int32

    /// A statement, or data, was refused.
    static func refused(_ diagnostic: Diagnostic) -> CommandFailure { CommandFailure(diagnostic: diagnostic, exitCode: 1) }
    /// The command line makes no sense.
    static func usage(_ diagnostic: Diagnostic) -> CommandFailure { CommandFailure(diagnostic: diagnostic, exitCode: 2) }
    /// Something that the command needs could not be had.
    static func cannotStart(_ diagnostic: Diagnostic) -> CommandFailure { CommandFailure(diagnostic: diagnostic, exitCode: 3) }
}

/// What shells report of a program that Ctrl-C ended: 128 and the number of the signal.
let interruptedExitCode = signalExitCode(2)
/// That of what SIGTERM ended.
let terminatedExitCode = signalExitCode(15)

/// What shells report of a program that a signal ended.
func signalExitCode(_ number: Int32) -> Int32 { number < 128 ? 128 + number : 255 }

func perform(_ invocation: Invocation) throws(CommandFailure) -> Int32 {
    switch invocation.command {
    case .serve: return try ServeCommand(invocation).run()
    case .load: return try LoadCommand(invocation).run()
    case .tail: return try TailCommand(invocation).run()
    case .topics: return try TopicsCommand(invocation).run()
    case .top: return try TopCommand(invocation).run()
    case .doctor: return try DoctorCommand(invocation).run()
    case .completions:
        // The table admits only shells that have a script.
        ByteStream.output.print(CompletionScript.script(for: invocation.operands[0]) ?? "")
        return 0
    case .shell: return try ShellCommandLine(invocation).run()
    case .run: return try RunCommand(invocation).run()
    case .test: return try TestCommand(invocation).run()
    case .user: return try UserCommand(invocation).run()
    case .bench: return try BenchCommand(invocation).run()
    }
}

func complain(_ diagnostic: Diagnostic) {
    let style = RenderingStyle(usesColour: Terminal.showsColor(2))
    ByteStream.errors.print(diagnostic.rendered(style: style) + "\n")
}

unblockSignals()
keepFreedMemory()
do throws(Diagnostic) {
    switch try parseCommandLine(Array(CommandLine.arguments.dropFirst())) {
    case .help(let text): ByteStream.output.print(text)
    case .page(let page): ByteStream.output.print(page.rendered(width: min(Terminal.width ?? 80, 120)))
    case .version: ByteStream.output.print("\(CommandTable.program) \(productVersion)\n")
    case .run(let invocation):
        do throws(CommandFailure) {
            exitProcess(try perform(invocation))
        } catch {
            complain(error.diagnostic)
            exitProcess(error.exitCode)
        }
    }
} catch {
    complain(error)
    exitProcess(2)
}
