// The rare aggregates: their states are small structs of boxed values, one a group.

import Values

/// The state of one group.
protocol BoxedState {
    mutating func add(_ arguments: [Value]) throws(EvaluationError)
    mutating func undo(_ arguments: [Value]) throws(EvaluationError)
    /// Takes in a later state.
    mutating func merge(_ other: Self) throws(EvaluationError)
    var result: Value { get }
    /// The state as one value of the aggregate's state type, and back.
    var stored: Value { get }
    mutating func load(_ stored: Value)
}

extension BoxedState {
    mutating func undo(_ arguments: [Value]) throws(EvaluationError) {
        throw EvaluationError("the aggregate cannot be applied to a table source")
    }
}

/// An aggregate over boxed states.
final class BoxedAggregator<State: BoxedState>: Aggregator {
    private let stateType: SQLType
    private let make: () -> State
    private var states: [State] = []

    /// `stateType` is the type of `stored`.
    init(_ stateType: SQLType, _ parameters: AggregateParameters, _ make: @escaping () -> State) {
        self.stateType = stateType
        self.make = make
    }

    override func extend(to count: Int) { while states.count < count { states.append(make()) } }
    override func reset(_ group: Int) { states[group] = make() }
    override var memory: Int { states.capacity * (MemoryLayout<State>.stride + 64) }
    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        try states[group].add(arguments.map { $0.value(row) })
    }
    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        try states[group].undo(arguments.map { $0.value(row) })
    }
    override func merge(_ other: Int, into group: Int) throws(EvaluationError) {
        let later = states[other]
        try states[group].merge(later)
    }
    override func result(_ group: Int, into column: Column, _ row: Int) { column.set(row, states[group].result) }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.put(Column(stateType, [states[group].stored]), 0, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        let column = Column(stateType)
        column.reset(1)
        guard reader.read(into: column, 0) else { return false }
        states[group] = make()
        states[group].load(column.value(0))
        return true
    }
}

/// Makes the aggregates of this file and the next by name.
enum BoxedAggregates {
    static func make(_ name: String, _ parameters: AggregateParameters) -> Aggregator? {
        guard let argument = parameters.arguments.first else { return nil }
        switch name {
        case "ATTR":
            let entry = SQLType.structure([StructField("VALUE", argument), StructField("COUNT", .bigint)])
            return BoxedAggregator(.array(entry), parameters) { AttributeState() }
        case "MODE":
            let entry = SQLType.structure([StructField("VALUE", argument), StructField("COUNT", .bigint)])
            return BoxedAggregator(.array(entry), parameters) { ModeState() }
        case "MAX_BY", "MIN_BY":
            guard parameters.arguments.count == 2 else { return nil }
            let entry = SQLType.structure([StructField("VALUE", argument), StructField("KEY", parameters.arguments[1])])
            return BoxedAggregator(.array(entry), parameters) { ExtremeRowState(isMaximum: name == "MAX_BY") }
        case "PERCENTILE_DISC":
            let entry = SQLType.structure([StructField("VALUE", argument), StructField("COUNT", .bigint)])
            let fraction = min(1, max(0, parameters.doubleOption ?? 0.5))
            return BoxedAggregator(.array(entry), parameters) { DiscretePercentileState(fraction: fraction) }
        case "HISTOGRAM": return BoxedAggregator(.map(key: .string, value: .bigint), parameters) { HistogramState() }
        case "SUM_LIST":
            guard case .array(let element) = argument else { return nil }
            return BoxedAggregator(element, parameters) { ListSumState(element) }
        case "TOPK":
            return BoxedAggregator(parameters.result, parameters) { TopState(limit: parameters.integerOption ?? 0, isDistinct: false) }
        case "TOPKDISTINCT":
            return BoxedAggregator(parameters.result, parameters) { TopState(limit: parameters.integerOption ?? 0, isDistinct: true) }
        case "EARLIEST_BY_OFFSET", "LATEST_BY_OFFSET":
            let entry = SQLType.structure([StructField("SEQ", .bigint), StructField("VAL", argument)])
            return BoxedAggregator(.array(entry), parameters) {
                OffsetState(
                    isLatest: name == "LATEST_BY_OFFSET", limit: parameters.integerOption, ignoresNulls: parameters.booleanOption ?? true,
                    sequence: parameters.sequence)
            }
        default: return nil
        }
    }
}

