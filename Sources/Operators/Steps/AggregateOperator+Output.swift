// What an aggregation puts out: every change at once, changes that were held back, and windows that have closed.

import Bytes
import Formats
import Plans
import Quantities
import Synchronization
import Values

/// A row of a batch.
struct BatchRow {
    let batch: Batch
    let row: Int
}

/// Rows of a window that are being emitted, chunk by chunk.
struct Outgoing {
    let window: WindowGroups
    /// The groups, in order; nil for all of the window's by their keys.
    var groups: [Int32]?
    /// The first group that has not left.
    var next = 0
    /// EMIT FINAL: the row whose time closed the window.
    var closedBy: BatchRow?
}

extension AggregateOperator {
    /// Runs the aggregates over the operations gathered so far, and holds back what they give unless it leaves at once. Gives the time of
    /// each group right after each operation, where that is needed. Called with the lock of the state held.
    func apply(_ input: Batch) throws(DataflowError) -> [Int64] {
        context.budget.spend(rows: rows.count)
        batch.partition = input.partition
        batch.input = input.input
        let emitsEach = emitsEach
        let keyCount = step.output.keyCount
        if emitsEach { for column in resultColumns[keyCount...] { column.reset(rows.count) } }
        if emitsEach && step.sendsOld { for column in beforeColumns { column.reset(rows.count) } }
        var times = emitsEach ? [Int64](repeating: 0, count: rows.count) : []
        for window in touched {
            let table = window.table
            noteOperations(window)
            table.advance(window.operations, input.timestamps, into: &times)
            if table.isFull { throw DataflowError("the keys of one window take more than 2 GiB of memory", input: input.input) }
            for (index, aggregator) in table.aggregators.enumerated() {
                let before = emitsEach && step.sendsOld ? beforeColumns[keyCount + index] : nil
                do throws(AggregateFailure) {
                    try aggregator.applyAll(
                        window.operations, new.values[index], old: step.isTableInput ? old.values[index] : [],
                        before: before, result: emitsEach ? resultColumns[keyCount + index] : nil)
                } catch {
                    let row = Int(window.operations.rows[error.entry])
                    throw DataflowError(
                        error.message, input: input.input, partition: input.partition, offset: input.offset(of: row))
                }
                context.reportSkipped(by: aggregator, of: input, window.operations.rows)
            }
        }
        return times
    }

    /// Emits what every operation has made of its group.
    func emitEach(_ input: Batch, _ times: [Int64]) throws(DataflowError) {
        let count = rows.count
        let single = isWindowed ? nil : touched[0]
        batch.gatherOrigins(of: input, rows)
        batch.rowCount = count
        batch.timestamps = times
        batch.selection = emits.isEmpty || !emits.contains(false) ? .all(count) : Selection.all(count).filtered { emits[$0] }
        for (index, column) in resultColumns[..<step.output.keyCount].enumerated() {
            if let single {
                column.copyRows(of: single.table.keys[index], single.operations.groups)
            } else {
                column.reset(count)
                for row in 0..<count { column.copy(touched[Int(windowOf[row])].table.keys[index], Int(groupOf[row]), to: row) }
            }
        }
        batch.columns = resultColumns
        if isWindowed {
            batch.windowStarts = startOf
            batch.windowEnds = startOf.map { [windowTimes] in windowTimes.end(of: $0) }
        }
        if step.sendsOld { addOldVersions(count, single) }
        learnSize()
        try emit(batch)
    }

    /// The results before each change become the old version of its row.
    private func addOldVersions(_ count: Int, _ single: WindowGroups?) {
        batch.hasOld = Array(repeating: false, count: count)
        for row in 0..<count {
            let (window, group) = single.map { ($0, $0.operations.groups[row]) } ?? (touched[Int(windowOf[row])], groupOf[row])
            let isPaired = row < pairedWithPrevious.count && pairedWithPrevious[row]
            // The undo half of a pair emits nothing: its old version is the pair's.
            if isPaired {
                for column in beforeColumns[step.output.keyCount...] { column.copy(column, row - 1, to: row) }
            }
            let emits = row >= self.emits.count || self.emits[row]
            batch.hasOld[row] = window.table.wasEmitted(group)
            if emits { window.table.noteEmitted(group) }
        }
        for index in 0..<step.output.keyCount { beforeColumns[index].share(resultColumns[index]) }
        batch.old = beforeColumns
    }

    /// Learns from the current chunk how many rows the next one may have: at most four times as many.
    private func learnSize() {
        guard !hasFixedSize, batch.rowCount > 0 else { return }
        let weight = max(1, batch.textMemory / batch.rowCount)
        chunkRows = max(1, min(OutputLimits.chunkRows, chunkRows * 4, OutputLimits.chunkBytes / weight))
    }

    // MARK: Coalescing

