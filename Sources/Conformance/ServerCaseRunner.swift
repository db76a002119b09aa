// Runs one server case: its definitions as one request, its records, and then each SELECT as a request of its own, whose header, rows and
// end are compared with the case's `responses`. The engine is one in memory that runs its queries by itself, as a server's does.

import Bytes
import Catalog
import Diagnostics
import Engine
import JSONText
import LogStore
import Platform
import Quantities
import Schemas
import Sessions

/// Runs server cases.
struct ServerCaseRunner: Sendable {
    func run(_ test: TestCase) -> CaseOutcome {
        do throws(CaseFailure) {
            let run = try ServerCaseRun(test)
            defer { run.close() }
            try run.perform()
            return .passed
        } catch {
            return .failed(error.message)
        }
    }
}

/// One server case under way.
private struct ServerCaseRun {
    let test: TestCase
    let log: any EventLog
    let engine: MillraceEngine
    let session: EngineSession
    let registry: MemoryRegistry
    /// The statements that are carried out first, in one request.
    let definitions: [String]
    /// The statements that begin with `SELECT `, each a request of its own.
    let questions: [String]

    init(_ test: TestCase) throws(CaseFailure) {
        self.test = test
        definitions = test.statements.filter { !$0.hasPrefix("SELECT ") }
        questions = test.statements.filter { $0.hasPrefix("SELECT ") }
        registry = try test.registry
        do {
            log = try SegmentedLog(
                directory: "/case", files: MemoryFileSystem(), clock: SimulatedTime(), random: SeededRandom(seed: 11), options: .inMemory)
            var configuration = EngineConfiguration(
                workers: 1,
                properties: [
                    "auto.offset.reset": "earliest", "cache.max.bytes.buffering": "0", "commit.interval.ms": "1",
                    "millrace.bounded.queries": "ksqldb", "millrace.dialect": "ksqldb", "millrace.default.partitions": "4",
                    "millrace.schema.wait.ms": "0",
                ], pushStart: "earliest", functions: HarnessFunctions.table, random: SeededRandom(seed: 5))
            configuration.registry = registry
            engine = try MillraceEngine(configuration: configuration, log: log)
            session = engine.openSession()
        } catch {
            throw CaseFailure("the engine did not start: \(error)")
        }
    }

    func close() {
        engine.close()
        log.close()
    }

    func perform() throws(CaseFailure) {
        for (name, partitions) in topics where log.describeTopic(named: name) == nil {
            do throws(LogError) { _ = try log.createTopic(name, partitions: partitions, config: TopicConfig()) } catch {
                throw CaseFailure(error.message)
            }
        }
        for (name, value) in test.properties.sorted(by: { $0.key < $1.key }) {
            do throws(Diagnostic) { try session.set(name, to: value) } catch { throw CaseFailure("property \(name): \(error.message)") }
        }
        let defined = try session.carryOut(definitions.joined(separator: "\n"))
        if let failure = defined.failure { return try check(failure) }
        if test.startsQueryFirst, let question = questions.first {
            let pending = BoundedStatement(question, in: session)
            pending.awaitColumns()
            try appendInputs()
            return try check([try pending.finish()])
        }
        try appendInputs()
        let nanoseconds = CaseLimits.nanoseconds
        guard engine.drain(nanoseconds: nanoseconds) else {
            throw CaseFailure("the queries did not process the inputs within \(CaseLimits.seconds) seconds")
        }
        var answers: [StatementAnswer] = []
        for question in questions {
            let answer = try session.carryOut(question)
            if let failure = answer.failure { return try check(failure) }
            answers.append(answer)
        }
        try check(answers)
    }

    /// The topics that are there before the definitions: those that the case lists and those that its records are written to.
    private var topics: [(String, Int)] {
        var known = Set(test.topics.map(\.name))
        let created = Set(test.createdTopics.map(\.name))
        let written = test.inputs.map(\.topic).filter { !created.contains($0) && known.insert($0).inserted }
        return test.topics.map { ($0.name, $0.partitions) } + written.map { ($0, 4) }
    }

    // MARK: Records

