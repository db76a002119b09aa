// A row that the aggregate of a user cannot take is an error of that row; the others go on.

import Testing

@Suite struct UserAggregateFailureTests {
    private static let setup = """
        CREATE AGGREGATE FUNCTION tenths(x BIGINT) RETURNS BIGINT AS (1, (s, x) => s * CAST(10 / x AS BIGINT), s => s, (a, b) => a * b);
        CREATE STREAM s (k INT KEY, x BIGINT) WITH (partitions = 1);
        INSERT INTO s VALUES (1, 5), (1, 0), (1, 2), (2, 10);
        """

    @Test(arguments: [
        "SELECT k, tenths(x) AS p FROM s GROUP BY k ORDER BY k;",
        "SELECT k, p FROM (SELECT k, x, tenths(x) OVER (PARTITION BY k) AS p FROM s) WHERE x = 5 OR x = 10 ORDER BY k;",
    ])
    func questions(sql: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run(Self.setup + sql)
        #expect(answer.filter { $0.hasPrefix(":") } == [": [1,10]", ": [2,1]"], "\(answer)")
        #expect(answer.last?.hasPrefix("- ") == false)
    }

    @Test(arguments: ["", "WINDOW TUMBLING (SIZE 365 DAYS)", "WINDOW SESSION (1 HOUR)", "WINDOW HOPPING (SIZE 365 DAYS, ADVANCE BY 365 DAYS)"])
    func tables(window: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.setup + "CREATE TABLE t AS SELECT k, tenths(x) AS p FROM s \(window) GROUP BY k;")
        let rows = millrace.run("SELECT k, p FROM t;").filter { $0.hasPrefix(":") }.sorted()
        #expect(rows == [": [1,10]", ": [2,1]"], "\(rows)")
        #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("RUNNING") })
        let errors = millrace.run("SELECT COUNT(*) FROM MILLRACE_ERRORS WHERE reason LIKE '%TENTHS%division by zero%';")
        #expect(errors.contains(": [1]"), "\(errors)")
    }
}
