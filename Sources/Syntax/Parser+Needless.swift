// Statements of other databases about indexes, transactions, upkeep and their settings. They are read so that scripts which have them go on; the
// answers say that they change nothing.

import Diagnostics

extension Parser {
    /// One that begins with a word of its own; nil, with nothing read, for any other statement.
    mutating func needlessStatement() throws(ParseFailure) -> NeedlessStatement? {
        if isWord(current, "BEGIN") || isWord(current, "START") && isWord(peek(), "TRANSACTION") || isWord(current, "COMMIT") || at(.end) {
            return transaction()
        }
        if isWord(current, "PRAGMA"), isName(peek()) { return try pragma() }
        let upkeep = at(.analyze) ? "ANALYZE" : ["VACUUM", "REINDEX"].first { isWord(current, $0) }
        let isTidying = upkeep == "VACUUM" && (peek().isKeyword(.full) || peek().isKeyword(.analyze))
        guard let upkeep, isName(peek()) || isAtEnd(1) || isTidying else { return nil }
        advance()
        if upkeep == "VACUUM" {
            _ = accept(.full)
            _ = accept(.analyze)
        }
        return .upkeep(upkeep, isAtEnd(0) ? nil : try sourceName())
    }

    private func isAtEnd(_ distance: Int) -> Bool { peek(distance).isSymbol(.semicolon) || peek(distance).kind == .end }

    /// ( 'BEGIN' [ 'DEFERRED' | 'IMMEDIATE' | 'EXCLUSIVE' ] | 'START' | 'COMMIT' | 'END' ) [ 'TRANSACTION' | 'WORK' ]; nil, with nothing read, where
    /// something else follows.
    private mutating func transaction() -> NeedlessStatement? {
        let before = self
        let isBegin = isWord(current, "BEGIN") || isWord(current, "START")
        advance()
        if isBegin { _ = acceptWord("DEFERRED") || acceptWord("IMMEDIATE") || acceptWord("EXCLUSIVE") }
        _ = acceptWord("TRANSACTION") || acceptWord("WORK")
        guard isAtEnd(0) else {
            self = before
            return nil
        }
        return isBegin ? .begin : .commit
    }

    /// 'PRAGMA' name { '.' name } [ '=' value | '(' value ')' ]
    private mutating func pragma() throws(ParseFailure) -> NeedlessStatement {
        advance()
        let name = try name()
        while accept(.dot) { _ = try self.name() }
        if accept(.equal) {
            if case .keyword(.on) = current.kind { advance() } else { _ = try value() }
        } else if accept(.leftParenthesis) {
            _ = try value()
            try expect(.rightParenthesis)
        }
        return .pragma(name)
    }

    /// [ 'UNIQUE' ] 'INDEX' [ 'IF' 'NOT' 'EXISTS' ] [ name ] 'ON' table '(' keys ')' [ 'WHERE' expression ] behind CREATE; nil, with nothing read, for
    /// anything else.
    mutating func createdIndex() throws(ParseFailure) -> NeedlessStatement? {
        let isUnique = isWord(current, "UNIQUE")
        guard isWord(isUnique ? peek() : current, "INDEX") else { return nil }
        if isUnique { advance() }
        advance()
        _ = try ifNotExists()
        let name = at(.on) ? nil : try sourceName()
        try expect(.on)
        let table = try sourceName()
        try expect(.leftParenthesis)
        let keys = try sortKeys()
        try expect(.rightParenthesis)
        let filter = accept(.where) ? try expression() : nil
        return .createIndex(name: name, table: table, keys: keys, isUnique: isUnique, filter: filter)
    }

    /// 'INDEX' [ 'IF' 'EXISTS' ] name behind DROP; nil, with nothing read, for anything else.
    mutating func droppedIndex() throws(ParseFailure) -> NeedlessStatement? {
        guard acceptWord("INDEX") else { return nil }
        let ifExists = try ifExists()
        return .dropIndex(name: try sourceName(), ifExists: ifExists)
    }
}

extension CanonicalText {
    static func needless(_ statement: NeedlessStatement) -> String {
        switch statement {
        case .createIndex(let name, let table, let keys, let isUnique, let filter):
            createIndex(name, table, keys, isUnique: isUnique, filter)
        case .dropIndex(let name, let ifExists): "DROP INDEX " + (ifExists ? "IF EXISTS " : "") + self.name(name)
        case .begin: "BEGIN"
        case .commit: "COMMIT"
        case .upkeep(let word, let name): word + (name.map { " " + self.name($0) } ?? "")
        case .pragma(let name): "PRAGMA " + self.name(name)
        }
    }

    private static func createIndex(_ name: Name?, _ table: Name, _ keys: [SortKey], isUnique: Bool, _ filter: Expression?) -> String {
        let head = "CREATE " + (isUnique ? "UNIQUE " : "") + "INDEX " + (name.map { self.name($0) + " " } ?? "")
        return head + "ON " + self.name(table) + " (" + self.keys(keys) + ")" + (filter.map { " WHERE " + expression($0) } ?? "")
    }
}
