// GROUP BY without sessions: unwindowed over streams and tables, tumbling and hopping windows, EMIT CHANGES and EMIT FINAL.
//
// A batch becomes a list of operations, one a row and window (two for a table's change); each aggregate runs over the list once. Without
// coalescing the result after every operation is kept, so that one pass emits every change in order. Each window start has a group table
// of its own, dropped whole when its retention is over.

import Bytes
import Formats
import Plans
import Values

/// The running form of an aggregation without sessions.
final class AggregateOperator: Operator {
    let step: AggregateStep
    private let new: AggregateInput
    private let old: AggregateInput
    private let sequences: [SequenceCounter]
    let size: Int64
    private let advance: Int64
    let grace: Int64
    let retention: Int64
    private let keyEncoder: SideEncoder
    private let batch = Batch()
    private let resultColumns: [Column]
    private let beforeColumns: [Column]

    var windows: [Int64: WindowGroups] = [:]
    /// Window starts in ascending order. Windows that EMIT FINAL has closed stand before all others.
    var starts: [Int64] = []
    var latest: WindowGroups?
    /// Windows with groups that the changelog has not got yet.
    var changed: [WindowGroups] = []
    /// Windows whose memory may have grown since it was last counted, and what all had then.
    private var uncounted: [WindowGroups] = []
    private var countedMemory = 0
    /// The windows of the snapshot under way: they stay the same while others come and go.
    var inSnapshot: (windows: [WindowGroups], window: Int, group: Int) = ([], 0, 0)
    private var touched: [WindowGroups] = []
    private var withPending: [WindowGroups] = []
    var streamTime = StreamTime.unset
    var loggedStreamTime = StreamTime.unset
    var largestStart = StreamTime.unset

    // The operations of the batch at hand, in order: position k of all these arrays.
    private var rows: [Int32] = []
    private var emits: [Bool] = []
    /// Windowed: the window (as an index into `touched`) and the group of each operation.
    private var windowOf: [Int32] = []
    private var groupOf: [Int32] = []
    /// Windowed: the window start of each operation that is not applied yet.
    private var startOf: [Int64] = []
    private var pairedWithPrevious: [Bool] = []

    init(_ step: AggregateStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        new = try AggregateInput(step, context)
        old = try AggregateInput(step, context)
        sequences = step.aggregates.map { _ in SequenceCounter() }
        switch step.window?.shape {
        case .tumbling(let size): (self.size, advance) = (size, size)
        case .hopping(let size, let advance): (self.size, self.advance) = (size, advance)
        case .session, nil: (size, advance) = (0, 0)
        }
        grace = step.window?.grace ?? 0
        retention = step.window?.retention ?? 0
        keyEncoder = try Codecs.encoder(step.keyFormat, step.output.key)
        resultColumns = step.output.columns.map { Column($0.type) }
        beforeColumns = step.output.columns.map { Column($0.type) }
        super.init(context, next: next)
        // Fails now rather than at the first row when an aggregate has no body.
        _ = try makeTable()
    }

    override var stores: [NamedStore] { [NamedStore(step.store, self)] }

    var isWindowed: Bool { step.window != nil }

    private func makeTable() throws(DataflowError) -> GroupTable {
        var aggregators: [Aggregator] = []
        for (call, sequence) in zip(step.aggregates, sequences) { aggregators.append(try AggregateLibrary.make(call, sequence, context.environment.added)) }
        return GroupTable(keyTypes: step.grouping.map(\.type), keysMayBeNull: step.keepsNullKeys, aggregators: aggregators, seed: context.options.hashSeed)
    }

    /// The groups of the window that starts at `start`.
    func window(_ start: Int64) throws(DataflowError) -> WindowGroups {
        if let latest, latest.start == start { return latest }
        if let known = windows[start] {
            latest = known
            return known
        }
        let made = WindowGroups(start: start, table: try makeTable())
        windows[start] = made
        starts.insert(start, at: starts.firstPlace { $0 > start })
        latest = made
        return made
    }

    override func push(_ input: Batch) throws(DataflowError) {
        rows.removeAll(keepingCapacity: true)
        emits.removeAll(keepingCapacity: true)
        pairedWithPrevious.removeAll(keepingCapacity: true)
        startOf.removeAll(keepingCapacity: true)
        let withValue = input.hasValue.isEmpty ? input.selection : input.selection.filtered { input.hasValue[$0] }
        let usable = new.read(input, withValue, old: false)
        if step.isTableInput {
            try pushTable(input, usable)
        } else if isWindowed {
            try pushWindows(input, usable)
        } else {
            try pushStream(input, usable)
        }
    }

