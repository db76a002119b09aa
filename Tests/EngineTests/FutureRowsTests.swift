// A row of a far future closes no window: it is counted and told, whatever comes behind it is not late, and the guard can be set.

import Engine
import Platform
import Testing

@Suite struct FutureRowsTests {
    private static let noon: Int64 = 1_700_000_000_000

    private func counts(_ guarding: String) throws -> (rows: [String], errors: [String: Int], told: [String]) {
        let millrace = try Millrace(time: SimulatedTime(wall: Self.noon))
        defer { millrace.close() }
        _ = millrace.run(guarding)
        _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
        _ = millrace.run(
            "CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 HOUR) GROUP BY k;")
        let year: Int64 = 31_536_000_000
        for time in [Self.noon, Self.noon + 50 * year, Self.noon + 1] {
            _ = millrace.run("INSERT INTO s (rowtime, k, v) VALUES (\(time), 'a', 1);")
        }
        let rows = millrace.run("SELECT k, n FROM t;").filter { $0.hasPrefix(":") }
        let errors = try #require(millrace.engine.queryStatuses.first).counters.errors
        return (rows, errors, millrace.run("SELECT cause, offset FROM MILLRACE_ERRORS;").filter { $0.hasPrefix(":") })
    }

    @Test func guarded() throws {
        let counts = try counts("SET 'millrace.max.future.ms' = '86400000';")
        #expect(counts.rows == [#": ["a",2]"#])
        #expect(counts.errors == ["time is in the far future": 1])
        #expect(counts.told == [#": ["time is in the far future",1]"#])
    }

    @Test(arguments: ["SET 'millrace.max.future.ms' = '0';", "SET 'millrace.dialect' = 'ksqldb';"]) func unguarded(setting: String) throws {
        #expect(try counts(setting).errors == ["window is closed": 1])
    }

    /// One row of the far future makes no other late in a question either.
    @Test func guardedQuestion() throws {
        let millrace = try Millrace(time: SimulatedTime(wall: Self.noon))
        defer { millrace.close() }
        _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);")
        for time in [Self.noon, Self.noon + 1_576_800_000_000, Self.noon + 1] {
            _ = millrace.run("INSERT INTO s (rowtime, k, v) VALUES (\(time), 'a', 1);")
        }
        let question = "SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 HOUR) GROUP BY k;"
        #expect(millrace.run(question).filter { $0.hasPrefix(":") } == [#": ["a",2]"#])
    }
}
