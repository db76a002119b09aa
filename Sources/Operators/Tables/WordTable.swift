// From 64-bit keys to dense group ids. Open addressing with linear probing; keys are never removed.
//
// The table is one partition while it is small and 64 partitions, by the top bits of the hash, once it is not: then a growth moves one
// partition at a time and takes about a millisecond even with millions of keys.

import CHardware

/// A seeded hash table of Int64 keys.
@safe final class WordTable {
    private struct Slot {
        var key: Int64
        /// Group id, -1 for an empty slot.
        var group: Int32
    }

    @safe private struct Partition {
        var slots: UnsafeMutablePointer<Slot>
        var capacity: Int
        var count: Int

        init(capacity: Int) {
            unsafe slots = .allocate(capacity: capacity)
            unsafe slots.initialize(repeating: Slot(key: 0, group: -1), count: capacity)
            self.capacity = capacity
            count = 0
        }
    }

    /// Keys in the single partition before the table is split.
    private static let splitCount = 32_768
    private static let splitBits = 6

    private let seed: UInt64
    private var partitions: UnsafeMutablePointer<Partition>
    private var partitionBits = 0
    /// Number of keys; the next group id.
    private(set) var count = 0

    init(seed: UInt64) {
        self.seed = seed
        unsafe partitions = .allocate(capacity: 1)
        unsafe partitions.initialize(to: Partition(capacity: 16))
    }

    deinit {
        for index in 0..<1 << partitionBits { unsafe partitions[index].slots.deallocate() }
        unsafe partitions.deallocate()
    }

    var memory: Int {
        (0..<1 << partitionBits).reduce(0) { unsafe $0 + partitions[$1].capacity * MemoryLayout<Slot>.stride }
    }

    /// Brings the slot where looking for `key` would begin near, so that a look-up some rows later need not wait for memory.
    @inline(__always) func prefetch(_ key: Int64) {
        let hash = Hashing.hash(key, seed)
        let partition = unsafe partitions + partitionIndex(hash)
        unsafe millrace_prefetch(partition.pointee.slots + (Int(truncatingIfNeeded: hash) & (partition.pointee.capacity - 1)))
    }

    /// The group of `key`; a new key gets the next id.
    @inline(__always) func group(of key: Int64) -> Int32 {
        let hash = Hashing.hash(key, seed)
        let partition = unsafe partitions + partitionIndex(hash)
        let mask = unsafe partition.pointee.capacity - 1
        let slots = unsafe partition.pointee.slots
        var place = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = unsafe slots[place]
            if slot.group < 0 { return unsafe insert(key, hash, partition, place) }
            if slot.key == key { return slot.group }
            place = (place + 1) & mask
        }
    }

    /// The group of `key`, nil when it has none.
    func find(_ key: Int64) -> Int32? {
        let hash = Hashing.hash(key, seed)
        let partition = unsafe partitions[partitionIndex(hash)]
        let mask = partition.capacity - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = unsafe partition.slots[place]
            if slot.group < 0 { return nil }
            if slot.key == key { return slot.group }
            place = (place + 1) & mask
        }
    }

    @inline(__always) private func partitionIndex(_ hash: UInt64) -> Int {
        partitionBits == 0 ? 0 : Int(truncatingIfNeeded: hash >> UInt64(64 - partitionBits))
    }

    @inline(never) @unsafe private func insert(
        _ key: Int64, _ hash: UInt64, _ partition: UnsafeMutablePointer<Partition>, _ place: Int
    ) -> Int32 {
        let group = Int32(count)
        count += 1
        unsafe partition.pointee.slots[place] = Slot(key: key, group: group)
        unsafe partition.pointee.count += 1
        if unsafe partition.pointee.count * 10 > partition.pointee.capacity * 7 {
            if partitionBits == 0 && count >= WordTable.splitCount { split() } else { unsafe grow(partition) }
        }
        return group
    }

    @unsafe private func move(_ slot: Slot, into partition: UnsafeMutablePointer<Partition>) {
        let mask = unsafe partition.pointee.capacity - 1
        var place = Int(truncatingIfNeeded: Hashing.hash(slot.key, seed)) & mask
        while unsafe partition.pointee.slots[place].group >= 0 { place = (place + 1) & mask }
        unsafe partition.pointee.slots[place] = slot
        unsafe partition.pointee.count += 1
    }

    @unsafe private func grow(_ partition: UnsafeMutablePointer<Partition>) {
        let old = unsafe partition.pointee
        unsafe partition.pointee = Partition(capacity: old.capacity * 2)
        for place in 0..<old.capacity {
            let slot = unsafe old.slots[place]
            if slot.group >= 0 { unsafe move(slot, into: partition) }
        }
        unsafe old.slots.deallocate()
    }

    private func split() {
        let old = unsafe partitions[0]
        unsafe partitions.deallocate()
        partitionBits = WordTable.splitBits
        unsafe partitions = .allocate(capacity: 1 << partitionBits)
        for index in 0..<1 << partitionBits {
            // Twice the room of before, in all; shifts bind tighter than products.
            unsafe (partitions + index).initialize(to: Partition(capacity: max(16, (old.capacity * 2) >> partitionBits)))
        }
        for place in 0..<old.capacity {
            let slot = unsafe old.slots[place]
            guard slot.group >= 0 else { continue }
            let partition = unsafe partitions + partitionIndex(Hashing.hash(slot.key, seed))
            unsafe move(slot, into: partition)
            // Hashes may be unevenly spread; probing a partition without an empty slot would not end.
            if unsafe partition.pointee.count * 10 > partition.pointee.capacity * 7 { unsafe grow(partition) }
        }
        unsafe old.slots.deallocate()
    }
}
