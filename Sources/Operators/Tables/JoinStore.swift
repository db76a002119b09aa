// The state of one side of a join: the current rows of a table, or the rows of a stream that may still find a partner.

import Bytes
import Values

/// The current row of each key of a table side. It grows with the number of live keys.
final class JoinTable: StateStore {
    private let rows: RowTable
    private var changed: [[UInt8]: Int64] = [:]
    private var order: [[UInt8]] = []

    init(seed: UInt64) { rows = RowTable(seed: seed) }

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
        for key in order { StateKeys.append([StateKeys.row] + key, self[key]?.bytes, self[key]?.time ?? changed[key] ?? 0, to: records) }
        changed.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
    }

    /// Called for every row that comes back from the changelog.
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
        let last = min(rows.idBound, position + max(1, limit))
        for id in position..<max(position, last) where rows.isUsed(id) {
            StateKeys.append([StateKeys.row] + rows.key(id), rows.row(id), rows.time(id), to: records)
        }
        return last < rows.idBound ? last : nil
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

    private(set) var entries: [[UInt8]: [Entry]] = [:]
    /// The largest time of a row of this side.
    var largestTime = StreamTime.unset
    /// The largest time of a row of either side; kept by the left buffer for the whole join.
    var joinTime = StreamTime.unset
    private var loggedTimes = (own: StreamTime.unset, join: StreamTime.unset)
    private var arrivals: Int64 = 0
    private var byteCount = 0
    private var changes: [(key: [UInt8], entry: Entry, isGone: Bool)] = []
    private var lastSweep = StreamTime.unset
    /// The keys of the snapshot under way.
    private var inSnapshot: [[UInt8]] = []
    /// Told the time of every row that awaits a partner when it comes back from the changelog.
    var onRestore: ((_ time: Int64) -> Void)?

    func append(_ key: [UInt8], _ row: JoinRow, isAwaiting: Bool) {
        arrivals += 1
        insert(key, Entry(arrival: arrivals, row: row, isAwaiting: isAwaiting))
        changes.append((key, Entry(arrival: arrivals, row: row, isAwaiting: isAwaiting), false))
    }

    private func insert(_ key: [UInt8], _ entry: Entry) {
        byteCount += entry.row.bytes.count + 64
        let place = entries[key]?.firstPlace { ($0.row.time, $0.arrival) > (entry.row.time, entry.arrival) } ?? 0
        entries[key, default: []].insert(entry, at: place)
    }

    /// The rows of `key` with times in `times` that are later than `horizon`; they await nothing any more.
    func matches(_ key: [UInt8], _ times: ClosedRange<Int64>, after horizon: Int64) -> [JoinRow] {
        guard let list = entries[key] else { return [] }
        var found: [JoinRow] = []
        var index = list.firstPlace { $0.row.time >= times.lowerBound && $0.row.time > horizon }
        while index < list.count, list[index].row.time <= times.upperBound {
            found.append(list[index].row)
            if list[index].isAwaiting { release(key, index) }
            index += 1
        }
        return found
    }

    private func release(_ key: [UInt8], _ index: Int) {
        guard var entry = entries[key]?[index] else { return }
        entry.isAwaiting = false
        entries[key]?[index] = entry
        changes.append((key, entry, false))
    }

    /// All rows that await a partner, in no order.
    func awaiting() -> [(key: [UInt8], entry: Entry)] {
        entries.flatMap { key, list in list.filter(\.isAwaiting).map { (key, $0) } }
    }

    /// A row awaits nothing any more.
    func release(_ key: [UInt8], arrival: Int64, time: Int64) {
        guard let index = place(key, arrival, time) else { return }
        release(key, index)
    }

    private func place(_ key: [UInt8], _ arrival: Int64, _ time: Int64) -> Int? {
        guard let list = entries[key] else { return nil }
        let place = list.firstPlace { ($0.row.time, $0.arrival) >= (time, arrival) }
        return place < list.count && list[place].arrival == arrival ? place : nil
    }

    /// Forgets rows that are not later than `horizon`; looks only when stream time has moved by a share of the window.
    func sweep(_ horizon: Int64, every share: Int64) {
        guard lastSweep == StreamTime.unset || horizon &- lastSweep > share else { return }
        lastSweep = horizon
        for (key, list) in entries {
            let kept = list.filter { entry in
                if entry.row.time > horizon || entry.isAwaiting { return true }
                changes.append((key, entry, true))
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
        for change in changes { write(change.key, change.entry, isGone: change.isGone, to: records) }
        changes.removeAll(keepingCapacity: true)
        if loggedTimes != (largestTime, joinTime) { writeTimes(to: records) }
    }

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
        if let place = place(bufferKey, arrival, time) {
            byteCount -= (entries[bufferKey]?.remove(at: place).row.bytes.count ?? 0) + 64
        }
        if entries[bufferKey]?.isEmpty == true { entries[bufferKey] = nil }
        guard let value, let mark = value.first else { return nil }
        arrivals = max(arrivals, arrival)
        insert(bufferKey, Entry(arrival: arrival, row: JoinRow(time: time, bytes: Array(value.dropFirst())), isAwaiting: mark == 1))
        if mark == 1 { onRestore?(time) }
        return nil
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        // The keys of the first slice: rows of others are in the changelog behind it.
        if position == 0 { inSnapshot = Array(entries.keys) }
        let last = min(inSnapshot.count, position + max(1, limit))
        for key in inSnapshot[min(position, last)..<last] {
            for entry in entries[key] ?? [] { write(key, entry, isGone: false, to: records) }
        }
        if last < inSnapshot.count { return last }
        inSnapshot = []
        if max(largestTime, joinTime) != StreamTime.unset { writeTimes(to: records) }
        return nil
    }
}
