// The writing end of a segment and of a partition. Only the log's writer touches these.
import Bytes
import Platform
import Quantities
import Synchronization

/// A segment that is, or was just, written to.
final class SegmentWriter {
    let segment: Segment
    private(set) var file: any File
    private var ledger: LedgerFile
    /// Whether a checkpoint has the side file in hand.
    private var isFlushing = false
    /// Wall clock of the first write, milliseconds; nil while there is none.
    private(set) var begun: Int64?
    /// Directories on the way to the file whose entries may not be durable: until they are synced, a power cut may take the file.
    var unsyncedDirectories: [String]
    /// Whether a sync failed: what the file holds on the disk is unknown, and later syncs prove nothing.
    var hasFailedSync = false
    private let files: any FileSystem
    /// Up to here the system was asked to write the file.
    private var writebackStart: Int64
    private static let writebackBytes: Int64 = 2 << 20

    /// Goes on with a segment. `ledgerBytes` is how much of its side file is good; nil when there is none. `begun` is when it was
    /// first written to, as far as its records tell.
    init(
        _ segment: Segment, file: any File, ledgerBytes: Int64?, begun: Int64?, unsyncedDirectories: [String], files: any FileSystem
    ) {
        self.segment = segment
        self.begun = begun
        self.file = file
        ledger = LedgerFile(path: segment.stem + ".batches", byteCount: ledgerBytes ?? 0)
        self.unsyncedDirectories = unsyncedDirectories
        self.files = files
        writebackStart = segment.size
    }

    /// Begins an empty segment behind another one; the first one of a partition also makes the directory of that.
    static func create(
        directory: String, baseOffset: Offset, after last: SegmentWriter?, files: any FileSystem
    ) throws(SystemError) -> SegmentWriter {
        if last == nil { try files.createDirectory(directory) }
        let segment = Segment(stem: Segment.stem(directory, baseOffset), baseOffset: baseOffset, size: 0, files: files)
        let file = try files.openToKeep(segment.path)
        for suffix in [".index", ".timeindex", ".batches"] where files.exists(segment.stem + suffix) {
            try files.removeFile(segment.stem + suffix)
        }
        segment.adopt(file, index: SparseIndex())
        // The segment before may not have been synced yet, so neither may the partition's directory.
        let others = (last?.unsyncedDirectories ?? [parent(of: directory)]).filter { $0 != directory }
        return SegmentWriter(
            segment, file: file, ledgerBytes: nil, begun: nil, unsyncedDirectories: [directory] + others, files: files)
    }

    func write(_ framed: FramedBatches, at position: Int64) throws(SystemError) {
        try file.write(framed.bytes, 0..<framed.byteCount, at: position)
    }

    /// Has the system begin to write what was written since the last call, once that is enough to be worth a request: left to the sync
    /// of a checkpoint, tens of megabytes would keep the disk from the journal's syncs for as long.
    func beginWriteback(upTo end: Int64) {
        if end < writebackStart { writebackStart = 0 }
        guard end - writebackStart >= SegmentWriter.writebackBytes else { return }
        file.beginWriteback(writebackStart..<end)
        writebackStart = end
    }

    /// What stands in place of the offset of the first batch of an append that was written ahead of its commit.
    static let noOffset = [UInt8](repeating: 0xFF, count: 8)

    /// Whether a batch begins with no offset, or with `offset` in part: its bytes may lie in two sectors of the disk, of which a power cut has
    /// left one as it was.
    static func isUnconfirmed(_ batch: [UInt8], _ offset: Offset) -> Bool {
        guard batch.count >= noOffset.count else { return false }
        var confirmed = noOffset
        confirmed.put(int64: offset.count, at: 0)
        let present = batch.prefix(noOffset.count)
        return !present.elementsEqual(confirmed) && zip(present, zip(confirmed, noOffset)).allSatisfy { $0 == $1.0 || $0 == $1.1 }
    }

    /// Writes an append ahead of its commit. Its first batch has no offset until `confirm`: should the commit not come about, nobody
    /// can take these batches for some of the log's.
    func writeAhead(_ framed: FramedBatches, at position: Int64) throws(SystemError) {
        try file.write(Self.noOffset, at: position)
        try file.write(framed.bytes, Self.noOffset.count..<framed.byteCount, at: position + Int64(Self.noOffset.count))
    }

    /// Gives the first batch of an append its offset, once its commit is durable.
    func confirm(_ framed: FramedBatches, at position: Int64) throws(SystemError) {
        try file.write(framed.bytes, 0..<Self.noOffset.count, at: position)
    }

    /// Makes written batches readable and remembers them for the side file.
    func publish(_ framed: FramedBatches, baseOffset: Offset, at position: Int64, journal: UInt64, _ clock: any TimeSource) {
        if begun == nil { begun = clock.wallMilliseconds() }
        segment.extend(by: framed, baseOffset: baseOffset, at: position, journal: journal)
        var offset = baseOffset
        for batch in framed.batches {
            note(position: position + Int64(batch.start), offset: offset, framed.bytes, batch.start)
            offset = offset + Int64(batch.recordCount)
        }
        // The side file can be made again from the segment, so its failures wait for the next attempt.
        if ledger.entries.count >= BatchLedger.flushCount && !isFlushing { try? ledger.flush(files) }
    }

    func note(position: Int64, offset: Offset, _ bytes: [UInt8], _ start: Int) {
        ledger.entries.append(
            BatchLedger.Entry(
                position: position, baseOffset: offset, headerHash: BatchLedger.headerHash(bytes, at: start)))
    }

