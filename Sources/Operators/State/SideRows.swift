// The rows of a join's side as its loop takes them: all that it asks of a row in one place, made once a chunk.

import Bytes
import Values

/// A row that comes to a join. Its bytes are valid while its chunk is processed.
@safe struct SideRow: BitwiseCopyable {
    /// Nil for a null key.
    fileprivate let keyBytes: UnsafeRawPointer?
    /// Nil for a row without a value that counts.
    fileprivate let rowBytes: UnsafeRawPointer?
    fileprivate let keyCount: Int32
    fileprivate let rowCount: Int32
    let hash: UInt64
    let time: Int64
    /// Its index in its batch.
    let index: Int32
    /// Its place in the order of all inputs; 0 where only one is processed.
    let rank: Int32
    /// It has a value that the side's condition takes for none.
    let isUnwanted: Bool

    @inline(__always) var key: StoredKey? {
        guard let keyBytes = unsafe keyBytes else { return nil }
        return unsafe StoredKey(bytes: StoredBytes(keyBytes, Int(keyCount)), hash: hash)
    }

    @inline(__always) var row: StoredBytes? {
        guard let rowBytes = unsafe rowBytes else { return nil }
        return unsafe StoredBytes(rowBytes, Int(rowCount))
    }
}

/// The rows of a chunk, by their places in its selection, and which of them comes next.
@safe final class SideRows {
    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    @safe private struct Parts {
        var rows: UnsafeMutablePointer<SideRow>
        var capacity: Int
        var count = 0
        var next = 0
    }

    private let parts: UnsafeMutablePointer<Parts>

    init() {
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts(rows: .allocate(capacity: 1), capacity: 1))
        unsafe self.parts = unsafe parts
    }

    deinit {
        unsafe parts.pointee.rows.deallocate()
        unsafe parts.deallocate()
    }

    var count: Int { @inline(__always) get { unsafe parts.pointee.count } }
    var next: Int {
        @inline(__always) get { unsafe parts.pointee.next }
        @inline(__always) set { unsafe parts.pointee.next = newValue }
    }

    subscript(place: Int) -> SideRow {
        @inline(__always) get {
            assert(place >= 0 && place < count, "the place is outside the chunk")
            return unsafe parts.pointee.rows[place]
        }
    }

    /// Takes the selected rows of a chunk, whose keys and rows have been encoded. `counts` tells which have a value that counts; empty when
    /// all have.
    func begin(_ batch: Batch, _ keys: KeyBatch, _ packed: PackedRows, counts: [Bool]) {
        let count = batch.selection.count
        if unsafe parts.pointee.capacity < count { makeRoom(for: count) }
        unsafe parts.pointee.count = count
        unsafe parts.pointee.next = 0
        let (times, ranks) = (batch.timestamps, batch.ranks)
        let rows = unsafe parts.pointee.rows
        keys.forEach { place, bytes, hash in
            let index = batch.selection[place]
            let isPresent = counts.isEmpty || counts[index]
            let row = packed[place]
            unsafe rows[place] = unsafe SideRow(
                keyBytes: bytes?.base, rowBytes: isPresent ? row.base : nil, keyCount: Int32(truncatingIfNeeded: bytes?.count ?? 0),
                rowCount: Int32(truncatingIfNeeded: row.count), hash: hash, time: times[index], index: Int32(truncatingIfNeeded: index),
                rank: ranks.isEmpty ? 0 : ranks[index], isUnwanted: !isPresent && batch.hasValue(index))
        }
    }

    func removeAll() {
        unsafe parts.pointee.count = 0
        unsafe parts.pointee.next = 0
    }

    private func makeRoom(for count: Int) {
        unsafe parts.pointee.rows.deallocate()
        unsafe parts.pointee.rows = .allocate(capacity: count)
        unsafe parts.pointee.capacity = count
    }
}
