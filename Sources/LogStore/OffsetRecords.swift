// The records of `__consumer_offsets`, in the schemas of Kafka's group coordinator: key OffsetCommitKey version 1, value
// OffsetCommitValue version 4, which names the topic's id; versions 0 to 3 are read as well. Callers append them in the same
// commit as the output that the offsets stand for.
import Bytes
package import Quantities

/// The topic that keeps the offsets; compacted.
package let consumerOffsetsTopic = "__consumer_offsets"

/// Whose offset of what.
package struct OffsetKey: Hashable, Sendable {
    /// Consumer group, or the query's name.
    package var group: String
    /// Name of the topic read.
    package var topic: String
    /// Index from 0.
    package var partition: PartitionIndex

    /// A key.
    package init(group: String, topic: String, partition: PartitionIndex) {
        self.group = group
        self.topic = topic
        self.partition = partition
    }

    /// The record's key.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(int16: 1)
        bytes.append(shortString: group)
        bytes.append(shortString: topic)
        bytes.append(int32: partition.int32)
        return bytes
    }

    /// Reads a record's key; nil for the other records of that topic (version 2, about a group's members).
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let version = reader.int16(), version == 0 || version == 1, let group = reader.shortString(),
            let topic = reader.shortString(), let partition = reader.partitionIndex(), reader.isAtEnd
        else { return nil }
        self.init(group: group, topic: topic, partition: partition)
    }
}

/// The next offset to be read.
package struct OffsetValue: Hashable, Sendable {
    /// Everything below was consumed.
    package var offset: Offset
    /// The topic that was meant, so that one created anew is not mistaken for it; nil in records that do not say.
    package var topic: TopicID?
    /// Free text of the committer.
    package var metadata: String
    /// Milliseconds since the epoch.
    package var committedAt: Int64

    /// The metadata of the positions of Millrace's queries, which tell them from those of clients when the query is gone.
    package static let queryMetadata = "millrace query"

    /// Whether a query of Millrace has committed it.
    package var isOfQuery: Bool { metadata == OffsetValue.queryMetadata }

    /// A value.
    package init(offset: Offset, topic: TopicID?, metadata: String = "", committedAt: Int64) {
        self.offset = offset
        self.topic = topic
        self.metadata = metadata
        self.committedAt = committedAt
    }

    /// The record's value.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(int16: 4)
        bytes.append(int64: offset.count)
        bytes.append(int32: -1)
        bytes.append(unsignedVarint: UInt64(metadata.utf8.count) + 1)
        bytes.append(contentsOf: metadata.utf8)
        bytes.append(int64: committedAt)
        if let topic {
            // One tagged field: tag 0 of 16 bytes.
            bytes.append(contentsOf: [1, 0, 16])
            bytes.append(uint64: topic.high)
            bytes.append(uint64: topic.low)
        } else {
            bytes.append(0)
        }
        return bytes
    }

    /// Reads a record's value; nil when it is none.
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let version = reader.int16(), (0...4).contains(version), let offset = reader.offset() else { return nil }
        if version >= 3 && reader.int32() == nil { return nil }
        if version < 4 {
            guard let metadata = reader.shortString(), let time = reader.int64() else { return nil }
            if version == 1 && reader.int64() == nil { return nil }
            self.init(offset: offset, topic: nil, metadata: metadata, committedAt: time)
            return
        }
        guard let length = reader.unsignedVarint(), length > 0, let text = reader.take(Int(clamping: length - 1)),
            let metadata = String(validating: text, as: UTF8.self), let time = reader.int64(), let tags = reader.unsignedVarint()
        else { return nil }
        var topic: TopicID?
        for _ in 0..<min(tags, 64) {
            guard let tag = reader.unsignedVarint(), let size = reader.unsignedVarint(),
                let field = reader.take(Int(clamping: size))
            else { return nil }
            var fields = ByteReader(field)
            if tag == 0, let high = fields.uint64(), let low = fields.uint64() { topic = TopicID(high: high, low: low) }
        }
        self.init(offset: offset, topic: topic, metadata: metadata, committedAt: time)
    }
}
