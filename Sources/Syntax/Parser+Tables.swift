// What a question reads, and what the calls in it may have beside their arguments.

import Diagnostics

extension Parser {
    /// tables = joined { ',' joined }
    mutating func tables() throws(ParseFailure) -> TableExpression {
        let first = current
        var left = try joinedTable()
        var count = 0
        while accept(.comma) {
            count += 1
            guard count <= SyntaxLimits.maximumDepth else { throw tooDeep() }
            let right = try joinedTable()
            left = .join(TableJoin(kind: nil, left: left, right: right, condition: .none, span: span(from: first)))
        }
        return left
    }

    private mutating func joinedTable() throws(ParseFailure) -> TableExpression {
        let first = current
        var left = try table()
        var count = 0
        while true {
            count += 1
            guard count <= SyntaxLimits.maximumDepth else { throw tooDeep() }
            if isWord(current, "CROSS"), peek().isKeyword(.join) {
                advance()
                advance()
                let right = try table()
                left = .join(TableJoin(kind: nil, left: left, right: right, condition: .none, span: span(from: first)))
                continue
            }
            let isNatural = beginsNatural
            if isNatural { advance() }
            let isAsof = acceptAsof()
            guard let kind = try joinKind() else { return left }
            let right = try table()
            let within = accept(.within) ? try within() : nil
            let condition: TableJoin.Condition
            if isNatural {
                condition = .natural
            } else if isWord(current, "USING") {
                advance()
                condition = .using(try nameList())
            } else {
                try expect(.on)
                condition = .on(try expression())
            }
            var join = TableJoin(kind: kind, left: left, right: right, condition: condition, within: within, span: span(from: first))
            join.isAsof = isAsof
            left = .join(join)
        }
    }

    /// Whether NATURAL begins here: that word before the kind of a join.
    var beginsNatural: Bool {
        guard isWord(current, "NATURAL"), case .keyword(let next) = peek().kind else { return false }
        return [.join, .inner, .left, .right, .full].contains(next)
    }

    /// table = name [ reach ] [ alias ] [ reach ] | name '.' name [ alias ] | [ 'LATERAL' ] '(' question ')' [ alias ] | '(' tables ')'
    ///       | [ 'LATERAL' ] function '(' arguments ')' [ alias ]
    private mutating func table() throws(ParseFailure) -> TableExpression {
        try enter()
        defer { leave() }
        let first = current
        let isLateral = isWord(current, "LATERAL") && (peek().isSymbol(.leftParenthesis) || peek(2).isSymbol(.leftParenthesis))
        if isLateral { advance() }
        if accept(.leftParenthesis) {
            if isBracketedQuestion {
                let inner = try question()
                try expect(.rightParenthesis)
                return .question(inner, alias: try tableAlias(), isLateral: isLateral, span: span(from: first))
            }
            if isLateral { throw unexpected() }
            let inner = try tables()
            try expect(.rightParenthesis)
            return inner
        }
        if isName(current), peek().isSymbol(.leftParenthesis) {
            var function = try name()
            function.text = function.text.uppercased()
            try expect(.leftParenthesis)
            var arguments: [Expression] = []
            if !at(.rightParenthesis) { arguments = try list { (parser) throws(ParseFailure) in try parser.expression() } }
            try expect(.rightParenthesis)
            return .function(function, arguments, alias: try tableAlias(), span: span(from: first))
        }
        if isAtSystemName { return .source(name: try systemName(), alias: try tableAlias(), reach: nil) }
        let name = try sourceName()
        var reach = try reach()
        let alias = try tableAlias()
        if reach == nil { reach = try self.reach() }
        return .source(name: name, alias: alias, reach: reach)
    }

    /// Whether behind an opening bracket a question begins, perhaps in brackets of its own: `((SELECT …) UNION …)`, but not
    /// `((SELECT …) AS a JOIN …)`. Decided without trying, which would cost twice as much with every level.
    var isBracketedQuestion: Bool {
        guard allowsQuestions else { return false }
        var depth = 0
        while peek(depth).isSymbol(.leftParenthesis) {
            depth += 1
            if depth > SyntaxLimits.maximumNesting { return false }
        }
        guard isQuestionStart(peek(depth)) else { return false }
        return (0..<depth).allSatisfy { level in
            let end = closingBracket(of: index + level)
            guard let next = end.map({ tokens[min($0 + 1, tokens.count - 1)] }) else { return false }
            let words = ["UNION", "INTERSECT", "EXCEPT", "ORDER", "OFFSET", "FETCH"]
            return next.isSymbol(.rightParenthesis) || next.isKeyword(.limit) || words.contains { isWord(next, $0) }
        }
    }

    /// The index of the bracket that closes the one at `open`.
    private func closingBracket(of open: Int) -> Int? {
        var depth = 0
        for position in open..<tokens.count {
            if tokens[position].isSymbol(.leftParenthesis) { depth += 1 }
            if tokens[position].isSymbol(.rightParenthesis) {
                depth -= 1
                if depth == 0 { return position }
            }
        }
        return nil
    }

    private func isQuestionStart(_ token: Token) -> Bool { token.isKeyword(.select) || token.isKeyword(.values) || token.isKeyword(.with) }

