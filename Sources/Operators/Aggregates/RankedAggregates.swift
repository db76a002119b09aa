// Aggregates that keep a few values of many: SUM_LIST, TOPK, TOPKDISTINCT, EARLIEST_BY_OFFSET, LATEST_BY_OFFSET and COUNT_DISTINCT.

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

/// TOPK and TOPKDISTINCT, descending. With companions an element is a struct whose first field is the sorted value.
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

/// COUNT_DISTINCT: exact over hashes while there are few, then a HyperLogLog (P. Flajolet and others, "HyperLogLog: the analysis of a
/// near-optimal cardinality estimation algorithm", 2007) of 2^14 registers, standard error 0.8 %.
struct DistinctCountState: BoxedState {
    private static let exactLimit = 512
    private static let bits = 14
    private var hashes: Set<UInt64> = []
    private var registers: [UInt8] = []

    /// The hash of a value, of which stored states are made. It is this function's alone and must stay what it is: those of the tables in
    /// memory are seeded and may change.
    private static func hash(_ value: Value) -> UInt64 {
        var bytes: [UInt8] = []
        DistinctCountState.put(value, to: &bytes)
        var state: UInt64 = 0x8EBC_6AF0_9C88_C6E3
        var offset = 0
        while bytes.count - offset >= 8 {
            var word: UInt64 = 0
            for byte in bytes[offset..<offset + 8].reversed() { word = word << 8 | UInt64(byte) }
            state = folded(state ^ word, 0xA076_1D64_78BD_642F)
            offset += 8
        }
        var tail: UInt64 = 0
        for byte in bytes[offset...] { tail = tail << 8 | UInt64(byte) }
        let whole = folded(state ^ tail, UInt64(truncatingIfNeeded: bytes.count) ^ 0xE703_7ED1_A0B4_28DB)
        return folded(whole, 0x9E37_79B9_7F4A_7C15)
    }

    private static func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    private static func put(_ value: Value, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(0)
        case .boolean(let flag): bytes.append(flag ? 2 : 1)
        case .integer(let number), .time(let number), .date(let number): RowWriter.putFixed(UInt64(bitPattern: Int64(number)), to: &bytes)
        case .bigint(let number), .timestamp(let number): RowWriter.putFixed(UInt64(bitPattern: number), to: &bytes)
        case .double(let number): RowWriter.putFixed(number.bitPattern, to: &bytes)
        case .decimal(let number): bytes.append(contentsOf: number.description.utf8)
        case .string(let text):
            RowWriter.putVarint(UInt64(text.utf8.count), to: &bytes)
            bytes.append(contentsOf: text.utf8)
        case .bytes(let data):
            RowWriter.putVarint(UInt64(data.count), to: &bytes)
            bytes.append(contentsOf: data)
        case .array(let values), .structure(let values):
            RowWriter.putVarint(UInt64(values.count), to: &bytes)
            for value in values { put(value, to: &bytes) }
        case .map(let entries):
            RowWriter.putVarint(UInt64(entries.count), to: &bytes)
            for entry in entries {
                put(entry.key, to: &bytes)
                put(entry.value, to: &bytes)
            }
        }
    }

    private mutating func take(_ hash: UInt64) {
        if registers.isEmpty {
            hashes.insert(hash)
            guard hashes.count > DistinctCountState.exactLimit else { return }
            registers = Array(repeating: 0, count: 1 << DistinctCountState.bits)
            for known in hashes { register(known) }
            hashes = []
        } else {
            register(hash)
        }
    }

    private mutating func register(_ hash: UInt64) {
        let index = Int(hash >> UInt64(64 - DistinctCountState.bits))
        let rest = hash << UInt64(DistinctCountState.bits) | 1 << UInt64(DistinctCountState.bits - 1)
        registers[index] = max(registers[index], UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1))
    }

    mutating func add(_ arguments: [Value]) {
        if !arguments[0].isNull { take(DistinctCountState.hash(arguments[0])) }
    }

    mutating func merge(_ other: DistinctCountState) {
        for hash in other.hashes { take(hash) }
        guard !other.registers.isEmpty else { return }
        if registers.isEmpty {
            let own = hashes
            registers = other.registers
            hashes = []
            for hash in own { register(hash) }
        } else {
            for index in registers.indices { registers[index] = max(registers[index], other.registers[index]) }
        }
    }

    var result: Value {
        if registers.isEmpty { return .bigint(Int64(hashes.count)) }
        let m = Double(registers.count)
        let sum = registers.reduce(0.0) { $0 + Double(sign: .plus, exponent: -Int($1), significand: 1) }
        var estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum
        let zeros = registers.count { $0 == 0 }
        if estimate <= 2.5 * m, zeros > 0 { estimate = m * naturalLogarithm(m / Double(zeros)) }
        return .bigint(Int64(estimate.rounded()))
    }

    var stored: Value {
        .structure([.array(hashes.sorted().map { .bigint(Int64(bitPattern: $0)) }), .bytes(registers)])
    }

    mutating func load(_ stored: Value) {
        guard case .structure(let fields) = stored, fields.count == 2 else { return }
        if case .array(let values) = fields[0] {
            hashes = Set(values.compactMap { if case .bigint(let hash) = $0 { UInt64(bitPattern: hash) } else { nil } })
        }
        if case .bytes(let bytes) = fields[1], bytes.isEmpty || bytes.count == 1 << DistinctCountState.bits { registers = bytes }
    }
}
