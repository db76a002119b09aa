// MEDIAN and PERCENTILE: all numbers of a group, since each of them may become the one that is asked for.

import Values

/// MEDIAN and PERCENTILE.
final class PercentileAggregator: Aggregator {
    /// From 0 to 1.
    private let fraction: Double
    private var numbers: [SortedCounts] = []
    /// The numbers whose counts the changelog lacks, some of them twice; nil where it is to have all. Of the task alone, while questions read
    /// the numbers.
    private var unlogged: [[Double]?] = []
    private var heldMemory = 0

    init(fraction: Double) { self.fraction = fraction }

    override func extend(to count: Int) {
        let more = count - numbers.count
        numbers.append(contentsOf: repeatElement(SortedCounts(), count: more))
        unlogged.append(contentsOf: repeatElement([], count: more))
    }

    override func reset(_ group: Int) { replace(group, SortedCounts(), unlogged: []) }

    override var memory: Int {
        heldMemory + numbers.capacity * MemoryLayout<SortedCounts>.stride + unlogged.capacity * MemoryLayout<[Double]?>.stride
    }

    private func replace(_ group: Int, _ values: SortedCounts, unlogged changes: [Double]?) {
        heldMemory += values.memory - numbers[group].memory + ((changes?.count ?? 0) - (unlogged[group]?.count ?? 0)) * 8
        numbers[group] = values
        unlogged[group] = changes
    }

    // MARK: Rows

    private func change(_ group: Int, _ column: Column, _ row: Int, by difference: Int64) {
        guard !column.isNull(row) else { return }
        let value = column.lane == .double ? column.doubles[row] : Double(column.words[row])
        let before = numbers[group].memory
        numbers[group].change(value, by: difference)
        heldMemory += numbers[group].memory - before
        guard let count = unlogged[group]?.count else { return }
        if count >= max(64, numbers[group].entryCount) {
            heldMemory -= count * 8
            unlogged[group] = nil
        } else {
            heldMemory += 8
            unlogged[group]?.append(value)
        }
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) { change(group, arguments[0], row, by: 1) }
    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) { change(group, arguments[0], row, by: -1) }

    override func merge(_ other: Int, into group: Int) {
        var merged = numbers[group]
        numbers[other].forEach { merged.change($0.value, by: $0.count) }
        replace(group, merged, unlogged: nil)
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let values = numbers[group]
        if values.total == 0 { return column.setNull(row) }
        let position = fraction * Double(values.total - 1)
        let low = min(max(0, Int64(position)), values.total - 1)
        let rest = position - Double(low)
        let value = values.value(at: low)
        column.doubles[row] = rest == 0 || low + 1 == values.total ? value : value + rest * (values.value(at: low + 1) - value)
    }

    // MARK: Changelog

    override var logsChanges: Bool { true }

    /// How many different numbers there are, and each with its count.
    override func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putVarint(UInt64(numbers[group].entryCount), to: &bytes)
        numbers[group].forEach { entry in
            RowWriter.putFixed(entry.value.bitPattern, to: &bytes)
            RowWriter.putWord(entry.count, to: &bytes)
        }
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        var values = SortedCounts()
        guard readCounts(into: &values, &reader) else { return false }
        replace(group, values, unlogged: nil)
        return true
    }

    /// Takes in numbers with their counts, which replace those that are there.
    private func readCounts(into values: inout SortedCounts, _ reader: inout RowReader) -> Bool {
        guard let count = reader.varint() else { return false }
        for _ in 0..<count {
            guard let bits = reader.fixed(), let count = reader.word(), count >= 0 else { return false }
            let value = Double(bitPattern: bits)
            values.change(value, by: count - values.count(of: value))
        }
        return true
    }

    /// 0 and all numbers, or 1 and those whose counts have changed.
    override func writeChange(_ group: Int, to bytes: inout [UInt8]) {
        let values = numbers[group]
        if let changes = unlogged[group] {
            heldMemory -= changes.count * 8
            let ordered = changes.sorted(by: SortedCounts.isLess)
            var different: [Double] = []
            for value in ordered where different.last.map({ SortedCounts.isLess($0, value) }) ?? true { different.append(value) }
            bytes.append(1)
            RowWriter.putVarint(UInt64(different.count), to: &bytes)
            for value in different {
                RowWriter.putFixed(value.bitPattern, to: &bytes)
                RowWriter.putWord(values.count(of: value), to: &bytes)
            }
        } else {
            bytes.append(0)
            write(group, to: &bytes)
        }
        unlogged[group] = []
    }

    override func readChange(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let kind = reader.byte() else { return false }
        if kind == 0 { return read(group, &reader) }
        var values = numbers[group]
        guard kind == 1, readCounts(into: &values, &reader) else { return false }
        replace(group, values, unlogged: nil)
        return true
    }
}
