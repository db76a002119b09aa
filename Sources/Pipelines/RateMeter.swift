// How fast a query reads, over the last seconds: one count a second, in a ring.

/// Counts by second, of which the latest ten are kept.
package struct RateMeter: Sendable {
    /// Seconds that a rate looks back.
    package static let seconds = 10

    private var counts = [Int64](repeating: 0, count: RateMeter.seconds)
    /// The second that was counted last, and the first one; nil before anything was counted.
    private var latest: Int64?
    private var first: Int64 = 0

    /// Has counted nothing.
    package init() {}

    /// Counts at a time of the monotonic clock, in nanoseconds.
    package mutating func add(_ count: Int, at nanoseconds: Int64) {
        let second = nanoseconds / 1_000_000_000
        if let latest {
            guard second > latest - Int64(RateMeter.seconds) else { return }
            // Seconds in which nothing was counted; of a long pause, as many as the ring has.
            for passed in max(latest + 1, second - Int64(RateMeter.seconds) + 1)..<max(latest + 1, second + 1) { counts[place(passed)] = 0 }
            self.latest = max(latest, second)
        } else {
            (latest, first) = (second, second)
        }
        counts[place(second)] += Int64(count)
    }

    /// What was counted a second, over the ten seconds before that time, or fewer where the first count is not that old.
    package func perSecond(at nanoseconds: Int64) -> Double {
        guard let latest else { return 0 }
        let second = nanoseconds / 1_000_000_000
        var sum: Int64 = 0
        for passed in (second - Int64(RateMeter.seconds) + 1)...second where passed <= latest && passed > latest - Int64(RateMeter.seconds) {
            sum += counts[place(passed)]
        }
        return Double(sum) / Double(min(Int64(RateMeter.seconds), max(1, second - first + 1)))
    }

    private func place(_ second: Int64) -> Int {
        let remainder = Int(second % Int64(RateMeter.seconds))
        return remainder < 0 ? remainder + RateMeter.seconds : remainder
    }
}
