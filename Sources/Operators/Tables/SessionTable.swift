// The sessions of all keys: their bounds, which of a key's comes before which, and what has changed since the last commit and since rows
// last went out. A session stands in a slot, whose number is its group for the aggregators.
//
// A struct, which the operator takes out of itself while it goes through a batch: nothing that is done a row reaches through a class. The
// usual row finds the latest session of its key in `latest` and changes it in place; only keys with several live sessions have a list.

import Bytes
import Quantities

/// One session: bounds are the first and last event times, both inclusive.
struct SessionSlot {
    /// What is known of a session.
    struct Marks: OptionSet {
        let rawValue: UInt8

        /// It is among `changed`.
        static let changed = Marks(rawValue: 1)
        /// It is among `pending`.
        static let pending = Marks(rawValue: 2)
        /// It is no more; its slot is free as soon as neither list names it.
        static let gone = Marks(rawValue: 4)
        /// EMIT FINAL: it has been given out.
        static let final = Marks(rawValue: 8)
        /// The changelog has it, under the bounds that it had when it was last taken off `changed`.
        static let logged = Marks(rawValue: 16)
        /// Coalescing: rows have told of it, under the bounds that it had when it was last taken off `pending`.
        static let emitted = Marks(rawValue: 32)
    }

    var start: Int64
    var end: Int64
    var group: Int32
    var marks: Marks = []
}

/// A session that has changed, and its bounds before the first of the changes.
struct SessionVersion {
    let start: Int64
    let end: Int64
    let slot: Int32
    /// Whether the changelog (or the rows that went out) knew the session under those bounds.
    let isKnown: Bool
}

/// The sessions of its key that a row meets.
struct SessionMeeting {
    /// The bounds of the session that comes of it.
    var start: Int64
    var end: Int64
    /// The session that goes on; -1 when the row begins one.
    var slot: Int32
    /// The places of the sessions that are met, among those of the key; nil when it is the latest one, or when a new one comes behind that.
    var places: Range<Int>?
    /// The session that goes on is expired and has the bounds of the one that begins: it starts anew.
    var isRenewed = false

    /// How many sessions are met.
    @inline(__always) var count: Int { slot < 0 || isRenewed ? 0 : places?.count ?? 1 }
}

/// The sessions of an aggregation.
struct SessionTable {
    private(set) var slots: [SessionSlot] = []
    /// By group: its latest session, -1 for none; and those before it, in order. Sessions that a row can meet do not overlap.
    private var latest: [Int32] = []
    private var earlier: [[Int32]] = []
    private var free: [Int32] = []
    /// Bytes of the lists in `earlier`.
    private var listMemory = 0
    /// Sessions that the changelog has not got as they are, in the order of their first changes.
    private var changed: [SessionVersion] = []
    /// Coalescing: the same for the rows that go out.
    private(set) var pending: [SessionVersion] = []

    var streamTime = StreamTime.unset
    /// The latest end of a session that was ever stored; the store's own clock.
    private(set) var storedEnd = StreamTime.unset
    /// EMIT FINAL: the ends of sessions that are still to be given out, and of some that have gone on since.
    var openEnds = OpenEnds()

    var groupCount: Int { latest.count }

    var memory: Int {
        slots.capacity * MemoryLayout<SessionSlot>.stride + (latest.capacity + free.capacity) * 4 + listMemory
            + earlier.capacity * MemoryLayout<[Int32]>.stride + openEnds.memory
            + (changed.capacity + pending.capacity) * MemoryLayout<SessionVersion>.stride
    }

    /// Makes room for groups below `count`.
    mutating func grow(to count: Int) {
        guard count > latest.count else { return }
        latest.append(contentsOf: repeatElement(-1, count: count - latest.count))
        earlier.append(contentsOf: repeatElement([], count: count - earlier.count))
    }

    // MARK: Rows

