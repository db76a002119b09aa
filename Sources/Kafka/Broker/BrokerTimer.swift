// The broker's clock: while anything waits for a time, it is looked at fifty times a second; else nothing runs.

import Platform

/// A thread that calls something every so often.
final class BrokerTimer: Sendable {
    /// Nanoseconds between two calls: what a deadline of a group or a fetch is late by at most.
    private static let interval: Int64 = 20_000_000

    private struct State {
        var isStopped = false
        /// Counts calls of `wake`.
        var wakes = 0
        /// The count at which nothing was left that waits.
        var idleSince = 0
    }

    private let state = Monitor(State())
    private let thread = Monitor<(any RunningThread)?>(nil)

    /// Calls `body` from now on; it says whether anything waits. Where no thread can be had, nothing ends by its time.
    func start(_ scheduler: any Scheduler, _ body: @escaping @Sendable () -> Bool) {
        let state = state
        let started = try? scheduler.start("kafka-timer") {
            while true {
                let wakes = state.wait(until: { $0.isStopped || $0.wakes != $0.idleSince }, then: { $0.wakes })
                if state.wait(nanoseconds: BrokerTimer.interval, until: { $0.isStopped }, then: { $0.isStopped }) { return }
                if !body() { state.withLock { $0.idleSince = wakes } }
            }
        }
        thread.update { $0 = started }
    }

    /// Something waits.
    func wake() { state.update { $0.wakes += 1 } }

    func stop() {
        state.update { $0.isStopped = true }
        thread.withLock { $0 }?.join()
    }
}
