// The built-in log: topics of partitions of segments behind one commit journal. This file holds what its callers' threads share:
// the registry of topics and the queue of work for the writer; `LogWriter` does the writing.
package import Bytes
package import Platform
package import Quantities
import Synchronization

/// Whether a commit is acknowledged when the disk has it or when the operating system has it.
package enum Durability: String, Sendable, CaseIterable {
    /// Survives a power cut.
    case fsync
    /// Survives a crash of the process, not of the machine.
    case os
}

/// How a log is run.
package struct LogOptions: Sendable {
    /// When a commit is acknowledged.
    package var durability: Durability = .fsync
    /// Bytes of journal after which the segments are synced and the journal begins anew.
    package var journalBytes = ByteCount.mebibytes(64)
    /// Commits that are made durable together and have at least this many bytes for a segment go to the segment first, not through
    /// the journal. It costs them a sync of the segment and saves them a second copy.
    package var extentBytes = ByteCount.kibibytes(256)
    /// Appends smaller than this go through the journal in any case. Where commits are not synced, all others go to their segment.
    package var leastExtentBytes = ByteCount.kibibytes(8)
    /// Framed bytes after which a record batch is closed.
    package var batchBytes = ByteCount.kibibytes(256)
    /// Bytes of recent batches kept in memory over all partitions, for readers that follow closely; 0 keeps none that a file has.
    package var tailBytes = ByteCount.mebibytes(64)
    /// Milliseconds between two rounds of retention and compaction.
    package var maintenanceInterval: Int64 = 5_000
    /// Receives failures of background work: cleaning that met damage, a disk that takes no segments or index files, the end of
    /// acknowledging. A lasting failure is reported once, and again only after it has cleared and come back. Runs on the log's threads.
    package var report: @Sendable (LogError) -> Void = { _ in }

    /// The defaults of a server.
    package init() {}

    /// For files in memory: commits are not synced, and the journal is small.
    package static var inMemory: LogOptions {
        var options = LogOptions()
        options.durability = .os
        options.journalBytes = .mebibytes(4)
        return options
    }
}

