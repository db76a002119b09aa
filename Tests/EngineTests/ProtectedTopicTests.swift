// Topics that no statement may write or delete, and topics that a DROP leaves to others that use them.

import Diagnostics
import Engine
import LogStore
import Sessions
import Testing

@Suite struct ProtectedTopicTests {
    private static let queryTopic = "_confluent-ksql-default_query_CTAS_T_0-Aggregate-"

    /// A stream, and a table that has a changelog and a repartition topic.
    private func opened() throws -> Millrace {
        let millrace = try Millrace(pushStart: "earliest", workers: 1)
        let answer = millrace.run(
            """
            SET 'auto.offset.reset'='earliest';
            CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);
            CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;
            """)
        #expect(answer.last == "+ Created query with ID CTAS_T_0")
        return millrace
    }

    /// No source is made over a topic of the server or of a query, whether it exists or not; the error points at its name.
    @Test(arguments: [
        "__millrace_catalog", "__consumer_offsets", queryTopic + "Aggregate-Materialize-changelog", queryTopic + "GroupBy-repartition",
        "_confluent-ksql-default_query_CTAS_LATER_9-Aggregate-Aggregate-Materialize-changelog",
    ])
    func noSourceIsMadeOverAnInternalTopic(topic: String) throws {
        let millrace = try opened()
        let before = millrace.log.describeTopics().map(\.name)
        for sql in [
            "CREATE STREAM x (a STRING) WITH (kafka_topic='\(topic)', value_format='JSON', partitions=1);",
            "CREATE TABLE x (k STRING PRIMARY KEY, a STRING) WITH (kafka_topic='\(topic)', format='JSON', partitions=1);",
            "CREATE SOURCE STREAM x (a STRING) WITH (kafka_topic='\(topic)', value_format='JSON');",
            "CREATE STREAM x WITH (kafka_topic='\(topic)') AS SELECT * FROM s;",
            "CREATE TABLE x WITH (kafka_topic='\(topic)') AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;",
        ] {
            let error = millrace.error(of: sql)
            #expect(error?.code == .reservedName && error?.hint != nil, "\(sql)")
            #expect(place(error, in: sql) == "'\(topic)'", "\(sql)")
        }
        let named = "CREATE STREAM `\(topic)` AS SELECT * FROM s;"
        if !topic.contains("_confluent") { #expect(millrace.error(of: named)?.code == .reservedName) }
        #expect(millrace.log.describeTopics().map(\.name) == before)
        if before.contains(topic) {
            #expect(millrace.run("SHOW ALL TOPICS;").contains { $0.contains(topic) })
            _ = millrace.run("SET 'millrace.print.follow' = 'false';")
            #expect(millrace.error(of: "PRINT '\(topic)' FROM BEGINNING;") == nil)
        }
        millrace.engine.close()
    }

    /// A stream of a user's own over the records of MILLRACE_ERRORS reads them and does nothing else.
    @Test func theErrorsTopicIsOnlyRead() throws {
        let millrace = try opened()
        let make = "CREATE STREAM e (reason STRING) WITH (kafka_topic='MILLRACE_ERRORS', value_format='JSON');"
        #expect(millrace.error(of: make) == nil)
        for sql in [
            "INSERT INTO e VALUES ('x');", "INSERT INTO e SELECT CAST(v AS STRING) AS reason FROM s PARTITION BY NULL;",
            "INSERT INTO e (SELECT reason FROM e);",
        ] {
            let error = millrace.error(of: sql)
            #expect(error?.code == .readOnly && place(error, in: sql) == "e", "\(sql): \(error?.message ?? "")")
        }
        #expect(throws: Diagnostic.self) { try millrace.session.beginIngest(into: "e", format: .json) }
        let drop = "DROP STREAM e DELETE TOPIC;"
        let error = millrace.error(of: drop)
        #expect(error?.code == .readOnly && place(error, in: drop) == "e")
        let sink = "CREATE STREAM x WITH (kafka_topic='MILLRACE_ERRORS') AS SELECT * FROM s;"
        #expect(millrace.error(of: sink)?.code == .reservedName)
        #expect(millrace.run("SELECT * FROM e;").last == "+ 0 rows")
        #expect(millrace.error(of: "DROP STREAM e;") == nil)
        #expect(millrace.log.topicID(named: "MILLRACE_ERRORS") != nil)
        millrace.engine.close()
    }

    // MARK: Topics with several users

    private let alias = "CREATE STREAM other (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON');"

    /// A topic that another source stands on stays, and so does what was to be dropped.
    @Test func aSharedTopicIsNotDeleted() throws {
        let millrace = try Millrace(workers: 1)
        _ = millrace.run("CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);")
        _ = millrace.run(alias + "CREATE TABLE third (id INT PRIMARY KEY, v INT) WITH (kafka_topic='s', format='JSON');")
        let sql = "DROP STREAM s DELETE TOPIC;"
        let error = millrace.error(of: sql)
        #expect(error?.code == .objectInUse && place(error, in: sql) == "s")
        #expect(error?.message == "Refusing to delete topic. Found other data sources (OTHER, THIRD) using topic s")
        #expect(millrace.run("SHOW STREAMS;").contains { $0.hasPrefix(#": ["S""#) })
        for sql in ["INSERT INTO s VALUES (1, 2);", "DROP STREAM s;", "DROP TABLE third;", "DROP STREAM other DELETE TOPIC;"] {
            #expect(millrace.error(of: sql) == nil, "\(sql)")
        }
        #expect(millrace.log.topicID(named: "s") == nil)
        millrace.engine.close()
    }

    /// The topic of a query's result is in use by whatever reads or writes it under another name.
    @Test func theTopicOfAResultIsNotDeletedUnderItsUsers() throws {
        let millrace = try Millrace(workers: 1)
        _ = millrace.run("CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);")
        #expect(millrace.error(of: "CREATE STREAM d AS SELECT * FROM s;") == nil)
        #expect(millrace.error(of: "CREATE STREAM back (id INT KEY, v INT) WITH (kafka_topic='D', format='JSON');") == nil)
        #expect(millrace.error(of: "CREATE STREAM u AS SELECT * FROM back;") == nil)
        #expect(millrace.error(of: "DROP STREAM d DELETE TOPIC;")?.message.contains("(BACK) using topic D") == true)
        // Nothing of the refused statement was done: the query still runs.
        #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("CSAS_D_0") && $0.contains("RUNNING:1") })
        for sql in ["DROP STREAM u DELETE TOPIC;", "DROP STREAM back;", "DROP STREAM d DELETE TOPIC;"] {
            #expect(millrace.error(of: sql) == nil, "\(sql)")
        }
        millrace.engine.close()
    }
}
