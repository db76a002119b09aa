// What a shell knows from one entry to the next, and how it carries out statements and its own commands, whether they are typed or stand in
// a script.

package import Diagnostics
package import Platform
package import Sessions

/// What surrounds a conversation.
package struct Surroundings: Sendable {
    /// An engine, and how messages name it.
    package struct Connection: Sendable {
        /// What carries statements out.
        package var session: any StatementSession
        /// Such as `server 127.0.0.1:6455`.
        package var place: String

        /// A session and its name.
        package init(session: any StatementSession, place: String) {
            self.session = session
            self.place = place
        }
    }

    /// Where scripts, results and histories lie.
    package var files: any FileSystem
    /// Takes Ctrl-C; nil: that ends the program.
    package var interrupts: InterruptWatcher?
    /// The program's own.
    package var version: String
    /// Connects to the server of this address.
    package var connect: @Sendable (_ address: String) -> Result<Connection, Diagnostic>
    /// Loads a file into a source; what has become of it in one sentence. Errors: nothing was loaded, or not all of it.
    package var load: @Sendable (_ session: any StatementSession, _ source: String, _ path: String) -> Result<String, Diagnostic>

    /// Surroundings as given.
    package init(
        files: any FileSystem, interrupts: InterruptWatcher?, version: String,
        connect: @escaping @Sendable (_ address: String) -> Result<Connection, Diagnostic>,
        load: @escaping @Sendable (_ session: any StatementSession, _ source: String, _ path: String) -> Result<String, Diagnostic>
    ) {
        self.files = files
        self.interrupts = interrupts
        self.version = version
        self.connect = connect
        self.load = load
    }
}

