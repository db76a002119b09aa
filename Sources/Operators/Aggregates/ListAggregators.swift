// COLLECT_LIST and STRING_AGG: the values of a group in the order of their arrival, one behind the other in the compact row format.

import Bytes
import Values

/// Values in the order of their arrival.
struct ValueList {
    /// In the compact row format.
    var bytes: [UInt8] = []
    var count = 0
}

/// How much of a list the changelog has: values from these places on are new to it. Of the task alone, while questions read the list.
struct LoggedPart {
    var bytes = 0
    var count = 0
}

/// COLLECT_LIST and STRING_AGG.
final class ListAggregator: Aggregator {
    /// Places without values that a change may ask for; more are damage.
    private static let mostMissing = 1 << 20

    private let type: SQLType
    private let limit: Int
    /// STRING_AGG: what stands between the texts; nil for COLLECT_LIST.
    private let delimiter: [UInt8]?
    private var lists: [ValueList] = []
    private var logged: [LoggedPart] = []
    /// Bytes of the lists.
    private var listMemory = 0
    /// The value that is taken in or out.
    private var value: [UInt8] = []

    /// At most `limit` values of `type` are kept, the first ones; see `delimiter`.
    init(_ type: SQLType, limit: Int = .max, delimiter: String? = nil) {
        self.type = type
        self.limit = limit
        self.delimiter = delimiter.map { Array($0.utf8) }
    }

    override func extend(to count: Int) {
        let more = count - lists.count
        lists.append(contentsOf: repeatElement(ValueList(), count: more))
        logged.append(contentsOf: repeatElement(LoggedPart(), count: more))
    }

    override func reset(_ group: Int) { replace(group, ValueList()) }

    override var memory: Int {
        listMemory + lists.capacity * MemoryLayout<ValueList>.stride + logged.capacity * MemoryLayout<LoggedPart>.stride
    }

    /// Gives a group another list, of which the changelog has nothing.
    private func replace(_ group: Int, _ list: ValueList) {
        listMemory += list.bytes.capacity - lists[group].bytes.capacity
        lists[group] = list
        logged[group] = LoggedPart()
    }

    // MARK: Rows

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        guard lists[group].count < limit, delimiter == nil || !arguments[0].isNull(row) else { return }
        let (before, size) = (lists[group].bytes.capacity, lists[group].bytes.count)
        RowWriter.put(arguments[0], row, to: &lists[group].bytes)
        listMemory += lists[group].bytes.capacity - before
        guard fits(lists[group].bytes.count, lists[group].count + 1) else {
            lists[group].bytes.removeSubrange(size...)
            throw EvaluationError(ValueLimit.message)
        }
        lists[group].count += 1
    }

    /// Whether a list of so many bytes and values is not a text too large for one row, or more than memory could hold.
    private func fits(_ size: Int, _ count: Int) -> Bool {
        if let delimiter { size + count * delimiter.count <= ValueLimit.bytes } else { size <= ValueLimit.batchBytes }
    }

    /// Takes away the last equal value.
    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        value.removeAll(keepingCapacity: true)
        RowWriter.put(arguments[0], row, to: &value)
        let list = lists[group]
        var reader = RowReader(list.bytes, 0..<list.bytes.count)
        var found: (range: Range<Int>, place: Int)?
        for place in 0..<list.count {
            let start = reader.position
            guard reader.skip(type) else { break }
            if list.bytes[start..<reader.position].elementsEqual(value) { found = (start..<reader.position, place) }
        }
        guard let found else { return }
        lists[group] = ValueList()
        var shorter = list
        shorter.bytes.removeSubrange(found.range)
        shorter.count -= 1
        lists[group] = shorter
        if logged[group].count > found.place { logged[group] = LoggedPart(bytes: found.range.lowerBound, count: found.place) }
    }

    override func merge(_ other: Int, into group: Int) throws(EvaluationError) {
        let later = lists[other]
        let added = min(later.count, limit - lists[group].count)
        var reader = RowReader(later.bytes, 0..<later.bytes.count)
        for _ in 0..<added where !reader.skip(type) { return }
        guard fits(lists[group].bytes.count + reader.position, lists[group].count + added) else { throw EvaluationError(ValueLimit.message) }
        let before = lists[group].bytes.capacity
        lists[group].bytes += later.bytes[..<reader.position]
        lists[group].count += added
        listMemory += lists[group].bytes.capacity - before
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let list = lists[group]
        var reader = RowReader(list.bytes, 0..<list.bytes.count)
        guard let delimiter else {
            column.setPresent(row)
            _ = reader.readElements(list.count, into: column, row)
            return
        }
        if list.count == 0 { return column.setNull(row) }
        var joined: [UInt8] = []
        joined.reserveCapacity(list.bytes.count + list.count * delimiter.count)
        for place in 0..<list.count {
            guard reader.byte() == 1, let text = reader.text() else { break }
            if place > 0 { joined += delimiter }
            joined += text
        }
        column.setText(row, joined[...])
    }

    // MARK: Changelog

    override var logsChanges: Bool { true }

    /// The list as one value of an array.
    override func write(_ group: Int, to bytes: inout [UInt8]) {
        bytes.append(1)
        RowWriter.putVarint(UInt64(lists[group].count), to: &bytes)
        bytes += lists[group].bytes
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard reader.byte() == 1, let count = reader.varint(), let values = reader.skipped(count, type) else { return false }
        replace(group, ValueList(bytes: Array(values), count: Int(count)))
        return true
    }

    /// How many values stay, how many follow them, and these.
    override func writeChange(_ group: Int, to bytes: inout [UInt8]) {
        let (list, known) = (lists[group], logged[group])
        RowWriter.putVarint(UInt64(known.count), to: &bytes)
        RowWriter.putVarint(UInt64(list.count - known.count), to: &bytes)
        bytes += list.bytes[known.bytes...]
        logged[group] = LoggedPart(bytes: list.bytes.count, count: list.count)
    }

    /// A snapshot may have the list as it became later. Places that it has no values for get some by the changes that follow, or go.
    override func readChange(_ group: Int, _ reader: inout RowReader) -> Bool {
        var list = lists[group]
        guard let kept = reader.varint(), let added = reader.varint(), kept <= UInt64(list.count + ListAggregator.mostMissing),
            let values = reader.skipped(added, type)
        else { return false }
        var old = RowReader(list.bytes, 0..<list.bytes.count)
        let present = min(list.count, Int(kept))
        for _ in 0..<present where !old.skip(type) { return false }
        list.bytes.removeSubrange(old.position...)
        list.bytes += repeatElement(0, count: Int(kept) - present)
        list.bytes += values
        list.count = Int(kept) + Int(added)
        replace(group, list)
        return true
    }
}
