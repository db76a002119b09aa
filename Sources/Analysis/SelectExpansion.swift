// SELECT lists: stars become columns, and items without AS get their generated names.

import Catalog
import Diagnostics
import Plans
import Syntax
import Values

/// An item of a SELECT list after expansion.
struct ExpandedItem {
    var name: String
    var expression: Expression
    /// Came from a star, so that window bounds may be dropped without an error.
    var isFromStar: Bool
}

/// Expands one SELECT list.
struct SelectExpansion {
    let scope: Scope
    let purpose: QueryPurpose
    /// Sources whose key stars leave out; what is kept has it.
    var hidesKeys: [Bool] = []
    /// Columns of the key of each source, by source, so that stars know what is key.
    let keyCounts: [Int]
    let partitionBy: [Expression]?
    /// Whether names are made of the words of expressions, rather than of numbers.
    let isFull: Bool
    private var taken: Set<String>
    private var nextGenerated = 0
    private var fieldNames: Set<String> = []

    init(scope: Scope, purpose: QueryPurpose, keyCounts: [Int], partitionBy: [Expression]?, isFull: Bool) {
        self.scope = scope
        self.purpose = purpose
        self.keyCounts = keyCounts
        self.partitionBy = partitionBy
        self.isFull = isFull
        taken = Set(scope.columnNames)
    }

    /// `KSQL_COL_n` with the next number that no source column uses.
    mutating func generatedName() -> String {
        while true {
            let name = "KSQL_COL_\(nextGenerated)"
            nextGenerated += 1
            if !taken.contains(name) { return name }
        }
    }

    mutating func expand(_ items: [SelectItem], analyser: inout ExpressionAnalyser) throws(Diagnostic) -> [ExpandedItem] {
        var result: [ExpandedItem] = []
        for item in items {
            switch item {
            case .all: result += syntheticKey() + star(of: scope.sources.indices.map { $0 })
            case .allOf(let source):
                guard let index = scope.sources.firstIndex(where: { $0.alias == source.text }) else {
                    throw Diagnostic(
                        .unknownSource, "'\(source.text)' is not a valid stream/table name or alias.", category: .general,
                        at: source.span.range)
                }
                result += star(of: [index])
            case .changedStar(let star):
                throw Diagnostic(
                    .featureNotSupported, "stars with EXCLUDE, REPLACE or RENAME are for questions", hint: "Name the columns.", at: star.span.range)
            case .allFields(let base): result += try fields(of: base, &analyser)
            case .expression(let expression, let alias): result.append(try single(expression, alias))
            }
        }
        if isFull { ReadableNames.fill(&result, name: \.name, \.expression) }
        return result
    }

    private mutating func single(_ expression: Expression, _ alias: Name?) throws(Diagnostic) -> ExpandedItem {
        if let alias {
            if let pseudo = PseudoColumn(rawValue: alias.text) {
                if case .column(_, let name) = expression.node, name.text == alias.text { throw reserved(pseudo, expression) }
                throw Diagnostic(
                    .reservedName, "`\(alias.text)` is a reserved column name. You cannot use it as an alias for a column.",
                    at: alias.span.range)
            }
            return ExpandedItem(name: alias.text, expression: expression, isFromStar: false)
        }
        switch expression.node {
        case .column(let source, let name):
            let pseudo = PseudoColumn(rawValue: name.text)
            if !scope.isJoin {
                if let pseudo, purpose == .persistent { throw reserved(pseudo, expression) }
                return ExpandedItem(name: name.text, expression: expression, isFromStar: false)
            }
            let owners = scope.sources.filter { $0.columns.contains { $0.name == name.text } }.count
            if let source, owners > 1 || pseudo != nil {
                return ExpandedItem(name: source.text + "_" + name.text, expression: expression, isFromStar: false)
            }
            return ExpandedItem(name: name.text, expression: expression, isFromStar: false)
        case .field(_, let name): return ExpandedItem(name: fieldName(name.text), expression: expression, isFromStar: false)
        default: return ExpandedItem(name: isFull ? "" : generatedName(), expression: expression, isFromStar: false)
        }
    }

