// How far back a table can be looked at when its topic has been compacted, and what an answer says of what it read.

import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Testing

@Suite struct QuestionReachTests {
    /// Nothing for a question that is answered soon, then a line every five seconds.
    @Test func progressOfALongQuestion() {
        let second: Int64 = 1_000_000_000
        var progress = ReadingProgress(total: 200, now: 7 * second)
        #expect(progress.line(reading: 50, now: 11 * second) == nil)
        #expect(progress.line(reading: 50, now: 12 * second) == "read 100 of 200 records (50 %)")
        #expect(progress.line(reading: 50, now: 16 * second) == nil)
        #expect(progress.line(reading: 60, now: 18 * second) == "read 210 of 210 records (100 %)")
    }

    /// A question of the general form that says which keys it is about looks at their rows alone.
    @Test func aQuestionAboutKeysReadsTheirRows() throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.close() }
        _ = millrace.run(
            """
            SET 'auto.offset.reset'='earliest';
            CREATE STREAM s (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
            CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
            INSERT INTO s VALUES \((0..<10).map { "('k\($0)', \($0))" }.joined(separator: ", "));
            """)
        let questions: [(condition: String, rows: Int, records: Int)] = [
            ("k = 'k7'", 1, 1), ("k IN ('k1', 'k' + '2', 'x')", 2, 2), ("k >= 'k8'", 2, 2), ("k = 'k3' AND n > 1", 0, 1), ("n = 1", 10, 10),
        ]
        for (condition, rows, records) in questions {
            let collector = EventCollector()
            _ = millrace.session.execute("SELECT n FROM t WHERE \(condition) ORDER BY n;", into: collector) { _ in }
            let lines = collector.wait { $0.last.map { $0.hasPrefix("+") || $0.hasPrefix("-") } ?? false }
            #expect(lines.count { $0.hasPrefix(":") } == rows && collector.recordsRead == records, "\(condition): \(lines)")
        }
    }

    /// What compaction removed is no longer known; the refusal says from when on everything is, and that is right.
    @Test(.timeLimit(.minutes(20))) func aTableAsOfATimeBeforeItsTopicWasCompacted() throws {
        let files = MemoryFileSystem()
        var millrace = try Millrace(files: files, pushStart: "earliest")
        _ = millrace.run("CREATE TABLE t (id INT PRIMARY KEY, v INT, text STRING) WITH (KAFKA_TOPIC='t', FORMAT='JSON', PARTITIONS=1);")
        let log = try #require(millrace.log as? SegmentedLog)
        let topic = try #require(log.describeTopic(named: "t"))
        var config = topic.config
        (config.segmentBytes, config.cleanupPolicy) = (TopicConfig.smallestSegment, .compact)
        try log.alterTopic(topic.id, config: config)
        func asOf(_ second: Int) -> [String] {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let time = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
            return millrace.run("SELECT id, v FROM t AS OF TIMESTAMP '1970-01-01T\(time)' ORDER BY id;")
        }
        let text = String(repeating: "x", count: 200)
        let written = 1000
        for first in stride(from: 0, to: written, by: 50) {
            let rows = (first..<first + 50).map { "(\($0 * 1000), \($0 % 4), \($0), '\(text)')" }.joined(separator: ", ")
            _ = millrace.run("INSERT INTO t (ROWTIME, id, v, text) VALUES \(rows);")
        }
        #expect(asOf(10).dropFirst().prefix(4) == [": [0,8]", ": [1,9]", ": [2,10]", ": [3,7]"])
        #expect(log.maintain() == [])
        // Until then the log has in memory what is gone from its files.
        millrace.close()
        millrace = try Millrace(files: files, pushStart: "earliest")
        let refusal = asOf(10)
        #expect(refusal.contains { $0.contains("T cannot be shown as of 1970-01-01T00:00:10.000") }, "\(refusal)")
        // Some second is the first that is still known; from there on all are right.
        let first = try #require((10..<written).first { asOf($0).last?.hasPrefix("+") == true })
        for second in [first, first + 1, written - 1] where second < written {
            let expected = (0..<4).map { key in ": [\(key),\(second - (second - key + 4) % 4)]" }
            #expect(Array(asOf(second).dropFirst().prefix(4)) == expected)
        }
        millrace.close()
    }
}
