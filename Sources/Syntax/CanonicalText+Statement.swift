// The text of whole statements. Those with a query have no `;`, as messages quote them; plain definitions have one, as listings show them.

extension Statement {
    /// The canonical text of the statement.
    package var canonicalText: String { CanonicalText.statement(self) }
}

extension CanonicalText {
    /// Any statement.
    package static func statement(_ statement: Statement) -> String {
        switch statement {
        case .query(let query): self.query(query)
        case .question(let question, _): self.question(question)
        case .createSource(let create): createSource(create)
        case .createAs(let create): createAs(create)
        case .createFilled(let create, let rows): String(createSource(create).dropLast()) + " AS " + question(rows) + ";"
        case .insertSelect(let insert):
            "INSERT INTO " + name(insert.target) + with(insert.properties) + " " + query(insert.query)
        case .insertValues(let insert) where insert.isOfDefaults: "INSERT INTO " + name(insert.target) + " DEFAULT VALUES;"
        case .insertValues(let insert): "INSERT INTO " + row(insert, before: "VALUES") + ";"
        case .changeRows(let change): changeRows(change)
        case .createFunction(let create): createFunction(create)
        case .dropFunction(let name, let ifExists, let cascades):
            "DROP FUNCTION " + (ifExists ? "IF EXISTS " : "") + self.name(name) + (cascades ? " CASCADE;" : ";")
        case .createView(let create): createView(create)
        case .dropView(let name, let ifExists, let cascades):
            "DROP VIEW " + (ifExists ? "IF EXISTS " : "") + self.name(name) + (cascades ? " CASCADE;" : ";")
        case .needless(let statement): needless(statement) + ";"
        case .comment(let comment): "COMMENT ON " + subject(comment.subject) + " IS " + (comment.text.map(quoted) ?? "NULL") + ";"
        case .dropSource(let drop):
            "DROP " + drop.kind.rawValue + (drop.ifExists ? " IF EXISTS " : " ") + ([drop.name] + drop.others).map(name).joined(separator: ", ")
                + (drop.deleteTopic ? " DELETE TOPIC" : "") + (drop.cascades ? " CASCADE;" : ";")
        case .alterSource(let alter):
            "ALTER " + alter.kind.rawValue + " " + name(alter.name) + " "
                + (alter.newName.map { "RENAME TO " + name($0) } ?? alter.added.map(addition).joined(separator: ", ")) + ";"
        case .createType(let name, let type, let ifNotExists):
            "CREATE TYPE " + (ifNotExists ? "IF NOT EXISTS " : "") + self.name(name) + " AS " + self.type(type) + ";"
        case .dropType(let name, let ifExists): "DROP TYPE " + (ifExists ? "IF EXISTS " : "") + self.name(name) + ";"
        case .manageQuery(let action, let target): manageQuery(action, target)
        case .show(let subject): "SHOW " + show(subject) + ";"
        case .describe(let subject): "DESCRIBE " + describe(subject) + ";"
        case .explainQuery(let query): "EXPLAIN " + name(query) + ";"
        case .explainStatement(let inner, _): "EXPLAIN " + withSemicolon(self.statement(inner))
        case .analyzeStatement(let inner, _): "EXPLAIN ANALYZE " + withSemicolon(self.statement(inner))
        case .print(let print): printTopic(print)
        case .set(let name, let value): "SET " + quoted(name) + "=" + quoted(value) + ";"
        case .unset(let name): "UNSET " + quoted(name) + ";"
        case .alterSystem(let name, let value): "ALTER SYSTEM " + quoted(name) + "=" + quoted(value) + ";"
        case .define(let name, let value): "DEFINE " + self.name(name) + "=" + quoted(value) + ";"
        case .undefine(let name): "UNDEFINE " + self.name(name) + ";"
        case .assert(let assertion): "ASSERT " + self.assertion(assertion) + ";"
        case .createConnector(let create):
            "CREATE " + create.kind.rawValue + " CONNECTOR " + (create.ifNotExists ? "IF NOT EXISTS " : "") + name(create.name)
                + with(create.properties) + ";"
        case .dropConnector(let name, let ifExists): "DROP CONNECTOR " + (ifExists ? "IF EXISTS " : "") + self.name(name) + ";"
        case .runScript(let path): "RUN SCRIPT " + quoted(path) + ";"
        }
    }

    private static func withSemicolon(_ text: String) -> String { text.hasSuffix(";") ? text : text + ";" }

    private static func with(_ properties: [Property]) -> String {
        properties.isEmpty ? "" : " WITH " + self.properties(properties)
    }

    // MARK: CREATE

    private static func createSource(_ create: CreateSource) -> String {
        "CREATE " + (create.orReplace ? "OR REPLACE " : "") + (create.isSource ? "SOURCE " : "") + create.kind.rawValue + " "
            + (create.ifNotExists ? "IF NOT EXISTS " : "") + sourceDefinition(create) + ";"
    }

    private static func sourceDefinition(_ create: CreateSource) -> String {
        let columns = create.columns.isEmpty ? "" : " (" + create.columns.map(column).joined(separator: ", ") + ")"
        return name(create.name) + columns + with(create.properties)
    }

