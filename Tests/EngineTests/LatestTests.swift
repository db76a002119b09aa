// Where a query with `auto.offset.reset` begins: everything that was acknowledged before it was asked for, and what other queries make of
// that, lies before it; everything acknowledged after it was answered lies behind it.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Sessions
import TestSupport
import Testing

@Suite struct LatestTests {
    /// A stream over three partitions, one that a query makes of it, and many rows that have not gone through that query yet.
    private func busy(_ pushStart: String = "latest") throws -> Millrace {
        let millrace = try Millrace(pushStart: pushStart)
        _ = millrace.run("CREATE STREAM s (k VARCHAR, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=3);")
        _ = millrace.run("CREATE STREAM d AS SELECT k, v FROM s;")
        var text: [UInt8] = []
        var lines: [ByteRange] = []
        for index in 0..<6_000 {
            let line = Array(#"{"K":"k\#(index % 7)","V":1}"#.utf8)
            lines.append(ByteRange(start: Int32(text.count), length: Int32(line.count)))
            text += line
        }
        let ingest = try millrace.session.beginIngest(into: "s", format: .json)
        ingest.take(text, lines, firstLine: 1)
        let isDone = Monitor(false)
        ingest.finish { _ in isDone.update { $0 = true } }
        isDone.wait(until: { $0 }, then: { _ in })
        return millrace
    }

    /// In the session that wrote them, the old rows are before a query that begins at the end, also those that were still on their way.
    @Test func whatWasAcknowledgedIsBeforeTheEnd() throws {
        for _ in 0..<3 {
            let millrace = try busy()
            _ = millrace.run("SET 'auto.offset.reset'='latest';")
            for sql in [
                "CREATE STREAM near AS SELECT k, v FROM s;", "CREATE STREAM far AS SELECT k, v FROM d;",
                "CREATE TABLE counts AS SELECT v, COUNT(*) AS n FROM d GROUP BY v;",
                "CREATE STREAM more (v INT) WITH (kafka_topic='m', value_format='JSON', partitions=1);",
                "INSERT INTO more SELECT v FROM d;",
            ] { #expect(millrace.run(sql).last?.hasPrefix("+") == true) }
            for value in [2, 3] { _ = millrace.run("INSERT INTO s VALUES ('x', \(value));") }
            for source in ["near", "far", "more", "counts"] {
                #expect(millrace.run("SELECT v FROM \(source);").filter { $0.hasPrefix(":") }.sorted() == [": [2]", ": [3]"], "\(source)")
            }
            millrace.close()
        }
    }

    /// What a statement with LIMIT 1 answers when it begins beside old rows, and another session inserts 2 once it has begun.
    private func answer(to sql: String) throws -> [String] {
        let millrace = try busy()
        let (rows, _) = millrace.start(sql)
        _ = rows.wait { !$0.isEmpty }
        _ = Millrace(sharing: millrace).run("INSERT INTO s VALUES ('x', 2);")
        defer { millrace.close() }
        return rows.wait { $0.last?.hasPrefix("+") == true }
    }

    @Test(arguments: ["s", "d"]) func aPushQueryBeginsBehindWhatWasAcknowledged(source: String) throws {
        let rows = try answer(to: "SELECT v FROM \(source) EMIT CHANGES LIMIT 1;")
        #expect(rows == ["= V INTEGER (changes)", ": [2]", "+ Limit Reached"])
    }

    @Test(arguments: ["s", "d"]) func printingBeginsBehindWhatWasAcknowledged(source: String) throws {
        let printed = try answer(to: "PRINT \(source) LIMIT 1;").filter { $0.contains("rowtime") }
        #expect(printed.count == 1 && printed[0].contains(#"\"V\":2}"#), "\(printed)")
    }

    @Test func earliestBeginsAtTheFirstRow() throws {
        let millrace = try busy()
        _ = millrace.run("SET 'auto.offset.reset'='earliest';")
        _ = millrace.run("CREATE TABLE counts AS SELECT v, COUNT(*) AS n FROM d GROUP BY v;")
        _ = millrace.run("INSERT INTO s VALUES ('x', 1);")
        #expect(millrace.run("SELECT n FROM counts WHERE v = 1;").contains(": [6001]"))
        #expect(millrace.run("SELECT v, COUNT(*) AS n FROM d GROUP BY v EMIT CHANGES LIMIT 1;").contains { $0.hasPrefix(": [1,") })
        millrace.close()
    }

    /// What lies between two pipelines of one query is never passed over: the second begins at the first record of the internal topic, also
    /// when it starts before it has committed anything.
    @Test func betweenPipelinesNothingIsPassedOver() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=2);")
        _ = millrace.run("SET 'auto.offset.reset'='latest'; CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;")
        _ = millrace.run("INSERT INTO s VALUES ('a', 7);")
        #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
        let topic = try #require(millrace.log.describeTopics().first { $0.name.hasSuffix("-repartition") })
        let used = try #require(topic.partitions.firstIndex { $0.bounds.durableEnd == 1 })
        #expect(topic.partitions[1 - used].bounds.durableEnd == 0)
        _ = millrace.run("PAUSE ALL;")
        // As if the first pipeline had written it and the server had then died.
        let run = try millrace.log.fetch(topic.id, partition: PartitionIndex(index: used), from: 0, maxBytes: .mebibytes(1), upTo: .durable)
        var records = OutgoingRecords()
        records.append(key: run.bytes(of: run.keys[0]), value: run.bytes(of: run.values[0]), timestamp: 0)
        let isDone = Monitor(false)
        let other = PartitionIndex(index: 1 - used)
        millrace.log.commit(Commit([Append(topic: topic.id, partition: other, records: records)])) { _ in isDone.update { $0 = true } }
        isDone.wait(until: { $0 }, then: { _ in })
        _ = millrace.run("RESUME ALL;")
        #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
        #expect(millrace.engine.queryStatuses.first?.counters.recordsRead == 3)
        millrace.close()
    }
}
