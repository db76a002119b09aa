// The state of one side of a join: the current rows of a table, or the rows of a stream that may still find a partner.

import Bytes
import Quantities
import Values

/// The current row of each key of a table side. It grows with the number of live keys.
final class JoinTable: StateStore {
    private let rows: KeyedRows
    private var changed: [[UInt8]: Int64] = [:]
    private var order: [[UInt8]] = []

    init(seed: UInt64) { rows = KeyedRows(seed: seed) }

    subscript(key: [UInt8]) -> JoinRow? {
        rows.find(key[...]).map { JoinRow(time: rows.time($0), bytes: rows.row($0)) }
    }

    /// Puts `row` in the place of the key's last one, or takes that away; `time` is the change's.
    func set(_ key: [UInt8], _ row: JoinRow?, time: Int64) {
        if let row { rows.put(key[...], row.bytes, row.time) } else { rows.remove(key[...]) }
        if changed.updateValue(time, forKey: key) == nil { order.append(key) }
    }

    var memory: Int { rows.memory }

    func writeChanges(to records: RecordSink) {
        for key in order {
            if records.isFull { return }
            StateKeys.append([StateKeys.row] + key, self[key]?.bytes, self[key]?.time ?? changed[key] ?? 0, to: records)
        }
        changed.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
    }

    func discardChanges() {
        changed.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
    }

    /// Called for every row that is restored from the changelog.
    var onRestore: ((_ key: [UInt8], _ row: JoinRow?) -> Void)?

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        guard key.first == StateKeys.row else { return "a key is of another kind of store" }
        let row = value.map { JoinRow(time: timestamp, bytes: Array($0)) }
        let name = Array(key.dropFirst())
        onRestore?(name, row)
        if let row { rows.put(name[...], row.bytes, row.time) } else { rows.remove(name[...]) }
        return nil
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        rows.writeSnapshot(from: position, limit: limit, to: records)
    }
}

/// The rows of a stream side by key, in the order of (time, arrival). Rows go when no partner in time can come any more.
final class JoinBuffer: StateStore {
    struct Entry {
        var arrival: Int64
        var row: JoinRow
        /// Not matched yet, and to be emitted padded once nothing can match it.
        var isAwaiting: Bool
    }

    /// A row that has come, changed or gone since the last changelog.
    private struct Change {
        let key: [UInt8]
        let entry: Entry
        let isGone: Bool
    }

    /// The place of a row in the list of its key.
    private struct RowPlace {
        let time: Int64
        let arrival: Int64
    }

    private(set) var entries: [[UInt8]: [Entry]] = [:]
    private var awaiting = AwaitingRows()
    /// The largest time of a row of this side.
    var largestTime = StreamTime.unset
    /// The largest time of a row of either side; kept by the left buffer for the whole join.
    var joinTime = StreamTime.unset
    private var loggedTimes = (own: StreamTime.unset, join: StreamTime.unset)
    private var arrivals: Int64 = 0
    private var byteCount = 0
    private var changes: [Change] = []
    private var lastSweep = StreamTime.unset
    /// The keys of the snapshot under way, which of them comes next, and which of its rows have been written.
    private var inSnapshot: [[UInt8]] = []
    private var nextInSnapshot = 0
    private var lastInSnapshot: RowPlace?
    /// Called with the time of every row that awaits a partner and is restored from the changelog.
    var onRestore: ((_ time: Int64) -> Void)?

    func append(_ key: [UInt8], _ row: JoinRow, isAwaiting: Bool) {
        arrivals += 1
        insert(key, Entry(arrival: arrivals, row: row, isAwaiting: isAwaiting))
        changes.append(Change(key: key, entry: Entry(arrival: arrivals, row: row, isAwaiting: isAwaiting), isGone: false))
    }

    private func insert(_ key: [UInt8], _ entry: Entry) {
        byteCount += entry.row.bytes.count + 64
        if entry.isAwaiting { awaiting.insert(AwaitingRow(time: entry.row.time, key: key, arrival: entry.arrival)) }
        let place = entries[key]?.firstPlace { ($0.row.time, $0.arrival) > (entry.row.time, entry.arrival) } ?? 0
        entries[key, default: []].insert(entry, at: place)
    }

    /// The rows of `key` with times in `times` that are later than `horizon`; they await nothing any more.
    func matches(_ key: [UInt8], _ times: ClosedRange<Int64>, after horizon: Int64) -> [JoinRow] {
        guard let slot = entries.index(forKey: key) else { return [] }
        var found: [JoinRow] = []
        var place = entries.values[slot].firstPlace { $0.row.time >= times.lowerBound && $0.row.time > horizon }
        while place < entries.values[slot].count, entries.values[slot][place].row.time <= times.upperBound {
            found.append(entries.values[slot][place].row)
            if entries.values[slot][place].isAwaiting { release(key, slot, place) }
            place += 1
        }
        return found
    }

    /// The row awaits nothing any more. Changed in its place: a copy of the list for each row would make hot keys quadratic.
    private func release(_ key: [UInt8], _ slot: Dictionary<[UInt8], [Entry]>.Index, _ place: Int) {
        entries.values[slot][place].isAwaiting = false
        changes.append(Change(key: key, entry: entries.values[slot][place], isGone: false))
        awaiting.remove(isLive: isAwaiting)
    }

    private func isAwaiting(_ row: AwaitingRow) -> Bool {
        guard let place = place(row.key, row.arrival, row.time) else { return false }
        return entries[row.key]?[place].isAwaiting == true
    }