    /// Unwindowed stream: the hot path.
    private func pushStream(_ input: Batch, _ usable: Selection) throws(DataflowError) {
        guard !usable.isEmpty else { return }
        let window = try window(0)
        rows = usable.isDense ? (0..<Int32(usable.count)).map { $0 } : usable.rows
        window.operations.removeAll()
        window.operations.rows = rows
        window.table.assign(new.groups, rows, to: &window.operations.groups)
        touched = [window]
        try apply(input)
    }

    private func pushTable(_ input: Batch, _ usable: Selection) throws(DataflowError) {
        let window = try window(0)
        window.operations.removeAll()
        var isNew = [Bool](repeating: false, count: input.rowCount)
        var isOld = isNew
        usable.forEach { isNew[$0] = true }
        let withOld = input.old.isEmpty ? Selection.only([]) : input.selection.filtered { input.hadOld($0) }
        old.read(input, withOld, old: true).forEach { isOld[$0] = true }
        input.selection.forEach { row in
            let oldGroup = isOld[row] ? window.table.group(old.groups, row) : -1
            let newGroup = isNew[row] ? window.table.group(new.groups, row) : -1
            if oldGroup >= 0 { append(window, row, oldGroup, undo: true, emits: oldGroup != newGroup, paired: false) }
            if newGroup >= 0 { append(window, row, newGroup, undo: false, emits: true, paired: oldGroup == newGroup) }
        }
        touched = [window]
        try apply(input)
    }

    private func append(_ window: WindowGroups, _ row: Int, _ group: Int32, undo: Bool, emits: Bool, paired: Bool) {
        rows.append(Int32(row))
        self.emits.append(emits)
        pairedWithPrevious.append(paired)
        window.operations.rows.append(Int32(row))
        window.operations.groups.append(group)
        window.operations.undoes.append(undo)
    }

    /// Windowed stream. First every row is judged, in order, against stream time; the operations that come of it are then sorted by
    /// window, so that each window's table sees them as one list. EMIT FINAL stops at each row that closes a window.
    private func pushWindows(_ input: Batch, _ usable: Selection) throws(DataflowError) {
        var begin = 0
        while begin < usable.count {
            let end = judge(input, usable, from: begin)
            if !rows.isEmpty {
                try sortByWindow()
                try apply(input)
            }
            if step.isFinal { try emitClosed(input, usable[end - 1]) }
            begin = end
        }
        dropExpired()
    }

    /// Finds the windows of the rows from `begin` on; gives where it stopped.
    private func judge(_ input: Batch, _ usable: Selection, from begin: Int) -> Int {
        var rows: [Int32] = []
        var starts: [Int64] = []
        swap(&rows, &self.rows)
        swap(&starts, &startOf)
        let times = input.timestamps
        let size = size
        let advance = advance
        var streamTime = streamTime
        // The earliest end of a window that EMIT FINAL has still to give out: stored ones, and those that rows here begin.
        var nextEnd = step.isFinal ? firstOpen.map { $0 &+ size } ?? .max : .max
        var index = begin
        while index < usable.count {
            let row = usable[index]
            let time = times[row]
            index += 1
            streamTime = max(streamTime, time)
            let horizon = streamTime &- grace
            var start = time - time % advance
            while start >= advance, start &- advance &+ size > time { start -= advance }
            while start <= time {
                if start &+ size > horizon {
                    rows.append(Int32(row))
                    starts.append(start)
                    if step.isFinal { nextEnd = min(nextEnd, start &+ size) }
                } else {
                    reportLate(input, row, start, streamTime)
                }
                start &+= advance
                if start < 0 { break }
            }
            if nextEnd <= horizon { break }
        }
        swap(&rows, &self.rows)
        swap(&starts, &startOf)
        self.streamTime = streamTime
        return index
    }

    @inline(never) private func reportLate(_ input: Batch, _ row: Int, _ start: Int64, _ streamTime: Int64) {
        context.errors.add(
            .late, step: "Aggregate", column: nil, message: "window [\(start),\(start &+ size)) is closed at stream time \(streamTime)",
            batch: input, row: row)
    }

