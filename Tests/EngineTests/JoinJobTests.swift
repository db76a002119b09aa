// Joins as whole jobs: over restarts, over partitions, as push and as bounded queries.

import Engine
import Pipelines
import Platform
import Testing

private let second: Int64 = 1_000_000_000

extension Millrace {
    /// Carries out statements and gives what did not go well.
    fileprivate func perform(_ statements: [String]) -> [String] {
        statements.flatMap { statement in run(statement).filter { $0.hasPrefix("-") || $0.hasPrefix("?") } }
    }

    /// The rows of a bounded query once all queries have caught up.
    fileprivate func rows(_ query: String) -> [String] {
        #expect(engine.drain(nanoseconds: 10 * second))
        return run(query).filter { !$0.hasPrefix("=") && !$0.hasPrefix("+") }
    }
}

private let customersAndOrders = [
    "CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR) WITH (kafka_topic='customers', value_format='JSON', partitions=1);",
    "CREATE STREAM orders (id BIGINT KEY, customer BIGINT, total DOUBLE) WITH (kafka_topic='orders', value_format='JSON', partitions=1);",
]

/// The table's side is state: it is there again after a restart, without being read from its topic.
@Test func aStreamStillFindsItsTableAfterARestart() throws {
    let files = MemoryFileSystem()
    let first = try Millrace(files: files)
    #expect(first.perform(customersAndOrders + [
        "CREATE STREAM named AS SELECT o.customer, o.id AS id, name, total FROM orders o LEFT JOIN customers c ON o.customer = c.id;",
        "INSERT INTO customers VALUES (7, 'ann');", "INSERT INTO customers VALUES (8, 'bob');",
    ]) == [])
    #expect(first.engine.drain(nanoseconds: 10 * second))
    #expect(first.perform(["INSERT INTO orders VALUES (1, 7, 1.5);", "INSERT INTO orders VALUES (2, 9, 2);"]) == [])
    #expect(first.rows("SELECT * FROM named;") == [#": [7,1,"ann",1.5]"#, ": [9,2,null,2.0]"])
    first.engine.close()

    let again = try Millrace(files: files)
    #expect(again.perform(["INSERT INTO orders VALUES (3, 8, 3);", "INSERT INTO orders VALUES (4, 7, 4);"]) == [])
    #expect(again.rows("SELECT * FROM named WHERE id > 2;") == [#": [8,3,"bob",3.0]"#, #": [7,4,"ann",4.0]"#])
    again.engine.close()
}

/// What was loaded before the query began is joined in the order of the events, which a TIMESTAMP column tells: by the times of writing, all
/// of one side would come first and leave nothing of the other within the grace period.
@Test(arguments: ["JSON", "DELIMITED"]) func streamsMeetInTheOrderOfTheirEvents(format: String) throws {
    let millrace = try Millrace()
    let count = 300
    #expect(millrace.perform([
        "CREATE STREAM l (k BIGINT KEY, a BIGINT) WITH (kafka_topic='l', value_format='\(format)', timestamp='A', partitions=1);",
        "CREATE STREAM r (k BIGINT KEY, b BIGINT) WITH (kafka_topic='r', value_format='\(format)', timestamp='B', partitions=1);",
    ]) == [])
    for stream in ["l", "r"] {
        // A record without a time is skipped, and holds up nothing behind it, also at the beginning.
        #expect(millrace.perform([
            "SET 'millrace.dialect' = 'ksqldb';", "INSERT INTO \(stream) (k) VALUES (-1);", "SET 'millrace.dialect' = 'full';",
        ]) == [])
        let late = stream == "l" ? 0 : 5000
        #expect(millrace.perform((0..<count).map { "INSERT INTO \(stream) VALUES (\($0), \($0 * 1000 + late));" }) == [])
    }
    #expect(millrace.perform([
        "CREATE STREAM met AS SELECT l.k, a, b FROM l JOIN r WITHIN 10 SECONDS GRACE PERIOD 10 SECONDS ON l.k = r.k;",
    ]) == [])
    #expect(millrace.rows("SELECT COUNT(*) AS n FROM met;") == [": [\(count)]"])
    millrace.engine.close()
}

