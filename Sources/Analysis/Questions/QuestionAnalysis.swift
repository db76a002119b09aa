// A question from text to plan: named questions, set operations, VALUES, ORDER BY over their results. One SELECT is the matter of
// `SelectAnalysis`.

package import Catalog
package import Diagnostics
package import Plans
package import Syntax
package import Values

/// What a question comes to: its plan, and the columns of its rows.
package struct ResolvedQuestion: Hashable, Sendable {
    package var step: RelationalStep
    /// Names and types of the result's columns.
    package var columns: [Values.ColumnDefinition]
    /// The sources that are read, in the order in which they are named.
    package var sources: [SourceDefinition]
    /// The LIMIT that was written; nil for none.
    package var limit: Int?
}

/// Analyses a question. Throws the first thing that is wrong with it.
package func analyse(_ question: Question, in context: AnalysisContext) throws(Diagnostic) -> ResolvedQuestion {
    let analysis = QuestionAnalysis(context)
    let relation = try analysis.relation(of: question)
    return ResolvedQuestion(
        step: relation.step.optimised, columns: relation.columns.map { Values.ColumnDefinition($0.name, $0.type) },
        sources: analysis.sources.list, limit: question.limit.map { Int(clamping: $0) })
}

/// A column of what a question gives.
struct QuestionColumn: Hashable {
    var name: String
    var type: SQLType
    /// A NULL literal, whose type is only a stand-in.
    var isNull = false
}

/// Rows with the names of their columns.
struct QuestionRelation {
    var step: RelationalStep
    var columns: [QuestionColumn]
    /// Steps below each other, about: everything that walks a plan recurses.
    var depth = 1

    /// Brings the columns to other types.
    mutating func coerce(to types: [SQLType]) {
        guard types != columns.map(\.type) else { return }
        step = .project(
            step, zip(columns, types).enumerated().map { index, pair in TypedExpression.column(index, pair.0.type).coerced(to: pair.1) })
        for index in columns.indices { (columns[index].type, columns[index].isNull) = (types[index], false) }
    }
}

/// The analysis of a question, or of one inside it.
final class QuestionAnalysis {
    /// The sources that were named.
    final class Sources {
        var list: [SourceDefinition] = []
        /// The views that were named, and those that they name.
        var views: [String] = []
        /// What they were made with, by name.
        var written: [String: CreateView] = [:]
        /// SELECTs and VALUES that the plan has, those of named questions once for each time that they are named.
        var blocks = 0
        /// Recursions so far.
        var recursions = 0
        /// Those that read their own rows.
        var ownReaders: Set<Int> = []
        /// More would take long to plan, and a plan that deep much stack: eleven questions that name the one before twice make as many.
        static let mostBlocks = 2048
    }

    let context: AnalysisContext
    let sources: Sources
    /// The query around, of a subquery in an expression.
    let outer: OuterScope?
    /// Whether the question stands inside another one.
    let isInner: Bool
    /// Views around the question.
    var views = 0
    /// The named questions that can be seen here.
    private(set) var tables: [String: QuestionRelation]
    /// What each of them adds to `Sources.blocks`.
    private var blocksOf: [String: Int] = [:]

    init(
        _ context: AnalysisContext, sources: Sources = Sources(), outer: OuterScope? = nil, tables: [String: QuestionRelation] = [:],
        isInner: Bool = false
    ) {
        self.isInner = isInner
        self.context = context
        self.sources = sources
        self.outer = outer
        self.tables = tables
    }

    /// The analysis of a subquery, which sees what this one sees and the row of the query around it.
    func inside(_ outer: OuterScope?) -> QuestionAnalysis {
        let analysis = QuestionAnalysis(context, sources: sources, outer: outer ?? self.outer, tables: tables, isInner: true)
        analysis.blocksOf = blocksOf
        analysis.views = views
        return analysis
    }

    /// The rows of a question. Named questions hold for it and for what is inside.
    func relation(of question: Question) throws(Diagnostic) -> QuestionRelation {
        if question.emit != nil { throw endlessness(question.emitSpan) }
        let before = (tables, blocksOf)
        defer { (tables, blocksOf) = before }
        for (index, table) in question.tables.enumerated() {
            if question.tables[..<index].contains(where: { $0.name.text == table.name.text }) {
                throw Diagnostic(.statementError, "WITH names two questions \(table.name.text)", at: table.name.span.range)
            }
            let blocks = sources.blocks
            let relation = try question.isRecursive ? recursion(table) : named(table)
            tables[table.name.text] = relation
            // Counted where it is named, not where it stands.
            blocksOf[table.name.text] = sources.blocks - blocks
            sources.blocks = blocks
        }
        let limit = try count(question.limit, "LIMIT", question)
        let offset = try count(question.offset, "OFFSET", question) ?? 0
        if case .select(let block) = question.body {
            let select = SelectAnalysis(block, self)
            let most = limit.map { $0.addingReportingOverflow(offset).overflow ? Int.max : $0 + offset }
            return limited(try select.relation(orderBy: question.orderBy, limit: most), offset, limit)
        }
        var relation = try self.relation(of: question.body)
        if !question.orderBy.isEmpty {
            let most = limit.map { $0.addingReportingOverflow(offset).overflow ? Int.max : $0 + offset }
            relation.step = .sort(relation.step, try sortKeys(question.orderBy, over: relation), limit: most)
        }
        return limited(relation, offset, limit)
    }

