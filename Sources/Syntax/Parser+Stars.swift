// `* EXCLUDE (a, b) REPLACE (c + 1 AS c) RENAME (d AS e)`: stars of questions with changes.

import Diagnostics

extension Parser {
    /// What may follow a star, in this order; nil when nothing does. EXCEPT is EXCLUDE where a name stands in the bracket behind it.
    mutating func changedStar(_ source: Name?, from first: Token) throws(ParseFailure) -> SelectItem? {
        guard allowsQuestions, options.isFull else { return nil }
        var star = ChangedStar(source: source)
        if isWord(current, "EXCLUDE") || isWord(current, "EXCEPT") && peek().isSymbol(.leftParenthesis) && isName(peek(2)) {
            advance()
            star.excluded = at(.leftParenthesis) ? try nameList() : [try name()]
        }
        if at(.replace) || isWord(current, "REPLACE") {
            advance()
            star.replaced = try starChanges()
        }
        if at(.rename) || isWord(current, "RENAME") {
            advance()
            star.renamed = try starChanges()
        }
        guard !star.excluded.isEmpty || !star.replaced.isEmpty || !star.renamed.isEmpty else { return nil }
        star.span = span(from: first)
        return .changedStar(star)
    }

    /// '(' value 'AS' name { ',' value 'AS' name } ')', or one without brackets
    private mutating func starChanges() throws(ParseFailure) -> [ChangedStar.Change] {
        func change(_ parser: inout Parser) throws(ParseFailure) -> ChangedStar.Change {
            let value = try parser.expression()
            try parser.expect(.as)
            return ChangedStar.Change(value: value, name: try parser.name())
        }
        guard accept(.leftParenthesis) else { return [try change(&self)] }
        let changes = try list(change)
        try expect(.rightParenthesis)
        return changes
    }
}
