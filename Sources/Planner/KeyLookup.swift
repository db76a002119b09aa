// Which keys a WHERE clause asks for: the difference between a lookup and a scan.

package import Analysis
import Catalog
import Plans
package import Values

package enum KeyLookup {
    /// The keys that the query can only have rows of, each a literal a key column, or nil when it must look at every row.
    ///
    /// Found for equalities (and IN lists) with literals on every key column, joined by AND with anything, and for OR of such.
    package static func keys(of query: ResolvedQuery) -> [[Value]]? {
        guard let filter = query.filter, !query.sources[0].schema.key.isEmpty else { return nil }
        return keys(of: filter, columns: query.sources[0].schema.key.count)
    }

    private static func keys(of predicate: TypedExpression, columns: Int) -> [[Value]]? {
        switch predicate.node {
        case .or(let a, let b):
            guard let left = keys(of: a, columns: columns), let right = keys(of: b, columns: columns) else { return nil }
            return left + right.filter { !left.contains($0) }
        default:
            var values: [Int: [Value]] = [:]
            for part in conjuncts(predicate) {
                if let (column, choices) = choices(part), column < columns, values[column] == nil { values[column] = choices }
            }
            guard values.count == columns else { return nil }
            // Every combination of the columns' choices.
            var combined: [[Value]] = [[]]
            for column in 0..<columns {
                let choices = values[column] ?? []
                combined = combined.flatMap { key in choices.map { key + [$0] } }
            }
            return combined
        }
    }

    private static func conjuncts(_ predicate: TypedExpression) -> [TypedExpression] {
        if case .and(let a, let b) = predicate.node { return conjuncts(a) + conjuncts(b) }
        return [predicate]
    }

    private static func choices(_ predicate: TypedExpression) -> (Int, [Value])? {
        func literal(_ expression: TypedExpression) -> Value? {
            if case .literal(let value) = expression.node, value != .null { return value }
            return nil
        }
        switch predicate.node {
        case .compare(.equal, let a, let b):
            guard a.type == b.type else { return nil }
            if case .column(let index) = a.node, let value = literal(b) { return (index, [value]) }
            if case .column(let index) = b.node, let value = literal(a) { return (index, [value]) }
            return nil
        case .isIn(let x, let items, negated: false):
            let values = items.filter { $0.type == x.type }.compactMap(literal)
            if case .column(let index) = x.node, values.count == items.count { return (index, values) }
            return nil
        default: return nil
        }
    }
}