    /// The rows that WITH names.
    func named(_ table: CommonTable) throws(Diagnostic) -> QuestionRelation {
        var relation = try inside(nil).relation(of: table.question)
        try rename(&relation, to: table.columns, of: table.name)
        return relation
    }

    /// The analysis of the step of a recursion, which sees the rows of the round before under its own name.
    func inside(_ name: Name, seen relation: QuestionRelation) -> QuestionAnalysis {
        let analysis = inside(nil)
        analysis.tables[name.text] = relation
        analysis.blocksOf[name.text] = 1
        return analysis
    }

    /// Why a question has no EMIT.
    func endlessness(_ place: SourceSpan) -> Diagnostic {
        Diagnostic(
            .featureNotSupported,
            "EMIT is for queries that never end; ORDER BY, DISTINCT, OFFSET, set operations, subqueries, window functions and places in the log "
                + "(FROM … UNTIL) are for questions, which end",
            hint: "Without EMIT the same question is answered with what is there now.", at: place.range)
    }

    private func limited(_ relation: QuestionRelation, _ offset: Int, _ limit: Int?) -> QuestionRelation {
        if offset == 0, limit == nil { return relation }
        return QuestionRelation(
            step: .limit(relation.step, offset: offset, limit: limit), columns: relation.columns, depth: relation.depth)
    }

    private func count(_ number: Int64?, _ clause: String, _ question: Question) throws(Diagnostic) -> Int? {
        guard let number else { return nil }
        if number < 0 { throw Diagnostic(.statementError, "negative \(clause): \(number)", at: question.limitSpan.range) }
        return Int(number)
    }

    /// The rows of a named question; nil when there is none of that name. Errors: the plan gets too large.
    func table(named name: Name) throws(Diagnostic) -> QuestionRelation? {
        guard let relation = tables[name.text] else { return nil }
        if case .working(let number, _) = relation.step { sources.ownReaders.insert(number) }
        try addBlocks(blocksOf[name.text] ?? 1, name.span)
        return relation
    }

    /// Counts what the plan has. Errors: it gets too large.
    func addBlocks(_ count: Int, _ place: SourceSpan) throws(Diagnostic) {
        sources.blocks += count
        guard sources.blocks <= Sources.mostBlocks else {
            throw Diagnostic(
                .tooLarge, "the question has more than \(Sources.mostBlocks) SELECTs, those behind WITH counted each time that they are named",
                at: place.range)
        }
    }

    /// Errors: so many steps below each other are too many.
    func checkDepth(_ depth: Int, _ place: SourceSpan) throws(Diagnostic) {
        guard depth <= QuestionAnalysis.mostDepth else {
            throw Diagnostic(
                .tooDeep, "the question is nested too deeply, with what WITH names written out",
                hint: "CREATE STREAM … AS SELECT or CREATE TABLE … AS SELECT keeps what a part of it gives.", at: place.range)
        }
    }

    /// Steps below each other that fit the stack of a thread several times over, and how many of them one SELECT has at most, about.
    private static let mostDepth = 1024
    static let depthOfSelect = 8

    func rename(_ relation: inout QuestionRelation, to names: [Name], of table: Name) throws(Diagnostic) {
        guard names.count <= relation.columns.count else {
            throw Diagnostic(
                .statementError, "\(table.text) has \(relation.columns.count) columns, but \(names.count) names are given",
                at: names.first?.span.range)
        }
        for (index, name) in names.enumerated() { relation.columns[index].name = name.text }
    }

    // MARK: Bodies

    func relation(of body: QuestionBody) throws(Diagnostic) -> QuestionRelation {
        switch body {
        case .select(let block): return try SelectAnalysis(block, self).relation(orderBy: [], limit: nil)
        case .nested(let question): return try relation(of: question)
        case .values(let rows, let span):
            try addBlocks(1, span)
            return try values(rows, span)
        case .combination(let operation, let isAll, let left, let right, let span):
            return try combination(operation, isAll, left, right, span)
        }
    }

