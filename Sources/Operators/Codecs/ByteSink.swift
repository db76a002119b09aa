// The byte buffer that encoders write rows into: one contiguous buffer a batch, written through a pointer that was reserved for a row.

import Bytes

/// A growing byte buffer. `reserve` gives room for a whole row; `commit` says what was written.
@safe final class ByteSink {
    private(set) var base: UnsafeMutablePointer<UInt8>
    private(set) var count = 0
    private(set) var capacity: Int

    init() {
        capacity = ByteSink.firstBytes
        unsafe base = .allocate(capacity: capacity)
    }

    deinit { unsafe base.deallocate() }

    /// Where the next bytes go, with room for `size` of them.
    @inline(__always) @unsafe func reserve(_ size: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - count < size { grow(size) }
        return unsafe base + count
    }

    @inline(never) private func grow(_ size: Int) {
        capacity = max(capacity * 2, count + size)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        unsafe larger.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = larger
    }

    /// Says that everything up to `end` has been written.
    @inline(__always) @unsafe func commit(_ end: UnsafeMutablePointer<UInt8>) { count = unsafe end - base }

    func append(_ bytes: some Collection<UInt8>) {
        let start = unsafe reserve(bytes.count)
        let isCopied: Void? = bytes.withContiguousStorageIfAvailable { source in
            if let first = source.baseAddress { unsafe start.update(from: first, count: source.count) }
        }
        if isCopied == nil { for (index, byte) in bytes.enumerated() { unsafe start[index] = byte } }
        unsafe commit(start + bytes.count)
    }

    func append(_ byte: UInt8) {
        let place = unsafe reserve(1)
        unsafe place.pointee = byte
        unsafe commit(place + 1)
    }

    func append(_ bytes: StoredBytes) {
        let place = unsafe reserve(bytes.count)
        unsafe UnsafeMutableRawPointer(place).copyMemory(from: bytes.base, byteCount: bytes.count)
        unsafe commit(place + bytes.count)
    }

    /// Appends a byte and others behind it.
    @inline(__always) func append(_ byte: UInt8, _ bytes: StoredBytes) {
        let place = unsafe reserve(bytes.count + 1)
        unsafe place.pointee = byte
        unsafe UnsafeMutableRawPointer(place + 1).copyMemory(from: bytes.base, byteCount: bytes.count)
        unsafe commit(place + bytes.count + 1)
    }

    /// Appends a varint.
    func append(varint value: UInt64) {
        let place = unsafe reserve(10)
        unsafe commit(RowWriter.put(varint: value, at: place))
    }

    /// Appends the low bytes of a number, the lowest first.
    @inline(__always) func append(littleEndian value: UInt64, count: Int) {
        let place = unsafe reserve(8)
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: value.littleEndian, as: UInt64.self)
        unsafe commit(place + count)
    }

    /// The fewest big-endian bytes that hold a two's complement number, as Java's BigInteger has them.
    static func bigEndianCount(_ value: Int128) -> Int { (Int128.bitWidth - (value < 0 ? ~value : value).leadingZeroBitCount) / 8 + 1 }

    /// Appends the low `count` bytes of a number, the highest first.
    func append(bigEndian value: Int128, count: Int) {
        let place = unsafe reserve(16)
        unsafe ByteSink.put(bigEndian: value, count: count, at: place)
        unsafe commit(place + count)
    }

    /// Writes the low `count` bytes of a number, the highest first; up to 16 bytes are written over.
    @inline(__always) @unsafe static func put(bigEndian value: Int128, count: Int, at place: UnsafeMutablePointer<UInt8>) {
        let shifted = UInt128(bitPattern: value) << UInt128(truncatingIfNeeded: 8 * (16 - count))
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: shifted.bigEndian, as: UInt128.self)
    }

    /// Leaves room for the length of what comes, as a varint; `endLength` fills it in.
    func beginLength() -> Int {
        append(0)
        return count
    }

    /// Writes the length of everything behind `start` in front of it. Lengths of more than one byte move what is there.
    func endLength(_ start: Int) {
        let length = UInt64(count - start)
        var size = 1
        while length >> UInt64(7 * size) != 0 { size += 1 }
        if size > 1 {
            let end = unsafe reserve(size - 1)
            unsafe UnsafeMutableRawPointer(base + start + size - 1).copyMemory(from: base + start, byteCount: Int(length))
            unsafe commit(end + size - 1)
        }
        _ = unsafe RowWriter.put(varint: length, at: base + start - 1)
    }

    /// Gives up what was written past `position`.
    func truncate(to position: Int) { count = position }

    /// All bytes, as an array; the buffer is empty afterwards and keeps its memory.
    func take() -> [UInt8] {
        defer { count = 0 }
        return unsafe Array(UnsafeBufferPointer(start: base, count: count))
    }

    /// Frees the memory of an empty buffer that has been large: what made it large may not come again for long.
    func releaseMemory() {
        guard count == 0, capacity > ByteSink.keptBytes else { return }
        unsafe base.deallocate()
        capacity = ByteSink.firstBytes
        unsafe base = .allocate(capacity: capacity)
    }

    private static let firstBytes = 4096, keptBytes = 64 << 10

    /// A record's piece that began at `start` and ends here. Null where the sink has more than 2 GiB: what it holds is far beyond what one
    /// commit may hold by then, and is thrown away as a whole.
    @inline(__always) func range(from start: Int) -> ByteRange { ByteRange(exactly: start, count: count - start) ?? .null }
}

