// `millrace tail`: the raw records of a stream, table or topic as they come, one a line, until it is interrupted.

import Bytes
import CommandLineTable
import Diagnostics
import Engine
import JSONText
import Platform

/// Follows one topic.
struct TailCommand {
    private let invocation: Invocation

    init(_ invocation: Invocation) throws(CommandFailure) {
        self.invocation = invocation
        if invocation[.server] == nil, invocation[.data] == nil {
            throw .usage(Diagnostic(.usage, "tail needs --server HOST:PORT or --data DIR", category: .general))
        }
    }

    func run() throws(CommandFailure) -> Int32 {
        let door = try Door.open(invocation)
        defer { door.close() }
        let name = invocation.operands[0].split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        var statement = "PRINT '\(name)'"
        if invocation.isOn(.fromBeginning) { statement += " FROM BEGINNING" }
        if let limit = invocation[.limit]?.integer { statement += " LIMIT \(limit)" }
        let answer = TextAnswer()
        try answer.collect(statement + ";", from: door.session)
        return 0
    }
}

/// Prints the text lines of an answer as they come.
final class TextAnswer: AnswerSink {
    private let failure = Monitor<Diagnostic?>(nil)

    /// Carries out one statement and waits for its end.
    func collect(_ statement: String, from session: any StatementSession) throws(CommandFailure) {
        let isOver = Monitor(false)
        let request = session.submit(statement, into: self) { _ in isOver.update { $0 = true } }
        isOver.wait(until: { $0 }, then: { _ in })
        withExtendedLifetime(request) {}
        if let error = failure.withLock({ $0 }) { throw error.code == .connectionLost ? .cannotStart(error) : .refused(error) }
    }

    func emit(_ event: AnswerEvent) {
        switch event {
        case .rows(let block):
            var text: [UInt8] = []
            for index in 0..<block.count {
                // Each row is an array of one text.
                let row = try? JSONValue(parsing: block.row(index))
                text += Array((row?[0]?.stringValue ?? "").utf8) + [0x0A]
            }
            do throws(SystemError) {
                try ByteStream.output.write(text)
            } catch {
                exitProcess(0)  // The reader of a pipe has left, which is how `| head` ends.
            }
        case .notice(let text): ByteStream.errors.print("note: \(text)\n")
        case .failed(let error): failure.update { $0 = error }
        case .columns, .done: break
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}
