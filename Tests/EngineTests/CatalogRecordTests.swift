// What a start makes of entries of the catalog topic: those of older and of unknown versions, and those whose state is
// of another layout.

import Bytes
import Diagnostics
import Engine
import LogStore
import Pipelines
import Platform
import Sessions
import TestSupport
import Testing

@Suite struct CatalogRecordTests {
    private func append(_ key: String, _ value: String?, to millrace: Millrace) throws {
        let log = millrace.log
        let topic = try #require(log.describeTopic(named: "__millrace_catalog"))
        var records = OutgoingRecords()
        records.append(key: Array(key.utf8), value: value.map { Array($0.utf8) }, timestamp: 0)
        let isDone = Monitor(false)
        log.commit(Commit([Append(topic: topic.id, partition: 0, records: records)])) { _ in isDone.update { $0 = true } }
        isDone.wait(until: { $0 }, then: { _ in })
    }

    /// The last value of a key of the catalog topic.
    private func entry(_ key: String, of millrace: Millrace) throws -> String {
        let log = millrace.log
        let topic = try #require(log.describeTopic(named: "__millrace_catalog"))
        var found: String?
        try readAll(of: log, PartitionKey(topic: topic.id, partition: 0)) { run in
            for index in 0..<run.count where run.bytes(of: run.keys[index]).map({ String(decoding: $0, as: UTF8.self) }) == key {
                found = run.bytes(of: run.values[index]).map { String(decoding: $0, as: UTF8.self) }
            }
        }
        return try #require(found)
    }

