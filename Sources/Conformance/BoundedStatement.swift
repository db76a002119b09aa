// Statements of cases, carried out through a session with a bound: a statement that does not end fails its case with a line.

import Bytes
import Diagnostics
import Engine
import JSONText
import Platform
import Sessions

/// Limits of the harness. What a case asks for beyond them fails that case and no other.
enum CaseLimits {
    /// Nanoseconds of real time that the statements of one request may take, and that queries may take to process a case's few records.
    static let nanoseconds: Int64 = 30_000_000_000
    /// The same in seconds, for messages.
    static let seconds = nanoseconds / 1_000_000_000
    /// Bytes of a file of cases; the largest of the suites has two million.
    static let fileBytes: Int64 = 64 << 20
    /// Folders below the one that was named.
    static let folderDepth = 16
    /// Scripts that run scripts.
    static let scriptDepth = 16
    /// Partitions of a topic.
    static let partitions = 1...1000
}

/// The outcome of a text of statements.
struct StatementAnswer: Sendable {
    /// The columns of the last statement that had any.
    var columns: [ResultColumn] = []
    /// The rows as JSON arrays, and whether each is a deletion.
    var rows: [(row: JSONValue, isDeleted: Bool)] = []
    /// How each statement that ended well did.
    var summaries: [AnswerSummary] = []
    /// The error of the statement that failed.
    var failure: Diagnostic?
    fileprivate var isFinished = false
}

/// A text of statements under way.
final class BoundedStatement: AnswerSink {
    private let state = Monitor(StatementAnswer())
    private let request = Monitor<Request?>(nil)

    /// Begins to carry out `text`.
    init(_ text: String, in session: EngineSession) {
        let request = session.execute(text, into: self) { [state] _ in state.update { $0.isFinished = true } }
        self.request.withLock { $0 = request }
    }

    func emit(_ event: AnswerEvent) {
        state.update { state in
            switch event {
            case .columns(let columns, _): state.columns = columns
            case .rows(let block):
                for index in 0..<block.count {
                    let row = (try? JSONValue(parsing: block.row(index))) ?? .string(String(decoding: block.row(index), as: UTF8.self))
                    state.rows.append((row, block.isDeleted(index)))
                }
            case .notice, .position: break
            case .done(let summary): state.summaries.append(summary)
            case .failed(let error): state.failure = state.failure ?? error
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    /// Waits until the answer has its columns, or has ended without any.
    func awaitColumns() {
        state.wait(nanoseconds: CaseLimits.nanoseconds, until: { !$0.columns.isEmpty || $0.isFinished }, then: { _ in })
    }

    /// Waits for the end of the last statement. A statement that does not end in time is cancelled. Errors: it did not end.
    func finish() throws(CaseFailure) -> StatementAnswer {
        let nanoseconds = CaseLimits.nanoseconds
        if let answer = state.wait(nanoseconds: nanoseconds, until: \.isFinished, then: { $0.isFinished ? $0 : nil }) { return answer }
        let done = state.withLock { ($0.summaries.count, $0.rows.count) }
        request.withLock { $0 }?.cancel()
        state.wait(nanoseconds: nanoseconds, until: \.isFinished, then: { _ in })
        throw CaseFailure("statement \(done.0 + 1) did not end within \(CaseLimits.seconds) seconds; it gave \(done.1) rows")
    }
}

extension EngineSession {
    /// Carries out `text` to its end. Errors: it does not end.
    func carryOut(_ text: String) throws(CaseFailure) -> StatementAnswer { try BoundedStatement(text, in: self).finish() }
}
