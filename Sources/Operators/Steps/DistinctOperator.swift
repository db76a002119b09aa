// SELECT DISTINCT … WINDOW TUMBLING: the first of equal rows of each window passes. The keys of a window go with it.

import Bytes
import Plans
import Quantities
import Values

/// Lets each different row of a window pass once.
final class DistinctOperator: Operator {
    private let step: KeyedStep
    private let window: WindowDescription
    private let windowTimes: WindowTimes
    private let seen: SeenRows
    private var out = Batch()
    private var key: [UInt8] = []

    init(_ step: KeyedStep, _ window: WindowDescription, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        self.window = window
        windowTimes = try WindowTimes(window, context.environment)
        seen = SeenRows(seed: context.options.hashSeed)
        super.init(context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.store, seen)] }

    override func push(_ input: Batch) throws(DataflowError) {
        var fresh: [Int32] = []
        try forEachRow(of: input, step: "Distinct") { row throws(DataflowError) in
            let time = input.timestamps[row]
            seen.streamTime = max(seen.streamTime, time)
            let bounds = windowTimes.bounds(at: time)
            if bounds.end <= seen.streamTime.earlier(by: window.grace) {
                context.errors.add(
                    .late, step: "Distinct", column: nil,
                    message: "window [\(bounds.start),\(bounds.end)) is closed at stream time \(seen.streamTime)", batch: input, row: row)
                return
            }
            key.removeAll(keepingCapacity: true)
            RowWriter.put(input.columns, row, to: &key)
            if seen.insert(key, in: bounds.start, time: time) { fresh.append(Int32(truncatingIfNeeded: row)) }
        }
        let horizon = seen.streamTime.earlier(by: window.grace)
        seen.drop { [windowTimes] in windowTimes.end(of: $0) <= horizon }
        guard !fresh.isEmpty else { return }
        out.adoptRows(of: input)
        out.columns = input.columns
        out.selection = .only(fresh)
        try emit(out)
    }

    override func releaseMemory() { out = Batch() }
}

/// The keys of the windows that are open. A record of the changelog is the kind, the window's start and the key, and has no content; one
/// without a value takes the key away.
final class SeenRows: RecordwiseStore {
    private struct Change {
        let start: Int64
        let key: [UInt8]
        let isGone: Bool
        let time: Int64
    }

    private let seed: UInt64
    private var windows: [Int64: ByteTable] = [:]
    private var changes: [Change] = []
    private var nextChange = 0
    private var bytes = 0
    private var bytesByWindow: [Int64: Int] = [:]
    var streamTime = StreamTime.unset
    private var loggedStreamTime = StreamTime.unset
    private var inSnapshot: [Int64] = []

    init(seed: UInt64) { self.seed = seed }

    /// Whether the key is new in its window.
    func insert(_ key: [UInt8], in start: Int64, time: Int64) -> Bool {
        guard add(key, start) else { return false }
        changes.append(Change(start: start, key: key, isGone: false, time: time))
        return true
    }

    private func add(_ key: [UInt8], _ start: Int64) -> Bool {
        let table = windows[start] ?? ByteTable(seed: seed)
        windows[start] = table
        guard table.id(of: key[...]).isNew else { return false }
        bytes += 40 + key.count
        bytesByWindow[start, default: 0] += 40 + key.count
        return true
    }

    /// Drops the windows for whose start `isOver` holds.
    func drop(where isOver: (Int64) -> Bool) {
        for start in windows.keys.filter(isOver).sorted() {
            guard let table = windows.removeValue(forKey: start) else { continue }
            for id in table.idsInOrder(from: 0) {
                changes.append(Change(start: start, key: Array(table.key(Int(id))), isGone: true, time: streamTime))
            }
            bytes -= bytesByWindow.removeValue(forKey: start) ?? 0
        }
    }

    var memory: Int { bytes + changes.capacity * 48 }

    private func write(_ start: Int64, _ name: some Sequence<UInt8>, isGone: Bool, time: Int64, to records: RecordSink) {
        var key = [StateKeys.window]
        RowWriter.putWord(start, to: &key)
        key += name
        StateKeys.append(key, isGone ? nil : [], time, to: records)
    }

    func writeChanges(to records: RecordSink, limit: Int) -> Bool {
        let first = records.count
        while nextChange < changes.count {
            if records.count - first >= max(1, limit) || records.isSlice { return false }
            let change = changes[nextChange]
            nextChange += 1
            write(change.start, change.key, isGone: change.isGone, time: change.time, to: records)
        }
        discardChanges()
        if streamTime != loggedStreamTime {
            loggedStreamTime = streamTime
            StateKeys.writeStreamTime(streamTime, to: records)
        }
        return true
    }

    func discardChanges() {
        changes.removeAll(keepingCapacity: true)
        nextChange = 0
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        let bytes = Array(key)
        var reader = RowReader(bytes, 0..<bytes.count)
        switch reader.byte() {
        case StateKeys.streamTime:
            let content = Array(value ?? [])
            var time = RowReader(content, 0..<content.count)
            guard let time = time.word() else { return "its stream time is damaged" }
            streamTime = max(streamTime, time)
            loggedStreamTime = streamTime
            return nil
        case StateKeys.window:
            guard let start = reader.word() else { return "a key is damaged" }
            let name = Array(bytes[reader.position...])
            if value != nil {
                _ = add(name, start)
            } else if let table = windows[start], table.find(name[...]) != nil {
                table.remove(name[...])
                self.bytes -= 40 + name.count
                bytesByWindow[start, default: 0] -= 40 + name.count
            }
            return nil
        default: return "a key is of another kind of store"
        }
    }

    /// A slice of the snapshot has whole windows, those that there were at the first one; what comes or goes meanwhile is in the changelog.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        if position == 0 { inSnapshot = windows.keys.sorted() }
        var place = position
        while place < inSnapshot.count {
            if records.count >= max(1, limit) || records.isSlice { return place }
            let start = inSnapshot[place]
            if let table = windows[start] {
                for id in table.idsInOrder(from: 0) { write(start, table.key(Int(id)), isGone: false, time: streamTime, to: records) }
            }
            place += 1
        }
        if streamTime != StreamTime.unset { StateKeys.writeStreamTime(streamTime, to: records) }
        return nil
    }
}
