// The words for what went wrong. Positions and first lines are ksqlDB's, because its test cases pin them; what helps beyond that goes
// into the hint.

import Diagnostics

extension Parser {
    /// A syntax error at a token: `line L:C: Syntax Error` and a second line, empty when there is nothing short to say.
    func syntaxError(
        at token: Token, _ detail: String, hint: String? = nil, fallback: String? = nil, expected: [String] = []
    ) -> ParseFailure {
        ParseFailure(
            .syntaxError, "line \(token.line):\(token.column): Syntax Error\n\(detail)",
            hint: hint ?? specificHint(at: token) ?? similarKeywordHint() ?? fallback, at: token.range, expected: expected)
    }

    /// The token as messages quote it.
    func spelling(_ token: Token) -> String { token.kind == .end ? "<EOF>" : text(token) }

    /// The error that none of what was tried stands here. A missing bracket or `;` is named when what follows could go on behind it.
    func unexpected(missing symbol: Symbol? = nil) -> ParseFailure {
        let token = current
        if isAtEnd, hasOpenBracket { return noAlternative() }
        let unique = uniqueTried
        let expected = unique.count <= 3 && !unique.contains(.anyOperator) ? unique.map(\.spelling) : []
        if let symbol, continues(behind: symbol) {
            let hint = symbol == .semicolon ? "Every statement ends with a semicolon." : nil
            return syntaxError(
                at: token, "missing '\(symbol.rawValue)' at '\(spelling(token))'", hint: hint, expected: ["'\(symbol.rawValue)'"])
        }
        if expected.isEmpty { return syntaxError(at: token, "", fallback: likelyHint(unique)) }
        return syntaxError(at: token, "Expecting {\(expected.joined(separator: ", "))}", expected: expected)
    }

    /// Where too much could stand here to list it: the likeliest, clauses before names and commas, and no operators, which nearly
    /// always could.
    private func likelyHint(_ tried: [Expectation]) -> String? {
        func rank(_ expectation: Expectation) -> Int? {
            switch expectation {
            case .keyword(.and), .keyword(.or), .keyword(.connector), .keyword(.connectors), .anyOperator: nil
            case .keyword(.from): 0
            case .keyword(let keyword): Parser.clauseOrder.contains(keyword) ? 0 : 2
            case .symbol, .name: 1
            case .word, .integer, .string: 3
            }
        }
        let ranked = tried.enumerated().compactMap { entry in rank(entry.element).map { ($0, entry.offset, entry.element) } }
        let likely = ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.prefix(3).map(\.2.spelling)
        guard !likely.isEmpty else { return nil }
        return
            "Found '\(spelling(current))' where \(likely.joined(separator: " or ")) could stand\(tried.count > likely.count ? ", among others" : "")."
    }

    /// Whether the parse could go on here if the symbol had been there.
    private func continues(behind symbol: Symbol) -> Bool {
        switch symbol {
        case .rightParenthesis, .rightBracket, .greater:
            if case .keyword(let keyword) = current.kind { return keyword == .from || Parser.clauseOrder.contains(keyword) }
            return at(.comma)
        case .semicolon: return current.kind == .end
        default: return false
        }
    }

    private var isAtEnd: Bool { current.kind == .end || at(.semicolon) }

    private var hasOpenBracket: Bool {
        var depth = 0
        for token in tokens[..<index] {
            if token.isSymbol(.leftParenthesis) || token.isSymbol(.leftBracket) { depth += 1 }
            if token.isSymbol(.rightParenthesis) || token.isSymbol(.rightBracket) { depth -= 1 }
        }
        return depth > 0
    }

    /// The error that no production begins with this token.
    func noAlternative(hint: String? = nil) -> ParseFailure {
        let token = current
        let remark = isAtEnd && hasOpenBracket ? "\na bracket is not closed: ')' or ']' is missing" : ""
        return syntaxError(
            at: token, "Syntax error at or near '\(spelling(token))' at line \(token.line):\(token.column)\(remark)", hint: hint)
    }

    /// The error that a name was wanted and something else is there.
    func nameExpected() -> ParseFailure {
        let token = current
        guard case .keyword(let keyword) = token.kind, isReserved(keyword) else { return unexpected() }
        return syntaxError(
            at: token, "\"\(text(token))\" is a reserved keyword and it can't be used as an identifier",
            hint: specificHint(at: token) ?? "Escape it to use it as a name: `\(keyword.rawValue)`.")
    }

    func tooDeep() -> ParseFailure {
        ParseFailure(
            .tooDeep, "line \(current.line):\(current.column): the statement is nested too deeply",
            category: .parseFailed, hint: "Break it into several statements, or write long OR lists with IN.", at: current.range)
    }

