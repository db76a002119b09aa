// How commits get their order. A committer frames its records on its own thread, then takes the order's lock for as long as it
// takes to hand out offsets: from then on the records can be fetched as appended, and the commit waits in line for the writer.
// So a chain of queries, each reading what the one before has only appended, costs one sync and not one a stage.
import Bytes
import Platform
import Quantities
import Synchronization

/// An append that has its offsets.
struct PlacedAppend {
    var partition: Partition
    var baseOffset: Offset
    var framed: FramedBatches
    var producer: ProducerStamp?
    var step: TransactionStep?

    var recordCount: Int { framed.recordCount }
}

/// A commit in line. It holds the log, so that a commit is carried out also when its committer lets the log go.
struct PendingCommit {
    var log: SegmentedLog
    var appends: [PlacedAppend]
    var byteCount: Int
    var receipt: CommitReceipt
    var completion: @Sendable (Result<CommitReceipt, LogError>) -> Void
}

/// What the writer is asked to do, in order.
enum WriterWork {
    case commit(PendingCommit)
    /// Work that must not run beside commits.
    case exclusive(@Sendable (LogWriter) -> Void)
}

/// The state behind the order's lock.
struct CommitOrder {
    var queue: [WriterWork] = []
    /// Bytes of the commits in line.
    var waitingBytes = 0
    var generation: UInt64 = 0
    /// The newest run of each group that has one.
    var epochs: [String: Int64] = [:]
    /// The number that `beginEpoch` gave last. One count for all groups, so that a group that was forgotten begins above what it had.
    var lastEpoch: Int64 = 0
    /// Why commits are refused from now on.
    var refusal: LogError?
    var isClosing = false
    /// The log is gone without having been closed: its threads end, and what is on the disk is what a crash would leave.
    var isAbandoned = false
    /// Whether segments are being synced for a checkpoint.
    var isCheckpointing = false
    var finishedCheckpoints = 0
    /// Lets one round of maintenance run at a time.
    var isMaintaining = false
    /// Names whose topics are being made, changed or removed.
    var changingNames: Set<String> = []
    /// The topic whose files a round of maintenance is changing: a deletion waits for that to end.
    var topicInMaintenance: TopicID?

    /// Whether the log's threads are to end.
    var isEnding: Bool { isClosing || isAbandoned }

    /// Committers wait while more than this is in line: the disk is slower than they are.
    static let mostWaitingBytes = 64 << 20
    /// What is taken at once, so that one sync does not wait for a gigabyte.
    static let groupBytes = 16 << 20

    /// The commits up to the next exclusive work, or that one work.
    mutating func takeGroup() -> [WriterWork] {
        var count = 0
        var byteCount = 0
        taking: for work in queue {
            switch work {
            case .exclusive:
                if count == 0 { count = 1 }
                break taking
            case .commit(let commit):
                if count > 0 && byteCount + commit.byteCount > Self.groupBytes { break taking }
                byteCount += commit.byteCount
                count += 1
            }
        }
        defer {
            queue.removeFirst(count)
            waitingBytes -= byteCount
        }
        return Array(queue[..<count])
    }
}

extension SegmentedLog {
    package var generation: UInt64 { order.withLock { $0.generation } }

    package func beginEpoch(of group: String) -> Int64 {
        order.withLock { order in
            order.lastEpoch += 1
            order.epochs[group] = order.lastEpoch
            return order.lastEpoch
        }
    }

    package func endEpoch(of group: String) {
        order.withLock { $0.epochs[group] = nil }
    }

    package func commit(_ commit: Commit, completion: @escaping @Sendable (Result<CommitReceipt, LogError>) -> Void) {
        var framed: [FramedAppend]
        do throws(LogError) { framed = try commit.appends.map { append throws(LogError) in try frame(append) } } catch {
            completion(.failure(error))
            return
        }
        let byteCount = framed.reduce(0) { $0 + ($1.framed?.byteCount ?? 0) }
        let mayWait = !isOnWriterThread
        let outcome: Result<(CommitReceipt, [Partition]), LogError> = order.wait(
            until: { !mayWait || $0.waitingBytes < CommitOrder.mostWaitingBytes || $0.refusal != nil },
            then: { order in
                do throws(LogError) {
                    let (placed, receipt) = try place(&framed, of: commit, in: &order)
                    let partitions = placed.map(\.partition)
                    order.queue.append(
                        .commit(
                            PendingCommit(
                                log: self, appends: placed, byteCount: byteCount, receipt: receipt, completion: completion)))
                    order.waitingBytes += byteCount
                    return .success((receipt, partitions))
                } catch {
                    return .failure(error)
                }
            })
        switch outcome {
        case .failure(let error): completion(.failure(error))
        case .success(let (receipt, partitions)):
            notify(partitions)
            commit.onAppended?(receipt)
        }
    }