/// A conversation with one engine after the other.
package final class Conversation {
    /// What it was made with.
    package let surroundings: Surroundings
    private(set) var connection: Surroundings.Connection
    private(set) var runner: StatementRunner
    /// Template of how answers are printed.
    var options: PrinterOptions
    var usesPager = true
    /// A copy of everything that is shown.
    var spool: Spool?
    /// Where results go instead of the terminal.
    var resultFile: Spool?
    var lastStatement: String?
    /// What is typed of a statement that is not ended yet.
    var unfinished = ""
    /// All entries, oldest first.
    var history: () -> [String] = { [] }
    /// To be called when the catalog may have changed.
    var catalogMayHaveChanged: () -> Void = {}
    /// Whether a person types: only then there are counts, notices and pages.
    var isInteractive = false
    /// Scripts that are being carried out inside one another.
    var scriptDepth = 0
    /// Whether `exit` was read.
    private(set) var isOver = false
    /// How many statements of the text that was carried out last succeeded, and the mistake of the one that did not.
    private var lastOutcome: (doneCount: Int, failure: Diagnostic?) = (0, nil)
    /// Whether a statement has failed.
    package private(set) var hasFailed = false

    /// Whether a statement was ended by Ctrl-C.
    package var wasInterrupted: Bool { runner.wasInterrupted }

    /// A conversation that begins with this engine. `options` say where answers go.
    package init(_ connection: Surroundings.Connection, options: PrinterOptions, surroundings: Surroundings) {
        self.connection = connection
        self.options = options
        self.surroundings = surroundings
        runner = StatementRunner(session: connection.session, interrupts: surroundings.interrupts)
    }

    func change(to connection: Surroundings.Connection) {
        self.connection = connection
        runner = StatementRunner(session: connection.session, interrupts: surroundings.interrupts)
    }

    // MARK: Output

    /// How the answer to the next statement is printed.
    var currentOptions: PrinterOptions {
        var current = options
        let (out, err, spool, resultFile) = (options.out, options.err, spool, resultFile)
        if isInteractive {
            current.drawing.width = resultFile == nil ? Terminal.width : nil
            current.showsCounts = true
            let command = usesPager && spool == nil && resultFile == nil ? PagedOutput.command(files: surroundings.files) : nil
            if let command, let height = Terminal.height { current.pages = { PagedOutput(command: command, height: height, out: out) } }
        }
        current.isIntoFile = resultFile != nil
        current.out = { text in
            if let resultFile { return resultFile.write(text) }
            out(text)
            spool?.write(text)
        }
        current.err = { text in
            err(text)
            spool?.write(text)
        }
        return current
    }

    func show(_ text: String) {
        options.out(text)
        spool?.write(text)
    }

    func complain(_ text: String) {
        hasFailed = true
        options.err(text)
        spool?.write(text)
    }

    // MARK: Statements

    /// Carries out statements. Whether all of them succeeded.
    @discardableResult
    func carryOut(statement: String, scriptName: String? = nil) -> Bool {
        carryOut(statement: statement, with: currentOptions, scriptName: scriptName)
    }

    @discardableResult
    func carryOut(statement: String, with given: PrinterOptions, scriptName: String? = nil) -> Bool {
        var given = given
        given.scriptName = scriptName
        let words = statement.split { !$0.isLetter }.map { $0.uppercased() }
        if isInteractive, scriptName == nil {
            lastStatement = statement
            spool?.write(statement.trimmingCharacters)
            if words.contains("EMIT") { given.pushNotice = pushNotice }
        }
        let printer = AnswerPrinter(statement, options: given)
        let succeeded = runner.run(statement, into: printer)
        lastOutcome = printer.outcome
        if !succeeded { hasFailed = true }
        if isInteractive, let empty = printer.emptyAnswer { explainEmpty(empty.readings.sources) }
        if words.contains("CREATE") || words.contains("DROP") || words.contains("ALTER") { catalogMayHaveChanged() }
        return succeeded
    }

    /// Where a query that goes on begins, and how it ends.
    private var pushNotice: String {
        // A session that has just begun anew says so here, and its settings are what it began with.
        let rows = runner.rows("SHOW PROPERTIES;", notice: currentOptions.err)
        let place = rows.first { $0.first == "auto.offset.reset" }?.compactMap { $0?.lowercased() } ?? []
        if place.contains("earliest") { return "From the earliest rows on; Ctrl-C ends the query." }
        return "Rows from now on; SET 'auto.offset.reset'='earliest'; shows those that are there, too. Ctrl-C ends the query."
    }

    /// Says what is wrong with the queries that make the sources of an empty answer.
    private func explainEmpty(_ sources: [String]) {
        guard !sources.isEmpty else { return }
        for row in runner.rows("SHOW QUERIES;") where row.count > 3 {
            guard let id = row[0], let status = row[2], let sink = row[3], sources.contains(sink) else { continue }
            for state in ["ERROR", "PAUSED"] where status.contains(state) {
                options.err("Query \(id), which makes \(sink), is \(state == "ERROR" ? "in ERROR" : "paused"); EXPLAIN \(id); tells more.")
            }
        }
    }

    // MARK: Scripts

    /// Scripts inside scripts are carried out to this depth: one that runs itself ends.
    private static let deepestScript = 16

    /// Carries out a script up to its first error. Whether all went well.
    @discardableResult
    package func run(_ script: Script) -> Bool {
        guard scriptDepth < Conversation.deepestScript else {
            complain("\(script.name ?? "a script") is not carried out: scripts run one another more than \(Conversation.deepestScript) deep")
            return false
        }
        scriptDepth += 1
        defer { scriptDepth -= 1 }
        let interrupts = runner.interruptCount
        var progress = ScriptProgress()
        for part in script.parts where !isOver {
            guard runner.interruptCount == interrupts else {
                runner.noteInterrupt()
                return false
            }
            switch part {
            case .statements(let text):
                let succeeded = carryOut(statement: text, scriptName: script.name)
                progress.take(text, doneCount: lastOutcome.doneCount, failure: lastOutcome.failure)
                if !succeeded {
                    if let sentence = progress.sentence { options.err(sentence) }
                    return false
                }
            case .command(let command, let line):
                let failedBefore = hasFailed
                hasFailed = false
                carryOut(command)
                let failed = hasFailed
                hasFailed = failed || failedBefore
                if failed {
                    if let name = script.name {
                        // A script that was called has said what is wrong; what is left to say is from where.
                        if case .runScript = command { options.err("called at \(name):\(line)") } else { options.err("\(name):\(line): the command failed") }
                    }
                    if let sentence = progress.sentence { options.err(sentence) }
                    return false
                }
            }
        }
        return true
    }

    func runScript(_ path: String) {
        do throws(Diagnostic) {
            run(try Script(reading: expandingHome(path), from: surroundings.files))
        } catch {
            complain(error.message)
        }
    }

    func leave() { isOver = true }

    /// Something was not done that has said itself why.
    func noteFailure() { hasFailed = true }
}
