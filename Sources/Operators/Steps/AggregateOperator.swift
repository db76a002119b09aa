// GROUP BY without sessions: unwindowed over streams and tables, tumbling and hopping windows, EMIT CHANGES and EMIT FINAL.
//
// A batch becomes lists of operations, one a row and window (two for a table's change); each aggregate runs over a list once. Without
// coalescing the result after every operation is kept, so that one pass emits every change in order. Each window start has a group table
// of its own, dropped whole when its retention is over.
//
// A list is as long as its results fit one chunk; where these have no fixed size (texts, collections), what the last ones had says how many
// those are. Rows that leave later, when a window closes or at a flush, leave in chunks, too.

import Bytes
import Formats
import Plans
import Quantities
import Synchronization
import Values

/// The running form of an aggregation without sessions.
final class AggregateOperator: Operator {
    /// Rows of the first chunk whose size cannot be foreseen.
    private static let firstChunkRows = 64

    /// How far a snapshot has got: the windows that it holds, and the window and the group that come next.
    struct SnapshotPlace {
        var windows: [WindowGroups] = []
        var window = 0
        var group = 0
        /// Of the groups on disk: the key of the last one that it has, and of the last one that it needs.
        var diskKey: [UInt8]?
        var lastDiskKey: [UInt8]?
    }

    /// How far the changelog of a commit has got: the window whose turn it is, by its place in `changed`, and its groups, of which those
    /// before `next` have been written.
    struct LoggingPlace {
        var window = 0
        var groups: [Int32] = []
        var next = 0
    }

    /// A batch, and how far it has got.
    struct Work {
        let input: Batch
        let usable: Selection
        /// The row that comes next, by its place in `usable` (of a table: in the selection of `input`).
        var next = 0
        /// The window of that row that comes next; nil for its first.
        var start: Int64?
        /// Of a table: which rows have usable new and old versions.
        var isNew: [Bool] = []
        var isOld: [Bool] = []
    }

    let step: AggregateStep
    let new: AggregateInput
    let old: AggregateInput
    private let sequences: [SequenceCounter]
    let windowTimes: WindowTimes
    let size: Milliseconds
    let advance: Milliseconds
    /// The bounds of the window of a calendar that was looked for last.
    private var latestBounds: (start: Int64, end: Int64) = (0, 0)
    let grace: Milliseconds
    let retention: Milliseconds
    /// How rows are put together before they go into windows; nil where each goes by itself.
    private(set) var panes: Panes?
    /// Keeps the rows whose windows are closed.
    let lateRows: LateRowWriter?
    let keyEncoder: SideEncoder
    var batch = Batch()
    let resultColumns: [Column]
    let beforeColumns: [Column]

    /// The groups of all windows, which questions may read meanwhile.
    let state: GroupedState
    var latest: WindowGroups?
    /// Windows with groups that the changelog has not got yet.
    var changed: [WindowGroups] = []
    var logging = LoggingPlace()
    var packed = PackedGroups()
    /// Windows whose memory may have grown since it was last counted, and what all had then.
    var uncounted: [WindowGroups] = []
    var countedMemory = 0
    /// The windows of the snapshot under way: they stay the same while others come and go.
    var inSnapshot = SnapshotPlace()
    var touched: [WindowGroups] = []
    var withPending: [WindowGroups] = []
    var loggedStreamTime = StreamTime.unset
    var largestStart = StreamTime.unset

    /// The current batch while operations of it are left.
    private var work: Work?
    /// Rows that are being emitted, in order; those before `nextOutgoing` have been.
    var outgoing: [Outgoing] = []
    var nextOutgoing = 0
    /// Rows that are held back for coalescing.
    var heldRowCount = 0
    /// How many rows are one chunk, as far as is known.
    var chunkRows: Int
    let hasFixedSize: Bool

    // The current operations, in order: position k of all these arrays.
    var rows: [Int32] = []
    var emits: [Bool] = []
    /// Windowed: the window (as an index into `touched`) and the group of each operation.
    var windowOf: [Int32] = []
    var groupOf: [Int32] = []
    /// Windowed: the window start of each operation that is not applied yet.
    var startOf: [Int64] = []
    var pairedWithPrevious: [Bool] = []

