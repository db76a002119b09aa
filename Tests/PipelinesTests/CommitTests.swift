import LogStore
import Operators
import Pipelines
import Platform
import Quantities
import TestSupport
import Testing

/// What follows from each answer that the log can give to a fetch or a commit.
@Suite struct CommitTests {
    private func task(_ log: ScriptedLog, _ input: TopicID, time: any TimeSource = SystemTime()) throws -> QueryTask {
        var persistence = TaskPersistence(group: "q")
        persistence.output = OutputTopic(topic: log.addTopic("out"), partitions: 1)
        let description = TaskDescription(
            dataflow: try TestQuery.dataflow(),
            inputs: PartitionIndex.all(of: 2).map {
                TaskInput(index: 0, partition: PartitionKey(topic: input, partition: $0), topicName: "in", position: 0)
            }, partition: 0, role: .persistent(persistence))
        return QueryTask(description, status: QueryStatus(queryID: "q"), log: log, time: time)
    }

    /// Commits what the task has processed; the values that it writes.
    private func commit(_ task: QueryTask, to log: ScriptedLog) throws -> Result<CommitReceipt, LogError>? {
        let appends = try task.takeAppends()
        let generation = task.commitGeneration
        task.noteCommit(generation)
        let outcome = Monitor<Result<CommitReceipt, LogError>?>(nil)
        log.commit(Commit(appends, generation: generation)) { result in outcome.update { $0 = result } }
        return outcome.withLock { $0 }
    }

