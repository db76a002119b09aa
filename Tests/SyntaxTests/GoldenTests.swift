import Diagnostics
import Syntax
import TestSupport
import Testing

@Suite struct GoldenTests {
    private static var options: ParserOptions {
        var options = ParserOptions()
        options.acceptsTestAssertions = true
        options.acceptsRunScript = true
        options.variables = ["name": "orders", "fmt": "'JSON'", "n": "10", "quoted": "`my col`", "topic": "it's"]
        return options
    }

    @Test func trees() throws {
        try checkGolden("trees") { input in
            do throws(Diagnostic) {
                return try parse(input, options: GoldenTests.options).map { drawing(of: $0.statement) }.joined(separator: "\n")
            } catch {
                return "error: " + error.fullMessage
            }
        }
    }

    @Test func canonicalText() throws {
        try checkGolden("canonical") { input in
            do throws(Diagnostic) {
                return try parse(input, options: GoldenTests.options).map(\.statement.canonicalText).joined(separator: "\n")
            } catch {
                return "error: " + error.fullMessage
            }
        }
    }

    @Test func errors() throws {
        try checkGolden("errors") { input in
            var options = ParserOptions()
            options.variables = ["name": "two words", "n": "'text'"]
            do throws(Diagnostic) {
                return "parsed: " + (try parse(input, options: options).map(\.statement.canonicalText).joined(separator: "\n"))
            } catch {
                return error.rendered(source: input)
            }
        }
    }
}

/// Compares with `Tests/Golden/Syntax/<name>.txt`.
func checkGolden(_ name: String, _ output: (String) -> String) throws {
    for mismatch in try goldenMismatches("Syntax/\(name)", output) { Issue.record("\(mismatch)") }
}
