// Where a push query starts: whoever has seen its columns sees every row that is acknowledged later.

import Engine
import Platform
import Sessions
import Testing

/// Collects events, and does something as soon as the columns are there and before anything else of the answer can happen.
private final class ActingOnColumns: AnswerSink {
    let collector = EventCollector()
    private let act: @Sendable () -> Void

    init(_ act: @escaping @Sendable () -> Void) { self.act = act }

    func emit(_ event: AnswerEvent) {
        collector.emit(event)
        if case .columns = event { act() }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

@Test(arguments: [
    "SELECT * FROM s EMIT CHANGES LIMIT 1;", "SELECT k, COUNT(*) FROM s GROUP BY k EMIT CHANGES LIMIT 1;",
    "SELECT s.k, t.v FROM s LEFT JOIN t ON s.k = t.k EMIT CHANGES LIMIT 1;", "PRINT 's' LIMIT 1;",
]) func aRowAcknowledgedAfterTheColumnsIsSeen(query: String) throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=2);")
    _ = millrace.run("CREATE TABLE t (k INT PRIMARY KEY, v INT) WITH (kafka_topic='t', value_format='JSON', partitions=2);")
    _ = millrace.run("INSERT INTO s VALUES (1, 1);")
    _ = millrace.run("INSERT INTO t VALUES (2, 1);")
    let sink = ActingOnColumns { _ = millrace.run("INSERT INTO s VALUES (2, 2);") }
    let isDone = Monitor(false)
    // A session of its own: the statements of one are carried out one after the other.
    let asking = millrace.engine.openSession()
    let request = asking.execute(query, into: sink) { _ in isDone.update { $0 = true } }
    #expect(isDone.wait(nanoseconds: 5_000_000_000, until: { $0 }, then: { $0 }), "\(sink.collector.soFar)")
    let row = sink.collector.soFar.first { $0.hasPrefix(":") } ?? ""
    #expect(row.hasPrefix(": [2,") || row.contains("{\\\"V\\\":2}") || row.contains("Key format"), "\(row)")
    request.cancel()
    millrace.engine.close()
}
