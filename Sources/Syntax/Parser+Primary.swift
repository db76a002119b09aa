// Primary expressions: literals, names, calls, constructors, CASE, CAST and parentheses.

import Diagnostics

extension Parser {
    /// Small on purpose: every level of nesting holds one frame of it.
    mutating func primary() throws(ParseFailure) -> Expression {
        switch current.kind {
        case .symbol(.leftParenthesis): return try parenthesised()
        case .keyword(let keyword): return try keywordPrimary(keyword)
        case .word, .quotedName: return try columnOrCall()
        case .variable: return try variablePrimary()
        default: return try literalPrimary()
        }
    }

    private mutating func parenthesised() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.leftParenthesis)
        if isBracketedQuestion {
            let question = try question()
            try expect(.rightParenthesis)
            return try make(.subquery(question), from: first)
        }
        let inner = try expression()
        if options.isFull, allowsQuestions, allowsRows, at(.comma) { return try row(from: inner, first) }
        try expect(.rightParenthesis)
        return inner
    }

    /// `(a, b)`, which is compared value by value; written `ROW(a, b)` as well.
    private mutating func row(from first: Expression, _ open: Token) throws(ParseFailure) -> Expression {
        try expect(.comma)
        let others = try list { (parser) throws(ParseFailure) in try parser.expression() }
        try expect(.rightParenthesis)
        return try make(.call(Name("ROW", span: open.span, typed: ""), [first] + others), from: open)
    }

    private mutating func keywordPrimary(_ keyword: Keyword) throws(ParseFailure) -> Expression {
        switch (keyword, peek().kind) {
        case (.exists, .symbol(.leftParenthesis)) where allowsQuestions: return try exists()
        case (.cast, _): return try cast()
        case (.case, _): return try caseExpression()
        case (.array, .symbol(.leftBracket)): return try arrayConstructor()
        case (.map, .symbol(.leftParenthesis)): return try mapConstructor()
        case (.struct, .symbol(.leftParenthesis)): return try structureConstructor()
        case (.decimal, .string), (.true, _), (.false, _), (.null, _): return try literalPrimary()
        default: break
        }
        if options.isFull, let other = try otherPrimary(keyword) { return other }
        guard isReserved(keyword) else { return try columnOrCall() }
        if peek().isSymbol(.dot) || peek().isSymbol(.comma) { throw nameExpected() }
        let standsForAValue = peek().isKeyword(.from) || peek().isSymbol(.rightParenthesis)
        throw noAlternative(
            hint: standsForAValue ? "\(keyword.rawValue) is a reserved word; escape it to use it as a name: `\(keyword.rawValue)`." : nil)
    }

    private mutating func exists() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.exists)
        try expect(.leftParenthesis)
        let question = try question()
        try expect(.rightParenthesis)
        return try make(.exists(question), from: first)
    }

    private mutating func literalPrimary() throws(ParseFailure) -> Expression {
        let first = current
        return try make(.literal(try literal()), from: first)
    }

    /// A variable alone is a literal or a name, whichever its value spells.
    private mutating func variablePrimary() throws(ParseFailure) -> Expression {
        let first = current
        if !peek().isSymbol(.dot), !peek().isSymbol(.leftParenthesis), let literal = try variableLiteral() {
            return try make(.literal(literal), from: first)
        }
        return try columnOrCall()
    }

    private mutating func columnOrCall() throws(ParseFailure) -> Expression {
        let first = current
        let name = try name()
        if at(.leftParenthesis) {
            if options.isFull, let call = try wordyCall(name, from: first) { return call }
            let call = try call(name, from: first)
            return options.isFull && at(.within) && peek().isKeyword(.group) ? try ordered(call, from: first) : call
        }
        if at(.dot) {
            advance()
            return try make(.column(source: name, try self.name()), from: first)
        }
        return try make(.column(source: nil, name), from: first)
    }

    // MARK: Calls

    mutating func call(_ name: Name, from first: Token) throws(ParseFailure) -> Expression {
        var function = name
        function.text = name.text.uppercased()
        try expect(.leftParenthesis)
        if at(.star), peek().isSymbol(.rightParenthesis) {
            advance()
            advance()
            return try finished(function, [], isDistinct: false, from: first)
        }
        if accept(.rightParenthesis) { return try finished(function, [], isDistinct: false, from: first) }
        let isDistinct = allowsQuestions && accept(.distinct)
        if allowsQuestions, !isDistinct { _ = accept(.all) }
        var hasLambda = false
        let arguments = try list { (parser) throws(ParseFailure) in
            if parser.atLambda {
                hasLambda = true
                return try parser.lambda()
            }
            guard !hasLambda else {
                throw parser.syntaxError(at: parser.current, "a lambda is expected", hint: "Lambdas are the last arguments of a call.")
            }
            return try parser.argument(of: function)
        }
        var order: [SortKey] = []
        if allowsQuestions, isWord(current, "ORDER"), peek().isKeyword(.by) {
            advance()
            advance()
            order = try sortKeys()
        }
        let ignoresNulls = acceptIgnoredNulls()
        try expect(.rightParenthesis)
        return try finished(function, arguments, isDistinct: isDistinct, order: order, ignoresNulls: ignoresNulls, from: first)
    }

    /// A call whose arguments have been read, with what follows them.
    private mutating func finished(
        _ function: Name, _ arguments: [Expression], isDistinct: Bool, order: [SortKey] = [], ignoresNulls: Bool = false, from first: Token
    ) throws(ParseFailure) -> Expression {
        guard let modifiers = try modifiers(isDistinct: isDistinct, order: order, ignoresNulls: ignoresNulls) else { return try make(.call(function, arguments), from: first) }
        return try make(.modifiedCall(function, arguments, modifiers), from: first)
    }

    /// The functions that take a unit of time.
    private static let timedFunctions: Set<String> = ["TIMESTAMPADD", "TIMESTAMPSUB", "DATEADD", "DATESUB", "TIMEADD", "TIMESUB"]

    /// arg = expression | timeUnit; the units that are also names parse as columns (`Expression.asTimeUnit`).
    private mutating func argument(of function: Name) throws(ParseFailure) -> Expression {
        let first = current
        let mayBeUnit = !options.isFull || Self.timedFunctions.contains(function.text)
        if mayBeUnit, case .keyword(let keyword) = first.kind, keyword.isReserved, let unit = TimeUnit(word: keyword.rawValue),
            peek().isSymbol(.comma) || peek().isSymbol(.rightParenthesis)
        {
            advance()
            return try make(.timeUnit(unit), from: first)
        }
        return try expression()
    }

    /// Whether a lambda begins here: `x =>` or `(x, y) =>`.
    private var atLambda: Bool {
        if isName(current), peek().isSymbol(.fatArrow) { return true }
        guard at(.leftParenthesis) else { return false }
        var distance = 1
        while isName(peek(distance)) {
            if peek(distance + 1).isSymbol(.rightParenthesis) { return peek(distance + 2).isSymbol(.fatArrow) }
            guard peek(distance + 1).isSymbol(.comma) else { return false }
            distance += 2
        }
        return false
    }

    private mutating func lambda() throws(ParseFailure) -> Expression {
        let first = current
        var parameters: [Name] = []
        if accept(.leftParenthesis) {
            parameters = try list { (parser) throws(ParseFailure) in try parser.name() }
            try expect(.rightParenthesis)
        } else {
            parameters = [try name()]
        }
        try expect(.fatArrow)
        return try make(.lambda(parameters, try expression()), from: first)
    }

    // MARK: CAST and CASE

    private mutating func cast() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.cast)
        try expect(.leftParenthesis)
        let operand = try expression()
        try expect(.as)
        let result = try typed(operand, from: first)
        try expect(.rightParenthesis)
        return try make(result.node, from: first)
    }

    private mutating func caseExpression() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.case)
        let operand = at(.when) ? nil : try expression()
        var whens: [Expression.WhenClause] = []
        repeat {
            try expect(.when)
            let condition = try expression()
            try expect(.then)
            whens.append(Expression.WhenClause(condition: condition, result: try expression()))
        } while at(.when)
        let otherwise = accept(.else) ? try expression() : nil
        try expect(.end)
        guard let operand else { return try make(.searchedCase(whens, otherwise: otherwise), from: first) }
        return try make(.simpleCase(operand, whens, otherwise: otherwise), from: first)
    }

    // MARK: Constructors

    private mutating func arrayConstructor() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.array)
        try expect(.leftBracket)
        var elements: [Expression] = []
        if !at(.rightBracket) { elements = try list { (parser) throws(ParseFailure) in try parser.expression() } }
        try expect(.rightBracket)
        return try make(.array(elements), from: first)
    }

    private mutating func mapConstructor() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.map)
        try expect(.leftParenthesis)
        var entries: [Expression.MapEntry] = []
        if !at(.rightParenthesis) {
            entries = try list { (parser) throws(ParseFailure) in
                let key = try parser.expression()
                try parser.expect(.assign)
                return Expression.MapEntry(key: key, value: try parser.expression())
            }
        }
        try expect(.rightParenthesis)
        return try make(.map(entries), from: first)
    }

    private mutating func structureConstructor() throws(ParseFailure) -> Expression {
        let first = current
        try expect(.struct)
        try expect(.leftParenthesis)
        var entries: [Expression.StructEntry] = []
        if !at(.rightParenthesis) {
            entries = try list { (parser) throws(ParseFailure) in
                let name = try parser.name()
                try parser.expect(.assign)
                return Expression.StructEntry(name: name, value: try parser.expression())
            }
        }
        try expect(.rightParenthesis)
        return try make(.structure(entries), from: first)
    }
}
