// A checkpoint cuts the journal. A new journal file begins with the state of all partitions; commits go on in it at once. The
// segments written before are synced meanwhile, off the writer's thread; when that is done a *synced* record says so, and the
// older journal files are removed, off the writer's thread as well. The files of topics that were made since are synced, too; until they
// are, each new journal file tells of them.
import Bytes
import Platform
import Quantities
import Synchronization

extension LogWriter {
    /// What the journal says about all partitions now.
    func state(previous: JournalPosition?) -> JournalState {
        JournalState(previous: previous, writers, durability: options.durability, unsynced: unsyncedTopics.values)
    }

    /// A partition's segments to be synced, by the thread that was given it.
    private struct SyncWork: @unchecked Sendable {
        // The thread only syncs; everything else of these segments is the writer's.
        var segments: [SegmentWriter]
        /// The index of each segment, to be written.
        var indexes: [IndexFlush]
        /// Directories on the way to segments that are not known to be durable, each once.
        var directories: [String]
        /// Topics whose files are not known to be durable.
        var topics: [TopicMetadata]
    }

    /// Its outcome.
    private struct SyncOutcome: Sendable {
        /// Indices of the segments whose sync failed.
        var failed: [Int] = []
        var syncedDirectories: Set<String> = []
        /// Topics whose files are durable.
        var syncedTopics: [TopicMetadata] = []
        var indexes: [IndexFlush]
        /// Why index files could not be written: the first reason of all.
        var indexError: SystemError?
    }

    /// Begins a checkpoint unless one is under way or appends still wait for their segments.
    func beginCheckpoint() {
        if !unapplied.isEmpty { apply() }
        guard !log.order.withLock({ $0.isCheckpointing }), unapplied.isEmpty else { return }
        do {
            // What the new file builds on must be durable, also where single commits are not.
            if options.durability == .os && !hasJournalSyncFailed {
                do { try journal.file.synchronize() } catch {
                    // Not tried again on this file: the segments, which hold the same, are synced next and make it unnecessary.
                    hasJournalSyncFailed = true
                }
            }
            let new = try JournalFile.create(journal.number + 1, state(previous: journal.end), in: directory, files: files)
            oldJournals.append(journal.number)
            journal = new
            hasJournalSyncFailed = false
        } catch {
            // The old journal goes on; the next commit tries again.
            return dropUnfinishedJournal(journal.number + 1, after: error)
        }
        let (number, files) = (journal.number, files)
        let (isClosing, changingNames) = log.order.update { order in
            order.isCheckpointing = true
            return (order.isClosing, order.changingNames)
        }
        // What is being made or changed may not be written yet.
        let topics = unsyncedTopics.values.filter { !changingNames.contains($0.name) }.sorted { $0.name < $1.name }
        let work = collectSyncWork(topics)
        if isClosing { return finishCheckpoint(number, Self.synchronize(work, directory, files), work) }
        do {
            checkpointThread = try log.scheduler.start("log-sync") { [order = log.order, directory] in
                let outcome = Self.synchronize(work, directory, files)
                order.update { $0.queue.append(.exclusive { $0.finishCheckpoint(number, outcome, work) }) }
            }
        } catch {
            finishCheckpoint(number, Self.synchronize(work, directory, files), work)
        }
    }

    /// Removes a journal file that could not be begun, durably: should it turn out to be whole, a start would take the commits that still
    /// go to the file before it for unfinished ones.
    private func dropUnfinishedJournal(_ number: UInt64, after cause: SystemError) {
        let path = directory.journalFile(number)
        do throws(SystemError) {
            guard files.exists(path) else { return }
            try files.removeFile(path)
            try files.synchronizeDirectory(directory.journal)
        } catch {
            stop("\(cause); and the journal file that was begun could not be removed: \(error)")
        }
    }

    private func collectSyncWork(_ topics: [TopicMetadata]) -> SyncWork {
        var work = SyncWork(segments: [], indexes: [], directories: [], topics: topics)
        var seen: Set<String> = []
        // In a fixed order, so that a simulation can be repeated.
        for (_, writer) in writers.filter({ !$0.value.unsynced.isEmpty }).sorted(by: { $0.key < $1.key }) {
            for directory in writer.unsynced.flatMap(\.unsyncedDirectories) where seen.insert(directory).inserted {
                work.directories.append(directory)
            }
            work.segments += writer.unsynced
            work.indexes += writer.unsynced.map { $0.beginFlush() }
            writer.unsynced = []
        }
        return work
    }

    private static func synchronize(_ work: SyncWork, _ directory: DataDirectory, _ files: any FileSystem) -> SyncOutcome {
        var outcome = SyncOutcome(indexes: work.indexes)
        outcome.syncedTopics = synchronize(work.topics, directory, files)
        for index in outcome.indexes.indices {
            do { try outcome.indexes[index].write(files) } catch { outcome.indexError = outcome.indexError ?? error }
        }
        for (index, segment) in work.segments.enumerated() {
            do { try segment.file.synchronize() } catch { outcome.failed.append(index) }
        }
        for directory in work.directories {
            do {
                try files.synchronizeDirectory(directory)
                outcome.syncedDirectories.insert(directory)
            } catch {
                // Its segments are written anew under names that are synced with them.
                continue
            }
        }
        return outcome
    }

