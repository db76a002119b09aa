// Expressions by precedence climbing. From loose to tight: OR, AND, NOT, one test (= IN LIKE …), ||, + -, * / %, sign, [ ] and ->.

import Diagnostics

/// How tightly a binary operator of values binds.
enum ValuePrecedence: Int, Comparable {
    case concatenation, sum, product

    static func < (left: ValuePrecedence, right: ValuePrecedence) -> Bool { left.rawValue < right.rawValue }

    /// The next tighter level, which the right side of a left-associative operator is parsed at; nil for a sign or a primary.
    var tighter: ValuePrecedence? { ValuePrecedence(rawValue: rawValue + 1) }
}

/// The operands of one operator in a row.
struct Chain {
    /// An operand, with the places at which it begins and ends, brackets included.
    struct Link {
        let operand: Expression
        let start: SourceSpan
        let end: SourceSpan
    }

    private(set) var links: [Link]

    init(_ first: Expression, _ span: SourceSpan) { links = [Link(operand: first, start: span, end: span)] }

    mutating func append(_ operand: Expression, from start: SourceSpan, through end: SourceSpan) {
        links.append(Link(operand: operand, start: start, end: end))
    }
}

extension Parser {
    /// A node, unless it makes the tree too deep to be walked.
    func make(_ node: Expression.Node, from first: Token) throws(ParseFailure) -> Expression {
        let expression = Expression(node, span: span(from: first))
        guard expression.depth <= SyntaxLimits.maximumDepth else { throw tooDeep() }
        return expression
    }

    /// orExpr = andExpr { 'OR' andExpr }
    mutating func expression() throws(ParseFailure) -> Expression {
        try enter()
        let first = current
        var whole = try conjunction()
        if at(.or) { whole = try disjunction(behind: whole, from: first) } else { tried.append(.keyword(.or)) }
        leave()
        return whole
    }

    private mutating func disjunction(behind left: Expression, from first: Token) throws(ParseFailure) -> Expression {
        var chain = Chain(left, span(from: first))
        while accept(.or) {
            let start = current
            chain.append(try conjunction(), from: start.span, through: tokens[index - 1].span)
        }
        return try joined(chain) { .logical(.or, $0, $1) }
    }

    private mutating func conjunction() throws(ParseFailure) -> Expression {
        let first = current
        let left = try negation()
        if at(.and) { return try conjunction(behind: left, from: first) }
        tried.append(.keyword(.and))
        return left
    }

    private mutating func conjunction(behind left: Expression, from first: Token) throws(ParseFailure) -> Expression {
        var chain = Chain(left, span(from: first))
        while accept(.and) {
            let start = current
            chain.append(try negation(), from: start.span, through: tokens[index - 1].span)
        }
        return try joined(chain) { .logical(.and, $0, $1) }
    }

    /// The operands of an operator for which it does not matter how they are bracketed.
    private func joined(_ chain: Chain, _ node: (Expression, Expression) -> Expression.Node) throws(ParseFailure) -> Expression {
        let whole = chain.links.joined { left, right in
            let expression = Expression(node(left.operand, right.operand), span: left.start.through(right.end))
            return Chain.Link(operand: expression, start: left.start, end: right.end)
        }
        guard let whole else { throw unexpected() }
        guard whole.operand.depth <= SyntaxLimits.maximumDepth else { throw tooDeep() }
        return whole.operand
    }

    /// notExpr = 'NOT' notExpr | predicate; a run of NOTs is a loop, not a recursion.
    private mutating func negation() throws(ParseFailure) -> Expression {
        var nots: [Token] = []
        while at(.not) {
            nots.append(current)
            advance()
        }
        var operand = try predicate()
        for token in nots.reversed() { operand = try make(.not(operand), from: token) }
        return operand
    }

    /// predicate = value [ test ]
    private mutating func predicate() throws(ParseFailure) -> Expression {
        let first = current
        let left = try value()
        switch current.kind {
        case .symbol(let symbol): return try compared(left, symbol, from: first)
        case .keyword(.is): return try isTest(of: left, from: first)
        case _ where atNullTest: return try nullTest(of: left, from: first)
        case .keyword(.not), .keyword(.between), .keyword(.in), .keyword(.like): return try negatableTest(of: left, from: first)
        case .word where atPatternTest: return try negatableTest(of: left, from: first)
        default: return left
        }
    }

