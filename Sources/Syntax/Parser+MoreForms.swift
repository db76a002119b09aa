// More forms of expressions that people know from other databases: operators on bits, BETWEEN SYMMETRIC, IN (), OVERLAY (… PLACING …) and WITHIN GROUP.
// As in `Parser+OtherForms.swift`, each becomes an expression that the language has anyway.

import Diagnostics

extension Parser {
    /// The function that an operator on bits stands for; nil, with nothing read, for any other symbol. `<<` and `>>` are two symbols, which nothing
    /// stands between.
    mutating func acceptBitOperator(_ symbol: Symbol) -> Name? {
        guard options.isFull else { return nil }
        let name: String
        switch symbol {
        case .ampersand: name = "BITAND"
        case .bar: name = "BITOR"
        case .hash: name = "BITXOR"
        case .less, .greater:
            guard peek().isSymbol(symbol), peek().start == current.end else { return nil }
            name = symbol == .less ? "SHIFT_LEFT" : "SHIFT_RIGHT"
        default: return nil
        }
        let span = current.span
        if symbol == .less || symbol == .greater { advance() }
        advance()
        return Name(name, span: span, typed: "")
    }

    /// [ 'SYMMETRIC' | 'ASYMMETRIC' ] behind BETWEEN: whether the bounds may stand in either order.
    mutating func acceptSymmetry() -> Bool {
        guard options.isFull, isWord(current, "SYMMETRIC") || isWord(current, "ASYMMETRIC"), beginsValue(peek()) else { return false }
        if acceptWord("SYMMETRIC") { return true }
        advance()
        return false
    }

    /// Whether a token can be the first of a value, so that the word in front of it is none.
    private func beginsValue(_ token: Token) -> Bool {
        switch token.kind {
        case .symbol(let symbol): [.leftParenthesis, .minus, .plus, .tilde].contains(symbol)
        case .keyword(.and), .end: false
        default: true
        }
    }

    /// `x IN ()` holds for no x, not even for NULL.
    func inNothing(_ left: Expression) -> Expression.Node {
        .logical(.and, Expression(.isNull(left, negated: false), span: left.span), Expression(.isNull(left, negated: true), span: left.span))
    }

    /// `(a PLACING b FROM n [FOR m])` behind OVERLAY: a with b in the place of m characters from the n-th on, of as many as b has where no m is given.
    mutating func overlay(from first: Token) throws(ParseFailure) -> Expression? {
        try expect(.leftParenthesis)
        let text = try value()
        guard acceptWord("PLACING") else { throw unexpected() }
        let piece = try value()
        try expect(.from)
        let start = try value()
        let count = acceptWord("FOR") ? try value() : Expression(.call(Name("LEN", typed: ""), [piece]), span: piece.span)
        try expect(.rightParenthesis)
        let one = Expression(.literal(.integer(1)))
        let front = Expression(
            .call(Name("SUBSTRING", typed: ""), [text, one, Expression(.arithmetic(.subtract, start, one), span: start.span)]), span: text.span)
        let back = Expression(
            .call(Name("SUBSTRING", typed: ""), [text, Expression(.arithmetic(.add, start, count), span: start.span)]), span: text.span)
        let joined = try make(.arithmetic(.concatenate, front, piece), from: first)
        return try make(.arithmetic(.concatenate, joined, back), from: first)
    }

    // MARK: Aggregates over rows in an order

    /// `(ORDER BY …)` behind WITHIN GROUP: `PERCENTILE_CONT (p)` is PERCENTILE (x, p), `MODE ()` is MODE (x), and lists take their rows in that order.
    mutating func ordered(_ call: Expression, from first: Token) throws(ParseFailure) -> Expression {
        guard case .call(let name, let arguments) = call.node else { throw unexpected() }
        try expect(.within, .group)
        try expect(.leftParenthesis)
        guard acceptWord("ORDER") else { throw unexpected() }
        try expect(.by)
        let keys = try sortKeys()
        try expect(.rightParenthesis)
        guard let key = keys.first, !key.isAll else { throw syntaxError(at: first, "ORDER BY ALL is no order of an aggregate's rows") }
        switch (name.text, arguments.count) {
        case ("PERCENTILE_CONT", 1), ("PERCENTILE_DISC", 1):
            guard keys.count == 1, !key.isDescending else {
                throw syntaxError(at: first, "\(name.text) takes one ORDER BY expression, and no DESC", hint: "Ask for 1 - p.")
            }
            let function = name.text == "PERCENTILE_CONT" ? "PERCENTILE" : name.text
            return try aggregated(Name(function, span: name.span, typed: name.text), [key.expression, arguments[0]], from: first)
        case ("MODE", 0) where keys.count == 1: return try aggregated(name, [key.expression], from: first)
        case ("LISTAGG", 1...2), ("STRING_AGG", 1...2), ("GROUP_CONCAT", 1...2), ("ARRAY_AGG", 1), ("COLLECT_LIST", 1):
            guard allowsQuestions else { throw syntaxError(at: first, "WITHIN GROUP is for questions, which end") }
            guard let modifiers = try modifiers(isDistinct: false, order: keys) else { throw unexpected() }
            return try make(.modifiedCall(name, arguments, modifiers), from: first)
        default:
            throw syntaxError(
                at: first, "\(name.text) has no WITHIN GROUP", hint: "PERCENTILE_CONT (p), PERCENTILE_DISC (p), MODE (), LISTAGG and ARRAY_AGG have one.")
        }
    }

    /// A call of an aggregate with what may follow its brackets.
    private mutating func aggregated(_ name: Name, _ arguments: [Expression], from first: Token) throws(ParseFailure) -> Expression {
        guard let modifiers = try modifiers(isDistinct: false, order: []) else { return try make(.call(name, arguments), from: first) }
        return try make(.modifiedCall(name, arguments, modifiers), from: first)
    }

