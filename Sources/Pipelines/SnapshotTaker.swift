// Takes snapshots of a task's stores in slices, between its micro-batches, so that none holds the task up. A slice is only taken while
// everything in memory is in a commit, one a turn, and only when the one before it is written: a snapshot of whatever size needs the memory
// of one slice. The file is written by a thread beside the workers, and finished when the commits that its slices saw are durable.

import Bytes
import LogStore
import Operators
import Platform
import Quantities

/// The snapshot under way of one task, and when the next is due.
final class SnapshotTaker {
    private struct Pending {
        var store: String
        var writer: SnapshotWriter
        /// Where in the store the next slice begins; nil when all of it is taken.
        var position: Int? = 0
        var records = 0
        /// The commit that must be durable before the file is finished.
        var commit = 0
    }

    private let folder: SnapshotFolder
    private var pending: Pending?
    private var changes: [String: Int] = [:]
    /// How many records the last snapshot of each store had.
    private var sizes: [String: Int] = [:]
    /// Entries of one slice.
    private var sliceEntries = SnapshotTaker.mostEntries
    /// Entries of one slice at most: about a millisecond's work. Fewer where they are large.
    private static let mostEntries = 4_096
    /// Bytes of a slice above which the next one has fewer entries.
    private static let sliceBytes = 1 << 20

    init(folder: SnapshotFolder) { self.folder = folder }

    /// Counts changelog records that went into a commit.
    func note(_ store: String, _ count: Int) { changes[store, default: 0] += count }

    /// Whether a turn of the task, which has no uncommitted work, would bring the snapshot under way further.
    func hasWork(_ task: QueryTask) -> Bool {
        guard let pending, !pending.writer.isBusy else { return false }
        return pending.position != nil || pending.writer.hasFailed || task.commitsDurable >= pending.commit
    }

    /// Does one slice of work, if there is any. To be called only while all of the task's state is in commits. `wake` is called, from
    /// another thread, when there is more to do.
    func advance(_ task: QueryTask, wake: @escaping @Sendable () -> Void) {
        guard let threads = task.snapshotThreads else { return }
        // Half of a store must have changed, or a store of millions of keys would be written again and again.
        if pending == nil, let due = changes.first(where: { $0.value >= max(folder.changesBetween, (sizes[$0.key] ?? 0) / 2) }) {
            begin(due.key, task, threads)
        }
        guard var current = pending, !current.writer.isBusy else { return }
        if current.writer.hasFailed {
            pending = nil
        } else if let position = current.position {
            let slice: StoreSlice
            do throws(DataflowError) {
                slice = try task.turns.timing(.snapshot, task.time) { () throws(DataflowError) in
                    try task.description.dataflow.snapshot(store: current.store, from: position, limit: sliceEntries)
                }
            } catch {
                task.status.update { $0.snapshotProblem = error.message }
                return abandon()
            }
            adapt(to: slice.records.bytes.count)
            current.records += slice.entries
            current.position = slice.next
            current.commit = task.commitsMade
            pending = current
            current.writer.append(slice.records, wake: wake)
        } else if task.commitsDurable >= current.commit {
            pending = nil
            sizes[current.store] = current.records
            current.writer.finish()
        }
    }

    private func adapt(to bytes: Int) {
        if bytes > Self.sliceBytes {
            sliceEntries = max(1, sliceEntries / 2)
        } else if bytes < Self.sliceBytes / 4 {
            sliceEntries = min(Self.mostEntries, sliceEntries * 2)
        }
    }

    /// The task ends: what is under way is thrown away.
    func abandon() {
        pending?.writer.abandon()
        pending = nil
    }

    private func begin(_ store: String, _ task: QueryTask, _ threads: ThreadPool) {
        changes[store] = 0
        guard let changelog = task.description.persistence?.changelogs[store] else { return }
        let (status, log) = (task.status, task.log)
        do throws(LogError) {
            let bounds = try log.bounds(of: changelog.topic, partition: changelog.partition)
            let writer = SnapshotWriter(folder, store, changelog, offset: bounds.appendedEnd, threads) { outcome in
                // Without it the next start reads more of the changelog; that is all.
                status.update { $0.snapshotProblem = outcome.problem }
                if let needed = outcome.needed { log.release(changelog.topic, partition: changelog.partition, before: needed) }
            }
            pending = Pending(store: store, writer: writer)
        } catch {
            status.update { $0.snapshotProblem = error.message }
        }
    }
}

/// Writes one snapshot, on a thread beside the workers. The task that gives it slices sees whether it is done with the last.
final class SnapshotWriter: @unchecked Sendable {
    // `file` is touched by the jobs on `threads` only, which has one thread.
    private struct State {
        var isBusy = false
        var hasFailed = false
    }

    /// What became of a snapshot.
    struct Outcome {
        /// What went wrong; nil when it exists.
        var problem: String?
        /// The offset from which the changelog is still needed, where that is known.
        var needed: Offset?
    }

    private let folder: SnapshotFolder
    private let store: String
    private let changelog: PartitionKey
    private let offset: Offset
    private let threads: ThreadPool
    private let report: @Sendable (Outcome) -> Void
    private var file: SnapshotFile?
    private let state = Monitor(State())

    /// Nothing is written before the first slice. `report` is called when something went wrong, or when the snapshot is durable.
    init(
        _ folder: SnapshotFolder, _ store: String, _ changelog: PartitionKey, offset: Offset, _ threads: ThreadPool,
        report: @escaping @Sendable (Outcome) -> Void
    ) {
        self.folder = folder
        self.store = store
        self.changelog = changelog
        self.offset = offset
        self.threads = threads
        self.report = report
    }

    /// Whether it is writing.
    var isBusy: Bool { state.withLock { $0.isBusy } }
    /// Whether something could not be written. What follows is useless.
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// Writes a slice, then calls `wake`.
    func append(_ records: OutgoingRecords, wake: @escaping @Sendable () -> Void) {
        run { writer throws(SystemError) in
            if writer.file == nil { writer.file = try writer.folder.create(writer.store, writer.changelog, offset: writer.offset) }
            try writer.file?.append(records)
        } then: {
            wake()
        }
    }

    /// Finishes the snapshot and removes those that are not kept.
    func finish() {
        run { writer throws(SystemError) in
            try writer.file?.finish()
            writer.file = nil
            writer.report(Outcome(needed: try writer.folder.removeOld(writer.store, writer.changelog)))
        } then: {
        }
    }

    /// Removes what has been written.
    func abandon() {
        run { writer throws(SystemError) in
            writer.file?.abandon()
            writer.file = nil
        } then: {
        }
    }

    private func run(
        _ work: @escaping @Sendable (SnapshotWriter) throws(SystemError) -> Void, then: @escaping @Sendable () -> Void
    ) {
        state.update { $0.isBusy = true }
        threads.run { [self] in
            var hasFailed = false
            do throws(SystemError) { try work(self) } catch {
                hasFailed = true
                file?.abandon()
                file = nil
                report(Outcome(problem: "\(error)"))
            }
            state.update { state in
                state.isBusy = false
                if hasFailed { state.hasFailed = true }
            }
            then()
        }
    }
}