    /// Hands the index out to be written by another thread; `endFlush` is to follow.
    func beginFlush() -> IndexFlush {
        isFlushing = true
        defer { ledger.entries = [] }
        return IndexFlush(stem: segment.stem, baseOffset: segment.baseOffset, index: segment.state.withLock { $0.index }, ledger: ledger)
    }

    /// Takes the side file back, with what could not be written of it.
    func endFlush(_ flush: IndexFlush) {
        isFlushing = false
        let new = ledger.entries
        ledger = flush.ledger
        ledger.entries += new
    }

    /// Copies the segment into a new file and puts that in its place: what is done after a failed sync. What is read back is
    /// checked, because the system may have dropped it.
    func rewrite() throws(LogError) {
        let size = segment.size
        let path = segment.path + ".new"
        let copy = try translating { () throws(SystemError) in try files.open(path, .truncate) }
        var expected = segment.baseOffset
        let loading = SegmentLoading(segment: segment, file: file, size: size)
        let end = try loading.walk(from: 0) { header, position, chunk, start throws(LogError) in
            guard header.baseOffset >= expected, header.isIntact(in: chunk, at: start) else {
                throw segment.quarantine("the batch at \(position) was lost by a failed sync")
            }
            expected = header.lastOffset + 1
            try translating { () throws(SystemError) in
                try copy.write(chunk, start..<start + header.totalBytes, at: position)
            }
        }
        guard end == size else { throw segment.quarantine("what follows \(end) was lost by a failed sync") }
        try translating { () throws(SystemError) in
            try copy.synchronize()
            try files.rename(path, to: segment.path)
            for directory in Set(unsyncedDirectories + [parent(of: path)]).sorted() { try files.synchronizeDirectory(directory) }
        }
        file = copy
        segment.state.withLock { $0.file = copy }
        hasFailedSync = false
        unsyncedDirectories = []
    }
}

/// The side file `.batches` of a segment that grows, and the entries that it does not have yet.
struct LedgerFile: Sendable {
    let path: String
    /// nil until the first write.
    var file: (any File)?
    var byteCount: Int64
    var entries: [BatchLedger.Entry] = []

    init(path: String, byteCount: Int64) {
        self.path = path
        self.byteCount = byteCount
    }

    mutating func flush(_ files: any FileSystem) throws(SystemError) {
        guard !entries.isEmpty else { return }
        let open: any File
        if let known = file { open = known } else { open = try files.open(path, .create) }
        file = open
        if byteCount == 0 {
            try open.truncate(to: 0)
            try open.write(BatchLedger.fileHeader(isCompacted: false), at: 0)
            byteCount = Int64(BatchLedger.fileHeaderBytes)
        }
        let block = BatchLedger.block(entries)
        try open.write(block, at: byteCount)
        byteCount += Int64(block.count)
        entries.removeAll(keepingCapacity: true)
    }
}

/// The index of a segment on its way to the disk.
struct IndexFlush: Sendable {
    let stem: String
    let baseOffset: Offset
    let index: SparseIndex
    var ledger: LedgerFile

    /// Writes the index files and the rest of the side file. They are not synced: after a crash they are checked or made anew.
    mutating func write(_ files: any FileSystem) throws(SystemError) {
        try ledger.flush(files)
        for (bytes, suffix) in [
            (index.indexFile(baseOffset: baseOffset), ".index"), (index.timeIndexFile(baseOffset: baseOffset), ".timeindex"),
        ] {
            let file = try files.open(stem + suffix, .truncate)
            defer { file.close() }
            try file.write(bytes, at: 0)
        }
    }
}

/// The writing end of a partition.
final class PartitionWriter {
    let partition: Partition
    /// nil until the first record: a partition that has never had one has no files, nor a directory.
    var active: SegmentWriter?
    /// Bytes of the active segment, with what is journalled but not yet written to it.
    var size: Int64
    /// The next offset to be journalled.
    var nextOffset: Offset
    var segmentBytes: ByteCount
    /// Written segments that the journal still has to vouch for.
    var unsynced: [SegmentWriter] = []

    init(partition: Partition, active: SegmentWriter?, size: Int64, nextOffset: Offset, segmentBytes: ByteCount) {
        self.partition = partition
        self.active = active
        self.size = size
        self.nextOffset = nextOffset
        self.segmentBytes = segmentBytes
    }

    /// The writing end of a partition that has never had a record.
    static func untouched(_ topic: TopicMetadata, _ index: PartitionIndex, in directory: DataDirectory) -> PartitionWriter {
        let partition = Partition(
            topic: topic.id, topicName: topic.name, index: index, directory: directory.partition(topic.name, index),
            state: Partition.State(start: .first, appendedEnd: .first, durableEnd: .first, appliedEnd: .first, segments: []))
        return PartitionWriter(
            partition: partition, active: nil, size: 0, nextOffset: .first, segmentBytes: topic.config.segmentLimit)
    }

    /// Where the partition ends, for the journal.
    var journalState: JournalState.PartitionState {
        let (start, allProducers) = partition.state.withLock { ($0.start, $0.producers) }
        var producers = allProducers
        producers.forget(from: nextOffset)
        return JournalState.PartitionState(
            topic: partition.topic, partition: partition.index, start: start, end: nextOffset,
            segment: active?.segment.baseOffset ?? .first, size: size, producers: producers)
    }
}
