// INSERT, with a query or with values.

import Diagnostics

extension Parser {
    /// insert = ( 'INSERT' [ 'OR' ( 'REPLACE' | 'IGNORE' ) ] | 'REPLACE' ) 'INTO' … [ 'ON' 'CONFLICT' [ names ] 'DO' 'NOTHING' ]
    mutating func insert() throws(ParseFailure) -> Statement {
        let first = current
        var conflict: [Name]?
        if options.isFull, at(.replace) {
            advance()
        } else {
            try expect(.insert)
            if try acceptReplacement() { conflict = [] }
        }
        let statement = try insertInto()
        if options.isFull, at(.on), isWord(peek(), "CONFLICT") { conflict = try conflictKey() }
        guard let conflict else { return statement }
        return .changeRows(try leavingOut(conflict, of: statement, from: first))
    }

    private mutating func insertInto() throws(ParseFailure) -> Statement {
        try expect(.into)
        let first = current
        let target = try sourceName()
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
        let question = try whole { (parser) throws(ParseFailure) in try parser.question() }
        allowsQuestions = before
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
        let values = try list { (parser) throws(ParseFailure) in try parser.value() }
        try expect(.rightParenthesis)
        return values
    }
}