    /// `keepsView`: questions may read the groups (see `TableView`).
    init(_ step: AggregateStep, _ context: DataflowContext, next: Operator, keepsView: Bool = false) throws(DataflowError) {
        self.step = step
        new = try AggregateInput(step, context)
        old = try AggregateInput(step, context)
        sequences = step.aggregates.map { _ in SequenceCounter() }
        windowTimes = try WindowTimes(step.window, context.environment)
        (size, advance) = (windowTimes.size, windowTimes.advance)
        grace = step.window?.grace ?? 0
        retention = step.window?.retention ?? 0
        lateRows = try step.late.map { late throws(DataflowError) in try LateRowWriter(late, context) }
        keyEncoder = try Codecs.internalKeyEncoder(step.keyFormat, step.output.key)
        resultColumns = step.output.columns.map { Column($0.type) }
        beforeColumns = step.output.columns.map { Column($0.type) }
        hasFixedSize = !resultColumns.contains(where: \.hasVariableWeight)
        chunkRows = hasFixedSize ? OutputLimits.chunkRows : AggregateOperator.firstChunkRows
        state = GroupedState(keepsEarlierRows: keepsView)
        super.init(context, next: next)
        // Fails now rather than at the first row when an aggregate has no body.
        let table = try makeTable()
        panes = context.options.coalesces ? Panes(step, table) : nil
    }

    /// Whether its groups may go to disk. Those of EMIT FINAL leave in the order of their keys when a window closes, all of them at once.
    var maySpill: Bool { !step.isFinal && context.environment.makeDiskTable != nil }

    override var stores: [NamedStore] { [NamedStore(step.store, self)] }

    override var besideRecords: RecordSink? { lateRows?.records }

    var isWindowed: Bool { step.window != nil }
    override var windowTime: Int64? { isWindowed ? state.streamTime : nil }

    func makeTable() throws(DataflowError) -> GroupTable {
        try GroupTable.make(
            step, sequences, context.environment.added, seed: context.options.hashSeed, skipsFailures: context.skipsFailures)
    }

    /// The groups of the window that starts at `start`.
    func window(_ start: Int64) throws(DataflowError) -> WindowGroups {
        if let latest, latest.start == start { return latest }
        if let known = state.windows[start] {
            latest = known
            return known
        }
        let made = WindowGroups(start: start, table: try makeTable())
        state.windows[start] = made
        // One whose groups are on disk is there.
        let place = state.starts.firstPlace { $0 >= start }
        if place == state.starts.count || state.starts[place] != start { state.starts.insert(start, at: place) }
        latest = made
        return made
    }

    // MARK: Batches

    override func push(_ input: Batch) throws(DataflowError) {
        let withValue = input.hasValue.isEmpty ? input.selection : input.selection.filtered { input.hasValue[$0] }
        let usable = try new.read(input, withValue, old: false)
        var work = Work(input: input, usable: usable)
        if step.isTableInput {
            work.isNew = flags(usable, input.rowCount)
            let withOld = input.old.isEmpty ? Selection.only([]) : input.selection.filtered { input.hadOld($0) }
            work.isOld = flags(try old.read(input, withOld, old: true), input.rowCount)
        }
        self.work = work
        try resume()
    }

    private func flags(_ rows: Selection, _ count: Int) -> [Bool] {
        var result = [Bool](repeating: false, count: count)
        rows.forEach { result[$0] = true }
        return result
    }

    override func releaseMemory() {
        new.releaseMemory()
        old.releaseMemory()
        batch = Batch()
    }

    override var hasWork: Bool { work != nil || nextOutgoing < outgoing.count }

    override var heldRows: Int { heldRowCount }

    override func flush() throws(DataflowError) {
        for window in withPending { outgoing.append(Outgoing(window: window, groups: window.table.takePending())) }
        withPending.removeAll(keepingCapacity: true)
        heldRowCount = 0
        try resume()
    }

    override func abandon() {
        work = nil
        clearOutgoing()
    }

    override func resume() throws(DataflowError) {
        while true {
            if nextOutgoing < outgoing.count {
                try emitOutgoing()
            } else if let next = work {
                try proceed(with: next)
            } else {
                return
            }
            if hasWork && context.budget.isUsedUp { return }
        }
    }

    /// Makes the next operations of the batch, as many as may be one list, and applies them.
    private func proceed(with work: Work) throws(DataflowError) {
        clearOperations()
        // Operations whose results do not leave now are limited all the same: each takes memory until it is applied.
        let limit = emitsEach ? chunkRows : OutputLimits.sliceRows
        var work = work
        var isDone = false
        var times: [Int64] = []
        try state.lock.withLock { _ throws(DataflowError) in
            if step.isTableInput {
                isDone = try gatherChanges(&work, limit)
            } else if let panes, let runs = runs(of: work, panes, limit) {
                isDone = try addRuns(runs, panes, &work)
            } else if isWindowed {
                isDone = windowTimes.calendar.map { judge(&work, limit, $0) } ?? judge(&work, limit)
                if !rows.isEmpty { try sortByWindow() }
            } else {
                isDone = try gatherRows(&work, limit)
            }
            self.work = isDone ? nil : work
            if !rows.isEmpty { times = try apply(work.input) }
        }
        try lateRows?.write(work.input)
        if emitsEach, !rows.isEmpty { try emitEach(work.input, times) }
        clearTouched()
        if step.isFinal, work.start == nil, work.next > 0 { queueClosed(work.input, work.usable[work.next - 1]) }
        if isDone && isWindowed { state.lock.withLock { _ in dropExpired() } }
    }

