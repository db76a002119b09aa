// Forms of expressions that people know from other databases: x::type, EXTRACT (… FROM …), POSITION (… IN …), DATE '…', INTERVAL '…', ILIKE,
// SIMILAR TO, IS TRUE. Each is another spelling of an expression that the language has anyway, and becomes that here.

import Diagnostics

extension Parser {
    /// Whether ILIKE or SIMILAR TO stands here, perhaps behind NOT, and not a name.
    var atPatternTest: Bool {
        guard options.isFull else { return false }
        let distance = at(.not) ? 1 : 0
        let word = peek(distance)
        guard word.kind == .word else { return false }
        if isWord(word, "SIMILAR") { return peek(distance + 1).isKeyword(.to) }
        guard isWord(word, "ILIKE") || isWord(word, "GLOB") else { return false }
        switch peek(distance + 1).kind {
        case .end, .symbol(.comma), .symbol(.semicolon), .symbol(.rightParenthesis), .symbol(.equal), .keyword(.from): return false
        default: return true
        }
    }

    /// `a ILIKE b` compares in lower case; `a SIMILAR TO b` is a call.
    mutating func otherPattern(of left: Expression) throws(ParseFailure) -> Expression.Node {
        if acceptWord("ILIKE") {
            let pattern = try value()
            return try like(
                try make(.call(Name("LCASE", span: left.span, typed: ""), [left]), from: current),
                pattern: try make(.call(Name("LCASE", span: pattern.span, typed: ""), [pattern]), from: current))
        }
        let span = current.span
        if acceptWord("GLOB") { return .call(Name("GLOB", span: span, typed: ""), [left, try value()]) }
        advance()
        try expect(.to)
        return .call(Name("SIMILAR_TO", span: span, typed: ""), [left, try value()])
    }

    /// `IS TRUE` and its like; nil when something else follows.
    mutating func truthTest(of left: Expression, isNegated: Bool, from first: Token) throws(ParseFailure) -> Expression? {
        if acceptWord("UNKNOWN") { return try make(.isNull(left, negated: isNegated), from: first) }
        guard at(.true) || at(.false) else { return nil }
        let literal = try make(.literal(.boolean(at(.true))), from: current)
        advance()
        return try make(.comparison(isNegated ? .isDistinctFrom : .isNotDistinctFrom, left, literal), from: first)
    }

    /// A value brought to the type that is written next. One with a length cuts texts to it.
    mutating func typed(_ operand: Expression, from first: Token) throws(ParseFailure) -> Expression {
        let (type, length) = try typeWithLength()
        let cast = try make(.cast(operand, type), from: first)
        guard let length else { return cast }
        return try make(
            .call(Name("SUBSTRING", span: type.span, typed: ""), [cast, Expression(.literal(.integer(1))), Expression(.literal(.integer(length)))]), from: first)
    }

    /// Primaries that begin with a keyword: `DATE '2024-01-01'`, `INTERVAL '5' MINUTE`, and LEFT (…) and RIGHT (…).
    mutating func otherPrimary(_ keyword: Keyword) throws(ParseFailure) -> Expression? {
        let first = current
        switch (keyword, peek().kind) {
        case (.date, .string), (.time, .string), (.timestamp, .string):
            advance()
            let text = try make(.literal(.string(try string())), from: first)
            return try make(.call(Name(keyword.rawValue, span: first.span), [text]), from: first)
        case (.interval, .string), (.interval, .integer):
            advance()
            return try interval(from: first)
        case (.list, .symbol(.leftParenthesis)):
            advance()
            return try call(Name("COLLECT_LIST", span: first.span, typed: "LIST"), from: first)
        case (.left, .symbol(.leftParenthesis)), (.right, .symbol(.leftParenthesis)), (.replace, .symbol(.leftParenthesis)):
            advance()
            return try call(Name(keyword.rawValue, span: first.span), from: first)
        default: return nil
        }
    }

    /// `'5' MINUTE`, `5 MINUTE` or `'5 minutes 3 seconds'`: a call with the text of the interval.
    private mutating func interval(from first: Token) throws(ParseFailure) -> Expression {
        var words: String
        if current.kind == .integer {
            words = text(current)
            advance()
        } else {
            words = try string()
        }
        if let unit = intervalUnit(current) {
            words += " " + unit
            advance()
        }
        let literal = try make(.literal(.string(words)), from: first)
        return try make(.call(Name("INTERVAL", span: first.span), [literal]), from: first)
    }

