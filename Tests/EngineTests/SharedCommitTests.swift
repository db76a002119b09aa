// Several queries' work in one commit: what is wrong with one of them is no fault of the others.

import Engine
import LogStore
import Testing

@Test func onlyTheGuiltyQueryFails() throws {
    // One worker has the tasks of all queries, and what they do is due together.
    let millrace = try Millrace(workers: 1)
    _ = millrace.run("CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=2);")
    for name in ["a", "b", "c"] { _ = millrace.run("CREATE STREAM \(name) AS SELECT k, v FROM s;") }
    _ = millrace.run("CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;")
    _ = millrace.run("INSERT INTO s VALUES (1, 0);")
    #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
    let topic = try #require(millrace.log.describeTopic(named: "B"))
    try millrace.log.deleteTopic(topic.id)
    for v in 1...20 { #expect(millrace.run("INSERT INTO s VALUES (\(v % 3), \(v));") == ["+ 1 row inserted"]) }
    #expect(millrace.engine.drain(nanoseconds: 10_000_000_000))
    let states = Dictionary(uniqueKeysWithValues: millrace.engine.queryStatuses.map { (String($0.queryID.prefix(7)), $0.state.name) })
    #expect(states == ["CSAS_A_": "RUNNING", "CSAS_B_": "ERROR", "CSAS_C_": "RUNNING", "CTAS_CO": "RUNNING"])
    for name in ["a", "c"] { #expect(millrace.run("SELECT v FROM \(name);").last == "+ 21 rows") }
    #expect(millrace.run("SELECT n FROM counts;").filter { $0.hasPrefix(":") } == [": [6]", ": [8]", ": [7]"])
    millrace.engine.close()
}
