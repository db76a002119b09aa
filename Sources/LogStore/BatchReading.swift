// Batches in a chunk of a segment or of the tail, and their records for a run.
import Bytes
import Quantities

extension RecordRunBuilder {
    /// Adds the records of the batch at `position` of the builder's own buffer, decompressing as needed. False when they are
    /// malformed. Those of an aborted transaction are left out.
    mutating func addBatch(_ header: RecordBatchHeader, at position: Int, leavingOut transactions: TransactionTable? = nil) -> Bool {
        let section = position + RecordBatchHeader.byteCount..<position + header.totalBytes
        noteBatch(position..<section.upperBound)
        if !readsRecords || transactions?.aborted(header) != nil { return true }
        if header.compressionBits == 0 || header.isControl { return add(header, section: section) }
        guard let codec = Compression(rawValue: header.compressionBits), let records = decompress(bytes, section, by: codec)
        else { return false }
        return add(header, decompressed: records)
    }
}

extension RecordRun {
    /// The first record at or after `timestamp`, or nil.
    func place(atOrAfter timestamp: Int64) -> TimedPlace? {
        timestamps.firstIndex { $0 >= timestamp }.map { TimedPlace(offset: offset(at: $0), timestamp: timestamps[$0]) }
    }

    /// A run without records.
    static func empty(nextOffset: Offset, isAtEnd: Bool) -> RecordRun {
        RecordRun(
            bytes: [UInt8](repeating: 0, count: padding), keys: [], values: [], headers: [], timestamps: [], offsets: [],
            nextOffset: nextOffset, isAtEnd: isAtEnd)
    }
}

/// The batches of a buffer one after the other, by their headers only.
struct BatchWalk {
    enum Step {
        case batch(RecordBatchHeader, position: Int)
        /// The batch at `position` goes on for `byteCount` bytes, beyond the buffer; 0 when not even its header is there.
        case incomplete(position: Int, byteCount: Int)
        /// What stands there is no batch.
        case malformed(position: Int)
        case end
    }

    let bytes: [UInt8]
    let end: Int
    private(set) var position: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next() -> Step {
        if position == end { return .end }
        if end - position < RecordBatchHeader.byteCount { return .incomplete(position: position, byteCount: 0) }
        guard let header = RecordBatchHeader(bytes, at: position, end: end) else { return .malformed(position: position) }
        if header.totalBytes > end - position { return .incomplete(position: position, byteCount: header.totalBytes) }
        defer { position += header.totalBytes }
        return .batch(header, position: position)
    }
}
