// Literal arguments that no row could be computed with are refused when the statement is analysed, with the nearest word where there is one.

import Testing

@Suite struct ConstantChecksTests {
    private static let stream = "CREATE STREAM s (id INT KEY, k STRING, v BIGINT, ts TIMESTAMP, t TIME) WITH (partitions = 1);"

    @Test(arguments: [
        ("DATE_TRUNC('mont', ts)", "'mont'", "Did you mean 'month'?"),
        ("EXTRACT(YEER FROM ts)", "YEER", "Did you mean 'year'?"),
        ("DATE_TRUNC('dow', ts)", "'dow'", nil),
        ("DATE_PART('year', t)", "'year'", nil),
        ("TO_CHAR(ts, 'YYYY-XX')", "'YYYY-XX'", nil),
        ("TO_DATE(k, 'YYYY-XX')", "'YYYY-XX'", nil),
        ("TO_TIMESTAMP(k, 'nonsense')", "'nonsense'", nil),
        ("TO_CHAR(v, '9x9')", "'9x9'", nil),
        ("FORMAT_TIMESTAMP(ts, 'yyyy-bb')", "'yyyy-bb'", nil),
        ("FORMAT_TIMESTAMP(ts, 'yyyy', 'Europe/Berln')", "'Europe/Berln'", "Did you mean 'Europe/Berlin'?"),
        ("PARSE_TIMESTAMP(k, 'yyyy', 'Nowhere')", "'Nowhere'", nil),
        ("CONVERT_TZ(ts, 'UTC', 'Amerika/New_York')", "'Amerika/New_York'", "Did you mean 'America/New_York'?"),
        ("REGEXP_EXTRACT('(a', k)", "'(a'", nil),
        ("REGEXP_EXTRACT_ALL('[a', k, 1)", "'[a'", nil),
        ("REGEXP_REPLACE(k, '*', 'x')", "'*'", nil),
        ("REGEXP_SPLIT_TO_ARRAY(k, '(')", "'('", nil),
        ("REGEXP_LIKE(k, '(')", "'('", nil),
        ("k SIMILAR TO '(a'", "'(a'", nil),
    ] as [(String, String, String?)])
    func badLiterals(expression: String, marked: String, hint: String?) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream)
        for sql in ["SELECT \(expression) FROM s;", "CREATE STREAM d AS SELECT id, \(expression) AS x FROM s;"] {
            let error = millrace.error(of: sql)
            #expect(error?.code == .wrongArguments, "\(sql): \(String(describing: error))")
            #expect(place(error, in: sql) == marked, "\(sql)")
            if let hint { #expect(error?.hint == hint, "\(sql): \(error?.hint ?? "")") }
        }
    }

    /// What is good is not refused, nor what is no literal.
    @Test func goodLiterals() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run(
            Self.stream + """
                INSERT INTO s VALUES (1, '(', 12, '2024-02-03 04:05:06', '04:05');
                SELECT DATE_TRUNC('months', ts), DATE_PART('hours', t), CONVERT_TZ(ts, 'UTC', '+02:00'), REGEXP_LIKE('a', k) FROM s;
                """)
        #expect(answer.contains(#": ["2024-02-01T00:00:00.000",4,"2024-02-03T06:05:06.000",null]"#), "\(answer)")
    }

    @Test func zonesOfWindows() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream)
        let sql = "CREATE TABLE w AS SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 DAY, TIME ZONE 'Europe/Berln') GROUP BY k;"
        let error = millrace.error(of: sql)
        #expect(error?.code == .windowError && error?.hint == "Did you mean 'Europe/Berlin'?", "\(String(describing: error))")
        #expect(place(error, in: sql) == "'Europe/Berln'")
    }

    /// In ksqlDB's dialect a row at a time finds out.
    @Test func ksqlDBTriesEachRow() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run(
            Self.stream + """
                INSERT INTO s (id, k) VALUES (1, 'a');
                SET 'millrace.dialect' = 'ksqldb';
                SELECT REGEXP_EXTRACT('(a', k) FROM s;
                """)
        #expect(answer.contains(": [null]"), "\(answer)")
    }
}
