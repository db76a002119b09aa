// Threads for work that may wait: statements that wait for queries, loads that wait for a codec or a disk. The network loop and the
// workers must not wait: they hand such work over.

/// A few threads that carry out work in the order in which it came; they are started as they are needed.
package final class ThreadPool: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var idle = 0
        var threads: [any RunningThread] = []
        var isClosed = false
    }

    private let state = Monitor(State())
    private let name: String
    private let limit: Int
    private let scheduler: any Scheduler

    /// A pool of at most `limit` threads of `scheduler`; `name` is what debuggers call them.
    package init(_ name: String, limit: Int, scheduler: any Scheduler = HostScheduler()) {
        self.name = name
        self.limit = limit
        self.scheduler = scheduler
    }

    /// Has `work` done. After `close` it is dropped.
    package func run(_ work: @escaping @Sendable () -> Void) {
        let needsThread = state.update { state -> Bool in
            guard !state.isClosed else { return false }
            state.waiting.append(work)
            return state.idle < state.waiting.count && state.threads.count < limit
        }
        guard needsThread else { return }
        do throws(SystemError) {
            let thread = try scheduler.start(name) { [self] in loop() }
            state.update { $0.threads.append(thread) }
        } catch {
            // Those that are there take the work in turn; where there are none, it is better done late and here than never.
            let mine = state.update { state -> [@Sendable () -> Void] in
                guard state.threads.isEmpty else { return [] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for work in mine { work() }
        }
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

    /// Finishes what waits and ends the threads. Not to be called from one of them.
    package func close() {
        let threads = state.update { state -> [any RunningThread] in
            state.isClosed = true
            return state.threads
        }
        for thread in threads { thread.join() }
    }
}
