// GROUP BY with WINDOW SESSION: sessions in a sorted list a key, processed row by row because each row may merge some.
//
// A row that extends a session sends a tombstone of the old session before the new row, because the bounds of a session are part of its
// key: so do Kafka Streams and ksqlDB's own test cases. Only a session that stays exactly as it was goes on without one.

import Bytes
import Formats
import Plans
import Quantities
import Values

/// A session that the changelog has and that is gone: its key there, and its end.
struct GoneSession {
    let key: [UInt8]
    let end: Int64
}

/// EMIT FINAL: a session that has closed, and its group.
struct ClosedSession {
    let group: Int32
    let session: Session
}

/// One session: bounds are the first and last event times, both inclusive.
struct Session {
    var start: Int64
    var end: Int64
    /// Where the aggregators hold its state.
    var slot: Int
    var time: Int64
    var wasFinal = false
    /// The changelog has not got it yet.
    var isChanged = true
}

/// The running form of a session aggregation.
final class SessionOperator: Operator {
    let step: AggregateStep
    private let input: AggregateInput
    let gap: Milliseconds
    let grace: Milliseconds
    let retention: Milliseconds
    let aggregators: [Aggregator]
    private let keyEncoder: SideEncoder
    private(set) var keys: GroupTable
    var sessions: [[Session]] = []
    private var freeSlots: [Int] = []
    var slotCount = 0
    var streamTime = StreamTime.unset
    var loggedStreamTime = StreamTime.unset
    /// The latest end of a session that was ever stored; the store's own clock.
    var storedEnd = StreamTime.unset
    /// EMIT FINAL: the ends of sessions that are still to be emitted, and of some that have gone on since.
    var openEnds = OpenEnds()
    var changedKeys: [Int32] = []
    var isChanged: [Bool] = []
    /// Sessions that the changelog still has and that are gone, by their keys there.
    var gone: [GoneSession] = []
    /// A snapshot is under way: keys keep their places.
    var isInSnapshot = false

    /// A batch and its usable rows.
    private struct Work {
        let batch: Batch
        let rows: Selection
    }

    /// The current batch while rows of it are left, and which of its usable rows comes next.
    private var work: Work?
    private var nextRow = 0
    /// EMIT FINAL: sessions that have closed, in the order in which they leave; those before `nextClosed` have left.
    private var closed: [ClosedSession] = []
    private var nextClosed = 0
    private var closedBy = 0

    // The rows that go out, and what cuts them into chunks.
    private let out = Batch()
    private let cutter: ChunkCutter
    private let hasFixedSize: Bool
    private let columns: [Column]
    private let oldColumns: [Column]
    private var outGroups: [Int32] = []
    private var origins: [Int32] = []

    init(_ step: AggregateStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        guard let window = step.window, case .session(let gap) = window.shape else { throw DataflowError("no session window") }
        input = try AggregateInput(step, context)
        self.gap = gap
        grace = window.grace
        retention = window.retention
        var aggregators: [Aggregator] = []
        for call in step.aggregates { aggregators.append(try AggregateLibrary.make(call, SequenceCounter(), context.environment.added)) }
        self.aggregators = aggregators
        keyEncoder = try Codecs.encoder(step.keyFormat, step.output.key)
        keys = Self.makeKeys(step, context)
        columns = step.output.columns.map { Column($0.type) }
        oldColumns = step.output.columns.map { Column($0.type) }
        cutter = ChunkCutter(columns)
        hasFixedSize = !columns.contains(where: \.hasVariableWeight)
        super.init(context, next: next)
    }

    private static func makeKeys(_ step: AggregateStep, _ context: DataflowContext) -> GroupTable {
        GroupTable(keyTypes: step.grouping.map(\.type), keysMayBeNull: step.keepsNullKeys, aggregators: [], seed: context.options.hashSeed)
    }

    override var stores: [NamedStore] { [NamedStore(step.store, self)] }

    override func push(_ batch: Batch) throws(DataflowError) {
        let withValue = batch.hasValue.isEmpty ? batch.selection : batch.selection.filtered { batch.hasValue[$0] }
        work = Work(batch: batch, rows: input.read(batch, withValue, old: false))
        nextRow = 0
        try resume()
    }

    override var hasWork: Bool { work != nil || cutter.hasRows }

    override func abandon() {
        work = nil
        cutter.reset()
        clearClosed()
    }

    override func resume() throws(DataflowError) {
        while true {
            while let chunk = cutter.takeChunk() {
                context.budget.spend(rows: chunk.selection.count)
                try emit(chunk)
                if context.budget.isUsedUp && hasWork { return }
            }
            guard let work else { return }
            let (batch, rows) = (work.batch, work.rows)
            resetOutput()
            try gatherRows(batch, rows)
            finishOutput(batch)
            guard nextRow == rows.count, closed.isEmpty else { continue }
            self.work = nil
            dropExpired()
        }
    }

