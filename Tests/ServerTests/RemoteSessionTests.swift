import Bytes
import Client
import Diagnostics
import Engine
import Platform
import Server
import Sessions
import TestSupport
import Testing

/// Collects events as lines.
private final class Collector: AnswerSink {
    private let state = Monitor<(lines: [String], isOver: Bool)>(([], false))

    func emit(_ event: AnswerEvent) {
        state.update { state in
            switch event {
            case .columns(let columns, let kind):
                state.lines.append("= " + columns.map { "\($0.name) \($0.type)\($0.isKey ? " KEY" : "")" }.joined(separator: ", ") + " (\(kind.rawValue))")
            case .rows(let block):
                for (index, text) in block.texts.enumerated() { state.lines.append((block.isDeleted(index) ? "! " : ": ") + text) }
            case .notice(let text): state.lines.append("? " + text)
            case .position(let text): state.lines.append("~ " + text)
            case .done(let summary): state.lines.append("+ " + (summary.message ?? "\(summary.rows) rows"))
            case .failed(let error): state.lines.append("- \(error.code.rawValue)")
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
    func finish() { state.update { $0.isOver = true } }
    func wait() -> [String] { state.wait(until: { $0.isOver }) { $0.lines } }
    func wait(for count: Int) -> [String] { state.wait(until: { $0.lines.count >= count }) { $0.lines } }
}

/// Tells the message of a failure.
private final class ProblemSink: AnswerSink {
    private let tell: @Sendable (String) -> Void
    init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }
    func emit(_ event: AnswerEvent) { if case .failed(let error) = event { tell(error.message) } }
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

@Suite struct RemoteSessionTests {
    private func run(_ text: String, _ session: any StatementSession) -> [String] {
        let collector = Collector()
        let request = session.submit(text, into: collector) { _ in collector.finish() }
        defer { withExtendedLifetime(request) {} }
        return collector.wait()
    }

    @Test func aFarEngineAnswersAsANearOne() throws {
        let script = makeStream + """
            INSERT INTO s VALUES (1, 'a');
            CREATE TABLE n AS SELECT v, COUNT(*) AS c FROM s GROUP BY v EMIT CHANGES;
            SELECT * FROM n WHERE v = 'a';
            SHOW STREAMS;
            SELEC;
            """
        let near = try RunningServer(), far = try RunningServer()
        let remote = try RemoteSession(connectingTo: far.address)
        let expected = run(script, near.engine.openSession())
        #expect(expected.count > 1 || expected == ["- 42601"])
        #expect(run(script, remote) == expected)
        let valid = String(script.dropLast("SELEC;".count))
        let answers = run(valid, near.engine.openSession())
        #expect(answers.contains("= V STRING KEY, C BIGINT (rows)"))
        #expect(run(valid, remote) == answers)
    }

    @Test func requestsRunSideBySideAndCanBeCancelled() throws {
        let server = try RunningServer()
        let session = try RemoteSession(connectingTo: server.address)
        #expect(session.serverVersion == productVersion)
        _ = run(makeStream, session)
        let push = Collector()
        let request = session.submit("SELECT * FROM s EMIT CHANGES;", into: push) { _ in push.finish() }
        _ = push.wait(for: 1)
        _ = run("INSERT INTO s VALUES (1, 'a');", session)
        #expect(push.wait(for: 2).last == #": [1,"a"]"#)
        request.cancel()
        #expect(push.wait().last == "- 57014")
    }

    @Test func theEndOfTheServerEndsWhatRuns() throws {
        let server = try RunningServer()
        let session = try RemoteSession(connectingTo: server.address)
        _ = run(makeStream, session)
        let push = Collector()
        let request = session.submit("SELECT * FROM s EMIT CHANGES;", into: push) { _ in push.finish() }
        _ = push.wait(for: 1)
        server.server.stop()
        #expect(push.wait().last == "- 57P01")
        #expect(run("SHOW STREAMS;", session) == ["- 08006"])
        withExtendedLifetime(request) {}
    }

    /// A shell at its prompt learns why its next statement fails, and does not keep the server.
    @Test func anIdleSessionKnowsWhyItEnded() throws {
        let server = try RunningServer()
        let session = try RemoteSession(connectingTo: server.address)
        _ = run(makeStream, session)
        #expect(server.server.stop(grace: 60_000) == 0)
        let problem = Monitor<String?>(nil)
        let outcome = Monitor(false)
        let sink = ProblemSink { text in problem.update { $0 = text } }
        let request = session.submit("SHOW STREAMS;", into: sink) { _ in outcome.update { $0 = true } }
        outcome.wait(until: { $0 }, then: { _ in })
        #expect(problem.withLock { $0 } == "the connection to the server ended: the server is shutting down")
        withExtendedLifetime(request) {}
    }

    @Test func nobodyListening() throws {
        let server = try RunningServer()
        let address = server.address
        server.server.stop()
        #expect(throws: Diagnostic.self) { try RemoteSession(connectingTo: address) }
    }

    @Test func loadsOverTheWire() throws {
        let server = try RunningServer()
        let session = try RemoteSession(connectingTo: server.address)
        _ = run(makeStream, session)
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        session.beginLoad(into: "s", format: .json, onProgress: { _ in }) { result in outcome.update { $0 = result } }
        let records = Array("{\"ID\":1}\nbad\n".utf8)
        session.sendRecords(records, 0..<records.count)
        session.endLoad()
        let report = try #require(outcome.wait(until: { $0 != nil }) { $0 }).get()
        #expect(report.records == 1)
        #expect(report.rejected == 1)
        #expect(report.firstProblem == IngestProblem(line: 2, reason: "malformed JSON"))
        #expect(report.offsets == [IngestOffsets(partition: 0, first: 0, last: 0)])
    }
}
