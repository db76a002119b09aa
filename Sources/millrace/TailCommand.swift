// `millrace tail`: the raw records of a stream, table or topic as they come, one a line, until it is interrupted.

import Bytes
import CommandLineTable
import Diagnostics
import Engine
import JSONText
import Platform
import Sessions
import Settings

/// Follows one topic.
struct TailCommand {
    private let settings: CommandSettings
    private var invocation: Invocation { settings.invocation }

    init(_ given: Invocation) throws(CommandFailure) {
        settings = try CommandSettings(given)
        let invocation = settings.invocation
        if invocation[.server] == nil, invocation[.data] == nil {
            throw .usage(Diagnostic(.usage, "tail needs --server HOST:PORT or --data DIR", category: .general))
        }
    }

    func run() throws(CommandFailure) -> Int32 {
        let door = try Door.open(settings)
        defer { door.close() }
        var statement = "PRINT \(Door.quoted(invocation.operands[0]))"
        var startsAtBeginning = invocation.isOn(.fromBeginning)
        if case .embedded = door {
            // Nobody else can write into a directory that this process has: what is there is all that will come.
            startsAtBeginning = true
            _ = try TableAnswer().table(of: "SET '\(SettingKey<Bool>.followsTopics.name)' = 'false';", from: door.session)
        }
        if startsAtBeginning { statement += " FROM BEGINNING" }
        if let limit = invocation[.limit]?.integer { statement += " LIMIT \(limit)" }
        let answer = try TextAnswer(output: invocation[.output]?.text ?? "table", of: door.session)
        return try answer.collect(statement + ";", from: door.session) ? 0 : answer.interruptedStatus
    }
}

/// Prints what PRINT gives as it comes: lines of text as they are, or for programs rows in one of the other forms.
final class TextAnswer: AnswerSink {
    private let output: String
    /// What PRINT begins the line of a record with.
    private static let recordStart = "rowtime: "
    /// The columns of the answer.
    private let table = Monitor(RowTable("text"))
    /// The columns of the answer have come, its end has not; whether a row has; and whether nothing is printed any more.
    private let progress = Monitor((isOpen: false, isFirst: true, isOver: false))

    /// Has the session give rows where lines of text would not do. Errors: it cannot.
    init(output: String, of session: any StatementSession) throws(CommandFailure) {
        self.output = output
        if output == "table" { return }
        _ = try TableAnswer().table(of: "SET '\(SettingKey<Bool>.printsColumns.name)' = 'true';", from: session)
    }

    private let failure = Monitor<Diagnostic?>(nil)
    /// Whether it was SIGTERM that ended it.
    private let wasTerminated = Monitor(false)
    /// What a command ends with that was interrupted.
    var interruptedStatus: Int32 { wasTerminated.withLock { $0 } ? terminatedExitCode : interruptedExitCode }

    /// Carries out one statement and waits for its end, or for Ctrl-C, after which what was begun of a document is ended all the same. False
    /// when it was interrupted.
    func collect(_ statement: String, from session: any StatementSession) throws(CommandFailure) -> Bool {
        let isOver = Monitor<Bool?>(nil)
        let interrupts: InterruptWatcher
        do throws(SystemError) { interrupts = try InterruptWatcher(takesTermination: true) } catch {
            throw .cannotStart(Diagnostic(.ioError, "Ctrl-C cannot be watched for: \(error)", category: .general))
        }
        interrupts.onInterrupt { isOver.update { $0 = $0 ?? false } }
        let request = session.submit(statement, into: self) { _ in isOver.update { $0 = $0 ?? true } }
        let isWhole = isOver.wait(until: { $0 != nil }, then: { $0 ?? true })
        withExtendedLifetime(request) {}
        if let error = failure.withLock({ $0 }) { throw error.code == .connectionLost ? .cannotStart(error) : .refused(error) }
        if !isWhole { end() }
        wasTerminated.update { $0 = interrupts.wasTerminated }
        return isWhole
    }

    func emit(_ event: AnswerEvent) {
        switch event {
        case .rows(let block):
            let table = table.withLock { $0 }
            var text = "", headings = ""
            for index in 0..<block.count {
                let cells = (try? JSONValue(parsing: block.row(index)))?.arrayValue ?? []
                let isFirst = progress.withLock { progress in
                    defer { progress.isFirst = false }
                    return progress.isFirst
                }
                let line = table.line(cells, output, isFirst: isFirst)
                // A program that reads lines of text wants the records; what they seem to be is for people.
                if output == "table", !line.hasPrefix(TextAnswer.recordStart) { headings += line } else { text += line }
            }
            progress.withLock { progress in
                if progress.isOver { return }
                if !headings.isEmpty { ByteStream.errors.print(headings) }
                ByteStream.output.print(text)
            }
        case .notice(let text): ByteStream.errors.print("note: \(text)\n")
        case .failed(let error):
            end()
            failure.update { $0 = error }
        case .columns(let columns, _):
            let table = RowTable(columns.map(\.name), [])
            self.table.update { $0 = table }
            ByteStream.output.print(table.head(output))
            progress.update { $0.isOpen = true }
        case .position: break
        case .done: end()
        }
    }

    private func end() {
        let table = table.withLock { $0 }
        progress.update { progress in
            if progress.isOpen { ByteStream.output.print(table.end(output)) }
            (progress.isOpen, progress.isOver) = (false, true)
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}
