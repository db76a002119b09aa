// One limit for the state of all queries: who is paused, what goes on, and how a paused query comes back.

import Diagnostics
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Testing

private let earliest = "SET 'auto.offset.reset'='earliest';"

/// Each row of `s` becomes three thousand rows of `e` with keys of their own, whose counts take some 66 bytes each.
private let width = 3_000

private let sources = """
    \(earliest)
    CREATE STREAM s (k VARCHAR KEY, n BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
    CREATE STREAM e AS SELECT k, EXPLODE(GENERATE_SERIES(n * 3000, n * 3000 + 2999)) AS x FROM s;
    """

private let tables = """
    CREATE TABLE many AS SELECT x, COUNT(*) AS c FROM e GROUP BY x;
    CREATE TABLE few AS SELECT k, COUNT(*) AS c FROM e GROUP BY k;
    """

private let limit = "millrace.memory.limit"

extension Millrace {
    fileprivate func insert(_ numbers: Range<Int>) {
        for number in numbers { #expect(run("INSERT INTO s (k, n) VALUES ('a', \(number));").last?.hasPrefix("+") == true) }
    }

    /// The first line of an answer that has this text, once there is one.
    fileprivate func line(with text: String, of statement: String) -> String {
        while true { if let line = run(statement).first(where: { $0.contains(text) }) { return line } }
    }

    /// The rows of a table, once `few` has counted so many.
    fileprivate func rows(of table: String, after count: Int) -> [String] {
        _ = line(with: ": [\"a\",\(count)]", of: "SELECT * FROM few;")
        return run("SELECT * FROM \(table);").filter { $0.hasPrefix(":") }
    }

    fileprivate func id(of table: String) throws -> String { try #require(engine.catalog.sources[table]?.queryID) }
}

/// What a server without limit makes of so many rows.
private func expected(_ numbers: Range<Int>) throws -> [String] {
    let millrace = try Millrace(properties: [limit: "0"])
    defer { millrace.close() }
    _ = millrace.run(sources + tables)
    millrace.insert(numbers)
    let count = numbers.count * width
    while true {
        let rows = millrace.rows(of: "many", after: count)
        if rows.count == count { return rows }
    }
}

@Suite struct MemoryLimitTests {
    @Test(.timeLimit(.minutes(10))) func theQueryThatGrowsIsPausedAndComesBack() throws {
        let files = MemoryFileSystem()
        let lines = Monitor<[String]>([])
        let first = try Millrace(
            files: files, properties: [limit: "1M"], logLine: { level, line in if level == .error { lines.update { $0.append(line) } } })
        _ = first.run(sources + tables)
        let (many, few) = (try first.id(of: "MANY"), try first.id(of: "FEW"))
        first.insert(0..<8)
        // Why, wherever somebody may look.
        let notice = first.line(with: "paused by the server", of: "SHOW QUERIES;")
        #expect(notice.hasPrefix("? \(many) was paused by the server: the state of all queries would take more than \(limit) (1.0 MiB): it holds "))
        #expect(notice.contains("DROP or TERMINATE") && notice.contains("Aggregat"), "\(notice)")
        for statement in ["SHOW QUERIES EXTENDED;", "DESCRIBE many EXTENDED;", "EXPLAIN \(many);"] {
            #expect(first.run(statement).contains { $0.lowercased().contains("paused by the server: the state") }, "\(statement)")
        }
        #expect(lines.wait(until: { !$0.isEmpty }, then: { $0 }).first?.hasPrefix("event=query_paused query=\(many) reason=") == true)
        let metrics = first.engine.metrics()
        #expect(metrics.memoryLimit == 1 << 20 && metrics.queries.filter(\.isOverLimit).map(\.id) == [many])
        #expect(metrics.queries.first { $0.id == many }?.stores.isEmpty == false)
        // What it had made is still read, and everything else goes on.
        let held = first.run("SELECT * FROM many WHERE x = 7;")
        #expect(held.contains(": [7,1]") && held.contains { $0.hasPrefix("? the query \(many) was paused by the server") }, "\(held)")
        #expect(first.rows(of: "few", after: 8 * width).count == 1)
        first.insert(8..<9)
        #expect(first.rows(of: "few", after: 9 * width).count == 1)
        #expect(first.run("RESUME \(many);").last?.hasPrefix("- 53200 \(many) cannot be resumed: the state of all queries") == true)
        #expect(first.run("RESUME ALL;").contains { $0.hasPrefix("? \(many) stays paused: ") })
        #expect(first.line(with: many, of: "SHOW QUERIES;").contains("PAUSED:1"))
        first.close()
        try theServerStarts(files, many, few)
        // With more memory it goes on where it stood.
        let last = try Millrace(files: files, properties: [limit: "64M"])
        let all = try expected(0..<10)
        while last.rows(of: "many", after: 10 * width).count != all.count {}
        #expect(last.rows(of: "many", after: 10 * width) == all)
        #expect(last.run("RESUME \(many);").last?.hasPrefix("+") == true)
        last.close()
    }

    /// Not even what the query has fits: it is paused before it has restored that, and all else runs.
    private func theServerStarts(_ files: MemoryFileSystem, _ many: String, _ few: String) throws {
        let millrace = try Millrace(files: files, properties: [limit: "512K"])
        let notice = millrace.line(with: "\(many) was paused by the server", of: "SHOW QUERIES;")
        #expect(notice.contains("it had read back "), "\(notice)")
        #expect(millrace.run("SELECT * FROM many;").last?.contains("cannot be read: its query \(many) is PAUSED") == true)
        millrace.insert(9..<10)
        #expect(millrace.rows(of: "few", after: 10 * width).count == 1)
        #expect(millrace.engine.metrics().queries.filter { $0.state == "RUNNING" }.map(\.id).contains(few))
        millrace.close()
    }

    /// A query that fits is not the one to pay after a restart, however much of the memory it needs.
    @Test(.timeLimit(.minutes(10))) func whatDidNotFitComesLast() throws {
        let files = MemoryFileSystem()
        let first = try Millrace(files: files, properties: [limit: "2M"])
        _ = first.run(sources + tables.replacing("many", with: "large"))
        first.insert(0..<6)
        #expect(first.rows(of: "large", after: 6 * width).count == 6 * width)
        _ = first.run("\(earliest) CREATE TABLE grown AS SELECT x, COUNT(*) AS c, MAX(x) AS m, MIN(x) AS l FROM e GROUP BY x;")
        let (large, grown) = (try first.id(of: "LARGE"), try first.id(of: "GROWN"))
        let notice = first.line(with: "was paused by the server", of: "SHOW QUERIES;")
        #expect(notice.contains("? \(grown) was"), "\(notice)")
        while !first.engine.catalog.memoryPauses.contains(grown) {}
        first.close()
        for _ in 0..<2 {
            let again = try Millrace(files: files, properties: [limit: "2M"])
            _ = again.line(with: "\(grown) was paused by the server", of: "SHOW QUERIES;")
            #expect(again.rows(of: "large", after: 6 * width).count == 6 * width)
            #expect(again.engine.metrics().queries.first { $0.id == large }?.state == "RUNNING")
            again.close()
        }
        let last = try Millrace(files: files, properties: [limit: "0"])
        _ = last.line(with: ": [17999,1,17999,17999]", of: "SELECT * FROM grown WHERE x = 17999;")
        #expect(last.run("RESUME \(grown);").last?.hasPrefix("+") == true && last.engine.catalog.memoryPauses.isEmpty)
        #expect(last.run("DROP TABLE grown;").last?.hasPrefix("+") == true)
        last.close()
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["DROP TABLE many;", "TERMINATE"]) func memoryComesBack(statement: String) throws {
        let millrace = try Millrace(properties: [limit: "1M"])
        _ = millrace.run(sources + tables)
        let many = try millrace.id(of: "MANY")
        millrace.insert(0..<8)
        _ = millrace.line(with: "paused by the server", of: "SHOW QUERIES;")
        let before = millrace.engine.metrics().stateBytes
        #expect(before > 1 << 19)
        #expect(millrace.run(statement.hasPrefix("DROP") ? statement : "TERMINATE \(many);").last?.hasPrefix("+") == true)
        while millrace.engine.metrics().stateBytes > before / 4 {}
        // There is room for another one.
        _ = millrace.run("\(earliest) CREATE TABLE other AS SELECT x % 100 AS y, COUNT(*) AS c FROM e GROUP BY x % 100;")
        _ = millrace.line(with: ": [7,240]", of: "SELECT * FROM other;")
        millrace.close()
    }

    /// The memory of a query that fits by now.
    @Test(.timeLimit(.minutes(10))) func aQueryIsResumedWhenThereIsRoom() throws {
        let millrace = try Millrace(properties: [limit: "8M"])
        _ = millrace.run(sources + tables.replacing("many", with: "first"))
        millrace.insert(0..<6)
        while millrace.rows(of: "first", after: 6 * width).count != 6 * width {}
        // Its state alone, when it is whole: of what all hold, a part comes and goes.
        let first = try millrace.id(of: "FIRST")
        let each = try #require(millrace.engine.metrics().queries.first { $0.id == first }).stateBytes
        #expect(each > 1 << 19)
        _ = millrace.run(earliest)
        for number in 0..<(8 << 20) / each + 1 {
            _ = millrace.run("CREATE TABLE t\(number) AS SELECT x, COUNT(*) AS c FROM e GROUP BY x;")
        }
        let notice = millrace.line(with: "was paused by the server", of: "SHOW QUERIES;")
        let id = String(notice.dropFirst(2).prefix { $0 != " " })
        #expect(millrace.run("RESUME \(id);").last?.hasPrefix("- 53200") == true)
        for source in millrace.engine.catalog.sortedSources where source.queryID != id && source.name.hasPrefix("T") {
            #expect(millrace.run("DROP TABLE \(source.name);").last?.hasPrefix("+") == true)
        }
        _ = millrace.line(with: "+", of: "RESUME \(id);")
        let name = try #require(millrace.engine.catalog.sources.values.first { $0.queryID == id }?.name)
        while millrace.run("SELECT * FROM \(name);").count(where: { $0.hasPrefix(":") }) != 6 * width {}
        millrace.close()
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["EMIT CHANGES", ""]) func aClientsQueryEnds(emit: String) throws {
        let millrace = try Millrace(properties: [limit: "1M"])
        _ = millrace.run(sources)
        millrace.insert(0..<8)
        let (events, _) = millrace.start("SELECT x, COUNT(*) AS c FROM e GROUP BY x \(emit);")
        let answer = events.wait { $0.last?.hasPrefix("- ") == true || $0.last?.hasPrefix("+ ") == true }
        #expect(answer.last?.hasPrefix("- 53200 the state of all queries would take more than \(limit) (1.0 MiB): it holds ") == true, "\(answer.suffix(2))")
        while millrace.engine.metrics().stateBytes > 1 << 19 {}
        #expect(millrace.run("SELECT * FROM e LIMIT 1;").last == "+ Limit Reached")
        millrace.close()
    }

    @Test func theLimitIsListed() throws {
        for (text, bytes) in [("64M", "67108864"), ("0", "null"), ("-1", "null")] {
            let millrace = try Millrace(properties: [limit: text])
            #expect(millrace.run("SHOW LIMITS;").contains { $0.contains("bytes of the state of all queries\",\(bytes),") }, "\(text)")
            millrace.close()
        }
        let millrace = try Millrace()
        #expect(millrace.engine.metrics().memoryLimit ?? 0 > 1 << 20)
        millrace.close()
    }
}
