// The system tables: what questions find in them, that they join with everything, and what is refused.

import Catalog
import Engine
import Platform
import Testing

@Suite struct SystemTableTests {
    private func ready() throws -> Millrace {
        let millrace = try Millrace(pushStart: "earliest")
        let made = millrace.run(
            """
            SET 'auto.offset.reset'='earliest';
            CREATE STREAM s (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
            CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
            INSERT INTO s VALUES ('a', 1), ('b', 2), ('a', 3);
            SELECT * FROM t ORDER BY k;
            """)
        #expect(made.filter { $0.hasPrefix("-") } == [])
        return millrace
    }

    private func rows(_ sql: String, in millrace: Millrace) -> [String] {
        millrace.run(sql).filter { $0.hasPrefix(":") || $0.hasPrefix("-") }
    }

    /// Each of them can be asked for whole: every row has a value of the right type for each column.
    @Test func everyTableCanBeAskedFor() throws {
        let millrace = try ready()
        defer { millrace.close() }
        for table in SystemTable.all {
            let lines = millrace.run("SELECT * FROM \(table.writtenName);")
            let heading = "= " + table.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ") + " (rows)"
            #expect(lines.first == heading && lines.last?.hasPrefix("+") ?? false, "\(table.writtenName): \(lines)")
        }
    }

    @Test func queriesAndTasks() throws {
        let millrace = try ready()
        defer { millrace.close() }
        let query = rows(
            "SELECT kind, state, reads, sink, records_read, lag, lag_ms, skipped, skipped_by_cause, last_error FROM millrace.queries WHERE id = 'CTAS_T_0';",
            in: millrace)
        #expect(query == [#": ["PERSISTENT","RUNNING",["S"],"T",3,0,0,0,{},null]"#])
        let tasks = rows("SELECT topic_name, SUM(position), SUM(lag) FROM millrace.tasks WHERE query = 'CTAS_T_0' GROUP BY topic_name;", in: millrace)
        #expect(tasks == [#": ["s",3,0]"#])
        // A question sees itself.
        #expect(rows("SELECT COUNT(*) FROM millrace.queries WHERE kind = 'PULL';", in: millrace) == [": [1]"])
    }

    /// A query of a client says how far it is while it goes on.
    @Test func aPushQueryCounts() throws {
        let millrace = try ready()
        defer { millrace.close() }
        let client = Millrace(sharing: millrace)
        _ = client.run("SET 'auto.offset.reset' = 'earliest';")
        let (collector, request) = client.start("SELECT * FROM s EMIT CHANGES;")
        _ = collector.wait { $0.filter { $0.hasPrefix(":") }.count == 3 }
        let question = "SELECT records_read, records_written FROM millrace.queries WHERE kind = 'PUSH';"
        // It tells when it has nothing more to do, which comes after the last row.
        #expect((0..<10_000).contains { _ in rows(question, in: millrace) == [": [3,3]"] })
        request.cancel()
    }

    /// What a query leaves out, or makes NULL because it cannot be computed, is no silence: the first of it is its last error.
    @Test func theFirstProblemIsListed() throws {
        let millrace = try ready()
        defer { millrace.close() }
        _ = millrace.run("CREATE STREAM e AS SELECT k, v / 0 AS x FROM s; SELECT * FROM e;")
        let query = rows("SELECT skipped, last_error FROM millrace.queries WHERE sink = 'E';", in: millrace)
        #expect(query.count == 1 && query[0].hasPrefix(": [3,\"") && query[0].contains("topic s"), "\(query)")
    }

