// Runs one SQL test in a fresh engine in memory, as a server would run the script: only the ASSERT statements of the test tool are carried
// out here. After each statement the queries process what it wrote, so that a test need not wait, and so that records are seen in the
// order of the statements that made them, in whichever partitions they are.

import Catalog
import Diagnostics
import Engine
import LogStore
import Platform
import Quantities
import Sessions
import Syntax

struct SQLTestRunner {
    /// Reads the file of RUN SCRIPT, by the path that the test gives.
    let script: (_ path: String) throws(Diagnostic) -> String

    func run(_ test: SQLTest) -> CaseOutcome {
        if let problem = test.problem { return .failed(problem) }
        if test.statements.isEmpty { return .failed("there is no statement in it") }
        do {
            let log = try SegmentedLog(
                directory: "/test", files: MemoryFileSystem(), clock: SimulatedTime(), random: SeededRandom(seed: 11), options: .inMemory)
            let configuration = EngineConfiguration(
                workers: 1, properties: ["auto.offset.reset": "earliest", "cache.max.bytes.buffering": "0", "commit.interval.ms": "1", "millrace.schema.wait.ms": "0"],
                pushStart: "earliest", random: SeededRandom(seed: 5))
            let engine = try MillraceEngine(configuration: configuration, log: log)
            defer { engine.close() }
            return run(test, on: engine, log)
        } catch {
            return .failed("the engine did not start: \(error)")
        }
    }

    private func run(_ test: SQLTest, on engine: MillraceEngine, _ log: any EventLog) -> CaseOutcome {
        var progress = SQLTestProgress(engine: engine, log: log, session: engine.openSession())
        for (index, statement) in test.statements.enumerated() {
            let isLast = index == test.statements.count - 1
            do throws(SQLTestFailure) {
                try perform(statement.text, &progress)
            } catch {
                return outcome(error, test.expectedError, isLast: isLast, line: statement.line)
            }
        }
        guard let expected = test.expectedError else { return .passed }
        return .failed("expected an error: \(expected.message)")
    }

    /// Carries out one piece of the script: a statement, or blanks and comments.
    private func perform(_ text: String, depth: Int = 0, _ progress: inout SQLTestProgress) throws(SQLTestFailure) {
        var options = ParserOptions()
        options.acceptsTestAssertions = true
        options.acceptsRunScript = true
        options.acceptsMissingSemicolon = true
        options.variables = progress.variables
        let parsed: [ParsedStatement]
        do throws(Diagnostic) { parsed = try parse(text, options: options) } catch { throw .statement(error) }
        guard let statement = parsed.first?.statement else { return }
        switch statement {
        case .assert(let assertion):
            switch assertion {
            case .values, .tombstone, .source: return try SQLAssertion(assertion).check(&progress)
            case .topic, .schema: break
            }
        case .define(let name, let value): progress.variables[name.text.uppercased()] = value
        case .undefine(let name): progress.variables[name.text.uppercased()] = nil
        case .runScript(let path):
            guard depth < CaseLimits.scriptDepth else { throw .assertion("scripts run scripts more than \(depth) deep") }
            let content: String
            do throws(Diagnostic) { content = try script(path) } catch { throw .statement(error) }
            for piece in StatementSplitter.split(content) { try perform(piece, depth: depth + 1, &progress) }
            return
        default: break
        }
        try progress.carryOut(text)
    }

    private func outcome(_ failure: SQLTestFailure, _ expected: ExpectedError?, isLast: Bool, line: Int) -> CaseOutcome {
        switch failure {
        case .assertion(let difference): return .failed("line \(line): \(difference)")
        case .statement(let error):
            guard let expected else { return .failed("line \(line): \(error.fullMessage)" + (error.hint.map { "\n\($0)" } ?? "")) }
            if !isLast { return .failed("line \(line): failed before the last statement: \(error.fullMessage)") }
            if let category = expected.category, !error.category.isKind(of: category) {
                return .failed("line \(line): expected an error of kind \(category.rawValue), got \(error.category.rawValue): \(error.fullMessage)")
            }
            guard expected.message.isEmpty || error.fullMessage.contains(expected.message) else {
                return .failed("line \(line): expected the error\n\(expected.message)\ngot\n\(error.fullMessage)")
            }
            return .passed
        }
    }
}

/// Why a test did not go on.
enum SQLTestFailure: Error {
    /// A statement was refused or failed.
    case statement(Diagnostic)
    /// An assertion does not hold: the difference.
    case assertion(String)
}

/// A test under way.
struct SQLTestProgress {
    /// Records of one partition, none of which an assertion has taken yet.
    struct Arrival {
        var partition: PartitionIndex
        var offsets: Range<Offset>
    }

    let engine: MillraceEngine
    /// The log that the engine was made over.
    let log: any EventLog
    let session: EngineSession
    var variables: [String: String] = [:]
    /// What each topic got after each statement, oldest statement first.
    var arrivals: [TopicID: [[Arrival]]] = [:]
    /// How much of each partition is among the arrivals, taken or not.
    private var ends: [TopicID: [Offset]] = [:]

    init(engine: MillraceEngine, log: any EventLog, session: EngineSession) {
        self.engine = engine
        self.log = log
        self.session = session
    }

    /// Carries out a statement through the engine's own door and waits until the queries have processed what it wrote. Errors: the
    /// statement's, or that it or the queries take too long.
    mutating func carryOut(_ text: String) throws(SQLTestFailure) {
        let answer: StatementAnswer
        do throws(CaseFailure) { answer = try session.carryOut(text) } catch { throw .assertion(error.message) }
        if let failure = answer.failure { throw .statement(failure) }
        guard engine.drain(nanoseconds: CaseLimits.nanoseconds) else {
            throw .assertion("the queries did not process the records within \(CaseLimits.seconds) seconds")
        }
        noteArrivals()
    }

    private mutating func noteArrivals() {
        for topic in log.describeTopics() {
            var known = ends[topic.id] ?? topic.partitions.map(\.bounds.start)
            var new: [Arrival] = []
            for (place, description) in topic.partitions.enumerated() where known[place] < description.bounds.durableEnd {
                new.append(Arrival(partition: PartitionIndex(index: place), offsets: known[place]..<description.bounds.durableEnd))
                known[place] = description.bounds.durableEnd
            }
            ends[topic.id] = known
            if !new.isEmpty { arrivals[topic.id, default: []].append(new) }
        }
    }
}
