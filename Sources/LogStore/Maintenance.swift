// Rounds of retention and compaction. The work, with all that it does to files, runs on the cleaner's thread (or the caller's); only
// what the log's thread has to know of it runs between commits. An active segment is never touched.
import Bytes
import Platform
import Quantities
import Synchronization

extension SegmentedLog {
    /// The body of the cleaner's thread: a round every `interval` milliseconds, until `isOver`. It holds the log only during a round. It waits for a
    /// state of its own, because that of the order changes with every commit, and each change would wake it.
    static func maintainUntilClosed(_ isOver: Monitor<Bool>, _ interval: Int64, _ log: () -> SegmentedLog?) {
        let (nanoseconds, isTooLarge) = interval.multipliedReportingOverflow(by: 1_000_000)
        var known: Set<LogError> = []
        while true {
            let isEnding = isOver.wait(nanoseconds: isTooLarge ? .max : nanoseconds, until: { $0 }, then: { $0 })
            guard !isEnding, let log = log() else { return }
            // The failures of a round that another thread asked for are returned to that thread.
            guard let failures = log.maintainUnlessUnderWay() else { continue }
            for failure in failures where !known.contains(failure) && failure.kind != .closed { log.options.report(failure) }
            known = Set(failures)
        }
    }

    /// One round of retention and compaction over all topics; returns what failed, which the next round tries again.
    @discardableResult package func maintain() -> [LogError] { maintainUnlessUnderWay() ?? [] }

    /// One round; nil when another thread is in the middle of one.
    private func maintainUnlessUnderWay() -> [LogError]? {
        let isFirst = order.update { order in
            defer { order.isMaintaining = true }
            return !order.isMaintaining
        }
        guard isFirst else { return nil }
        defer { order.update { $0.isMaintaining = false } }
        var failures: [LogError] = []
        var hasCompacted = false
        let topics = registry.withLock { Array($0.byID.values) }.sorted { $0.metadata.name < $1.metadata.name }
        do throws(LogError) { try rollOld(topics) } catch { failures.append(error) }
        for topic in topics {
            for partition in topic.partitions where begin(partition) {
                do throws(LogError) {
                    let config = topic.metadata.config
                    if config.removesOld { try removeOld(partition, config) }
                    if config.cleanupPolicy.compacts, try compact(partition, config) { hasCompacted = true }
                } catch {
                    failures.append(error)
                }
                order.update { $0.topicInMaintenance = nil }
                failures += partition.state.withLock { $0.segments }.compactMap { $0.state.withLock { $0.unreadableSideFile } }
            }
        }
        // Compaction needs much memory for a moment and then none for long, so what it has freed goes back to the kernel.
        if hasCompacted { releaseFreedMemory(beyond: SegmentedLog.keptAfterCompaction) }
        return failures
    }

    /// Freed bytes that stay with the process after a round of compaction.
    private static let keptAfterCompaction = 16 << 20

    /// Lets a deletion of the topic wait until its files are left alone; false when it is being deleted or the log is ending.
    private func begin(_ partition: Partition) -> Bool {
        order.withLock { order in
            guard !order.isEnding, !partition.state.withLock({ $0.isDeleted }) else { return false }
            order.topicInMaintenance = partition.topic
            return true
        }
    }

    // MARK: New segments

    /// Begins new segments where the active ones are old enough.
    private func rollOld(_ topics: [Topic]) throws(LogError) {
        let now = clock.wallMilliseconds()
        try exclusively { writer throws(LogError) in
            var hasRolled = false
            for topic in topics {
                for partition in topic.partitions {
                    let age = topic.metadata.config.segmentAge(size: writer.writers[PartitionKey(partition)]?.size ?? 0)
                    hasRolled = try writer.roll(partition, begunBefore: now.earlier(by: age)) || hasRolled
                }
            }
            // Until the journal knows a segment, opening the log takes it for a leftover.
            if hasRolled { writer.beginCheckpoint() }
        }
    }

    // MARK: Retention

    private func removeOld(_ partition: Partition, _ config: TopicConfig) throws(LogError) {
        let closed = partition.closedSegments
        let ends = partition.state.withLock { $0.segments.dropFirst().map(\.baseOffset) }
        let gone = partition.state.withLock { max($0.start, config.cleanupPolicy == .release ? $0.released : .first) }
        var total = partition.description.byteCount
        var removable: [Segment] = []
        for (segment, end) in zip(closed, ends) {
            if end > gone, try !mayGo(segment, of: total, config) { break }
            total = total - ByteCount(clamping: segment.size)
            removable.append(segment)
        }
        let dropped = try settled(removable)
        if dropped.isEmpty { return }
        try exclusively { writer throws(LogError) in writer.drop(dropped, from: partition) }
        for segment in dropped {
            try removeFiles(segment, [".log", ".index", ".timeindex", ".batches"])
            // One after the other also on the disk: what a power cut brings back has no gap.
            try translating { () throws(SystemError) in try files.synchronizeDirectory(partition.directory) }
        }
    }

    /// Whether the first segment of a partition of `total` bytes is too old or too much.
    private func mayGo(_ segment: Segment, of total: ByteCount, _ config: TopicConfig) throws(LogError) -> Bool {
        guard config.cleanupPolicy.deletes else { return false }
        if let most = config.retentionBytes, total - ByteCount(clamping: segment.size) >= most { return true }
        guard let age = config.retention else { return false }
        let limit = clock.wallMilliseconds().earlier(by: age)
        guard try segment.maxTimestamp().map({ $0 < limit }) ?? true else { return false }
        // Records of years ago may have been written just now: nothing goes before it has been there for so long.
        return try segment.times().changed.map { $0 < limit } ?? true
    }

    // MARK: Compaction

