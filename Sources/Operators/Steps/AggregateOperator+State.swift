// The state of an aggregation as changelog and snapshot records, and back.

import Plans
import Quantities

extension AggregateOperator: StateStore {
    func writeChanges(to records: RecordSink) {
        changed.sort { $0.start < $1.start }
        for window in changed {
            window.isChanged = false
            guard windows[window.start] === window else { continue }
            for group in window.table.takeChanged() {
                if records.isFull { return }
                write(window, Int(group), to: records)
            }
        }
        changed.removeAll(keepingCapacity: true)
        if isWindowed, streamTime != loggedStreamTime {
            loggedStreamTime = streamTime
            StateKeys.writeStreamTime(streamTime, to: records)
        }
    }

    func discardChanges() {
        for window in changed {
            window.isChanged = false
            _ = window.table.takeChanged()
        }
        changed.removeAll(keepingCapacity: true)
    }

    private func write(_ window: WindowGroups, _ group: Int, to records: RecordSink) {
        var key: [UInt8] = [isWindowed ? StateKeys.window : StateKeys.group]
        var value: [UInt8] = []
        if isWindowed { RowWriter.putWord(window.start, to: &key) }
        RowWriter.put(window.table.keys, group, to: &key)
        window.table.write(group, to: &value)
        StateKeys.append(key, value, window.table.timestamps[group], to: records)
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        guard let value else { return nil }
        var keyReader = RowReader(Array(key), 0..<key.count)
        var reader = RowReader(Array(value), 0..<value.count)
        switch keyReader.byte() {
        case StateKeys.streamTime:
            guard let time = reader.word() else { return "its stream time is damaged" }
            streamTime = max(streamTime, time)
            loggedStreamTime = streamTime
            for start in starts[firstOpenPlace...].prefix(while: isOver) { windows[start]?.isClosed = true }
            dropExpired()
            return nil
        case StateKeys.group where !isWindowed: break
        case StateKeys.window where isWindowed: break
        default: return "a key is of another kind of store"
        }
        var start: Int64 = 0
        if isWindowed {
            guard let value = keyReader.word() else { return "a key is damaged" }
            start = value
            largestStart = max(largestStart, start)
            if isExpired(start) { return nil }
        }
        do throws(DataflowError) {
            let window = try window(start)
            if isWindowed { window.isClosed = isOver(start) }
            noteGrowth(window)
            return window.table.restore(key: &keyReader, state: &reader) ? nil : "a state is damaged"
        } catch {
            return error.message
        }
    }

    /// Whether stream time has closed the window that starts at `start`.
    private func isOver(_ start: Int64) -> Bool {
        streamTime != StreamTime.unset && start <= streamTime.earlier(by: grace).earlier(by: size)
    }

    /// The windows are those of the first slice: what changes meanwhile is in the changelog behind it, but a group that moved to another
    /// position because windows before it expired would be missed.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        if position == 0 { inSnapshot = SnapshotPlace(windows: starts.compactMap { windows[$0] }) }
        while inSnapshot.window < inSnapshot.windows.count {
            let window = inSnapshot.windows[inSnapshot.window]
            while inSnapshot.group < window.table.count {
                if records.count >= max(1, limit) || records.isSlice { return position + records.count }
                write(window, inSnapshot.group, to: records)
                inSnapshot.group += 1
            }
            inSnapshot.window += 1
            inSnapshot.group = 0
        }
        inSnapshot = SnapshotPlace()
        if isWindowed, streamTime != StreamTime.unset { StateKeys.writeStreamTime(streamTime, to: records) }
        return nil
    }
}
