// Questions: WITH, set operations, SELECT of the general form, ORDER BY, LIMIT and OFFSET. Their words are no keywords: they stay free as
// names, and mean something only where nothing else can stand.

import Diagnostics

extension Query {
    /// Whether what looks like a call is ROLLUP (…) or CUBE (…).
    fileprivate var groupsBySets: Bool {
        (groupBy ?? []).contains { key in
            if case .call(let name, _) = key.node { ["ROLLUP", "CUBE"].contains(name.text) && !name.isQuoted } else { false }
        }
    }
}

extension Parser {
    /// statement = query | question. What ksqlDB's grammar takes is a query; what it does not take is tried as a question. Of two mistakes
    /// the one that comes later in the text is told.
    mutating func queryOrQuestion() throws(ParseFailure) -> Statement {
        var classic = self
        let failure: ParseFailure
        do throws(ParseFailure) {
            let query = at(.select) ? try classic.query() : nil
            if let query, !query.groupsBySets, classic.at(.semicolon) || classic.current.kind == .end {
                self = classic
                return .query(query)
            }
            failure = classic.unexpected()
        } catch {
            failure = error
        }
        var general = self
        general.allowsQuestions = true
        do throws(ParseFailure) {
            let question = try general.whole { (parser) throws(ParseFailure) in try parser.question() }
            general.allowsQuestions = false
            if question.hasEmit, let query = try endless() { return .query(query) }
            self = general
            return .question(question, OriginalFailure(failure.diagnostic))
        } catch {
            guard at(.select), classic.index >= general.index, error.diagnostic.code != .tooDeep else { throw error }
            throw failure
        }
    }

    /// What `read` reads. Errors: the statement does not end behind it.
    mutating func whole<Result>(_ read: (inout Parser) throws(ParseFailure) -> Result) throws(ParseFailure) -> Result {
        let result = try read(&self)
        guard at(.semicolon) || current.kind == .end else { throw unexpected() }
        return result
    }

    /// The query that a question with EMIT is when what it names and its subqueries are written out; nil when it is none. Errors: they cannot be.
    private mutating func endless() throws(ParseFailure) -> Query? {
        var parser = self
        do throws(ParseFailure) {
            let query = try parser.whole { (parser) throws(ParseFailure) in try parser.continuousQuery() }
            self = parser
            return query
        } catch {
            if [.featureNotSupported, .unknownColumn, .ambiguousColumn].contains(error.diagnostic.code) { throw error }
            return nil
        }
    }

    /// question = [ 'WITH' [ 'RECURSIVE' ] table { ',' table } ] body [ 'ORDER' 'BY' keys ] [ limits ]
    mutating func question() throws(ParseFailure) -> Question {
        try enter()
        let first = current
        var tables: [CommonTable] = []
        var isRecursive = false
        if accept(.with) {
            isRecursive = isWord(current, "RECURSIVE") && isName(peek())
            if isRecursive { advance() }
            tables = try list { (parser) throws(ParseFailure) in try parser.commonTable() }
        }
        var question = Question(tables: tables, body: try body())
        question.isRecursive = isRecursive
        if isWord(current, "ORDER"), peek().isKeyword(.by) {
            advance()
            advance()
            question.orderBy = try sortKeys()
        }
        try limits(&question)
        question.span = span(from: first)
        leave()
        return question
    }

    mutating func commonTable() throws(ParseFailure) -> CommonTable {
        let name = try sourceName()
        let columns = at(.leftParenthesis) ? try nameList() : []
        try expect(.as)
        // Whether its rows are kept is for the planner to know.
        if options.isFull, at(.not), peek().isKeyword(.materialized) { advance() }
        if options.isFull { _ = accept(.materialized) }
        try expect(.leftParenthesis)
        let question = try question()
        try expect(.rightParenthesis)
        return CommonTable(name: name, columns: columns, question: question)
    }

    /// limits = [ 'LIMIT' ( n | 'ALL' ) ] [ 'OFFSET' n [ 'ROW' | 'ROWS' ] ] [ 'FETCH' ( 'FIRST' | 'NEXT' ) [ n ] ( 'ROW' | 'ROWS' ) 'ONLY' ]
    private mutating func limits(_ question: inout Question) throws(ParseFailure) {
        while true {
            if at(.limit), question.limit == nil {
                advance()
                if accept(.all) || accept(.null) { continue }
                let first = current
                question.limit = try constantCount()
                // `LIMIT offset, count` is SQLite's and MySQL's.
                if question.offset == nil, accept(.comma) { (question.offset, question.limit) = (question.limit, try constantCount()) }
                question.limitSpan = span(from: first)
            } else if isWord(current, "OFFSET"), question.offset == nil {
                advance()
                question.offset = try constantCount()
                _ = acceptRows()
            } else if isWord(current, "FETCH"), question.limit == nil {
                let first = current
                advance()
                guard acceptWord("FIRST") || acceptWord("NEXT") else { throw unexpected() }
                question.limit = isRows(current) ? 1 : try limit()
                guard acceptRows(), acceptWord("ONLY") else { throw unexpected() }
                question.limitSpan = span(from: first)
            } else if at(.emit), peek().isKeyword(.changes) || peek().isKeyword(.final), question.emit == nil {
                let first = current
                question.emit = try emit()
                question.emitSpan = span(from: first)
            } else {
                return
            }
        }
    }

