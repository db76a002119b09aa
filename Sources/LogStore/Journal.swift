// The format of the commit journal: files `journal/<20-digit number>.journal` of records one after the other, big-endian.
//
//    0  4  "MRJ1"
//    4  4  CRC-32C of everything from 8 to the end of the record
//    8  4  bytes of the body
//   12  4  kind: 1 state, 2 synced, 3 commit, 4 topic, 5 start, 6 removal
//   16  8  number of the file
//   24  8  position of the record in the file
//   32  8  position up to which the file was durable when the record was written
//   40     body
//
// A file begins with a *state*: where every partition ends, in which segment, from which the commits after it go on, the
// file and position before it, whether each commit is synced (a byte that files of older servers lack), the transactions of the
// partitions that have any, and the topics whose files may not be durable (both of which may be missing, too). A *synced*
// record says that the segments hold durably all that the state says, and the files of its topics but for those that it names itself; from
// then on the files before are not needed. A
// *commit* holds all appends of one commit, each inline or as the extent of its segment where it already stands. A *topic*
// record says that a topic is about to be created, with its identity, number of partitions and the text of its file (which older servers
// left out), from which the file is written again where a power failure has taken it. A partition that no record
// names is not empty: its topic file was missing when the journal was written, so its segments are kept. A *removal* says that a topic
// is deleted: records about it count no more. A *start* record says
// that the records of a partition before an offset were removed. So recovery starts
// at the newest file with a synced record (or the first of all) and replays from there.
//
// Whole batches behind the end of a partition were in the journal once: extents have no offset until their commit is durable
// (`SegmentWriter.writeAhead`), everything else reaches its segment later still. Where they are found the journal has lost its end,
// without a trace in itself (`PartitionSurplus`).
//
// A record that is not whole or fails its checksum is the torn end of the journal, unless a later record proves that it was
// durable: then it is damage. A damaged file is read as far as it can be (`JournalSalvage`) and kept as `<number>.journal.damaged`,
// for inspection, until it is removed by hand. Sync errors begin a new file, which names the position in the old one up to which it counts.
import Bytes
import Quantities

enum JournalRecordKind: UInt32 {
    case state = 1
    case synced = 2
    case commit = 3
    case topic = 4
    case start = 5
    case removal = 6
}

/// A place in the journal.
struct JournalPosition: Hashable {
    var file: UInt64
    var position: Int64
}

/// The first record of a file.
struct JournalState: Hashable {
    struct PartitionState: Hashable {
        var topic: TopicID
        var partition: PartitionIndex
        var start: Offset
        var end: Offset
        /// Base offset of the active segment.
        var segment: Offset
        /// Bytes of the active segment.
        var size: Int64
        var producers: ProducerTable
    }

    /// Where the commits before this file end; nil when the segments held everything when it was begun.
    var previous: JournalPosition?
    var partitions: [PartitionState]
    /// When the commits of the file are acknowledged; nil in files of servers that did not say so, nor left extents without offset.
    var durability: Durability?
    /// Topics whose files may not be durable, sorted by name.
    var topics: [TopicMetadata] = []
}

/// A topic that was about to be created, or to get more partitions.
struct JournalledTopic: Hashable {
    var id: TopicID
    var partitionCount: Int
    /// All about it; nil in records of older servers, whose topics were durable when they were acknowledged.
    var metadata: TopicMetadata?
}

extension JournalState {
    /// The state of all partitions now, and the topics whose files may not be durable.
    init(
        previous: JournalPosition?, _ writers: [PartitionKey: PartitionWriter], durability: Durability, unsynced topics: some Sequence<TopicMetadata>
    ) {
        let partitions = writers.values.map(\.journalState).sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) }
        self.init(previous: previous, partitions: partitions, durability: durability, topics: topics.sorted { $0.name < $1.name })
    }
}

/// One append within a journalled commit.
struct JournalAppend: Hashable {
    var topic: TopicID
    var partition: PartitionIndex
    var baseOffset: Offset
    var recordCount: Int
    var producer: ProducerStamp?
    /// What it does to a transaction.
    var step: TransactionStep?
    /// Base offset of the segment.
    var segment: Offset
    /// Where the batches stand in the segment.
    var position: Int64
    var content: Content

