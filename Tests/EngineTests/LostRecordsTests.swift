// A query that was paused for longer than its source keeps records.

import Engine
import LogStore
import Pipelines
import Quantities
import Testing

@Suite struct LostRecordsTests {
    /// It fails with what is gone, and RESUME … SKIP has it go on with what is there, in all partitions, and reports the gaps.
    @Test(.timeLimit(.minutes(20))) func aQueryGoesOnBehindWhatRetentionRemoved() throws {
        let millrace = try Millrace(pushStart: "earliest")
        _ = millrace.run(
            """
            SET 'auto.offset.reset'='earliest';
            CREATE STREAM s (k INT KEY, v STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
            CREATE STREAM c AS SELECT * FROM s;
            INSERT INTO s VALUES (0, 'first'); INSERT INTO s VALUES (1, 'first'); INSERT INTO s VALUES (2, 'first'); INSERT INTO s VALUES (3, 'first');
            """)
        let id = try #require(millrace.engine.catalog.sources["C"]?.queryID)
        while !millrace.run("SELECT COUNT(*) FROM c;").contains(": [4]") {}
        #expect(millrace.run("PAUSE \(id);").last?.hasPrefix("+") == true)
        let log = try #require(millrace.log as? SegmentedLog)
        let topic = try #require(log.describeTopic(named: "s"))
        var config = topic.config
        (config.segmentBytes, config.retentionBytes) = (TopicConfig.smallestSegment, ByteCount(clamping: 2000))
        try log.alterTopic(topic.id, config: config)
        func gaps() -> [Int64] { log.describeTopic(named: "s")?.partitions.map { $0.bounds.start.count } ?? [] }
        var written = 4
        while gaps().contains(where: { $0 < 10 }) {
            _ = millrace.run((0..<20).map { "INSERT INTO s VALUES (\($0), '\(String(repeating: "x", count: 90))');" }.joined())
            written += 20
            _ = log.maintain()
        }
        #expect(millrace.run("RESUME \(id);").last?.hasPrefix("+") == true)
        while !millrace.run("DESCRIBE c EXTENDED;").contains(where: { $0.contains("were removed by retention before they were read") }) {}
        let events = millrace.run("RESUME \(id) SKIP;")
        #expect(events.filter { $0.hasPrefix("? skipped what is gone of s, partition ") }.count == 2 && events.last?.hasPrefix("+") == true, "\(events)")
        let left = try #require(log.describeTopic(named: "s")).partitions.reduce(0) { $0 + Int($1.bounds.durableEnd - $1.bounds.start) }
        #expect(left < written)
        while !millrace.run("SELECT COUNT(*) FROM c;").contains(": [\(4 + left)]") {}
        let reports = millrace.run("SELECT reason FROM millrace_errors;").filter { $0.contains("were removed by retention") }
        #expect(reports.count == 2, "\(reports)")
        millrace.close()
    }
}
