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
    /// The session's variables, by name in any case.
    package var variables: [String: String] = [:]
    /// Whether variables are replaced at the beginning of the text.
    package var substitutesVariables = true
    /// Names of the setting by which SET and UNSET in the text switch replacement on and off, from the next statement on.
    package var substitutionSettings: Set<String> = []
    /// Whether the parts of the tree know where they were written. In a text that is no part of what a user has submitted that means nothing.
    package var keepsPlaces = true
    /// Takes what people know from other databases, and not only what ksqlDB's grammar has.
    package var isFull = true
    /// Name of the setting by which SET and UNSET in the text change that, from the next statement on.
    package var dialectSetting: String?

    /// The defaults: any statement of both dialects, variables replaced, each statement ended by `;`.
    package init() {}

    /// As `stored`, for a text of which a part is to stand in another one.
    package static var written: ParserOptions {
        var options = stored
        options.keepsPlaces = false
        return options
    }

    /// For a statement that the catalog keeps: by itself, and with nothing to be replaced in it any more.
    package static var stored: ParserOptions {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        options.substitutesVariables = false
        return options
    }
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
    var variables = VariableTable(options.variables)
    var substitutes = options.substitutesVariables
    var options = options
    let isFullAtFirst = options.isFull
    var statements: [ParsedStatement] = []
    while true {
        let from = lexer.position
        let tokens: [Token]
        do throws(ParseFailure) {
            tokens = try lexer.nextStatement()
        } catch {
            throw error.diagnostic.about(statement: shortened(bytes[from...]))
        }
        guard let first = tokens.first, first.kind != .end else { return statements }
        // A `;` too many ends nothing.
        if options.isFull, first.isSymbol(.semicolon) { continue }
        let placed = options.keepsPlaces ? tokens : tokens.map(\.withoutPlace)
        let statement = try parse(placed, of: bytes, options: options, variables: substitutes ? variables : nil)
        switch statement.statement {
        case .define(let name, let value): variables[name.text] = value
        case .undefine(let name): variables[name.text] = nil
        case .set(let name, let value) where options.substitutionSettings.contains(name): substitutes = value.lowercased() == "true"
        case .unset(let name) where options.substitutionSettings.contains(name): substitutes = true
        case .set(let name, let value) where options.dialectSetting == name: options.isFull = value.lowercased() != "ksqldb"
        case .unset(let name) where options.dialectSetting == name: options.isFull = isFullAtFirst
        default: break
        }
        statements.append(statement)
    }
}

/// Parses the tokens of one statement. All errors leave with the statement's text.
private func parse(
    _ tokens: [Token], of bytes: [UInt8], options: ParserOptions, variables: VariableTable?
) throws(Diagnostic) -> ParsedStatement {
    var parser = Parser(bytes: bytes, tokens: tokens, options: options, variables: variables)
    do throws(ParseFailure) {
        return try parser.wholeStatement()
    } catch {
        let last = tokens[max(tokens.count - 2, 0)]
        throw error.diagnostic.about(statement: String(decoding: bytes[Int(tokens[0].start)..<Int(last.end)], as: UTF8.self))
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
    /// Any of the operators between values: too many to list.
    case anyOperator

    /// The spelling in messages.
    var spelling: String {
        switch self {
        case .keyword(let keyword): "'\(keyword.rawValue)'"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .word(let word): "'\(word)'"
        case .integer: "INTEGER_VALUE"
        case .string: "STRING"
        case .name: "IDENTIFIER"
        case .anyOperator: "operator"
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
    /// Whether a question is being parsed: ksqlDB's grammar has no subqueries, and takes some of their words for names.
    var allowsQuestions = false
    /// Whether `(a, b)` may be a row of values; in a query that never ends it is a mistake, as in ksqlDB.
    var allowsRows = true
    /// Of a query that never ends: the subqueries that are to be written out, by name.
    var inlined: [String: InlinedTable] = [:]
    /// Whether a subquery may stand behind FROM of such a query.
    var inlinesSubqueries = false
    /// Levels of recursion at this moment.
    var nesting = 0
    /// What was read and means nothing here.
    var notices: [String] = []
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

    mutating func expect(_ keyword: Keyword) throws(ParseFailure) {
        guard accept(keyword) else { throw unexpected() }
    }

    mutating func expect(_ keywords: Keyword...) throws(ParseFailure) {
        for keyword in keywords { try expect(keyword) }
    }

    mutating func expect(_ symbol: Symbol) throws(ParseFailure) {
        guard accept(symbol) else { throw unexpected(missing: symbol) }
    }

    /// One or more of something with commas between.
    mutating func list<Element>(_ element: (inout Parser) throws(ParseFailure) -> Element) throws(ParseFailure) -> [Element] {
        var elements = [try element(&self)]
        while accept(.comma) {
            if options.isFull, isEndOfList { break }
            let before = index
            elements.append(try element(&self))
            // An element that consumes nothing would never end the list.
            guard index > before else { throw unexpected() }
        }
        return elements
    }

    /// Whether no element can begin here, so that the comma before was one too many.
    private var isEndOfList: Bool {
        switch current.kind {
        case .end, .symbol(.rightParenthesis), .symbol(.rightBracket), .symbol(.greater), .symbol(.semicolon), .keyword(.from),
            .keyword(.where), .keyword(.having), .keyword(.group), .keyword(.limit), .keyword(.window): true
        case .keyword(.emit): peek().isKeyword(.changes) || peek().isKeyword(.final)
        default: false
        }
    }

    /// Begins a production one level deeper, or refuses when that would be too deep. An error ends the whole parse, so only success
    /// needs to leave the level again.
    mutating func enter() throws(ParseFailure) {
        nesting += 1
        guard nesting <= SyntaxLimits.maximumNesting else { throw tooDeep() }
    }

    mutating func leave() { nesting -= 1 }

    // MARK: The whole

    /// The statement with its `;`, its text and its place.
    mutating func wholeStatement() throws(ParseFailure) -> ParsedStatement {
        let first = current
        let parsed = try statement()
        if !accept(.semicolon) {
            guard current.kind == .end, options.acceptsMissingSemicolon else { throw unexpected(missing: .semicolon) }
        }
        let range = first.range.through(tokens[max(index - 1, 0)].range)
        var statement = ParsedStatement(statement: parsed, text: substitutedText(range.start..<range.end), range: range)
        statement.notices = notices.enumerated().filter { notices.firstIndex(of: $0.element) == $0.offset }.map(\.element)
        return statement
    }
}
