// INSERT, with a query or with values.

import Diagnostics

extension Parser {
    mutating func insert() throws(ParseFailure) -> Statement {
        try expect(.insert, .into)
        let first = current
        let target = try sourceName()
        if options.isFull, let change = try insertOnce(into: target, from: first) { return .changeRows(change) }
        if at(.select) || at(.with) && !peek().isSymbol(.leftParenthesis) {
            return .insertSelect(InsertSelect(target: target, query: try continuousQuery()))
        }
        if accept(.with) {
            let properties = try properties()
            return .insertSelect(InsertSelect(target: target, properties: properties, query: try continuousQuery()))
        }
        let columns = at(.leftParenthesis) ? try nameList() : []
        try expect(.values)
        let rows = try list { (parser) throws(ParseFailure) in try parser.valueList() }
        return .insertValues(InsertValues(target: target, columns: columns, rows: rows))
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