    private mutating func emit() throws(ParseFailure) -> Query.Emit {
        try expect(.emit)
        if accept(.changes) { return .changes }
        try expect(.final)
        return .final
    }

    private func isRows(_ token: Token) -> Bool { isWord(token, "ROW") || isWord(token, "ROWS") }

    private mutating func acceptRows() -> Bool { acceptWord("ROW") || acceptWord("ROWS") }

    // MARK: Sets

    /// body = intersection { ( 'UNION' | 'EXCEPT' ) [ 'ALL' | 'DISTINCT' ] intersection }
    private mutating func body() throws(ParseFailure) -> QuestionBody {
        let first = current
        var left = try intersection()
        var levels = 0
        while let operation = setOperation(among: [.union, .except]) {
            advance()
            let isAll = try quantifier()
            var operands = [left, try intersection()]
            // UNIONs of one kind are a row, however many.
            while operation == .union, setOperation(among: [.union]) != nil, peek().isKeyword(.all) == isAll {
                advance()
                _ = try quantifier()
                operands.append(try intersection())
            }
            levels += min(operands.count - 1, SyntaxLimits.longestLeaning + Int.bitWidth - operands.count.leadingZeroBitCount)
            guard levels <= SyntaxLimits.maximumDepth else { throw tooDeep() }
            let whole = span(from: first)
            left = operands.joined { .combination(operation, isAll: isAll, $0, $1, whole) } ?? left
        }
        return left
    }

    private mutating func intersection() throws(ParseFailure) -> QuestionBody {
        let first = current
        var left = try setOperand()
        var count = 0
        while setOperation(among: [.intersect]) != nil {
            count += 1
            guard count <= SyntaxLimits.maximumDepth else { throw tooDeep() }
            advance()
            let isAll = try quantifier()
            left = .combination(.intersect, isAll: isAll, left, try setOperand(), span(from: first))
        }
        return left
    }

    private func setOperation(among operations: [SetOperation]) -> SetOperation? {
        operations.first { isWord(current, $0.rawValue) }
    }

    private mutating func quantifier() throws(ParseFailure) -> Bool {
        if accept(.all) { return true }
        _ = accept(.distinct)
        return false
    }

    /// operand = select | 'VALUES' rows | '(' question ')'
    private mutating func setOperand() throws(ParseFailure) -> QuestionBody {
        let first = current
        if accept(.values) {
            let rows = try list { (parser) throws(ParseFailure) in
                try parser.expect(.leftParenthesis)
                let row = try parser.list { (parser) throws(ParseFailure) in try parser.expression() }
                try parser.expect(.rightParenthesis)
                return row
            }
            return .values(rows, span(from: first))
        }
        if accept(.leftParenthesis) {
            let inner = try question()
            try expect(.rightParenthesis)
            // Brackets alone change nothing.
            return inner.isBare ? inner.body : .nested(inner)
        }
        return .select(try selectBlock())
    }

    // MARK: SELECT

    private mutating func selectBlock() throws(ParseFailure) -> SelectBlock {
        let first = current
        try expect(.select)
        var block = SelectBlock(items: [])
        if accept(.distinct) {
            if at(.on), peek().isSymbol(.leftParenthesis) {
                advance()
                advance()
                block.distinctOn = try list { (parser) throws(ParseFailure) in try parser.expression() }
                try expect(.rightParenthesis)
            } else {
                block.isDistinct = true
            }
        } else {
            _ = accept(.all)
        }
        block.items = try list { (parser) throws(ParseFailure) in try parser.selectItem() }
        if accept(.from) { block.from = try tables() }
        if at(.window), !beginsNamedWindows {
            advance()
            block.window = try window()
        }
        if accept(.where) { block.filter = try expression() }
        if accept(.group) {
            try expect(.by)
            block.groupBy = try groupingElements()
        }
        if at(.partition), peek().isKeyword(.by) {
            advance()
            advance()
            block.partitionBy = try keyList()
        }
        if accept(.having) { block.having = try expression() }
        if beginsNamedWindows { block.windows = try namedWindows() }
        if isWord(current, "QUALIFY") {
            advance()
            block.qualify = try expression()
        }
        if at(.emit), peek().isKeyword(.changes) || peek().isKeyword(.final) {
            let emit = current
            block.emit = try self.emit()
            block.emitSpan = span(from: emit)
        }
        block.span = span(from: first)
        return block
    }

