// What groups have committed: held in memory, kept in the topic `__consumer_offsets` in Kafka's own record format, where the positions of
// Millrace's queries stand, too.

import Bytes
import LogStore
import Platform
import Quantities
import Synchronization

/// A committed offset as clients see it.
struct CommittedOffset: Equatable, Sendable {
    var offset: Int64
    var metadata: String
    /// The topic that was meant: one that is made again under the same name is read from its beginning.
    var topic: TopicID?
}

/// A partition by the name of its topic.
struct NamedPartition: Hashable, Sendable {
    var topic: String
    var partition: Int32
}

/// The offsets of all groups.
final class GroupOffsets: Sendable {
    private struct State {
        var groups: [String: [NamedPartition: CommittedOffset]] = [:]
        /// How far the topic has been read.
        var next: [PartitionIndex: Offset] = [:]
    }

    private let log: any EventLog
    private let clock: any TimeSource
    private let state = Mutex(State())
    /// The topic that keeps them.
    let topic: TopicID

    /// Reads nothing yet. Errors: those of making the topic where it is not there.
    init(_ log: any EventLog, _ clock: any TimeSource) throws(LogError) {
        self.log = log
        self.clock = clock
        if let id = log.topicID(named: consumerOffsetsTopic) {
            topic = id
        } else {
            topic = try log.createTopic(consumerOffsetsTopic, partitions: 1, config: .compacted).id
        }
    }

    /// What `body` makes of the offsets, once all that is durable has been read: queries write the topic as well. Errors: those of reading it.
    private func reading<Found>(_ body: (borrowing State) -> Found) throws(LogError) -> Found {
        let result = state.withLock { state -> Result<Found, LogError> in
            do throws(LogError) { try refresh(&state) } catch { return .failure(error) }
            return .success(body(state))
        }
        return try result.get()
    }

    private func refresh(_ state: inout State) throws(LogError) {
        guard let count = log.partitionCount(of: topic) else { return }
        for partition in PartitionIndex.all(of: count) {
            try readAll(of: log, PartitionKey(topic: topic, partition: partition), from: state.next[partition]) { run in
                for index in 0..<run.count { GroupOffsets.take(run, index, &state) }
                state.next[partition] = run.nextOffset
            }
        }
    }

    private static func take(_ run: RecordRun, _ index: Int, _ state: inout State) {
        guard let key = run.bytes(of: run.keys[index]).flatMap({ OffsetKey($0) }) else { return }
        let value = run.bytes(of: run.values[index]).flatMap { OffsetValue($0) }
        let partition = NamedPartition(topic: key.topic, partition: key.partition.int32)
        state.groups[key.group, default: [:]][partition] = value.map {
            CommittedOffset(offset: $0.offset.count, metadata: $0.metadata, topic: $0.topic)
        }
        if state.groups[key.group]?.isEmpty == true { state.groups[key.group] = nil }
    }

    /// What a group has committed of topics that are there. Errors: those of reading the topic.
    func offsets(of group: String) throws(LogError) -> [NamedPartition: CommittedOffset] {
        // What was committed of a topic that is gone counts for nobody.
        try reading { $0.groups[group] ?? [:] }.filter { place, offset in
            guard let topic = log.topicID(named: place.topic) else { return false }
            return offset.topic == nil || offset.topic == topic
        }
    }

    /// The partitions of which a group has committed anything, those of topics that are gone among them. Errors: those of reading the topic.
    func places(of group: String) throws(LogError) -> [NamedPartition] { try reading { Array(($0.groups[group] ?? [:]).keys) } }

    /// The groups that have committed anything. Errors: those of reading the topic.
    func groups() throws(LogError) -> [String] { try reading { $0.groups.keys.sorted() } }

    /// Commits offsets of a group, nil taking one back; `completion` is called once it is durable, or with what is wrong.
    func commit(
        _ group: String, _ offsets: [NamedPartition: CommittedOffset?], completion: @escaping @Sendable (LogError?) -> Void
    ) {
        log.commit(Commit([append(group, offsets)])) { result in
            switch result {
            case .success: completion(nil)
            case .failure(let error): completion(error)
            }
        }
    }

    /// The records of such a commit.
    func append(_ group: String, _ offsets: [NamedPartition: CommittedOffset?]) -> Append {
        var records = OutgoingRecords()
        let now = clock.wallMilliseconds()
        for (place, offset) in offsets.sorted(by: { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }) {
            guard let partition = PartitionIndex(exactly: Int64(place.partition)) else { continue }
            let key = OffsetKey(group: group, topic: place.topic, partition: partition)
            let value = offset.map {
                OffsetValue(
                    offset: Offset(clamping: $0.offset), topic: log.topicID(named: place.topic), metadata: $0.metadata, committedAt: now)
            }
            records.append(key: key.encoded, value: value?.encoded, timestamp: now)
        }
        return Append(topic: topic, partition: .first, records: records)
    }
}
