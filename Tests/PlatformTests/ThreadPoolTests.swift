// Pools of threads: never more at work than there may be, whatever the order in which the work comes, and nothing left undone.
import Platform
import Testing

struct ThreadPoolTests {
    private struct Work {
        var underWay = 0, most = 0, done = 0
    }

    /// Several threads bring the first work of a pool at the same time.
    @Test(arguments: [1, 2]) func noMoreWorkAtATimeThanThereAreThreads(limit: Int) throws {
        for seed in 0..<200 {
            let scheduler = SeededScheduler(seed: UInt64(seed))
            let work = try scheduler.run {
                let work = Monitor(Work())
                let pool = ThreadPool("pool", limit: limit, scheduler: scheduler)
                let threads = try (0..<4).map { number in
                    try scheduler.start("client \(number)") {
                        for _ in 0..<3 {
                            pool.run {
                                work.update { work in
                                    work.underWay += 1
                                    work.most = max(work.most, work.underWay)
                                }
                                work.update { work in
                                    work.underWay -= 1
                                    work.done += 1
                                }
                            }
                        }
                    }
                }
                for thread in threads { thread.join() }
                pool.close()
                return work.withLock { $0 }
            }
            #expect(work.most <= limit && work.done == 12, "seed \(seed): \(work.most) at a time, \(work.done) done")
        }
    }

    /// What was taken before the end is carried out, also by a thread that is still being started.
    @Test func whatWasTakenIsDone() throws {
        for seed in 0..<100 {
            let scheduler = SeededScheduler(seed: UInt64(seed))
            let isDone = try scheduler.run {
                let done = Monitor(false)
                let pool = ThreadPool("pool", limit: 1, scheduler: scheduler)
                let taken = Monitor(Bool?.none)
                let client = try scheduler.start("client") {
                    let isTaken = pool.run { done.update { $0 = true } }
                    taken.update { $0 = isTaken }
                }
                _ = pool.close(within: 1_000_000_000)
                client.join()
                return done.withLock { $0 } == (taken.withLock { $0 } ?? false)
            }
            #expect(isDone, "seed \(seed)")
        }
    }
}
