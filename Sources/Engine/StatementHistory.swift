// The statements under way and the latest ones that have ended, for `millrace.statements` and the log of slow ones.

import Diagnostics
import Platform

/// A statement as it is remembered.
struct RememberedStatement: Sendable {
    /// How it stands with it.
    enum State: Sendable {
        case running
        case done(rows: Int)
        case failed(code: String, message: String)
    }

    let number: Int64
    /// The connection that it came from; nil for a session that has none.
    let connection: Int?
    let text: String
    /// Milliseconds since the epoch, and nanoseconds of the monotonic clock.
    let startedAt: Int64
    let began: Int64
    var state = State.running
    /// How long it took; nil while it is under way.
    var nanoseconds: Int64?

    /// How it ended, in a few words.
    var outcome: String {
        switch state {
        case .running: "under way"
        case .done(let rows): "\(rows) rows"
        case .failed(let code, _): "error \(code)"
        }
    }
}

/// Remembers statements. Those under way are all there; of the others the latest.
final class StatementHistory: Sendable {
    /// Statements that have ended of which something is known.
    private static let kept = 1_000
    /// Characters of a statement's text.
    private static let textLength = 500

    private struct State: Sendable {
        var next: Int64 = 1
        var running: [Int64: RememberedStatement] = [:]
        /// A ring; `oldest` is where the next one goes once it is full.
        var ended: [RememberedStatement] = []
        var oldest = 0
    }

    private let state = Monitor(State())

    /// A statement begins; gives its number.
    func begin(_ text: String, connection: Int?, at time: any TimeSource) -> Int64 {
        // By bytes, which are counted at once: a statement may have a megabyte.
        let isLong = text.utf8.count > StatementHistory.textLength
        let text = isLong ? text.prefix(StatementHistory.textLength) + "…" : text
        let (wall, began) = (time.wallMilliseconds(), time.monotonicNanoseconds())
        return state.withLock { state in
            let number = state.next
            state.next += 1
            state.running[number] = RememberedStatement(number: number, connection: connection, text: text, startedAt: wall, began: began)
            return number
        }
    }

    /// A statement has ended. Gives it, with how long it took; nil when that is known already.
    @discardableResult
    func end(_ number: Int64, _ outcome: RememberedStatement.State, at nanoseconds: Int64) -> RememberedStatement? {
        state.withLock { state in
            guard var record = state.running.removeValue(forKey: number) else { return nil }
            record.state = outcome
            record.nanoseconds = max(0, nanoseconds - record.began)
            if state.ended.count < StatementHistory.kept {
                state.ended.append(record)
            } else {
                state.ended[state.oldest] = record
                state.oldest = (state.oldest + 1) % StatementHistory.kept
            }
            return record
        }
    }

    /// All that is remembered, in the order in which they began.
    var records: [RememberedStatement] {
        state.withLock { Array($0.running.values) + $0.ended }.sorted { $0.number < $1.number }
    }
}
