// Subqueries of queries that never end. There are no such at run time: what a simple one computes is written into the query around it, so
// that `SELECT x FROM (SELECT a + 1 AS x FROM s WHERE b) AS q WHERE x > 5` is `SELECT a + 1 AS x FROM s AS q WHERE b AND a + 1 > 5`.

import Diagnostics

/// `SELECT items FROM source WHERE filter`, whose columns stand without a source in front, or the same FROM a join, whose columns stand as they
/// are written.
struct InlinedTable {
    /// What it reads.
    let relation: Relation
    /// Names and expressions of its columns, without those of a star.
    private(set) var items: [(name: String, expression: Expression)] = []
    /// Whether all columns of the source are among its own.
    private(set) var hasStar = false
    private(set) var filter: Expression?

    /// A named question or a subquery. Errors: it is more than can be inlined.
    init(_ question: Question, columns: [Name], among tables: [String: InlinedTable]) throws(ParseFailure) {
        guard case .select(let block) = question.body, let from = block.from else {
            throw Self.refusal("more than one SELECT, or one without FROM", question.span)
        }
        let extras: [(Bool, String)] = [
            (!question.tables.isEmpty, "WITH"), (!question.orderBy.isEmpty, "ORDER BY"), (question.limit != nil, "LIMIT"),
            (question.offset != nil, "OFFSET"), (question.emit != nil || block.emit != nil, "EMIT"),
            (block.isDistinct || !block.distinctOn.isEmpty, "DISTINCT"), (from.hasReach, "FROM … UNTIL"), (block.window != nil, "WINDOW"),
            (block.groupBy != nil, "GROUP BY"), (block.partitionBy != nil, "PARTITION BY"), (block.having != nil, "HAVING"),
            (block.qualify != nil, "QUALIFY"), (!block.windows.isEmpty, "WINDOW"), (block.items.contains(where: \.hasOver), "OVER"),
        ]
        if let extra = extras.first(where: \.0) { throw Self.refusal(extra.1, block.span) }
        guard case .source(let name, let alias, _) = from else {
            (relation, items, filter) = try Self.joining(from, block, among: tables)
            try rename(columns, question.span)
            return
        }
        if let alias, !alias.columns.isEmpty { throw Self.refusal("names of columns", block.span) }
        let below = tables[name.text]
        relation = below?.relation ?? .source(name: name, alias: nil)
        let own = alias?.name.text ?? name.text
        var failure: ParseFailure?
        func over(_ expression: Expression) -> Expression {
            expression.replacingColumns { qualifier, column in
                if let qualifier, qualifier.text != own { return Expression(.column(source: qualifier, column), span: column.span) }
                let plain = Expression(.column(source: nil, column), span: column.span)
                guard let below else { return plain }
                guard let found = below.column(column) else {
                    failure = failure ?? Self.unknown(column)
                    return plain
                }
                return found
            }
        }
        for (index, item) in block.items.enumerated() {
            switch item {
            case .all, .allOf:
                hasStar = hasStar || below == nil || below?.hasStar ?? false
                items += below?.items ?? []
            case .expression(let expression, let alias):
                items.append((alias?.text ?? expression.ownName ?? "KSQL_COL_\(index)", over(expression)))
            case .allFields: throw Self.refusal("->*", block.span)
            case .changedStar(let star): throw Self.refusal("a star with changes", star.span)
            }
        }
        filter = Expression.conjunction(below?.filter, block.filter.map(over))
        if let failure { throw failure }
        try rename(columns, question.span)
    }

