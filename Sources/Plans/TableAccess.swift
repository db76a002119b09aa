// How a bounded query reaches the rows of a table: the part of the key space, and of the windows, that its WHERE clause leaves. It only
// narrows what is looked at; the filter of the plan still decides about every row that is found.

package import Values

/// One end of a range.
package struct KeyBound<Bounded: Hashable & Sendable>: Hashable, Sendable {
    package var value: Bounded
    package var isInclusive: Bool
    package init(_ value: Bounded, isInclusive: Bool) {
        self.value = value
        self.isInclusive = isInclusive
    }
}

/// What must hold of a number or key column: all of these bounds at once.
package struct BoundSet<Bounded: Hashable & Sendable>: Hashable, Sendable {
    package var lower: [KeyBound<Bounded>] = []
    package var upper: [KeyBound<Bounded>] = []
    package init() {}
    /// Whether there are no bounds.
    package var isEmpty: Bool { lower.isEmpty && upper.isEmpty }
}

extension BoundSet<Int64> {
    /// Whether a number lies within all bounds.
    package func contains(_ number: Int64) -> Bool {
        lower.allSatisfy { $0.isInclusive ? number >= $0.value : number > $0.value }
            && upper.allSatisfy { $0.isInclusive ? number <= $0.value : number < $0.value }
    }
}

/// Bounds of the windows of a windowed table; without bounds every window is meant.
package struct WindowBounds: Hashable, Sendable {
    package var start = BoundSet<Int64>()
    package var end = BoundSet<Int64>()
    package init() {}
    /// Whether there are no bounds, so that every window is meant.
    package var isEmpty: Bool { start.isEmpty && end.isEmpty }

    /// Whether a window (milliseconds) lies within the bounds.
    package func contains(start: Int64, end: Int64) -> Bool { self.start.contains(start) && self.end.contains(end) }
}

/// A part of a table: rows whose first key columns are `prefix`, whose next key column lies within `bounds`, and whose window does so too.
package struct KeyRange: Hashable, Sendable {
    package var prefix: [Value]
    package var bounds: BoundSet<Value>
    package var windows: WindowBounds

    package init(prefix: [Value] = [], bounds: BoundSet<Value> = BoundSet(), windows: WindowBounds = WindowBounds()) {
        self.prefix = prefix
        self.bounds = bounds
        self.windows = windows
    }

    /// Whether every key is in it.
    package var hasAllKeys: Bool { prefix.isEmpty && bounds.isEmpty }
}

/// The access path to the rows of a table.
package enum TableAccess: Hashable, Sendable {
    /// Single keys, each with a value a key column; none when no key can satisfy the query.
    case keys([KeyRange])
    /// Ranges of keys; they may overlap.
    case ranges([KeyRange])
    /// Every key, in these windows.
    case scan(WindowBounds)

    /// The parts of the table that are looked at.
    package var ranges: [KeyRange] {
        switch self {
        case .keys(let ranges), .ranges(let ranges): ranges
        case .scan(let windows): [KeyRange(windows: windows)]
        }
    }
}

extension TableAccess {
    /// What EXPLAIN shows: `key range ID > 1`. `key` names the key columns.
    package func text(key: [ColumnDefinition]) -> String {
        switch self {
        case .keys(let ranges):
            if ranges.isEmpty { return "none, as no key can satisfy the condition" }
            return (ranges.count == 1 ? "key lookup " : "key lookups ") + Self.lookups(ranges, key)
        case .ranges(let ranges):
            return (ranges.count == 1 ? "key range " : "key ranges ") + ranges.map { $0.text(key: key) }.joined(separator: " OR ")
        case .scan(let windows):
            let conditions = windows.conditions
            return "table scan" + (conditions.isEmpty ? "" : ", " + conditions.joined(separator: " AND "))
        }
    }

    /// Several values of a single column as one IN list, everything else side by side.
    private static func lookups(_ ranges: [KeyRange], _ key: [ColumnDefinition]) -> String {
        guard ranges.count > 1, key.count == 1, Set(ranges.map(\.windows)).count == 1 else {
            return ranges.map { $0.text(key: key) }.joined(separator: " OR ")
        }
        let list = "\(key[0].name) IN (\(ranges.flatMap(\.prefix).map(\.text).joined(separator: ", ")))"
        return ([list] + ranges[0].windows.conditions).joined(separator: " AND ")
    }
}

extension KeyRange {
    fileprivate func text(key: [ColumnDefinition]) -> String {
        var conditions = zip(key, prefix).map { "\($0.name) = \($1.text)" }
        if prefix.count < key.count { conditions += bounds.conditions(on: key[prefix.count].name) { $0.text } }
        return (conditions + windows.conditions).joined(separator: " AND ")
    }
}

extension WindowBounds {
    fileprivate var conditions: [String] {
        start.conditions(on: "WINDOWSTART") { String($0) } + end.conditions(on: "WINDOWEND") { String($0) }
    }
}

extension BoundSet {
    fileprivate func conditions(on name: String, _ text: (Bounded) -> String) -> [String] {
        // Both ends at one value are an equality.
        let equal = lower.filter { $0.isInclusive && upper.contains($0) }
        return equal.map { "\(name) = \(text($0.value))" }
            + lower.filter { !equal.contains($0) }.map { "\(name) \($0.isInclusive ? ">=" : ">") \(text($0.value))" }
            + upper.filter { !equal.contains($0) }.map { "\(name) \($0.isInclusive ? "<=" : "<") \(text($0.value))" }
    }
}
