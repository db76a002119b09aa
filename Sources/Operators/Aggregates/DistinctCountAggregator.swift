// COUNT_DISTINCT: exact over hashes while there are few, then a HyperLogLog (P. Flajolet and others, "HyperLogLog: the analysis of a
// near-optimal cardinality estimation algorithm", 2007) of 2^14 registers, standard error 0.8 %.

import Bytes
import Values

/// The different values of one group.
private struct DistinctSketch {
    private static let exactLimit = 512
    private static let bits = 14
    static let registerCount = 1 << bits

    /// In ascending order, while there are few.
    private(set) var hashes: [UInt64] = []
    private(set) var registers: [UInt8] = []
    /// How many registers have each number; empty without registers.
    private var frequencies: [Int32] = []

    init() {}

    /// A sketch as it was stored; nil where it is damaged.
    init?(hashes: [UInt64], registers: [UInt8]) {
        guard registers.isEmpty || registers.count == DistinctSketch.registerCount else { return nil }
        self.registers = registers
        countFrequencies()
        for hash in hashes { _ = take(hash) }
    }

    var memory: Int { hashes.capacity * 8 + registers.capacity + frequencies.capacity * 4 }

    private mutating func countFrequencies() {
        guard !registers.isEmpty else { return }
        frequencies = Array(repeating: 0, count: 65)
        for index in registers.indices {
            // A hash has no more leading zeros.
            registers[index] = min(registers[index], 64)
            frequencies[Int(registers[index])] += 1
        }
    }

    /// Takes in a hash; whether the sketch is another one now.
    mutating func take(_ hash: UInt64) -> Bool {
        guard registers.isEmpty else { return register(hash) }
        let place = hashes.indices.firstPlace { hashes[$0] >= hash }
        if place < hashes.count, hashes[place] == hash { return false }
        hashes.insert(hash, at: place)
        guard hashes.count > DistinctSketch.exactLimit else { return true }
        registers = Array(repeating: 0, count: DistinctSketch.registerCount)
        countFrequencies()
        for known in hashes { _ = register(known) }
        hashes = []
        return true
    }

    private mutating func register(_ hash: UInt64) -> Bool {
        let index = Int(hash >> UInt64(64 - DistinctSketch.bits))
        let rest = hash << UInt64(DistinctSketch.bits) | 1 << UInt64(DistinctSketch.bits - 1)
        return raise(index, to: UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1))
    }

    private mutating func raise(_ index: Int, to rank: UInt8) -> Bool {
        let old = registers[index]
        guard rank > old else { return false }
        registers[index] = rank
        frequencies[Int(old)] -= 1
        frequencies[Int(rank)] += 1
        return true
    }

    mutating func merge(_ other: DistinctSketch) {
        for hash in other.hashes { _ = take(hash) }
        guard !other.registers.isEmpty else { return }
        if registers.isEmpty {
            let own = hashes
            self = other
            for hash in own { _ = register(hash) }
        } else {
            for index in registers.indices { _ = raise(index, to: other.registers[index]) }
        }
    }

    var count: Int64 {
        if registers.isEmpty { return Int64(hashes.count) }
        let m = Double(registers.count)
        var sum = 0.0
        for rank in frequencies.indices.reversed() where frequencies[rank] > 0 {
            sum += Double(sign: .plus, exponent: -rank, significand: Double(frequencies[rank]))
        }
        var estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum
        let zeros = frequencies[0]
        if estimate <= 2.5 * m, zeros > 0 { estimate = m * naturalLogarithm(m / Double(zeros)) }
        return Int64(estimate.rounded())
    }
}

/// COUNT_DISTINCT.
final class DistinctCountAggregator: Aggregator {
    private var sketches: [DistinctSketch] = []
    /// The hashes that the changelog lacks; nil where it is to have the whole sketch. Of the task alone, while questions read the sketches.
    private var unlogged: [[UInt64]?] = []
    private var sketchMemory = 0
    private var unloggedCount = 0
    private var bytes: [UInt8] = []

    override func extend(to count: Int) {
        let more = count - sketches.count
        sketches.append(contentsOf: repeatElement(DistinctSketch(), count: more))
        unlogged.append(contentsOf: repeatElement([], count: more))
    }

    override func reset(_ group: Int) { replace(group, DistinctSketch(), unlogged: []) }

    override var memory: Int {
        sketchMemory + unloggedCount * 8 + sketches.capacity * MemoryLayout<DistinctSketch>.stride
            + unlogged.capacity * MemoryLayout<[UInt64]?>.stride
    }

    private func replace(_ group: Int, _ sketch: DistinctSketch, unlogged hashes: [UInt64]?) {
        sketchMemory += sketch.memory - sketches[group].memory
        sketches[group] = sketch
        unloggedCount += (hashes?.count ?? 0) - (unlogged[group]?.count ?? 0)
        unlogged[group] = hashes
    }

