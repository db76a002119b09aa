// The seeded scheduler: the same seed gives the same order, time is virtual, deadlocks are found, and a planted race is found soon.
import Platform
import Synchronization
import Testing

@Suite struct SeededSchedulerTests {
    /// Three threads that write their number ten times each into one list.
    private func order(_ seed: UInt64) throws -> (order: [Int], trace: [Int]) {
        let scheduler = SeededScheduler(seed: seed)
        let order = try scheduler.run {
            let list = Monitor<[Int]>([])
            let threads = try (0..<3).map { number in
                try scheduler.start("writer \(number)") { for _ in 0..<10 { list.update { $0.append(number) } } }
            }
            for thread in threads { thread.join() }
            return list.withLock { $0 }
        }
        return (order, scheduler.trace)
    }

    @Test func aSeedIsAnInterleaving() throws {
        var orders: Set<[Int]> = []
        for seed in 0..<20 {
            let (first, second) = (try order(UInt64(seed)), try order(UInt64(seed)))
            #expect(first.order == second.order && first.trace == second.trace)
            #expect(first.order.sorted() == (0..<30).map { $0 / 10 })
            orders.insert(first.order)
        }
        #expect(orders.count > 10)
    }

    @Test func timeMovesWhenAllWait() throws {
        let scheduler = SeededScheduler(seed: 1, wall: 5000)
        let moments = try scheduler.run {
            let moments = Monitor<[Int64]>([])
            let slow = try scheduler.start("slow") {
                scheduler.sleep(nanoseconds: 3_600_000_000_000)
                moments.update { $0.append(scheduler.time.monotonicNanoseconds()) }
            }
            let never = Monitor(false)
            let isThere = never.wait(nanoseconds: 1_000_000_000, until: { $0 }, then: { $0 })
            #expect(!isThere)
            moments.update { $0.append(scheduler.time.monotonicNanoseconds()) }
            // A timeout beyond the end of the clock is none.
            moments.wait(nanoseconds: .max, until: { $0.count == 2 }, then: { _ in })
            slow.join()
            #expect(scheduler.time.wallMilliseconds() == 5000 + 3_600_000)
            return moments.withLock { $0 }
        }
        #expect(moments == [1_000_000_000, 3_600_000_000_000])
    }

    @Test func aDeadlockNamesItsThreads() throws {
        // Two threads take two monitors, each the other's first: some seeds get stuck, and those say who waits for what.
        var found: [String] = []
        for seed in 0..<40 {
            let scheduler = SeededScheduler(seed: UInt64(seed))
            do {
                try scheduler.run {
                    let (left, right) = (Monitor(0), Monitor(0))
                    let first = try scheduler.start("first") { left.update { _ in right.update { $0 += 1 } } }
                    let second = try scheduler.start("second") { right.update { _ in left.update { $0 += 1 } } }
                    first.join()
                    second.join()
                }
            } catch SimulationError.deadlock(_, let threads) {
                found = threads
            }
        }
        #expect(found.contains("first waits for a lock") && found.contains("second waits for a lock"), "\(found)")
    }

    @Test func aRunHasABound() {
        #expect(throws: SimulationError.tooManySteps(seed: 3, threads: ["body can go on"])) {
            try SeededScheduler(seed: 3, mostSteps: 500).run {
                let monitor = Monitor(0)
                while monitor.withLock({ $0 }) == 0 {}
            }
        }
    }

    @Test func aThreadThatIsLeftIsNoticed() {
        #expect(throws: SimulationError.threadsLeft(seed: 3, threads: ["lost waits for a condition"])) {
            let scheduler = SeededScheduler(seed: 3)
            try scheduler.run {
                let never = Monitor(false)
                _ = try scheduler.start("lost") { never.wait(until: { $0 }, then: { _ in }) }
            }
        }
    }

    /// The canary: an update that is lost when another thread comes between its two halves is found within a few seeds.
    @Test func aPlantedRaceIsFound() throws {
        let seeds = try (0..<20).filter { seed in
            let scheduler = SeededScheduler(seed: UInt64(seed))
            let sum = try scheduler.run {
                let count = Monitor(0)
                let threads = try (0..<2).map { number in
                    try scheduler.start("counter \(number)") {
                        for _ in 0..<3 {
                            let seen = count.withLock { $0 }
                            count.update { $0 = seen + 1 }
                        }
                    }
                }
                for thread in threads { thread.join() }
                return count.withLock { $0 }
            }
            return sum < 6
        }
        #expect(seeds.count >= 5, "found with the seeds \(seeds)")
    }

    @Test func aPoolRunsUnderIt() throws {
        for seed in 0..<20 {
            let scheduler = SeededScheduler(seed: UInt64(seed))
            let done = try scheduler.run {
                let done = Monitor(0)
                let pool = ThreadPool("pool", limit: 2, scheduler: scheduler)
                for _ in 0..<10 { pool.run { done.update { $0 += 1 } } }
                pool.close()
                return done.withLock { $0 }
            }
            #expect(done == 10)
        }
    }

    @Test func whatABodyThrowsIsThrown() {
        #expect(throws: SimulationError.deadlock(seed: 9, threads: [])) {
            try SeededScheduler(seed: 1).run { throw SimulationError.deadlock(seed: 9, threads: []) }
        }
    }
}