    /// A comparison, or the value alone when the symbol does not compare.
    private mutating func compared(_ left: Expression, _ symbol: Symbol, from first: Token) throws(ParseFailure) -> Expression {
        guard let comparison = Parser.comparisons[symbol] else { return left }
        advance()
        if options.isFull {
            // `==` is SQLite's `=`.
            if symbol == .equal, at(.equal), tokens[index - 1].end == current.start { advance() }
            if beginsQuantified { return try quantified(left, comparison, from: first) }
        }
        let right = try value()
        return try make(.comparison(comparison, left, right), from: first)
    }

    private static let comparisons: [Symbol: Expression.ComparisonOperator] = [
        .equal: .equal, .notEqual: .notEqual, .bangEqual: .notEqual, .less: .less, .lessOrEqual: .lessOrEqual, .greater: .greater,
        .greaterOrEqual: .greaterOrEqual,
    ]

    /// Whether `a NOT NULL`, `a NOTNULL` or `a ISNULL` goes on here, which are other databases' for `a IS NOT NULL` and `a IS NULL`.
    private var atNullTest: Bool {
        if at(.not) { return options.isFull && peek().isKeyword(.null) }
        return allowsQuestions && (isWord(current, "ISNULL") || isWord(current, "NOTNULL"))
    }

    private mutating func nullTest(of left: Expression, from first: Token) throws(ParseFailure) -> Expression {
        let isNegated = !isWord(current, "ISNULL")
        if accept(.not) {}
        advance()
        return try make(.isNull(left, negated: isNegated), from: first)
    }

    private mutating func isTest(of left: Expression, from first: Token) throws(ParseFailure) -> Expression {
        try expect(.is)
        let isNegated = accept(.not)
        if accept(.null) { return try make(.isNull(left, negated: isNegated), from: first) }
        if options.isFull, let test = try truthTest(of: left, isNegated: isNegated, from: first) { return test }
        let isPlain = options.isFull && beginsPlainValue
        if !isPlain { try expect(.distinct, .from) }
        let right = try value()
        return try make(.comparison(isNegated == isPlain ? .isDistinctFrom : .isNotDistinctFrom, left, right), from: first)
    }

    /// Whether a number, a text, a sign or a bracket stands here: `a IS 1` is SQLite's for `a IS NOT DISTINCT FROM 1`.
    private var beginsPlainValue: Bool {
        switch current.kind {
        case .integer, .decimal, .float, .string, .symbol(.leftParenthesis), .symbol(.minus), .symbol(.plus): true
        default: false
        }
    }

    private mutating func negatableTest(of left: Expression, from first: Token) throws(ParseFailure) -> Expression {
        let isNegated = accept(.not)
        let test = try make(try positiveTest(of: left), from: first)
        return isNegated ? try make(.not(test), from: first) : test
    }

    private mutating func positiveTest(of left: Expression) throws(ParseFailure) -> Expression.Node {
        if accept(.between) {
            let isSymmetric = acceptSymmetry()
            let low = try value()
            try expect(.and)
            let high = try value()
            guard isSymmetric else { return .between(left, low: low, high: high) }
            return .logical(
                .or, Expression(.between(left, low: low, high: high), span: left.span), Expression(.between(left, low: high, high: low), span: left.span))
        }
        if accept(.in) {
            try expect(.leftParenthesis)
            if options.isFull, accept(.rightParenthesis) { return inNothing(left) }
            if isBracketedQuestion {
                let question = try question()
                try expect(.rightParenthesis)
                return .inSubquery(left, question)
            }
            let elements = try list { (parser) throws(ParseFailure) in try parser.expression() }
            try expect(.rightParenthesis)
            return .isIn(left, elements)
        }
        if atPatternTest, !at(.like) { return try otherPattern(of: left) }
        try expect(.like)
        return try like(left, pattern: try value())
    }

    /// What may follow the pattern of LIKE and ILIKE.
    mutating func like(_ left: Expression, pattern: Expression) throws(ParseFailure) -> Expression.Node {
        guard accept(.escape) else { return .like(left, pattern: pattern, escape: nil) }
        let token = current
        let escape = try string()
        guard escape.unicodeScalars.count == 1 else {
            throw syntaxError(at: token, "ESCAPE takes exactly one character")
        }
        return .like(left, pattern: pattern, escape: escape)
    }