    private func values(_ rows: [[Expression]], _ span: SourceSpan) throws(Diagnostic) -> QuestionRelation {
        let width = rows.first?.count ?? 0
        var analyser = ExpressionAnalyser(context: context, scope: .empty)
        analyser.scope.outer = outer
        let parts = QuestionParts(self)
        parts.refusesSubqueries = "in VALUES"
        analyser.parts = parts
        analyser.place = "VALUES column"
        var analysed: [[Analysed]] = []
        for row in rows {
            guard row.count == width else {
                throw Diagnostic(
                    .statementError, "the rows of VALUES have \(width) and \(row.count) values", at: row.first?.span.range ?? span.range)
            }
            analysed.append(try row.map { value throws(Diagnostic) in try analyser.analyse(value) })
        }
        var columns: [QuestionColumn] = []
        for column in 0..<width {
            var result = QuestionColumn(name: "COLUMN\(column + 1)", type: .string, isNull: true)
            for row in analysed where !row[column].isNull {
                result.type = try common(result, row[column].type, "column \(column + 1) of VALUES", row[column].source.span)
                result.isNull = false
            }
            columns.append(result)
        }
        let typed = analysed.map { row in zip(row, columns).map { $0.expression.coerced(to: $1.type) } }
        return QuestionRelation(step: .rows(typed, types: columns.map(\.type)), columns: columns)
    }

    func common(_ column: QuestionColumn, _ type: SQLType, _ what: String, _ span: SourceSpan) throws(Diagnostic) -> SQLType {
        if column.isNull { return type }
        guard let both = SQLType.common(column.type, type, lax: false) else {
            throw Diagnostic(
                .typeMismatch, "\(what) is of type \(column.type) and of type \(type)", hint: "CAST one of them.", at: span.range)
        }
        return both
    }

    private func combination(
        _ operation: SetOperation, _ isAll: Bool, _ left: QuestionBody, _ right: QuestionBody, _ span: SourceSpan
    ) throws(Diagnostic) -> QuestionRelation {
        var first = try relation(of: left)
        var second = try relation(of: right)
        guard first.columns.count == second.columns.count else {
            throw Diagnostic(
                .statementError,
                "the sides of \(operation.rawValue) have \(first.columns.count) and \(second.columns.count) columns", at: span.range)
        }
        var types: [SQLType] = []
        for (index, (a, b)) in zip(first.columns, second.columns).enumerated() {
            types.append(
                b.isNull ? a.type : try common(a, b.type, "column \(index + 1) of \(operation.rawValue)", span))
        }
        let areNull = zip(first.columns, second.columns).map { $0.isNull && $1.isNull }
        first.coerce(to: types)
        second.coerce(to: types)
        let planned: RelationalCombination.Operation =
            switch operation {
            case .union: .union
            case .intersect: .intersect
            case .except: .except
            }
        first.step = .combine(RelationalCombination(operation: planned, isAll: isAll, left: first.step, right: second.step))
        for index in first.columns.indices { first.columns[index].isNull = areNull[index] }
        first.depth = max(first.depth, second.depth) + 1
        try checkDepth(first.depth, span)
        return first
    }

    // MARK: ORDER BY over results

    /// Sort keys that read the columns of a result.
    private func sortKeys(_ keys: [SortKey], over relation: QuestionRelation) throws(Diagnostic) -> [RelationalSortKey] {
        var scope = Scope(sources: [relation.source(alias: "", base: 0)])
        scope.outer = outer
        var analyser = ExpressionAnalyser(context: context, scope: scope)
        let parts = QuestionParts(self)
        parts.refusesSubqueries = "in the ORDER BY of a set operation"
        analyser.parts = parts
        analyser.place = "ORDER BY column"
        var result: [RelationalSortKey] = []
        for key in keys {
            if key.isAll {
                for (place, column) in relation.columns.enumerated() {
                    let value = Analysed(expression: .column(place, column.type), isNull: false, isLiteral: false, source: key.expression)
                    result.append(try analyser.sortKey(value, key))
                }
                continue
            }
            if let position = try position(key.expression, among: relation.columns.count, "ORDER BY") {
                let value = Analysed(
                    expression: .column(position, relation.columns[position].type), isNull: false, isLiteral: false, source: key.expression)
                result.append(try analyser.sortKey(value, key))
            } else {
                result.append(try analyser.sortKey(try analyser.analyse(key.expression), key))
            }
        }
        return result
    }

    /// The item that a bare number names; nil for every other expression. Errors: there is no such item.
    func position(_ expression: Expression, among count: Int, _ clause: String) throws(Diagnostic) -> Int? {
        guard case .literal(.integer(let number)) = expression.node else { return nil }
        guard number >= 1, number <= Int64(count) else {
            throw Diagnostic(
                .statementError, "\(clause) position \(number) is not in the SELECT list, which has \(count) item\(count == 1 ? "" : "s")", at: expression.span.range)
        }
        return Int(number) - 1
    }
}

extension QuestionRelation {
    /// The relation as expressions see it.
    func source(alias: String, base: Int) -> ScopeSource {
        var source = ScopeSource(
            alias: alias, columns: columns.map { Values.ColumnDefinition($0.name, $0.type) }, base: base, isWindowed: false)
        source.hasPseudoColumns = false
        return source
    }
}