    enum Content: Hashable {
        /// They are in the journal: this range of the bytes that were decoded.
        case inline(Range<Int>)
        /// They were written to the segment before; `isSynced` says whether durably so.
        case extent(byteCount: Int, crc: UInt32, isSynced: Bool)
    }
}

enum JournalFormat {
    static let magic: UInt32 = 0x4d52_4a31
    static let firstByte: UInt8 = 0x4d
    static let headerBytes = 40
    static let checkedFrom = 8
    /// More than any commit can be.
    static let largestBody = 1 << 30

    /// Opens a record at the end of `bytes`; `close` completes it.
    static func open(_ kind: JournalRecordKind, in bytes: inout [UInt8], file: UInt64, position: Int64, durable: Int64) -> Int {
        let start = bytes.count
        bytes.append(uint32: magic)
        bytes.append(uint32: 0)
        bytes.append(uint32: 0)
        bytes.append(uint32: kind.rawValue)
        bytes.append(uint64: file)
        bytes.append(int64: position)
        bytes.append(int64: durable)
        return start
    }

    /// Completes the record that `open` began at `start`.
    static func close(_ start: Int, in bytes: inout [UInt8]) {
        bytes.put(uint32: UInt32(bytes.count - start - headerBytes), at: start + 8)
        bytes.put(uint32: crc32c(bytes, start + checkedFrom..<bytes.count), at: start + 4)
    }

    // MARK: Bodies

    static func append(_ state: JournalState, to bytes: inout [UInt8]) {
        bytes.append(uint64: state.previous?.file ?? 0)
        bytes.append(int64: state.previous?.position ?? -1)
        bytes.append(unsignedVarint: UInt64(state.partitions.count))
        for partition in state.partitions {
            append(partition.topic, partition.partition.int32, to: &bytes)
            bytes.append(int64: partition.start.count)
            bytes.append(int64: partition.end.count)
            bytes.append(int64: partition.segment.count)
            bytes.append(int64: partition.size)
            partition.producers.append(to: &bytes)
        }
        switch state.durability {
        case .fsync?: bytes.append(1)
        case .os?: bytes.append(2)
        case nil: return
        }
        let withTransactions = state.partitions.enumerated().filter { !$0.element.producers.transactions.isEmpty }
        if withTransactions.isEmpty && state.topics.isEmpty { return }
        bytes.append(unsignedVarint: UInt64(withTransactions.count))
        for (index, partition) in withTransactions {
            bytes.append(unsignedVarint: UInt64(index))
            partition.producers.transactions.append(to: &bytes)
        }
        if !state.topics.isEmpty { append(state.topics, to: &bytes) }
    }

    static func state(_ bytes: [UInt8], _ body: Range<Int>) -> JournalState? {
        var reader = ByteReader(bytes, body)
        guard let file = reader.uint64(), let position = reader.int64(), let count = reader.unsignedVarint() else { return nil }
        var state = JournalState(previous: position < 0 ? nil : JournalPosition(file: file, position: position), partitions: [])
        for _ in 0..<count {
            guard let (topic, partition) = place(&reader), let start = reader.offset(), let end = reader.offset(),
                let segment = reader.offset(), let size = reader.int64(), let producers = ProducerTable(&reader)
            else { return nil }
            state.partitions.append(
                JournalState.PartitionState(
                    topic: topic, partition: partition, start: start, end: end, segment: segment, size: size,
                    producers: producers))
        }
        if reader.isAtEnd { return state }
        switch reader.uint8() {
        case 1?: state.durability = .fsync
        case 2?: state.durability = .os
        default: return nil
        }
        if reader.isAtEnd { return state }
        guard let count = reader.unsignedVarint() else { return nil }
        for _ in 0..<count {
            guard let index = reader.unsignedVarint(), index < state.partitions.count, let table = TransactionTable(&reader) else { return nil }
            state.partitions[Int(index)].producers.transactions = table
        }
        if reader.isAtEnd { return state }
        guard let topics = topics(bytes, &reader) else { return nil }
        state.topics = topics
        return reader.isAtEnd ? state : nil
    }

