// A query over MILLRACE_ERRORS whose own rows fail writes nothing there that it would read again.

import Testing

@Test func aQueryOverErrorsDoesNotFeedItself() throws {
    let millrace = try Millrace()
    for statement in [
        "CREATE STREAM a (k INT KEY, v INT) WITH (kafka_topic='a', value_format='JSON', partitions=1);",
        "CREATE STREAM b AS SELECT k, 1 / v AS x FROM a;",
        "CREATE STREAM e AS SELECT 1 / (`OFFSET` - `OFFSET`) AS x, `QUERY` AS q FROM MILLRACE_ERRORS;", "INSERT INTO a VALUES (1, 0);",
    ] {
        #expect(millrace.run(statement).last?.hasPrefix("+") == true)
    }
    #expect(millrace.settled("SELECT q FROM e;") == [#": ["CSAS_B_0"]"#])
    #expect(millrace.settled("SELECT COUNT(*) FROM MILLRACE_ERRORS;") == [": [1]"])
    millrace.engine.close()
}

/// A row that looks at itself waits for none.
@Test func leadOfNoDistanceIsTheRow() throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE STREAM s (k INT KEY, x INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
    _ = millrace.run("CREATE STREAM q AS SELECT k, LEAD(x, 0) OVER (PARTITION BY k) AS l FROM s;")
    _ = millrace.run("INSERT INTO s VALUES (1, 5), (1, 6);")
    #expect(millrace.settled("SELECT l FROM q;") == [": [5]", ": [6]"])
    millrace.engine.close()
}