    /// Processes rows of the batch until about one chunk of rows goes out.
    private func gatherRows(_ batch: Batch, _ rows: Selection) throws(DataflowError) {
        // What a row shows is known when it has been made; a few large ones do no harm.
        let limit = hasFixedSize ? OutputLimits.chunkRows : OutputLimits.chunkRows / 16
        while true {
            while nextClosed < closed.count {
                if outGroups.count >= limit { return }
                appendClosed(closed[nextClosed])
                nextClosed += 1
            }
            clearClosed()
            guard nextRow < rows.count, outGroups.count < limit else { return }
            nextRow += 1
            try receive(batch, rows[nextRow - 1])
            if keys.isFull { throw DataflowError("the keys of the sessions take more than 2 GiB of memory", input: batch.input) }
        }
    }

    private func receive(_ batch: Batch, _ row: Int) throws(DataflowError) {
        let time = batch.timestamps[row]
        streamTime = max(streamTime, time)
        let group = group(input.groups, row)
        let list = sessions[group]
        // A session that the store has expired is not met any more, even where lateness alone would still let it grow.
        // (Both conditions hold for all later sessions, too: a key's sessions do not overlap while they can be met.)
        let earliestEnd = time.earlier(by: gap)
        let lastExpired = storedEnd.earlier(by: retention)
        let latestStart = time.later(by: gap)
        let first = list.firstPlace { $0.end >= earliestEnd && $0.end > lastExpired }
        var last = first
        while last < list.count, list[last].start <= latestStart { last += 1 }
        let met = list[first..<last]
        let start = min(time, met.first?.start ?? time)
        let end = max(time, met.map(\.end).max() ?? time)
        if end < lateness(of: streamTime) {
            context.errors.add(
                .late, step: "Aggregate", column: nil, message: "session [\(start),\(end)] is closed at stream time \(streamTime)",
                batch: batch,
                row: row)
        } else {
            try merge(met, into: start, to: end, of: group, batch, row, at: first)
        }
        if step.isFinal, openEnds.least < lateness(of: streamTime) { queueClosed(row) }
    }

    /// Sessions that end before this are closed at stream time `time`.
    private func lateness(of time: Int64) -> Int64 { time.earlier(by: grace).earlier(by: gap) }

    /// The group of a key, whose list of sessions is there.
    func group(_ columns: [Column], _ row: Int) -> Int {
        let group = Int(keys.group(columns, row))
        if group == sessions.count {
            sessions.append([])
            isChanged.append(false)
        }
        return group
    }

    /// Merges the sessions that the row meets, adds the row, and emits tombstones of what is no more and the new session.
    private func merge(
        _ met: ArraySlice<Session>, into start: Int64, to end: Int64, of group: Int, _ batch: Batch, _ row: Int, at place: Int
    ) throws(DataflowError) {
        var session = Session(start: start, end: end, slot: met.first?.slot ?? newSlot(), time: max(end, batch.timestamps[row]))
        // As Kafka Streams has it: only a session that is this very moment goes on without a tombstone of the sessions it was made of.
        let isSame = start == end && met.count == 1
        if !step.isFinal && !isSame {
            for old in met { appendRow(group, old, time: old.end, row, isTombstone: true, old: old.slot) }
        }
        let outRow = step.isFinal ? -1 : appendRow(group, session, time: end, row, isTombstone: false, old: isSame ? session.slot : nil)
        do throws(EvaluationError) {
            for (index, aggregator) in aggregators.enumerated() {
                for old in met.dropFirst() { try aggregator.merge(old.slot, into: session.slot) }
                try aggregator.add(session.slot, input.values[index], row)
                if outRow >= 0 { aggregator.result(session.slot, into: columns[step.output.keyCount + index], outRow) }
            }
        } catch {
            throw DataflowError(
                error.message, input: batch.input, partition: batch.partition, offset: batch.offset(of: row))
        }
        for old in met.dropFirst() { release(old.slot) }
        for old in met where old.start != start || old.end != end {
            gone.append(GoneSession(key: key(group, old.start, old.end), end: old.end))
        }
        session.time = end
        sessions[group].replaceSubrange(place..<place + met.count, with: [session])
        if step.isFinal { openEnds.add(end, group) }
        storedEnd = max(storedEnd, end)
        if !isChanged[group] {
            isChanged[group] = true
            changedKeys.append(Int32(truncatingIfNeeded: group))
        }
    }

    func newSlot() -> Int {
        if let slot = freeSlots.popLast() { return slot }
        slotCount += 1
        for aggregator in aggregators { aggregator.grow(to: slotCount) }
        return slotCount - 1
    }

    func release(_ slot: Int) {
        for aggregator in aggregators { aggregator.reset(slot) }
        freeSlots.append(slot)
    }

    // MARK: Rows that go out

    private func resetOutput() {
        // The rows' keys share memory with the key columns, which grow with the rows that follow.
        cutter.reset()
        for column in columns + oldColumns { column.reset(0) }
        outGroups.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        out.timestamps.removeAll(keepingCapacity: true)
        out.windowStarts.removeAll(keepingCapacity: true)
        out.windowEnds.removeAll(keepingCapacity: true)
        out.hasValue.removeAll(keepingCapacity: true)
        out.hasOld.removeAll(keepingCapacity: true)
    }

