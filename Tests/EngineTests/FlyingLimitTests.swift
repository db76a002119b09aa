// How much of a load may be on its way to the disk, by the time that its commits take.
import Testing

@testable import Engine

@Suite struct FlyingLimitTests {
    @Test func quickCommitsRaiseItToTheMost() {
        var limit = FlyingLimit()
        for _ in 0..<100 { limit.landed(after: 1_000_000) }
        #expect(limit.byteCount == FlyingLimit.most)
    }

    @Test func aSlowCommitHalvesItAndTheLeastStays() {
        var limit = FlyingLimit()
        for _ in 0..<100 { limit.landed(after: 0) }
        limit.landed(after: 9_000_000)
        #expect(limit.byteCount == FlyingLimit.most / 2)
        for _ in 0..<100 { limit.landed(after: .max) }
        #expect(limit.byteCount == FlyingLimit.least)
    }

    @Test func inBetweenItStays() {
        var limit = FlyingLimit()
        let before = limit.byteCount
        limit.landed(after: 6_000_000)
        #expect(limit.byteCount == before)
    }
}
