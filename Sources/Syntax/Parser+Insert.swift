// INSERT, with a query or with values.

import Diagnostics

extension Parser {
    /// insert = ( 'INSERT' [ 'OR' ( 'REPLACE' | 'IGNORE' ) ] | 'REPLACE' ) 'INTO' … [ 'ON' 'CONFLICT' [ names ] 'DO' ( 'NOTHING' | update ) ]
    ///          [ 'RETURNING' items ]
    mutating func insert() throws(ParseFailure) -> Statement {
        let first = current
        var conflict: [Name]?
        if options.isFull, at(.replace) {
            advance()
        } else {
            try expect(.insert)
            if try acceptReplacement() { conflict = [] }
        }
        var alias: Name?
        let statement = try insertInto(&alias)
        var update: RowChange.ConflictUpdate?
        if beginsConflict { (conflict, update) = try conflictClause() }
        guard conflict != nil || isWord(current, "RETURNING") else { return statement }
        var change = try once(statement, from: first)
        (change.conflict, change.conflictUpdate, change.alias) = (conflict, update, alias)
        return .changeRows(try returning(change))
    }

    private mutating func insertInto(_ alias: inout Name?) throws(ParseFailure) -> Statement {
        try expect(.into)
        let first = current
        let target = try sourceName()
        if options.isFull, at(.as), isName(peek()) {
            advance()
            alias = try sourceName()
        }
        if options.isFull, at(.table), isName(peek()) { return .changeRows(try insertedTable(into: target, from: first)) }
        if options.isFull, let change = try insertOnce(into: target, from: first) { return .changeRows(change) }
        if at(.select) || at(.with) && !peek().isSymbol(.leftParenthesis) { return try insertedQuery(into: target, from: first) }
        if accept(.with) {
            let properties = try properties()
            return .insertSelect(InsertSelect(target: target, properties: properties, query: try continuousQuery()))
        }
        let columns = at(.leftParenthesis) ? try nameList() : []
        if options.isFull, columns.isEmpty, isWord(current, "DEFAULT"), peek().isKeyword(.values) {
            advance()
            advance()
            var insert = InsertValues(target: target, columns: [], rows: [[]])
            insert.isOfDefaults = true
            return .insertValues(insert)
        }
        if options.isFull, !columns.isEmpty, at(.select) || at(.with) {
            return .changeRows(try insertedOnce(into: target, columns, else: nil, from: first))
        }
        try expect(.values)
        let rows = try list { (parser) throws(ParseFailure) in try parser.valueList() }
        if rows.contains(where: { $0.contains(where: \.asks) }) {
            let question = Question(body: try asked(rows, from: first), span: span(from: first))
            return .changeRows(RowChange(target: target, action: .insert(columns: columns, question), span: span(from: first)))
        }
        return .insertValues(InsertValues(target: target, columns: columns, rows: rows))
    }

    /// What follows INSERT INTO without brackets: a query that never ends, or a question, where no such query could be meant. Of two mistakes
    /// the one that comes later in the text is told.
    private mutating func insertedQuery(into target: Name, from first: Token) throws(ParseFailure) -> Statement {
        var classic = self
        let failure: ParseFailure
        do throws(ParseFailure) {
            let query = try classic.whole { (parser) throws(ParseFailure) in try parser.continuousQuery() }
            self = classic
            return .insertSelect(InsertSelect(target: target, query: query))
        } catch {
            guard options.isFull else { throw error }
            failure = error
        }
        var general = self
        do throws(ParseFailure) {
            let change = try general.insertedOnce(into: target, [], else: OriginalFailure(failure.diagnostic), from: first)
            self = general
            return .changeRows(change)
        } catch {
            throw classic.index >= general.index ? failure : error
        }
    }

    /// A question to the end of the statement, whose rows are written once.
    private mutating func insertedOnce(
        into target: Name, _ columns: [Name], else failure: OriginalFailure?, from first: Token
    ) throws(ParseFailure) -> RowChange {
        let before = allowsQuestions
        allowsQuestions = true
        let question = try question()
        allowsQuestions = before
        guard at(.semicolon) || current.kind == .end || beginsConflict || isWord(current, "RETURNING") else { throw unexpected() }
        var change = RowChange(target: target, action: .insert(columns: columns, question), span: span(from: first))
        change.asContinuous = failure
        return change
    }

    mutating func nameList() throws(ParseFailure) -> [Name] {
        try expect(.leftParenthesis)
        let names = try list { (parser) throws(ParseFailure) in try parser.name() }
        try expect(.rightParenthesis)
        return names
    }

    mutating func valueList() throws(ParseFailure) -> [Expression] {
        try expect(.leftParenthesis)
        if accept(.rightParenthesis) { return [] }
        let values = try list { (parser) throws(ParseFailure) in try parser.insertedValue() }
        try expect(.rightParenthesis)
        return values
    }

    /// Rows in which subqueries stand, as SELECTs one behind the other: VALUES has none.
    private func asked(_ rows: [[Expression]], from first: Token) throws(ParseFailure) -> QuestionBody {
        let blocks = rows.map { QuestionBody.select(SelectBlock(items: $0.map { .expression($0, alias: nil) }, span: span(from: first))) }
        guard let body = blocks.first else { throw unexpected() }
        guard blocks.count <= SyntaxLimits.maximumDepth else { throw tooDeep() }
        return blocks.dropFirst().reduce(body) { .combination(.union, isAll: true, $0, $1, span(from: first)) }
    }

    /// A value of VALUES; beyond ksqlDB also a condition, or what a subquery gives.
    private mutating func insertedValue() throws(ParseFailure) -> Expression {
        guard options.isFull else { return try value() }
        let before = (allowsQuestions, allowsRows)
        (allowsQuestions, allowsRows) = (true, false)
        let value = try expression()
        (allowsQuestions, allowsRows) = before
        return value
    }

    /// 'TABLE' name, which is SELECT * FROM it.
    private mutating func insertedTable(into target: Name, from first: Token) throws(ParseFailure) -> RowChange {
        let start = current
        advance()
        let block = SelectBlock(items: [.all(start.span)], from: .source(name: try sourceName(), alias: nil, reach: nil), span: span(from: start))
        let question = Question(body: .select(block), span: span(from: start))
        return RowChange(target: target, action: .insert(columns: [], question), span: span(from: first))
    }

    /// Whether ON CONFLICT stands here.
    private var beginsConflict: Bool { options.isFull && at(.on) && isWord(peek(), "CONFLICT") }
}

extension Expression {
    /// Whether a subquery stands in it.
    fileprivate var asks: Bool {
        switch node {
        case .subquery, .exists, .inSubquery: return true
        default:
            var found = false
            node.forEachChild { found = found || $0.asks }
            return found
        }
    }
}
