// The keywords. `grammar/keywords.txt` holds the same table as text, and a test keeps the two equal.

/// A keyword; the raw value is its spelling.
package enum Keyword: String, Hashable, Sendable, CaseIterable {
    // Free words: they may also stand where a name is wanted.
    case add = "ADD", alter = "ALTER", analyze = "ANALYZE", array = "ARRAY", assert = "ASSERT", changes = "CHANGES", column = "COLUMN",
        columns = "COLUMNS", date = "DATE", day = "DAY", define = "DEFINE", emit = "EMIT", escape = "ESCAPE", explain = "EXPLAIN",
        final = "FINAL", function = "FUNCTION", functions = "FUNCTIONS", grace = "GRACE", header = "HEADER", headers = "HEADERS",
        hour = "HOUR", id = "ID", `if` = "IF", integer = "INTEGER", interval = "INTERVAL", key = "KEY", map = "MAP", minute = "MINUTE",
        month = "MONTH", partition = "PARTITION", partitions = "PARTITIONS", period = "PERIOD", plugins = "PLUGINS",
        primary = "PRIMARY", query = "QUERY", replace = "REPLACE", reset = "RESET", schema = "SCHEMA", second = "SECOND", session =
        "SESSION",
        set = "SET", show = "SHOW", sink = "SINK", source = "SOURCE", string = "STRING", `struct` = "STRUCT", subject = "SUBJECT",
        system = "SYSTEM", tables = "TABLES", time = "TIME", timeout = "TIMEOUT", timestamp = "TIMESTAMP", type = "TYPE",
        types = "TYPES", undefine = "UNDEFINE", variables = "VARIABLES", year = "YEAR", zone = "ZONE"
    // Reserved words: as names they have to be quoted.
    case advance = "ADVANCE", all = "ALL", and = "AND", `as` = "AS", at = "AT", beginning = "BEGINNING", between = "BETWEEN",
        by = "BY", `case` = "CASE", cast = "CAST", catalog = "CATALOG", connector = "CONNECTOR", connectors = "CONNECTORS",
        create = "CREATE", days = "DAYS", decimal = "DECIMAL", delete = "DELETE", describe = "DESCRIBE", distinct = "DISTINCT",
        drop = "DROP", `else` = "ELSE", end = "END", exists = "EXISTS", export = "EXPORT", extended = "EXTENDED", `false` = "FALSE",
        from = "FROM", full = "FULL", group = "GROUP", having = "HAVING", hopping = "HOPPING", hours = "HOURS", `in` = "IN",
        inner = "INNER", insert = "INSERT", into = "INTO", `is` = "IS", join = "JOIN", left = "LEFT", like = "LIKE", limit = "LIMIT",
        list = "LIST", load = "LOAD", materialized = "MATERIALIZED", millisecond = "MILLISECOND", milliseconds = "MILLISECONDS",
        minutes = "MINUTES", months = "MONTHS", namespace = "NAMESPACE", not = "NOT", null = "NULL", on = "ON", or = "OR",
        outer = "OUTER", pause = "PAUSE", print = "PRINT", properties = "PROPERTIES", queries = "QUERIES",
        rename = "RENAME", resume = "RESUME", retention = "RETENTION", right = "RIGHT", run = "RUN", sample = "SAMPLE",
        script = "SCRIPT", seconds = "SECONDS", select = "SELECT", size = "SIZE", stream = "STREAM", streams = "STREAMS",
        table = "TABLE", terminate = "TERMINATE", then = "THEN", to = "TO", topic = "TOPIC", topics = "TOPICS", `true` = "TRUE",
        tumbling = "TUMBLING", unset = "UNSET", values = "VALUES", view = "VIEW", when = "WHEN", `where` = "WHERE", window = "WINDOW",
        with = "WITH", within = "WITHIN", years = "YEARS"

    /// Whether the word must be quoted to serve as a name. Free words are declared first, so the order of declaration decides.
    package var isReserved: Bool { Keyword.reserved.contains(self) }

    /// Whether the word must be quoted also in the full dialect: PostgreSQL or SQLite reserve it as well, or a clause that begins with it could not be
    /// told from an alias.
    package var isReservedInFull: Bool { Keyword.reservedInFull.contains(self) }

    /// The keyword that is spelled so, in upper case.
    package static func named(_ upperCase: String) -> Keyword? { bySpelling[upperCase] }

    private static let bySpelling = [String: Keyword](uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
    private static let reserved = Set(allCases.drop { $0 != .advance })
    private static let reservedInFull: Set<Keyword> = [
        .all, .and, .as, .between, .by, .case, .cast, .create, .delete, .distinct, .drop, .else, .end, .exists, .false, .from, .full, .group,
        .having, .in, .inner, .insert, .into, .is, .join, .left, .like, .limit, .not, .null, .on, .or, .outer, .right, .select, .table, .then,
        .to, .true, .values, .when, .where, .window, .with, .within,
    ]
}