    /// What a SELECT FROM a join reads, its items and its condition.
    private static func joining(
        _ from: TableExpression, _ block: SelectBlock, among tables: [String: InlinedTable]
    ) throws(ParseFailure) -> (Relation, [(name: String, expression: Expression)], Expression?) {
        guard let joined = Relation(from) else {
            throw Self.refusal("a FROM that is not streams and tables joined ON a condition", block.span)
        }
        var query = Query(items: block.items, from: joined, filter: block.filter)
        try query.inline(tables)
        var items: [(name: String, expression: Expression)] = []
        for (index, item) in query.items.enumerated() {
            guard case .expression(let expression, let alias) = item else { throw Self.refusal("the * of a join", block.span) }
            items.append((alias?.text ?? expression.ownName ?? "KSQL_COL_\(index)", expression))
        }
        return (query.from, items, query.filter)
    }

    /// Gives its columns other names.
    private mutating func rename(_ columns: [Name], _ place: SourceSpan) throws(ParseFailure) {
        guard columns.isEmpty || !hasStar && columns.count <= items.count else { throw Self.refusal("names of columns and *", place) }
        for (index, column) in columns.enumerated() { items[index].name = column.text }
    }

    /// Whether it reads more than one stream or table.
    var isJoin: Bool { if case .join = relation { true } else { false } }

    /// The one stream or table that it reads.
    fileprivate var source: Name? { if case .source(let name, _) = relation { name } else { nil } }

    /// What a column of it is, over the source; nil when there is none of that name. Those that every row has are there as well.
    func column(_ name: Name) -> Expression? {
        if let item = items.first(where: { $0.name == name.text }) { return item.expression }
        let isOfEveryRow = ["ROWTIME", "ROWPARTITION", "ROWOFFSET", "WINDOWSTART", "WINDOWEND"].contains(name.text)
        return hasStar || isOfEveryRow ? Expression(.column(source: nil, name), span: name.span) : nil
    }

    static func refusal(_ what: String, _ place: SourceSpan) -> ParseFailure {
        ParseFailure(
            .featureNotSupported, "in a query that never ends, WITH and subqueries are SELECT … FROM a stream, a table or a join WHERE …; this one has \(what)",
            hint: "CREATE STREAM … AS SELECT … or CREATE TABLE … AS SELECT … keeps what it gives and can be read; a SELECT without EMIT takes it as "
                + "it is, and ends.", at: place.range)
    }

    static func unknown(_ column: Name) -> ParseFailure {
        ParseFailure(.unknownColumn, "the subquery has no column \(column.text)", at: column.span.range)
    }
}

extension Expression {
    /// The name that an item without alias has: that of its column or field.
    fileprivate var ownName: String? {
        switch node {
        case .column(_, let name), .field(_, let name): name.text
        default: nil
        }
    }

    /// Both conditions; nil for none.
    static func conjunction(_ a: Expression?, _ b: Expression?) -> Expression? {
        guard let a, let b else { return a ?? b }
        return Expression(.logical(.and, a, b), span: b.span)
    }
}

// MARK: Queries

extension Query {
    /// The query with the tables that stand for subqueries written out. Errors: a condition of one would be tested too late, or a name of it
    /// is not known.
    mutating func inline(_ tables: [String: InlinedTable]) throws(ParseFailure) {
        var found: [String: InlinedTable] = [:]
        var count = 0
        try from.inline(tables, isPreserved: true, isFirst: true, &found, &count)
        if found.isEmpty { return }
        let inlining = Inlining(tables: found, isJoin: count > 1)
        var failure: ParseFailure?
        func written(_ expression: Expression) -> Expression { inlining.written(expression, &failure) }
        from = from.mappingConditions(written)
        var writtenItems: [SelectItem] = []
        for item in items { writtenItems += try inlining.items(item, written) }
        items = writtenItems
        groupBy = groupBy?.map(written)
        partitionBy = partitionBy?.map(written)
        having = having.map(written)
        filter = filter.map(written)
        for alias in found.keys.sorted() {
            guard let table = found[alias], let condition = table.filter else { continue }
            filter = Expression.conjunction(inlining.qualified(condition, alias), filter)
        }
        if let failure { throw failure }
    }
}

/// Subqueries that are written into the query around them, by their alias.
private struct Inlining {
    let tables: [String: InlinedTable]
    let isJoin: Bool

