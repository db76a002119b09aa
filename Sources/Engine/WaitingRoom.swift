// Where statements wait: for a topic to exist, for a query to have caught up, for a record to print. A wait is a condition, the news that
// may change it, a deadline and a continuation; however many there are, one thread looks at the conditions and none is kept by a waiter.

import LogStore
import Platform

/// How a wait ended.
enum WaitOutcome: Hashable, Sendable {
    /// The condition holds.
    case holds
    /// The deadline has passed before that.
    case timedOut
    /// The wait was cancelled.
    case cancelled
    /// The engine closes.
    case closing
}

/// What may make a condition true.
enum WaitingNews: Hashable, Sendable {
    /// What exists: sources, queries, topics.
    case catalog
    /// The end of a partition of a topic moved.
    case topic(TopicID)
    /// A query made progress, or its state changed.
    case query(String)
}

/// The waits of one engine.
final class WaitingRoom: Sendable {
    /// Names a wait, to cancel it.
    struct Ticket: Hashable, Sendable {
        fileprivate let number: Int
    }

    private struct Waiter: Sendable {
        let news: [WaitingNews]
        /// Monotonic nanoseconds; nil to wait as long as it takes.
        let deadline: Int64?
        let holds: @Sendable () -> Bool
        let then: @Sendable (WaitOutcome) -> Void
    }

    private struct State {
        var waiters: [Int: Waiter] = [:]
        var byNews: [WaitingNews: Set<Int>] = [:]
        /// News since the thread last looked, of those that a waiter asked for.
        var heard: Set<WaitingNews> = []
        /// No deadline is earlier than this.
        var earliest: Int64?
        var nextNumber = 0
        var isClosed = false
        var thread: (any RunningThread)?

        mutating func remove(_ number: Int) -> Waiter? {
            guard let waiter = waiters.removeValue(forKey: number) else { return nil }
            for news in waiter.news {
                byNews[news]?.remove(number)
                if byNews[news]?.isEmpty ?? false { byNews[news] = nil }
            }
            return waiter
        }

        mutating func removeAll() -> [Waiter] {
            let all = waiters.sorted { $0.key < $1.key }.map(\.value)
            waiters = [:]
            byNews = [:]
            heard = []
            return all
        }
    }

    private let state = Monitor(State())
    private let time: any TimeSource
    private let scheduler: any Scheduler

    init(time: any TimeSource, scheduler: any Scheduler = HostScheduler()) {
        self.time = time
        self.scheduler = scheduler
    }

    /// How many wait now.
    var count: Int { state.withLock { $0.waiters.count } }

    /// A new ticket. It may be used for one wait after another, and be cancelled at any time.
    func ticket() -> Ticket {
        state.withLock { state in
            defer { state.nextNumber += 1 }
            return Ticket(number: state.nextNumber)
        }
    }

    /// Calls `then` once: as soon as `holds` is true, which is asked now and whenever one of the `news` comes, or else when `deadline`
    /// (monotonic nanoseconds) has passed. `holds` must be quick. `then` is called on this thread, on that of the room or on the
    /// canceller's; it must not wait.
    func when(
        _ ticket: Ticket, _ holds: @escaping @Sendable () -> Bool, news: [WaitingNews], deadline: Int64? = nil,
        then: @escaping @Sendable (WaitOutcome) -> Void
    ) {
        let waiter = Waiter(news: news, deadline: deadline, holds: holds, then: then)
        // Entered first and asked then, so that no news is missed in between.
        let isOpen = state.update { state -> Bool in
            guard !state.isClosed else { return false }
            state.waiters[ticket.number] = waiter
            for item in news { state.byNews[item, default: []].insert(ticket.number) }
            if let deadline { state.earliest = min(deadline, state.earliest ?? deadline) }
            return true
        }
        guard isOpen else { return then(.closing) }
        if holds() {
            end(ticket.number, .holds)
        } else if !hasThread() {
            end(ticket.number, .timedOut)
        }
    }

    /// Ends the wait under way, if there is one.
    func cancel(_ ticket: Ticket) { end(ticket.number, .cancelled) }

    /// Has the conditions looked at that depend on these news. Quick; from any thread.
    func notify(_ news: WaitingNews) {
        let isOfInterest = state.withLock { $0.byNews[news] != nil && !$0.heard.contains(news) }
        if isOfInterest { state.update { _ = $0.heard.insert(news) } }
    }

    /// Ends all waits with `closing`.
    func endAll() {
        let waiters = state.withLock { $0.removeAll() }
        for waiter in waiters { waiter.then(.closing) }
    }

    /// Ends all waits, and the thread. Later waits end at once.
    func close() {
        let thread = state.update { state in
            state.isClosed = true
            return state.thread
        }
        endAll()
        thread?.join()
    }

    private func end(_ number: Int, _ outcome: WaitOutcome) {
        let waiter = state.withLock { $0.remove(number) }
        waiter?.then(outcome)
    }

    // MARK: The thread

    /// Starts the thread with the first wait that needs it; false when the system has none.
    private func hasThread() -> Bool {
        state.withLock { state in
            guard state.thread == nil, !state.isClosed else { return true }
            do throws(SystemError) {
                state.thread = try scheduler.start("waiting") { [self] in loop() }
                return true
            } catch {
                return false
            }
        }
    }

    private func loop() {
        while true {
            let earliest = state.withLock { $0.earliest }
            let left = earliest.map { max(0, $0 - time.monotonicNanoseconds()) }
            let (candidates, isClosed) = state.wait(
                nanoseconds: left, until: { !$0.heard.isEmpty || $0.isClosed || $0.earliest != earliest }
            ) { state -> ([(Int, Waiter)], Bool) in
                defer { state.heard = [] }
                var numbers: Set<Int> = []
                for news in state.heard { numbers.formUnion(state.byNews[news] ?? []) }
                return (numbers.sorted().compactMap { number in state.waiters[number].map { (number, $0) } }, state.isClosed)
            }
            if isClosed { return }
            for (number, waiter) in candidates where waiter.holds() { end(number, .holds) }
            endWhatIsOverdue()
        }
    }

    private func endWhatIsOverdue() {
        let now = time.monotonicNanoseconds()
        let overdue = state.withLock { state -> [(Int, Waiter)] in
            guard let earliest = state.earliest, earliest <= now else { return [] }
            var left: Int64?
            var overdue: [(Int, Waiter)] = []
            for (number, waiter) in state.waiters {
                guard let deadline = waiter.deadline else { continue }
                if deadline <= now { overdue.append((number, waiter)) } else { left = min(deadline, left ?? deadline) }
            }
            state.earliest = left
            return overdue.sorted { $0.0 < $1.0 }
        }
        // It may have become true since it was last looked at.
        for (number, waiter) in overdue { end(number, waiter.holds() ? .holds : .timedOut) }
    }
}
