// The system tables: what a server knows about itself, as relations that questions read like any other. Their rows are made when a question
// asks for them; here stand their names, columns and comments.

package import Values

/// A system table: `millrace.queries` and so on.
package struct SystemTable: Hashable, Sendable {
    /// A column and what it says.
    package struct Column: Hashable, Sendable {
        package let name: String
        package let type: SQLType
        package let comment: String

        fileprivate init(_ name: String, _ type: SQLType, _ comment: String) {
            self.name = name
            self.type = type
            self.comment = comment
        }
    }

    /// Which one. The raw value is its name behind the dot.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case connections = "CONNECTIONS"
        case functions = "FUNCTIONS"
        case memory = "MEMORY"
        case partitions = "PARTITIONS"
        case queries = "QUERIES"
        case settings = "SETTINGS"
        case statements = "STATEMENTS"
        case tasks = "TASKS"
        case topics = "TOPICS"
        case views = "VIEWS"
    }

    /// The name in front of the dot.
    package static let schema = "MILLRACE"
    /// The name under which the stream of rows that could not be processed can be asked for as well.
    package static let errors = "MILLRACE.ERRORS"
    /// That stream.
    package static let errorsStream = "MILLRACE_ERRORS"

    package let kind: Kind
    package let columns: [Column]
    /// What its rows are.
    package let comment: String

    /// The name by which it is looked up: `MILLRACE.QUERIES`.
    package var name: String { SystemTable.schema + "." + kind.rawValue }

    /// The name as people write it: `millrace.queries`.
    package var writtenName: String { name.lowercased() }

    /// All names behind FROM, as people write them, sorted.
    package static let names = (all.map(\.writtenName) + [errors.lowercased()]).sorted()

    /// The table of that name, in upper case and with the dot; nil where there is none.
    package static func named(_ name: String) -> SystemTable? { all.first { $0.name == name } }

    /// All of them, sorted by name.
    package static let all: [SystemTable] = Kind.allCases.map { kind in
        let (comment, columns) = description(of: kind)
        return SystemTable(kind: kind, columns: columns, comment: comment)
    }

    private static func description(of kind: Kind) -> (String, [Column]) {
        switch kind {
        case .queries: ("queries, persistent ones and those of clients", queries)
        case .tasks: ("how far each persistent query has read each partition", tasks)
        case .topics: ("topics of the log", topics)
        case .partitions: ("partitions of topics", partitions)
        case .connections: ("clients that are connected", connections)
        case .statements: ("statements under way, and the latest ones that have ended", statements)
        case .memory: ("who holds how much memory for state", memory)
        case .settings: ("settings, as they hold in this session", settings)
        case .functions: ("built-in functions, one row for each form of the arguments", functions)
        case .views: ("views, which are questions with a name", views)
        }
    }

    private static let queries = [
        Column("ID", .string, "its id"),
        Column("KIND", .string, "PERSISTENT, or of a client: PUSH, PULL"),
        Column("STATE", .string, "CREATED, RUNNING, PAUSED or ERROR"),
        Column("READS", .array(.string), "the streams and tables that it reads"),
        Column("SINK", .string, "the stream or table that it writes"),
        Column("RECORDS_READ", .bigint, "records read since the server was started"),
        Column("RECORDS_WRITTEN", .bigint, "records written since then"),
        Column("RECORDS_PER_SECOND", .double, "records read a second, over the last ten seconds"),
        Column("LAG", .bigint, "records that it has still to read"),
        Column("LAG_MS", .bigint, "milliseconds since the timestamp of the oldest of these; 0 where there are none"),
        Column("COMMITS", .bigint, "commits since the server was started"),
        Column("STATE_BYTES", .bigint, "bytes of its state in memory"),
        Column("DISK_BYTES", .bigint, "bytes of its state on disk"),
        Column("SKIPPED", .bigint, "rows that it could not process"),
        Column("SKIPPED_BY_CAUSE", .map(key: .string, value: .bigint), "the same by cause"),
        Column("LAST_ERROR", .string, "why it stands still, or what it has met"),
        Column("STATEMENT", .string, "the statement that made it"),
    ]

    private static let tasks = [
        Column("QUERY", .string, "the query's id"),
        Column("TOPIC_NAME", .string, "the topic that is read"),
        Column("PARTITION", .integer, "the partition"),
        Column("POSITION", .bigint, "the offset that is read next"),
        Column("END_OFFSET", .bigint, "one past the last offset of the partition"),
        Column("LAG", .bigint, "records between the two"),
        Column("LAG_MS", .bigint, "milliseconds since the timestamp of the record that is read next; 0 where there is none"),
        Column("STREAM_TIME", .timestamp, "the latest time of the rows that its windows and joins have seen, by which windows close"),
    ]

    private static let topics = [
        Column("NAME", .string, "its name"),
        Column("PARTITIONS", .integer, "how many partitions it has"),
        Column("RECORDS", .bigint, "offsets between the start and the end of all of them"),
        Column("BYTES", .bigint, "bytes of its files"),
        Column("CLEANUP_POLICY", .string, "whether what is old goes, or is compacted"),
        Column("RETENTION_MS", .bigint, "milliseconds after which records may go; NULL for never"),
        Column("READERS", .bigint, "persistent queries that read it"),
        Column("IS_INTERNAL", .boolean, "whether the server keeps it for itself"),
    ]

    private static let partitions = [
        Column("TOPIC_NAME", .string, "the topic"),
        Column("PARTITION", .integer, "its number"),
        Column("START_OFFSET", .bigint, "the first offset"),
        Column("END_OFFSET", .bigint, "one past the last durable offset"),
        Column("RECORDS", .bigint, "offsets between the two"),
        Column("BYTES", .bigint, "bytes of its files"),
        Column("FILES", .integer, "how many files its records are in"),
        Column("DAMAGE", .string, "why a part of it cannot be read"),
    ]

    private static let connections = [
        Column("ID", .bigint, "its number"),
        Column("PROTOCOL", .string, "LINE, HTTP or KAFKA"),
        Column("CLIENT", .string, "the address at the other end"),
        Column("CONNECTED_AT", .timestamp, "since when"),
        Column("REQUESTS", .bigint, "requests that it has made"),
    ]

    private static let statements = [
        Column("ID", .bigint, "its number since the server was started"),
        Column("CONNECTION", .bigint, "the connection of the line protocol that it came from; NULL for others"),
        Column("STATE", .string, "RUNNING, DONE or FAILED"),
        Column("STARTED_AT", .timestamp, "when it was begun"),
        Column("DURATION_MS", .double, "how long it took, or has taken until now"),
        Column("ROW_COUNT", .bigint, "rows of the answer; NULL before the end"),
        Column("ERROR_CODE", .string, "the code of the error that it ended with"),
        Column("ERROR", .string, "that error in words"),
        Column("STATEMENT", .string, "its text; a long one is cut off"),
    ]

    private static let memory = [
        Column("OWNER", .string, "the query, or the cache"),
        Column("KIND", .string, "QUERY, CLIENT or CACHE"),
        Column("STORE", .string, "what for"),
        Column("BYTES", .bigint, "how much"),
        Column("ON_DISK", .boolean, "whether that is on disk and not in memory"),
    ]

    private static let settings = [
        Column("NAME", .string, "its name"),
        Column("VALUE", .string, "what holds in this session"),
        Column("DEFAULT_VALUE", .string, "what holds where nobody has set it"),
        Column("ORIGIN", .string, "who has set it: SESSION, SERVER or DEFAULT"),
        Column("SCOPE", .string, "who may set it: SERVER, or SESSION as well"),
        Column("MEANING", .string, "what it decides"),
        Column("CHOICES", .string, "what it may be, with commas between, where that is one of few"),
    ]

    private static let views = [
        Column("NAME", .string, "its name"),
        Column("READS", .array(.string), "the streams, tables and views that it reads, those of its views included"),
        Column("STATEMENT", .string, "the statement that made it"),
    ]

    private static let functions = [
        Column("NAME", .string, "its name"),
        Column("KIND", .string, "what it makes of rows"),
        Column("CATEGORY", .string, "what it is about"),
        Column("FORM", .string, "the call with its arguments"),
        Column("RETURNS", .string, "the type of the result"),
        Column("SUMMARY", .string, "what it does"),
    ]
}
