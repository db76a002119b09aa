// The last row of each key of a table, as bytes in the compact format, and which keys have changed since the last commit. It grows with the
// number of live keys; a key that is deleted gives back its memory and its number.
//
// A key's number is its own from when it comes until it has no row, no change that is still to be written, and is held by nobody.

import Bytes
import Values

/// Rows by key, as a store.
@safe final class KeyedRows: RecordwiseStore {
    struct Slot: BitwiseCopyable {
        /// The key's entry; missing while the number is free.
        var place: RowPlace
        /// Of the row, or of the deletion.
        var time: Int64
        /// How often the key is held.
        var holds: Int32 = 0
        var hasRow = false
        var isChanged = false
    }

    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    @safe struct Parts: ~Copyable {
        var slots = PagedArray<Slot>()
        var freeNumbers = PagedArray<Int32>()
        var changed = PagedArray<Int32>()
        var arena = RowArena()
        var index = HashIndex()
        var rowCount = 0
    }

    private let parts: UnsafeMutablePointer<Parts>
    private let seed: UInt64
    /// The first of the changed rows that the changelog has not got.
    private var nextChange = 0
    /// Called when a key's row is restored (or its deletion), with the key's number.
    var onRestore: ((_ number: Int, _ hasRow: Bool) -> Void)?

