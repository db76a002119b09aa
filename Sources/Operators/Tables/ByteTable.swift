// From byte keys to ids. Open addressing with linear probing over (hash tag, id) slots; the keys lie in one arena. Keys may be removed:
// their ids are given out again, and the arena is rewritten when more than half of it is dead.
//
// Partitioned like `WordTable`, so that a growth moves one partition at a time.

/// A seeded hash table of byte strings.
@safe final class ByteTable {
    private struct Slot {
        var tag: UInt32
        /// Id, -1 for an empty slot.
        var id: Int32
    }

    @safe private struct Partition {
        var slots: UnsafeMutablePointer<Slot>
        var capacity: Int
        var count = 0

        init(capacity: Int) {
            unsafe slots = .allocate(capacity: capacity)
            unsafe slots.initialize(repeating: Slot(tag: 0, id: -1), count: capacity)
            self.capacity = capacity
        }
    }

    private static let splitCount = 32_768
    private static let splitBits = 6

    private let seed: UInt64
    private var partitions: [Partition]
    private var partitionBits = 0
    /// Where each id's key lies in the arena; length -1 for an id that is free.
    private var places: [(start: Int, length: Int)] = []
    private var arena: [UInt8] = []
    private var deadBytes = 0
    private var freeIds: [Int32] = []

    init(seed: UInt64) {
        self.seed = seed
        partitions = [Partition(capacity: 16)]
    }

    deinit {
        for partition in partitions { unsafe partition.slots.deallocate() }
    }

    /// Number of keys.
    var count: Int { places.count - freeIds.count }
    /// Ids are below this.
    var idBound: Int { places.count }

    var memory: Int {
        arena.capacity + places.capacity * 16
            + partitions.indices.reduce(0) { $0 + partitions[$1].capacity * MemoryLayout<Slot>.stride }
    }

    func isUsed(_ id: Int) -> Bool { places[id].length >= 0 }

    /// The key of an id in use.
    func key(_ id: Int) -> ArraySlice<UInt8> {
        let place = places[id]
        return arena[place.start..<place.start + place.length]
    }

    private func hash(_ key: ArraySlice<UInt8>) -> UInt64 {
        unsafe key.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return Hashing.hash(0, seed) }
            return unsafe Hashing.hash(base, bytes.count, seed)
        }
    }

    private func partitionIndex(_ hash: UInt64) -> Int {
        partitionBits == 0 ? 0 : Int(truncatingIfNeeded: hash >> UInt64(64 - partitionBits))
    }

    private func isKey(_ id: Int32, _ key: ArraySlice<UInt8>) -> Bool {
        let place = places[Int(id)]
        guard place.length == key.count else { return false }
        return unsafe arena.withUnsafeBufferPointer { arena in
            unsafe key.withUnsafeBufferPointer { key in
                for index in 0..<key.count where unsafe arena[place.start + index] != key[index] { return false }
                return true
            }
        }
    }

    /// The slot of `key`: where it is, or the empty one where it would go.
    private func probe(_ key: ArraySlice<UInt8>, _ hash: UInt64) -> (partition: Int, slot: Int, id: Int32) {
        let index = partitionIndex(hash)
        let partition = partitions[index]
        let mask = partition.capacity - 1
        let tag = UInt32(truncatingIfNeeded: hash >> 20)
        var place = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = unsafe partition.slots[place]
            if slot.id < 0 { return (index, place, -1) }
            if slot.tag == tag, isKey(slot.id, key) { return (index, place, slot.id) }
            place = (place + 1) & mask
        }
    }

    /// The id of `key`, nil when it has none.
    func find(_ key: ArraySlice<UInt8>) -> Int? {
        let found = probe(key, hash(key))
        return found.id < 0 ? nil : Int(found.id)
    }

    /// The id of `key`; a new key gets a free id or the next one.
    func id(of key: ArraySlice<UInt8>) -> (id: Int, isNew: Bool) {
        let hash = hash(key)
        let found = probe(key, hash)
        if found.id >= 0 { return (Int(found.id), false) }
        let id: Int32
        let place = (start: arena.count, length: key.count)
        if let free = freeIds.popLast() {
            id = free
            places[Int(id)] = place
        } else {
            id = Int32(places.count)
            places.append(place)
        }
        arena.append(contentsOf: key)
        unsafe partitions[found.partition].slots[found.slot] = Slot(tag: UInt32(truncatingIfNeeded: hash >> 20), id: id)
        partitions[found.partition].count += 1
        if partitions[found.partition].count * 10 > partitions[found.partition].capacity * 7 {
            if partitionBits == 0 && count >= ByteTable.splitCount { split() } else { grow(found.partition) }
        }
        return (Int(id), true)
    }

    /// Forgets a key and frees its id.
    func remove(_ key: ArraySlice<UInt8>) {
        let found = probe(key, hash(key))
        guard found.id >= 0 else { return }
        let place = places[Int(found.id)]
        places[Int(found.id)] = (start: 0, length: -1)
        freeIds.append(found.id)
        deadBytes += place.length
        closeGap(found.partition, found.slot)
        partitions[found.partition].count -= 1
        if deadBytes > 1 << 16, deadBytes * 2 > arena.count { compact() }
    }

    /// Moves later entries of the run of slots back, so that probing finds them without tombstones.
    private func closeGap(_ index: Int, _ start: Int) {
        let partition = partitions[index]
        let mask = partition.capacity - 1
        var gap = start
        var place = (start + 1) & mask
        while true {
            let slot = unsafe partition.slots[place]
            if slot.id < 0 { break }
            let home = Int(truncatingIfNeeded: hash(key(Int(slot.id)))) & mask
            if (place - home) & mask >= (place - gap) & mask {
                unsafe partition.slots[gap] = slot
                gap = place
            }
            place = (place + 1) & mask
        }
        unsafe partition.slots[gap] = Slot(tag: 0, id: -1)
    }

    private func compact() {
        var live: [UInt8] = []
        live.reserveCapacity(arena.count - deadBytes)
        for id in places.indices where places[id].length >= 0 {
            let place = places[id]
            places[id].start = live.count
            live.append(contentsOf: arena[place.start..<place.start + place.length])
        }
        arena = live
        deadBytes = 0
    }

    private func move(_ slot: Slot, _ hash: UInt64, into index: Int) {
        let partition = partitions[index]
        let mask = partition.capacity - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while unsafe partition.slots[place].id >= 0 { place = (place + 1) & mask }
        unsafe partition.slots[place] = slot
        partitions[index].count += 1
    }

    private func grow(_ index: Int) {
        let old = partitions[index]
        partitions[index] = Partition(capacity: old.capacity * 2)
        for place in 0..<old.capacity {
            let slot = unsafe old.slots[place]
            if slot.id >= 0 { move(slot, hash(key(Int(slot.id))), into: index) }
        }
        unsafe old.slots.deallocate()
    }

    private func split() {
        let old = partitions[0]
        partitionBits = ByteTable.splitBits
        // Twice the room of before, in all; shifts bind tighter than products.
        partitions = (0..<1 << partitionBits).map { _ in Partition(capacity: max(16, (old.capacity * 2) >> partitionBits)) }
        for place in 0..<old.capacity {
            let slot = unsafe old.slots[place]
            guard slot.id >= 0 else { continue }
            let hash = hash(key(Int(slot.id)))
            let index = partitionIndex(hash)
            move(slot, hash, into: index)
            // Hashes may be unevenly spread; probing a partition without an empty slot would not end.
            if partitions[index].count * 10 > partitions[index].capacity * 7 { grow(index) }
        }
        unsafe old.slots.deallocate()
    }
}
