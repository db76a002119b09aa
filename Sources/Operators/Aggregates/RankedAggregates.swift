// Aggregates that keep a few values of many: SUM_LIST, TOPK, TOPKDISTINCT, EARLIEST_BY_OFFSET and LATEST_BY_OFFSET.

import Bytes
import Values

/// SUM_LIST: the sum of all elements of all lists.
struct ListSumState: BoxedState {
    private var sum: Value

    init(_ type: SQLType) { sum = type == .double ? .double(0) : type == .integer ? .integer(0) : .bigint(0) }

    private mutating func change(_ value: Value, _ sign: Int) {
        switch (sum, value) {
        case (.integer(let total), .integer(let term)): sum = .integer(sign > 0 ? total &+ term : total &- term)
        case (.bigint(let total), .bigint(let term)): sum = .bigint(sign > 0 ? total &+ term : total &- term)
        case (.double(let total), .double(let term)): sum = .double(total + Double(sign) * term)
        default: break
        }
    }

    private mutating func changeAll(_ arguments: [Value], _ sign: Int) {
        guard case .array(let values) = arguments[0] else { return }
        for value in values { change(value, sign) }
    }

    mutating func add(_ arguments: [Value]) { changeAll(arguments, 1) }
    mutating func undo(_ arguments: [Value]) { changeAll(arguments, -1) }
    mutating func merge(_ other: ListSumState) { change(other.sum, 1) }
    var result: Value { sum }
    var stored: Value { sum }
    mutating func load(_ stored: Value) { sum = stored }
}

/// TOPK and TOPKDISTINCT of texts and others, and with companions, descending. With companions an element is a struct whose first field is the sorted value.
struct TopState: BoxedState {
    let limit: Int
    let isDistinct: Bool
    private var values: [Value] = []

    init(limit: Int, isDistinct: Bool) {
        self.limit = limit
        self.isDistinct = isDistinct
    }

    private func sorted(_ element: Value) -> Value {
        if case .structure(let fields) = element, !isDistinct { return fields[0] }
        return element
    }

    /// Puts an element behind all that are greater or equal.
    private mutating func take(_ element: Value) throws(EvaluationError) {
        guard limit > 0 else { throw EvaluationError("the number of top values must be 1 or greater") }
        let place = values.firstIndex { (ValueOrder.compare(sorted($0), sorted(element)) ?? 0) < 0 } ?? values.count
        if place >= limit { return }
        if isDistinct, place > 0, ValueOrder.compare(values[place - 1], element) == 0 { return }
        values.insert(element, at: place)
        if values.count > limit { values.removeLast() }
    }

    mutating func add(_ arguments: [Value]) throws(EvaluationError) {
        if arguments[0].isNull { return }
        try take(arguments.count > 1 ? .structure(arguments) : arguments[0])
    }

    mutating func merge(_ other: TopState) throws(EvaluationError) { for value in other.values { try take(value) } }
    var result: Value { .array(values) }
    var stored: Value { .array(values) }
    mutating func load(_ stored: Value) { if case .array(let values) = stored { self.values = values } }
}

/// TOPK and TOPKDISTINCT over one column of numbers or times, descending.
final class TopAggregator: Aggregator {
    private let areDoubles: Bool
    private let limit: Int
    private let isDistinct: Bool
    /// Whole numbers, or the bits of doubles.
    private var values: [[Int64]] = []
    private var valueMemory = 0

    /// Whether values of `type` can be held.
    static func holds(_ type: SQLType) -> Bool { Lane(type) == .word && type != .boolean || type == .double }

    init(_ type: SQLType, limit: Int, isDistinct: Bool) {
        areDoubles = type == .double
        self.limit = limit
        self.isDistinct = isDistinct
    }

    override func extend(to count: Int) { values.append(contentsOf: repeatElement([], count: count - values.count)) }
    override var memory: Int { valueMemory + values.capacity * MemoryLayout<[Int64]>.stride }

    override func reset(_ group: Int) {
        valueMemory -= values[group].capacity * 8
        values[group] = []
    }