    /// Gives each window its operations and each operation its group.
    private func sortByWindow() throws(DataflowError) {
        var places: [Int64: Int32] = [:]
        windowOf.removeAll(keepingCapacity: true)
        windowOf.reserveCapacity(rows.count)
        // Windows of one row differ by the advance: a short ring of the last ones seen saves nearly all look-ups.
        var ring = [(start: Int64, place: Int32)](repeating: (Int64.min, 0), count: 16)
        for start in startOf {
            let slot = Int(truncatingIfNeeded: start / advance) & 15
            if ring[slot].start != start {
                if let known = places[start] {
                    ring[slot] = (start, known)
                } else {
                    ring[slot] = (start, Int32(touched.count))
                    places[start] = Int32(touched.count)
                    touched.append(try window(start))
                    largestStart = max(largestStart, start)
                }
            }
            windowOf.append(ring[slot].place)
        }
        var lists = [GroupOperations](repeating: GroupOperations(), count: touched.count)
        for place in lists.indices { swap(&lists[place], &touched[place].operations) }
        for (position, place) in windowOf.enumerated() {
            lists[Int(place)].rows.append(rows[position])
            lists[Int(place)].positions.append(Int32(position))
        }
        groupOf = emitsEach ? Array(repeating: 0, count: rows.count) : []
        for place in lists.indices {
            touched[place].table.assign(new.groups, lists[place].rows, to: &lists[place].groups)
            if emitsEach {
                for (position, group) in zip(lists[place].positions, lists[place].groups) { groupOf[Int(position)] = group }
            }
            swap(&lists[place], &touched[place].operations)
        }
    }

    private var emitsEach: Bool { !context.options.coalesces && !step.isFinal }

    // MARK: Applying and emitting

    /// Runs the aggregates over the operations gathered so far and emits what they give, or holds it back.
    private func apply(_ input: Batch) throws(DataflowError) {
        defer {
            for window in touched { window.operations.removeAll() }
            touched.removeAll(keepingCapacity: true)
            rows.removeAll(keepingCapacity: true)
            startOf.removeAll(keepingCapacity: true)
        }
        if rows.isEmpty { return }
        batch.partition = input.partition
        batch.input = input.input
        let emitsEach = emitsEach
        let keyCount = step.output.keyCount
        if emitsEach { for column in resultColumns[keyCount...] { column.reset(rows.count) } }
        if emitsEach && step.sendsOld { for column in beforeColumns { column.reset(rows.count) } }
        var times = emitsEach ? [Int64](repeating: 0, count: rows.count) : []
        for window in touched {
            let table = window.table
            if context.options.coalesces && !step.isFinal { holdBack(window) }
            table.advance(window.operations, input.timestamps, into: &times)
            table.markChanged(window.operations.groups)
            if !window.isChanged {
                window.isChanged = true
                changed.append(window)
            }
            noteGrowth(window)
            for (index, aggregator) in table.aggregators.enumerated() {
                let before = emitsEach && step.sendsOld ? beforeColumns[keyCount + index] : nil
                do throws(AggregateFailure) {
                    try aggregator.applyAll(
                        window.operations, new.values[index], old: step.isTableInput ? old.values[index] : [],
                        before: before, result: emitsEach ? resultColumns[keyCount + index] : nil)
                } catch {
                    let row = Int(window.operations.rows[error.entry])
                    throw DataflowError(
                        error.message, input: input.input, partition: input.partition,
                        offset: row < input.offsets.count ? input.offsets[row] : -1)
                }
            }
        }
        if emitsEach { try emitEach(input, times) }
    }

