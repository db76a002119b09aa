// The lexer: bytes to tokens, one statement at a time. It never fails on odd characters (they become tokens that no production takes);
// it refuses only what has no end: an open quote or comment, and a statement that is too long.

import Diagnostics

/// Reads tokens from a text, keeping count of lines and columns.
struct Lexer {
    let bytes: [UInt8]
    private(set) var position = 0
    private var line: Int32 = 1
    private var column: Int32 = 1

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The tokens up to and with the next `;`, or to the end of the text, followed by an end token. Only the end token means that
    /// nothing but blanks and comments was left.
    mutating func nextStatement() throws(ParseFailure) -> [Token] {
        var tokens: [Token] = []
        while true {
            try skipBlanksAndComments()
            if let first = tokens.first { try checkLength(from: first.range) }
            guard position < bytes.count else { break }
            let token = try nextToken()
            tokens.append(token)
            if token.isSymbol(.semicolon) { break }
        }
        tokens.append(Token(kind: .end, start: Int32(clamping: position), end: Int32(clamping: position), line: line, column: column))
        return tokens
    }

    private func checkLength(from start: SourceRange) throws(ParseFailure) {
        guard position - start.start > SyntaxLimits.maximumStatementBytes else { return }
        throw ParseFailure(
            .tooLarge, "the statement is longer than \(SyntaxLimits.maximumStatementBytes) bytes",
            hint: "Split it into several statements.", at: start)
    }

    // MARK: Reading

    private func peek(_ distance: Int = 0) -> UInt8 {
        let index = position + distance
        return index < bytes.count ? bytes[index] : 0
    }

    private mutating func advance() {
        let byte = bytes[position]
        position += 1
        if byte == UInt8(ascii: "\n") {
            line += 1
            column = 1
        } else if byte & 0xC0 != 0x80 {
            column += 1
        }
    }

    private mutating func advance(by count: Int) {
        for _ in 0..<count where position < bytes.count { advance() }
    }

    private mutating func skipBlanksAndComments() throws(ParseFailure) {
        while position < bytes.count {
            switch peek() {
            case 0x20, 0x09, 0x0A, 0x0D: advance()
            case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
                while position < bytes.count, peek() != UInt8(ascii: "\n") { advance() }
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
                try skipBlockComment()
            case UInt8(ascii: "\\") where endsLine(after: 1): advance()
            default: return
            }
        }
    }

    /// Whether nothing but blanks is left of the line. A backslash there is no more than a blank: scripts for old KSQL shells have one at the end of
    /// each line that goes on.
    private func endsLine(after distance: Int) -> Bool {
        var index = position + distance
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 || bytes[index] == 0x0D { index += 1 }
        return index == bytes.count || bytes[index] == 0x0A
    }

