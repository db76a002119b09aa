// What exists at one moment: streams, tables, custom types and persistent queries. A snapshot never changes; statements make new ones.

package import Formats
package import Values

/// Event time of a source that takes it from a column.
package struct SourceTimestamp: Hashable, Sendable {
    package var column: String
    /// The Java date-time pattern of a STRING column.
    package var pattern: String?
    package init(column: String, pattern: String?) {
        self.column = column
        self.pattern = pattern
    }
}

/// Where the rows of a table begin in its topic: what stands before them is not the table's, but was left by an older one.
package struct SourceOrigin: Hashable, Sendable {
    /// The identity of the topic, as text; in another topic of that name the offsets mean nothing.
    package var topicID: String
    /// The first offset of the table by partition.
    package var offsets: [Int64]

    package init(topicID: String, offsets: [Int64]) {
        self.topicID = topicID
        self.offsets = offsets
    }

    /// The first offset of the table in a partition of the topic with that identity; 0 where nothing is known.
    package func offset(in partition: Int, ofTopic id: String) -> Int64 {
        id == topicID && offsets.indices.contains(partition) ? offsets[partition] : 0
    }
}

/// A stream or table: its columns and how they lie in the records of its topic.
package struct SourceDefinition: Hashable, Sendable {
    package var name: String
    package var kind: SourceKind
    /// Declared with CREATE SOURCE: read-only.
    package var isReadOnly: Bool
    package var schema: SourceSchema
    package var topic: String
    package var keyFormat: FormatSpec
    package var valueFormat: FormatSpec
    package var window: KeyWindow?
    package var timestamp: SourceTimestamp?
    /// WRAP_SINGLE_VALUE as the statement gave it; nil when it said nothing.
    package var wrapsSingleValue: Bool?
    /// The text of the statement that made it.
    package var statement: String
    /// The query that was made with it (CREATE … AS SELECT, CREATE SOURCE TABLE); nil for a plain CREATE.
    package var queryID: String?
    /// Where a table that a query makes begins in its topic; nil for all other sources, which are the whole topic.
    package var origin: SourceOrigin?

    package init(
        name: String, kind: SourceKind, isReadOnly: Bool, schema: SourceSchema, topic: String, keyFormat: FormatSpec,
        valueFormat: FormatSpec, window: KeyWindow?, timestamp: SourceTimestamp?, wrapsSingleValue: Bool?, statement: String,
        queryID: String?
    ) {
        self.name = name
        self.kind = kind
        self.isReadOnly = isReadOnly
        self.schema = schema
        self.topic = topic
        self.keyFormat = keyFormat
        self.valueFormat = valueFormat
        self.window = window
        self.timestamp = timestamp
        self.wrapsSingleValue = wrapsSingleValue
        self.statement = statement
        self.queryID = queryID
    }
}

/// A persistent query as the catalog knows it.
package struct QueryDefinition: Hashable, Sendable {
    package var id: String
    package var statement: String
    /// Names of the sources it reads, left to right.
    package var reads: [String]
    /// Name of the source it writes; nil for the query behind a SOURCE TABLE.
    package var writes: String?
    package init(id: String, statement: String, reads: [String], writes: String?) {
        self.id = id
        self.statement = statement
        self.reads = reads
        self.writes = writes
    }
}

/// Everything that exists, as a value.
package struct CatalogSnapshot: Hashable, Sendable {
    package private(set) var sources: [String: SourceDefinition] = [:]
    package private(set) var types: [String: SQLType] = [:]
    package private(set) var queries: [String: QueryDefinition] = [:]

    package init() {}

    package mutating func set(_ source: SourceDefinition) { sources[source.name] = source }
    package mutating func removeSource(_ name: String) { sources[name] = nil }
    package mutating func setType(_ name: String, _ type: SQLType?) { types[name] = type }
    package mutating func set(_ query: QueryDefinition) { queries[query.id] = query }
    package mutating func removeQuery(_ id: String) { queries[id] = nil }

    /// All streams and tables, by name.
    package var sortedSources: [SourceDefinition] { sources.values.sorted { $0.name < $1.name } }
    /// All persistent queries, by id.
    package var sortedQueries: [QueryDefinition] { queries.values.sorted { $0.id < $1.id } }
    /// The queries that read a source.
    package func readers(of name: String) -> [QueryDefinition] { sortedQueries.filter { $0.reads.contains(name) } }
    /// The queries that write a source.
    package func writers(of name: String) -> [QueryDefinition] { sortedQueries.filter { $0.writes == name } }
}
