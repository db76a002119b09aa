// What does not fit a whole number is no other number in questions; queries that never end wrap, as ksqlDB's do.

import Platform
import Sessions
import Testing

@Suite struct NumberRangeTests {
    private func rows(_ millrace: Millrace, _ question: String) -> [String] {
        millrace.run(question).filter { $0.hasPrefix(": ") }.map { String($0.dropFirst(2)) }
    }

    private func filled() throws -> Millrace {
        let millrace = try Millrace()
        _ = millrace.run("CREATE TABLE t (a INT, b BIGINT); INSERT INTO t VALUES (2147483647, 9223372036854775807), (1, 1);")
        return millrace
    }

    @Test func sums() throws {
        let millrace = try filled()
        defer { millrace.close() }
        #expect(rows(millrace, "SELECT SUM(a) FROM t;") == ["[2147483648]"])
        #expect(rows(millrace, "SELECT SUM(a) OVER (ORDER BY b) FROM t;") == ["[1]", "[2147483648]"])
        #expect(rows(millrace, "SELECT SUM(b - 1) FROM t;") == ["[9223372036854775806]"])
        for question in ["SELECT SUM(b) FROM t;", "SELECT SUM(b) OVER () FROM t;", "SELECT a > 0, SUM(b) FROM t GROUP BY a > 0;"] {
            #expect(millrace.error(of: question)?.message.contains("a sum does not fit BIGINT") == true, "\(question)")
        }
    }

    @Test(arguments: [
        ("3000000000::INT", "3000000000 does not fit INTEGER"), ("CAST(1e300 AS INT)", "1.0E300 does not fit INTEGER"),
        ("CAST(-1e19 AS BIGINT)", "-1.0E19 does not fit BIGINT"), ("CAST(9223372036854775807.0e0 AS BIGINT)", "does not fit BIGINT"),
        ("CAST(2147483648.5 AS INT)", "2147483648.5 does not fit INTEGER"), ("DIV(-9223372036854775807 - 1, -1)", "does not fit BIGINT"),
    ])
    func conversions(expression: String, problem: String) throws {
        let millrace = try filled()
        defer { millrace.close() }
        #expect(rows(millrace, "SELECT \(expression) AS x;") == ["[null]"])
        let answer = Monitor<AnswerSummary?>(nil)
        let client = SummaryClient { summary in answer.update { $0 = summary } }
        _ = millrace.session.execute("SELECT \(expression) AS x;", into: client)
        let summary = answer.wait(until: { $0 != nil }) { $0 }
        #expect(summary?.skipped == 1 && summary?.firstProblem?.contains(problem) == true, "\(String(describing: summary))")
    }

    @Test func whatFits() throws {
        let millrace = try filled()
        defer { millrace.close() }
        #expect(
            rows(millrace, "SELECT 2147483647::BIGINT::INT, CAST(-2147483648.9e0 AS INT), CAST(2147483647.9 AS INT), CAST(-9223372036854775808.0e0 AS BIGINT);")
                == ["[2147483647,-2147483648,2147483647,-9223372036854775808]"])
    }

    /// Whole numbers of more than 64 bits are decimals.
    @Test func longNumbers() throws {
        let millrace = try filled()
        defer { millrace.close() }
        _ = millrace.run("CREATE TABLE d (n DECIMAL(38, 0)); INSERT INTO d VALUES (99999999999999999999999999999999999999), (-18446744073709551616);")
        #expect(
            rows(millrace, "SELECT n, n > 9223372036854775808 FROM d ORDER BY n;")
                == ["[-18446744073709551616,false]", "[99999999999999999999999999999999999999,true]"])
        #expect(rows(millrace, "SELECT 9223372036854775808 - 1 = 9223372036854775807, -9223372036854775808;") == ["[true,-9223372036854775808]"])
        #expect(millrace.run("SELECT \(String(repeating: "9", count: 39));").last?.hasPrefix("- ") == true)
    }

    @Test func queriesThatNeverEnd() throws {
        let millrace = try filled()
        defer { millrace.close() }
        _ = millrace.run("""
            CREATE STREAM s (k INT KEY, a INT) WITH (partitions = 1); CREATE TABLE u AS SELECT k, SUM(a) AS n FROM s GROUP BY k;
            INSERT INTO s VALUES (1, 2147483647), (1, 1);
            """)
        #expect(rows(millrace, "SELECT n FROM u;") == ["[-2147483648]"])
    }
}
