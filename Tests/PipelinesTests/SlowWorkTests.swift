// What takes long: work that ends only when it is cancelled, and long scans beside short questions.

import Bytes
import Formats
import LogStore
import Operators
import Pipelines
import Plans
import Platform
import Quantities
import TestSupport
import Testing
import Values

/// Compares a text of eight million letters with a pattern of a million: it would take days.
private let endless: TypedExpression = {
    func letters(_ count: Int32) -> TypedExpression {
        TypedExpression(.call("LPAD", [.literal(.string(""), .string), .literal(.integer(count), .integer), .literal(.string("a"), .string)]), .string)
    }
    func text(_ value: String) -> TypedExpression { .literal(.string(value), .string) }
    let pattern = TypedExpression(.call("CONCAT", [text("%"), letters(1 << 20), text("b%")]), .string)
    let isLike = TypedExpression(.like(letters(8 << 20), pattern: pattern, escape: nil, negated: false), .boolean)
    // Asks for the time first, so that a test can tell that the work has begun.
    let now = TypedExpression(.call("UNIX_TIMESTAMP", []), .bigint)
    let branch = CaseBranch(condition: TypedExpression(.isNull(now, negated: true), .boolean), result: TypedExpression(.cast(isLike), .string))
    return TypedExpression(.searchedCase([branch], otherwise: .literal(.null, .string)), .string)
}()

/// A query that is in the middle of a batch that does not end by itself.
private func queryAtWork() throws -> TestQuery {
    let isBegun = Monitor(false)
    let query = try TestQuery { () throws(DataflowError) in
        try projection(
            endless,
            DataflowEnvironment(now: {
                isBegun.update { $0 = true }
                return 0
            }))
    }
    query.put(["a", "b"])
    query.run.start()
    isBegun.wait(until: { $0 }, then: { _ in })
    // The worker may have begun before the query has heard that its task is ready.
    while query.status.content.withLock({ $0.isRestoring }) {}
    return query
}

@Suite struct SlowWorkTests {
    @Test(.timeLimit(.minutes(20))) func terminateEndsABatch() throws {
        let query = try queryAtWork()
        let isGone = Monitor(false)
        query.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
        #expect(query.status.state == .terminated && query.values().isEmpty && query.failures.withLock { $0.isEmpty })
        query.pool.stop()
    }

    /// A question to a query that does not come to a commit is answered with what is durable.
    @Test(.timeLimit(.minutes(20))) func aCommitIsNotWaitedForWithoutEnd() throws {
        let query = try queryAtWork()
        let outcome = Monitor<CommitOutcome?>(nil)
        query.run.commit(patience: 1_000_000) { decided in outcome.update { $0 = decided } }
        #expect(outcome.wait(until: { $0 != nil }, then: { $0 }) == .busy)
        query.run.terminate {}
        query.pool.stop()
    }

    /// A pause waits a little for the end of the batch, and then no longer, although the only worker is busy with it.
    @Test(.timeLimit(.minutes(20))) func pauseEndsABatch() throws {
        let query = try queryAtWork()
        query.pause()
        #expect(query.status.state == .paused && query.values().isEmpty && query.failures.withLock { $0.isEmpty })
        query.pool.stop()
    }

    @Test(.timeLimit(.minutes(20))) func theEndOfThePoolEndsABatch() throws {
        let query = try queryAtWork()
        query.pool.stop()
        #expect(query.values().isEmpty && query.failures.withLock { $0.isEmpty })
    }

    /// Beside six scans that have worked for long, a question waits for the slice of one of them, not of all.
    @Test func aQuestionWaitsForOneScanOnly() throws {
        let log = ScriptedLog()
        let pool = try WorkerPool(count: 1, log: log, time: TickingTime(), handOffNanoseconds: .max / 4)
        let long = log.addTopic("long")
        log.append(long, (0..<16_000).map { #"{"V":"\#($0)"}"# })
        let short = log.addTopic("short")
        log.append(short, [#"{"V":"a"}"#])
        let events = Monitor(Events())
        let scans = try (0..<6).map { try question("scan-\($0)", over: long, 16_000, events, pool, log) }
        for scan in scans { scan.start() }
        // All of them have had more slices than a short question needs; the worker stands still in one.
        events.wait(until: { state in scans.indices.allSatisfy { number in state.names.count { $0 == "scan-\(number)" } > 4 } }) { $0.isHeld = true }
        let before = events.wait(until: { $0.isHolding }, then: { $0.names.count })
        let asked = try question("short", over: short, 1, events, pool, log)
        asked.start()
        events.update { $0.isHeld = false }
        events.wait(until: { $0.finished.count == 7 }, then: { _ in })
        let names = events.withLock { $0.names }
        let place = try #require(names.firstIndex(of: "short"))
        #expect(place - before <= 2, "\(place - before) slices of scans came before the question")
        #expect(events.withLock { $0.finished.first } == "short")
        pool.stop()
    }
}

/// What the receivers of some questions saw.
private struct Events {
    /// Whose rows came, one name each time.
    var names: [String] = []
    var finished: [String] = []
    /// The next receiver holds the worker up, and does so.
    var isHeld = false, isHolding = false
}

private final class Receiver: RowReceiver {
    let name: String
    let events: Monitor<Events>

    init(_ name: String, _ events: Monitor<Events>) { (self.name, self.events) = (name, events) }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
    func receive(_ rows: RowBlock) {
        let isHeld = events.update { state in
            state.names.append(name)
            if state.isHeld { state.isHolding = true }
            return state.isHeld
        }
        if isHeld { events.wait(until: { !$0.isHeld }, then: { $0.isHolding = false }) }
    }
    func finish(_ failure: QueryFailure?, _ counters: QueryCounters) { events.update { $0.finished.append(name) } }
}

/// Ten milliseconds pass whenever it is looked at, so that every turn is a slice of its own.
private final class TickingTime: TimeSource {
    private let ticks = Monitor<Int64>(0)
    func wallMilliseconds() -> Int64 { 0 }
    func monotonicNanoseconds() -> Int64 {
        ticks.update { ticks in
            ticks += 10_000_000
            return ticks
        }
    }
}

/// A question of a client over the first `count` records of a topic.
private func question(
    _ name: String, over topic: TopicID, _ count: Int64, _ events: Monitor<Events>, _ pool: WorkerPool, _ log: ScriptedLog
) throws -> QueryRun {
    let status = QueryStatus(queryID: name)
    let receiver = Receiver(name, events)
    return QueryRun(status: status, group: nil, pool: pool) { () throws(QueryFailure) in
        let source = SourceStep(
            sourceName: "S", topic: "in", kind: .stream, keyFormat: FormatSpec(.kafka, isUnwrapped: true), valueFormat: FormatSpec(.json),
            schema: SourceSchema(key: [ColumnDefinition("K", .string)], value: [ColumnDefinition("V", .string)]), timestamp: nil, window: nil,
            needed: [true, true], store: nil)
        do throws(DataflowError) {
            let dataflow = try Dataflow(
                root: .source(source), destination: .client(limit: nil, order: [0, 1]), options: DataflowOptions(hasSlices: true))
            let input = TaskInput(index: 0, partition: PartitionKey(topic: topic, partition: 0), topicName: "in", position: 0, end: Offset(clamping: count))
            let description = TaskDescription(
                dataflow: dataflow, inputs: [input], partition: 0, role: .transient(receiver, isBounded: true))
            return [QueryTask(description, status: status, log: log, time: TickingTime())]
        } catch {
            throw QueryFailure(message: error.message)
        }
    }
}