    /// They join with one another and with streams, stand in subqueries, and are the same wherever one question names them.
    @Test func theyAreRelations() throws {
        let millrace = try ready()
        defer { millrace.close() }
        #expect(
            rows(
                "SELECT q.id, COUNT(*) FROM millrace.queries q JOIN millrace.tasks AS w ON w.query = q.id WHERE q.kind = 'PERSISTENT' GROUP BY q.id;",
                in: millrace) == [#": ["CTAS_T_0",2]"#])
        #expect(
            rows("SELECT t.name, COUNT(*) FROM millrace.topics t JOIN s ON t.name = 's' GROUP BY t.name;", in: millrace) == [#": ["s",3]"#])
        #expect(
            rows("SELECT v FROM s WHERE v > (SELECT MIN(partitions) FROM millrace.topics WHERE name = 's') ORDER BY v;", in: millrace) == [": [3]"])
        #expect(
            rows("SELECT COUNT(*) FROM millrace.statements a FULL JOIN millrace.statements b ON a.id = b.id WHERE a.id IS NULL OR b.id IS NULL;", in: millrace)
                == [": [0]"])
        #expect(rows("WITH big AS (SELECT name FROM millrace.topics WHERE records > 2 AND NOT is_internal) SELECT * FROM big;", in: millrace) == [#": ["s"]"#])
    }

