// Tokens: the kind and the place of each word. Their text is sliced from the source when it is needed.

import Diagnostics

/// One token of the text.
struct Token: Hashable, Sendable {
    var kind: Kind
    /// Byte range in the submitted text.
    var start: Int32
    var end: Int32
    /// Line and column of the first byte, from 1; columns count Unicode scalars.
    var line: Int32
    var column: Int32

    enum Kind: Hashable, Sendable {
        case keyword(Keyword)
        /// A name without quotes that is no keyword.
        case word
        /// A name in back-quotes or double quotes.
        case quotedName
        case string
        case integer
        case decimal
        case float
        /// `${name}`
        case variable
        case symbol(Symbol)
        /// A character that begins no token.
        case unrecognised
        /// Behind the last token.
        case end
    }

    var range: SourceRange { SourceRange(start: Int(start), end: Int(end), line: Int(line), column: Int(column)) }
    /// Nowhere for a token without a line.
    var span: SourceSpan { line == 0 ? .none : SourceSpan(range) }
    /// The token in a text whose places mean nothing.
    var withoutPlace: Token {
        var token = self
        token.line = 0
        return token
    }
    func isSymbol(_ symbol: Symbol) -> Bool { kind == .symbol(symbol) }
    func isKeyword(_ keyword: Keyword) -> Bool { kind == .keyword(keyword) }
}

/// Operators and punctuation; the raw value is the spelling.
enum Symbol: String, Hashable, Sendable, CaseIterable {
    case plus = "+", minus = "-", star = "*", slash = "/", percent = "%", bars = "||", ampersand = "&", bar = "|", hash = "#", tilde = "~"
    case equal = "=", notEqual = "<>", bangEqual = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
    case assign = ":=", doubleColon = "::", arrow = "->", fatArrow = "=>"
    case leftParenthesis = "(", rightParenthesis = ")", leftBracket = "[", rightBracket = "]"
    case comma = ",", dot = ".", semicolon = ";"
}
