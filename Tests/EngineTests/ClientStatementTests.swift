// SHOW CONSUMER GROUPS, DESCRIBE CONSUMER GROUP and SHOW PRODUCERS.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Testing

@Suite struct ClientStatementTests {
    private func rows(_ millrace: Millrace, _ sql: String) -> [String] {
        millrace.run(sql).filter { $0.hasPrefix(": ") || $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
    }

    @Test func groupsOfQueriesAndClients() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(
            """
            CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
            CREATE STREAM d AS SELECT * FROM s;
            INSERT INTO s VALUES (1, 1);
            SELECT * FROM d;
            """)
        let query = try #require(rows(millrace, "SHOW QUERIES;").first?.split(separator: "\"").dropFirst().first.map(String.init))
        // A group of clients that has left an offset.
        let topic = try #require(millrace.log.topicID(named: "s"))
        let offsets = try #require(millrace.log.topicID(named: consumerOffsetsTopic))
        var records = OutgoingRecords()
        let value = OffsetValue(offset: .first, topic: topic, committedAt: 0)
        for index in PartitionIndex.all(of: 2) {
            records.append(key: OffsetKey(group: "readers", topic: "s", partition: index).encoded, value: value.encoded, timestamp: 0)
        }
        try millrace.log.commitAndWait(Commit([Append(topic: offsets, partition: .first, records: records)]))
        let shown = rows(millrace, "SHOW CONSUMER GROUPS;")
        #expect(shown.contains(#"["readers","CLIENTS","Empty",0,"s",1]"#), "\(shown)")
        #expect(shown.contains { $0.hasPrefix(#"["\#(query)","QUERY","RUNNING",0,"s","#) }, "\(shown)")
        // With a listener there are members.
        millrace.engine.setForeignClients(
            ForeignClients(
                groups: {
                    [
                        .init(
                            name: "readers", state: "Stable", generation: 3,
                            members: [
                                .init(id: "a-1", client: "a", partitions: [("s", 1), ("gone", 0)]), .init(id: "b-2", client: "b", partitions: []),
                            ])
                    ]
                }, transactions: { [] }))
        #expect(rows(millrace, "LIST CONSUMER GROUPS;").contains(#"["readers","CLIENTS","Stable",2,"gone, s",1]"#))
        let described = rows(millrace, "DESCRIBE CONSUMER GROUP readers;")
        #expect(described.count == 3 && described.first == #"[null,null,null,null,null,"b-2","b"]"#, "\(described)")
        #expect(described.contains { $0.hasPrefix(#"["s",0,0,"#) && $0.hasSuffix("null,null]") }, "\(described)")
        #expect(described.contains { $0.hasPrefix(#"["s",1,0,"#) && $0.hasSuffix(#""a-1","a"]"#) }, "\(described)")
        #expect(rows(millrace, "DESCRIBE CONSUMER GROUP 'Readers';").first?.contains("there is no consumer group 'Readers'") == true)
        #expect(rows(millrace, "DESCRIBE CONSUMER GROUP \(query);").count >= 1)
    }

    @Test func endedQueriesLeaveNoGroups() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        _ = millrace.run(
            """
            CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
            CREATE STREAM kept AS SELECT * FROM s;
            CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;
            CREATE STREAM other (k INT KEY, v INT) WITH (KAFKA_TOPIC='other', VALUE_FORMAT='JSON', PARTITIONS=2);
            INSERT INTO other WITH (QUERY_ID='MINE') SELECT * FROM s;
            INSERT INTO s VALUES (1, 1);
            SELECT * FROM t;
            """)
        #expect(millrace.positions(until: { $0.count == 3 }).keys.sorted() == ["CSAS_KEPT_0", "CTAS_T_1", "MINE"])
        _ = millrace.run("DROP TABLE t;")
        #expect(millrace.run("TERMINATE MINE;").last?.hasPrefix("+") == true)
        // At once, and in the log as soon as what was handed to it is durable.
        #expect(rows(millrace, "SHOW CONSUMER GROUPS;").count == 1)
        #expect(millrace.positions(until: { $0.count == 1 }).keys.sorted() == ["CSAS_KEPT_0"])
        // A query of the same id has positions of its own.
        _ = millrace.run("INSERT INTO other WITH (QUERY_ID='MINE') SELECT * FROM s;")
        let again = millrace.positions(until: { $0["MINE"] != nil })
        #expect(again.keys.sorted() == ["CSAS_KEPT_0", "MINE"] && again["MINE"]?.count == 2)
        // What a crash has kept from being taken back is taken back at the next start; what is a client's stays.
        let topic = try #require(millrace.log.topicID(named: "s"))
        let offsets = try #require(millrace.log.topicID(named: consumerOffsetsTopic))
        var records = OutgoingRecords()
        let first = PartitionKey(topic: topic, partition: .first)
        appendPosition(.first, of: first, named: "s", group: "CSAS_LONG_GONE_7", at: 0, to: &records)
        let value = OffsetValue(offset: .first, topic: topic, committedAt: 0)
        records.append(key: OffsetKey(group: "readers", topic: "s", partition: .first).encoded, value: value.encoded, timestamp: 0)
        try millrace.log.commitAndWait(Commit([Append(topic: offsets, partition: .first, records: records)]))
        #expect(!rows(millrace, "SHOW CONSUMER GROUPS;").contains { $0.contains("LONG_GONE") })
        millrace.close()
        let later = try Millrace(files: files)
        defer { later.close() }
        #expect(later.positions(until: { $0.count == 3 }).keys.sorted() == ["CSAS_KEPT_0", "MINE", "readers"])
    }

    @Test func aReplacedQueryKeepsNoPositionsOfWhatItDoesNotRead() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(
            """
            CREATE STREAM a (k INT KEY, v INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS=1);
            CREATE STREAM b (k INT KEY, v INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON', PARTITIONS=1);
            CREATE STREAM d AS SELECT * FROM a;
            """)
        let answer = millrace.run("CREATE OR REPLACE STREAM d AS SELECT * FROM b;").last ?? ""
        guard answer.hasPrefix("+") else { return }
        let b = try #require(millrace.log.topicID(named: "b"))
        let found = millrace.positions(until: { $0["CSAS_D_0"]?.keys.map(\.topic) == [b] })
        #expect(found["CSAS_D_0"]?.keys.map(\.topic) == [b])
    }

    @Test func producersOfTopics() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run("CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');")
        let topic = try #require(millrace.log.topicID(named: "s"))
        var records = OutgoingRecords()
        records.append(key: nil, value: Array("{}".utf8), timestamp: 0)
        records.append(key: nil, value: Array("{}".utf8), timestamp: 0)
        try millrace.log.commitAndWait(
            Commit([Append(topic: topic, partition: .first, records: records, producer: ProducerStamp(id: 77, epoch: 2, baseSequence: 0))]))
        #expect(rows(millrace, "SHOW PRODUCERS;") == [#"[77,2,null,null,"s",0,1,null]"#])
        millrace.engine.setForeignClients(
            ForeignClients(groups: { [] }, transactions: { [.init(id: "copy", producer: 77, state: "Ongoing")] }))
        #expect(rows(millrace, "SHOW PRODUCERS;") == [#"[77,2,"copy","Ongoing","s",0,1,null]"#])
    }
}
