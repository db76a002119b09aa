// The coordinator of transactions. Each change of a transactional id is one commit of the log, which all of its parts share: at the end of a
// transaction these are the markers in all partitions, the committed offsets and the new state. So a crash leaves all of it or nothing, and there is
// nothing to be completed at the next start.
//
// Who has been shut out may still have batches on their way. They are commits on behalf of a run of their transaction (`EventLog.beginEpoch`), which
// is ended before the markers are written: a batch comes before its marker, or not at all.

import Bytes
import LogStore
import Platform
import Quantities
import Synchronization

/// All transactional ids.
final class TransactionCoordinator: Sendable {
    /// Milliseconds that a transaction may be open at most (`transaction.max.timeout.ms`).
    static let longestTransaction: Int32 = 900_000
    /// Milliseconds after which an id that is not used is forgotten (`transactional.id.expiration.ms`).
    static let idleLimit: Int64 = 604_800_000
    /// Ids at once: what clients can make others hold.
    static let mostIDs = 10_000

    struct Entry {
        var state: TransactionState
        /// The log's number of the run of an open transaction.
        var run: Int64?
        /// A change is on its way to the disk.
        var isChanging = false
    }

    /// What one request makes of an id.
    struct Change: Sendable {
        var next: TransactionState
        /// Whether the open transaction is ended, and how.
        var ends: Bool?
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let log: any EventLog
    private let offsets: GroupOffsets
    private let clock: any TimeSource
    private let random: any RandomSource
    private let lines: BrokerLines

    /// Takes over what an earlier start has left. Errors: those of reading it.
    init(
        _ log: any EventLog, _ offsets: GroupOffsets, clock: any TimeSource, random: any RandomSource, lines: BrokerLines
    ) throws(LogError) {
        (self.log, self.offsets, self.clock, self.random, self.lines) = (log, offsets, clock, random, lines)
        guard let topic = log.topicID(named: transactionStateTopic) else { return }
        var found: [String: TransactionState] = [:]
        try readAll(of: log, PartitionKey(topic: topic, partition: .first)) { run in
            for index in 0..<run.count {
                guard let id = run.bytes(of: run.keys[index]).flatMap({ TransactionRecords.id($0) }) else { continue }
                found[id] = run.bytes(of: run.values[index]).flatMap { TransactionRecords.state($0) }
            }
        }
        entries.withLock { [found] entries in
            for (id, state) in found {
                entries[id] = Entry(state: state, run: state.phase == .ongoing ? log.beginEpoch(of: TransactionCoordinator.group(id)) : nil)
            }
        }
    }

    var now: Int64 { clock.wallMilliseconds() }

    private static func group(_ id: String) -> String { "transaction of " + id }

    // MARK: Changing

    /// Changes an id as `decide` says and calls `completion` once that is durable, or with why not. `decide` gives nil where nothing is to
    /// change.
    func change(
        _ id: String, completion: @escaping @Sendable (Result<TransactionState, KafkaError>) -> Void,
        _ decide: (TransactionState?) -> Result<Change?, KafkaError>
    ) {
        let decided = entries.withLock { entries -> Result<(Change, from: TransactionState?)?, KafkaError> in
            if entries[id]?.isChanging == true { return .failure(.concurrentTransactions) }
            let before = entries[id]?.state
            switch decide(before) {
            case .failure(let error): return .failure(error)
            case .success(nil): return .success(nil)
            case .success(let change?):
                if before == nil, entries.count >= TransactionCoordinator.mostIDs { return .failure(.coordinatorNotAvailable) }
                entries[id, default: Entry(state: change.next)].isChanging = true
                // From here on nothing more gets into the transaction that ends.
                if change.ends != nil { log.endEpoch(of: TransactionCoordinator.group(id)) }
                return .success((change, from: before))
            }
        }
        switch decided {
        case .failure(let error): completion(.failure(error))
        case .success(nil):
            guard let state = entries.withLock({ $0[id]?.state }) else { return completion(.failure(.invalidProducerIDMapping)) }
            completion(.success(state))
        case .success(let (change, before)?): carryOut(change, id, before, completion)
        }
    }

    private func carryOut(
        _ change: Change, _ id: String, _ before: TransactionState?, _ completion: @escaping @Sendable (Result<TransactionState, KafkaError>) -> Void
    ) {
        let commit: Commit
        do throws(LogError) { commit = try self.commit(of: change, id, before) } catch {
            return finish(id, change, before, error, completion)
        }
        log.commit(commit) { [self] result in
            switch result {
            case .success: finish(id, change, before, nil, completion)
            case .failure(let error): finish(id, change, before, error, completion)
            }
        }
    }

    /// All of a change.
    private func commit(of change: Change, _ id: String, _ before: TransactionState?) throws(LogError) -> Commit {
        var appends: [Append] = []
        if let isCommit = change.ends, let before {
            for place in before.partitions.sorted(by: { ($0.topic, $0.partition) < ($1.topic, $1.partition) }) {
                // Of a topic that has been removed there is nothing to end.
                guard let topic = log.topicID(named: place.topic), let partition = PartitionIndex(exactly: Int64(place.partition)),
                    partition.index < log.partitionCount(of: topic) ?? 0
                else { continue }
                appends.append(
                    Append(
                        endOf: before.producer, epoch: change.next.producer == before.producer ? change.next.epoch : before.epoch,
                        isCommit: isCommit, topic: topic, partition: partition, timestamp: now))
            }
            if isCommit {
                for (group, committed) in before.offsets.sorted(by: { $0.key < $1.key }) where !committed.isEmpty {
                    appends.append(offsets.append(group, committed.mapValues { $0 }))
                }
            }
        }
        appends.append(try record(id, TransactionRecords.value(change.next)))
        return Commit(appends)
    }