    /// Entries of version 1 hold statements: they are planned once and written anew.
    @Test func entriesOfVersionOne() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        for name in ["a", "B", "T"] { _ = try millrace.log.createTopic(name, partitions: 1, config: TopicConfig()) }
        _ = try millrace.log.createTopic(
            "_confluent-ksql-default_query_CTAS_T_4-Aggregate-Aggregate-Materialize-changelog", partitions: 1, config: .compacted)
        let entries = [
            ("type/PAIR", #"{"version":1,"sequence":0,"statement":"CREATE TYPE pair AS STRUCT<x INT, y INT>;"}"#),
            (
                "source/A",
                #"{"version":1,"sequence":1,"statement":"CREATE STREAM a (id INT KEY, v INT, p pair) WITH (kafka_topic='a', "#
                    + #"format='JSON', partitions=1);","properties":{},"#
                    + #""schema":"`ID` INTEGER KEY, `V` INTEGER, `P` STRUCT<`X` INTEGER, `Y` INTEGER>","topic":"a"}"#
            ),
            (
                "source/B",
                #"{"version":1,"sequence":2,"statement":"CREATE STREAM b AS SELECT id, v FROM a;","properties":{},"query":"CSAS_B_3"}"#
            ),
            (
                "source/T",
                #"{"version":1,"sequence":3,"statement":"CREATE TABLE t AS SELECT id, COUNT(*) AS n FROM b GROUP BY id;","properties":{},"#
                    + #""query":"CTAS_T_4"}"#
            ),
            (
                "query/INSERTQUERY_5",
                #"{"version":1,"sequence":4,"statement":"INSERT INTO b SELECT id, v FROM a;","properties":{},"query":"INSERTQUERY_5"}"#
            ),
            ("paused/INSERTQUERY_5", #"{"version":1,"sequence":5,"statement":"","query":"INSERTQUERY_5"}"#),
            ("paused/GONE", #"{"version":1,"sequence":6,"statement":"","query":"GONE"}"#),
            (
                "source/BAD",
                #"{"version":1,"sequence":7,"statement":"CREATE STREAM bad AS SELECT * FROM nowhere;","properties":{},"#
                    + #""query":"CSAS_BAD_6"}"#
            ),
        ]
        for (key, value) in entries { try append(key, value, to: millrace) }
        millrace.engine.close()
        for _ in 0..<2 {
            let again = try Millrace(files: files)
            let queries = again.run("SHOW QUERIES;").joined(separator: "\n")
            #expect(queries.contains(#"["CSAS_B_3","PERSISTENT","RUNNING:1","B","B""#))
            #expect(queries.contains(#"["CTAS_T_4","PERSISTENT","RUNNING:1","T","T""#))
            #expect(queries.contains(#"["INSERTQUERY_5","PERSISTENT","PAUSED:1","B","B""#))
            #expect(queries.contains(#"["CSAS_BAD_6","PERSISTENT","ERROR:1""#))
            #expect(try entry("query/CTAS_T_4", of: again).hasPrefix(#"{"version":2,"#))
            #expect(try entry("source/T", of: again).hasPrefix(#"{"version":2,"#))
            again.engine.close()
        }
        let last = try Millrace(files: files)
        #expect(last.run("INSERT INTO a VALUES (1, 2, STRUCT(x := 3, y := 4)); SELECT n FROM t;").contains(": [1]"))
        #expect(last.run("CREATE STREAM next AS SELECT id, v FROM a;").last == "+ Created query with ID CSAS_NEXT_7")
        last.engine.close()
    }

    /// A definition over a topic of the server, made before that was refused, can be read and dropped; nothing writes or deletes the topic.
    @Test func aStoredDefinitionOverAnInternalTopic() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        _ = millrace.run("CREATE STREAM a (v INT) WITH (kafka_topic='a', value_format='JSON', partitions=1); INSERT INTO a VALUES (1);")
        let entries = [
            (
                "source/X",
                #"{"version":1,"sequence":11,"statement":"CREATE STREAM x (v INT) WITH (kafka_topic='__consumer_offsets', "#
                    + #"value_format='JSON');","properties":{}}"#
            ),
            (
                "query/INSERTQUERY_5",
                #"{"version":1,"sequence":12,"statement":"INSERT INTO x SELECT v FROM a;","#
                    + #""properties":{"auto.offset.reset":"earliest"},"query":"INSERTQUERY_5"}"#
            ),
        ]
        for (key, value) in entries { try append(key, value, to: millrace) }
        millrace.engine.close()
        for _ in 0..<2 {
            let again = try Millrace(files: files)
            let status = try #require(again.engine.queryStatuses.first { $0.queryID == "INSERTQUERY_5" })
            #expect(status.content.wait(nanoseconds: 60_000_000_000, until: { $0.state.name == "ERROR" }) { $0.state.name == "ERROR" })
            #expect(again.run("SHOW QUERIES EXTENDED;").joined().contains("which no query may: it belongs to the server"))
            #expect(again.run("SELECT COUNT(*) FROM x;").last?.hasPrefix("+") == true)
            #expect(again.run("INSERT INTO x VALUES (1);").last?.hasPrefix("- 55P01") == true)
            #expect(throws: Diagnostic.self) { try again.session.beginIngest(into: "x", format: .json) }
            again.engine.close()
        }
        let last = try Millrace(files: files)
        #expect(last.run("TERMINATE INSERTQUERY_5; DROP STREAM x DELETE TOPIC;").last?.hasPrefix("- 55P01") == true)
        #expect(last.run("DROP STREAM x;").last?.hasPrefix("+") == true)
        #expect(last.log.topicID(named: "__consumer_offsets") != nil)
        last.engine.close()
    }

    private func counted(_ files: MemoryFileSystem) throws -> Millrace {
        let millrace = try Millrace(files: files, pushStart: "earliest")
        _ = millrace.run(
            """
            CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=2);
            CREATE TABLE t AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;
            """)
        for key in 0..<4 { _ = millrace.run("INSERT INTO s VALUES (\(key), 1); INSERT INTO s VALUES (\(key), 2);") }
        #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
        return millrace
    }

    /// State of a layout that this server would not write is not read: it is built anew from sources that reach back,
    /// once.
    @Test func stateIsBuiltAnew() throws {
        let files = MemoryFileSystem()
        let millrace = try counted(files)
        let entry = try entry("query/CTAS_T_0", of: millrace)
        let changed = entry.replacing("\"layouts\":{\"_", with: "\"layouts\":{\"other_")
        #expect(changed != entry)
        try append("query/CTAS_T_0", changed, to: millrace)
        millrace.engine.close()
        let again = try Millrace(files: files, pushStart: "earliest")
        #expect(again.engine.drain(nanoseconds: 10_000_000_000))
        #expect(again.run("SHOW QUERIES EXTENDED;").contains { $0.contains("RUNNING") && $0.contains("built anew") })
        #expect(again.run("SELECT n FROM t;").filter { $0 == ": [2]" }.count == 4)
        #expect(again.run("INSERT INTO s VALUES (1, 3); SELECT n FROM t WHERE id = 1;").contains(": [3]"))
        let topics = again.run("SHOW ALL TOPICS;").filter { $0.contains("changelog") }
        #expect(topics.count == 1 && topics[0].contains("-again"))
        again.engine.close()
        let third = try Millrace(files: files, pushStart: "earliest")
        #expect(!third.run("SHOW QUERIES EXTENDED;").contains { $0.contains("built anew") })
        #expect(third.run("INSERT INTO s VALUES (1, 3); SELECT n FROM t WHERE id = 1;").contains(": [4]"))
        third.engine.close()
    }

    /// A changelog is as long as its snapshots need it. With them it comes back; without, the state is built anew.
    @Test func stateWithoutItsSnapshotsIsBuiltAnew() throws {
        let files = MemoryFileSystem()
        let snapshots = SnapshotFolder(files: files, directory: "/snapshots", changesBetween: 3)
        let changelog = "_confluent-ksql-default_query_CTAS_T_0-Aggregate-Aggregate-Materialize-changelog"
        let first = try Millrace(files: files, pushStart: "earliest", snapshots: snapshots)
        _ = first.run(
            """
            CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);
            CREATE TABLE t AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;
            """)
        let topic = try #require(first.log.describeTopic(named: changelog))
        var config = topic.config
        #expect(config.cleanupPolicy == .release)
        config.segmentBytes = TopicConfig.smallestSegment
        try first.log.alterTopic(topic.id, config: config)
        var rows = 0
        func put(_ millrace: Millrace) {
            _ = millrace.run("INSERT INTO s VALUES (\(rows % 4), 1);")
            rows += 1
            #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
        }
        while rows < 2_000, try first.log.bounds(of: topic.id, partition: 0).start == .first {
            put(first)
            if rows % 20 == 0 { #expect((first.log as? SegmentedLog)?.maintain() == []) }
        }
        #expect(rows < 2_000)
        first.engine.close()
        let second = try Millrace(files: files, pushStart: "earliest", snapshots: snapshots)
        #expect(second.run("SELECT n FROM t WHERE id = 0;").contains(": [\((rows + 3) / 4)]"))
        #expect(!second.run("SHOW QUERIES EXTENDED;").contains { $0.contains("built anew") })
        second.engine.close()
        for name in try files.list("/snapshots") { try files.removeFile("/snapshots/" + name) }
        let third = try Millrace(files: files, pushStart: "earliest", snapshots: snapshots)
        #expect(third.engine.drain(nanoseconds: 10_000_000_000))
        #expect(third.run("SHOW QUERIES EXTENDED;").contains { $0.contains("has lost its beginning") && $0.contains("built anew") })
        #expect(third.run("SELECT n FROM t WHERE id = 0;").contains(": [\((rows + 3) / 4)]"))
        third.engine.close()
    }

    /// A plan of a version to come is planned again from its statement; its state is used where it is of the same
    /// layout.
    @Test func aPlanOfAnUnknownVersion() throws {
        let files = MemoryFileSystem()
        let millrace = try counted(files)
        let entry = try entry("query/CTAS_T_0", of: millrace)
        let changed = entry.replacing("\"plan\":{\"version\":1,", with: "\"plan\":{\"version\":7,")
        #expect(changed != entry)
        try append("query/CTAS_T_0", changed, to: millrace)
        millrace.engine.close()
        let again = try Millrace(files: files, pushStart: "earliest")
        #expect(again.run("INSERT INTO s VALUES (1, 3); SELECT n FROM t WHERE id = 1;").contains(": [3]"))
        #expect(!again.run("SHOW ALL TOPICS;").contains { $0.contains("-again") })
        again.engine.close()
    }

    /// Where the sources do not reach back, the query stays in error and says what can be done.
    @Test func stateThatCannotBeBuiltAnew() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files, pushStart: "earliest")
        _ = millrace.run(
            """
            CREATE STREAM l (id INT KEY, v INT) WITH (kafka_topic='l', format='JSON', partitions=1);
            CREATE STREAM r (id INT KEY, w INT) WITH (kafka_topic='r', format='JSON', partitions=1);
            CREATE STREAM j AS SELECT l.id AS id, v, w FROM l JOIN r WITHIN 1 HOURS GRACE PERIOD 1 HOURS ON l.id = r.id;
            """)
        let entry = try entry("query/CSAS_J_0", of: millrace)
        try append("query/CSAS_J_0", entry.replacing("\"layouts\":{\"_", with: "\"layouts\":{\"other_"), to: millrace)
        millrace.engine.close()
        let again = try Millrace(files: files)
        let status = try #require(again.engine.queryStatuses.first { $0.queryID == "CSAS_J_0" })
        func hasFailed() -> Bool {
            status.content.wait(nanoseconds: 60_000_000_000, until: { $0.state.name == "ERROR" }) { $0.state.name == "ERROR" }
        }
        #expect(hasFailed())
        let listed = again.run("SHOW QUERIES EXTENDED;").joined(separator: "\n")
        #expect(listed.contains("ERROR:1") && listed.contains("cannot be built anew") && listed.contains("DROP"), "\(listed)")
        #expect(again.run("RESUME CSAS_J_0;") == ["+ Query resumed."])
        #expect(hasFailed())
        #expect(again.run("DROP STREAM j;").last == "+ Source `J` (topic: J) was dropped.")
        again.engine.close()
    }

