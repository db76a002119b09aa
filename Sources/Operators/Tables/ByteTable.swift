// From byte keys to ids. Open addressing with linear probing over (hash tag, id) slots; the keys lie in one arena. Keys may be removed:
// their ids are given out again, and the arena is rewritten when more than half of it is dead.
//
// Partitioned like `WordTable`, so that a growth moves one partition at a time.

import CHardware

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

        /// The slot of a key with this hash, for whose id `isKey` holds: where it is, or the empty one where it would go, whose id is -1.
        @inline(__always) func probe(_ hash: UInt64, _ isKey: (Int32) -> Bool) -> (slot: Int, id: Int32) {
            let mask = capacity - 1
            let tag = UInt32(truncatingIfNeeded: hash >> 20)
            var place = Int(truncatingIfNeeded: hash) & mask
            while true {
                let slot = unsafe slots[place]
                if slot.id < 0 || slot.tag == tag && isKey(slot.id) { return (place, slot.id) }
                place = (place + 1) & mask
            }
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

    /// The ids in use from `first` on, in the order of their keys' bytes.
    func idsInOrder(from first: Int) -> [Int32] {
        // Most comparisons are decided by the first bytes, which stand beside the ids.
        var order: [(head: UInt64, id: Int32)] = []
        order.reserveCapacity(max(0, places.count - first))
        for id in places.indices.dropFirst(first) where isUsed(id) {
            var head: UInt64 = 0
            for byte in key(id).prefix(8) { head = head << 8 | UInt64(byte) }
            order.append((head << UInt64(8 * max(0, 8 - places[id].length)), Int32(truncatingIfNeeded: id)))
        }
        unsafe arena.withUnsafeBytes { arena in
            guard let base = arena.baseAddress else { return }
            order.sort { first, second in
                if first.head != second.head { return first.head < second.head }
                let (a, b) = (places[Int(first.id)], places[Int(second.id)])
                return unsafe StoredBytes(base + a.start, a.length).precedes(StoredBytes(base + b.start, b.length))
            }
        }
        return order.map(\.id)
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
        let found = partitions[index].probe(hash) { isKey($0, key) }
        return (index, found.slot, found.id)
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
        return (Int(insert(key, hash, found.partition, found.slot)), true)
    }

    /// Gives each of the keys, which stand one behind the other in `keys` and end at `ends`, its id by appending to `ids`; appends the places
    /// of those that are new to `fresh`.
    func assign(_ keys: [UInt8], ends: [Int], to ids: inout [Int32], fresh: inout [Int]) {
        let hashes = unsafe keys.withUnsafeBytes { bytes -> [UInt64] in
            var start = 0
            return ends.map { end in
                defer { start = end }
                guard let base = bytes.baseAddress, end > start else { return Hashing.hash(0, seed) }
                return unsafe StoredBytes(base + start, end - start).hash(seed)
            }
        }
        // Taken out of the object while nothing is added, so that no field is touched per key.
        var taken = Lookup(self)
        var start = 0
        for (place, end) in ends.enumerated() {
            let ahead = place + Hashing.prefetchDistance
            if ahead < hashes.count { unsafe millrace_prefetch(taken.slot(of: hashes[ahead])) }
            let known = taken.find(keys, start..<end, hashes[place])
            if known >= 0 {
                ids.append(known)
            } else {
                taken.giveBack(to: self)
                let found = probe(keys[start..<end], hashes[place])
                ids.append(insert(keys[start..<end], hashes[place], found.partition, found.slot))
                fresh.append(place)
                taken = Lookup(self)
            }
            start = end
        }
        taken.giveBack(to: self)
    }

    /// What looking for keys needs of a table.
    @safe private struct Lookup {
        private var partitions: [Partition]
        private let partitionBits: Int
        private var places: [(start: Int, length: Int)] = []
        private var arena: [UInt8] = []

        init(_ table: ByteTable) {
            partitions = table.partitions
            partitionBits = table.partitionBits
            swap(&places, &table.places)
            swap(&arena, &table.arena)
        }

        mutating func giveBack(to table: ByteTable) {
            // Else the table would copy them with the next key.
            partitions = []
            swap(&places, &table.places)
            swap(&arena, &table.arena)
        }

        @inline(__always) private func partition(_ hash: UInt64) -> Partition {
            partitions[partitionBits == 0 ? 0 : Int(truncatingIfNeeded: hash >> UInt64(64 - partitionBits))]
        }

        @inline(__always) @unsafe func slot(of hash: UInt64) -> UnsafePointer<Slot> {
            let partition = partition(hash)
            return unsafe UnsafePointer(partition.slots + (Int(truncatingIfNeeded: hash) & (partition.capacity - 1)))
        }

        /// The id of the key at `range` of `keys`, -1 when it has none.
        @inline(__always) func find(_ keys: [UInt8], _ range: Range<Int>, _ hash: UInt64) -> Int32 {
            partition(hash).probe(hash) { isKey($0, keys, range) }.id
        }

        @inline(__always) private func isKey(_ id: Int32, _ keys: [UInt8], _ range: Range<Int>) -> Bool {
            let place = places[Int(id)]
            guard place.length == range.count else { return false }
            return unsafe arena.withUnsafeBytes { arena in
                unsafe keys.withUnsafeBytes { keys in
                    guard let a = arena.baseAddress, let b = keys.baseAddress else { return true }
                    return unsafe StoredBytes(a + place.start, place.length).isEqual(to: StoredBytes(b + range.lowerBound, range.count))
                }
            }
        }
    }

    private func insert(_ key: ArraySlice<UInt8>, _ hash: UInt64, _ partition: Int, _ slot: Int) -> Int32 {
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
        unsafe partitions[partition].slots[slot] = Slot(tag: UInt32(truncatingIfNeeded: hash >> 20), id: id)
        partitions[partition].count += 1
        if partitions[partition].count * 10 > partitions[partition].capacity * 7 {
            if partitionBits == 0 && count >= ByteTable.splitCount { split() } else { grow(partition) }
        }
        return id
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
