// Chooses how a bounded query over a table reaches its rows, and refuses what the settings forbid, in ksqlDB's words.

package import Analysis
import Catalog
package import Diagnostics
package import Plans
package import Values

/// What a bounded query may do to find rows.
package struct AccessRules: Hashable, Sendable {
    /// `ksql.query.pull.range.scan.enabled`
    package var allowsRanges: Bool
    /// `ksql.query.pull.table.scan.enabled`
    package var allowsScans: Bool
    /// `millrace.bounded.queries=ksqldb`: ranges only over the single STRING or BYTES key of a table without windows.
    package var isNarrow: Bool

    package init(allowsRanges: Bool, allowsScans: Bool, isNarrow: Bool) {
        self.allowsRanges = allowsRanges
        self.allowsScans = allowsScans
        self.isNarrow = isNarrow
    }
}

/// The access path to the rows of the table that `query` reads. `evaluate` gives the value of an expression without columns, where there
/// is one.
///
/// Throws when the settings allow no access path.
package func access(
    of query: ResolvedQuery, under rules: AccessRules, evaluate: @escaping (TypedExpression) -> Value?
) throws(Diagnostic) -> TableAccess {
    let key = query.sources[0].schema.key
    let access = access(to: key, where: query.filter, evaluate: evaluate)
    switch access {
    case .keys: return access
    case .ranges where rules.allows(access, over: query.sources[0]): return access
    case .ranges, .scan:
        if rules.allowsScans { return .scan(windows(of: access.ranges)) }
        throw ScanRefusal(query: query, key: key, rules: rules).diagnostic
    }
}

/// The access path to those rows of a table for which a condition over its row, whose first columns are `key`, can be true. `evaluate` gives
/// the value of an expression without columns, where there is one.
package func access(
    to key: [ColumnDefinition], where condition: TypedExpression?, evaluate: @escaping (TypedExpression) -> Value?
) -> TableAccess {
    let finder = RegionFinder(key: key, evaluate: { $0.isCertain ? evaluate($0) : nil })
    return path(through: condition.map(finder.regions) ?? [AccessRegion()], key)
}

extension AccessRules {
    fileprivate func allows(_ access: TableAccess, over source: SourceDefinition) -> Bool {
        guard allowsRanges else { return false }
        guard isNarrow else { return true }
        let isText = source.schema.key.count == 1 && (source.schema.key[0].type == .string || source.schema.key[0].type == .bytes)
        return isText && source.window == nil
    }
}

/// Regions as parts of the key space: equalities on the leading key columns, then bounds on the next one.
private func path(through regions: [AccessRegion], _ key: [ColumnDefinition]) -> TableAccess {
    /// More lookups than these are a scan.
    let limit = 10_000
    var ranges: [KeyRange] = []
    var known: Set<KeyRange> = []
    var areKeys = true
    for region in regions {
        if region.columns.values.contains(where: { $0.choices?.isEmpty == true }) { continue }
        var prefixes: [[Value]] = [[]]
        var column = 0
        while column < key.count, let choices = region.columns[column]?.choices, prefixes.count * choices.count <= limit {
            prefixes = prefixes.flatMap { prefix in choices.map { prefix + [$0] } }
            column += 1
        }
        if column < key.count { areKeys = false }
        let bounds = column < key.count ? region.columns[column]?.bounds ?? BoundSet() : BoundSet()
        for prefix in prefixes {
            let range = KeyRange(prefix: prefix, bounds: bounds, windows: region.windows)
            if range.hasAllKeys { return .scan(windows(of: regions.map { KeyRange(windows: $0.windows) })) }
            if known.insert(range).inserted { ranges.append(range) }
        }
        if ranges.count > limit { return .scan(windows(of: ranges)) }
    }
    return areKeys ? .keys(ranges) : .ranges(ranges)
}

/// The windows that all of the ranges ask for; without bounds where they differ.
private func windows(of ranges: [KeyRange]) -> WindowBounds {
    guard let first = ranges.first?.windows, ranges.allSatisfy({ $0.windows == first }) else { return WindowBounds() }
    return first
}

extension TypedExpression {
    /// Whether the expression reads nothing and is the same each time: `RANDOM()` and `UNIX_TIMESTAMP()` are not.
    package var isCertain: Bool {
        var isCertain = true
        walk { part in
            switch part.node {
            case .column, .pseudo, .lambdaParameter: isCertain = false
            case .call(_, let arguments): if arguments.isEmpty { isCertain = false }
            default: break
            }
        }
        return isCertain
    }
}