/// Records as they are encoded: a `ByteSink` and the arrays of `OutgoingRecords`.
@safe final class RecordSink {
    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    private struct Parts {
        var keys: [ByteRange] = []
        var values: [ByteRange] = []
        var headers: [ByteRange] = []
        var timestamps: [Int64] = []
    }

    let bytes = ByteSink()
    private let parts: UnsafeMutablePointer<Parts>

    init() {
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts())
        unsafe self.parts = unsafe parts
    }

    deinit {
        unsafe parts.deinitialize(count: 1)
        unsafe parts.deallocate()
    }

    var keys: [ByteRange] {
        @inline(__always) _read { yield unsafe parts.pointee.keys }
        @inline(__always) _modify { yield unsafe &parts.pointee.keys }
    }
    var values: [ByteRange] {
        @inline(__always) _read { yield unsafe parts.pointee.values }
        @inline(__always) _modify { yield unsafe &parts.pointee.values }
    }
    var headers: [ByteRange] {
        @inline(__always) _read { yield unsafe parts.pointee.headers }
        @inline(__always) _modify { yield unsafe &parts.pointee.headers }
    }
    var timestamps: [Int64] {
        @inline(__always) _read { yield unsafe parts.pointee.timestamps }
        @inline(__always) _modify { yield unsafe &parts.pointee.timestamps }
    }

    var count: Int { timestamps.count }

    /// How far the records have got.
    struct Mark {
        var bytes = 0
        var records = 0
    }

    var mark: Mark { Mark(bytes: bytes.count, records: count) }

    /// Takes back every record that was ended after `mark`.
    func truncate(to mark: Mark) {
        bytes.truncate(to: mark.bytes)
        keys.removeLast(keys.count - mark.records)
        values.removeLast(values.count - mark.records)
        timestamps.removeLast(timestamps.count - mark.records)
        if headers.count > mark.records { headers.removeLast(headers.count - mark.records) }
    }

    /// Whether the records are more than one commit may hold; then what writes them stops.
    var isFull: Bool { bytes.count > OutputLimits.heldBytes }
    /// Whether the records are enough for one slice of a snapshot or of a changelog.
    var isSlice: Bool { bytes.count - sliceStart >= OutputLimits.sliceBytes }
    private var sliceStart = 0
    /// Entries of a store beyond one for each record.
    var packedEntries = 0
    /// How many entries of a store they are.
    var entries: Int { count + packedEntries }

    /// The next slice begins behind what is there.
    func beginSlice() { sliceStart = bytes.count }

    /// Ends one record without headers, which was written from the end of `bytes` up to `end`: first the key, of `keyCount` bytes, then
    /// the value, if it has one.
    @inline(__always) @unsafe func commit(_ end: UnsafeMutablePointer<UInt8>, keyCount: Int, hasValue: Bool, timestamp: Int64) {
        let start = bytes.count
        unsafe bytes.commit(end)
        let key = ByteRange(exactly: start, count: keyCount) ?? .null
        append(key: key, value: hasValue ? bytes.range(from: start + keyCount) : .null, timestamp: timestamp, header: .null)
    }

    /// Ends one record. `header` is null for none.
    @inline(__always) func append(key: ByteRange, value: ByteRange, timestamp: Int64, header: ByteRange) {
        keys.append(key)
        values.append(value)
        if !header.isNull {
            while headers.count < timestamps.count { headers.append(.null) }
            headers.append(header)
        } else if !headers.isEmpty {
            headers.append(.null)
        }
        timestamps.append(timestamp)
    }

    /// Everything so far, and starts anew.
    func take() -> OutgoingRecords {
        var records = OutgoingRecords()
        records.bytes = bytes.take()
        sliceStart = 0
        packedEntries = 0
        swap(&records.keys, &keys)
        swap(&records.values, &values)
        swap(&records.headers, &headers)
        swap(&records.timestamps, &timestamps)
        keys.reserveCapacity(records.keys.count)
        values.reserveCapacity(records.keys.count)
        timestamps.reserveCapacity(records.keys.count)
        return records
    }
}
