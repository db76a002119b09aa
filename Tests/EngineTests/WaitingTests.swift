import Diagnostics
import Engine
import LogStore
import Platform
import Sessions
import Testing

/// Threads of this process; the engines of other tests are among them.
private func threadCount() throws -> Int { try HostFileSystem().list("/proc/self/task").count }

/// A client that never has room for rows.
private final class StuckClient: AnswerSink {
    let ends = Monitor<[String]>([])
    private let waiting = Monitor<[@Sendable () -> Void]>([])

    func emit(_ event: AnswerEvent) {
        switch event {
        case .done: ends.update { $0.append("done") }
        case .failed(let error): ends.update { $0.append(error.code.rawValue) }
        case .columns, .rows, .notice, .position: break
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool {
        waiting.update { $0.append(resume) }
        return false
    }

    /// Whether something asked for room and waits for it.
    func awaitAsked() { waiting.wait(until: { !$0.isEmpty }, then: { _ in }) }
}

/// A client that keeps the thread which brings it a row, until it is told to go on.
private final class HoldingClient: AnswerSink {
    private let state = Monitor<(isHolding: Bool, mayGoOn: Bool)>((false, false))

    func emit(_ event: AnswerEvent) {
        guard case .rows = event else { return }
        state.update { $0.isHolding = true }
        state.wait(until: { $0.mayGoOn }, then: { _ in })
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
    func awaitHolding() { state.wait(until: { $0.isHolding }, then: { _ in }) }
    func goOn() { state.update { $0.mayGoOn = true } }
}

@Suite struct WaitingTests {
    private static let makeStream = "CREATE STREAM s (k VARCHAR KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);"

    @Test func thousandsOfWaitsHoldUpNobodyAndCostNoThread() throws {
        // Other tests of the process have theirs.
        let threadsBefore = try threadCount()
        let millrace = try Millrace()
        _ = millrace.run(Self.makeStream)
        _ = millrace.run("INSERT INTO s VALUES ('a', 1);")
        var waiting: [(collector: EventCollector, request: Request)] = []
        for _ in 0..<1_000 {
            waiting.append(Millrace(sharing: millrace).start("ASSERT TOPIC nope TIMEOUT 20 HOURS;"))
            waiting.append(Millrace(sharing: millrace).start("PRINT s FROM BEGINNING;"))
        }
        for (index, entry) in waiting.enumerated() where index % 2 == 1 { _ = entry.collector.wait { $0.contains { $0.hasPrefix(":") } } }
        #expect(millrace.run("SHOW STREAMS;").contains { $0.contains("\"S\"") })
        #expect(try threadCount() - threadsBefore < 500)
        // News reach all of them.
        _ = millrace.run("CREATE STREAM made (v INT) WITH (kafka_topic='NOPE', value_format='JSON', partitions=1);")
        _ = millrace.run("INSERT INTO s VALUES ('b', 2);")
        for (index, entry) in waiting.enumerated() {
            if index % 2 == 0 {
                #expect(entry.collector.wait { !$0.isEmpty } == ["+ Topic NOPE exists"])
            } else {
                _ = entry.collector.wait { $0.contains { $0.contains("key: b") } }
                entry.request.cancel()
                #expect(entry.collector.wait { $0.last?.hasPrefix("-") ?? false }.last == "- 57014 printing was cancelled after 2 records")
            }
        }
        #expect(!millrace.run("SHOW QUERIES;").contains { $0.contains("print_") })
        millrace.engine.close()
    }

    @Test func aThousandReadsOfATableThatLagsHoldUpNobody() throws {
        // Other tests of the process have theirs.
        let threadsBefore = try threadCount()
        let millrace = try Millrace(workers: 1)
        _ = millrace.run(Self.makeStream)
        _ = millrace.run("CREATE STREAM copy AS SELECT * FROM s;")
        // The one worker is kept by a client, so that the query behind `copy` stands still.
        let holder = HoldingClient()
        let push = Millrace(sharing: millrace).session.execute("SELECT * FROM s EMIT CHANGES;", into: holder)
        _ = millrace.run("INSERT INTO s VALUES ('a', 1);")
        holder.awaitHolding()
        let readers = (0..<1_000).map { _ in
            Millrace(sharing: millrace).start("INSERT INTO s VALUES ('b', 2); SELECT COUNT(*) AS n FROM copy;").0
        }
        for reader in readers { _ = reader.wait { !$0.isEmpty } }
        #expect(millrace.run("SHOW STREAMS;").contains { $0.contains("COPY") })
        #expect(try threadCount() - threadsBefore < 500)
        holder.goOn()
        for reader in readers { #expect(reader.wait { $0.last == "+ 1 rows" }.count >= 4) }
        push.cancel()
        millrace.engine.close()
    }

    @Test func anAssertionEndsInTimeOrAtOnce() throws {
        let millrace = try Millrace()
        #expect(millrace.run("ASSERT TOPIC x TIMEOUT 1 MILLISECONDS;") == ["- 23514 Topic X does not exist"])
        _ = millrace.run("CREATE STREAM orders (a INT) WITH (KAFKA_TOPIC='orders', PARTITIONS=1);")
        #expect(millrace.error(of: "ASSERT TOPIC orders TIMEOUT 1 MILLISECONDS;")?.hint?.contains("Did you mean 'orders'?") == true)
        #expect(millrace.error(of: "ASSERT TOPIC 'orderz' TIMEOUT 1 MILLISECONDS;")?.hint?.contains("Did you mean 'orders'?") == true)
        #expect(millrace.error(of: "ASSERT TOPIC x TIMEOUT 1 MILLISECONDS;")?.hint == "SHOW TOPICS lists those that exist.")
        #expect(millrace.run("ASSERT NOT EXISTS TOPIC x TIMEOUT 0 SECONDS;") == ["+ Topic X does not exist"])
        for timeout in ["200000 DAYS", "999999999999999999 DAYS", "9223372036854775807 MILLISECONDS", "86400001 MILLISECONDS"] {
            #expect(millrace.run("ASSERT TOPIC x TIMEOUT \(timeout);") == ["- 22003 a TIMEOUT is from 0 to 24 hours"])
        }
        let (collector, request) = millrace.start("ASSERT TOPIC x TIMEOUT 24 HOURS;")
        request.cancel()
        #expect(collector.wait { !$0.isEmpty } == ["- 57014 cancelled on request"])
        millrace.engine.close()
    }

    @Test func whatWaitsEndsWithItsClient() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.makeStream)
        _ = millrace.run("INSERT INTO s VALUES ('a', 1);")
        for sql in ["PRINT s FROM BEGINNING;", "SET 'auto.offset.reset'='earliest'; SELECT * FROM s EMIT CHANGES;"] {
            let client = StuckClient()
            let request = millrace.session.execute(sql, into: client)
            client.awaitAsked()
            request.cancel()
            #expect(client.ends.wait(until: { $0.contains("57014") }, then: { $0.last }) == "57014")
        }
        #expect(!millrace.run("SHOW QUERIES;").contains { $0.contains("transient_") || $0.contains("print_") })
        millrace.engine.close()
    }

    @Test func anEngineThatClosesAnswersEverybody() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.makeStream)
        _ = millrace.run("CREATE STREAM copy AS SELECT * FROM s;")
        _ = millrace.run("INSERT INTO s VALUES ('a', 1);")
        let clients = (0..<3).map { _ in StuckClient() }
        _ = Millrace(sharing: millrace).session.execute("PRINT s FROM BEGINNING;", into: clients[0])
        _ = Millrace(sharing: millrace).session.execute(
            "SET 'auto.offset.reset'='earliest'; SELECT * FROM s EMIT CHANGES;", into: clients[1])
        clients[0].awaitAsked()
        clients[1].awaitAsked()
        let (assertion, _) = Millrace(sharing: millrace).start("ASSERT TOPIC nope TIMEOUT 24 HOURS;")
        let (pause, _) = Millrace(sharing: millrace).start("PAUSE CSAS_COPY_0;")
        millrace.engine.close()
        #expect(assertion.soFar == ["- 57P01 the server is shutting down"])
        #expect(pause.soFar.count == 1)
        #expect(clients[0].ends.withLock { $0.count } == 1)
        // SET, and the push query that the closing ended: its client must be able to tell that from a TERMINATE.
        #expect(clients[1].ends.withLock { $0 } == ["done", "57P01"])
        #expect(millrace.run("SHOW STREAMS;") == ["- 57P01 the server is shutting down"])
    }
}

