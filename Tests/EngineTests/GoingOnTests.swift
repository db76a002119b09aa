// Nothing that comes in ends a continuous query: a value that a query cannot take in is an error of its row, is counted and can be read, and
// the query goes on.

import Engine
import Pipelines
import Platform
import Testing

@Suite struct GoingOnTests {
    /// What one query makes of rows of which one cannot be taken in.
    struct Case: Sendable, CustomTestStringConvertible {
        /// The columns of the stream `s` beside its key `k`.
        var columns: String
        /// The query, with an object `o` that it makes.
        var query: String
        /// Rows of (key, values).
        var rows: [String]
        /// The columns of it that are looked at.
        var shown = "k, v"
        /// What the object holds in the end, in any order; `*` stands for any end of a row.
        var result: [String]
        /// The reasons of errors, each a part of one.
        var errors: [String] = []
        var testDescription: String { query }
    }

    static let cases = [
        Case(
            columns: "d DECIMAL(3, 1)", query: "CREATE TABLE o AS SELECT k, SUM(d) AS v FROM s GROUP BY k",
            rows: ["1, 90.0", "1, 9.0", "1, 1.0", "2, 5.0", "1, 0.9"], result: ["[1,99.9]", "[2,5.0]"], errors: ["does not fit DECIMAL(3, 1)"]),
        Case(
            columns: "d DECIMAL(3, 1)", query: "CREATE TABLE o AS SELECT k, SUM(d) AS v FROM s WINDOW SESSION (1 DAY) GROUP BY k",
            rows: ["1, 90.0", "1, 90.0", "2, 5.0", "1, 0.9"], result: ["[1,90.9]", "[2,5.0]"], errors: ["does not fit DECIMAL(3, 1)"]),
        Case(
            columns: "b BIGINT", query: "CREATE TABLE o AS SELECT k, SUM(b) AS v FROM s GROUP BY k",
            rows: ["1, 9223372036854775807", "1, 2"], result: ["[1,-9223372036854775807]"]),
        Case(
            columns: "i INT", query: "CREATE TABLE o AS SELECT k, SUM(i) AS v FROM s GROUP BY k",
            rows: ["1, 2147483647", "1, 2"], result: ["[1,-2147483647]"]),
        Case(
            columns: "a INT, b INT", query: "CREATE STREAM o AS SELECT k, a / b AS v FROM s", rows: ["1, 6, 2", "2, 6, 0", "3, 6, 3"],
            result: ["[1,3]", "[2,null]", "[3,2]"], errors: ["division by zero"]),
        Case(
            columns: "a INT, b INT", query: "CREATE STREAM o AS SELECT k, a % b AS v FROM s", rows: ["1, 6, 4", "2, 6, 0", "3, -2147483648, -1"],
            result: ["[1,2]", "[2,null]", "[3,0]"], errors: ["division by zero"]),
        Case(
            columns: "t STRING", query: "CREATE STREAM o AS SELECT k, CAST(t AS INT) AS v FROM s", rows: ["1, '6'", "2, 'x'", "3, '99999999999'"],
            result: ["[1,6]", "[2,null]", "[3,null]"], errors: ["x", "99999999999"]),
        Case(
            columns: "t STRING, n INT", query: "CREATE STREAM o AS SELECT k, LEN(LPAD(t, n, 'x')) AS v FROM s",
            rows: ["1, 'a', 3", "2, 'a', 2000000000", "3, 'a', -1"], result: ["[1,3]", "[2,null]", "[3,null]"], errors: ["more than 16 MiB"]),
        Case(
            columns: "a ARRAY<INT>, n INT", query: "CREATE STREAM o AS SELECT k, a[n] AS v FROM s",
            rows: ["1, ARRAY[7, 8], 2", "2, ARRAY[7, 8], 9", "3, ARRAY[7], -2147483648"], result: ["[1,8]", "[2,null]", "[3,null]"]),
        Case(
            columns: "a ARRAY<INT>", query: "CREATE STREAM o AS SELECT k, TRANSFORM(a, x => 6 / x) AS v FROM s",
            rows: ["1, ARRAY[2, 3]", "2, ARRAY[2, 0]"], result: ["[1,[3,2]]", "[2,null]"], errors: ["division by zero"]),
        Case(
            columns: "n BIGINT", query: "CREATE STREAM o AS SELECT k, TIMESTAMPTOSTRING(n, 'yyyy') AS v FROM s",
            rows: ["1, 0", "2, 9223372036854775807", "3, -9223372036854775808"], result: ["[1,\"1970\"]", "[2,*", "[3,*"]),
        Case(
            columns: "n BIGINT", query: "CREATE STREAM o AS SELECT k, TIMESTAMPADD(DAYS, CAST(n AS INT), FROM_UNIXTIME(n)) AS v FROM s",
            rows: ["1, 0", "2, 2147483647", "3, -2147483648"], result: ["[1,*", "[2,*", "[3,*"]),
        Case(
            columns: "d DECIMAL(38, 0)", query: "CREATE STREAM o AS SELECT k, CAST(d * d AS DECIMAL(38, 0)) AS v FROM s",
            rows: ["1, 3", "2, CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0))"], result: ["[1,9]", "[2,null]"]),
        Case(
            columns: "t STRING", query: "CREATE TABLE o AS SELECT t, COUNT(*) AS v FROM s GROUP BY t", rows: ["1, 'a'", "2, NULL", "3, 'a'"], shown: "t, v",
            result: ["[\"a\",2]"], errors: ["null"]),
        Case(
            columns: "t STRING", query: "CREATE STREAM o AS SELECT CAST(t AS INT) AS i, k FROM s PARTITION BY CAST(t AS INT)", rows: ["1, '6'", "2, 'x'"],
            shown: "i, k", result: ["[6,1]", "[null,2]"], errors: ["x"]),
        Case(
            columns: "t STRING", query: "CREATE STREAM o AS SELECT k, REGEXP_EXTRACT(t, 'aaa') AS v FROM s", rows: ["1, 'aaa'", "2, '('"],
            result: ["[1,\"aaa\"]", "[2,null]"], errors: ["malformed"]),
        Case(
            columns: "n INT", query: "CREATE STREAM o AS SELECT k, GENERATE_SERIES(1, n) AS v FROM s WHERE n < 3", rows: ["1, 2", "2, -3"],
            result: ["[1,*", "[2,*"]),
        Case(
            columns: "a INT, b INT", query: "CREATE TABLE o AS SELECT k, COLLECT_LIST(a / b) AS v FROM s GROUP BY k",
            rows: ["1, 6, 2", "1, 6, 0", "1, 6, 3"], result: ["[1,[3,null,2]]"], errors: ["division by zero"]),
        Case(
            columns: "a INT, b INT", query: "CREATE TABLE o AS SELECT k, COUNT(*) AS v FROM s GROUP BY k HAVING SUM(a) / SUM(b) > 1",
            rows: ["1, 6, 0", "2, 6, 2"], result: ["[2,1]"], errors: ["division by zero"]),
    ]

