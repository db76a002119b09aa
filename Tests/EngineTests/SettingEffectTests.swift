import Diagnostics
import Platform
import Testing

/// Settings do what their entries say.
@Suite struct SettingEffectTests {
    private let stream = "CREATE STREAM a (k VARCHAR KEY, n INT) WITH (kafka_topic='a', value_format='JSON', partitions=1);"
    private let rows = "INSERT INTO a VALUES ('hello', 1); INSERT INTO a VALUES ('world', 2);"

    private func withEngine(_ properties: [String: String] = [:], _ body: (Millrace) throws -> Void) throws {
        let millrace = try Millrace(properties: properties)
        defer { millrace.close() }
        _ = millrace.run(stream + rows)
        try body(millrace)
    }

    @Test func anUnreadableRecordStopsAQuery() throws {
        try withEngine { millrace in
            _ = millrace.run("SET 'auto.offset.reset'='earliest'; SET 'ksql.fail.on.deserialization.error'='true';")
            _ = millrace.run(
                "CREATE STREAM raw (v VARCHAR) WITH (kafka_topic='a', value_format='KAFKA');"
                    + "INSERT INTO raw VALUES ('{\"N\":\"x\"}');")
            let answer = millrace.run("SELECT * FROM a EMIT CHANGES;")
            #expect(answer.last?.contains("value cannot be read") == true, "\(answer)")
            #expect(millrace.run("SET 'ksql.fail.on.deserialization.error'='false'; SELECT * FROM a;").contains("+ 2 rows"))
        }
    }

    @Test func substringCountsFromZero() throws {
        try withEngine { millrace in
            #expect(millrace.run("SELECT SUBSTRING(k, 1, 3) AS s FROM a LIMIT 1;").contains(": [\"hel\"]"))
            _ = millrace.run("SET 'ksql.functions.substring.legacy.args'='true';")
            #expect(millrace.run("SELECT SUBSTRING(k, 1, 3) AS s FROM a LIMIT 1;").contains(": [\"el\"]"))
            #expect(millrace.run("SELECT SUBSTRING(k, 3) AS s FROM a LIMIT 1;").contains(": [\"lo\"]"))
        }
    }

    @Test(arguments: [
        ("ksql.query.pull.stream.enabled", "SELECT * FROM a;"), ("ksql.query.pull.limit.clause.enabled", "SELECT * FROM a LIMIT 1;"),
    ])
    func boundedQueriesAreSwitchedOff(name: String, statement: String) throws {
        try withEngine { millrace in
            #expect(millrace.run(statement).last?.hasPrefix("+") == true)
            #expect(millrace.run("SET '\(name)'='false';" + statement).last?.contains("switched off") == true)
        }
    }

