// Consumers that have read all there is, until there is more. One that waits costs a place in a table; it is looked at when one of its partitions
// has grown, or its time is up.

import LogStore
import Platform
import Quantities
import Synchronization

/// Fetches that wait.
final class WaitingFetches: Sendable {
    /// Tries to answer; `isLast`: whatever there is. Whether it has.
    typealias Attempt = @Sendable (_ isLast: Bool) -> Bool

    private struct Waiting {
        var partitions: [FetchedPartition]
        /// Milliseconds of the monotonic clock.
        var deadline: Int64
        var attempt: Attempt
        /// An attempt is under way, and whether there has been news since it began.
        var isTried = false
        var hasNews = false
    }

    private struct State {
        var last: UInt64 = 0
        var waiting: [UInt64: Waiting] = [:]
        var byTopic: [TopicID: Set<UInt64>] = [:]
        var subscriptions: [TopicID: NewsSubscription] = [:]
        var isClosed = false
    }

    private let log: any EventLog
    private let clock: any TimeSource
    private let run: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let state = Mutex(State())

    /// `run` has work done on another thread.
    init(_ log: any EventLog, _ clock: any TimeSource, run: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        self.log = log
        self.clock = clock
        self.run = run
    }

    private var now: Int64 { clock.monotonicNanoseconds() / 1_000_000 }

    /// Calls `attempt` when one of the partitions grows, until that has answered, and for the last time after so many milliseconds.
    func wait(_ partitions: [FetchedPartition], milliseconds: Int64, _ attempt: @escaping Attempt) {
        let number = state.withLock { state -> UInt64 in
            state.last += 1
            state.waiting[state.last] = Waiting(
                partitions: partitions, deadline: now + milliseconds, attempt: attempt)
            for topic in Set(partitions.map(\.place.topic)) {
                state.byTopic[topic, default: []].insert(state.last)
                guard state.subscriptions[topic] == nil else { continue }
                state.subscriptions[topic] = log.subscribe(to: topic) { [weak self] news in self?.take(news) }
            }
            return state.last
        }
        // What came between the reading and the subscription was no news to it.
        let hasGrown = partitions.contains { fetched in
            (try? log.bounds(of: fetched.place.topic, partition: fetched.place.partition)).map {
                fetched.isBefore($0.durableEnd, highWatermark: $0.highWatermark)
            } ?? true
        }
        if hasGrown || state.withLock({ $0.isClosed }) { attemptSoon([number]) }
    }

    /// On a thread of the log, which must not be held up.
    private func take(_ news: LogNews) {
        let due = state.withLock { state in
            (state.byTopic[news.topic] ?? []).filter { number in
                state.waiting[number]?.partitions.contains { fetched in
                    fetched.place == PartitionKey(topic: news.topic, partition: news.partition)
                        && fetched.isBefore(news.durableEnd, highWatermark: news.highWatermark)
                } ?? false
            }
        }
        if !due.isEmpty { attemptSoon(due) }
    }

    private func attemptSoon(_ numbers: some Collection<UInt64>) {
        for number in numbers {
            let isNew = state.withLock { state -> Bool in
                guard let waiting = state.waiting[number] else { return false }
                state.waiting[number]?.hasNews = true
                state.waiting[number]?.isTried = true
                return !waiting.isTried
            }
            if isNew { run { [self] in attempt(number) } }
        }
    }

    private func attempt(_ number: UInt64) {
        while true {
            let next = state.withLock { state -> (Attempt, isLast: Bool)? in
                guard let waiting = state.waiting[number] else { return nil }
                let isLast = state.isClosed || waiting.deadline <= now
                guard waiting.hasNews || isLast else {
                    state.waiting[number]?.isTried = false
                    return nil
                }
                state.waiting[number]?.hasNews = false
                return (waiting.attempt, isLast)
            }
            guard let next else { return }
            if next.0(next.isLast) || next.isLast { return forget(number) }
        }
    }

    private func forget(_ number: UInt64) {
        let unneeded = state.withLock { state -> [NewsSubscription] in
            guard let waiting = state.waiting.removeValue(forKey: number) else { return [] }
            var unneeded: [NewsSubscription] = []
            for topic in Set(waiting.partitions.map(\.place.topic)) {
                state.byTopic[topic]?.remove(number)
                guard state.byTopic[topic]?.isEmpty ?? false else { continue }
                state.byTopic[topic] = nil
                if let subscription = state.subscriptions.removeValue(forKey: topic) { unneeded.append(subscription) }
            }
            return unneeded
        }
        for subscription in unneeded { log.unsubscribe(subscription) }
    }

    /// Answers those whose time is up; whether any waits.
    func tick() -> Bool {
        let now = now
        let (due, isNeeded) = state.withLock { state in
            (state.waiting.filter { $0.value.deadline <= now }.map(\.key), !state.waiting.isEmpty)
        }
        attemptSoon(due)
        return isNeeded
    }

    /// Answers all, as the broker stops.
    func close() {
        let all = state.withLock { state in
            state.isClosed = true
            return Array(state.waiting.keys)
        }
        attemptSoon(all)
    }
}