    init(seed: UInt64) {
        self.seed = seed
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts())
        unsafe self.parts = unsafe parts
    }

    deinit {
        unsafe parts.deinitialize(count: 1)
        unsafe parts.deallocate()
    }

    /// Number of rows.
    var count: Int { unsafe parts.pointee.rowCount }

    var memory: Int {
        unsafe parts.pointee.slots.memory + parts.pointee.freeNumbers.memory + parts.pointee.changed.memory + parts.pointee.arena.memory
            + parts.pointee.index.memory
    }

    // MARK: Reading

    /// The number of a key; -1 when it has none.
    @inline(__always) func find(_ key: StoredKey) -> Int {
        unsafe parts.pointee.index.find(key.hash) { number in unsafe parts.pointee.slots[number].place.key.isEqual(to: key.bytes) }
    }

    /// Asks for the memory that a look for a key of this hash begins with.
    @inline(__always) func prefetch(_ hash: UInt64) { unsafe parts.pointee.index.prefetch(hash) }

    /// The row of a number; missing without one, also for the number -1.
    @inline(__always) func row(_ number: Int) -> RowPlace {
        guard number >= 0 else { return .missing }
        let slot = unsafe parts.pointee.slots[number]
        return slot.hasRow ? slot.place : .missing
    }

    @inline(__always) func time(_ number: Int) -> Int64 { unsafe parts.pointee.slots[number].time }

    /// The key of a number in use.
    @inline(__always) func key(_ number: Int) -> StoredBytes { unsafe parts.pointee.slots[number].place.key }

    // MARK: Changing

    /// Makes `row` the row of `key`, or takes the row away, and notes the change; `number` is what `find` gave for the key. Gives the key's
    /// number from now on. What was there before stays readable until `reclaim`.
    @discardableResult
    @inline(__always) func set(_ key: StoredKey, _ number: Int, _ row: StoredBytes?, time: Int64) -> Int {
        let number = put(key, number, row, time)
        if unsafe !parts.pointee.slots[number].isChanged {
            unsafe parts.pointee.changed.append(Int32(truncatingIfNeeded: number))
            var slot = unsafe parts.pointee.slots[number]
            slot.isChanged = true
            unsafe parts.pointee.slots[number] = slot
        }
        return number
    }

    /// Takes the row of a number in use away, as of the time that it has.
    func removeRow(_ number: Int) {
        // The key is known by its number: its hash is not looked at.
        set(StoredKey(bytes: key(number), hash: 0), number, nil, time: time(number))
    }

    /// The number of `key`, which is held once more: it keeps its number without a row, too.
    func hold(_ key: StoredKey) -> Int {
        var number = find(key)
        if number < 0 { number = add(key, nil, 0) }
        var slot = unsafe parts.pointee.slots[number]
        slot.holds += 1
        unsafe parts.pointee.slots[number] = slot
        return number
    }

    /// Takes back one `hold`.
    func release(_ number: Int) {
        var slot = unsafe parts.pointee.slots[number]
        slot.holds -= 1
        unsafe parts.pointee.slots[number] = slot
        dropIfUnused(number)
    }

    /// Frees what is dead. No place that was given before is valid afterwards.
    func reclaim() {
        unsafe parts.pointee.arena.reclaim { number, place in
            var slot = unsafe parts.pointee.slots[number]
            slot.place = place
            unsafe parts.pointee.slots[number] = slot
        }
    }

    private func put(_ key: StoredKey, _ number: Int, _ row: StoredBytes?, _ time: Int64) -> Int {
        guard number >= 0 else { return add(key, row, time) }
        var slot = unsafe parts.pointee.slots[number]
        slot.time = time
        if row != nil || slot.hasRow {
            unsafe parts.pointee.rowCount += (row == nil ? 0 : 1) - (slot.hasRow ? 1 : 0)
            unsafe parts.pointee.arena.free(slot.place)
            slot.place = unsafe parts.pointee.arena.add(key: key.bytes, row: row, owner: number)
            slot.hasRow = row != nil
        }
        unsafe parts.pointee.slots[number] = slot
        return number
    }

    private func add(_ key: StoredKey, _ row: StoredBytes?, _ time: Int64) -> Int {
        let free = unsafe parts.pointee.freeNumbers.popLast()
        let number = unsafe free.map { Int($0) } ?? parts.pointee.slots.count
        let place = unsafe parts.pointee.arena.add(key: key.bytes, row: row, owner: number)
        let slot = Slot(place: place, time: time, hasRow: row != nil)
        if free == nil { unsafe parts.pointee.slots.append(slot) } else { unsafe parts.pointee.slots[number] = slot }
        unsafe parts.pointee.index.insert(number, key.hash)
        if row != nil { unsafe parts.pointee.rowCount += 1 }
        return number
    }

    private func dropIfUnused(_ number: Int) {
        let slot = unsafe parts.pointee.slots[number]
        guard !slot.place.isMissing, !slot.hasRow, !slot.isChanged, slot.holds == 0 else { return }
        unsafe parts.pointee.index.remove(number, slot.place.key.hash(seed))
        unsafe parts.pointee.arena.free(slot.place)
        unsafe parts.pointee.slots[number] = Slot(place: .missing, time: 0)
        unsafe parts.pointee.freeNumbers.append(Int32(truncatingIfNeeded: number))
    }

    // MARK: State

    private func write(_ number: Int, to records: RecordSink) {
        let slot = unsafe parts.pointee.slots[number]
        records.append(StateKeys.row, key: slot.place.key, value: slot.hasRow ? slot.place.row : nil, timestamp: slot.time)
    }

    func writeChanges(to records: RecordSink, limit: Int) -> Bool {
        let count = unsafe parts.pointee.changed.count
        let last = nextChange + min(count - nextChange, max(1, limit))
        while nextChange < last, !records.isSlice {
            let number = unsafe Int(parts.pointee.changed[nextChange])
            write(number, to: records)
            forgetChange(number)
            nextChange += 1
        }
        guard nextChange == count else { return false }
        discardChanges()
        return true
    }

    private func forgetChange(_ number: Int) {
        var slot = unsafe parts.pointee.slots[number]
        slot.isChanged = false
        unsafe parts.pointee.slots[number] = slot
        dropIfUnused(number)
    }

    func discardChanges() {
        for place in nextChange..<(unsafe parts.pointee.changed.count) { unsafe forgetChange(Int(parts.pointee.changed[place])) }
        nextChange = 0
        unsafe parts.pointee.changed.removeAll()
        reclaim()
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        guard key.first == StateKeys.row else { return "a key is of another kind of store" }
        StoredBytes.with(key.dropFirst()) { bytes in
            let key = StoredKey(bytes: bytes, hash: bytes.hash(seed))
            let known = find(key)
            guard let value else {
                guard known >= 0 else { return }
                _ = put(key, known, nil, timestamp)
                onRestore?(known, false)
                return dropIfUnused(known)
            }
            let number = StoredBytes.with(value) { put(key, known, $0, timestamp) }
            onRestore?(number, true)
        }
        reclaim()
        return nil
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        for number in position..<max(position, unsafe parts.pointee.slots.count) {
            if number - position >= max(1, limit) || records.isSlice { return number }
            if unsafe parts.pointee.slots[number].hasRow { write(number, to: records) }
        }
        return nil
    }
}
