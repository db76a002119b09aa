// Forms of SQL that people bring from other databases: operators on bits, patterns, frames with EXCLUDE, IGNORE NULLS, counts that are computed, changes
// of rows by those of another table.

import Testing

@Suite struct OtherFormsTests {
    private static let rows = """
        CREATE TABLE t (a INT, b INT, c VARCHAR);
        INSERT INTO t VALUES (1, 10, 'x'), (2, NULL, 'y'), (3, 30, 'z'), (3, NULL, 'w'), (4, 5, NULL);
        CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR, n BIGINT);
        INSERT INTO k VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
        CREATE TABLE u (id INT PRIMARY KEY, w INT);
        INSERT INTO u VALUES (1, 100), (2, 200);
        """

    private func answer(_ question: String) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.rows)
        return millrace.run(question + ";").filter { $0.hasPrefix(": ") || $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
    }

    @Test(arguments: [
        ("SELECT 6 & 3, 6 | 3, 6 # 3, ~5, 1 << 4, -8 >> 1", "[2,7,5,-6,16,-4]"), ("SELECT 1 + 1 << 2, 7 & 5 = 5, xor(1, 3)", "[8,true,2]"),
        ("SELECT 1 << 31, 1 >> 32, CAST(1 AS BIGINT) << 62, 7 & NULL", "[null,null,4611686018427387904,null]"),
        ("SELECT 1 BETWEEN SYMMETRIC 5 AND 0, 1 NOT BETWEEN SYMMETRIC 5 AND 0, 1 BETWEEN ASYMMETRIC 5 AND 0", "[true,false,false]"),
        ("SELECT 1 IN (), 1 NOT IN (), NULL IN ()", "[false,true,false]"),
        ("SELECT 'abc' GLOB 'a*', 'abc' GLOB 'A*', 'a.c' GLOB 'a.c', 'axc' GLOB 'a.c', 'abc' GLOB '[a-c]?[^d]', 'abc' NOT GLOB 'x*'", "[true,false,true,false,true,true]"),
        ("SELECT 'a]c' GLOB 'a[]]c', 'a[' GLOB 'a[', 'a+' GLOB 'a+'", "[true,false,true]"),
        ("SELECT OVERLAY('abcdef' PLACING 'ZZ' FROM 2 FOR 3), OVERLAY('abcdef' PLACING 'ZZ' FROM 1)", #"["aZZef","ZZcdef"]"#),
        ("SELECT 2147483647 + 1, -2147483648 - 1, 65536 * 65536, 9223372036854775807 + 1, CAST('-9223372036854775808' AS BIGINT) / -1", "[null,null,null,null,null]"),
        ("SELECT 2147483647 + 0, -2147483648 + 0, 9223372036854775806 + 1, CAST('-9223372036854775808' AS BIGINT) % -1", "[2147483647,-2147483648,9223372036854775807,0]"),
        ("SELECT LIST(a), PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY a), PERCENTILE_DISC(0.25) WITHIN GROUP (ORDER BY c) FROM t WHERE a < 4", #"[[1,2,3,3],2,"w"]"#),
        ("SELECT PERCENTILE_DISC(0) WITHIN GROUP (ORDER BY a), PERCENTILE_DISC(1) WITHIN GROUP (ORDER BY a), PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY b) FROM t", "[1,4,10]"),
        ("SELECT LISTAGG(c, '-') WITHIN GROUP (ORDER BY c DESC) FILTER (WHERE a < 3) FROM t", #"["y-x"]"#),
        ("SELECT MAX_BY(c, a), MIN_BY(c, a), ARG_MAX(a, b), ARG_MIN(a, b), MAX_BY(a, c), MIN_BY(a, b) FILTER (WHERE a > 9) FROM t", #"["z","x",3,4,3,null]"#),
        ("SELECT a FROM t ORDER BY a DESC LIMIT 2 - 1", "[4]"), ("SELECT a FROM t ORDER BY a LIMIT 4, 2", "[4]"), ("SELECT a FROM t ORDER BY a LIMIT 1 OFFSET 2 * 2", "[4]"),
        ("TABLE u", "[1,100] [2,200]"),
    ])
    func values(question: String, rows: String) throws { #expect(try answer(question).joined(separator: " ") == rows, "\(question)") }

    @Test(arguments: [
        ("SUM(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW)", "12 11 10 10 9"),
        ("SUM(a) OVER (ORDER BY a RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP)", "null 1 3 3 9"),
        ("SUM(a) OVER (ORDER BY a GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES)", "1 3 5 5 10"),
        ("MAX(a) OVER (ORDER BY a, c ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)", "2 3 3 4 3"),
        ("SUM(a) OVER (ORDER BY a, c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS)", "1 3 5 6 7"),
        ("FIRST_VALUE(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW)", "2 1 1 1 1"),
        ("COUNT(*) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND CURRENT ROW EXCLUDE CURRENT ROW)", "0 0 0 0 0"),
        ("LAST_VALUE(b IGNORE NULLS) OVER (ORDER BY a, c)", "10 10 10 30 5"), ("LAST_VALUE(b) RESPECT NULLS OVER (ORDER BY a, c)", "10 null null 30 5"),
        ("FIRST_VALUE(b) IGNORE NULLS OVER (ORDER BY a, c ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)", "30 30 30 5 null"),
        ("LAG(b) IGNORE NULLS OVER (ORDER BY a, c)", "null 10 10 10 30"), ("LEAD(b, 1, 0 IGNORE NULLS) OVER (ORDER BY a, c)", "30 30 30 5 0"),
        ("LAG(b, 2) IGNORE NULLS OVER (ORDER BY a, c)", "null null null null 10"),
        ("NTH_VALUE(b, 2) IGNORE NULLS OVER (ORDER BY a, c ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)", "30 30 30 30 30"),
    ])
    func windows(call: String, values: String) throws {
        #expect(try answer("SELECT \(call) AS r FROM t ORDER BY a, c").map { $0.dropFirst().dropLast() }.joined(separator: " ") == values, "\(call)")
    }

    @Test func changesByOtherTables() throws {
        #expect(
            try answer("UPDATE k SET n = u.w + k.n, v = 'new' FROM u WHERE u.id = k.id; SELECT * FROM k ORDER BY id")
                == [#"[1,"new",101]"#, #"[2,"new",202]"#, #"[3,"c",3]"#])
        #expect(try answer("DELETE FROM k USING u WHERE u.id = k.id AND u.w > 150; SELECT id FROM k ORDER BY id") == ["[1]", "[3]"])
        #expect(
            try answer("UPDATE k SET n = t.a FROM t WHERE t.a >= k.id") == ["22000 a subquery that stands for one value gives more than one row"])
        #expect(try answer("INSERT OR REPLACE INTO k VALUES (1, 'r', 9); REPLACE INTO k (id, v) VALUES (2, 's'); SELECT * FROM k WHERE id < 3 ORDER BY id") == [#"[1,"r",9]"#, #"[2,"s",null]"#])
    }

    /// A row takes the place of the one with its key, unless the statement says that it is to be left out.
    @Test func rowsWhoseKeyIsThere() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.rows)
        #expect(millrace.run("INSERT OR IGNORE INTO k VALUES (1, 'i', 7), (8, 'i', NULL), (8, 'j', 9), (9, NULL, NULL);").last == "+ 2 rows inserted")
        #expect(millrace.run("INSERT INTO k (n, id) VALUES (5, 1), (6, 10) ON CONFLICT (id) DO NOTHING;").last == "+ 1 row inserted")
        #expect(millrace.run("INSERT OR IGNORE INTO k SELECT id, 'u', w FROM u;").last == "+ 0 rows inserted")
        #expect(millrace.run("INSERT OR IGNORE INTO t VALUES (1, 10, 'x');").last == "+ 1 row inserted")
        let rows = millrace.run("SELECT * FROM k WHERE id <> 2 AND id <> 3 ORDER BY id;").filter { $0.hasPrefix(": ") }.map { String($0.dropFirst(2)) }
        #expect(rows == [#"[1,"a",1]"#, #"[8,"i",null]"#, "[9,null,null]", "[10,null,6]"])
    }

    @Test(arguments: [
        ("SELECT a FROM t ORDER a", "Did you mean ORDER BY a?"), ("SELECT a FROM t GROUP a", "Did you mean GROUP BY a?"),
        ("SELECT a FROM t LIMIT (SELECT 1)", "nor by a subquery"), ("SELECT SUM(a) IGNORE NULLS OVER (ORDER BY a) FROM t", "aggregates leave NULLs out anyway"),
        ("SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY a DESC) FROM t", "Ask for 1 - p"), ("INSERT OR ABORT INTO k VALUES (1, 'a', 1)", "takes the place"),
        ("INSERT INTO k VALUES (1, 'a', 1) ON CONFLICT (v) DO NOTHING", "same primary key"), ("INSERT INTO k VALUES (1, 'a', 1) ON CONFLICT (id) DO UPSERT", "excluded"),
    ])
    func advice(statement: String, hint: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.rows)
        let error = millrace.error(of: statement + ";")
        #expect(error?.hint?.contains(hint) == true, "\(String(describing: error))")
    }

    /// Of equal numbers the one with the sign is the smaller one, in whatever order they come.
    @Test func signedZeros() throws {
        for values in ["(0.0E0), (-0.0E0)", "(-0.0E0), (0.0E0)"] {
            #expect(try answer("SELECT CAST(MIN(x) AS VARCHAR), CAST(MAX(x) AS VARCHAR) FROM (VALUES \(values)) AS v (x)") == [#"["-0.0","0.0"]"#])
        }
    }
}
