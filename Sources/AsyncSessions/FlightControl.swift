// How many statements of a session are under way at a server, which takes only so many at once over one connection: the others wait here for
// their turn, so that a program may begin as many as it likes.

import Platform

/// Lets statements begin, up to a number of them at once.
final class FlightControl: Sendable {
    private struct State {
        var running = 0
        /// Those among them that end only when they are told to.
        var endless = 0
        var waiting: [@Sendable () -> Void] = []
        var firstWaiting = 0

        mutating func next() -> (@Sendable () -> Void)? {
            guard firstWaiting < waiting.count else { return nil }
            defer {
                firstWaiting += 1
                if firstWaiting == waiting.count { (waiting, firstWaiting) = ([], 0) }
            }
            running += 1
            return waiting[firstWaiting]
        }
    }
    private let state = Monitor(State())
    /// Nil where any number may run at once.
    private let most: Int?

    /// At most so many statements at once.
    init(most: Int?) { self.most = most }

    /// Begins a statement, now or when another one has ended. Where none of those that run ends by itself, nobody would make room: it begins
    /// at once, and the server refuses it.
    func begin(_ statement: @escaping @Sendable () -> Void) {
        let isFirst = state.update { state in
            guard let most, state.running >= most, state.endless < state.running else {
                state.running += 1
                return true
            }
            state.waiting.append(statement)
            return false
        }
        if isFirst { statement() }
    }

    /// A statement that has begun turns out to go on until it is told to end. When all of them do, those that wait are to hear it.
    func noteEndless() {
        let calls = state.update { state -> [@Sendable () -> Void] in
            state.endless += 1
            var calls: [@Sendable () -> Void] = []
            while state.endless >= state.running, let call = state.next() { calls.append(call) }
            return calls
        }
        for call in calls { call() }
    }

    /// A statement has ended.
    func end(wasEndless: Bool) {
        let call = state.update { state in
            state.running -= 1
            if wasEndless { state.endless -= 1 }
            return state.next()
        }
        call?()
    }
}
