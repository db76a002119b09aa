// GROUP BY with WINDOW SESSION. The rows of a batch get their groups first; then one pass over them finds the session of each, and the
// aggregates run over the list of what came of it, in stretches that end where sessions are merged.
//
// Without coalescing, a row that extends a session sends a tombstone of the old session before the new row, because the bounds of a session
// are part of its key: so do Kafka Streams and ksqlDB's own test cases. Only a session that stays exactly as it was goes on without one.
// With coalescing, a session that rows have told of under other bounds, or that is no more, sends one tombstone at the flush.

import Bytes
import Formats
import Plans
import Quantities
import Values

/// The running form of a session aggregation.
final class SessionOperator: Operator {
    /// A batch, its usable rows and their groups.
    struct Work {
        let batch: Batch
        let rows: [Int32]
        let groups: [Int32]
    }

    let step: AggregateStep
    private let input: AggregateInput
    private let gap: Milliseconds
    private let grace: Milliseconds
    private let retention: Milliseconds
    let aggregators: [Aggregator]
    let keyEncoder: SideEncoder
    private(set) var keys: GroupTable
    var table = SessionTable()
    var loggedStreamTime = StreamTime.unset
    /// How far the changelog of a commit has got: it goes through the changed sessions twice.
    var nextChange = 0
    /// A snapshot is under way: keys keep their places.
    var isInSnapshot = false
    /// Sessions have gone since keys were last numbered.
    private var hasDropped = false
    private var lastSweep = StreamTime.unset

    /// The current batch while rows of it are left, and which of its usable rows comes next.
    private var work: Work?
    private var nextRow = 0
    /// What the rows of the current stretch do to the aggregates.
    private var operations = GroupOperations()
    /// EMIT FINAL: sessions that have closed, in the order in which they leave; those before `nextClosed` have left.
    var closed: [Int32] = []
    var nextClosed = 0
    /// Coalescing: sessions whose rows leave at the current flush; those before `nextOutgoing` have left.
    var outgoing: [SessionVersion] = []
    var nextOutgoing = 0
    /// Coalescing with old versions: the results before the first change that is held back, row k for the k-th such session.
    let pendingOld: [Column]

    // The rows that go out, and what cuts them into chunks.
    var rows = SessionRows()
    var out = Batch()
    let cutter: ChunkCutter
    let hasFixedSize: Bool
    /// Keeps the rows whose sessions are closed.
    let lateRows: LateRowWriter?
    let columns: [Column]
    let oldColumns: [Column]

    init(_ step: AggregateStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        guard let window = step.window, case .session(let gap) = window.shape else { throw DataflowError("no session window") }
        input = try AggregateInput(step, context)
        self.gap = gap
        grace = window.grace
        retention = window.retention
        var aggregators: [Aggregator] = []
        for call in step.aggregates {
            let aggregator = try AggregateLibrary.make(call, SequenceCounter(), context.environment.added, seed: context.options.hashSeed)
            if context.skipsFailures { aggregator.skipsFailures = true }
            aggregators.append(aggregator)
        }
        self.aggregators = aggregators
        keyEncoder = try Codecs.internalKeyEncoder(step.keyFormat, step.output.key)
        keys = Self.makeKeys(step, context)
        lateRows = try step.late.map { late throws(DataflowError) in try LateRowWriter(late, context) }
        columns = step.output.columns.map { Column($0.type) }
        oldColumns = step.output.columns.map { Column($0.type) }
        pendingOld = step.output.columns.map { Column($0.type) }
        cutter = ChunkCutter(columns, keyCount: step.output.keyCount)
        hasFixedSize = !columns.contains(where: \.hasVariableWeight)
        super.init(context, next: next)
    }

    private static func makeKeys(_ step: AggregateStep, _ context: DataflowContext) -> GroupTable {
        GroupTable(keyTypes: step.grouping.map(\.type), keysMayBeNull: step.keepsNullKeys, aggregators: [], seed: context.options.hashSeed)
    }

    override var windowTime: Int64? { table.streamTime }
    override var stores: [NamedStore] { [NamedStore(step.store, self)] }

    override var besideRecords: RecordSink? { lateRows?.records }

    // MARK: Batches

    override func push(_ batch: Batch) throws(DataflowError) {
        let withValue = batch.hasValue.isEmpty ? batch.selection : batch.selection.filtered { batch.hasValue[$0] }
        let usable = try input.read(batch, withValue, old: false)
        let rows = usable.isDense ? (0..<Int32(truncatingIfNeeded: usable.count)).map { $0 } : usable.rows
        var groups: [Int32] = []
        keys.assign(input.groups, rows, to: &groups)
        if keys.isFull { throw DataflowError("the keys of the sessions take more than 2 GiB of memory", input: batch.input) }
        table.grow(to: keys.count)
        work = Work(batch: batch, rows: rows, groups: groups)
        (out.partition, out.input) = (batch.partition, batch.input)
        nextRow = 0
        try resume()
    }