    /// Gives false when there is nothing to compact now.
    private func compact(_ partition: Partition, _ config: TopicConfig) throws(LogError) -> Bool {
        let segments = partition.state.withLock { $0.segments }
        let closed = partition.closedSegments
        var compaction = Compaction(
            partition: partition, segments: closed, end: .first, config: config, now: clock.wallMilliseconds(), files: files,
            seed: random.next(), batchBytes: options.batchBytes.length)
        guard try compaction.isWorthwhile() else { return false }
        // What belongs to an open transaction may yet count, or not.
        let (stableEnd, transactions) = partition.state.withLock { ($0.bounds.durableEnd, $0.producers.transactions) }
        let ends = segments.dropFirst().map(\.baseOffset)
        compaction.segments = try settled(zip(closed, ends).prefix { $0.1 <= stableEnd }.map(\.0))
        try compaction.leaveOutNew()
        compaction.transactions = transactions
        guard let end = segments.dropFirst(compaction.segments.count).first?.baseOffset, try compaction.isWorthwhile() else { return false }
        compaction.end = end
        try compaction.limitRound()
        for cleaned in try compaction.run() {
            try replace(cleaned, in: partition)
        }
        // Nothing is left of those that were aborted and ended before.
        partition.state.withLock { $0.producers.transactions.forgetAborted(before: compaction.end) }
        return true
    }

    /// Puts a cleaned segment in the place of the one it was made from. Readers of that keep its file, which compaction has opened.
    private func replace(_ cleaned: CleanedSegment, in partition: Partition) throws(LogError) {
        try exclusively { writer throws(LogError) in writer.forget([cleaned.old], of: partition) }
        // Neither the removal nor the renaming may reach the disk after what follows it: a side file never contradicts a segment.
        try removeFiles(cleaned.old, [".batches", ".index", ".timeindex"])
        if cleaned.size == 0 {
            partition.state.withLock { $0.segments.removeAll { $0 === cleaned.old } }
            try removeFiles(cleaned.old, [".log"])
            return try translating { () throws(SystemError) in try files.removeFile(cleaned.path) }
        }
        try translating { () throws(SystemError) in
            try files.synchronizeDirectory(partition.directory)
            try files.rename(cleaned.path, to: cleaned.old.path)
            try files.synchronizeDirectory(partition.directory)
            try files.replace(cleaned.old.stem + ".batches", with: cleaned.ledger.file)
            try files.replace(cleaned.old.stem + ".index", with: cleaned.index.indexFile(baseOffset: cleaned.old.baseOffset))
            try files.replace(
                cleaned.old.stem + ".timeindex", with: cleaned.index.timeIndexFile(baseOffset: cleaned.old.baseOffset))
        }
        let new = Segment(stem: cleaned.old.stem, baseOffset: cleaned.old.baseOffset, size: cleaned.size, files: files)
        partition.state.withLock { state in
            if let index = state.segments.firstIndex(where: { $0 === cleaned.old }) { state.segments[index] = new }
        }
    }

    private func removeFiles(_ segment: Segment, _ suffixes: [String]) throws(LogError) {
        try translating { () throws(SystemError) in
            for suffix in suffixes where files.exists(segment.stem + suffix) { try files.removeFile(segment.stem + suffix) }
        }
    }
}

extension SegmentedLog {
    /// The first ones of these segments, as far as no replay of the journal would write to them again. A checkpoint is carried out
    /// for the others, twice where one was already under way.
    private func settled(_ segments: [Segment]) throws(LogError) -> [Segment] {
        let needed = Mutex<UInt64>(0)
        for isLast in [false, false, true] {
            try exclusively { writer throws(LogError) in
                let isWaiting = segments.contains { $0.state.withLock { $0.journal } >= writer.oldestNeededJournal }
                if isWaiting && !isLast { writer.beginCheckpoint() }
                needed.withLock { $0 = isWaiting ? writer.oldestNeededJournal : .max }
            }
            if needed.withLock({ $0 }) == .max { return segments }
            awaitCheckpoint()
        }
        let oldest = needed.withLock { $0 }
        return Array(segments.prefix { $0.state.withLock { $0.journal } < oldest })
    }
}

extension LogWriter {
    /// A replay would begin with this file.
    var oldestNeededJournal: UInt64 { oldJournals.first ?? journal.number }

    /// Closes the active segment if it was begun at or before `moment`, and begins an empty one.
    func roll(_ partition: Partition, begunBefore moment: Int64) throws(LogError) -> Bool {
        guard let writer = writers[PartitionKey(partition)], writer.size > 0, let active = writer.active, let begun = active.begun,
            begun <= moment, unapplied.isEmpty, log.order.withLock({ $0.refusal }) == nil
        else { return false }
        let new = try translating { () throws(SystemError) in
            try SegmentWriter.create(directory: partition.directory, baseOffset: writer.nextOffset, after: active, files: files)
        }
        (writer.active, writer.size) = (new, 0)
        partition.state.withLock { $0.segments.append(new.segment) }
        return true
    }

    /// Takes segments at the start of a partition out of it; their files are the caller's to remove.
    func drop(_ segments: [Segment], from partition: Partition) {
        forget(segments, of: partition)
        partition.state.withLock { state in
            state.segments.removeAll { known in segments.contains { $0 === known } }
            state.start = max(state.start, state.segments.first?.baseOffset ?? .first)
            state.producers.transactions.forgetAborted(before: state.start)
        }
        log.notify([partition])
    }

    /// These segments need no sync any more.
    func forget(_ segments: [Segment], of partition: Partition) {
        guard let writer = writers[PartitionKey(partition)] else { return }
        writer.unsynced.removeAll { known in segments.contains { $0 === known.segment } }
    }
}
