// State larger than the memory limit: the groups of a query go to disk, and nobody notices but by the speed.

import Diagnostics
import Engine
import Foundation
import LogStore
import Pipelines
import Platform
import Quantities
import Spill
import Testing

private let limit = "millrace.memory.limit"
private let earliest = "SET 'auto.offset.reset'='earliest';"

/// Each row of `s` becomes three thousand rows of `e` with keys of their own, whose counts take some 66 bytes each.
private let width = 3_000

private let sources = """
    \(earliest)
    CREATE STREAM s (k VARCHAR KEY, n BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
    CREATE STREAM e AS SELECT k, n, EXPLODE(GENERATE_SERIES(n * 3000, n * 3000 + 2999)) AS x FROM s;
    """

private let tables = """
    CREATE TABLE many AS SELECT x, COUNT(*) AS c, SUM(n) AS total FROM e GROUP BY x;
    CREATE TABLE few AS SELECT k, COUNT(*) AS c FROM e GROUP BY k;
    """

/// Tables on a disk, and how many of them there are.
private final class Tables: Sendable {
    private let made = Monitor<[WeakTable]>([])

    private final class WeakTable: @unchecked Sendable {
        // Set once.
        weak var table: RunTable?
        init(_ table: RunTable) { self.table = table }
    }

    func folder(isFull: Bool = false) -> SpillFolder {
        let files = FaultyFileSystem(MemoryFileSystem()) { isFull && $0.kind == .write ? .fail(.noSpace) : nil }
        return SpillFolder(files: files, directory: "/spill") { [made] path, sectionBytes in
            let table = RunTable(path: path, sectionBytes: sectionBytes, files: files)
            made.update { $0.append(WeakTable(table)) }
            return table
        }
    }

    var count: Int { made.withLock { $0.count { $0.table != nil } } }
    var everMade: Int { made.withLock { $0.count } }
}

