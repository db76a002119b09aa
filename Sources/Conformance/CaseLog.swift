// The log of a case: topics have the partitions that the case declares, and where the case's script is about order, all records are put
// into partition 0, as the reference's harness puts them.

import Bytes
import LogStore
import Quantities

/// Where records of a case go.
enum CasePlacement: Sendable, Hashable {
    /// Into partition 0, whatever the topic has beside it.
    case firstPartition
    /// Into the partition of their key.
    case byKey
}

/// A log that places records as a case requires, and passes everything else to another log.
final class CaseLog: EventLog {
    private let base: any EventLog
    private let placement: CasePlacement

    init(over base: any EventLog, placement: CasePlacement) {
        self.base = base
        self.placement = placement
    }

    func commit(_ commit: Commit, completion: @escaping @Sendable (Result<CommitReceipt, LogError>) -> Void) {
        var commit = commit
        if placement == .firstPartition {
            for index in commit.appends.indices { commit.appends[index].partition = .first }
        }
        base.commit(commit, completion: completion)
    }

    // MARK: As it comes

    func newTopicID() -> TopicID { base.newTopicID() }

    func createTopics(_ topics: [NewTopic]) throws(LogError) -> [TopicDescription] { try base.createTopics(topics) }

    func alterTopic(_ topic: TopicID, config: TopicConfig) throws(LogError) { try base.alterTopic(topic, config: config) }
    func deleteTopic(_ topic: TopicID) throws(LogError) { try base.deleteTopic(topic) }
    func describeTopic(named name: String) -> TopicDescription? { base.describeTopic(named: name) }
    func describeTopic(_ topic: TopicID) -> TopicDescription? { base.describeTopic(topic) }
    func describeTopics() -> [TopicDescription] { base.describeTopics() }

    func bounds(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> PartitionBounds {
        try base.bounds(of: topic, partition: partition)
    }

    func fetch(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment
    ) throws(LogError) -> RecordRun {
        try base.fetch(topic, partition: partition, from: offset, maxBytes: maxBytes, upTo: moment)
    }

    func release(_ topic: TopicID, partition: PartitionIndex, before offset: Offset) {}

    func offset(of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64) throws(LogError) -> Offset? {
        try base.offset(of: topic, partition: partition, atOrAfter: timestamp)
    }

    var generation: UInt64 { base.generation }
    func beginEpoch(of group: String) -> Int64 { base.beginEpoch(of: group) }
    func endEpoch(of group: String) { base.endEpoch(of: group) }
    func subscribe(_ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription { base.subscribe(receiver) }
    func unsubscribe(_ subscription: NewsSubscription) { base.unsubscribe(subscription) }
    func close() { base.close() }
}
