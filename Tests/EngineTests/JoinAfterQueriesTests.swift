// A row that was written first is joined first, also where it comes to the join through other queries.

import Testing

@Suite struct JoinAfterQueriesTests {
    @Test(arguments: [1, 3])
    func aTableThatAQueryComputes(partitions: Int) throws {
        for round in 0..<10 {
            let millrace = try Millrace()
            defer { millrace.close() }
            let answer = millrace.run(
                """
                CREATE STREAM u (id INT KEY, name STRING) WITH (kafka_topic='u', value_format='JSON', partitions=\(partitions));
                CREATE STREAM renamed AS SELECT id, UCASE(name) AS name FROM u;
                CREATE TABLE users AS SELECT id, LATEST_BY_OFFSET(name) AS name FROM renamed GROUP BY id;
                CREATE STREAM o (k STRING KEY, uid INT) WITH (kafka_topic='o', value_format='JSON', partitions=\(partitions));
                CREATE STREAM j AS SELECT o.uid AS uid, name FROM o JOIN users ON o.uid = users.id;
                INSERT INTO u VALUES (1, 'ann');
                INSERT INTO o VALUES ('x', 1);
                SELECT * FROM j;
                """)
            #expect(answer.contains(#": [1,"ANN"]"#), "round \(round): \(answer)")
        }
    }

    /// The table's own source, joined with the table: the row that changes it comes to the table first.
    @Test func theSourceOfTheTable() throws {
        for round in 0..<10 {
            let millrace = try Millrace()
            defer { millrace.close() }
            let answer = millrace.run(
                """
                CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);
                CREATE TABLE t AS SELECT id, SUM(v) AS total FROM s GROUP BY id;
                CREATE STREAM j AS SELECT s.id AS id, v, total FROM s LEFT JOIN t ON s.id = t.id;
                INSERT INTO s VALUES (1, 2);
                SELECT * FROM j;
                """)
            #expect(answer.contains(": [1,2,2]"), "round \(round): \(answer)")
        }
    }

    /// A query that does not run is not waited for, and two that would wait for each other go on.
    @Test func whatDoesNotComeIsNotWaitedFor() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run(
            """
            CREATE STREAM u (id INT KEY, name STRING) WITH (kafka_topic='u', value_format='JSON', partitions=1);
            CREATE TABLE users AS SELECT id, LATEST_BY_OFFSET(name) AS name FROM u GROUP BY id;
            CREATE STREAM o (id INT KEY, v INT) WITH (kafka_topic='o', value_format='JSON', partitions=1);
            CREATE STREAM j AS SELECT o.id AS id, v, name FROM o LEFT JOIN users ON o.id = users.id;
            PAUSE CTAS_USERS_0;
            INSERT INTO u VALUES (1, 'ann');
            INSERT INTO o VALUES (1, 5);
            SELECT * FROM j;
            """)
        #expect(answer.contains(": [1,5,null]"), "\(answer)")
    }
}
