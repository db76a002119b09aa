// The state of a session aggregation as changelog and snapshot records, and back.

import Bytes
import Plans

extension SessionOperator: StateStore {
    var memory: Int { keys.memory + aggregators.reduce(0) { $0 + $1.memory } + sessions.count * 64 + slotCount * 48 }

    /// The key of a session in the changelog.
    func key(_ group: Int, _ start: Int64, _ end: Int64) -> [UInt8] {
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
        for item in gone {
            if records.isFull { return }
            StateKeys.append(item.key, nil, item.end, to: records)
        }
        gone.removeAll(keepingCapacity: true)
        for group in changedKeys {
            isChanged[Int(group)] = false
            for place in sessions[Int(group)].indices where sessions[Int(group)][place].isChanged {
                if records.isFull { return }
                sessions[Int(group)][place].isChanged = false
                write(Int(group), sessions[Int(group)][place], to: records)
            }
        }
        changedKeys.removeAll(keepingCapacity: true)
        if streamTime != loggedStreamTime {
            loggedStreamTime = streamTime
            StateKeys.writeStreamTime(streamTime, to: records)
        }
    }

    func discardChanges() {
        gone.removeAll(keepingCapacity: true)
        for group in changedKeys { isChanged[Int(group)] = false }
        changedKeys.removeAll(keepingCapacity: true)
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        var keyReader = RowReader(Array(key), 0..<key.count)
        guard let kind = keyReader.byte() else { return "a key is damaged" }
        if kind == StateKeys.streamTime {
            var reader = RowReader(Array(value ?? []), 0..<(value?.count ?? 0))
            guard let time = reader.word() else { return "its stream time is damaged" }
            streamTime = max(streamTime, time)
            loggedStreamTime = streamTime
            _ = takeClosed()
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
        let group = group(columns, 0)
        let place = sessions[group].firstPlace { ($0.start, $0.end) >= (start, end) }
        if place < sessions[group].count, sessions[group][place].start == start, sessions[group][place].end == end {
            release(sessions[group].remove(at: place).slot)
        }
        guard let value else { return nil }
        var reader = RowReader(Array(value), 0..<value.count)
        guard let time = reader.word() else { return "a state is damaged" }
        storedEnd = max(storedEnd, end)
        let slot = newSlot()
        for aggregator in aggregators where !aggregator.read(slot, &reader) { return "a state is damaged" }
        sessions[group].insert(Session(start: start, end: end, slot: slot, time: time, isChanged: false), at: place)
        if step.isFinal {
            openEnds.add(end, group)
            _ = takeClosed()
        }
        return nil
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        var group = position
        while group < sessions.count, group - position < max(1, limit), !records.isSlice {
            for session in sessions[group] { write(group, session, to: records) }
            group += 1
        }
        isInSnapshot = group < sessions.count
        if isInSnapshot { return group }
        if streamTime != StreamTime.unset { StateKeys.writeStreamTime(streamTime, to: records) }
        return nil
    }
}
