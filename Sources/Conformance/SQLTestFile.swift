// A file of SQL tests: a script in sections. `--@test: name` begins a test, which runs in an engine of its own; a file without that line is
// one test, named like the file. `--@expected.error: class` and `--@expected.message: text` say that the last statement of the test must
// fail, with that kind of error and with that text in its message.

import Diagnostics
import Syntax

/// One SQL test.
struct SQLTest: Sendable {
    /// `<file stem> - <name>`, or the stem alone.
    var name: String
    /// The statements with the line of the file at which each begins.
    var statements: [(line: Int, text: String)] = []
    var expectedError: ExpectedError?
    /// What is wrong with the test itself.
    var problem: String?
}

enum SQLTestFile {
    /// The tests of a file, in its order.
    static func tests(in text: String, stem: String) -> [SQLTest] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let starts = lines.indices.filter { directive(lines[$0])?.name == "test" }
        guard let first = starts.first else { return [test(named: stem, lines[...])] }
        var tests: [SQLTest] = []
        let before = test(named: stem, lines[..<first])
        if !before.statements.isEmpty || before.expectedError != nil || before.problem != nil {
            var misplaced = before
            misplaced.problem = "there are statements before the first --@test"
            tests.append(misplaced)
        }
        for (index, start) in starts.enumerated() {
            let end = index + 1 < starts.count ? starts[index + 1] : lines.count
            tests.append(test(named: "\(stem) - \(directive(lines[start])?.value ?? "")", lines[start..<end]))
        }
        return tests
    }

    /// `--@name: value`
    private static func directive(_ line: String) -> (name: String, value: String)? {
        guard line.hasPrefix("--@"), let colon = line.firstIndex(of: ":") else { return nil }
        let name = line[line.index(line.startIndex, offsetBy: 3)..<colon]
        return (trimmed(name).lowercased(), trimmed(line[line.index(after: colon)...]))
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }

    private static func test(named name: String, _ lines: ArraySlice<String>) -> SQLTest {
        var test = SQLTest(name: name)
        for line in lines {
            guard let (name, value) = directive(line) else { continue }
            switch name {
            case "test": break
            case "expected.error":
                test.expectedError = ExpectedError(category: category(of: value), message: test.expectedError?.message ?? "")
            case "expected.message": test.expectedError = ExpectedError(category: test.expectedError?.category, message: value)
            default: test.problem = "unknown directive --@\(name)"
            }
        }
        var at = lines.startIndex + 1
        for piece in StatementSplitter.split(lines.joined(separator: "\n")) {
            let lines = piece.split(separator: "\n", omittingEmptySubsequences: false)
            let before = lines.prefix { trimmed($0).isEmpty || trimmed($0).hasPrefix("--") }.count
            // Comments behind the last statement are no statement.
            if before < lines.count { test.statements.append((at + before, piece)) }
            at += piece.count { $0 == "\n" }
        }
        return test
    }

    /// The kind of error that a class of ksqlDB's stands for; nil for classes that are not distinguished further.
    private static func category(of name: String) -> DiagnosticCategory? {
        switch name.split(separator: ".").last {
        case "ParseFailedException": .parseFailed
        case "KsqlStatementException": .statement
        case "KsqlException": .general
        case "StreamsException": .runtime
        default: nil
        }
    }
}
