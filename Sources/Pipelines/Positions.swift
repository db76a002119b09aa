// How far queries have got: committed offsets are records of `__consumer_offsets`, written in the same commit as the output.

package package import Bytes
package import LogStore

/// The name of the topic in which consumer groups keep their offsets.
package let consumerOffsetsTopic = "__consumer_offsets"

/// The committed offsets of every group: by group, the next offset of each partition. One pass over a small compacted topic.
package func committedPositions(in log: any EventLog) throws(LogError) -> [String: [PartitionName: Int64]] {
    guard let topic = log.describeTopic(named: consumerOffsetsTopic) else { return [:] }
    var positions: [String: [PartitionName: Int64]] = [:]
    for partition in topic.partitions.indices {
        try readAll(of: log, PartitionKey(topic: topic.id, partition: partition)) { run in
            for index in 0..<run.count {
                guard let entry = ConsumerOffsets.entry(of: run, at: index) else { continue }
                positions[entry.group, default: [:]][PartitionName(topic: entry.topic, partition: entry.partition)] = entry.offset
            }
        }
    }
    return positions
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

/// A partition by the name of its topic.
package struct PartitionName: Hashable, Sendable {
    package var topic: String
    package var partition: Int
    package init(topic: String, partition: Int) {
        self.topic = topic
        self.partition = partition
    }
}
