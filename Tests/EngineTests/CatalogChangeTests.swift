// What happens when the commit of a catalog change fails, when changes come at once, and what is left over in between.

import Bytes
import Diagnostics
import Engine
import LogStore
import Pipelines
import Platform
import TestSupport
import Testing

@Suite struct CatalogChangeTests {
    /// A stream, a table over it and an insert, over files that can be told to fail.
    private func opened(_ files: any FileSystem) throws -> Millrace {
        let millrace = try Millrace(files: files, pushStart: "earliest")
        for statement in [
            "CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);",
            "CREATE STREAM d AS SELECT id, v FROM s;", "CREATE TABLE t AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;",
            "INSERT INTO s VALUES (1, 1);",
        ] {
            #expect(millrace.run(statement).last?.hasPrefix("+") == true)
        }
        #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
        return millrace
    }

    /// A statement whose commit is refused leaves everything as it was, at once and after a restart.
    @Test(arguments: [
        "DROP TABLE t;", "DROP TABLE t DELETE TOPIC;", "TERMINATE CTAS_T_1;", "TERMINATE ALL;", "PAUSE CTAS_T_1;", "PAUSE ALL;",
        "CREATE OR REPLACE STREAM d AS SELECT id, v, v + 1 AS w FROM s;", "CREATE TABLE u AS SELECT id, MAX(v) AS m FROM s GROUP BY id;",
        "INSERT INTO d SELECT id, v FROM s WHERE v > 7;", "ALTER STREAM s ADD COLUMN x INT;", "CREATE TYPE p AS STRUCT<a INT>;",
    ])
    func aRefusedCommitChangesNothing(_ statement: String) throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let millrace = try opened(files)
        let before = millrace.run("SHOW QUERIES; SHOW STREAMS; SHOW TABLES; SHOW TYPES; DESCRIBE s; DESCRIBE d; SHOW ALL TOPICS;")
        // Every commit goes through the journal, which is what has no room. Topics may still be made.
        files.setFaults { $0.kind == .write && $0.path.contains("/journal/") ? .fail(.noSpace) : nil }
        #expect(millrace.run(statement).last?.hasPrefix("- 53100") == true)
        files.setFaults { _ in nil }
        #expect(millrace.run("SHOW QUERIES; SHOW STREAMS; SHOW TABLES; SHOW TYPES; DESCRIBE s; DESCRIBE d; SHOW ALL TOPICS;") == before)
        #expect(millrace.run("INSERT INTO s VALUES (1, 2);") == ["+ 1 row inserted"])
        #expect(millrace.run("SELECT n FROM t;").contains(": [2]"))
        #expect(millrace.run("SELECT COUNT(*) FROM d;").contains(": [2]"))
        millrace.engine.close()
        let again = try Millrace(files: files, pushStart: "earliest")
        #expect(again.run("SHOW QUERIES; SHOW STREAMS; SHOW TABLES; SHOW TYPES; DESCRIBE s; DESCRIBE d; SHOW ALL TOPICS;") == before)
        #expect(again.run("INSERT INTO s VALUES (1, 3);") == ["+ 1 row inserted"])
        #expect(again.run("SELECT n FROM t;").contains(": [3]"))
        again.engine.close()
    }

    /// Of two changes the second waits for the first. Cancelled meanwhile, it is not carried out.
    @Test func aChangeThatIsCancelledInLine() throws {
        let scheduler = SeededScheduler(seed: 1, mostSteps: 1_000_000)
        try scheduler.run {
            let files = FaultyFileSystem(MemoryFileSystem())
            let millrace = try Millrace(files: files, time: scheduler.time, scheduler: scheduler)
            let gate = Monitor((isReached: false, isOpen: false))
            files.setFaults { operation in
                guard operation.kind == .create, operation.path.hasSuffix("/a.topic.new") else { return nil }
                gate.update { $0.isReached = true }
                gate.wait(until: { $0.isOpen }, then: { _ in })
                return nil
            }
            func create(_ name: String) -> String { "CREATE STREAM \(name) (v INT) WITH (kafka_topic='\(name)', format='JSON', partitions=1);" }
            let (first, _) = millrace.start(create("a"))
            gate.wait(until: { $0.isReached }, then: { _ in })
            let (second, request) = Millrace(sharing: millrace).start(create("b"))
            // Simulated time passes when all others wait: by then the second one is in line.
            scheduler.sleep(nanoseconds: 1_000_000)
            request.cancel()
            gate.update { $0.isOpen = true }
            #expect(first.wait { !$0.isEmpty } == ["+ Stream created"])
            #expect(second.wait { !$0.isEmpty } == ["- 57014 cancelled on request"])
            #expect(millrace.engine.catalog.sources["A"] != nil && millrace.engine.catalog.sources["B"] == nil)
            #expect(millrace.log.describeTopic(named: "b") == nil)
            millrace.close()
        }
    }

    /// A query that could not be resumed stays paused, and can be resumed later.
    @Test func aRefusedResume() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let millrace = try opened(files)
        #expect(millrace.run("PAUSE CTAS_T_1;") == ["+ Query paused."])
        files.setFaults { $0.kind == .write && $0.path.contains("/journal/") ? .fail(.noSpace) : nil }
        #expect(millrace.run("RESUME CTAS_T_1;").last?.hasPrefix("- 53100") == true)
        files.setFaults { _ in nil }
        #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("CTAS_T_1") && $0.contains("PAUSED") })
        #expect(millrace.run("RESUME CTAS_T_1; INSERT INTO s VALUES (1, 2); SELECT n FROM t;").contains(": [2]"))
        millrace.engine.close()
    }

    /// A topic that cannot be deleted after the commit is no failure of the statement: it goes later.
    @Test func aTopicThatCannotBeDeletedGoesLater() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let millrace = try opened(files)
        files.setFaults { $0.kind == .rename && !$0.path.contains("/journal/") ? .fail(.inputOutput) : nil }
        let answer = millrace.run("DROP TABLE t DELETE TOPIC;")
        #expect(answer.last == "+ Source `T` (topic: T) was dropped.")
        files.setFaults { _ in nil }
        millrace.engine.close()
        let again = try Millrace(files: files)
        #expect(!again.run("SHOW ALL TOPICS;").contains { $0.contains("\"T\"") || $0.contains("CTAS_T_1") })
        again.engine.close()
    }

    /// However many sessions resume and pause a query at once, it runs once.
    @Test func resumedByManyAtOnce() throws {
        let files = MemoryFileSystem()
        let millrace = try opened(files)
        for round in 0..<20 {
            _ = millrace.run("PAUSE CSAS_D_0;")
            _ = millrace.run("INSERT INTO s VALUES (\(round), 0);")
            let sessions = (0..<6).map { _ in Millrace(sharing: millrace) }
            let collectors = sessions.enumerated().map { $1.start($0 % 3 == 2 ? "PAUSE CSAS_D_0; RESUME CSAS_D_0;" : "RESUME CSAS_D_0;").0 }
            for collector in collectors { _ = collector.wait { $0.contains("+ Query resumed.") } }
        }
        #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
        #expect(millrace.run("SELECT COUNT(*) FROM d;").contains(": [21]"))
        let states = millrace.run("SHOW QUERIES;")
        millrace.engine.close()
        // What the catalog says is what ran.
        let again = try Millrace(files: files, pushStart: "earliest")
        #expect(again.run("SHOW QUERIES;") == states)
        again.engine.close()
    }

    /// A statement about a query waits until it has read what the session inserted before.
    @Test func aReplacementReadsWhatWasInsertedBefore() throws {
        for _ in 0..<10 {
            let millrace = try Millrace(pushStart: "earliest")
            _ = millrace.run(
                """
                CREATE STREAM base (id INT KEY, b INT) WITH (VALUE_FORMAT='JSON', KAFKA_TOPIC='base', PARTITIONS=1);
                CREATE STREAM c AS SELECT id, b FROM base WHERE b > 1; CREATE STREAM e AS SELECT id, b FROM base;
                INSERT INTO base VALUES (1, 1);
                CREATE OR REPLACE STREAM c AS SELECT id, b FROM base WHERE b > 0; TERMINATE CSAS_E_1;
                """)
            #expect(millrace.run("SELECT * FROM c;").last == "+ 0 rows")
            #expect(millrace.run("SELECT COUNT(*) FROM e;").contains(": [1]"))
            millrace.engine.close()
        }
    }

    /// An internal topic that belongs to nobody is not taken over, and does not outlive a start.
    @Test func leftoversAreNotTakenOver() throws {
        let files = MemoryFileSystem()
        let millrace = try opened(files)
        let log = millrace.log
        for name in ["CTAS_U_2-Aggregate-Aggregate-Materialize", "CTAS_GONE_9-Aggregate-Aggregate-Materialize"] {
            let topic = try log.createTopic("_confluent-ksql-default_query_\(name)-changelog", partitions: 3, config: .compacted)
            var records = OutgoingRecords()
            records.append(key: [1], value: [2], timestamp: 0)
            let isDone = Monitor(false)
            log.commit(Commit([Append(topic: topic.id, partition: 0, records: records)])) { _ in isDone.update { $0 = true } }
            isDone.wait(until: { $0 }, then: { _ in })
        }
        #expect(millrace.run("CREATE TABLE u AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;").last == "+ Created query with ID CTAS_U_2")
        #expect(millrace.run("SELECT n FROM u;").contains(": [1]"))
        millrace.engine.close()
        let again = try Millrace(files: files)
        let topics = again.run("SHOW ALL TOPICS;")
        #expect(topics.contains { $0.contains("CTAS_U_2") } && !topics.contains { $0.contains("CTAS_GONE_9") })
        #expect(again.run("SELECT n FROM u;").contains(": [1]"))
        again.engine.close()
    }

    /// A catalog that cannot be read whole is not changed: names and numbers that look free may be taken. What it says
    /// is all there once the damage is repaired.
    @Test func aHalfReadCatalogIsNotChanged() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let millrace = try opened(files)
        let before = millrace.run("SHOW QUERIES; SHOW STREAMS; SHOW TABLES;")
        millrace.engine.close()
        // A batch begins with a header of 61 bytes, and the first one holds a record of more than 39.
        let segment = "/data/log/__millrace_catalog-0/00000000000000000000.log"
        try files.flipBit(3, ofByteAt: 100, in: segment)
        let damaged = try Millrace(files: files)
        for statement in [
            "CREATE STREAM z (id INT KEY) WITH (kafka_topic='z', format='JSON', partitions=1);", "CREATE TYPE p AS STRUCT<a INT>;",
        ] {
            #expect(damaged.run(statement).last?.hasPrefix("- 58P01 nothing can be created") == true, "\(statement)")
        }
        damaged.engine.close()
        try files.flipBit(3, ofByteAt: 100, in: segment)
        let again = try Millrace(files: files, pushStart: "earliest")
        #expect(again.run("SHOW QUERIES; SHOW STREAMS; SHOW TABLES;") == before)
        #expect(again.run("SELECT n FROM t;").contains(": [1]"))
        again.engine.close()
    }
}

