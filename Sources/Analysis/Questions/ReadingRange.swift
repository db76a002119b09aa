// Which records of a stream a scan must look at: what its condition says about ROWPARTITION, ROWOFFSET and ROWTIME. It only narrows; the
// condition still decides about every row that is read.

package import Plans
package import Values

/// A part of a stream's partitions.
package struct ReadingRange: Hashable, Sendable {
    /// The first and the last partition.
    package private(set) var partitions: ClosedRange<Int64> = 0...Int64.max
    /// The partitions that are meant; nil for all in the range.
    package private(set) var chosen: Set<Int64>?
    /// The first and the last offset, the same in each partition.
    package private(set) var offsets: ClosedRange<Int64> = 0...Int64.max
    /// No row is earlier than this; nil when nothing is said. There is no such thing for the other end: a row may come long after later ones.
    package private(set) var earliest: Int64?
    /// No row can satisfy the condition.
    package private(set) var isEmpty = false

    /// What rows must be read of which `condition` is to hold. `evaluate` gives the value of an expression without columns, where there is one
    /// that is certain.
    package init(of condition: TypedExpression?, isFromEnd: Bool = false, evaluate: (TypedExpression) -> Value?) {
        isEmpty = isFromEnd
        for part in condition?.conjuncts ?? [] { take(part, evaluate) }
    }

    /// Whether records of a partition are read.
    package func contains(partition: Int) -> Bool {
        !isEmpty && partitions.contains(Int64(partition)) && chosen?.contains(Int64(partition)) ?? true
    }

    private mutating func take(_ condition: TypedExpression, _ evaluate: (TypedExpression) -> Value?) {
        func number(_ expression: TypedExpression) -> Int64? {
            let value: Value? = if case .literal(let literal) = expression.node { literal } else { evaluate(expression) }
            return switch value {
            case .integer(let number)?: Int64(number)
            case .bigint(let number)?: number
            default: nil
            }
        }
        switch condition.node {
        case .compare(let operation, let a, let b):
            if let column = a.pseudoColumn, let value = number(b) { take(column, operation, value) }
            if let column = b.pseudoColumn, let value = number(a) { take(column, operation.turned, value) }
        case .between(let x, let low, let high, negated: false):
            guard let column = x.pseudoColumn else { return }
            if let value = number(low) { take(column, .greaterOrEqual, value) }
            if let value = number(high) { take(column, .lessOrEqual, value) }
        case .isIn(let x, let items, negated: false):
            let values = items.map(number)
            guard x.pseudoColumn == .rowpartition, values.allSatisfy({ $0 != nil }) else { return }
            let set = Set(values.compactMap(\.self))
            chosen = chosen.map { $0.intersection(set) } ?? set
        default: return
        }
    }

    private mutating func take(_ column: PseudoColumn, _ operation: Plans.ComparisonOperator, _ value: Int64) {
        var (low, high) = (Int64.min, Int64.max)
        switch operation {
        case .equal: (low, high) = (value, value)
        case .less:
            let (last, isNone) = value.subtractingReportingOverflow(1)
            if isNone { isEmpty = true } else { high = last }
        case .lessOrEqual: high = value
        case .greater:
            let (first, isNone) = value.addingReportingOverflow(1)
            if isNone { isEmpty = true } else { low = first }
        case .greaterOrEqual: low = value
        case .notEqual: return
        }
        switch column {
        case .rowtime: if low > Int64.min { earliest = max(earliest ?? low, low) }
        case .rowoffset: offsets = narrowed(offsets, low, high)
        case .rowpartition: partitions = narrowed(partitions, low, high)
        case .windowstart, .windowend: return
        }
    }

    private mutating func narrowed(_ range: ClosedRange<Int64>, _ low: Int64, _ high: Int64) -> ClosedRange<Int64> {
        let (first, last) = (max(range.lowerBound, low), min(range.upperBound, high))
        guard first <= last else {
            isEmpty = true
            return range
        }
        return first...last
    }
}

extension TypedExpression {
    /// The pseudo column that the expression is, as it stands or widened.
    fileprivate var pseudoColumn: PseudoColumn? {
        switch node {
        case .pseudo(let column): column
        case .cast(let inner) where inner.type == .integer && type == .bigint: inner.pseudoColumn
        default: nil
        }
    }
}

extension RelationalStep {
    /// All scans of the plan, from the left, those of subqueries included.
    package var scans: [RelationalScan] {
        if case .scan(let scan) = self { return [scan] }
        return inputs.flatMap(\.scans)
    }
}
