// The state of an aggregation as changelog and snapshot records, and back.

import Plans

extension AggregateOperator: StateStore {
    var memory: Int { windows.values.reduce(0) { $0 + $1.table.memory } }

    func writeChanges(to records: RecordSink) {
        for start in starts.isEmpty ? Array(windows.keys) : starts {
            guard let window = windows[start] else { continue }
            for group in window.table.takeChanged() { write(window, Int(group), to: records) }
        }
        if isWindowed, streamTime != loggedStreamTime {
            loggedStreamTime = streamTime
            StateKeys.writeStreamTime(streamTime, to: records)
        }
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
            for (start, window) in windows where start &+ size <= streamTime &- grace { window.isClosed = true }
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
            if start &+ max(retention, size &+ grace) <= streamTime { return nil }
        }
        do throws(DataflowError) {
            let window = try window(start)
            if isWindowed { window.isClosed = start &+ size <= streamTime &- grace }
            return window.table.restore(key: &keyReader, state: &reader) ? nil : "a state is damaged"
        } catch {
            return error.message
        }
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        var skipped = 0
        for start in starts.isEmpty ? Array(windows.keys) : starts {
            guard let window = windows[start] else { continue }
            let count = window.table.count
            if position < skipped + count {
                let first = max(0, position - skipped)
                let last = min(count, first &+ max(1, limit))
                for group in first..<last { write(window, group, to: records) }
                return skipped + last
            }
            skipped += count
        }
        if isWindowed, streamTime != StreamTime.unset { StateKeys.writeStreamTime(streamTime, to: records) }
        return nil
    }
}
