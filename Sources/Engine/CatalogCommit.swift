// How the catalog changes: the change is checked against what exists, committed together with the records that belong
// to it, and then the snapshot, and after it what runs, follow. Nothing is stopped or deleted before the commit, so a
// commit that fails leaves all as it was.

import Bytes
import Catalog
import Diagnostics
import JSONText
import LogStore
import Pipelines
import Platform
import Quantities

extension MillraceEngine {
    /// Carries out a change of the catalog; to be called on `catalogLane` only. `appends` become durable with
    /// it; with `generation` it is refused when the log has taken back records since then. The queries in `starting`
    /// are started even when the change does not concern them. Gives notices about what is left to be done.
    ///
    /// Errors: the change contradicts the catalog, the catalog could not be read whole, or the log refuses the commit.
    /// Nothing has happened then. What fails after the commit is no error: it is shown as the query's state, or tried
    /// again later.
    func apply(
        _ change: CatalogChange, appends: [Append] = [], generation: UInt64? = nil, starting: Set<String> = []
    ) throws(Diagnostic) -> [String] {
        if !change.isEmpty { try commit(change, appends, generation) }
        return reconcile(change.queryIDs.union(starting), starting: starting) + deleteRemovedTopics()
    }

    /// Has the catalog hold, before a statement makes a topic, that a topic of this identity is to be deleted: the statement's own
    /// commit takes that back. So a start after a crash in between knows the topic for one that nobody needs.
    ///
    /// Errors: the catalog could not be read whole, or the log refuses the commit.
    func announce(_ topic: RemovedTopic) throws(Diagnostic) {
        try commit(CatalogChange(set: [.removedTopic(topic)]), [], nil)
    }

    private func commit(_ change: CatalogChange, _ appends: [Append], _ generation: UInt64?) throws(Diagnostic) {
        try checkChangeable()
        let (before, first, leftovers) = state.withLock { ($0.catalog, $0.nextSequence, $0.deletedTopics) }
        var change = change
        // Topics that have been deleted since the last change are forgotten with this one.
        change.remove += leftovers.filter { before.removedTopics[$0] != nil }.map { .removedTopic($0) }
        for index in change.set.indices { change.set[index].number(first + Int64(index), in: before) }
        let after: CatalogSnapshot
        do throws(CatalogConflict) { after = try before.applying(change) } catch {
            throw Diagnostic(.objectInUse, "the change contradicts the catalog: \(error.reason)", category: .general)
        }
        try write(change, from: first, with: appends, generation)
        let keys = Set(change.set.map(\.key.text) + change.remove.map(\.text))
        let count = Int64(change.set.count)
        state.update { state in
            state.catalog = after
            state.nextSequence = first + count
            state.deletedTopics.subtract(leftovers)
            // What could not be read is replaced, or gone.
            state.broken.removeAll { keys.contains($0.key) }
        }
    }

    /// Refuses changes while the catalog is known only in part: names and numbers that look free may be taken.
    func checkChangeable() throws(Diagnostic) {
        guard let obstacle = state.withLock({ $0.catalogObstacle }) else { return }
        throw Diagnostic(
            .corruptData, "nothing can be created, changed or dropped: \(obstacle)", category: .general,
            hint: catalogRepairHint)
    }

    /// What to do about a catalog that cannot be read whole.
    var catalogRepairHint: String {
        "Restore the files of the topic \(SystemTopics.catalog) from a backup and start again; `millrace topics verify` names them."
    }

    /// Writes the records of a change and waits until they are durable.
    func write(_ change: CatalogChange, from first: Int64, with appends: [Append], _ generation: UInt64?) throws(Diagnostic) {
        guard let topic = log.describeTopic(named: SystemTopics.catalog) else {
            throw Diagnostic(.internalError, "the catalog topic is gone", category: .general)
        }
        var records = OutgoingRecords()
        let now = configuration.time.wallMilliseconds()
        for key in change.remove { records.append(key: Array(key.text.utf8), value: nil, timestamp: now) }
        for (index, object) in change.set.enumerated() {
            let value: [UInt8]
            do throws(JSONCodingError) { value = try object.record(sequence: first + Int64(index)) } catch {
                throw Diagnostic(.tooLarge, "the catalog cannot hold \(object.key.text): \(error)", category: .general)
            }
            records.append(key: Array(object.key.text.utf8), value: value, timestamp: now)
        }
        try commitAndWait([Append(topic: topic.id, partition: .first, records: records)] + appends, generation: generation)
    }
}

extension CatalogObject {
    /// Gives a query its version, and its place in the order of creation, unless it replaces one that has a place.
    fileprivate mutating func number(_ sequence: Int64, in catalog: CatalogSnapshot) {
        guard case .query(var query) = self else { return }
        query.version = sequence
        query.order = catalog.queries[query.id]?.order ?? sequence
        self = .query(query)
    }
}

extension MillraceEngine {
    /// The record that remembers a statement of a script, for the commit of the statement itself; none where no script
    /// runs.
    func markAppends(_ mark: String?) throws(Diagnostic) -> [Append] {
        guard let mark, let topic = log.describeTopic(named: SystemTopics.catalog) else { return [] }
        let object = CatalogObject.scriptMark(mark)
        var records = OutgoingRecords()
        do throws(JSONCodingError) {
            records.append(
                key: Array(object.key.text.utf8), value: try object.record(sequence: 0), timestamp: configuration.time.wallMilliseconds())
        } catch {
            throw Diagnostic(.internalError, "\(error)", category: .general)
        }
        return [Append(topic: topic.id, partition: .first, records: records)]
    }
}
