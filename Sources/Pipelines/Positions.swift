// How far queries have got: committed offsets are records of `__consumer_offsets`, written in the same commit as the output.

package import Bytes
package import LogStore

/// The committed offsets of every group: by group, the next offset of each partition. One pass over a small compacted topic.
/// Offsets of topics that have been deleted, also those of a topic whose name is used again, are left out.
package func committedPositions(in log: any EventLog) throws(LogError) -> [String: [PartitionKey: Int64]] {
    guard let topic = log.describeTopic(named: consumerOffsetsTopic) else { return [:] }
    var positions: [String: [PartitionKey: Int64]] = [:]
    for partition in topic.partitions.indices {
        try readAll(of: log, PartitionKey(topic: topic.id, partition: partition)) { run in
            for index in 0..<run.count {
                guard let key = run.bytes(of: run.keys[index]).flatMap({ OffsetKey($0) }) else { continue }
                let value = run.bytes(of: run.values[index]).flatMap { OffsetValue($0) }
                guard let id = value?.topic ?? log.describeTopic(named: key.topic)?.id else { continue }
                positions[key.group, default: [:]][PartitionKey(topic: id, partition: key.partition)] = value?.offset
            }
        }
    }
    return positions
}

/// Appends the record that commits `offset` as the next one that `group` reads of a partition.
package func appendPosition(
    _ offset: Int64, of partition: PartitionKey, named topic: String, group: String, at time: Int64, to records: inout OutgoingRecords
) {
    let value = OffsetValue(offset: offset, topic: partition.topic, committedAt: time)
    records.append(
        key: OffsetKey(group: group, topic: topic, partition: partition.partition).encoded, value: value.encoded, timestamp: time)
}

extension RecordRun {
    /// The bytes of a range, nil for null.
    package func bytes(of range: ByteRange) -> [UInt8]? {
        range.isNull ? nil : Array(bytes[Int(range.start)..<Int(range.start) + Int(range.length)])
    }
}

/// Calls `body` for everything durable in a partition, from its start to its end.
package func readAll(
    of log: any EventLog, _ partition: PartitionKey, from start: Int64? = nil, _ body: (RecordRun) -> Void
) throws(LogError) {
    let bounds = try log.bounds(of: partition.topic, partition: partition.partition)
    var offset = max(bounds.start, start ?? bounds.start)
    while offset < bounds.durableEnd {
        let run = try log.fetch(partition.topic, partition: partition.partition, from: offset, maxBytes: 1 << 20, upTo: .durable)
        body(run)
        if run.nextOffset <= offset { return }
        offset = run.nextOffset
    }
}

extension OutgoingRecords {
    /// The records as if they had been read from a partition: offsets count from 0.
    package var asRun: RecordRun {
        RecordRun(
            bytes: bytes + Array(repeating: 0, count: RecordRun.padding), keys: keys, values: values, headers: headers,
            timestamps: timestamps, offsets: Array(0..<Int64(count)), nextOffset: Int64(count), isAtEnd: true)
    }
}
