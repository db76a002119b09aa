// Queries that are made in a burst over one long stream begin together: each that began on its own, just behind the one before it, would
// read the stream once more. The first goes at once; those that come shortly after another wait until the burst is over.

package import LogStore
import Platform

/// New tasks that wait for others to begin with, by what they read.
package struct Departures<Member> {
    private struct Group {
        var members: [Member] = []
        /// When the first of the members came.
        var began: Int64 = 0
        /// When the latest task came, whether it had to wait or not.
        var latest: Int64
        var due: Int64 { Swift.min(latest + burstGap, began + longestWait) }
    }

    /// Nanoseconds without a new task after which a burst is over.
    private static var burstGap: Int64 { 60_000_000 }
    /// Nanoseconds for which a task waits at most.
    private static var longestWait: Int64 { 2_000_000_000 }

    private var groups: [PartitionKey: Group] = [:]

    /// Nobody has come yet.
    package init() {}

    /// The next moment, in monotonic nanoseconds, at which somebody may begin; nil when nobody waits.
    package var nextDue: Int64? { groups.values.lazy.filter { !$0.members.isEmpty }.map(\.due).min() }

    /// A task has come that reads `partition` and has far to go. Gives whether it is to wait; else it begins at once.
    package mutating func holds(_ member: Member, at partition: PartitionKey, now: Int64) -> Bool {
        guard var group = groups.removeValue(forKey: partition), now - group.latest < Self.burstGap || !group.members.isEmpty else {
            groups[partition] = Group(latest: now)
            return false
        }
        if group.members.isEmpty { group.began = now }
        group.members.append(member)
        group.latest = now
        groups[partition] = group
        return true
    }

    /// Takes out those who may begin now.
    package mutating func takeDue(now: Int64) -> [Member] {
        var due: [Member] = []
        for (partition, group) in groups where group.due <= now || group.members.isEmpty && group.latest + Self.burstGap <= now {
            due += group.members
            // Those that come within the same burst wait for the next departure.
            groups[partition] = group.latest + Self.burstGap > now ? Group(latest: group.latest) : nil
        }
        return due
    }
}

extension Worker {
    /// A new task begins, at once or with others that come with it.
    func begin(_ slot: TaskSlot) {
        let now = clock.monotonicNanoseconds()
        guard let place = slot.task.placeInConvoy, lag(behind: place) >= Convoys.leastLag,
            departures.holds(slot, at: place.partition, now: now)
        else { return makeReady(slot) }
        slot.isHeld = true
        lookAtDepartures(now)
    }

    /// Sees to it that those who wait begin in time.
    private func lookAtDepartures(_ now: Int64) {
        guard !departuresAreWatched, let due = departures.nextDue else { return }
        departuresAreWatched = true
        timers.after(nanoseconds: due - now) { [weak self] in self?.post { worker in worker.depart() } }
    }

    private func depart() {
        departuresAreWatched = false
        let now = clock.monotonicNanoseconds()
        for slot in departures.takeDue(now: now) {
            slot.isHeld = false
            makeReady(slot)
        }
        lookAtDepartures(now)
    }
}