/// Order of boxed values of one type; nil where there is none.
enum ValueOrder {
    static func compare(_ a: Value, _ b: Value) -> Int? {
        func order<T: Comparable>(_ x: T, _ y: T) -> Int { x < y ? -1 : x == y ? 0 : 1 }
        switch (a, b) {
        case (.boolean(let x), .boolean(let y)): return order(x ? 1 : 0, y ? 1 : 0)
        case (.integer(let x), .integer(let y)), (.time(let x), .time(let y)), (.date(let x), .date(let y)): return order(x, y)
        case (.bigint(let x), .bigint(let y)), (.timestamp(let x), .timestamp(let y)): return order(x, y)
        case (.double(let x), .double(let y)): return x.isNaN || y.isNaN ? order(x.isNaN ? 1 : 0, y.isNaN ? 1 : 0) : order(x, y)
        case (.decimal(let x), .decimal(let y)): return x.compare(y)
        case (.string(let x), .string(let y)): return RowOrder.compareTexts(Array(x.utf8)[...], Array(y.utf8)[...])
        case (.bytes(let x), .bytes(let y)):
            for (i, j) in zip(x, y) where i != j { return order(Int8(bitPattern: i), Int8(bitPattern: j)) }
            return order(x.count, y.count)
        default: return nil
        }
    }
}

/// ATTR: the one value that all rows share, or NULL.
struct AttributeState: BoxedState {
    private struct Counted {
        var value: Value
        var count: Int64
    }

    private var counts: [Counted] = []

    private mutating func change(_ value: Value, _ difference: Int64) {
        if let index = counts.firstIndex(where: { $0.value == value }) {
            counts[index].count = max(0, counts[index].count + difference)
        } else if difference > 0 {
            counts.append(Counted(value: value, count: difference))
        }
    }

    mutating func add(_ arguments: [Value]) { change(arguments[0], 1) }
    mutating func undo(_ arguments: [Value]) { change(arguments[0], -1) }
    mutating func merge(_ other: AttributeState) { for entry in other.counts { change(entry.value, entry.count) } }

    var result: Value {
        let present = counts.filter { $0.count > 0 }
        return present.count == 1 ? present[0].value : .null
    }

    var stored: Value { .array(counts.map { .structure([$0.value, .bigint($0.count)]) }) }

    mutating func load(_ stored: Value) {
        guard case .array(let entries) = stored else { return }
        counts = entries.compactMap { entry in
            guard case .structure(let fields) = entry, fields.count == 2, case .bigint(let count) = fields[1] else { return nil }
            return Counted(value: fields[0], count: count)
        }
    }
}

/// HISTOGRAM: counts by text, for at most 1000 texts.
struct HistogramState: BoxedState {
    private static let limit = 1000
    private var entries: [MapEntry] = []
    private var places: [Value: Int] = [:]

    private mutating func change(_ key: Value, _ difference: Int64) -> Bool {
        if let place = places[key], case .bigint(let count) = entries[place].value {
            entries[place].value = .bigint(count + difference)
            if count + difference <= 0 {
                entries.remove(at: place)
                places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($0.element.key, $0.offset) })
            }
            return true
        }
        guard difference > 0 else { return false }
        if entries.count < HistogramState.limit {
            places[key] = entries.count
            entries.append(MapEntry(key, .bigint(difference)))
        }
        return true
    }

    mutating func add(_ arguments: [Value]) {
        if !arguments[0].isNull { _ = change(arguments[0], 1) }
    }

    mutating func undo(_ arguments: [Value]) throws(EvaluationError) {
        guard arguments[0].isNull || change(arguments[0], -1) else {
            throw EvaluationError("HISTOGRAM has no count for a value that leaves its group")
        }
    }

    mutating func merge(_ other: HistogramState) {
        for entry in other.entries { if case .bigint(let count) = entry.value { _ = change(entry.key, count) } }
    }

    var result: Value { .map(entries) }
    var stored: Value { .map(entries) }

    mutating func load(_ stored: Value) {
        guard case .map(let entries) = stored else { return }
        self.entries = entries
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($0.element.key, $0.offset) })
    }
}
