// The interface of the log: everything that other rooms may ask of it. Small on purpose, so that a second implementation
// (Kafka through its client library) fits behind it: no `async`, no open transaction, no segment or file crosses it.
package import Bytes
import Platform
package import Quantities

/// A durable, partitioned log of topics. All calls may come from any thread; none but `commit`, under pressure, and those that
/// make or remove topics waits for the disk to sync.
///
/// Three moments are kept apart. *Appended*: records have their offsets and can be fetched with `.appended`. *Durable*: they
/// survive what the log's durability promises, and can be fetched with `.durable`. *Visible*: shown to a user, which is the
/// business of higher rooms and never happens before durable.
package protocol EventLog: AnyObject, Sendable {
    /// An identity that no topic has, for one that is to be created.
    func newTopicID() -> TopicID

    /// Creates topics with identities from `newTopicID`, all or none, and returns their descriptions once they are durable: that takes
    /// little longer for several than for one. Errors: `topicExists`, `invalidTopic`, `damaged` when there are records of a topic of that
    /// name which has lost its definition, `storage`.
    func createTopics(_ topics: [NewTopic]) throws(LogError) -> [TopicDescription]

    /// Replaces the configuration of a topic. Segments that exist keep their compression.
    func alterTopic(_ topic: TopicID, config: TopicConfig) throws(LogError)

    /// Gives a topic more partitions, which are empty, until it has `count`. Errors: `invalidTopic` for a number that is not larger than the one
    /// of now or that no topic can have, `storage`.
    func addPartitions(to topic: TopicID, until count: Int) throws(LogError)

    /// Removes the records of a partition before `offset` and returns where it begins now; that is durable. Their space is free once all of a
    /// segment is removed. Errors: `offsetBeyondEnd`, `storage`.
    func deleteRecords(of topic: TopicID, partition: PartitionIndex, before offset: Offset) throws(LogError) -> Offset

    /// Removes a topic with all its records. Later calls with its id fail with `unknownTopic`, also when the name is used again.
    func deleteTopic(_ topic: TopicID) throws(LogError)

    /// The topic that has this name now, or nil.
    func describeTopic(named name: String) -> TopicDescription?

    /// The topic with this id, or nil when it never existed or was deleted.
    func describeTopic(_ topic: TopicID) -> TopicDescription?

    /// The identity of the topic that has this name now, or nil. Cheap: nothing is described.
    func topicID(named name: String) -> TopicID?

    /// How many partitions a topic has, or nil when it never existed or was deleted. Cheap.
    func partitionCount(of topic: TopicID) -> Int?

    /// All topics, sorted by name, internal ones included.
    func describeTopics() -> [TopicDescription]

    /// Where one partition starts and ends now; cheap enough to be asked once a batch.
    func bounds(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> PartitionBounds

    /// Reads records from `offset` on, as many whole batches as fit about `maxBytes` and at least one. What a Kafka client wrote in a
    /// transaction is among them once that is committed, and never where it is aborted.
    ///
    /// At the end the run is empty and `isAtEnd`. Errors: `offsetLost` when retention removed the position (it names the lost
    /// range), `offsetBeyondEnd`, `damaged` when the bytes fail their checksum, `unknownTopic`, `unknownPartition`, `storage`.
    func fetch(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment
    ) throws(LogError) -> RecordRun

    /// As `fetch` of what is durable, for who passes record batches on as they are. Those of aborted transactions and their markers are among
    /// them.
    func fetchBatches(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, _ isolation: Isolation
    ) throws(LogError) -> FetchedBatches

    /// The idempotent producers that a partition remembers, by their ids.
    func producers(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> [ProducerDescription]

    /// Gives up the records of a partition before `offset`, which nobody will ask for again. Of a topic with the policy `release`,
    /// maintenance then removes the segments that hold no others; elsewhere nothing happens. The log does not remember it over a start.
    func release(_ topic: TopicID, partition: PartitionIndex, before offset: Offset)

    /// The offset of the first record whose timestamp is at or after `timestamp` (milliseconds since the epoch), or nil when
    /// there is none.
    func offset(of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64) throws(LogError) -> Offset?

    /// The same among all that `fetchBatches` gives with this isolation, and the record's timestamp: records of transactions that were
    /// aborted are there, and without isolation those of open ones.
    func timedPlace(
        of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64, _ isolation: Isolation
    ) throws(LogError) -> TimedPlace?

    /// The offset before which compaction may have removed records that later ones before it replace; the first one when it has not been
    /// at work.
    func compactedEnd(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> Offset

    /// Appends everything in `commit`, all of it or none, after every commit that was taken before.
    ///
    /// `completion` is called exactly once: with the receipt once the commit is durable, or with the error for which none of it
    /// was. It may run on the log's own thread, or on the caller's before this returns; it must be quick and must not wait for
    /// another commit. Waits while too many bytes are on their way to the disk.
    ///
    /// A commit without appends is a barrier: it completes after every commit that was taken before it. A refused commit
    /// (`fencedOwner`, `withdrawn`, a full disk) completes at once.
    func commit(_ commit: Commit, completion: @escaping @Sendable (Result<CommitReceipt, LogError>) -> Void)

    /// The same append with its records in the form in which the log keeps them, so that a commit of many records can be made ready in
    /// steps and is then handed over at once. It can be part of one commit. Errors: those that the commit would give.
    func prepared(_ append: Append) throws(LogError) -> Append

    /// Begins a new run of `group` (a query, a loader) and returns its number, larger than any before. From this moment on commits with
    /// an owner of that group and a smaller number are refused with `fencedOwner`; those taken before are carried out. Numbers live
    /// as long as the open log: after a start no earlier run is left to fence.
    func beginEpoch(of group: String) -> Int64

    /// Ends the run of `group`: until the next `beginEpoch` every commit with an owner of that group is refused with `fencedOwner`.
    func endEpoch(of group: String)

    /// Counts how often appended records were withdrawn because they could not be made durable; see `Commit.generation`.
    var generation: UInt64 { get }

    /// Calls `receiver` whenever an end of a partition moves, until `unsubscribe`. It runs on the log's thread or a
    /// committer's; it must be quick and must not call the log. News of one partition may be joined: only the latest counts.
    func subscribe(_ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription

    /// Like `subscribe`, for the news of one topic alone: commits to other topics cost such a receiver nothing. The end of the topic
    /// is news as well.
    func subscribe(to topic: TopicID, _ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription

    /// Ends a subscription. A call that is under way may still arrive.
    func unsubscribe(_ subscription: NewsSubscription)

    /// Makes what was committed durable, completes it, and closes the files. Later calls fail with `closed`.
    func close()
}

extension EventLog {
    /// Creates a topic with an identity of its own.
    package func createTopic(_ name: String, partitions: Int, config: TopicConfig) throws(LogError) -> TopicDescription {
        try createTopic(NewTopic(name: name, id: newTopicID(), partitions: partitions, config: config))
    }

    /// Creates one topic.
    package func createTopic(_ topic: NewTopic) throws(LogError) -> TopicDescription { try createTopics([topic])[0] }

    /// Leaves the append as it is, for a log that has no form of its own.
    package func prepared(_ append: Append) throws(LogError) -> Append { append }

    /// For logs that no listener serves: nobody asks for it.
    package func addPartitions(to topic: TopicID, until count: Int) throws(LogError) {
        throw LogError(.invalidTopic, "the number of partitions cannot be changed")
    }

    /// For logs that no listener serves: nobody asks for it.
    package func deleteRecords(of topic: TopicID, partition: PartitionIndex, before offset: Offset) throws(LogError) -> Offset {
        throw LogError(.invalidTopic, "records cannot be removed")
    }

    /// For logs that no listener serves: their runs have no batches.
    package func fetchBatches(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, _ isolation: Isolation
    ) throws(LogError) -> FetchedBatches {
        FetchedBatches(run: try fetch(topic, partition: partition, from: offset, maxBytes: maxBytes, upTo: .durable), aborted: [])
    }

    /// For logs that no listener serves: they have no transactions.
    package func timedPlace(
        of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64, _ isolation: Isolation
    ) throws(LogError) -> TimedPlace? {
        try offset(of: topic, partition: partition, atOrAfter: timestamp).map { TimedPlace(offset: $0, timestamp: timestamp) }
    }

    /// For logs that no listener serves.
    package func producers(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> [ProducerDescription] { [] }

    /// For a log that removes nothing.
    package func compactedEnd(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> Offset { .first }

    /// Answers from the whole description; a log that can do better does.
    package func topicID(named name: String) -> TopicID? { describeTopic(named: name)?.id }

    /// Answers from the whole description; a log that can do better does.
    package func partitionCount(of topic: TopicID) -> Int? { describeTopic(topic)?.partitions.count }

    /// Picks the topic's news out of all; a log that can do better does.
    package func subscribe(to topic: TopicID, _ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription {
        subscribe { news in if news.topic == topic { receiver(news) } }
    }
}

extension EventLog {
    /// Commits, and waits until that is durable: not to be called from a completion. Errors: those of the commit.
    package func commitAndWait(_ commit: Commit) throws(LogError) {
        let outcome = Monitor<Result<CommitReceipt, LogError>?>(nil)
        self.commit(commit) { result in outcome.update { $0 = result } }
        if case .failure(let error)? = outcome.wait(until: { $0 != nil }, then: { $0 }) { throw error }
    }
}

/// Calls `body` for everything durable in a partition, from its start to its end.
package func readAll(
    of log: any EventLog, _ partition: PartitionKey, from start: Offset? = nil, _ body: (RecordRun) -> Void
) throws(LogError) {
    let bounds = try log.bounds(of: partition.topic, partition: partition.partition)
    var offset = max(bounds.start, start ?? bounds.start)
    while offset < bounds.durableEnd {
        let run = try log.fetch(partition.topic, partition: partition.partition, from: offset, maxBytes: .mebibytes(1), upTo: .durable)
        body(run)
        if run.nextOffset <= offset { return }
        offset = run.nextOffset
    }
}

/// Record batches as they are stored.
package struct FetchedBatches: Sendable {
    /// Has no records, only `batches`, of which the first may begin before the offset that was asked for.
    package let run: RecordRun
    /// The aborted transactions that some of the batches belong to, by where they begin.
    package let aborted: [AbortedTransaction]

    /// As given.
    package init(run: RecordRun, aborted: [AbortedTransaction]) { (self.run, self.aborted) = (run, aborted) }
}

/// A record by its offset, with its time.
package struct TimedPlace: Hashable, Sendable {
    /// Its offset.
    package let offset: Offset
    /// Milliseconds since the epoch.
    package let timestamp: Int64

    /// As given.
    package init(offset: Offset, timestamp: Int64) { (self.offset, self.timestamp) = (offset, timestamp) }
}

/// A topic that is to be created.
package struct NewTopic: Hashable, Sendable {
    package let name: String
    /// An identity that no other topic has.
    package let id: TopicID
    package let partitions: Int
    package let config: TopicConfig

    package init(name: String, id: TopicID, partitions: Int, config: TopicConfig) {
        self.name = name
        self.id = id
        self.partitions = partitions
        self.config = config
    }
}

/// How far a fetch may see.
package enum LogMoment: Sendable {
    /// Also what is not yet durable. Only for a reader whose own commit follows in the same log, stamped with the `generation`
    /// that the log had when reading began.
    case appended
    /// Only what survives a crash: the one choice for whatever a user sees.
    case durable
}

/// The ends of a partition moved.
package struct LogNews: Hashable, Sendable {
    /// Whose partition it is.
    package let topic: TopicID
    /// Index from 0.
    package let partition: PartitionIndex
    /// As in `PartitionBounds`.
    package let appendedEnd: Offset
    /// As in `PartitionBounds`.
    package let durableEnd: Offset
    /// As in `PartitionBounds`.
    package let highWatermark: Offset

    /// News of one partition.
    package init(topic: TopicID, partition: PartitionIndex, _ bounds: PartitionBounds) {
        self.topic = topic
        self.partition = partition
        appendedEnd = bounds.appendedEnd
        durableEnd = bounds.durableEnd
        highWatermark = bounds.highWatermark
    }

    /// News of a partition without transactions.
    package init(topic: TopicID, partition: PartitionIndex, appendedEnd: Offset, durableEnd: Offset) {
        self.init(topic: topic, partition: partition, PartitionBounds(start: .first, appendedEnd: appendedEnd, durableEnd: durableEnd))
    }
}

/// Names a subscription, for `unsubscribe`.
package struct NewsSubscription: Hashable, Sendable {
    /// Unique within one log.
    package let number: UInt64

    /// For implementations of the log.
    package init(number: UInt64) {
        self.number = number
    }
}