    override func releaseMemory() {
        input.releaseMemory()
        out = Batch()
    }

    override var hasWork: Bool { work != nil || cutter.hasRows || nextOutgoing < outgoing.count }

    override var heldRows: Int { table.pending.count }

    override func flush() throws(DataflowError) {
        table.takePending(into: &outgoing)
        nextOutgoing = 0
        try resume()
    }

    override func abandon() {
        work = nil
        cutter.reset()
        clearClosed()
        outgoing.removeAll(keepingCapacity: true)
        nextOutgoing = 0
    }

    override func resume() throws(DataflowError) {
        while true {
            while let chunk = cutter.takeChunk() {
                context.budget.spend(rows: chunk.selection.count)
                try emit(chunk)
                if context.budget.isUsedUp && hasWork { return }
            }
            resetOutput()
            if nextOutgoing < outgoing.count {
                gatherHeld()
            } else if let work {
                try gatherRows(work)
                try lateRows?.write(work.batch)
                finishOutput(work.batch)
                guard nextRow == work.rows.count, closed.isEmpty else { continue }
                self.work = nil
                dropExpired()
            } else {
                return
            }
        }
    }

    /// Processes rows of the batch until about one chunk of rows goes out.
    private func gatherRows(_ work: Work) throws(DataflowError) {
        while true {
            appendClosed(by: nextRow > 0 ? work.rows[nextRow - 1] : 0)
            guard closed.isEmpty, nextRow < work.rows.count, rows.count < chunkRows else { return }
            if try takeIn(work) { queueClosed() }
        }
    }

    /// How many rows are about one chunk. What a row shows is known when it has been made; a few large ones do no harm.
    var chunkRows: Int { hasFixedSize ? OutputLimits.chunkRows : OutputLimits.chunkRows / 16 }

    /// Takes in rows from `nextRow` on, until a chunk is full or a row has closed sessions, which is what it gives.
    private func takeIn(_ work: Work) throws(DataflowError) -> Bool {
        var (table, rows, operations) = (SessionTable(), SessionRows(), GroupOperations())
        swap(&table, &self.table)
        swap(&rows, &self.rows)
        swap(&operations, &self.operations)
        var index = nextRow
        defer {
            swap(&table, &self.table)
            swap(&rows, &self.rows)
            swap(&operations, &self.operations)
            nextRow = index
        }
        let (gap, grace, retention, limit, isFinal, emitsEach) = (gap, grace, retention, chunkRows, step.isFinal, emitsEach)
        let marks = marks
        let (batch, usable, groups, times) = (work.batch, work.rows, work.groups, work.batch.timestamps)
        var isClosing = false
        while index < usable.count, rows.count < limit, !isClosing {
            let (row, group) = (Int(usable[index]), Int(groups[index]))
            let time = times[row]
            index += 1
            table.streamTime = max(table.streamTime, time)
            // Sessions that end before this are closed.
            let horizon = table.streamTime.earlier(by: grace).earlier(by: gap)
            let meeting = table.meeting(group, at: time, gap: gap, expired: table.storedEnd.earlier(by: retention))
            if meeting.end < horizon {
                reportLate(meeting, table.streamTime, batch, row)
            } else {
                if emitsEach { try announce(meeting, group, row, table, &rows, &operations, work) }
                let slot = meeting.slot < 0 ? Int(table.begin(group, meeting)) : Int(meeting.slot)
                let oldEnd = meeting.slot < 0 ? Int64.min : table.slots[slot].end
                if !table.slots[slot].marks.isSuperset(of: marks) { touch(slot, &table) }
                if meeting.places != nil { try join(meeting, group, row, &table, &operations, work) }
                table.settle(slot, meeting)
                operations.rows.append(Int32(truncatingIfNeeded: row))
                operations.groups.append(Int32(truncatingIfNeeded: slot))
                if emitsEach { operations.positions.append(Int32(truncatingIfNeeded: rows.count - 1)) }
                if isFinal, meeting.end > oldEnd || meeting.places != nil { table.openEnds.add(meeting.end, group) }
            }
            isClosing = isFinal && table.openEnds.least < horizon
        }
        try apply(&operations, table.slots.count, work)
        return isClosing
    }

    /// Whether every change leaves as soon as it is made.
    var emitsEach: Bool { !context.options.coalesces && !step.isFinal }

    /// What a session that has changed is marked as.
    private var marks: SessionSlot.Marks { emitsEach || step.isFinal ? .changed : [.changed, .pending] }

