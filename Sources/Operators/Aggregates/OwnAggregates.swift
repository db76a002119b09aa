// Aggregates that people know from PostgreSQL: BOOL_AND and BOOL_OR, MEDIAN and PERCENTILE, MODE, STRING_AGG.

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

/// MEDIAN and PERCENTILE: all values of a group in their order. It grows with the rows, since each of them may become the one that is asked for.
final class PercentileAggregator: Aggregator {
    /// From 0 to 1.
    private let fraction: Double
    private var values: [[Double]] = []
    private var count = 0

    init(fraction: Double) { self.fraction = fraction }

    override func extend(to count: Int) { while values.count < count { values.append([]) } }

    override func reset(_ group: Int) {
        count -= values[group].count
        values[group] = []
    }

    override var memory: Int { values.capacity * 8 + count * 8 }

    /// The place of the first value that is not less.
    private func place(of value: Double, in group: Int) -> Int {
        var (low, high) = (0, values[group].count)
        while low < high {
            let middle = (low + high) / 2
            if isLess(values[group][middle], value) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// NaN is the largest.
    private func isLess(_ a: Double, _ b: Double) -> Bool { a < b || !a.isNaN && b.isNaN }

    private func number(_ column: Column, _ row: Int) -> Double { column.lane == .double ? column.doubles[row] : Double(column.words[row]) }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        let value = number(arguments[0], row)
        values[group].insert(value, at: place(of: value, in: group))
        count += 1
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        let value = number(arguments[0], row)
        let place = place(of: value, in: group)
        guard place < values[group].count, !isLess(value, values[group][place]) else { return }
        values[group].remove(at: place)
        count -= 1
    }

    override func merge(_ other: Int, into group: Int) {
        let (a, b) = (values[group], values[other])
        var merged: [Double] = []
        merged.reserveCapacity(a.count + b.count)
        var next = 0
        for value in a {
            while next < b.count, isLess(b[next], value) {
                merged.append(b[next])
                next += 1
            }
            merged.append(value)
        }
        merged += b[next...]
        count += b.count
        values[group] = merged
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let sorted = values[group]
        if sorted.isEmpty { return column.setNull(row) }
        let position = fraction * Double(sorted.count - 1)
        let low = min(max(0, Int(position)), sorted.count - 1)
        let rest = position - Double(low)
        column.doubles[row] = rest == 0 || low + 1 == sorted.count ? sorted[low] : sorted[low] + rest * (sorted[low + 1] - sorted[low])
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putVarint(UInt64(values[group].count), to: &bytes)
        for value in values[group] { RowWriter.putFixed(value.bitPattern, to: &bytes) }
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let size = reader.varint() else { return false }
        var read: [Double] = []
        for _ in 0..<size {
            guard let bits = reader.fixed() else { return false }
            read.append(Double(bitPattern: bits))
        }
        count += read.count - values[group].count
        values[group] = read
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

/// STRING_AGG: the texts in the order of their arrival.
struct JoinedTextState: BoxedState {
    let delimiter: String
    private var texts: [Value] = []
    private var size = 0

    init(delimiter: String) { self.delimiter = delimiter }

    private mutating func take(_ value: Value) throws(EvaluationError) {
        guard case .string(let text) = value else { return }
        size += text.utf8.count + delimiter.utf8.count
        if size > ValueLimit.bytes { throw EvaluationError(ValueLimit.message) }
        texts.append(value)
    }

    mutating func add(_ arguments: [Value]) throws(EvaluationError) { try take(arguments[0]) }

    /// Takes away the last equal text.
    mutating func undo(_ arguments: [Value]) throws(EvaluationError) {
        guard case .string(let text) = arguments[0], let place = texts.lastIndex(of: arguments[0]) else { return }
        size -= text.utf8.count + delimiter.utf8.count
        texts.remove(at: place)
    }

    mutating func merge(_ other: JoinedTextState) throws(EvaluationError) { for text in other.texts { try take(text) } }

    var result: Value {
        if texts.isEmpty { return .null }
        return .string(texts.map { if case .string(let text) = $0 { text } else { "" } }.joined(separator: delimiter))
    }

    var stored: Value { .array(texts) }

    mutating func load(_ stored: Value) {
        guard case .array(let values) = stored else { return }
        for case .string(let text) in values {
            size += text.utf8.count + delimiter.utf8.count
            texts.append(.string(text))
        }
    }
}
