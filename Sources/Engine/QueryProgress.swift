// How far a persistent query has read each partition, and what is left.

import Bytes
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Quantities

/// A partition that a query reads.
struct PartitionProgress {
    let topic: TopicDescription
    let partition: PartitionIndex
    let bounds: PartitionBounds
    /// The offset that is read next.
    let position: Offset
    /// The latest time of the rows that the windows of the task have seen, in milliseconds.
    let streamTime: Int64?

    /// Records that are still to be read.
    var lag: Int64 { max(0, bounds.durableEnd - position) }
}

extension MillraceEngine {
    /// The partitions of a query's sources, and with `internalTopics` those that its own tasks have in between, in order. Errors: its
    /// committed positions cannot be read.
    func progress(
        of query: PersistentQuery, _ content: QueryStatus.Content, internalTopics: Bool = false
    ) throws(LogError) -> [PartitionProgress] {
        // A query that has not run since the start of the server.
        let committed = try content.durablePositions.isEmpty ? positions.positions(of: query.id) : [:]
        var topics = query.plan.sources.compactMap { log.describeTopic(named: $0.topic) }
        if internalTopics {
            let known = Set(topics.map(\.id))
            let others = Set(content.durablePositions.keys.map(\.topic)).subtracting(known)
            topics += others.compactMap { log.describeTopic($0) }.sorted { $0.name < $1.name }
        }
        return topics.flatMap { topic in
            zip(topic.partitionIndexes, topic.partitions).map { index, partition in
                let key = PartitionKey(topic: topic.id, partition: index)
                return PartitionProgress(
                    topic: topic, partition: index, bounds: partition.bounds,
                    position: content.durablePositions[key] ?? committed[key] ?? partition.bounds.start, streamTime: content.streamTimes[key])
            }
        }
    }

    /// Milliseconds since the timestamp of the record that is read next; 0 where none is left, nil where it cannot be read.
    func lagMilliseconds(_ progress: PartitionProgress) -> Int64? {
        guard progress.lag > 0 else { return 0 }
        let position = max(progress.position, progress.bounds.start)
        guard let run = try? log.fetch(progress.topic.id, partition: progress.partition, from: position, maxBytes: .kibibytes(1), upTo: .durable)
        else { return nil }
        // Behind the position there may be nothing but what compaction has left out.
        guard let first = run.timestamps.first else { return 0 }
        return max(0, configuration.time.wallMilliseconds().subtractingSaturated(first))
    }
}
