// The records of `__transaction_state`, in the schemas of Kafka's transaction coordinator: key TransactionLogKey version 0, value
// TransactionLogValue version 1; version 0 is read as well. The offsets that a transaction is to commit, which Kafka's own broker keeps among
// those of groups, stand in a tagged field of their own, which others pass over.

import Bytes
import LogStore

enum TransactionRecords {
    /// The tagged field of offsets: an array of group, topic, partition, offset and text.
    private static let offsetsTag = 10_000

    static func key(_ id: String) -> [UInt8] {
        var writer = MessageWriter(isFlexible: false)
        writer.put(int16: 0)
        writer.put(string: id)
        return writer.bytes
    }

    /// The transactional id; nil for records of other kinds.
    static func id(_ key: [UInt8]) -> String? {
        var reader = MessageReader(key, 0..<key.count, isFlexible: false)
        guard let version = try? reader.int16(), version == 0 else { return nil }
        return try? reader.string()
    }

    static func value(_ state: TransactionState) -> [UInt8] {
        var writer = MessageWriter(isFlexible: true)
        writer.put(int16: 1)
        writer.put(int64: state.producer)
        writer.put(int16: state.epoch)
        writer.put(int32: state.timeout)
        writer.put(int8: state.phase.rawValue)
        let byTopic = Dictionary(grouping: state.partitions, by: \.topic).sorted { $0.key < $1.key }
        writer.put(byTopic) { topic, writer in
            writer.put(string: topic.key)
            writer.put(topic.value.map(\.partition).sorted()) { $1.put(int32: $0) }
            writer.put(MessageTags())
        }
        writer.put(int64: state.updatedAt)
        writer.put(int64: state.startedAt)
        var tags = MessageTags()
        let offsets = state.offsets.flatMap { group, offsets in offsets.map { (group, $0.key, $0.value) } }
        if !state.offsets.isEmpty {
            tags.put(offsetsTag) { writer in
                writer.put(state.offsets.keys.sorted()) { $1.put(string: $0) }
                writer.put(offsets) { entry, writer in
                    writer.put(string: entry.0)
                    writer.put(string: entry.1.topic)
                    writer.put(int32: entry.1.partition)
                    writer.put(int64: entry.2.offset)
                    writer.put(string: entry.2.metadata)
                }
            }
        }
        writer.put(tags)
        return writer.bytes
    }

    /// The state; nil where the value is none, or one that this coordinator never writes.
    static func state(_ value: [UInt8]) -> TransactionState? { try? read(value) }

    private static func read(_ value: [UInt8]) throws(MessageError) -> TransactionState? {
        guard value.count >= 2, value[0] == 0, value[1] <= 1 else { return nil }
        let isFlexible = value[1] == 1
        var reader = MessageReader(value, 2..<value.count, isFlexible: isFlexible)
        let (producer, epoch, timeout) = (try reader.int64(), try reader.int16(), try reader.int32())
        guard let phase = TransactionState.Phase(rawValue: try reader.int8()) else { return nil }
        let topics = try reader.nullableArray(isNullable: true) { reader throws(MessageError) in
            let topic = (name: try reader.string(), partitions: try reader.array { reader throws(MessageError) in try reader.int32() })
            try reader.skipTags()
            return topic
        }
        let updatedAt = try reader.int64()
        var state = TransactionState(producer: producer, epoch: epoch, timeout: timeout, phase: phase, updatedAt: updatedAt)
        state.startedAt = try reader.int64()
        for topic in topics ?? [] {
            state.partitions.formUnion(topic.partitions.map { NamedPartition(topic: topic.name, partition: $0) })
        }
        var section = try reader.tagSection()
        while let tag = try reader.nextTag(&section) {
            guard tag == offsetsTag else {
                reader.skip(section)
                continue
            }
            let groups = try reader.array { reader throws(MessageError) in try reader.string() }
            for group in groups { state.offsets[group] = [:] }
            let offsets = try reader.array { reader throws(MessageError) in
                let (group, topic, partition) = (try reader.string(), try reader.string(), try reader.int32())
                let offset = CommittedOffset(offset: try reader.int64(), metadata: try reader.string())
                return (group, NamedPartition(topic: topic, partition: partition), offset)
            }
            for (group, place, offset) in offsets { state.offsets[group, default: [:]][place] = offset }
        }
        return state
    }
}