    private func clearTouched() {
        for window in touched { window.operations.removeAll() }
        touched.removeAll(keepingCapacity: true)
        rows.removeAll(keepingCapacity: true)
        startOf.removeAll(keepingCapacity: true)
    }

    private func clearOperations() {
        rows.removeAll(keepingCapacity: true)
        emits.removeAll(keepingCapacity: true)
        pairedWithPrevious.removeAll(keepingCapacity: true)
        startOf.removeAll(keepingCapacity: true)
    }

    /// Unwindowed stream: the hot path. The following functions give whether the batch is done.
    private func gatherRows(_ work: inout Work, _ limit: Int) throws(DataflowError) -> Bool {
        let usable = work.usable
        guard !usable.isEmpty else { return true }
        let window = try window(0)
        let last = min(usable.count, work.next + limit)
        if usable.isDense {
            rows = (Int32(truncatingIfNeeded: work.next)..<Int32(truncatingIfNeeded: last)).map { $0 }
        } else {
            rows = last - work.next == usable.count ? usable.rows : Array(usable.rows[work.next..<last])
        }
        work.next = last
        window.operations.removeAll()
        window.operations.rows = rows
        let known = window.table.count
        window.table.assign(new.groups, rows, to: &window.operations.groups)
        try state.spilled?.recall(window, from: known)
        touched = [window]
        return last == usable.count
    }

    private func gatherChanges(_ work: inout Work, _ limit: Int) throws(DataflowError) -> Bool {
        let window = try window(0)
        window.operations.removeAll()
        let selection = work.input.selection
        let known = window.table.count
        while work.next < selection.count, rows.count < limit {
            let row = selection[work.next]
            work.next += 1
            let oldGroup = work.isOld[row] ? window.table.group(old.groups, row) : -1
            let newGroup = work.isNew[row] ? window.table.group(new.groups, row) : -1
            if oldGroup >= 0 { append(window, row, oldGroup, undo: true, emits: oldGroup != newGroup, paired: false) }
            if newGroup >= 0 { append(window, row, newGroup, undo: false, emits: true, paired: oldGroup == newGroup) }
        }
        touched = [window]
        try state.spilled?.recall(window, from: known)
        return work.next == selection.count
    }

    private func append(_ window: WindowGroups, _ row: Int, _ group: Int32, undo: Bool, emits: Bool, paired: Bool) {
        rows.append(Int32(truncatingIfNeeded: row))
        self.emits.append(emits)
        pairedWithPrevious.append(paired)
        window.operations.rows.append(Int32(truncatingIfNeeded: row))
        window.operations.groups.append(group)
        window.operations.undoes.append(undo)
    }

    /// Windowed stream: judges every row, in order, against stream time, and finds its windows. The operations that come of it are then
    /// sorted by window, so that each window's table sees them as one list. EMIT FINAL stops at each row that closes a window.
    private func judge(_ work: inout Work, _ limit: Int) -> Bool {
        var rows: [Int32] = []
        var starts: [Int64] = []
        swap(&rows, &self.rows)
        swap(&starts, &startOf)
        let input = work.input
        let usable = work.usable
        let times = input.timestamps
        let (size, advance, isFinal) = (size, advance.count, step.isFinal)
        var streamTime = state.streamTime
        // The earliest end of a window that EMIT FINAL has still to give out: stored ones, and those that rows here begin.
        var nextEnd = isFinal ? firstOpen.map { $0.later(by: size) } ?? .max : .max
        var index = work.next
        var cursor = work.start
        work.start = nil
        rows: while index < usable.count, rows.count < limit {
            let row = usable[index]
            let time = times[row]
            streamTime = max(streamTime, time)
            let horizon = streamTime.earlier(by: grace)
            // Windows that start later are open.
            let lastClosed = horizon.earlier(by: size)
            var start = cursor ?? firstStart(time)
            cursor = nil
            while start <= time {
                if start > lastClosed {
                    rows.append(Int32(truncatingIfNeeded: row))
                    starts.append(start)
                    if isFinal { nextEnd = min(nextEnd, start.later(by: size)) }
                } else {
                    reportLate(input, row, start: start, streamTime: streamTime)
                }
                let (next, isOver) = start.addingReportingOverflow(advance)
                if isOver { break }
                start = next
                if start <= time, rows.count >= limit {
                    work.start = start
                    break rows
                }
            }
            index += 1
            if nextEnd <= horizon { break }
        }
        swap(&rows, &self.rows)
        swap(&starts, &startOf)
        state.streamTime = streamTime
        work.next = index
        return index == usable.count
    }

