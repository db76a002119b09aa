// What the engine owns, behind one lock: the catalog, the queries that run, and what stands between the two.

import Catalog
import Diagnostics
import LogStore
import Pipelines
import Planner
import Plans
import Syntax
import Values

/// A persistent query that exists, whether it runs, is paused or has failed.
final class PersistentQuery: Sendable {
    let id: String
    let statement: String
    let plan: QueryPlan
    /// The settings in force when it was created.
    let properties: [String: String]
    let reads: [String]
    let writes: String?
    /// The stream of its late rows; nil where it keeps none.
    let lateRowsName: String?
    let run: QueryRun
    /// The readable rows of the table that it makes; none for a stream.
    let rows: TableRows
    /// Order of creation; a replacement keeps the place of what it replaces.
    let order: Int64
    /// The version of the definition that runs; the catalog has another one after a change.
    let version: Int64

    init(_ definition: QueryDefinition, run: QueryRun, rows: TableRows) {
        id = definition.id
        statement = definition.statement
        plan = definition.plan
        properties = definition.properties
        reads = definition.reads
        writes = definition.writes
        lateRowsName = definition.plan.lateRows?.sourceName
        self.run = run
        self.rows = rows
        order = definition.order
        version = definition.version
    }

    /// Whether rows of a source come from it.
    func makes(_ source: String) -> Bool { writes == source || lateRowsName == source }
}

/// A push or bounded query that runs for a client.
struct TransientQuery: Sendable {
    let id: String
    let statement: String
    let isPush: Bool
    /// What it does, where it is carried out as continuous queries are.
    var plan: QueryPlan?
    let run: QueryRun?
    let cancel: @Sendable () -> Void
}

/// A catalog entry that failed to load; it is listed with its reason, and everything else runs.
struct BrokenEntry: Sendable {
    let key: String
    /// The query that it would make, where it is one.
    let queryID: String?
    let statement: String
    let reason: String
}

/// Everything the engine holds.
struct EngineState: Sendable {
    var catalog = CatalogSnapshot()
    var queries: [String: PersistentQuery] = [:]
    var transients: [String: TransientQuery] = [:]
    var broken: [BrokenEntry] = []
    /// Loads under way that keep how far they are, by name.
    var namedLoads: Set<String> = []
    /// Why the catalog is known only in part, so that it cannot be changed; nil when it is known whole.
    var catalogObstacle: String?
    /// The sequence of the next catalog record.
    var nextSequence: Int64 = 0
    /// Queries that are not run until they are resumed, with the reasons. The catalog does not know of these.
    var held: [String: String] = [:]
    /// Remarks on queries for listings, by id.
    var remarks: [String: String] = [:]
    /// Internal topics that no query needs and that could not be deleted yet.
    var abandonedTopics: Set<String> = []
    /// Topics that have been deleted after a statement removed them; the catalog forgets them with its next change.
    var deletedTopics: Set<String> = []
    var nextTransient: Int64 = 1
    var serverProperties: [String: String] = [:]
    /// Kafka's clients, where there is a listener for them.
    var foreignClients: ForeignClients?
    var isClosing = false

    /// The client's query of that id. Without quotes it may be written in any case of letters: its prefix has small ones.
    func transient(named name: Name) -> TransientQuery? {
        if let exact = transients[name.text] { return exact }
        return name.isQuoted ? nil : transients.values.first { $0.id.uppercased() == name.text }
    }
}