extension Millrace {
    fileprivate func insert(_ numbers: some Sequence<Int>, key: String = "a") {
        for number in numbers { #expect(run("INSERT INTO s (k, n) VALUES ('\(key)', \(number));").last?.hasPrefix("+") == true) }
    }

    /// The first line of an answer that has this text, once there is one.
    fileprivate func line(with text: String, of statement: String) -> String {
        while true { if let line = run(statement).first(where: { $0.contains(text) }) { return line } }
    }

    /// The rows of `many`, once its counts have this sum.
    fileprivate func rows(after count: Int) -> [String] {
        while true {
            let rows = run("SELECT * FROM many;").filter { $0.hasPrefix(":") }
            if rows.reduce(0, { $0 + (Int($1.split(separator: ",")[1]) ?? 0) }) == count { return rows }
        }
    }

    fileprivate func id(of table: String) throws -> String { try #require(engine.catalog.sources[table]?.queryID) }

    fileprivate func metrics(of id: String) throws -> EngineMetrics.Query { try #require(engine.metrics().queries.first { $0.id == id }) }
}

/// What a server without limit makes of these rows.
private func expected(_ numbers: [Int]) throws -> [String] {
    let millrace = try Millrace(properties: [limit: "0"])
    defer { millrace.close() }
    _ = millrace.run(sources + tables)
    millrace.insert(numbers)
    return millrace.rows(after: numbers.count * width)
}

@Suite struct SpillTests {
    /// Some of the keys come again after they went to disk.
    @Test(.timeLimit(.minutes(10)), arguments: [false, true]) func aQueryGoesOnAndComesBack(takesSnapshots: Bool) throws {
        let numbers = Array(0..<12) + [0, 5, 3, 11, 12, 1]
        let all = try expected(numbers)
        let files = MemoryFileSystem()
        let snapshots = takesSnapshots ? SnapshotFolder(files: files, directory: "/snapshots", changesBetween: 5_000) : nil
        let spilled = Tables()
        let logged = Monitor<[String]>([])
        func start() throws -> Millrace {
            try Millrace(files: files, properties: [limit: "1M"], snapshots: snapshots, spills: spilled.folder()) { _, line in
                logged.update { $0.append(line) }
            }
        }
        var millrace = try start()
        _ = millrace.run(sources + tables)
        let many = try millrace.id(of: "MANY")
        for (place, number) in numbers.enumerated() {
            millrace.insert([number])
            guard place == 8 || place == 14 else { continue }
            _ = millrace.rows(after: (place + 1) * width)
            #expect(try spilled.count == 1 && millrace.metrics(of: many).diskBytes > 0)
            millrace.close()
            millrace = try start()
        }
        #expect(logged.withLock { $0.contains { $0.hasPrefix("event=state_goes_to_disk query=\(many) store=") } })
        #expect(millrace.rows(after: numbers.count * width) == all)
        #expect(try millrace.metrics(of: many).state == "RUNNING" && millrace.metrics(of: many).diskBytes > 0)
        #expect(try millrace.metrics(of: many).stateBytes < 1 << 20)
        // By key, by several, and where there is nothing.
        for key in [0, 7_777, 35_999] { #expect(millrace.run("SELECT * FROM many WHERE x = \(key);").filter { $0.hasPrefix(":") } == [all[key]]) }
        #expect(millrace.run("SELECT * FROM many WHERE x IN (1, 20000, 1, -1);").filter { $0.hasPrefix(":") } == [all[1], all[20_000]])
        #expect(millrace.run("SELECT x FROM many WHERE x >= 35990 AND x < 36010;").count { $0.hasPrefix(":") } == 20)
        let counters = millrace.line(with: "state on disk", of: "SHOW QUERIES EXTENDED;")
        #expect(counters.contains(many), "\(counters)")
        #expect(millrace.run("EXPLAIN \(many);").contains { $0.contains("state on disk") })
        // What it has on disk goes with it.
        #expect(millrace.run("DROP TABLE many;").last?.hasPrefix("+") == true)
        while spilled.count > 0 {}
        millrace.close()
    }

    /// The two that have most take turns; a third one that has little, and one that cannot go to disk, are let alone.
    @Test(.timeLimit(.minutes(10))) func severalShareTheMemory() throws {
        let spilled = Tables()
        let millrace = try Millrace(properties: [limit: "1M"], spills: spilled.folder())
        _ = millrace.run(sources + tables)
        _ = millrace.run("CREATE TABLE again AS SELECT x, COUNT(*) AS c, SUM(n) AS total FROM e GROUP BY x;")
        millrace.insert(0..<10)
        let rows = millrace.rows(after: 10 * width)
        while millrace.run("SELECT * FROM again;").filter({ $0.hasPrefix(":") }) != rows {}
        #expect(spilled.count == 2 && millrace.run("SELECT * FROM few;").contains(": [\"a\",\(10 * width)]"))
        #expect(millrace.engine.metrics().queries.allSatisfy { $0.state == "RUNNING" })
        millrace.close()
        while spilled.count > 0 {}
    }

    /// What cannot go to disk is paused as ever, with what could be there on disk.
    @Test(.timeLimit(.minutes(10))) func whatCannotGoIsPaused() throws {
        let millrace = try Millrace(properties: [limit: "1M"], spills: Tables().folder())
        _ = millrace.run(sources + tables)
        _ = millrace.run("CREATE TABLE visits AS SELECT x, COUNT(*) AS c FROM e WINDOW SESSION (10 SECONDS) GROUP BY x;")
        let visits = try millrace.id(of: "VISITS")
        millrace.insert(0..<12)
        let notice = millrace.line(with: "paused by the server", of: "SHOW QUERIES;")
        #expect(notice.hasPrefix("? \(visits) was paused by the server: the state of all queries would take more than"), "\(notice)")
        #expect(millrace.rows(after: 12 * width).count == 12 * width)
        #expect(try millrace.metrics(of: millrace.id(of: "MANY")).state == "RUNNING")
        millrace.close()
    }

    /// A query whose state finds no room on disk stops with the reason, all others go on.
    @Test(.timeLimit(.minutes(10))) func aFullDiskStopsOneQuery() throws {
        let millrace = try Millrace(properties: [limit: "1M"], spills: Tables().folder(isFull: true))
        _ = millrace.run(sources + tables)
        let many = try millrace.id(of: "MANY")
        millrace.insert(0..<12)
        let line = millrace.line(with: "could not be kept on disk", of: "SHOW QUERIES EXTENDED;")
        #expect(line.contains(many) && line.contains("ERROR"), "\(line)")
        _ = millrace.line(with: ": [\"a\",\(12 * width)]", of: "SELECT * FROM few;")
        #expect(millrace.run("DROP TABLE many;").last?.hasPrefix("+") == true)
        millrace.close()
    }

    /// A table that is in nobody's way stays in memory: nothing is made on disk.
    @Test(.timeLimit(.minutes(10))) func whatFitsStays() throws {
        let spilled = Tables()
        let millrace = try Millrace(properties: [limit: "64M"], spills: spilled.folder())
        _ = millrace.run(sources + tables)
        millrace.insert(0..<6)
        #expect(millrace.rows(after: 6 * width).count == 6 * width && spilled.everMade == 0)
        millrace.close()
    }

    /// Windows go with their retention, wherever they are.
    @Test(.timeLimit(.minutes(10))) func windowsExpire() throws {
        let spilled = Tables()
        let files = MemoryFileSystem()
        var millrace = try Millrace(files: files, properties: [limit: "512K"], spills: spilled.folder())
        _ = millrace.run(
            """
            \(earliest)
            CREATE STREAM s (k VARCHAR KEY, n BIGINT, t BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1, TIMESTAMP='t');
            CREATE STREAM e AS SELECT k, n, EXPLODE(GENERATE_SERIES(0, 2999)) AS x FROM s;
            CREATE TABLE many AS SELECT x, COUNT(*) AS c, SUM(n) AS total FROM e
                WINDOW TUMBLING (SIZE 10 SECONDS, RETENTION 50 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY x;
            """)
        /// All rows, once the newest window has all of its own.
        func windows() -> [String: Int] {
            let rows = millrace.run("SELECT WINDOWSTART, x, c FROM many;").filter { $0.hasPrefix(": [") }
            return Dictionary(grouping: rows) { String($0.dropFirst(3).prefix { $0 != "," }) }.mapValues(\.count)
        }
        for number in 0..<14 {
            #expect(millrace.run("INSERT INTO s VALUES ('a', \(number), \(number * 10_000));").last?.hasPrefix("+") == true)
            _ = millrace.line(with: ": [2999,1,\(number)]", of: "SELECT x, c, total FROM many WHERE x = 2999 AND WINDOWSTART = \(number * 10_000);")
            guard number % 4 == 1 else { continue }
            let first = max(0, number - 5)
            #expect(windows() == Dictionary(uniqueKeysWithValues: (first...number).map { ("\($0 * 10_000)", width) }), "\(number)")
            guard number == 9 else { continue }
            #expect(spilled.count == 1)
            millrace.close()
            millrace = try Millrace(files: files, properties: [limit: "512K"], spills: spilled.folder())
        }
        #expect(spilled.count == 1)
        millrace.close()
    }
}
