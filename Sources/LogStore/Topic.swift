// Topics as values: their identity, their configuration, and what can be said about them.
import Bytes
package import Quantities

/// A topic's identity: 128 random bits that a later topic of the same name does not share.
package struct TopicID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The first 64 bits.
    package let high: UInt64
    /// The last 64 bits.
    package let low: UInt64

    /// An identity from its bits.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// By the bits; without meaning, but stable.
    package static func < (left: TopicID, right: TopicID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// 32 hexadecimal digits.
    package var description: String { hexadecimalDigits(high) + hexadecimalDigits(low) }

    /// Reads what `description` writes.
    package init?(_ text: String) {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}

/// What happens to old records (`cleanup.policy`).
package enum CleanupPolicy: String, Hashable, Sendable, CaseIterable {
    /// They go by age and size.
    case delete
    /// The last record of each key stays.
    case compact
    /// Both.
    case compactAndDelete = "compact,delete"
    /// The topic's reader says which records it needs no more (`EventLog.release`), and they go; where it has not for long, the last record
    /// of each key stays. No policy of Kafka's: for the changelogs of state that has snapshots.
    case release
    /// All records stay: what Kafka means by a list without words.
    case keep = ""

    /// Whether compaction runs.
    package var compacts: Bool { self != .delete && self != .keep }
    /// Whether retention runs.
    package var deletes: Bool { self == .delete || self == .compactAndDelete }
}

/// The codec of record batches (`compression.type`); raw values are the bits of a batch's attributes.
package enum Compression: UInt8, Hashable, Sendable, CaseIterable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// The name as users write it, in lower case.
    package var name: String {
        switch self {
        case .none: "none"
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }

    /// The codec with this name, in any case of letters.
    package init?(name: String) {
        guard let found = Compression.allCases.first(where: { $0.name == name.lowercased() }) else { return nil }
        self = found
    }
}

/// Which times records have (`message.timestamp.type`).
package enum TimestampType: String, Hashable, Sendable, CaseIterable {
    /// Those that their writers give them.
    case createTime = "CreateTime"
    /// The time at which they are appended, whatever their writers say.
    case logAppendTime = "LogAppendTime"
}

/// How a topic is kept. Names and defaults are Kafka's, except for the size of segments, which is a quarter of its gibibyte, and for the largest
/// batch, which is larger than its mebibyte.
package struct TopicConfig: Hashable, Sendable {
    /// `cleanup.policy`
    package var cleanupPolicy: CleanupPolicy = .delete
    /// `retention.ms`: age by record timestamp, and by when it was written, after which a closed segment goes; nil (-1) sets no limit. In
    /// Kafka the timestamps alone decide, so that results about old events may go as soon as they are made.
    package var retention: Milliseconds? = TopicConfig.usualRetention
    /// `retention.bytes`: size of a partition above which its oldest closed segments go; nil (-1) sets no limit.
    package var retentionBytes: ByteCount?
    /// `segment.bytes`: size at which a new segment is begun; see `segmentLimit`.
    package var segmentBytes = TopicConfig.usualSegment
    /// `segment.ms`: time after the first write to a segment at which maintenance begins a new one, so that retention and compaction
    /// reach slow topics too. By the wall clock, not by timestamps as in Kafka: loading old records out of order would begin a segment
    /// a batch.
    package var segmentTime: Milliseconds = 604_800_000
    /// `compression.type`
    package var compression: Compression = .none
    /// `delete.retention.ms`: how long compaction leaves a tombstone readable.
    package var deleteRetention: Milliseconds = 86_400_000
    /// `max.message.bytes`: bytes of the largest batch that is taken from a producer.
    package var largestBatch = TopicConfig.usualBatch
    /// `message.timestamp.type`
    package var timestampType: TimestampType = .createTime
    /// `min.compaction.lag.ms`: age of its newest record below which compaction leaves a segment alone.
    package var leastCompactionLag: Milliseconds = 0
    /// `max.compaction.lag.ms`: time after the first write to a segment at which it is closed and compacted, however little there is to be
    /// gained; nil where that decides alone.
    package var mostCompactionLag: Milliseconds?

    /// What a batch of a producer has at most, unless the topic says otherwise.
    package static let usualBatch = ByteCount.mebibytes(8)
    /// The most that a topic may say: a request has no more bytes than this.
    package static let mostBatch = ByteCount.mebibytes(64)
    /// Of topics from which records go before they are old: small enough that little is kept beyond what is needed, large enough that a
    /// directory lists few files.
    private static let smallSegment = ByteCount.mebibytes(16)
    private static let usualSegment = ByteCount.mebibytes(256)
    private static let usualRetention: Milliseconds = 604_800_000

    /// The size at which a new segment is begun: `segmentBytes`, or less where that was not chosen and records go that are not old:
    /// maintenance never touches the last segment, so that it can only keep up with small ones.
    package var segmentLimit: ByteCount {
        guard segmentBytes == TopicConfig.usualSegment else { return segmentBytes }
        if cleanupPolicy.compacts { return TopicConfig.smallSegment }
        guard cleanupPolicy.deletes, let retentionBytes else { return segmentBytes }
        return min(segmentBytes, max(.mebibytes(1), ByteCount(clamping: retentionBytes.count / 8)))
    }

    /// The age at which a segment of `size` bytes is closed: `segmentTime`, or so early that no record stays much longer than a tenth of
    /// the retention beyond it, where that was chosen. Without need nothing goes early: records of years ago may be new. With a
    /// retention of a day or more a few kilobytes are not worth a segment.
    package func segmentAge(size: Int64) -> Milliseconds {
        if cleanupPolicy.compacts, let mostCompactionLag { return min(segmentTime, mostCompactionLag) }
        guard cleanupPolicy.deletes, let retention, retention != TopicConfig.usualRetention else { return segmentTime }
        if retention >= 86_400_000, size < 65_536 { return segmentTime }
        return min(segmentTime, max(20_000, Milliseconds(retention.count / 12)))
    }

    /// Whether segments may be removed, so that a partition may begin later than it did.
    var removesOld: Bool { cleanupPolicy.deletes && (retention != nil || retentionBytes != nil) || cleanupPolicy == .release }

    /// Kafka's defaults: deleted after seven days, not compressed.
    package init() {}

    /// For changelogs: what a snapshot makes unnecessary is released. Where that does not happen for long, compaction sees to it.
    package static var released: TopicConfig {
        var config = TopicConfig()
        config.cleanupPolicy = .release
        config.retention = nil
        return config
    }

    /// Compacted, without retention: for tables, offsets and catalogs.
    package static var compacted: TopicConfig {
        var config = TopicConfig()
        config.cleanupPolicy = .compact
        config.retention = nil
        return config
    }
}

/// A partition of a topic.
package struct PartitionKey: Hashable, Sendable, Comparable {
    /// The topic by identity.
    package var topic: TopicID
    /// Index from 0.
    package var partition: PartitionIndex

    /// The partition with this index.
    package init(topic: TopicID, partition: PartitionIndex) {
        self.topic = topic
        self.partition = partition
    }

    /// By topic, then by index.
    package static func < (left: PartitionKey, right: PartitionKey) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

extension PartitionKey {
    init(_ partition: Partition) { self.init(topic: partition.topic, partition: partition.index) }
}

/// Where a partition starts and ends.
package struct PartitionBounds: Hashable, Sendable {
    /// The first offset that may be fetched.
    package var start: Offset
    /// One past the last offset that is appended and may be read as a record: the first open transaction ends it.
    package var appendedEnd: Offset
    /// One past the last offset that is durable and may be read as a record.
    package var durableEnd: Offset
    /// One past the last offset that is durable, records of open transactions included.
    package var highWatermark: Offset

    /// Bounds as given; `highWatermark` is nil where there are no transactions.
    package init(start: Offset, appendedEnd: Offset, durableEnd: Offset, highWatermark: Offset? = nil) {
        self.start = start
        self.appendedEnd = appendedEnd
        self.durableEnd = durableEnd
        self.highWatermark = highWatermark ?? durableEnd
    }
}

/// A topic as it is now.
package struct TopicDescription: Hashable, Sendable {
    /// Identity, never used again.
    package let id: TopicID
    /// Name; a later topic may have the same.
    package let name: String
    /// How it is kept.
    package let config: TopicConfig
    /// One entry a partition, by index.
    package let partitions: [PartitionDescription]

    /// The indexes of `partitions`, in order.
    package var partitionIndexes: [PartitionIndex] { PartitionIndex.all(of: partitions.count) }

    /// A description as given.
    package init(id: TopicID, name: String, config: TopicConfig, partitions: [PartitionDescription]) {
        self.id = id
        self.name = name
        self.config = config
        self.partitions = partitions
    }
}

/// A partition as it is now.
package struct PartitionDescription: Hashable, Sendable {
    /// Where it starts and ends.
    package let bounds: PartitionBounds
    /// Bytes of all its segments.
    package let byteCount: ByteCount
    /// How many files its records are in, with the active one.
    package let segmentCount: Int
    /// Why part of it cannot be read, when damage was found.
    package let damage: String?

    /// A description as given.
    package init(bounds: PartitionBounds, byteCount: ByteCount, segmentCount: Int, damage: String?) {
        self.bounds = bounds
        self.byteCount = byteCount
        self.segmentCount = segmentCount
        self.damage = damage
    }
}
