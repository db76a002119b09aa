// What the engine owns, behind one lock: the catalog, the running queries, the counters of names.

import Catalog
import Diagnostics
import LogStore
import Pipelines
import Planner
import Plans
import Values

/// A persistent query that exists, whether it runs, is paused or has failed.
struct PersistentQuery: Sendable {
    let id: String
    let statement: String
    let plan: QueryPlan
    /// The settings in force when it was created.
    let properties: [String: String]
    let reads: [String]
    let writes: String?
    let run: QueryRun
    /// The readable rows of the table that it makes; none for a stream.
    let rows: TableRows
    /// Order of creation; a replacement keeps the place of what it replaces.
    let order: Int
}

/// A push or bounded query that runs for a client.
struct TransientQuery: Sendable {
    let id: String
    let statement: String
    let isPush: Bool
    let run: QueryRun?
    let cancel: @Sendable () -> Void
}

/// An object whose catalog entry could not be brought back; it stands apart so that the rest works.
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
    /// The number in the next query id, and what the catalog topic says that it is.
    var nextQueryNumber: Int64 = 0
    var storedQueryNumber: Int64 = 0
    /// Order of catalog entries; replay follows it.
    var nextSequence: Int64 = 0
    var nextTransient: Int64 = 1
    var nextOrder = 0
    var serverProperties: [String: String] = [:]
    var isClosing = false
}
