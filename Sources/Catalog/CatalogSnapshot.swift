// What exists at one moment: streams, tables, custom types and persistent queries, with everything that the server
// needs to make them run again. A snapshot never changes; a `CatalogChange` leads from one to the next.

package import Formats
package import Plans
package import Quantities
package import Values

/// Event time of a source that takes it from a column.
package struct SourceTimestamp: Hashable, Sendable, Codable {
    /// The column's name.
    package var column: String
    /// The Java date-time pattern of a STRING column.
    package var pattern: String?

    package init(column: String, pattern: String?) {
        self.column = column
        self.pattern = pattern
    }
}

/// Where the rows of a table begin in its topic: what stands before them is not the table's, but was left by an older
/// one.
package struct SourceOrigin: Hashable, Sendable, Codable {
    /// The identity of the topic, as text; in another topic of that name the offsets mean nothing.
    package var topicID: String
    /// The first offset of the table by partition.
    package var offsets: [Offset]

    package init(topicID: String, offsets: [Offset]) {
        self.topicID = topicID
        self.offsets = offsets
    }

    /// The first offset of the table in a partition of the topic with that identity; that of the topic where nothing is known.
    package func offset(in partition: PartitionIndex, ofTopic id: String) -> Offset {
        id == topicID && offsets.indices.contains(partition.index) ? offsets[partition.index] : .first
    }
}

/// A stream or table: its columns and how they lie in the records of its topic.
package struct SourceDefinition: Hashable, Sendable, Codable {
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
    /// Set for a table that was declared without PRIMARY KEY: each of its rows got a key of its own, which `SELECT *` of questions leaves out and
    /// which INSERT makes. Nil in what was written before there were such tables.
    package var hidesKey: Bool?
    /// Set for a table whose CREATE named no topic and made it: DROP TABLE removes it, as nothing else was meant to have those rows.
    package var ownsTopic: Bool?
    /// Names of columns that are NOT NULL to INSERT and UPDATE; records of others may have NULL there. Nil for none.
    package var required: [String]?
    /// By the names of columns: the text of what DEFAULT gives rows whose INSERT does not name them. Nil for none.
    package var defaults: [String: String]?

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

extension SourceDefinition {
    /// The columns that rows are written to unless a statement names others: key columns, then value columns.
    package var writtenColumns: [ColumnDefinition] { hidesKey == true ? schema.value : schema.key + schema.value }
}

/// A custom type and the statement that registered it.
package struct CustomType: Hashable, Sendable, Codable {
    package var name: String
    package var type: SQLType
    package var statement: String

    package init(name: String, type: SQLType, statement: String) {
        self.name = name
        self.type = type
        self.statement = statement
    }
}

/// Where a query began to read a partition.
package struct StartPosition: Hashable, Sendable, Codable {
    package var topic: String
    package var partition: PartitionIndex
    package var offset: Offset

    package init(topic: String, partition: PartitionIndex, offset: Offset) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }
}

/// A persistent query as the catalog knows it.
package struct QueryDefinition: Hashable, Sendable {
    package var id: String
    /// The statement that made it, and the same with its stars and custom types written out, where that is another.
    package var statement: String
    package var expanded: String?
    /// The settings in force when it was created.
    package var properties: [String: String]
    /// Names of the sources it reads, left to right.
    package var reads: [String]
    /// Name of the source it writes; nil for the query behind a SOURCE TABLE.
    package var writes: String?
    /// What it does. Stored with the query: the same statement may come to another plan in another version of the
    /// server.
    package var plan: QueryPlan
    /// By the name of each state store, the fingerprint of the layout in which its changelog has been written.
    package var layouts: [String: String]
    /// Where it began to read; empty where that is not known.
    package var starts: [StartPosition]
    /// Its place in the order of creation; a replacement keeps the place of what it replaces.
    package var order: Int64 = 0
    /// The sequence of its catalog record: another one after each change of the query. Set when the change is
    /// committed.
    package var version: Int64 = 0
    /// Why it cannot run with the state that it has; nil when it can. Found out at each start, not stored.
    package var problem: String?

    package init(
        id: String, statement: String, expanded: String? = nil, properties: [String: String] = [:], reads: [String], writes: String?,
        plan: QueryPlan, layouts: [String: String] = [:], starts: [StartPosition] = []
    ) {
        self.id = id
        self.statement = statement
        self.expanded = expanded
        self.properties = properties
        self.reads = reads
        self.writes = writes
        self.plan = plan
        self.layouts = layouts
        self.starts = starts
    }

    /// Names of all sources it writes: its own, and the stream of its late rows.
    package var sinks: [String] { [writes, plan.lateRows?.sourceName].compactMap(\.self) }
}

/// A topic that a committed statement has removed, or that one which is not committed is about to make. It is deleted after the commit,
/// at the next start if not before.
package struct RemovedTopic: Hashable, Sendable, Codable {
    package var name: String
    /// The identity of the topic, as text; a later topic of the same name is another.
    package var topicID: String

    package init(name: String, topicID: String) {
        self.name = name
        self.topicID = topicID
    }
}

