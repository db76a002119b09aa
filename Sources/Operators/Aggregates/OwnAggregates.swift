// Aggregates that people know from PostgreSQL: BOOL_AND and BOOL_OR, MODE.

import Values

/// BOOL_AND and BOOL_OR: how many values are true, and how many false.
final class TruthAggregator: Aggregator {
    private let isAnd: Bool
    private let trues = StateWords()
    private let falses = StateWords()

    init(isAnd: Bool) { self.isAnd = isAnd }

    override func extend(to count: Int) {
        trues.grow(to: count, 0)
        falses.grow(to: count, 0)
    }

    override func reset(_ group: Int) {
        trues[group] = 0
        falses[group] = 0
    }

    override var memory: Int { trues.memory + falses.memory }
    override var isSmall: Bool { true }

    private func change(_ group: Int, _ column: Column, _ row: Int, _ difference: Int64) {
        if column.isNull(row) { return }
        if column.words[row] != 0 { trues[group] &+= difference } else { falses[group] &+= difference }
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) { change(group, arguments[0], row, 1) }
    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) { change(group, arguments[0], row, -1) }

    override func merge(_ other: Int, into group: Int) {
        trues[group] &+= trues[other]
        falses[group] &+= falses[other]
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        if trues[group] <= 0, falses[group] <= 0 { return column.setNull(row) }
        column.words[row] = (isAnd ? falses[group] <= 0 : trues[group] > 0) ? 1 : 0
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putWord(trues[group], to: &bytes)
        RowWriter.putWord(falses[group], to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let isTrue = reader.word(), let isFalse = reader.word() else { return false }
        trues[group] = isTrue
        falses[group] = isFalse
        return true
    }
}

/// MODE: how often each value occurs. It grows with the different values.
struct ModeState: BoxedState {
    private var entries: [(value: Value, count: Int64)] = []
    private var places: [Value: Int] = [:]

    private mutating func change(_ value: Value, _ difference: Int64) {
        if value.isNull { return }
        if let place = places[value] {
            entries[place].count += difference
            if entries[place].count > 0 { return }
            entries.remove(at: place)
            places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($0.element.value, $0.offset) })
        } else if difference > 0 {
            places[value] = entries.count
            entries.append((value, difference))
        }
    }

    mutating func add(_ arguments: [Value]) { change(arguments[0], 1) }
    mutating func undo(_ arguments: [Value]) throws(EvaluationError) { change(arguments[0], -1) }
    mutating func merge(_ other: ModeState) { for entry in other.entries { change(entry.value, entry.count) } }

    /// `max(by:)` gives the last of equals; the first one is wanted.
    var result: Value {
        var best: (value: Value, count: Int64) = (.null, 0)
        for entry in entries where entry.count > best.count { best = entry }
        return best.value
    }

    var stored: Value { .array(entries.filter { $0.count > 0 }.map { .structure([$0.value, .bigint($0.count)]) }) }

    mutating func load(_ stored: Value) {
        guard case .array(let values) = stored else { return }
        for entry in values {
            guard case .structure(let fields) = entry, fields.count == 2, case .bigint(let count) = fields[1] else { continue }
            change(fields[0], count)
        }
    }
}
