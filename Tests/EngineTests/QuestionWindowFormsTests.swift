// Windows of a calendar, and the different rows of each window, wherever a question may have them: as the table says over the same rows.

import Testing

@Suite struct QuestionWindowFormsTests {
    private static let rows = """
        CREATE STREAM s (id INT KEY, k STRING) WITH (partitions = 1);
        INSERT INTO s (ROWTIME, id, k) VALUES (1704103200000, 1, 'a');
        INSERT INTO s (ROWTIME, id, k) VALUES (1704103200001, 2, 'a');
        INSERT INTO s (ROWTIME, id, k) VALUES (1706742000000, 3, 'a');
        INSERT INTO s (ROWTIME, id, k) VALUES (1711846800000, 4, 'b');
        INSERT INTO s (ROWTIME, id, k) VALUES (1711933200000, 5, 'b');
        """

    @Test(arguments: [
        "SIZE 1 MONTH", "SIZE 1 MONTH, TIME ZONE 'Europe/Berlin'", "SIZE 1 DAY, TIME ZONE 'Europe/Berlin', OFFSET 6 HOURS", "SIZE 1 WEEK",
        "SIZE 1 QUARTER", "SIZE 2 YEARS", "SIZE 12 HOURS, OFFSET 1 HOUR",
    ])
    func calendars(window: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let query = "SELECT k, WINDOWSTART AS b, WINDOWEND AS e, COUNT(*) AS n FROM s WINDOW TUMBLING (\(window)) GROUP BY k"
        _ = millrace.run(
            Self.rows + "CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (\(window), GRACE PERIOD 1000 DAYS) GROUP BY k;")
        let table = millrace.run("SELECT k, WINDOWSTART, WINDOWEND, n FROM t;").filter { $0.hasPrefix(":") }.sorted()
        let ordered = millrace.run(query + " ORDER BY k, b;").filter { $0.hasPrefix(":") }
        #expect(ordered == table && table.count >= 2, "\(ordered) \(table)")
        #expect(millrace.run("SELECT * FROM (\(query)) q ORDER BY k, b;").filter { $0.hasPrefix(":") } == table)
        #expect(millrace.run("SELECT SUM(n) FROM (\(query)) q;").contains(": [5]"))
    }

    @Test func differentRowsOfEachWindow() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.rows + "INSERT INTO s (ROWTIME, id) VALUES (1711933200001, 6);")
        let months = millrace.run("SELECT DISTINCT k FROM s WINDOW TUMBLING (SIZE 1 MONTH) ORDER BY k;").filter { $0.hasPrefix(":") }
        #expect(months == [#": ["a"]"#, #": ["b"]"#, #": ["b"]"#, ": [null]"], "\(months)")
        let bounds = millrace.run("SELECT DISTINCT k, WINDOWSTART FROM s WINDOW TUMBLING (SIZE 1 HOUR) ORDER BY WINDOWSTART, k;")
        #expect(bounds.filter { $0.hasPrefix(":") }.count == 5, "\(bounds)")
        #expect(millrace.error(of: "SELECT k FROM s WINDOW TUMBLING (SIZE 1 HOUR) ORDER BY k;")?.hint?.contains("SELECT DISTINCT") == true)
    }

    /// A time that is none of a row counts as an error, and ends nothing.
    @Test func timesOutOfReach() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run(
            """
            SELECT k, COUNT(*) AS n FROM (SELECT x AS k, x AS ROWTIME FROM (VALUES (1), (9223372036854775807), (-5)) v(x)) q
            WINDOW TUMBLING (SIZE 1 MONTH, TIME ZONE 'Europe/Berlin') GROUP BY k ORDER BY k;
            """)
        #expect(answer.filter { $0.hasPrefix(":") } == [": [1,1]"], "\(answer)")
    }
}
