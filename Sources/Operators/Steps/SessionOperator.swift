// GROUP BY with WINDOW SESSION (semantics §10.4): sessions in a sorted list a key, worked off row by row because each row may merge some.

import Bytes
import Formats
import Plans
import Values

/// One session: bounds are the first and last event times, both inclusive.
private struct Session {
    var start: Int64
    var end: Int64
    /// Where the aggregators hold its state.
    var slot: Int
    var time: Int64
    var wasFinal = false
}

/// The running form of a session aggregation.
final class SessionOperator: Operator, StateStore {
    private let step: AggregateStep
    private let input: AggregateInput
    private let gap: Int64
    private let grace: Int64
    private let retention: Int64
    private let aggregators: [Aggregator]
    private let keyEncoder: SideEncoder
    private let keys: GroupTable
    private var sessions: [[Session]] = []
    private var freeSlots: [Int] = []
    private var slotCount = 0
    private var streamTime = StreamTime.unset
    private var loggedStreamTime = StreamTime.unset
    /// The latest end of a session that was ever stored; the store's own clock.
    private var storedEnd = StreamTime.unset
    /// No session that is still to be emitted (or dropped) ends before this.
    private var earliestEnd = Int64.max
    private var changedKeys: [Int32] = []
    private var isChanged: [Bool] = []
    /// Sessions by key that the changelog still has and that are gone.
    private var gone: [(group: Int32, start: Int64, end: Int64)] = []

