import Bytes
import LogStore
import Pipelines
import Platform
import Quantities
import TestSupport

/// A log in memory that does what a test says: it appends, withdraws, delays completions and refuses commits with any error. Commits are
/// placed at once and completed at once, until `holdsCompletions` is set; then they wait for `complete`.
final class ScriptedLog: EventLog {
    struct Record: Equatable {
        var key: [UInt8]?
        var value: [UInt8]?
        var timestamp: Int64
    }

    /// A commit as the log took it.
    struct Taken {
        var commit: Commit
        var receipt: CommitReceipt
        /// The ends of the partitions before it.
        var ends: [PartitionKey: Int]
    }

    private struct Pending: Sendable {
        var commit: Commit
        var receipt: CommitReceipt
        var completion: @Sendable (Result<CommitReceipt, LogError>) -> Void
        var ends: [PartitionKey: Int]
    }

    private struct State {
        var topics: [String: TopicDescription] = [:]
        var records: [PartitionKey: [Record]] = [:]
        var durable: [PartitionKey: Int] = [:]
        var generation: UInt64 = 1
        var epochs: [String: Int64] = [:]
        var lastEpoch: Int64 = 0
        var starts: [PartitionKey: Offset] = [:]
        var holds = false
        var pending: [Pending] = []
        var refusals: [LogError] = []
        var fetchFaults: [LogError] = []
        var commits: [Commit] = []
        var refused: [LogError] = []
        var readers: [UInt64: @Sendable (LogNews) -> Void] = [:]
        var beforeFetch: (@Sendable (TopicID) -> Void)?
        var nextTopic: UInt64 = 1
    }

    private let state = Monitor(State())

    // MARK: Script

    /// Adds a topic.
    @discardableResult func addTopic(_ name: String, id: TopicID? = nil, partitions: Int = 1) -> TopicID {
        let id = id ?? newTopicID()
        return state.update { state in
            state.topics[name] = TopicDescription(
                id: id, name: name, config: TopicConfig(),
                partitions: (0..<partitions).map { _ in
                    PartitionDescription(bounds: PartitionBounds(start: 0, appendedEnd: 0, durableEnd: 0), byteCount: 0, segmentCount: 1, damage: nil)
                })
            return id
        }
    }

    /// Appends records as another writer would; not durable until `makeDurable`.
    func append(_ topic: TopicID, _ values: [String], partition: PartitionIndex = 0, durably: Bool = true) {
        let key = PartitionKey(topic: topic, partition: partition)
        state.update { state in
            for value in values { state.records[key, default: []].append(Record(key: nil, value: Array(value.utf8), timestamp: 0)) }
            if durably { state.durable[key] = state.records[key]?.count ?? 0 }
        }
        notify([key])
    }

    /// Takes back what is not durable, and fails the commits that wait.
    func withdraw(_ error: LogError = LogError(.withdrawn, "withdrawn")) {
        let (keys, pending) = state.update { state -> ([PartitionKey], [Pending]) in
            for key in state.records.keys { state.records[key] = Array((state.records[key] ?? []).prefix(state.durable[key] ?? 0)) }
            state.generation += 1
            defer { state.pending = [] }
            return (Array(state.records.keys), state.pending)
        }
        for commit in pending { commit.completion(.failure(error)) }
        notify(keys)
    }

    /// From now on commits wait for `complete`.
    func holdCompletions() { state.update { $0.holds = true } }

    /// Completes the commits that wait, and those that come, in their order.
    func complete() {
        func next() -> Pending? {
            state.update { state in
                if state.pending.isEmpty { state.holds = false }
                return state.pending.isEmpty ? nil : state.pending.removeFirst()
            }
        }
        while let commit = next() { finish(commit) }
    }

    /// The next commits are refused with these errors, one each.
    func refuse(_ errors: [LogError]) { state.update { $0.refusals += errors } }
    /// The next fetches fail with these errors, one each.
    func failFetches(_ errors: [LogError]) { state.update { $0.fetchFaults += errors } }
    /// Called before each fetch.
    func setBeforeFetch(_ body: (@Sendable (TopicID) -> Void)?) { state.update { $0.beforeFetch = body } }

