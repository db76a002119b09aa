// Averages, variances and covariances of whole numbers whose sum is beyond 64 bits.

import Testing

@Suite struct WideSumsTests {
    private static let rows = """
        CREATE STREAM s (k INT KEY, v BIGINT, i INT) WITH (partitions = 1);
        INSERT INTO s VALUES (1, 9223372036854775807, 2147483647), (1, 9223372036854775807, 2147483647), (1, 9223372036854775805, 2147483645),
            (2, 5, 5), (3, -9223372036854775808, -2147483648), (3, -9223372036854775808, -2147483648);
        """
    private static let items = "AVG(v), AVG(i), VAR_POP(v), VAR_SAMP(v), STDDEV(i), STDDEV_SAMP(v), COVAR_POP(v, v), CORR(v, v)"
    private static let results = [
        ": [1,9.223372036854776E18,2.1474836463333333E9,0.8888888888888888,1.3333333333333333,1.1547005383792515,1.3333333333333333,0.8888888888888888,1.0]",
        #": [2,5.0,5.0,0.0,null,null,0.0,0.0,"NaN"]"#,
        #": [3,-9.223372036854776E18,-2.147483648E9,0.0,0.0,0.0,0.0,0.0,"NaN"]"#,
    ]

    /// The same in a question, in a table, and in a table whose state went through a restart.
    @Test func sumsKeepAllDigits() throws {
        let first = try Millrace()
        _ = first.run(Self.rows)
        #expect(first.run("SELECT k, \(Self.items) FROM s GROUP BY k ORDER BY k;").filter { $0.hasPrefix(":") } == Self.results)
        _ = first.run("CREATE TABLE t AS SELECT k, \(Self.items) FROM s GROUP BY k;")
        #expect(first.run("SELECT * FROM t;").filter { $0.hasPrefix(":") }.sorted() == Self.results)
        first.close()
        let second = try Millrace(files: first.files)
        #expect(second.run("SELECT * FROM t;").filter { $0.hasPrefix(":") }.sorted() == Self.results)
        _ = second.run("INSERT INTO s VALUES (2, 9223372036854775807, 1), (2, 9223372036854775807, 1);")
        let rows = second.run("SELECT avg_v FROM t WHERE k = 2;").filter { $0.hasPrefix(":") }
        #expect(rows == [": [6.148914691236517E18]"], "\(rows)")
        second.close()
    }

    /// Sessions bring states together.
    @Test func mergedStatesKeepAllDigits() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(
            """
            CREATE STREAM s (k INT KEY, v BIGINT) WITH (partitions = 1);
            CREATE TABLE t AS SELECT k, AVG(v) AS a, VAR_POP(v) AS p, COVAR_POP(v, v) AS c FROM s WINDOW SESSION (10 SECONDS) GROUP BY k;
            INSERT INTO s (ROWTIME, k, v) VALUES (1000, 1, 9223372036854775807);
            INSERT INTO s (ROWTIME, k, v) VALUES (15000, 1, 9223372036854775803);
            INSERT INTO s (ROWTIME, k, v) VALUES (8000, 1, 9223372036854775805);
            """)
        let rows = millrace.run("SELECT a, p, c FROM t;").filter { $0.hasPrefix(":") }
        #expect(rows == [": [9.223372036854776E18,2.6666666666666665,2.6666666666666665]"], "\(rows)")
    }

    /// ksqlDB's AVG wraps in the type of its argument.
    @Test func ksqlDBWraps() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.rows + "SET 'millrace.dialect' = 'ksqldb'; CREATE TABLE t AS SELECT k, AVG(v) AS a FROM s GROUP BY k;")
        let rows = millrace.run("SELECT a FROM t WHERE k = 3;").filter { $0.hasPrefix(":") }
        #expect(rows == [": [0.0]"], "\(rows)")
    }

    /// A value in a sample says nothing of its spread, for PostgreSQL's names; ksqlDB's give zero.
    @Test func samplesOfOne() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let rows = millrace.run(
            "SELECT VAR_SAMP(x), VARIANCE(x), STDDEV(x), STDDEV_SAMP(x), STDDEV_SAMPLE(x), VAR_POP(x), COVAR_SAMP(x, x) FROM (VALUES (1e0)) v(x);")
        #expect(rows.contains(": [null,null,null,0.0,0.0,0.0,null]"), "\(rows)")
        let none = millrace.run("SELECT VAR_SAMP(x), STDDEV(x), STDDEV_SAMP(x), VAR_POP(x) FROM (VALUES (1e0)) v(x) WHERE x > 1;")
        #expect(none.contains(": [null,null,0.0,null]"), "\(none)")
    }
}