/// The rows of a table are what its query computed.
@Test func noRowsArePutIntoATableThatAQueryComputes() throws {
    let millrace = try Millrace()
    #expect(millrace.perform([
        "CREATE STREAM s (k VARCHAR KEY, a INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);",
        "CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;", "CREATE STREAM c AS SELECT * FROM s;",
        "INSERT INTO s VALUES ('x', 1);", "INSERT INTO c VALUES ('y', 2);",
    ]) == [])
    let answers = millrace.run("INSERT INTO t VALUES ('x', 99);")
    #expect(answers.last?.contains("its rows are computed by the query CTAS_T_") == true)
    #expect(millrace.rows("SELECT * FROM t;") == [#": ["x",1]"#])
    millrace.engine.close()
}

/// Rows of streams wait for their partners in buffers that survive a restart, and leave when the window is over.
@Test func streamsMeetAcrossARestart() throws {
    let files = MemoryFileSystem()
    let first = try Millrace(files: files)
    #expect(first.perform([
        "CREATE STREAM l (k VARCHAR KEY, a INT) WITH (kafka_topic='l', value_format='JSON', partitions=1);",
        "CREATE STREAM r (k VARCHAR KEY, b INT) WITH (kafka_topic='r', value_format='JSON', partitions=1);",
        """
        CREATE STREAM met AS SELECT l.k, a, b FROM l FULL JOIN r WITHIN 10 SECONDS GRACE PERIOD 0 SECONDS ON l.k = r.k;
        """,
    ]).first?.contains("ROWKEY") == true)
    #expect(first.perform([
        "CREATE STREAM met AS SELECT ROWKEY AS k, a, b FROM l FULL JOIN r WITHIN 10 SECONDS GRACE PERIOD 0 SECONDS ON l.k = r.k;",
        "INSERT INTO l (k, a, ROWTIME) VALUES ('x', 1, 1000);", "INSERT INTO l (k, a, ROWTIME) VALUES ('y', 2, 2000);",
    ]) == [])
    #expect(first.engine.drain(nanoseconds: 10 * second))
    first.engine.close()

    let again = try Millrace(files: files)
    #expect(again.perform(["INSERT INTO r (k, b, ROWTIME) VALUES ('x', 3, 9000);"]) == [])
    #expect(again.rows("SELECT * FROM met;") == [#": ["x",1,3]"#])
    // Far behind: what waited has no partner, and the late row finds none any more.
    #expect(again.perform(["INSERT INTO l (k, a, ROWTIME) VALUES ('z', 4, 60000);", "INSERT INTO l (k, a, ROWTIME) VALUES ('z', 5, 90000);"]) == [])
    #expect(again.engine.drain(nanoseconds: 10 * second))
    #expect(again.perform(["INSERT INTO r (k, b, ROWTIME) VALUES ('y', 6, 2500);"]) == [])
    #expect(again.rows("SELECT * FROM met;") == [#": ["x",1,3]"#, #": ["y",2,null]"#, #": ["z",4,null]"#, #": ["y",null,6]"#])
    again.engine.close()
}