    /// An expression over the source, in the query around.
    func qualified(_ expression: Expression, _ alias: String) -> Expression {
        // What a join inside reads goes by the names that it has there.
        guard isJoin, tables[alias]?.isJoin == false else { return expression }
        return expression.replacingColumns { source, name in
            Expression(.column(source: source ?? Name(alias, isQuoted: true, span: name.span), name), span: name.span)
        }
    }

    func written(_ expression: Expression, _ failure: inout ParseFailure?) -> Expression {
        var problem: ParseFailure?
        let result = expression.replacingColumns { source, name in
            let plain = Expression(.column(source: source, name), span: name.span)
            let owners = tables.filter { alias, table in
                if let source { return source.text == alias }
                return !isJoin || table.items.contains { $0.name == name.text }
            }
            guard let owner = owners.first else { return plain }
            if owners.count > 1 {
                problem = problem ?? ParseFailure(.ambiguousColumn, "Column '\(name.text)' is ambiguous.", at: name.span.range)
            }
            guard let found = owner.value.column(name) else {
                problem = problem ?? InlinedTable.unknown(name)
                return plain
            }
            return qualified(found, owner.key)
        }
        failure = failure ?? problem
        return result
    }

    /// An item with its stars written out.
    func items(_ item: SelectItem, _ written: (Expression) -> Expression) throws(ParseFailure) -> [SelectItem] {
        switch item {
        case .expression(let expression, let alias):
            let result = written(expression)
            if alias == nil, result != expression, case .column(_, let name) = expression.node {
                return [.expression(result, alias: Name(name.text, isQuoted: true, span: name.span))]
            }
            return [.expression(result, alias: alias)]
        case .allFields(let base): return [.allFields(of: written(base))]
        case .changedStar(let star): throw InlinedTable.refusal("a star with changes", star.span)
        case .all(let span):
            guard let table = tables.values.first(where: { !$0.items.isEmpty }) else { return [item] }
            guard !isJoin, let alias = tables.keys.first else { throw InlinedTable.refusal("columns of its own, so that * of a join cannot name them", span) }
            return (table.hasStar ? [item] : []) + listed(table, alias)
        case .allOf(let source):
            guard let table = tables[source.text] else { return [item] }
            return (table.hasStar ? [item] : []) + listed(table, source.text)
        }
    }

    private func listed(_ table: InlinedTable, _ alias: String) -> [SelectItem] {
        table.items.map { .expression(qualified($0.expression, alias), alias: Name($0.name, isQuoted: true)) }
    }
}

extension Relation {
    /// Puts the sources of inlined tables in the place of their names, which become aliases. `isPreserved` is whether every row of the relation
    /// is one of the result's, so that a condition on it may be tested behind the joins; `isFirst` whether nothing stands before it.
    fileprivate mutating func inline(
        _ tables: [String: InlinedTable], isPreserved: Bool, isFirst: Bool, _ found: inout [String: InlinedTable], _ count: inout Int
    ) throws(ParseFailure) {
        switch self {
        case .source(let name, let alias):
            count += 1
            guard let table = tables[name.text] else { return }
            if table.filter != nil, !isPreserved {
                throw InlinedTable.refusal("a WHERE that would have to be tested before an outer join", name.span)
            }
            guard let source = table.source else {
                guard isFirst else { throw InlinedTable.refusal("a JOIN, and is itself on the right side of one", name.span) }
                found[alias?.text ?? name.text] = table
                self = table.relation
                return
            }
            let own = alias?.text ?? (name.text.hasPrefix("(") ? source.text : name.text)
            found[own] = table
            self = .source(name: source, alias: own == source.text ? nil : Name(own, isQuoted: alias?.isQuoted ?? name.isQuoted, span: name.span))
        case .join(var join):
            let (left, right) = (join.kind == .inner || join.kind == .left, join.kind == .inner || join.kind == .right)
            try join.left.inline(tables, isPreserved: isPreserved && left, isFirst: isFirst, &found, &count)
            try join.right.inline(tables, isPreserved: isPreserved && right, isFirst: false, &found, &count)
            self = .join(join)
        case .subquery: return
        }
    }

