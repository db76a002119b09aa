// How a task gets its state back: for each store the newest snapshot and the changelog behind it, then the readable rows from the sink.
// It goes in slices, so that the thread that does it can serve several tasks in turn.

import Bytes
import LogStore
import Operators
import Platform
import Quantities

/// Where the restore of a task stands.
struct RestoreCursor {
    /// Stores that are not restored yet, and how far the first of them is.
    var stores: [(name: String, changelog: PartitionKey)]
    var store = StoreProgress.notBegun
    /// Partitions of readable rows that are not restored yet.
    var rows: [PartitionIndex]

    enum StoreProgress {
        case notBegun
        /// Snapshots, newest first, of which the first is being checked.
        case checking([SnapshotReader])
        /// Slices of a snapshot that has been checked are taken; the changelog follows from its offset on.
        case snapshot(SnapshotReader)
        /// Records of the changelog are taken, from this offset on.
        case changelog(Offset)
    }

    /// Nil when there is nothing to restore.
    init?(_ persistence: TaskPersistence) {
        stores = persistence.changelogs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        rows = persistence.rows == nil ? [] : persistence.rowsToRestore
        if stores.isEmpty && rows.isEmpty { return nil }
    }
}

extension QueryTask {
    /// Restores everything.
    package func restore() throws(QueryFailure) { while try restoreSlice() {} }

    /// Restores a slice, and counts the memory that it takes; whether more is to be done. Errors: something cannot be read, or the state
    /// does not fit the memory limit.
    func restoreSlice() throws(QueryFailure) -> Bool {
        guard var cursor = restoring else { return false }
        do throws(LogError) {
            if let store = cursor.stores.first {
                if let progress = try restore(store.name, store.changelog, cursor.store) {
                    cursor.store = progress
                } else {
                    cursor.stores.removeFirst()
                    cursor.store = .notBegun
                }
            } else if let partition = cursor.rows.first, try description.persistence?.rows?.restoreSlice(of: partition) != true {
                cursor.rows.removeFirst()
            }
        } catch {
            throw QueryFailure(message: "state could not be restored: \(error.message)")
        }
        restoring = cursor.stores.isEmpty && cursor.rows.isEmpty ? nil : cursor
        if restoring == nil { description.dataflow.view?.becomeReady() }
        publishMemory()
        if mustSpill { try spill() }
        if var excess = excess ?? description.persistence?.rows?.publishMemory() {
            excess.isRestoring = true
            throw QueryFailure(excess)
        }
        return restoring != nil
    }

    /// Takes a slice of one store; gives how far that is, nil at the end.
    private func restore(
        _ store: String, _ changelog: PartitionKey, _ progress: RestoreCursor.StoreProgress
    ) throws(LogError) -> RestoreCursor.StoreProgress? {
        let bounds = try log.bounds(of: changelog.topic, partition: changelog.partition)
        switch progress {
        case .notBegun:
            guard let persistence = description.persistence, let folder = persistence.snapshots else { return try whole(store, bounds) }
            let found = folder.candidates(store, changelog, bounds, warn: persistence.warn)
            return found.isEmpty ? try whole(store, bounds) : .checking(found)
        case .checking(let candidates):
            if let next = check(candidates) { return next }
            return try whole(store, bounds)
        case .snapshot(let reader):
            let records: RecordRun?
            do throws(SystemError) {
                records = try reader.nextSlice()
            } catch {
                throw LogError(.storage, "\(error)")
            }
            guard let records else { return .changelog(reader.offset) }
            try take(records, into: store)
            return .snapshot(reader)
        case .changelog(let position):
            let offset = max(position, bounds.start)
            guard offset < bounds.durableEnd else { return nil }
            let run = try log.fetch(
                changelog.topic, partition: changelog.partition, from: offset, maxBytes: TaskLimits.fetchBytes, upTo: .durable)
            let entries = try take(run, into: store)
            // A server that is ended often would else read more of it each time.
            snapshots?.note(store, entries)
            return run.nextOffset > offset ? .changelog(run.nextOffset) : nil
        }
    }

    /// The changelog alone, which must have its beginning.
    private func whole(_ store: String, _ bounds: PartitionBounds) throws(LogError) -> RestoreCursor.StoreProgress {
        guard bounds.start == .first else {
            throw LogError(
                .damaged,
                "the changelog of \(store) begins at offset \(bounds.start), and no snapshot of what was before is whole; the next start of the "
                    + "server builds the state anew from the query's sources, where these reach back far enough")
        }
        return .changelog(bounds.start)
    }

    /// Checks a slice of the first of these snapshots; nil when none is left.
    private func check(_ candidates: [SnapshotReader]) -> RestoreCursor.StoreProgress? {
        guard let reader = candidates.first, let persistence = description.persistence else { return nil }
        switch reader.checkSlice() {
        case .more: return .checking(candidates)
        case .whole: return .snapshot(reader)
        case .damaged(let reason):
            persistence.snapshots?.discard(reader.path, reason, warn: persistence.warn)
            return candidates.count > 1 ? .checking(Array(candidates.dropFirst())) : nil
        }
    }

    /// Gives the number of entries.
    @discardableResult private func take(_ run: RecordRun, into store: String) throws(LogError) -> Int {
        do throws(DataflowError) { return try description.dataflow.restore(store: store, run: run) } catch {
            throw LogError(.damaged, error.message)
        }
    }
}
