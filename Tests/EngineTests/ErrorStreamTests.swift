// Rows that cannot be processed: exact counts, samples, and what is left out of them.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import TestSupport
import Testing

@Test func aPoisonedTopicIsSampledAndCounted() throws {
    let millrace = try Millrace(time: SimulatedTime(wall: 5_000))
    _ = millrace.run("CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
    _ = millrace.run("CREATE STREAM d AS SELECT v FROM s;")
    let topic = try #require(millrace.log.describeTopic(named: "s"))
    var records = OutgoingRecords()
    for index in 0..<2500 { records.append(key: nil, value: Array((index % 5 == 0 ? #"{"V":1}"# : "{").utf8), timestamp: 0) }
    let isDone = Monitor(false)
    millrace.log.commit(Commit([Append(topic: topic.id, partition: 0, records: records)])) { _ in isDone.update { $0 = true } }
    isDone.wait(until: { $0 }, then: { _ in })
    #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
    let status = try #require(millrace.engine.queryStatuses.first)
    #expect(status.counters.errors == ["value cannot be read": 2000])
    #expect(status.counters.recordsWritten == 500)
    #expect(millrace.run("SELECT COUNT(*), SUM(left_out) FROM MILLRACE_ERRORS WHERE step = 'Source';").dropFirst() == [": [100,1900]", "+ 1 rows"])
    #expect(millrace.run("DESCRIBE d EXTENDED;").contains { $0.contains("value cannot be read: 2000") })
    millrace.engine.close()
}

/// Scripts that watch ksqlDB's processing log find its shape.
@Test func theProcessingLogHasTheShapeOfKsqlDB() throws {
    let millrace = try Millrace()
    _ = millrace.run(
        """
        CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);
        CREATE STREAM raw (v VARCHAR) WITH (kafka_topic='s', value_format='KAFKA');
        CREATE STREAM d AS SELECT 10 / v AS q FROM s;
        INSERT INTO raw VALUES ('{'), ('{"V":0}');
        """)
    #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
    let lines = millrace.run(
        """
        SELECT logger, level, message->type, message->deserializationError->recordB64, message->deserializationError->`TOPIC` AS t,
            message->recordProcessingError->errorMessage AS e FROM KSQL_PROCESSING_LOG;
        """)
    #expect(lines.contains { $0.hasPrefix(#": ["processing.CSAS_D_0.Source","ERROR",0,"ew==","s",null]"#) }, "\(lines)")
    #expect(lines.contains { $0.hasPrefix(#": ["processing.CSAS_D_0.Project","ERROR",1,null,null,""#) }, "\(lines)")
    millrace.engine.close()
}

@Test func aPushQueryIsCancelled() throws {
    let millrace = try Millrace(pushStart: "earliest")
    _ = millrace.run("CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
    _ = millrace.run("INSERT INTO s VALUES (1);")
    let (rows, request) = millrace.start("SELECT * FROM s EMIT CHANGES;")
    _ = rows.wait { $0.contains(": [1]") }
    #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("\"PUSH\"") })
    request.cancel()
    let lines = rows.wait { $0.last?.hasPrefix("-") == true }
    #expect(lines == ["= V INTEGER (changes)", ": [1]", "- 57014 the query was cancelled after 1 rows"])
    #expect(!millrace.run("SHOW QUERIES;").contains { $0.contains("\"PUSH\"") })
    millrace.engine.close()
}

@Test func printingIsCancelledAndTransientQueriesAreTerminated() throws {
    let millrace = try Millrace(pushStart: "earliest")
    _ = millrace.run("CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
    _ = millrace.run("INSERT INTO s VALUES (1);")
    let (printed, request) = millrace.start("PRINT s FROM BEGINNING;")
    _ = printed.wait { $0.contains { $0.contains("rowtime") } }
    request.cancel()
    _ = printed.wait { $0.last?.hasPrefix("+") == true || $0.last?.hasPrefix("-") == true }
    let (rows, _) = millrace.start("SELECT * FROM s EMIT CHANGES;")
    _ = rows.wait { $0.contains(": [1]") }
    let id = try #require(millrace.run("SHOW QUERIES;").first { $0.contains("PUSH") }?.split(separator: "\"").dropFirst().first)
    #expect(millrace.run("TERMINATE `\(id)`;") == ["+ Query terminated."])
    #expect(rows.wait { $0.last?.hasPrefix("+") == true }.last == "+ Query terminated")
    millrace.engine.close()
}

/// A statement that fails ends the request: what follows is not carried out.
@Test func theFirstFailureEndsARequest() throws {
    let millrace = try Millrace()
    let lines = millrace.run(
        """
        CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);
        INSERT INTO s VALUES (TRUE);
        INSERT INTO s VALUES (1);
        """)
    #expect(lines == ["+ Stream created", "- 42804 Expected type INTEGER for field `V` but got BOOLEAN(true)"])
    #expect(millrace.run("SELECT * FROM s;").dropFirst() == ["+ 0 rows"])
    millrace.engine.close()
}

/// Closing ends push queries, and what was acknowledged is there afterwards.
@Test func closingEndsPushQueries() throws {
    let millrace = try Millrace(pushStart: "earliest")
    _ = millrace.run("CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
    let (rows, _) = millrace.start("SELECT * FROM s EMIT CHANGES;")
    _ = rows.wait { !$0.isEmpty }
    millrace.engine.close()
    _ = rows.wait { $0.last?.hasPrefix("+") == true || $0.last?.hasPrefix("-") == true }
}
