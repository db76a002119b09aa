// All statements, one case each, with a struct for those that have more than two parts.

package import Diagnostics

/// A statement together with the text that it came from.
package struct ParsedStatement: Hashable, Sendable {
    /// What it means.
    package var statement: Statement
    /// The text of the statement from its first token to its `;`, with variables replaced.
    package var text: String
    /// Where the statement stands in the submitted text.
    package var range: SourceRange
    /// What was read and means nothing here, in words for the answer.
    package var notices: [String] = []

    package init(statement: Statement, text: String, range: SourceRange) {
        self.statement = statement
        self.text = text
        self.range = range
    }
}

/// A text as it was written, kept beside what it means; like a span it takes no part in equality.
package struct OriginalText: Hashable, Sendable {
    /// The text.
    package var text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (left: OriginalText, right: OriginalText) -> Bool { true }
    package func hash(into hasher: inout Hasher) {}
}

/// What a parser of ksqlDB's grammar says to a text; like a span it takes no part in equality.
package struct OriginalFailure: Hashable, Sendable {
    /// The complaint, without the statement.
    package var diagnostic: Diagnostic

    package init(_ diagnostic: Diagnostic) {
        self.diagnostic = diagnostic
    }

    package static func == (left: OriginalFailure, right: OriginalFailure) -> Bool { true }
    package func hash(into hasher: inout Hasher) {}
}

/// Everything that can be said in one sentence.
package indirect enum Statement: Hashable, Sendable {
    /// `SELECT …`
    case query(Query)
    /// `WITH …`, `VALUES …`, `SELECT … ORDER BY …`: what ends and is beyond ksqlDB, with what its parser would say
    case question(Question, OriginalFailure)
    /// `CREATE STREAM s (…) WITH (…)`
    case createSource(CreateSource)
    /// `CREATE STREAM s AS SELECT …`
    case createAs(CreateAs)
    /// `CREATE TABLE t AS VALUES (…), (…)`: a table with the rows of a question that reads no source, perhaps with columns of its own
    case createFilled(CreateSource, Question)
    /// `INSERT INTO s SELECT …`
    case insertSelect(InsertSelect)
    /// `INSERT INTO s (…) VALUES (…)`
    case insertValues(InsertValues)
    /// `INSERT INTO s (SELECT …)`, `UPDATE t SET a = b`, `DELETE FROM t`
    case changeRows(RowChange)
    /// `CREATE FUNCTION f(x INT) RETURNS INT AS …`
    case createFunction(CreateFunction)
    /// `DROP FUNCTION f CASCADE`
    case dropFunction(name: Name, ifExists: Bool, cascades: Bool)
    /// `CREATE VIEW v AS SELECT …`
    case createView(CreateView)
    /// `DROP VIEW v CASCADE`
    case dropView(name: Name, ifExists: Bool, cascades: Bool)
    /// `CREATE INDEX …`, `BEGIN`, `VACUUM`: what scripts for other databases have in them and what changes nothing here
    case needless(NeedlessStatement)
    /// `COMMENT ON STREAM s IS '…'`
    case comment(CommentOn)
    /// `DROP STREAM s DELETE TOPIC`
    case dropSource(DropSource)
    /// `ALTER STREAM s ADD COLUMN c INT`
    case alterSource(AlterSource)
    /// `CREATE TYPE t AS …`
    case createType(name: Name, type: TypeName, ifNotExists: Bool)
    /// `DROP TYPE t`
    case dropType(name: Name, ifExists: Bool)
    /// `TERMINATE q`, `PAUSE ALL`, `RESUME q`
    case manageQuery(QueryAction, QueryTarget)
    /// `SHOW …`, `LIST …`
    case show(ShowSubject)
    /// `DESCRIBE …`
    case describe(DescribeSubject)
    /// `EXPLAIN query-id`
    case explainQuery(Name)
    /// `EXPLAIN statement`; the text is that of the inner statement
    case explainStatement(Statement, text: OriginalText)
    /// `EXPLAIN ANALYZE statement`
    case analyzeStatement(Statement, text: OriginalText)
    /// `PRINT topic …`
    case print(PrintTopic)
    /// `SET 'name' = 'value'`
    case set(name: String, value: String)
    /// `UNSET 'name'`
    case unset(name: String)
    /// `ALTER SYSTEM 'name' = 'value'`
    case alterSystem(name: String, value: String)
    /// `DEFINE name = 'value'`
    case define(name: Name, value: String)
    /// `UNDEFINE name`
    case undefine(name: Name)
    /// `ASSERT …`
    case assert(Assertion)
    /// `CREATE SOURCE CONNECTOR c WITH (…)`
    case createConnector(CreateConnector)
    /// `DROP CONNECTOR c`
    case dropConnector(name: Name, ifExists: Bool)
    /// `RUN SCRIPT 'file'`, only where the parser was asked to take it
    case runScript(path: String)
}