    /// The body of a synced record: the topics whose files may not be durable.
    static func append(_ topics: [TopicMetadata], to bytes: inout [UInt8]) {
        bytes.append(unsignedVarint: UInt64(topics.count))
        for topic in topics {
            let text = topic.text
            bytes.append(unsignedVarint: UInt64(text.count))
            bytes.append(contentsOf: text)
        }
    }

    /// Reads the body of a synced record, which older servers left empty.
    static func synced(_ bytes: [UInt8], _ body: Range<Int>) -> [TopicMetadata] {
        var reader = ByteReader(bytes, body)
        return topics(bytes, &reader) ?? []
    }

    private static func topics(_ bytes: [UInt8], _ reader: inout ByteReader) -> [TopicMetadata]? {
        guard let count = reader.unsignedVarint() else { return nil }
        var topics: [TopicMetadata] = []
        for _ in 0..<count {
            guard let length = reader.unsignedVarint(), let text = reader.skip(Int(clamping: length)),
                let topic = try? TopicMetadata(Array(bytes[text]))
            else { return nil }
            topics.append(topic)
        }
        return topics
    }

    /// The body of a topic record.
    static func append(_ topic: TopicMetadata, to bytes: inout [UInt8]) {
        append(topic.id, Int32(clamping: topic.partitionCount), to: &bytes)
        bytes.append(contentsOf: topic.text)
    }

    /// Reads the body of a topic record.
    static func topic(_ bytes: [UInt8], _ body: Range<Int>) -> JournalledTopic? {
        var reader = ByteReader(bytes, body)
        guard let (id, count) = place(&reader) else { return nil }
        let metadata = try? TopicMetadata(Array(bytes[reader.position..<body.upperBound]))
        return JournalledTopic(id: id, partitionCount: count.index, metadata: metadata)
    }

    /// The body of a removal.
    static func append(removalOf topic: TopicID, to bytes: inout [UInt8]) { append(topic, 0, to: &bytes) }

    /// Reads the body of a removal: the topic that is deleted.
    static func removal(_ bytes: [UInt8], _ body: Range<Int>) -> TopicID? {
        var reader = ByteReader(bytes, body)
        return place(&reader)?.0
    }

    /// The body of a start record: the partition, and its first offset.
    static func append(_ key: PartitionKey, start: Offset, to bytes: inout [UInt8]) {
        append(key.topic, key.partition.int32, to: &bytes)
        bytes.append(int64: start.count)
    }

    /// Reads the body of a start record.
    static func start(_ bytes: [UInt8], _ body: Range<Int>) -> (PartitionKey, Offset)? {
        var reader = ByteReader(bytes, body)
        guard let (topic, partition) = place(&reader), let start = reader.offset(), reader.isAtEnd else { return nil }
        return (PartitionKey(topic: topic, partition: partition), start)
    }

    /// Appends everything about an append but its inline bytes, which follow.
    static func append(_ append: JournalAppend, byteCount: Int, to bytes: inout [UInt8]) {
        Self.append(append.topic, append.partition.int32, to: &bytes)
        bytes.append(int64: append.baseOffset.count)
        bytes.append(int32: Int32(append.recordCount))
        bytes.append(int64: append.segment.count)
        bytes.append(int64: append.position)
        bytes.append(int64: append.producer?.id ?? append.step?.producer ?? -1)
        bytes.append(int16: append.producer?.epoch ?? -1)
        bytes.append(int32: append.producer?.baseSequence ?? -1)
        bytes.append(int32: Int32(byteCount))
        let step = append.step?.bits ?? 0
        switch append.content {
        case .inline: bytes.append(step)
        case .extent(_, let crc, let isSynced):
            bytes.append(step | (isSynced ? 1 : 2))
            bytes.append(uint32: crc)
        }
    }