/// What the catalog remembers of queries that are gone: their numbers, and nothing else.
@Suite struct QueryNumberTests {
    private func created(_ millrace: Millrace, _ sql: String) -> String {
        millrace.run(sql).last.map { $0.split(separator: " ").last.map(String.init) ?? $0 } ?? ""
    }

    /// A number comes once: after a DROP, after a CREATE that failed, and after restarts.
    @Test func numbersNeverComeTwice() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        var given: [String] = []
        for round in 0..<3 {
            let millrace = try Millrace(files: files)
            if round == 0 { _ = millrace.run("CREATE STREAM a (id INT KEY, v INT) WITH (kafka_topic='a', format='JSON', partitions=1);") }
            given.append(created(millrace, "CREATE STREAM b\(round) AS SELECT * FROM a;"))
            files.setFaults { $0.kind == .write && $0.path.contains("/journal/") ? .fail(.noSpace) : nil }
            #expect(millrace.run("CREATE STREAM failed AS SELECT * FROM a;").last?.hasPrefix("- 53100") == true)
            files.setFaults { _ in nil }
            given.append(created(millrace, "CREATE STREAM c AS SELECT * FROM a;"))
            #expect(millrace.run("DROP STREAM c DELETE TOPIC;").last?.hasPrefix("+") == true)
            given.append(created(millrace, "INSERT INTO b0 SELECT * FROM a;"))
            #expect(millrace.run("TERMINATE ALL;").last?.hasPrefix("+") == true)
            millrace.engine.close()
        }
        let numbers = given.compactMap { $0.split(separator: "_").last.flatMap { Int($0) } }
        #expect(numbers.count == 9 && Set(numbers).count == 9 && numbers == numbers.sorted(), "\(given)")
    }

    /// A pause ends with its query: a later query of the same id runs, also after a restart.
    @Test(arguments: ["TERMINATE q;", "TERMINATE ALL;", "PAUSE ALL; TERMINATE q;"])
    func aPauseEndsWithItsQuery(_ end: String) throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        let insert = "INSERT INTO b WITH (QUERY_ID='q') SELECT * FROM a;"
        let answer = millrace.run(
            """
            CREATE STREAM a (id INT KEY, v INT) WITH (kafka_topic='a', format='JSON', partitions=1);
            CREATE STREAM b (id INT KEY, v INT) WITH (kafka_topic='b', format='JSON', partitions=1);
            \(insert) PAUSE q; \(end) \(insert)
            """)
        #expect(answer.last == "+ Created query with ID Q")
        #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("\"Q\"") && $0.contains("RUNNING:1") })
        millrace.engine.close()
        let again = try Millrace(files: files)
        #expect(again.run("SHOW QUERIES;").contains { $0.contains("\"Q\"") && $0.contains("RUNNING:1") })
        again.engine.close()
    }

    /// A table over the topic of a dropped one has the rows that its query computed, and no others, also after a restart.
    @Test func aTableOverTheTopicOfAnotherOne() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files, pushStart: "earliest")
        let answer = millrace.run(
            """
            SET 'auto.offset.reset'='earliest';
            CREATE STREAM a (id INT KEY, c STRING) WITH (kafka_topic='a', value_format='JSON', partitions=1);
            INSERT INTO a VALUES (7, 'abcd');
            CREATE TABLE u AS SELECT c, COUNT(*) AS n FROM a GROUP BY c;
            SELECT * FROM u;
            DROP TABLE u;
            CREATE TABLE u AS SELECT id, MAX(c) AS n FROM a GROUP BY id;
            """)
        #expect(answer.contains(#": ["abcd",1]"#) && answer.last?.hasPrefix("+ Created") == true, "\(answer)")
        #expect(millrace.run("SELECT * FROM u;").filter { $0.hasPrefix(":") } == [#": [7,"abcd"]"#])
        millrace.engine.close()
        let again = try Millrace(files: files, pushStart: "earliest")
        #expect(again.run("SELECT * FROM u;").filter { $0.hasPrefix(":") } == [#": [7,"abcd"]"#])
        again.engine.close()
    }
}
