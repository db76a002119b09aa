// The side file `.batches` of a segment: what a batch's own checksum does not cover. One entry a batch, in blocks:
//
//   file   8 bytes "MRLEDG", version 1, flags (1: compacted, offsets may have gaps); then blocks
//   block  4 bytes CRC-32C of the rest of the block, 4 bytes number of entries, then the entries
//   entry  4 bytes position of the batch, 8 bytes base offset, 4 bytes CRC-32C of its 61 header bytes
//
// While a segment is active the file grows now and then and may end early; of a closed segment it covers everything.
import Bytes
import Quantities

/// The entries of one segment, in order of positions.
struct BatchLedger: Hashable {
    struct Entry: Hashable {
        var position: Int64
        var baseOffset: Offset
        var headerHash: UInt32
    }

    static let entryBytes = 16
    static let blockHeaderBytes = 8
    static let fileHeaderBytes = 8
    /// Entries kept in memory before they are worth a write.
    static let flushCount = 4096

    var isCompacted = false
    var entries: [Entry] = []
    /// Bytes of the file up to the last whole block.
    private(set) var validBytes = 0

    init(isCompacted: Bool = false) {
        self.isCompacted = isCompacted
    }

    static func fileHeader(isCompacted: Bool) -> [UInt8] {
        Array("MRLEDG".utf8) + [1, isCompacted ? 1 : 0]
    }

    static func block(_ entries: [Entry]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * entryBytes + blockHeaderBytes)
        bytes.append(uint32: 0)
        bytes.append(int32: Int32(truncatingIfNeeded: entries.count))
        for entry in entries {
            bytes.append(uint32: UInt32(truncatingIfNeeded: entry.position))
            bytes.append(int64: entry.baseOffset.count)
            bytes.append(uint32: entry.headerHash)
        }
        bytes.put(uint32: crc32c(bytes, 4..<bytes.count), at: 0)
        return bytes
    }

    /// The whole file, with all entries in one block.
    var file: [UInt8] {
        Self.fileHeader(isCompacted: isCompacted) + (entries.isEmpty ? [] : Self.block(entries))
    }

    /// Reads a file up to its first bad block. nil when its header is not one.
    init?(file bytes: [UInt8]) {
        guard bytes.count >= Self.fileHeaderBytes, Array(bytes[..<7]) == Array("MRLEDG".utf8) + [1] else { return nil }
        isCompacted = bytes[7] & 1 != 0
        var reader = ByteReader(bytes, Self.fileHeaderBytes..<bytes.count)
        validBytes = reader.position
        while let crc = reader.uint32(), let count = reader.int32(), count > 0,
            let block = reader.skip(Int(count) * Self.entryBytes),
            crc32c(bytes, block.lowerBound - 4..<block.upperBound) == crc
        {
            var fields = ByteReader(bytes, block)
            while let position = fields.uint32(), let offset = fields.offset(), let hash = fields.uint32() {
                guard Int64(position) > entries.last?.position ?? -1 else { return }
                entries.append(Entry(position: Int64(position), baseOffset: offset, headerHash: hash))
            }
            validBytes = reader.position
        }
    }

    /// Whether the batch with these header bytes is the one noted at `position`.
    func agrees(position: Int64, bytes: [UInt8], at start: Int) -> Bool {
        let index = entries.firstPlace(where: { $0.position >= position })
        guard index < entries.count, entries[index].position == position else { return false }
        return entries[index].headerHash == Self.headerHash(bytes, at: start)
    }

    static func headerHash(_ bytes: [UInt8], at start: Int) -> UInt32 {
        crc32c(bytes, start..<start + RecordBatchHeader.byteCount)
    }
}
