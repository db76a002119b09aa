// The threads on which statements are carried out. Planning, catalog commits and waiting for other queries happen here, so that
// neither the network loop nor a worker ever waits for a statement.

import Platform

/// A small pool of threads for statements, started as they are needed.
final class StatementThreads: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var idle = 0
        var threads: [WorkerThread] = []
        var isClosed = false
    }

    private let state = Monitor(State())
    /// Waiting for upstream queries is what mostly occupies a thread; more than this many sessions wait in turn.
    private let limit = 8

    /// Carries `work` out on one of the threads. After `close` it is dropped.
    func run(_ work: @escaping @Sendable () -> Void) {
        let needsThread = state.update { state -> Bool in
            guard !state.isClosed else { return false }
            state.waiting.append(work)
            return state.idle < state.waiting.count && state.threads.count < limit
        }
        if needsThread { startThread() }
    }

    private func startThread() {
        // Without another thread the ones there are take the work in turn; the first start is reported by the engine's own start.
        guard let thread = try? WorkerThread.start("statements", { [self] in loop() }) else { return }
        state.update { $0.threads.append(thread) }
    }

    private func loop() {
        while true {
            state.withLock { $0.idle += 1 }
            let work = state.wait(until: { !$0.waiting.isEmpty || $0.isClosed }) { state -> (@Sendable () -> Void)? in
                state.idle -= 1
                return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            }
            guard let work else { return }
            work()
        }
    }

    /// Finishes what is waiting and ends the threads.
    func close() {
        let threads = state.update { state -> [WorkerThread] in
            state.isClosed = true
            return state.threads
        }
        for thread in threads { thread.join() }
    }
}
