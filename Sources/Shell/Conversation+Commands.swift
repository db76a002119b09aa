// The shell's own commands, carried out.

import Bytes
import Diagnostics
import Platform
import Quantities
import Sessions
import Syntax
import Values

extension Conversation {
    /// A page is as wide as the terminal, and goes through the pager where it is taller.
    private func showHelp(_ topic: String?) {
        guard let topic else { return show(StatementHelp.commands) }
        show(StatementHelp.text(about: topic, width: min(options.drawing.width ?? 80, 120)))
    }

    /// Carries out a command of the shell.
    func carryOut(_ command: ShellCommand) {
        switch command {
        case .help(let topic): showHelp(topic)
        case .exit: leave()
        case .clear: options.out("\u{1B}[H\u{1B}[2J")
        case .history: showHistory()
        case .version: show("Millrace \(surroundings.version)")
        case .connection: show(connection.place)
        case .server(let address): connect(to: address)
        case .output(let name): setFormat(name)
        case .runScript(let path): runScript(path)
        case .setCLI(let name, let value): setCLI(name, value)
        case .spool(let path): setSpool(path)
        case .resultFile(let path): setResultFile(path)
        case .timing:
            options.showsTiming.toggle()
            show("timing is \(options.showsTiming ? "on" : "off")")
        case .expanded(let expansion): setExpansion(expansion ?? (options.drawing.expansion == .on ? .off : .on))
        case .printSetting(let name, let value): setPrinting(name, value)
        case .watch(let pause): watch(pause)
        case .live(let question): live(question)
        case .edit(let path): edit(path)
        case .system(let text): carryOutOfShell(text.isEmpty ? Terminal.environment("SHELL") ?? "/bin/sh" : text)
        case .go(let going): go(going)
        case .copy(let copy): self.copy(copy)
        case .list(let listing, let pattern, let isExtended): list(listing, pattern, isExtended)
        case .show(let text): show(text)
        case .reset:
            unfinished = ""
            show("What was typed is forgotten.")
        case .print: show(unfinished.isEmpty ? lastStatement?.trimmingCharacters ?? "Nothing is typed yet." : unfinished)
        case .refused(let reason): complain(reason)
        case .statement(let text): carryOut(statement: text)
        case .unknown(let text):
            complain("unknown command: \(text.prefix(60))\nhint: \(ShellCommand.suggestion(for: text) ?? "help lists the commands.")")
        }
    }

    private func showHistory() {
        for (index, entry) in history().enumerated() {
            let number = String(index + 1)
            show(String(repeating: " ", count: max(0, 4 - number.count)) + number + ": " + entry)
        }
    }

    private func connect(to address: String) {
        do throws(Diagnostic) {
            change(to: try surroundings.connect(address).get())
            catalogMayHaveChanged()
            show("Connected to \(connection.place).")
        } catch {
            complain(error.rendered(style: RenderingStyle(usesColour: options.usesColor)))
        }
    }

    // MARK: Forms

    private func setFormat(_ name: String?) {
        guard let name else { return show("output is \(options.drawing.format.rawValue)") }
        guard let format = OutputFormat(name: name) else {
            let all = OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")
            return complain("unknown output format: \(name.prefix(40))\nhint: It is one of \(all).")
        }
        options.drawing.format = format
        show("output is \(format.rawValue)")
    }

    private func setExpansion(_ expansion: Drawing.Expansion) {
        options.drawing.expansion = expansion
        switch expansion {
        case .on: show("every value gets a line of its own")
        case .off: show("rows are lines of a table")
        case .auto: show("rows are lines of a table where that fits the terminal")
        }
    }

    private func setPrinting(_ name: String?, _ value: String?) {
        switch (name?.lowercased(), value) {
        case (nil, _):
            show("format    \(options.drawing.format.rawValue)\nexpanded  \(options.drawing.expansion.rawValue)")
            show("null      \(options.drawing.null)\npager     \(usesPager ? "on" : "off")")
        case ("format", let value): setFormat(value)
        case ("expanded", let value): carryOut(ShellCommand("\\x " + (value ?? "")) ?? .expanded(nil))
        case ("null", let value):
            options.drawing.null = value.map(ShellCommand.unquoted) ?? ""
            show("NULL is shown as '\(options.drawing.null)'")
        case ("pager", let value):
            let value = value?.lowercased() ?? (usesPager ? "off" : "on")
            guard ["on", "off"].contains(value) else { return complain("pager is on or off") }
            usesPager = value == "on"
            show("pager is \(value)")
        case (let name?, _): complain("unknown setting: \(name.prefix(40))\nhint: There are format, expanded, null and pager.")
        }
    }

    private func setCLI(_ name: String, _ value: String) {
        guard name == "WRAP" || name == "COLUMN-WIDTH" else { return complain("unknown setting of the shell: \(name)") }
        show("\(name) \(value): tables fit the terminal by themselves; \\x shows long values whole")
    }

    // MARK: Files

    private func setSpool(_ path: String?) {
        if let path {
            if let spool { return complain("already spooling to \(spool.path)\nhint: spool off first.") }
            spool = opened(path)
            if let spool { show("spooling to \(spool.path)") }
            return
        }
        guard let spool else { return complain("not spooling") }
        self.spool = nil
        close(spool)
    }

