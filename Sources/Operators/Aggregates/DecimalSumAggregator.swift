// SUM of DECIMAL, whose type has room for as many digits as it says.

import Values

/// SUM of DECIMAL. A value with which the sum would not fit its type cannot be added, and the sum stays what it was. Where rows can leave
/// their groups, the sum of all of them is known beside the one that is shown, which is the same again as soon as that fits.
final class DecimalSumAggregator: Aggregator {
    /// A sum that no number of values makes overflow: `high` counts how often 128 bits have.
    private struct WideSum: Equatable {
        var low: Int128 = 0
        var high: Int64 = 0

        mutating func add(_ value: Int128) { take(low.addingReportingOverflow(value), value > 0 ? 1 : -1) }
        mutating func subtract(_ value: Int128) { take(low.subtractingReportingOverflow(value), value > 0 ? -1 : 1) }

        private mutating func take(_ sum: (partialValue: Int128, overflow: Bool), _ carry: Int64) {
            low = sum.partialValue
            if sum.overflow { high &+= carry }
        }
    }

    private let type: SQLType
    private let limit: Int128?
    /// The sums that are shown.
    private var sums: [Int128] = []
    /// The sums of all rows; none where rows stay.
    private var all: [WideSum] = []
    private let undoes: Bool

    /// `type` is a DECIMAL of this precision; with `undoes` rows can leave their groups.
    init(_ type: SQLType, precision: Int, undoes: Bool) {
        self.type = type
        self.undoes = undoes
        limit = Decimal.powerOfTen(precision)
    }

    override func extend(to count: Int) {
        sums.append(contentsOf: repeatElement(0, count: max(0, count - sums.count)))
        if undoes { all.append(contentsOf: repeatElement(WideSum(), count: max(0, count - all.count))) }
    }

    override var isSmall: Bool { true }
    override var memory: Int { sums.capacity * 16 + all.capacity * MemoryLayout<WideSum>.stride }

    override func reset(_ group: Int) {
        sums[group] = 0
        if undoes { all[group] = WideSum() }
    }

    private func fits(_ sum: Int128) -> Bool { limit.map { sum.magnitude < $0.magnitude } ?? true }

    private var overflow: EvaluationError { EvaluationError("Numeric field overflow: a sum does not fit \(type)") }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        guard !arguments[0].isNull(row) else { return }
        let value = arguments[0].wides[row]
        if undoes {
            all[group].add(value)
            guard show(group) else { throw overflow }
        } else {
            try add(value, to: group)
        }
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard undoes, !arguments[0].isNull(row) else { return }
        all[group].subtract(arguments[0].wides[row])
        // Where it still does not fit, the rows that made it so have been reported.
        _ = show(group)
    }

    override func merge(_ other: Int, into group: Int) throws(EvaluationError) { try add(sums[other], to: group) }

    private func add(_ value: Int128, to group: Int) throws(EvaluationError) {
        let sum = sums[group].addingReportingOverflow(value)
        guard !sum.overflow, fits(sum.partialValue) else { throw overflow }
        sums[group] = sum.partialValue
    }

    /// Shows the sum of all rows of a group, if its type can hold it.
    private func show(_ group: Int) -> Bool {
        guard all[group].high == 0, fits(all[group].low) else { return false }
        sums[group] = all[group].low
        return true
    }

    override func result(_ group: Int, into column: Column, _ row: Int) { column.wides[row] = sums[group] }

    // MARK: Changelog

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        DecimalSumAggregator.put(sums[group], to: &bytes)
        guard undoes else { return }
        let isShown = all[group] == WideSum(low: sums[group])
        bytes.append(isShown ? 0 : 1)
        if isShown { return }
        DecimalSumAggregator.put(all[group].low, to: &bytes)
        RowWriter.putWord(all[group].high, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let sum = DecimalSumAggregator.take(&reader) else { return false }
        sums[group] = sum
        guard undoes else { return true }
        guard let mark = reader.byte() else { return false }
        all[group] = WideSum(low: sum)
        if mark == 0 { return true }
        guard let low = DecimalSumAggregator.take(&reader), let high = reader.word() else { return false }
        all[group] = WideSum(low: low, high: high)
        return true
    }

    private static func put(_ sum: Int128, to bytes: inout [UInt8]) {
        RowWriter.putFixed(UInt64(truncatingIfNeeded: sum), to: &bytes)
        RowWriter.putFixed(UInt64(truncatingIfNeeded: sum >> 64), to: &bytes)
    }

    private static func take(_ reader: inout RowReader) -> Int128? {
        guard let low = reader.fixed(), let high = reader.fixed() else { return nil }
        return Int128(truncatingIfNeeded: UInt128(high) << 64 | UInt128(low))
    }
}