    private var uniqueTried: [Expectation] {
        tried.enumerated().filter { tried.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    }

    // MARK: Hints

    /// A sentence for each mistake that is known to be common.
    private func specificHint(at token: Token) -> String? {
        let previous = tokens[max(index - 1, 0)]
        if previous.isKeyword(.emit), index > 0 { return "EMIT is followed by CHANGES, or by FINAL." }
        if peek().isSymbol(.equal), let property = Self.otherProperties[text(token).uppercased()],
            tokens[..<index].contains(where: { $0.isKeyword(.with) })
        {
            return "The property is called \(property)."
        }
        if options.isFull, previous.isKeyword(.limit) || isWord(previous, "OFFSET"), token.isSymbol(.leftParenthesis) || isName(token) {
            return "What stands behind \(text(previous).uppercased()) may be computed of whole numbers, but neither of columns nor by a subquery."
        }
        if options.isFull, isName(token), isWord(previous, "ORDER") || previous.isKeyword(.group) {
            return "Did you mean \(text(previous).uppercased()) BY \(text(token))?"
        }
        let isOrder = isWord(token, "ORDER") && peek().isKeyword(.by) || token.isKeyword(.by) && isWord(previous, "ORDER")
        if let opener = enclosingBracket, opener > 0 {
            let before = tokens[opener - 1]
            if before.isKeyword(.tumbling) || before.isKeyword(.hopping) || before.isKeyword(.session),
                isWindowOption(token) || token.isSymbol(.comma) && isWindowOption(peek())
            {
                return "A window has its options in this order: SIZE, ADVANCE BY, TIME ZONE, OFFSET, RETENTION, GRACE PERIOD."
            }
            if isOrder, before.kind == .word, !isWord(before, "OVER") {
                return "The values of an aggregate come in the order of their arrival; ARRAY_SORT(COLLECT_LIST(x)) sorts them, and "
                    + "ARRAY_JOIN(…, ',') makes one text of them."
            }
        }
        if previous.isKeyword(.create), let way = Self.elsewhere[text(token).uppercased()] { return way }
        if previous.isKeyword(.show) || previous.isKeyword(.list), isWord(token, "WATERMARK") { return "Did you mean WATERMARKS?" }
        if previous.isKeyword(.show) || previous.isKeyword(.list), let table = Self.systemTables[text(token).uppercased()] {
            return "SELECT * FROM millrace.\(table) shows them; SHOW SYSTEM TABLES lists what there is of that kind."
        }
        if isOrder { return "A query that never ends has no ORDER BY; its rows come in the order of the log." }
        if token.isKeyword(.distinct) { return "A query that never ends has no DISTINCT; GROUP BY the columns instead." }
        if isWord(token, "UNION") || isWord(previous, "UNION") {
            return "A query that never ends has no UNION; write two INSERT INTO … SELECT statements into one stream."
        }
        if token.isKeyword(.with), index == 0 { return "A query that never ends has no WITH; create a stream or table for each step." }
        if token.isSymbol(.leftParenthesis), peek().isKeyword(.select) || previous.isKeyword(.from) || previous.isKeyword(.join) {
            return "A query that never ends has no subqueries; create a stream or table for the inner query."
        }
        if token.isKeyword(.select), previous.isSymbol(.leftParenthesis) {
            return "A query that never ends has no subqueries; create a stream or table for the inner query."
        }
        if case .keyword(let keyword) = token.kind, Parser.clauseOrder.contains(keyword), index > 0,
            tokens[..<index].contains(where: { $0.isKeyword(.from) }), tokens[..<index].contains(where: { $0.isKeyword(.select) })
        {
            return "The clauses of a query come in this order: FROM, WINDOW, WHERE, GROUP BY, PARTITION BY, HAVING, EMIT, LIMIT."
        }
        return nil
    }

    /// What other databases create, and how the same is had here.
    private static let elsewhere = [
        "DATABASE": "There is one database; a name's prefix, or another data directory, keeps things apart.",
        "SCHEMA": "There are no schemas to put tables in; SHOW SCHEMAS lists those of the registry.",
        "USER": "`millrace user` keeps the logins of Kafka's clients.",
        "SEQUENCE": "There are no sequences. ROWOFFSET numbers the records of a partition, UUID() makes a name that nothing else has.",
    ]

    /// What is no part of SHOW, but a table.
    private static let systemTables = [
        "CONNECTIONS": "connections", "STATEMENTS": "statements", "TASKS": "tasks", "PARTITIONS": "partitions", "MEMORY": "memory",
        "SETTINGS": "settings", "ERRORS": "errors",
    ]

    /// What properties of WITH are called by those who know another product.
    static let otherProperties = ["TOPIC": "KAFKA_TOPIC"]

    /// The place of the last bracket in front that is not closed.
    private var enclosingBracket: Int? {
        var depth = 0
        for place in stride(from: index - 1, through: 0, by: -1) {
            if tokens[place].isSymbol(.rightParenthesis) { depth += 1 }
            if tokens[place].isSymbol(.leftParenthesis) {
                if depth == 0 { return place }
                depth -= 1
            }
        }
        return nil
    }

    private func isWindowOption(_ token: Token) -> Bool {
        switch token.kind {
        case .keyword(let keyword): [.size, .advance, .time, .retention, .grace].contains(keyword)
        default: isWord(token, "OFFSET")
        }
    }

    private static let clauseOrder: Set<Keyword> = [.window, .where, .group, .partition, .having, .emit, .limit]

    /// "Did you mean" for a keyword: compares what was tried with the word here and with the one before, which may have been taken
    /// for a name.
    private func similarKeywordHint() -> String? {
        let candidates = tried.compactMap { expectation in
            if case .keyword(let keyword) = expectation { keyword.rawValue } else { nil }
        }
        for token in [current, tokens[max(index - 1, 0)]] {
            if case .keyword = token.kind, token != current { continue }
            guard isWordLike(token) else { continue }
            let word = text(token).uppercased()
            if let similar = closestMatch(to: word, among: candidates) { return "Did you mean \(similar) instead of \(text(token))?" }
        }
        return nil
    }

    private func isWordLike(_ token: Token) -> Bool {
        if case .keyword = token.kind { return true }
        return token.kind == .word
    }
}