    private func emitEach(_ input: Batch, _ times: [Int64]) throws(DataflowError) {
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
            batch.windowEnds = startOf.map { [size] in $0 &+ size }
        }
        if step.sendsOld { addOldVersions(count, single) }
        try next?.push(batch)
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
            batch.hasOld[row] = window.table.wasEmitted[Int(group)]
            if emits { window.table.wasEmitted[Int(group)] = true }
        }
        for index in 0..<step.output.keyCount { beforeColumns[index].share(resultColumns[index]) }
        batch.old = beforeColumns
    }

    // MARK: Coalescing

    private func holdBack(_ window: WindowGroups) {
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
        guard step.sendsOld else { return }
        for group in fresh {
            window.pendingHadOld.append(table.wasEmitted[Int(group)])
            table.wasEmitted[Int(group)] = true
            for (index, aggregator) in table.aggregators.enumerated() {
                let column = window.pendingOld[step.output.keyCount + index]
                aggregator.result(Int(group), into: column, column.appendRow())
            }
        }
    }

    override func flush() throws(DataflowError) {
        let windows = withPending
        withPending.removeAll(keepingCapacity: true)
        for window in windows {
            let groups = window.table.pending
            show(window, groups)
            if step.sendsOld {
                for index in 0..<step.output.keyCount { window.pendingOld[index].share(resultColumns[index]) }
                batch.old = window.pendingOld
                batch.hasOld = window.pendingHadOld
            }
            window.table.clearPending()
            try next?.push(batch)
        }
    }

    /// Makes `batch` the current rows of these groups.
    private func show(_ window: WindowGroups, _ groups: [Int32]) {
        let table = window.table
        let keyCount = step.output.keyCount
        batch.rowCount = groups.count
        batch.selection = .all(groups.count)
        batch.timestamps = groups.map { table.timestamps[Int($0)] }
        batch.offsets = []
        batch.headers = []
        batch.recordIndexes = []
        batch.hasOld = []
        batch.old = []
        batch.windowStarts = isWindowed ? Array(repeating: window.start, count: groups.count) : []
        batch.windowEnds = isWindowed ? Array(repeating: window.start &+ size, count: groups.count) : []
        for index in 0..<keyCount { resultColumns[index].copyRows(of: table.keys[index], groups) }
        for (index, aggregator) in table.aggregators.enumerated() {
            let column = resultColumns[keyCount + index]
            column.reset(groups.count)
            aggregator.results(groups, into: column)
        }
        batch.columns = resultColumns
    }

    // MARK: Windows

    /// The earliest window that has not been emitted for good.
    private var firstOpen: Int64? {
        let place = firstOpenPlace
        return place < starts.count ? starts[place] : nil
    }

    var firstOpenPlace: Int { starts.firstPlace { windows[$0]?.isClosed == false } }

    /// EMIT FINAL: windows that have ended leave, by window start and key bytes; those that a jump of stream time has overtaken by more
    /// than the retention vanish (semantics §16).
    private func emitClosed(_ input: Batch, _ row: Int) throws(DataflowError) {
        for start in starts[firstOpenPlace...].prefix(while: { $0 &+ size <= streamTime &- grace }) {
            guard let window = windows[start] else { continue }
            window.isClosed = true
            guard start >= largestStart &- retention else {
                reportOvertaken(window, input, row)
                continue
            }
            show(window, inKeyOrder(window.table))
            batch.gatherOrigins(of: input, Array(repeating: Int32(row), count: batch.rowCount))
            try next?.push(batch)
        }
    }

    /// A window that a jump of stream time has carried beyond its retention is not given out, as in the dialect's reference; that is no
    /// reason to be silent about it.
    private func reportOvertaken(_ window: WindowGroups, _ input: Batch, _ row: Int) {
        let count = window.table.count
        context.errors.add(
            .late, step: "Aggregate", column: nil,
            message: "window [\(window.start),\(window.start &+ size)) with \(count) key\(count == 1 ? "" : "s") was overtaken by stream time "
                + "\(streamTime) and is not given out: a longer RETENTION keeps it", batch: input, row: row)
    }

    private func inKeyOrder(_ table: GroupTable) -> [Int32] {
        KeyOrder.sorted((0..<Int32(table.count)).map { $0 }, table.keys, keyEncoder)
    }

    func dropExpired() {
        var count = 0
        while count < starts.count, starts[count] &+ max(retention, size &+ grace) <= streamTime {
            let start = starts[count]
            if let window = windows[start] {
                guard window.table.pending.isEmpty else { break }
                countedMemory -= window.countedMemory
                window.countedMemory = 0
            }
            windows[start] = nil
            if latest?.start == start { latest = nil }
            count += 1
        }
        starts.removeFirst(count)
    }

    // MARK: Memory

    /// The window's memory is to be counted anew.
    func noteGrowth(_ window: WindowGroups) {
        guard !window.isUncounted else { return }
        window.isUncounted = true
        uncounted.append(window)
    }

    /// Bytes of all windows. Counting looks only at those that have changed: there may be a million others.
    var memory: Int {
        for window in uncounted {
            window.isUncounted = false
            guard windows[window.start] === window else { continue }
            let now = window.table.memory
            countedMemory += now - window.countedMemory
            window.countedMemory = now
        }
        uncounted.removeAll(keepingCapacity: true)
        return countedMemory
    }
}
