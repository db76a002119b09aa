// Runs one SQL test in a fresh engine in memory, as a server would run the script: only the ASSERT statements of the test tool are carried
// out here. Before each of them the queries work off what was written, so that a test needs no patience.

import Catalog
import Diagnostics
import Engine
import LogStore
import Platform
import Syntax

struct SQLTestRunner {
    /// Reads the file of RUN SCRIPT, by the path that the test gives.
    let script: (_ path: String) throws(Diagnostic) -> String

    /// Queries that have not worked off a test's few rows by now never will.
    private static let patience: Int64 = 30_000_000_000

    func run(_ test: SQLTest) -> CaseOutcome {
        if let problem = test.problem { return .failed(problem) }
        if test.statements.isEmpty { return .failed("there is no statement in it") }
        do {
            let log = try SegmentedLog(
                directory: "/test", files: MemoryFileSystem(), clock: SimulatedTime(), random: SeededRandom(seed: 11), options: .inMemory)
            let configuration = EngineConfiguration(
                workers: 1, properties: ["auto.offset.reset": "earliest", "cache.max.bytes.buffering": "0"], pushStart: "earliest",
                random: SeededRandom(seed: 5))
            let engine = try MillraceEngine(configuration: configuration, log: log)
            defer { engine.close() }
            return run(test, on: engine)
        } catch {
            return .failed("the engine did not start: \(error)")
        }
    }

    private func run(_ test: SQLTest, on engine: MillraceEngine) -> CaseOutcome {
        var progress = SQLTestProgress(engine: engine, session: engine.openSession())
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
    private func perform(_ text: String, _ progress: inout SQLTestProgress) throws(SQLTestFailure) {
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
            guard progress.engine.drain(nanoseconds: Self.patience) else { throw .assertion("the queries do not keep up") }
            switch assertion {
            case .values, .tombstone, .source: return try SQLAssertion(assertion).check(&progress)
            case .topic, .schema: break
            }
        case .define(let name, let value): progress.variables[name.text.uppercased()] = value
        case .undefine(let name): progress.variables[name.text.uppercased()] = nil
        case .runScript(let path):
            let content: String
            do throws(Diagnostic) { content = try script(path) } catch { throw .statement(error) }
            for piece in StatementSplitter.split(content) { try perform(piece, &progress) }
            return
        default: break
        }
        if let failure = progress.execute(text) { throw .statement(failure) }
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
    let engine: MillraceEngine
    let session: EngineSession
    var variables: [String: String] = [:]
    /// How far the assertions have read each partition.
    var positions: [String: [Int64]] = [:]

    /// Carries out a statement through the engine's own door; gives its error.
    func execute(_ text: String) -> Diagnostic? {
        let sink = FailureSink()
        let isFinished = Monitor(false)
        session.execute(text, into: sink) { _ in isFinished.update { $0 = true } }
        isFinished.wait(until: { $0 }, then: { _ in })
        return sink.failure
    }
}

/// Keeps the error of an answer.
private final class FailureSink: AnswerSink {
    private let state = Monitor<Diagnostic?>(nil)
    var failure: Diagnostic? { state.withLock { $0 } }

    func emit(_ event: AnswerEvent) {
        if case .failed(let error) = event { state.update { $0 = $0 ?? error } }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}
