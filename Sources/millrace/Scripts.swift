// The scripts of a command line: `-c`, `-f` and operands, in the order in which they were given.

import Client
import CommandLineTable
import Diagnostics
import Platform
import Sessions
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
func carryOut(_ scripts: [Script], in conversation: Conversation) -> Int32 {
    for script in scripts where !conversation.run(script) { return conversation.wasInterrupted ? conversation.interruptedStatus : 1 }
    return 0
}

extension Conversation {
    /// What a command ends with that was interrupted.
    var interruptedStatus: Int32 { surroundings.interrupts?.wasTerminated == true ? terminatedExitCode : interruptedExitCode }

    /// A conversation with what a door leads to. Ctrl-C cancels the query that runs, and so does SIGTERM where it `takesTermination`.
    convenience init(
        with door: Door, at place: String, _ invocation: Invocation, takesTermination: Bool = false
    ) throws(CommandFailure) {
        let interrupts: InterruptWatcher
        do throws(SystemError) { interrupts = try InterruptWatcher(takesTermination: takesTermination) } catch {
            throw .cannotStart(Diagnostic(.ioError, "Ctrl-C cannot be watched for: \(error)", category: .general))
        }
        let like = door.server ?? ServerPlace(.file(""))
        let surroundings = Surroundings(
            files: HostFileSystem(), interrupts: interrupts, version: productVersion,
            connect: { address in result { () throws(Diagnostic) in try connectedShell(address, like: like) } },
            load: { session, source, path in result { () throws(Diagnostic) in try loadedFile(session, source, path) } })
        self.init(Surroundings.Connection(session: door.session, place: place), options: printerOptions(invocation), surroundings: surroundings)
    }
}

private func result<Success>(_ work: () throws(Diagnostic) -> Success) -> Result<Success, Diagnostic> {
    do throws(Diagnostic) { return .success(try work()) } catch { return .failure(error) }
}

/// A session at another server, for the command `server`. A path is that of a socket.
private func connectedShell(_ address: String, like: ServerPlace) throws(Diagnostic) -> Surroundings.Connection {
    let network: NetworkAddress
    do throws(ValueProblem) {
        guard let named = try ValueKind.server(defaultPort: SettingTable.defaultPort).value(of: address).address else {
            throw ValueProblem(reason: "takes HOST:PORT")
        }
        network = named
    } catch {
        throw Diagnostic(.usage, "server \(error.reason)", category: .general)
    }
    var place = ServerPlace(SocketAddress(network))
    place.usesTLS = network.usesTLS
    if network.path == nil { (place.authorities, place.login) = (like.authorities, like.login) }
    let session = ReconnectingSession(try RemoteSession(connectingTo: place), at: place)
    return Surroundings.Connection(session: session, place: "server \(place.usesTLS ? NetworkAddress.scheme : "")\(place.address)")
}

/// Loads a file, for the command `\copy`. All records must be good.
private func loadedFile(_ session: any StatementSession, _ source: String, _ path: String) throws(Diagnostic) -> String {
    let load = BulkLoad(source: source, paths: [path], format: LoadFormat(ofFile: path))
    let outcome = try load.run(in: session, showsProgress: true)
    let sentence = ([outcome.report.sentence] + outcome.notes).joined(separator: "; ")
    if var damage = outcome.damage {
        damage.hint = "\(sentence) into \(source) before that."
        throw damage
    }
    if outcome.report.rejected > 0 {
        throw Diagnostic(.dataError, sentence, category: .general, hint: "SELECT * FROM MILLRACE_ERRORS; shows all of them.")
    }
    return "\(sentence) into \(source)"
}

/// How answers are to be printed, from `--output` and from what the output is.
func printerOptions(_ invocation: Invocation) -> PrinterOptions {
    let format = invocation[.output]?.text.flatMap(OutputFormat.init(name:)) ?? .table
    return PrinterOptions(
        drawing: Drawing(format: format, width: Terminal.width), usesColor: Terminal.showsColor(2), isQuiet: format != .table,
        out: { Terminal.write(line: $0, to: 1) },
        err: { Terminal.write(line: wordWrapped($0, width: Terminal.isTerminal(2) ? Terminal.width : nil), to: 2) })
}
