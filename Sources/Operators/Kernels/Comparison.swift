// Order and equality of values in columns, and the kernels for `= <> < <= > >=`, IS DISTINCT FROM and BETWEEN.
//
// A comparison with a NULL operand is FALSE, not NULL.

import Bytes
import Plans
import Values

/// Compares rows of columns of one type (decimals may differ in scale).
enum RowOrder {
    /// -1, 0, 1, or nil when the two cannot be ordered (NaN). Neither row is NULL.
    static func compare(_ a: Column, _ i: Int, with b: Column, _ j: Int) -> Int? {
        switch a.lane {
        case .word:
            let x = a.words[i]
            let y = b.words[j]
            return x < y ? -1 : x == y ? 0 : 1
        case .double:
            let x = a.doubles[i]
            let y = b.doubles[j]
            return x < y ? -1 : x == y ? 0 : x > y ? 1 : nil
        case .wide: return decimal(a, i).compare(decimal(b, j))
        case .text: return a.type == .bytes ? compareSigned(a.text(i), b.text(j)) : compareTexts(a.text(i), b.text(j))
        case .list, .map, .structure: return equal(a, i, to: b, j) ? 0 : 1
        }
    }

    private static func decimal(_ column: Column, _ row: Int) -> Decimal {
        Decimal(unscaled: column.wides[row], scale: column.type.asDecimal?.scale ?? 0)
    }

    /// UTF-8 texts in the order of their UTF-16 code units: the order of the bytes, except that a surrogate pair (4-byte sequence)
    /// stands before U+E000…U+FFFF (lead bytes EE and EF).
    static func compareTexts(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
        let shared = min(a.count, b.count)
        for index in 0..<shared {
            let x = a[a.startIndex + index]
            let y = b[b.startIndex + index]
            if x == y { continue }
            if x >= 0xF0, y == 0xEE || y == 0xEF { return -1 }
            if y >= 0xF0, x == 0xEE || x == 0xEF { return 1 }
            return x < y ? -1 : 1
        }
        return a.count == b.count ? 0 : a.count < b.count ? -1 : 1
    }

    private static func compareSigned(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
        for (x, y) in zip(a, b) where x != y { return Int8(bitPattern: x) < Int8(bitPattern: y) ? -1 : 1 }
        return a.count == b.count ? 0 : a.count < b.count ? -1 : 1
    }

    /// Deep equality in which NULL equals NULL inside nested values, NaN equals nothing at the top and itself inside.
    static func equal(_ a: Column, _ i: Int, to b: Column, _ j: Int) -> Bool {
        switch a.lane {
        case .word: return a.words[i] == b.words[j]
        case .double: return a.doubles[i] == b.doubles[j]
        case .wide: return decimal(a, i).compare(decimal(b, j)) == 0
        case .text: return a.text(i) == b.text(j)
        case .list, .structure, .map: return a.value(i) == b.value(j)
        }
    }
}

/// `a < b` and the other five.
final class CompareKernel: Kernel {
    private let operation: ComparisonOperator
    private let left: Kernel, right: Kernel
    /// The right side as the only row of a column, when it is a literal other than NULL.
    private let constant: Column?

    init(_ operation: ComparisonOperator, _ left: Kernel, _ right: Kernel) {
        self.operation = operation
        self.left = left
        self.right = right
        constant = (right as? LiteralKernel).map(\.single).flatMap { $0.isNull(0) ? nil : $0 }
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        if let constant { return compare(left.evaluate(frame, rows), with: constant, frame, rows) }
        let a = left.evaluate(frame, rows)
        let b = right.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = knownRows(rows, a, b)
        switch a.lane {
        case .word: compareAll(usable, a.words) { b.words[$0] }
        case .double: compareAll(usable, a.doubles) { b.doubles[$0] }
        case .wide, .text, .list, .map, .structure: compareEach(usable, a, b) { $0 }
        }
        return result
    }

    private func compare(_ a: Column, with constant: Column, _ frame: Frame, _ rows: Selection) -> Column {
        result.reset(frame.count)
        let usable = knownRows(rows, a, a)
        switch a.lane {
        case .word:
            let value = constant.words[0]
            compareAll(usable, a.words) { _ in value }
        case .double:
            let value = constant.doubles[0]
            compareAll(usable, a.doubles) { _ in value }
        case .wide, .text, .list, .map, .structure: compareEach(usable, a, constant) { _ in 0 }
        }
        return result
    }

