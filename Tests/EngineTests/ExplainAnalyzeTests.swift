// EXPLAIN ANALYZE: the rows of each step are those of the question itself.

import Engine
import Testing

@Suite struct ExplainAnalyzeTests {
    /// The steps with the rows that they hand on; their times differ from run to run.
    private func steps(_ sql: String, in millrace: Millrace) -> [String] {
        millrace.run(sql).compactMap { line in
            guard line.hasPrefix(": [\""), let end = line.dropFirst(4).firstIndex(of: "\"") else { return line.hasPrefix("-") ? line : nil }
            let rows = line[line.index(end, offsetBy: 2)...].prefix { $0 != "," }
            return "\(line[line.index(line.startIndex, offsetBy: 4)..<end]): \(rows)"
        }
    }

    @Test func stepsAndRows() throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.close() }
        _ = millrace.run(
            """
            CREATE STREAM s (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
            INSERT INTO s VALUES \((0..<100).map { "('k\($0 % 10)', \($0))" }.joined(separator: ", "));
            """)
        let found = steps("EXPLAIN ANALYZE SELECT k, COUNT(*) AS n FROM s WHERE v >= 50 GROUP BY k ORDER BY k LIMIT 3;", in: millrace)
        #expect(found.first == "ANSWER: null")
        #expect(found.contains { $0.contains("AGGREGATE COUNT") && $0.hasSuffix(": 10") }, "\(found)")
        #expect(found.contains { $0.contains("SCAN S") && $0.hasSuffix(": 50") }, "\(found)")
        #expect(found.contains { $0.contains("LIMIT 3") && $0.hasSuffix(": 3") }, "\(found)")
        // The statement makes nothing.
        let made = steps("EXPLAIN ANALYZE CREATE TABLE t AS SELECT k, SUM(v) AS n FROM s GROUP BY k;", in: millrace)
        #expect(made.contains { $0.contains("AGGREGATE SUM") && $0.hasSuffix(": 10") }, "\(made)")
        #expect(!millrace.run("SHOW TABLES;").contains { $0.hasPrefix(":") })
        #expect(steps("EXPLAIN ANALYZE SELECT * FROM nowhere;", in: millrace) == ["- 42P01 NOWHERE does not exist."])
        #expect(steps("EXPLAIN ANALYZE INSERT INTO s VALUES ('a', 1);", in: millrace).first?.hasPrefix("- 42") ?? false)
    }

    /// `analyze` alone is still a name.
    @Test func analyzeIsAFreeWord() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        #expect(millrace.run("EXPLAIN analyze;").contains { $0.contains("Query with id:ANALYZE does not exist") })
    }
}
