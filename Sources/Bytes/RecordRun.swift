// Records as they travel between the log and the other rooms: one buffer and arrays of ranges into it, never one object a record.
package import Quantities

/// A place inside the buffer of a `RecordRun` or an `OutgoingRecords`: `start` and `length` in bytes; a negative length means null.
@usableFromInline package struct ByteRange: Hashable, Sendable {
    @usableFromInline package var start: Int32
    @usableFromInline package var length: Int32

    @inlinable package init(start: Int32, length: Int32) {
        self.start = start
        self.length = length
    }

    /// The `count` entries from `start` on; nil where that end lies beyond 2 GiB, which no range can say.
    @inlinable package init?(exactly start: Int, count: Int) {
        guard start >= 0, count >= 0, start <= Int(Int32.max) - count else { return nil }
        self.init(start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: count))
    }

    /// The entries that the range names, as indexes; empty for null.
    @inlinable package var indexes: Range<Int> { Int(start)..<Int(start) + max(0, Int(length)) }

    /// The range of a null key or value.
    package static let null = ByteRange(start: 0, length: -1)
    @inlinable package var isNull: Bool { length < 0 }
}

/// Records read from one partition, in offset order, all in one buffer. Immutable once made; shared by reference among its readers.
///
/// `bytes` ends with at least `padding` zero bytes that belong to no record, so that a reader may load whole words.
/// `headers[i]` is the header block of record i as RecordBatch v2 writes it (varint count, then varint-framed pairs), null when the
/// record has none; the whole array is empty when no record of the run has headers.
package final class RecordRun: Sendable {
    package static let padding = 64
    package let bytes: [UInt8]
    package let keys: [ByteRange]
    package let values: [ByteRange]
    package let headers: [ByteRange]
    /// Milliseconds since the epoch, as the record says.
    package let timestamps: [Int64]
    package let offsets: [Int64]
    /// Where the next fetch goes on; past the last record of this run, and past what compaction or control batches left out.
    package let nextOffset: Offset
    /// Whether `nextOffset` was the end of the partition (of what the fetch was allowed to see) when this run was read.
    package let isAtEnd: Bool
    /// Where in `bytes` the whole batches lie that were read, one behind the other; empty in a run that was not read from a log.
    package let batches: Range<Int>

    package init(
        bytes: [UInt8], keys: [ByteRange], values: [ByteRange], headers: [ByteRange], timestamps: [Int64], offsets: [Int64],
        nextOffset: Offset, isAtEnd: Bool, batches: Range<Int> = 0..<0
    ) {
        precondition(keys.count == offsets.count && values.count == offsets.count && timestamps.count == offsets.count)
        precondition(headers.isEmpty || headers.count == offsets.count)
        self.bytes = bytes
        self.keys = keys
        self.values = values
        self.headers = headers
        self.timestamps = timestamps
        self.offsets = offsets
        self.nextOffset = nextOffset
        self.isAtEnd = isAtEnd
        self.batches = batches
    }

    @inlinable package var count: Int { offsets.count }

    /// Stands for records that are not there any more, from the one at `offset` up to `next`: one record without key and value.
    package static func gap(at offset: Offset, until next: Offset) -> RecordRun {
        RecordRun(
            bytes: [UInt8](repeating: 0, count: padding), keys: [.null], values: [.null], headers: [], timestamps: [0], offsets: [offset.count],
            nextOffset: next, isAtEnd: false)
    }

    /// The bytes of a range, nil for null.
    package func bytes(of range: ByteRange) -> [UInt8]? { range.isNull ? nil : Array(bytes[range.indexes]) }

    /// The offset of one record. None is negative: a batch whose header says so is not read.
    @inlinable package func offset(at index: Int) -> Offset { Offset(clamping: offsets[index]) }
}

/// Records to be appended to one partition of the log: the same shape as a `RecordRun`, without offsets, which the log gives.
///
/// The four arrays have one entry a record, except `headers`, which is empty while no record has headers.
package struct OutgoingRecords: Sendable {
    package var bytes: [UInt8] = []
    package var keys: [ByteRange] = []
    package var values: [ByteRange] = []
    package var headers: [ByteRange] = []
    package var timestamps: [Int64] = []

    package init() {}

    package var count: Int { timestamps.count }
    package var isEmpty: Bool { timestamps.isEmpty }

    /// The records at `range`; the bytes stay where they are and belong to both.
    package func part(_ range: Range<Int>) -> OutgoingRecords {
        var part = OutgoingRecords()
        part.bytes = bytes
        part.keys = Array(keys[range])
        part.values = Array(values[range])
        part.headers = headers.isEmpty ? [] : Array(headers[range])
        part.timestamps = Array(timestamps[range])
        return part
    }

    /// Appends one record from separate byte arrays; nil means null. For tests and rare records: it copies.
    package mutating func append(key: [UInt8]?, value: [UInt8]?, timestamp: Int64, headers block: [UInt8]? = nil) {
        keys.append(place(key))
        values.append(place(value))
        if let block {
            while headers.count < timestamps.count { headers.append(.null) }
            headers.append(place(block))
        } else if !headers.isEmpty {
            headers.append(.null)
        }
        timestamps.append(timestamp)
    }

    /// The key of a record; nil for null.
    package func keyBytes(_ index: Int) -> [UInt8]? { keys[index].isNull ? nil : Array(bytes[keys[index].indexes]) }

    /// The value of a record; nil for null.
    package func valueBytes(_ index: Int) -> [UInt8]? { values[index].isNull ? nil : Array(bytes[values[index].indexes]) }

    /// Empties the records but keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        headers.removeAll(keepingCapacity: true)
        timestamps.removeAll(keepingCapacity: true)
    }

    private mutating func place(_ piece: [UInt8]?) -> ByteRange {
        guard let piece else { return .null }
        precondition(piece.count <= Int(Int32.max) - bytes.count, "records that are put together one by one stay below 2 GiB")
        let range = ByteRange(start: Int32(truncatingIfNeeded: bytes.count), length: Int32(truncatingIfNeeded: piece.count))
        bytes.append(contentsOf: piece)
        return range
    }
}