    /// An entry of a version to come is listed, keeps its name, and can be dropped.
    @Test func entriesOfAnUnknownVersion() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        try append("source/Z", #"{"version":9,"sequence":1}"#, to: millrace)
        try append("source/N", #"{"version":2,"sequence":9223372036854775807,"object":{}}"#, to: millrace)
        try append("query/Q_9223372036854775807", "[[[", to: millrace)
        try append("numbers/query", #"{"version":2,"sequence":1,"object":-9223372036854775808}"#, to: millrace)
        millrace.engine.close()
        let again = try Millrace(files: files)
        #expect(again.run("SHOW QUERIES;").filter { $0.contains("ERROR:1") }.count == 3)
        let create = "CREATE STREAM z (id INT KEY) WITH (kafka_topic='z', format='JSON', partitions=1);"
        #expect(again.run(create).last?.hasPrefix("- 42P07 Z exists already, but could not be brought back") == true)
        #expect(again.run("DROP STREAM z;").last == "+ Source `Z`, which was in error, was dropped.")
        #expect(again.run(create) == ["+ Stream created"])
        again.engine.close()
    }

    /// Places are written as bare numbers; an entry with one that no partition has is listed and not brought back.
    @Test(arguments: [#""partition":-1,"offset":0"#, #""partition":2147483648,"offset":0"#, #""partition":0,"offset":-1"#])
    func aPlaceThatNoPartitionHas(place: String) throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        _ = millrace.run("CREATE STREAM a (id INT KEY, v INT) WITH (kafka_topic='a', format='JSON', partitions=1);")
        _ = millrace.run("CREATE STREAM b AS SELECT * FROM a;")
        let key = "query/CSAS_B_0"
        let entry = try entry(key, of: millrace)
        let known = #"{"topic":"a","partition":0,"offset":0}"#
        #expect(entry.contains(known))
        try append(key, entry.replacing(known, with: #"{"topic":"a",\#(place)}"#), to: millrace)
        millrace.engine.close()
        let again = try Millrace(files: files)
        #expect(again.run("SHOW QUERIES;").contains { $0.contains("CSAS_B_0") && $0.contains("ERROR:1") })
        again.engine.close()
    }
}
