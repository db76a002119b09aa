// Questions with wrong or refused answers that users have met.
import Engine
import Testing

@Suite struct QuestionRefusalTests {
    private func ask(_ text: String) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.close() }
        return millrace.run(text)
    }

    /// A series that is too long is no empty table.
    @Test func tableFunctionsThatCannotBeComputed() throws {
        let answer = try ask("SELECT COUNT(*) FROM GENERATE_SERIES(1, 3000000);")
        #expect(answer.count == 1 && answer[0].hasPrefix("- "), "\(answer)")
        let missing = try ask("SELECT COUNT(*) FROM (VALUES (1)) t(x) WHERE 1 NOT IN (SELECT * FROM GENERATE_SERIES(1,3000000) g(x));")
        #expect(missing.count == 1 && missing[0].hasPrefix("- "), "\(missing)")
    }

    @Test func truncationNeverGoesUp() throws {
        let first = try ask("SELECT DATE_TRUNC('hour', FROM_UNIXTIME(CAST('-9223372036854775808' AS BIGINT)));")
        #expect(first.contains(": [null]"), "\(first)")
        let years = try ask("SELECT DATE_TRUNC('century', DATE '2000-05-05'), DATE_TRUNC('millennium', DATE '2001-05-05');")
        #expect(years.contains(#": ["1901-01-01","2001-01-01"]"#), "\(years)")
    }

    @Test func longTextsAreRepeated() throws {
        let answer = try ask("SELECT LEN(REPEAT('abc', 5)), REPEAT('abc', 5), LEN(REPEAT('xy', 500000));")
        #expect(answer.contains(#": [15,"abcabcabcabcabc",1000000]"#), "\(answer)")
    }
}
