// What a session aggregation puts out: every change at once, changes that were held back, and sessions that have closed.

import Bytes
import Plans
import Values

/// The rows that go out, without their columns.
struct SessionRows {
    var groups: [Int32] = []
    /// The rows of the batch that they stem from; empty for rows that were held back.
    var origins: [Int32] = []
    var times: [Int64] = []
    var starts: [Int64] = []
    var ends: [Int64] = []
    var hasValue: [Bool] = []
    var hasOld: [Bool] = []

    var count: Int { times.count }

    mutating func append(_ group: Int, start: Int64, end: Int64, isTombstone: Bool, hasOld: Bool) {
        groups.append(Int32(truncatingIfNeeded: group))
        times.append(end)
        starts.append(start)
        ends.append(end)
        hasValue.append(!isTombstone)
        self.hasOld.append(hasOld)
    }

    mutating func removeAll() {
        groups.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        times.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        hasValue.removeAll(keepingCapacity: true)
        hasOld.removeAll(keepingCapacity: true)
    }
}

extension SessionOperator {
    func resetOutput() {
        // The rows' keys share memory with the key columns, which grow with the rows that follow.
        cutter.reset()
        for column in columns + oldColumns { column.reset(0) }
        rows.removeAll()
    }

    /// Makes the rows that were gathered a batch, to leave in chunks; `batch` is what they stem from, nil when they were held back.
    func finishOutput(_ batch: Batch?) {
        let count = rows.count
        guard count > 0 else { return }
        out.rowCount = count
        out.selection = .all(count)
        if let batch {
            out.gatherOrigins(of: batch, rows.origins)
        } else {
            (out.offsets, out.headers, out.recordIndexes, out.ranks) = ([], [], [], [])
        }
        for index in columns.indices {
            if index < step.output.keyCount { columns[index].gather(keys.keys[index], rows.groups) } else { columns[index].grow(to: count) }
            guard step.sendsOld else { continue }
            if index < step.output.keyCount { oldColumns[index].share(columns[index]) } else { oldColumns[index].grow(to: count) }
        }
        out.timestamps = rows.times
        out.windowStarts = rows.starts
        out.windowEnds = rows.ends
        out.hasValue = rows.hasValue.contains(false) ? rows.hasValue : []
        out.hasOld = step.sendsOld ? rows.hasOld : []
        out.columns = columns
        out.old = step.sendsOld ? oldColumns : []
        cutter.begin(out)
    }

    // MARK: Every change

    /// Appends tombstones of the sessions that a row changes and the row of what comes of it, whose results are still to be filled. To be
    /// called before the sessions change.
    @inline(never) func announce(
        _ meeting: SessionMeeting, _ group: Int, _ row: Int, _ table: SessionTable, _ rows: inout SessionRows,
        _ operations: inout GroupOperations, _ work: Work
    ) throws(DataflowError) {
        if step.sendsOld { try apply(&operations, table.slots.count, work) }
        // As Kafka Streams has it: only a session that is this very moment goes on without a tombstone of the sessions it was made of.
        let isSame = meeting.start == meeting.end && meeting.count == 1
        if !isSame && meeting.count > 0 {
            appendOld(Int(meeting.slot), table, group, row, &rows)
            for slot in table.absorbed(group, meeting) { appendOld(Int(slot), table, group, row, &rows) }
        }
        if isSame && step.sendsOld { showOld(Int(meeting.slot), rows.count) }
        rows.append(group, start: meeting.start, end: meeting.end, isTombstone: false, hasOld: isSame)
        rows.origins.append(Int32(truncatingIfNeeded: row))
    }

    private func appendOld(_ slot: Int, _ table: SessionTable, _ group: Int, _ row: Int, _ rows: inout SessionRows) {
        if step.sendsOld { showOld(slot, rows.count) }
        rows.append(group, start: table.slots[slot].start, end: table.slots[slot].end, isTombstone: true, hasOld: true)
        rows.origins.append(Int32(truncatingIfNeeded: row))
    }

    /// Makes what a session's results are right now the old version of a row.
    private func showOld(_ slot: Int, _ row: Int) {
        for (index, aggregator) in aggregators.enumerated() {
            let column = oldColumns[step.output.keyCount + index]
            column.grow(to: row + 1)
            aggregator.result(slot, into: column, row)
        }
    }

