// The columns that an expression may name: those of the query's sources, and the parameters of the lambdas around it.

import Catalog
package import Diagnostics
package import Plans
package import Syntax
package import Values

/// One source of a query as its expressions see it.
package struct ScopeSource: Hashable, Sendable {
    /// The name by which columns are qualified.
    package var alias: String
    /// Columns in row order.
    package var columns: [Values.ColumnDefinition]
    /// Index of the first column in the row that the query's expressions read.
    package var base: Int
    package var isWindowed: Bool
    /// Where the source's pseudo columns lie in the row; nil when they are those of the row itself (a query over one source).
    package var pseudoBase: Int?
    /// Whether rows of the source have pseudo columns; those of a subquery have none.
    var hasPseudoColumns = true
    /// Tells the columns without an alias by the number that ksqlDB gives them; nil where they have ksqlDB's names anyway.
    var generatedNames: GeneratedNames?

    package init(alias: String, columns: [Values.ColumnDefinition], base: Int, isWindowed: Bool, pseudoBase: Int? = nil) {
        self.alias = alias
        self.columns = columns
        self.base = base
        self.isWindowed = isWindowed
        self.pseudoBase = pseudoBase
    }

    /// The end of what the row holds of the source.
    package var end: Int { pseudoBase.map { $0 + pseudoColumns.count } ?? base + columns.count }

    /// The pseudo columns that rows of the source have, in the order in which a join lays them out.
    package var pseudoColumns: [PseudoColumn] {
        isWindowed ? PseudoColumn.allCases : [.rowtime, .rowpartition, .rowoffset]
    }
}

