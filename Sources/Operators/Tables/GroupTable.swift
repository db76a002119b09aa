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
    /// The types of what the aggregators give.
    let resultTypes: [SQLType]
    /// The largest record time of each group.
    let timestamps = StateWords()
    /// By group: `changedFlag` while it must be logged, `pendingFlag` while it must be emitted, `emittedFlag` once a row of it has been. In
    /// one array, because each array costs a batch of groups that are met at random one more miss of the cache.
    private var flags: [UInt8] = []
    /// The first of the keys, where they are whole numbers, in the place that they will have next.
    private var largerKeys: [Int64] = []
    private static let changedFlag: UInt8 = 1, pendingFlag: UInt8 = 2, emittedFlag: UInt8 = 4
    private var changed: [Int32] = []
    /// Groups whose change is held back, in the order of their first change.
    private(set) var pending: [Int32] = []
    private var keyBytes: [UInt8] = []
    private var keyEnds: [Int] = []
    /// The keys do not fit the 32-bit places of their columns any more; groups that were begun since then have no keys.
    private(set) var isFull = false
    private let hasTextKeys: Bool

    /// `keysMayBeNull`: a key may be a NULL. `resultTypes` has one type an aggregator.
    init(keyTypes: [SQLType], keysMayBeNull: Bool, aggregators: [Aggregator], resultTypes: [SQLType] = [], seed: UInt64) {
        keys = keyTypes.map { Column($0) }
        self.aggregators = aggregators
        self.resultTypes = resultTypes
        hasTextKeys = keys.contains(where: \.hasVariableWeight)
        hasSmallStates = aggregators.allSatisfy(\.isSmall)
        logsChanges = aggregators.contains(where: \.logsChanges)
        let isWord = keyTypes.count == 1 && Lane(keyTypes[0]) == .word && !keysMayBeNull
        wordTable = isWord ? WordTable(seed: seed) : nil
        byteTable = isWord ? nil : ByteTable(seed: seed)
    }

    /// An empty table for the groups of a step. `skipsFailures` is about rows that an aggregate cannot take in.
    static func make(
        _ step: AggregateStep, _ sequences: [SequenceCounter], _ added: AddedFunctions, seed: UInt64, skipsFailures: Bool = false
    ) throws(DataflowError) -> GroupTable {
        var aggregators: [Aggregator] = []
        for (call, sequence) in zip(step.aggregates, sequences) {
            let aggregator = try AggregateLibrary.make(call, sequence, added, seed: seed, undoes: step.isTableInput)
            if skipsFailures { aggregator.skipsFailures = true }
            aggregators.append(aggregator)
        }
        return GroupTable(
            keyTypes: step.grouping.map(\.type), keysMayBeNull: step.keepsNullKeys, aggregators: aggregators,
            resultTypes: step.aggregates.map(\.result), seed: seed)
    }

    var count: Int { timestamps.count }
    /// Whether every key is one whole number.
    var hasWordKeys: Bool { wordTable != nil }
    /// Whether the states of many groups may be in one record.
    let hasSmallStates: Bool
    /// Whether a changelog has what is new in a group's states.
    let logsChanges: Bool

    var memory: Int {
        (wordTable?.memory ?? 0) + (byteTable?.memory ?? 0) + keys.reduce(0) { $0 + $1.memory } + aggregators.reduce(0) { $0 + $1.memory }
            + timestamps.memory + largerKeys.capacity * 8 + flags.capacity + (changed.capacity + pending.capacity) * 4
    }

    /// Gives each of `rows` its group, whose key stands in `columns`, by appending to `groups`.
    func assign(_ columns: [Column], _ rows: [Int32], to groups: inout [Int32]) {
        groups.makeRoom(for: rows.count)
        // The rows that begin a group, in the order of the new groups.
        var fresh: [Int32] = []
        var next = Int32(truncatingIfNeeded: count)
        if let wordTable {
            let words = columns[0].words
            for (place, row) in rows.enumerated() {
                let ahead = place + Hashing.prefetchDistance
                if ahead < rows.count { wordTable.prefetch(words[Int(rows[ahead])]) }
                let group = wordTable.group(of: words[Int(row)])
                if group == next {
                    fresh.append(row)
                    next += 1
                }
                groups.append(group)
            }
        } else if let byteTable {
            var first = 0
            while first < rows.count {
                encodeKeys(columns, rows[first...])
                var places: [Int] = []
                byteTable.assign(keyBytes, ends: keyEnds, to: &groups, fresh: &places)
                for place in places { fresh.append(rows[first + place]) }
                first += keyEnds.count
            }
        }
        if !fresh.isEmpty { begin(columns, fresh) }
    }

    /// The group of the key at `row`; a new key begins one.
    func group(_ columns: [Column], _ row: Int) -> Int32 {
        let group: Int32
        if let wordTable {
            group = wordTable.group(of: columns[0].words[row])
        } else {
            group = Int32(truncatingIfNeeded: byteTable?.id(of: key(columns, row)[...]).id ?? 0)
        }
        if Int(group) == count { begin(columns, [Int32(truncatingIfNeeded: row)]) }
        return group
    }

    /// Bytes of keys beyond which no more are encoded at once.
    private static let encodedBytes = 1 << 20

    /// Fills `keyBytes` with the keys at the first of `rows`, one behind the other, and `keyEnds` with their ends.
    private func encodeKeys(_ columns: [Column], _ rows: ArraySlice<Int32>) {
        var (bytes, ends): ([UInt8], [Int]) = ([], [])
        swap(&bytes, &keyBytes)
        swap(&ends, &keyEnds)
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        if columns.count == 1, columns[0].lane == .text, columns[0].nulls.isEmpty {
            let (ranges, texts) = (columns[0].ranges, columns[0].bytes)
            for row in rows where bytes.count < GroupTable.encodedBytes {
                let range = ranges[Int(row)]
                bytes.append(1)
                RowWriter.putVarint(UInt64(range.length), to: &bytes)
                bytes.append(contentsOf: texts[range.indexes])
                ends.append(bytes.count)
            }
        } else {
            for row in rows where bytes.count < GroupTable.encodedBytes {
                RowWriter.put(columns, Int(row), to: &bytes)
                ends.append(bytes.count)
            }
        }
        swap(&bytes, &keyBytes)
        swap(&ends, &keyEnds)
    }

    /// The key at `row` as bytes, in memory that the next key uses again.
    private func key(_ columns: [Column], _ row: Int) -> [UInt8] {
        keyBytes.removeAll(keepingCapacity: true)
        RowWriter.put(columns, row, to: &keyBytes)
        return keyBytes
    }

    /// Begins a group for the key at each of `rows`.
    @inline(never) private func begin(_ columns: [Column], _ rows: [Int32]) {
        if hasWordKeys, count >= GroupTable.manyKeys { growKeys() }
        for (key, column) in zip(keys, columns) {
            if hasTextKeys { appendLimited(key, column, rows) } else { key.append(column, rows) }
        }
        let total = count + rows.count
        timestamps.grow(to: total, .min)
        flags.append(contentsOf: repeatElement(0, count: rows.count))
        for aggregator in aggregators { aggregator.grow(to: total) }
    }

    /// Keys from which on their array is copied to a larger one part by part, before it is full.
    private static let manyKeys = 1 << 18
    /// Keys of one part.
    private static let copiedKeys = 1 << 16

    /// Copies the next part of the keys, where they are to have a larger place: a key never changes.
    private func growKeys() {
        let key = keys[0]
        if largerKeys.isEmpty {
            if key.words.capacity - count > count / 4 { return }
            largerKeys.reserveCapacity(count * 2)
        }
        let copied = largerKeys.count
        largerKeys.append(contentsOf: key.words[copied..<min(count, copied + GroupTable.copiedKeys)])
        guard largerKeys.count == count else { return }
        swap(&key.words, &largerKeys)
        largerKeys = []
    }

    private func appendLimited(_ key: Column, _ column: Column, _ rows: [Int32]) {
        for row in rows {
            if key.textMemory + column.weight(Int(row)) > GroupTable.keyLimit { isFull = true }
            if isFull { key.setNull(key.appendRow()) } else { key.append(column, Int(row)) }
        }
    }

    /// Takes the rows' times into their groups; `times[k]` becomes the group's time right after entry k, unless `times` is empty.
    func advance(_ operations: GroupOperations, _ rowTimes: [Int64], into times: inout [Int64]) {
        let timestamps = timestamps
        for entry in 0..<operations.count {
            let group = Int(operations.groups[entry])
            let time = max(timestamps[group], rowTimes[Int(operations.rows[entry])])
            timestamps[group] = time
            if !times.isEmpty { times[operations.position(entry)] = time }
        }
    }

    /// The groups from `first` on, in the order in which their keys lie on disk.
    func diskOrder(from first: Int = 0) -> [Int32] {
        guard wordTable != nil else { return byteTable?.idsInOrder(from: first) ?? [] }
        var order: [(word: Int64, group: Int32)] = []
        order.reserveCapacity(count - first)
        let words = keys[0].words
        for group in first..<count { order.append((words[group], Int32(truncatingIfNeeded: group))) }
        order.sort { $0.word < $1.word }
        return order.map(\.group)
    }

    /// The group of the key at `row`, nil when it has none.
    func find(_ columns: [Column], _ row: Int) -> Int? {
        if let wordTable { return wordTable.find(columns[0].words[row]).map { Int($0) } }
        var key: [UInt8] = []
        RowWriter.put(columns, row, to: &key)
        return byteTable?.find(key[...])
    }

    /// Appends the group of the key at each of `rows` to `groups`, -1 where it has none.
    func find(_ columns: [Column], _ rows: [Int32], to groups: inout [Int32]) {
        groups.makeRoom(for: rows.count)
        if let wordTable {
            for row in rows { groups.append(wordTable.find(columns[0].words[Int(row)]) ?? -1) }
        } else if let byteTable {
            var first = 0
            while first < rows.count {
                encodeKeys(columns, rows[first...])
                var start = 0
                for end in keyEnds {
                    groups.append(byteTable.find(keyBytes[start..<end]).map { Int32(truncatingIfNeeded: $0) } ?? -1)
                    start = end
                }
                first += keyEnds.count
            }
        }
    }

    // MARK: What happens to groups

    /// Whether a row of the group has ever been emitted.
    func wasEmitted(_ group: Int32) -> Bool { flags[Int(group)] & GroupTable.emittedFlag != 0 }
    /// A row of the group is emitted.
    func noteEmitted(_ group: Int32) { flags[Int(group)] |= GroupTable.emittedFlag }

    /// Remembers that these groups must be logged; gives those for which this is new.
    func markChanged(_ groups: [Int32]) -> ArraySlice<Int32> {
        let start = changed.count
        mark(groups, GroupTable.changedFlag, appendingTo: &changed)
        return changed[start...]
    }

    /// Remembers that these groups must be emitted; gives those for which this is new.
    func markPending(_ groups: [Int32]) -> ArraySlice<Int32> {
        let start = pending.count
        mark(groups, GroupTable.pendingFlag, appendingTo: &pending)
        return pending[start...]
    }

    /// Marks groups; those that were not marked are appended.
    private func mark(_ groups: [Int32], _ flag: UInt8, appendingTo marked: inout [Int32]) {
        var flags: [UInt8] = []
        swap(&flags, &self.flags)
        for group in groups where flags[Int(group)] & flag == 0 {
            flags[Int(group)] |= flag
            marked.append(group)
        }
        swap(&flags, &self.flags)
    }

    /// The groups that must be emitted; from now on none must.
    func takePending() -> [Int32] { take(&pending, GroupTable.pendingFlag) }

    /// The groups that changed since the last call.
    func takeChanged() -> [Int32] { take(&changed, GroupTable.changedFlag) }

    private func take(_ marked: inout [Int32], _ flag: UInt8) -> [Int32] {
        var flags: [UInt8] = []
        swap(&flags, &self.flags)
        for group in marked { flags[Int(group)] &= ~flag }
        swap(&flags, &self.flags)
        defer { marked.removeAll(keepingCapacity: true) }
        return marked
    }

    /// Appends the group's time and states.
    func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putWord(timestamps[group], to: &bytes)
        for aggregator in aggregators { aggregator.write(group, to: &bytes) }
    }

    /// Appends the group's time and what has changed in its states.
    func writeChange(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putWord(timestamps[group], to: &bytes)
        for aggregator in aggregators { aggregator.writeChange(group, to: &bytes) }
    }

    /// The times of these groups.
    func times(of groups: some Collection<Int32>) -> [Int64] {
        let timestamps = timestamps
        return groups.map { timestamps[Int($0)] }
    }

    /// Takes back the times and states of groups as a record of many has them; false when they are damaged.
    func restore(_ groups: [Int32], _ reader: inout RowReader) -> Bool {
        guard WordBlock.read(&reader, groups, into: timestamps) else { return false }
        for aggregator in aggregators where !aggregator.read(groups, &reader) { return false }
        noteEmitted(groups)
        return true
    }

    private func noteEmitted(_ groups: [Int32]) {
        var flags: [UInt8] = []
        swap(&flags, &self.flags)
        for group in groups { flags[Int(group)] |= GroupTable.emittedFlag }
        swap(&flags, &self.flags)
    }

    /// Takes back the times and states of groups, or what has changed in them, which lie in `bytes`; gives the place of the first that is
    /// damaged.
    func restore(_ groups: [Int32], _ states: [ByteRange], of bytes: [UInt8], areChanges: Bool = false) -> Int? {
        var stored = StoredStates(states, of: bytes)
        if let damaged = stored.readWords(groups, into: timestamps) { return damaged }
        for aggregator in aggregators {
            if let damaged = areChanges ? aggregator.readChanges(groups, &stored) : aggregator.read(groups, &stored) { return damaged }
        }
        noteEmitted(groups)
        return nil
    }
}
