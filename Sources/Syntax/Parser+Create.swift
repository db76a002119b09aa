// CREATE, DROP and ALTER.

import Diagnostics

extension Parser {
    mutating func create() throws(ParseFailure) -> Statement {
        try expect(.create)
        if at(.type) { return try createType() }
        if at(.sink) || at(.source) && peek().isKeyword(.connector) { return .createConnector(try createConnector()) }
        var head = CreateSource(kind: .stream, name: Name(""))
        if accept(.or) {
            try expect(.replace)
            head.orReplace = true
        }
        if options.isFull, at(.function) || isWord(current, "AGGREGATE") && peek().isKeyword(.function) { return .createFunction(try createFunction(orReplace: head.orReplace)) }
        if options.isFull, !head.orReplace, let index = try createdIndex() { return .needless(index) }
        if options.isFull, isWord(current, "TEMP") || isWord(current, "TEMPORARY"), peek().isKeyword(.table) || peek().isKeyword(.view) {
            notices.append("\(text(current).uppercased()) means nothing here: what is created stays until it is dropped")
            advance()
        }
        if options.isFull, accept(.view) { return .createView(try createView(orReplace: head.orReplace)) }
        head.isSource = accept(.source)
        head.kind = try sourceKind()
        head.ifNotExists = try ifNotExists()
        head.name = try sourceName()
        if at(.leftParenthesis) { head.columns = try columnList(of: head.kind) }
        if options.isFull, head.kind == .table, !head.columns.isEmpty { acceptTableOptions() }
        if accept(.with) { head.properties = try properties() }
        if options.isFull, !head.isSource, at(.as), let rows = try filling() { return .createFilled(head, rows) }
        if head.columns.isEmpty, !head.isSource, accept(.as) {
            return try created(head)
        }
        return .createSource(head)
    }

    /// What follows AS: a query that goes on, or, for a table, a question that could be none, whose rows it then holds.
    private mutating func created(_ head: CreateSource) throws(ParseFailure) -> Statement {
        var classic = self
        let failure: ParseFailure
        do throws(ParseFailure) {
            let query = try classic.continuousQuery()
            self = classic
            return .createAs(
                CreateAs(
                    kind: head.kind, orReplace: head.orReplace, ifNotExists: head.ifNotExists, name: head.name, properties: head.properties, query: query))
        } catch {
            failure = error
        }
        guard options.isFull, head.kind == .table, !head.orReplace, failure.diagnostic.code == .syntaxError else { throw failure }
        index -= 1
        guard let rows = try? filling(readingSources: true), !rows.isPlainAggregation else { throw failure }
        notices.append("the table holds the rows that are there now: what it reads could not go on for ever, so it follows no later change")
        return .createFilled(head, rows)
    }

    /// WITHOUT ROWID and STRICT, which say what holds anyway.
    private mutating func acceptTableOptions() {
        while true {
            if isWord(current, "STRICT") {
                advance()
            } else if isWord(current, "WITHOUT"), isWord(peek(), "ROWID") {
                advance()
                advance()
            } else {
                return
            }
            _ = accept(.comma)
        }
    }

    /// 'AS' and a question; one that reads no source cannot be a query that goes on. Nil, with nothing consumed, for anything else.
    private mutating func filling(readingSources: Bool = false) throws(ParseFailure) -> Question? {
        var attempt = self
        attempt.advance()
        let areValues = attempt.at(.values)
        attempt.allowsQuestions = true
        do throws(ParseFailure) {
            let question = try attempt.whole { (parser) throws(ParseFailure) in try parser.question() }
            guard readingSources ? !question.hasEmit : !question.readsSources else { return nil }
            attempt.allowsQuestions = allowsQuestions
            self = attempt
            return question
        } catch {
            if areValues { throw error }
            return nil
        }
    }

    private mutating func sourceKind() throws(ParseFailure) -> SourceKind {
        if accept(.stream) { return .stream }
        guard accept(.table) else { throw unexpected() }
        return .table
    }

    mutating func ifNotExists() throws(ParseFailure) -> Bool {
        guard at(.if), peek().isKeyword(.not) else { return false }
        advance()
        try expect(.not, .exists)
        return true
    }

    mutating func ifExists() throws(ParseFailure) -> Bool {
        guard at(.if), peek().isKeyword(.exists) else { return false }
        advance()
        advance()
        return true
    }

    // MARK: Columns

    mutating func columnList(of kind: SourceKind?) throws(ParseFailure) -> [ColumnDefinition] {
        try expect(.leftParenthesis)
        var keys: [Name] = []
        var columns: [ColumnDefinition] = []
        _ = try list { (parser) throws(ParseFailure) in
            if kind != nil, try parser.acceptTableConstraint(unlessKey: kind == .table) { return }
            if kind == .table, parser.beginsKeyList { keys += try parser.keyList(ofTableWith: columns) } else { columns.append(try parser.column(of: kind)) }
        }
        try expect(.rightParenthesis)
        for index in columns.indices where keys.contains(columns[index].name) { columns[index].role = .primaryKey }
        return columns
    }

