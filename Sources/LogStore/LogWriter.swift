// The one writer of a log. It takes the commits in line and makes them durable together: large appends to their segments, then
// one journal record a commit, one sync, and only then the small appends to their segments, without a sync.
import Bytes
import Platform
import Quantities
import Synchronization

/// Writes for a log. Everything in it is touched by the log's own thread only, once that has been started.
final class LogWriter: @unchecked Sendable {
    unowned var log: SegmentedLog!
    let directory: DataDirectory
    let files: any FileSystem
    let options: LogOptions
    var lock: (any DirectoryLock)?
    var writers: [PartitionKey: PartitionWriter]
    var journal: JournalFile
    /// Journal files that are needed until the segments are synced.
    var oldJournals: [UInt64] = []
    /// Journal files that no start needs, not yet removed.
    var obsoleteJournals: [UInt64] = []
    /// Topics whose files are not known to be durable, by name. The journal has them until they are.
    var unsyncedTopics: [String: TopicMetadata]
    /// Whether a sync of the journal file failed where single commits are not synced.
    var hasJournalSyncFailed = false
    /// Syncs segments for a checkpoint; nil when there is none under way.
    var checkpointThread: (any RunningThread)?
    /// Removes obsolete journal files; nil when it has nothing to do.
    var removalThread: (any RunningThread)?
    /// Durable in the journal, not yet in their segments, because the file system refused.
    var unapplied: [Placement] = []
    /// Whether that was reported.
    private var isStuck = false
    /// Whether it was reported that the disk refuses index files; cleared when it takes one.
    var hasReportedIndexes = false

    init(_ recovered: Recovered, directory: DataDirectory, files: any FileSystem, options: LogOptions) {
        self.directory = directory
        self.files = files
        self.options = options
        lock = recovered.lock
        writers = recovered.writers
        journal = recovered.journal
        unsyncedTopics = recovered.unsyncedTopics
    }

    /// Carries out one exclusive work, or makes a group of commits durable.
    func process(_ group: [WriterWork]) {
        var commits: [PendingCommit] = []
        for work in group {
            switch work {
            case .exclusive(let body): body(self)
            case .commit(let commit): commits.append(commit)
            }
        }
        if commits.isEmpty { return }
        if let refusal = log.order.withLock({ $0.refusal }) { return withdraw(commits, refusal) }
        do {
            let placements = try makeDurable(commits)
            succeed(commits, placements)
        } catch {
            withdraw(commits, error)
        }
        if journal.position >= options.journalBytes.count { beginCheckpoint() }
    }

    // MARK: Making durable

    private func makeDurable(_ commits: [PendingCommit]) throws(LogError) -> [[Placement]] {
        var staging = Staging()
        do {
            var placements: [[Placement]] = []
            for commit in commits {
                var placed: [Placement] = []
                for append in commit.appends { placed.append(try place(append, &staging)) }
                placements.append(placed)
            }
            try writeExtents(&placements)
            try writeJournal(placements)
            staging.accept()
            return placements
        } catch {
            staging.abandon(files)
            staging.cutExtents()
            throw error
        }
    }

    /// Where the appends of a group go, until it is known that they stay.
    private struct Staging {
        struct Place {
            var writer: PartitionWriter
            var active: SegmentWriter?
            var size: Int64
            var nextOffset: Offset
            var created: [SegmentWriter] = []
        }
        var places: [PartitionKey: Place] = [:]

        func accept() {
            for place in places.values {
                place.writer.size = place.size
                place.writer.nextOffset = place.nextOffset
                if place.created.isEmpty { continue }
                place.writer.active = place.active
                let segments = place.created.map(\.segment)
                place.writer.partition.state.withLock { $0.segments.append(contentsOf: segments) }
            }
        }

