// The rate of a query over the last ten seconds.

import Pipelines
import Testing

@Suite struct RateMeterTests {
    private let second: Int64 = 1_000_000_000

    @Test func theRateIsThatOfTheLastTenSeconds() {
        var meter = RateMeter()
        #expect(meter.perSecond(at: 7 * second) == 0)
        meter.add(30, at: 100 * second)
        #expect(meter.perSecond(at: 100 * second) == 30)
        #expect(meter.perSecond(at: 102 * second) == 10)
        for passed in 1..<20 { meter.add(30, at: (100 + Int64(passed)) * second) }
        #expect(meter.perSecond(at: 119 * second) == 30)
        #expect(meter.perSecond(at: 124 * second) == 15)
        #expect(meter.perSecond(at: 130 * second) == 0)
        // After a pause longer than the ring, nothing of before counts.
        meter.add(100, at: 1_000 * second)
        #expect(meter.perSecond(at: 1_000 * second) == 10)
        // A task that reports late counts for the second that it names, or not at all.
        meter.add(100, at: 995 * second)
        meter.add(100, at: 900 * second)
        #expect(meter.perSecond(at: 1_000 * second) == 20)
    }

    @Test func aClockThatBeginsBelowZero() {
        var meter = RateMeter()
        for time in [-15, -3, -1, 0, 2] as [Int64] { meter.add(10, at: time * second) }
        #expect(meter.perSecond(at: 2 * second) == 4)
    }
}
