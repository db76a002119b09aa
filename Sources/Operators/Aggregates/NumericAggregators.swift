// COUNT, SUM, MIN and MAX of numbers: the hot aggregates, whose states are plain arrays. Their loops take the arrays out of the object, so
// that no class field is touched per row.

import Values

private func extended<T>(_ array: inout [T], to count: Int, _ filler: T) {
    if array.count < count { array.append(contentsOf: repeatElement(filler, count: count - array.count)) }
}

/// COUNT(x); without an argument it counts rows.
final class CountAggregator: Aggregator {
    private let counts = StateWords()

    override func extend(to count: Int) { counts.grow(to: count, 0) }
    override func reset(_ group: Int) { counts[group] = 0 }
    override var memory: Int { counts.memory }

    override func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        guard operations.undoes.isEmpty, arguments.first?.nulls.isEmpty ?? true else {
            return try super.apply(operations, arguments, old: old, result: result)
        }
        let counts = counts
        if let result {
            var out = result.words
            result.words = []
            for entry in 0..<operations.count {
                let group = Int(operations.groups[entry])
                counts[group] &+= 1
                out[operations.position(entry)] = counts[group]
            }
            result.words = out
        } else {
            for group in operations.groups { counts[Int(group)] &+= 1 }
        }
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !(arguments.first?.isNull(row) ?? false) { counts[group] &+= 1 }
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !(arguments.first?.isNull(row) ?? false) { counts[group] &-= 1 }
    }

    override func merge(_ other: Int, into group: Int) { counts[group] &+= counts[other] }
    override var isMergedFromParts: Bool { true }

    override func merge(of part: Aggregator, into groups: [Int32]) {
        guard let part = part as? CountAggregator else { return }
        let counts = counts
        let added = part.counts
        for (place, group) in groups.enumerated() { counts[Int(group)] &+= added[place] }
    }

    override func result(_ group: Int, into column: Column, _ row: Int) { column.words[row] = counts[group] }
    override func results(_ groups: [Int32], into column: Column) {
        var out: [Int64] = []
        swap(&out, &column.words)
        let counts = counts
        for (row, group) in groups.enumerated() { out[row] = counts[Int(group)] }
        swap(&out, &column.words)
    }
    override func write(_ group: Int, to bytes: inout [UInt8]) { RowWriter.putWord(counts[group], to: &bytes) }
    override var isSmall: Bool { true }
    override func write(_ groups: ArraySlice<Int32>, to sink: ByteSink) { WordBlock.put(counts, groups, to: sink) }

    override func read(_ groups: [Int32], _ reader: inout RowReader) -> Bool {
        return WordBlock.read(&reader, groups, into: counts)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let value = reader.word() else { return false }
        counts[group] = value
        return true
    }

    override func read(_ groups: [Int32], _ states: inout StoredStates) -> Int? {
        return states.readWords(groups, into: counts)
    }
}

/// SUM of INTEGER and BIGINT, which wrap as ksqlDB's do, but in questions, where a sum that does not fit fails.
final class WordSumAggregator: Aggregator {
    private let isInteger: Bool
    private let wraps: Bool
    private let sums = StateWords()

    init(isInteger: Bool, wraps: Bool) {
        self.isInteger = isInteger
        self.wraps = wraps
    }

    override func extend(to count: Int) { sums.grow(to: count, 0) }
    override func reset(_ group: Int) { sums[group] = 0 }
    override var memory: Int { sums.memory }

    @inline(__always) private func cut(_ value: Int64) -> Int64 { isInteger ? Int64(Int32(truncatingIfNeeded: value)) : value }

    private var overflow: EvaluationError { EvaluationError("a sum does not fit \(isInteger ? SQLType.integer : .bigint)") }