    /// Whether PRIMARY KEY stands where a column could, so that names of columns follow.
    private var beginsKeyList: Bool { options.isFull && at(.primary) && peek().isKeyword(.key) && peek(2).isSymbol(.leftParenthesis) }

    /// 'PRIMARY' 'KEY' '(' name { ',' name } ')'
    private mutating func keyList(ofTableWith columns: [ColumnDefinition]) throws(ParseFailure) -> [Name] {
        try expect(.primary, .key)
        let names = try nameList()
        for name in names where !columns.contains(where: { $0.name == name }) {
            throw ParseFailure(
                .unknownColumn, "the primary key names \(name.text), which is no column before it",
                hint: nameSuggestion(for: name.text, among: columns.map(\.name.text)), at: name.span.range)
        }
        return names
    }

    /// column = identifier type { 'KEY' | 'PRIMARY' 'KEY' | 'HEADERS' | 'HEADER' '(' string ')' | [ 'NOT' ] 'NULL' | 'DEFAULT' value }, where the first
    /// four exclude each other
    private mutating func column(of kind: SourceKind?) throws(ParseFailure) -> ColumnDefinition {
        let name = try name()
        var column = ColumnDefinition(name: name, type: try type())
        try constraints(of: &column)
        try role(of: &column)
        try constraints(of: &column)
        switch (kind, column.role) {
        case (.stream, .primaryKey): throw wrongKey(column, written: "PRIMARY KEY", wanted: "KEY", kind: "streams")
        case (.table, .key): throw wrongKey(column, written: "KEY", wanted: "PRIMARY KEY", kind: "tables")
        default: return column
        }
    }

    /// NOT NULL, NULL and DEFAULT.
    private mutating func constraints(of column: inout ColumnDefinition) throws(ParseFailure) {
        guard options.isFull else { return }
        while true {
            if at(.not), peek().isKeyword(.null) {
                advance()
                advance()
                column.isRequired = true
            } else if isWord(current, "DEFAULT"), column.otherwise == nil {
                advance()
                column.otherwise = try value()
            } else if try !acceptColumnConstraint(of: column.name), !accept(.null) {
                return try refuseConstraint()
            }
        }
    }

    /// Errors: a constraint begins here that nothing would hold rows to.
    private func refuseConstraint() throws(ParseFailure) {
        let words = ["GENERATED", "AUTOINCREMENT", "AUTO_INCREMENT"]
        guard let word = words.first(where: { isWord(current, $0) }) else { return }
        throw syntaxError(at: current, "there is no \(word) here", hint: "PRIMARY KEY, NOT NULL and DEFAULT are what a column may have.")
    }

    private mutating func role(of column: inout ColumnDefinition) throws(ParseFailure) {
        if accept(.key) {
            column.role = .key
        } else if accept(.primary) {
            try expect(.key)
            column.role = .primaryKey
            if options.isFull { _ = acceptWord("ASC") || acceptWord("DESC") }
        } else if accept(.headers) {
            column.role = .headers
        } else if accept(.header) {
            try expect(.leftParenthesis)
            column.role = .header(try string())
            try expect(.rightParenthesis)
        }
    }

    private func wrongKey(_ column: ColumnDefinition, written: String, wanted: String, kind: String) -> ParseFailure {
        let place = column.name.span.range.map { "Line: \($0.line), Col: \($0.column): " } ?? ""
        return ParseFailure(
            .invalidKey,
            "\(place)Column `\(column.name.text)` is a '\(written)' column: please use '\(wanted)' for \(kind).",
            hint: "A stream has KEY columns, which may repeat; a table has PRIMARY KEY columns, which name its rows.",
            at: column.name.span.range)
    }

    // MARK: WITH

    /// properties = '(' property { ',' property } ')', sorted by name because their order means nothing.
    mutating func properties(foldsNames: Bool = true) throws(ParseFailure) -> [Property] {
        try expect(.leftParenthesis)
        let properties = try list { (parser) throws(ParseFailure) in try parser.property(foldsName: foldsNames) }
        try expect(.rightParenthesis)
        return properties.sorted { $0.name.text < $1.name.text }
    }

    private mutating func property(foldsName: Bool) throws(ParseFailure) -> Property {
        let first = current
        var name = try nameOrString()
        if options.isFull, foldsName, let meant = Self.otherProperties[name.text.uppercased()] {
            throw syntaxError(at: first, "there is no property \(name.text.uppercased())", hint: "The property is called \(meant).")
        }
        if foldsName { name.text = name.text.uppercased() }
        try expect(.equal)
        let token = current
        // No name can stand here, so that quotes of either kind make a text; ksqlDB takes single ones only.
        let value = options.isFull && token.kind == .quotedName ? Literal.string(try self.name().text) : try literal()
        return Property(name: name, value: value, valueSpan: span(from: token))
    }

    // MARK: Types and connectors

