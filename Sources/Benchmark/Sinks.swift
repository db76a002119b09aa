// The ends of answers that a benchmark looks at: whether a statement failed, and how many rows of a push query have come.

import Bytes
import Diagnostics
import Engine
import Platform
import Sessions

/// Keeps why a statement failed.
final class FailureSink: AnswerSink {
    private let state = Monitor<Diagnostic?>(nil)
    var failure: Diagnostic? { state.withLock { $0 } }

    func emit(_ event: AnswerEvent) {
        if case .failed(let error) = event { state.update { $0 = error } }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

/// Counts rows as they come.
final class ArrivalSink: AnswerSink {
    private let state = Monitor<(hasBegun: Bool, rows: Int, hasEnded: Bool)>((false, 0, false))

    func emit(_ event: AnswerEvent) {
        state.update { state in
            switch event {
            case .columns: state.hasBegun = true
            case .rows(let block): state.rows += block.count
            case .done, .failed: state.hasEnded = true
            case .notice: break
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    func awaitColumns() { state.wait(until: { $0.hasBegun || $0.hasEnded }, then: { _ in }) }
    func await(rows: Int) { state.wait(until: { $0.rows >= rows || $0.hasEnded }, then: { _ in }) }
}
