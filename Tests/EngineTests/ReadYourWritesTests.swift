import Testing

/// A query over rows that were there is part of what a session has done: its answer is whole, table by table, however the partitions'
/// tasks come to run.
@Test func aSessionReadsWhatItsOwnQueriesMadeOfOldRows() throws {
    for _ in 0..<20 {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM v (k VARCHAR KEY, v BIGINT) WITH (kafka_topic='v', value_format='JSON', partitions=2);")
        for (key, value) in [("a", 5), ("b", 7), ("c", 7)] { _ = millrace.run("INSERT INTO v VALUES ('\(key)', \(value));") }
        for name in ["one", "two", "three"] {
            _ = millrace.run("CREATE TABLE \(name) AS SELECT v, COUNT(*) AS n FROM v GROUP BY v;")
            #expect(millrace.run("SELECT v, n FROM \(name);").filter { $0.hasPrefix(":") }.sorted() == [": [5,1]", ": [7,2]"])
        }
        millrace.engine.close()
    }
}
