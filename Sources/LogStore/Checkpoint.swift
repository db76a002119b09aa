// A checkpoint cuts the journal. A new journal file begins with the state of all partitions; commits go on in it at once. The
// segments written before are synced meanwhile, off the writer's thread; when that is done a *synced* record says so, and the
// older journal files are removed.
import Bytes
import Platform
import Synchronization

extension LogWriter {
    /// What the journal says about all partitions now.
    func state(previous: JournalPosition?) -> JournalState {
        let partitions = writers.map { key, writer in
            let (start, allProducers) = writer.partition.state.withLock { ($0.start, $0.producers) }
            var producers = allProducers
            producers.forget(from: writer.nextOffset)
            return JournalState.PartitionState(
                topic: key.topic, partition: key.partition, start: start, end: writer.nextOffset,
                segment: writer.active.segment.baseOffset, size: writer.size, producers: producers)
        }
        return JournalState(
            previous: previous, partitions: partitions.sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) })
    }

    /// A partition's segments to be synced, by the thread that was given it.
    private struct SyncWork: @unchecked Sendable {
        // The writer touches neither files' sync state nor `isTainted` of these segments until the work is reported back.
        var segments: [SegmentWriter]
        var directories: [String]
    }

    /// Begins a checkpoint unless one is under way or appends still wait for their segments.
    func beginCheckpoint() {
        if !unapplied.isEmpty { apply() }
        guard !isCheckpointing, unapplied.isEmpty else { return }
        do {
            // What the new file builds on must be durable, also where single commits are not.
            if options.durability == .os && !hasFailedSync {
                do { try journal.file.synchronize() } catch {
                    // Not tried again on this file: the segments, which hold the same, are synced next and make it unnecessary.
                    hasFailedSync = true
                }
            }
            let new = try JournalFile.create(journal.number + 1, state(previous: journal.end), in: directory, files: files)
            oldJournals.append(journal.number)
            journal = new
            hasFailedSync = false
        } catch {
            // The old journal goes on; the next commit tries again.
            return
        }
        isCheckpointing = true
        let work = collectSyncWork()
        guard options.hasOwnThreads, !log.order.withLock({ $0.isClosing }) else {
            return finishCheckpoint(synchronize(work), work)
        }
        let log = self.log!
        let files = self.files
        do {
            checkpointThread = try WorkerThread.start("log-sync") {
                let failed = Self.synchronize(work, files)
                log.order.update { $0.queue.append(.chore { $0.finishCheckpoint(failed, work) }) }
            }
        } catch {
            finishCheckpoint(synchronize(work), work)
        }
    }

    private func collectSyncWork() -> SyncWork {
        var work = SyncWork(segments: [], directories: [])
        for writer in writers.values {
            for segment in writer.unsynced {
                try? segment.flushIndexes()
                if !segment.isNamed {
                    work.directories.append(writer.partition.directory)
                    segment.isNamed = true
                }
                work.segments.append(segment)
            }
            writer.unsynced = []
        }
        return work
    }

    private func synchronize(_ work: SyncWork) -> [Int] { Self.synchronize(work, files) }

    /// Indices of the segments whose sync failed; all of them when a directory's did.
    private static func synchronize(_ work: SyncWork, _ files: any FileSystem) -> [Int] {
        var failed: [Int] = []
        for (index, segment) in work.segments.enumerated() {
            do { try segment.file.synchronize() } catch { failed.append(index) }
        }
        for directory in work.directories {
            do { try files.synchronizeDirectory(directory) } catch { return Array(work.segments.indices) }
        }
        return failed
    }

    private func finishCheckpoint(_ failed: [Int], _ work: SyncWork) {
        isCheckpointing = false
        checkpointThread?.join()
        checkpointThread = nil
        for index in failed { work.segments[index].isTainted = true }
        for segment in work.segments where segment.isTainted {
            do { try segment.rewrite() } catch {
                // The journal still has what is not in the segment: it stays whole, for the next start.
                stop("segment \(segment.segment.path) cannot be synced: \(error)")
                return
            }
        }
        do {
            var bytes: [UInt8] = []
            let start = JournalFormat.open(
                .synced, in: &bytes, file: journal.number, position: journal.position, durable: journal.durable)
            JournalFormat.close(start, in: &bytes)
            try journal.file.write(bytes, at: journal.position)
            do { try journal.file.synchronize() } catch { return try moveJournal(with: [], after: error) }
            journal.position += Int64(bytes.count)
            journal.durable = journal.position
            for number in oldJournals { try files.removeFile(directory.journalFile(number)) }
            oldJournals = []
        } catch {
            // Without the record the older files stay, and are removed by the next checkpoint.
            return
        }
    }

    /// The last thing the writer does: a checkpoint, so that the next start has nothing to replay.
    func shutDown() {
        checkpointThread?.join()
        while true {
            let left = log.order.update { $0.takeGroup() }
            if left.isEmpty { break }
            process(left)
        }
        if log.order.withLock({ $0.refusal }) == nil { beginCheckpoint() }
        journal.file.close()
        for writer in writers.values { writer.active.file.close() }
        lock?.release()
        lock = nil
    }
}
