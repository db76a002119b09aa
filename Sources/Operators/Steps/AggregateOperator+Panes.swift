// Hopping windows by panes: the stretches of time between all beginnings and ends of windows. All rows of a pane are in the same windows. Those
// of one batch that follow each other in a pane are aggregated by themselves first; what comes of that goes into each window once a key, not
// once a row. The windows hold what they hold otherwise, and their groups change in the same order.
//
// Only for aggregates of which the order of the rows says nothing (`isMergedFromParts`), with coalescing, and where no window of the rows is
// closed. Other batches go row by row.

import Plans
import Quantities

/// The panes of hopping windows.
struct Panes {
    /// Rows that follow each other in a pane, on average, with which it is worthwhile.
    private static let worthwhileRows = 32
    /// Windows of a row up to which a batch is one slice of work.
    private static let mostWindows: Int64 = 64

    /// How long a pane is.
    let length: Int64

    /// Nil where the windows of a step, whose groups are as in `table`, do not go by panes.
    init?(_ step: AggregateStep, _ table: GroupTable) {
        guard case .hopping(let size, let advance)? = step.window?.shape, !step.isFinal, !step.isTableInput, advance > 0, size > advance,
            size.count / advance.count < Panes.mostWindows, table.aggregators.allSatisfy(\.isMergedFromParts)
        else { return nil }
        var (length, rest) = (size.count, advance.count)
        while rest > 0 { (length, rest) = (rest, length % rest) }
        self.length = length
    }

    /// Whether so many rows in so many runs are worth it.
    static func isWorthwhile(rows: Int, runs: Int) -> Bool { rows >= runs * worthwhileRows }
}

/// Rows that follow each other in one pane.
struct PaneRun {
    /// Places of the batch's usable rows.
    var places: Range<Int>
    /// Where the pane begins, in time.
    let time: Int64
}

extension AggregateOperator {
    /// The next rows of a batch by panes; nil where they must go row by row.
    func runs(of work: Work, _ panes: Panes, _ limit: Int) -> [PaneRun]? {
        guard work.start == nil, work.next < work.usable.count else { return nil }
        let (usable, times) = (work.usable, work.input.timestamps)
        let last = min(usable.count, work.next + limit)
        var runs: [PaneRun] = []
        var (begin, end, first): (Int64, Int64, Int64) = (0, 0, 0)
        var streamTime = state.streamTime
        var beginning = work.next
        for place in work.next..<last {
            let time = times[usable[place]]
            if time < begin || time >= end {
                if place > beginning { runs.append(PaneRun(places: beginning..<place, time: begin)) }
                guard time >= 0 else { return nil }
                beginning = place
                begin = time - time % panes.length
                end = begin.addingSaturated(panes.length)
                first = firstStart(time)
            }
            streamTime = max(streamTime, time)
            // The first window of the row must be open.
            if first <= streamTime.earlier(by: grace).earlier(by: size) { return nil }
        }
        runs.append(PaneRun(places: beginning..<last, time: begin))
        return Panes.isWorthwhile(rows: last - work.next, runs: runs.count) ? runs : nil
    }

    /// Takes all rows of these runs into their windows; whether the batch is done. Called with the lock of the state held.
    func addRuns(_ runs: [PaneRun], _ panes: Panes, _ work: inout Work) throws(DataflowError) -> Bool {
        let input = work.input
        batch.partition = input.partition
        batch.input = input.input
        for run in runs {
            var pane = GroupOperations()
            pane.rows = run.places.map { Int32(truncatingIfNeeded: work.usable[$0]) }
            let table = try makeTable()
            table.assign(new.groups, pane.rows, to: &pane.groups)
            var times: [Int64] = []
            table.advance(pane, input.timestamps, into: &times)
            for (index, aggregator) in table.aggregators.enumerated() {
                do throws(AggregateFailure) {
                    try aggregator.apply(pane, new.values[index], old: [], result: nil)
                } catch {
                    let row = Int(pane.rows[error.entry])
                    throw DataflowError(error.message, input: input.input, partition: input.partition, offset: input.offset(of: row))
                }
            }
            context.budget.spend(rows: pane.rows.count)
            let groups = (0..<Int32(truncatingIfNeeded: table.count)).map { $0 }
            let paneTimes = table.times(of: groups)
            state.streamTime = paneTimes.reduce(state.streamTime, max)
            var start = firstStart(run.time)
            while start <= run.time {
                try merge(table, groups, paneTimes, into: try window(start), input)
                let (next, isOver) = start.addingReportingOverflow(advance.count)
                if isOver { break }
                start = next
            }
            work.next = run.places.upperBound
        }
        return work.next == work.usable.count
    }

    /// Takes all groups of a pane into a window.
    private func merge(
        _ pane: GroupTable, _ rows: [Int32], _ paneTimes: [Int64], into window: WindowGroups, _ input: Batch
    ) throws(DataflowError) {
        largestStart = max(largestStart, window.start)
        let table = window.table
        let known = table.count
        window.operations.removeAll()
        window.operations.rows = rows
        table.assign(pane.keys, rows, to: &window.operations.groups)
        try state.spilled?.recall(window, from: known)
        noteOperations(window)
        var times: [Int64] = []
        table.advance(window.operations, paneTimes, into: &times)
        if table.isFull { throw DataflowError("the keys of one window take more than 2 GiB of memory", input: input.input) }
        for (aggregator, part) in zip(table.aggregators, pane.aggregators) { aggregator.merge(of: part, into: window.operations.groups) }
        context.budget.spend(rows: rows.count)
        window.operations.removeAll()
    }

    /// Notes that the groups of a window's operations are about to change.
    func noteOperations(_ window: WindowGroups) {
        if context.options.coalesces && !step.isFinal { holdBack(window) }
        state.keepRows(of: window.table.markChanged(window.operations.groups), in: window)
        if !window.isChanged {
            window.isChanged = true
            changed.append(window)
        }
        noteGrowth(window)
    }
}
