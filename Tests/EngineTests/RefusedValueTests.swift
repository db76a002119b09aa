// Statements whose values would be changed or would do nothing are refused, or a notice says so.

import LogStore
import Quantities
import Testing

@Suite struct RefusedValueTests {
    private static let sources = """
        CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', key_format='JSON', partitions=1);
        CREATE STREAM r (k INT KEY, v INT) WITH (kafka_topic='r', value_format='JSON', key_format='JSON', partitions=1);
        CREATE STREAM d (x DECIMAL(12,2), a ARRAY<DECIMAL(12,2)>, m MAP<VARCHAR, DECIMAL(12,2)>, t STRUCT<d DECIMAL(12,2)>)
            WITH (kafka_topic='d', value_format='JSON', partitions=1);
        """

    /// The lines that the last statement gives.
    private func answer(_ statement: String) throws -> [String] {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.engine.close() }
        _ = millrace.run(Self.sources)
        return millrace.run(statement, patience: 120)
    }

    @Test(arguments: [
        "TUMBLING (SIZE 10 SECONDS, GRACE PERIOD -11 SECONDS)", "HOPPING (SIZE 10 SECONDS, ADVANCE BY 1 SECOND, GRACE PERIOD -1 SECONDS)",
        "SESSION (10 SECONDS, GRACE PERIOD -20 SECONDS)",
    ])
    func negativeGraceOfWindows(window: String) throws {
        let lines = try answer("CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW \(window) GROUP BY k;")
        #expect(lines.contains { $0.hasPrefix("-") && $0.contains("the GRACE PERIOD must not be negative") }, "\(lines)")
    }

    @Test(arguments: [
        ("-1 SECONDS", "WITHIN clause must not be negative"), ("(0 SECONDS, -1 SECONDS)", "WITHIN clause must not be negative"),
        ("1 SECONDS GRACE PERIOD -100 SECONDS", "the GRACE PERIOD must not be negative"),
    ])
    func negativeTimesOfJoins(within: String, message: String) throws {
        let lines = try answer("CREATE STREAM j AS SELECT s.k, s.v, r.v AS w FROM s JOIN r WITHIN \(within) ON s.k = r.k;")
        #expect(lines.contains { $0.hasPrefix("-") && $0.contains(message) }, "\(lines)")
    }

    /// A topic's `max.message.bytes` holds for statements as it does for producers; what a codec makes of a row is not known before.
    @Test func rowsThatTheTopicDoesNotTake() throws {
        let millrace = try Millrace(pushStart: "earliest")
        defer { millrace.engine.close() }
        _ = millrace.run("CREATE STREAM l (v STRING) WITH (kafka_topic='l', value_format='KAFKA', partitions=1);")
        let topic = try #require(millrace.log.describeTopic(named: "l"))
        var config = topic.config
        config.largestBatch = ByteCount(clamping: 300)
        try millrace.log.alterTopic(topic.id, config: config)
        #expect(millrace.run("INSERT INTO l VALUES ('\(String(repeating: "x", count: 200))');").last?.hasPrefix("+") == true)
        let lines = millrace.run("INSERT INTO l VALUES ('a'), ('\(String(repeating: "x", count: 300))');")
        #expect(lines.contains { $0.contains("a row of 361 bytes is too large for the topic l, which takes 300") }, "\(lines)")
        config.compression = .gzip
        try millrace.log.alterTopic(topic.id, config: config)
        #expect(millrace.run("INSERT INTO l VALUES ('\(String(repeating: "x", count: 400))');").last?.hasPrefix("+") == true)
    }

    /// One side may reach back only so far as the other reaches ahead of it.
    @Test func aNegativeReachMayBeRight() throws {
        let lines = try answer("CREATE STREAM j AS SELECT s.k, s.v, r.v AS w FROM s JOIN r WITHIN (5 SECONDS, -1 SECONDS) ON s.k = r.k;")
        #expect(lines.last?.hasPrefix("+") == true, "\(lines)")
    }

    @Test(arguments: [
        "(x) VALUES (1.555)", "(x) VALUES (1.555 + 0)", "(x) VALUES (ABS(1.555))", "(x) VALUES (CAST(1.555 AS DECIMAL(5,3)))",
        "(a) VALUES (ARRAY[1.555])", "(m) VALUES (MAP('a' := 1.555))", "(t) VALUES (STRUCT(d := 1.555))",
    ])
    func digitsThatWouldBeLost(values: String) throws {
        let lines = try answer("INSERT INTO d \(values);")
        #expect(lines.last?.hasPrefix("- 22003") == true, "\(lines)")
    }

    @Test(arguments: [
        "(x) VALUES (1.5)", "(x) VALUES (1.5 + 1)", "(x) VALUES (CAST(1.555 AS DECIMAL(12,2)))", "(a) VALUES (ARRAY[1.55, 2])",
        "(t) VALUES (STRUCT(d := 1))",
    ])
    func digitsThatFit(values: String) throws {
        let lines = try answer("INSERT INTO d \(values);")
        #expect(lines.last?.hasPrefix("+") == true, "\(lines)")
    }

    @Test(arguments: ["x * x AS x", "b AS x", "CAST(x AS DECIMAL(13,2)) AS x", "CAST(x AS DECIMAL(12,3)) AS x"])
    func decimalsThatNeedNotFit(item: String) throws {
        let sources = """
            CREATE STREAM src (x DECIMAL(12,2), b BIGINT, i INT) WITH (kafka_topic='src', value_format='JSON', partitions=1);
            CREATE STREAM dst (x DECIMAL(12,2)) WITH (kafka_topic='dst', value_format='JSON', partitions=1);
            """
        let lines = try answer(sources + "INSERT INTO dst SELECT \(item) FROM src;")
        #expect(lines.contains { $0.hasPrefix("- 42804 Incompatible schema between results and sink.") }, "\(lines)")
        #expect(try answer(sources + "INSERT INTO dst SELECT i AS x FROM src;").last?.hasPrefix("+ Created query") == true)
    }

    @Test(arguments: [
        ("STRUCT(a := STRUCT(b := STRUCT(srch_host := 'x')))", "`T` has no field T->A->B->SRCH_HOST"),
        ("STRUCT(a := STRUCT(b := STRUCT(src_host := 5)))", "Expected type STRING for T->A->B->SRC_HOST but got INTEGER"),
        ("STRUCT(l := ARRAY[STRUCT(x := 'a')])", "Expected type INTEGER for T->L[]->X but got STRING"),
    ])
    func theFieldThatDiffersIsNamed(value: String, message: String) throws {
        let lines = try answer(
            """
            CREATE STREAM n (t STRUCT<a STRUCT<b STRUCT<src_host VARCHAR>>, l ARRAY<STRUCT<x INT>>>) WITH (kafka_topic='n', value_format='JSON');
            INSERT INTO n VALUES (\(value));
            """)
        #expect(lines.last == "- 42804 \(message)", "\(lines)")
    }

    @Test(arguments: ["NULL", "CAST(NULL AS INT)", "CAST('x' AS INT)"])
    func aRowWithoutKey(key: String) throws {
        let lines = try answer("CREATE TABLE p (k INT PRIMARY KEY, v INT); INSERT INTO p VALUES (1, 1), (\(key), 2);")
        #expect(lines.last?.hasPrefix("- 2") == true, "\(lines)")
    }

    @Test func windowedSourcesHaveKeys() throws {
        let lines = try answer(
            "CREATE STREAM w (v INT) WITH (kafka_topic='w', value_format='JSON', window_type='TUMBLING', window_size='1 SECOND');")
        #expect(lines.last == "- 0A000 Windowed sources require a key column." || lines.last?.contains("require a key column") == true, "\(lines)")
    }

    @Test func moreDigitsThanADecimalHas() throws {
        let lines = try answer("SELECT 123456789012345678901234567890123456789012345.5 AS x;")
        #expect(lines.last?.hasPrefix("- 22003") == true, "\(lines)")
    }

    @Test func replicasThatMeanNothing() throws {
        func create(_ replicas: String) throws -> [String] {
            try answer("CREATE STREAM n (v INT) WITH (kafka_topic='n', value_format='JSON', partitions=1, replicas=\(replicas));")
        }
        #expect(try create("3").contains { $0.contains("REPLICAS=3 changes nothing") })
        #expect(try create("1").allSatisfy { !$0.contains("changes nothing") })
        #expect(try create("0").last?.contains("REPLICAS must be more than 0") == true)
    }

    /// A value that is put together of others is no larger than one may be, and what a lambda makes is looked at while it grows: such a
    /// value is an error of its row.
    @Test(arguments: [
        "TRANSFORM(GENERATE_SERIES(1, 10000), x => LPAD('a', 100000, 'a'))[1]",
        "CAST(ARRAY_LENGTH(TRANSFORM(GENERATE_SERIES(1, 1000), x => GENERATE_SERIES(1, 200000))) AS VARCHAR)",
        "ARRAY[LPAD('a', 9000000, 'a'), LPAD('b', 9000000, 'b')][1]", "MAP('a' := LPAD('a', 9000000, 'a'), 'b' := LPAD('b', 9000000, 'b'))['a']",
    ])
    func largeValues(expression: String) throws {
        let lines = try answer("INSERT INTO s VALUES (1, 1); SELECT \(expression) AS x FROM s;")
        #expect(lines.contains(": [null]"), "\(lines.map { $0.prefix(200) })")
    }
}
