// What whole scripts for ksqlDB have in them beside its grammar: the ways of older shells, its names for columns, statements for Kafka Connect.

import Testing

@Suite struct KsqlScriptTests {
    private static let stream = "CREATE STREAM s (id INT KEY, k STRING, v BIGINT, a ARRAY<STRING>) WITH (kafka_topic='s', value_format='JSON', partitions=1);"

    private func lines(_ sql: String, after first: String = stream) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(first)
        return millrace.run(sql)
    }

    @Test func aBackslashAtTheEndOfALineIsABlank() throws {
        #expect(try lines("CREATE STREAM x \\\n AS SELECT * \\  \r\n FROM s;").last?.hasPrefix("+ Created query") == true)
        // Elsewhere it is nothing that SQL knows.
        #expect(try lines("SELECT 1 \\ + 1;").last?.hasPrefix("- 42601") == true)
        #expect(try lines("INSERT INTO s (id, k) VALUES (1, 'a\\\nb'); SELECT k FROM s;").contains(#": ["a\\\nb"]"#))
    }

    @Test(arguments: [
        #"SET "auto.offset.reset"="earliest";"#, #"SET 'auto.offset.reset'="earliest";"#, "DESCRIBE EXTENDED s;",
        #"CREATE STREAM y (a INT) WITH (KAFKA_TOPIC="y", VALUE_FORMAT="JSON", PARTITIONS=1);"#, "DROP CONNECTOR IF EXISTS c;", "SHOW CONNECTORS;",
        "SHOW CONNECTOR PLUGINS;", "CREATE SINK CONNECTOR c WITH ('topics'='s');",
    ])
    func olderForms(sql: String) throws {
        #expect(try lines(sql).last?.hasPrefix("+") == true)
        let strict = try lines("SET 'millrace.dialect'='ksqldb';" + sql)
        #expect(strict.last?.hasPrefix("-") == true, "\(strict)")
    }

    @Test(arguments: ["ksql.streams.producer.linger.ms", "consumer.max.poll.records", "max.poll.records", "metadata.max.age.ms"])
    func settingsOfClientsOfKafka(name: String) throws {
        let answer = try lines("SET '\(name)'='5';")
        #expect(answer.first?.hasPrefix("? \(name) is accepted") == true && answer.last?.hasPrefix("+") == true, "\(answer)")
    }

    @Test func aConnectorIsNotMadeInSilence() throws {
        let answer = try lines("CREATE SOURCE CONNECTOR IF NOT EXISTS `c` WITH ('connector.class'='x', \"mode\"='bulk');")
        #expect(answer.first?.hasPrefix("? the source connector c was not made") == true)
        #expect(try lines("DROP CONNECTOR c;").last == "- 0A000 Millrace runs no connectors")
        #expect(try lines("DESCRIBE CONNECTOR c;").last == "- 0A000 Millrace runs no connectors")
    }

    /// ksqlDB counts columns without a name; a query made for it finds them by those names, whatever they are called here.
    @Test(arguments: [
        ("SELECT id, UCASE(k), v + 1 FROM s", "KSQL_COL_0", "[\"A\"]"), ("SELECT id, UCASE(k), v + 1 FROM s", "KSQL_COL_1", "[6]"),
        ("SELECT *, UCASE(k) FROM s", "KSQL_COL_0", "[\"A\"]"), ("SELECT id, LCASE(k), k, v, UCASE(k) FROM s", "KSQL_COL_1", "[\"A\"]"),
    ])
    func generatedNames(query: String, name: String, row: String) throws {
        let answer = try lines("CREATE STREAM x AS \(query); INSERT INTO s (id, k, v) VALUES (1, 'a', 5); SELECT \(name) FROM x;")
        #expect(answer.contains(": " + row), "\(answer)")
        // And in continuous queries, by the same name.
        #expect(try lines("CREATE STREAM x AS \(query); CREATE STREAM y AS SELECT id, \(name) AS c FROM x WHERE \(name) IS NOT NULL;").last?.hasPrefix("+") == true)
    }

    @Test func aColumnOfThatNameGoesFirst() throws {
        let answer = try lines(
            "CREATE STREAM x AS SELECT id, UCASE(k), v AS KSQL_COL_0 FROM s; INSERT INTO s (id, k, v) VALUES (1, 'a', 5); SELECT KSQL_COL_0 FROM x;")
        #expect(answer.contains(": [5]"))
        #expect(try lines("CREATE STREAM x AS SELECT id, k FROM s; SELECT KSQL_COL_0 FROM x;").last?.hasPrefix("- 42703") == true)
    }

    @Test func partitionByTakesAnAlias() throws {
        let answer = try lines("CREATE STREAM x AS SELECT k + '/' + k AS twice, v FROM s PARTITION BY twice; INSERT INTO s (id, k, v) VALUES (1, 'a', 5); SELECT * FROM x;")
        #expect(answer.contains(#": ["a/a",5]"#), "\(answer)")
        let described = try lines("CREATE STREAM x AS SELECT k + '/' + k AS twice, v FROM s PARTITION BY twice; DESCRIBE x;")
        #expect(described.contains(#": ["TWICE","STRING  (key)"]"#), "\(described)")
    }

    /// A number in GROUP BY is a place in the list, unless it is in the list itself: then it is ksqlDB's way to make one group.
    @Test func oneGroupOfAllRows() throws {
        let answer = try lines("CREATE TABLE x AS SELECT COUNT(*) AS c, 1 AS one FROM s GROUP BY 1; INSERT INTO s (id) VALUES (7); SELECT one, c FROM x;")
        #expect(answer.contains(": [1,1]"), "\(answer)")
        let byPlace = try lines("CREATE TABLE x AS SELECT id, COUNT(*) AS c FROM s GROUP BY 1; INSERT INTO s (id) VALUES (7); SELECT id, c FROM x;")
        #expect(byPlace.contains(": [7,1]"), "\(byPlace)")
    }

    @Test func anArrayWithoutElementsTakesTheTypeOfItsColumn() throws {
        #expect(try lines("INSERT INTO s (id, a) VALUES (1, ARRAY[]); SELECT a FROM s;").contains(": [[]]"))
        #expect(try lines("INSERT INTO s (id, v) VALUES (1, ARRAY[]);").last?.hasPrefix("- 42804 Array constructor cannot be empty") == true)
    }

    /// A table that rows are only joined with does not make them: feeding it back ends.
    @Test func aTableThatIsLookedUpMayBeFedBack() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run(
            """
            CREATE STREAM common (id INT KEY, state STRING, n INT) WITH (kafka_topic='common', value_format='JSON', partitions=1);
            CREATE STREAM cancelled (id INT KEY, state STRING) WITH (kafka_topic='cancelled', value_format='JSON', partitions=1);
            CREATE TABLE last AS SELECT id, LATEST_BY_OFFSET(n) AS n FROM common GROUP BY id;
            INSERT INTO common SELECT c.id AS id, c.state AS state, l.n AS n FROM cancelled c LEFT JOIN last l ON c.id = l.id;
            INSERT INTO common VALUES (1, 'new', 7);
            INSERT INTO cancelled VALUES (1, 'cancelled');
            SELECT * FROM common;
            """)
        #expect(!answer.contains { $0.hasPrefix("-") }, "\(answer)")
        #expect(answer.contains(#": [1,"cancelled",7]"#), "\(answer)")
        // What would go on for ever is refused.
        #expect(millrace.run("INSERT INTO cancelled SELECT id, state FROM common;").last?.hasPrefix("- 42000 the query would feed itself") == true)
    }

    @Test(arguments: [
        ("CREATE TABLE t (id INT, v INT) WITH (kafka_topic='t', value_format='JSON', key='id', partitions=1);", "PRIMARY KEY"),
        ("SELECT ROWKEY FROM s;", "DESCRIBE"), ("SELECT windowstart() FROM s;", "without brackets"), ("SELECT LDA(k) FROM s;", "CREATE FUNCTION"),
        ("SELECT ROWTIME FROM s JOIN r ON s.id = r.id EMIT CHANGES;", "the one that is meant"),
    ])
    func hints(sql: String, part: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream + "CREATE TABLE r (id INT PRIMARY KEY, w INT) WITH (kafka_topic='r', value_format='JSON', partitions=1);")
        let hint = millrace.error(of: sql)?.hint
        #expect(hint?.contains(part) == true, "\(sql): \(String(describing: hint))")
    }
}
