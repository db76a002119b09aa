// The state of an aggregation as changelog and snapshot records, and back.

import Bytes
import Plans
import Quantities

extension AggregateOperator: StateStore {
    func writeChanges(to records: RecordSink, limit: Int) -> Bool {
        if logging.window == 0, logging.groups.isEmpty { changed.sort { $0.start < $1.start } }
        var record = StateRecord()
        var left = max(1, limit)
        while logging.window < changed.count {
            let window = changed[logging.window]
            if logging.groups.isEmpty {
                window.isChanged = false
                if state.windows[window.start] === window { logging.groups = window.table.takeChanged() }
            }
            while logging.next < logging.groups.count {
                if left == 0 || records.isSlice { return false }
                let written = write(logging.groups[logging.next...].prefix(left), of: window, areChanges: true, with: &record, to: records)
                logging.next += written
                left -= written
            }
            logging = LoggingPlace(window: logging.window + 1)
        }
        logging = LoggingPlace()
        changed.removeAll(keepingCapacity: true)
        if isWindowed, state.streamTime != loggedStreamTime {
            loggedStreamTime = state.streamTime
            StateKeys.writeStreamTime(state.streamTime, to: records)
        }
        state.endCommit()
        return true
    }

    func discardChanges() {
        logging = LoggingPlace()
        for window in changed {
            window.isChanged = false
            _ = window.table.takeChanged()
        }
        changed.removeAll(keepingCapacity: true)
    }

    /// Writes the next record of these groups, of which there is one at least; how many it has. For a changelog, `areChanges`, what is new in
    /// the states may do.
    private func write(
        _ groups: ArraySlice<Int32>, of window: WindowGroups, areChanges: Bool = false, with record: inout StateRecord, to records: RecordSink
    ) -> Int {
        let fitting = isPacking(window.table) ? PackedGroups.fitting(groups, window.table.keys) : 1
        guard fitting >= PackedGroups.fewest else {
            // A changelog that is compacted keeps but the last record of a key.
            let isChange = areChanges && context.options.packsChangelog && window.table.logsChanges
            if let group = groups.first { write(window, Int(group), isChange: isChange, with: &record, to: records) }
            return 1
        }
        packed.write(groups.prefix(fitting), of: window, isWindowed: isWindowed, to: records)
        return fitting
    }

    private func isPacking(_ table: GroupTable) -> Bool { context.options.packsChangelog && table.hasSmallStates }

    private func write(_ window: WindowGroups, _ group: Int, isChange: Bool, with record: inout StateRecord, to records: RecordSink) {
        record.removeAll()
        record.key.append(StateKeys.kind(isWindowed: isWindowed, isChange: isChange))
        if isWindowed { RowWriter.putWord(window.start, to: &record.key) }
        RowWriter.put(window.table.keys, group, to: &record.key)
        if isChange { window.table.writeChange(group, to: &record.value) } else { window.table.write(group, to: &record.value) }
        StateKeys.append(record.key, record.value, window.table.timestamps[group], to: records)
    }

    /// Groups of one window come together: their keys are read first, and get their groups as those of a batch do.
    func restore(_ run: RecordRun) -> RestoreProblem? {
        var stretch = RestoredStretch(columns: step.grouping.map { Column($0.type) })
        var key = RowReader(run.bytes, 0..<0)
        for record in 0..<run.count where !run.keys[record].isNull && !run.values[record].isNull {
            key.move(to: run.keys[record].indexes)
            func problem(_ reason: String) -> RestoreProblem { RestoreProblem(record: record, reason: reason) }
            let kind = key.byte()
            switch kind {
            case StateKeys.streamTime:
                if let problem = take(&stretch, of: run) { return problem }
                var value = RowReader(run.bytes, run.values[record].indexes)
                guard let time = value.word() else { return problem("its stream time is damaged") }
                restoreStreamTime(time)
                continue
            case StateKeys.pack:
                if let problem = take(&stretch, of: run) { return problem }
                if let reason = restorePack(run, record) { return problem(reason) }
                continue
            case StateKeys.group where !isWindowed, StateKeys.groupChange where !isWindowed: break
            case StateKeys.window where isWindowed, StateKeys.windowChange where isWindowed: break
            default: return problem("a key is of another kind of store")
            }
            var start: Int64 = 0
            if isWindowed {
                guard let value = key.word() else { return problem("a key is damaged") }
                start = value
                largestStart = max(largestStart, start)
                if isExpired(start) { continue }
            }
            let areChanges = kind == StateKeys.groupChange || kind == StateKeys.windowChange
            if start != stretch.start || areChanges != stretch.areChanges, let problem = take(&stretch, of: run) { return problem }
            (stretch.start, stretch.areChanges) = (start, areChanges)
            guard stretch.append(record, &key) else { return problem("a key is damaged") }
        }
        return take(&stretch, of: run)
    }

    private func restoreStreamTime(_ time: Int64) {
        state.streamTime = max(state.streamTime, time)
        loggedStreamTime = state.streamTime
        for start in state.starts[firstOpenPlace...].prefix(while: isOver) { state.windows[start]?.isClosed = true }
        dropExpired()
    }

