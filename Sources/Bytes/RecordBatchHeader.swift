// The fixed part of Kafka's RecordBatch, version 2 (kafka.apache.org/documentation/#recordbatch), big-endian:
//
//      0  8  base offset                        27  8  base timestamp, ms
//      8  4  batch length, counted from 12      35  8  largest timestamp, ms
//     12  4  partition leader epoch             43  8  producer id, -1 for none
//     16  1  magic, 2                           51  2  producer epoch, -1 for none
//     17  4  CRC-32C of everything from 21 on   53  4  base sequence, -1 for none
//     21  2  attributes                         57  4  number of records
//     23  4  last offset delta                  61     records
//
// Attributes: bits 0-2 compression, 3 timestamps are those of appending, 4 transactional, 5 control, 6 base timestamp is the
// delete horizon. The CRC does not cover the first 17 bytes, so that a log can set the base offset without computing it anew.
package import Quantities

/// The header of one record batch.
package struct RecordBatchHeader: Hashable, Sendable {
    /// Bytes of the fixed part.
    package static let byteCount = 61
    /// Bytes from the start of a batch up to where its length begins to count.
    package static let lengthOverhead = 12
    /// Bytes in front of what the CRC covers.
    package static let checkedFrom = 21
    /// A batch of more bytes than this is taken for damage. Positions inside a run are 32 bits wide.
    package static let largestBatch = 1 << 30

    /// Offset of the first record; not covered by the checksum.
    package var baseOffset = Offset.first
    /// Bytes of the whole batch, this header included.
    package var totalBytes: Int = 0
    /// Kafka's count of leaders; 0 here.
    package var leaderEpoch: Int32 = 0
    /// CRC-32C of everything from the attributes on.
    package var crc: UInt32 = 0
    /// The bits that the head of this file lists.
    package var attributes: Int16 = 0
    /// Last offset minus base offset; larger than the number of records allows where compaction left gaps.
    package var lastOffsetDelta: Int32 = 0
    /// What the records' timestamps are relative to, milliseconds since the epoch.
    package var baseTimestamp: Int64 = 0
    /// Largest timestamp, milliseconds since the epoch.
    package var maxTimestamp: Int64 = 0
    /// Idempotent producer, -1 for none.
    package var producerID: Int64 = -1
    /// Its epoch, -1 for none.
    package var producerEpoch: Int16 = -1
    /// Sequence of the first record, -1 for none.
    package var baseSequence: Int32 = -1
    /// How many records the section holds.
    package var recordCount: Int32 = 0

    /// A header of an empty batch without a producer.
    package init() {}

    /// Reads the header at `position`. nil when it is not all there, or when its magic or length cannot be.
    package init?(_ bytes: [UInt8], at position: Int, end: Int? = nil) {
        let end = min(end ?? bytes.count, bytes.count)
        guard position >= 0, end - position >= Self.byteCount else { return nil }
        guard let header = unsafe bytes.withUnsafeBytes({ unsafe RecordBatchHeader(readingFrom: $0, at: position) }) else { return nil }
        self = header
        guard bytes[position + 16] == 2, totalBytes >= Self.byteCount, totalBytes <= Self.largestBatch, recordCount >= 0,
            lastOffsetDelta >= 0, baseOffset.checkedSum(Int64(lastOffsetDelta) + 1) != nil
        else { return nil }
    }

    private init?(readingFrom buffer: UnsafeRawBufferPointer, at position: Int) {
        func number<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
            unsafe Number(bigEndian: buffer.loadUnaligned(fromByteOffset: position + offset, as: type))
        }
        guard let base = Offset(exactly: number(0, Int64.self)) else { return nil }
        baseOffset = base
        totalBytes = Int(number(8, Int32.self)) + Self.lengthOverhead
        leaderEpoch = number(12, Int32.self)
        crc = number(17, UInt32.self)
        attributes = number(21, Int16.self)
        lastOffsetDelta = number(23, Int32.self)
        baseTimestamp = number(27, Int64.self)
        maxTimestamp = number(35, Int64.self)
        producerID = number(43, Int64.self)
        producerEpoch = number(51, Int16.self)
        baseSequence = number(53, Int32.self)
        recordCount = number(57, Int32.self)
    }

    /// Writes the 61 bytes to memory that has room for them.
    func write(to start: UnsafeMutableRawPointer) {
        func put<Number: FixedWidthInteger>(_ value: Number, _ offset: Int) {
            unsafe start.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Number.self)
        }
        put(baseOffset.count, 0)
        put(Int32(totalBytes - Self.lengthOverhead), 8)
        put(leaderEpoch, 12)
        put(UInt8(2), 16)
        put(crc, 17)
        put(attributes, 21)
        put(lastOffsetDelta, 23)
        put(baseTimestamp, 27)
        put(maxTimestamp, 35)
        put(producerID, 43)
        put(producerEpoch, 51)
        put(baseSequence, 53)
        put(recordCount, 57)
    }

    /// Offset of the last record, or of the last that compaction removed behind it.
    package var lastOffset: Offset { baseOffset + Int64(lastOffsetDelta) }
    /// The codec's number, 0 for none.
    package var compressionBits: UInt8 { UInt8(truncatingIfNeeded: attributes & 7) }
    /// A marker of a transaction's end, not data.
    package var isControl: Bool { attributes & 0x20 != 0 }
    /// Part of a producer's transaction.
    package var isTransactional: Bool { attributes & 0x10 != 0 }
    /// Every record has `maxTimestamp` as its timestamp.
    package var hasAppendTimestamps: Bool { attributes & 8 != 0 }

    /// Whether the CRC of the batch that starts at `position` in `bytes` is right; false also when it is not all there.
    package func isIntact(in bytes: [UInt8], at position: Int) -> Bool {
        guard position + totalBytes <= bytes.count else { return false }
        return crc32c(bytes, position + Self.checkedFrom..<position + totalBytes) == crc
    }
}

extension RecordBatchHeader {
    /// The whole batch: this header with its length and checksum set, and the record section behind it. For rare batches;
    /// `BatchFraming` writes in place.
    package func sealed(section: [UInt8]) -> [UInt8] {
        var header = self
        header.totalBytes = Self.byteCount + section.count
        var batch = [UInt8](repeating: 0, count: Self.byteCount)
        unsafe batch.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { unsafe header.write(to: base) }
        }
        batch.append(contentsOf: section)
        batch.put(uint32: crc32c(batch, Self.checkedFrom..<batch.count), at: 17)
        return batch
    }
}