/// A column of a CREATE statement.
package struct ColumnDefinition: Hashable, Sendable {
    /// The column.
    package var name: Name
    /// Its type.
    package var type: TypeName
    /// Where in a record it lives.
    package var role: Role = .value
    /// Whether NOT NULL was written.
    package var isRequired = false
    /// What follows DEFAULT: the value of rows whose INSERT does not name the column.
    package var otherwise: Expression?

    package init(name: Name, type: TypeName, role: Role = .value) {
        self.name = name
        self.type = type
        self.role = role
    }

    /// Where in a record a column lives.
    package enum Role: Hashable, Sendable {
        case value
        /// `KEY`
        case key
        /// `PRIMARY KEY`
        case primaryKey
        /// `HEADERS`
        case headers
        /// `HEADER('name')`
        case header(String)
    }
}

/// `CREATE STREAM` or `CREATE TABLE` over a topic.
package struct CreateSource: Hashable, Sendable {
    /// Stream or table.
    package var kind: SourceKind
    /// Whether OR REPLACE was written.
    package var orReplace: Bool = false
    /// `CREATE SOURCE STREAM`: a read-only object.
    package var isSource: Bool = false
    /// Whether IF NOT EXISTS was written.
    package var ifNotExists: Bool = false
    /// Its name.
    package var name: Name
    /// The column list; empty when none was written.
    package var columns: [ColumnDefinition] = []
    /// The WITH clause, sorted by name.
    package var properties: [Property] = []

    package init(
        kind: SourceKind, orReplace: Bool = false, isSource: Bool = false, ifNotExists: Bool = false,
        name: Name, columns: [ColumnDefinition] = [], properties: [Property] = []
    ) {
        self.kind = kind
        self.orReplace = orReplace
        self.isSource = isSource
        self.ifNotExists = ifNotExists
        self.name = name
        self.columns = columns
        self.properties = properties
    }
}

/// `CREATE STREAM … AS SELECT` or the same for a table.
package struct CreateAs: Hashable, Sendable {
    /// Stream or table.
    package var kind: SourceKind
    /// Whether OR REPLACE was written.
    package var orReplace: Bool = false
    /// Whether IF NOT EXISTS was written.
    package var ifNotExists: Bool = false
    /// Its name.
    package var name: Name
    /// The WITH clause, sorted by name.
    package var properties: [Property] = []
    /// The query.
    package var query: Query

    package init(
        kind: SourceKind, orReplace: Bool = false, ifNotExists: Bool = false, name: Name,
        properties: [Property] = [], query: Query
    ) {
        self.kind = kind
        self.orReplace = orReplace
        self.ifNotExists = ifNotExists
        self.name = name
        self.properties = properties
        self.query = query
    }
}

/// `INSERT INTO … SELECT`: a continuous query that writes into a stream.
package struct InsertSelect: Hashable, Sendable {
    /// What is written to.
    package var target: Name
    /// The WITH clause, sorted by name.
    package var properties: [Property] = []
    /// The query.
    package var query: Query

    package init(target: Name, properties: [Property] = [], query: Query) {
        self.target = target
        self.properties = properties
        self.query = query
    }
}

/// `INSERT INTO … VALUES`: one row.
package struct InsertValues: Hashable, Sendable {
    /// What is written to.
    package var target: Name
    /// Empty when no column list was written.
    package var columns: [Name] = []
    /// The rows, at least one, with a value a column each.
    package var rows: [[Expression]]
    /// `DEFAULT VALUES`: one row, which names no column.
    package var isOfDefaults = false

    package init(target: Name, columns: [Name] = [], rows: [[Expression]]) {
        self.target = target
        self.columns = columns
        self.rows = rows
    }
}

/// `DROP STREAM` or `DROP TABLE`.
package struct DropSource: Hashable, Sendable {
    /// Stream or table.
    package var kind: SourceKind
    /// Whether IF EXISTS was written.
    package var ifExists: Bool = false
    /// Its name.
    package var name: Name
    /// Whether the topic goes too.
    package var deleteTopic: Bool = false
    /// Whether what reads and writes it goes too.
    package var cascades: Bool = false
    /// The names of others that go as well.
    package var others: [Name] = []

    package init(kind: SourceKind, ifExists: Bool = false, name: Name, deleteTopic: Bool = false, cascades: Bool = false) {
        self.kind = kind
        self.ifExists = ifExists
        self.name = name
        self.deleteTopic = deleteTopic
        self.cascades = cascades
    }
}

