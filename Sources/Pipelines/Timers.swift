// What is to be done after a while: a refused commit that is tried again, a pause that does not wait longer. Timers have a thread of their
// own, since a worker may be in the middle of something long just then, and a timer may be what ends that.

import Platform

/// Calls back after a while.
final class Timers: Sendable {
    private struct Entry {
        /// Monotonic nanoseconds.
        let due: Int64
        let call: @Sendable () -> Void
    }

    private struct State {
        var entries: [Entry] = []
        var isStopped = false
        /// The earliest time at which something is due (monotonic nanoseconds).
        var next: Int64? { entries.map(\.due).min() }
    }

    private let state: Monitor<State>
    private let clock: any TimeSource
    private let thread: any RunningThread

    /// Starts the thread. Errors: the system refuses it.
    init(_ scheduler: any Scheduler) throws(SystemError) {
        let (state, clock) = (Monitor(State()), scheduler.time)
        self.state = state
        self.clock = clock
        thread = try scheduler.start("timers") { Timers.run(state, clock) }
    }

    /// Calls `body` on the timers' thread when so much time has passed; never, once they have been stopped. It must not wait.
    func after(nanoseconds delay: Int64, _ body: @escaping @Sendable () -> Void) {
        let due = clock.monotonicNanoseconds() + max(0, min(delay, .max / 4))
        state.update { state in
            // What is not called is not kept either: it may hold what holds these timers.
            if !state.isStopped { state.entries.append(Entry(due: due, call: body)) }
        }
    }

    /// Ends the thread, after what it is calling now; what is not due yet is dropped. Not to be called from a timer.
    func stop() {
        state.update { state in
            state.isStopped = true
            state.entries = []
        }
        thread.join()
    }

    private static func run(_ state: Monitor<State>, _ clock: any TimeSource) {
        while true {
            let known = state.withLock { $0.next }
            let left = known.map { max(0, $0 - clock.monotonicNanoseconds()) }
            let due = state.wait(nanoseconds: left, until: { $0.isStopped || ($0.next ?? .max) < (known ?? .max) }) { state in
                let now = clock.monotonicNanoseconds()
                let due = state.entries.filter { $0.due <= now }
                state.entries.removeAll { $0.due <= now }
                return state.isStopped ? nil : due
            }
            guard let due else { return }
            for entry in due.sorted(by: { $0.due < $1.due }) { entry.call() }
        }
    }
}