    /// The sessions that a row of `group` meets. A session that ends at `expired` or before is not met any more, even where lateness alone
    /// would still let it grow.
    @inline(__always) func meeting(_ group: Int, at time: Int64, gap: Milliseconds, expired: Int64) -> SessionMeeting {
        let last = latest[group]
        guard last >= 0 else { return SessionMeeting(start: time, end: time, slot: -1) }
        let session = slots[Int(last)]
        if time > session.end.later(by: gap) { return SessionMeeting(start: time, end: time, slot: -1) }
        if time >= session.start && session.end > expired {
            return SessionMeeting(start: session.start, end: max(session.end, time), slot: last)
        }
        return search(group, at: time, gap: gap, expired: expired)
    }

    @inline(never) private func search(_ group: Int, at time: Int64, gap: Milliseconds, expired: Int64) -> SessionMeeting {
        let (earliestEnd, latestStart) = (time.earlier(by: gap), time.later(by: gap))
        let count = earlier[group].count + 1
        // (Both conditions hold for all later sessions, too: a key's sessions do not overlap while they can be met.)
        let first = (0..<count).firstPlace { place in
            let end = slots[self.slot(group, place)].end
            return end >= earliestEnd && end > expired
        }
        var meeting = SessionMeeting(start: time, end: time, slot: -1)
        var last = first
        while last < count, slots[self.slot(group, last)].start <= latestStart {
            let session = slots[self.slot(group, last)]
            meeting.start = min(meeting.start, session.start)
            meeting.end = max(meeting.end, session.end)
            last += 1
        }
        meeting.places = first..<last
        if first < last {
            meeting.slot = Int32(truncatingIfNeeded: slot(group, first))
        } else if first > 0 {
            // No two sessions of a key have the same bounds: the changelog and the rows know them by these.
            let before = slot(group, first - 1)
            if slots[before].start == time && slots[before].end == time {
                meeting.slot = Int32(truncatingIfNeeded: before)
                meeting.isRenewed = true
            }
        }
        return meeting
    }

    /// The slot of the session at a place among those of a key.
    private func slot(_ group: Int, _ place: Int) -> Int {
        let list = earlier[group]
        return Int(place < list.count ? list[place] : latest[group])
    }

    /// The slots of the sessions that are met and do not go on.
    func absorbed(_ group: Int, _ meeting: SessionMeeting) -> [Int32] {
        guard let places = meeting.places, meeting.count > 1 else { return [] }
        return places.dropFirst().map { Int32(truncatingIfNeeded: slot(group, $0)) }
    }

    /// Begins the session of a row that meets none, and gives its slot.
    mutating func begin(_ group: Int, _ meeting: SessionMeeting) -> Int32 {
        let slot = newSlot(SessionSlot(start: meeting.start, end: meeting.end, group: Int32(truncatingIfNeeded: group)))
        let count = earlier[group].count + (latest[group] < 0 ? 0 : 1)
        insert(slot, group, at: meeting.places?.lowerBound ?? count)
        return slot
    }

    private mutating func newSlot(_ session: SessionSlot) -> Int32 {
        if let slot = free.popLast() {
            slots[Int(slot)] = session
            return slot
        }
        slots.append(session)
        return Int32(truncatingIfNeeded: slots.count - 1)
    }

    private mutating func insert(_ slot: Int32, _ group: Int, at place: Int) {
        let last = latest[group]
        let before = earlier[group].capacity
        if last < 0 {
            latest[group] = slot
        } else if place > earlier[group].count {
            earlier[group].append(last)
            latest[group] = slot
        } else {
            earlier[group].insert(slot, at: place)
        }
        noteList(group, before)
    }

    /// Counts the list of a key, whose room was `before`.
    @inline(__always) private mutating func noteList(_ group: Int, _ before: Int) {
        let now = earlier[group].capacity
        if now != before { listMemory += listBytes(now) - listBytes(before) }
    }

    private func listBytes(_ capacity: Int) -> Int { capacity == 0 ? 0 : capacity * 4 + 32 }

