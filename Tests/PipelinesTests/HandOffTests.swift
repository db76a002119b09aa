// A task that does not come back from a slice: the others of its worker go on without it, and what concerns it waits until it is back.

import Operators
import Pipelines
import Plans
import Platform
import Testing
import Values

/// Where a test holds the work of a task: each row of its query asks for the time, which is given when the gate is open.
private final class Gate: Sendable {
    private struct State {
        var isOpen = true
        var isReached = false
    }

    private let state = Monitor(State())

    func close() { state.update { $0 = State(isOpen: false) } }
    func open() { state.update { $0.isOpen = true } }
    func awaitArrival() { state.wait(until: { $0.isReached }, then: { _ in }) }

    func pass() {
        state.update { $0.isReached = true }
        state.wait(until: { $0.isOpen }, then: { _ in })
    }
}

/// A query that gives its rows as they are once they have passed the gate, and one without a gate on the same worker.
private struct Scene {
    let log = ScriptedLog()
    let gate = Gate()
    let held: TestQuery
    let other: TestQuery

    init() throws {
        let pool = try WorkerPool(count: 1, log: log, time: SystemTime())
        let gate = gate
        held = try TestQuery("held", log: log, pool: pool) { () throws(DataflowError) in
            let now = TypedExpression(.call("UNIX_TIMESTAMP", []), .bigint)
            let branch = CaseBranch(condition: TypedExpression(.isNull(now, negated: true), .boolean), result: .column(1, .string))
            return try projection(
                TypedExpression(.searchedCase([branch], otherwise: .literal(.null, .string)), .string),
                DataflowEnvironment(now: {
                    gate.pass()
                    return 0
                }))
        }
        other = try TestQuery("other", log: log, pool: pool)
    }

    /// The values of the held query in its output, once they are so many; or what there is after ten seconds.
    func outputs(_ count: Int) -> [String] {
        _ = log.wait(held.output, records: count)
        return log.values(held.output)
    }

    func start() { #expect(held.run.start() && other.run.start() && held.waitUntilRunning() && other.waitUntilRunning()) }

    /// Both run, the log has not decided a commit of the first, and that is in the middle of its next row. Then `decide` says what the log
    /// does, the other query goes on, and the row ends: each row is there once.
    func holdBehindACommit(_ decide: (ScriptedLog) -> Void) {
        start()
        log.holdCompletions()
        held.put(["a"])
        #expect(log.waitForPending(1))
        gate.close()
        held.put(["b"])
        gate.awaitArrival()
        decide(log)
        other.put(["x"])
        #expect(other.outputs(1) == ["x"])
        gate.open()
        #expect(outputs(2) == ["a", "b"])
    }

    /// Both run, and the first is in the middle of a row.
    func hold() {
        start()
        gate.close()
        held.put(["a"])
        gate.awaitArrival()
    }
}

@Suite(.timeLimit(.minutes(20))) struct HandOffTests {
    @Test func othersGoOn() throws {
        let scene = try Scene()
        scene.hold()
        scene.other.put(["x"])
        #expect(scene.other.outputs(1) == ["x"])
        scene.held.put(["b"])
        scene.gate.open()
        #expect(scene.outputs(2) == ["a", "b"])
        // The thread that took charge is as good as the first.
        for round in 0..<3 {
            scene.gate.close()
            scene.held.put(["c\(round)"])
            scene.gate.awaitArrival()
            scene.other.put(["y\(round)"])
            #expect(scene.other.outputs(2 + round) == ["x"] + (0...round).map { "y\($0)" })
            scene.gate.open()
            #expect(scene.outputs(3 + round) == ["a", "b"] + (0...round).map { "c\($0)" })
        }
        scene.held.pool.stop()
    }

    /// What the log says to an earlier commit of the task waits for it, and is not lost.
    @Test func aCommitIsSettledWhenItsTaskIsBack() throws {
        let scene = try Scene()
        scene.holdBehindACommit { $0.complete() }
        #expect(scene.held.wait { $0.counters.commits == 2 })
        scene.held.pool.stop()
    }

    /// A commit that is refused meanwhile has the task start anew, once.
    @Test func aWithdrawnCommitStartsTheTaskAnew() throws {
        let scene = try Scene()
        scene.holdBehindACommit { log in
            log.withdraw()
            log.complete()
        }
        #expect(scene.held.status.state == .running)
        scene.held.pool.stop()
    }

    /// A query that ends goes without a task that does not come back; what that still makes is never committed.
    @Test func terminationDoesNotWaitForTheTask() throws {
        let scene = try Scene()
        scene.hold()
        let isGone = Monitor(false)
        scene.held.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
        #expect(scene.held.status.state == .terminated)
        scene.gate.open()
        for round in 1...3 {
            scene.other.put(["x"])
            #expect(scene.other.outputs(round).count == round)
        }
        scene.held.pool.stop()
        #expect(scene.log.values(scene.held.output).isEmpty && scene.held.failures.withLock { $0.isEmpty })
    }

    /// What the log has not decided is waited for, also when the task that made it is away.
    @Test func terminationWaitsForCommits() throws {
        let scene = try Scene()
        scene.start()
        scene.log.holdCompletions()
        scene.held.put(["a"])
        #expect(scene.log.waitForPending(1))
        scene.gate.close()
        scene.held.put(["b"])
        scene.gate.awaitArrival()
        let isGone = Monitor(false)
        scene.held.run.terminate { isGone.update { $0 = true } }
        scene.other.put(["x"])
        #expect(scene.log.waitForPending(2))
        #expect(!isGone.withLock { $0 })
        scene.log.complete()
        isGone.wait(until: { $0 }, then: { _ in })
        scene.gate.open()
        scene.held.pool.stop()
        #expect(scene.log.values(scene.held.output) == ["a"])
    }

    /// A pause gives a task a moment, then goes without it. What it was at is done again after the next start, once.
    @Test func aPauseDoesNotWaitForTheTask() throws {
        let scene = try Scene()
        scene.start()
        scene.held.put(["a"])
        #expect(scene.outputs(1) == ["a"])
        scene.gate.close()
        scene.held.put(["b"])
        scene.gate.awaitArrival()
        let isPaused = Monitor(false)
        scene.held.run.pause { isPaused.update { $0 = true } }
        isPaused.wait(until: { $0 }, then: { _ in })
        #expect(scene.held.status.state == .paused)
        scene.gate.open()
        #expect(scene.held.run.start() && scene.held.waitUntilRunning())
        scene.held.put(["c"])
        #expect(scene.outputs(3) == ["a", "b", "c"])
        scene.held.pool.stop()
        #expect(scene.log.values(scene.held.output) == ["a", "b", "c"])
    }

    /// The pool ends although a task does not; that task's thread finds everything gone, and harms nothing.
    @Test func thePoolEndsWithoutTheTask() throws {
        let scene = try Scene()
        scene.hold()
        scene.other.put(["x"])
        #expect(scene.other.outputs(1) == ["x"])
        scene.held.pool.stop()
        #expect(scene.log.values(scene.held.output).isEmpty)
        scene.gate.open()
    }
}
