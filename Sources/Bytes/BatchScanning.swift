// Reads the records of batches into the arrays of a `RecordRun`, in place: ranges point into the buffer that was read. Every
// read is bounded by the batch's end, whatever the bytes say.
package import Quantities

/// Collects the records of batches that lie in one buffer.
package struct RecordRunBuilder {
    /// The buffer; decompressed sections are added to it.
    package private(set) var bytes: [UInt8]
    private let firstOffset: Offset
    private var keys: [ByteRange] = []
    private var values: [ByteRange] = []
    private var headers: [ByteRange] = []
    private var timestamps: [Int64] = []
    private var offsets: [Int64] = []
    private var hasHeaders = false
    private var isPadded = true
    /// Whether the records are read, or only where their batches are.
    package let readsRecords: Bool
    private var batches: Range<Int>?

    /// `bytes` ends with `RecordRun.padding` zero bytes. Records below `firstOffset` are left out.
    package init(_ bytes: [UInt8], from firstOffset: Offset, readsRecords: Bool = true) {
        self.bytes = bytes
        self.firstOffset = firstOffset
        self.readsRecords = readsRecords
    }

    /// Notes where a batch is, which lies behind those before.
    package mutating func noteBatch(_ range: Range<Int>) { batches = (batches?.lowerBound ?? range.lowerBound)..<range.upperBound }

    /// Records so far.
    package var count: Int { offsets.count }

    /// Adds the records of an uncompressed batch, or of a decompressed section, that lie in `bytes[section]`. False when they are
    /// malformed; nothing was added then. Control batches add nothing.
    package mutating func add(_ header: RecordBatchHeader, section: Range<Int>) -> Bool {
        if header.isControl { return true }
        let before = offsets.count
        let expected = Int(header.recordCount)
        // A record takes at least 7 bytes, so a wild count cannot make the arrays wild.
        guard section.lowerBound >= 0, section.upperBound <= bytes.count, expected * 7 <= section.count else { return false }
        makeRoom(for: expected)
        guard scan(header, section) else {
            cut(to: before)
            return false
        }
        return true
    }

    /// Adds the records of a compressed batch, given what its section decompresses to.
    package mutating func add(_ header: RecordBatchHeader, decompressed: [UInt8]) -> Bool {
        let start = bytes.count
        guard start + decompressed.count < Int(Int32.max) else { return false }
        bytes.append(contentsOf: decompressed)
        isPadded = false
        return add(header, section: start..<bytes.count)
    }

    /// The run; the builder is used up.
    package consuming func finish(nextOffset: Offset, isAtEnd: Bool) -> RecordRun {
        if !isPadded { bytes.append(contentsOf: repeatElement(0, count: RecordRun.padding)) }
        return RecordRun(
            bytes: bytes, keys: keys, values: values, headers: hasHeaders ? headers : [], timestamps: timestamps,
            offsets: offsets, nextOffset: nextOffset, isAtEnd: isAtEnd, batches: batches ?? 0..<0)
    }

    private mutating func makeRoom(for more: Int) {
        let wanted = offsets.count + more
        guard wanted > offsets.capacity else { return }
        let capacity = max(wanted, offsets.capacity * 2)
        keys.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
        headers.reserveCapacity(capacity)
        timestamps.reserveCapacity(capacity)
        offsets.reserveCapacity(capacity)
    }

    private mutating func cut(to count: Int) {
        let more = offsets.count - count
        keys.removeLast(more)
        values.removeLast(more)
        headers.removeLast(more)
        timestamps.removeLast(more)
        offsets.removeLast(more)
    }

    private mutating func scan(_ header: RecordBatchHeader, _ section: Range<Int>) -> Bool {
        var anyHeaders = false
        let isWhole = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return header.recordCount == 0 }
            var cursor = unsafe Cursor(base: base, position: section.lowerBound, end: section.upperBound)
            // Offsets ascend in a batch: a task's position follows them and must not go back.
            var lastDelta: Int64 = -1
            for _ in 0..<header.recordCount {
                guard let bodyLength = cursor.varint(), bodyLength > 0,
                    bodyLength <= cursor.end - cursor.position
                else { return false }
                var record = unsafe Cursor(base: base, position: cursor.position + 1, end: cursor.position + Int(bodyLength))
                cursor.position = record.end
                guard let timestampDelta = record.varint(), let offsetDelta = record.varint(),
                    offsetDelta > lastDelta, offsetDelta <= Int64(header.lastOffsetDelta),
                    let key = record.piece(), let value = record.piece(), record.position < record.end
                else { return false }
                lastDelta = offsetDelta
                let offset = header.baseOffset.count &+ offsetDelta
                if offset < firstOffset.count { continue }
                keys.append(key)
                values.append(value)
                offsets.append(offset)
                timestamps.append(header.hasAppendTimestamps ? header.maxTimestamp : header.baseTimestamp &+ timestampDelta)
                if unsafe record.end - record.position == 1 && base.load(fromByteOffset: record.position, as: UInt8.self) == 0 {
                    headers.append(.null)
                } else {
                    anyHeaders = true
                    guard let block = ByteRange(exactly: record.position, count: record.end - record.position) else { return false }
                    headers.append(block)
                }
            }
            return cursor.position == cursor.end
        }
        if anyHeaders && isWhole { hasHeaders = true }
        return isWhole
    }
}

/// A position in memory with an end that it never passes.
@safe private struct Cursor {
    let base: UnsafeRawPointer
    var position: Int
    let end: Int

    @inline(__always) mutating func varint() -> Int64? {
        guard position < end else { return nil }
        var byte = unsafe base.load(fromByteOffset: position, as: UInt8.self)
        position += 1
        if byte < 0x80 { return unzigzag(UInt64(byte)) }
        var value = UInt64(byte & 0x7f)
        var shift: UInt64 = 7
        while shift < 70 {
            guard position < end else { return nil }
            unsafe byte = base.load(fromByteOffset: position, as: UInt8.self)
            position += 1
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return unzigzag(value) }
            shift += 7
        }
        return nil
    }

    /// A varint length and as many bytes; nil when it does not fit.
    @inline(__always) mutating func piece() -> ByteRange? {
        guard let length = varint() else { return nil }
        if length < 0 { return length == -1 ? .null : nil }
        guard length <= Int64(end - position) else { return nil }
        defer { position += Int(length) }
        return ByteRange(start: Int32(truncatingIfNeeded: position), length: Int32(truncatingIfNeeded: length))
    }
}