    /// Marks a session before its first change; where rows are held back, keeps its results.
    @inline(never) private func touch(_ slot: Int, _ table: inout SessionTable) {
        guard table.touch(slot, marks), step.sendsOld else { return }
        let isFirst = table.pending.count == 1
        for (index, aggregator) in aggregators.enumerated() {
            let column = pendingOld[step.output.keyCount + index]
            if isFirst { column.reset(0) }
            aggregator.grow(to: table.slots.count)
            aggregator.result(slot, into: column, column.appendRow())
        }
    }

    /// Merges the sessions that the row meets into the first of them, or lets an expired one start anew.
    @inline(never) private func join(
        _ meeting: SessionMeeting, _ group: Int, _ row: Int, _ table: inout SessionTable, _ operations: inout GroupOperations, _ work: Work
    ) throws(DataflowError) {
        guard meeting.count > 1 || meeting.isRenewed else { return }
        try apply(&operations, table.slots.count, work)
        if meeting.isRenewed {
            for aggregator in aggregators { aggregator.reset(Int(meeting.slot)) }
            return
        }
        let absorbed = table.absorbed(group, meeting)
        for slot in absorbed { touch(Int(slot), &table) }
        do throws(EvaluationError) {
            for aggregator in aggregators {
                for slot in absorbed {
                    do throws(EvaluationError) { try aggregator.merge(Int(slot), into: Int(meeting.slot)) } catch {
                        guard aggregator.skipsFailures else { throw error }
                        context.errors.add(
                            .expression, step: "Aggregate", column: nil, message: error.message, batch: work.batch, row: row)
                    }
                    aggregator.reset(Int(slot))
                }
            }
        } catch {
            throw failure(error.message, work.batch, row)
        }
        table.absorb(group, meeting)
    }

    /// Runs the aggregates over the operations gathered so far.
    func apply(_ operations: inout GroupOperations, _ slotCount: Int, _ work: Work) throws(DataflowError) {
        guard operations.count > 0 else { return }
        // Positions ascend.
        let rowCount = operations.positions.last.map { Int($0) + 1 } ?? 0
        for (index, aggregator) in aggregators.enumerated() {
            aggregator.grow(to: slotCount)
            let column = rowCount > 0 ? columns[step.output.keyCount + index] : nil
            column?.grow(to: rowCount)
            do throws(AggregateFailure) {
                try aggregator.apply(operations, input.values[index], old: [], result: column)
            } catch {
                throw failure(error.message, work.batch, Int(operations.rows[error.entry]))
            }
            context.reportSkipped(by: aggregator, of: work.batch, operations.rows)
        }
        if !emitsEach { context.budget.spend(rows: operations.count) }
        operations.removeAll()
    }

    private func failure(_ message: String, _ batch: Batch, _ row: Int) -> DataflowError {
        DataflowError(message, input: batch.input, partition: batch.partition, offset: batch.offset(of: row))
    }

    @inline(never) private func reportLate(_ meeting: SessionMeeting, _ streamTime: Int64, _ batch: Batch, _ row: Int) {
        lateRows?.note(row, start: meeting.start, end: meeting.end, streamTime: streamTime, time: batch.timestamps[row])
        context.errors.add(
            .late, step: "Aggregate", column: nil,
            message: "session [\(meeting.start),\(meeting.end)] is closed at stream time \(streamTime)", batch: batch, row: row)
    }

    // MARK: Keys and sessions that go

    /// The group of a key that is restored.
    func group(_ columns: [Column], _ row: Int) -> Int {
        let group = Int(keys.group(columns, row))
        table.grow(to: keys.count)
        return group
    }

    /// Sessions that end before this are closed.
    var horizon: Int64 { table.streamTime.earlier(by: grace).earlier(by: gap) }

    /// Sessions that no row in time can meet any more go; there is nothing to do until stream time has moved past the earliest of them.
    private func dropExpired() {
        let streamTime = table.streamTime
        let limit = streamTime.earlier(by: max(retention, gap + grace)).earlier(by: gap)
        guard !step.isFinal || table.openEnds.least >= limit else { return }
        let interval = max(gap.count, retention.count / 8)
        guard lastSweep == StreamTime.unset || streamTime.subtractingSaturated(lastSweep) > interval else { return }
        lastSweep = streamTime
        let dropped = table.dropExpired(before: limit)
        for aggregator in aggregators { for slot in dropped { aggregator.reset(Int(slot)) } }
        hasDropped = true
    }

    /// Numbers the keys anew when most have no sessions any more: keys may come and go without end. To be called between commits, when the
    /// changelog has all that has changed.
    func forgetIdleKeys() {
        guard hasDropped, !isInSnapshot, table.pending.isEmpty, work == nil else { return }
        hasDropped = false
        guard let live = table.liveGroups() else { return }
        let old = keys
        keys = Self.makeKeys(step, context)
        for group in live { _ = keys.group(old.keys, group) }
        table.keep(live, isFinal: step.isFinal)
    }
}