    @Test(arguments: cases) func theQueryGoesOn(_ test: Case) throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.close() }
        var script = "CREATE STREAM s (k INT KEY, \(test.columns)) WITH (kafka_topic='s', value_format='JSON', partitions=1); \(test.query);"
        for row in test.rows { script += "INSERT INTO s VALUES (\(row));" }
        #expect(!millrace.run(script).contains { $0.hasPrefix("- ") })
        #expect(millrace.engine.drain(nanoseconds: 20_000_000_000))
        #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("RUNNING") })
        let found = millrace.run("SELECT \(test.shown) FROM o;").filter { $0.hasPrefix(": ") }.map { String($0.dropFirst(2)) }
        #expect(found.count == test.result.count, "\(found)")
        for row in test.result {
            let isThere = row.hasSuffix("*") ? found.contains { $0.hasPrefix(row.dropLast()) } : found.contains(row)
            #expect(isThere, "\(row) is not in \(found)")
        }
        let errors = millrace.run("SELECT reason FROM MILLRACE_ERRORS;").filter { $0.hasPrefix(": ") }
        for error in test.errors { #expect(errors.contains { $0.contains(error) }, "\(errors)") }
    }

    /// In ksqlDB a sum that has no room is the end of its query.
    @Test func asKsqlDBHasIt() throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.close() }
        _ = millrace.run(
            """
            SET 'millrace.dialect' = 'ksqldb';
            CREATE STREAM s (k INT KEY, d DECIMAL(3, 1)) WITH (kafka_topic='s', value_format='JSON', partitions=1);
            CREATE TABLE o AS SELECT k, SUM(d) AS v FROM s GROUP BY k;
            INSERT INTO s VALUES (1, 90.0); INSERT INTO s VALUES (1, 90.0);
            """)
        let status = try #require(millrace.engine.queryStatuses.first)
        let hasFailed = status.content.wait(nanoseconds: 60_000_000_000, until: { $0.state.name == "ERROR" }) { $0.state.name == "ERROR" }
        #expect(hasFailed && "\(status.state)".contains("does not fit DECIMAL(3, 1)"), "\(status.state)")
    }
}
