// Definitions as other databases write them: constraints that nothing checks, types without digits, several names behind DROP, tables of what is there.

import Testing

@Suite struct DefinitionFormsTests {
    private func run(_ statements: String...) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run("CREATE TABLE t (a INT PRIMARY KEY, b INT); INSERT INTO t VALUES (1, 10), (2, 20), (3, 30);")
        return millrace.run(statements.map { $0 + ";" }.joined(separator: " "))
    }

    /// What is not checked is named by the answer.
    @Test(arguments: [
        ("b INT UNIQUE", "UNIQUE (B)"), ("b INT CHECK (b > 0)", "CHECK (b > 0)"), ("b INT REFERENCES t (a) ON DELETE SET NULL NOT DEFERRABLE", "REFERENCES t (a) ON DELETE SET NULL NOT DEFERRABLE"),
        ("b INT, UNIQUE (b)", "UNIQUE (b)"), ("b INT, CONSTRAINT c CHECK (b > 0 AND b IN (SELECT 1))", "CHECK (b > 0 AND b IN (SELECT 1))"),
        ("b INT, FOREIGN KEY (b) REFERENCES t (a) ON UPDATE NO ACTION", "FOREIGN KEY (b) REFERENCES t (a) ON UPDATE NO ACTION"),
    ])
    func unchecked(columns: String, named: String) throws {
        let answer = try run("CREATE TABLE c (a INT CONSTRAINT k PRIMARY KEY ASC, \(columns))", "INSERT INTO c VALUES (1, -1)")
        #expect(answer.contains("? \(named) is not checked: rows that break it are taken") && answer.last == "+ 1 row inserted", "\(answer)")
    }

    @Test func whatHoldsSaysNothing() throws {
        let answer = try run(
            "CREATE TABLE c (a INT, b INT COLLATE BINARY NOT NULL, CONSTRAINT k PRIMARY KEY (a)) WITHOUT ROWID", "INSERT INTO c VALUES (1, NULL)")
        #expect(!answer.contains { $0.contains("not checked") } && answer.last?.contains("NOT NULL") == true, "\(answer)")
        #expect(try run("CREATE TABLE unique (check INT PRIMARY KEY, constraint INT, foreign INT)").last == "+ Table created")
    }

    @Test func otherNotices() throws {
        #expect(try run("CREATE TEMP TABLE c (a INT)").contains("? TEMP means nothing here: what is created stays until it is dropped"))
        #expect(try run("CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1 AS x", "SELECT * FROM v").contains(": [1]"))
        let answer = try run("CREATE TABLE c (a INT PRIMARY KEY, n NUMERIC, d DECIMAL)", "INSERT INTO c VALUES (1, 1.5, '2')", "SELECT * FROM c")
        #expect(answer.contains("? NUMERIC without digits is DECIMAL(18, 3)") && answer.contains(": [1,1.500,2.000]"), "\(answer)")
    }

    /// A table of a question that could not go on is filled with the rows that are there.
    @Test(arguments: [
        ("SELECT a, b FROM t ORDER BY a DESC LIMIT 2", "[3,30] [2,20]"), ("SELECT x.a AS a, y.b AS b FROM t AS x, t AS y WHERE x.a + 1 = y.a", "[1,20] [2,30]"),
        ("SELECT a, b FROM t WHERE a = 1 UNION ALL SELECT 7, 8", "[7,8] [1,10]"),
    ])
    func filled(question: String, rows: String) throws {
        let answer = try run("CREATE TABLE f AS \(question)", "INSERT INTO t VALUES (4, 40)", "SELECT * FROM f ORDER BY b \(question.contains("DESC") ? "DESC" : "")")
        #expect(answer.contains { $0.hasPrefix("? the table holds the rows that are there now") }, "\(answer)")
        #expect(answer.filter { $0.hasPrefix(": ") }.map { String($0.dropFirst(2)) }.joined(separator: " ") == rows, "\(answer)")
    }

    @Test func severalAreDropped() throws {
        let answer = try run("CREATE TABLE c (a INT)", "DROP TABLE t, c RESTRICT", "SHOW TABLES")
        #expect(answer.contains { $0.contains("`T`") && $0.contains("`C`") } && !answer.contains { $0.contains("\"T\"") }, "\(answer)")
        // None is dropped where one is missing.
        #expect(try run("DROP TABLE t, nix").last?.contains("NIX") == true)
        #expect(try run("DROP TABLE IF EXISTS t, nix").last?.hasPrefix("+ ") == true)
    }

    @Test(arguments: [
        ("ALTER TABLE t RENAME COLUMN b TO c", "RENAME (a AS b)"), ("ALTER TABLE t RENAME b TO c", "RENAME (a AS b)"), ("ALTER TABLE t DROP COLUMN b", "EXCLUDE"),
        ("ALTER TABLE t ALTER COLUMN b TYPE BIGINT", "REPLACE (CAST"), ("CREATE TABLE c (a VARCHAR COLLATE NOCASE)", "ILIKE"),
    ])
    func refused(statement: String, hint: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run("CREATE TABLE t (a INT PRIMARY KEY, b INT);")
        #expect(millrace.error(of: statement + ";")?.hint?.contains(hint) == true)
    }

    @Test(arguments: [
        ("EPOCH(TIMESTAMP '2024-01-31T10:00:00'), EPOCH_MS(TIMESTAMP '1970-01-01T00:00:01')", "[1.7066952E9,1000]"),
        ("ISODOW(DATE '2024-02-04'), ISODOW(DATE '2024-02-05'), WEEKDAY(DATE '2024-02-04'), CENTURY(DATE '2000-06-01'), DECADE(DATE '1999-01-01')", "[7,1,0,20,199]"),
        ("WIDTH_BUCKET(5, 0, 10, 5), WIDTH_BUCKET(-1, 0, 10, 5), WIDTH_BUCKET(10, 0, 10, 5), IF(1 = 1, 'a', 'b'), CHAR(65)", #"[3,0,6,"a","A"]"#),
        ("ROUND(ASINH(-1), 6), ROUND(ACOSH(2), 6), ROUND(ATANH(0.5), 6)", "[-0.881374,1.316958,0.549306]"),
        ("ARRAY_APPEND(ARRAY[1], 2), ARRAY_PREPEND(0, ARRAY[1]), LIST_APPEND(ARRAY['a'], 'b')", #"[[1,2],[0,1],["a","b"]]"#),
        ("ABS(-2147483647), ABS(-2147483648), ABS(CAST('-9223372036854775808' AS BIGINT))", "[2147483647,null,null]"),
    ])
    func functions(calls: String, row: String) throws {
        let answer = try run("SELECT \(calls)")
        #expect(answer.contains(": " + row), "\(answer)")
    }
}
