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
        while !first.run("DESCRIBE counts EXTENDED;").contains(where: { $0.contains("offset 1, lag 0") }) {}
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
        // It has not run since, and stands where it stood.
        #expect(again.run("DESCRIBE counts EXTENDED;").contains { $0.contains("offset 1, lag 0") })
        #expect(again.run("RESUME \(id);").last?.hasPrefix("+") == true)
        #expect(!again.run("SHOW QUERIES;").contains { $0.hasPrefix("?") })
        again.close()
    }

    /// The crashes of a query say nothing about another one that replaces it.
    @Test func aQueryThatReplacesAnotherHasNotCrashed() throws {
        let files = MemoryFileSystem()
        let first = try Millrace(files: files)
        _ = first.run(earliest + definitions)
        let id = try #require(first.engine.catalog.sources["COPIED"]?.queryID)
        first.close()
        try files.createDirectory("/data")
        try files.replace("/data/crashes", with: Array("\(id)\n\(id)\n".utf8))
        let crashes = try CrashHistory(files: files, path: "/data/crashes")
        let again = try Millrace(files: files, crashes: crashes)
        #expect(crashes.crashes(of: id) == 2)
        #expect(again.run("CREATE OR REPLACE STREAM copied AS SELECT * FROM s WHERE v > 0;").last?.hasPrefix("+") == true)
        #expect(again.engine.catalog.sources["COPIED"]?.queryID == id && crashes.crashes(of: id) == 0)
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

    /// A question behind a query that is in the middle of a row is answered with what there is, and says so, whoever asks and however.
    @Test(.timeLimit(.minutes(20))) func anAnswerThatIsBehindSaysSo() throws {
        let questions = [
            "SELECT * FROM slow_counts;", "SELECT * FROM slow_counts WHERE k = 'b';",
            "SELECT * FROM slow_counts WHERE k >= 'b' AND k < 'c';",
            "SELECT * FROM slow;", "SELECT * FROM slow WHERE k = 'b';", "SELECT COUNT(*) AS n FROM slow;",
        ]
        let millrace = try Millrace(workers: 2)
        let slow = "INSTR(LPAD(k, CASE WHEN k = 'a' THEN 8000000 ELSE 1 END, 'a'), CONCAT(LPAD('', 1000000, 'a'), 'b'))"
        _ = millrace.run(
            """
            \(earliest)
            CREATE STREAM s (k VARCHAR KEY, v BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
            CREATE STREAM slow AS SELECT k, \(slow) AS n FROM s;
            CREATE TABLE slow_counts AS SELECT k, MAX(\(slow)) AS n FROM s GROUP BY k;
            INSERT INTO s VALUES ('b', 1);
            """)
        for source in ["slow", "slow_counts"] { while !millrace.run("SELECT * FROM \(source);").contains(#": ["b",0]"#) {} }
        func ask(_ question: String, after statement: String?) -> EventCollector {
            let session = Millrace(sharing: millrace)
            if let statement { _ = session.run(statement) }
            return session.start(question).0
        }
        func end(_ events: EventCollector) -> [String] {
            events.wait { $0.last?.hasPrefix("+") == true || $0.last?.hasPrefix("-") == true }
        }
        let own = questions.map { ask($0, after: "INSERT INTO s VALUES ('a', 1);") }
        let others = questions.map { ask($0, after: nil) }
        for (question, events) in zip(questions, zip(own, others)) {
            let row = question.contains("COUNT(*)") ? ": [1]" : #": ["b",0]"#
            let answer = end(events.0)
            #expect(answer.filter { $0.hasPrefix(":") } == [row], "\(question) \(answer)")
            let notices = answer.filter { $0.hasPrefix("?") }
            #expect(notices.count == 1 && notices[0].contains("the answer may lack what was just written"), "\(question) \(answer)")
            // A session that wrote nothing waits only where the answer comes from the query itself.
            let other = end(events.1)
            #expect(other.filter { $0.hasPrefix(":") } == [row], "\(question) \(other)")
            let told = other.filter { $0.hasPrefix("? the query CTAS_SLOW_COUNTS_") }
            let isTold = told.first?.contains("the answer is what SLOW_COUNTS held before that") == true
            #expect(isTold == question.contains("slow_counts"), "\(question) \(other)")
        }
        // One that still waits for the query ends when it is cancelled.
        let (events, request) = Millrace(sharing: millrace).start("SELECT * FROM slow_counts;")
        _ = events.wait { $0.contains { $0.hasPrefix("=") } }
        request.cancel()
        #expect(end(events).last == "- 57014 the query was cancelled")
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
