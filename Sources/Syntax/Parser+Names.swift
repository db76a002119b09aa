// Names, strings and numbers: the leaves of every other production.

import Diagnostics

extension Parser {
    /// Whether a token can stand where a name is wanted.
    func isName(_ token: Token) -> Bool {
        switch token.kind {
        case .word, .quotedName, .variable: true
        case .keyword(let keyword): !isReserved(keyword)
        default: false
        }
    }

    /// Whether a keyword has to be quoted to serve as a name.
    func isReserved(_ keyword: Keyword) -> Bool { options.isFull ? keyword.isReservedInFull : keyword.isReserved }

    /// An identifier: folded to upper case unless quoted.
    mutating func name() throws(ParseFailure) -> Name {
        let token = current
        switch token.kind {
        case .variable: return try variableName()
        case .word: break
        case .keyword(let keyword) where !isReserved(keyword): break
        case .quotedName:
            let inner = bytes[(Int(token.start) + 1)..<(Int(token.end) - 1)]
            guard !inner.isEmpty else { throw syntaxError(at: token, "a quoted name must not be empty") }
            advance()
            return Name(VariableValue.undoubled(inner, quote: bytes[Int(token.start)]), isQuoted: true, span: token.span)
        default:
            tried.append(.name)
            throw nameExpected()
        }
        advance()
        return Name(text(token).uppercased(), span: token.span)
    }

    /// The name of a stream or table, which may not hold every character that a column name may.
    mutating func sourceName() throws(ParseFailure) -> Name {
        let name = try name()
        guard name.text.utf8.allSatisfy({ $0 != UInt8(ascii: "@") && Lexer.isNamePart($0) || $0 == UInt8(ascii: "-") }) else {
            let place = name.span.range.map { "Illegal argument at Line: \($0.line), Col: \($0.column). " } ?? ""
            throw ParseFailure(
                .invalidName, place + "Source names may only contain alphanumeric values, '_' or '-'. Got: '\(name.text)'",
                category: .parseFailed, at: name.span.range)
        }
        return name
    }

    /// Whether a name with a dot follows, as system tables have it.
    var isAtSystemName: Bool { isName(current) && peek().isSymbol(.dot) }

    /// `millrace.queries`: both names, with the dot, as one. Behind the dot also those reserved words may stand that are names of system tables.
    mutating func systemName() throws(ParseFailure) -> Name {
        let first = current
        let schema = try sourceName()
        try expect(.dot)
        let table: Name
        if at(.queries) || at(.topics) {
            table = Name(text(current).uppercased())
            advance()
        } else {
            table = try sourceName()
        }
        return Name(schema.text + "." + table.text, span: span(from: first))
    }

    /// A name, or a string that serves as one.
    mutating func nameOrString() throws(ParseFailure) -> Name {
        let token = current
        guard token.kind == .string else {
            tried.append(.string)
            return try name()
        }
        return Name(try string(), isQuoted: true, span: token.span)
    }

    mutating func string() throws(ParseFailure) -> String {
        let token = current
        guard token.kind == .string else {
            if token.kind == .variable {
                guard case .string(let value)? = try variableLiteral() else { throw notALiteral(token) }
                return value
            }
            tried.append(.string)
            throw unexpected()
        }
        let value = stringValue(token)
        advance()
        return value
    }

    /// An integer, with an optional sign.
    mutating func integer() throws(ParseFailure) -> Int64 {
        let token = current
        if token.kind == .variable {
            guard case .integer(let value)? = try variableLiteral() else { throw notALiteral(token) }
            return value
        }
        let isNegative = at(.minus) && peek().kind == .integer
        if isNegative { advance() }
        guard current.kind == .integer else {
            tried.append(.integer)
            throw unexpected()
        }
        let range = isNegative ? token.range.through(current.range) : current.range
        guard case .integer(let value)? = try NumberLiteral.literal(text(current), kind: .integer, isNegative: isNegative, isFull: false, at: range) else {
            throw unexpected()
        }
        advance()
        return value
    }

    /// The number of a LIMIT. Its own message for other numbers is one that users of ksqlDB know.
    mutating func limit() throws(ParseFailure) -> Int64 {
        let distance = at(.minus) ? 1 : 0
        if peek(distance).kind == .decimal || peek(distance).kind == .float {
            throw ParseFailure(
                .invalidLiteral, "Failed to prepare statement: Value must be integer for command: LIMIT",
                at: current.range)
        }
        return try integer()
    }

    /// A literal of any type, as the values of properties are.
    mutating func literal() throws(ParseFailure) -> Literal {
        let token = current
        switch token.kind {
        case .variable:
            guard let literal = try variableLiteral() else { throw notALiteral(token) }
            return literal
        case .string:
            return .string(try string())
        case .keyword(.true):
            advance()
            return .boolean(true)
        case .keyword(.false):
            advance()
            return .boolean(false)
        case .keyword(.null):
            advance()
            return .null
        case .keyword(.decimal) where peek().kind == .string:
            return try decimalLiteral()
        case .symbol(.minus), .integer, .decimal, .float:
            return try number()
        default:
            throw noAlternative()
        }
    }

    /// A number with an optional minus sign, which belongs to the literal.
    mutating func number() throws(ParseFailure) -> Literal {
        let first = current
        let isNegative = at(.minus)
        if isNegative { advance() }
        let token = current
        let range = isNegative ? first.range.through(token.range) : token.range
        guard let literal = try NumberLiteral.literal(text(token), kind: token.kind, isNegative: isNegative, isFull: options.isFull, at: range) else {
            throw noAlternative()
        }
        advance()
        return literal
    }

    /// `DECIMAL '1.5'`
    mutating func decimalLiteral() throws(ParseFailure) -> Literal {
        try expect(.decimal)
        let token = current
        let text = try string()
        guard let digits = NumberLiteral.decimal(text) else {
            throw ParseFailure(.invalidLiteral, "'\(text)' is not a decimal number", at: token.range)
        }
        return .decimal(digits)
    }

    /// `5 MINUTES`
    mutating func duration() throws(ParseFailure) -> Duration {
        let first = current
        let count = try integer()
        let unit = try timeUnit()
        return Duration(count: count, unit: unit, span: span(from: first))
    }

    mutating func timeUnit() throws(ParseFailure) -> TimeUnit {
        guard case .keyword(let keyword) = current.kind, let unit = TimeUnit(word: keyword.rawValue) else {
            let hint = closestMatch(to: text(current), among: TimeUnit.allCases.map(\.rawValue)).map { "Did you mean \($0)?" }
            throw syntaxError(
                at: current, "Syntax error at or near '\(spelling(current))' at line \(current.line):\(current.column)",
                hint: hint ?? "Units of time are DAYS, HOURS, MINUTES, SECONDS and MILLISECONDS.")
        }
        advance()
        return unit
    }
}