        /// Removes what was written ahead of its commit; where that fails, opening the log does it.
        func cutExtents() {
            for (_, place) in places.sorted(by: { $0.key < $1.key }) {
                // What is journalled may not be in the file yet: it is not made longer.
                guard let file = place.writer.active?.file, let size = try? file.size(), size > place.writer.size else { continue }
                try? file.truncate(to: place.writer.size)
            }
        }

        func abandon(_ files: any FileSystem) {
            for (_, place) in places.sorted(by: { $0.key < $1.key }) {
                for segment in place.created {
                    segment.file.close()
                    // A file that stays is empty as far as the journal knows, and is cut when the log is opened.
                    try? files.removeFile(segment.segment.path)
                }
            }
        }
    }

    private func place(_ append: PlacedAppend, _ staging: inout Staging) throws(LogError) -> Placement {
        let key = PartitionKey(append.partition)
        guard let writer = writers[key] else { throw log.unknown(append.partition.topic) }
        var place =
            staging.places[key]
            ?? Staging.Place(writer: writer, active: writer.active, size: writer.size, nextOffset: writer.nextOffset)
        let byteCount = Int64(append.framed.byteCount)
        precondition(append.baseOffset == place.nextOffset, "commits reach the writer in the order of their offsets")
        let segment: SegmentWriter
        if let active = place.active, hasRoom(active, place.size, for: append, writer.segmentBytes) {
            segment = active
        } else {
            segment = try translating { [place] () throws(SystemError) in
                try SegmentWriter.create(
                    directory: writer.partition.directory, baseOffset: append.baseOffset, after: place.active, files: files)
            }
            place.created.append(segment)
            (place.active, place.size) = (segment, 0)
        }
        let placement = Placement(append: append, writer: writer, segment: segment, position: place.size)
        place.size += byteCount
        place.nextOffset = place.nextOffset + Int64(append.recordCount)
        staging.places[key] = place
        return placement
    }

    /// Whether an append belongs behind the `size` bytes of a segment rather than into a new one.
    private func hasRoom(_ active: SegmentWriter, _ size: Int64, for append: PlacedAppend, _ segmentBytes: ByteCount) -> Bool {
        let span = append.baseOffset + Int64(append.recordCount) - active.segment.baseOffset
        return size == 0 || size + Int64(append.framed.byteCount) <= segmentBytes.count && span <= Int64(Int32.max)
    }

    /// Writes large appends to their segments and syncs those. Where that fails they go through the journal like the others.
    private func writeExtents(_ placements: inout [[Placement]]) throws(LogError) {
        // The sync of a segment is shared by the group's appends to it, so what pays for it is their sum.
        let least = min(options.extentBytes, options.leastExtentBytes).length
        let leastOfSegment = options.durability == .os ? 0 : options.extentBytes.length
        // Most groups are small, and need no look at each segment.
        guard placements.joined().reduce(0, { $0 + $1.append.framed.byteCount }) >= max(least, leastOfSegment) else { return }
        var written: [SegmentWriter] = []
        let bytesOfSegment = placements.joined().reduce(into: [ObjectIdentifier: Int]()) { sums, placement in
            sums[ObjectIdentifier(placement.segment), default: 0] += placement.append.framed.byteCount
        }
        for commit in placements.indices {
            for index in placements[commit].indices {
                let placement = placements[commit][index]
                guard placement.append.framed.byteCount >= least, !placement.segment.hasFailedSync,
                    bytesOfSegment[ObjectIdentifier(placement.segment), default: 0] >= leastOfSegment
                else { continue }
                try translating { () throws(SystemError) in
                    try placement.segment.writeAhead(placement.append.framed, at: placement.position)
                    if options.durability == .fsync {
                        for directory in placement.segment.unsyncedDirectories { try files.synchronizeDirectory(directory) }
                        placement.segment.unsyncedDirectories = []
                    }
                }
                if !written.contains(where: { $0 === placement.segment }) { written.append(placement.segment) }
                placements[commit][index].isExtentSynced = options.durability == .fsync
                placements[commit][index].extentCRC = crc32c(
                    placement.append.framed.bytes, 0..<placement.append.framed.byteCount)
            }
        }
        guard options.durability == .fsync else { return }
        for segment in written {
            do { try segment.file.synchronize() } catch {
                segment.hasFailedSync = true
                for commit in placements.indices {
                    for index in placements[commit].indices where placements[commit][index].segment === segment {
                        placements[commit][index].extentCRC = nil
                    }
                }
            }
        }
    }