/// A side that is keyed otherwise changes partitions; sides that keep their keys must agree in number.
@Test func joinsOverPartitions() throws {
    let files = MemoryFileSystem()
    let millrace = try Millrace(files: files)
    #expect(millrace.perform([
        "CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR) WITH (kafka_topic='customers', value_format='JSON', partitions=3);",
        "CREATE STREAM orders (id BIGINT KEY, customer BIGINT) WITH (kafka_topic='orders', value_format='JSON', partitions=4);",
        "CREATE STREAM keyed (customer BIGINT KEY, id BIGINT) WITH (kafka_topic='keyed', value_format='JSON', partitions=2);",
        "CREATE TABLE regions (id VARCHAR PRIMARY KEY, customer BIGINT) WITH (kafka_topic='regions', value_format='JSON', partitions=2);",
    ]) == [])
    let refused = millrace.run("CREATE STREAM no AS SELECT k.customer, k.id, name FROM keyed k JOIN customers c ON k.customer = c.id;")
    #expect(refused.first?.contains("`KEYED` partitions = 2; `CUSTOMERS` partitions = 3") == true)
    #expect(millrace.perform(
        [
            "CREATE STREAM named AS SELECT o.customer, o.id AS id, name FROM orders o JOIN customers c ON o.customer = c.id;",
            "CREATE TABLE counted AS SELECT name, COUNT(*) AS n FROM orders o JOIN customers c ON o.customer = c.id GROUP BY name;",
            "CREATE TABLE regional AS SELECT r.id, name FROM regions r LEFT JOIN customers c ON r.customer = c.id;",
        ] + (1...9).map { "INSERT INTO customers VALUES (\($0), 'c\($0 % 4)');" }) == [])
    #expect(millrace.engine.drain(nanoseconds: 10 * second))
    #expect(millrace.perform((1...40).map { "INSERT INTO orders VALUES (\($0), \($0 % 10));" }) == [])
    #expect(millrace.perform(["INSERT INTO regions VALUES ('north', 3);", "INSERT INTO regions VALUES ('south', 77);"]) == [])
    #expect(millrace.rows("SELECT * FROM named;").count == 36)
    #expect(millrace.rows("SELECT * FROM counted;").sorted() == [#": ["c0",8]"#, #": ["c1",12]"#, #": ["c2",8]"#, #": ["c3",8]"#])
    #expect(millrace.rows("SELECT * FROM regional;").sorted() == [#": ["north","c3"]"#, #": ["south",null]"#])
    #expect(millrace.perform(["INSERT INTO customers VALUES (77, 'late');"]) == [])
    #expect(millrace.rows("SELECT * FROM regional;").sorted() == [#": ["north","c3"]"#, #": ["south","late"]"#])
    millrace.engine.close()

    let again = try Millrace(files: files)
    #expect(again.perform(["INSERT INTO orders VALUES (41, 1);", "INSERT INTO customers VALUES (3, 'new');"]) == [])
    #expect(again.rows("SELECT * FROM counted WHERE name = 'c1';") == [#": ["c1",13]"#])
    #expect(again.rows("SELECT * FROM regional;").sorted() == [#": ["north","new"]"#, #": ["south","late"]"#])
    again.engine.close()
}

/// A push query joins as a persistent one does; a bounded one reads both sides to their ends.
@Test func joinsThatNobodyKeeps() throws {
    let millrace = try Millrace(pushStart: "earliest")
    // Of one time, the table's row comes before the stream's that looks it up.
    #expect(millrace.perform(customersAndOrders + [
        "INSERT INTO customers (id, name, ROWTIME) VALUES (7, 'ann', 1000);", "INSERT INTO orders (id, customer, total, ROWTIME) VALUES (1, 7, 1.5, 1000);",
    ]) == [])
    let join = "SELECT o.id, c.name, total FROM orders o LEFT JOIN customers c ON o.customer = c.id"
    let (rows, _) = millrace.start("\(join) EMIT CHANGES LIMIT 3;")
    _ = rows.wait { !$0.isEmpty }
    #expect(millrace.perform(["INSERT INTO orders VALUES (2, 7, 2);", "INSERT INTO orders VALUES (3, 8, 3);"]) == [])
    let lines = rows.wait { $0.last?.hasPrefix("+") == true || $0.last?.hasPrefix("-") == true }
    #expect(lines == ["= O_ID BIGINT, NAME STRING, TOTAL DOUBLE (changes)", #": [1,"ann",1.5]"#, #": [2,"ann",2.0]"#, ": [3,null,3.0]", "+ Limit Reached"])
    #expect(millrace.rows("\(join);") == [#": [1,"ann",1.5]"#, #": [2,"ann",2.0]"#, ": [3,null,3.0]"])
    let selfJoin = "SELECT a.id, b.name FROM customers a JOIN customers b ON a.id = b.id"
    #expect(millrace.run("\(selfJoin) EMIT CHANGES LIMIT 1;").contains(#": [7,"ann"]"#))
    #expect(millrace.rows("\(selfJoin);") == [#": [7,"ann"]"#])
    millrace.engine.close()
}