    /// Gives those topics whose files are durable now. One whose file is gone is being deleted.
    private static func synchronize(_ topics: [TopicMetadata], _ directory: DataDirectory, _ files: any FileSystem) -> [TopicMetadata] {
        if topics.isEmpty { return [] }
        func forEachFile(of topic: TopicMetadata, _ body: (any File) throws(SystemError) -> Void) throws(SystemError) {
            for path in [directory.topicFile(topic.name), directory.topicCopy(topic.name)] {
                let file = try files.open(path, .read)
                defer { file.close() }
                try body(file)
            }
        }
        // Syncs of files that the disk has begun to write share what the file system writes about them: a thousand take a tenth of the time.
        for topic in topics { try? forEachFile(of: topic) { $0.beginWriteback(0..<Int64(topic.text.count)) } }
        var synced: [TopicMetadata] = []
        for topic in topics {
            do throws(SystemError) {
                try forEachFile(of: topic) { file throws(SystemError) in try file.synchronize() }
                synced.append(topic)
            } catch {
                // The journal has it until a later checkpoint succeeds.
                continue
            }
        }
        do throws(SystemError) { try files.synchronizeDirectory(directory.topics) } catch { return [] }
        return synced
    }

    /// Ends the checkpoint that began journal file `number`.
    private func finishCheckpoint(_ number: UInt64, _ outcome: SyncOutcome, _ work: SyncWork) {
        checkpointThread?.join()
        checkpointThread = nil
        defer {
            log.order.update { order in
                order.isCheckpointing = false
                order.finishedCheckpoints += 1
            }
        }
        // A topic that was deleted and made again meanwhile has other files.
        for topic in outcome.syncedTopics where unsyncedTopics[topic.name]?.id == topic.id { unsyncedTopics[topic.name] = nil }
        for (segment, index) in zip(work.segments, outcome.indexes) { segment.endFlush(index) }
        // Missing index files are made anew when their segment is next opened; a disk that refuses them is reported once.
        if let error = outcome.indexError, !hasReportedIndexes { options.report(LogError(error)) }
        hasReportedIndexes = outcome.indexError != nil
        for index in outcome.failed { work.segments[index].hasFailedSync = true }
        for segment in work.segments where !segment.unsyncedDirectories.isEmpty {
            // Only now: until the sync was reported, an append to the segment must not count on its name.
            segment.unsyncedDirectories.removeAll { outcome.syncedDirectories.contains($0) }
            if !segment.unsyncedDirectories.isEmpty { segment.hasFailedSync = true }
        }
        for segment in work.segments where segment.hasFailedSync {
            do { try segment.rewrite() } catch {
                // The journal still has what is not in the segment: it stays whole, for the next start.
                stop("segment \(segment.segment.path) cannot be synced: \(error)")
                return
            }
        }
        // A journal whose sync failed meanwhile was left for a newer one. That builds on segments which this checkpoint has not
        // synced, so it must not be told that all of them are; the next checkpoint will. A log that has stopped leaves all as it is.
        guard journal.number == number, log.order.withLock({ $0.refusal }) == nil else { return }
        do {
            var bytes: [UInt8] = []
            let start = JournalFormat.open(
                .synced, in: &bytes, file: journal.number, position: journal.position, durable: journal.durable)
            if !unsyncedTopics.isEmpty { JournalFormat.append(unsyncedTopics.values.sorted { $0.name < $1.name }, to: &bytes) }
            JournalFormat.close(start, in: &bytes)
            try journal.file.write(bytes, at: journal.position)
            do { try journal.file.synchronize() } catch { return try moveJournal(with: [], after: error) }
            journal.position += Int64(bytes.count)
            journal.durable = journal.position
        } catch {
            // Without the record the older files stay, and are removed by the next checkpoint.
            return
        }
        obsoleteJournals += oldJournals
        oldJournals = []
        removeObsoleteJournals()
    }

    /// Removes journal files that no start needs. On a thread of its own: to remove a large file takes the file system tens of
    /// milliseconds, for which commits would wait.
    private func removeObsoleteJournals() {
        guard removalThread == nil, !obsoleteJournals.isEmpty else { return }
        let (numbers, directory, files, order) = (obsoleteJournals, directory, files, log.order)
        obsoleteJournals = []
        if !order.withLock({ $0.isEnding }) {
            removalThread = try? log.scheduler.start("log-remove") {
                let left = Self.remove(numbers, in: directory, files)
                order.update { $0.queue.append(.exclusive { $0.finishRemoval(left: left) }) }
            }
        }
        if removalThread == nil { obsoleteJournals = Self.remove(numbers, in: directory, files) }
    }

    /// Gives the numbers of the files that could not be removed: those wait for the next checkpoint.
    private static func remove(_ numbers: [UInt64], in directory: DataDirectory, _ files: any FileSystem) -> [UInt64] {
        numbers.filter { number in
            do { try files.removeFile(directory.journalFile(number)) } catch { return true }
            return false
        }
    }

    private func finishRemoval(left: [UInt64]) {
        removalThread?.join()
        removalThread = nil
        obsoleteJournals += left
    }

    /// The last thing the writer does: a checkpoint, so that the next start has nothing to replay.
    func shutDown() {
        checkpointThread?.join()
        removalThread?.join()
        while true {
            let left = log.order.update { $0.takeGroup() }
            if left.isEmpty { break }
            process(left)
        }
        if log.order.withLock({ $0.refusal }) == nil { beginCheckpoint() }
        journal.file.close()
        for writer in writers.values { writer.active?.file.close() }
        lock?.release()
        lock = nil
    }
}
