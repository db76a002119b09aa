// Where the last record of each key stands: what a round of compaction holds in memory. A table of its own, because a round over a million keys
// takes several times longer with a dictionary, whose hashing begins anew with what is a hash already.

/// A key by 128 bits of hash: for a billion keys a collision is less likely than 1 in 10^20.
struct KeyHash: Hashable {
    var high: UInt64
    var low: UInt64
}

/// Offsets by key. Open addressing with linear probing; the hashes are seeded, so that nobody can choose keys that collide.
struct LatestOffsets {
    private struct Slot {
        var key: KeyHash
        /// -1 for an empty slot.
        var offset: Int64
    }

    private static let empty = Slot(key: KeyHash(high: 0, low: 0), offset: -1)

    private var slots = [Slot](repeating: empty, count: 1024)
    private var count = 0

    /// The last record of this key so far is at `offset`, which is not negative.
    mutating func note(_ key: KeyHash, _ offset: Int64) {
        let place = LatestOffsets.place(of: key, in: slots)
        if slots[place].offset < 0 {
            count += 1
            slots[place] = Slot(key: key, offset: offset)
            // At most seven slots of ten are taken, so that every probing comes to an end.
            if count * 10 > slots.count * 7 { grow() }
        } else {
            slots[place].offset = offset
        }
    }

    /// The offset that was noted last; -1 for none.
    func offset(of key: KeyHash) -> Int64 { slots[LatestOffsets.place(of: key, in: slots)].offset }

    /// Where a key stands, or the empty slot where it would.
    private static func place(of key: KeyHash, in slots: [Slot]) -> Int {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: key.high) & mask
        while slots[place].offset >= 0, slots[place].key != key { place = (place + 1) & mask }
        return place
    }

    private mutating func grow() {
        var larger = [Slot](repeating: LatestOffsets.empty, count: slots.count * 2)
        for slot in slots where slot.offset >= 0 { larger[LatestOffsets.place(of: slot.key, in: larger)] = slot }
        slots = larger
    }
}
