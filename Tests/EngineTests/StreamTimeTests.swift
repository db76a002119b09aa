// Stream time is a task's, that is a partition's: what comes far ahead in one partition closes no window of another. What comes too late is
// counted where its query is looked at.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import TestSupport
import Testing

@Suite struct StreamTimeTests {
    private func append(_ key: String, at time: Int64, partition: PartitionIndex, to millrace: Millrace) throws {
        let topic = try #require(millrace.log.describeTopic(named: "s"))
        var records = OutgoingRecords()
        records.append(key: Array(key.utf8), value: Array(#"{"V":1}"#.utf8), timestamp: time)
        let isDone = Monitor(false)
        millrace.log.commit(Commit([Append(topic: topic.id, partition: partition, records: records)])) { _ in isDone.update { $0 = true } }
        isDone.wait(until: { $0 }, then: { _ in })
        #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
    }

    @Test(arguments: [
        "TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 0 SECONDS)", "HOPPING (SIZE 10 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 0 SECONDS)",
        "SESSION (10 SECONDS, GRACE PERIOD 0 SECONDS)",
    ])
    func partitionsHaveTimesOfTheirOwn(window: String) throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=2);")
        _ = millrace.run("CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW \(window) GROUP BY k;")
        let day: Int64 = 86_400_000
        try append("ahead", at: 100 * day, partition: 0, to: millrace)
        try append("behind", at: 5_000, partition: 1, to: millrace)
        try append("behind", at: 6_000, partition: 1, to: millrace)
        try append("late", at: 5_000, partition: 0, to: millrace)
        #expect(millrace.run("SELECT k, n FROM t;").filter { $0.hasPrefix(":") }.sorted() == [#": ["ahead",1]"#, #": ["behind",2]"#])
        let status = try #require(millrace.engine.queryStatuses.first)
        #expect(status.counters.errors == ["window is closed": 1])
        #expect(millrace.run("DESCRIBE t EXTENDED;").contains { $0.contains("window is closed: 1") })
        #expect(millrace.run("EXPLAIN \(status.queryID);").contains { $0.contains("window is closed: 1") })
        #expect(
            millrace.run("SELECT cause, partition, offset FROM MILLRACE_ERRORS;").filter { $0.hasPrefix(":") } == [
                #": ["window is closed",0,1]"#
            ])
        millrace.close()
    }
}
