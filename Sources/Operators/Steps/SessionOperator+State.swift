// The state of a session aggregation as changelog and snapshot records, and back.

import Bytes
import Plans

extension SessionOperator: RecordwiseStore {
    var memory: Int {
        keys.memory + table.memory + aggregators.reduce(0) { $0 + $1.memory } + pendingOld.reduce(0) { $0 + $1.memory }
            + outgoing.capacity * MemoryLayout<SessionVersion>.stride
    }

    /// Makes `bytes` the key of a session in the changelog.
    private func writeKey(_ group: Int32, start: Int64, end: Int64, to bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(StateKeys.session)
        RowWriter.putWord(start, to: &bytes)
        RowWriter.putWord(end, to: &bytes)
        RowWriter.put(keys.keys, Int(group), to: &bytes)
    }

    /// Makes `bytes` what the changelog has of a session beside its key: its time, which is its end, and the states.
    private func writeState(_ slot: Int, end: Int64, to bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        RowWriter.putWord(end, to: &bytes)
        for aggregator in aggregators { aggregator.write(slot, to: &bytes) }
    }

    func writeChanges(to records: RecordSink, limit: Int) -> Bool {
        let (limit, count) = (max(1, limit), table.changeCount)
        var (key, state): ([UInt8], [UInt8]) = ([], [])
        var seen = 0
        func goesOn() -> Bool {
            seen += 1
            return seen < limit && !records.isSlice
        }
        // What is gone comes first: sessions that are read back never overlap.
        if nextChange < count {
            nextChange = table.forEachChange(from: nextChange) { old, session in
                if old.isKnown, session.marks.contains(.gone) || session.start != old.start || session.end != old.end {
                    writeKey(session.group, start: old.start, end: old.end, to: &key)
                    StateKeys.append(key, nil, old.end, to: records)
                }
                return goesOn()
            }
            if nextChange < count || seen >= limit || records.isSlice { return false }
        }
        nextChange = count + table.forEachChange(from: nextChange - count) { old, session in
            if !session.marks.contains(.gone) {
                writeKey(session.group, start: session.start, end: session.end, to: &key)
                writeState(Int(old.slot), end: session.end, to: &state)
                StateKeys.append(key, state, session.end, to: records)
            }
            return goesOn()
        }
        guard nextChange == 2 * count else { return false }
        discardChanges()
        if table.streamTime != loggedStreamTime {
            loggedStreamTime = table.streamTime
            StateKeys.writeStreamTime(table.streamTime, to: records)
        }
        return true
    }

    func discardChanges() {
        nextChange = 0
        table.noteLogged()
        forgetIdleKeys()
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        var keyReader = RowReader(Array(key), 0..<key.count)
        guard let kind = keyReader.byte() else { return "a key is damaged" }
        if kind == StateKeys.streamTime {
            var reader = RowReader(Array(value ?? []), 0..<(value?.count ?? 0))
            guard let time = reader.word() else { return "its stream time is damaged" }
            table.streamTime = max(table.streamTime, time)
            loggedStreamTime = table.streamTime
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
        if let slot = table.remove(group, start: start, end: end) {
            for aggregator in aggregators { aggregator.reset(slot) }
        }
        guard let value else { return nil }
        var reader = RowReader(Array(value), 0..<value.count)
        // Its time, which is its end.
        guard reader.word() != nil else { return "a state is damaged" }
        let slot = table.restore(group, start: start, end: end)
        for aggregator in aggregators {
            aggregator.grow(to: table.slots.count)
            guard aggregator.read(slot, &reader) else { return "a state is damaged" }
        }
        if step.isFinal {
            table.openEnds.add(end, group)
            _ = takeClosed()
        }
        return nil
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        var (key, state): ([UInt8], [UInt8]) = ([], [])
        var group = position
        while group < table.groupCount, group - position < max(1, limit), !records.isSlice {
            table.forEach(of: group) { slot in
                let session = table.slots[slot]
                writeKey(session.group, start: session.start, end: session.end, to: &key)
                writeState(slot, end: session.end, to: &state)
                StateKeys.append(key, state, session.end, to: records)
            }
            group += 1
        }
        isInSnapshot = group < table.groupCount
        if isInSnapshot { return group }
        if table.streamTime != StreamTime.unset { StateKeys.writeStreamTime(table.streamTime, to: records) }
        return nil
    }
}
