// How one statement ends: its error with the place that it points at.

import Diagnostics
import Platform
import Sessions

/// Waits for how a statement ends.
final class OutcomeSink: AnswerSink {
    private let outcome = Monitor<(isOver: Bool, error: Diagnostic?)>((false, nil))

    func emit(_ event: AnswerEvent) {
        switch event {
        case .failed(let error): outcome.update { $0 = (true, error) }
        case .done: outcome.update { $0 = (true, nil) }
        case .columns, .rows, .notice, .position: break
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    /// The error, once the statement is over; nil when it went well.
    func error() -> Diagnostic? { outcome.wait(until: { $0.isOver }, then: { $0.error }) }
}

extension Millrace {
    /// The error of one statement; nil when it went well.
    func error(of sql: String) -> Diagnostic? {
        let sink = OutcomeSink()
        session.execute(sql, into: sink)
        return sink.error()
    }
}

/// The part of a statement that an error points at.
func place(_ error: Diagnostic?, in sql: String) -> String? {
    guard let range = error?.range else { return nil }
    return String(decoding: Array(sql.utf8)[range.start..<range.end], as: UTF8.self)
}