    /// The appends of a commit's body.
    static func commit(_ bytes: [UInt8], _ body: Range<Int>) -> [JournalAppend]? {
        var reader = ByteReader(bytes, body)
        guard let count = reader.unsignedVarint() else { return nil }
        var appends: [JournalAppend] = []
        for _ in 0..<count {
            guard let (topic, partition) = place(&reader), let baseOffset = reader.offset(), let recordCount = reader.int32(),
                let segment = reader.offset(), let position = reader.int64(), let producerID = reader.int64(),
                let epoch = reader.int16(), let sequence = reader.int32(), let byteCount = reader.int32(),
                let place = reader.uint8()
            else { return nil }
            let step = TransactionStep(bits: place, producer: producerID)
            // A marker has no place in the sequence of its producer.
            let hasSequence = producerID >= 0 && sequence >= 0
            let content: JournalAppend.Content
            if place & 3 != 0 {
                guard let crc = reader.uint32() else { return nil }
                content = .extent(byteCount: Int(byteCount), crc: crc, isSynced: place & 3 == 1)
            } else {
                guard let range = reader.skip(Int(byteCount)) else { return nil }
                content = .inline(range)
            }
            appends.append(
                JournalAppend(
                    topic: topic, partition: partition, baseOffset: baseOffset, recordCount: Int(recordCount),
                    producer: hasSequence ? ProducerStamp(id: producerID, epoch: epoch, baseSequence: sequence) : nil, step: step,
                    segment: segment, position: position, content: content))
        }
        return reader.isAtEnd ? appends : nil
    }

    private static func append(_ topic: TopicID, _ number: Int32, to bytes: inout [UInt8]) {
        bytes.append(uint64: topic.high)
        bytes.append(uint64: topic.low)
        bytes.append(int32: number)
    }

    private static func place(_ reader: inout ByteReader) -> (TopicID, PartitionIndex)? {
        guard let high = reader.uint64(), let low = reader.uint64(), let partition = reader.partitionIndex() else { return nil }
        return (TopicID(high: high, low: low), partition)
    }
}

/// Reads the records of one file's bytes in order.
struct JournalReader {
    struct Record {
        var kind: JournalRecordKind
        var position: Int
        var body: Range<Int>
    }

    enum Step {
        case record(Record)
        case end
        /// What stands at `position` is no whole record. `isDamage` when a later one proves that it was durable.
        case torn(position: Int, isDamage: Bool)
    }

    let bytes: [UInt8]
    let file: UInt64
    private var position = 0

    init(_ bytes: [UInt8], file: UInt64) {
        self.bytes = bytes
        self.file = file
    }

    mutating func next() -> Step {
        if position == bytes.count { return .end }
        if let (record, _) = record(at: position) {
            position = record.body.upperBound
            return .record(record)
        }
        return .torn(position: position, isDamage: isProvenDurable(upTo: position))
    }

    /// The next whole record at or after `start` but before `end`, over whatever lies between.
    func record(atOrAfter start: Int, before end: Int) -> Record? {
        var position = start
        while position < end, position + JournalFormat.headerBytes <= bytes.count {
            if bytes[position] == JournalFormat.firstByte, let (found, _) = record(at: position) { return found }
            position += 1
        }
        return nil
    }

    /// The record at a position, with the durable position that it states.
    private func record(at start: Int) -> (Record, Int64)? {
        var reader = ByteReader(bytes, start..<bytes.count)
        guard reader.uint32() == JournalFormat.magic, let crc = reader.uint32(), let length = reader.uint32(),
            let kind = reader.uint32().flatMap({ JournalRecordKind(rawValue: $0) }), reader.uint64() == file,
            reader.int64() == Int64(start), let durable = reader.int64(), length <= JournalFormat.largestBody,
            let body = reader.skip(Int(length)), crc32c(bytes, start + JournalFormat.checkedFrom..<body.upperBound) == crc
        else { return nil }
        return (Record(kind: kind, position: start, body: body), durable)
    }

    /// Whether some whole record after `start` says that the file was durable beyond `start` when it was written.
    func isProvenDurable(upTo start: Int) -> Bool {
        var position = start + 1
        while position + JournalFormat.headerBytes <= bytes.count {
            if bytes[position] == JournalFormat.firstByte, let (_, durable) = record(at: position), durable > Int64(start) { return true }
            position += 1
        }
        return false
    }
}