    fileprivate func mappingConditions(_ change: (Expression) -> Expression) -> Relation {
        guard case .join(var join) = self else { return self }
        join.left = join.left.mappingConditions(change)
        join.right = join.right.mappingConditions(change)
        join.condition = change(join.condition)
        return .join(join)
    }
}

extension Relation {
    /// What a question reads, where a query that never ends can read it: streams and tables, joined ON conditions.
    fileprivate init?(_ table: TableExpression) {
        switch table {
        case .source(let name, let alias, reach: nil):
            guard alias?.columns.isEmpty ?? true else { return nil }
            self = .source(name: name, alias: alias?.name)
        case .join(let written):
            guard let kind = written.kind, case .on(let condition) = written.condition, let left = Relation(written.left),
                let right = Relation(written.right), case .source = right
            else { return nil }
            var join = Join(kind: kind, left: left, right: right, within: written.within, condition: condition, span: written.span)
            join.isAsof = written.isAsof
            self = .join(join)
        case .source, .question, .function: return nil
        }
    }
}

extension TableExpression {
    /// Whether it says how far a source is read.
    fileprivate var hasReach: Bool {
        switch self {
        case .source(_, _, let reach): reach != nil
        case .join(let join): join.left.hasReach || join.right.hasReach
        case .question, .function: false
        }
    }
}

// MARK: Parsing

extension Parser {
    /// [ 'WITH' table { ',' table } ] query, whose subqueries are written out
    mutating func inlinedQuery() throws(ParseFailure) -> Query {
        let before = (inlined, inlinesSubqueries)
        inlinesSubqueries = true
        if at(.with) { try inlinedTables() }
        var query = try query()
        try query.inline(inlined)
        (inlined, inlinesSubqueries) = before
        return query
    }

    /// The named questions in front of a query that never ends, or of the statement that makes one.
    mutating func inlinedTables() throws(ParseFailure) {
        try expect(.with)
        if isWord(current, "RECURSIVE"), isName(peek()) { throw InlinedTable.refusal("RECURSIVE", current.span) }
        let before = allowsQuestions
        allowsQuestions = true
        let tables = try list { (parser) throws(ParseFailure) in try parser.commonTable() }
        allowsQuestions = before
        for table in tables {
            inlined[table.name.text] = try InlinedTable(table.question, columns: table.columns, among: inlined)
        }
    }

    /// A subquery behind FROM, as the source that it reads under a name that no source has.
    mutating func inlinedSubquery() throws(ParseFailure) -> Name {
        let first = current
        try expect(.leftParenthesis)
        let before = allowsQuestions
        allowsQuestions = true
        let question = try question()
        allowsQuestions = before
        try expect(.rightParenthesis)
        let name = Name("(\(inlined.count))", isQuoted: true, span: span(from: first))
        inlined[name.text] = try InlinedTable(question, columns: [], among: inlined)
        return name
    }

    /// Whether WITH stands in front of CREATE … AS or INSERT.
    var beginsInlinedStatement: Bool {
        guard at(.with), let word = wordBehindTables else { return false }
        return word.isKeyword(.insert) || word.isKeyword(.create)
    }

    /// The word behind what WITH names, with which a statement begins; nil where none is known.
    var wordBehindTables: Token? {
        var depth = 0
        for token in tokens[index...] {
            if token.isSymbol(.leftParenthesis) { depth += 1 }
            if token.isSymbol(.rightParenthesis) { depth -= 1 }
            guard depth == 0 else { continue }
            let begins: [Keyword] = [.select, .values, .insert, .create, .delete]
            if begins.contains(where: { token.isKeyword($0) }) || isWord(token, "UPDATE") { return token }
        }
        return nil
    }
}