    @Test func statementsAreRemembered() throws {
        let millrace = try ready()
        defer { millrace.close() }
        _ = millrace.run("SELECT nothing FROM s;")
        _ = millrace.run("SELEKT;")
        let failed = rows("SELECT state, error_code, statement FROM millrace.statements WHERE state = 'FAILED' ORDER BY id;", in: millrace)
        #expect(failed == [#": ["FAILED","42703","SELECT nothing FROM s;"]"#, #": ["FAILED","42601","SELEKT;"]"#])
        #expect(
            rows("SELECT row_count FROM millrace.statements WHERE statement LIKE 'SELECT * FROM t%';", in: millrace) == [": [2]"])
        #expect(rows("SELECT statement FROM millrace.statements WHERE state = 'RUNNING';", in: millrace).count == 1)
        let long = "SELECT '" + String(repeating: "x", count: 5000) + "' AS x;"
        _ = millrace.run(long)
        #expect(rows("SELECT MAX(LEN(statement)) FROM millrace.statements;", in: millrace) == [": [501]"])
    }

    @Test func settingsSayWhoHasSetThem() throws {
        let millrace = try ready()
        defer { millrace.close() }
        #expect(
            rows("SELECT value, origin, scope FROM millrace.settings WHERE name IN ('auto.offset.reset', 'millrace.log.level') ORDER BY name;", in: millrace)
                == [#": ["earliest","SESSION","SESSION"]"#, #": ["info","DEFAULT","SERVER"]"#])
        #expect(rows("SELECT kind, form FROM millrace.functions WHERE name = 'LCASE';", in: millrace) == [#": ["SCALAR","LCASE(VARCHAR input)"]"#])
    }

    /// The stream of rows that could not be processed has a name among them.
    @Test func errorsAreAStream() throws {
        let millrace = try ready()
        defer { millrace.close() }
        #expect(rows("SELECT COUNT(*) FROM millrace.errors;", in: millrace) == [": [0]"])
        #expect(rows("SELECT errors.cause FROM millrace.errors AS errors;", in: millrace) == [])
    }

    @Test func whatIsRefused() throws {
        let millrace = try ready()
        defer { millrace.close() }
        let endless = "millrace.queries is what the server knows at one moment: no continuous query can read it"
        #expect(rows("SELECT * FROM millrace.queries EMIT CHANGES;", in: millrace) == ["- 0A000 \(endless)"])
        #expect(rows("CREATE STREAM x AS SELECT * FROM millrace.queries;", in: millrace) == ["- 0A000 \(endless)"])
        #expect(rows("SELECT * FROM millrace.querys;", in: millrace) == ["- 42P01 millrace.querys does not exist."])
        #expect(rows("SELECT * FROM other.queries;", in: millrace) == ["- 42P01 other.queries does not exist."])
        #expect(rows("DESCRIBE millrace.querys;", in: millrace) == ["- 42P01 millrace.querys does not exist."])
    }

    @Test func theyAreListedAndDescribed() throws {
        let millrace = try ready()
        defer { millrace.close() }
        let listed = rows("SHOW SYSTEM TABLES;", in: millrace)
        #expect(listed.count == SystemTable.all.count + 1 && listed.contains { $0.hasPrefix(#": ["millrace.queries""#) })
        // Not among the tables of users.
        #expect(rows("SHOW TABLES;", in: millrace) == [#": ["T","T","KAFKA","JSON",false]"#])
        let described = millrace.run("DESCRIBE millrace.topics;")
        #expect(described.contains("? millrace.topics: topics of the log") && described.contains(#": ["NAME","STRING","its name"]"#), "\(described)")
        #expect(rows("DESCRIBE millrace.errors;", in: millrace).contains(#": ["CAUSE","STRING"]"#))
        // The text of a plan names them.
        #expect(millrace.run("EXPLAIN SELECT name FROM millrace.topics;").contains { $0.contains("SYSTEM TABLE MILLRACE.TOPICS") })
    }

    /// The partition whose time is behind is named, with the reason.
    @Test func watermarks() throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.close() }
        _ = millrace.run(
            """
            SET 'auto.offset.reset'='earliest';
            CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
            CREATE TABLE w AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k EMIT FINAL;
            CREATE TABLE plain AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
            INSERT INTO s (ROWTIME, k, v) VALUES \((0..<20).map { "(5000, \($0), 1)" }.joined(separator: ", "));
            INSERT INTO s (ROWTIME, k, v) VALUES (65000, 1, 1);
            SELECT COUNT(*) FROM w;
            """)
        // Which partition has the key 1 is not the matter.
        let lines = rows("SHOW WATERMARKS;", in: millrace).map { line in line.split(separator: ",").dropFirst(3).joined(separator: ",") }
        #expect(lines == [#""1970-01-01T00:00:05.000",60000,0,"waits for later rows"]"#, #""1970-01-01T00:01:05.000",0,0,null]"#])
        #expect(
            rows("SELECT stream_time FROM millrace.tasks WHERE query = 'CTAS_W_0' ORDER BY stream_time;", in: millrace)
                == [#": ["1970-01-01T00:00:05.000"]"#, #": ["1970-01-01T00:01:05.000"]"#])
    }

    /// A client's query can be explained and ended by its id, however that is written.
    @Test func clientsQueriesByTheirIDs() throws {
        let millrace = try ready()
        defer { millrace.close() }
        let (collector, _) = millrace.start("SELECT v + 1 AS w FROM s EMIT CHANGES;")
        _ = collector.wait { $0.count { $0.hasPrefix(":") } == 3 }
        let id = try #require(rows("SELECT id FROM millrace.queries WHERE kind = 'PUSH';", in: millrace).first).split(separator: "\"")[1]
        let explained = millrace.run("EXPLAIN \(id);")
        #expect(explained.contains { $0.contains("a push query of a client") } && explained.contains { $0.contains("PROJECT") }, "\(explained)")
        #expect(millrace.run("TERMINATE \(id);") == ["+ Query terminated."])
        #expect(collector.wait { $0.last?.hasPrefix("+") ?? false }.last == "+ Query terminated")
    }

    /// What takes longer than the setting says is logged once, but not what goes on until it is ended.
    @Test func slowStatementsAreLogged() throws {
        let lines = Monitor<[String]>([])
        let millrace = try Millrace(properties: ["millrace.log.slow.statement.ms": "1"]) { _, line in lines.update { $0.append(line) } }
        defer { millrace.close() }
        // A million rows cannot be made in a millisecond.
        _ = millrace.run("SELECT COUNT(*) FROM GENERATE_SERIES(1, 1000000);")
        let slow = lines.wait(until: { $0.contains { $0.hasPrefix("event=slow_statement") } }) { $0.filter { $0.hasPrefix("event=slow_statement") } }
        #expect(slow.contains { $0.contains(#"outcome="1 rows""#) && $0.contains("GENERATE_SERIES") }, "\(slow)")
    }
}