    // MARK: Framing

    private struct FramedAppend {
        var partition: Partition
        /// nil for an append without records.
        var framed: FramedBatches?
        var producer: ProducerStamp?
        var step: TransactionStep?
    }

    package func prepared(_ append: Append) throws(LogError) -> Append {
        guard append.prepared == nil, let framed = try frame(append).framed else { return append }
        var prepared = append
        prepared.records = OutgoingRecords()
        prepared.prepared = PreparedRecords(framed)
        return prepared
    }

    private func frame(_ append: Append) throws(LogError) -> FramedAppend {
        let partition = try find(append.topic, append.partition)
        if let prepared = append.prepared {
            guard let framed = prepared.take() else { throw LogError(.storage, "an append that was made ready is committed twice") }
            return FramedAppend(partition: partition, framed: framed, producer: append.producer, step: append.step)
        }
        if append.records.isEmpty { return FramedAppend(partition: partition, framed: nil, producer: nil) }
        let config = registry.withLock { $0.byID[append.topic]?.metadata.config } ?? TopicConfig()
        let codec = config.compression
        // What statements and queries write comes in batches that a producer might have sent, too, as far as single records allow.
        let room = max(0, config.largestBatch.length - RecordBatchHeader.byteCount)
        let framing = BatchFraming(
            batchBytes: min(options.batchBytes.length, room), compressionBits: codec.rawValue,
            producer: append.producer.map { BatchProducer(id: $0.id, epoch: $0.epoch, baseSequence: $0.baseSequence) })
        var framed = try framing.frame(append.records) { section throws(LogError) in try compress(section, by: codec) }
        if config.timestampType == .logAppendTime { framed?.stamp(appendTime: clock.wallMilliseconds()) }
        guard let framed, framed.byteCount < RecordBatchHeader.largestBatch else {
            throw LogError(
                .recordTooLarge, "an append of \(append.records.bytes.count) bytes to \(partition.topicName) is too large",
                hint: "A commit's append to one partition may have \(RecordBatchHeader.largestBatch) bytes.")
        }
        return FramedAppend(partition: partition, framed: framed, producer: append.producer)
    }

    // MARK: Placing

    /// Hands out offsets: to all appends, or to none. Takes the bytes out of `appends`: a second owner would make every patch of a batch's
    /// offset a copy of all of them.
    private func place(
        _ appends: inout [FramedAppend], of commit: Commit, in order: inout CommitOrder
    ) throws(LogError) -> ([PlacedAppend], CommitReceipt) {
        // A barrier has nothing that could be refused; it fails after those before it.
        if order.isClosing { throw order.refusal ?? LogError(.closed, "the log is closed") }
        if let refusal = order.refusal, !appends.isEmpty { throw refusal }
        for owner in commit.owners where order.epochs[owner.group] != owner.epoch {
            throw LogError(.fencedOwner, "run \(owner.epoch) of \(owner.group) was replaced by a newer one or has ended")
        }
        if let generation = commit.generation, generation != order.generation {
            throw LogError(
                .withdrawn, "records that this commit builds on were appended but could not be made durable",
                hint: "Start again from what is durable.")
        }
        var placed: [PlacedAppend] = []
        var undo: [() -> Void] = []
        var receipt = CommitReceipt(baseOffsets: [], wereRepeats: [])
        do {
            for index in appends.indices {
                let (offset, isRepeat) = try place(&appends[index], &placed, &undo)
                receipt.baseOffsets.append(offset)
                receipt.wereRepeats.append(isRepeat)
            }
        } catch {
            for step in undo.reversed() { step() }
            throw error
        }
        return (placed, receipt)
    }

