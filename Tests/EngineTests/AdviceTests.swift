// What the error says to do: it names what helps, not a word that only looks alike.

import Testing

@Suite struct AdviceTests {
    private static let stream = "CREATE STREAM s (id INT KEY, k STRING, v BIGINT) WITH (partitions = 1);"

    @Test(arguments: [
        ("DESC s;", "DESCRIBE"), ("SELEC 1;", "SELECT"), ("KILL q;", "TERMINATE"), ("FOOBARBAZ 1;", "Statements begin with"),
        ("ROLLBACK;", "nothing of them is taken back"), ("UPSERT INTO s VALUES (1);", "INSERT INTO"),
        ("CREATE TABLE x AS SELECT k, STRING_AGG(k, ',' ORDER BY v) FROM s GROUP BY k;", "order of their arrival"),
        ("SHOW CONNECTIONS;", "millrace.connections"), ("LIST STATEMENTS;", "millrace.statements"), ("SHOW WATERMARK;", "WATERMARKS"),
        ("SELECT k, COUNT(*) FROM s WINDOW TUMBLING (GRACE PERIOD 1 HOUR, SIZE 1 HOUR) GROUP BY k;", "SIZE, ADVANCE BY, TIME ZONE"),
        ("SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 HOUR, RETENTION 1 HOUR) GROUP BY k;", "SIZE, ADVANCE BY"),
        ("CREATE TABLE x AS SELECT k, COUNT(*) FROM s WINDOW HOPPING (ADVANCE BY 1 HOUR, SIZE 1 DAY) GROUP BY k;", "SIZE, ADVANCE BY"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY v) AS r FROM s WHERE r <= 1;", "QUALIFY"),
        ("SELECT k, COUNT(*) AS c FROM s WHERE c > 1 GROUP BY k;", "HAVING"), ("SELECT v + 1 AS w FROM s WHERE w > 1;", "expression"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY v) AS r FROM s HAVING r < 2;", "QUALIFY"),
        ("SELECT v::TIMESTAMP FROM s;", "FROM_UNIXTIME"), ("SELECT DATE(v) FROM s;", "FROM_UNIXTIME"),
        ("SELECT FORMAT_TIMESTAMP(v, 'yyyy') FROM s;", "FROM_UNIXTIME"),
        ("SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k ORDER BY k LATE ROWS INTO l;", "LATE"),
        ("SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k LATE ROWS INTO l;", "MILLRACE_ERRORS"),
        ("SELECT * FROM (SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k LATE ROWS INTO l) q;", "LATE"),
        ("CREATE STREAM d (k DATE KEY, v INT) WITH (key_format = 'KAFKA', partitions = 1);", "KEY_FORMAT='JSON'"),
        ("CREATE STREAM d (k INT KEY, v ARRAY<INT>) WITH (value_format = 'DELIMITED', partitions = 1);", "VALUE_FORMAT='JSON'"),
        ("CREATE STREAM d (x DECIMAL(39, 0)) WITH (partitions = 1);", "38 digits"), ("SELECT CAST(v AS DECIMAL(100, 2)) FROM s;", "38 digits"),
        ("CREATE STREAM d AS SELECT id, CAST(v AS DECIMAL(38,2)) * CAST(v AS DECIMAL(38,2)) AS x FROM s;", "DECIMAL(38"),
        ("SELECT GREATEST(CAST(1 AS DECIMAL(38,0)), CAST(1 AS DECIMAL(38,38)));", "CAST"),
    ])
    func hints(sql: String, part: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream)
        let error = millrace.error(of: sql)
        let said = (error?.message ?? "") + " " + (error?.hint ?? "")
        #expect(error != nil && said.contains(part), "\(sql): \(said)")
    }

    /// The path to the field that differs, and the nearest name, whoever brings the row.
    @Test(arguments: [
        "INSERT INTO st SELECT * FROM other;", "INSERT INTO st (SELECT * FROM other);",
        "INSERT INTO st VALUES (1, STRUCT(a := STRUCT(srch_host := 'x', n := 1)));",
    ])
    func fieldsThatDiffer(sql: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(
            """
            CREATE STREAM st (id INT KEY, s STRUCT<a STRUCT<src_host STRING, n INT>>) WITH (partitions = 1);
            CREATE STREAM other (id INT KEY, s STRUCT<a STRUCT<srch_host STRING, n INT>>) WITH (partitions = 1);
            """)
        let error = millrace.error(of: sql)
        #expect(error?.message == "`S` has no field S->A->SRCH_HOST" && error?.hint == "Did you mean SRC_HOST?", "\(String(describing: error))")
    }
}
