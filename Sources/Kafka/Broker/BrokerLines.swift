// The lines that the broker writes to the server's log. A client that does the same thing a thousand times a second is told of a few times: lines
// of one kind are counted beyond that, and the next one says how many there were.

import Platform
import Synchronization

/// What a line is about.
package enum BrokerLine: Sendable {
    /// Something ordinary that explains what happens to clients.
    case information
    /// What a client did cannot be served, or not as it asked.
    case warning
}

/// Lets a few lines of each kind through.
struct LineAllowance {
    /// So many lines in so many milliseconds.
    static let lines = 5, milliseconds: Int64 = 10_000
    /// Kinds that are counted apart: beyond these all count as one.
    static let mostKinds = 1_000

    private struct Kind {
        var began: Int64
        var lines = 0
        var leftOut = 0
    }

    private var kinds: [String: Kind] = [:]

    /// How many lines of the kind were left out before this one; nil where this one is left out, too. `now` in milliseconds.
    mutating func admit(_ kind: String, now: Int64) -> Int? {
        if kinds[kind] == nil, kinds.count >= LineAllowance.mostKinds {
            kinds = kinds.filter { now - $0.value.began < LineAllowance.milliseconds || $0.value.leftOut > 0 }
        }
        let kind = kinds[kind] != nil || kinds.count < LineAllowance.mostKinds ? kind : ""
        var state = kinds[kind] ?? Kind(began: now)
        defer { kinds[kind] = state }
        if now - state.began >= LineAllowance.milliseconds { (state.began, state.lines) = (now, 0) }
        guard state.lines < LineAllowance.lines else {
            state.leftOut += 1
            return nil
        }
        state.lines += 1
        defer { state.leftOut = 0 }
        return state.leftOut
    }
}

/// Writes the broker's lines.
final class BrokerLines: Sendable {
    private let write: @Sendable (BrokerLine, _ event: String, _ reason: String) -> Void
    private let clock: any TimeSource
    private let allowance = Mutex(LineAllowance())

    init(_ clock: any TimeSource, _ write: @escaping @Sendable (BrokerLine, String, String) -> Void) {
        (self.clock, self.write) = (clock, write)
    }

    /// `kind` tells lines of one event apart that are counted apart.
    func warn(_ event: String, kind: String = "", _ reason: String) { say(.warning, event, kind, reason) }

    /// As `warn`, of what is in order.
    func inform(_ event: String, kind: String = "", _ reason: String) { say(.information, event, kind, reason) }

    private func say(_ line: BrokerLine, _ event: String, _ kind: String, _ reason: String) {
        let now = clock.monotonicNanoseconds() / 1_000_000
        guard let leftOut = allowance.withLock({ $0.admit("\(event) \(kind)", now: now) }) else { return }
        write(line, event, leftOut > 0 ? "\(reason) (\(leftOut) lines like it were left out)" : reason)
    }
}