    /// The same for windows of a calendar, of which a row is in one.
    private func judge(_ work: inout Work, _ limit: Int, _ calendar: CalendarWindows) -> Bool {
        let (usable, times) = (work.usable, work.input.timestamps)
        var nextEnd = step.isFinal ? firstOpen.map { windowTimes.end(of: $0) } ?? .max : .max
        while work.next < usable.count, rows.count < limit {
            let row = usable[work.next]
            let time = times[row]
            work.next += 1
            state.streamTime = max(state.streamTime, time)
            let horizon = state.streamTime.earlier(by: grace)
            if time < latestBounds.start || time >= latestBounds.end { latestBounds = calendar.window(at: time) }
            if latestBounds.end > horizon {
                rows.append(Int32(truncatingIfNeeded: row))
                startOf.append(latestBounds.start)
                if step.isFinal { nextEnd = min(nextEnd, latestBounds.end) }
            } else {
                reportLate(work.input, row, start: latestBounds.start, streamTime: state.streamTime)
            }
            if nextEnd <= horizon { break }
        }
        return work.next == usable.count
    }

    /// The start of the first window that holds `time`, which is not negative.
    @inline(__always) func firstStart(_ time: Int64) -> Int64 {
        let (size, advance) = (size.count, advance.count)
        var start = time - time % advance
        // The first one that ends after `time`, but none before 0.
        let earliest = time - size
        while start >= advance, start - advance > earliest { start -= advance }
        return start
    }

    @inline(never) private func reportLate(_ input: Batch, _ row: Int, start: Int64, streamTime: Int64) {
        let end = windowTimes.end(of: start)
        lateRows?.note(row, start: start, end: end, streamTime: streamTime, time: input.timestamps[row])
        context.errors.add(
            .late, step: "Aggregate", column: nil,
            message: "window [\(start),\(end)) is closed at stream time \(streamTime)", batch: input, row: row)
    }

    /// Gives each window its operations and each operation its group.
    private func sortByWindow() throws(DataflowError) {
        try findWindows()
        // The operations in the order of their windows: the list of a window is then one stretch.
        let (rows, windowOf) = (rows, windowOf)
        var ends = [Int](repeating: 0, count: touched.count + 1)
        for place in windowOf { ends[Int(place) + 1] += 1 }
        for place in touched.indices { ends[place + 1] += ends[place] }
        let starts = ends
        var sortedRows = [Int32](repeating: 0, count: rows.count)
        var positions = sortedRows
        for (position, place) in windowOf.enumerated() {
            let end = ends[Int(place)]
            sortedRows[end] = rows[position]
            positions[end] = Int32(truncatingIfNeeded: position)
            ends[Int(place)] = end + 1
        }
        var groupOf = emitsEach ? [Int32](repeating: 0, count: rows.count) : []
        for (place, window) in touched.enumerated() {
            let stretch = starts[place]..<starts[place + 1]
            window.operations.rows = Array(sortedRows[stretch])
            window.operations.positions = Array(positions[stretch])
            let known = window.table.count
            window.table.assign(new.groups, window.operations.rows, to: &window.operations.groups)
            try state.spilled?.recall(window, from: known)
            if emitsEach {
                for (position, group) in zip(positions[stretch], window.operations.groups) { groupOf[Int(position)] = group }
            }
        }
        self.groupOf = groupOf
    }

    /// Fills `touched` with the windows of the operations and `windowOf` with each operation's place in it.
    private func findWindows() throws(DataflowError) {
        let (startOf, advance) = (startOf, advance.count)
        var places: [Int64: Int32] = [:]
        var windowOf: [Int32] = []
        swap(&windowOf, &self.windowOf)
        windowOf.removeAll(keepingCapacity: true)
        windowOf.reserveCapacity(startOf.count)
        // Windows of one row differ by the advance: a short ring of the last ones seen saves nearly all look-ups.
        var ring = [(start: Int64, place: Int32)](repeating: (Int64.min, 0), count: 16)
        for start in startOf {
            let slot = Int(truncatingIfNeeded: start / advance) & 15
            if ring[slot].start != start {
                if let known = places[start] {
                    ring[slot] = (start, known)
                } else {
                    ring[slot] = (start, Int32(truncatingIfNeeded: touched.count))
                    places[start] = Int32(truncatingIfNeeded: touched.count)
                    touched.append(try window(start))
                    largestStart = max(largestStart, start)
                }
            }
            windowOf.append(ring[slot].place)
        }
        self.windowOf = windowOf
    }

    /// Whether every change leaves as soon as it is made.
    var emitsEach: Bool { !context.options.coalesces && !step.isFinal }
}
