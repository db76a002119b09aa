// A table as questions read it: the groups of an aggregation as of the latest durable commit, made into rows of the table by the steps that
// stand above it in the plan. The table's topic is output only; nothing is kept beside the state.
//
// A question runs on a thread of its own. It copies some groups at a time under the lock of the state and does everything else (projection,
// HAVING, encoding, ordering) without it, so that the task never waits for more than one such copy.

package import Bytes
package import Plans
import Quantities
import Spill
import Synchronization
import Values

/// What a question found in a table, or in a part of it.
package struct TableContent: Sendable {
    /// Records of the table's topic in the order of their keys and windows, with offsets that mean nothing.
    package var run: RecordRun
    /// Whether that is all; else the limit of bytes was reached.
    package var isWhole: Bool
    /// Rows that could not be computed, by cause, and the first of them.
    package var errors: [RowErrorCause: Int] = [:]
    package var firstError: RowError?

    /// Records without errors.
    package init(run: RecordRun, isWhole: Bool) {
        self.run = run
        self.isWhole = isWhole
    }
}

/// The rows of one partition of a table. It stays readable when the dataflow that keeps the state is gone.
package final class TableView: @unchecked Sendable {
    // `state` is guarded by its own lock. All else is set once; the closures of `environment` may be called on any thread.
    private let state: GroupedState
    let step: AggregateStep
    let root: Step
    let sink: SinkDescription
    let environment: DataflowEnvironment
    /// For each key column of the table the grouping column that it shows.
    let keyPlaces: [Int]
    let windowTimes: WindowTimes
    /// Whatever is to live as long as the view: its account of memory. Set before any other thread knows the view.
    package var companion: AnyObject?
    private let readyCall = Mutex<(@Sendable () -> Void)?>(nil)

    /// A view of an aggregation, whose rows become those of a table by the steps from there up to `root`; nil without state or a topic.
    init?(
        _ aggregation: ReadableAggregation, _ state: GroupedState?, of root: Step, _ destination: Destination, _ environment: DataflowEnvironment
    ) {
        guard let state, case .sink(let sink) = destination, let windowTimes = try? WindowTimes(aggregation.step.window, environment)
        else { return nil }
        self.windowTimes = windowTimes
        self.state = state
        step = aggregation.step
        keyPlaces = aggregation.keyPlaces
        self.root = root
        self.sink = sink
        self.environment = environment
    }

    /// The store whose state is read.
    package var storeName: String { step.store.name }

    /// All that was restored is there: questions are answered from now on.
    package func becomeReady() {
        state.becomeReady()
        callWhoWaits()
    }

    /// Whether questions are answered.
    package var isReady: Bool { state.isReady }

    /// Calls `body` once questions are answered, at once on this thread or later on that which restores the state.
    package func whenReady(_ body: @escaping @Sendable () -> Void) {
        readyCall.withLock { $0 = body }
        if isReady { callWhoWaits() }
    }

    private func callWhoWaits() {
        let call = readyCall.withLock { call in
            defer { call = nil }
            return call
        }
        call?()
    }

    /// The commit with this number, counted from 1 in the life of the dataflow, and all before it are durable, and their rows are seen.
    package func commitIsDurable(_ number: Int) { state.commitIsDurable(number) }

    /// The rows on an access path as of the latest durable commit, at most about `mostBytes` of them; nil while the state is being restored.
    /// Errors: the question was cancelled, or its values are too large.
    package func read(
        _ access: TableAccess, mostBytes: Int, unless cancel: CancelFlag = CancelFlag()
    ) throws(DataflowError) -> TableContent? {
        let ranges = access.ranges
        let isWindowed = step.window != nil
        let isAsked = { [windowTimes] (start: Int64) in
            !isWindowed || ranges.contains { $0.windows.contains(start: start, end: windowTimes.end(of: start)) }
        }
        guard let reading = state.beginReading(isAsked) else { return nil }
        defer { state.endReading(reading) }
        var reader = try TableReader(self, reading, cancel, mostBytes: mostBytes)
        // Windows that have expired are not shown, although they may be there a while longer.
        let earliest = step.window.map { reading.latestStart.earlier(by: $0.retention) }
        for window in reading.windows where earliest.map({ window.start >= $0 }) ?? true {
            let end = windowTimes.end(of: window.start)
            let asked = isWindowed ? ranges.filter { $0.windows.contains(start: window.start, end: end) } : ranges
            guard try reader.read(window, asked) else { break }
        }
        return try reader.finish()
    }

    /// Copies the groups `range` of a window into `batch`, as far as they were there at the commit that is read. The batch has the columns of
    /// the aggregation.
    func copy(_ range: Range<Int>, of window: WindowGroups, at commit: Int, into batch: Batch) {
        state.lock.withLock { _ in
            let later = window.earlier.filter { $0.commit > commit }
            let last = min(range.upperBound, later.first?.groupCount ?? window.table.count)
            let groups = (min(range.lowerBound, last)..<last).map { Int32(truncatingIfNeeded: $0) }
            window.table.show(groups, in: batch)
            for earlier in later.reversed() { earlier.put(over: batch, range.lowerBound..<last, keyCount: window.table.keys.count) }
        }
    }

    /// How many groups a window has at the commit that is read.
    func groupCount(of window: WindowGroups, at commit: Int) -> Int {
        state.lock.withLock { _ in window.earlier.first { $0.commit > commit }?.groupCount ?? window.table.count }
    }

    /// For each of the `count` rows of `keys` the group of the window that has it, where that is one of the first `limit`.
    func find(_ keys: [Column], count: Int, in window: WindowGroups, below limit: Int) -> [Int?] {
        var found: [Int?] = []
        state.lock.withLock { _ in found = (0..<count).map { row in window.table.find(keys, row).flatMap { $0 < limit ? $0 : nil } } }
        return found
    }

    /// Makes `batch` the rows of groups on disk: those at `rows` of `entries`, whose keys stand in `keys`.
    func show(_ entries: EntryList, _ rows: [Int], _ keys: [Column], in batch: Batch) throws(DataflowError) {
        let table = try GroupTable.make(step, step.aggregates.map { _ in SequenceCounter() }, environment.added, seed: 0)
        var groups: [Int32] = []
        table.assign(keys, rows.map { Int32(truncatingIfNeeded: $0) }, to: &groups)
        if table.restore(groups, rows.map { entries.values[$0] }, of: entries.bytes) != nil { throw .damagedOnDisk }
        table.show(groups, in: batch)
    }
}

extension GroupTable {
    /// Makes `batch` the rows of groups as they are now.
    fileprivate func show(_ groups: [Int32], in batch: Batch) {
        for (column, key) in zip(batch.columns, keys) { column.copyRows(of: key, groups) }
        for (column, aggregator) in zip(batch.columns[keys.count...], aggregators) {
            column.reset(groups.count)
            aggregator.results(groups, into: column)
        }
        batch.timestamps = groups.map { timestamps[Int($0)] }
        batch.rowCount = groups.count
    }
}