    private func setResultFile(_ path: String?) {
        if let resultFile {
            self.resultFile = nil
            close(resultFile)
        }
        guard let path else { return }
        resultFile = opened(path)
        if let resultFile { show("results go to \(resultFile.path) until \\o") }
    }

    private func opened(_ path: String) -> Spool? {
        do throws(SystemError) {
            return try Spool(expandingHome(path), files: surroundings.files)
        } catch {
            complain("\(path) cannot be written: \(error)")
            return nil
        }
    }

    /// Ends a file and says whether it is whole.
    private func close(_ file: Spool) {
        file.close()
        if let problem = file.problem { return complain("\(file.path) is not complete: \(problem)") }
        show("wrote \(file.path)")
    }

    private func copy(_ copy: ShellCommand.Copy) {
        let path = expandingHome(copy.path)
        if copy.isExport {
            guard let file = opened(path) else { return }
            var options = currentOptions
            options.drawing = Drawing(format: copy.format ?? ShellCommand.Copy.format(of: path))
            options.out = { file.write($0) }
            options.isIntoFile = true
            options.pages = nil
            options.isQuiet = true
            options.showsCounts = false
            let succeeded = carryOut(statement: "SELECT * FROM \(copy.source);", with: options)
            if succeeded { close(file) } else { file.close() }
            return
        }
        do throws(Diagnostic) {
            show(try surroundings.load(connection.session, copy.source, path).get())
        } catch {
            complain(error.rendered(style: RenderingStyle(usesColour: options.usesColor)))
        }
    }

    // MARK: Statements

    private func go(_ going: ShellCommand.Going) {
        let text = unfinished.isEmpty ? lastStatement ?? "" : unfinished + ";"
        unfinished = ""
        guard !text.isEmpty else { return complain("there is no statement to carry out") }
        var options = currentOptions
        if going.isExpanded { options.drawing.expansion = .on }
        guard let path = going.path else {
            carryOut(statement: text, with: options)
            return
        }
        guard let file = opened(path) else { return }
        options.drawing.width = nil
        options.pages = nil
        options.out = { file.write($0) }
        options.isIntoFile = true
        carryOut(statement: text, with: options)
        close(file)
    }

    private func watch(_ pause: Milliseconds) {
        guard let statement = unfinished.isEmpty ? lastStatement : unfinished + ";" else { return complain("there is no statement to repeat") }
        unfinished = ""
        let stop = Monitor(false)
        let before = runner.interruptCount
        while true {
            show("\(TemporalText.text(timestamp: SystemTime().wallMilliseconds())) (again after \(Double(pause.count) / 1000) s, Ctrl-C ends)")
            if !carryOut(statement: statement) { return }
            runner.whileInterruptible({ stop.update { $0 = true } }) {
                // One that came before has called nothing.
                if runner.interruptCount == before { stop.wait(nanoseconds: pause.nanoseconds, until: { $0 }, then: { _ in }) }
            }
            if stop.withLock({ $0 }) || runner.interruptCount != before { return show("") }
        }
    }

    private func list(_ listing: ShellCommand.Listing, _ pattern: String, _ isExtended: Bool) {
        for statement in listing.statements(isExtended: isExtended) {
            let printer = AnswerPrinter(statement, options: currentOptions)
            if !runner.submitFiltered(statement, into: printer, where: { fits($0, pattern) }) { noteFailure() }
        }
    }

    // MARK: Other programs

    private func carryOutOfShell(_ text: String) {
        do throws(SystemError) {
            let status = try runInForeground(text)
            if status != 0 { complain("the command ended with \(status)") }
        } catch {
            complain("\(error)")
        }
    }

    /// Has the unfinished statement, the last one or a file edited. What is complete then is carried out, the rest waits for its end.
    private func edit(_ given: String?) {
        let text = unfinished.isEmpty ? lastStatement ?? "" : unfinished
        do throws(SystemError) {
            let path: String
            if let given {
                path = expandingHome(given)
            } else {
                path = try makeTemporaryFile(ending: ".sql", Array((text.trimmingCharacters + "\n").utf8))
            }
            defer { if given == nil { try? surroundings.files.removeFile(path) } }
            let editor = Terminal.environment("VISUAL") ?? Terminal.environment("EDITOR") ?? "vi"
            let status = try runInForeground("\(editor) '\(path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'")
            guard status == 0 else { return complain("\(editor) ended with \(status); nothing is carried out") }
            let bytes = try surroundings.files.contents(of: path)
            take(edited: String(decoding: bytes, as: UTF8.self))
        } catch {
            complain("\(error)")
        }
    }

    private func take(edited text: String) {
        unfinished = ""
        let text = text.trimmingCharacters
        guard !text.isEmpty else { return show("There is nothing in it.") }
        show(text)
        var splitter = StatementSplitter()
        for byte in text.utf8 { _ = splitter.take(byte) }
        if splitter.pending == .nothing { carryOut(statement: text) } else { unfinished = text + "\n" }
    }
}

extension ShellCommand.Copy {
    /// The form that the ending of a file's name asks for: CSV unless it is that of another one.
    package static func format(of path: String) -> OutputFormat {
        let endings: [String: OutputFormat] = [
            "json": .json, "ndjson": .ndjson, "jsonl": .ndjson, "tsv": .tsv, "md": .markdown, "txt": .table,
        ]
        return path.lastIndex(of: ".").flatMap { endings[path[path.index(after: $0)...].lowercased()] } ?? .csv
    }
}