    private func place(
        _ append: inout FramedAppend, _ placed: inout [PlacedAppend], _ undo: inout [() -> Void]
    ) throws(LogError) -> (Offset, isRepeat: Bool) {
        let partition = append.partition
        let outcome: Result<Placing, LogError> = partition.state.withLock { state in
            if state.isDeleted { return .failure(unknown(partition.topic)) }
            let end = state.appendedEnd
            guard var framed = append.framed.take() else { return .success(.nothing(end)) }
            let count = framed.recordCount
            if let stamp = append.producer {
                switch state.producers.verdict(on: stamp, count: count) {
                case .isNew: break
                case .isRepeat(let offset): return .success(.isRepeat(offset))
                case .hasGap(let expected): return .failure(gap(stamp, expected, partition))
                case .isFenced(let epoch): return .failure(fenced(stamp, epoch, partition))
                }
            }
            let before = append.producer.map { ($0.id, state.producers.producers[$0.id]) }
            if let stamp = append.producer { state.producers.note(stamp, count: count, baseOffset: end) }
            if let step = append.step { state.producers.transactions.note(step, at: end, durableEnd: state.durableEnd) }
            framed.setBaseOffset(end)
            state.append(framed, baseOffset: end)
            return .success(.isNew(end, framed, before))
        }
        switch try outcome.get() {
        case .nothing(let end): return (end, false)
        case .isRepeat(let offset): return (offset, true)
        case .isNew(let offset, let framed, let before):
            placed.append(
                PlacedAppend(partition: partition, baseOffset: offset, framed: framed, producer: append.producer, step: append.step))
            undo.append {
                partition.state.withLock { state in
                    state.withdraw(from: offset)
                    if let (id, producer) = before { state.producers.restore(id, to: producer) }
                }
            }
            return (offset, false)
        }
    }

    private enum Placing {
        case nothing(Offset)
        case isRepeat(Offset)
        case isNew(Offset, FramedBatches, (Int64, ProducerTable.Producer?)?)
    }

    private func gap(_ stamp: ProducerStamp, _ expected: Int32, _ partition: Partition) -> LogError {
        LogError(
            .sequenceGap,
            "producer \(stamp.id) appends sequence \(stamp.baseSequence) to \(partition.topicName)-\(partition.index), "
                + "expected \(expected)")
    }

    private func fenced(_ stamp: ProducerStamp, _ epoch: Int16, _ partition: Partition) -> LogError {
        LogError(
            .fencedProducer,
            "producer \(stamp.id) with epoch \(stamp.epoch) was replaced by one with epoch \(epoch)",
            hint: "Two producers use the same id; this one is the older.")
    }

    // MARK: Handing over to the writer

    /// Waits until the checkpoint that is under way, if one is, has ended.
    func awaitCheckpoint() {
        let seen = order.withLock { $0.finishedCheckpoints }
        order.wait(until: { !$0.isCheckpointing || $0.finishedCheckpoints != seen || $0.isEnding }, then: { _ in })
    }

    /// Runs `body` between commits and waits for it. Not to be called from a completion.
    func exclusively(_ body: @escaping @Sendable (LogWriter) throws(LogError) -> Void) throws(LogError) {
        let result = Monitor<Result<Void, LogError>?>(nil)
        let refusal: LogError? = order.update { order in
            if order.isClosing { return order.refusal ?? LogError(.closed, "the log is closed") }
            order.queue.append(
                .exclusive { writer in
                    let outcome: Result<Void, LogError>
                    do throws(LogError) {
                        try body(writer)
                        outcome = .success(())
                    } catch {
                        outcome = .failure(error)
                    }
                    result.update { $0 = outcome }
                })
            return nil
        }
        if let refusal { throw refusal }
        let outcome: Result<Void, LogError>? = result.wait(until: { $0 != nil }, then: { $0 })
        try outcome?.get()
    }

    /// The body of the log's thread. It holds the log only while there is work: releasing the log ends its thread.
    static func writeUntilClosed(_ order: Monitor<CommitOrder>, _ log: () -> SegmentedLog?) {
        while true {
            let group: [WriterWork] = order.wait(until: { !$0.queue.isEmpty || $0.isEnding }, then: { $0.takeGroup() })
            guard let log = log() else { return }
            if group.isEmpty { return log.writer.shutDown() }
            log.writer.process(group)
        }
    }
}
