// Statements of many operands in a row: they are no deeper than others, in whatever stage.

import Testing

@Suite struct LongStatementTests {
    private static let many = 4_000

    private static func row(_ separator: String, _ operand: (Int) -> String) -> String { (0..<many).map(operand).joined(separator: separator) }

    @Test(arguments: [
        ("SELECT COUNT(*) FROM t WHERE \(row(" AND ") { "a <> \($0 + 10)" });", ": [2]"),
        ("SELECT COUNT(*) FROM t x JOIN t y ON \(row(" AND ") { "x.a <> \($0 + 10)" });", ": [4]"),
        ("SELECT a FROM t GROUP BY a HAVING \(row(" AND ") { "a > -\($0)" }) ORDER BY a LIMIT 1;", ": [1]"),
        ("SELECT COUNT(*) FROM t WHERE \(row(" OR ") { "a = \($0)" });", ": [2]"), ("SELECT LEN(\(row(" || ") { _ in "'a'" }));", ": [4000]"),
        ("DELETE FROM t WHERE \(row(" AND ") { "a <> \($0 + 10)" });", "+ 2 rows deleted"),
        ("SELECT COUNT(*) FROM (SELECT 1\((0..<1000).map { " UNION ALL SELECT \($0)" }.joined()));", ": [1001]"),
        ("SELECT COUNT(*) FROM (SELECT 1\((0..<1000).map { " UNION SELECT \($0 % 7)" }.joined()));", ": [7]"),
        ("CREATE STREAM o AS SELECT * FROM s WHERE \(row(" AND ") { "a <> \($0 + 10)" }); SELECT a FROM o;", ": [1]"),
    ])
    func rows(statement: String, answer: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run("CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2), (3, 4); CREATE STREAM s (a INT); INSERT INTO s VALUES (1);")
        #expect(millrace.run(statement).contains(answer))
    }

    /// Whatever walks the columns of a source is no deeper for their number.
    @Test(arguments: ["JSON", "DELIMITED", "AVRO", "PROTOBUF", "JSON_SR"])
    func columns(format: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let columns = (0..<3_000).map { "c\($0) \(["INT", "STRING", "DOUBLE", "BOOLEAN"][$0 % 4])" }.joined(separator: ", ")
        let made = millrace.run("CREATE STREAM w (id INT KEY, \(columns)) WITH (partitions = 1, value_format = '\(format)', key_format = 'KAFKA');")
        #expect(made.last == "+ Stream created", "\(made)")
        _ = millrace.run("CREATE STREAM v AS SELECT * FROM w; INSERT INTO w (id, c4, c2997) VALUES (1, 2, 'x');")
        #expect(millrace.run("SELECT id, c4, c2997 FROM v;").contains(#": [1,2,"x"]"#))
    }

    @Test func tooManyColumns() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let columns = (0..<4_096).map { "c\($0) INT" }.joined(separator: ", ")
        let additions = (0..<4_096).map { "ADD COLUMN c\($0) INT" }.joined(separator: ", ")
        let items = (0..<4_097).map { "id AS c\($0)" }.joined(separator: ", ")
        _ = millrace.run("CREATE STREAM s (id INT);")
        for statement in ["CREATE STREAM w (id INT KEY, \(columns));", "CREATE STREAM w AS SELECT \(items) FROM s;", "ALTER STREAM s \(additions);"] {
            #expect(millrace.run(statement).last?.hasPrefix("- 54011 4097 columns") == true, "\(millrace.run(statement))")
        }
    }

    @Test func countsThatAreNone() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        for count in ["1 / 0", "9223372036854775807 + 1", "1 << 2"] {
            #expect(millrace.error(of: "SELECT 1 LIMIT \(count);")?.message.contains("is no whole number of 64 bits") == true)
        }
    }
}
