// The account of memory: who is stopped, who is not, and what is said about it.

import LogStore
import Pipelines
import Platform
import TestSupport
import Testing

private let mebibyte = 1 << 20

/// A query of the account, with one part.
private final class Query: Sendable {
    let share: MemoryShare
    let hold: MemoryHold
    let released = Monitor(0)

    init(_ name: String, in budget: MemoryBudget, for user: MemoryUser = .query) {
        share = MemoryShare(of: name, in: budget, for: user)
        hold = MemoryHold(share)
    }

    @discardableResult func take(_ mebibytes: Int) -> MemoryExcess? { hold.report(["store": mebibytes * mebibyte]) }

    /// The query has stopped; what it holds goes when it is asked for.
    func stop() {
        share.becomeIdle { [weak self] in
            self?.released.update { $0 += 1 }
            self?.hold.keep([:])
        }
    }
}

/// A query that can go to disk.
private final class Spiller: Sendable {
    let query: Query
    let told = Monitor(0)

    init(_ name: String, in budget: MemoryBudget) {
        query = Query(name, in: budget)
        query.hold.beginSpilling()
        query.hold.whenToldToSpill { [told] in told.update { $0 += 1 } }
    }

    var isTold: Bool { query.hold.mustSpill }

    @discardableResult func take(_ mebibytes: Int) -> MemoryExcess? {
        query.hold.offer(spillable: mebibytes * mebibyte, onDisk: 0)
        return query.take(mebibytes)
    }

    /// All but a rest is on disk.
    func spill(leaving mebibytes: Int = 0, onDisk: Int = 0) {
        query.take(mebibytes)
        query.hold.offer(spillable: 0, onDisk: onDisk)
        query.hold.didSpill()
    }
}

/// Who goes to disk, and who waits for that.
@Suite struct SpillOrderTests {
    @Test func theLargestGoesFirstBeyondThreeQuarters() {
        let budget = MemoryBudget(limit: 64 * mebibyte)
        let large = Spiller("large", in: budget), small = Spiller("small", in: budget), other = Query("other", in: budget)
        #expect(large.take(30) == nil && small.take(10) == nil && other.take(8) == nil)
        #expect(!large.isTold && !small.isTold)
        #expect(other.take(9) == nil && large.isTold && large.told.withLock { $0 } == 1 && !small.isTold)
        // It is told once, and what it will leave is enough.
        #expect(other.take(16) == nil && large.told.withLock { $0 } == 1 && !small.isTold)
        // Now it is not.
        #expect(other.take(39) == nil && small.isTold)
        large.spill(leaving: 1, onDisk: 77)
        #expect(!large.isTold && large.query.share.diskBytes == 77 && large.query.share.bytes == mebibyte)
        small.spill()
        #expect(!small.isTold && budget.used == 40 * mebibyte)
        // And again when they have grown.
        #expect(large.take(12) == nil && large.isTold && large.told.withLock { $0 } == 2)
    }

    /// What would free next to nothing is not told; then the query that grows is paused as ever.
    @Test func whatHasLittleStays() {
        let budget = MemoryBudget(limit: 64 * mebibyte)
        let small = Spiller("small", in: budget), other = Query("other", in: budget)
        #expect(small.take(1) == nil && other.take(60) == nil && !small.isTold)
        #expect(other.take(64) != nil && !small.isTold)
    }

    /// Nobody is paused while others make room; who holds something waits, and is called when there is room, or will be none.
    @Test func othersWait() {
        let budget = MemoryBudget(limit: 64 * mebibyte)
        let large = Spiller("large", in: budget), growing = Query("growing", in: budget), stateless = Query("stateless", in: budget)
        let calls = Monitor(0)
        func waits(_ query: Query) -> Bool { query.hold.waits { calls.update { $0 += 1 } } }
        #expect(large.take(40) == nil && growing.take(20) == nil && large.isTold && !waits(growing))
        #expect(growing.take(30) == nil)
        #expect(waits(growing) && !waits(stateless) && !large.query.hold.waits { } && calls.withLock { $0 } == 0)
        large.spill()
        #expect(calls.withLock { $0 } == 1 && !waits(growing))
        #expect(large.take(40) == nil && growing.take(31) == nil && waits(growing))
        // It has stopped instead: nothing comes of that, and the one that grows is the one to be paused.
        large.query.stop()
        #expect(calls.withLock { $0 } == 2 && !waits(growing) && growing.take(70) != nil)
    }