    /// Appends a row whose result columns are still to be filled; `old` is the slot whose state right now is the old version.
    @discardableResult private func appendRow(
        _ group: Int, _ session: Session, time: Int64, _ origin: Int, isTombstone: Bool, old slot: Int?
    ) -> Int {
        let row = out.timestamps.count
        outGroups.append(Int32(truncatingIfNeeded: group))
        origins.append(Int32(truncatingIfNeeded: origin))
        out.timestamps.append(time)
        out.windowStarts.append(session.start)
        out.windowEnds.append(session.end)
        out.hasValue.append(!isTombstone)
        for column in columns[step.output.keyCount...] { column.grow(to: row + 1) }
        if step.sendsOld {
            out.hasOld.append(slot != nil)
            for (index, aggregator) in aggregators.enumerated() {
                let column = oldColumns[step.output.keyCount + index]
                column.grow(to: row + 1)
                if let slot { aggregator.result(slot, into: column, row) }
            }
        }
        return row
    }

    /// Makes the rows that were gathered a batch, to leave in chunks.
    private func finishOutput(_ batch: Batch) {
        let count = outGroups.count
        guard count > 0 else { return }
        out.rowCount = count
        out.selection = .all(count)
        out.gatherOrigins(of: batch, origins)
        for index in 0..<step.output.keyCount {
            columns[index].gather(keys.keys[index], outGroups)
            if step.sendsOld { oldColumns[index].share(columns[index]) }
        }
        out.columns = columns
        out.old = step.sendsOld ? oldColumns : []
        if !out.hasValue.contains(false) { out.hasValue = [] }
        cutter.begin(out)
    }

    /// EMIT FINAL: sessions that have ended leave, by start and key bytes.
    private func queueClosed(_ row: Int) {
        let closed = takeClosed()
        guard !closed.isEmpty else { return }
        let ranks = KeyOrder.sorted(Array(Set(closed.map(\.group))).sorted(), keys.keys, keyEncoder)
        let rank = Dictionary(uniqueKeysWithValues: ranks.enumerated().map { ($0.element, $0.offset) })
        self.closed = closed.sorted { ($0.session.start, rank[$0.group] ?? 0) < ($1.session.start, rank[$1.group] ?? 0) }
        nextClosed = 0
        closedBy = row
    }

    private func appendClosed(_ item: ClosedSession) {
        let session = item.session
        let outRow = appendRow(Int(item.group), session, time: session.time, closedBy, isTombstone: false, old: nil)
        for (index, aggregator) in aggregators.enumerated() {
            aggregator.result(session.slot, into: columns[step.output.keyCount + index], outRow)
        }
    }

    private func clearClosed() {
        closed.removeAll(keepingCapacity: true)
        nextClosed = 0
    }

    /// Marks the sessions that have ended and were not emitted yet, and gives them.
    func takeClosed() -> [ClosedSession] {
        let limit = lateness(of: streamTime)
        var closed: [ClosedSession] = []
        while openEnds.least < limit, let item = openEnds.removeLeast() {
            // The place of the session with that end; none when it has gone on since, or was the same one's twice.
            let list = sessions[item.group]
            let place = list.firstPlace { $0.end >= item.end }
            guard place < list.count, list[place].end == item.end, !list[place].wasFinal else { continue }
            sessions[item.group][place].wasFinal = true
            closed.append(ClosedSession(group: Int32(truncatingIfNeeded: item.group), session: list[place]))
        }
        return closed
    }

    /// Sessions that no row in time can meet any more go; there is nothing to do until stream time has moved past the earliest of them.
    private func dropExpired() {
        let limit = streamTime.earlier(by: max(retention, gap + grace)).earlier(by: gap)
        guard !step.isFinal || openEnds.least >= limit else { return }
        guard lastSweep == StreamTime.unset || streamTime.subtractingSaturated(lastSweep) > max(gap.count, retention.count / 8) else { return }
        lastSweep = streamTime
        for group in sessions.indices where !sessions[group].isEmpty && sessions[group][0].end < limit && !isChanged[group] {
            let expired = sessions[group].prefix { $0.end < limit }
            for session in expired {
                release(session.slot)
                gone.append(GoneSession(key: key(group, session.start, session.end), end: session.end))
            }
            sessions[group].removeFirst(expired.count)
        }
        if !isInSnapshot { forgetIdleKeys() }
    }

    /// Numbers the keys anew when most have no sessions any more: keys may come and go without end.
    private func forgetIdleKeys() {
        let live = sessions.indices.filter { !sessions[$0].isEmpty || isChanged[$0] }
        guard sessions.count >= 1024, live.count * 2 < sessions.count else { return }
        let old = keys
        keys = Self.makeKeys(step, context)
        for group in live { _ = keys.group(old.keys, group) }
        sessions = live.map { sessions[$0] }
        isChanged = live.map { isChanged[$0] }
        changedKeys = live.indices.filter { isChanged[$0] }.map(Int32.init)
        openEnds = OpenEnds()
        guard step.isFinal else { return }
        for group in sessions.indices {
            for session in sessions[group] where !session.wasFinal { openEnds.add(session.end, group) }
        }
    }

    private var lastSweep = StreamTime.unset
}
