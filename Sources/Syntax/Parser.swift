// The parser: a struct over an array of tokens. Functions that consume are mutating, functions that only look are not. One function a
// production, in files by class of production. The first mistake ends the parse; the text behind it is not looked at.

package import Diagnostics

/// What a caller may switch on or hand in.
package struct ParserOptions: Sendable {
    /// Takes the ASSERT statements of the SQL test tool.
    package var acceptsTestAssertions = false
    /// Takes RUN SCRIPT, which a server refuses.
    package var acceptsRunScript = false
    /// Takes a last statement without `;`, as command lines have it.
    package var acceptsMissingSemicolon = false
    /// The session's variables, by name in any case. Nil switches substitution off.
    package var variables: [String: String]? = [:]

    package init() {}
}

/// Parses a text of any number of statements, each ended by `;`.
///
/// Variables that a DEFINE of the text sets hold for the statements after it. The first mistake is thrown, with its place in the whole
/// text and with the statement it is in.
package func parse(_ text: String, options: ParserOptions = ParserOptions()) throws(Diagnostic) -> [ParsedStatement] {
    try parse(bytes: Array(text.utf8), options: options)
}

/// Parses a text that comes as UTF-8 bytes; bytes that are no UTF-8 are read as replacement characters.
package func parse(bytes: [UInt8], options: ParserOptions = ParserOptions()) throws(Diagnostic) -> [ParsedStatement] {
    guard bytes.count <= SyntaxLimits.maximumTextBytes else {
        throw Diagnostic(.tooLarge, "the text is longer than \(SyntaxLimits.maximumTextBytes) bytes", category: .parseFailed)
    }
    var lexer = Lexer(bytes)
    var variables = options.variables.map(VariableTable.init)
    var statements: [ParsedStatement] = []
    while true {
        let from = lexer.position
        let tokens: [Token]
        do throws(Diagnostic) {
            tokens = try lexer.nextStatement()
        } catch {
            throw error.about(statement: shortened(bytes[from...]))
        }
        guard let first = tokens.first, first.kind != .end else { return statements }
        var parser = Parser(bytes: bytes, tokens: tokens, options: options, variables: variables)
        let statement = try parser.wholeStatement()
        switch statement.statement {
        case .define(let name, let value): variables?[name.text] = value
        case .undefine(let name): variables?[name.text] = nil
        default: break
        }
        statements.append(statement)
    }
}

/// The start of a text that has no end, for an error message.
private func shortened(_ bytes: ArraySlice<UInt8>) -> String {
    let text = String(decoding: bytes.prefix(200).drop { $0 <= 0x20 }, as: UTF8.self)
    return bytes.count > 200 ? text + "…" : text
}

/// Something that a production tried to find; kept small because most attempts fail without being a mistake.
enum Expectation: Hashable {
    case keyword(Keyword)
    case symbol(Symbol)
    /// A word that is no keyword.
    case word(String)
    case integer
    case string
    case name

    /// The spelling in messages.
    var spelling: String {
        switch self {
        case .keyword(let keyword): "'\(keyword.rawValue)'"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .word(let word): "'\(word)'"
        case .integer: "INTEGER_VALUE"
        case .string: "STRING"
        case .name: "IDENTIFIER"
        }
    }
}

/// A parser of one statement.
struct Parser {
    let bytes: [UInt8]
    let tokens: [Token]
    let options: ParserOptions
    var variables: VariableTable?

    /// The index of the current token; the last token is always the end.
    var index = 0
    /// What has been tried in vain at the current token.
    var tried: [Expectation] = []
    /// Where the last postfix expression began, by which `a->*` is told from `a + b->*`.
    var postfixStart = 0
    /// Levels of recursion at this moment.
    var nesting = 0
    /// The pieces of the text that variables replace, in order.
    var replacements: [(range: Range<Int>, text: String)] = []

    init(bytes: [UInt8], tokens: [Token], options: ParserOptions, variables: VariableTable?) {
        self.bytes = bytes
        self.tokens = tokens
        self.options = options
        self.variables = variables
    }

    // MARK: Looking

    var current: Token { tokens[index] }
    /// The token that many places on; the end token stands behind the last.
    func peek(_ distance: Int = 1) -> Token { tokens[min(index + distance, tokens.count - 1)] }
    func at(_ keyword: Keyword) -> Bool { current.isKeyword(keyword) }
    func at(_ symbol: Symbol) -> Bool { current.isSymbol(symbol) }

    /// The text of a token as it was written.
    func text(_ token: Token) -> String { String(decoding: bytes[Int(token.start)..<Int(token.end)], as: UTF8.self) }

    /// Whether a token is this plain word, which is no keyword but means something here.
    func isWord(_ token: Token, _ word: String) -> Bool { token.kind == .word && text(token).uppercased() == word }

    /// The place from a token to the last one consumed.
    func span(from first: Token) -> SourceSpan {
        first.span.through(tokens[max(index - 1, 0)].span)
    }

    // MARK: Consuming

    mutating func advance() {
        if index < tokens.count - 1 { index += 1 }
        tried.removeAll(keepingCapacity: true)
    }

    mutating func accept(_ keyword: Keyword) -> Bool {
        if at(keyword) {
            advance()
            return true
        }
        tried.append(.keyword(keyword))
        return false
    }

    mutating func accept(_ symbol: Symbol) -> Bool {
        if at(symbol) {
            advance()
            return true
        }
        tried.append(.symbol(symbol))
        return false
    }

    mutating func acceptWord(_ word: String) -> Bool {
        if isWord(current, word) {
            advance()
            return true
        }
        tried.append(.word(word))
        return false
    }

    mutating func expect(_ keyword: Keyword) throws(Diagnostic) {
        guard accept(keyword) else { throw unexpected() }
    }

    mutating func expect(_ keywords: Keyword...) throws(Diagnostic) {
        for keyword in keywords { try expect(keyword) }
    }

    mutating func expect(_ symbol: Symbol) throws(Diagnostic) {
        guard accept(symbol) else { throw unexpected(missing: symbol) }
    }

    /// One or more of something with commas between.
    mutating func list<Element>(_ element: (inout Parser) throws(Diagnostic) -> Element) throws(Diagnostic) -> [Element] {
        var elements = [try element(&self)]
        while accept(.comma) {
            let before = index
            elements.append(try element(&self))
            // An element that consumes nothing would never end the list.
            guard index > before else { throw unexpected() }
        }
        return elements
    }

    /// Runs a production one level deeper, or refuses when that would be too deep.
    mutating func nested<Result>(_ production: (inout Parser) throws(Diagnostic) -> Result) throws(Diagnostic) -> Result {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= SyntaxLimits.maximumDepth else { throw tooDeep() }
        return try production(&self)
    }

    // MARK: The whole

    /// The statement with its `;`, its text and its place. All errors leave with the statement's text.
    mutating func wholeStatement() throws(Diagnostic) -> ParsedStatement {
        let first = current
        do throws(Diagnostic) {
            let parsed = try statement()
            if !accept(.semicolon) {
                guard current.kind == .end, options.acceptsMissingSemicolon else { throw unexpected(missing: .semicolon) }
            }
            let span = span(from: first)
            let range = span.range ?? first.range
            return ParsedStatement(statement: parsed, text: substitutedText(range.start..<range.end), range: range)
        } catch {
            let last = tokens[max(tokens.count - 2, 0)]
            throw error.about(statement: String(decoding: bytes[Int(first.start)..<Int(last.end)], as: UTF8.self))
        }
    }
}
