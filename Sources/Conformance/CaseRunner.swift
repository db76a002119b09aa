// Runs one case in a fresh engine in memory. The engine carries out the statements and makes the queries and their tasks as a server's
// does; it starts them paused, and the tasks are run here, in the order that the case's script asks for: first the listed inputs in file
// order, then what other queries wrote.

import Bytes
import Catalog
import Diagnostics
import Engine
import Formats
import Functions
import JSONText
import LogStore
import Pipelines
import Plans
import Platform
import Quantities
import Schemas
import Sessions
import Values

/// The outcome of a case.
package enum CaseOutcome: Hashable, Sendable {
    case passed
    /// With the first difference.
    case failed(String)
    case skipped(String)
}

/// Runs cases.
package struct CaseRunner: Sendable {
    /// Records that a task takes at once where the script allows it.
    package var batch: Int
    /// How many partitions each topic of the case has; nil for as many as the case declares, with all records in the first. Cases whose
    /// results depend on the order of records of different keys are skipped where this is set.
    package var partitions: Int?

    package init(batch: Int, partitions: Int? = nil) {
        self.batch = batch
        self.partitions = partitions
    }

    package func run(_ test: TestCase) -> CaseOutcome {
        if let problem = test.problem { return .failed(problem) }
        if let reason = test.skipReason { return .skipped(reason) }
        if test.isServerCase {
            return partitions == nil ? ServerCaseRunner().run(test) : .skipped("a server case chooses its partitions itself")
        }
        if partitions != nil, let reason = OrderDependence.reason(in: test) { return .skipped(reason) }
        do throws(CaseFailure) {
            var run = try CaseRun(test, batch: batch, partitions: partitions)
            defer { run.close() }
            if let reason = try run.perform() { return .skipped(reason) }
            return .passed
        } catch {
            return .failed(error.message)
        }
    }
}

/// Why a case failed: the first difference.
struct CaseFailure: Error {
    var message: String
    init(_ message: String) { self.message = message }
}

/// One case under way.
private struct CaseRun {
    let test: TestCase
    let batch: Int
    /// Set where the case runs over several partitions; see `CaseRunner`.
    let partitions: Int?
    let log: any EventLog
    let engine: MillraceEngine
    let registry: MemoryRegistry
    /// The offset of the first input record of each topic that has any, and how many there are. Only for the first partition.
    var inputRanges: [String: Range<Offset>] = [:]

    init(_ test: TestCase, batch: Int, partitions: Int?) throws(CaseFailure) {
        self.test = test
        self.batch = batch
        self.partitions = partitions
        registry = try test.registry
        do {
            let base = try SegmentedLog(
                directory: "/case", files: MemoryFileSystem(), clock: SimulatedTime(), random: SeededRandom(seed: 11), options: .inMemory)
            log = CaseLog(over: base, placement: partitions == nil ? .firstPartition : .byKey)
            var configuration = EngineConfiguration(
                workers: 1,
                properties: [
                    "auto.offset.reset": "earliest", "cache.max.bytes.buffering": "0", "ksql.service.id": "some.ksql.service.id",
                    "millrace.bounded.queries": "ksqldb", "millrace.dialect": "ksqldb", "millrace.default.partitions": "4",
                    "millrace.schema.wait.ms": "0",
                ], functions: HarnessFunctions.table, time: SimulatedTime(wall: 1_600_000_000_000), random: SeededRandom(seed: 5))
            configuration.startsPaused = true
            configuration.registry = registry
            configuration.addedFunctions = HarnessFunctions.bodies
            engine = try MillraceEngine(configuration: configuration, log: log)
        } catch {
            throw CaseFailure("the engine did not start: \(error)")
        }
    }

    func close() {
        engine.close()
        log.close()
    }