    /// NULL operands make FALSE, failed ones fail.
    private func knownRows(_ rows: Selection, _ a: Column, _ b: Column) -> Selection {
        if a.nulls.isEmpty && b.nulls.isEmpty { return rows }
        return unfailed(rows, [a, b]).filtered { row in
            guard a.isNull(row) || b.isNull(row) else { return true }
            result.words[row] = 0
            return false
        }
    }

    /// `other` gives the right side's value at a row.
    @inline(__always) private func compareAll<T: Comparable>(_ rows: Selection, _ a: [T], _ other: (Int) -> T) {
        var out = result.words
        result.words = []
        switch operation {
        case .equal: rows.forEach { out[$0] = a[$0] == other($0) ? 1 : 0 }
        case .notEqual: rows.forEach { out[$0] = a[$0] != other($0) ? 1 : 0 }
        case .less: rows.forEach { out[$0] = a[$0] < other($0) ? 1 : 0 }
        case .lessOrEqual: rows.forEach { out[$0] = a[$0] <= other($0) ? 1 : 0 }
        case .greater: rows.forEach { out[$0] = a[$0] > other($0) ? 1 : 0 }
        case .greaterOrEqual: rows.forEach { out[$0] = a[$0] >= other($0) ? 1 : 0 }
        }
        result.words = out
    }

    /// `place` gives the row of `b` that stands beside a row of `a`.
    @inline(__always) private func compareEach(_ rows: Selection, _ a: Column, _ b: Column, _ place: (Int) -> Int) {
        if a.lane == .text, operation == .equal || operation == .notEqual { return compareTexts(rows, a, b, place) }
        rows.forEach { row in
            let other = place(row)
            let holds: Bool
            switch operation {
            case .equal: holds = RowOrder.equal(a, row, to: b, other)
            case .notEqual: holds = !RowOrder.equal(a, row, to: b, other)
            case .less: holds = (RowOrder.compare(a, row, with: b, other) ?? 1) < 0
            case .lessOrEqual: holds = (RowOrder.compare(a, row, with: b, other) ?? 1) <= 0
            case .greater: holds = (RowOrder.compare(a, row, with: b, other) ?? -1) > 0
            case .greaterOrEqual: holds = (RowOrder.compare(a, row, with: b, other) ?? -1) >= 0
            }
            result.words[row] = holds ? 1 : 0
        }
    }
}

extension CompareKernel {
    /// Whether texts are the same, or are not.
    @inline(__always) private func compareTexts(_ rows: Selection, _ a: Column, _ b: Column, _ place: (Int) -> Int) {
        var out = result.words
        result.words = []
        let isEqual: Int64 = operation == .equal ? 1 : 0
        let (ranges, others, bytes, otherBytes) = (a.ranges, b.ranges, a.bytes, b.bytes)
        rows.forEach { row in
            let (range, other) = (ranges[row], others[place(row)])
            out[row] = range.length == other.length && bytes[range.indexes] == otherBytes[other.indexes] ? isEqual : 1 - isEqual
        }
        result.words = out
    }
}

/// `a IS [NOT] DISTINCT FROM b`
final class DistinctKernel: Kernel {
    private let left: Kernel, right: Kernel
    private let negated: Bool

    init(_ left: Kernel, _ right: Kernel, negated: Bool) {
        self.left = left
        self.right = right
        self.negated = negated
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let a = left.evaluate(frame, rows)
        let b = right.evaluate(frame, rows)
        result.reset(frame.count)
        unfailed(rows, [a, b]).forEach { row in
            let oneNull = a.isNull(row)
            let otherNull = b.isNull(row)
            let distinct = oneNull || otherNull ? oneNull != otherNull : !RowOrder.equal(a, row, to: b, row)
            result.words[row] = distinct != negated ? 1 : 0
        }
        return result
    }
}

/// `x BETWEEN a AND b`
final class BetweenKernel: Kernel {
    private let value: Kernel, low: Kernel, high: Kernel
    private let negated: Bool

    init(_ value: Kernel, _ low: Kernel, _ high: Kernel, negated: Bool) {
        self.value = value
        self.low = low
        self.high = high
        self.negated = negated
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let x = value.evaluate(frame, rows)
        let a = low.evaluate(frame, rows)
        let b = high.evaluate(frame, rows)
        result.reset(frame.count)
        unfailed(rows, [x, a, b]).forEach { row in
            let known = !x.isNull(row) && !a.isNull(row) && !b.isNull(row)
            let holds = known && (RowOrder.compare(x, row, with: a, row) ?? -1) >= 0 && (RowOrder.compare(x, row, with: b, row) ?? 1) <= 0
            result.words[row] = holds != negated ? 1 : 0
        }
        return result
    }
}
