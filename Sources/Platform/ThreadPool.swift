// Threads for work that may wait: statements that wait for queries, loads that wait for a codec or a disk. The network loop and the
// workers must not wait: they hand such work over.

/// A few threads that carry out work in the order in which it came; they are started as they are needed.
package final class ThreadPool: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var idle = 0
        var threads: [any RunningThread] = []
        /// Threads that are being started, and count as well: the work that two callers bring at once may have room for one only.
        var starting = 0
        /// Threads that have left their loop.
        var ended = 0
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

    /// Has `work` done. False when it is dropped, because the pool is closed.
    @discardableResult
    package func run(_ work: @escaping @Sendable () -> Void) -> Bool {
        // One idle thread takes it. Those that close the pool wait as well, but nothing is taken from then on.
        let needsThread = state.updateForOne { state -> Bool? in
            guard !state.isClosed else { return nil }
            state.waiting.append(work)
            guard state.idle + state.starting < state.waiting.count, state.threads.count + state.starting < limit else { return false }
            state.starting += 1
            return true
        }
        guard let needsThread else { return false }
        if needsThread { startThread() }
        return true
    }

    private func startThread() {
        do throws(SystemError) {
            let thread = try scheduler.start(name) { [self] in loop() }
            state.update { state in
                state.starting -= 1
                state.threads.append(thread)
            }
        } catch {
            // Those that are there take the work in turn; where there are none, it is better done late and here than never.
            let mine = state.update { state -> [@Sendable () -> Void] in
                state.starting -= 1
                guard state.threads.isEmpty, state.starting == 0 else { return [] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for work in mine { work() }
        }
    }

    private func loop() {
        while true {
            state.withLock { $0.idle += 1 }
            let work = state.wait(wakes: false, until: { !$0.waiting.isEmpty || $0.isClosed }) { state -> (@Sendable () -> Void)? in
                state.idle -= 1
                return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            }
            guard let work else {
                state.update { $0.ended += 1 }
                return
            }
            work()
        }
    }

    /// Finishes what waits and ends the threads. Not to be called from one of them.
    package func close() {
        state.update { $0.isClosed = true }
        let threads = state.wait(until: { $0.starting == 0 }, then: { $0.threads })
        for thread in threads { thread.join() }
    }

    /// Takes no more work and gives the threads so many nanoseconds to finish what they have. False when some are not done by then: what
    /// still waits is dropped, and those threads end with the work that they are at.
    package func close(within nanoseconds: Int64) -> Bool {
        state.update { $0.isClosed = true }
        let threads = state.wait(nanoseconds: nanoseconds, until: { $0.starting == 0 && $0.ended == $0.threads.count }) { state -> [any RunningThread]? in
            guard state.starting == 0, state.ended == state.threads.count else {
                state.waiting = []
                return nil
            }
            return state.threads
        }
        for thread in threads ?? [] { thread.join() }
        return threads != nil
    }
}
