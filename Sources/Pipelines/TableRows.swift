// The readable rows of the table that a query makes: what its commits have made durable. Where they follow from the state of an
// aggregation, they are read there, through the views of the tasks. Else they are kept here, by partition of the table's topic, not by
// task: which task owns a key follows from how the source's keys are written, which row lies where from how the table's are, and only the
// latter can be read off the topic after a restart.

import Bytes
package import LogStore
package import Operators
package import Plans
import Platform
package import Quantities

/// Records for the rows of one partition.
struct NewRows: Sendable {
    var partition: PartitionIndex
    var records: OutgoingRecords
}

/// The rows that bounded queries read, shared by the tasks of a query. They outlive the tasks: since they hold nothing but what is durable,
/// they stay right while tasks are thrown away and made anew.
package final class TableRows: Sendable {
    /// The rows of some partitions, behind a lock that is taken once a commit and once a question.
    private struct Shard {
        let store: ResultStore
        let partitions: [PartitionIndex]
        /// By partition, the offset up to which its records have been read back; nil until that is done.
        var ends: [PartitionIndex: Offset]?
        /// The same while it is being done.
        var restored: [PartitionIndex: Offset] = [:]
    }

    private struct Layout: Sendable {
        var topic: TopicID
        /// One for all partitions, or one for each.
        var shards: [Monitor<Shard>]
        /// By partition, the offset from which on the records are the table's.
        var origin: [Offset]
        func shard(of partition: PartitionIndex) -> Monitor<Shard> { shards.count == 1 ? shards[0] : shards[partition.index] }
    }

    private let log: any EventLog
    /// Where rows are read from the state of tasks: the views of those that are ready, and of those that will take their place.
    private struct Views {
        var current: [TableView]?
        var next: [TableView]?
    }

    private let views = Monitor(Views())
    private let layout = Monitor<Layout?>(nil)
    /// Bytes of the rows that are kept here.
    private let memory = Monitor(0)
    private let share: MemoryShare?
    private let hold: MemoryHold?
    /// The rows were let go of, and are read back when the query starts again.
    private let isGone = Monitor(false)

    /// No rows yet, of a table that has no topic yet. What is kept here counts in `memory`.
    package init(log: any EventLog, memory: MemoryShare? = nil) {
        self.log = log
        share = memory
        hold = memory.map(MemoryHold.init)
    }

    /// Has the rows read from the state of these tasks as soon as all of them are restored. Until then they are read from the state that
    /// earlier tasks have left, where there is memory for both.
    package func read(from next: [TableView]) {
        isGone.withLock { $0 = false }
        let bytes = share?.bytes ?? 0
        let fitsTwice = share?.obstacle(holding: bytes.addingReportingOverflow(bytes).partialValue) == nil
        let old = views.withLock { views in
            defer { views = Views(current: fitsTwice ? views.current : nil, next: next) }
            return views
        }
        withExtendedLifetime(old) {}
        for view in next { view.whenReady { [weak self] in self?.switchViews() } }
    }

    private func switchViews() {
        views.withLock { views in
            guard let next = views.next, next.allSatisfy(\.isReady) else { return }
            views = Views(current: next, next: nil)
        }
    }

    /// Takes the rows out of memory. They go with the last reference to what it gives, which may take a while.
    func detach() -> DetachedRows {
        isGone.withLock { $0 = true }
        let old = views.withLock { views in
            defer { views = Views() }
            return views
        }
        let parts = layout.withLock { layout in
            defer { layout = nil }
            return layout
        }
        memory.withLock { $0 = 0 }
        _ = publishMemory()
        return DetachedRows(views: (old.current ?? []) + (old.next ?? []), parts: parts?.shards ?? [])
    }

    /// Whether the rows were not let go of.
    package var areInMemory: Bool { !isGone.withLock { $0 } }

    // MARK: Layout

    /// Makes room for the rows of a topic, unless it is there. With `isOneTask` all of them lie in one store, which then has one stream
    /// time as the task has. With `isLogged` the topic is what the rows are read back from, from the offset in `origin` of each
    /// partition on, else they are given anew with every start.
    package func prepare(
        _ topic: TopicDescription, isOneTask: Bool, isLogged: Bool = true, origin: [Offset] = [],
        _ makeStore: () throws(QueryFailure) -> ResultStore
    ) throws(QueryFailure) {
        if isLogged, layout.withLock({ $0?.topic }) == topic.id { return }
        let partitions = topic.partitionIndexes
        var shards: [Monitor<Shard>] = []
        for group in isOneTask ? [partitions] : partitions.map({ [$0] }) {
            shards.append(Monitor(Shard(store: try makeStore(), partitions: group, ends: isLogged ? nil : [:])))
        }
        layout.withLock { $0 = Layout(topic: topic.id, shards: shards, origin: origin) }
        memory.withLock { $0 = 0 }
        isGone.withLock { $0 = false }
    }

    /// Reads a slice of the rows of one partition back from the topic (with those of other partitions that lie in the same store), unless
    /// that has been done; whether more is to be done.
    func restoreSlice(of partition: PartitionIndex) throws(LogError) -> Bool {
        guard let layout = layout.withLock({ $0 }) else { return false }
        let result = layout.shard(of: partition).withLock { shard -> Result<Bool, LogError> in
            do throws(LogError) { return .success(try restoreSlice(&shard, of: layout)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func restoreSlice(_ shard: inout Shard, of layout: Layout) throws(LogError) -> Bool {
        guard shard.ends == nil else { return false }
        for partition in shard.partitions {
            let bounds = try log.bounds(of: layout.topic, partition: partition)
            let origin = layout.origin.indices.contains(partition.index) ? layout.origin[partition.index] : bounds.start
            let offset = max(bounds.start, shard.restored[partition] ?? origin)
            shard.restored[partition] = offset
            guard offset < bounds.durableEnd else { continue }
            let run = try log.fetch(
                layout.topic, partition: partition, from: offset, maxBytes: TaskLimits.fetchBytes, upTo: .durable)
            guard run.nextOffset > offset else { continue }
            let before = shard.store.memory
            shard.store.apply(run)
            shard.restored[partition] = run.nextOffset
            let growth = shard.store.memory - before
            memory.withLock { $0 += growth }
            return true
        }
        shard.ends = shard.restored
        return false
    }

    // MARK: Rows

    /// Takes in records that have become durable, from offset `base` on; nil where they are not in the topic that rows are read back from.
    func apply(_ rows: NewRows, at base: Offset?) {
        guard let shard = layout.withLock({ $0?.shard(of: rows.partition) }) else { return }
        shard.withLock { shard in
            // What is durable now will be read back, or has been.
            guard let ends = shard.ends else { return }
            let known = base.map { max(0, (ends[rows.partition] ?? .first) - $0) } ?? 0
            guard known < rows.records.count else { return }
            let before = shard.store.memory
            shard.store.apply(rows.records, from: Int(known))
            memory.withLock { $0 += shard.store.memory - before }
        }
    }

    /// The rows on an access path, at most about `mostBytes` bytes from each part of the table: each part in the order of its keys. Errors:
    /// not all rows that are durable are there yet, or the question was cancelled.
    package func read(
        _ access: TableAccess, mostBytes: Int, unless cancel: CancelFlag = CancelFlag()
    ) throws(QueryFailure) -> [TableContent] {
        let isRestoring = QueryFailure(message: "the rows are being read back from the log; ask again in a while")
        if isGone.withLock({ $0 }) { throw QueryFailure(message: "the rows are in the log, but not in memory, because others needed that") }
        let (current, next) = views.withLock { ($0.current, $0.next) }
        if current == nil, next != nil { throw isRestoring }
        if let current {
            return try current.map { view throws(QueryFailure) in
                let content: TableContent?
                do throws(DataflowError) {
                    content = try view.read(access, mostBytes: mostBytes, unless: cancel)
                } catch {
                    throw QueryFailure(message: error.message)
                }
                guard let content else { throw isRestoring }
                return content
            }
        }
        guard let layout = layout.withLock({ $0 }) else { return [] }
        return try layout.shards.map { shard throws(QueryFailure) in
            let found = shard.withLock { shard in shard.ends == nil ? nil : shard.store.records(access, mostBytes: mostBytes) }
            guard let found else { throw isRestoring }
            return TableContent(run: found.run, isWhole: found.next == nil)
        }
    }

    /// Reports the memory that the rows kept here take. Gives why they must not, when they must not.
    func publishMemory() -> MemoryExcess? { hold?.report(["readable rows": memory.withLock { $0 }]) }
}

/// Rows that nobody can find any more.
struct DetachedRows: Sendable {
    fileprivate let views: [TableView]
    fileprivate let parts: [any Sendable]
}
