// The interactive shell: reads entries, distinguishes commands from statements, and runs them until `exit` or the end of the input.

import Bytes
import Diagnostics
package import Platform
import Quantities
package import Sessions
import Syntax

/// The shell on a terminal, or on an input that looks like one.
package final class InteractiveShell {
    /// Where the statements go, as the banner shows it.
    private let place: String
    private let runner: StatementRunner
    private let files: any FileSystem
    private let completion: Completion
    private let version: String
    private let historyPath: String?
    private let interrupts: InterruptWatcher?
    private var format: OutputFormat
    private var showsTiming = false
    private var spool: Spool?
    private var lastStatement: String?
    /// Whether a statement has failed.
    private var hasFailed = false

    /// `historyPath` nil keeps no history between sessions.
    package init(
        session: any StatementSession, place: String, interrupts: InterruptWatcher?, files: any FileSystem, version: String, historyPath: String?,
        format: OutputFormat
    ) {
        self.place = place
        self.files = files
        self.version = version
        self.historyPath = historyPath
        self.format = format
        self.interrupts = interrupts
        runner = StatementRunner(session: session, interrupts: interrupts)
        completion = Completion(runner: runner)
    }

    /// Runs until the end of the input or `exit`. Whether all went well: at a terminal always, where a person has seen what did not;
    /// without one, only when no statement failed.
    package func run() -> Bool {
        guard Terminal.isTerminal(0) else { return runPlain() }
        show("Millrace \(version), \(place). Type help for help, exit to leave.")
        let completion = completion
        guard let editor = LineEditor(program: "millrace", historyPath: historyPath, complete: { completion.choices(for: $0) }) else {
            return runPlain()
        }
        runInteractively(editor)
        return true
    }

    private func runInteractively(_ editor: LineEditor) {
        var entry = ""
        var splitter = StatementSplitter()
        while true {
            switch read(entry.isEmpty ? "millrace> " : "      ... ", with: editor) {
            case .end:
                show("")
                return
            case .interrupted:
                show("")
                entry = ""
                splitter = StatementSplitter()
            case .text(let line):
                if entry.isEmpty, let command = ShellCommand(line) {
                    editor.remember(line.trimmingCharacters)
                    if command == .exit { return }
                    carryOut(command, history: editor.entries)
                    continue
                }
                if entry.isEmpty && line.trimmingCharacters.isEmpty { continue }
                entry += line
                for byte in line.utf8 { _ = splitter.take(byte) }
                guard splitter.pending == .nothing else { continue }
                editor.remember(entry.trimmingCharacters)
                carryOut(statement: entry)
                entry = ""
                splitter = StatementSplitter()
            }
        }
    }

    /// One line from the terminal; an interrupt meanwhile ends it.
    private func read(_ prompt: String, with editor: LineEditor) -> LineEditor.Line {
        guard let interrupts else { return editor.read(prompt: prompt) }
        return interrupts.whileReading { editor.read(prompt: prompt) }
    }

    /// Without a terminal: lines are read as they are, without prompt or history. Whether every statement succeeded.
    private func runPlain() -> Bool {
        var entry = ""
        var splitter = StatementSplitter()
        var isFirst = true
        while var line = Terminal.readInputLine() {
            if isFirst {
                // What is not UTF-8 has been replaced; the two bytes of UTF-16's mark are not.
                if line.unicodeScalars.starts(with: ["\u{FFFD}", "\u{FFFD}"]) {
                    complain("standard input cannot be read: \(TextProblem.notUTF8)")
                    return false
                }
                if line.unicodeScalars.first == "\u{FEFF}" { line.unicodeScalars.removeFirst() }
                line = Script.statements(of: line)
            }
            isFirst = false
            if entry.isEmpty, let command = ShellCommand(line) {
                if command == .exit { break }
                carryOut(command, history: [])
                continue
            }
            entry += line + "\n"
            for byte in (line + "\n").utf8 { _ = splitter.take(byte) }
            guard splitter.pending == .nothing else { continue }
            if !entry.trimmingCharacters.isEmpty { carryOut(statement: entry) }
            entry = ""
            splitter = StatementSplitter()
        }
        if !entry.trimmingCharacters.isEmpty { carryOut(statement: entry) }
        return !hasFailed
    }

    private func carryOut(statement: String) { carryOut(statement: statement, options) }

    private func carryOut(statement: String, _ options: PrinterOptions) {
        lastStatement = statement
        spool?.write(statement.trimmingCharacters)
        if !runner.run(statement, options: options) { hasFailed = true }
        let word = statement.split(whereSeparator: \.isWhitespace).first?.uppercased()
        if word == "CREATE" || word == "DROP" || word == "ALTER" { completion.forget() }
    }

    private var options: PrinterOptions {
        let spool = spool
        return PrinterOptions(
            format: format, width: Terminal.width, usesColor: Terminal.isTerminal(1) && Terminal.environment("NO_COLOR") == nil,
            showsTiming: showsTiming,
            out: { line in
                Terminal.write(line: line, to: 1)
                spool?.write(line)
            },
            err: { line in
                Terminal.write(line: line, to: 2)
                spool?.write(line)
            })
    }

    private func show(_ text: String) { options.out(text) }
    private func complain(_ text: String) { options.err(text) }

    // MARK: Commands

    private func carryOut(_ command: ShellCommand, history: [String]) {
        switch command {
        case .help: show(ShellCommand.helpText)
        case .exit: break
        case .clear: Terminal.write(line: "\u{1B}[H\u{1B}[2J", to: 1)
        case .history:
            for (index, entry) in history.enumerated() {
                let number = String(index + 1)
                show(String(repeating: " ", count: max(0, 4 - number.count)) + number + ": " + entry)
            }
        case .version: show("Millrace \(version)")
        case .server: show(place)
        case .output(let name): setOutput(name)
        case .runScript(let path): runScript(path)
        case .setCLI(let name, let value): setCLI(name, value)
        case .spool(let path): setSpool(path)
        case .timing:
            showsTiming.toggle()
            show("timing is \(showsTiming ? "on" : "off")")
        case .expanded:
            format = format == .vertical ? .table : .vertical
            show("output is \(format.rawValue)")
        case .watch(let pause): watch(pause)
        case .refused(let reason): complain(reason)
        case .statement(let text): carryOut(statement: text)
        case .unknown(let text): complain("unknown command: \(text.prefix(60))\nhint: help lists the commands.")
        }
    }

    private func setOutput(_ name: String?) {
        guard let name else { return show("output is \(format.rawValue)") }
        // ksqlDB's own word for its tables.
        let wanted = name.lowercased() == "tabular" ? "table" : name.lowercased()
        guard let new = OutputFormat(rawValue: wanted) else {
            return complain("unknown output format: \(name)\nhint: table, vertical, csv, tsv or json.")
        }
        format = new
        show("output is \(format.rawValue)")
    }

    private func setCLI(_ name: String, _ value: String) {
        guard name == "WRAP" || name == "COLUMN-WIDTH" else { return complain("unknown setting of the shell: \(name)") }
        show("\(name) \(value): tables fit the terminal by themselves; use output vertical to see long values whole")
    }

    private func runScript(_ path: String) {
        do throws(Diagnostic) {
            let script = try Script(reading: path, from: files)
            var options = options
            options.scriptName = script.name
            carryOut(statement: script.text, options)
        } catch {
            complain(error.message)
        }
    }

    private func setSpool(_ path: String?) {
        if let path {
            if let spool { return complain("already spooling to \(spool.path)\nhint: spool off first.") }
            do throws(SystemError) {
                spool = try Spool(path, files: files)
                show("spooling to \(path)")
            } catch {
                complain("\(path) cannot be written: \(error)")
            }
            return
        }
        guard let spool else { return complain("not spooling") }
        self.spool = nil
        spool.close()
        if let problem = spool.problem { return complain("\(spool.path) is not complete: \(problem)") }
        show("wrote \(spool.path)")
    }

    private func watch(_ pause: Milliseconds) {
        guard let statement = lastStatement else { return complain("there is no statement to repeat") }
        let stop = Monitor(false)
        while true {
            if !runner.run(statement, options: options) { return }
            runner.whileInterruptible({ stop.update { $0 = true } }) {
                stop.wait(nanoseconds: pause.nanoseconds, until: { $0 }, then: { _ in })
            }
            if stop.withLock({ $0 }) { return }
        }
    }
}
