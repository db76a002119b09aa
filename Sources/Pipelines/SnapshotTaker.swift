// Takes snapshots of a task's stores in slices, between its micro-batches, so that none holds the task up. A slice is only taken while
// everything in memory is in a commit; a snapshot is only written when the commits that its slices saw are durable.

import Bytes
import LogStore
import Operators
import Platform

/// The snapshot under way of one task, and when the next is due.
final class SnapshotTaker {
    private struct Pending {
        var store: String
        var offset: Int64
        var records = OutgoingRecords()
        /// Where in the store the next slice begins; nil when all of it is taken.
        var position: Int?
        /// The commit that must be durable before the file is written.
        var commit = 0
    }

    private let folder: SnapshotFolder
    private var pending: Pending?
    private var changes: [String: Int] = [:]
    /// How many records the last snapshot of each store had.
    private var sizes: [String: Int] = [:]
    /// Entries of one slice: a few milliseconds' work at most.
    private static let sliceEntries = 4_096

    init(folder: SnapshotFolder) { self.folder = folder }

    /// Counts changelog records that went into a commit.
    func note(_ store: String, _ count: Int) { changes[store, default: 0] += count }

    /// Does one slice of work, if there is any. To be called only while all of the task's state is in commits.
    func advance(_ task: QueryTask) {
        // Half of a store must have changed, or a store of millions of keys would be written again and again.
        if pending == nil, let due = changes.first(where: { $0.value >= max(folder.changesBetween, (sizes[$0.key] ?? 0) / 2) }) {
            begin(due.key, task)
        }
        guard var current = pending else { return }
        if let position = current.position {
            let slice = task.description.dataflow.snapshot(store: current.store, from: position, limit: Self.sliceEntries)
            for index in 0..<slice.records.count { current.records.append(from: slice.records, at: index) }
            current.position = slice.next
            current.commit = task.commitsMade
            pending = current
        }
        if current.position == nil, task.commitsDurable >= current.commit {
            pending = nil
            sizes[current.store] = current.records.count
            write(current, task)
        }
    }

    /// Whether slices are still to be taken.
    var isBusy: Bool { pending?.position != nil }

    private func begin(_ store: String, _ task: QueryTask) {
        changes[store] = 0
        guard let changelog = task.description.changelogs[store],
            let bounds = try? task.log.bounds(of: changelog.topic, partition: changelog.partition)
        else { return }
        pending = Pending(store: store, offset: bounds.appendedEnd, position: 0)
    }

    private func write(_ snapshot: Pending, _ task: QueryTask) {
        guard let changelog = task.description.changelogs[snapshot.store] else { return }
        do throws(SystemError) {
            try folder.write(snapshot.store, changelog, offset: snapshot.offset, snapshot.records)
        } catch {
            // Without it the next start reads more of the changelog; that is all.
            task.status.content.withLock { $0.snapshotProblem = "\(error)" }
        }
    }
}