    private func reserved(_ pseudo: PseudoColumn, _ expression: Expression) -> Diagnostic {
        Diagnostic(
            .reservedName, "Reserved column name in select: `\(pseudo.rawValue)`. Please remove or alias the column.",
            at: expression.span.range)
    }

    /// The bare field name on first use, then `F_1`, `F_2`, … above the largest number taken.
    private mutating func fieldName(_ name: String) -> String {
        let used = taken.union(fieldNames)
        var largest: Int?
        if used.contains(name) { largest = 0 }
        for other in used where other.hasPrefix(name + "_") {
            if let number = Int(other.dropFirst(name.count + 1)) { largest = max(largest ?? 0, number) }
        }
        let result = largest.map { "\(name)_\($0 + 1)" } ?? name
        fieldNames.insert(result)
        return result
    }

    private mutating func fields(of base: Expression, _ analyser: inout ExpressionAnalyser) throws(Diagnostic) -> [ExpandedItem] {
        let value = try analyser.analyse(base)
        guard case .structure(let fields) = value.type else {
            throw Diagnostic(
                .typeMismatch, "Cannot expand ->*: \(canonicalText(of: base)) is of type \(value.type), not a STRUCT", at: base.span.range)
        }
        return fields.map { field in
            let name = Name(field.name, isQuoted: true, span: base.span)
            return ExpandedItem(name: fieldName(field.name), expression: Expression(.field(base, name), span: base.span), isFromStar: false)
        }
    }

    /// The key column that a join's result has of its own, which stars show first.
    private func syntheticKey() -> [ExpandedItem] {
        guard let key = scope.syntheticKey else { return [] }
        return [
            ExpandedItem(name: key.name, expression: Expression(.column(source: nil, Name(key.name, isQuoted: true))), isFromStar: true)
        ]
    }

    private mutating func star(of indices: [Int]) -> [ExpandedItem] {
        let isJoin = scope.isJoin
        var items: [ExpandedItem] = []
        for index in indices {
            let source = scope.sources[index]
            func item(_ name: String) -> ExpandedItem {
                ExpandedItem(
                    name: isJoin ? source.alias + "_" + name : name,
                    expression: Expression(.column(source: Name(source.alias, isQuoted: true), Name(name, isQuoted: true))),
                    isFromStar: true)
            }
            let hidesKey = purpose != .persistent && hidesKeys.indices.contains(index) && hidesKeys[index]
            let key = hidesKey ? [] : source.columns.prefix(keyCounts[index]).map(\.name)
            let values = source.columns.dropFirst(keyCounts[index]).map(\.name)
            var bounds: [String] = []
            if source.isWindowed && (isJoin || purpose != .persistent) { bounds = ["WINDOWSTART", "WINDOWEND"] }
            if partitionBy != nil && isJoin {
                // The joined row on its way to another key is all of it: values, pseudo columns, and what were keys.
                items += (values + source.pseudoColumns.map(\.rawValue) + key).map(item)
            } else if let partitionBy {
                items += partitioned(partitionBy, key: key, values: bounds + values, item)
            } else {
                items += (key + bounds + values).map(item)
            }
        }
        return items
    }

    /// With PARTITION BY: the new key first, then the values, then the old key columns as values.
    private mutating func partitioned(
        _ partitionBy: [Expression], key: [String], values: [String], _ item: (String) -> ExpandedItem
    ) -> [ExpandedItem] {
        var items: [ExpandedItem] = []
        var used: Set<String> = []
        for expression in partitionBy {
            if case .literal(.null) = expression.node { continue }
            if case .column(_, let name) = expression.node {
                items.append(item(name.text))
                used.insert(name.text)
            } else if case .field(_, let name) = expression.node {
                items.append(ExpandedItem(name: fieldName(name.text), expression: expression, isFromStar: true))
            } else {
                items.append(ExpandedItem(name: isFull ? "" : generatedName(), expression: expression, isFromStar: true))
            }
        }
        return items + (values + key).filter { !used.contains($0) }.map(item)
    }
}