    private mutating func skipBlockComment() throws(ParseFailure) {
        let open = here(length: 2)
        advance(by: 2)
        while position < bytes.count {
            if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                advance(by: 2)
                return
            }
            advance()
        }
        throw unfinished("comment", from: open, closing: "*/")
    }

    private func here(length: Int) -> SourceRange {
        SourceRange(start: position, end: min(position + length, bytes.count), line: Int(line), column: Int(column))
    }

    private func unfinished(_ what: String, from open: SourceRange, closing: String) -> ParseFailure {
        ParseFailure(
            .syntaxError, "line \(open.line):\(open.column): Syntax Error\nthe \(what) that begins here has no end",
            category: .parseFailed, hint: "Close it with \(closing).", at: open)
    }

    // MARK: Tokens

    private mutating func nextToken() throws(ParseFailure) -> Token {
        let start = position
        let (line, column) = (self.line, self.column)
        let kind = try consumeToken()
        return Token(kind: kind, start: Int32(clamping: start), end: Int32(clamping: position), line: line, column: column)
    }

    private mutating func consumeToken() throws(ParseFailure) -> Token.Kind {
        let byte = peek()
        switch byte {
        case UInt8(ascii: "'"):
            try consumeQuoted(byte, what: "string")
            return .string
        case UInt8(ascii: "`"), UInt8(ascii: "\""):
            try consumeQuoted(byte, what: "quoted name")
            return .quotedName
        case UInt8(ascii: "$") where peek(1) == UInt8(ascii: "{"): return consumeVariable()
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return consumeNumber()
        case UInt8(ascii: ".") where Lexer.isDigit(peek(1)): return consumeNumber()
        default: break
        }
        if Lexer.isNameStart(byte) { return consumeWord() }
        return consumeSymbol()
    }

    /// A quoted run in which the doubled quote stands for itself.
    private mutating func consumeQuoted(_ quote: UInt8, what: String) throws(ParseFailure) {
        let open = here(length: 1)
        advance()
        while position < bytes.count {
            if peek() == quote {
                advance()
                if peek() != quote { return }
            }
            advance()
            try checkLength(from: open)
        }
        throw unfinished(what, from: open, closing: String(UnicodeScalar(quote)))
    }

    private mutating func consumeVariable() -> Token.Kind {
        var length = 2
        while Lexer.isNamePart(peek(length)) { length += 1 }
        guard length > 2, peek(length) == UInt8(ascii: "}") else {
            advance()
            return .unrecognised
        }
        advance(by: length + 1)
        return .variable
    }

    /// A word of letters and digits. `1st` is a name, `1E5` a number: the longest reading wins.
    private mutating func consumeNumber() -> Token.Kind {
        var digits = 0
        while Lexer.isDigit(peek(digits)) { digits += 1 }
        var length = digits
        var isDecimal = false
        if peek(length) == UInt8(ascii: ".") {
            isDecimal = true
            length += 1
            while Lexer.isDigit(peek(length)) { length += 1 }
        }
        let exponent = exponentLength(at: length)
        if !isDecimal {
            var run = digits
            while Lexer.isNamePart(peek(run)) { run += 1 }
            // A longer run of name characters than the number has makes it a name.
            if run > length + exponent {
                advance(by: run)
                return .word
            }
        }
        advance(by: length + exponent)
        return exponent > 0 ? .float : isDecimal ? .decimal : .integer
    }

    /// The bytes of an exponent at this distance, or 0.
    private func exponentLength(at distance: Int) -> Int {
        guard peek(distance) | 0x20 == UInt8(ascii: "e") else { return 0 }
        var length = 1
        if peek(distance + 1) == UInt8(ascii: "+") || peek(distance + 1) == UInt8(ascii: "-") { length += 1 }
        let digitsFrom = length
        while Lexer.isDigit(peek(distance + length)) { length += 1 }
        return length > digitsFrom ? length : 0
    }

    private mutating func consumeWord() -> Token.Kind {
        let start = position
        var length = 0
        while Lexer.isNamePart(peek(length)) { length += 1 }
        advance(by: length)
        // No keyword is longer; longer words need no look at the table.
        guard length <= 12 else { return .word }
        let upper = String(decoding: bytes[start..<position].map(Lexer.upperCased), as: UTF8.self)
        return Keyword.named(upper).map { .keyword($0) } ?? .word
    }

    private mutating func consumeSymbol() -> Token.Kind {
        let two = String(decoding: [peek(), peek(1)], as: UTF8.self)
        if let symbol = Symbol(rawValue: two) {
            advance(by: 2)
            return .symbol(symbol)
        }
        if let symbol = Symbol(rawValue: String(UnicodeScalar(peek()))) {
            advance()
            return .symbol(symbol)
        }
        advance()
        while position < bytes.count, peek() & 0xC0 == 0x80 { advance() }
        return .unrecognised
    }

    // MARK: Character classes

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    static func isNameStart(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
    }
    static func isNamePart(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) || byte == UInt8(ascii: "@") }
    static func upperCased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & 0xDF : byte
    }
}