/// All that is visible to an expression.
package struct Scope: Hashable, Sendable {
    package var sources: [ScopeSource]
    /// Lambda parameters, innermost last.
    var parameters: [LambdaParameter] = []
    /// A WINDOW clause is in force, so that WINDOWSTART and WINDOWEND exist in the SELECT list.
    package var hasWindowClause = false
    /// ROWTIME is that of the row as a whole: what COUNT(*) counts.
    var countsRows = false
    /// In a question: columns that joins with USING have made one of two, by name.
    var merged: [String: TypedExpression] = [:]
    /// In a subquery: the query around it.
    var outer: OuterScope?
    /// The key of a join that has none among its sources' columns: the first column of the row.
    package var syntheticKey: Values.ColumnDefinition?

    package init(sources: [ScopeSource]) { self.sources = sources }

    /// Whether columns of more than one source are visible.
    var isJoin: Bool { sources.count > 1 }

    /// No columns at all: INSERT VALUES.
    package static let empty = Scope(sources: [])

    /// All column names, for advice.
    var columnNames: [String] { sources.flatMap { $0.columns.map(\.name) } }

    /// The alias of the only source that has a column of that name.
    func owner(of name: String) -> String? {
        let owners = sources.filter { column(name, in: $0) != nil }
        return owners.count == 1 ? owners[0].alias : nil
    }

    /// How a column of the row is called in messages: by its bare name, in a join with its source's alias before it.
    func columnName(at index: Int) -> String? {
        if let syntheticKey, index == 0 { return syntheticKey.name }
        for source in sources {
            let prefix = isJoin ? source.alias + "_" : ""
            let offset = index - source.base
            if source.columns.indices.contains(offset) { return prefix + source.columns[offset].name }
            if let base = source.pseudoBase, source.pseudoColumns.indices.contains(index - base) {
                return prefix + source.pseudoColumns[index - base].rawValue
            }
        }
        return nil
    }

    /// What a name means. `place` is how messages call the clause (`SELECT column`, `JOIN ON column`, …).
    package func resolve(source: Name?, _ name: Name, place: String) throws(Diagnostic) -> TypedExpression {
        if source == nil, let parameter = parameters.last(where: { $0.name == name.text }) {
            return TypedExpression(.lambdaParameter(parameter.slot), parameter.type)
        }
        if let resolved = resolveOwn(source: source, name) { return resolved }
        if source == nil, let both = merged[name.text] { return both }
        var candidates = sources
        if let source {
            candidates = sources.filter { $0.alias == source.text }
            if candidates.isEmpty { return try taken(source: source, name, place: place) }
        }
        if let twice = candidates.first(where: { source in source.columns.count { $0.name == name.text } > 1 }) {
            throw Diagnostic(
                .ambiguousColumn, "\(location(name.span.range))Column '\(name.text)' is ambiguous: \(twice.alias) has two of that name.",
                hint: "Give one of them another name with AS.", at: name.span.range)
        }
        let found = candidates.compactMap { found -> (ScopeSource, TypedExpression)? in
            column(name.text, in: found).map { (found, $0) }
        }
        if found.count > 1 {
            let choices = found.map { "\($0.0.alias).\(name.text)" }
            throw Diagnostic(
                .ambiguousColumn,
                "\(location(name.span.range))Column '\(name.text)' is ambiguous. Could be \(choices.joined(separator: " or ")).",
                hint: "Write the one that is meant.", at: name.span.range)
        }
        guard let match = found.first else { return try taken(source: source, name, place: place) }
        return match.1
    }

    /// What the query around has under a name that is unknown here. Errors: there is none around, or it does not know the name either.
    private func taken(source: Name?, _ name: Name, place: String) throws(Diagnostic) -> TypedExpression {
        guard let outer, let found = try? outer.take(source: source, name, place: place) else {
            throw unresolved(source: source, name, place: place)
        }
        return found
    }

    /// The columns of a join's result that belong to none of its sources.
    private func resolveOwn(source: Name?, _ name: Name) -> TypedExpression? {
        guard isJoin, source == nil else { return nil }
        if let syntheticKey, syntheticKey.name == name.text { return .column(0, syntheticKey.type) }
        if countsRows, name.text == PseudoColumn.rowtime.rawValue { return TypedExpression(.pseudo(.rowtime), PseudoColumn.rowtime.type) }
        if hasWindowClause, name.text == "WINDOWSTART" || name.text == "WINDOWEND", let bound = PseudoColumn(rawValue: name.text) {
            return TypedExpression(.pseudo(bound), bound.type)
        }
        return nil
    }

    private func column(_ name: String, in source: ScopeSource) -> TypedExpression? {
        if let index = source.columns.firstIndex(where: { $0.name == name }) {
            return .column(source.base + index, source.columns[index].type)
        }
        if let generated = GeneratedNames.number(in: name).flatMap({ source.generatedNames?.columns[$0] }), generated != name {
            return column(generated, in: source)
        }
        guard source.hasPseudoColumns, let pseudo = PseudoColumn(rawValue: name) else { return nil }
        let isWindowBound = pseudo == .windowstart || pseudo == .windowend
        if isWindowBound && !source.isWindowed && !(hasWindowClause && !isJoin) { return nil }
        guard let base = source.pseudoBase else { return TypedExpression(.pseudo(pseudo), pseudo.type) }
        guard let offset = source.pseudoColumns.firstIndex(of: pseudo) else { return nil }
        return .column(base + offset, pseudo.type)
    }

    private func unresolved(source: Name?, _ name: Name, place: String) -> Diagnostic {
        if let source, sources.isEmpty {
            return Diagnostic(
                .unknownSource, "Failed to prepare statement: '\(source.text)' is not a valid stream/table name or alias.",
                at: source.span.range)
        }
        let text = source.map { "\($0.text).\(name.text)" } ?? name.text
        let range = source?.span.range ?? name.span.range
        return Diagnostic(
            .unknownColumn, "\(location(range))\(place) '\(text)' cannot be resolved.",
            hint: name.text == "ROWKEY"
                ? "Name the key column itself, which DESCRIBE shows: since ksqlDB 0.10 only a column that was declared so is called ROWKEY."
                : source.flatMap { fieldHint($0, name) } ?? nameSuggestion(for: name.text, among: columnNames),
            at: range)
    }

    /// What somebody means who writes the field of a STRUCT as a column of a source.
    private func fieldHint(_ column: Name, _ field: Name) -> String? {
        for source in sources {
            guard case .structure(let fields)? = source.columns.first(where: { $0.name == column.text })?.type else { continue }
            let near = fields.contains { $0.name == field.text } ? field.text : closestMatch(to: field.text, among: fields.map(\.name))
            return near.map { "\(CanonicalText.identifier(column.text))->\(CanonicalText.identifier($0)) is the field of the STRUCT." }
        }
        return nil
    }
}

/// `Line: 3, Col: 38: ` for a place in the text, nothing for no place.
func location(_ range: SourceRange?) -> String {
    range.map { "Line: \($0.line), Col: \($0.column): " } ?? ""
}

/// An expression as messages show it.
func canonicalText(of expression: Expression) -> String { CanonicalText.expression(expression) }
