// The words for what went wrong. Positions and first lines are ksqlDB's, because its test cases pin them; what helps beyond that goes
// into the hint.

import Diagnostics

extension Parser {
    /// A syntax error at a token: `line L:C: Syntax Error` and a second line, empty when there is nothing short to say.
    func syntaxError(at token: Token, _ detail: String, hint: String? = nil, expected: [String] = []) -> Diagnostic {
        Diagnostic(
            .syntaxError, "line \(token.line):\(token.column): Syntax Error\n\(detail)", category: .parseFailed,
            hint: hint ?? specificHint(at: token) ?? similarKeywordHint(), at: token.range, expected: expected)
    }

    /// The token as messages quote it.
    func spelling(_ token: Token) -> String { token.kind == .end ? "<EOF>" : text(token) }

    /// The error that none of what was tried stands here. A missing bracket or `;` is named when what follows could go on behind it.
    func unexpected(missing symbol: Symbol? = nil) -> Diagnostic {
        let token = current
        let expected = uniqueTried.count <= 3 ? uniqueTried.map(\.spelling) : []
        switch symbol {
        case .rightParenthesis, .rightBracket, .greater:
            if token.kind == .end || token.isSymbol(.semicolon) {
                return syntaxError(
                    at: token, "Syntax error at or near '\(spelling(token))' at line \(token.line):\(token.column)\n"
                        + "'\(symbol?.rawValue ?? "")' is missing: a bracket is not closed", expected: expected)
            }
            if token.isSymbol(.comma) {
                return syntaxError(at: token, "missing '\(symbol?.rawValue ?? "")' at '\(spelling(token))'", expected: expected)
            }
        case .semicolon where token.kind == .end:
            return syntaxError(
                at: token, "missing ';' at '\(spelling(token))'", hint: "Every statement ends with a semicolon.", expected: ["';'"])
        default: break
        }
        return syntaxError(at: token, expected.isEmpty ? "" : "Expecting {\(expected.joined(separator: ", "))}", expected: expected)
    }

    /// The error that no production begins with this token.
    func noAlternative() -> Diagnostic {
        let token = current
        return syntaxError(at: token, "Syntax error at or near '\(spelling(token))' at line \(token.line):\(token.column)")
    }

    /// The error that a name was wanted and something else is there.
    func nameExpected() -> Diagnostic {
        let token = current
        guard case .keyword(let keyword) = token.kind, keyword.isReserved else { return unexpected() }
        return syntaxError(
            at: token, "\"\(text(token))\" is a reserved keyword and it can't be used as an identifier",
            hint: specificHint(at: token) ?? "Escape it to use it as a name: `\(keyword.rawValue)`.")
    }

    func tooDeep() -> Diagnostic {
        Diagnostic(
            .tooDeep, "line \(current.line):\(current.column): the statement is nested deeper than \(SyntaxLimits.maximumDepth) levels",
            category: .parseFailed, hint: "Break it into several statements, or write long OR lists with IN.", at: current.range)
    }

    private var uniqueTried: [Expectation] {
        tried.enumerated().filter { tried.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    }

    // MARK: Hints

    /// A sentence for each mistake that is known to be common.
    private func specificHint(at token: Token) -> String? {
        let previous = tokens[max(index - 1, 0)]
        if token.isKeyword(.by), isWord(previous, "ORDER") { return "ORDER BY is not offered; rows come in the order of the log." }
        if isWord(token, "ORDER"), peek().isKeyword(.by) { return "ORDER BY is not offered; rows come in the order of the log." }
        if token.isKeyword(.distinct) { return "SELECT DISTINCT is not offered; GROUP BY the columns instead." }
        if isWord(token, "UNION") || isWord(previous, "UNION") {
            return "UNION is not offered; write two INSERT INTO … SELECT statements into one stream."
        }
        if token.isKeyword(.with), index == 0 { return "WITH queries are not offered; create a stream or table for each step." }
        if token.isSymbol(.leftParenthesis), peek().isKeyword(.select) || previous.isKeyword(.from) || previous.isKeyword(.join) {
            return "Subqueries are not offered; create a stream or table for the inner query."
        }
        if token.isKeyword(.select), previous.isSymbol(.leftParenthesis) {
            return "Subqueries are not offered; create a stream or table for the inner query."
        }
        if case .keyword(let keyword) = token.kind, Parser.clauseOrder.contains(keyword), index > 0,
            tokens[..<index].contains(where: { $0.isKeyword(.from) }), tokens[..<index].contains(where: { $0.isKeyword(.select) })
        {
            return "The clauses of a query come in this order: FROM, WINDOW, WHERE, GROUP BY, PARTITION BY, HAVING, EMIT, LIMIT."
        }
        return nil
    }

    private static let clauseOrder: Set<Keyword> = [.window, .where, .group, .partition, .having, .emit, .limit]

    /// "Did you mean" for a keyword: compares what was tried with the word here and with the one before, which may have been taken
    /// for a name.
    private func similarKeywordHint() -> String? {
        let candidates = tried.compactMap { expectation in
            if case .keyword(let keyword) = expectation { keyword.rawValue } else { nil }
        }
        for token in [current, tokens[max(index - 1, 0)]] where token.kind == .word {
            let word = text(token).uppercased()
            if let similar = closestMatch(to: word, among: candidates) { return "Did you mean \(similar) instead of \(text(token))?" }
        }
        return nil
    }
}
