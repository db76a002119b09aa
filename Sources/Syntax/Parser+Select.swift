// Queries: SELECT and its clauses, in their one order.

import Diagnostics

extension Parser {
    mutating func query() throws(ParseFailure) -> Query {
        let first = current
        try expect(.select)
        let isDistinct = allowsQuestions && accept(.distinct)
        let items = try list { (parser) throws(ParseFailure) in try parser.selectItem() }
        try expect(.from)
        var query = Query(items: items, from: try relation())
        query.isDistinct = isDistinct
        if accept(.window) { query.window = try window() }
        if accept(.where) { query.filter = try expression() }
        if accept(.group) {
            try expect(.by)
            query.groupBy = try keyList()
        }
        if accept(.partition) {
            try expect(.by)
            query.partitionBy = try keyList()
        }
        if accept(.having) { query.having = try expression() }
        if allowsQuestions, acceptWord("QUALIFY") { query.qualify = try expression() }
        if isWord(current, "LATE"), isWord(peek(), "ROWS") {
            advance()
            advance()
            try expect(.into)
            query.lateRows = try sourceName()
        }
        if accept(.emit) {
            if accept(.changes) {
                query.emit = .changes
            } else {
                try expect(.final)
                query.emit = .final
            }
        }
        if accept(.limit) {
            let first = current
            query.limit = try limit()
            query.limitSpan = span(from: first)
        }
        query.span = span(from: first)
        return query
    }

    /// The query of CREATE … AS SELECT: of ksqlDB's form, with what WITH names and subqueries written out, or with DISTINCT, OVER, QUALIFY and
    /// a query behind FROM. Of two mistakes the one that comes later in the text is told.
    mutating func continuousQuery() throws(ParseFailure) -> Query {
        var classic = self
        let failure: ParseFailure
        do throws(ParseFailure) {
            let query = try classic.whole { (parser) throws(ParseFailure) in try parser.inlinedQuery() }
            self = classic
            return query
        } catch {
            failure = error
        }
        var general = self
        general.allowsQuestions = true
        general.allowsRows = false
        do throws(ParseFailure) {
            let query = try general.whole { (parser) throws(ParseFailure) in try parser.query() }
            if query.from.hasSubquery, !query.keepsRows { throw failure }
            (general.allowsQuestions, general.allowsRows) = (false, true)
            self = general
            return query
        } catch {
            if classic.index >= general.index { throw failure }
            throw error
        }
    }

    /// item = expression [ ['AS'] identifier ] | '*' | identifier '.' '*' | postfix '->' '*'
    mutating func selectItem() throws(ParseFailure) -> SelectItem {
        let first = current
        let start = index
        if accept(.star) { return try changedStar(nil, from: first) ?? .all(first.span) }
        if isName(first), peek().isSymbol(.dot), peek(2).isSymbol(.star) {
            let source = try name()
            advance()
            advance()
            return try changedStar(source, from: first) ?? .allOf(source: source)
        }
        let expression = try expression()
        if at(.arrow), peek().isSymbol(.star) {
            // Only the last field access of a chain may be a star, not that of a part of a sum.
            guard postfixStart == start else { throw noAlternative() }
            advance()
            advance()
            return .allFields(of: expression)
        }
        if accept(.as) { return .expression(expression, alias: try name()) }
        if isName(current), !beginsQuestionClause { return .expression(expression, alias: try name()) }
        return .expression(expression, alias: nil)
    }

    /// exprList = value { ',' value } | '(' [ value { ',' value } ] ')'
    mutating func keyList() throws(ParseFailure) -> [Expression] {
        if at(.leftParenthesis), !isOperand(behindClosingBracketOf: index) {
            try expect(.leftParenthesis)
            var keys: [Expression] = []
            if !at(.rightParenthesis) { keys = try list { (parser) throws(ParseFailure) in try parser.keyExpression() } }
            try expect(.rightParenthesis)
            return keys
        }
        return try list { (parser) throws(ParseFailure) in try parser.value() }
    }

    /// An element inside a bracketed key list. A single bracketed predicate reads the same as a list of one.
    private mutating func keyExpression() throws(ParseFailure) -> Expression { try expression() }

    /// Whether the bracket that opens here is only the first operand of something longer, such as `(a + b) * c` or `(a), b`.
    private func isOperand(behindClosingBracketOf open: Int) -> Bool {
        var depth = 0
        for position in open..<tokens.count {
            switch tokens[position].kind {
            case .symbol(.leftParenthesis), .symbol(.leftBracket): depth += 1
            case .symbol(.rightParenthesis), .symbol(.rightBracket):
                depth -= 1
                guard depth <= 0 else { continue }
                guard case .symbol(let next) = tokens[min(position + 1, tokens.count - 1)].kind else { return false }
                return next != .semicolon && next != .rightParenthesis
            default: continue
            }
        }
        return false
    }

    // MARK: FROM

    /// from = source { join }
    private mutating func relation() throws(ParseFailure) -> Relation {
        let first = current
        var relation = try source()
        var joins = 0
        while true {
            let isAsof = acceptAsof()
            guard let kind = try joinKind() else { break }
            joins += 1
            guard joins <= SyntaxLimits.maximumDepth else { throw tooDeep() }
            let right = try source()
            let within = accept(.within) ? try within() : nil
            try expect(.on)
            let condition = try expression()
            var join = Join(kind: kind, left: relation, right: right, within: within, condition: condition, span: span(from: first))
            join.isAsof = isAsof
            relation = .join(join)
        }
        return relation
    }

