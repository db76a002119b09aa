// What follows FROM: the sources with their aliases, the wide row that they make together, and what expressions see of it.

import Catalog
import Diagnostics
import Formats
import Plans
import Syntax
import Values

/// One source of a query with what its expressions call it.
struct BoundSource {
    let definition: SourceDefinition
    let alias: String
    let name: Name
}

/// A join as written, between all sources before `rightIndex` and that one.
struct WrittenJoin {
    let join: Join
    let rightIndex: Int
}

/// The FROM clause after analysis.
struct FromAnalysis {
    let sources: [BoundSource]
    let joins: [WrittenJoin]
    var scope: Scope
    /// Where each source's columns start in the row that expressions read.
    let bases: [Int]
    /// Columns of that row.
    let rowWidth: Int
    /// The tree; set once the joins are analysed.
    var relation: ResolvedRelation
    /// The keys of the rows that are read: columns that together, or each on its own, always hold it.
    var rowKeys: [[TypedExpression]]
    /// What a join's result can have as key; empty for one source.
    var keyChoice: JoinKeyChoice?

    var isJoin: Bool { sources.count > 1 }
    var kind: Values.SourceKind { sources[0].definition.kind }
    /// The windows of the rows: those of the leftmost source.
    var window: KeyWindow? { sources[0].definition.window }

    /// `sumsWindows`: the query adds up the windows of a table.
    init(_ relation: Relation, _ purpose: QueryPurpose, sumsWindows: Bool, _ context: AnalysisContext) throws(Diagnostic) {
        var sources: [BoundSource] = []
        var joins: [WrittenJoin] = []
        try Self.bind(relation, &sources, &joins, context)
        self.sources = sources
        self.joins = joins
        let isAllowed = sumsWindows && sources.count == 1
        for source in sources
        where source.definition.kind == .table && source.definition.window != nil && purpose == .persistent && !isAllowed {
            throw Diagnostic(
                .windowError, "KSQL does not support persistent queries on windowed tables.",
                hint: context.isFull
                    ? "GROUP BY adds up its windows; or declare a stream over its topic with the same WINDOW_TYPE, and query that."
                    : "Declare a stream over the table's topic with the same WINDOW_TYPE and query that.",
                at: source.name.span.range)
        }
        let first = sources[0].definition
        self.relation = .source(first, alias: sources[0].alias)
        rowKeys = [first.schema.key.indices.map { .column($0, first.schema.key[$0].type) }]
        guard sources.count > 1 else {
            bases = [0]
            rowWidth = first.schema.columns.count
            var only = ScopeSource(alias: sources[0].alias, columns: first.schema.columns, base: 0, isWindowed: first.window != nil)
            only.generatedNames = context.generatedNames(of: first)
            scope = Scope(sources: [only])
            return
        }
        // The result's key columns come first: one of the compared columns, or all of the left table's for a foreign key.
        var next = max(1, first.schema.key.count)
        var seen: [ScopeSource] = []
        for source in sources {
            let columns = source.definition.schema.columns
            var entry = ScopeSource(
                alias: source.alias, columns: columns, base: next, isWindowed: source.definition.window != nil,
                pseudoBase: next + columns.count)
            entry.generatedNames = context.generatedNames(of: source.definition)
            next += columns.count + entry.pseudoColumns.count
            seen.append(entry)
        }
        bases = seen.map(\.base)
        rowWidth = next
        scope = Scope(sources: seen)
        try checkSources(context)
        var analysis = JoinAnalysis(from: self, context: context)
        let root = try analysis.run()
        self.relation = root.relation
        rowKeys = root.keys.map { [$0] }
        let choice = JoinKeyChoice(root, from: self)
        keyChoice = choice
        if case .synthetic(let column) = choice { scope.syntheticKey = column }
    }

