// What a WHERE clause says about keys and windows, as a list of regions of which one must hold. A region never leaves out a row that the
// clause lets through; where the clause says something that has no place here, the region is larger than it.

import Plans
import Values

/// The conditions on one key column: one of the choices, or bounds.
struct ColumnConstraint: Hashable {
    /// Values of which the column has one; nil when it may have any within the bounds.
    var choices: [Value]?
    var bounds = BoundSet<Value>()

    mutating func meet(_ other: ColumnConstraint) {
        if let mine = choices, let others = other.choices {
            let shared = Set(others)
            choices = mine.filter(shared.contains)
        } else {
            choices = choices ?? other.choices
        }
        bounds.lower += other.bounds.lower.filter { !bounds.lower.contains($0) }
        bounds.upper += other.bounds.upper.filter { !bounds.upper.contains($0) }
    }
}

/// Conditions that hold together.
struct AccessRegion: Hashable {
    var columns: [Int: ColumnConstraint] = [:]
    var windows = WindowBounds()

    /// Both regions at once.
    func meeting(_ other: AccessRegion) -> AccessRegion {
        var result = self
        for (column, constraint) in other.columns { result.columns[column, default: ColumnConstraint()].meet(constraint) }
        result.windows.start.lower += other.windows.start.lower
        result.windows.start.upper += other.windows.start.upper
        result.windows.end.lower += other.windows.end.lower
        result.windows.end.upper += other.windows.end.upper
        return result
    }
}

/// Finds the regions of predicates over a table's rows.
struct RegionFinder {
    /// The key columns, which are the first columns of the row.
    let key: [ColumnDefinition]
    /// The value of an expression without columns, nil when it has none that is certain.
    let evaluate: (TypedExpression) -> Value?

    /// More regions than these are not worth telling apart.
    private static let limit = 1_000

    func regions(of predicate: TypedExpression) -> [AccessRegion] {
        switch predicate.node {
        case .and(let a, let b):
            let left = regions(of: a)
            let right = regions(of: b)
            if left.count * right.count > Self.limit { return left.count <= right.count ? left : right }
            return left.flatMap { region in right.map { region.meeting($0) } }
        case .or(let a, let b):
            let both = regions(of: a) + regions(of: b)
            return both.count > Self.limit ? [AccessRegion()] : both
        case .compare(let operation, let a, let b):
            return [comparison(operation, a, b) ?? comparison(operation.turned, b, a) ?? AccessRegion()]
        case .between(let x, let low, let high, negated: false):
            let from = comparison(.greaterOrEqual, x, low) ?? AccessRegion()
            return [from.meeting(comparison(.lessOrEqual, x, high) ?? AccessRegion())]
        case .isIn(let x, let items, negated: false): return [membership(x, items) ?? AccessRegion()]
        default: return [AccessRegion()]
        }
    }

    /// `column operation constant`; nil for everything else.
    private func comparison(_ operation: ComparisonOperator, _ column: TypedExpression, _ constant: TypedExpression) -> AccessRegion? {
        if case .pseudo(let bound) = column.node, case .bigint(let value)? = value(of: constant) { return window(bound, operation, value) }
        guard let index = keyColumn(column), let value = value(of: constant) else { return nil }
        var region = AccessRegion()
        guard let constraint = constraint(operation, value, on: key[index].type) else { return nil }
        region.columns[index] = constraint
        return region
    }

    private func window(_ column: PseudoColumn, _ operation: ComparisonOperator, _ value: Int64) -> AccessRegion? {
        guard column == .windowstart || column == .windowend else { return nil }
        var bounds = BoundSet<Int64>()
        bounds.add(operation, value)
        guard !bounds.isEmpty else { return nil }
        var region = AccessRegion()
        if column == .windowstart { region.windows.start = bounds } else { region.windows.end = bounds }
        return region
    }

    private func membership(_ column: TypedExpression, _ items: [TypedExpression]) -> AccessRegion? {
        guard let index = keyColumn(column) else { return nil }
        var choices: [Value] = []
        var known: Set<Value> = []
        for item in items {
            // A NULL in the list equals nothing.
            if case .literal(.null) = item.node { continue }
            guard let value = value(of: item), let constraint = constraint(.equal, value, on: key[index].type),
                let found = constraint.choices
            else { return nil }
            choices += found.filter { known.insert($0).inserted }
        }
        var region = AccessRegion()
        region.columns[index] = ColumnConstraint(choices: choices)
        return region
    }

    /// The key column that the expression is, as it stands or widened from INTEGER to BIGINT.
    private func keyColumn(_ expression: TypedExpression) -> Int? {
        var bare = expression
        if case .cast(let inner) = expression.node, inner.type == .integer, expression.type == .bigint { bare = inner }
        guard case .column(let index) = bare.node, index < key.count else { return nil }
        return index
    }

    private func value(of expression: TypedExpression) -> Value? {
        let found: Value? = if case .literal(let value) = expression.node { value } else { evaluate(expression) }
        return found == .null ? nil : found
    }

    /// What `column operation value` says about a column of that type; nil when it cannot be said in values of the type.
    private func constraint(_ operation: ComparisonOperator, _ value: Value, on type: SQLType) -> ColumnConstraint? {
        var constraint = ColumnConstraint()
        var fitting = value
        switch (type, value) {
        case (.integer, .bigint(let number)):
            if let small = Int32(exactly: number) {
                fitting = .integer(small)
            } else {
                // Beyond every INTEGER: all of them satisfy it, or none does.
                let isAbove = number > 0
                switch operation {
                case .less, .lessOrEqual: constraint.choices = isAbove ? nil : []
                case .greater, .greaterOrEqual: constraint.choices = isAbove ? [] : nil
                case .equal: constraint.choices = []
                case .notEqual: break
                }
                return constraint
            }
        case (.decimal(let precision, let scale), .decimal(let number)):
            // Rounding would move the bound.
            guard let exact = number.converted(precision: precision, scale: scale, .exact) else { return nil }
            fitting = .decimal(exact)
        case (.double, .double(let number)) where number.isNaN: return nil
        case (.array, _), (.map, _), (.structure, _): if operation != .equal { return nil }
        default: break
        }
        if operation == .equal { constraint.choices = [fitting] } else { constraint.bounds.add(operation, fitting) }
        return operation == .notEqual ? nil : constraint
    }
}

extension BoundSet {
    /// Takes in `x operation value`; `<>` bounds nothing.
    fileprivate mutating func add(_ operation: ComparisonOperator, _ value: Bounded) {
        switch operation {
        case .less, .lessOrEqual: upper.append(KeyBound(value, isInclusive: operation == .lessOrEqual))
        case .greater, .greaterOrEqual: lower.append(KeyBound(value, isInclusive: operation == .greaterOrEqual))
        case .equal:
            lower.append(KeyBound(value, isInclusive: true))
            upper.append(KeyBound(value, isInclusive: true))
        case .notEqual: break
        }
    }
}
