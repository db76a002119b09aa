// The built-in log: topics of partitions of segments behind one commit journal. This file holds what its callers' threads share:
// the registry of topics and the queue of work for the writer; `LogWriter` does the writing.
package import Bytes
package import Platform
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
    package var journalBytes: Int64 = 64 << 20
    /// Appends of at least this many bytes go to their segment first, not through the journal. It costs them a sync of the
    /// segment and saves them a second copy.
    package var extentBytes = 256 << 10
    /// The same where commits are not synced, and only the copy counts.
    package var extentBytesWithoutSync = 8 << 10
    /// Framed bytes after which a record batch is closed.
    package var batchBytes = 256 << 10
    /// Bytes of recent batches kept in memory over all partitions, for readers that follow closely; 0 keeps none that a file has.
    package var tailBytes = 64 << 20
    /// With false there are no threads: whoever commits does the writing, and `maintain` is never called by itself. For tests
    /// and for logs in memory.
    package var hasOwnThreads = true
    /// Milliseconds between two rounds of retention and compaction.
    package var maintenanceInterval: Int64 = 60_000
    /// Told of what went wrong behind the callers' backs: cleaning that met damage, a disk that takes no segments, the end of
    /// acknowledging. Each once, until it was well in between. Runs on the log's threads.
    package var report: @Sendable (LogError) -> Void = { _ in }

    /// The defaults of a server.
    package init() {}

    /// For files in memory: no threads, a small journal.
    package static var inMemory: LogOptions {
        var options = LogOptions()
        options.durability = .os
        options.hasOwnThreads = false
        options.journalBytes = 4 << 20
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
    /// What opening found and did.
    package let recoveryNotes: [RecoveryNote]
    /// Names whose topics cannot be served, because their files are damaged; nothing of them was touched.
    let unreadableTopics: Set<String>

    let registry: Mutex<Registry>
    let order = Monitor(CommitOrder())
    private let receivers = Mutex<(next: UInt64, all: [(UInt64, @Sendable (LogNews) -> Void)])>((0, []))
    let writer: LogWriter
    private let threads = Mutex<[WorkerThread]>([])

    /// Opens the log in `directory`, which is made when absent, and brings it back to its last durable commit. Errors:
    /// `directoryInUse`, `diskFull`, `storage`. Damage is no error here: what is sound is served, `recoveryNotes` tell the rest.
    package init(
        directory path: String, files: any FileSystem, clock: any TimeSource, random: any RandomSource,
        options: LogOptions = LogOptions()
    ) throws(LogError) {
        directory = DataDirectory(root: path)
        self.files = files
        self.clock = clock
        self.random = random
        self.options = options
        let recovery = Recovery(directory: directory, files: files, now: clock.wallMilliseconds())
        let recovered = try recovery.run()
        recoveryNotes = recovered.notes
        unreadableTopics = recovered.unreadableTopics
        registry = Mutex(recovered.registry)
        writer = LogWriter(recovered, directory: directory, files: files, options: options)
        writer.log = self
        if options.hasOwnThreads { try startThreads() }
    }

    private func startThreads() throws(LogError) {
        try translating { () throws(SystemError) in
            let writing = try WorkerThread.start("log") { [self] in writeUntilClosed() }
            threads.withLock { $0.append(writing) }
            let cleaning = try WorkerThread.start("log-cleaner") { [self] in maintainUntilClosed() }
            threads.withLock { $0.append(cleaning) }
        }
    }

    // MARK: Topics

    package func createTopic(_ name: String, partitions: Int, config: TopicConfig) throws(LogError) -> TopicDescription {
        try checkTopicName(name)
        try config.check()
        guard partitions > 0, partitions <= largestPartitionCount else {
            throw LogError(
                .invalidTopic, "a topic has 1 to \(largestPartitionCount) partitions, '\(name)' was to have \(partitions)")
        }
        let id = TopicID(high: random.next(), low: random.next())
        let metadata = TopicMetadata(id: id, name: name, partitionCount: partitions, config: config)
        try onWriter { writer throws(LogError) in try writer.createTopic(metadata) }
        guard let description = describeTopic(id) else { throw unknown(id) }
        return description
    }

    package func alterTopic(_ topic: TopicID, config: TopicConfig) throws(LogError) {
        try config.check()
        try onWriter { writer throws(LogError) in try writer.alterTopic(topic, config) }
    }

    package func deleteTopic(_ topic: TopicID) throws(LogError) {
        try onWriter { writer throws(LogError) in try writer.deleteTopic(topic) }
    }

    package func describeTopic(named name: String) -> TopicDescription? {
        let topic = registry.withLock { registry in registry.byName[name].flatMap { registry.byID[$0] } }
        return topic.map(describe)
    }

    package func describeTopic(_ topic: TopicID) -> TopicDescription? {
        registry.withLock { $0.byID[topic] }.map(describe)
    }

    package func describeTopics() -> [TopicDescription] {
        registry.withLock { Array($0.byID.values) }.map(describe).sorted { $0.name < $1.name }
    }

    private func describe(_ topic: Topic) -> TopicDescription {
        TopicDescription(
            id: topic.metadata.id, name: topic.metadata.name, config: topic.metadata.config,
            partitions: topic.partitions.map(\.description))
    }

    // MARK: Reading

    package func bounds(of topic: TopicID, partition: Int) throws(LogError) -> PartitionBounds {
        try find(topic, partition).bounds
    }

    package func fetch(
        _ topic: TopicID, partition: Int, from offset: Int64, maxBytes: Int, upTo moment: LogMoment
    ) throws(LogError) -> RecordRun {
        try find(topic, partition).fetch(from: offset, maxBytes: maxBytes, upTo: moment)
    }

    package func offset(of topic: TopicID, partition: Int, atOrAfter timestamp: Int64) throws(LogError) -> Int64? {
        try find(topic, partition).offset(atOrAfter: timestamp)
    }

    func find(_ topic: TopicID, _ partition: Int) throws(LogError) -> Partition {
        let found: Partition?? = registry.withLock { registry in
            guard let topic = registry.byID[topic] else { return nil }
            return .some(topic.partitions.indices.contains(partition) ? topic.partitions[partition] : nil)
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

    package func subscribe(_ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription {
        receivers.withLock { receivers in
            receivers.next += 1
            receivers.all.append((receivers.next, receiver))
            return NewsSubscription(number: receivers.next)
        }
    }

    package func unsubscribe(_ subscription: NewsSubscription) {
        receivers.withLock { $0.all.removeAll { $0.0 == subscription.number } }
    }

    func tell(_ partitions: [Partition]) {
        let all = receivers.withLock { $0.all }
        if all.isEmpty { return }
        for partition in partitions {
            let news = partition.news
            for (_, receiver) in all { receiver(news) }
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
        if options.hasOwnThreads {
            for thread in threads.withLock({ $0 }) { thread.join() }
            threads.withLock { $0.removeAll() }
        } else {
            drain()
            writer.shutDown()
        }
        order.update { $0.refusal = $0.refusal ?? LogError(.closed, "the log is closed") }
    }
}