    // MARK: Rows

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !arguments[0].isNull(row) { take(hash(arguments[0], row), group) }
    }

    private func take(_ hash: UInt64, _ group: Int) {
        let before = sketches[group].memory
        guard sketches[group].take(hash) else { return }
        sketchMemory += sketches[group].memory - before
        guard let count = unlogged[group]?.count else { return }
        // More of them than this would be larger than all registers are.
        if count * 8 >= DistinctSketch.registerCount {
            unloggedCount -= count
            unlogged[group] = nil
        } else {
            unlogged[group]?.append(hash)
            unloggedCount += 1
        }
    }

    /// The hash of a value, of which stored states are made. It is this function's alone and must stay what it is: those of the tables in
    /// memory are seeded and may change.
    private func hash(_ column: Column, _ row: Int) -> UInt64 {
        bytes.removeAll(keepingCapacity: true)
        DistinctCountAggregator.put(column, row, to: &bytes)
        var state: UInt64 = 0x8EBC_6AF0_9C88_C6E3
        var offset = 0
        while bytes.count - offset >= 8 {
            var word: UInt64 = 0
            for index in 0..<8 { word |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
            state = DistinctCountAggregator.folded(state ^ word, 0xA076_1D64_78BD_642F)
            offset += 8
        }
        var tail: UInt64 = 0
        for byte in bytes[offset...] { tail = tail << 8 | UInt64(byte) }
        let whole = DistinctCountAggregator.folded(state ^ tail, UInt64(truncatingIfNeeded: bytes.count) ^ 0xE703_7ED1_A0B4_28DB)
        return DistinctCountAggregator.folded(whole, 0x9E37_79B9_7F4A_7C15)
    }

    private static func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    private static func put(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        if column.isNull(row) { return bytes.append(0) }
        switch column.lane {
        case .word:
            let word = column.words[row]
            if column.type == .boolean { bytes.append(word != 0 ? 2 : 1) } else { RowWriter.putFixed(UInt64(bitPattern: word), to: &bytes) }
        case .double: RowWriter.putFixed(column.doubles[row].bitPattern, to: &bytes)
        case .wide:
            guard case .decimal(_, let scale) = column.type else { return }
            bytes.append(contentsOf: Decimal(unscaled: column.wides[row], scale: scale).description.utf8)
        case .text:
            RowWriter.putVarint(UInt64(column.ranges[row].length), to: &bytes)
            bytes.append(contentsOf: column.text(row))
        case .list, .map:
            let elements = column.elements(row)
            RowWriter.putVarint(UInt64(elements.count), to: &bytes)
            for element in elements { for child in column.children { put(child, element, to: &bytes) } }
        case .structure:
            RowWriter.putVarint(UInt64(column.children.count), to: &bytes)
            for child in column.children { put(child, row, to: &bytes) }
        }
    }

    override func merge(_ other: Int, into group: Int) {
        var sketch = sketches[group]
        sketch.merge(sketches[other])
        replace(group, sketch, unlogged: nil)
    }

    override func result(_ group: Int, into column: Column, _ row: Int) { column.words[row] = sketches[group].count }

    // MARK: Changelog

    override var logsChanges: Bool { true }

    /// A structure of the hashes and the registers.
    override func write(_ group: Int, to bytes: inout [UInt8]) {
        let sketch = sketches[group]
        bytes += [1, 1]
        RowWriter.putVarint(UInt64(sketch.hashes.count), to: &bytes)
        for hash in sketch.hashes {
            bytes.append(1)
            RowWriter.putWord(Int64(bitPattern: hash), to: &bytes)
        }
        bytes.append(1)
        RowWriter.putVarint(UInt64(sketch.registers.count), to: &bytes)
        bytes += sketch.registers
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard reader.byte() == 1, reader.byte() == 1, let count = reader.varint() else { return false }
        var hashes: [UInt64] = []
        for _ in 0..<count {
            guard reader.byte() == 1, let hash = reader.word() else { return false }
            hashes.append(UInt64(bitPattern: hash))
        }
        guard reader.byte() == 1, let registers = reader.text(), let sketch = DistinctSketch(hashes: hashes, registers: Array(registers))
        else { return false }
        replace(group, sketch, unlogged: nil)
        return true
    }

    /// 0 and the whole sketch, or 1, how many hashes are new, and these: none ever goes.
    override func writeChange(_ group: Int, to bytes: inout [UInt8]) {
        if let hashes = unlogged[group] {
            bytes.append(1)
            RowWriter.putVarint(UInt64(hashes.count), to: &bytes)
            for hash in hashes { RowWriter.putFixed(hash, to: &bytes) }
            unloggedCount -= hashes.count
        } else {
            bytes.append(0)
            write(group, to: &bytes)
        }
        unlogged[group] = []
    }

    override func readChange(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let kind = reader.byte() else { return false }
        if kind == 0 { return read(group, &reader) }
        guard kind == 1, let count = reader.varint() else { return false }
        var sketch = sketches[group]
        for _ in 0..<count {
            guard let hash = reader.fixed() else { return false }
            _ = sketch.take(hash)
        }
        replace(group, sketch, unlogged: nil)
        return true
    }
}
