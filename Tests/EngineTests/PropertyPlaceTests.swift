// What is wrong with a WITH clause is refused with the place of the property.

import Diagnostics
import LogStore
import Testing

@Suite struct PropertyPlaceTests {
    @Test(arguments: ["a b", "ü", String(repeating: "n", count: longestTopicName + 1), ".."])
    func aNameThatNoTopicHasIsRefusedAtItsPlace(name: String) throws {
        let millrace = try Millrace(workers: 1)
        let sql = "CREATE STREAM x (a INT) WITH (value_format='JSON', kafka_topic='\(name)', partitions=1);"
        let error = millrace.error(of: sql)
        #expect(error?.code == .invalidProperty && place(error, in: sql) == "'\(name)'")
        #expect(error?.hint?.contains("1 to 240 letters") == true)
        let longest = String(repeating: "n", count: longestTopicName)
        #expect(millrace.error(of: "CREATE STREAM x (a INT) WITH (kafka_topic='\(longest)', value_format='JSON', partitions=1);") == nil)
        millrace.engine.close()
    }

    /// A property that does not fit the statement is pointed at.
    @Test(arguments: [
        ("(a INT) WITH (kafka_topic='x', partitions=1, value_format='JSON', value_delimiter='|')", "'|'"),
        ("(a INT, b INT) WITH (kafka_topic='x', partitions=1, value_format='JSON', wrap_single_value=false)", "false"),
        ("(a INT) WITH (kafka_topic='x', partitions=1, value_format='JSON', timestamp='nothing')", "'nothing'"),
        ("(a INT) WITH (kafka_topic='x', partitions=1, value_format='JSON', timestamp_format='yyyy')", "'yyyy'"),
        ("(a INT) WITH (kafka_topic='x', partitions=1, value_format='JSON', compression_type='best')", "'best'"),
        ("(a INT) WITH (kafka_topic='x', partitions=1, value_format='JSON', window_type='TUMBLING')", "'TUMBLING'"),
    ])
    func aPropertyThatDoesNotFitIsPointedAt(definition: String, expected: String) throws {
        let millrace = try Millrace(workers: 1)
        let sql = "CREATE STREAM x \(definition);"
        #expect(place(millrace.error(of: sql), in: sql) == expected)
        millrace.engine.close()
    }

    /// A setting, and a query whose rows would be none, are pointed at as well.
    @Test(arguments: [
        ("SET 'commit.interval.ms'='soon';", "SET"), ("SET 'ksql.streams.commit.interval.ms'='-5';", "SET"), ("UNSET 'no.such.setting';", "UNSET"),
        ("CREATE STREAM y AS SELECT a FROM x;", "SELECT a FROM x"), ("CREATE STREAM y AS SELECT a, b AS c, b + 1 AS c FROM x;", "SELECT a, b AS c, b + 1 AS c FROM x"),
        ("CREATE STREAM y AS SELECT a, b AS a FROM x;", "SELECT a, b AS a FROM x"), ("CREATE TABLE y AS SELECT DISTINCT b FROM x WINDOW TUMBLING (SIZE 1 SECOND);", "SELECT DISTINCT b"),
    ])
    func aSettingOrAProjectionIsPointedAt(sql: String, start: String) throws {
        let millrace = try Millrace(workers: 1)
        _ = millrace.run("CREATE STREAM x (a INT KEY, b INT) WITH (kafka_topic='x', value_format='JSON', partitions=1);")
        let error = millrace.error(of: sql)
        #expect(error != nil && (place(error, in: sql) ?? "").hasPrefix(start), "\(error.map { "\($0)" } ?? "none")")
        millrace.engine.close()
    }
}