    override func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        guard operations.undoes.isEmpty, arguments[0].nulls.isEmpty, wraps || result == nil else {
            return try super.apply(operations, arguments, old: old, result: result)
        }
        let values = arguments[0].words
        let sums = sums
        if let result {
            var out = result.words
            result.words = []
            for entry in 0..<operations.count {
                let group = Int(operations.groups[entry])
                sums[group] &+= values[Int(operations.rows[entry])]
                out[operations.position(entry)] = cut(sums[group])
            }
            result.words = out
        } else if wraps {
            for entry in 0..<operations.count { sums[Int(operations.groups[entry])] &+= values[Int(operations.rows[entry])] }
        } else {
            var misfit: Int?
            for entry in 0..<operations.count {
                let group = Int(operations.groups[entry])
                let sum = sums[group].addingReportingOverflow(values[Int(operations.rows[entry])])
                sums[group] = sum.partialValue
                if sum.overflow { misfit = entry }
            }
            if let misfit { throw AggregateFailure(entry: misfit, message: overflow.message) }
        }
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        if !arguments[0].isNull(row) { try add(arguments[0].words[row], to: group) }
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !arguments[0].isNull(row) { sums[group] &-= arguments[0].words[row] }
    }

    private func add(_ value: Int64, to group: Int) throws(EvaluationError) {
        let sum = sums[group].addingReportingOverflow(value)
        sums[group] = sum.partialValue
        if sum.overflow, !wraps { throw overflow }
    }

    override func merge(_ other: Int, into group: Int) throws(EvaluationError) { try add(sums[other], to: group) }
    override var isMergedFromParts: Bool { true }

    override func merge(of part: Aggregator, into groups: [Int32]) {
        guard let part = part as? WordSumAggregator else { return }
        let sums = sums
        let added = part.sums
        for (place, group) in groups.enumerated() { sums[Int(group)] &+= added[place] }
    }

    override func result(_ group: Int, into column: Column, _ row: Int) { column.words[row] = cut(sums[group]) }
    override func results(_ groups: [Int32], into column: Column) {
        var out: [Int64] = []
        swap(&out, &column.words)
        let sums = sums
        for (row, group) in groups.enumerated() { out[row] = cut(sums[Int(group)]) }
        swap(&out, &column.words)
    }
    override func write(_ group: Int, to bytes: inout [UInt8]) { RowWriter.putWord(sums[group], to: &bytes) }
    override var isSmall: Bool { true }
    override func write(_ groups: ArraySlice<Int32>, to sink: ByteSink) { WordBlock.put(sums, groups, to: sink) }

    override func read(_ groups: [Int32], _ reader: inout RowReader) -> Bool {
        return WordBlock.read(&reader, groups, into: sums)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let value = reader.word() else { return false }
        sums[group] = value
        return true
    }

    override func read(_ groups: [Int32], _ states: inout StoredStates) -> Int? {
        return states.readWords(groups, into: sums)
    }
}

/// SUM of DOUBLE.
final class DoubleSumAggregator: Aggregator {
    private var sums: [Double] = []

    override func extend(to count: Int) { extended(&sums, to: count, 0) }
    override var isSmall: Bool { true }
    override func reset(_ group: Int) { sums[group] = 0 }
    override var memory: Int { sums.capacity * 8 }

    override func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        guard operations.undoes.isEmpty, arguments[0].nulls.isEmpty else {
            return try super.apply(operations, arguments, old: old, result: result)
        }
        let values = arguments[0].doubles
        var sums = self.sums
        self.sums = []
        if let result {
            var out = result.doubles
            result.doubles = []
            for entry in 0..<operations.count {
                let group = Int(operations.groups[entry])
                sums[group] += values[Int(operations.rows[entry])]
                out[operations.position(entry)] = sums[group]
            }
            result.doubles = out
        } else {
            for entry in 0..<operations.count { sums[Int(operations.groups[entry])] += values[Int(operations.rows[entry])] }
        }
        self.sums = sums
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !arguments[0].isNull(row) { sums[group] += arguments[0].doubles[row] }
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !arguments[0].isNull(row) { sums[group] -= arguments[0].doubles[row] }
    }

    override func merge(_ other: Int, into group: Int) { sums[group] += sums[other] }
    override func result(_ group: Int, into column: Column, _ row: Int) { column.doubles[row] = sums[group] }
    override func write(_ group: Int, to bytes: inout [UInt8]) { RowWriter.putFixed(sums[group].bitPattern, to: &bytes) }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let bits = reader.fixed() else { return false }
        sums[group] = Double(bitPattern: bits)
        return true
    }
}

