// The first word decides which statement it is.

import Diagnostics

extension Parser {
    mutating func statement() throws(ParseFailure) -> Statement {
        if at(.leftParenthesis) { return try queryOrQuestion() }
        if options.isFull, let change = try changeStatement() { return change }
        if options.isFull, at(.table), isName(peek()) { return try wholeTable() }
        if options.isFull, let needless = try needlessStatement() { return .needless(needless) }
        if beginsInlinedStatement { return try inlinedOrOnce() }
        guard case .keyword(let keyword) = current.kind else { throw unknownStatement() }
        switch keyword {
        case .select, .with, .values: return try queryOrQuestion()
        case .create: return try create()
        case .insert: return try insert()
        case .replace where options.isFull && peek().isKeyword(.into): return try insert()
        case .drop: return try drop()
        case .alter: return try alter()
        case .terminate: return try manageQuery(.terminate)
        case .pause: return try manageQuery(.pause)
        case .resume: return try manageQuery(.resume)
        case .show, .list: return .show(try show())
        case .describe: return .describe(try describe())
        case .explain: return try explain()
        case .print: return .print(try printTopic())
        case .set: return try set()
        case .unset:
            advance()
            return .unset(name: try string())
        case .define: return try define()
        case .undefine:
            advance()
            return .undefine(name: try name())
        case .assert: return .assert(try assertion())
        case .run where options.acceptsRunScript:
            advance()
            try expect(.script)
            return .runScript(path: try string())
        default: throw unknownStatement()
        }
    }

    /// WITH in front of CREATE … AS SELECT and INSERT … SELECT.
    private mutating func inlinedStatement() throws(ParseFailure) -> Statement {
        let first = current
        try inlinedTables()
        let inner = try statement()
        switch inner {
        case .createAs, .insertSelect: return inner
        default: throw syntaxError(at: first, "WITH stands in front of SELECT, CREATE … AS SELECT and INSERT … SELECT only")
        }
    }

    /// WITH in front of an INSERT that goes on or of one that ends. Of two mistakes the one of the first form is told.
    private mutating func inlinedOrOnce() throws(ParseFailure) -> Statement {
        var classic = self
        let failure: ParseFailure
        do throws(ParseFailure) {
            let statement = try classic.inlinedStatement()
            self = classic
            return statement
        } catch {
            failure = error
        }
        var general = self
        guard options.isFull, let (tables, isRecursive) = try? general.commonTables(), general.at(.insert), let inner = try? general.insert(),
            case .changeRows(var change)? = try? Statement.changeRows(general.once(inner, from: general.current))
        else { throw failure }
        (change.tables, change.isRecursive) = (tables + change.tables, isRecursive)
        // Into a stream it could have been meant to go on.
        if change.returning.isEmpty, change.conflict == nil { change.asContinuous = OriginalFailure(failure.diagnostic) }
        self = general
        return .changeRows(change)
    }

    /// The words that statements begin with.
    private var statementWords: [String] {
        [
            "SELECT", "CREATE", "INSERT", "DROP", "ALTER", "TERMINATE", "PAUSE", "RESUME", "SHOW", "LIST", "DESCRIBE", "EXPLAIN",
            "PRINT", "SET", "UNSET", "DEFINE", "UNDEFINE", "ASSERT", "UPDATE", "DELETE", "TRUNCATE", "COMMENT",
        ]
    }

    /// Statements of other databases, for which no word of this one is a substitute, and what to do instead.
    private static let unknownElsewhere: [String: String?] = [
        "UPDATE": nil, "DELETE": nil, "GRANT": nil, "REVOKE": nil,
        "MERGE": "A row of a table takes the place of the one with its key: INSERT INTO t VALUES (…) does both.",
        "UPSERT": "A row of a table takes the place of the one with its key: INSERT INTO t VALUES (…) does both.",
        "BEGIN": noTransactions, "START": noTransactions, "COMMIT": noTransactions,
        "ROLLBACK": "Each statement before it was a commit of its own: nothing of them is taken back.", "SAVEPOINT": noTransactions,
        "COPY": "millrace load STREAM FILE reads a file into a stream; INSERT INTO s (SELECT …) copies rows.",
        "VACUUM": "What is old goes by itself, as RETENTION_MS of a topic says.", "ANALYZE": "EXPLAIN shows how a query is carried out.",
        "USE": "There is one room of names: streams and tables are simply named.", "CALL": nil, "EXEC": nil, "EXECUTE": nil, "PREPARE": nil,
    ]
    private static let noTransactions = "Each statement is a commit of its own, also an INSERT of many rows."