    // MARK: Statements

    /// `TABLE t` is SELECT * FROM t.
    mutating func wholeTable() throws(ParseFailure) -> Statement {
        let first = current
        try expect(.table)
        let name = try sourceName()
        let items: [SelectItem] = [.all(span(from: first))]
        return .query(Query(items: items, from: .source(name: name, alias: nil), span: span(from: first)))
    }

    /// [ 'OR' ( 'REPLACE' | 'IGNORE' ) ] behind INSERT: whether rows whose key is there are to be left out. REPLACE is what holds anyway, since a row
    /// takes the place of the one with its key.
    mutating func acceptReplacement() throws(ParseFailure) -> Bool {
        guard options.isFull, accept(.or) else { return false }
        if acceptWord("IGNORE") { return true }
        guard accept(.replace) else {
            throw syntaxError(
                at: current, "INSERT OR is followed by REPLACE or IGNORE",
                hint: "Without either a row takes the place of the one with its key; there is no such thing as a conflict that ends a statement.")
        }
        return false
    }

    /// 'ON' 'CONFLICT' [ names ] 'DO' ( 'NOTHING' | 'UPDATE' 'SET' assignments [ 'WHERE' condition ] ): the names, which are those of the key, and what
    /// becomes of the row that is there.
    mutating func conflictClause() throws(ParseFailure) -> ([Name], RowChange.ConflictUpdate?) {
        advance()
        advance()
        let names = at(.leftParenthesis) ? try nameList() : []
        if acceptWord("DO") {
            if acceptWord("NOTHING") { return (names, nil) }
            if acceptWord("UPDATE") {
                let assignments = try assignments()
                return (names, RowChange.ConflictUpdate(assignments: assignments, filter: try changeFilter()))
            }
        }
        throw syntaxError(
            at: current, "ON CONFLICT is followed by DO NOTHING or by DO UPDATE SET",
            hint: "DO UPDATE SET n = t.n + excluded.n computes values from the row that is there and the one that was to be inserted.")
    }

    /// An INSERT as one that writes its rows once.
    func once(_ statement: Statement, from first: Token) throws(ParseFailure) -> RowChange {
        var change: RowChange
        switch statement {
        case .insertValues(let insert) where !insert.isOfDefaults:
            change = RowChange(target: insert.target, action: .insert(columns: insert.columns, Question(body: .values(insert.rows, span(from: first)))))
        case .insertSelect(let insert) where insert.properties.isEmpty && insert.query.emit == nil:
            change = RowChange(target: insert.target, action: .insert(columns: [], insert.query.question))
        case .changeRows(let written): change = written
        default: throw syntaxError(at: first, "ON CONFLICT and RETURNING are for INSERT … VALUES and INSERT … SELECT without EMIT only")
        }
        change.span = span(from: first)
        return change
    }

    // MARK: NULLs

    /// [ ( 'IGNORE' | 'RESPECT' ) 'NULLS' ]: whether NULLs are to be left out; RESPECT is what holds anyway.
    mutating func acceptIgnoredNulls() -> Bool {
        guard allowsQuestions, isWord(current, "IGNORE") || isWord(current, "RESPECT"), isWord(peek(), "NULLS") else { return false }
        let isIgnored = isWord(current, "IGNORE")
        advance()
        advance()
        return isIgnored
    }

    // MARK: Counts

    /// The number behind LIMIT or OFFSET: a whole number, or a sum, difference, product or quotient of such.
    mutating func constantCount() throws(ParseFailure) -> Int64 {
        guard options.isFull else { return try limit() }
        var attempt = self
        guard let value = try? attempt.value() else { return try limit() }
        if let count = value.wholeConstant {
            self = attempt
            return count
        }
        // A number alone has a message of its own.
        if value.isComputedOfNumbers { throw syntaxError(at: current, "what stands behind LIMIT or OFFSET is no whole number of 64 bits") }
        return try limit()
    }
}

extension Expression {
    /// Whether it is an operator, with nothing but numbers and operators below it.
    fileprivate var isComputedOfNumbers: Bool {
        func isOfNumbers(_ expression: Expression) -> Bool {
            switch expression.node {
            case .literal(.integer), .literal(.decimal), .literal(.double): true
            default: expression.isComputedOfNumbers
            }
        }
        return switch node {
        case .sign(_, let operand): isOfNumbers(operand)
        case .arithmetic(_, let left, let right): isOfNumbers(left) && isOfNumbers(right)
        case .call(let name, let operands): name.typed?.isEmpty == true && operands.allSatisfy(isOfNumbers)
        default: false
        }
    }

    /// The whole number that the expression is whatever the rows are; nil where it is none, or none that fits.
    fileprivate var wholeConstant: Int64? {
        switch node {
        case .literal(.integer(let number)): return Int64(number)
        case .sign(.plus, let operand): return operand.wholeConstant
        case .sign(.minus, let operand): return operand.wholeConstant.flatMap { $0 == .min ? nil : -$0 }
        case .arithmetic(let operation, let left, let right):
            guard let a = left.wholeConstant, let b = right.wholeConstant else { return nil }
            let result: (partialValue: Int64, overflow: Bool)
            switch operation {
            case .add: result = a.addingReportingOverflow(b)
            case .subtract: result = a.subtractingReportingOverflow(b)
            case .multiply: result = a.multipliedReportingOverflow(by: b)
            case .divide: result = a.dividedReportingOverflow(by: b)
            case .modulo: result = a.remainderReportingOverflow(dividingBy: b)
            case .concatenate: return nil
            }
            return result.overflow ? nil : result.partialValue
        default: return nil
        }
    }
}