/// MIN and MAX of whole numbers and times.
final class WordExtremeAggregator: Aggregator {
    private let isMaximum: Bool
    private var values: [Int64] = []
    private var isSet: [Bool] = []

    init(isMaximum: Bool) { self.isMaximum = isMaximum }

    override func extend(to count: Int) {
        extended(&values, to: count, 0)
        extended(&isSet, to: count, false)
    }

    override var isSmall: Bool { true }
    override func reset(_ group: Int) { isSet[group] = false }
    override var memory: Int { values.capacity * 9 }

    @inline(__always) private func offer(_ value: Int64, to group: Int) {
        if !isSet[group] || (isMaximum ? value > values[group] : value < values[group]) {
            values[group] = value
            isSet[group] = true
        }
    }

    override func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        guard operations.undoes.isEmpty, arguments[0].nulls.isEmpty, result == nil else {
            return try super.apply(operations, arguments, old: old, result: result)
        }
        let offered = arguments[0].words
        var (values, isSet): ([Int64], [Bool]) = ([], [])
        swap(&values, &self.values)
        swap(&isSet, &self.isSet)
        for entry in 0..<operations.count {
            let (group, value) = (Int(operations.groups[entry]), offered[Int(operations.rows[entry])])
            if !isSet[group] || (isMaximum ? value > values[group] : value < values[group]) {
                values[group] = value
                isSet[group] = true
            }
        }
        swap(&values, &self.values)
        swap(&isSet, &self.isSet)
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !arguments[0].isNull(row) { offer(arguments[0].words[row], to: group) }
    }

    override func merge(_ other: Int, into group: Int) { if isSet[other] { offer(values[other], to: group) } }
    override var isMergedFromParts: Bool { true }

    override func merge(of part: Aggregator, into groups: [Int32]) {
        guard let part = part as? WordExtremeAggregator else { return }
        for (place, group) in groups.enumerated() where part.isSet[place] { offer(part.values[place], to: Int(group)) }
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        if isSet[group] { column.words[row] = values[group] } else { column.setNull(row) }
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        bytes.append(isSet[group] ? 1 : 0)
        if isSet[group] { RowWriter.putWord(values[group], to: &bytes) }
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let mark = reader.byte() else { return false }
        isSet[group] = mark != 0
        if mark == 0 { return true }
        guard let value = reader.word() else { return false }
        values[group] = value
        return true
    }
}

/// MIN and MAX of DOUBLE, in Java's order: NaN is the largest.
final class DoubleExtremeAggregator: Aggregator {
    private let isMaximum: Bool
    private var values: [Double] = []
    private var isSet: [Bool] = []

    init(isMaximum: Bool) { self.isMaximum = isMaximum }

    override func extend(to count: Int) {
        extended(&values, to: count, 0)
        extended(&isSet, to: count, false)
    }

    override var isSmall: Bool { true }
    override func reset(_ group: Int) { isSet[group] = false }
    override var memory: Int { values.capacity * 9 }

    private func offer(_ value: Double, to group: Int) {
        if isSet[group] {
            let (low, high) = isMaximum ? (values[group], value) : (value, values[group])
            // Of 0.0 and -0.0, which are equal, -0.0 is the smaller one, so that the result does not depend on the order of the rows.
            let isLess = low < high || (high.isNaN && !low.isNaN) || low == 0 && high == 0 && low.sign == .minus && high.sign == .plus
            guard isLess else { return }
        }
        values[group] = value
        isSet[group] = true
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        if !arguments[0].isNull(row) { offer(arguments[0].doubles[row], to: group) }
    }

    override func merge(_ other: Int, into group: Int) { if isSet[other] { offer(values[other], to: group) } }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        if isSet[group] { column.doubles[row] = values[group] } else { column.setNull(row) }
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        bytes.append(isSet[group] ? 1 : 0)
        if isSet[group] { RowWriter.putFixed(values[group].bitPattern, to: &bytes) }
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let mark = reader.byte() else { return false }
        isSet[group] = mark != 0
        if mark == 0 { return true }
        guard let bits = reader.fixed() else { return false }
        values[group] = Double(bitPattern: bits)
        return true
    }
}