    private func writeJournal(_ placements: [[Placement]]) throws(LogError) {
        let commits = placements.filter { !$0.isEmpty }
        if commits.isEmpty { return }
        let bytes = journalBytes(of: commits, for: journal)
        do { try journal.file.write(bytes, at: journal.position) } catch {
            try cutJournal()
            throw LogError(error)
        }
        guard options.durability == .fsync else {
            journal.position += Int64(bytes.count)
            return
        }
        do {
            try journal.file.synchronize()
            journal.position += Int64(bytes.count)
            journal.durable = journal.position
        } catch {
            try moveJournal(with: commits, after: error)
        }
    }

    /// Tells the journal of topics that are about to be created, durably. A log that has stopped may have left the file.
    func journal(_ topics: [TopicMetadata]) throws(LogError) {
        try journal(
            topics.map { topic in
                (.topic, { JournalFormat.append(topic, to: &$0) })
            })
    }

    /// Tells the journal of topics that are deleted, durably, before their files are removed.
    func journal(removalOf topics: [TopicMetadata]) throws(LogError) {
        for topic in topics { unsyncedTopics[topic.name] = nil }
        try journal(topics.map { topic in (.removal, { JournalFormat.append(removalOf: topic.id, to: &$0) }) })
    }

    /// Tells the journal that the records of a partition before an offset are removed, durably.
    func journal(_ key: PartitionKey, start: Offset) throws(LogError) {
        try journal([(.start, { JournalFormat.append(key, start: start, to: &$0) })])
    }

    private func journal(_ records: [(kind: JournalRecordKind, body: (inout [UInt8]) -> Void)]) throws(LogError) {
        if let refusal = log.order.withLock({ $0.refusal }) { throw refusal }
        for isLastAttempt in [false, true] {
            var bytes: [UInt8] = []
            for record in records {
                let start = JournalFormat.open(
                    record.kind, in: &bytes, file: journal.number, position: journal.position + Int64(bytes.count), durable: journal.durable)
                record.body(&bytes)
                JournalFormat.close(start, in: &bytes)
            }
            do { try journal.file.write(bytes, at: journal.position) } catch {
                try cutJournal()
                throw LogError(error)
            }
            do {
                try journal.file.synchronize()
                journal.position += Int64(bytes.count)
                journal.durable = journal.position
                return
            } catch {
                try moveJournal(with: [], after: error)
                if isLastAttempt { throw LogError(error) }
            }
        }
    }

    private func journalBytes(of commits: [[Placement]], for journal: JournalFile) -> [UInt8] {
        var bytes: [UInt8] = []
        for commit in commits {
            journal.append(commit, at: journal.position + Int64(bytes.count), to: &bytes)
        }
        return bytes
    }

    /// Takes back a write that went wrong half-way, so that a crash cannot bring it to life.
    private func cutJournal() throws(LogError) {
        do {
            try journal.file.truncate(to: journal.position)
            if options.durability == .fsync { try journal.file.synchronize() }
        } catch {
            try moveJournal(with: [], after: error)
        }
    }

    /// After a failed sync the system may have marked the pages clean, so the same file is not tried again: a new one begins at
    /// the last position that is known to be durable, with the commits in hand written from memory.
    func moveJournal(with commits: [[Placement]], after cause: SystemError) throws(LogError) {
        do {
            var new = try JournalFile.create(journal.number + 1, state(previous: journal.end), in: directory, files: files)
            if !commits.isEmpty {
                let bytes = journalBytes(of: commits, for: new)
                try new.file.write(bytes, at: new.position)
                try new.file.synchronize()
                new.position += Int64(bytes.count)
                new.durable = new.position
            }
            oldJournals.append(journal.number)
            journal = new
        } catch {
            throw stop("\(cause); and a new journal failed as well: \(error)")
        }
    }

