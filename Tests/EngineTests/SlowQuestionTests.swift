// What a listing says of a query that was left paused, and the end of questions that take long.

import Engine
import LogStore
import Pipelines
import Platform
import Testing

/// Looks for a text of a million letters in one of eight million; it would take days.
private let endless = "INSTR(LPAD(k, 8000000, 'a'), CONCAT(LPAD('', 1000000, 'a'), 'b'))"

private let earliest = "SET 'auto.offset.reset'='earliest';"

private let definitions = """
    CREATE STREAM s (k VARCHAR KEY, v BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
    CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
    CREATE STREAM copied AS SELECT * FROM s;
    INSERT INTO s VALUES ('a', 1);
    """

@Suite struct SlowQuestionTests {
    /// SHOW QUERIES has no column for the reason; it stands under the table.
    @Test func whyAQueryWasLeftPaused() throws {
        let files = MemoryFileSystem()
        let first = try Millrace(files: files)
        _ = first.run(earliest + definitions)
        let id = try #require(first.engine.catalog.sources["COUNTS"]?.queryID)
        let other = try #require(first.engine.catalog.sources["COPIED"]?.queryID)
        #expect(!first.run("SHOW QUERIES;").contains { $0.hasPrefix("?") })
        first.close()
        try files.createDirectory("/data")
        try files.replace("/data/crashes", with: Array("\(id)\n\(id)\n\(id)\n".utf8))
        let again = try Millrace(files: files, crashes: CrashHistory(files: files, path: "/data/crashes"))
        let lines = again.run("SHOW QUERIES;")
        #expect(
            lines.filter { $0.hasPrefix("?") } == [
                "? \(id) was left paused: it was running when the server crashed, 3 times in a row; RESUME starts it again"
            ])
        #expect(lines.contains { $0.contains(id) && $0.contains("PAUSED:1") } && lines.contains { $0.contains(other) && $0.contains("RUNNING:1") })
        #expect(again.run("RESUME \(id);").last?.hasPrefix("+") == true)
        #expect(!again.run("SHOW QUERIES;").contains { $0.hasPrefix("?") })
        again.close()
    }

    /// A question to a table is on the list while it is computed, and ends when it is cancelled.
    @Test(.timeLimit(.minutes(20))) func aQuestionToATableIsCancelled() throws {
        let millrace = try Millrace()
        _ = millrace.run(earliest + definitions)
        let other = Millrace(sharing: millrace)
        let (events, request) = millrace.start("SELECT \(endless) AS n FROM counts;")
        while !other.run("SHOW QUERIES;").contains(where: { $0.contains("\"PULL\"") }) {}
        request.cancel()
        #expect(events.wait { $0.last?.hasPrefix("-") == true }.last == "- 57014 the query was cancelled")
        #expect(!other.run("SHOW QUERIES;").contains { $0.contains("\"PULL\"") })
        millrace.close()
    }

    /// The engine closes although a question to a table, a client's query and a persistent one are in the middle of a value.
    @Test(.timeLimit(.minutes(20))) func theEngineCloses() throws {
        let millrace = try Millrace(workers: 2)
        _ = millrace.run(earliest + definitions + "SELECT * FROM counts;")
        func awaitListed(_ kind: String) { while !millrace.run("SHOW QUERIES;").contains(where: { $0.contains("\"\(kind)\"") }) {} }
        // A question gets its rows from the worker of the table, which the queries below keep busy.
        let (table, _) = Millrace(sharing: millrace).start("SELECT \(endless) AS n FROM counts;")
        awaitListed("PULL")
        _ = millrace.run("CREATE STREAM slow AS SELECT k, \(endless) AS n FROM s;")
        let asking = Millrace(sharing: millrace)
        _ = asking.run(earliest)
        let (push, _) = asking.start("SELECT \(endless) AS n FROM s EMIT CHANGES;")
        awaitListed("PUSH")
        millrace.close()
        for events in [table, push] { #expect(events.wait { $0.last?.hasPrefix("-") == true }.last?.hasPrefix("- 57") == true) }
    }

    /// The session that made a query ends it without waiting for what that makes of old rows.
    @Test(.timeLimit(.minutes(20)), arguments: ["TERMINATE CSAS_SLOW_0;", "PAUSE CSAS_SLOW_0;", "DROP STREAM slow;"])
    func aSlowQueryIsEndedAtOnce(statement: String) throws {
        let millrace = try Millrace(workers: 2)
        let rows = "INSERT INTO s VALUES ('a', 1);"
        _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, v BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);" + rows)
        let other = Millrace(sharing: millrace)
        #expect(other.run(earliest + "CREATE STREAM slow AS SELECT k, \(endless) AS n FROM s;").last?.hasPrefix("+") == true)
        let answer = other.run(statement)
        #expect(answer.count == 1 && answer.last?.hasPrefix("+") == true, "\(answer)")
        millrace.close()
    }
}
