// Tasks that catch up on one partition go together.

import LogStore
import Pipelines
import Quantities
import TestSupport
import Testing

private let stream = PartitionKey(topic: TopicID(high: 0, low: 1), partition: 0)
private let other = PartitionKey(topic: TopicID(high: 0, low: 2), partition: 0)
private let far = Convoys.leastLag

/// Convoys of tasks at these places of one partition, whose runs are kept from `kept` on.
private func convoys(_ positions: [Offset], kept: Offset) -> Convoys {
    var convoys = Convoys()
    convoys.gather(positions.map { Convoys.Place(stream, $0) }) { $0.position >= kept }
    return convoys
}

struct ConvoyTests {
    @Test func whoIsAheadWaits() {
        let convoys = convoys([500, 300, 400], kept: 0)
        #expect(convoys.waits(Convoys.Place(stream, 500), waited: 0) { far })
        #expect(convoys.waits(Convoys.Place(stream, 400), waited: 0) { far })
        #expect(!convoys.waits(Convoys.Place(stream, 300), waited: 0) { far })
        #expect(!convoys.waits(Convoys.Place(other, 500), waited: 0) { far })
    }

    /// What is new does not wait, and nobody waits for long.
    @Test func nobodyWaitsWhoIsUpToDateOrHasWaited() {
        let convoys = convoys([500, 300], kept: 0)
        #expect(!convoys.waits(Convoys.Place(stream, 500), waited: 0) { far - 1 })
        #expect(!convoys.waits(Convoys.Place(stream, 500), waited: Convoys.longestWait) { far })
    }

    /// Those whose next runs are not there any more are waited for by nobody, also in the middle of a run that they have.
    @Test func nobodyWaitsForThoseFarBehind() {
        let behind = convoys([500, 300], kept: 400)
        #expect(!behind.waits(Convoys.Place(stream, 500), waited: 0) { far })
        var near = Convoys()
        near.gather([Convoys.Place(stream, 500), Convoys.Place(stream, 300, next: 400)]) { $0.next >= 400 }
        #expect(near.waits(Convoys.Place(stream, 500), waited: 0) { far })
    }

    @Test func whereTheyStandIsLookedAtAnew() {
        var convoys = convoys([500, 300], kept: 0)
        convoys.gather([Convoys.Place(stream, 500)]) { _ in true }
        #expect(!convoys.waits(Convoys.Place(stream, 500), waited: 0) { far })
    }
}
