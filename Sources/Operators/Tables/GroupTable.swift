// The groups of an aggregation, or of one window of it: keys, aggregate states, timestamps, and which groups have changed since the last
// changelog and since the last emission. It grows with the number of distinct keys and is dropped as a whole.

import Bytes
import Plans
import Values

/// Groups by dense id.
final class GroupTable {
    /// Bytes of one key column: its places have 32 bits.
    private static let keyLimit = Int(Int32.max) - (64 << 20)

    private let wordTable: WordTable?
    private let byteTable: ByteTable?
    /// Key columns by group id.
    let keys: [Column]
    let aggregators: [Aggregator]
    /// The largest record time of each group.
    private(set) var timestamps: [Int64] = []
    /// Whether a row of the group has ever been emitted.
    var wasEmitted: [Bool] = []

    private var changed: [Int32] = []
    private var isChanged: [Bool] = []
    /// Groups whose change is held back, in the order of their first change.
    private(set) var pending: [Int32] = []
    private var isPending: [Bool] = []
    private var keyBytes: [UInt8] = []
    /// The keys do not fit the 32-bit places of their columns any more; groups that were begun since then have no keys.
    private(set) var isFull = false
    private let hasTextKeys: Bool

    /// `keysMayBeNull`: a key may be a NULL.
    init(keyTypes: [SQLType], keysMayBeNull: Bool, aggregators: [Aggregator], seed: UInt64) {
        keys = keyTypes.map { Column($0) }
        self.aggregators = aggregators
        hasTextKeys = keys.contains(where: \.hasVariableWeight)
        let isWord = keyTypes.count == 1 && Lane(keyTypes[0]) == .word && !keysMayBeNull
        wordTable = isWord ? WordTable(seed: seed) : nil
        byteTable = isWord ? nil : ByteTable(seed: seed)
    }

    var count: Int { timestamps.count }

    var memory: Int {
        (wordTable?.memory ?? 0) + (byteTable?.memory ?? 0) + keys.reduce(0) { $0 + $1.memory } + aggregators.reduce(0) { $0 + $1.memory }
            + timestamps.capacity * 11
    }

    /// Gives each of `rows` its group, whose key stands in `columns`, by appending to `groups`.
    func assign(_ columns: [Column], _ rows: [Int32], to groups: inout [Int32]) {
        groups.reserveCapacity(groups.count + rows.count)
        if let wordTable {
            let words = columns[0].words
            for row in rows {
                let group = wordTable.group(of: words[Int(row)])
                if Int(group) == count { begin(columns, Int(row)) }
                groups.append(group)
            }
        } else {
            for row in rows { groups.append(group(columns, Int(row))) }
        }
    }

    /// The group of the key at `row`; a new key begins one.
    func group(_ columns: [Column], _ row: Int) -> Int32 {
        if let wordTable {
            let group = wordTable.group(of: columns[0].words[row])
            if Int(group) == count { begin(columns, row) }
            return group
        }
        keyBytes.removeAll(keepingCapacity: true)
        RowWriter.put(columns, row, to: &keyBytes)
        guard let byteTable else { return 0 }
        let (id, isNew) = byteTable.id(of: keyBytes[...])
        if isNew { begin(columns, row) }
        return Int32(id)
    }

    @inline(never) private func begin(_ columns: [Column], _ row: Int) {
        if hasTextKeys, zip(keys, columns).contains(where: { $0.textMemory + $1.weight(row) > GroupTable.keyLimit }) { isFull = true }
        for (key, column) in zip(keys, columns) {
            if isFull { key.setNull(key.appendRow()) } else { key.append(column, row) }
        }
        timestamps.append(Int64.min)
        wasEmitted.append(false)
        isChanged.append(false)
        isPending.append(false)
        for aggregator in aggregators { aggregator.grow(to: timestamps.count) }
    }

    /// Takes the rows' times into their groups; `times[k]` becomes the group's time right after entry k, unless `times` is empty.
    func advance(_ operations: GroupOperations, _ rowTimes: [Int64], into times: inout [Int64]) {
        var timestamps = self.timestamps
        self.timestamps = []
        for entry in 0..<operations.count {
            let group = Int(operations.groups[entry])
            let time = max(timestamps[group], rowTimes[Int(operations.rows[entry])])
            timestamps[group] = time
            if !times.isEmpty { times[operations.position(entry)] = time }
        }
        self.timestamps = timestamps
    }

    /// Remembers that these groups must be logged.
    func markChanged(_ groups: [Int32]) {
        GroupTable.mark(groups, in: &isChanged, appendingTo: &changed)
    }

    /// Marks groups; those that were not marked are appended.
    private static func mark(_ groups: [Int32], in isMarked: inout [Bool], appendingTo marked: inout [Int32]) {
        for group in groups where !isMarked[Int(group)] {
            isMarked[Int(group)] = true
            marked.append(group)
        }
    }

    /// Remembers that these groups must be emitted; gives those for which this is new.
    func markPending(_ groups: [Int32]) -> ArraySlice<Int32> {
        let start = pending.count
        GroupTable.mark(groups, in: &isPending, appendingTo: &pending)
        return pending[start...]
    }

    /// The groups that must be emitted; from now on none must.
    func takePending() -> [Int32] {
        for group in pending { isPending[Int(group)] = false }
        defer { pending.removeAll(keepingCapacity: true) }
        return pending
    }

    /// The groups that changed since the last call.
    func takeChanged() -> [Int32] {
        for group in changed { isChanged[Int(group)] = false }
        defer { changed.removeAll(keepingCapacity: true) }
        return changed
    }

    /// Appends the group's time and states.
    func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putWord(timestamps[group], to: &bytes)
        for aggregator in aggregators { aggregator.write(group, to: &bytes) }
    }

    /// Takes a group back; false when the bytes are damaged.
    func restore(key: inout RowReader, state: inout RowReader) -> Bool {
        let columns = keys.map { Column($0.type) }
        for column in columns {
            column.reset(1)
            guard key.read(into: column, 0) else { return false }
        }
        guard let time = state.word() else { return false }
        let group = Int(group(columns, 0))
        timestamps[group] = time
        wasEmitted[group] = true
        for aggregator in aggregators where !aggregator.read(group, &state) { return false }
        return true
    }
}