    private static func bind(
        _ relation: Relation, _ sources: inout [BoundSource], _ joins: inout [WrittenJoin], _ context: AnalysisContext
    ) throws(Diagnostic) {
        switch relation {
        case .source(let name, let alias):
            sources.append(BoundSource(definition: try context.source(named: name), alias: alias?.text ?? name.text, name: name))
        case .subquery(let query, _):
            throw Diagnostic(.featureNotSupported, "subqueries are not supported yet", at: query.span.range)
        case .join(let join):
            try bind(join.left, &sources, &joins, context)
            guard case .source = join.right else {
                throw Diagnostic(.featureNotSupported, "the right side of a join must be a stream or a table", at: join.span.range)
            }
            try bind(join.right, &sources, &joins, context)
            joins.append(WrittenJoin(join: join, rightIndex: sources.count - 1))
        }
    }

    /// No source twice, no alias twice, no value format that cannot be joined.
    private func checkSources(_ context: AnalysisContext) throws(Diagnostic) {
        for (index, source) in sources.enumerated() {
            let name = source.definition.name
            if !context.isFull, sources[..<index].contains(where: { $0.definition.name == name }) {
                let message =
                    sources.count == 2
                    ? "Can not join '\(name)' to '\(name)': self joins are not yet supported."
                    : "N-way joins do not support multiple occurrences of the same source. Source: '\(name)'."
                throw Diagnostic(
                    .featureNotSupported, message, hint: "CREATE STREAM … AS SELECT * FROM \(name) makes a copy to join with.",
                    at: source.name.span.range)
            }
            if sources[..<index].contains(where: { $0.alias == source.alias }) {
                throw Diagnostic(
                    .statementError, "two sources are called \(source.alias)", hint: "Give one of them another name with AS.",
                    at: source.name.span.range)
            }
        }
        let unreadable = sources.filter { $0.definition.valueFormat.name == .kafka }
        if let first = unreadable.first {
            throw Diagnostic(
                .serialisationMismatch,
                "Source(s) \(unreadable.map(\.definition.name).joined(separator: ", ")) are using the 'KAFKA' value format. "
                    + "This format does not yet support JOIN.", at: first.name.span.range)
        }
    }

    /// Which source a column of the row belongs to.
    func source(ofColumn index: Int) -> Int? { bases.lastIndex { $0 <= index } }

    /// An expression with every column qualified by the alias of its source.
    func qualified(_ expression: Expression) -> Expression {
        expression.mappingColumns { source, name in
            (source ?? scope.owner(of: name.text).map { Name($0, isQuoted: true) }, name)
        }
    }

    /// The clause with names in full, as statements are printed.
    func normalised(_ relation: Relation) -> Relation {
        switch relation {
        case .source(let name, let alias):
            return .source(name: Name(name.text, isQuoted: true), alias: Name(alias?.text ?? name.text, isQuoted: true))
        case .subquery: return relation
        case .join(var join):
            join.left = normalised(join.left)
            join.right = normalised(join.right)
            join.condition = qualified(join.condition)
            return .join(join)
        }
    }
}

/// Where the key of a join's result comes from.
enum JoinKeyChoice {
    /// The first of these columns that the projection has.
    case columns([TypedExpression])
    /// All primary key columns of the left table.
    case leftTable([TypedExpression], name: String)
    /// A column of its own.
    case synthetic(Values.ColumnDefinition)

    init(_ root: JoinNode, from: FromAnalysis) {
        if case .join(let join) = root.relation, case .foreignKey = join.kind {
            let table = from.sources[0].definition
            self = .leftTable(table.schema.key.indices.map { .column(from.bases[0] + $0, table.schema.key[$0].type) }, name: table.name)
        } else if root.candidates.isEmpty, case .join(let join) = root.relation {
            self = .synthetic(ColumnDefinition(Self.freeName(from.scope.columnNames), join.leftKey.type))
        } else {
            self = .columns(root.candidates)
        }
    }

    /// `ROWKEY`, or the first `ROWKEY_n` above those that are taken.
    private static func freeName(_ taken: [String]) -> String {
        let numbers = taken.compactMap { name -> Int? in
            if name == "ROWKEY" { return 0 }
            return name.hasPrefix("ROWKEY_") ? Int(name.dropFirst(7)) : nil
        }
        return numbers.max().map { "ROWKEY_\($0 + 1)" } ?? "ROWKEY"
    }
}
