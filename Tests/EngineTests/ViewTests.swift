// CREATE VIEW and DROP VIEW: where a view is written out, what depends on what, and what a restart brings back.

import Platform
import Testing

@Suite struct ViewTests {
    private static let tables = """
        CREATE TABLE t (a INT, b INT);
        INSERT INTO t VALUES (1, 2), (3, 4), (5, NULL);
        CREATE STREAM s (k INT KEY, v BIGINT) WITH (partitions = 1);
        INSERT INTO s VALUES (1, 10), (2, 20);
        CREATE VIEW v AS SELECT a, b + 1 AS c FROM t WHERE a > 1;
        CREATE VIEW w (p, q) AS SELECT a, COUNT(*) FROM v GROUP BY a;
        CREATE VIEW x AS SELECT k, v * 2 AS d FROM s WHERE v > 10;
        """

    private func rows(_ millrace: Millrace, _ question: String) -> [String] {
        millrace.run(question).filter { $0.hasPrefix(": ") }.map { String($0.dropFirst(2)) }
    }

    @Test func questionsOverViews() throws {
        let first = try Millrace()
        defer { first.close() }
        _ = first.run(Self.tables)
        #expect(rows(first, "SELECT * FROM v ORDER BY a;") == ["[3,5]", "[5,null]"])
        #expect(rows(first, "SELECT one.a, two.c FROM v AS one JOIN v two ON one.a = two.a ORDER BY 1;") == ["[3,5]", "[5,null]"])
        #expect(rows(first, "SELECT q, p FROM w WHERE p > 3;") == ["[1,5]"])
        #expect(rows(first, "SELECT m FROM v AS r (m) ORDER BY m;") == ["[3]", "[5]"])
        #expect(rows(first, "SELECT (SELECT COUNT(*) FROM v), a FROM t WHERE a IN (SELECT p FROM w) ORDER BY a;") == ["[2,3]", "[2,5]"])
        // The nearer name holds, and what is around a view means nothing inside it.
        #expect(rows(first, "WITH v AS (SELECT 99 AS a) SELECT * FROM v;") == ["[99]"])
        #expect(rows(first, "WITH t AS (SELECT 99 AS a, 1 AS b) SELECT a FROM v ORDER BY a;") == ["[3]", "[5]"])
        #expect(first.run("INSERT INTO t SELECT a + 100, c FROM v; DELETE FROM t WHERE a IN (SELECT a FROM v WHERE a > 100);").last == "+ 2 rows deleted")
        #expect(rows(first, "SELECT name, statement FROM millrace.views WHERE name = 'W';") == [
            #"["W","CREATE VIEW W (P, Q) AS SELECT A, COUNT(*) FROM V GROUP BY A;"]"#
        ])
        #expect(rows(first, "DESCRIBE w;") == [#"["P","INTEGER"]"#, #"["Q","BIGINT"]"#])
    }

    /// A view that joins is written into a query that never ends, as the leftmost of what that reads.
    @Test func joinsInQueriesThatNeverEnd() throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.close() }
        let answer = millrace.run(
            """
            CREATE STREAM l (k INT KEY, v INT, c INT) WITH (partitions = 1);
            CREATE TABLE d (id INT PRIMARY KEY, name STRING) WITH (partitions = 1);
            CREATE TABLE e (id INT PRIMARY KEY, extra STRING) WITH (partitions = 1);
            INSERT INTO d (ROWTIME, id, name) VALUES (0, 1, 'one'), (0, 2, 'two');
            INSERT INTO e (ROWTIME, id, extra) VALUES (0, 1, 'x');
            INSERT INTO l (ROWTIME, k, v, c) VALUES (10, 1, 5, 1), (20, 2, 7, 1), (30, 1, 9, 2), (40, 3, 1, 1);
            CREATE VIEW named AS SELECT l.k AS k, l.v + 1 AS w, l.c AS c, d.name AS name FROM l JOIN d ON l.k = d.id WHERE l.v < 9;
            CREATE VIEW again AS SELECT k, w * 10 AS tens, name FROM named WHERE name <> 'nobody';
            CREATE STREAM o1 AS SELECT * FROM named;
            CREATE TABLE o2 AS SELECT k, SUM(tens) AS total FROM again GROUP BY k;
            CREATE STREAM o3 AS SELECT n.k, n.c, n.name, e.extra FROM named AS n LEFT JOIN e ON n.c = e.id;
            CREATE VIEW tables AS SELECT d.id AS id, d.name AS name, e.extra AS extra FROM d LEFT JOIN e ON d.id = e.id;
            CREATE TABLE o4 AS SELECT id, UCASE(name) AS name, extra FROM tables;
            """)
        #expect(!answer.contains { $0.hasPrefix("- ") }, "\(answer)")
        #expect(rows(millrace, "SELECT * FROM o1;") == [#"[1,6,1,"one"]"#, #"[2,8,1,"two"]"#])
        #expect(rows(millrace, "SELECT * FROM o2;").sorted() == ["[1,60]", "[2,80]"])
        #expect(rows(millrace, "SELECT k, name, extra FROM o3;").sorted() == [#"[1,"one","x"]"#, #"[2,"two","x"]"#])
        #expect(rows(millrace, "SELECT * FROM o4;").sorted() == [#"[1,"ONE","x"]"#, #"[2,"TWO",null]"#])
        // The same as a subquery, and what cannot be.
        let pushed = rows(millrace, "SELECT * FROM (SELECT l.v AS v, d.name AS n FROM l LEFT JOIN d ON l.k = d.id) WHERE n IS NULL EMIT CHANGES LIMIT 1;")
        #expect(pushed == ["[1,null]"])
        _ = millrace.run("CREATE VIEW star AS SELECT * FROM l JOIN d ON l.k = d.id;")
        for (sql, what) in [
            ("CREATE STREAM z AS SELECT * FROM star;", "the * of a join"),
            ("CREATE STREAM z AS SELECT l.k, n.w FROM l JOIN named n WITHIN 1 HOUR ON l.k = n.k;", "a JOIN, and is itself on the right side of one"),
        ] {
            #expect(millrace.run(sql).last?.hasSuffix(what) == true, "\(millrace.run(sql))")
        }
    }

    @Test func queriesThatNeverEnd() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.tables)
        _ = millrace.run("CREATE VIEW y AS SELECT k, d + 1 AS e FROM x; CREATE STREAM o AS SELECT k, e FROM y WHERE e > 4; INSERT INTO s VALUES (3, 30);")
        #expect(rows(millrace, "SELECT * FROM o;") == ["[2,41]", "[3,61]"])
        #expect(
            millrace.run("CREATE TABLE n AS SELECT * FROM w;").last
                == "- 0A000 in the view W: in a query that never ends, WITH and subqueries are SELECT … FROM a stream, a table or a join WHERE …; this one has GROUP BY")
        // The query has the view's question in it, and a restart does not ask for the view.
        #expect(millrace.run("DROP VIEW x CASCADE;").last == "+ View X was dropped, and with it: view Y")
        _ = millrace.run("INSERT INTO s VALUES (4, 40);")
        #expect(rows(millrace, "SELECT * FROM o;").last == "[4,81]")
    }

    @Test(arguments: [
        ("CREATE VIEW v AS SELECT 1", "42P07 the view V exists already"), ("CREATE VIEW t AS SELECT 1", "42P07 T is a table already"),
        ("CREATE STREAM v (a INT)", "42P07 Cannot add stream 'V': A view with the same name already exists"),
        ("CREATE VIEW z AS SELECT nix FROM t", "42703 Line: 1, Col: 25: SELECT column 'NIX' cannot be resolved."),
        ("CREATE VIEW z AS SELECT a, b AS a FROM t", "42701 the view Z would have two columns A"),
        ("CREATE VIEW z (m, n, o) AS SELECT a, b FROM t", "42000 Z has 2 columns, but 3 names are given"),
        ("CREATE OR REPLACE VIEW v AS SELECT p AS a FROM w", "42602 the view V would read itself"),
        ("CREATE OR REPLACE VIEW v AS SELECT b FROM t", "55006 the view W reads V and could not be read any more: SELECT column 'A' cannot be resolved."),
        ("CREATE VIEW z AS SELECT l.a, r.a FROM t l JOIN t r ON l.a = r.a", "42701 the view Z would have two columns A"),
        ("DROP TABLE t", "55006 Cannot drop T: the views V, W read it"), ("DROP VIEW v", "55006 the view V is used by: view W"),
        ("DROP VIEW t", "42809 T is a table, not a view"), ("DROP TABLE v", "42809 V is a view"), ("DROP VIEW nix", "42P01 there is no view NIX"),
        ("ALTER TABLE t RENAME TO v", "42P07 V exists already"), ("ALTER TABLE t RENAME TO z", "55006 T is read by: view V, view W"),
        ("UPDATE v SET a = 1", "42809 V is a view, not a stream or table"), ("SELECT * FROM v FROM EARLIEST", "42000 V is a view, not a stream or table"),
        ("INSERT INTO v VALUES (1, 2)", "42P01 `V` is a view, which takes no rows"),
    ])
    func refusals(statement: String, message: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.tables)
        let answer = millrace.run(statement + ";").last ?? ""
        #expect(answer == "- " + message || answer.hasPrefix("- " + message), "\(answer)")
    }

    /// What a view needs is not taken from it, and stays of the type that it has.
    @Test(arguments: [
        ("ALTER TABLE t ADD COLUMN n INT", "the view N reads T and could not be read any more: the view N would have two columns N"),
        ("DROP FUNCTION f", "the function F is used by: view CALLS, view OVERCALLS"),
        ("CREATE OR REPLACE FUNCTION f(x INT) RETURNS STRING AS 'a'", "the view CALLS reads the function F and could not be read any more: its column B would not be INTEGER any more"),
        ("CREATE OR REPLACE FUNCTION f(x INT, y INT) RETURNS INT AS x + y", "the view CALLS reads the function F and could not be read any more: Function 'F'"),
        ("DROP TYPE y", "the view TYPED reads the type Y and could not be read any more"),
    ])
    func whatViewsNeed(statement: String, message: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.tables)
        _ = millrace.run("""
            CREATE FUNCTION f(x INT) RETURNS INT AS x + 1; CREATE VIEW calls AS SELECT f(a) AS b FROM t; CREATE VIEW overcalls AS SELECT b FROM calls;
            CREATE TYPE y AS STRUCT<p INT>; CREATE VIEW typed AS SELECT CAST(NULL AS y) AS b FROM t; CREATE VIEW n AS SELECT *, 1 AS n FROM t;
            """)
        let answer = millrace.run(statement + ";").last ?? ""
        #expect(answer.hasPrefix("- 55006 " + message), "\(answer)")
        // Nothing has changed.
        #expect(rows(millrace, "SELECT b FROM overcalls WHERE b = 2;") == ["[2]"])
        #expect(rows(millrace, "SELECT COUNT(*) FROM typed JOIN n ON n.n = 1;") == ["[9]"])
    }

    @Test func whatIsTakenAlong() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.tables)
        _ = millrace.run("CREATE FUNCTION f(x INT) RETURNS INT AS x + 1; CREATE VIEW calls AS SELECT f(a) AS b FROM t; CREATE VIEW over AS SELECT b FROM calls;")
        #expect(millrace.run("CREATE OR REPLACE FUNCTION f(x INT) RETURNS INT AS x + 2;").last == "+ Function replaced")
        #expect(rows(millrace, "SELECT b FROM over WHERE b = 3;") == ["[3]"])
        #expect(millrace.run("DROP FUNCTION f CASCADE;").last == "+ Function F was dropped, and with it: view CALLS, view OVER")
        #expect(rows(millrace, "SELECT name FROM millrace.views ORDER BY name;") == [#"["V"]"#, #"["W"]"#, #"["X"]"#])
    }

    /// What is wrong inside is told with the view's name, at the place where it is named.
    @Test func errorsInside() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run("CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a AS b FROM t;")
        let names = (0..<10).map { "u\($0)" }
        _ = millrace.run("CREATE VIEW u0 AS SELECT b FROM v;")
        for (name, former) in zip(names.dropFirst(), names) { _ = millrace.run("CREATE VIEW \(name) AS SELECT b FROM \(former) UNION ALL SELECT b FROM \(former);") }
        let error = millrace.error(of: "SELECT 1 FROM u9 JOIN u9 AS m ON true JOIN u9 AS n ON true;")
        #expect(error?.message.hasPrefix("in the view U9: in the view U8: ") == true, "\(String(describing: error))")
        #expect(error?.range?.column == 23, "\(String(describing: error))")
    }

    @Test func viewsInARow() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run("CREATE VIEW v0 AS SELECT 1 AS a;")
        for number in 1...31 { _ = millrace.run("CREATE VIEW v\(number) AS SELECT a FROM v\(number - 1);") }
        #expect(rows(millrace, "SELECT * FROM v31;") == ["[1]"])
        #expect(
            millrace.run("CREATE VIEW v32 AS SELECT a FROM v31;").last
                == "- 54001 in the view V1: more than 32 views read each other in a row")
    }

    @Test func whatARestartBringsBack() throws {
        let first = try Millrace()
        _ = first.run(Self.tables)
        _ = first.run("CREATE STREAM o AS SELECT * FROM x; CREATE OR REPLACE VIEW v AS SELECT a, 7 AS c FROM t WHERE a < 5;")
        first.close()
        let second = try Millrace(files: first.files)
        #expect(rows(second, "SELECT * FROM v ORDER BY a;") == ["[1,7]", "[3,7]"])
        #expect(rows(second, "SELECT COUNT(*) FROM w;") == ["[2]"])
        #expect(second.run("DROP TABLE t CASCADE;").last?.hasSuffix("and with it: view V, view W.") == true)
        _ = second.run("DROP VIEW x;")
        second.close()
        let third = try Millrace(files: first.files)
        #expect(rows(third, "SHOW VIEWS;").isEmpty)
        _ = third.run("INSERT INTO s VALUES (5, 50);")
        #expect(rows(third, "SELECT * FROM o;") == ["[2,40]", "[5,100]"])
        third.close()
    }

    @Test func anotherDialectHasNone() throws {
        let millrace = try Millrace(properties: ["millrace.dialect": "ksqldb"])
        defer { millrace.close() }
        #expect(millrace.run("CREATE VIEW v AS SELECT 1;").last?.hasPrefix("- 42601") == true)
    }

    // MARK: Statements that change nothing

    @Test(arguments: [
        ("CREATE INDEX i ON t (a, b DESC)", "the index I was not made: there are no secondary indexes"),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a + 1) WHERE b > 1", "nothing keeps the rows unique"),
        ("DROP INDEX IF EXISTS i", "there is no index I"), ("BEGIN", "there are no transactions"), ("BEGIN TRANSACTION", "nothing can be rolled back"),
        ("START TRANSACTION", "nothing can be rolled back"), ("COMMIT", "each statement was a commit of its own"), ("END", "each statement was a commit of its own"),
        ("ANALYZE", "ANALYZE did nothing"), ("VACUUM t", "VACUUM did nothing"), ("REINDEX", "REINDEX did nothing"),
        ("PRAGMA foreign_keys = ON", "PRAGMA foreign_keys did nothing"), ("PRAGMA table_info('t')", "PRAGMA table_info did nothing"),
    ])
    func needlessStatements(statement: String, notice: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.tables)
        let answer = millrace.run(statement + ";")
        #expect(answer.count == 2 && answer[0].hasPrefix("? ") && answer[0].contains(notice) && answer[1].hasPrefix("+"), "\(answer)")
    }

    @Test(arguments: [
        ("CREATE INDEX i ON t (nix)", "42703"), ("CREATE INDEX i ON nix (a)", "42P01"), ("ROLLBACK", "42601"), ("SAVEPOINT a", "42601"), ("VACUUM nix", "42P01"),
    ])
    func whatIsNoNeedlessStatement(statement: String, code: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.tables)
        #expect(millrace.run(statement + ";").last?.hasPrefix("- " + code) == true)
    }
}
