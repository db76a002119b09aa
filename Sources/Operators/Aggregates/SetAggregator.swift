// COLLECT_SET: each value once, in the order of first arrivals.

import Bytes
import Values

/// COLLECT_SET. The values of all groups are keys of one table, behind their group's number.
final class SetAggregator: Aggregator {
    private let type: SQLType
    private let limit: Int
    private let values: ByteTable
    /// The ids of each group's values.
    private var ids: [[Int32]] = []
    /// How many of them the changelog has. Of the task alone, while questions read the values.
    private var logged: [Int32] = []
    private var idMemory = 0
    private var key: [UInt8] = []
    /// Equal maps may have their entries in different orders: then the key of a value has them in order, and the value itself, as it came
    /// first, stands here, by its id.
    private var originals: [Int32: [UInt8]] = [:]
    private var originalMemory = 0
    private let hasMaps: Bool
    /// What an entry of a dictionary takes beside its bytes, about.
    private static let entryBytes = 64

    /// At most `limit` values of `type` are kept, the first ones.
    init(_ type: SQLType, limit: Int, seed: UInt64) {
        self.type = type
        self.limit = min(limit, Int(Int32.max))
        hasMaps = type.containsMap
        values = ByteTable(seed: seed)
    }

    override func extend(to count: Int) {
        let more = count - ids.count
        ids.append(contentsOf: repeatElement([], count: more))
        logged.append(contentsOf: repeatElement(0, count: more))
    }

    override func reset(_ group: Int) {
        for id in ids[group] {
            values.remove(Array(values.key(Int(id)))[...])
            if let original = originals.removeValue(forKey: id) { originalMemory -= original.count + SetAggregator.entryBytes }
        }
        idMemory -= ids[group].capacity * 4
        ids[group] = []
        logged[group] = 0
    }

    override var memory: Int {
        values.memory + idMemory + originalMemory + ids.capacity * MemoryLayout<[Int32]>.stride + logged.capacity * 4
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        guard ids[group].count < limit else { return }
        if values.idBound >= Int(Int32.max) - 1 { throw EvaluationError("COLLECT_SET holds more than \(Int32.max) values") }
        beginKey(group)
        if hasMaps {
            var original: [UInt8] = []
            RowWriter.put(arguments[0], row, to: &original)
            RowWriter.putOrdered(arguments[0], row, to: &key)
            take(group, original)
        } else {
            RowWriter.put(arguments[0], row, to: &key)
            take(group)
        }
    }

    private func beginKey(_ group: Int) {
        key.removeAll(keepingCapacity: true)
        RowWriter.putVarint(UInt64(group), to: &key)
    }

    /// Takes in the value in `key`.
    private func take(_ group: Int, _ original: [UInt8]? = nil) {
        guard ids[group].count < limit else { return }
        let found = values.id(of: key[...])
        guard found.isNew else { return }
        let before = ids[group].capacity
        ids[group].append(Int32(truncatingIfNeeded: found.id))
        if let original {
            originals[Int32(truncatingIfNeeded: found.id)] = original
            originalMemory += original.count + SetAggregator.entryBytes
        }
        idMemory += (ids[group].capacity - before) * 4
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        throw EvaluationError("COLLECT_SET cannot be applied to a table source")
    }

    override func merge(_ other: Int, into group: Int) {
        for id in ids[other] { takeStored(Array(bytes(of: id))[...], group) }
    }

    /// Takes in a value in the compact row format.
    private func takeStored(_ value: ArraySlice<UInt8>, _ group: Int) {
        beginKey(group)
        guard hasMaps else {
            key += value
            return take(group)
        }
        let (bytes, column) = (Array(value), Column(type))
        column.reset(1)
        var reader = RowReader(bytes, 0..<bytes.count)
        guard reader.read(into: column, 0) else { return }
        RowWriter.putOrdered(column, 0, to: &key)
        take(group, bytes)
    }

    /// A value in the compact row format.
    private func bytes(of id: Int32) -> ArraySlice<UInt8> {
        if let original = originals[id] { return original[...] }
        // The number of the group ends with the first byte below 128.
        return values.key(Int(id)).drop { $0 >= 128 }.dropFirst()
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        column.setPresent(row)
        var elements: [UInt8] = []
        for id in ids[group] { elements += bytes(of: id) }
        var reader = RowReader(elements, 0..<elements.count)
        _ = reader.readElements(ids[group].count, into: column, row)
    }

    // MARK: Changelog

    override var logsChanges: Bool { true }

    /// The values as one value of an array.
    override func write(_ group: Int, to bytes: inout [UInt8]) {
        bytes.append(1)
        write(ids[group][...], to: &bytes)
    }

    private func write(_ ids: ArraySlice<Int32>, to bytes: inout [UInt8]) {
        RowWriter.putVarint(UInt64(ids.count), to: &bytes)
        for id in ids { bytes += self.bytes(of: id) }
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard reader.byte() == 1 else { return false }
        reset(group)
        return readChange(group, &reader)
    }

    /// The values that are new: none ever goes.
    override func writeChange(_ group: Int, to bytes: inout [UInt8]) {
        write(ids[group][Int(logged[group])...], to: &bytes)
        logged[group] = Int32(truncatingIfNeeded: ids[group].count)
    }

    override func readChange(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let count = reader.varint() else { return false }
        for _ in 0..<count {
            guard let value = reader.skipped(1, type) else { return false }
            takeStored(value, group)
        }
        logged[group] = 0
        return true
    }
}

extension RowWriter {
    /// Appends a value with the entries of its maps in the order of their bytes: equal values are equal bytes.
    fileprivate static func putOrdered(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        if column.isNull(row) { return bytes.append(0) }
        switch column.lane {
        case .word, .double, .wide, .text: put(column, row, to: &bytes)
        case .structure:
            bytes.append(1)
            for child in column.children { putOrdered(child, row, to: &bytes) }
        case .list, .map:
            bytes.append(1)
            let elements = column.elements(row)
            putVarint(UInt64(elements.count), to: &bytes)
            let entries = elements.map { element in
                var entry: [UInt8] = []
                for child in column.children { putOrdered(child, element, to: &entry) }
                return entry
            }
            bytes += (column.lane == .map ? entries.sorted { $0.lexicographicallyPrecedes($1) } : entries).joined()
        }
    }
}