    private mutating func tableAlias() throws(ParseFailure) -> TableAlias? {
        let name: Name
        if accept(.as) {
            name = try sourceName()
        } else {
            let beginsClause =
                at(.emit) && (peek().isKeyword(.changes) || peek().isKeyword(.final)) || at(.partition) && peek().isKeyword(.by)
            guard isName(current), !beginsClause, !beginsAsof, !beginsQuestionClause else { return nil }
            name = try sourceName()
        }
        return TableAlias(name: name, columns: at(.leftParenthesis) ? try nameList() : [])
    }

    // MARK: Calls

    /// modifiers = [ 'FILTER' '(' 'WHERE' expression ')' ] [ 'OVER' ( name | '(' specification ')' ) ]
    mutating func modifiers(isDistinct: Bool, order: [SortKey], ignoresNulls: Bool = false) throws(ParseFailure) -> CallModifiers? {
        guard allowsQuestions else { return nil }
        var modifiers = CallModifiers(isDistinct: isDistinct)
        modifiers.orderBy = order
        modifiers.ignoresNulls = ignoresNulls
        // Behind an argument they are those of the call around it.
        if isWord(peek(2), "OVER"), acceptIgnoredNulls() { modifiers.ignoresNulls = true }
        var isModified = isDistinct || !order.isEmpty || modifiers.ignoresNulls
        if isWord(current, "FILTER"), peek().isSymbol(.leftParenthesis) {
            advance()
            advance()
            try expect(.where)
            modifiers.filter = try expression()
            try expect(.rightParenthesis)
            isModified = true
        }
        if isWord(current, "OVER"), peek().isSymbol(.leftParenthesis) {
            advance()
            modifiers.window = try windowSpecification()
            isModified = true
        } else if isWord(current, "OVER"), isName(peek()), !isWord(peek(), "QUALIFY") {
            advance()
            var window = WindowSpecification()
            window.base = try name()
            window.isName = true
            modifiers.window = window
            isModified = true
        }
        if modifiers.ignoresNulls, modifiers.window == nil { throw syntaxError(at: current, "IGNORE NULLS is for functions with OVER") }
        return isModified ? modifiers : nil
    }

    /// Whether a WINDOW clause with names stands here; ksqlDB's has TUMBLING, HOPPING or SESSION instead.
    var beginsNamedWindows: Bool { at(.window) && isName(peek()) && peek(2).isKeyword(.as) }

    /// windows = 'WINDOW' name 'AS' '(' specification ')' { ',' … }
    mutating func namedWindows() throws(ParseFailure) -> [NamedWindow] {
        try expect(.window)
        return try list { (parser) throws(ParseFailure) in
            let name = try parser.name()
            try parser.expect(.as)
            return NamedWindow(name: name, specification: try parser.windowSpecification())
        }
    }

    private mutating func windowSpecification() throws(ParseFailure) -> WindowSpecification {
        try expect(.leftParenthesis)
        var window = WindowSpecification()
        let begins = at(.partition) && peek().isKeyword(.by) || isWord(current, "ORDER") && peek().isKeyword(.by)
        if isName(current), !begins, !WindowFrame.Unit.allCases.contains(where: { isWord(current, $0.rawValue) }) { window.base = try name() }
        if at(.partition) {
            advance()
            try expect(.by)
            window.partitionBy = try list { (parser) throws(ParseFailure) in try parser.expression() }
        }
        if isWord(current, "ORDER") {
            advance()
            try expect(.by)
            window.orderBy = try sortKeys()
        }
        if let unit = WindowFrame.Unit.allCases.first(where: { isWord(current, $0.rawValue) }) {
            advance()
            if accept(.between) {
                let start = try frameBound()
                try expect(.and)
                window.frame = WindowFrame(unit: unit, start: start, end: try frameBound())
            } else {
                window.frame = WindowFrame(unit: unit, start: try frameBound(), end: .currentRow)
            }
            if acceptWord("EXCLUDE") { window.frame?.exclusion = try exclusion() }
        }
        try expect(.rightParenthesis)
        return window
    }

    /// exclusion = 'EXCLUDE' ( 'CURRENT' 'ROW' | 'GROUP' | 'TIES' | 'NO' 'OTHERS' )
    private mutating func exclusion() throws(ParseFailure) -> WindowFrame.Exclusion {
        if accept(.group) { return .group }
        if acceptWord("TIES") { return .ties }
        if acceptWord("NO") {
            guard acceptWord("OTHERS") else { throw unexpected() }
            return .none
        }
        guard acceptWord("CURRENT"), acceptWord("ROW") else { throw unexpected() }
        return .currentRow
    }

    private mutating func frameBound() throws(ParseFailure) -> WindowFrame.Bound {
        if acceptWord("UNBOUNDED") {
            if acceptWord("PRECEDING") { return .unboundedPreceding }
            guard acceptWord("FOLLOWING") else { throw unexpected() }
            return .unboundedFollowing
        }
        if acceptWord("CURRENT") {
            guard acceptWord("ROW") else { throw unexpected() }
            return .currentRow
        }
        let count = try value()
        if acceptWord("PRECEDING") { return .preceding(count) }
        guard acceptWord("FOLLOWING") else { throw unexpected() }
        return .following(count)
    }
}