@Suite struct TransientAnswerTests {
    /// A question names the row that it could not read itself: only persistent queries and loads write to MILLRACE_ERRORS.
    @Test func whatAQuestionCouldNotReadIsNamedInItsAnswer() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM j (n INT) WITH (kafka_topic='j', value_format='JSON', partitions=1);")
        _ = millrace.run("CREATE STREAM raw (v VARCHAR) WITH (kafka_topic='j', value_format='KAFKA');")
        _ = millrace.run("INSERT INTO raw VALUES ('{\"n\":\"x\"}');")
        let answer = Monitor<AnswerSummary?>(nil)
        let client = SummaryClient { summary in answer.update { $0 = summary } }
        _ = millrace.session.execute("SELECT * FROM j;", into: client)
        let summary = answer.wait(until: { $0 != nil }) { $0 }
        #expect(summary?.skipped == 1)
        #expect(summary?.firstProblem?.hasSuffix("(topic j, partition 0, offset 0)") == true)
        #expect(summary?.firstProblem?.hasPrefix("column `N`: ") == true)
        millrace.engine.close()
    }

    @Test func theColumnQueryNeedsNoQuotes() throws {
        let millrace = try Millrace()
        #expect(millrace.run("SELECT QUERY, reason FROM MILLRACE_ERRORS;").last == "+ 0 rows")
        #expect(millrace.run("SELECT query FROM MILLRACE_ERRORS;").last == "+ 0 rows")
        millrace.engine.close()
    }

    @Test func aSuggestionIsNotWhatWasTyped() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM s (`lower_case` INT, v STRUCT<`col0` INT>) WITH (kafka_topic='s', value_format='JSON');")
        for (sql, name) in [
            ("SELECT lower_case FROM s EMIT CHANGES;", "`lower_case`"), ("SELECT v->col0 FROM s EMIT CHANGES;", "`col0`"),
        ] {
            let client = FailureClient()
            _ = millrace.session.execute(sql, into: client)
            #expect(client.failure.wait(until: { $0 != nil }) { $0?.hint } == "Did you mean \(name)?")
        }
        millrace.engine.close()
    }

    /// What this session was told is inserted has gone through a query before the query is replaced, dropped or ended.
    @Test func aStatementAboutAQueryWaitsForThisSessionsRows() throws {
        for _ in 0..<10 {
            let millrace = try Millrace()
            _ = millrace.run("CREATE STREAM base (id INT KEY, b INT) WITH (value_format='JSON', kafka_topic='base', partitions=1);")
            _ = millrace.run("CREATE STREAM c AS SELECT id, b FROM base WHERE b > 1;")
            _ = millrace.run("INSERT INTO base VALUES (1, 1);")
            _ = millrace.run("CREATE OR REPLACE STREAM c AS SELECT id, b FROM base WHERE b > 0;")
            #expect(millrace.run("SELECT * FROM c;").filter { $0.hasPrefix(":") } == [])
            _ = millrace.run("INSERT INTO base VALUES (2, 2);")
            _ = millrace.run("TERMINATE CSAS_C_0;")
            #expect(millrace.run("SELECT id FROM c;").filter { $0.hasPrefix(":") } == [": [2]"])
            millrace.engine.close()
        }
    }
}

/// Hands the end of a statement on.
final class SummaryClient: AnswerSink {
    private let take: @Sendable (AnswerSummary) -> Void
    init(_ take: @escaping @Sendable (AnswerSummary) -> Void) { self.take = take }
    func emit(_ event: AnswerEvent) { if case .done(let summary) = event { take(summary) } }
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

/// Keeps why a statement failed.
private final class FailureClient: AnswerSink {
    let failure = Monitor<Diagnostic?>(nil)
    func emit(_ event: AnswerEvent) { if case .failed(let error) = event { failure.update { $0 = error } } }
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}