    /// Runs the case; gives the reason where it turns out that it cannot be judged.
    mutating func perform() throws(CaseFailure) -> String? {
        for (topic, count) in topics where log.describeTopic(named: topic) == nil {
            do throws(LogError) { _ = try log.createTopic(topic, partitions: partitions ?? count, config: TopicConfig()) } catch {
                throw CaseFailure(error.message)
            }
        }
        if let failure = try execute() {
            try check(failure)
            return nil
        }
        let plans = engine.plansInOrder
        if plans.isEmpty && test.expectedError == nil { throw CaseFailure("no query was created") }
        if test.expectedError != nil && test.inputs.isEmpty { throw CaseFailure("expected an error: \(test.expectedError?.message ?? "")") }
        if partitions != nil, let reason = OrderDependence.reason(in: plans) { return reason }
        try appendInputs()
        for plan in plans {
            do throws(QueryFailure) { try drive(plan) } catch {
                // As the engine below the reference tells of everything that stops a query.
                try check(Diagnostic(.dataError, "Exception caught in process. \(error.description)", category: .runtime))
                return nil
            }
        }
        if test.expectedError != nil { throw CaseFailure("expected an error: \(test.expectedError?.message ?? "")") }
        try OutputCheck(
            test: test, log: log, catalog: engine.catalog, registry: registry, order: partitions == nil ? .whole : .byKey
        ).perform()
        try PostConditionCheck(test: test, log: log, catalog: engine.catalog, plans: plans, registry: registry).perform()
        return nil
    }

    /// The topics that are there before the statements, with the partitions that the case declares for them: those that a statement asks for,
    /// else those of the list, else 4.
    private var topics: [(name: String, partitions: Int)] {
        let listed = Dictionary(test.topics.map { ($0.name, $0.partitions) }, uniquingKeysWith: { first, _ in first })
        let created = Dictionary(
            test.createdTopics.compactMap { topic in topic.partitions.map { (topic.name, $0) } }, uniquingKeysWith: { first, _ in first })
        return Set(test.topics.map(\.name) + test.inputs.map(\.topic)).sorted().map { ($0, created[$0] ?? listed[$0] ?? 4) }
    }

    // MARK: Statements

    /// Carries out all statements; gives the error of the one that failed.
    private func execute() throws(CaseFailure) -> Diagnostic? {
        let session = engine.openSession()
        for (name, value) in test.properties.sorted(by: { $0.key < $1.key }) {
            do throws(Diagnostic) { try session.set(name, to: value) } catch { throw CaseFailure("property \(name): \(error.message)") }
        }
        let answer = try session.carryOut(test.statements.joined(separator: "\n"))
        let done = answer.summaries.count
        if let failure = answer.failure, test.expectedError != nil, failure.category != .parseFailed, done + 1 < test.statements.count {
            throw CaseFailure("statement \(done + 1) failed, not the last: \(failure.fullMessage)")
        }
        return answer.failure
    }

    private func check(_ failure: Diagnostic) throws(CaseFailure) {
        guard let expected = test.expectedError else {
            throw CaseFailure("unexpected error: \(failure.fullMessage)" + (failure.hint.map { "\n\($0)" } ?? ""))
        }
        if let category = expected.category, !failure.category.isKind(of: category) {
            throw CaseFailure("expected an error of kind \(category.rawValue), got \(failure.category.rawValue): \(failure.fullMessage)")
        }
        guard expected.message.isEmpty || failure.fullMessage.contains(expected.message) else {
            throw CaseFailure("expected the error\n\(expected.message)\ngot\n\(failure.fullMessage)")
        }
    }

    // MARK: Records

    private mutating func appendInputs() throws(CaseFailure) {
        let sources = InputCoding.writers(in: engine.catalog)
        for (number, record) in test.inputs.enumerated() {
            guard let topic = log.describeTopic(named: record.topic) else { throw CaseFailure("there is no topic \(record.topic)") }
            let source = sources[record.topic]
            let records = try InputCoding.records(of: record, source: source, registry: registry)
            let partition = InputCoding.partition(of: records, source: source, among: topic.partitions.count, keyless: number)
            let offset = try append(records, to: topic.id, partition: partitions == nil ? .first : partition, of: log)
            inputRanges[record.topic] = (inputRanges[record.topic]?.lowerBound ?? offset)..<(offset + 1)
        }
    }

    // MARK: Queries

    /// Runs one query over its inputs in the order of the script.
    private func drive(_ plan: QueryPlan) throws(QueryFailure) {
        guard partitions != nil else {
            // All records are in the first partitions.
            for task in try engine.makeTasks(of: plan, width: 1) where task.description.partition == .first { try driveFirst(task) }
            return
        }
        for task in try engine.makeTasks(of: plan) {
            try task.restore()
            for place in task.description.inputs.indices { try take(Int.max, from: place, of: task) }
            try commit(task)
        }
    }

