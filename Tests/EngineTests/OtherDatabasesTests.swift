// What people who come from other databases type first: tables without keys, INSERT with a SELECT, NOT NULL and DEFAULT, and the forms of
// expressions and clauses that the tests of those databases are full of.

import Testing

@Suite struct OtherDatabasesTests {
    private func rows(_ millrace: Millrace, _ question: String) -> [String] {
        millrace.run(question).filter { !$0.hasPrefix("=") && !$0.hasPrefix("+") }.map { $0.hasPrefix(": ") ? String($0.dropFirst(2)) : $0 }
    }

    // MARK: Names

    /// A name that a column of an answer was given hides no column of FROM, but can be used where there is none of that name.
    @Test func namesThatNobodyWroteHideNoColumns() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE TABLE t (b INT, c INT, sum_b INT); INSERT INTO t VALUES (1, 10, 3), (2, 10, 2), (3, 20, 1);")
        #expect(rows(millrace, "SELECT 10 - b FROM t ORDER BY b LIMIT 1;") == ["[9]"])
        #expect(rows(millrace, "SELECT -b FROM t ORDER BY b;") == ["[-1]", "[-2]", "[-3]"])
        #expect(rows(millrace, "SELECT b % 2, c FROM t ORDER BY b DESC;") == ["[1,20]", "[0,10]", "[1,10]"])
        #expect(rows(millrace, "SELECT -b, COUNT(*) FROM t GROUP BY b ORDER BY b;") == ["[-1,1]", "[-2,1]", "[-3,1]"])
        #expect(rows(millrace, "SELECT DISTINCT ON (c) -b FROM t ORDER BY c, b;") == ["[-1]", "[-3]"])
        #expect(rows(millrace, "SELECT -b AS b FROM t ORDER BY b;") == ["[-3]", "[-2]", "[-1]"])
        #expect(rows(millrace, "SELECT c, COUNT(*), SUM(b) FROM t GROUP BY c ORDER BY count DESC;") == ["[10,2,3]", "[20,1,3]"])
        #expect(rows(millrace, "SELECT -(-2147483648), - -9223372036854775808, -(-5);") == ["[null,null,5]"])
        millrace.engine.close()
    }

    // MARK: Functions

    @Test func everyFunctionThatIsListedIsDescribed() throws {
        let millrace = try Millrace()
        let names = rows(millrace, "SHOW FUNCTIONS;").compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
        #expect(names.count > 200 && names.contains("YEAR") && names.contains("LEFT"))
        for name in names {
            let lines = millrace.run("DESCRIBE FUNCTION \(name);")
            #expect(lines.contains { $0.contains("Variations") } && !lines.contains { $0.hasPrefix("-") }, "\(name): \(lines)")
        }
        millrace.engine.close()
    }

    // MARK: Joins

    /// Relations are joined behind those that they are connected with, in whatever order they are written: in that of FROM there would be a
    /// million rows in between.
    @Test func joinsFollowTheirConditions() throws {
        let millrace = try Millrace()
        let count = 12
        for number in 0..<count {
            let values = (1...10).map { "(\($0), \($0 % 10 + 1), 'row \($0) of \(number)')" }.joined(separator: ", ")
            _ = millrace.run("CREATE TABLE t\(number) (a\(number) INT PRIMARY KEY, b\(number) INT, x\(number) VARCHAR); INSERT INTO t\(number) VALUES \(values);")
        }
        // Every fifth table, round and round: no two neighbours are connected.
        let order = (0..<count).map { $0 * 5 % count }
        let conditions = ["a3 = 7"] + (1..<count).map { "b\($0 - 1) = a\($0)" }
        let question = "SELECT \(order.map { "x\($0)" }.joined(separator: ", ")) FROM \(order.map { "t\($0)" }.joined(separator: ", ")) WHERE "
            + conditions.joined(separator: " AND ") + ";"
        let expected = "[" + order.map { "\"row \(($0 + 3) % 10 + 1) of \($0)\"" }.joined(separator: ",") + "]"
        #expect(rows(millrace, question) == [expected])
        let plan = millrace.run("EXPLAIN " + question)
        #expect(!plan.contains { $0.contains("NESTED LOOP") } && plan.contains { $0.contains("HASH ON") }, "\(plan)")
        // What nothing connects is still joined with all, and outer joins stay where they are.
        #expect(rows(millrace, "SELECT COUNT(*) FROM t0, t1, t2 WHERE b0 = a2 AND a1 < 3;") == ["[20]"])
        #expect(rows(millrace, "SELECT COUNT(*), COUNT(a2) FROM t0 LEFT JOIN t2 ON a2 = b0 AND a2 > 5, t1, t3 WHERE a0 = a3 AND a1 = b3;") == ["[10,5]"])
        #expect(rows(millrace, "SELECT a0, a2 FROM t0, t1, t2 WHERE a0 = b2 AND a1 = b2 AND a2 + a0 = 5;") == ["[3,2]"])
        millrace.engine.close()
    }

    // MARK: Tables

    @Test func rowsOfATableWithoutAKeyMayBeEqual() throws {
        let first = try Millrace()
        #expect(first.run("CREATE TABLE t (a INT, b VARCHAR);").contains { $0.contains("each row has a key of its own, ROWID") })
        _ = first.run("INSERT INTO t VALUES (2, 'x'), (1, 'y'), (2, 'x'), (NULL, NULL);")
        #expect(rows(first, "SELECT * FROM t;") == [#"[2,"x"]"#, #"[1,"y"]"#, #"[2,"x"]"#, "[null,null]"])
        #expect(rows(first, "SELECT COUNT(*), COUNT(DISTINCT ROWID) FROM t;") == ["[4,4]"])
        #expect(rows(first, "SELECT x.*, y FROM t AS x(p, q), (VALUES (5)) v(y) WHERE p = 1;") == [#"[1,"y",5]"#])
        #expect(first.run("UPDATE t SET a = a + 10 WHERE b = 'x';") == ["+ 2 rows updated"])
        #expect(first.run("DELETE FROM t WHERE a IS NULL;") == ["+ 1 row deleted"])
        _ = first.run("INSERT INTO t (b) VALUES ('z');")
        first.close()
        let second = try Millrace(files: first.files)
        #expect(rows(second, "SELECT * FROM t ORDER BY b, a;") == [#"[12,"x"]"#, #"[12,"x"]"#, #"[1,"y"]"#, #"[null,"z"]"#])
        #expect(second.run("TRUNCATE TABLE t;") == ["+ 4 rows deleted"])
        #expect(rows(second, "SELECT COUNT(*) FROM t;") == ["[0]"])
        second.close()
    }

    @Test func whatIsMadeOfATableWithoutAKeyHasNoneEither() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE TABLE t (a INT, b INT); CREATE TABLE u AS SELECT * FROM t WHERE a > 1; CREATE TABLE v AS SELECT b + 1 AS c FROM t;")
        _ = millrace.run("CREATE TABLE g AS SELECT b, COUNT(*) AS n FROM t GROUP BY b;")
        _ = millrace.run("INSERT INTO t VALUES (1, 5), (2, 5), (2, 5);")
        #expect(rows(millrace, "SELECT * FROM u;") == ["[2,5]", "[2,5]"])
        #expect(rows(millrace, "SELECT * FROM v ORDER BY c;") == ["[6]", "[6]", "[6]"])
        #expect(rows(millrace, "SELECT * FROM g;") == ["[5,3]"])
        #expect(rows(millrace, "SELECT * FROM u EMIT CHANGES LIMIT 1;").first == "[2,5]")
        _ = millrace.run("DELETE FROM t WHERE a = 2;")
        #expect(rows(millrace, "SELECT COUNT(*) FROM u;") == ["[0]"])
        #expect(rows(millrace, "SELECT * FROM v;") == ["[6]"])
        millrace.engine.close()
    }

    /// Who makes a table without naming a topic knows of none: it goes with the table. Otherwise what is made anew would have the old rows.
    @Test func aTopicThatACreateMadeGoesWithItsTable() throws {
        let millrace = try Millrace()
        for create in ["CREATE TABLE t (a INT);", "CREATE TABLE t (a INT PRIMARY KEY);"] {
            _ = millrace.run(create + "INSERT INTO t VALUES (1);")
            _ = millrace.run("DROP TABLE t;")
            _ = millrace.run(create)
            #expect(rows(millrace, "SELECT COUNT(*) FROM t;") == ["[0]"])
            _ = millrace.run("DROP TABLE t;")
        }
        _ = millrace.run("CREATE TABLE u (a INT PRIMARY KEY) WITH (KAFKA_TOPIC='U', PARTITIONS=1); INSERT INTO u VALUES (1); DROP TABLE u;")
        _ = millrace.run("CREATE TABLE u (a INT PRIMARY KEY);")
        #expect(rows(millrace, "SELECT COUNT(*) FROM u;") == ["[1]"])
        _ = millrace.run("DROP TABLE u; CREATE TABLE u (a INT PRIMARY KEY);")
        #expect(rows(millrace, "SELECT COUNT(*) FROM u;") == ["[1]"])
        // Another source over the topic keeps it.
        _ = millrace.run("CREATE TABLE v (a INT); INSERT INTO v VALUES (1); CREATE STREAM w (rowid VARCHAR KEY, a INT) WITH (KAFKA_TOPIC='V'); DROP TABLE v;")
        #expect(rows(millrace, "SELECT a FROM w;") == ["[1]"])
        millrace.engine.close()
    }

    @Test func ksqlDBHasNoTableWithoutAKey() throws {
        let millrace = try Millrace()
        _ = millrace.run("SET 'millrace.dialect'='ksqldb';")
        #expect(millrace.run("CREATE TABLE t (a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);").last?.hasPrefix("- 42830") == true)
        _ = millrace.run("UNSET 'millrace.dialect';")
        // Whoever names the topic knows of keys in it.
        #expect(millrace.run("CREATE TABLE t (a INT) WITH (KAFKA_TOPIC='t', PARTITIONS=1);").last?.hasPrefix("- 42830") == true)
        #expect(millrace.run("CREATE TABLE u (rowid INT, a INT);").contains { $0.contains("ROWID_1") })
        millrace.engine.close()
    }

    @Test func aSelectIsInsertedIntoATableOnce() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2), (3, 4);")
        #expect(millrace.run("INSERT INTO t SELECT b, a FROM t;") == ["+ 2 rows inserted"])
        #expect(millrace.run("INSERT INTO t (b) SELECT 7 UNION ALL SELECT 8;") == ["+ 2 rows inserted"])
        #expect(millrace.run("INSERT INTO t WITH c AS (SELECT 9 AS q) SELECT q, q FROM c;") == ["+ 1 row inserted"])
        #expect(millrace.run("INSERT INTO t SELECT DISTINCT a, a FROM t WHERE a = 9;") == ["+ 1 row inserted"])
        #expect(rows(millrace, "SELECT * FROM t ORDER BY a, b;") == ["[1,2]", "[2,1]", "[3,4]", "[4,3]", "[9,9]", "[9,9]", "[null,7]", "[null,8]"])
        #expect(millrace.run("INSERT INTO t SELECT COUNT(*), MAX(a) + 100000000000 FROM t;").last?.contains("100000000009 does not fit INTEGER") == true)
        #expect(millrace.run("UPDATE t SET b = (SELECT COUNT(*) FROM t) WHERE a = 1;") == ["+ 1 row updated"])
        #expect(rows(millrace, "SELECT b FROM t WHERE a = 1;") == ["[8]"])
        _ = millrace.run("CREATE STREAM s (a INT);")
        #expect(millrace.run("INSERT INTO s SELECT 1;") == ["+ 1 row inserted"])
        #expect(millrace.run("INSERT INTO s SELECT a FROM t UNION SELECT b FROM t;").last?.hasPrefix("- 42601") == true)
        #expect(rows(millrace, "SELECT * FROM s;") == ["[1]"])
        millrace.engine.close()
    }

    @Test func columnsHaveConstraints() throws {
        let first = try Millrace()
        _ = first.run("CREATE TABLE t (a INT NOT NULL, b VARCHAR DEFAULT 'd' NOT NULL, c DOUBLE NULL, PRIMARY KEY (a));")
        #expect(first.run("CREATE TABLE u (a INT DEFAULT 'x');").last?.hasPrefix("- 42804") == true)
        #expect(first.run("CREATE TABLE u (a INT, PRIMARY KEY (z));").last?.contains("no column before it") == true)
        _ = first.run("INSERT INTO t (a) VALUES (1); INSERT INTO t (a, c) VALUES (2, 2.5);")
        first.close()
        let second = try Millrace(files: first.files)
        #expect(second.run("INSERT INTO t (a) SELECT 3;") == ["+ 1 row inserted"])
        #expect(second.run("INSERT INTO t VALUES (4, NULL, 1);").last == "- 22004 `B` is NOT NULL")
        #expect(second.run("INSERT INTO t VALUES (4, CAST(NULLIF(1, 1) AS VARCHAR), 1);").last == "- 22004 `B` is NOT NULL")
        #expect(second.run("INSERT INTO t (a, b) SELECT 5, NULLIF('x', 'x');").last?.contains("`B` is NOT NULL") == true)
        #expect(second.run("UPDATE t SET b = NULL;").last?.contains("`B` is NOT NULL") == true)
        #expect(rows(second, "SELECT * FROM t ORDER BY a;") == [#"[1,"d",null]"#, #"[2,"d",2.5]"#, #"[3,"d",null]"#])
        _ = second.run("CREATE TABLE v (a INT DEFAULT 1 + 1, b INT); INSERT INTO v DEFAULT VALUES; INSERT INTO v VALUES (DEFAULT, 5), (6, DEFAULT);")
        #expect(rows(second, "SELECT * FROM v;") == ["[2,null]", "[2,5]", "[6,null]"])
        #expect(second.run("UPDATE v SET (a, b) = (DEFAULT, a + 1) WHERE a = 6;") == ["+ 1 row updated"])
        #expect(second.run("UPDATE v SET (a, b) = 1;").last?.contains("2 columns are set to 1 value") == true)
        #expect(rows(second, "SELECT * FROM v WHERE b = 7;") == ["[2,7]"])
        second.close()
    }

    @Test func aTableIsMadeOfValues() throws {
        let millrace = try Millrace()
        #expect(millrace.run("CREATE TABLE t AS VALUES (1, 'a'), (2, NULL);").last == "+ 2 rows inserted")
        #expect(rows(millrace, "SELECT column1, column2 FROM t ORDER BY 1;") == [#"[1,"a"]"#, "[2,null]"])
        #expect(millrace.run("CREATE TABLE u (x BIGINT, d DATE) AS SELECT 5, '2024-01-31';").last == "+ 1 row inserted")
        #expect(rows(millrace, "SELECT x + 1, d FROM u;") == [#"[6,"2024-01-31"]"#])
        #expect(millrace.run("CREATE TABLE IF NOT EXISTS u AS VALUES (1);").last?.hasPrefix("+") == true)
        #expect(millrace.run("CREATE TABLE w (x INT NOT NULL) AS SELECT NULLIF(1, 1);").last?.hasPrefix("-") == true)
        #expect(millrace.run("SELECT * FROM w;").last?.hasPrefix("- 42P01") == true)
        millrace.engine.close()
    }

    // MARK: Questions

    /// Questions over `n (i INT, j INT, s VARCHAR, t BOOLEAN, d DECIMAL(4, 1))`, and their rows.
    private static let questions: [(String, [String])] = [
        // NULL in a question is unknown.
        ("SELECT NULL AND FALSE, NULL OR TRUE, NULL AND TRUE, NOT NULL", ["[false,true,null,null]"]),
        ("SELECT i FROM n WHERE t OR i = 3 ORDER BY i", ["[1]", "[3]"]),
        ("SELECT i FROM n WHERE s LIKE 'x%' OR i = 3", ["[3]"]),
        ("SELECT COALESCE(j + 1, 0), (j + 1) IS NULL FROM n ORDER BY i", ["[11,false]", "[21,false]", "[0,true]"]),
        ("SELECT COALESCE(i, 1 / (i - i)), IFNULL(NULL, s), COALESCE(j, i * 2, 7) FROM n ORDER BY i", [#"[1,"a",10]"#, #"[2,"b",20]"#, "[3,null,6]"]),
        ("SELECT CASE WHEN t THEN 1 ELSE 0 END, CASE WHEN NULL THEN 1 ELSE 2 END FROM n ORDER BY i", ["[1,2]", "[0,2]", "[0,2]"]),
        ("SELECT d / 3 FROM n WHERE i < 3 ORDER BY i", ["[0.333333333333]", "[-0.666666666667]"]),
        ("SELECT 1 / 3.0, -2 / 3.0", ["[0.333333,-0.666667]"]),
        // Sums of nothing, and of NULLs.
        ("SELECT SUM(i), AVG(i), COUNT(i) FROM n WHERE i > 9", ["[null,null,0]"]),
        ("SELECT SUM(j), AVG(j) FROM n WHERE i = 3", ["[0,0.0]"]),
        ("SELECT SUM(i) FILTER (WHERE i > 9), SUM(i) FROM n", ["[null,6]"]),
        ("SELECT i, (SELECT SUM(j) FROM n m WHERE m.i < n.i) FROM n ORDER BY i", ["[1,null]", "[2,10]", "[3,30]"]),
        (
            "SELECT COUNT(*) OVER (ORDER BY x RANGE BETWEEN INTERVAL '2' DAY PRECEDING AND CURRENT ROW) FROM (VALUES (DATE '2024-02-28'), (DATE '2024-03-01'), "
                + "(DATE '2024-03-02')) v(x) ORDER BY x", ["[1]", "[2]", "[2]"]
        ),
        ("SELECT SUM(i) OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) FROM n ORDER BY i", ["[null]", "[1]", "[3]"]),
        // Rows of values, and quantified comparisons.
        ("SELECT i FROM n WHERE (i, j) = (1, 10)", ["[1]"]),
        ("SELECT i FROM n WHERE (i, j) IN ((2, 20), (1, 11), (1, 10)) ORDER BY i", ["[1]", "[2]"]),
        ("SELECT i FROM n WHERE (i, j) < (2, 20)", ["[1]"]),
        ("SELECT i FROM n WHERE (i, j) <= (2, 20) ORDER BY i", ["[1]", "[2]"]),
        ("SELECT i FROM n WHERE (i, j) IN (SELECT i, j FROM n m WHERE m.i > 1)", ["[2]"]),
        ("SELECT i FROM n WHERE (i, j) NOT IN (SELECT i, j FROM n) ORDER BY i", ["[3]"]),
        ("SELECT i FROM n WHERE i = ANY (SELECT i + 1 FROM n) ORDER BY i", ["[2]", "[3]"]),
        ("SELECT i FROM n WHERE i >= ALL (SELECT i FROM n)", ["[3]"]),
        ("SELECT i FROM n WHERE i > SOME (SELECT m.i FROM n m WHERE m.j = n.j - 10)", ["[2]"]),
        ("SELECT i FROM n WHERE i = ANY (ARRAY[1, 3]) ORDER BY i", ["[1]", "[3]"]),
        // Clauses.
        ("SELECT t, COUNT(*) FROM n GROUP BY ALL ORDER BY ALL", ["[false,1]", "[true,1]", "[null,1]"]),
        ("SELECT i % 2 AS p, j FROM n ORDER BY ALL DESC NULLS LAST", ["[1,10]", "[1,null]", "[0,20]"]),
        ("SELECT COUNT(*) FROM n GROUP BY (t, i)", ["[1]", "[1]", "[1]"]),
        ("SELECT i, COUNT(*) FROM n GROUP BY (), i, () ORDER BY i", ["[1,1]", "[2,1]", "[3,1]"]),
        ("SELECT t, COUNT(*) FROM n GROUP BY GROUPING SETS (GROUPING SETS ((t), ()), GROUPING SETS (())) ORDER BY t, 2", ["[false,1]", "[true,1]", "[null,1]", "[null,3]", "[null,3]"]),
        ("SELECT n.i FROM n JOIN n m ON m.i = n.i AND n.i IN (SELECT i FROM n WHERE j = 20)", ["[2]"]),
        ("SELECT COVAR_POP(i, CAST(j AS BIGINT)) FROM n", ["[2.5]"]),
        ("SELECT STRING_AGG(s, '-' ORDER BY i DESC), COUNT(*) FROM n", [#"["b-a",3]"#]),
        ("SELECT ARRAY_AGG(i ORDER BY j DESC) FROM n", ["[[3,2,1]]"]),
        ("SELECT STRING_AGG(s ORDER BY s DESC) FROM n", [#"["b,a"]"#]),
        ("SELECT COUNT(ALL i), SUM(DISTINCT i % 2) FROM n", ["[3,1]"]),
        ("SELECT MIN(t), MAX(t), SUM(NULL), LENGTH(NULL) FROM n", ["[false,true,0,null]"]),
        ("SELECT * FROM n NATURAL JOIN (SELECT i, 'q' AS q FROM n WHERE i < 3) m ORDER BY i", [#"[1,10,"a",true,1.0,"q"]"#, #"[2,20,"b",false,-2.0,"q"]"#]),
        ("SELECT * EXCLUDE (j, s, d) REPLACE (i * 2 AS i) RENAME (t AS u) FROM n ORDER BY i", ["[2,true]", "[4,false]", "[6,null]"]),
        ("SELECT n.* EXCEPT (s, t, d) FROM n WHERE i = 1", ["[1,10]"]),
        ("SELECT i FROM n ORDER BY i LIMIT NULL OFFSET 2", ["[3]"]),
        ("WITH m AS NOT MATERIALIZED (SELECT 1 AS a) SELECT a FROM m", ["[1]"]),
        // Values.
        ("SELECT '2' = 2, i = '3' FROM n ORDER BY i", ["[true,false]", "[true,false]", "[true,true]"]),
        ("SELECT TRY_CAST('x' AS INT), TRY_CAST('12' AS INT), 1 == 1", ["[null,12,true]"]),
        ("SELECT TRIM('xax', 'x'), YEAR(DATE '2024-03-05'), DAYNAME(DATE '2024-03-05'), LAST_DAY(DATE '2024-02-05')", [#"["a",2024,"Tuesday","2024-02-29"]"#]),
        ("SELECT DATE_DIFF('month', DATE '2023-12-31', DATE '2024-01-01'), DATEDIFF('day', DATE '2024-02-28', DATE '2024-03-01')", ["[1,2]"]),
        ("SELECT CONTAINS('hello', 'ell'), LOG2(8), OCTET_LENGTH('ä'), IIF(TRUE, 1, 2)", ["[true,3.0,2,1]"]),
    ]

    private static let table = """
        CREATE TABLE n (i INT, j INT, s VARCHAR, t BOOLEAN, d DECIMAL(4, 1));
        INSERT INTO n VALUES (1, 10, 'a', TRUE, 1.0), (2, 20, 'b', FALSE, -2.0), (3, NULL, NULL, NULL, NULL);
        """

    @Test func questionsAreAnsweredAsElsewhere() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.table)
        for (question, expected) in Self.questions { #expect(rows(millrace, question + ";") == expected, "\(question)") }
        millrace.engine.close()
    }

    @Test(arguments: [
        ("SELECT i FROM n WHERE (i, j) = (1, 2, 3)", "a row of as many"), ("SELECT i FROM n WHERE (i, j) = i", "a row of as many"),
        ("SELECT i FROM n WHERE (i, j) IN (SELECT i FROM n)", "a subquery of 1 columns"),
        ("SELECT i FROM n WHERE i = ANY (SELECT i, j FROM n)", "gives one column"), ("SELECT i FROM n WHERE i < ALL (ARRAY[1])", "only = ANY"),
        ("SELECT ARRAY_AGG(i ORDER BY i), ARRAY_AGG(i ORDER BY j) FROM n", "in one order"), ("SELECT * EXCLUDE (z) FROM n", "no column Z"),
        ("SELECT DATE_DIFF('eon', i, i) FROM n", "takes a unit as text"), ("SELECT YEAR(i, j) FROM n", "takes 1 argument"),
        ("SELECT i FROM n WHERE i = 'x'", "Cannot compare"),
    ]) func mistakesAreTold(question: String, part: String) throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.table)
        #expect(millrace.run(question + ";").joined(separator: "\n").contains(part))
        millrace.engine.close()
    }

    /// What goes on has ksqlDB's rules: NULL in arithmetic is no value of the whole expression.
    @Test func continuousQueriesKeepKsqlDBsNulls() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM s (a INT, b BOOLEAN); CREATE STREAM o AS SELECT COALESCE(a + 1, 0) AS x, b OR TRUE AS y FROM s;")
        _ = millrace.run("INSERT INTO s VALUES (NULL, NULL), (1, TRUE);")
        #expect(rows(millrace, "SELECT * FROM o;") == ["[null,null]", "[2,true]"])
        #expect(rows(millrace, "SELECT COALESCE(a + 1, 0), b OR TRUE FROM s;") == ["[0,true]", "[2,true]"])
        millrace.engine.close()
    }
}