    func holdBack(_ window: WindowGroups) {
        let table = window.table
        if table.pending.isEmpty {
            withPending.append(window)
            if step.sendsOld {
                if window.pendingOld.isEmpty { window.pendingOld = step.output.columns.map { Column($0.type) } }
                for column in window.pendingOld { column.reset(0) }
                window.pendingHadOld.removeAll(keepingCapacity: true)
            }
        }
        let fresh = table.markPending(window.operations.groups)
        heldRowCount += fresh.count
        guard step.sendsOld else { return }
        for group in fresh {
            window.pendingHadOld.append(table.wasEmitted(group))
            table.noteEmitted(group)
            for (index, aggregator) in table.aggregators.enumerated() {
                let column = window.pendingOld[step.output.keyCount + index]
                aggregator.result(Int(group), into: column, column.appendRow())
            }
        }
    }

    // MARK: Rows that leave later

    /// Emits the next chunk of the rows that are being emitted.
    func emitOutgoing() throws(DataflowError) {
        let item = outgoing[nextOutgoing]
        let groups = item.groups ?? inKeyOrder(item.window.table)
        let last = min(groups.count, item.next + chunkRows)
        let isWhole = item.next == 0 && last == groups.count
        let chunk = isWhole ? groups : Array(groups[item.next..<last])
        state.lock.withLock { _ in show(item.window, chunk) }
        if let closing = item.closedBy {
            let (input, row) = (closing.batch, closing.row)
            batch.gatherOrigins(of: input, Array(repeating: Int32(truncatingIfNeeded: row), count: batch.rowCount))
        } else if step.sendsOld {
            showOld(item.window, item.next..<last, isWhole: isWhole)
        }
        if last == groups.count {
            nextOutgoing += 1
            if nextOutgoing == outgoing.count { clearOutgoing() }
        } else {
            outgoing[nextOutgoing].groups = groups
            outgoing[nextOutgoing].next = last
        }
        context.budget.spend(rows: batch.rowCount)
        learnSize()
        if batch.rowCount > 0 { try emit(batch) }
    }

    func clearOutgoing() {
        outgoing.removeAll(keepingCapacity: true)
        nextOutgoing = 0
    }

    /// Puts the versions before the first change that was held back beside the rows of `batch`.
    private func showOld(_ window: WindowGroups, _ places: Range<Int>, isWhole: Bool) {
        let columns = isWhole ? window.pendingOld : beforeColumns
        for (index, column) in columns.enumerated() {
            if index < step.output.keyCount {
                column.share(resultColumns[index])
            } else if !isWhole {
                column.gather(window.pendingOld[index], places.map { Int32(truncatingIfNeeded: $0) })
            }
        }
        batch.old = columns
        batch.hasOld = isWhole ? window.pendingHadOld : Array(window.pendingHadOld[places])
    }

    /// Makes `batch` the current rows of these groups.
    private func show(_ window: WindowGroups, _ groups: [Int32]) {
        let table = window.table
        let keyCount = step.output.keyCount
        batch.rowCount = groups.count
        batch.selection = .all(groups.count)
        batch.timestamps = table.times(of: groups)
        batch.offsets = []
        batch.headers = []
        batch.recordIndexes = []
        batch.hasOld = []
        batch.old = []
        batch.windowStarts = isWindowed ? Array(repeating: window.start, count: groups.count) : []
        batch.windowEnds = isWindowed ? Array(repeating: windowTimes.end(of: window.start), count: groups.count) : []
        for index in 0..<keyCount { resultColumns[index].copyRows(of: table.keys[index], groups) }
        for (index, aggregator) in table.aggregators.enumerated() {
            let column = resultColumns[keyCount + index]
            column.reset(groups.count)
            aggregator.results(groups, into: column)
        }
        batch.columns = resultColumns
    }

    /// EMIT FINAL: windows that have ended leave, by window start and key bytes; those that a jump of stream time has overtaken by more
    /// than the retention vanish.
    func queueClosed(_ input: Batch, _ row: Int) {
        let horizon = state.streamTime.earlier(by: grace)
        for start in state.starts[firstOpenPlace...].prefix(while: { windowTimes.end(of: $0) <= horizon }) {
            guard let window = state.windows[start] else { continue }
            window.isClosed = true
            guard start >= largestStart.earlier(by: retention) else {
                reportOvertaken(window, input, row)
                continue
            }
            outgoing.append(Outgoing(window: window, closedBy: BatchRow(batch: input, row: row)))
        }
    }

    /// A window that a jump of stream time has carried beyond its retention is not given out, as in the dialect's reference; that is no
    /// reason to be silent about it.
    private func reportOvertaken(_ window: WindowGroups, _ input: Batch, _ row: Int) {
        let count = window.table.count
        context.errors.add(
            .late, step: "Aggregate", column: nil,
            message: "window [\(window.start),\(windowTimes.end(of: window.start))) with \(count) key\(count == 1 ? "" : "s") was overtaken by stream time "
                + "\(state.streamTime) and is not given out: a longer RETENTION keeps it", batch: input, row: row)
    }

    private func inKeyOrder(_ table: GroupTable) -> [Int32] {
        KeyOrder.sorted((0..<Int32(truncatingIfNeeded: table.count)).map { $0 }, table.keys, keyEncoder)
    }
}