    private static func column(_ column: ColumnDefinition) -> String {
        let role =
            switch column.role {
            case .value: ""
            case .key: " KEY"
            case .primaryKey: " PRIMARY KEY"
            case .headers: " HEADERS"
            case .header(let key): " HEADER(" + quoted(key) + ")"
            }
        let otherwise = column.otherwise.map { " DEFAULT " + expression($0) } ?? ""
        return name(column.name) + " " + type(column.type) + role + (column.isRequired ? " NOT NULL" : "") + otherwise
    }

    private static func createAs(_ create: CreateAs) -> String {
        "CREATE " + (create.orReplace ? "OR REPLACE " : "") + create.kind.rawValue + " " + (create.ifNotExists ? "IF NOT EXISTS " : "")
            + name(create.name) + with(create.properties) + " AS " + query(create.query)
    }

    // MARK: The rest

    /// `NAME (A, B) VALUES (1, 2)`
    private static func row(_ row: InsertValues, before keyword: String) -> String {
        let columns = row.columns.isEmpty ? "" : " (" + row.columns.map(name).joined(separator: ", ") + ")"
        let rows = row.rows.map { "(" + $0.map(expression).joined(separator: ", ") + ")" }.joined(separator: ", ")
        return name(row.target) + columns + " " + keyword + " " + rows
    }

    private static func manageQuery(_ action: QueryAction, _ target: QueryTarget) -> String {
        let subject =
            switch target {
            case .all: "ALL"
            case .query(let id): name(id)
            }
        return switch action {
        case .terminate, .pause, .resume: action.rawValue + " " + subject + ";"
        case .resumeSkipping: "RESUME " + subject + " SKIP;"
        }
    }

    private static func show(_ subject: ShowSubject) -> String {
        func extended(_ words: String, _ isExtended: Bool) -> String { isExtended ? words + " EXTENDED" : words }
        return switch subject {
        case .streams(let isExtended): extended("STREAMS", isExtended)
        case .tables(let isExtended): extended("TABLES", isExtended)
        case .topics(let all, let isExtended): extended(all ? "ALL TOPICS" : "TOPICS", isExtended)
        case .queries(let isExtended): extended("QUERIES", isExtended)
        case .functions: "FUNCTIONS"
        case .views: "VIEWS"
        case .types: "TYPES"
        case .variables: "VARIABLES"
        case .properties: "PROPERTIES"
        case .limits: "LIMITS"
        case .systemTables: "SYSTEM TABLES"
        case .watermarks: "WATERMARKS"
        case .schemas: "SCHEMAS"
        case .consumerGroups: "CONSUMER GROUPS"
        case .producers: "PRODUCERS"
        case .connectors(let kind): (kind.map { $0.rawValue + " " } ?? "") + "CONNECTORS"
        case .connectorPlugins: "CONNECTOR PLUGINS"
        }
    }

    private static func describe(_ subject: DescribeSubject) -> String {
        switch subject {
        case .source(let name, let extended):
            // TABLES and FUNCTION mean something else here; quoted they are names.
            (name.text == "TABLES" || name.text == "FUNCTION" ? backQuoted(name.text) : self.name(name))
                + (extended ? " EXTENDED" : "")
        case .system(let name): sourceName(name)
        case .streams(let extended): "STREAMS" + (extended ? " EXTENDED" : "")
        case .tables(let extended): "TABLES" + (extended ? " EXTENDED" : "")
        case .function(let name): "FUNCTION " + nameOrString(name)
        case .connector(let name): "CONNECTOR " + self.name(name)
        case .schema(let subject): "SCHEMA " + nameOrString(subject)
        case .consumerGroup(let name): "CONSUMER GROUP " + nameOrString(name)
        }
    }

    private static func printTopic(_ print: PrintTopic) -> String {
        "PRINT " + nameOrString(print.topic) + (print.fromBeginning ? " FROM BEGINNING" : "")
            + (print.interval.map { " INTERVAL \($0)" } ?? "") + (print.limit.map { " LIMIT \($0)" } ?? "") + ";"
    }

    private static func assertion(_ assertion: Assertion) -> String {
        func timeoutText(_ timeout: Duration?) -> String { timeout.map { " TIMEOUT " + duration($0) } ?? "" }
        switch assertion {
        case .topic(let topic, let exists, let properties, let timeout):
            return (exists ? "" : "NOT EXISTS ") + "TOPIC " + nameOrString(topic) + with(properties) + timeoutText(timeout)
        case .schema(let subject, let id, let exists, let timeout):
            return (exists ? "" : "NOT EXISTS ") + "SCHEMA" + (subject.map { " SUBJECT " + nameOrString($0) } ?? "")
                + (id.map { " ID " + literal($0) } ?? "") + timeoutText(timeout)
        case .values(let row): return "VALUES " + self.row(row, before: "VALUES")
        case .tombstone(let row): return "NULL VALUES " + self.row(row, before: "KEY")
        case .source(let source): return source.kind.rawValue + " " + sourceDefinition(source)
        }
    }
}