    /// Words with which other languages begin what has another name here.
    private static let otherWords = [
        "DESC": "DESCRIBE", "REMOVE": "DROP", "STOP": "TERMINATE", "KILL": "TERMINATE", "CANCEL": "TERMINATE", "END": "TERMINATE",
        "REPLACE": "INSERT", "ADD": "INSERT", "PUT": "INSERT", "MODIFY": "ALTER", "CHANGE": "ALTER", "RENAME": "ALTER", "GET": "SELECT",
        "FIND": "SELECT", "FROM": "SELECT", "QUERY": "SELECT", "COUNT": "SELECT", "MAKE": "CREATE", "NEW": "CREATE", "REGISTER": "CREATE",
        "INFO": "DESCRIBE", "LS": "LIST", "TAIL": "PRINT", "CAT": "PRINT", "CONTINUE": "RESUME", "CHECK": "ASSERT", "LET": "DEFINE",
    ]

    private func unknownStatement() -> ParseFailure {
        let word = spelling(current)
        guard isName(current) || { if case .keyword = current.kind { true } else { false } }() else { return noAlternative() }
        if let instead = Self.unknownElsewhere[word.uppercased()] {
            return syntaxError(at: current, "There is no \(word.uppercased()) here", hint: instead)
        }
        // ksqlDB names the nearest word, however far away it is; that misleads.
        let near = options.isFull ? closestMatch(to: word, among: statementWords) : nearestMatch(to: word, among: statementWords)
        let other = options.isFull ? Self.otherWords[word.uppercased()] : nil
        guard let meant = other ?? near else {
            return syntaxError(
                at: current, "Unknown statement '\(word)'", hint: "Statements begin with \(statementWords.joined(separator: ", ")).")
        }
        return syntaxError(at: current, "Unknown statement '\(word)'\nDid you mean '\(meant)'?")
    }

    // MARK: Queries under way

    private mutating func manageQuery(_ action: QueryAction) throws(ParseFailure) -> Statement {
        advance()
        if accept(.all) { return .manageQuery(action, .all) }
        let query = try name()
        if action == .resume, isWord(current, "SKIP") {
            advance()
            return .manageQuery(.resumeSkipping, .query(query))
        }
        return .manageQuery(action, .query(query))
    }

    /// explain = 'EXPLAIN' ( [ 'ANALYZE' ] statement | identifier ); a word that may be a name is the id of a query.
    private mutating func explain() throws(ParseFailure) -> Statement {
        try expect(.explain)
        let beginnings: [Keyword] = [.select, .with, .values, .create, .insert]
        let isAnalysed = at(.analyze) && (peek().isSymbol(.leftParenthesis) || beginnings.contains { peek().isKeyword($0) })
        if isAnalysed { advance() }
        let isUpdate = options.isFull && isWord(current, "UPDATE") && isName(peek())
        guard !isName(current) || isUpdate else { return .explainQuery(try name()) }
        let first = current
        let inner = try statement()
        let range = span(from: first).range ?? first.range
        let text = OriginalText(substitutedText(range.start..<range.end) + ";")
        return isAnalysed ? .analyzeStatement(inner, text: text) : .explainStatement(inner, text: text)
    }

    // MARK: PRINT

    private mutating func printTopic() throws(ParseFailure) -> PrintTopic {
        try expect(.print)
        var print = PrintTopic(topic: try nameOrString())
        if accept(.from) {
            try expect(.beginning)
            print.fromBeginning = true
        }
        if accept(.interval) || accept(.sample) {
            let first = current
            print.interval = try integer()
            print.intervalSpan = span(from: first)
        }
        if accept(.limit) {
            let first = current
            print.limit = try limit()
            print.limitSpan = span(from: first)
        }
        return print
    }

    // MARK: Properties and variables

    private mutating func set() throws(ParseFailure) -> Statement {
        try expect(.set)
        let name = try settingText()
        try expect(.equal)
        return .set(name: name, value: try settingText())
    }

    /// A text in single quotes, or in double ones: no name can stand here.
    private mutating func settingText() throws(ParseFailure) -> String {
        options.isFull && current.kind == .quotedName ? try name().text : try string()
    }

    private mutating func define() throws(ParseFailure) -> Statement {
        try expect(.define)
        let name = try name()
        try expect(.equal)
        return .define(name: name, value: try string())
    }
}
