// What a CREATE chooses where it says nothing, and what the answer tells of it.

import Testing

@Suite struct ChosenFormatsTests {
    private func answer(_ sql: String) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.close() }
        return millrace.run(sql)
    }

    /// KAFKA has no form for these keys, and nobody has asked for it.
    @Test(arguments: [("BOOLEAN", "TRUE", "true"), ("DATE", "'2024-02-03'", #""2024-02-03""#), ("TIMESTAMP", "'2024-02-03'", #""2024-02-03T00:00:00.000""#)])
    func keysOfOtherTypes(type: String, literal: String, shown: String) throws {
        let stream = try answer(
            "CREATE STREAM s (k \(type) KEY, v INT) WITH (partitions = 1); INSERT INTO s VALUES (\(literal), 1); SELECT * FROM s WHERE k = \(literal);")
        #expect(stream.contains("? the topic is S, keys are JSON, values are JSON") && stream.contains(": [\(shown),1]"), "\(stream)")
        let table = try answer(
            """
            CREATE STREAM s (id INT KEY, k \(type)) WITH (partitions = 1); INSERT INTO s VALUES (1, \(literal)), (2, \(literal));
            CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s GROUP BY k; SELECT * FROM t;
            """)
        #expect(table.contains("? its key, a \(type), is kept as JSON") && table.contains(": [\(shown),2]"), "\(table)")
        let strict = try answer("SET 'millrace.dialect' = 'ksqldb'; CREATE STREAM s (k \(type) KEY, v INT) WITH (kafka_topic = 's', value_format = 'JSON', partitions = 1);")
        #expect(strict.last?.hasPrefix("- ") == true, "\(strict)")
    }

    /// What a query keeps does not take the format of what it reads, which ksqlDB's does.
    @Test func stateHasAFormOfItsOwn() throws {
        let script = """
            CREATE STREAM s (k STRING KEY, w STRING, n INT) WITH (kafka_topic = 's', value_format = 'DELIMITED', partitions = 1);
            CREATE TABLE t WITH (value_format = 'JSON') AS SELECT k, COLLECT_SET(w) AS places, HISTOGRAM(w) AS counts FROM s GROUP BY k;
            CREATE TABLE d (id STRING PRIMARY KEY, a STRING) WITH (kafka_topic = 'd', value_format = 'DELIMITED', partitions = 1);
            CREATE TABLE e WITH (value_format = 'JSON') AS SELECT id, SPLIT(a, '-') AS parts FROM d;
            INSERT INTO s VALUES ('x', 'n', 1); INSERT INTO s VALUES ('x', 's', 2); INSERT INTO d VALUES ('i', 'a-b');
            SELECT * FROM t; SELECT * FROM e;
            """
        let full = try answer(script)
        #expect(full.filter { $0.hasPrefix(":") } == [#": ["x",["n","s"],{"n":1,"s":1}]"#, #": ["i",["a","b"]]"#], "\(full)")
        let strict = try answer("SET 'millrace.dialect' = 'ksqldb'; " + script)
        #expect(strict.last?.contains("an intermediate type that the value format can not handle") == true, "\(strict)")
        // What is written down has to be carried, of course.
        let sink = try answer(script.replacing(" WITH (value_format = 'JSON')", with: ""))
        #expect(sink.last?.hasPrefix("- ") == true, "\(sink)")
    }

    /// A topic that is still there brings its records.
    @Test func recordsThatAreThere() throws {
        let table = "CREATE TABLE t (id INT PRIMARY KEY, v INT) WITH (kafka_topic = 'T', partitions = 1);"
        let again = try answer(table + "INSERT INTO t VALUES (1, 1), (2, 2); DROP TABLE t;" + table)
        #expect(again.contains("? the topic T was there, with 2 records, which T shows; DROP … DELETE TOPIC makes an end of them"), "\(again)")
        let deleted = try answer(table + "INSERT INTO t VALUES (1, 1); DROP TABLE t DELETE TOPIC;" + table)
        #expect(!deleted.contains { $0.contains("was there") }, "\(deleted)")
        let stream = try answer(
            "CREATE STREAM a (v INT); INSERT INTO a VALUES (1); CREATE STREAM b (v INT) WITH (kafka_topic = 'A', value_format = 'JSON'); DROP STREAM b; DROP STREAM a; CREATE STREAM a (v INT);")
        #expect(stream.filter { $0.contains("was there, with 1 record,") }.count == 1, "\(stream)")
    }
}