    /// The order of two values. NaN is larger than all others.
    @inline(__always) private func isLess(_ a: Int64, _ b: Int64) -> Bool {
        guard areDoubles else { return a < b }
        return SortedCounts.isLess(Double(bitPattern: UInt64(bitPattern: a)), Double(bitPattern: UInt64(bitPattern: b)))
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        let column = arguments[0]
        if column.isNull(row) { return }
        guard limit > 0 else { throw EvaluationError("the number of top values must be 1 or greater") }
        take(areDoubles ? Int64(bitPattern: column.doubles[row].bitPattern) : column.words[row], group)
    }

    /// Puts a value behind all that are greater or equal.
    private func take(_ value: Int64, _ group: Int) {
        let count = values[group].count
        if count == limit, let last = values[group].last, !isLess(last, value) { return }
        let place = values[group].indices.firstPlace { isLess(values[group][$0], value) }
        if isDistinct, place > 0, !isLess(value, values[group][place - 1]) { return }
        let before = values[group].capacity
        if count == limit { values[group].removeLast() }
        values[group].insert(value, at: place)
        valueMemory += (values[group].capacity - before) * 8
    }

    override func merge(_ other: Int, into group: Int) { for value in values[other] { take(value, group) } }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let top = values[group]
        column.setPresent(row)
        let child = column.children[0]
        let start = child.count
        child.grow(to: start + top.count)
        for (place, value) in top.enumerated() {
            if areDoubles { child.doubles[start + place] = Double(bitPattern: UInt64(bitPattern: value)) } else { child.words[start + place] = value }
        }
        column.setRange(row, start: start, count: top.count)
    }

    /// The values as one value of an array.
    override func write(_ group: Int, to bytes: inout [UInt8]) {
        bytes.append(1)
        RowWriter.putVarint(UInt64(values[group].count), to: &bytes)
        for value in values[group] {
            bytes.append(1)
            if areDoubles { RowWriter.putFixed(UInt64(bitPattern: value), to: &bytes) } else { RowWriter.putWord(value, to: &bytes) }
        }
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard reader.byte() == 1, let count = reader.varint() else { return false }
        var read: [Int64] = []
        for _ in 0..<count {
            guard reader.byte() == 1, let value = areDoubles ? reader.fixed().map({ Int64(bitPattern: $0) }) : reader.word() else { return false }
            read.append(value)
        }
        valueMemory += (read.capacity - values[group].capacity) * 8
        values[group] = read
        return true
    }
}

/// EARLIEST_BY_OFFSET and LATEST_BY_OFFSET: values with the number of their arrival.
struct OffsetState: BoxedState {
    let isLatest: Bool
    /// How many values are kept; nil for the single form.
    let limit: Int?
    let ignoresNulls: Bool
    let sequence: SequenceCounter
    private struct Entry {
        var arrival: Int64
        var value: Value
    }

    private var entries: [Entry] = []

    init(isLatest: Bool, limit: Int?, ignoresNulls: Bool, sequence: SequenceCounter) {
        self.isLatest = isLatest
        self.limit = limit
        self.ignoresNulls = ignoresNulls
        self.sequence = sequence
    }

    mutating func add(_ arguments: [Value]) {
        let arrival = sequence.next()
        if ignoresNulls && arguments[0].isNull { return }
        let kept = limit ?? 1
        if isLatest {
            entries.append(Entry(arrival: arrival, value: arguments[0]))
            if entries.count > kept { entries.removeFirst() }
        } else if entries.count < kept {
            entries.append(Entry(arrival: arrival, value: arguments[0]))
        }
    }

    /// Both list forms keep the earliest arrivals of the two; the single LATEST keeps the latest.
    mutating func merge(_ other: OffsetState) {
        let all = (entries + other.entries).sorted { $0.arrival < $1.arrival }
        entries = isLatest && limit == nil ? Array(all.suffix(1)) : Array(all.prefix(limit ?? 1))
    }

    var result: Value {
        limit == nil ? entries.first?.value ?? .null : .array(entries.map(\.value))
    }

    var stored: Value { .array(entries.map { .structure([.bigint($0.arrival), $0.value]) }) }

    mutating func load(_ stored: Value) {
        guard case .array(let values) = stored else { return }
        entries = values.compactMap { value in
            guard case .structure(let fields) = value, fields.count == 2, case .bigint(let arrival) = fields[0] else { return nil }
            sequence.pass(arrival)
            return Entry(arrival: arrival, value: fields[1])
        }
    }
}