    private mutating func groupingElements() throws(ParseFailure) -> [GroupingElement] {
        if at(.leftParenthesis), peek().isSymbol(.rightParenthesis), !peek(2).isSymbol(.comma) {
            advance()
            advance()
            return []
        }
        return try list { (parser) throws(ParseFailure) in try parser.groupingElement() }.flatMap { element -> [GroupingElement] in
            // `GROUP BY (a, b)` is `GROUP BY a, b`.
            guard case .expression(let key) = element, case .call(let name, let parts) = key.node, name.text == "ROW" else { return [element] }
            return parts.map { .expression($0) }
        }
    }

    private mutating func groupingElement() throws(ParseFailure) -> GroupingElement {
        if accept(.all) { return .all }
        if at(.leftParenthesis), peek().isSymbol(.rightParenthesis) {
            advance()
            advance()
            return .sets([[]])
        }
        if isWord(current, "ROLLUP"), peek().isSymbol(.leftParenthesis) {
            advance()
            return .rollup(try expressionSets())
        }
        if isWord(current, "CUBE"), peek().isSymbol(.leftParenthesis) {
            advance()
            return .cube(try expressionSets())
        }
        if beginsGroupingSets {
            advance()
            advance()
            return .sets(try groupingSets())
        }
        return .expression(try expression())
    }

    private var beginsGroupingSets: Bool { isWord(current, "GROUPING") && isWord(peek(), "SETS") && peek(2).isSymbol(.leftParenthesis) }

    /// As `expressionSets`, where GROUPING SETS may stand among the sets: its sets are as if they were written there.
    private mutating func groupingSets() throws(ParseFailure) -> [[Expression]] {
        try enter()
        try expect(.leftParenthesis)
        let sets = try list { (parser) throws(ParseFailure) -> [[Expression]] in
            guard parser.beginsGroupingSets else { return [try parser.expressionSet()] }
            parser.advance()
            parser.advance()
            return try parser.groupingSets()
        }
        try expect(.rightParenthesis)
        leave()
        return sets.flatMap(\.self)
    }

    /// '(' set { ',' set } ')' where a set is an expression, or any number of them in brackets
    private mutating func expressionSets() throws(ParseFailure) -> [[Expression]] {
        try expect(.leftParenthesis)
        let sets = try list { (parser) throws(ParseFailure) in try parser.expressionSet() }
        try expect(.rightParenthesis)
        return sets
    }

    private mutating func expressionSet() throws(ParseFailure) -> [Expression] {
        guard at(.leftParenthesis) else { return [try expression()] }
        advance()
        if accept(.rightParenthesis) { return [] }
        let keys = try list { (parser) throws(ParseFailure) in try parser.expression() }
        try expect(.rightParenthesis)
        return keys
    }

    /// keys = expression [ 'ASC' | 'DESC' ] [ 'NULLS' ( 'FIRST' | 'LAST' ) ] { ',' … }
    mutating func sortKeys() throws(ParseFailure) -> [SortKey] {
        try list { (parser) throws(ParseFailure) in
            var key = parser.accept(.all) ? SortKey.all : SortKey(expression: try parser.expression())
            if !parser.acceptWord("ASC") { key.isDescending = parser.acceptWord("DESC") }
            if parser.acceptWord("NULLS") {
                key.nullsFirst = parser.acceptWord("FIRST")
                if key.nullsFirst == false, !parser.acceptWord("LAST") { throw parser.unexpected() }
            }
            return key
        }
    }

    // MARK: Names that are none

    /// Whether a question's clause begins at the current token, so that it is no alias.
    var beginsQuestionClause: Bool {
        guard allowsQuestions, current.kind == .word else { return false }
        let next = peek()
        switch text(current).uppercased() {
        case "UNION", "INTERSECT", "EXCEPT":
            return next.isKeyword(.select) || next.isKeyword(.all) || next.isKeyword(.distinct) || next.isKeyword(.values)
                || next.isSymbol(.leftParenthesis)
        case "ORDER": return next.isKeyword(.by)
        case "OFFSET": return next.kind == .integer
        case "FETCH": return isWord(next, "FIRST") || isWord(next, "NEXT")
        case "QUALIFY": return true
        case "UNTIL": return beginsUntil
        case "CROSS": return next.isKeyword(.join)
        case "NATURAL": return beginsNatural
        case "USING": return next.isSymbol(.leftParenthesis)
        case "RETURNING":
            switch next.kind {
            case .end, .symbol(.semicolon), .symbol(.comma), .symbol(.rightParenthesis), .symbol(.dot), .keyword(.from): return false
            default: return true
            }
        default: return false
        }
    }
}
