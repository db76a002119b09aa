// INSERT INTO s (SELECT …), UPDATE, DELETE, DROP … CASCADE, RENAME, COMMENT and CREATE FUNCTION, and what of them a restart brings back.

import Platform
import Testing

@Suite struct RowChangeTests {
    private static let tables = """
        CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR, n INT, s STRUCT<a INT, b STRUCT<c VARCHAR, d INT>>);
        INSERT INTO t VALUES (1, 'a', 1, STRUCT(a := NULL, b := STRUCT(c := 'x', d := NULL))), (2, 'b', 2, NULL), (3, 'c', 3, STRUCT(a := 5, b := NULL));
        CREATE STREAM s (k INT KEY, v BIGINT) WITH (partitions = 1);
        """

    private func rows(_ millrace: Millrace, _ question: String) -> [String] {
        millrace.run(question).filter { $0.hasPrefix(": ") }.map { String($0.dropFirst(2)) }
    }

    @Test func structsWithNullFields() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.tables)
        #expect(
            rows(millrace, "SELECT s FROM t ORDER BY id;") == [#"[{"A":null,"B":{"C":"x","D":null}}]"#, "[null]", #"[{"A":5,"B":null}]"#])
        #expect(millrace.run("INSERT INTO t VALUES (4, 'd', 1, STRUCT(z := NULL));").last?.hasPrefix("- 42804") == true)
        millrace.engine.close()
    }

    @Test func updatesAndDeletions() throws {
        let first = try Millrace()
        _ = first.run(Self.tables)
        _ = first.run("CREATE TABLE sums AS SELECT name, SUM(n) AS total FROM t GROUP BY name;")
        #expect(first.run("UPDATE t SET n = n + 10, name = UPPER(name) WHERE id >= 2;") == ["+ 2 rows updated"])
        #expect(first.run("DELETE FROM t WHERE id = 1;") == ["+ 1 row deleted"])
        #expect(first.run("UPDATE t SET n = NULL WHERE n > 100;") == ["+ 0 rows updated"])
        #expect(rows(first, "SELECT id, name, n FROM t ORDER BY id;") == [#"[2,"B",12]"#, #"[3,"C",13]"#])
        #expect(rows(first, "SELECT * FROM sums WHERE total > 0 ORDER BY name;") == [#"["B",12]"#, #"["C",13]"#])
        #expect(first.run("DELETE FROM t WHERE n IN (SELECT MAX(n) FROM t);") == ["+ 1 row deleted"])
        first.close()
        let second = try Millrace(files: first.files)
        #expect(rows(second, "SELECT id, name, n FROM t;") == [#"[2,"B",12]"#])
        #expect(second.run("DELETE FROM t;") == ["+ 1 row deleted"])
        #expect(rows(second, "SELECT * FROM t;").isEmpty)
        second.close()
    }

    /// A record without a value has no time column to read: it keeps its record's own time, and deletes for every reader.
    @Test func deletionsWhereAColumnIsTheTime() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE TABLE t (id INT PRIMARY KEY, ts BIGINT, v INT) WITH (TIMESTAMP='ts');")
        _ = millrace.run("CREATE TABLE tc AS SELECT 'n' AS k, COUNT(*) AS n FROM t GROUP BY 'n';")
        _ = millrace.run("CREATE TABLE pd WITH (TIMESTAMP='ts') AS SELECT id, ts, v FROM t WHERE v < 100;")
        _ = millrace.run("CREATE TABLE pe AS SELECT id, v FROM pd;")
        _ = millrace.run("INSERT INTO t VALUES (1,1000,10), (2,2000,20), (3,3000,30);")
        #expect(millrace.run("DELETE FROM t WHERE id = 1;") == ["+ 1 row deleted"])
        #expect(rows(millrace, "SELECT id, v FROM t ORDER BY id;") == ["[2,20]", "[3,30]"])
        #expect(millrace.run("UPDATE t SET v = 200 WHERE id = 3;") == ["+ 1 row updated"])
        #expect(rows(millrace, "SELECT n FROM tc;") == ["[2]"])
        #expect(rows(millrace, "SELECT id, v FROM pd;") == ["[2,20]"])
        #expect(rows(millrace, "SELECT id, v FROM pe;") == ["[2,20]"])
        #expect(millrace.run("INSERT INTO t VALUES (4, NULL, 3);").last?.contains("TS must not be NULL") == true)
        #expect(rows(millrace, "SELECT COUNT(*) FROM t;") == ["[2]"])
        millrace.engine.close()
    }

    @Test func rowsOfAQuestionOnce() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.tables)
        #expect(millrace.run("INSERT INTO s (SELECT id, id * 100 FROM t WHERE id > 1);") == ["+ 2 rows inserted"])
        #expect(millrace.run("INSERT INTO s (v, k) (SELECT 5, 6 UNION ALL SELECT 7, 8);") == ["+ 2 rows inserted"])
        #expect(rows(millrace, "SELECT k, v FROM s ORDER BY k;") == ["[2,200]", "[3,300]", "[6,5]", "[8,7]"])
        #expect(millrace.run("EXPLAIN UPDATE t SET n = 1 WHERE id = 2;").contains { $0.contains("Plan of the rows") })
        // No query goes on writing.
        _ = millrace.run("INSERT INTO t VALUES (9, 'z', 9, NULL);")
        #expect(rows(millrace, "SELECT COUNT(*) FROM s;") == ["[4]"])
        #expect(!millrace.run("SHOW QUERIES;").contains { $0.contains("INSERTQUERY") })
        millrace.engine.close()
    }

    @Test(arguments: [
        ("INSERT INTO s (SELECT 1)", "Expected 2 columns (K, V), but the question gives 1"),
        ("INSERT INTO s (SELECT 'x', 'y')", "'x' is no INTEGER, the type of the column `K`"),
        ("INSERT INTO s (k, q) (SELECT 1, 2)", "Column name Q does not exist."),
        ("INSERT INTO t (SELECT NULL, 'a', 1, NULL)", "nothing was written: the primary key of T must not be NULL"),
        ("INSERT INTO t (name) (SELECT 'a')", "a row of T needs a value for its primary key `ID`"),
        ("UPDATE t SET id = 5", "ID is part of the primary key, which does not change"), ("UPDATE t SET n = name", "Expected type INTEGER for field `N` but got STRING"),
        ("UPDATE t SET q = 1", "Column name Q does not exist."), ("UPDATE t SET n = 1, n = 2", "Column N is set more than once."),
        ("UPDATE s SET v = 1", "S is a stream: what has happened cannot be changed"), ("DELETE FROM nix", "NIX does not exist."),
    ])
    func whatCannotBe(statement: String, message: String) throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.tables)
        let answer = millrace.run(statement + ";").last ?? ""
        #expect(answer.dropFirst(8) == message[...], "\(answer)")
        millrace.engine.close()
    }

    /// All of it or nothing: a row that cannot be computed takes the others along.
    @Test func nothingIsWrittenByHalves() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.tables)
        #expect(millrace.run("UPDATE t SET n = 10 / (n - 2);").last?.hasPrefix("- 22000 nothing was written: a row could not be read or computed") == true)
        #expect(rows(millrace, "SELECT n FROM t ORDER BY id;") == ["[1]", "[2]", "[3]"])
        #expect(millrace.run("CREATE TABLE c AS SELECT name, COUNT(*) AS n FROM t GROUP BY name; DELETE FROM c;").last?.hasPrefix("- ") == true)
        millrace.engine.close()
    }

    @Test func whatGoesWithASource() throws {
        let first = try Millrace()
        _ = first.run(Self.tables)
        _ = first.run(
            """
            CREATE STREAM u AS SELECT * FROM s;
            CREATE TABLE w AS SELECT k, COUNT(*) AS n FROM u GROUP BY k;
            CREATE STREAM z (k INT KEY, v BIGINT);
            INSERT INTO z SELECT * FROM u;
            COMMENT ON COLUMN s.v IS 'x';
            """)
        #expect(first.run("DROP STREAM s;").last?.hasPrefix("- 55006") == true)
        #expect(
            first.run("DROP STREAM s CASCADE;")
                == ["+ Source `S` (topic: S) was dropped, and with it: query INSERTQUERY_2, table W, stream U."])
        first.close()
        let second = try Millrace(files: first.files)
        #expect(second.run("SHOW QUERIES;").last == "+ 0 rows")
        #expect(second.run("DESCRIBE z;").last?.hasPrefix("+") == true)
        #expect(second.run("DESCRIBE u;").last?.hasPrefix("-") == true)
        _ = second.run("CREATE STREAM s (k INT KEY, v BIGINT);")
        #expect(second.run("DESCRIBE s;").first == "= Field STRING, Type STRING (rows)")
        // Both may be asked for, in either order.
        for words in ["CASCADE DELETE TOPIC", "DELETE TOPIC CASCADE"] {
            _ = second.run("CREATE STREAM s2 (k INT KEY, v BIGINT) WITH (KAFKA_TOPIC='s2', VALUE_FORMAT='JSON', PARTITIONS=1); CREATE STREAM t2 AS SELECT * FROM s2;")
            #expect(second.run("DROP STREAM s2 \(words);") == ["+ Source `S2` (topic: s2) was dropped, and with it: stream T2."], "\(words)")
            #expect(second.log.describeTopic(named: "s2") == nil)
        }
        second.close()
    }

    @Test func newNamesAndFields() throws {
        let first = try Millrace()
        _ = first.run(Self.tables)
        _ = first.run("INSERT INTO s VALUES (1, 2); COMMENT ON COLUMN s.v IS 'the value'; COMMENT ON STREAM s IS 'it''s s';")
        #expect(first.run("ALTER STREAM s RENAME TO r;") == ["+ S is R now; its topic is S as before."])
        #expect(first.run("ALTER TABLE t ADD COLUMN s->b->e INT, ADD COLUMN extra DOUBLE;").last == "+ Table T altered.")
        #expect(first.run("ALTER TABLE t ADD COLUMN s->b->e INT;").last == "- 42701 B has a field E already")
        #expect(first.run("ALTER TABLE t ADD COLUMN n->e INT;").last == "- 42804 N is INTEGER, which has no fields")
        first.close()
        let second = try Millrace(files: first.files)
        #expect(rows(second, "SELECT * FROM r;") == ["[1,2]"])
        #expect(second.run("DESCRIBE r;") == ["? R: it's s", "= Field STRING, Type STRING, Comment STRING (rows)", #": ["K","INTEGER  (key)",""]"#, #": ["V","BIGINT","the value"]"#, "+ 2 rows"])
        _ = second.run("INSERT INTO t VALUES (9, 'i', 9, STRUCT(b := STRUCT(e := 7)), 1.5);")
        #expect(rows(second, "SELECT s->b->e, extra FROM t WHERE id = 9;") == ["[7,1.5]"])
        _ = second.run("CREATE STREAM u AS SELECT * FROM r;")
        #expect(second.run("ALTER STREAM r RENAME TO s;").last?.hasPrefix("- 55006 R is used by the queries CSAS_U_") == true)
        #expect(second.run("COMMENT ON STREAM r IS NULL;") == ["+ Comment removed"])
        second.close()
    }

    @Test func functionsOfUsers() throws {
        let first = try Millrace()
        _ = first.run(Self.tables)
        _ = first.run(
            """
            CREATE FUNCTION twice(x BIGINT) RETURNS BIGINT AS x * 2;
            CREATE FUNCTION four(x BIGINT) RETURNS BIGINT AS twice(twice(x));
            CREATE FUNCTION tags(x VARCHAR) RETURNS ARRAY<VARCHAR> AS TRANSFORM(SPLIT(x, ','), y => UCASE(TRIM(y)));
            COMMENT ON FUNCTION four IS 'four times';
            CREATE STREAM f AS SELECT k, four(v) AS f FROM s WHERE twice(v) > 2;
            CREATE TABLE g AS SELECT k, SUM(twice(v)) AS total FROM s GROUP BY k;
            """)
        first.close()
        let second = try Millrace(files: first.files)
        _ = second.run("INSERT INTO s VALUES (1, 1), (1, 5), (2, 7);")
        #expect(rows(second, "SELECT k, f FROM f ORDER BY f;") == ["[1,20]", "[2,28]"])
        #expect(rows(second, "SELECT * FROM g ORDER BY k;") == ["[1,12]", "[2,14]"])
        #expect(rows(second, "SELECT four(k), twice(NULL), tags('a, b') FROM t JOIN s ON t.id = s.k LIMIT 1;") == [#"[4,null,["A","B"]]"#])
        #expect(second.run("DESCRIBE FUNCTION four;").contains { $0.contains("four times") })
        #expect(second.run("SHOW FUNCTIONS;").contains(#": ["FOUR","USER"]"#))
        #expect(second.run("DROP FUNCTION twice;").last == "- 55006 the function TWICE is used by: table G, stream F, function FOUR")
        #expect(second.run("CREATE OR REPLACE FUNCTION twice(x BIGINT) RETURNS BIGINT AS four(x);").last == "- 42602 TWICE would call itself")
        #expect(second.run("CREATE OR REPLACE FUNCTION twice(x BIGINT) RETURNS BIGINT AS x + x;").last == "+ Function replaced")
        #expect(second.run("DROP FUNCTION twice CASCADE;") == ["+ Function TWICE was dropped, and with it: table G, stream F, function FOUR"])
        second.close()
        let third = try Millrace(files: second.files)
        #expect(third.run("SELECT twice(1);").last?.hasPrefix("- 42883") == true)
        #expect(rows(third, "SELECT tags('x');") == [#"[["X"]]"#])
        third.close()
    }

    /// Functions that call functions end somewhere.
    @Test func chainsOfFunctions() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE FUNCTION a0(x BIGINT) RETURNS BIGINT AS x + 1; CREATE FUNCTION b0(x BIGINT) RETURNS BIGINT AS x;")
        var chain = ""
        var tree = ""
        for number in 1...40 where chain.isEmpty || tree.isEmpty {
            let last = number - 1
            if chain.isEmpty {
                let answer = millrace.run("CREATE FUNCTION a\(number)(x BIGINT) RETURNS BIGINT AS a\(last)(x) + 1;").last ?? ""
                if answer.hasPrefix("-") { chain = answer }
            }
            if tree.isEmpty {
                let answer = millrace.run("CREATE FUNCTION b\(number)(x BIGINT) RETURNS BIGINT AS b\(last)(x) + b\(last)(x);").last ?? ""
                if answer.hasPrefix("-") { tree = answer }
            }
        }
        #expect(chain.contains("functions call each other in a row"), "\(chain)")
        #expect(tree.contains("parts, or more than"), "\(tree)")
        #expect(millrace.run("SELECT a5(1) AS a, b5(1) AS b;").dropFirst().first == ": [7,32]")
        millrace.engine.close()
    }

    /// Aggregates of users in questions, in tables, in windows and sessions, over what a restart brings back.
    @Test func aggregatesOfUsers() throws {
        let first = try Millrace()
        _ = first.run(Self.tables)
        let made = first.run(
            """
            CREATE AGGREGATE FUNCTION product(x BIGINT) RETURNS BIGINT AS (1, (s, x) => s * IFNULL(x, 1), s => s, (a, b) => a * b);
            CREATE AGGREGATE FUNCTION spread(x BIGINT) RETURNS STRUCT<lo BIGINT, hi BIGINT> AS
                (STRUCT(lo := CAST(NULL AS BIGINT), hi := CAST(NULL AS BIGINT)),
                 (s, x) => STRUCT(lo := LEAST(IFNULL(s->lo, x), x), hi := GREATEST(IFNULL(s->hi, x), x)), s => s);
            CREATE TABLE g AS SELECT k, product(v) AS p, spread(v)->hi AS hi, product(v + 1) AS q FROM s GROUP BY k;
            CREATE TABLE w AS SELECT k, product(v) AS p FROM s WINDOW SESSION (10 SECONDS) GROUP BY k;
            INSERT INTO s (ROWTIME, k, v) VALUES (0, 1, 2), (15000, 1, 3), (8000, 1, 5), (0, 2, 7);
            """)
        #expect(!made.contains { $0.hasPrefix("-") }, "\(made)")
        #expect(rows(first, "SELECT k, product(v), spread(v)->lo FROM s GROUP BY k ORDER BY k;") == ["[1,30,2]", "[2,7,7]"])
        #expect(rows(first, "SELECT product(v) FILTER (WHERE v > 2), product(DISTINCT k) FROM s;") == ["[105,2]"])
        #expect(rows(first, "SELECT * FROM g ORDER BY k;") == ["[1,30,5,72]", "[2,7,7,8]"])
        #expect(rows(first, "SELECT k, p FROM w ORDER BY k;") == ["[1,30]", "[2,7]"])
        first.close()
        let second = try Millrace(files: first.files)
        _ = second.run("INSERT INTO s (ROWTIME, k, v) VALUES (16000, 1, 10);")
        #expect(rows(second, "SELECT * FROM g WHERE k = 1;") == ["[1,300,10,792]"])
        #expect(second.run("DROP FUNCTION product;").last == "- 55006 the function PRODUCT is used by: table W, table G")
        #expect(
            second.run("CREATE TABLE x AS SELECT k, spread(v) AS p FROM s WINDOW SESSION (10 SECONDS) GROUP BY k;").last?.dropFirst(8)
                == "SPREAD cannot be used in sessions, which have to be put together")
        #expect(
            second.run("CREATE TABLE x AS SELECT name, product(n) AS p FROM t GROUP BY name;").last?.dropFirst(8)
                == "The aggregation function PRODUCT cannot be applied to a table source, only to a stream source.")
        #expect(second.run("DESCRIBE FUNCTION product;").contains { $0.contains("AGGREGATE, of a user") })
        second.close()
    }

    @Test(arguments: [
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT AS (0, (s, x) => s)", "an aggregate function has at least one parameter, an initial state and two or three lambdas"),
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT AS (0, (s) => s, s => s)", "(S) => S should be a lambda with 2 parameters"),
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT AS (0, (s, x) => 'a', s => s)", "the state of F is INTEGER, but (S, X) => 'a' gives STRING"),
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT AS (0, (s, x) => s + x, s => 'a')", "the function F RETURNS INTEGER, but (S) => 'a' gives STRING"),
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT AS (NULL, (s, x) => s, s => s)", "Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR)."),
    ])
    func mistakesInAggregates(statement: String, message: String) throws {
        let millrace = try Millrace()
        let answer = millrace.run(statement + ";").last ?? ""
        #expect(answer.dropFirst(8) == message[...], "\(answer)")
        millrace.engine.close()
    }

    @Test(arguments: [
        ("CREATE FUNCTION upper(x VARCHAR) RETURNS VARCHAR AS x", "UPPER is a function of the server: UCASE"),
        ("CREATE FUNCTION f(x VARCHAR) RETURNS INT AS x", "the function F RETURNS INTEGER, but X is STRING"),
        ("CREATE FUNCTION f(x INT) RETURNS INT AS y", "Line: 1, Col: 41: function 'Y' cannot be resolved."),
        ("CREATE FUNCTION f(x INT, x INT) RETURNS INT AS x", "two parameters have the name X"),
        ("CREATE FUNCTION f(x INT) RETURNS INT AS x; SELECT f('a')", "'a' is STRING, the parameter X of F INTEGER"),
        ("CREATE FUNCTION f(x INT) RETURNS INT AS x; SELECT f()", "Function 'F' takes 1 arguments, not 0"),
        ("COMMENT ON COLUMN t.q IS 'x'", "T has no column Q"), ("COMMENT ON STREAM t IS 'x'", "T is a table"),
        ("DROP FUNCTION f", "there is no function F of a user"),
    ])
    func mistakes(statement: String, message: String) throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.tables)
        let answer = millrace.run(statement + ";").last ?? ""
        #expect(answer.dropFirst(8) == message[...], "\(answer)")
        millrace.engine.close()
    }

    @Test(arguments: [
        "INSERT INTO s (SELECT 1, 2)", "UPDATE t SET n = 1", "DELETE FROM t", "DROP STREAM s CASCADE", "ALTER STREAM s RENAME TO r", "COMMENT ON STREAM s IS 'x'",
        "CREATE FUNCTION f(x INT) RETURNS INT AS x",
    ])
    func refusedInKsqlDB(statement: String) throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.tables)
        #expect(millrace.run("SET 'millrace.dialect' = 'ksqldb'; \(statement);").last?.hasPrefix("- 42601") == true)
        millrace.engine.close()
    }
}