    /// A part that is gone neither goes to disk nor keeps others waiting.
    @Test func whatIsGoneIsForgotten() {
        let budget = MemoryBudget(limit: 64 * mebibyte)
        let growing = Query("growing", in: budget)
        let calls = Monitor(0)
        var large: Spiller? = Spiller("large", in: budget)
        #expect(large?.take(40) == nil && growing.take(30) == nil && large?.isTold == true)
        large?.query.hold.offer(spillable: 0, onDisk: 5)
        #expect(growing.hold.waits { calls.update { $0 += 1 } })
        large = nil
        #expect(calls.withLock { $0 } == 1 && budget.used == 30 * mebibyte && large == nil)
        #expect(growing.take(65) != nil)
    }
}

@Suite struct MemoryBudgetTests {
    @Test func everythingIsCountedByQueryAndStore() {
        let budget = MemoryBudget()
        let share = MemoryShare(of: "a", in: budget, for: .query)
        var holds: [MemoryHold] = (0..<3).map { _ in MemoryHold(share) }
        for hold in holds { #expect(hold.report(["groups": 10, "rows": 5]) == nil) }
        #expect(share.stores == ["groups": 30, "rows": 15] && share.bytes == 45 && budget.used == 45)
        #expect(holds[0].report(["groups": 4]) == nil)
        #expect(share.stores == ["groups": 24, "rows": 10] && budget.holders.map(\.name) == ["a"] && budget.holders.map(\.bytes) == [34])
        holds.removeLast()
        #expect(share.stores == ["groups": 14, "rows": 5] && budget.used == 19)
        holds = []
        #expect(share.stores.isEmpty && budget.used == 0)
    }

    /// The parts of a query outlive it by a while, for example in a question that reads its rows.
    @Test func aShareLastsAsLongAsItsParts() {
        let budget = MemoryBudget(limit: 100 * mebibyte)
        var query: Query? = Query("a", in: budget)
        var hold = query?.hold
        query?.take(7)
        query?.stop()
        query = nil
        #expect(budget.used == 7 * mebibyte && budget.holders.map(\.name) == ["a"])
        hold = nil
        #expect(hold == nil && budget.used == 0 && budget.holders.isEmpty)
    }

    @Test func withoutALimitNobodyIsStopped() {
        let budget = MemoryBudget()
        let query = Query("a", in: budget)
        #expect(query.take(1 << 40) == nil && budget.step == nil && budget.room == nil && query.share.obstacle(holding: .max) == nil)
    }

    @Test func reportsComeInSteps() {
        #expect(MemoryBudget(limit: 1).step == mebibyte && MemoryBudget(limit: 256 * mebibyte).step == 4 * mebibyte)
        #expect(MemoryBudget(limit: 1 << 40).step == 16 * mebibyte)
    }

    /// The one that asks is stopped, not the largest, and from then on it is in nobody's way.
    @Test func whoGrowsBeyondTheLimitIsStopped() {
        let budget = MemoryBudget(limit: 100 * mebibyte)
        let large = Query("large", in: budget), growing = Query("growing", in: budget), small = Query("small", in: budget)
        #expect(large.take(90) == nil && small.take(2) == nil && growing.take(8) == nil)
        let excess = growing.take(12)
        #expect(excess?.held == 12 * mebibyte && excess?.others == 92 * mebibyte && excess?.largestOther?.name == "large")
        growing.stop()
        // What it holds is lent, up to a sixteenth beyond the limit.
        #expect(small.take(4) == nil && growing.released.withLock { $0 } == 0)
        #expect(small.take(5) == nil && large.take(91) == nil && growing.released.withLock { $0 } == 1)
        #expect(budget.used == 96 * mebibyte)
        // The others have a limit as well.
        #expect(small.take(10)?.held == 10 * mebibyte)
    }

    @Test func whoAsksForNothingIsLeftAlone() {
        let budget = MemoryBudget(limit: 10 * mebibyte)
        let stateless = Query("stateless", in: budget), shrinking = Query("shrinking", in: budget), growing = Query("growing", in: budget)
        #expect(shrinking.take(9) == nil)
        #expect(growing.take(5) != nil)
        #expect(stateless.hold.report([:]) == nil && shrinking.take(8) == nil && shrinking.take(8) == nil)
        // A part that ends reports what is left of it, and is not asked to pause for that.
        growing.share.becomeActive()
        growing.hold.keep(["store": 6 * mebibyte])
        #expect(budget.used == 14 * mebibyte && budget.room == 0)
    }

    /// A client's query ends, and stops nobody else on its way out.
    @Test func aClientEnds() {
        let budget = MemoryBudget(limit: 10 * mebibyte)
        let query = Query("query", in: budget), client = Query("client", in: budget, for: .client)
        #expect(query.take(4) == nil && client.take(5) == nil)
        let excess = client.take(50)
        #expect(excess?.isClient == true && excess?.remedy.contains("ask again") == true)
        #expect(query.take(6) == nil)
    }

    /// Caches have limits of their own, and nobody is paused for what they hold: a moment later they may hold nothing.
    @Test func aCacheStopsNobodyAndIsEmptied() {
        let budget = MemoryBudget(limit: 10 * mebibyte)
        let cache = Query("cache", in: budget, for: .cache), query = Query("query", in: budget)
        cache.share.lend {
            cache.hold.keep([:])
            cache.released.update { $0 += 1 }
        }
        #expect(cache.take(5) == nil && budget.used == 5 * mebibyte && budget.room == 10 * mebibyte)
        // With two steps that may be lent, all of it fits.
        #expect(query.take(7) == nil && cache.released.withLock { $0 } == 0)
        #expect(query.take(8) == nil && cache.released.withLock { $0 } == 1 && budget.used == 8 * mebibyte)
        cache.take(5)
        let excess = query.take(11)
        #expect(excess?.others == 0 && excess?.largestOther == nil)
        query.stop()
        #expect(query.share.obstacle(holding: 11 * mebibyte) != nil && query.share.obstacle(holding: 10 * mebibyte) == nil)
    }

    @Test func aQueryIsResumedWhenItFits() {
        let budget = MemoryBudget(limit: 10 * mebibyte)
        let query = Query("query", in: budget), other = Query("other", in: budget)
        #expect(other.take(6) == nil && query.take(5) != nil)
        query.stop()
        let obstacle = query.share.obstacle(holding: 5 * mebibyte)
        #expect(obstacle?.held == 5 * mebibyte && obstacle?.others == 6 * mebibyte)
        #expect(other.take(5) == nil && query.share.obstacle(holding: 5 * mebibyte) == nil)
        #expect(query.share.obstacle(holding: .max) != nil)
        query.share.becomeActive()
        #expect(query.take(5) == nil && budget.used == 10 * mebibyte && budget.room == 0)
    }

    @Test func theReasonSaysWhatToDo() {
        let budget = MemoryBudget(limit: 10 * mebibyte)
        let query = Query("CTAS_A_1", in: budget), other = Query("CTAS_B_2", in: budget)
        other.take(2)
        let excess = query.hold.report(["a": 3 * mebibyte, "b": 6 * mebibyte, "c": 2_000, "d": 1])
        #expect(
            excess?.reason == "the state of all queries would take more than millrace.memory.limit (10.0 MiB): it holds 9.0 MiB (b 6.0 MiB, a 3.0 "
                + "MiB, c 2000 bytes), the others hold 2.0 MiB; start the server with a higher limit, or DROP or TERMINATE queries; the "
                + "largest is CTAS_B_2 with 2.0 MiB; then RESUME it")
        #expect(memoryText(.max).hasSuffix(" MiB") && memoryText(157_286) == "0.1 MiB" && memoryText(0) == "0 bytes")
    }