    private mutating func createType() throws(ParseFailure) -> Statement {
        try expect(.type)
        let ifNotExists = try ifNotExists()
        let name = try name()
        try expect(.as)
        return .createType(name: name, type: try type(), ifNotExists: ifNotExists)
    }

    private mutating func createConnector() throws(ParseFailure) -> CreateConnector {
        let kind = accept(.source) ? ConnectorKind.source : .sink
        if kind == .sink { try expect(.sink) }
        try expect(.connector)
        let ifNotExists = try ifNotExists()
        let name = try name()
        try expect(.with)
        return CreateConnector(kind: kind, ifNotExists: ifNotExists, name: name, properties: try properties(foldsNames: false))
    }

    // MARK: DROP and ALTER

    mutating func drop() throws(ParseFailure) -> Statement {
        try expect(.drop)
        if accept(.type) {
            let ifExists = try ifExists()
            return .dropType(name: try name(), ifExists: ifExists)
        }
        if accept(.connector) {
            let ifExists = try ifExists()
            return .dropConnector(name: try name(), ifExists: ifExists)
        }
        if options.isFull, accept(.function) {
            let ifExists = try ifExists()
            let name = try name()
            return .dropFunction(name: name, ifExists: ifExists, cascades: acceptWord("CASCADE"))
        }
        if options.isFull, let index = try droppedIndex() { return .needless(index) }
        if options.isFull, accept(.view) {
            let ifExists = try ifExists()
            let name = try sourceName()
            return .dropView(name: name, ifExists: ifExists, cascades: acceptWord("CASCADE"))
        }
        let kind = try sourceKind()
        let ifExists = try ifExists()
        var drop = DropSource(kind: kind, ifExists: ifExists, name: try sourceName())
        while options.isFull, accept(.comma) { drop.others.append(try sourceName()) }
        // In the order in which they come to mind.
        while true {
            if !drop.deleteTopic, accept(.delete) {
                try expect(.topic)
                drop.deleteTopic = true
            } else if !drop.cascades, options.isFull, acceptWord("CASCADE") {
                drop.cascades = true
            } else if !drop.cascades, options.isFull, isWord(current, "RESTRICT") {
                // What others use is not dropped anyway.
                advance()
                break
            } else {
                break
            }
        }
        return .dropSource(drop)
    }

    mutating func alter() throws(ParseFailure) -> Statement {
        try expect(.alter)
        if accept(.system) {
            let name = try string()
            try expect(.equal)
            return .alterSystem(name: name, value: try string())
        }
        let kind = try sourceKind()
        let name = try sourceName()
        if options.isFull { try refuseAlteration() }
        if options.isFull, accept(.rename) {
            try expect(.to)
            return .alterSource(AlterSource(kind: kind, name: name, added: [], newName: try sourceName()))
        }
        let added = try list { (parser) throws(ParseFailure) in
            try parser.expect(.add)
            // COLUMN is a free word: it is a column's name when a type follows it directly.
            if parser.at(.column), parser.isName(parser.peek()), parser.namesAType(behind: 2) || parser.peek(2).isSymbol(.arrow) {
                parser.advance()
            }
            var path = [try parser.name()]
            while parser.options.isFull, parser.accept(.arrow) { path.append(try parser.name()) }
            let field = TypeName.Field(name: path.removeLast(), type: try parser.type())
            return AlterSource.Addition(path: path, field: field)
        }
        return .alterSource(AlterSource(kind: kind, name: name, added: added))
    }

    /// Errors: an alteration of other databases begins here, which the rows that are stored do not allow.
    private func refuseAlteration() throws(ParseFailure) {
        if at(.rename), !peek().isKeyword(.to) {
            throw syntaxError(
                at: current, "a column is not renamed: what is stored has its values under the old name",
                hint: "CREATE VIEW v AS SELECT * RENAME (a AS b) FROM … shows it under another one.")
        }
        if at(.drop) {
            throw syntaxError(
                at: current, "a column is not dropped: what is stored keeps its values",
                hint: "CREATE VIEW v AS SELECT * EXCLUDE (a) FROM … shows the others.")
        }
        if at(.alter) {
            throw syntaxError(
                at: current, "a column is not changed: what is stored has values of its type",
                hint: "CREATE VIEW v AS SELECT * REPLACE (CAST(a AS …) AS a) FROM … shows it in another type.")
        }
    }

    /// Whether a type may begin at this distance, so that the word before it is a name.
    private func namesAType(behind distance: Int) -> Bool {
        let token = peek(distance)
        return isName(token) || token.isKeyword(.decimal)
    }
}

extension Question {
    /// Whether it groups the rows of one source, and no more: who asks for that means a table that follows the source.
    fileprivate var isPlainAggregation: Bool {
        guard case .select(let block) = body, case .source? = block.from, block.groupBy != nil else { return false }
        return tables.isEmpty && orderBy.isEmpty && limit == nil && offset == nil && !block.isDistinct && block.distinctOn.isEmpty
            && block.qualify == nil && block.windows.isEmpty
    }
}
