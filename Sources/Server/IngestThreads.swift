// The threads on which bulk loads are decoded and committed, so that the network loop waits neither for a codec nor for a disk.

import Platform

/// A few threads that carry out work in the order in which it came; they are started as they are needed.
final class IngestThreads: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var idle = 0
        var threads: [WorkerThread] = []
        var isClosed = false
    }

    private let state = Monitor(State())
    /// A load keeps one busy, and beyond the cores more would only take turns.
    private let limit = max(2, processorCount())

    /// Has `work` done. After `close` it is dropped.
    func run(_ work: @escaping @Sendable () -> Void) {
        let needsThread = state.update { state -> Bool in
            guard !state.isClosed else { return false }
            state.waiting.append(work)
            return state.idle < state.waiting.count && state.threads.count < limit
        }
        guard needsThread else { return }
        // Without another thread those that are there take the work in turn.
        guard let thread = try? WorkerThread.start("ingest", { [self] in loop() }) else { return }
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

    /// Finishes what waits and ends the threads.
    func close() {
        let threads = state.update { state -> [WorkerThread] in
            state.isClosed = true
            return state.threads
        }
        for thread in threads { thread.join() }
    }
}
