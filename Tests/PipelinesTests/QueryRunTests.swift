import LogStore
import Pipelines
import Platform
import Testing

@Suite struct QueryRunTests {
    @Test func recordsGoThroughOnceAndInOrder() throws {
        let query = try TestQuery()
        #expect(query.status.state == .created)
        #expect(query.run.start())
        query.put(["a", "b"])
        query.put(["c"])
        #expect(query.outputs(3) == ["a", "b", "c"])
        #expect(query.log.commits.filter { !$0.appends.isEmpty }.allSatisfy { $0.owners.map(\.group) == ["q"] && $0.generation == 1 })
        query.pool.stop()
    }

    /// A cancel may come before the start that it is meant for; the query must not run on with nobody to stop it.
    @Test func aTerminatedQueryDoesNotStart() throws {
        let query = try TestQuery()
        query.run.terminate {}
        #expect(!query.run.start())
        #expect(query.status.state == .terminated)
        query.pool.stop()
    }

    @Test func aQueryThatRunsIsNotStartedAgain() throws {
        let query = try TestQuery()
        #expect(query.run.start())
        #expect(!query.run.start())
        query.pause()
        #expect(query.status.state == .paused)
        #expect(query.run.start())
        query.pool.stop()
    }

    @Test func aQueryWhoseTasksCannotBeMadeFails() throws {
        let log = ScriptedLog()
        let pool = try WorkerPool(count: 1, log: log, time: SystemTime())
        let status = QueryStatus(queryID: "q")
        let told = Monitor<String?>(nil)
        let run = QueryRun(
            status: status, group: "q", pool: pool, events: QueryEvents(onFailure: { failure in told.update { $0 = failure.message } })
        ) { () throws(QueryFailure) in throw QueryFailure(message: "the topic is gone") }
        run.start()
        #expect(told.wait(nanoseconds: 10_000_000_000, until: { $0 != nil }, then: { $0 }) == "the topic is gone")
        #expect(status.state == .failed(QueryFailure(message: "the topic is gone")))
        pool.stop()
    }

    /// Two sessions that resume at once start one set of tasks: no record is processed twice.
    @Test func sixResumesAtOnceStartOneQuery() throws {
        for _ in 0..<20 {
            let query = try TestQuery()
            query.run.start()
            query.put(["first"])
            #expect(query.outputs(1) == ["first"])
            query.pause()
            let started = Monitor(0)
            let threads = try (0..<6).map { number in
                try WorkerThread.start("resume-\(number)") { if query.run.start() { started.update { $0 += 1 } } }
            }
            for thread in threads { thread.join() }
            #expect(started.withLock { $0 } == 1)
            let rows = (0..<30).map { "r\($0)" }
            for row in rows { query.put([row]) }
            #expect(query.outputs(31) == ["first"] + rows)
            query.pause()
            #expect(query.values().count == 31)
            query.pool.stop()
        }
    }

    /// A resume while the last commit before the pause is under way: positions are read when that is decided.
    @Test func aResumeWaitsForTheCommitsOfThePause() throws {
        let query = try TestQuery()
        query.run.start()
        #expect(query.waitUntilRunning())
        query.log.holdCompletions()
        query.put(["a", "b"])
        #expect(query.log.waitForPending(1))
        let isPaused = Monitor(false)
        query.run.pause { isPaused.update { $0 = true } }
        #expect(query.run.start())
        query.put(["c"])
        // The barrier waits behind the commit.
        #expect(query.log.waitForPending(2))
        #expect(!isPaused.withLock { $0 })
        query.log.complete()
        #expect(query.outputs(3) == ["a", "b", "c"])
        isPaused.wait(until: { $0 }, then: { _ in })
        #expect(query.status.state == .running)
        query.pool.stop()
    }