    /// Takes a record of many groups; nil, or what is wrong with it.
    private func restorePack(_ run: RecordRun, _ record: Int) -> String? {
        let damaged = "a record of groups is damaged"
        var reader = RowReader(run.bytes, run.values[record].indexes)
        guard let count = reader.varint().flatMap({ Int(exactly: $0) }), 1...PackedGroups.most ~= count else { return damaged }
        var start: Int64 = 0
        if isWindowed {
            guard let value = reader.word() else { return damaged }
            start = value
            largestStart = max(largestStart, start)
            if isExpired(start) { return nil }
        }
        let keys = step.grouping.map { Column($0.type) }
        guard PackedGroups.read(&reader, count, into: keys) else { return damaged }
        do throws(DataflowError) {
            let window = try self.window(start)
            if isWindowed { window.isClosed = isOver(start) }
            noteGrowth(window)
            var groups: [Int32] = []
            window.table.assign(keys, (0..<Int32(truncatingIfNeeded: count)).map { $0 }, to: &groups)
            return window.table.restore(groups, &reader) ? nil : damaged
        } catch {
            return error.message
        }
    }

    /// Makes groups of the records that were gathered, and begins the next stretch.
    private func take(_ stretch: inout RestoredStretch, of run: RecordRun) -> RestoreProblem? {
        guard let first = stretch.records.first else { return nil }
        stretch.finish()
        defer { stretch.removeAll() }
        let window: WindowGroups
        do throws(DataflowError) { window = try self.window(stretch.start) } catch {
            return RestoreProblem(record: first, reason: error.message)
        }
        if isWindowed { window.isClosed = isOver(stretch.start) }
        noteGrowth(window)
        var groups: [Int32] = []
        window.table.assign(stretch.columns, stretch.records.indices.map { Int32(truncatingIfNeeded: $0) }, to: &groups)
        let states = stretch.records.map { run.values[$0] }
        let damaged = window.table.restore(groups, states, of: run.bytes, areChanges: stretch.areChanges)
        return damaged.map { RestoreProblem(record: stretch.records[$0], reason: "a state is damaged") }
    }

    /// Whether stream time has closed the window that starts at `start`.
    private func isOver(_ start: Int64) -> Bool {
        state.streamTime != StreamTime.unset && windowTimes.end(of: start) <= state.streamTime.earlier(by: grace)
    }

    /// The windows are those of the first slice: what changes meanwhile is in the changelog behind it, but a group that moved to another
    /// position because windows before it expired would be missed.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) throws(DataflowError) -> Int? {
        if position == 0 { inSnapshot = SnapshotPlace(windows: state.starts.compactMap { state.windows[$0] }) }
        var record = StateRecord()
        while inSnapshot.window < inSnapshot.windows.count {
            let window = inSnapshot.windows[inSnapshot.window]
            // What has gone to disk meanwhile is found there.
            while !window.hasMovedOut, inSnapshot.group < window.table.count {
                if records.entries >= max(1, limit) || records.isSlice { return position + max(1, records.entries) }
                let last = min(window.table.count, inSnapshot.group + min(PackedGroups.most, max(1, limit) - records.entries))
                let groups = (Int32(truncatingIfNeeded: inSnapshot.group)..<Int32(truncatingIfNeeded: last)).map { $0 }
                inSnapshot.group += write(groups[...], of: window, with: &record, to: records)
            }
            inSnapshot.window += 1
            inSnapshot.group = 0
        }
        if try writeDiskSlice(limit: max(1, limit), to: records) { return position + max(1, records.entries) }
        inSnapshot = SnapshotPlace()
        if isWindowed, state.streamTime != StreamTime.unset { StateKeys.writeStreamTime(state.streamTime, to: records) }
        return nil
    }
}

/// The key and value of a record of the changelog, in memory that is used again.
private struct StateRecord {
    var key: [UInt8] = []
    var value: [UInt8] = []

    mutating func removeAll() {
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
    }
}

/// Records of one window that are being restored.
private struct RestoredStretch {
    /// The keys, a row a record; see `words`.
    let columns: [Column]
    var start: Int64 = 0
    /// The records have what is new in states.
    var areChanges = false
    /// Indexes in the run.
    private(set) var records: [Int] = []
    /// The keys where they are one whole number: filled here, because a column's own arrays are checked for exclusive access at every use.
    private var words: [Int64] = []
    private var areWords: Bool

    init(columns: [Column]) {
        self.columns = columns
        areWords = columns.count == 1 && columns[0].lane == .word
    }

    /// Adds the record whose key `key` is about to read; false when that is damaged.
    mutating func append(_ record: Int, _ key: inout RowReader) -> Bool {
        records.append(record)
        if areWords {
            var word = key
            if word.byte() == 1 {
                guard let value = word.word() else { return false }
                words.append(value)
                return true
            }
            // A NULL, which a column can say.
            finish()
            areWords = false
        }
        for column in columns where !key.read(into: column, column.appendRow()) { return false }
        return true
    }

    /// Has the columns hold all keys.
    mutating func finish() {
        guard areWords else { return }
        columns[0].words = words
        columns[0].adopt(count: words.count)
        words.removeAll(keepingCapacity: true)
    }

    mutating func removeAll() {
        for column in columns { column.reset(0) }
        records.removeAll(keepingCapacity: true)
    }
}
