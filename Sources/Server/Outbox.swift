// The answers of one connection on their way out. Engine threads write into it, the loop takes what has gathered and hands it to the
// socket as one piece. It is bounded by asking: a query asks for room before it makes rows, so a slow reader slows its own query.

import Platform
import Synchronization
import Wire

/// Unsent bytes of one connection, all answers of it in the order of their writing.
final class Outbox: Sendable {
    private struct State: ~Copyable {
        /// Answer lines that wait for the loop.
        var bytes: [UInt8] = []
        /// These bytes, and those on their way through the socket.
        var unsent = 0
        var isFlushAsked = false
        var isClosed = false
        var waiting: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    /// Asks the loop for a flush; at most one such call is under way.
    private let askForFlush: @Sendable () -> Void

    init(askForFlush: @escaping @Sendable () -> Void) { self.askForFlush = askForFlush }

    /// Writes answer lines. From any thread; dropped when the connection is gone. They are encoded before the lock is taken, so that a
    /// large answer delays neither the loop nor the other requests of the connection.
    func write(_ body: (inout AnswerEncoder) -> Void) {
        var encoder = AnswerEncoder()
        body(&encoder)
        let lines = encoder.take()
        let mustAsk = state.withLock { state in
            guard !state.isClosed else { return false }
            if state.bytes.isEmpty { state.bytes = lines } else { state.bytes += lines }
            state.unsent += lines.count
            defer { state.isFlushAsked = true }
            return !state.isFlushAsked
        }
        if mustAsk { askForFlush() }
    }

    /// Whether a query may make more rows; when not, `resume` is called once when the reader has caught up.
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.isClosed || state.unsent < WireLimits.unsentBytes { return true }
            state.waiting.append(resume)
            return false
        }
    }

    /// Everything that has gathered. On the loop.
    func take() -> [UInt8] {
        state.withLock { state in
            state.isFlushAsked = false
            defer { state.bytes = [] }
            return state.bytes
        }
    }

    /// So many bytes have left. On the loop.
    func sent(_ count: Int) {
        let resumed = state.withLock { state -> [@Sendable () -> Void] in
            state.unsent -= count
            guard state.unsent < WireLimits.unsentBytes / 2 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for resume in resumed { resume() }
    }

    /// Whether nothing waits to be sent.
    var isEmpty: Bool { state.withLock { $0.unsent == 0 } }

    /// Whether so much waits for a client that does not read that it is not to ask for more. Queries stop long before: this is what answers
    /// come to that the loop itself gives.
    var isOverfull: Bool { state.withLock { $0.unsent >= 4 * WireLimits.unsentBytes } }

    /// The connection is gone; queries that wait for room are told, so that they can find out.
    func close() {
        let resumed = state.withLock { state -> [@Sendable () -> Void] in
            state.isClosed = true
            state.bytes = []
            defer { state.waiting = [] }
            return state.waiting
        }
        for resume in resumed { resume() }
    }
}
