// What other databases' users write when they change rows: texts for numbers, RETURNING, ON CONFLICT DO UPDATE, names for the target, WITH in front.

import Testing

@Suite struct ChangeFormsTests {
    private static let rows = """
        CREATE TABLE kv (k INT PRIMARY KEY, n INT, s VARCHAR DEFAULT 'd');
        INSERT INTO kv VALUES (1, 10, 'a'), (2, 20, 'b');
        CREATE TABLE t (a INT PRIMARY KEY, n BIGINT, d DOUBLE, s VARCHAR, m DECIMAL(10, 2), f BOOLEAN, dt DATE, ts TIMESTAMP);
        INSERT INTO t VALUES (1, 1, 1.5, 'x', 2.5, TRUE, NULL, NULL);
        CREATE TABLE bag (a INT, b INT);
        """

    /// Rows and errors of statements, the latter without their codes.
    private func answer(_ statements: String) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.rows)
        return millrace.run(statements + ";").filter { $0.hasPrefix(": ") || $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
    }

    @Test func textsAreReadAsWhatTheirColumnsHold() throws {
        #expect(
            try answer(
                """
                INSERT INTO t VALUES ('2', ' 5', '1.5e1', 7, '2.50', 'yes', '2024-01-01', '2024-01-01 10:00:00');
                UPDATE t SET n = '9', d = '2', s = 1.50, m = '-3', f = 'off', dt = '2024-02-02', ts = '2024-02-02 10:00:00' WHERE a = 1;
                SELECT * FROM t ORDER BY a
                """)
                == [
                    #"[1,9,2.0,"1.50",-3.00,false,"2024-02-02","2024-02-02T10:00:00.000"]"#,
                    #"[2,5,15.0,"7",2.50,true,"2024-01-01","2024-01-01T10:00:00.000"]"#,
                ])
        #expect(try answer("INSERT INTO kv SELECT '7', '8', 9 UNION ALL SELECT 8, NULL, NULL RETURNING *") == [#"[7,8,"9"]"#, "[8,null,null]"])
        #expect(try answer("INSERT INTO kv VALUES (1, 'abc', 'x')").first?.contains("'abc' is no INTEGER, the type of the column `N`") == true)
        #expect(try answer("UPDATE kv SET n = '1.5'").first?.contains("'1.5' does not fit INTEGER, the type of the column `N`") == true)
        #expect(try answer("UPDATE kv SET n = '99999999999'").first?.contains("'99999999999' does not fit INTEGER") == true)
        #expect(try answer("INSERT OR IGNORE INTO kv VALUES ('x', 2, 'q')").first?.contains("'x' is no INTEGER, the type of the column `K`") == true)
    }

    @Test(arguments: [
        ("INSERT INTO kv VALUES (3, 6, 'k') RETURNING *", #"[3,6,"k"]"#), ("INSERT INTO kv (k) VALUES (3), (4) RETURNING k + 1 AS next, s", #"[4,"d"] [5,"d"]"#),
        ("UPDATE kv SET n = n + 1 WHERE k = 2 RETURNING k, n", "[2,21]"), ("DELETE FROM kv WHERE k = 2 RETURNING *", #"[2,20,"b"]"#),
        ("INSERT INTO bag VALUES (1, 2), (1, 2) RETURNING *", "[1,2] [1,2]"), ("UPDATE kv SET n = 0 WHERE k = 9 RETURNING *", ""),
        ("INSERT INTO kv VALUES (3, 1 + (SELECT MAX(n) FROM kv), 'q'), (4, 5, 'r') RETURNING n", "[21] [5]"), ("INSERT INTO bag TABLE bag RETURNING *", ""),
        ("UPDATE kv AS x SET n = x.n + 1 WHERE x.k = 1 RETURNING x.n", "[11]"), ("DELETE FROM kv x USING t AS q WHERE x.k = q.a RETURNING k", "[1]"),
        ("UPDATE kv SET (n, s) = (SELECT t.n + 5, t.s FROM t WHERE t.a = kv.k) WHERE k = 1 RETURNING *", #"[1,6,"x"]"#),
        ("WITH w AS (SELECT 2 AS k) DELETE FROM kv WHERE k IN (SELECT k FROM w) RETURNING k", "[2]"),
        ("WITH w AS (SELECT 2 AS k) UPDATE kv SET n = 0 WHERE k IN (SELECT k FROM w) RETURNING n", "[0]"),
        ("WITH w AS (SELECT 78 AS k, 1 AS n, 'q' AS s) INSERT INTO kv SELECT * FROM w RETURNING *", #"[78,1,"q"]"#),
    ])
    func shown(statement: String, rows: String) throws { #expect(try answer(statement).joined(separator: " ") == rows, "\(statement)") }

    @Test(arguments: [
        ("INSERT INTO kv (k, n) VALUES (1, 5), (3, 7) ON CONFLICT (k) DO UPDATE SET n = n + excluded.n RETURNING *", #"[1,15,"a"] [3,7,"d"]"#),
        ("INSERT INTO kv (k, n) VALUES (1, 5), (2, 7) ON CONFLICT (k) DO UPDATE SET n = kv.n + excluded.n, s = DEFAULT WHERE kv.n > 18 RETURNING *", #"[2,27,"d"]"#),
        ("INSERT INTO kv AS z (k) VALUES (1) ON CONFLICT (k) DO UPDATE SET n = z.n * 2, s = z.s || excluded.s RETURNING *", #"[1,20,"ad"]"#),
        ("INSERT INTO kv SELECT k + 1, n, s FROM kv ON CONFLICT (k) DO UPDATE SET n = -1 RETURNING k, n", "[2,-1] [3,20]"),
        ("INSERT INTO bag VALUES (1, 2) ON CONFLICT DO UPDATE SET a = 5 RETURNING *", "[1,2]"),
        ("INSERT OR IGNORE INTO kv VALUES (1, 1, 'x'), (3, NULL, NULL) RETURNING *", "[3,null,null]"),
    ])
    func conflicts(statement: String, rows: String) throws { #expect(try answer(statement).joined(separator: " ") == rows, "\(statement)") }

    @Test(arguments: [
        ("INSERT INTO kv (k, n) VALUES (1, 5), (1, 7) ON CONFLICT (k) DO UPDATE SET n = 0", "two rows have one key"),
        ("INSERT INTO kv (k, n) VALUES (1, 5) ON CONFLICT (n) DO UPDATE SET n = 0", "which is not the primary key"),
        ("INSERT INTO kv (k, n) VALUES (1, 5) ON CONFLICT (k) DO UPDATE SET k = 0", "which does not change"),
        ("INSERT INTO kv (k, n) VALUES (1, 5) ON CONFLICT (k) DO UPDATE SET q = 0", "Column name Q does not exist"),
        ("INSERT OR IGNORE INTO kv VALUES (1)", "Expected 3 columns (K, N, S)"), ("INSERT OR IGNORE INTO kv (k, zz) VALUES (1, 2)", "Column name ZZ does not exist"),
        ("INSERT OR IGNORE INTO kv SELECT s, n, s FROM kv", "Expected type INTEGER for field `K`"), ("INSERT OR IGNORE INTO kv VALUES (NULL, 1, 'x')", "must not be NULL"),
        ("UPDATE kv SET n = 1 RETURNING (SELECT 1)", "RETURNING takes expressions"), ("UPDATE kv SET n = 1 RETURNING nope", "'NOPE' cannot be resolved"),
        ("UPDATE kv SET n = 1 RETURNING COUNT(*)", "RETURNING takes expressions"),
    ])
    func refused(statement: String, message: String) throws {
        let answer = try answer(statement)
        #expect(answer.count == 1 && answer[0].contains(message) && !answer[0].contains("(new)"), "\(answer)")
    }
}