    private func appendInputs() throws(CaseFailure) {
        let sources = InputCoding.writers(in: engine.catalog)
        for record in test.inputs {
            guard let topic = log.describeTopic(named: record.topic) else { throw CaseFailure("there is no topic \(record.topic)") }
            let source = sources[record.topic]
            let records = try InputCoding.records(of: record, source: source, registry: registry)
            let partition = InputCoding.partition(of: records, source: source, among: topic.partitions.count, keyless: 0)
            try append(records, to: topic.id, partition: partition, of: log)
        }
    }

    // MARK: Answers

    private func check(_ failure: Diagnostic) throws(CaseFailure) {
        guard let expected = test.expectedError else {
            throw CaseFailure("unexpected error: \(failure.fullMessage)" + (failure.hint.map { "\n\($0)" } ?? ""))
        }
        guard expected.message.isEmpty || failure.fullMessage.contains(expected.message) else {
            throw CaseFailure("expected the error\n\(expected.message)\ngot\n\(failure.fullMessage)")
        }
    }

    private func check(_ answers: [StatementAnswer]) throws(CaseFailure) {
        if let expected = test.expectedError {
            if let failure = answers.compactMap(\.failure).first { return try check(failure) }
            throw CaseFailure("expected an error: \(expected.message)")
        }
        try OutputCheck(test: test, log: log, catalog: engine.catalog, registry: registry, order: .contained).perform()
        let expected = test.responses.compactMap { $0["query"]?.arrayValue }
        guard expected.count <= answers.count else {
            throw CaseFailure("\(expected.count) answers are expected, the case has \(answers.count) questions")
        }
        for (index, (elements, answer)) in zip(expected, answers).enumerated() {
            if let failure = answer.failure { throw CaseFailure("question \(index + 1): unexpected error: \(failure.fullMessage)") }
            try AnswerCheck(elements: elements, answer: answer, question: questions[index], path: "question \(index + 1)").perform()
        }
    }
}

/// Compares one answer with the elements that a case expects: a header, rows, and for a query with a limit a last message.
private struct AnswerCheck {
    let elements: [JSONValue]
    let answer: StatementAnswer
    let question: String
    let path: String

    func perform() throws(CaseFailure) {
        if let schema = elements.compactMap({ $0["header"]?["schema"]?.stringValue }).first, schema != header {
            throw CaseFailure("\(path): expected the columns \(schema), got \(header)")
        }
        let wanted = elements.compactMap { $0["row"] }
        guard wanted.count == answer.rows.count else {
            throw CaseFailure("\(path): expected \(wanted.count) rows, got \(answer.rows.count)")
        }
        var left = answer.rows
        for row in wanted {
            let isDeleted = row["tombstone"]?.booleanValue ?? false
            let columns = row["columns"] ?? .null
            guard let place = left.firstIndex(where: { $0.isDeleted == isDeleted && isSame(columns, $0.row) }) else {
                let others = left.map { ($0.isDeleted ? "deleted " : "") + $0.row.text }.joined(separator: ", ")
                throw CaseFailure("\(path): expected the row \(columns.text)\(isDeleted ? " deleted" : ""), got \(others)")
            }
            left.remove(at: place)
        }
        if let message = elements.compactMap({ $0["finalMessage"]?.stringValue }).first, message == "Limit Reached",
            answer.summaries.last?.message != message
        {
            throw CaseFailure("\(path): expected the end \(message), got \(answer.summaries.last?.message ?? "none")")
        }
        for element in elements where element["header"] == nil && element["row"] == nil && element["finalMessage"] == nil {
            throw CaseFailure("\(path): cannot compare \(element.text)")
        }
    }

    /// Key columns are marked where the query is not a push query.
    private var header: String {
        let isPush = question.uppercased().contains("EMIT CHANGES")
        return answer.columns.map { "`\($0.name)` \($0.type)" + ($0.isKey && !isPush ? " KEY" : "") }.joined(separator: ", ")
    }

    private func isSame(_ expected: JSONValue, _ actual: JSONValue) -> Bool {
        ValueComparison(isExact: true).difference(expected: expected, actual: .json(actual), path: "") == nil
    }
}