    /// Reports of many threads come to the right sum.
    @Test func reportsOfManyThreads() throws {
        let budget = MemoryBudget(limit: 1 << 40)
        let shares = (0..<3).map { MemoryShare(of: "q\($0)", in: budget, for: .query) }
        let threads = try (0..<6).map { number in
            let hold = MemoryHold(shares[number % 3])
            return (try WorkerThread.start("report-\(number)") { for bytes in 0...1_000 { _ = hold.report(["s": bytes, "t": 2 * bytes]) } }, hold)
        }
        for thread in threads { thread.0.join() }
        #expect(budget.used == 18_000 && shares.allSatisfy { $0.stores == ["s": 2_000, "t": 4_000] })
    }
}

@Suite struct MemoryLimitTests {
    private let limit = 2 << 20

    private func values(_ range: Range<Int>) -> [String] { range.map { "key number \($0)" } }

    /// The query whose state grows is paused behind a commit, and another one goes on. What it had is restored as far as it fits, and
    /// whole under a higher limit.
    @Test func aQueryIsPausedAndGoesOnWithMore() throws {
        let log = ScriptedLog()
        let budget = MemoryBudget(limit: limit)
        let pool = try WorkerPool(count: 1, log: log, time: SystemTime(), budget: budget)
        let growing = try TestQuery("growing", log: log, pool: pool, counts: true, budget: budget)
        let other = try TestQuery("other", log: log, pool: pool, budget: budget)
        growing.run.start()
        other.run.start()
        growing.put(values(0..<60_000))
        #expect(growing.wait { $0.excess != nil && $0.state == .paused })
        let excess = try #require(growing.status.content.withLock { $0.excess })
        #expect(excess.limit == limit && excess.held > limit && excess.stores.first?.name == "store" && !excess.isRestoring)
        // Steps of a mebibyte, and what one batch makes.
        #expect(excess.held < limit * 2, "\(excess.held)")
        other.put(["x"])
        #expect(other.outputs(1) == ["x"])
        // Nothing reads its state: it goes with the tasks.
        while budget.used > 0 {}
        #expect(growing.excesses.wait(nanoseconds: 10_000_000_000, until: { $0.count == 1 }, then: { $0 }) == [excess])
        // With the same limit it comes no further than before.
        let before = growing.values().count
        #expect(growing.run.obstacleToResume?.held == excess.held)
        #expect(growing.run.start() && growing.wait { $0.excess != nil && $0.state == .paused })
        while budget.used > 0 {}
        pool.stop()
        // A server that has more memory.
        let again = try TestQuery("growing", log: log, counts: true)
        again.run.start()
        #expect(again.log.wait(again.output, records: 60_000))
        #expect(before < 60_000 && again.values().count == 60_000)
        #expect(again.status.memory.bytes > limit && again.status.state == .running)
        again.pool.stop()
    }

    /// A restore that passes the limit ends before it has read everything back.
    @Test func aRestoreIsPaused() throws {
        let log = ScriptedLog()
        let first = try TestQuery("q", log: log, counts: true)
        first.run.start()
        first.put(values(0..<60_000))
        #expect(log.wait(first.output, records: 60_000))
        first.pause()
        let whole = 60_000
        first.pool.stop()
        let budget = MemoryBudget(limit: limit)
        let pool = try WorkerPool(count: 1, log: log, time: SystemTime(), budget: budget)
        let again = try TestQuery("q", log: log, pool: pool, counts: true, budget: budget)
        let other = try TestQuery("other", log: log, pool: pool, counts: true, budget: budget)
        again.run.start()
        other.run.start()
        #expect(again.wait { $0.excess?.isRestoring == true && $0.state == .paused && !$0.isRestoring })
        #expect(again.status.content.withLock { $0.excess?.message.contains("it had read back") } == true)
        other.put(["x"])
        #expect(other.outputs(1).count == 1)
        while again.status.memory.bytes > 0 {}
        #expect(again.values().count == whole)
        let isGone = Monitor(false)
        again.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
        #expect(again.status.state == .terminated)
        pool.stop()
    }
}
