import Analysis
import Diagnostics
import Platform
import Settings
import Syntax
import Testing

/// Every setting, duration and WITH property is sent what nobody means. None of it ends the process; each is taken or refused with one
/// clear error. The tests walk the tables, so that a later entry is covered by itself.
@Suite struct NumbersFromOutsideTests {
    private static let numbers = ["9223372036854775807", "-9223372036854775808", "-1", "0", "999999999999999999", "1000000000000000000000000"]
    private static let texts = numbers + ["", String(repeating: "x", count: 1 << 20)]
    private static let stream = "CREATE STREAM a (k VARCHAR KEY, v VARCHAR) WITH (kafka_topic='a', value_format='JSON', partitions=1);"

    private func isClear(_ lines: [String]) -> Bool { lines.allSatisfy { $0.utf8.count < 2_000 } }

    @Test func everySettingIsSet() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream + "INSERT INTO a VALUES ('x', 'y');")
        for (number, entry) in SettingTable.entries.enumerated() {
            let name = entry.name.hasSuffix("*") ? entry.name.dropLast() + "x" : entry.name
            for text in Self.texts {
                let answer = millrace.run("SET '\(name)' = '\(text)';")
                #expect(answer.count <= 2 && (text.utf8.count > 100 || isClear(answer)), "\(name)")
                guard answer.last?.hasPrefix("+") == true else { continue }
                // A query made under it is made or refused, runs, and ends.
                _ = millrace.run("CREATE STREAM b\(number) AS SELECT v, COLLECT_LIST(v) FROM a EMIT CHANGES; SELECT * FROM a;")
                _ = millrace.run("CREATE STREAM b\(number) AS SELECT * FROM a; SELECT * FROM a LIMIT 1; DROP STREAM b\(number);")
                _ = millrace.run("UNSET '\(name)';")
            }
        }
        #expect(millrace.run("SHOW STREAMS;").last?.hasPrefix("+") == true)
    }

    /// A catalog that an older version wrote starts.
    @Test func aCatalogWithSuchASettingStarts() throws {
        let files = MemoryFileSystem()
        let properties = ["commit.interval.ms": "10000000000000", "cache.max.bytes.buffering": "-1", "auto.offset.reset": "whenever"]
        do {
            let millrace = try Millrace(files: files, properties: properties)
            #expect(millrace.run(Self.stream + "CREATE STREAM b AS SELECT * FROM a;").last?.hasPrefix("+") == true)
            millrace.close()
        }
        let millrace = try Millrace(files: files)
        defer { millrace.close() }
        let answer = millrace.run("SET 'auto.offset.reset'='earliest'; INSERT INTO a VALUES ('x', 'y'); SELECT * FROM b EMIT CHANGES LIMIT 1;")
        #expect(answer.contains { $0.contains("\"y\"") }, "\(answer)")
    }

    /// What the digits of a DECIMAL cost is bounded where it is declared, cast to or computed.
    @Test func digitsOfDecimalsAreBounded() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        func make(_ type: String) -> [String] {
            millrace.run("CREATE OR REPLACE STREAM d (a \(type)) WITH (kafka_topic='d', value_format='JSON', partitions=1);")
        }
        for type in [
            "DECIMAL(2147483647, 2147483647)", "DECIMAL(39, 0)", "DECIMAL(1001, 2)", "ARRAY<DECIMAL(1001, 1001)>", "STRUCT<x DECIMAL(100000000, 0)>",
            "MAP<VARCHAR, DECIMAL(39, 0)>",
        ] {
            let answer = make(type)
            #expect(answer.count == 1 && answer.last?.hasPrefix("- 42804 DECIMAL precision must be <= 38") == true, "\(answer)")
        }
        #expect(make("DECIMAL(38, 38)").last?.hasPrefix("+") == true)
        #expect(millrace.run("INSERT INTO d VALUES (0); SELECT * FROM d;").filter { $0.hasPrefix(":") } == [": [0.\(String(repeating: "0", count: 38))]"])
        #expect(millrace.run("SELECT CAST(0 AS DECIMAL(1001, 0)) AS x FROM d;").last?.contains("must be <= 38") == true)
        let product = millrace.run("SELECT \(Array(repeating: "a", count: 26).joined(separator: " * ")) AS x FROM d;")
        #expect(product.last?.contains("is a DECIMAL(1013, 988), which is more than 1000 digits") == true, "\(product)")
    }

    /// Calls within calls: what planning costs grows with the text, not with two to the power of its depth.
    @Test func nestedCallsArePlannedOnce() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream + "INSERT INTO a VALUES ('x', 'y');")
        let depth = 60
        let texts = [
            Array(repeating: "v", count: depth).joined(separator: " || "),
            String(repeating: "COALESCE(", count: depth) + "v" + String(repeating: ", 'z')", count: depth),
            String(repeating: "UCASE(", count: depth) + "v" + String(repeating: ")", count: depth),
            String(repeating: "CONCAT('z', ", count: depth) + "v" + String(repeating: ")", count: depth),
        ]
        for text in texts {
            let answer = millrace.run("SELECT \(text) AS x FROM a WHERE \(text) LIKE '%' AND \(text) IN (\(text));")
            #expect(answer.filter { $0.hasPrefix(":") }.count == 1, "\(answer)")
            let lambda = millrace.run("SELECT TRANSFORM(ARRAY[v], x => \(text)) AS x FROM a;")
            #expect(lambda.filter { $0.hasPrefix(":") }.count == 1, "\(lambda)")
        }
    }

    @Test func everyPropertyOfWithIsGiven() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream)
        for rule in PropertyTable.rules {
            for text in Self.texts {
                // Long texts once a property: what matters is behind the parser.
                for value in text.utf8.count > 100 ? ["'\(text)'"] : ["'\(text)'", text.isEmpty ? "''" : text, "'\(text) DAYS'"] {
                    let others = rule.name == "KAFKA_TOPIC" ? "" : "KAFKA_TOPIC='p', "
                    let formats = rule.name.hasSuffix("FORMAT") ? "" : ", VALUE_FORMAT='JSON'"
                    let window = rule.name == "WINDOW_SIZE" ? ", WINDOW_TYPE='TUMBLING'" : ""
                    for statement in text.utf8.count > 100 ? [
                        "CREATE STREAM p (k STRING KEY, v BIGINT) WITH (\(others)PARTITIONS=1, \(rule.name)=\(value)\(formats)\(window));"
                    ] : [
                        "CREATE STREAM p (k STRING KEY, v BIGINT) WITH (\(others)PARTITIONS=1, \(rule.name)=\(value)\(formats)\(window));",
                        "CREATE STREAM p (k STRING KEY, v BIGINT) WITH (\(others)\(rule.name)=\(value)\(formats)\(window));",
                        "CREATE STREAM p WITH (\(others)\(rule.name)=\(value)) AS SELECT * FROM a;",
                        "INSERT INTO a WITH (\(rule.name)=\(value)) SELECT * FROM a;",
                    ] {
                        let answer = millrace.run(statement)
                        #expect(answer.count == 1 && (text.utf8.count > 100 || isClear(answer)), "\(rule.name)=\(value.prefix(60))")
                        if answer.last?.hasPrefix("+") == true { _ = millrace.run("TERMINATE ALL; DROP STREAM IF EXISTS p DELETE TOPIC;") }
                    }
                }
            }
        }
        #expect(millrace.run("SHOW STREAMS;").last?.hasPrefix("+") == true)
    }

    @Test func everyDurationOfTheLanguageIsGiven() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        _ = millrace.run(Self.stream + "INSERT INTO a (ROWTIME, k, v) VALUES (1000, 'x', 'y');")
        _ = millrace.run("CREATE STREAM c (k VARCHAR KEY, v VARCHAR) WITH (kafka_topic='c', value_format='JSON', partitions=1);")
        for number in Self.numbers {
            for unit in ["DAYS", "MILLISECONDS"] {
                let length = "\(number) \(unit)"
                for window in [
                    "TUMBLING (SIZE \(length))", "HOPPING (SIZE \(length), ADVANCE BY 1 DAY)", "HOPPING (SIZE 1 DAY, ADVANCE BY \(length))",
                    "SESSION (\(length))", "TUMBLING (SIZE 1 DAY, RETENTION \(length))", "TUMBLING (SIZE 1 DAY, GRACE PERIOD \(length))",
                    "SESSION (1 DAY, RETENTION \(length), GRACE PERIOD \(length))",
                ] {
                    let answer = millrace.run("CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM a WINDOW \(window) GROUP BY k;")
                    #expect(answer.count == 1 && isClear(answer), "\(window)")
                    if answer.last?.hasPrefix("+") == true { _ = millrace.run("SELECT * FROM t; DROP TABLE IF EXISTS t DELETE TOPIC;") }
                }
                for within in ["\(length)", "(\(length), 1 DAY)", "1 DAY GRACE PERIOD \(length)"] {
                    let answer = millrace.run("CREATE STREAM j AS SELECT l.k, r.v FROM a l JOIN c r WITHIN \(within) ON l.k = r.k;")
                    #expect(answer.count == 1 && isClear(answer), "\(within)")
                    if answer.last?.hasPrefix("+") == true { _ = millrace.run("DROP STREAM IF EXISTS j DELETE TOPIC;") }
                }
                let answer = millrace.run("ASSERT TOPIC a TIMEOUT \(length);")
                #expect(answer.count == 1 && isClear(answer), "\(length)")
            }
        }
        #expect(millrace.run("ASSERT TOPIC x TIMEOUT 200000 DAYS;") == ["- 22003 a TIMEOUT is from 0 to 24 hours"])
        #expect(millrace.run("SHOW STREAMS;").last?.hasPrefix("+") == true)
    }
}
