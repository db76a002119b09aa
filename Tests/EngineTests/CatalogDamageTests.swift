// A catalog that cannot be read whole: the start says so and shows what can be read; nothing is started, changed or deleted on the
// ground of it, and with the catalog restored everything is as it was.

import Engine
import LogStore
import Platform
import Plans
import TestSupport
import Testing

@Suite struct CatalogDamageTests {
    private static let segment = "/data/log/__millrace_catalog-0/00000000000000000000.log"

    /// A data directory with a stream, a table and a stream of queries, and a query that was terminated.
    private func prepared() throws -> MemoryFileSystem {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files, pushStart: "earliest")
        for sql in [
            "CREATE STREAM s (id INT KEY, g INT) WITH (kafka_topic='s', format='JSON', partitions=2);",
            "CREATE TABLE t AS SELECT g, COUNT(*) AS n FROM s GROUP BY g;", "CREATE STREAM d AS SELECT id, g FROM s;",
            "INSERT INTO s VALUES (1, 1);", "CREATE STREAM e AS SELECT id, g FROM s;", "DROP STREAM d DELETE TOPIC;",
        ] {
            #expect(millrace.run(sql).last?.hasPrefix("+") == true)
        }
        #expect(millrace.engine.drain(nanoseconds: 20_000_000_000))
        millrace.close()
        return files
    }

    /// Every byte of the catalog's segment, some in a short run.
    @Test func aDamagedCatalogIsSaidAndLeftAlone() throws {
        let files = try prepared()
        let whole = try files.contents(of: Self.segment)
        let topics = try topicNames(files)
        var sawLaterOnes = false
        for position in stride(from: 0, to: whole.count, by: 97) {
            let lines = Monitor<[String]>([])
            try FaultyFileSystem(files).flipBit(2, ofByteAt: Int64(position), in: Self.segment)
            let damaged = try files.contents(of: Self.segment)
            let millrace = try Millrace(files: files, logLine: { _, line in lines.update { $0.append(line) } })
            let isNoticed = lines.withLock { $0.contains { $0.contains("event=catalog_damaged") && $0.contains("__millrace_catalog-0") } }
            if !isNoticed {
                // The leader's epoch is in no checksum, and read by nobody.
                #expect(millrace.run("SHOW QUERIES;").filter { $0.hasPrefix(":") }.count == 2, "byte \(position)")
            } else {
                for subject in ["STREAMS", "TABLES", "QUERIES", "TYPES"] {
                    #expect(millrace.run("SHOW \(subject);").contains { $0.hasPrefix("? part of the catalog could not be read") })
                }
                for status in millrace.engine.queryStatuses { #expect(status.state.name == "PAUSED", "byte \(position)") }
                sawLaterOnes = sawLaterOnes || millrace.engine.catalog.sources["S"] == nil && millrace.engine.catalog.sources["E"] != nil
                for sql in ["CREATE STREAM x AS SELECT * FROM e;", "DROP STREAM e;", "RESUME ALL;"] {
                    #expect(millrace.run(sql).last?.hasPrefix("- ") == true, "byte \(position): \(sql)")
                }
                #expect(try files.contents(of: Self.segment) == damaged, "byte \(position)")
            }
            millrace.close()
            #expect(try topicNames(files) == topics, "byte \(position)")
            try files.replace(Self.segment, with: whole)
        }
        #expect(sawLaterOnes, "what stands behind the damage is read")
        let millrace = try Millrace(files: files)
        #expect(millrace.run("INSERT INTO s VALUES (2, 1);").last == "+ 1 row inserted")
        #expect(millrace.engine.drain(nanoseconds: 20_000_000_000))
        #expect(millrace.run("SELECT n FROM t;").contains(": [2]"))
        millrace.close()
    }

    private func topicNames(_ files: MemoryFileSystem) throws -> [String] {
        try files.list("/data/topics").filter { $0.hasSuffix(".topic") }
    }

    /// Without the catalog's definition, or without the whole topic, nothing begins anew over what is there.
    @Test func aCatalogThatIsGoneIsNotBegunAnew() throws {
        for isWhole in [true, false] {
            let files = try prepared()
            for suffix in [".topic", ".topic.copy"] { try files.removeFile("/data/topics/__millrace_catalog" + suffix) }
            if isWhole { try files.removeTree("/data/log/__millrace_catalog-0") }
            let before = try topicNames(files)
            #expect { _ = try Millrace(files: files) } throws: { "\($0)".contains("__millrace_catalog") }
            #expect(try topicNames(files) == before)
            #expect(isWhole || files.exists(Self.segment))
        }
    }

    /// A topic whose definition is gone is not taken for one that never was.
    @Test func aStatementDoesNotWriteOverATopicWithoutDefinition() throws {
        let files = try prepared()
        let segments = (0..<2).map { "/data/log/E-\($0)/00000000000000000000.log" }
        let first = try Millrace(files: files)
        #expect(first.run("TERMINATE CSAS_E_2;").last?.hasPrefix("+") == true, "\(first.run("SHOW QUERIES;"))")
        #expect(first.run("DROP STREAM e;").last?.hasPrefix("+") == true)
        first.close()
        // The row is in one of the partitions; the other has nothing to lose.
        let path = try #require(segments.first { (try? files.contents(of: $0).isEmpty) == false })
        let bytes = try files.contents(of: path)
        for definition in ["/data/topics/E.topic", "/data/topics/E.topic.copy"] { try files.removeFile(definition) }
        let millrace = try Millrace(files: files)
        for sql in [
            "CREATE STREAM e (id INT KEY, g INT) WITH (kafka_topic='E', format='JSON', partitions=2);",
            "CREATE STREAM e AS SELECT * FROM s;",
        ] {
            let answer = millrace.run(sql).last ?? ""
            #expect(answer.hasPrefix("- ") && answer.contains("E-"), "\(answer)")
        }
        #expect(try files.contents(of: path) == bytes)
        millrace.close()
    }
}