    /// The unit that a token names, unless it is a name of something else.
    private func intervalUnit(_ token: Token) -> String? {
        let word: String
        switch token.kind {
        case .word: word = text(token).uppercased()
        case .keyword(let keyword): word = keyword.rawValue
        default: return nil
        }
        let singular = word.hasSuffix("S") ? String(word.dropLast()) : word
        return ["YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND"].contains(singular) ? word : nil
    }

    // MARK: Calls with words between the arguments

    /// EXTRACT (unit FROM x), POSITION (x IN y), SUBSTRING (x FROM a FOR b) and TRIM (BOTH x FROM y); nil for any other call, which is
    /// then read as usual.
    mutating func wordyCall(_ name: Name, from first: Token) throws(ParseFailure) -> Expression? {
        guard !name.isQuoted, ["EXTRACT", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST", "OVERLAY"].contains(name.text.uppercased()) else { return nil }
        // Some of the arguments are values, which are no level of their own.
        try enter()
        let call: Expression?
        switch name.text.uppercased() {
        case "EXTRACT": call = try extract(from: first)
        case "POSITION": call = try position(from: first)
        case "SUBSTRING": call = try substring(name, from: first)
        case "TRY_CAST": call = try castBehindName(from: first)
        case "OVERLAY": call = try overlay(from: first)
        default: call = try trim(from: first)
        }
        leave()
        return call
    }

    /// `(x AS type)` behind TRY_CAST, which is a CAST: that gives NULL for what it cannot read anyway.
    private mutating func castBehindName(from first: Token) throws(ParseFailure) -> Expression {
        try expect(.leftParenthesis)
        let operand = try expression()
        try expect(.as)
        let result = try typed(operand, from: first)
        try expect(.rightParenthesis)
        return result
    }

    private mutating func extract(from first: Token) throws(ParseFailure) -> Expression? {
        guard peek(2).isKeyword(.from) else { return nil }
        try expect(.leftParenthesis)
        let field = current.kind == .string ? try string() : text(current)
        let unit = try make(.literal(.string(field.lowercased())), from: current)
        if current.kind != .keyword(.from) { advance() }
        try expect(.from)
        let operand = try expression()
        try expect(.rightParenthesis)
        return try make(.call(Name("DATE_PART", span: first.span, typed: "EXTRACT_" + field.uppercased()), [unit, operand]), from: first)
    }

    private mutating func position(from first: Token) throws(ParseFailure) -> Expression? {
        try expect(.leftParenthesis)
        let needle = try value()
        try expect(.in)
        let text = try value()
        try expect(.rightParenthesis)
        return try make(.call(Name("INSTR", span: first.span, typed: "POSITION"), [text, needle]), from: first)
    }

    private mutating func substring(_ name: Name, from first: Token) throws(ParseFailure) -> Expression? {
        guard !peek().isSymbol(.rightParenthesis), !peek().isSymbol(.star) else { return nil }
        try expect(.leftParenthesis)
        var arguments = [try expression()]
        if accept(.from) {
            arguments.append(try value())
            if acceptWord("FOR") { arguments.append(try value()) }
        } else if accept(.comma) {
            arguments += try list { (parser) throws(ParseFailure) in try parser.expression() }
        }
        try expect(.rightParenthesis)
        return try make(.call(Name("SUBSTRING", span: name.span), arguments), from: first)
    }

    private mutating func trim(from first: Token) throws(ParseFailure) -> Expression? {
        guard !peek().isSymbol(.rightParenthesis), !peek().isSymbol(.star) else { return nil }
        let sides = ["BOTH": "BTRIM", "LEADING": "LTRIM", "TRAILING": "RTRIM"]
        var side = peek().kind == .word ? sides[text(peek()).uppercased()] : nil
        if peek(2).isSymbol(.comma) || peek(2).isSymbol(.rightParenthesis) { side = nil }
        try expect(.leftParenthesis)
        if side != nil { advance() }
        var arguments: [Expression] = []
        if !at(.from) { arguments = [try expression()] }
        if accept(.from) {
            arguments.insert(try value(), at: 0)
            try expect(.rightParenthesis)
            return try make(.call(Name(side ?? "BTRIM", span: first.span, typed: "TRIM"), arguments), from: first)
        }
        if accept(.comma) { arguments += try list { (parser) throws(ParseFailure) in try parser.expression() } }
        try expect(.rightParenthesis)
        if side == nil, arguments.count == 2 { side = "BTRIM" }
        return try make(.call(Name(side ?? "TRIM", span: first.span, typed: "TRIM"), arguments), from: first)
    }
}