/// The log on a file system.
package final class SegmentedLog: EventLog {
    struct Topic {
        var metadata: TopicMetadata
        var partitions: [Partition]
    }

    struct Registry {
        var byID: [TopicID: Topic] = [:]
        var byName: [String: TopicID] = [:]

        mutating func insert(_ topic: Topic) {
            byID[topic.metadata.id] = topic
            byName[topic.metadata.name] = topic.metadata.id
        }
    }

    let directory: DataDirectory
    let files: any FileSystem
    let clock: any TimeSource
    let random: any RandomSource
    let options: LogOptions
    /// What the log's threads run on.
    package let scheduler: any Scheduler
    /// What opening found and did.
    package let recoveryNotes: [RecoveryNote]
    /// Names whose topics cannot be served, because their files are damaged; nothing of them was touched.
    let unreadableTopics: Set<String>
    /// Whether opening found directories with segments that belong to no topic: each new topic is held against them.
    let hasLeftPartitions: Bool

    let registry: Mutex<Registry>
    let order = Monitor(CommitOrder())
    /// Whether the cleaner's thread is to end.
    private let isOver = Monitor(false)
    private let receivers = Mutex(Receivers())
    let writer: LogWriter
    private let threads = Mutex<[any RunningThread]>([])

    /// Opens the log in `directory`, which is made when absent, and brings it back to its last durable commit. Errors:
    /// `directoryInUse`, `diskFull`, `storage`. Damage is no error here: what is sound is served, `recoveryNotes` tell the rest.
    /// Its threads are those of `scheduler`; they end when the log is closed or released.
    package init(
        directory path: String, files: any FileSystem, clock: any TimeSource, random: any RandomSource,
        options: LogOptions = LogOptions(), scheduler: any Scheduler = HostScheduler()
    ) throws(LogError) {
        directory = DataDirectory(root: path)
        self.files = files
        self.clock = clock
        self.random = random
        self.options = options
        self.scheduler = scheduler
        let recovery = Recovery(directory: directory, files: files, now: clock.wallMilliseconds(), durability: options.durability)
        let recovered = try recovery.run()
        recoveryNotes = recovered.notes
        unreadableTopics = recovered.unreadableTopics
        hasLeftPartitions = recovered.hasLeftPartitions
        registry = Mutex(recovered.registry)
        writer = LogWriter(recovered, directory: directory, files: files, options: options)
        writer.log = self
        try startThreads()
    }

    private func startThreads() throws(LogError) {
        try translating { () throws(SystemError) in
            let (order, isOver, interval) = (order, isOver, options.maintenanceInterval)
            let writing = try scheduler.start("log") { [weak self] in SegmentedLog.writeUntilClosed(order) { self } }
            threads.withLock { $0.append(writing) }
            let cleaning = try scheduler.start("log-cleaner") { [weak self] in
                SegmentedLog.maintainUntilClosed(isOver, interval) { self }
            }
            threads.withLock { $0.append(cleaning) }
        }
    }

    deinit {
        order.update { $0.isAbandoned = true }
        isOver.update { $0 = true }
    }

    // MARK: Topics

    package func newTopicID() -> TopicID { TopicID(high: random.next(), low: random.next()) }

    package func createTopics(_ topics: [NewTopic]) throws(LogError) -> [TopicDescription] {
        for topic in topics {
            try checkTopicName(topic.name)
            try topic.config.check()
            guard topic.partitions > 0, topic.partitions <= largestPartitionCount else {
                throw LogError(
                    .invalidTopic,
                    "a topic has 1 to \(largestPartitionCount) partitions, '\(topic.name)' was to have \(topic.partitions)")
            }
        }
        let list = topics.map { TopicMetadata(id: $0.id, name: $0.name, partitionCount: $0.partitions, config: $0.config) }
        return try makeTopics(list).map(describe)
    }

    package func describeTopic(named name: String) -> TopicDescription? {
        let topic = registry.withLock { registry in registry.byName[name].flatMap { registry.byID[$0] } }
        return topic.map(describe)
    }

    package func describeTopic(_ topic: TopicID) -> TopicDescription? {
        registry.withLock { $0.byID[topic] }.map(describe)
    }

    package func topicID(named name: String) -> TopicID? { registry.withLock { $0.byName[name] } }

    package func partitionCount(of topic: TopicID) -> Int? { registry.withLock { $0.byID[topic]?.partitions.count } }

    package func describeTopics() -> [TopicDescription] {
        registry.withLock { Array($0.byID.values) }.map(describe).sorted { $0.name < $1.name }
    }

    func describe(_ topic: Topic) -> TopicDescription {
        TopicDescription(
            id: topic.metadata.id, name: topic.metadata.name, config: topic.metadata.config,
            partitions: topic.partitions.map(\.description))
    }

    // MARK: Reading

    package func bounds(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> PartitionBounds {
        try find(topic, partition).bounds
    }

    package func fetch(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment
    ) throws(LogError) -> RecordRun {
        try find(topic, partition).fetch(from: offset, maxBytes: maxBytes, upTo: moment)
    }

    package func fetchBatches(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, _ isolation: Isolation
    ) throws(LogError) -> FetchedBatches {
        try find(topic, partition).fetchBatches(from: offset, maxBytes: maxBytes, isolation)
    }

    package func producers(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> [ProducerDescription] {
        let table = try find(topic, partition).state.withLock { $0.producers }
        return table.producers.sorted { $0.key < $1.key }.map { id, producer in
            ProducerDescription(
                id: id, epoch: producer.epoch, lastSequence: producer.recent.last?.lastSequence ?? -1,
                transactionStart: table.transactions.open[id])
        }
    }

    package func release(_ topic: TopicID, partition: PartitionIndex, before offset: Offset) {
        let known = registry.withLock { $0.byID[topic] }
        guard let known, known.partitions.indices.contains(partition.index) else { return }
        known.partitions[partition.index].state.withLock { $0.released = max($0.released, min(offset, $0.durableEnd)) }
    }

    package func compactedEnd(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> Offset {
        try find(topic, partition).compactedEnd()
    }

    package func offset(of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64) throws(LogError) -> Offset? {
        try find(topic, partition).place(atOrAfter: timestamp, .readCommitted, leavesOutAborted: true)?.offset
    }

    package func timedPlace(
        of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64, _ isolation: Isolation
    ) throws(LogError) -> TimedPlace? {
        try find(topic, partition).place(atOrAfter: timestamp, isolation, leavesOutAborted: false)
    }

    func find(_ topic: TopicID, _ partition: PartitionIndex) throws(LogError) -> Partition {
        let found: Partition?? = registry.withLock { registry in
            guard let topic = registry.byID[topic] else { return nil }
            return .some(topic.partitions.indices.contains(partition.index) ? topic.partitions[partition.index] : nil)
        }
        guard let known = found else { throw unknown(topic) }
        guard let partition = known else {
            throw LogError(.unknownPartition, "topic \(topic) has no partition \(partition)")
        }
        return partition
    }

    func unknown(_ topic: TopicID) -> LogError {
        LogError(.unknownTopic, "there is no topic with the id \(topic)", hint: "It was deleted, or deleted and created again.")
    }

    // MARK: News

    private struct Receivers {
        typealias List = [(number: UInt64, receive: @Sendable (LogNews) -> Void)]
        var last: UInt64 = 0
        /// Those for all topics.
        var general: List = []
        var byTopic: [TopicID: List] = [:]
        /// Whose news a subscription is for.
        var topics: [UInt64: TopicID] = [:]
    }

    package func subscribe(_ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription {
        receivers.withLock { receivers in
            receivers.last += 1
            receivers.general.append((receivers.last, receiver))
            return NewsSubscription(number: receivers.last)
        }
    }

    package func subscribe(to topic: TopicID, _ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription {
        receivers.withLock { receivers in
            receivers.last += 1
            receivers.byTopic[topic, default: []].append((receivers.last, receiver))
            receivers.topics[receivers.last] = topic
            return NewsSubscription(number: receivers.last)
        }
    }

    package func unsubscribe(_ subscription: NewsSubscription) {
        receivers.withLock { receivers in
            guard let topic = receivers.topics.removeValue(forKey: subscription.number) else {
                return receivers.general.removeAll { $0.number == subscription.number }
            }
            receivers.byTopic[topic]?.removeAll { $0.number == subscription.number }
            if receivers.byTopic[topic]?.isEmpty == true { receivers.byTopic[topic] = nil }
        }
    }

    /// Tells the subscribers of these partitions where they end now. One look at the subscribers for all of them.
    func notify(_ partitions: [Partition]) {
        let (general, byTopic) = receivers.withLock { ($0.general, $0.byTopic) }
        for partition in partitions {
            let own = byTopic[partition.topic] ?? []
            if general.isEmpty && own.isEmpty { continue }
            let news = partition.news
            for receiver in general { receiver.receive(news) }
            for receiver in own { receiver.receive(news) }
        }
    }

    // MARK: Threads

    var isOnWriterThread: Bool {
        threads.withLock { $0.first?.isCurrent ?? false }
    }

    package func close() {
        let isFirst = order.update { order in
            defer { order.isClosing = true }
            return !order.isClosing
        }
        guard isFirst else { return }
        isOver.update { $0 = true }
        for thread in threads.withLock({ $0 }) { thread.join() }
        threads.withLock { $0.removeAll() }
        order.update { $0.refusal = $0.refusal ?? LogError(.closed, "the log is closed") }
    }
}