    private func values(_ values: [String]) -> [String] { values.map { #"{"V":"\#($0)"}"# } }

    /// One input still has records of a run that was withdrawn in part while the other, which has none, is asked again: the withdrawn ones
    /// must not take effect, and those that came in their places must.
    @Test func whatWasWithdrawnIsFetchedAgain() throws {
        let log = ScriptedLog()
        let input = log.addTopic("in", partitions: 2)
        log.append(input, values(["a"]))
        log.append(input, values(["lost"]), durably: false)
        let task = try task(log, input)
        try task.fetchMissing()
        try task.process(place: 0, count: 1)
        guard case .success? = try commit(task, to: log) else { throw QueryFailure(message: "refused") }
        task.commitIsDurable(task.commitsMade)
        log.withdraw()
        log.append(input, values(["new"]))
        try task.fetchMissing()
        try task.process(place: 0, count: 1)
        guard case .success? = try commit(task, to: log) else { throw QueryFailure(message: "refused") }
        #expect(log.values(task.description.persistence?.output?.topic ?? input) == values(["a", "new"]))
    }

    /// A task whose earlier commit was withdrawn, and which has not heard of it yet, rests on what is gone: what it commits next is refused,
    /// although all that it has read since is there.
    @Test func aCommitRestsOnThoseBeforeIt() throws {
        let log = ScriptedLog()
        let input = log.addTopic("in", partitions: 2)
        log.append(input, values(["a"]), durably: false)
        let task = try task(log, input)
        try task.fetchMissing()
        try task.process(place: 0, count: 1)
        log.holdCompletions()
        #expect(try commit(task, to: log) == nil)
        log.withdraw()
        log.append(input, values(["other"]), partition: 1)
        log.append(input, values(["x", "y"]))
        try task.fetchMissing()
        try task.process(place: 1, count: 1)
        guard case .failure(let error)? = try commit(task, to: log) else { throw QueryFailure(message: "was taken") }
        #expect(error.kind == .withdrawn)
    }

    @Test func aWithdrawnCommitIsMadeAgain() throws {
        let query = try TestQuery()
        query.run.start()
        #expect(query.waitUntilRunning())
        query.log.holdCompletions()
        query.put(["a"])
        #expect(query.log.waitForPending(1))
        query.log.withdraw()
        query.log.complete()
        #expect(query.outputs(1) == ["a"])
        #expect(query.status.state == .running)
        query.pool.stop()
    }

    /// What tasks have done needs no commit from when the log has decided on it, and not before.
    @Test func whatIsDecidedIsSettled() throws {
        let query = try TestQuery()
        query.run.start()
        #expect(query.waitUntilRunning())
        query.log.holdCompletions()
        for (index, value) in ["a", "b"].enumerated() {
            query.put([value])
            #expect(query.log.waitForPending(1))
            #expect(!query.run.isSettled)
            query.log.complete()
            let outcome = Monitor<CommitOutcome?>(nil)
            query.run.commit { decided in outcome.update { $0 = decided } }
            #expect(outcome.wait(until: { $0 != nil }, then: { $0 }) == .decided)
            #expect(query.run.isSettled && query.values().count == index + 1)
            query.log.holdCompletions()
        }
        query.pause()
        #expect(query.run.isSettled)
        query.pool.stop()
    }

    /// A disk that is full is waited for, and the query says so meanwhile.
    @Test(arguments: [LogError.Kind.diskFull, .storage]) func anObstacleIsWaitedFor(kind: LogError.Kind) throws {
        let query = try TestQuery()
        query.log.refuse((0..<3).map { _ in LogError(kind, "no room") })
        query.run.start()
        query.put(["a", "b"])
        #expect(query.wait { $0.obstacle != nil })
        #expect(query.outputs(2) == ["a", "b"])
        #expect(query.wait { $0.obstacle == nil && $0.state == .running })
        query.pool.stop()
    }

    /// What a query waited for is over, too, when there is nothing left to do, and work that was refused is counted once: when it is done.
    @Test func anObstacleGoesWithItsRecords() throws {
        let query = try TestQuery()
        query.run.start()
        query.put(["a"])
        #expect(query.outputs(1) == ["a"] && query.wait { $0.counters.recordsWritten == 1 })
        query.log.refuse((0..<3).map { _ in LogError(.diskFull, "no room") })
        query.put(["b", "c"], durably: false)
        #expect(query.wait { $0.obstacle != nil })
        query.log.withdraw()
        #expect(query.wait { $0.obstacle == nil && $0.state == .running })
        query.put(["d"])
        #expect(query.outputs(2) == ["a", "d"])
        #expect(query.wait { $0.counters.commits == 2 })
        let counters = query.status.counters
        #expect(counters.recordsRead == 2 && counters.recordsWritten == 2, "\(counters)")
        query.pool.stop()
    }

    /// Something is wrong with a commit of two tasks: each commits separately, and as both succeed, nothing fails.
    @Test func aRejectedCommitIsMadeTaskByTask() throws {
        let query = try TestQuery(partitions: 2)
        query.put(["a"])
        query.put(["b"], partition: 1)
        query.log.refuse([LogError(.recordTooLarge, "too large")])
        query.run.start()
        // A commit of one task alone fails the query; both cases are right, and which it is depends on who came first.
        #expect(query.wait { content in content.counters.commits >= 2 || content.state != .running })
        if query.status.state != .running { #expect(query.run.start()) }
        #expect(Set(query.outputs(2)) == ["a", "b"])
        query.pool.stop()
    }

    @Test(arguments: [LogError.Kind.recordTooLarge, .unknownTopic, .damaged]) func whatIsWrongWithOneTaskFailsTheQuery(kind: LogError.Kind) throws {
        let query = try TestQuery()
        query.log.refuse([LogError(kind, "no")])
        query.run.start()
        query.put(["a"])
        #expect(query.wait { $0.state == .failed(QueryFailure(message: "the commit failed: no")) })
        #expect(query.run.start())
        #expect(query.outputs(1) == ["a"])
        query.pool.stop()
    }

    @Test func aFetchThatFailsNamesThePlace() throws {
        let query = try TestQuery()
        query.put(["a"])
        query.run.start()
        #expect(query.outputs(1) == ["a"])
        query.log.failFetches([LogError(.damaged, "bad bytes")])
        query.put(["b"])
        #expect(query.wait { $0.state == .failed(QueryFailure(message: "bad bytes", topic: "in-q", partition: 0, offset: 1)) })
        query.pool.stop()
    }

    @Test func aReaderBeyondTheEndStartsAgain() throws {
        let query = try TestQuery()
        query.log.failFetches([LogError(.offsetBeyondEnd(end: 0), "beyond")])
        query.run.start()
        query.put(["a"])
        #expect(query.outputs(1) == ["a"])
        #expect(query.status.state == .running)
        query.pool.stop()
    }

    @Test func aSkippedRecordIsCountedAndTheRestGoesThrough() throws {
        let query = try TestQuery()
        query.put(["a", "b", "c"])
        query.run.skip(PartitionKey(topic: query.input, partition: 0), offset: 1, reason: "bad")
        query.run.start()
        #expect(query.outputs(2) == ["a", "c"])
        #expect(query.wait { $0.counters.errors.values.reduce(0, +) == 1 && $0.counters.recordsRead == 3 })
        query.pool.stop()
    }

    /// A state is read back from its changelog, and goes on from there.
    @Test func stateIsReadBack() throws {
        let log = ScriptedLog()
        let first = try TestQuery(log: log, counts: true)
        first.run.start()
        first.put(["a", "b", "a"])
        #expect(log.wait(first.output) { $0.contains(#"{"N":2}"#) })
        first.pause()
        first.pool.stop()
        let second = try TestQuery(log: log, counts: true)
        second.run.start()
        second.put(["a"])
        #expect(log.wait(second.output) { $0.last == #"{"N":3}"# })
        second.pool.stop()
    }

    /// A task that counts values by themselves, with one commit for all that it has processed.
    private func counting(_ log: ScriptedLog, _ names: (input: String, output: String, changelog: String)) throws -> QueryTask {
        func topic(_ name: String) -> TopicID { log.describeTopic(named: name)?.id ?? log.addTopic(name) }
        var persistence = TaskPersistence(group: "q")
        persistence.output = OutputTopic(topic: topic(names.output), partitions: 1)
        persistence.changelogs = ["store": PartitionKey(topic: topic(names.changelog), partition: 0)]
        let input = PartitionKey(topic: topic(names.input), partition: 0)
        let description = TaskDescription(
            dataflow: try TestQuery.dataflow(counts: true, options: DataflowOptions(coalesces: true, hasSlices: true)),
            inputs: [TaskInput(index: 0, partition: input, topicName: names.input, position: 0)], partition: 0, role: .persistent(persistence))
        return QueryTask(description, status: QueryStatus(queryID: "q"), log: log, time: SystemTime())
    }

    /// A commit of many groups is made ready step by step. Until it is, nothing is in the log and the task takes no input; a task that goes in
    /// the middle of it leaves nothing.
    @Test func aLargeCommitIsMadeReadyInSteps() throws {
        let log = ScriptedLog()
        let topics = (input: "in", output: "out", changelog: "store")
        let input = log.addTopic("in")
        let keys = (0..<20_000).map { "k\($0 % 12_000)" }
        log.append(input, values(keys))
        let expected = (0..<12_000).map { #"{"N":\#($0 < 8000 ? 2 : 1)}"# }
        // The first one goes half-way, the second as a forced commit finds it half-way.
        var wasReady = false
        for goesOn in [false, true] {
            let task = try counting(log, topics)
            while try task.turn(resume: {}) == .worked {}
            var steps = 0
            while try !task.prepareCommit(until: .min), steps < 4 {
                steps += 1
                #expect(try task.turn(resume: {}) == .worked)
                #expect(task.isCommitDue(isIdle: false))
            }
            #expect(steps == 4 && log.commits.isEmpty)
            guard goesOn else { continue }
            log.append(input, values(["late"]))
            guard case .success? = try commit(task, to: log) else { throw QueryFailure(message: "refused") }
            wasReady = true
            #expect(log.commits.count == 1)
            #expect(log.values(try topic("out", log)) == expected)
            #expect(log.values(try topic("store", log)).count == 12_000)
            #expect(try task.turn(resume: {}) == .worked)
            guard case .success? = try commit(task, to: log) else { throw QueryFailure(message: "refused") }
            #expect(log.values(try topic("out", log)) == expected + [#"{"N":1}"#])
        }
        #expect(wasReady)
    }

    private func topic(_ name: String, _ log: ScriptedLog) throws -> TopicID {
        guard let topic = log.describeTopic(named: name) else { throw QueryFailure(message: "there is no \(name)") }
        return topic.id
    }

    /// A batch takes about a slice of time: it begins with one record, grows while it is quick, and stays with one where each takes long.
    @Test(arguments: [(0, [1, 2, 4, 8, 16, 32]), (1_000_000_000, [1, 1, 1, 1, 1, 1])] as [(Int64, [Int64])])
    func aBatchIsAsLargeAsItsTimeAllows(nanoseconds: Int64, expected: [Int64]) throws {
        let log = ScriptedLog()
        let input = log.addTopic("in", partitions: 2)
        log.append(input, values((0..<240).map(String.init)))
        let task = try task(log, input, time: SteadyTime(step: nanoseconds))
        let sizes = try (0..<6).map { _ in
            let before = task.description.inputs[0].position
            _ = try task.turn(resume: {})
            return task.description.inputs[0].position - before
        }
        #expect(sizes == expected)
    }
}

/// So many nanoseconds pass from one look at the clock to the next.
private final class SteadyTime: TimeSource {
    private let step: Int64
    private let now = Monitor<Int64>(0)

    init(step: Int64) { self.step = step }
    func wallMilliseconds() -> Int64 { 0 }
    func monotonicNanoseconds() -> Int64 {
        now.update { now in
            now += step
            return now
        }
    }
}
