// The names that completion offers. They are asked for when they are needed, and kept until something may have changed.

import Pages

/// The words that are the same for all catalogs.
enum CompletionWords {
    static let statements = [
        "SELECT", "CREATE", "INSERT INTO", "DESCRIBE", "SHOW", "DROP", "EXPLAIN", "PRINT", "SET", "UNSET", "DEFINE", "UNDEFINE", "TERMINATE",
        "PAUSE", "RESUME", "ALTER", "ASSERT", "UPDATE", "DELETE FROM", "LIST", "WITH", "VALUES",
    ]
    static let commands = ["HELP", "EXIT", "OUTPUT", "HISTORY", "RUN SCRIPT", "SPOOL", "SERVER", "VERSION", "CLEAR"]
    static let listings = [
        "STREAMS", "TABLES", "VIEWS", "QUERIES", "TOPICS", "ALL TOPICS", "FUNCTIONS", "PROPERTIES", "TYPES", "VARIABLES", "LIMITS", "SCHEMAS",
        "SYSTEM TABLES", "WATERMARKS",
        "CONSUMER GROUPS", "PRODUCERS",
    ]
    static let types = [
        "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "STRING", "BYTES", "DATE", "TIME", "TIMESTAMP", "DECIMAL(", "ARRAY<", "MAP<", "STRUCT<",
        "KEY", "PRIMARY KEY", "HEADERS",
    ]
    static let formats = ["JSON", "JSON_SR", "AVRO", "PROTOBUF", "PROTOBUF_NOSR", "DELIMITED", "KAFKA", "NONE"]
    /// What is left of the names of statements, and of the topics of pages, that begin with these words.
    static func topics(behind words: some Sequence<String>) -> [String] {
        let start = words.map { $0 + " " }.joined()
        let all = (StatementHelp.all + ShowHelp.all).map(\.name) + Page.all.map { $0.topic.uppercased() }
        return all.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    static let properties = [
        "KAFKA_TOPIC", "VALUE_FORMAT", "KEY_FORMAT", "FORMAT", "PARTITIONS", "REPLICAS", "TIMESTAMP", "TIMESTAMP_FORMAT", "RETENTION_MS",
        "WRAP_SINGLE_VALUE", "VALUE_DELIMITER", "KEY_DELIMITER", "WINDOW_TYPE", "WINDOW_SIZE",
    ]
}

/// The names of one engine.
final class CompletionCatalog {
    private let runner: StatementRunner
    private var lists: [String: [String]] = [:]
    private var columns: [String: [String]] = [:]

    init(runner: StatementRunner) { self.runner = runner }

    /// The first column of an answer.
    private func names(_ statement: String) -> [String] {
        if let known = lists[statement] { return known }
        let names = runner.rows(statement).compactMap { $0.first ?? nil }
        lists[statement] = names
        return names
    }

    var streams: [String] { names("SHOW STREAMS;") }
    var tables: [String] { names("SHOW TABLES;") }
    var views: [String] { names("SHOW VIEWS;") }
    var sources: [String] { streams + tables }
    var systemTables: [String] { names("SHOW SYSTEM TABLES;") }
    var functions: [String] { names("SHOW FUNCTIONS;") }
    var topics: [String] { names("SHOW TOPICS;") }
    var settings: [String] { names("SHOW PROPERTIES;") }
    var types: [String] { names("SHOW TYPES;") }

    /// What a setting may be where that is one of few; none where it is not known.
    func values(ofSetting name: String) -> [String] {
        // Signs of the name would be the end of the text.
        guard settings.contains(name) else { return [] }
        let row = runner.rows("SELECT choices FROM millrace.settings WHERE name = \(ShellCommand.quoted(name));").first?.first ?? nil
        return row?.split(separator: ",").map { String($0).trimmingCharacters } ?? []
    }

    /// Other shells start and end queries, too.
    var queries: [String] { runner.rows("SHOW QUERIES;").compactMap { $0.first ?? nil } }

    func isSource(_ name: String) -> Bool { sources.contains(name) }

    /// The columns of a source; none where there is none of that name. Only sources that a statement names are asked for, so that a catalog of
    /// thousands does not make Tab slow.
    func columns(of source: String) -> [String] {
        if let known = columns[source] { return known }
        let isSystem = source.hasPrefix("MILLRACE.")
        guard isSystem ? systemTables.contains(where: { $0.uppercased() == source }) : isRelation(source) else { return [] }
        let found = runner.rows("DESCRIBE \(isSystem ? source : "`\(source)`");").compactMap { $0.first ?? nil }
        columns[source] = found
        return found
    }

    private func isRelation(_ name: String) -> Bool { streams.contains(name) || tables.contains(name) || views.contains(name) }

    /// How a function is called; nil when there is none of that name.
    func arguments(of name: String) -> String? {
        guard functions.contains(name) else { return nil }
        let lines = runner.rows("DESCRIBE FUNCTION \(name);").compactMap { $0.first ?? nil }
        let variations = lines.map(\.trimmingCharacters).filter { $0.hasPrefix(name + "(") }
        return variations.isEmpty ? nil : variations.prefix(12).joined(separator: "\n")
    }
}
