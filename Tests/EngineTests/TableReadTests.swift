// Bounded queries over tables: the way that is chosen, the rows that come, and their order.

import Bytes
import Engine
import LogStore
import Platform
import TestSupport
import Testing

/// A query's way and its rows: `EXPLAIN`'s line of access, then the answer without its head.
private func accessAndRows(_ millrace: Millrace, _ sql: String) -> String {
    let statements = sql.split(separator: "\n").map(String.init)
    var lines: [String] = []
    for statement in statements where !statement.hasPrefix("--") {
        if statement.hasPrefix("SELECT") {
            lines += millrace.run("EXPLAIN " + statement).filter { $0.contains("Access: ") || $0.hasPrefix("- ") }
            lines += millrace.run(statement).filter { !$0.hasPrefix("=") }
        } else {
            lines += millrace.run(statement).filter { $0.hasPrefix("- ") }
        }
    }
    return lines.joined(separator: "\n")
}

@Test func accessPaths() throws {
    let millrace = try Millrace()
    try checkGolden("access") { accessAndRows(millrace, $0) }
    millrace.engine.close()
}

/// The refusals of ksqlDB's own cases, in its words.
@Test func accessPathsUnderTheLimitsOfKsqlDB() throws {
    let millrace = try Millrace(properties: ["millrace.bounded.queries": "ksqldb", "ksql.query.pull.table.scan.enabled": "false"])
    try checkGolden("access-ksqldb") { accessAndRows(millrace, $0) }
    millrace.engine.close()
}

/// Somebody else wrote the keys of a SOURCE TABLE: one key may be written in more than one way.
@Test func keysOfAnotherHandAreFoundByTheirMeaning() throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE SOURCE TABLE t (a INT PRIMARY KEY, b STRING PRIMARY KEY, v INT) WITH (kafka_topic='t', format='JSON', partitions=1);")
    let topic = try #require(millrace.log.describeTopic(named: "t"))
    var records = OutgoingRecords()
    records.append(key: Array(#"{ "B" : "x", "A" : 1 }"#.utf8), value: Array(#"{"V":7}"#.utf8), timestamp: 0)
    records.append(key: Array(#"{"A":2,"B":"x"}"#.utf8), value: Array(#"{"V":8}"#.utf8), timestamp: 0)
    let isDone = Monitor(false)
    millrace.log.commit(Commit([Append(topic: topic.id, partition: 0, records: records)])) { _ in isDone.update { $0 = true } }
    isDone.wait(until: { $0 }, then: { _ in })
    #expect(millrace.engine.drain(nanoseconds: 5_000_000_000))
    #expect(millrace.run("SELECT * FROM t WHERE a = 1 AND b = 'x';").dropFirst() == [#": [1,"x",7]"#, "+ 1 rows"])
    #expect(millrace.run("SELECT * FROM t WHERE a IN (2, 3) AND b = 'x';").dropFirst() == [#": [2,"x",8]"#, "+ 1 rows"])
    millrace.engine.close()
}

/// Rows of all partitions come as those of one would.
@Test(arguments: [1, 3]) func theOrderIsThatOfTheKeyWhateverThePartitions(partitions: Int) throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=\(partitions));")
    _ = millrace.run("CREATE TABLE t AS SELECT id, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 10 MILLISECONDS) GROUP BY id;")
    for id in [5, -3, 100, 20, -40] {
        _ = millrace.run("INSERT INTO s (rowtime, id, v) VALUES (15, \(id), 1);")
        _ = millrace.run("INSERT INTO s (rowtime, id, v) VALUES (5, \(id), 1);")
    }
    let all = [-40, -3, 5, 20, 100].flatMap { [": [\($0),0]", ": [\($0),10]"] }
    #expect(Array(millrace.run("SELECT id, windowstart FROM t;").dropFirst()) == all + ["+ 10 rows"])
    #expect(Array(millrace.run("SELECT id, windowstart FROM t LIMIT 3;").dropFirst()) == all.prefix(3) + ["+ 3 rows"])
    #expect(millrace.run("SELECT id, windowstart FROM t WHERE id >= 5 AND id < 100 AND windowstart < 10;").dropFirst() == [
        ": [5,0]", ": [20,0]", "+ 2 rows",
    ])
    millrace.engine.close()
}

/// Keys that come and go stay in order, and ids that are used again are not mistaken.
@Test func keysThatGoAndComeAgain() throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE TABLE src (id INT PRIMARY KEY, v INT) WITH (kafka_topic='src', format='JSON', partitions=1);")
    _ = millrace.run("CREATE TABLE t AS SELECT id, v FROM src WHERE v > 0;")
    func put(_ id: Int, _ v: Int) { _ = millrace.run("INSERT INTO src VALUES (\(id), \(v));") }
    func ids(_ condition: String) -> [String] {
        millrace.run("SELECT id FROM t WHERE \(condition);").filter { $0.hasPrefix(":") }.map { String($0.dropFirst(3).dropLast()) }
    }
    for id in 1...6 { put(id, 1) }
    #expect(ids("id > 2") == ["3", "4", "5", "6"])
    put(4, 0)
    put(9, 1)
    put(-1, 1)
    #expect(ids("id > 2") == ["3", "5", "6", "9"])
    #expect(ids("id <= 2") == ["-1", "1", "2"])
    put(4, 1)
    put(9, 0)
    #expect(ids("id BETWEEN 3 AND 9") == ["3", "4", "5", "6"])
    #expect(ids("id = 4 OR id = -1") == ["-1", "4"])
    millrace.engine.close()
}

/// A row whose value cannot be computed is counted in the answer.
@Test func rowsThatFailInABoundedQueryAreCounted() throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE TABLE src (id INT PRIMARY KEY, v INT) WITH (kafka_topic='src', format='JSON', partitions=1);")
    _ = millrace.run("CREATE TABLE t AS SELECT id, v FROM src;")
    for (id, v) in [(1, 0), (2, 5)] { _ = millrace.run("INSERT INTO src VALUES (\(id), \(v));") }
    let collector = EventCollector()
    let isDone = Monitor(false)
    millrace.session.execute("SELECT id, 10 / v AS x FROM t WHERE 10 / v > 0;", into: collector) { _ in isDone.update { $0 = true } }
    isDone.wait(until: { $0 }, then: { _ in })
    #expect(collector.soFar.dropFirst() == [": [2,2]", "+ 1 rows"])
    #expect(collector.skipped == 1)
    millrace.engine.close()
}
