// The journal file that is being written.
import Bytes
import Platform
import Quantities

/// An open journal file and where it ends.
struct JournalFile {
    let file: any File
    let number: UInt64
    /// Bytes written.
    var position: Int64
    /// Bytes that a sync has confirmed.
    var durable: Int64

    /// Begins a file with its state, durably.
    static func create(
        _ number: UInt64, _ state: JournalState, in directory: DataDirectory, files: any FileSystem
    ) throws(SystemError) -> JournalFile {
        let file = try files.open(directory.journalFile(number), .truncate)
        var bytes: [UInt8] = []
        let start = JournalFormat.open(.state, in: &bytes, file: number, position: 0, durable: 0)
        JournalFormat.append(state, to: &bytes)
        JournalFormat.close(start, in: &bytes)
        try file.write(bytes, at: 0)
        try file.synchronize()
        try files.synchronizeDirectory(directory.journal)
        return JournalFile(file: file, number: number, position: Int64(bytes.count), durable: Int64(bytes.count))
    }

    /// Where what counts of this file ends.
    var end: JournalPosition { JournalPosition(file: number, position: position) }

    /// The bytes of one commit, to be written at `position` of this file.
    func append(_ commit: [Placement], at position: Int64, to bytes: inout [UInt8]) {
        let start = JournalFormat.open(.commit, in: &bytes, file: number, position: position, durable: durable)
        bytes.append(unsignedVarint: UInt64(commit.count))
        for placement in commit {
            JournalFormat.append(placement.journalled, byteCount: placement.append.framed.byteCount, to: &bytes)
            if case .inline = placement.journalled.content {
                bytes.append(contentsOf: placement.append.framed.bytes[..<placement.append.framed.byteCount])
            }
        }
        JournalFormat.close(start, in: &bytes)
    }
}

/// An append with its place in a segment.
struct Placement {
    var append: PlacedAppend
    var writer: PartitionWriter
    var segment: SegmentWriter
    var position: Int64
    /// The checksum of the bytes, when they are already in the segment.
    var extentCRC: UInt32?
    /// Whether the segment was synced since.
    var isExtentSynced = false

    var journalled: JournalAppend {
        let byteCount = append.framed.byteCount
        return JournalAppend(
            topic: append.partition.topic, partition: append.partition.index, baseOffset: append.baseOffset,
            recordCount: append.recordCount, producer: append.producer, step: append.step,
            segment: segment.segment.baseOffset, position: position,
            content: extentCRC.map { .extent(byteCount: byteCount, crc: $0, isSynced: isExtentSynced) } ?? .inline(0..<byteCount))
    }
}