    /// Gives the session that goes on the bounds of the meeting. To be called after `touch`.
    @inline(__always) mutating func settle(_ slot: Int, _ meeting: SessionMeeting) {
        slots[slot].start = meeting.start
        slots[slot].end = meeting.end
        slots[slot].marks.remove(.final)
        storedEnd = max(storedEnd, meeting.end)
    }

    /// Takes the sessions that are met and do not go on out of their key's list. To be called after `touch`.
    mutating func absorb(_ group: Int, _ meeting: SessionMeeting) {
        guard let places = meeting.places, places.count > 1 else { return }
        for place in places.dropFirst() { slots[self.slot(group, place)].marks.insert(.gone) }
        let before = earlier[group].capacity
        if places.upperBound > earlier[group].count {
            latest[group] = meeting.slot
            earlier[group].removeSubrange(places.lowerBound...)
        } else {
            earlier[group].removeSubrange(places.lowerBound + 1..<places.upperBound)
        }
        noteList(group, before)
    }

    // MARK: What has changed

    /// Remembers what a session is before its first change. True when it is now among `pending` and was not.
    @inline(never) mutating func touch(_ slot: Int, _ marks: SessionSlot.Marks) -> Bool {
        let session = slots[slot]
        slots[slot].marks.formUnion(marks)
        if marks.contains(.changed) && !session.marks.contains(.changed) { changed.append(version(session, slot, .logged)) }
        guard marks.contains(.pending) && !session.marks.contains(.pending) else { return false }
        pending.append(version(session, slot, .emitted))
        return true
    }

    private func version(_ session: SessionSlot, _ slot: Int, _ known: SessionSlot.Marks) -> SessionVersion {
        SessionVersion(
            start: session.start, end: session.end, slot: Int32(truncatingIfNeeded: slot), isKnown: session.marks.contains(known))
    }