    /// The first row that awaits a partner, the last one, and the first one for which `isBehind` holds, as it does for all after it.
    func firstAwaiting() -> AwaitingRow? { awaiting.first(isLive: isAwaiting) }
    func lastAwaiting() -> AwaitingRow? { awaiting.last(isLive: isAwaiting) }
    func firstAwaiting(where isBehind: (AwaitingRow) -> Bool) -> AwaitingRow? { awaiting.first(where: isBehind, isLive: isAwaiting) }

    /// A row awaits nothing any more; gives it.
    func release(_ row: AwaitingRow) -> JoinRow? {
        guard let slot = entries.index(forKey: row.key), let place = place(row.key, row.arrival, row.time) else { return nil }
        release(row.key, slot, place)
        return entries.values[slot][place].row
    }

    private func place(_ key: [UInt8], _ arrival: Int64, _ time: Int64) -> Int? {
        guard let list = entries[key] else { return nil }
        let place = list.firstPlace { ($0.row.time, $0.arrival) >= (time, arrival) }
        return place < list.count && list[place].arrival == arrival ? place : nil
    }

    /// Forgets rows that are not later than `horizon`; looks only when stream time has moved by a share of the window.
    func sweep(_ horizon: Int64, every share: Milliseconds) {
        guard lastSweep == StreamTime.unset || horizon.subtractingSaturated(lastSweep) > share.count else { return }
        lastSweep = horizon
        for (key, list) in entries {
            let kept = list.filter { entry in
                if entry.row.time > horizon || entry.isAwaiting { return true }
                changes.append(Change(key: key, entry: entry, isGone: true))
                byteCount -= entry.row.bytes.count + 64
                return false
            }
            if kept.count < list.count { entries[key] = kept.isEmpty ? nil : kept }
        }
    }

    // MARK: State

    var memory: Int { byteCount + entries.count * 100 }

    private func write(_ key: [UInt8], _ entry: Entry, isGone: Bool, to records: RecordSink) {
        var name: [UInt8] = [StateKeys.buffered]
        RowWriter.putVarint(UInt64(key.count), to: &name)
        name.append(contentsOf: key)
        RowWriter.putWord(entry.row.time, to: &name)
        RowWriter.putWord(entry.arrival, to: &name)
        StateKeys.append(name, isGone ? nil : [entry.isAwaiting ? 1 : 0] + entry.row.bytes, entry.row.time, to: records)
    }

    private func writeTimes(to records: RecordSink) {
        loggedTimes = (largestTime, joinTime)
        var value: [UInt8] = []
        RowWriter.putWord(largestTime, to: &value)
        RowWriter.putWord(joinTime, to: &value)
        StateKeys.append([StateKeys.streamTime], value, max(largestTime, joinTime), to: records)
    }

    func writeChanges(to records: RecordSink) {
        for change in changes {
            if records.isFull { return }
            write(change.key, change.entry, isGone: change.isGone, to: records)
        }
        changes.removeAll(keepingCapacity: true)
        if loggedTimes != (largestTime, joinTime) { writeTimes(to: records) }
    }

    func discardChanges() { changes.removeAll(keepingCapacity: true) }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        var reader = RowReader(Array(key), 0..<key.count)
        let kind = reader.byte()
        if kind == StateKeys.streamTime {
            var time = RowReader(Array(value ?? []), 0..<(value?.count ?? 0))
            guard let own = time.word(), let join = time.word() else { return "its stream time is damaged" }
            largestTime = max(largestTime, own)
            joinTime = max(joinTime, join)
            loggedTimes = (largestTime, joinTime)
            return nil
        }
        guard kind == StateKeys.buffered, let name = reader.text(), let time = reader.word(), let arrival = reader.word() else {
            return "a key is of another kind of store"
        }
        let bufferKey = Array(name)
        if let place = place(bufferKey, arrival, time), let old = entries[bufferKey]?.remove(at: place) {
            byteCount -= old.row.bytes.count + 64
            if old.isAwaiting { awaiting.remove(isLive: isAwaiting) }
        }
        if entries[bufferKey]?.isEmpty == true { entries[bufferKey] = nil }
        guard let value, let mark = value.first else { return nil }
        arrivals = max(arrivals, arrival)
        insert(bufferKey, Entry(arrival: arrival, row: JoinRow(time: time, bytes: Array(value.dropFirst())), isAwaiting: mark == 1))
        if mark == 1 { onRestore?(time) }
        return nil
    }

    /// A slice counts rows: one key may have most of them. Rows that come or go between two slices are in the changelog behind them.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        // The keys of the first slice: rows of others are in the changelog, too.
        if position == 0 { (inSnapshot, nextInSnapshot, lastInSnapshot) = (Array(entries.keys), 0, nil) }
        while nextInSnapshot < inSnapshot.count {
            let key = inSnapshot[nextInSnapshot]
            let list = entries[key] ?? []
            let written = lastInSnapshot
            var place = written.map { last in list.firstPlace { ($0.row.time, $0.arrival) > (last.time, last.arrival) } } ?? 0
            while place < list.count {
                if records.count >= max(1, limit) || records.isSlice { return position + records.count }
                write(key, list[place], isGone: false, to: records)
                lastInSnapshot = RowPlace(time: list[place].row.time, arrival: list[place].arrival)
                place += 1
            }
            nextInSnapshot += 1
            lastInSnapshot = nil
        }
        inSnapshot = []
        if max(largestTime, joinTime) != StreamTime.unset { writeTimes(to: records) }
        return nil
    }
}