    @Test func theServerSwitchesOffWhatIsIts() throws {
        try withEngine(["ksql.pull.queries.enable": "false"]) { #expect($0.run("SELECT * FROM a;").last?.contains("switched off") == true) }
        try withEngine(["ksql.headers.columns.enabled": "false"]) { millrace in
            let answer = millrace.run(
                "CREATE STREAM h (k VARCHAR KEY, h ARRAY<STRUCT<key STRING, value BYTES>> HEADERS) "
                    + "WITH (kafka_topic='a', value_format='JSON');")
            #expect(answer.last?.contains("switched off") == true)
        }
        try withEngine(["ksql.source.table.materialization.enabled": "false"]) { millrace in
            let answer = millrace.run("CREATE SOURCE TABLE t (k VARCHAR PRIMARY KEY, n INT) WITH (kafka_topic='a', value_format='JSON');")
            #expect(answer.last?.contains("switched off") == true)
        }
        try withEngine(["ksql.properties.overrides.denylist": "auto.offset.reset, commit.interval.ms"]) { millrace in
            #expect(millrace.run("SET 'auto.offset.reset'='earliest';").last?.contains("Cannot override") == true)
            #expect(millrace.run("SET 'ksql.streams.commit.interval.ms'='7';").last?.contains("Cannot override") == true)
            #expect(millrace.run("SET 'millrace.default.partitions'='2';").last?.hasPrefix("+") == true)
        }
        try withEngine(["ksql.transient.prefix": "push-"]) { millrace in
            let (events, request) = millrace.start("SELECT * FROM a EMIT CHANGES;")
            _ = events.wait { !$0.isEmpty }
            _ = millrace.run("INSERT INTO a VALUES ('x', 3);")
            // The query has certainly begun when it has answered with a row.
            _ = events.wait { $0.count > 1 }
            #expect(millrace.run("SHOW QUERIES;").contains { $0.contains("push-A_") })
            request.cancel()
        }
    }

    /// Switched off, CREATE OR REPLACE is a plain CREATE: it makes what does not exist, and refuses a name that is taken.
    @Test func replacementIsSwitchedOff() throws {
        let millrace = try Millrace()
        let make = [
            "CREATE OR REPLACE STREAM r (id INT KEY, v INT) WITH (kafka_topic='r', value_format='json', partitions=1);",
            "CREATE OR REPLACE STREAM rs AS SELECT id, v FROM r;",
            "CREATE OR REPLACE TABLE rt AS SELECT id, COUNT(*) AS n FROM r GROUP BY id;",
        ]
        _ = millrace.run("SET 'ksql.create.or.replace.enabled' = 'false';")
        for statement in make { #expect(millrace.run(statement).last?.hasPrefix("+") == true, "\(statement)") }
        for (statement, taken) in zip(make, ["stream 'R': A stream", "stream 'RS': A stream", "table 'RT': A table"]) {
            #expect(millrace.run(statement).last?.contains("Cannot add \(taken) with the same name already exists") == true)
        }
        _ = millrace.run("SET 'ksql.create.or.replace.enabled' = 'true';")
        for statement in make { #expect(millrace.run(statement).last?.hasPrefix("+") == true, "\(statement)") }
        millrace.engine.close()
    }

    @Test func onlySoManyQueriesRun() throws {
        try withEngine(["ksql.query.persistent.active.limit": "1"]) { millrace in
            #expect(millrace.run("CREATE STREAM b AS SELECT * FROM a;").last?.hasPrefix("+") == true)
            #expect(millrace.run("CREATE STREAM c AS SELECT * FROM a;").last?.contains("the limit of this server") == true)
            #expect(millrace.run("INSERT INTO b SELECT * FROM a;").last?.contains("the limit of this server") == true)
            #expect(millrace.run("CREATE OR REPLACE STREAM b AS SELECT * FROM a WHERE n > 0;").last?.hasPrefix("+") == true)
            #expect(millrace.run("DROP STREAM b; CREATE STREAM c AS SELECT * FROM a;").last?.hasPrefix("+") == true)
        }
    }

    /// Substitution follows a SET of the same text from the next statement on.
    @Test func substitutionIsSwitchedStatementByStatement() throws {
        try withEngine { millrace in
            let answer = millrace.run(
                "DEFINE x = 'y'; SET 'ksql.variable.substitution.enable'='false'; INSERT INTO a VALUES ('${x}', 3);"
                    + "UNSET 'ksql.variable.substitution.enable'; INSERT INTO a VALUES ('${x}', 4); SELECT * FROM a WHERE n > 2;")
            #expect(answer.contains(": [\"${x}\",3]") && answer.contains(": [\"y\",4]"), "\(answer)")
        }
    }

    @Test func whatChangesNothingSaysSo() throws {
        try withEngine { millrace in
            let reason = "Millrace shares its worker threads among all queries"
            let notice = "? num.stream.threads is accepted for ksqlDB's sake and changes nothing: \(reason)"
            #expect(millrace.run("SET 'num.stream.threads'='4';").first == notice)
            let listed = ": [\"num.stream.threads\",\"SESSION\",\"4\",\"accepted for ksqlDB's sake; \(reason)"
            #expect(millrace.run("SHOW PROPERTIES;").contains { $0.hasPrefix(listed) })
        }
    }

    @Test func anAssertionWaitsAsLongAsTheSettingSays() throws {
        try withEngine { millrace in
            #expect(millrace.run("SET 'ksql.assert.topic.default.timeout.ms'='0'; ASSERT TOPIC nope;").last?.hasPrefix("-") == true)
        }
    }
}
