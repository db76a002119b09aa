// Tasks that catch up on one partition go together: one that is ahead lets those just behind it come up, so that all of them take the same
// runs from the cache. A hundred queries that are made over one long stream read it once, not a hundred times.
//
// Only tasks that have far to go wait for others, only for those whose next run is kept, and each time no longer than `longestWait`: what is
// new reaches a query that is up to date at once, and a slow query holds up those beside it until it has fallen behind what is kept.

import Bytes
package import LogStore
import Operators
import Platform
package import Quantities

/// Which tasks of a worker go together, by where they stand.
package struct Convoys {
    /// Where a task stands in a partition.
    package struct Place {
        /// The partition.
        package let partition: PartitionKey
        /// The next record that it will process.
        package let position: Offset
        /// Where the run begins that it will ask for next.
        package let next: Offset

        /// A place; without `next` that of a task which has no run.
        package init(_ partition: PartitionKey, _ position: Offset, next: Offset? = nil) {
            self.partition = partition
            self.position = position
            self.next = next ?? position
        }
    }

    /// The place of the last of those that go together, by partition.
    private var last: [PartitionKey: Offset] = [:]

    /// Records that a task must have before it to wait for others: several runs.
    package static let leastLag: Int64 = 16_384
    /// Nanoseconds after its turn has come for which a task waits for others at most: some hundred tasks can take a slice meanwhile.
    package static let longestWait: Int64 = 1_000_000_000

    /// No task has a place yet.
    package init() {}

    var isEmpty: Bool { last.isEmpty }

    /// Takes the places of the tasks that have something to do. `isKept` tells whether the run that a task will ask for next is there for
    /// all.
    package mutating func gather(_ places: some Sequence<Place>, isKept: (Place) -> Bool) {
        last.removeAll(keepingCapacity: true)
        for place in places where last[place.partition].map({ place.position < $0 }) ?? true {
            if isKept(place) { last[place.partition] = place.position }
        }
    }

    /// Whether a task should let others go first. `waited` are the nanoseconds since its turn came, `lag` the records before it.
    package func waits(_ place: Place, waited: Int64, lag: () -> Int64) -> Bool {
        guard let last = last[place.partition], last < place.position, waited < Convoys.longestWait else { return false }
        return lag() >= Convoys.leastLag
    }
}

extension Worker {
    /// Looks anew where the ready tasks stand. To be called now and then: what has changed since is no harm.
    func gatherConvoys(_ ready: TaskLine) {
        guard ready.count > 1, sharedRuns.isInUse else { return convoys = Convoys() }
        convoys.gather(ready.tasks.lazy.compactMap(\.task.placeInConvoy)) {
            sharedRuns.holds($0.partition, from: $0.next, upTo: .appended)
        }
    }

    /// Whether a ready task whose turn it is should let others go first.
    func waits(_ slot: TaskSlot) -> Bool {
        guard !convoys.isEmpty, let place = slot.task.placeInConvoy else { return false }
        let now = clock.monotonicNanoseconds()
        if slot.turnCame == nil { slot.turnCame = now }
        guard convoys.waits(place, waited: now - (slot.turnCame ?? now), lag: { lag(behind: place) }) else { return false }
        slot.task.releaseMemoryMeanwhile()
        return true
    }

    /// How many records there are from a place on.
    func lag(behind place: Convoys.Place) -> Int64 {
        // Of a partition that is gone the task will hear itself.
        (try? log.bounds(of: place.partition.topic, partition: place.partition.partition)).map { $0.appendedEnd - place.position } ?? 0
    }
}

extension QueryTask {
    /// Frees what the latest slice needed. Hundreds of tasks may wait for each other, and what one has freed is the next one's, still in
    /// the processor's caches.
    func releaseMemoryMeanwhile() { description.dataflow.releaseMemory() }

    /// Where the task stands; nil for one of several inputs, and for a client's, who waits for it.
    var placeInConvoy: Convoys.Place? {
        guard !isTransient, !isPreparing, description.inputs.count == 1 else { return nil }
        // Each part by itself: an input is large, and this is asked for often.
        return Convoys.Place(description.inputs[0].partition, description.inputs[0].position, next: description.inputs[0].run?.nextOffset)
    }
}
