import Diagnostics
import Testing

@Suite struct RenderingTests {
    private func range(_ start: Int, _ end: Int, line: Int = 1, column: Int) -> SourceRange {
        SourceRange(start: start, end: end, line: line, column: column)
    }

    @Test func showsMessageLineCaretAndHint() {
        let diagnostic = Diagnostic(.unknownColumn, "column B is unknown", hint: "Did you mean A?", at: range(7, 8, column: 8))
        #expect(
            diagnostic.rendered(source: "SELECT b FROM s;") == """
                error 42703: column B is unknown
                 1 | SELECT b FROM s;
                   |        ^
                hint: Did you mean A?
                """)
    }

    @Test func carriesTheCaretUnderWideCharacters() {
        let source = "SELECT '表表', bad FROM s;"
        let place = Array(source.utf8).count - Array("bad FROM s;".utf8).count
        let lines = Diagnostic(.unknownColumn, "x", at: range(place, place + 3, column: 14)).rendered(source: source).split(separator: "\n")
        #expect(lines[2] == "   | " + String(repeating: " ", count: 15) + "^~~")
    }

    @Test func showsOnlyTheLineInQuestion() {
        let source = "SELECT a\n\tFROM b\nWHERE c;"
        let text = Diagnostic(.unknownSource, "x", at: range(15, 16, line: 2, column: 7)).rendered(source: source)
        #expect(text == "error 42P01: x\n 2 |  FROM b\n   |       ^")
    }

    @Test func cutsLongLinesAroundTheCaret() {
        let source = String(repeating: "a", count: 500) + " ? " + String(repeating: "b", count: 500)
        let lines = Diagnostic(.syntaxError, "x", at: range(501, 502, column: 502))
            .rendered(source: source, style: RenderingStyle(width: 60)).split(separator: "\n")
        #expect(lines.allSatisfy { displayWidth($0) <= 60 })
        let column = lines[2].firstIndex(of: "^")!
        #expect(lines[1][lines[1].index(lines[1].startIndex, offsetBy: lines[2].distance(from: lines[2].startIndex, to: column))] == "?")
    }

    @Test func controlCharactersCannotReachTheTerminal() {
        let diagnostic = Diagnostic(.syntaxError, "bad \u{1B}[2J", at: range(0, 1, column: 1))
        #expect(!diagnostic.rendered(source: "\u{1B}[2J\u{7}").contains("\u{1B}"))
    }

    @Test func colourIsOnlyThereWhenAskedFor() {
        let diagnostic = Diagnostic(.syntaxError, "x", hint: "y", at: range(0, 1, column: 1))
        #expect(diagnostic.rendered(source: "a", style: RenderingStyle(usesColour: true)).contains("\u{1B}[1;31m"))
        #expect(!diagnostic.rendered(source: "a").contains("\u{1B}"))
    }

    @Test func atMostThreeExpectations() {
        let diagnostic = Diagnostic(.syntaxError, "x", expected: ["a", "b", "c", "d"])
        #expect(diagnostic.rendered() == "error 42601: x\nexpected: a, b, c")
    }

    @Test func rangesOutsideTheTextAreNoProblem() {
        let diagnostic = Diagnostic(.syntaxError, "x", at: range(90, 95, line: 3, column: 4))
        #expect(diagnostic.rendered(source: "short").contains("short"))
    }
}

@Suite struct ErrorCodeTests {
    @Test func codesHaveFiveCharactersAndADocumentedMeaning() {
        for code in ErrorCode.allCases {
            #expect(code.rawValue.count == 5)
            #expect(code.rawValue.allSatisfy { $0.isNumber || ($0.isLetter && $0.isUppercase) })
            #expect(!code.documentation.isEmpty)
        }
        #expect(Set(ErrorCode.allCases.map(\.documentation)).count == ErrorCode.allCases.count)
    }

    @Test func theClassSaysWhoseFaultItIs() {
        #expect(ErrorCode.syntaxError.fault == .statement)
        #expect(ErrorCode.lineTooLong.fault == .limit)
        #expect(ErrorCode.internalError.fault == .bug)
        #expect(ErrorCode.ioError.fault == .environment)
        #expect(ErrorCode.invalidCast.fault == .data)
    }

    @Test func aParseFailureIsAlsoAStatementError() {
        #expect(DiagnosticCategory.parseFailed.isKind(of: .general))
        #expect(DiagnosticCategory.parseFailed.isKind(of: .statement))
        #expect(!DiagnosticCategory.general.isKind(of: .statement))
        #expect(!DiagnosticCategory.runtime.isKind(of: .general))
    }

    @Test func theFullMessageEndsWithTheStatement() {
        let diagnostic = Diagnostic(.statementError, "no").about(statement: "DROP STREAM s;")
        #expect(diagnostic.fullMessage == "no\nStatement: DROP STREAM s;")
        #expect(diagnostic.about(statement: "other").fullMessage == diagnostic.fullMessage)
    }
}
