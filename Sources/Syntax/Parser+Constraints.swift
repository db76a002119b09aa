// Constraints that other databases hold rows to and this one does not. They are read so that scripts go on; the answer names each of them.

import Diagnostics

extension Parser {
    /// [ 'CONSTRAINT' name ] ( 'UNIQUE' | 'CHECK' | 'FOREIGN' 'KEY' ) '(' … where a column could stand; with `unlessKey` PRIMARY KEY stays for the caller.
    mutating func acceptTableConstraint(unlessKey: Bool) throws(ParseFailure) -> Bool {
        guard options.isFull else { return false }
        let isNamed = isWord(current, "CONSTRAINT") && isName(peek()) && beginsConstraint(2)
        guard isNamed || beginsConstraint(0) else { return false }
        if isNamed {
            advance()
            advance()
        }
        let first = current
        if at(.primary) { return !unlessKey }
        if acceptWord("UNIQUE") {
            _ = try nameList()
        } else if acceptWord("CHECK") {
            try checked()
        } else {
            advance()
            try expect(.key)
            _ = try nameList()
            guard acceptWord("REFERENCES") else { throw unexpected() }
            try referenced()
        }
        noteUnchecked(from: first)
        return true
    }

    /// Whether a constraint of a table begins so many tokens on, and no column of that name.
    private func beginsConstraint(_ distance: Int) -> Bool {
        let token = peek(distance)
        if isWord(token, "UNIQUE") || isWord(token, "CHECK") { return peek(distance + 1).isSymbol(.leftParenthesis) }
        let isKey = isWord(token, "FOREIGN") || distance > 0 && token.isKeyword(.primary)
        return isKey && peek(distance + 1).isKeyword(.key) && peek(distance + 2).isSymbol(.leftParenthesis)
    }

    /// CONSTRAINT name, UNIQUE, CHECK (…), REFERENCES … and COLLATE behind a column; false, with nothing read, for anything else.
    mutating func acceptColumnConstraint(of column: Name) throws(ParseFailure) -> Bool {
        let first = current
        if isWord(current, "CONSTRAINT"), isName(peek()) {
            advance()
            advance()
            return true
        }
        if acceptWord("UNIQUE") {
            notices.append("UNIQUE (\(column.text)) is not checked: rows that break it are taken")
            return true
        }
        if acceptWord("CHECK") {
            try checked()
        } else if acceptWord("REFERENCES") {
            try referenced()
        } else if acceptWord("COLLATE") {
            try collation()
            return true
        } else {
            return false
        }
        noteUnchecked(from: first)
        return true
    }

    private mutating func checked() throws(ParseFailure) {
        try expect(.leftParenthesis)
        _ = try asQuestion { (parser) throws(ParseFailure) in try parser.expression() }
        try expect(.rightParenthesis)
    }

    /// name [ names ] { 'ON' ( 'DELETE' | 'UPDATE' ) action | [ 'NOT' ] 'DEFERRABLE' | 'INITIALLY' word | 'MATCH' word }
    private mutating func referenced() throws(ParseFailure) {
        _ = try sourceName()
        if at(.leftParenthesis) { _ = try nameList() }
        while true {
            if at(.on), peek().isKeyword(.delete) || isWord(peek(), "UPDATE") {
                advance()
                advance()
                if accept(.set) {
                    guard accept(.null) || acceptWord("DEFAULT") else { throw unexpected() }
                } else if acceptWord("NO") {
                    guard acceptWord("ACTION") else { throw unexpected() }
                } else if !acceptWord("CASCADE"), !acceptWord("RESTRICT") {
                    throw unexpected()
                }
            } else if isWord(current, "INITIALLY") || isWord(current, "MATCH") {
                advance()
                advance()
            } else if at(.not), isWord(peek(), "DEFERRABLE") {
                advance()
                advance()
            } else if !acceptWord("DEFERRABLE") {
                return
            }
        }
    }

    /// The name of the order of bytes, which is the one that texts have; errors: any other one.
    private mutating func collation() throws(ParseFailure) {
        let token = current
        let name = token.kind == .string ? try string() : try name().text
        guard ["BINARY", "C", "POSIX", "DEFAULT"].contains(name.uppercased()) else {
            throw syntaxError(
                at: token, "texts are compared byte by byte, there is no COLLATE \(name)", hint: "LCASE(a) = LCASE(b) and ILIKE leave the case of letters out.")
        }
    }

    private mutating func noteUnchecked(from first: Token) {
        let range = Int(first.start)..<Int(tokens[max(index - 1, 0)].end)
        notices.append("\(substitutedText(range)) is not checked: rows that break it are taken")
    }
}