    /// Whether ASOF begins here: that word before JOIN, INNER JOIN or LEFT JOIN.
    var beginsAsof: Bool {
        isWord(current, "ASOF") && (peek().isKeyword(.join) || peek().isKeyword(.inner) || peek().isKeyword(.left))
    }

    mutating func acceptAsof() -> Bool {
        guard beginsAsof else { return false }
        advance()
        return true
    }

    mutating func joinKind() throws(ParseFailure) -> Join.Kind? {
        if accept(.join) { return .inner }
        if accept(.inner) {
            try expect(.join)
            return .inner
        }
        let kind: Join.Kind
        if accept(.left) {
            kind = .left
        } else if accept(.right) {
            kind = .right
        } else if accept(.full) {
            kind = .full
        } else {
            return nil
        }
        _ = accept(.outer)
        try expect(.join)
        return kind
    }

    /// Whether LATE ROWS INTO begins here, where LATE could be an alias.
    private var beginsLateRows: Bool { isWord(current, "LATE") && isWord(peek(), "ROWS") && peek(2).isKeyword(.into) }

    /// source = name [ ['AS'] name ]; EMIT, PARTITION and LATE are free words, so what follows decides whether they are an alias.
    private mutating func source() throws(ParseFailure) -> Relation {
        if inlinesSubqueries, at(.leftParenthesis) {
            let name = try inlinedSubquery()
            return .source(name: name, alias: accept(.as) || isAlias ? try sourceName() : nil)
        }
        if allowsQuestions, at(.leftParenthesis), peek().isKeyword(.select) {
            try enter()
            defer { leave() }
            advance()
            let inner = try query()
            try expect(.rightParenthesis)
            return .subquery(inner, alias: accept(.as) || isAlias ? try sourceName() : nil)
        }
        if isWord(current, "MILLRACE"), isAtSystemName {
            let name = try systemName()
            throw ParseFailure(
                .featureNotSupported, "\(name.text.lowercased()) is what the server knows at one moment: no continuous query can read it",
                hint: "A SELECT without EMIT asks for it; in the shell \\watch repeats that.", at: name.span.range)
        }
        let name = try sourceName()
        return .source(name: name, alias: accept(.as) || isAlias ? try sourceName() : nil)
    }

    /// Whether what follows a source is its alias and does not begin the next clause.
    private var isAlias: Bool {
        let beginsClause =
            at(.emit) && (peek().isKeyword(.changes) || peek().isKeyword(.final)) || at(.partition) && peek().isKeyword(.by)
            || beginsLateRows || beginsAsof || beginsQuestionClause
        return isName(current) && !beginsClause
    }

    mutating func within() throws(ParseFailure) -> Join.Within {
        let first = current
        let before: Duration
        let after: Duration
        let isPair = accept(.leftParenthesis)
        before = try duration()
        if isPair {
            try expect(.comma)
            after = try duration()
            try expect(.rightParenthesis)
        } else {
            after = before
        }
        let grace = accept(.grace) ? try gracePeriod() : nil
        return Join.Within(before: before, after: after, grace: grace, isPair: isPair, span: span(from: first))
    }

    private mutating func gracePeriod() throws(ParseFailure) -> Duration {
        try expect(.period)
        return try duration()
    }

    // MARK: WINDOW

    mutating func window() throws(ParseFailure) -> WindowClause {
        let first = current
        // A window may be named; the name says nothing.
        if isName(current), !peek().isSymbol(.leftParenthesis) { _ = try name() }
        let shape: WindowClause.Shape
        if accept(.tumbling) {
            try expect(.leftParenthesis)
            try expect(.size)
            if let size = try calendarSize() { shape = .calendar(size: size) } else { shape = .tumbling(size: try duration()) }
        } else if accept(.hopping) {
            try expect(.leftParenthesis)
            try expect(.size)
            let size = try duration()
            try expect(.comma)
            try expect(.advance, .by)
            shape = .hopping(size: size, advance: try duration())
        } else {
            try expect(.session)
            try expect(.leftParenthesis)
            shape = .session(gap: try duration())
        }
        var clause = WindowClause(shape: shape)
        if at(.comma), peek().isKeyword(.time) {
            advance()
            try expect(.time, .zone)
            let first = current
            clause.zone = ZoneName(try string(), span: first.span)
        }
        if at(.comma), isWord(peek(), "OFFSET") {
            advance()
            advance()
            clause.offset = try duration()
        }
        if at(.comma), peek().isKeyword(.retention) {
            advance()
            advance()
            clause.retention = try duration()
        }
        if accept(.comma) {
            try expect(.grace)
            clause.grace = try gracePeriod()
        }
        try expect(.rightParenthesis)
        clause.span = span(from: first)
        return clause
    }

    /// `1 MONTH`; nil, with nothing consumed, before a length of another unit.
    private mutating func calendarSize() throws(ParseFailure) -> CalendarDuration? {
        let first = current
        guard let unit = CalendarDuration.Unit(word: text(peek()).uppercased()) else { return nil }
        let count = try integer()
        advance()
        return CalendarDuration(count: count, unit: unit, span: span(from: first))
    }
}
