// Aggregates that people know from other databases: BOOL_AND and BOOL_OR, MODE, PERCENTILE_DISC, MAX_BY and MIN_BY.

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

/// How often each value occurs, in the order in which they came. It grows with the different values.
struct ValueCounts {
    private(set) var entries: [(value: Value, count: Int64)] = []
    private var places: [Value: Int] = [:]

    mutating func change(_ value: Value, _ difference: Int64) {
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

    var stored: Value { .array(entries.filter { $0.count > 0 }.map { .structure([$0.value, .bigint($0.count)]) }) }

    mutating func load(_ stored: Value) {
        guard case .array(let values) = stored else { return }
        for entry in values {
            guard case .structure(let fields) = entry, fields.count == 2, case .bigint(let count) = fields[1] else { continue }
            change(fields[0], count)
        }
    }
}

/// MODE: the most frequent value.
struct ModeState: BoxedState {
    private var counts = ValueCounts()

    mutating func add(_ arguments: [Value]) { counts.change(arguments[0], 1) }
    mutating func undo(_ arguments: [Value]) throws(EvaluationError) { counts.change(arguments[0], -1) }
    mutating func merge(_ other: ModeState) { for entry in other.counts.entries { counts.change(entry.value, entry.count) } }

    /// `max(by:)` gives the last of equals; the first one is wanted.
    var result: Value {
        var best: (value: Value, count: Int64) = (.null, 0)
        for entry in counts.entries where entry.count > best.count { best = entry }
        return best.value
    }

    var stored: Value { counts.stored }
    mutating func load(_ stored: Value) { counts.load(stored) }
}

/// PERCENTILE_DISC: the first value, in their order, up to which there are at least a fraction of all values.
struct DiscretePercentileState: BoxedState {
    /// From 0 to 1.
    private let fraction: Double
    private var counts = ValueCounts()

    init(fraction: Double) { self.fraction = fraction }

    mutating func add(_ arguments: [Value]) { counts.change(arguments[0], 1) }
    mutating func undo(_ arguments: [Value]) throws(EvaluationError) { counts.change(arguments[0], -1) }
    mutating func merge(_ other: DiscretePercentileState) { for entry in other.counts.entries { counts.change(entry.value, entry.count) } }

    var result: Value {
        let total = counts.entries.reduce(Int64(0)) { $0 + max(0, $1.count) }
        let wanted = max(1, (fraction * Double(total)).rounded(.up))
        var seen: Int64 = 0
        for entry in counts.entries.sorted(by: { (ValueOrder.compare($0.value, $1.value) ?? 0) < 0 }) {
            seen += max(0, entry.count)
            if Double(seen) >= wanted { return entry.value }
        }
        return .null
    }

    var stored: Value { counts.stored }
    mutating func load(_ stored: Value) { counts.load(stored) }
}

/// MAX_BY and MIN_BY: the value that came with the largest, or the smallest, key.
struct ExtremeRowState: BoxedState {
    private let isMaximum: Bool
    private var best: (value: Value, key: Value)?

    init(isMaximum: Bool) { self.isMaximum = isMaximum }

    private mutating func offer(_ value: Value, _ key: Value) {
        if value.isNull || key.isNull { return }
        if let best {
            guard let order = ValueOrder.compare(key, best.key), isMaximum ? order > 0 : order < 0 else { return }
        }
        best = (value, key)
    }

    mutating func add(_ arguments: [Value]) { offer(arguments[0], arguments[1]) }
    mutating func merge(_ other: ExtremeRowState) { if let best = other.best { offer(best.value, best.key) } }

    var result: Value { best?.value ?? .null }
    var stored: Value { .array(best.map { [.structure([$0.value, $0.key])] } ?? []) }

    mutating func load(_ stored: Value) {
        guard case .array(let entries) = stored, case .structure(let fields)? = entries.first, fields.count == 2 else { return }
        best = (fields[0], fields[1])
    }
}