/// Everything that exists, as a value.
package struct CatalogSnapshot: Hashable, Sendable {
    package private(set) var sources = ObjectsByName<SourceDefinition>()
    package private(set) var customTypes: [String: CustomType] = [:]
    package private(set) var queries = ObjectsByName<QueryDefinition>()
    /// Functions that users have defined, by name.
    package private(set) var functions: [String: UserFunction] = [:]
    /// Views, by name.
    package private(set) var views: [String: ViewDefinition] = [:]
    /// The texts of comments, by what has them.
    package private(set) var comments: [String: String] = [:]
    /// The queries that PAUSE has stopped.
    package private(set) var paused: Set<String> = []
    /// The queries whose state did not fit the server's memory. After a start of the server they come behind all others.
    package private(set) var memoryPauses: Set<String> = []
    /// By name, topics that are still to be deleted.
    package private(set) var removedTopics: [String: RemovedTopic] = [:]
    /// The marks of a server script's statements that have been carried out.
    package private(set) var scriptMarks: Set<String> = []
    /// The number that the next query id gets: it outlives the queries.
    package private(set) var nextQueryNumber: Int64 = 0

    package init() {}

    /// The registered types by name.
    package var types: [String: SQLType] { customTypes.mapValues(\.type) }
    /// All streams and tables, by name.
    package var sortedSources: [SourceDefinition] { sources.values.sorted { $0.name < $1.name } }
    /// All persistent queries, by id.
    package var sortedQueries: [QueryDefinition] { queries.values.sorted { $0.id < $1.id } }
    /// What goes with a query: its own key and those of its pauses.
    package func keys(ofQuery id: String) -> [CatalogKey] {
        [.query(id), .pause(id)] + (memoryPauses.contains(id) ? [.memoryPause(id)] : [])
    }
    /// The keys of a source's comments, with those of its columns.
    package func commentKeys(ofSource name: String) -> [CatalogKey] {
        let own = CatalogComment.subject(source: name)
        return comments.keys.filter { $0 == own || $0.hasPrefix(own + "/") }.sorted().map { .comment($0) }
    }

    /// All views, by name.
    package var sortedViews: [ViewDefinition] { views.values.sorted { $0.name < $1.name } }
    /// The views that read a stream, a table or another view, by name.
    package func views(reading name: String) -> [ViewDefinition] { views.values.filter { $0.reads.contains(name) }.sorted { $0.name < $1.name } }

    /// The queries that read a source.
    package func readers(of name: String) -> [QueryDefinition] { queries.filter { $0.reads.contains(name) }.sorted { $0.id < $1.id } }

    /// Those of the sources of a query, left to right, whose rows make it write: a table that rows of a stream are joined with is only looked at.
    package func drivers(among reads: [String]) -> [String] {
        guard let first = reads.first, sources[first]?.kind == .stream else { return reads }
        return reads.filter { sources[$0]?.kind != .table }
    }

    /// The queries that write a source.
    package func writers(of name: String) -> [QueryDefinition] {
        queries.filter { $0.sinks.contains(name) }.sorted { $0.id < $1.id }
    }

    /// The sources through which the rows of one come to one of others, from it to that, both included; nil where they do not. Sources over
    /// one topic have the same rows. Rows come on only through queries that they make write.
    package func path(from name: String, to others: Set<String>) -> [String]? {
        var ways: [[String]] = [[name]]
        var known: Set<String> = [name]
        var next = 0
        while next < ways.count {
            let way = ways[next]
            next += 1
            guard let last = way.last else { continue }
            let topic = sources[last]?.topic
            let same = sources.filter { $0.topic == topic && $0.name != last }.map(\.name)
            if let found = ([last] + same.sorted()).first(where: others.contains) { return found == last ? way : way + [found] }
            let sinks = ([last] + same).flatMap { name in
                readers(of: name).filter { drivers(among: $0.reads).contains(name) }.flatMap(\.sinks)
            }
            for further in (same + sinks).sorted() where known.insert(further).inserted {
                ways.append(way + [further])
            }
        }
        return nil
    }

    /// Adds an object, or puts it in the place of the one with the same key.
    package mutating func set(_ object: CatalogObject) {
        switch object {
        case .source(let source): sources[source.name] = source
        case .type(let type): customTypes[type.name] = type
        case .query(let query): queries[query.id] = query
        case .function(let function): functions[function.name] = function
        case .view(let view): views[view.name] = view
        case .comment(let comment): comments[comment.subject] = comment.text
        case .pause(let id): paused.insert(id)
        case .memoryPause(let id): memoryPauses.insert(id)
        case .removedTopic(let topic): removedTopics[topic.name] = topic
        case .scriptMark(let mark): scriptMarks.insert(mark)
        case .numbers(let next): nextQueryNumber = max(nextQueryNumber, min(next, QueryIDs.numbersEnd))
        }
    }

    /// Removes the object with that key, if there is one. Numbers are never taken back.
    package mutating func remove(_ key: CatalogKey) {
        switch key {
        case .source(let name): sources[name] = nil
        case .type(let name): customTypes[name] = nil
        case .query(let id): queries[id] = nil
        case .function(let name): functions[name] = nil
        case .view(let name): views[name] = nil
        case .comment(let subject): comments[subject] = nil
        case .pause(let id): paused.remove(id)
        case .memoryPause(let id): memoryPauses.remove(id)
        case .removedTopic(let name): removedTopics[name] = nil
        case .scriptMark(let mark): scriptMarks.remove(mark)
        case .numbers: break
        }
    }
}
