// A query whose rows come back to it would go on for ever: it is refused, whatever the way back.

import Testing

@Suite struct CircleTests {
    private static let streams = """
        CREATE STREAM a (id INT KEY, v INT) WITH (partitions = 1);
        CREATE STREAM b AS SELECT * FROM a;
        CREATE STREAM c AS SELECT * FROM b WHERE v > 1;
        CREATE STREAM other (id INT KEY, v INT) WITH (partitions = 1);
        CREATE STREAM twin (id INT KEY, v INT) WITH (kafka_topic = 'A', value_format = 'JSON');
        """

    @Test(arguments: [
        "INSERT INTO a SELECT * FROM a;", "INSERT INTO a SELECT * FROM b;", "INSERT INTO a SELECT * FROM c;", "INSERT INTO twin SELECT * FROM a;",
        "INSERT INTO a SELECT * FROM twin;", "INSERT INTO twin SELECT * FROM c;",
        "CREATE STREAM d WITH (kafka_topic = 'A') AS SELECT * FROM c;", "CREATE STREAM d WITH (kafka_topic = 'A') AS SELECT * FROM a;",
    ])
    func circles(sql: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.streams)
        let error = millrace.error(of: sql)
        #expect(error?.message.hasPrefix("the query would feed itself for ever") == true, "\(String(describing: error))")
        #expect(error?.hint?.contains("(SELECT … FROM ") == true && error?.range != nil)
    }

    @Test func whatEndsIsCarriedOut() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.streams + "INSERT INTO a VALUES (1, 2);")
        #expect(millrace.error(of: "INSERT INTO other SELECT * FROM c;") == nil)
        #expect(millrace.error(of: "INSERT INTO c SELECT * FROM a;") == nil)
        #expect(millrace.error(of: "INSERT INTO a (SELECT * FROM a);") == nil)
        #expect(millrace.run("SELECT * FROM a;").filter { $0.hasPrefix(":") }.count == 2)
        #expect(millrace.error(of: "INSERT INTO a SELECT * FROM other;") != nil)
    }
}