    /// What a later epoch has fenced is thrown away without a word, and the query goes on.
    @Test func aFencedCommitIsNoFailure() throws {
        let query = try TestQuery()
        query.run.start()
        #expect(query.waitUntilRunning())
        _ = query.log.beginEpoch(of: "q")
        query.put(["a"])
        #expect(query.outputs(1) == ["a"])
        #expect(query.log.refused.map(\.kind) == [.fencedOwner])
        #expect(query.status.state == .running)
        #expect(query.failures.withLock { $0.isEmpty })
        query.pool.stop()
    }

    @Test func aTerminatedQueryCommitsNothingMore() throws {
        let query = try TestQuery()
        query.run.start()
        #expect(query.waitUntilRunning())
        let isGone = Monitor(false)
        query.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
        query.put(["a"])
        #expect(query.values().isEmpty)
        query.pool.stop()
    }

    @Test func aWatcherIsCalledOnce() throws {
        let query = try TestQuery()
        let calls = Monitor(0)
        query.status.whenever({ $0.state == .running }, call: { calls.update { $0 += 1 } })
        #expect(calls.withLock { $0 } == 0)
        query.run.start()
        query.pause()
        query.run.start()
        #expect(calls.withLock { $0 } == 1)
        query.status.whenever({ $0.state == .running }, call: { calls.update { $0 += 1 } })
        #expect(calls.withLock { $0 } == 2)
        query.pool.stop()
    }

    /// While one query reads its state back, others work, and it can be ended.
    @Test func aRestoreHoldsUpNobody() throws {
        let log = ScriptedLog()
        let pool = try WorkerPool(count: 1, log: log, time: SystemTime())
        let large = try TestQuery("large", log: log, pool: pool, counts: true)
        let other = try TestQuery("other", log: log, pool: pool)
        let store = try #require(log.describeTopic(named: "store-large")?.id)
        large.run.start()
        large.put(["a"])
        #expect(large.outputs(1).count == 1)
        large.pause()
        let gate = Monitor(false)
        log.setBeforeFetch { topic in if topic == store { gate.wait(until: { $0 }, then: { _ in }) } }
        large.run.start()
        other.run.start()
        other.put(["x"])
        #expect(other.outputs(1) == ["x"])
        #expect(large.status.content.withLock { $0.isRestoring })
        // A question waits for the restore, without a thread.
        let asked = Monitor<CommitOutcome?>(nil)
        large.run.commit { outcome in asked.update { $0 = outcome } }
        #expect(asked.withLock { $0 } == nil)
        gate.update { $0 = true }
        #expect(asked.wait(nanoseconds: 10_000_000_000, until: { $0 != nil }, then: { $0 }) == .decided)
        // A pause does not.
        large.pause()
        gate.update { $0 = false }
        large.run.start()
        #expect(large.wait { $0.isRestoring })
        let isPaused = Monitor(false)
        large.run.pause { isPaused.update { $0 = true } }
        #expect(isPaused.withLock { $0 })
        gate.update { $0 = true }
        large.run.start()
        large.put(["a"])
        #expect(log.wait(large.output) { $0.last == #"{"N":2}"# })
        pool.stop()
    }

    /// A worker that has been stopped still answers.
    @Test func aStoppedPoolAnswers() throws {
        let query = try TestQuery()
        query.run.start()
        query.put(["a"])
        #expect(query.outputs(1) == ["a"])
        query.pool.stop()
        let answers = Monitor(0)
        query.run.commit { _ in answers.update { $0 += 1 } }
        query.run.pause { answers.update { $0 += 1 } }
        query.run.terminate { answers.update { $0 += 1 } }
        #expect(answers.withLock { $0 } == 3)
    }

    /// A stop does not wait for a log that decides nothing.
    @Test func aStopEndsWhileACommitIsUnderWay() throws {
        let query = try TestQuery()
        query.run.start()
        #expect(query.waitUntilRunning())
        query.log.holdCompletions()
        query.put(["a"])
        #expect(query.log.waitForPending(1))
        let isDecided = Monitor(false)
        query.run.commit { _ in isDecided.update { $0 = true } }
        query.pool.stop()
        #expect(isDecided.withLock { $0 })
        query.log.complete()
    }
}
