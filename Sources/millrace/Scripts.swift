// The scripts of a command line: `-c`, `-f` and operands, in the order in which they were given.

import CommandLineTable
import Diagnostics
import Platform
import Settings
import Shell

extension CommandSettings {
    /// What is to be carried out, in the order in which it was given. All files are read before anything runs.
    func scripts() throws(CommandFailure) -> [Script] {
        var scripts: [Script] = []
        for argument in invocation.sequence {
            switch argument {
            case .option(.command, let value): scripts.append(Script(name: nil, text: value.text ?? ""))
            case .option(.file, let value): scripts.append(try script(value.text ?? "-"))
            case .operand(let path): scripts.append(try script(path))
            case .option: break
            }
        }
        return scripts
    }
}

/// The script of a path; `-` is the standard input.
func script(_ path: String) throws(CommandFailure) -> Script {
    do throws(Diagnostic) {
        guard path == "-" else { return try Script(reading: path, from: HostFileSystem()) }
        var bytes: [UInt8] = []
        do throws(SystemError) {
            while try ByteStream.input.read(upTo: 1 << 16, into: &bytes) > 0 {}
        } catch {
            throw Diagnostic(.noSuchFile, "standard input cannot be read: \(error)", category: .general)
        }
        return try Script(name: "standard input", bytes: bytes)
    } catch {
        throw .cannotStart(error)
    }
}

/// Carries scripts out up to the first error; the exit code that says how it went.
func carryOut(_ scripts: [Script], in door: Door, _ invocation: Invocation, interrupts: InterruptWatcher) -> Int32 {
    let runner = StatementRunner(session: door.session, interrupts: interrupts)
    for script in scripts {
        var options = printerOptions(invocation)
        options.scriptName = script.name
        if !runner.run(script.text, options: options) { return runner.wasInterrupted ? interruptedExitCode : 1 }
    }
    return 0
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
