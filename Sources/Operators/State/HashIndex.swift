// From hashes to the numbers of entries. Open addressing with linear probing over (tag, number) slots, without tombstones; the entries
// themselves lie elsewhere. Split by the hash's first bits, so that a growth moves one part at a time and never needs a key.

import CHardware

/// A hash table of numbers, which are not negative.
@safe struct HashIndex: ~Copyable {
    /// The tag is the hash's last 32 bits, of which the lowest say where the slot's home is.
    struct Slot: BitwiseCopyable {
        var tag: UInt32
        /// -1 for an empty slot.
        var number: Int32
    }

    @safe struct Part: BitwiseCopyable {
        /// Nil until the first number comes.
        var slots: UnsafeMutablePointer<Slot>?
        var mask = 0
        var count = 0
    }

    private static let partBits = 6, firstSize = 4

    private let parts: UnsafeMutablePointer<Part>
    private var slotCount = 0

    init() {
        let count = 1 << HashIndex.partBits
        let parts = UnsafeMutablePointer<Part>.allocate(capacity: count)
        unsafe parts.initialize(repeating: Part(slots: nil), count: count)
        unsafe self.parts = unsafe parts
    }

    deinit {
        for part in 0..<1 << HashIndex.partBits { unsafe parts[part].slots?.deallocate() }
        unsafe parts.deallocate()
    }

    /// Bytes of memory.
    var memory: Int { slotCount * MemoryLayout<Slot>.stride + MemoryLayout<Part>.stride << HashIndex.partBits }

    @inline(__always) private static func part(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> UInt64(64 - partBits)) }

    /// Asks for the memory of the slot that a look for `hash` begins with.
    @inline(__always) func prefetch(_ hash: UInt64) {
        let part = unsafe parts[HashIndex.part(of: hash)]
        guard let slots = unsafe part.slots else { return }
        unsafe millrace_prefetch(slots + (Int(UInt32(truncatingIfNeeded: hash)) & part.mask))
    }

    /// The number under `hash` for which `isSame` holds; -1 when there is none.
    @inline(__always) func find(_ hash: UInt64, _ isSame: (Int) -> Bool) -> Int {
        let part = unsafe parts[HashIndex.part(of: hash)]
        guard let slots = unsafe part.slots else { return -1 }
        let tag = UInt32(truncatingIfNeeded: hash)
        var place = Int(tag) & part.mask
        while true {
            let slot = unsafe slots[place]
            if slot.number < 0 { return -1 }
            if slot.tag == tag, isSame(Int(slot.number)) { return Int(slot.number) }
            place = (place + 1) & part.mask
        }
    }

    /// Adds a number that is not there.
    mutating func insert(_ number: Int, _ hash: UInt64) {
        let index = HashIndex.part(of: hash)
        // At most seven slots of ten are taken, so that every probing comes to an end.
        if unsafe parts[index].slots == nil || (parts[index].count + 1) * 10 > (parts[index].mask + 1) * 7 { grow(index) }
        unsafe parts[index].count += 1
        put(Slot(tag: UInt32(truncatingIfNeeded: hash), number: Int32(truncatingIfNeeded: number)), index)
    }

    /// Takes away a number that is there.
    func remove(_ number: Int, _ hash: UInt64) {
        let index = HashIndex.part(of: hash)
        guard let slots = unsafe parts[index].slots else { return }
        let mask = unsafe parts[index].mask
        var gap = Int(UInt32(truncatingIfNeeded: hash)) & mask
        while unsafe Int(slots[gap].number) != number {
            if unsafe slots[gap].number < 0 { return }
            gap = (gap + 1) & mask
        }
        // Later slots of the run move back where that brings them no further from home than they may be.
        var place = (gap + 1) & mask
        while unsafe slots[place].number >= 0 {
            let home = unsafe Int(slots[place].tag) & mask
            if (place - home) & mask >= (place - gap) & mask {
                unsafe slots[gap] = unsafe slots[place]
                gap = place
            }
            place = (place + 1) & mask
        }
        unsafe slots[gap] = Slot(tag: 0, number: -1)
        unsafe parts[index].count -= 1
    }

    private func put(_ slot: Slot, _ index: Int) {
        let part = unsafe parts[index]
        guard let slots = unsafe part.slots else { return }
        var place = Int(slot.tag) & part.mask
        while unsafe slots[place].number >= 0 { place = (place + 1) & part.mask }
        unsafe slots[place] = slot
    }

    private mutating func grow(_ index: Int) {
        let old = unsafe parts[index]
        let size = unsafe old.slots == nil ? HashIndex.firstSize : (old.mask + 1) * 2
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: size)
        unsafe slots.initialize(repeating: Slot(tag: 0, number: -1), count: size)
        unsafe parts[index].slots = unsafe slots
        unsafe parts[index].mask = size - 1
        slotCount += size
        guard let oldSlots = unsafe old.slots else { return }
        for place in 0...old.mask where unsafe oldSlots[place].number >= 0 { unsafe put(oldSlots[place], index) }
        slotCount -= old.mask + 1
        unsafe oldSlots.deallocate()
    }
}