    private func record(_ id: String, _ value: [UInt8]?) throws(LogError) -> Append {
        var records = OutgoingRecords()
        records.append(key: TransactionRecords.key(id), value: value, timestamp: now)
        return Append(topic: try stateTopic(), partition: .first, records: records)
    }

    /// The topic that keeps the states, which the first transactional producer makes.
    private func stateTopic() throws(LogError) -> TopicID {
        if let known = log.topicID(named: transactionStateTopic) { return known }
        do throws(LogError) { return try log.createTopic(transactionStateTopic, partitions: 1, config: .compacted).id } catch {
            // Another producer may have been faster.
            if let known = log.topicID(named: transactionStateTopic) { return known }
            throw error
        }
    }

    private func finish(
        _ id: String, _ change: Change, _ before: TransactionState?, _ error: LogError?,
        _ completion: @Sendable (Result<TransactionState, KafkaError>) -> Void
    ) {
        entries.withLock { entries in
            guard error == nil || before != nil else { return entries[id] = nil }
            let state = error == nil ? change.next : before
            entries[id]?.isChanging = false
            if let state { entries[id]?.state = state }
            let isOpen = state?.phase == .ongoing
            let isRunOver = change.ends != nil || entries[id]?.run == nil
            if !isOpen { entries[id]?.run = nil } else if isRunOver { entries[id]?.run = log.beginEpoch(of: TransactionCoordinator.group(id)) }
        }
        guard let error else { return completion(.success(change.next)) }
        lines.warn("kafka_transaction", "'\(id)': \(error.message)")
        // A topic may have been removed in between: the same again goes well.
        completion(.failure(error.kind == .unknownTopic ? .coordinatorNotAvailable : KafkaError(error)))
    }

    // MARK: Looking

    /// On whose behalf the batch of a producer is appended to a partition, or why it is not.
    func owner(of id: String, producer: Int64, epoch: Int16, _ place: NamedPartition) -> Result<CommitOwner, KafkaError> {
        entries.withLock { entries in
            guard let entry = entries[id] else { return .failure(.invalidProducerIDMapping) }
            if let problem = entry.state.problem(producer: producer, epoch: epoch) {
                return .failure(problem == .producerFenced ? .invalidProducerEpoch : problem)
            }
            guard entry.state.partitions.contains(place), let run = entry.run else { return .failure(.invalidTransactionState) }
            return .success(CommitOwner(group: TransactionCoordinator.group(id), epoch: run))
        }
    }

    /// The partitions of which a transaction that is open may yet commit offsets of a group.
    func pending(of group: String) -> Set<NamedPartition> {
        entries.withLock { entries in
            entries.values.reduce(into: []) { places, entry in
                if let offsets = entry.state.offsets[group] { places.formUnion(offsets.keys) }
            }
        }
    }

    /// The state of an id; nil where it is not known.
    func state(_ id: String) -> TransactionState? { entries.withLock { $0[id]?.state } }

    /// All ids with their states.
    func states() -> [String: TransactionState] { entries.withLock { $0.mapValues(\.state) } }

    /// A producer id that nobody has: random, so that none is given twice, also over restarts.
    func newProducer() -> Int64 { Int64(random.next() >> 1) }

    // MARK: Time

    /// Aborts what has been open too long, and forgets ids that nobody uses; whether anything waits for a time.
    func tick() -> Bool {
        let now = now
        let (late, idle, isNeeded) = entries.withLock { entries in
            var (late, idle, isNeeded): ([String], [String], Bool) = ([], [], false)
            for (id, entry) in entries {
                let state = entry.state
                isNeeded = isNeeded || state.phase == .ongoing
                if entry.isChanging { continue }
                if let deadline = state.deadline {
                    if deadline <= now { late.append(id) }
                } else if now - state.updatedAt >= TransactionCoordinator.idleLimit {
                    idle.append(id)
                }
            }
            return (late, idle, isNeeded)
        }
        for id in late {
            change(id, completion: { _ in }) { state in
                guard var next = state, next.deadline.map({ $0 <= now }) ?? false else { return .success(nil) }
                lines.warn("kafka_transaction", "'\(id)': the transaction was open for \(next.timeout) ms and is aborted")
                next.end(isCommit: false, now: now)
                next.fence(newProducer: newProducer())
                return .success(Change(next: next, ends: false))
            }
        }
        for id in idle { forget(id) }
        return isNeeded
    }

    private func forget(_ id: String) {
        let isFree = entries.withLock { entries -> Bool in
            guard let entry = entries[id], !entry.isChanging, entry.state.phase != .ongoing else { return false }
            // Until the log has forgotten it, too: else a new state could come before the record that removes it.
            entries[id]?.isChanging = true
            return true
        }
        guard isFree else { return }
        guard let append = try? record(id, nil) else { return entries.withLock { $0[id]?.isChanging = false } }
        log.commit(Commit([append])) { [self] result in
            entries.withLock { entries in
                if case .success = result { entries[id] = nil } else { entries[id]?.isChanging = false }
            }
        }
    }
}
