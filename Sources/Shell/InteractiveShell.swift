// The interactive shell: reads entries, distinguishes commands from statements, and runs them until `exit` or the end of the input.

import Bytes
import Diagnostics
import Platform
import Sessions
import Syntax

/// The shell on a terminal, or on an input that looks like one.
package final class InteractiveShell {
    private let conversation: Conversation
    private let historyPath: String?
    private let profilePath: String?
    private let completer: Completer
    private var splitter = StatementSplitter()

    /// `historyPath` nil keeps no history between sessions. `profilePath` is a script that is carried out first at a terminal, if it exists.
    package init(_ conversation: Conversation, historyPath: String?, profilePath: String?) {
        self.conversation = conversation
        self.historyPath = historyPath
        self.profilePath = profilePath
        completer = Completer(runner: conversation.runner, files: conversation.surroundings.files)
    }

    /// Runs until the end of the input or `exit`. Whether all went well: at a terminal always, where a person has seen what did not;
    /// without one, only when no statement failed.
    package func run() -> Bool {
        guard Terminal.isTerminal(0) else { return runPlain() }
        conversation.isInteractive = true
        conversation.show(
            "Millrace \(conversation.surroundings.version), \(conversation.connection.place).\nType help for help, exit to leave.")
        guard let editor = LineEditor(program: "millrace", historyPath: historyPath, completer: completer) else { return runPlain() }
        conversation.history = { editor.entries }
        conversation.catalogMayHaveChanged = { [completer, conversation] in completer.forget(runner: conversation.runner) }
        if let profilePath, conversation.surroundings.files.exists(profilePath) { conversation.runScript(profilePath) }
        while !conversation.isOver {
            completer.earlierLines = conversation.unfinished
            switch read(with: editor) {
            case .end:
                conversation.show("")
                return true
            case .interrupted:
                conversation.show("")
                forget()
            case .text(let text): take(text, editor)
            }
        }
        return true
    }

    /// An entry: a line, or what was pasted.
    private func take(_ text: String, _ editor: LineEditor) {
        if let loss = editor.lossOfLastLine {
            // What is not as it was typed is not carried out.
            editor.remember(text.trimmingCharacters)
            conversation.complain("The entry is not carried out: \(loss). It is in the history.")
            return
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast(text.hasSuffix("\n") ? 1 : 0)
        // Pasted lines are looked back at as they came.
        if lines.count > 1, conversation.unfinished.isEmpty { editor.remember(text.trimmingCharacters) }
        for line in lines where !conversation.isOver { take(line: String(line), isPasted: lines.count > 1, editor) }
    }

    private func take(line: String, isPasted: Bool, _ editor: LineEditor) {
        let isAtStart = conversation.unfinished.isEmpty
        let isInStatement = splitter.pending == .statement
        if isAtStart || isInStatement && line.trimmingCharacters.hasPrefix("\\"), let command = ShellCommand(line) {
            if !isPasted { editor.remember(line.trimmingCharacters) }
            conversation.carryOut(command)
            reconsider()
            return
        }
        if isAtStart && line.trimmingCharacters.isEmpty { return }
        if isInStatement, let command = ShellCommand(line) { tellWay(command) }
        if let (statement, command) = commandBehindStatement(in: line) {
            if !isPasted { editor.remember(line.trimmingCharacters) }
            conversation.unfinished += statement + "\n"
            conversation.carryOut(command)
            return reconsider()
        }
        conversation.unfinished += line + "\n"
        for byte in (line + "\n").utf8 { _ = splitter.take(byte) }
        guard splitter.pending == .nothing else { return }
        let statement = conversation.unfinished
        forget()
        if !isPasted { editor.remember(statement.trimmingCharacters) }
        conversation.carryOut(statement: statement)
    }

    /// A command at the end of a line that takes the statement in front of it, as `SELECT 1 \gx`; nil where the backslash stands in quotes.
    private func commandBehindStatement(in line: String) -> (statement: String, command: ShellCommand)? {
        guard let slash = line.lastIndex(of: "\\"), slash > line.startIndex, line[line.index(before: slash)].isWhitespace else { return nil }
        let (statement, text) = (String(line[..<slash]), String(line[slash...]))
        guard ["\\g", "\\gx", "\\watch"].contains(text.prefix { !$0.isWhitespace }), let command = ShellCommand(text) else { return nil }
        var before = splitter
        for byte in statement.utf8 { _ = before.take(byte) }
        guard before.pending == .statement else { return nil }
        return (statement, command)
    }

    /// Someone wants to leave, or help, in the middle of a statement.
    private func tellWay(_ command: ShellCommand) {
        switch command {
        case .exit: conversation.show("A statement is not ended yet: \\q leaves, \\r forgets the statement, ; ends it.")
        case .help: conversation.show("A statement is not ended yet: \\? shows help, \\r forgets the statement, ; ends it.")
        default: break
        }
    }

    private func forget() {
        conversation.unfinished = ""
        splitter = StatementSplitter()
    }

    /// A command may have changed what is typed so far.
    private func reconsider() {
        splitter = StatementSplitter()
        for byte in conversation.unfinished.utf8 { _ = splitter.take(byte) }
    }

    /// One line from the terminal; an interrupt meanwhile ends it.
    private func read(with editor: LineEditor) -> LineEditor.Line {
        let prompt = InteractiveShell.prompt(conversation.unfinished.isEmpty ? nil : splitter)
        guard let interrupts = conversation.surroundings.interrupts else { return editor.read(prompt: prompt) }
        return interrupts.whileReading { editor.read(prompt: prompt) }
    }

    /// The prompt, which shows what a statement lacks that is not ended yet.
    static func prompt(_ splitter: StatementSplitter?) -> String {
        guard let splitter else { return "millrace> " }
        let mark = switch splitter.pending {
        case .quote(let quote): "\(quote)"
        case .comment: "/*"
        case .statement: splitter.depth > 0 ? "(" : ""
        case .nothing: ""
        }
        return String(repeating: " ", count: 6 - mark.count) + mark + "... "
    }

    /// Without a terminal: lines are read as they are, without prompt or history. Whether every statement succeeded.
    private func runPlain() -> Bool {
        var entry = ""
        var isFirst = true
        while !conversation.isOver, var line = Terminal.readInputLine() {
            if isFirst {
                // What is not UTF-8 has been replaced; the two bytes of UTF-16's mark are not.
                if line.unicodeScalars.starts(with: ["\u{FFFD}", "\u{FFFD}"]) {
                    conversation.complain("standard input cannot be read: \(TextProblem.notUTF8)")
                    return false
                }
                if line.unicodeScalars.first == "\u{FEFF}" { line.unicodeScalars.removeFirst() }
                line = Script.statements(of: line)
            }
            isFirst = false
            if entry.isEmpty, let command = ShellCommand(line) {
                conversation.carryOut(command)
                continue
            }
            entry += line + "\n"
            for byte in (line + "\n").utf8 { _ = splitter.take(byte) }
            guard splitter.pending == .nothing else { continue }
            if !entry.trimmingCharacters.isEmpty { conversation.carryOut(statement: entry) }
            entry = ""
            splitter = StatementSplitter()
        }
        if !entry.trimmingCharacters.isEmpty { conversation.carryOut(statement: entry) }
        return !conversation.hasFailed
    }
}
