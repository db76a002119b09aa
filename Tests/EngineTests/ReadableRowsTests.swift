// The readable rows of tables over restarts: each there once, whatever the partitions of source and sink, and still followed by what comes.

import Engine
import LogStore
import Platform
import Quantities
import Testing

/// Numbers of partitions of source and sink.
struct Widths: Hashable, Sendable, CustomTestStringConvertible {
    var source: Int
    var sink: Int
    var testDescription: String { "\(source) to \(sink)" }
    static let all = (1...3).flatMap { source in (1...3).map { Widths(source: source, sink: $0) } }
}

extension Millrace {
    /// The rows of a bounded query once all queries have caught up.
    func settled(_ query: String) -> [String] {
        if !engine.drain(nanoseconds: 10_000_000_000) { Issue.record("the queries do not catch up") }
        return run(query).filter { !$0.hasPrefix("=") && !$0.hasPrefix("+") }
    }

    fileprivate func put(_ rows: [Int: Int]) {
        for (id, v) in rows { #expect(run("INSERT INTO src VALUES (\(id), \(v));") == ["+ 1 row inserted"]) }
    }

    /// A scan gives the rows in the order of the key, each once, and a question for one key gives just that row.
    fileprivate func check(_ table: String, _ expected: [Int: Int]) {
        #expect(settled("SELECT * FROM \(table);") == expected.sorted { $0.key < $1.key }.map { ": [\($0.key),\($0.value)]" })
        for id in 1...12 {
            #expect(settled("SELECT v FROM \(table) WHERE id = \(id);") == (expected[id].map { [": [\($0)]"] } ?? []))
        }
    }
}

/// The key format of the sink differs from the source's, so that its keys hash to other partitions.
@Test(arguments: Widths.all) func rowsOfATableSurviveARestart(widths: Widths) throws {
    let files = MemoryFileSystem()
    let first = try Millrace(files: files)
    _ = first.run("CREATE TABLE src (id INT PRIMARY KEY, v INT) WITH (kafka_topic='src', value_format='JSON', partitions=\(widths.source));")
    _ = first.run("CREATE TABLE t WITH (partitions=\(widths.sink), key_format='JSON') AS SELECT id, v FROM src WHERE v > 0;")
    var expected = Dictionary(uniqueKeysWithValues: (1...10).map { ($0, $0 * 10) })
    first.put(expected)
    first.check("t", expected)
    first.engine.close()

    let second = try Millrace(files: files)
    second.check("t", expected)
    let changes = [1: 7, 2: 8, 3: 9, 4: 0, 5: 0, 6: 0, 7: 0, 11: 5, 12: 6]
    second.put(changes)
    expected = expected.merging(changes) { $1 }.filter { $0.value > 0 }
    second.check("t", expected)
    second.engine.close()

    let third = try Millrace(files: files)
    third.put([8: 0, 4: 44])
    expected[8] = nil
    expected[4] = 44
    third.check("t", expected)
    third.engine.close()
}

@Test(arguments: Widths.all) func rowsOfAnAggregationSurviveARestart(widths: Widths) throws {
    let files = MemoryFileSystem()
    let first = try Millrace(files: files)
    _ = first.run("CREATE STREAM src (id INT KEY, v INT) WITH (kafka_topic='src', value_format='JSON', partitions=\(widths.source));")
    let with = "WITH (partitions=\(widths.sink), key_format='JSON')"
    _ = first.run("CREATE TABLE t \(with) AS SELECT id, SUM(v) AS v FROM src GROUP BY id HAVING SUM(v) > 0;")
    _ = first.run("CREATE TABLE w \(with) AS SELECT id, SUM(v) AS v FROM src WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY id;")
    let rows = Dictionary(uniqueKeysWithValues: (1...10).map { ($0, $0 * 10) })
    first.put(rows)
    first.check("t", rows)
    first.engine.close()

    let second = try Millrace(files: files)
    second.check("t", rows)
    #expect(second.settled("SELECT id FROM w;") == (1...10).map { ": [\($0)]" })
    second.put([1: 1, 2: -20, 12: 5])
    second.check("t", rows.merging([1: 11, 12: 5]) { $1 }.filter { $0.key != 2 })
    second.engine.close()
}

/// What a refused commit would have made of a row is not shown: the answer has what is durable, while the query waits for the disk.
@Test func rowsThatWereRolledBackAreNotShown() throws {
    let files = FaultyFileSystem(MemoryFileSystem())
    let millrace = try Millrace(files: files)
    _ = millrace.run("CREATE TABLE src (id INT PRIMARY KEY, n INT) WITH (kafka_topic='src', value_format='JSON', partitions=1);")
    // Output so large that it goes straight into its segment, where alone the disk is full.
    _ = millrace.run("CREATE TABLE large AS SELECT id, RPAD('', n, 'x') AS v FROM src;")
    _ = millrace.run("INSERT INTO src VALUES (1, 10);")
    #expect(millrace.settled("SELECT id, LEN(v) FROM large;") == [": [1,10]"])
    files.setFaults { $0.kind == .write && $0.path.contains("LARGE") ? .fail(.noSpace) : nil }
    #expect(millrace.run("INSERT INTO src VALUES (1, 5000000);") == ["+ 1 row inserted"])
    // A session that has written nothing waits for nobody's rows.
    let other = Millrace(sharing: millrace)
    // On a busy machine the answer also remarks that the query is in the middle of its large row.
    func answer() -> [String] { other.run("SELECT id, LEN(v) FROM large;").dropFirst().filter { !$0.hasPrefix("?") } }
    for _ in 0..<30 { #expect(answer() == [": [1,10]", "+ 1 rows"]) }
    let status = try #require(millrace.engine.queryStatuses.first)
    #expect(status.content.wait(nanoseconds: 10_000_000_000, until: { $0.obstacle != nil }, then: { $0.obstacle != nil }))
    for _ in 0..<30 { #expect(answer() == [": [1,10]", "+ 1 rows"]) }
    files.setFaults { _ in nil }
    #expect(millrace.settled("SELECT id, LEN(v) FROM large;") == [": [1,5000000]"])
    millrace.engine.close()
}

/// The topic of a windowed table keeps rows at least as long as the table has its windows, unless the statement says otherwise.
@Test func theTopicOfAWindowedTableKeepsItsWindows() throws {
    let millrace = try Millrace(files: MemoryFileSystem())
    _ = millrace.run("CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
    let week: Milliseconds = 604_800_000, month: Milliseconds = 2_592_000_000
    func retention(_ table: String, _ properties: String, _ window: String) -> Milliseconds? {
        let answer = millrace.run("CREATE TABLE \(table) \(properties) AS SELECT k, COUNT(*) AS n FROM s WINDOW \(window) GROUP BY k;")
        #expect(answer.last?.hasPrefix("+") == true, "\(answer)")
        return millrace.log.describeTopic(named: table.uppercased())?.config.retention
    }
    #expect(retention("t1", "", "TUMBLING (SIZE 1 SECOND)") == week)
    #expect(retention("t2", "", "TUMBLING (SIZE 1 SECOND, RETENTION 30 DAYS)") == month)
    #expect(retention("t3", "", "SESSION (1 SECOND, RETENTION 30 DAYS, GRACE PERIOD 1 SECOND)") == month)
    #expect(retention("t4", "WITH (RETENTION_MS=5000)", "HOPPING (SIZE 2 SECONDS, ADVANCE BY 1 SECOND, RETENTION 30 DAYS)") == 5000)
    millrace.engine.close()
}
