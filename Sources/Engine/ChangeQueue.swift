// Statements that change the catalog, one at a time and in the order in which they came. One that waits for its turn
// holds no thread.

import Platform

/// A queue of changes that are carried out one after the other on the threads of a pool.
final class ChangeQueue: Sendable {
    private struct State {
        var isBusy = false
        var waiting: [@Sendable () -> Void] = []
        var next = 0
    }
    private let state = Monitor(State())
    private let pool: ThreadPool

    init(on pool: ThreadPool) { self.pool = pool }

    /// Carries out `change` when all that came before it are done. It runs on a thread of the pool, which it may block.
    func run(_ change: @escaping @Sendable () -> Void) {
        let isFree = state.withLock { state in
            if state.isBusy { state.waiting.append(change) }
            defer { state.isBusy = true }
            return !state.isBusy
        }
        if isFree { start(change) }
    }

    private func start(_ change: @escaping @Sendable () -> Void) {
        pool.run { [self] in
            change()
            if let next = takeNext() { start(next) }
        }
    }

    private func takeNext() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard state.next < state.waiting.count else {
                state = State()
                return nil
            }
            defer { state.next += 1 }
            return state.waiting[state.next]
        }
    }
}