    /// Runs the task of the first partition, where all records are.
    private func driveFirst(_ task: QueryTask) throws(QueryFailure) {
        try task.restore()
        let places = task.description.inputs.indices
        for place in places {
            if let range = inputRanges[task.description.inputs[place].topicName] {
                task.description.inputs[place].position = range.lowerBound
                task.description.inputs[place].end = range.upperBound
            }
        }
        if places.count > 1 && batch > 1 { try takeMerged(of: task) } else { try takeRuns(of: task) }
        for place in replayOrder(of: task) { try take(Int.max, from: place, of: task) }
        try commit(task)
    }

    /// The inputs that the script does not list. The format leaves their order open; the reference's harness keeps their names in a hash
    /// set of Java, and what it recorded came in the order in which such a set is walked.
    private func replayOrder(of task: QueryTask) -> [Int] {
        let inputs = task.description.inputs
        return inputs.indices.filter { inputRanges[inputs[$0].topicName] == nil }
            .sorted { (javaBucket(inputs[$0].topicName), $0) < (javaBucket(inputs[$1].topicName), $1) }
    }

    private func takeRuns(of task: QueryTask) throws(QueryFailure) {
        for (topic, count) in runs() {
            for place in task.description.inputs.indices where task.description.inputs[place].topicName == topic {
                try take(count, from: place, of: task)
            }
        }
    }

    /// Takes the inputs in file order, those of several topics in one micro-batch.
    private func takeMerged(of task: QueryTask) throws(QueryFailure) {
        try task.fetchMissing()
        let inputs = task.description.inputs
        let scripted = inputs.indices.filter { inputRanges[inputs[$0].topicName] != nil }
        var choice = MergedChoice(parts: scripted.map { MergedChoice.Part(place: $0) })
        func begin() { choice = MergedChoice(parts: scripted.map { MergedChoice.Part(place: $0) }) }
        for record in test.inputs {
            for (part, place) in scripted.enumerated() where inputs[place].topicName == record.topic {
                choice.parts[part].count += 1
                choice.order.append(Int32(truncatingIfNeeded: part))
            }
            if choice.order.count >= batch {
                try task.process(choice)
                begin()
            }
        }
        if !choice.order.isEmpty { try task.process(choice) }
    }

    /// The inputs in file order, consecutive records of one topic together.
    private func runs() -> [(String, Int)] {
        var result: [(String, Int)] = []
        for record in test.inputs {
            if let last = result.last, last.0 == record.topic, last.1 < batch {
                result[result.count - 1].1 += 1
            } else {
                result.append((record.topic, 1))
            }
        }
        return result
    }

    private func take(_ count: Int, from place: Int, of task: QueryTask) throws(QueryFailure) {
        var left = count
        while left > 0 {
            try task.fetchMissing()
            let available = task.description.inputs[place].available(atMost: min(left, batch))
            if available == 0 { return }
            try task.process(place: place, count: available)
            left -= available
        }
    }

    private func commit(_ task: QueryTask) throws(QueryFailure) {
        let appends = try task.takeAppends()
        do throws(LogError) { try log.commitAndWait(Commit(appends)) } catch { throw QueryFailure(message: error.message) }
        task.commitIsDurable(task.commitsMade)
    }
}

/// Appends and gives the offset of the first record. Errors: the log refuses it.
@discardableResult
func append(_ records: OutgoingRecords, to topic: TopicID, partition: PartitionIndex, of log: any EventLog) throws(CaseFailure) -> Offset {
    let outcome = Monitor<Result<CommitReceipt, LogError>?>(nil)
    log.commit(Commit([Append(topic: topic, partition: partition, records: records)])) { result in outcome.update { $0 = result } }
    switch outcome.wait(nanoseconds: CaseLimits.nanoseconds, until: { $0 != nil }, then: { $0 }) {
    case .success(let receipt)?: return receipt.baseOffsets.first ?? .first
    case .failure(let error)?: throw CaseFailure(error.message)
    case nil: throw CaseFailure("the log did not answer")
    }
}