    // MARK: Changes that were held back

    /// Appends the rows of the next sessions whose changes were held back: a tombstone where rows have told of the session under other
    /// bounds, and the session as it is now.
    func gatherHeld() {
        var (rows, slots, olds) = (SessionRows(), [Int32](), [Int32]())
        swap(&rows, &self.rows)
        while nextOutgoing < outgoing.count, rows.count < chunkRows {
            let version = outgoing[nextOutgoing]
            let session = table.slots[Int(version.slot)]
            let (group, isGone) = (Int(session.group), session.marks.contains(.gone))
            let isMoved = isGone || session.start != version.start || session.end != version.end
            if version.isKnown && isMoved {
                rows.append(group, start: version.start, end: version.end, isTombstone: true, hasOld: true)
                slots.append(version.slot)
                olds.append(Int32(truncatingIfNeeded: nextOutgoing))
            }
            if !isGone {
                let hasOld = version.isKnown && !isMoved
                rows.append(group, start: session.start, end: session.end, isTombstone: false, hasOld: hasOld)
                slots.append(version.slot)
                olds.append(hasOld ? Int32(truncatingIfNeeded: nextOutgoing) : -1)
            }
            table.noteEmitted(Int(version.slot))
            nextOutgoing += 1
        }
        swap(&rows, &self.rows)
        for (index, aggregator) in aggregators.enumerated() {
            let place = step.output.keyCount + index
            show(aggregator, slots, in: columns[place])
            if step.sendsOld { oldColumns[place].gather(pendingOld[place], olds) }
        }
        finishOutput(nil)
    }

    /// Writes the results of the sessions into the rows; what stands at a tombstone means nothing.
    private func show(_ aggregator: Aggregator, _ slots: [Int32], in column: Column) {
        column.reset(slots.count)
        if column.lane.isFixed { return aggregator.results(slots, into: column) }
        for (row, slot) in slots.enumerated() where rows.hasValue[row] { aggregator.result(Int(slot), into: column, row) }
    }

    // MARK: Sessions that have closed

    /// EMIT FINAL: sessions that have ended leave, by start and key bytes.
    func queueClosed() {
        let closed = takeClosed()
        guard !closed.isEmpty else { return }
        let groups = closed.map { table.slots[Int($0)].group }
        let ranks = KeyOrder.sorted(Array(Set(groups)).sorted(), keys.keys, keyEncoder)
        let rank = Dictionary(uniqueKeysWithValues: ranks.enumerated().map { ($0.element, $0.offset) })
        let order = zip(closed, groups).map { (slot: $0, start: table.slots[Int($0)].start, rank: rank[$1] ?? 0) }
        self.closed = order.sorted { ($0.start, $0.rank) < ($1.start, $1.rank) }.map(\.slot)
        nextClosed = 0
    }

    /// Marks the sessions that have ended and were not given out yet, and gives them.
    func takeClosed() -> [Int32] {
        let limit = horizon
        var closed: [Int32] = []
        while table.openEnds.least < limit, let item = table.openEnds.removeLeast() {
            // None when the session has gone on since, or was the same one's twice.
            if let slot = table.close(item.group, endingAt: item.end) { closed.append(slot) }
        }
        return closed
    }

    /// EMIT FINAL: appends sessions that have closed, as many as fit the chunk; `row` of the batch has closed them.
    func appendClosed(by row: Int32) {
        while nextClosed < closed.count, rows.count < chunkRows {
            let slot = Int(closed[nextClosed])
            let session = table.slots[slot]
            for (index, aggregator) in aggregators.enumerated() {
                let column = columns[step.output.keyCount + index]
                column.grow(to: rows.count + 1)
                aggregator.result(slot, into: column, rows.count)
            }
            rows.append(Int(session.group), start: session.start, end: session.end, isTombstone: false, hasOld: false)
            rows.origins.append(row)
            nextClosed += 1
        }
        if nextClosed == closed.count { clearClosed() }
    }

    func clearClosed() {
        closed.removeAll(keepingCapacity: true)
        nextClosed = 0
    }
}