    /// The sessions whose rows are held back; none are from now on.
    mutating func takePending(into taken: inout [SessionVersion]) {
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &pending)
    }

    /// Says that rows have told of a session as it is.
    mutating func noteEmitted(_ slot: Int) {
        slots[slot].marks.remove(.pending)
        slots[slot].marks.insert(.emitted)
        freeIfUnnamed(slot)
    }

    /// How many sessions have changed.
    var changeCount: Int { changed.count }

    /// Calls `body` with the sessions that have changed, each as it was and as it is, from the one at `place` on until it gives false. Gives
    /// the place behind the last one.
    func forEachChange(from place: Int, _ body: (SessionVersion, SessionSlot) -> Bool) -> Int {
        var place = place
        while place < changed.count {
            let version = changed[place]
            place += 1
            if !body(version, slots[Int(version.slot)]) { break }
        }
        return place
    }

    /// Says that the changelog has all sessions as they are.
    mutating func noteLogged() {
        for version in changed {
            let slot = Int(version.slot)
            slots[slot].marks.remove(.changed)
            slots[slot].marks.insert(.logged)
            freeIfUnnamed(slot)
        }
        changed.removeAll(keepingCapacity: true)
    }

    private mutating func freeIfUnnamed(_ slot: Int) {
        let marks = slots[slot].marks
        if marks.contains(.gone) && marks.isDisjoint(with: [.changed, .pending]) { free.append(Int32(truncatingIfNeeded: slot)) }
    }

    // MARK: Sessions of a key

    /// Calls `body` with the slots of a key's sessions, in order.
    func forEach(of group: Int, _ body: (Int) -> Void) {
        for slot in earlier[group] { body(Int(slot)) }
        if latest[group] >= 0 { body(Int(latest[group])) }
    }

    /// EMIT FINAL: marks the session of a key that ends at `end` as given out, and gives its slot; nil when there is none, or when it was.
    mutating func close(_ group: Int, endingAt end: Int64) -> Int32? {
        guard latest[group] >= 0 else { return nil }
        let count = earlier[group].count + 1
        var place = (0..<count).firstPlace { slots[self.slot(group, $0)].end >= end }
        // An expired session may end at the very moment at which another one begins and ends.
        while place < count {
            let slot = self.slot(group, place)
            guard slots[slot].end == end else { return nil }
            if !slots[slot].marks.contains(.final) {
                slots[slot].marks.insert(.final)
                return Int32(truncatingIfNeeded: slot)
            }
            place += 1
        }
        return nil
    }

    /// Puts a session that the changelog has into its place, and gives its slot.
    mutating func restore(_ group: Int, start: Int64, end: Int64) -> Int {
        let marks: SessionSlot.Marks = [.logged, .emitted]
        let slot = newSlot(SessionSlot(start: start, end: end, group: Int32(truncatingIfNeeded: group), marks: marks))
        insert(slot, group, at: firstPlace(group, from: start, end))
        storedEnd = max(storedEnd, end)
        return Int(slot)
    }

    /// Takes the session with these bounds out, while the changelog is read; gives its slot, nil when there is none.
    mutating func remove(_ group: Int, start: Int64, end: Int64) -> Int? {
        let place = firstPlace(group, from: start, end)
        guard latest[group] >= 0, place <= earlier[group].count else { return nil }
        let slot = self.slot(group, place)
        guard slots[slot].start == start, slots[slot].end == end else { return nil }
        let before = earlier[group].capacity
        if place < earlier[group].count { earlier[group].remove(at: place) } else { latest[group] = earlier[group].popLast() ?? -1 }
        noteList(group, before)
        free.append(Int32(truncatingIfNeeded: slot))
        return slot
    }

    /// The place of the first session of a key with these bounds or greater ones.
    private func firstPlace(_ group: Int, from start: Int64, _ end: Int64) -> Int {
        guard latest[group] >= 0 else { return 0 }
        return (0..<earlier[group].count + 1).firstPlace { place in
            let session = slots[self.slot(group, place)]
            return (session.start, session.end) >= (start, end)
        }
    }

    // MARK: Sessions and keys that go

    /// Takes out the sessions that end before `limit` and that the changelog and the rows know as they are; gives their slots.
    mutating func dropExpired(before limit: Int64) -> [Int32] {
        var dropped: [Int32] = []
        for group in latest.indices where latest[group] >= 0 {
            guard isExpired(slot(group, 0), limit) else { continue }
            let before = earlier[group].capacity
            let count = earlier[group].prefix { isExpired(Int($0), limit) }.count
            dropped.append(contentsOf: earlier[group][..<count])
            if count == earlier[group].count {
                earlier[group] = []
                if isExpired(Int(latest[group]), limit) {
                    dropped.append(latest[group])
                    latest[group] = -1
                }
            } else {
                earlier[group].removeFirst(count)
            }
            noteList(group, before)
        }
        for slot in dropped {
            _ = touch(Int(slot), .changed)
            slots[Int(slot)].marks.insert(.gone)
        }
        return dropped
    }

    private func isExpired(_ slot: Int, _ limit: Int64) -> Bool {
        slots[slot].end < limit && slots[slot].marks.isDisjoint(with: [.changed, .pending])
    }

    /// The groups that have sessions, when those without are most of very many; nil otherwise.
    func liveGroups() -> [Int]? {
        guard latest.count >= 1024, latest.reduce(0, { $0 + ($1 < 0 ? 0 : 1) }) * 2 < latest.count else { return nil }
        return latest.indices.filter { latest[$0] >= 0 }
    }

    /// Keeps these groups only, which are numbered in this order from now on. To be called while nothing is changed or pending.
    mutating func keep(_ groups: [Int], isFinal: Bool) {
        latest = groups.map { latest[$0] }
        earlier = groups.map { earlier[$0] }
        listMemory = earlier.reduce(0) { $0 + listBytes($1.capacity) }
        openEnds = OpenEnds()
        for group in latest.indices {
            for place in 0...earlier[group].count {
                let slot = self.slot(group, place)
                slots[slot].group = Int32(truncatingIfNeeded: group)
                if isFinal && !slots[slot].marks.contains(.final) { openEnds.add(slots[slot].end, group) }
            }
        }
    }
}