    /// value = terms joined by ||, + - and * / %, left-associative each.
    mutating func value(_ minimum: ValuePrecedence = .concatenation) throws(ParseFailure) -> Expression {
        let first = current
        var left = try sign()
        while case .symbol(let symbol) = current.kind {
            if symbol == .bars, minimum == .concatenation {
                left = try concatenation(behind: left, from: first)
            } else if let (operation, precedence) = Parser.operators[symbol] {
                guard precedence >= minimum else { break }
                advance()
                let right: Expression
                if let tighter = precedence.tighter {
                    right = try value(tighter)
                } else {
                    right = try sign()
                }
                left = try make(.arithmetic(operation, left, right), from: first)
            } else {
                guard minimum == .concatenation, let function = acceptBitOperator(symbol) else { break }
                left = try make(.call(function, [left, try value(.sum)]), from: first)
            }
        }
        tried.append(.anyOperator)
        return left
    }

    private mutating func concatenation(behind left: Expression, from first: Token) throws(ParseFailure) -> Expression {
        var chain = Chain(left, span(from: first))
        while accept(.bars) {
            let start = current
            chain.append(try value(.sum), from: start.span, through: tokens[index - 1].span)
        }
        return try joined(chain) { .arithmetic(.concatenate, $0, $1) }
    }

    private static let operators: [Symbol: (Expression.ArithmeticOperator, ValuePrecedence)] = [
        .bars: (.concatenate, .concatenation), .plus: (.add, .sum), .minus: (.subtract, .sum), .star: (.multiply, .product),
        .slash: (.divide, .product), .percent: (.modulo, .product),
    ]

    /// unary = ('+'|'-') unary | postfix; a minus before a number belongs to the number.
    private mutating func sign() throws(ParseFailure) -> Expression {
        var signs: [Token] = []
        while at(.plus) || at(.minus) || options.isFull && at(.tilde) {
            if at(.minus), Parser.isNumber(peek()) { break }
            signs.append(current)
            advance()
        }
        var operand = try postfix()
        for token in signs.reversed() { operand = try make(Parser.signed(operand, token), from: token) }
        return operand
    }

    /// An operand behind `+`, `-` or `~`.
    private static func signed(_ operand: Expression, _ sign: Token) -> Expression.Node {
        if sign.isSymbol(.minus) { return negated(operand) }
        return sign.isSymbol(.plus) ? .sign(.plus, operand) : .call(Name("BITNOT", span: sign.span, typed: ""), [operand])
    }

    private static func isNumber(_ token: Token) -> Bool { token.kind == .integer || token.kind == .decimal || token.kind == .float }

    /// The negative of an operand: a number in parentheses becomes a negative number, as its text would read.
    private static func negated(_ operand: Expression) -> Expression.Node {
        switch operand.node {
        case .literal(.integer(let value)) where value > 0: .literal(.integer(-value))
        case .literal(.decimal(let text)) where !text.hasPrefix("-"): .literal(.decimal("-" + text))
        case .literal(.double(let value)) where value > 0: .literal(.double(-value))
        default: .sign(.minus, operand)
        }
    }

    /// postfix = primary { '[' value ']' | '->' identifier }; `->*` is left to the SELECT list.
    private mutating func postfix() throws(ParseFailure) -> Expression {
        let first = current
        let start = index
        var base = try primary()
        while at(.leftBracket) || at(.arrow) && !peek().isSymbol(.star) || options.isFull && at(.doubleColon) {
            base = try suffixed(base, from: first)
        }
        postfixStart = start
        return base
    }

    private mutating func suffixed(_ base: Expression, from first: Token) throws(ParseFailure) -> Expression {
        if accept(.arrow) { return try make(.field(base, try name()), from: first) }
        if options.isFull, accept(.doubleColon) { return try typed(base, from: first) }
        try expect(.leftBracket)
        try enter()
        let subscripting = try value()
        leave()
        try expect(.rightBracket)
        return try make(.subscripted(base, subscripting), from: first)
    }
}