    // The rows of the batch that goes out.
    private let out = Batch()
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
        keys = GroupTable(keyTypes: step.grouping.map(\.type), keysMayBeNull: step.keepsNullKeys, aggregators: [], seed: context.options.hashSeed)
        columns = step.output.columns.map { Column($0.type) }
        oldColumns = step.output.columns.map { Column($0.type) }
        super.init(context, next: next)
        context.register(self, step.store)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        let withValue = batch.hasValue.isEmpty ? batch.selection : batch.selection.filtered { batch.hasValue[$0] }
        let rows = input.read(batch, withValue, old: false)
        begin()
        for index in 0..<rows.count { try take(batch, rows[index]) }
        try letOut(batch)
        dropExpired()
    }

    private func take(_ batch: Batch, _ row: Int) throws(DataflowError) {
        let time = batch.timestamps[row]
        streamTime = max(streamTime, time)
        let group = Int(keys.group(input.groups, row))
        if group == sessions.count {
            sessions.append([])
            isChanged.append(false)
        }
        let list = sessions[group]
        // A session whose time in the store is over is not met any more, even where lateness alone would still let it grow.
        let first = list.firstIndex { $0.end &+ gap >= time && $0.end > storedEnd &- retention } ?? list.count
        var last = first
        while last < list.count, list[last].start &- gap <= time { last += 1 }
        let met = Array(list[first..<last])
        let start = min(time, met.first?.start ?? time)
        let end = max(time, met.map(\.end).max() ?? time)
        if end < streamTime &- grace &- gap {
            context.errors.add(
                .late, step: "Aggregate", column: nil, message: "session [\(start),\(end)] is closed at stream time \(streamTime)",
                batch: batch,
                row: row)
        } else {
            try merge(met, start, end, group, batch, row, at: first)
        }
        if step.isFinal, earliestEnd < streamTime &- grace &- gap { try emitClosed(batch, row) }
    }

    /// Merges the sessions that the row meets, adds the row, and emits tombstones of what is no more and the new session.
    private func merge(
        _ met: [Session], _ start: Int64, _ end: Int64, _ group: Int, _ batch: Batch, _ row: Int, at place: Int
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
                error.message, input: batch.input, partition: batch.partition, offset: row < batch.offsets.count ? batch.offsets[row] : -1)
        }
        for old in met.dropFirst() { release(old.slot) }
        for old in met where old.start != start || old.end != end { gone.append((Int32(group), old.start, old.end)) }
        session.time = end
        sessions[group].replaceSubrange(place..<place + met.count, with: [session])
        earliestEnd = min(earliestEnd, end)
        storedEnd = max(storedEnd, end)
        if !isChanged[group] {
            isChanged[group] = true
            changedKeys.append(Int32(group))
        }
    }

    private func newSlot() -> Int {
        if let slot = freeSlots.popLast() { return slot }
        slotCount += 1
        for aggregator in aggregators { aggregator.grow(to: slotCount) }
        return slotCount - 1
    }

    private func release(_ slot: Int) {
        for aggregator in aggregators { aggregator.reset(slot) }
        freeSlots.append(slot)
    }

    // MARK: Rows that go out

    private func begin() {
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
        outGroups.append(Int32(group))
        origins.append(Int32(origin))
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

    private func letOut(_ batch: Batch) throws(DataflowError) {
        let count = outGroups.count
        guard count > 0 else { return }
        out.rowCount = count
        out.selection = .all(count)
        out.gatherOrigins(of: batch, origins)
        let keyCount = step.output.keyCount
        for index in 0..<keyCount {
            columns[index].copyRows(of: keys.keys[index], outGroups)
            if step.sendsOld { oldColumns[index].share(columns[index]) }
        }
        out.columns = columns
        out.old = step.sendsOld ? oldColumns : []
        if !out.hasValue.contains(false) { out.hasValue = [] }
        try next?.push(out)
    }

    /// EMIT FINAL: sessions that have ended leave, by start and key bytes.
    private func emitClosed(_ batch: Batch, _ row: Int) throws(DataflowError) {
        let limit = streamTime &- grace &- gap
        var closed: [(group: Int32, session: Session)] = []
        earliestEnd = .max
        for group in sessions.indices {
            for index in sessions[group].indices where !sessions[group][index].wasFinal {
                if sessions[group][index].end < limit {
                    sessions[group][index].wasFinal = true
                    closed.append((Int32(group), sessions[group][index]))
                } else {
                    earliestEnd = min(earliestEnd, sessions[group][index].end)
                }
            }
        }
        let ranks = KeyOrder.sorted(Array(Set(closed.map(\.group))).sorted(), keys.keys, keyEncoder)
        let rank = Dictionary(uniqueKeysWithValues: ranks.enumerated().map { ($0.element, $0.offset) })
        closed.sort { ($0.session.start, rank[$0.group] ?? 0) < ($1.session.start, rank[$1.group] ?? 0) }
        for (group, session) in closed {
            let outRow = appendRow(Int(group), session, time: session.time, row, isTombstone: false, old: nil)
            for (index, aggregator) in aggregators.enumerated() {
                aggregator.result(session.slot, into: columns[step.output.keyCount + index], outRow)
            }
        }
    }

    /// Sessions that no row in time can meet any more go; there is nothing to do until stream time has moved past the earliest of them.
    private func dropExpired() {
        let limit = streamTime &- max(retention, gap &+ grace) &- gap
        guard !step.isFinal || earliestEnd == .max || earliestEnd >= limit else { return }
        guard lastSweep == StreamTime.unset || streamTime &- lastSweep > max(gap, retention / 8) else { return }
        lastSweep = streamTime
        for group in sessions.indices where !sessions[group].isEmpty && sessions[group][0].end < limit && !isChanged[group] {
            let expired = sessions[group].prefix { $0.end < limit }
            for session in expired {
                release(session.slot)
                gone.append((Int32(group), session.start, session.end))
            }
            sessions[group].removeFirst(expired.count)
        }
    }

    private var lastSweep = StreamTime.unset

    // MARK: State

    var memory: Int { keys.memory + aggregators.reduce(0) { $0 + $1.memory } + sessions.count * 64 + slotCount * 48 }

    private func key(_ group: Int, _ start: Int64, _ end: Int64) -> [UInt8] {
        var key: [UInt8] = [StateKeys.session]
        RowWriter.putWord(start, to: &key)
        RowWriter.putWord(end, to: &key)
        RowWriter.put(keys.keys, group, to: &key)
        return key
    }

    private func write(_ group: Int, _ session: Session, to records: RecordSink) {
        var value: [UInt8] = []
        RowWriter.putWord(session.time, to: &value)
        for aggregator in aggregators { aggregator.write(session.slot, to: &value) }
        StateKeys.append(key(group, session.start, session.end), value, session.time, to: records)
    }

    func writeChanges(to records: RecordSink) {
        for item in gone { StateKeys.append(key(Int(item.group), item.start, item.end), nil, item.end, to: records) }
        gone.removeAll(keepingCapacity: true)
        for group in changedKeys {
            isChanged[Int(group)] = false
            for session in sessions[Int(group)] { write(Int(group), session, to: records) }
        }
        changedKeys.removeAll(keepingCapacity: true)
        if streamTime != loggedStreamTime {
            loggedStreamTime = streamTime
            StateKeys.writeStreamTime(streamTime, to: records)
        }
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        var keyReader = RowReader(Array(key), 0..<key.count)
        guard let kind = keyReader.byte() else { return "a key is damaged" }
        if kind == StateKeys.streamTime {
            var reader = RowReader(Array(value ?? []), 0..<(value?.count ?? 0))
            guard let time = reader.word() else { return "its stream time is damaged" }
            streamTime = max(streamTime, time)
            loggedStreamTime = streamTime
            markFinal()
            return nil
        }
        guard kind == StateKeys.session, let start = keyReader.word(), let end = keyReader.word() else {
            return "a key is of another kind of store"
        }
        let columns = keys.keys.map { Column($0.type) }
        for column in columns {
            column.reset(1)
            guard keyReader.read(into: column, 0) else { return "a key is damaged" }
        }
        let group = Int(keys.group(columns, 0))
        if group == sessions.count {
            sessions.append([])
            isChanged.append(false)
        }
        if let index = sessions[group].firstIndex(where: { $0.start == start && $0.end == end }) {
            release(sessions[group][index].slot)
            sessions[group].remove(at: index)
        }
        guard let value else { return nil }
        var reader = RowReader(Array(value), 0..<value.count)
        guard let time = reader.word() else { return "a state is damaged" }
        storedEnd = max(storedEnd, end)
        let slot = newSlot()
        for aggregator in aggregators where !aggregator.read(slot, &reader) { return "a state is damaged" }
        let place = sessions[group].firstIndex { $0.start > start } ?? sessions[group].count
        sessions[group].insert(Session(start: start, end: end, slot: slot, time: time), at: place)
        earliestEnd = min(earliestEnd, end)
        markFinal()
        return nil
    }

    /// After a restart: sessions closed by then have been emitted.
    private func markFinal() {
        guard step.isFinal, streamTime != StreamTime.unset, earliestEnd < streamTime &- grace &- gap else { return }
        earliestEnd = .max
        for group in sessions.indices {
            for index in sessions[group].indices {
                if sessions[group][index].end < streamTime &- grace &- gap {
                    sessions[group][index].wasFinal = true
                } else {
                    earliestEnd = min(earliestEnd, sessions[group][index].end)
                }
            }
        }
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        let last = min(sessions.count, position + max(1, limit))
        for group in position..<max(position, last) {
            for session in sessions[group] { write(group, session, to: records) }
        }
        if last < sessions.count { return last }
        if streamTime != StreamTime.unset { StateKeys.writeStreamTime(streamTime, to: records) }
        return nil
    }
}
