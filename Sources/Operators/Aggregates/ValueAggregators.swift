// Aggregates that keep one of the values they see: the first or the last one, the smallest or the largest one.

import Values

/// EARLIEST_BY_OFFSET and LATEST_BY_OFFSET of one value.
final class OffsetAggregator: Aggregator {
    private let isLatest: Bool
    private let ignoresNulls: Bool
    private let sequence: SequenceCounter
    private let values: GroupValues
    /// When each group's value came, in the count of `sequence`.
    private var arrivals: [Int64] = []

    /// The type of the values is one that `GroupValues` holds.
    init(_ type: SQLType, isLatest: Bool, ignoresNulls: Bool, _ sequence: SequenceCounter) {
        values = GroupValues(type)
        self.isLatest = isLatest
        self.ignoresNulls = ignoresNulls
        self.sequence = sequence
    }

    override func extend(to count: Int) {
        values.grow(to: count)
        arrivals.append(contentsOf: repeatElement(0, count: max(0, count - arrivals.count)))
    }

    override func reset(_ group: Int) { values.clear(group) }
    override var memory: Int { values.memory + arrivals.capacity * 8 }

    override func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        guard operations.undoes.isEmpty else { return try super.apply(operations, arguments, old: old, result: result) }
        let column = arguments[0]
        var arrivals = self.arrivals
        self.arrivals = []
        for entry in 0..<operations.count {
            let (group, row) = (Int(operations.groups[entry]), Int(operations.rows[entry]))
            let arrival = sequence.next()
            if isLatest || !values.isSet(group), !ignoresNulls || !column.isNull(row) {
                values.set(group, column, row)
                arrivals[group] = arrival
            }
            if let result { values.put(group, into: result, operations.position(entry)) }
        }
        self.arrivals = arrivals
        values.reclaim()
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        let arrival = sequence.next()
        guard isLatest || !values.isSet(group), !ignoresNulls || !arguments[0].isNull(row) else { return }
        values.set(group, arguments[0], row)
        arrivals[group] = arrival
        values.reclaim()
    }

    override func merge(_ other: Int, into group: Int) {
        guard values.isSet(other) else { return }
        let isBetter = isLatest ? arrivals[other] > arrivals[group] : arrivals[other] < arrivals[group]
        guard !values.isSet(group) || isBetter else { return }
        values.copy(other, to: group)
        arrivals[group] = arrivals[other]
    }

    override func result(_ group: Int, into column: Column, _ row: Int) { values.put(group, into: column, row) }

    /// A list of at most one structure of arrival and value, as the forms that keep several values have it.
    override func write(_ group: Int, to bytes: inout [UInt8]) {
        bytes.append(1)
        guard values.isSet(group) else { return RowWriter.putVarint(0, to: &bytes) }
        RowWriter.putVarint(1, to: &bytes)
        bytes.append(contentsOf: [1, 1])
        RowWriter.putWord(arrivals[group], to: &bytes)
        values.write(group, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard reader.byte() == 1, let count = reader.varint(), count <= 1 else { return false }
        if count == 0 {
            values.clear(group)
            return true
        }
        guard reader.byte() == 1, reader.byte() == 1, let arrival = reader.word(), values.read(group, &reader) else { return false }
        sequence.pass(arrival)
        arrivals[group] = arrival
        values.reclaim()
        return true
    }
}

/// MIN and MAX of texts, bytes, decimals and booleans.
final class ExtremeAggregator: Aggregator {
    private let isMaximum: Bool
    private let values: GroupValues

    /// The type of the values is one that `GroupValues` holds.
    init(_ type: SQLType, isMaximum: Bool) {
        values = GroupValues(type)
        self.isMaximum = isMaximum
    }

    override func extend(to count: Int) { values.grow(to: count) }
    override func reset(_ group: Int) { values.clear(group) }
    override var memory: Int { values.memory }

    override func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        guard operations.undoes.isEmpty else { return try super.apply(operations, arguments, old: old, result: result) }
        for entry in 0..<operations.count {
            let group = Int(operations.groups[entry])
            offer(arguments[0], Int(operations.rows[entry]), to: group)
            if let result { values.put(group, into: result, operations.position(entry)) }
        }
        values.reclaim()
    }

    private func offer(_ column: Column, _ row: Int, to group: Int) {
        if column.isNull(row) { return }
        if values.isSet(group) {
            let order = values.order(group, column, row)
            guard isMaximum ? order < 0 : order > 0 else { return }
        }
        values.set(group, column, row)
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        offer(arguments[0], row, to: group)
        values.reclaim()
    }

    override func merge(_ other: Int, into group: Int) {
        guard values.isSet(other) else { return }
        if values.isSet(group) {
            let order = values.order(group, other)
            guard isMaximum ? order < 0 : order > 0 else { return }
        }
        values.copy(other, to: group)
    }

    override func result(_ group: Int, into column: Column, _ row: Int) { values.put(group, into: column, row) }
    override func write(_ group: Int, to bytes: inout [UInt8]) { values.write(group, to: &bytes) }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard values.read(group, &reader) else { return false }
        values.dropNull(group)
        values.reclaim()
        return true
    }
}