    /// The commits that were taken, refused ones left out.
    var commits: [Commit] { state.withLock { $0.commits } }
    var refused: [LogError] { state.withLock { $0.refused } }
    func values(_ topic: TopicID, partition: PartitionIndex = 0) -> [String] {
        state.withLock { state in
            (state.records[PartitionKey(topic: topic, partition: partition)] ?? []).map { String(decoding: $0.value ?? [], as: UTF8.self) }
        }
    }

    /// Waits until this holds of the values of a topic; whether it came to that within ten seconds.
    func wait(_ topic: TopicID, partition: PartitionIndex = 0, until holds: ([String]) -> Bool) -> Bool {
        let key = PartitionKey(topic: topic, partition: partition)
        func test(_ state: borrowing State) -> Bool { holds((state.records[key] ?? []).map { String(decoding: $0.value ?? [], as: UTF8.self) }) }
        return state.wait(nanoseconds: 10_000_000_000, until: { test($0) }, then: { test($0) })
    }

    /// Waits until a topic has so many records; whether it came to that within a minute.
    func wait(_ topic: TopicID, records count: Int) -> Bool {
        let key = PartitionKey(topic: topic, partition: 0)
        func test(_ state: borrowing State) -> Bool { (state.records[key]?.count ?? 0) >= count }
        return state.wait(nanoseconds: 60_000_000_000, until: { test($0) }, then: { test($0) })
    }

    /// Waits until so many commits are under way.
    func waitForPending(_ count: Int) -> Bool {
        state.wait(nanoseconds: 10_000_000_000, until: { $0.pending.count >= count }, then: { $0.pending.count >= count })
    }

    /// Waits until so many commits were refused.
    func waitForRefusals(_ count: Int) -> Bool {
        state.wait(nanoseconds: 10_000_000_000, until: { $0.refused.count >= count }, then: { $0.refused.count >= count })
    }

    // MARK: The door

    func newTopicID() -> TopicID {
        state.update { state in
            defer { state.nextTopic += 1 }
            return TopicID(high: 7, low: state.nextTopic)
        }
    }

    func createTopics(_ topics: [NewTopic]) throws(LogError) -> [TopicDescription] {
        for topic in topics { addTopic(topic.name, id: topic.id, partitions: topic.partitions) }
        return topics.compactMap { describeTopic(named: $0.name) }
    }

    func alterTopic(_ topic: TopicID, config: TopicConfig) throws(LogError) {}
    func deleteTopic(_ topic: TopicID) throws(LogError) {
        state.update { state in state.topics = state.topics.filter { $0.value.id != topic } }
    }

    func describeTopic(named name: String) -> TopicDescription? { state.withLock { $0.topics[name] } }
    func describeTopic(_ topic: TopicID) -> TopicDescription? { state.withLock { $0.topics.values.first { $0.id == topic } } }
    func describeTopics() -> [TopicDescription] { state.withLock { $0.topics.values.sorted { $0.name < $1.name } } }

    func bounds(of topic: TopicID, partition: PartitionIndex) throws(LogError) -> PartitionBounds {
        let key = PartitionKey(topic: topic, partition: partition)
        return state.withLock { state in
            PartitionBounds(start: state.starts[key] ?? 0, appendedEnd: place(state.records[key]?.count), durableEnd: place(state.durable[key]))
        }
    }

    func fetch(
        _ topic: TopicID, partition: PartitionIndex, from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment
    ) throws(LogError) -> RecordRun {
        state.withLock { $0.beforeFetch }?(topic)
        let key = PartitionKey(topic: topic, partition: partition)
        let result = state.update { state -> Result<RecordRun, LogError> in
            if !state.fetchFaults.isEmpty { return .failure(state.fetchFaults.removeFirst()) }
            let all = state.records[key] ?? []
            let end = moment == .durable ? min(state.durable[key] ?? 0, all.count) : all.count
            if offset > place(end) { return .failure(LogError(.offsetBeyondEnd(end: place(end)), "beyond the end")) }
            var records = OutgoingRecords()
            for record in all[Int(offset.count)..<end] { records.append(key: record.key, value: record.value, timestamp: record.timestamp) }
            let run = records.asRun
            return .success(
                RecordRun(
                    bytes: run.bytes, keys: run.keys, values: run.values, headers: run.headers, timestamps: run.timestamps,
                    offsets: run.offsets.map { $0 + offset.count }, nextOffset: place(end), isAtEnd: true))
        }
        return try result.get()
    }

