// A script with a mistake says which of its statements were carried out.

import Diagnostics
import Platform
import Sessions
import Shell
import Testing

/// Carries out all statements up to the one that says FAIL; one that says SELEC is no statement, and then none of the text is carried out.
private final class FailingSession: StatementSession {
    private final class Ended: RunningRequest { func cancel() {} }

    func submit(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        func place(_ index: String.Index) -> SourceRange {
            let start = text.utf8.distance(from: text.startIndex, to: index)
            return SourceRange(start: start, end: start + 5, line: text[..<index].count { $0 == "\n" } + 1, column: 1)
        }
        let mistake = text.firstRange(of: "SELEC ") ?? text.firstRange(of: "FAIL")
        let pieces = Script(name: nil, text: text).pieces
        var failure: Diagnostic?
        if let mistake { failure = Diagnostic(.statementError, "no", category: .general, at: place(mistake.lowerBound)) }
        if !text.contains("SELEC ") { for piece in pieces.prefix(while: { !$0.text.contains("FAIL") }) { sink.emit(.done(AnswerSummary(message: piece.text))) } }
        if let failure { sink.emit(.failed(failure)) }
        whenFinished(failure == nil)
        return Ended()
    }
}

@Suite struct ScriptProgressTests {
    /// The last line that is said about a script.
    private func said(_ script: String) -> [String] {
        let lines = Monitor<[String]>([])
        let unused: @Sendable (String) -> Result<Surroundings.Connection, Diagnostic> = { _ in .failure(Diagnostic(.usage, "no", category: .general)) }
        let conversation = Conversation(
            Surroundings.Connection(session: FailingSession(), place: ""),
            options: PrinterOptions(isQuiet: true, out: { _ in }, err: { line in lines.update { $0.append(line) } }),
            surroundings: Surroundings(
                files: MemoryFileSystem(), interrupts: nil, version: "1", connect: unused, load: { _, _, _ in .failure(Diagnostic(.usage, "no", category: .general)) }))
        conversation.run(Script(name: "s.sql", text: script))
        return Array(lines.withLock { $0 }.dropFirst())
    }

    @Test func aMistakeInTheSyntaxComesBeforeAll() {
        let nothing = ["Nothing was carried out: a text is read as a whole before its first statement is."]
        #expect(said("CREATE a;\nCREATE b;\nSELEC 1;\n") == nothing && said("CREATE a; SELEC 1;") == nothing)
        #expect(said("SELEC 1;\nCREATE a;") == [] && said("SELEC 1;") == [])
        // Up to a command of the shell it is a text of its own.
        #expect(said("CREATE a;\n\\echo x\nCREATE b;\nSELEC 1;") == ["1 statement before it was carried out, on line 1: CREATE a;"])
    }

    @Test func statementsBeforeAMistakeAreCounted() {
        #expect(said("CREATE a;\nFAIL;\nCREATE b;") == ["1 statement before it was carried out, on line 1: CREATE a;"])
        #expect(said("CREATE a;\n\nCREATE\n  b;\nFAIL;") == ["2 statements before it were carried out, the last of them on line 3: CREATE b;"])
        #expect(said("FAIL; CREATE a;") == [] && said("CREATE a;\nCREATE b;") == [])
    }
}