/// `ALTER STREAM` or `ALTER TABLE`.
package struct AlterSource: Hashable, Sendable {
    /// Stream or table.
    package var kind: SourceKind
    /// Its name.
    package var name: Name
    /// The new columns, and new fields of columns.
    package var added: [Addition]
    /// Its new name; nothing is added then.
    package var newName: Name?

    package init(kind: SourceKind, name: Name, added: [Addition], newName: Name? = nil) {
        self.kind = kind
        self.name = name
        self.added = added
        self.newName = newName
    }

    /// `ADD COLUMN c INT`, `ADD COLUMN a->b INT`
    package struct Addition: Hashable, Sendable {
        /// The column and the fields around a new field; empty for a new column.
        package var path: [Name] = []
        /// What is added.
        package var field: TypeName.Field

        package init(path: [Name] = [], field: TypeName.Field) {
            self.path = path
            self.field = field
        }
    }
}

/// What can be done with a running query.
package enum QueryAction: String, Hashable, Sendable, CaseIterable {
    case terminate = "TERMINATE"
    case pause = "PAUSE"
    case resume = "RESUME"
    /// `RESUME q SKIP`: goes on behind the record that the query failed at.
    case resumeSkipping = "RESUME SKIP"
}

/// Which queries are meant.
package enum QueryTarget: Hashable, Sendable {
    case all
    case query(Name)
}

/// What SHOW lists.
package enum ShowSubject: Hashable, Sendable {
    case streams(extended: Bool)
    case tables(extended: Bool)
    case topics(all: Bool, extended: Bool)
    case queries(extended: Bool)
    case functions
    case views
    case types
    case variables
    case properties
    /// The limits of this server.
    case limits
    /// The names of the system tables.
    case systemTables
    /// How far the time of windowed queries has come in each partition.
    case watermarks
    case connectors(ConnectorKind?)
    case connectorPlugins
    case schemas
    /// The groups in which Kafka's consumers and queries read topics.
    case consumerGroups
    /// The idempotent producers that topics remember.
    case producers
}

/// What DESCRIBE explains.
package enum DescribeSubject: Hashable, Sendable {
    case source(Name, extended: Bool)
    /// A system table, by both of its names with the dot.
    case system(Name)
    case streams(extended: Bool)
    case tables(extended: Bool)
    case function(Name)
    case connector(Name)
    /// A subject of the schema registry.
    case schema(Name)
    case consumerGroup(Name)
}

/// `PRINT`: the records of a topic as they are.
package struct PrintTopic: Hashable, Sendable {
    /// The topic as written; unquoted names are upper case.
    package var topic: Name
    /// Whether FROM BEGINNING was written.
    package var fromBeginning: Bool = false
    /// `INTERVAL n` or `SAMPLE n`: every n-th record.
    package var interval: Int64?
    /// The LIMIT; may be negative, which the engine refuses.
    package var limit: Int64?
    /// Where the number of INTERVAL or SAMPLE was written.
    package var intervalSpan: SourceSpan = .none
    /// Where the number of the LIMIT was written.
    package var limitSpan: SourceSpan = .none

    package init(topic: Name, fromBeginning: Bool = false, interval: Int64? = nil, limit: Int64? = nil) {
        self.topic = topic
        self.fromBeginning = fromBeginning
        self.interval = interval
        self.limit = limit
    }
}

/// What ASSERT claims.
package enum Assertion: Hashable, Sendable {
    /// `ASSERT [NOT EXISTS] TOPIC t WITH (…) TIMEOUT 5 SECONDS`
    case topic(Name, exists: Bool, properties: [Property], timeout: Duration?)
    /// `ASSERT [NOT EXISTS] SCHEMA SUBJECT s ID 1 TIMEOUT 5 SECONDS`
    case schema(subject: Name?, id: Literal?, exists: Bool, timeout: Duration?)
    /// `ASSERT VALUES s (…) VALUES (…)`, only for the SQL test tool
    case values(InsertValues)
    /// `ASSERT NULL VALUES s (…) KEY (…)`, only for the SQL test tool
    case tombstone(InsertValues)
    /// `ASSERT STREAM s (…) WITH (…)`, only for the SQL test tool
    case source(CreateSource)
}

/// Whether a connector brings data in or takes it out.
package enum ConnectorKind: String, Hashable, Sendable, CaseIterable {
    case source = "SOURCE"
    case sink = "SINK"
}

/// `CREATE SOURCE CONNECTOR` or `CREATE SINK CONNECTOR`.
package struct CreateConnector: Hashable, Sendable {
    /// In or out.
    package var kind: ConnectorKind
    /// Whether IF NOT EXISTS was written.
    package var ifNotExists: Bool = false
    /// Its name.
    package var name: Name
    /// The WITH clause, sorted by name.
    package var properties: [Property]

    package init(kind: ConnectorKind, ifNotExists: Bool = false, name: Name, properties: [Property]) {
        self.kind = kind
        self.ifNotExists = ifNotExists
        self.name = name
        self.properties = properties
    }
}