    /// The records of a partition begin where their reader has said.
    func release(_ topic: TopicID, partition: PartitionIndex, before offset: Offset) {
        state.update { $0.starts[PartitionKey(topic: topic, partition: partition)] = offset }
    }

    func offset(of topic: TopicID, partition: PartitionIndex, atOrAfter timestamp: Int64) throws(LogError) -> Offset? { nil }

    func commit(_ commit: Commit, completion: @escaping @Sendable (Result<CommitReceipt, LogError>) -> Void) {
        let outcome = state.update { state -> Result<(Pending, isHeld: Bool), LogError> in
            if let refusal = refusal(of: commit, &state) {
                state.refused.append(refusal)
                return .failure(refusal)
            }
            var receipt = CommitReceipt(baseOffsets: [], wereRepeats: [])
            var ends: [PartitionKey: Int] = [:]
            for append in commit.appends {
                let key = PartitionKey(topic: append.topic, partition: append.partition)
                let run = append.records.asRun
                receipt.baseOffsets.append(place(state.records[key]?.count))
                receipt.wereRepeats.append(false)
                for index in 0..<run.count {
                    state.records[key, default: []].append(
                        Record(key: run.bytes(of: run.keys[index]), value: run.bytes(of: run.values[index]), timestamp: run.timestamps[index]))
                }
                ends[key] = state.records[key]?.count ?? 0
            }
            state.commits.append(commit)
            let pending = Pending(commit: commit, receipt: receipt, completion: completion, ends: ends)
            if state.holds { state.pending.append(pending) }
            return .success((pending, state.holds))
        }
        switch outcome {
        case .failure(let error): completion(.failure(error))
        case .success(let (pending, isHeld)):
            notify(Array(pending.ends.keys))
            // A held one is for `complete`, which may have had it already: nothing is completed twice.
            if !isHeld { finish(pending) }
        }
    }

    private func refusal(of commit: Commit, _ state: inout State) -> LogError? {
        for owner in commit.owners where state.epochs[owner.group] != owner.epoch { return LogError(.fencedOwner, "fenced") }
        if let generation = commit.generation, generation != state.generation { return LogError(.withdrawn, "withdrawn") }
        if !commit.appends.isEmpty, !state.refusals.isEmpty { return state.refusals.removeFirst() }
        return nil
    }

    private func finish(_ pending: Pending) {
        state.update { state in
            for (key, end) in pending.ends { state.durable[key] = max(end, state.durable[key] ?? 0) }
        }
        pending.completion(.success(pending.receipt))
        notify(Array(pending.ends.keys))
    }

    private func notify(_ keys: [PartitionKey]) {
        let (readers, news) = state.withLock { state in
            (
                Array(state.readers.values),
                keys.map {
                    LogNews(
                        topic: $0.topic, partition: $0.partition, appendedEnd: place(state.records[$0]?.count),
                        durableEnd: place(state.durable[$0]))
                }
            )
        }
        for reader in readers { for news in news { reader(news) } }
    }

    var generation: UInt64 { state.withLock { $0.generation } }

    func beginEpoch(of group: String) -> Int64 {
        state.update { state in
            state.lastEpoch += 1
            state.epochs[group] = state.lastEpoch
            return state.lastEpoch
        }
    }

    func endEpoch(of group: String) { state.update { $0.epochs[group] = nil } }

    func subscribe(_ receiver: @escaping @Sendable (LogNews) -> Void) -> NewsSubscription {
        state.update { state in
            let number = UInt64(state.readers.count + 1)
            state.readers[number] = receiver
            return NewsSubscription(number: number)
        }
    }

    func unsubscribe(_ subscription: NewsSubscription) { state.update { $0.readers[subscription.number] = nil } }
    func close() {}
}

/// The offset behind so many records.
private func place(_ count: Int?) -> Offset { .first + Int64(count ?? 0) }