    /// Takes no more commits, for good.
    @discardableResult func stop(_ reason: String) -> LogError {
        let error = LogError(
            .stopped, "the log has stopped acknowledging commits: \(reason)",
            hint: "What was acknowledged before is safe. Repair the disk and start again.")
        let isNew = log.order.update { order in
            defer { order.refusal = order.refusal ?? error }
            return order.refusal == nil
        }
        if isNew { options.report(error) }
        return error
    }

    // MARK: Outcome

    private func succeed(_ commits: [PendingCommit], _ placements: [[Placement]]) {
        var partitions: [PartitionKey: Partition] = [:]
        for placement in placements.joined() {
            let partition = placement.append.partition
            let end = placement.append.baseOffset + Int64(placement.append.recordCount)
            partition.state.withLock { state in
                state.durableEnd = max(state.durableEnd, end)
                assert(state.appliedEnd <= state.durableEnd && state.durableEnd <= state.appendedEnd, "the ends are in order")
            }
            partitions[PartitionKey(partition)] = partition
            unapplied.append(placement)
        }
        apply()
        log.notify(Array(partitions.values))
        for commit in commits { commit.completion(.success(commit.receipt)) }
    }

    /// Puts durable appends into their segments, in order, as far as the file system lets it.
    func apply() {
        var done = 0
        let tailBytes = options.tailBytes.length
        let limit = tailBytes == 0 ? 0 : max(64 << 10, tailBytes / max(1, writers.count))
        for placement in unapplied {
            let framed = placement.append.framed
            do throws(SystemError) {
                if placement.extentCRC == nil {
                    try placement.segment.write(framed, at: placement.position)
                } else {
                    try placement.segment.confirm(framed, at: placement.position)
                }
            } catch {
                if !isStuck { log.options.report(LogError(error)) }
                isStuck = true
                break
            }
            if options.durability == .fsync { placement.segment.beginWriteback(upTo: placement.position + Int64(framed.byteCount)) }
            placement.segment.publish(
                framed, baseOffset: placement.append.baseOffset, at: placement.position, journal: journal.number, log.clock)
            let end = placement.append.baseOffset + Int64(placement.append.recordCount)
            placement.append.partition.state.withLock { $0.appliedEnd = max($0.appliedEnd, end) }
            placement.append.partition.trimTail(to: min(limit, 4 << 20))
            if !placement.writer.unsynced.contains(where: { $0 === placement.segment }) {
                placement.writer.unsynced.append(placement.segment)
            }
            done += 1
        }
        unapplied.removeFirst(done)
        if unapplied.isEmpty { isStuck = false }
    }

    /// Tells the commits of a group, and all that came after it, that they did not happen.
    private func withdraw(_ commits: [PendingCommit], _ error: LogError) {
        var failed = commits
        var partitions: [PartitionKey: Partition] = [:]
        log.order.update { order in
            order.generation += 1
            var kept: [WriterWork] = []
            for work in order.queue {
                switch work {
                case .commit(let commit): failed.append(commit)
                case .exclusive: kept.append(work)
                }
            }
            order.queue = kept
            order.waitingBytes = 0
            for append in failed.lazy.flatMap(\.appends) { partitions[PartitionKey(append.partition)] = append.partition }
            for (key, partition) in partitions {
                guard let writer = writers[key] else { continue }
                partition.state.withLock { $0.withdraw(from: writer.nextOffset) }
            }
        }
        log.notify(Array(partitions.values))
        for commit in failed { commit.completion(.failure(error)) }
    }
}
