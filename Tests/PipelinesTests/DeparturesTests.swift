// Tasks that come in a burst begin together.

import LogStore
import Pipelines
import Quantities
import TestSupport
import Testing

private let stream = PartitionKey(topic: TopicID(high: 0, low: 1), partition: 0)
private let other = PartitionKey(topic: TopicID(high: 0, low: 2), partition: 0)
private let millisecond: Int64 = 1_000_000

struct DeparturesTests {
    /// One alone does not wait, nor one that comes long after another, nor one that reads something else.
    @Test func whoComesAloneBeginsAtOnce() {
        var departures = Departures<Int>()
        let arrivals: [(PartitionKey, Int64)] = [(stream, 0), (other, 1), (stream, 100)]
        let held = arrivals.map { departures.holds(0, at: $0.0, now: $0.1 * millisecond) }
        #expect(held == [false, false, false])
        #expect(departures.nextDue == nil)
    }

    @Test func aBurstBeginsWhenItIsOver() {
        var departures = Departures<Int64>()
        let held = (Int64(0)...5).map { departures.holds($0, at: stream, now: $0 * 10 * millisecond) }
        #expect(held == [false, true, true, true, true, true])
        #expect(departures.nextDue == 110 * millisecond)
        let early = departures.takeDue(now: 109 * millisecond)
        let due = departures.takeDue(now: 110 * millisecond)
        let later = departures.takeDue(now: 1_000 * millisecond)
        #expect(early.isEmpty && due == [1, 2, 3, 4, 5] && later.isEmpty)
        #expect(departures.nextDue == nil)
        let isHeld = departures.holds(6, at: stream, now: 1_001 * millisecond)
        #expect(!isHeld)
    }

    /// A burst that does not end keeps nobody for more than two seconds.
    @Test func nobodyWaitsForLong() {
        var departures = Departures<Int64>()
        var began: [Int64: Int64] = [:]
        for now in stride(from: Int64(0), to: 10_000, by: 10) {
            if !departures.holds(now, at: stream, now: now * millisecond) { began[now] = now }
            for member in departures.takeDue(now: now * millisecond) { began[member] = now }
        }
        let waits = began.map { $0.value - $0.key }
        #expect(waits.max() == 2_000 && waits.count >= 800)
        #expect(Set(began.values).count <= 6)
    }
}
