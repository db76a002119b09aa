// Gathers the rows of a short answer.

import Bytes
import Diagnostics
import Engine
import JSONText
import Platform
import Sessions

/// Takes the rows of one listing.
final class TableAnswer: AnswerSink {
    private struct State {
        var columns: [String] = []
        var rows: [[String]] = []
        var failure: Diagnostic?
    }
    private let state = Monitor(State())

    /// Carries out one statement and gives its rows.
    func table(of statement: String, from session: any StatementSession) throws(CommandFailure) -> RowTable {
        let isOver = Monitor(false)
        let request = session.submit(statement, into: self) { _ in isOver.update { $0 = true } }
        isOver.wait(until: { $0 }, then: { _ in })
        withExtendedLifetime(request) {}
        let state = state.withLock { $0 }
        if let error = state.failure { throw error.code == .connectionLost ? .cannotStart(error) : .refused(error) }
        return RowTable(state.columns, state.rows)
    }

    func emit(_ event: AnswerEvent) {
        state.withLock { state in
            switch event {
            case .columns(let columns, _): state.columns = columns.map(\.name)
            case .rows(let block):
                for index in 0..<block.count {
                    // The engine writes JSON arrays.
                    let cells = (try? JSONValue(parsing: block.row(index)))?.arrayValue ?? []
                    state.rows.append(cells.map { $0.stringValue ?? ($0.isNull ? "" : $0.text) })
                }
            case .failed(let error): state.failure = error
            case .notice, .position, .done: break
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}
