// Rows whose source takes their times from a column that has none: no query would ever see them, so nothing writes them.

import Testing

@Suite struct TimelessRowsTests {
    private static let sources = """
        CREATE STREAM s (id INT KEY, t BIGINT) WITH (timestamp = 't', partitions = 1);
        CREATE STREAM w (id INT KEY, t STRING) WITH (timestamp = 't', timestamp_format = 'yyyy-MM-dd', partitions = 1);
        CREATE TABLE p (id INT PRIMARY KEY, t BIGINT) WITH (timestamp = 't', partitions = 1);
        INSERT INTO p VALUES (1, 5), (2, 6);
        """

    @Test(arguments: [
        "INSERT INTO s VALUES (1, NULL);", "INSERT INTO s VALUES (1, -5);", "INSERT INTO s VALUES (1, 9223372036854775807);",
        "INSERT INTO s VALUES (1, 5), (2, -5);", "INSERT INTO w VALUES (1, 'soon');", "INSERT INTO w (id) VALUES (1);",
        "INSERT INTO s (SELECT 1, NULL);", "INSERT INTO s (SELECT 1, -7);", "INSERT INTO w (SELECT 1, 'soon');", "INSERT INTO s (id) (SELECT id FROM p);",
        "UPDATE p SET t = NULL;", "UPDATE p SET t = t - 6;", "INSERT INTO p VALUES (3, -1);",
    ])
    func refused(sql: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.sources)
        let error = millrace.error(of: sql)
        #expect(error != nil && error?.range != nil, "\(sql): \(String(describing: error))")
        #expect(millrace.run("SELECT COUNT(*) FROM s;").contains(": [0]") && millrace.run("SELECT COUNT(*) FROM w;").contains(": [0]"))
        #expect(millrace.run("SELECT * FROM p ORDER BY id;").filter { $0.hasPrefix(":") } == [": [1,5]", ": [2,6]"])
    }

    @Test func written() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.sources)
        let rows = millrace.run(
            """
            INSERT INTO s (SELECT 1, 7); INSERT INTO w VALUES (1, '1970-01-02'); UPDATE p SET t = 9 WHERE id = 1;
            SELECT ROWTIME FROM s; SELECT ROWTIME FROM w; SELECT ROWTIME FROM p ORDER BY id;
            """).filter { $0.hasPrefix(":") }
        #expect(rows == [": [7]", ": [86400000]", ": [9]", ": [6]"], "\(rows)")
    }
}
