// Why a bounded query needs a scan of the table where scans are off: the first thing about its WHERE clause that stands in the way of a
// lookup, in ksqlDB's words.

import Analysis
import Catalog
import Diagnostics
import Plans
import Values

struct ScanRefusal {
    let query: ResolvedQuery
    let key: [ColumnDefinition]
    let rules: AccessRules

    var diagnostic: Diagnostic {
        Diagnostic(
            .featureNotSupported, reason, category: .general,
            hint: "Name every key column with = or IN, or SET 'ksql.query.pull.table.scan.enabled'='true'.")
    }

    private static let needsScan = "Query requires table scan to be enabled"

    private var reason: String {
        guard let filter = query.filter else {
            return "Missing WHERE clause. \(Self.needsScan): set ksql.query.pull.table.scan.enabled to true."
        }
        for disjunct in Self.parts(filter, isOr: true) {
            if let reason = reason(against: disjunct) { return reason }
        }
        return Self.needsScan + "."
    }

    /// The parts of a chain of OR (or AND).
    private static func parts(_ predicate: TypedExpression, isOr: Bool) -> [TypedExpression] {
        switch predicate.node {
        case .or(let a, let b) where isOr: parts(a, isOr: true) + parts(b, isOr: true)
        case .and(let a, let b) where !isOr: parts(a, isOr: false) + parts(b, isOr: false)
        default: [predicate]
        }
    }

    private func reason(against disjunct: TypedExpression) -> String? {
        var named: Set<Int> = []
        var hasRange = false
        for part in Self.parts(disjunct, isOr: false) {
            switch part.node {
            case .compare(let operation, let a, let b):
                switch verdict(operation, a, b) {
                case .refused(let reason): return reason
                case .key(let column, let isRange):
                    named.insert(column)
                    if isRange { hasRange = true }
                case .other: break
                }
            case .between(let x, _, _, false):
                if let column = keyColumn(x) {
                    named.insert(column)
                    hasRange = true
                }
            case .isIn(let x, _, false): if let column = keyColumn(x) { named.insert(column) }
            default: break
            }
        }
        if named.isEmpty { return "WHERE clause missing key column for disjunct: \(disjunct.text(over: rowSchema))" }
        if named.count < key.count {
            let specified = named.sorted().map { key[$0].name }.joined(separator: ", ")
            return "Multi-column sources must specify every key in the WHERE clause. Specified: [\(specified)] "
                + "Expected: [\(key.map(definition).joined(separator: ", "))]. \(Self.needsScan)."
        }
        return hasRange ? Self.needsScan + "." : nil
    }

    private enum Verdict {
        case refused(String)
        case key(Int, isRange: Bool)
        /// A comparison that says nothing about the key.
        case other
    }

    private func verdict(_ operation: ComparisonOperator, _ a: TypedExpression, _ b: TypedExpression) -> Verdict {
        guard let column = keyColumn(a) ?? keyColumn(b) else {
            let readsKey = !a.columnsRead.union(b.columnsRead).isDisjoint(with: key.indices)
            return readsKey ? .refused("A comparison must directly reference a key column. \(Self.needsScan).") : .other
        }
        let other = keyColumn(a) == column ? b : a
        if !other.columnsRead.isEmpty {
            return .refused("A comparison must be between a key column and a resolvable expression. \(Self.needsScan).")
        }
        if operation == .notEqual {
            let columns = key.map(definition).joined(separator: ", ")
            return .refused("Bound on key columns '[\(columns)]' must currently be '='. \(Self.needsScan).")
        }
        return .key(column, isRange: operation != .equal)
    }

    private func keyColumn(_ expression: TypedExpression) -> Int? {
        var bare = expression
        if case .cast(let inner) = expression.node { bare = inner }
        guard case .column(let index) = bare.node, index < key.count else { return nil }
        return index
    }

    private func definition(_ column: ColumnDefinition) -> String { "`\(column.name)` \(column.type) KEY" }

    private var rowSchema: RowSchema {
        RowSchema(columns: query.sources[0].schema.columns, keyCount: key.count)
    }
}
