// The keys of a batch's rows as bytes, and their hashes: made for the whole batch before its rows look for their like.

import Bytes
import Values

/// Encoded keys by their place in the batch's selection.
@safe final class KeyBatch {
    private let seed: UInt64
    private let sink = ByteSink()
    private var ranges: [ByteRange] = []
    /// By place. Reached through a pointer, so that an access costs no check for overlapping ones.
    private let keys: UnsafeMutablePointer<PagedArray<BatchKey>>
    /// Which rows have keys; empty when that follows from the encoder.
    private var present: [Bool] = []

    init(seed: UInt64) {
        self.seed = seed
        let keys = UnsafeMutablePointer<PagedArray<BatchKey>>.allocate(capacity: 1)
        unsafe keys.initialize(to: PagedArray())
        unsafe self.keys = unsafe keys
    }

    deinit {
        unsafe keys.deinitialize(count: 1)
        unsafe keys.deallocate()
    }

    /// What stands behind each key besides its columns.
    enum Windows {
        case none
        /// The window's start.
        case start
        /// The session's start and end.
        case session
    }

    /// Encodes the keys of the selected rows of `batch`; those of rows for which `isNull` holds, and those that the format writes as null,
    /// are null. `mayBeNull` tells whether `isNull` can hold at all.
    func begin(_ encoder: SideEncoder, _ batch: Batch, windows: Windows, mayBeNull: Bool, isNull: (Int) -> Bool) {
        clear()
        present.removeAll(keepingCapacity: true)
        encoder.begin(batch.columns)
        if mayBeNull { for row in 0..<batch.rowCount { present.append(!isNull(row)) } }
        if case .none = windows {
            encoder.encodeRows(batch.selection, present: present, to: sink, into: &ranges)
        } else {
            encodeWindowed(encoder, batch, isSession: windows == .session)
        }
        hash()
    }

    /// Encodes the values of `column`, one side as a whole, at `rows`; those of rows for which `present` does not hold are null.
    func begin(_ encoder: SideEncoder, _ column: Column, _ rows: Selection, present: [Bool]) {
        clear()
        encoder.begin([column])
        encoder.encodeRows(rows, present: present, to: sink, into: &ranges)
        hash()
    }

    /// Takes the keys of records as they are: those of the selected rows of `batch`, which stem from `run`.
    func begin(_ run: RecordRun, _ batch: Batch) {
        clear()
        unsafe run.bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            batch.selection.forEach { row in
                let range = run.keys[Int(batch.recordIndexes[row])]
                guard !range.isNull else { return ranges.append(.null) }
                let start = sink.count
                unsafe sink.append(StoredBytes(base + Int(range.start), Int(range.length)))
                ranges.append(sink.range(from: start))
            }
        }
        hash()
    }

    private func clear() {
        sink.truncate(to: 0)
        // A rare giant gives its memory back.
        if sink.capacity > 2 * OutputLimits.sliceBytes { sink.releaseMemory() }
        ranges.removeAll(keepingCapacity: true)
    }

    private func encodeWindowed(_ encoder: SideEncoder, _ batch: Batch, isSession: Bool) {
        batch.selection.forEach { row in
            let range = present.isEmpty || present[row] ? encoder.encode(row, to: sink) : .null
            guard !range.isNull else { return ranges.append(.null) }
            var place = unsafe UnsafeMutableRawPointer(sink.reserve(16))
            unsafe place.storeBytes(of: batch.windowStarts[row].bigEndian, as: Int64.self)
            unsafe place += 8
            if isSession {
                unsafe place.storeBytes(of: batch.windowEnds[row].bigEndian, as: Int64.self)
                unsafe place += 8
            }
            unsafe sink.commit(place.assumingMemoryBound(to: UInt8.self))
            ranges.append(sink.range(from: Int(range.start)))
        }
    }

    private func hash() {
        unsafe keys.pointee.removeAll()
        let base = unsafe UnsafeRawPointer(sink.base)
        for range in ranges {
            let bytes = unsafe range.isNull ? nil : StoredBytes(base + Int(range.start), Int(range.length))
            unsafe keys.pointee.append(BatchKey(base: bytes?.base, count: bytes?.count ?? 0, hash: bytes?.hash(seed) ?? 0))
        }
    }

    /// Calls `body` with each place of the selection, its key, nil when it is null, and the key's hash.
    @inline(__always) func forEach(_ body: (_ place: Int, _ key: StoredBytes?, _ hash: UInt64) -> Void) {
        for place in 0..<(unsafe keys.pointee.count) {
            let key = unsafe keys.pointee[place]
            body(place, key.bytes, key.hash)
        }
    }

    /// The key at a place of the selection, valid until the next batch; nil when it is null.
    @inline(__always) subscript(place: Int) -> StoredKey? {
        let key = unsafe keys.pointee[place]
        return key.bytes.map { StoredKey(bytes: $0, hash: key.hash) }
    }
}

/// A key of a batch, and where it lies.
@safe private struct BatchKey: BitwiseCopyable {
    /// Nil for a null key.
    let base: UnsafeRawPointer?
    let count: Int
    let hash: UInt64

    @inline(__always) var bytes: StoredBytes? {
        guard let base = unsafe base else { return nil }
        return unsafe StoredBytes(base, count)
    }
}

/// A key and its hash.
struct StoredKey {
    let bytes: StoredBytes
    let hash: UInt64
}
