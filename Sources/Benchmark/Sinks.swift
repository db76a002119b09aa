// The ends of answers that a benchmark looks at: whether a statement failed, and when the rows of a push query came.

import Bytes
import Diagnostics
import Engine
import Platform
import Sessions

/// Counts the rows of statements and keeps why one failed.
final class CollectingSink: AnswerSink {
    private let state = Monitor<(rows: Int, failure: Diagnostic?)>((0, nil))
    var failure: Diagnostic? { state.withLock { $0.failure } }
    var rows: Int { state.withLock { $0.rows } }

    func emit(_ event: AnswerEvent) {
        state.update { state in
            switch event {
            case .rows(let block): state.rows += block.count
            case .failed(let error): state.failure = error
            case .columns, .notice, .position, .done: break
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

/// Counts rows as they come, and how late each is when there is a schedule for them.
final class ArrivalSink: AnswerSink {
    private struct State: Sendable {
        var hasBegun = false
        var hasEnded = false
        var failure: Diagnostic?
        var rows = 0
        var schedule: RowSchedule?
        var times = LatencyHistogram()
    }
    private let state = Monitor(State())
    private let time: any TimeSource

    init(time: any TimeSource) { self.time = time }

    /// The rows to come are due as the schedule says; they come in its order.
    func expect(_ schedule: RowSchedule) { state.update { $0.schedule = schedule } }

    /// How late the rows were.
    var times: LatencyHistogram { state.withLock { $0.times } }

    func emit(_ event: AnswerEvent) {
        let now = time.monotonicNanoseconds()
        state.update { state in
            switch event {
            case .columns: state.hasBegun = true
            case .rows(let block):
                if let schedule = state.schedule {
                    for row in state.rows..<state.rows + block.count { state.times.add(now - schedule.moment(of: row)) }
                }
                state.rows += block.count
            case .failed(let error):
                state.failure = error
                state.hasEnded = true
            case .done: state.hasEnded = true
            case .notice, .position: break
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    /// Waits until the query has begun.
    func awaitColumns() throws(Diagnostic) { try awaitState { $0.hasBegun } }

    /// Waits until so many rows have come.
    func await(rows: Int) throws(Diagnostic) { try awaitState { $0.rows >= rows } }

    private func awaitState(_ holds: (borrowing State) -> Bool) throws(Diagnostic) {
        let (isThere, failure) = state.wait(nanoseconds: BenchmarkSuite.patience, until: { $0.hasEnded || holds($0) }) { state in
            (holds(state), state.failure)
        }
        if isThere { return }
        throw failure ?? Diagnostic(.wrongState, "the push query ended, or its rows did not come in time", category: .general)
    }
}
