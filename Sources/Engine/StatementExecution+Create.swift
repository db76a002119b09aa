// CREATE STREAM, CREATE TABLE, CREATE … AS SELECT and INSERT INTO … SELECT: topics first, then one commit of everything in the catalog.

import Analysis
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Sessions
import Settings
import Syntax
import Values

extension StatementExecution {
    private var launcher: QueryLauncher { QueryLauncher(engine: engine) }

    func perform(_ create: CreateSource) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            let new = try analyse(create, text: parsed.text, in: context)
            if let exists = try existing(create.name, create.kind, create.orReplace, create.ifNotExists, isSource: create.isSource) {
                return exists
            }
            if let old = engine.catalog.sources[create.name.text] { try checkReplacement(old, by: new.definition) }
            try ensureSinkTopic(new.definition, new.properties, sourcePartitions: nil)
            var definition = new.definition
            if create.isSource && definition.kind == .table {
                definition.queryID = try nextQueryID(.sourceTable, create.name.text)
            }
            try commit([.source(definition, properties: capturedProperties, expanded: try expanded(create))], extra: [])
            engine.state.update { $0.catalog.set(definition) }
            if let id = definition.queryID {
                try engine.startSourceTable(definition, id, properties: capturedProperties)
                session.state.withLock { $0.writes += 1 }
            }
            return AnswerSummary(message: "\(definition.kind == .stream ? "Stream" : "Table") created", queryID: definition.queryID)
        }
    }

    func perform(_ create: CreateAs) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            if let exists = try existing(create.name, create.kind, create.orReplace, create.ifNotExists, isSource: false) { return exists }
            let new = try analyse(create, text: parsed.text, in: context)
            var definition = new.definition
            let old = engine.catalog.sources[create.name.text]
            if let old { try checkReplacement(old, by: definition) }
            let id: String
            if let known = old?.queryID { id = known } else { id = try nextQueryID(definition.kind == .stream ? .streamAs : .tableAs, create.name.text) }
            definition.queryID = id
            let plan = plan(new, in: planning(id))
            if let writer = old?.queryID.flatMap({ id in engine.state.withLock { $0.queries[id] } }),
                let obstacle = obstacle(toReplacing: writer.plan, by: plan)
            {
                throw Diagnostic(
                    .incompatibleReplacement, "Cannot upgrade \(definition.name): its query \(writer.id) \(obstacle)",
                    hint: "DROP it and create it again: the new query then starts from the beginning.", at: create.name.span.range)
            }
            if old == nil { try checkQueryLimit() }
            try ensureSinkTopic(definition, new.properties, sourcePartitions: engine.partitions(of: new.query.sources[0].topic))
            definition.origin = old == nil ? origin(of: definition) : old?.origin
            let final = definition
            return try start(plan, reads: new.query.sources.map(\.name), writes: definition.name, replaces: old != nil) { () in
                .source(final, properties: capturedProperties, expanded: expanded(create, new.query))
            } publish: { state in
                state.catalog.set(final)
            }
        }
    }

    func perform(_ insert: InsertSelect) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            let new = try analyse(insert, in: context)
            try checkQueryLimit()
            let id: String
            if let given = new.queryID { id = try explicitID(given) } else { id = try nextQueryID(.insert, nil) }
            let plan = plan(new, in: planning(id))
            let text = parsed.text
            let properties = capturedProperties
            let expanded = expanded(insert, new.query)
            return try start(plan, reads: new.query.sources.map(\.name), writes: new.target.name, replaces: false) { () in
                .query(id: id, statement: text, properties: properties, expanded: expanded)
            } publish: { _ in
            }
        }
    }

    /// Errors: the server's limit of persistent queries allows no more.
    private func checkQueryLimit() throws(Diagnostic) {
        let key = SettingKey<Int?>.persistentQueries
        guard let most = SettingValues(engine.serverProperties)[key], engine.state.withLock({ $0.queries.count }) >= most else { return }
        throw Diagnostic(
            .tooLarge, "this would be more than \(most) persistent \(most == 1 ? "query" : "queries"), the limit of this server",
            hint: "\(key.name) sets the limit; TERMINATE or DROP makes room.", at: parsed.range)
    }

    /// The settings that a query takes with it.
    var capturedProperties: [String: String] {
        var properties = engine.serverProperties
        properties.merge(session.state.withLock { $0.properties }) { _, new in new }
        return properties
    }

    func planning(_ id: String) -> PlanningContext {
        PlanningContext(
            serviceID: session.settings[.serviceID], queryID: id, failsOnInvalidTimestamp: session.settings[.failsOnInvalidTimestamp],
            defaultKeyFormat: FormatName(named: session.settings[.defaultKeyFormat]) ?? .kafka)
    }

    /// Makes topics, commits the catalog entry with the query's first positions, and starts the query.
    private func start(
        _ plan: QueryPlan, reads: [String], writes: String?, replaces: Bool, entry: () -> CatalogEntry,
        publish: (inout EngineState) -> Void
    ) throws(Diagnostic) -> AnswerSummary {
        let properties = capturedProperties
        try checkRuns(plan, properties)
        if replaces { engine.stopQuery(plan.id) }
        try launcher.makeTopics(for: plan)
        let positions = replaces ? nil : launcher.firstPositions(of: plan, properties: properties)
        try commit([entry()], extra: positions.map { [$0] } ?? [])
        let query = engine.makeQuery(plan, statement: parsed.text, properties: properties, reads: reads, writes: writes)
        engine.state.update { state in
            publish(&state)
            state.queries[plan.id] = query
            state.catalog.set(QueryDefinition(id: plan.id, statement: parsed.text, reads: reads, writes: writes))
        }
        engine.begin(query)
        session.state.withLock { $0.writes += 1 }
        return AnswerSummary(message: "Created query with ID \(plan.id)", queryID: plan.id)
    }

    /// Builds the query once before anything is written: what cannot run is refused now.
    private func checkRuns(_ plan: QueryPlan, _ properties: [String: String]) throws(Diagnostic) {
        do throws(QueryFailure) {
            for pipeline in launcher.pipelines(of: plan) { _ = try launcher.dataflow(pipeline, properties: properties) }
        } catch {
            throw Diagnostic(.featureNotSupported, "the query cannot run: \(error.message)", at: parsed.range)
        }
    }

    private func nextQueryID(_ prefix: QueryIDs.Prefix, _ name: String?) throws(Diagnostic) -> String {
        let number = engine.state.update { state -> Int64? in
            guard state.nextQueryNumber < QueryIDs.numbersEnd else { return nil }
            defer { state.nextQueryNumber += 1 }
            return state.nextQueryNumber
        }
        guard let number else { throw Diagnostic(.internalError, "the numbers of query ids are used up", category: .general) }
        return QueryIDs.made(prefix, name: name, number: number)
    }

    private func explicitID(_ id: String) throws(Diagnostic) -> String {
        if let problem = QueryIDs.problem(ofGiven: id) {
            throw Diagnostic(QueryIDs.reservedPrefix(of: id) == nil ? .invalidName : .reservedName, problem, at: parsed.range)
        }
        if engine.state.withLock({ $0.queries[id] != nil }) {
            throw Diagnostic(.duplicateSource, "Query ID '\(id)' already exists.", at: parsed.range)
        }
        return id
    }

    /// Where a table that is made now begins in its topic: behind everything that stands there. Nil for streams, which are the whole topic.
    private func origin(of source: SourceDefinition) -> SourceOrigin? {
        guard source.kind == .table, let topic = engine.log.describeTopic(named: source.topic) else { return nil }
        return SourceOrigin(topicID: topic.id.description, offsets: topic.partitions.map(\.bounds.appendedEnd))
    }

    // MARK: Topics

    /// The topic of a new source: used as it is when it exists, made otherwise.
    private func ensureSinkTopic(
        _ source: SourceDefinition, _ properties: SourceProperties, sourcePartitions: Int?
    ) throws(Diagnostic) {
        if let topic = engine.log.describeTopic(named: source.topic) {
            if let wanted = properties.partitions, wanted != topic.partitions.count {
                throw Diagnostic(
                    .invalidProperty,
                    "A Kafka topic with the name '\(source.topic)' already exists, with different partition/replica configuration than "
                        + "required. KSQL expects \(wanted) partitions (topic has \(topic.partitions.count))", at: parsed.range)
            }
            return
        }
        let fallback = session.settings[.defaultPartitions]
        var config = TopicConfig()
        if source.kind == .table { config.cleanupPolicy = source.window == nil ? .compact : .compactAndDelete }
        if source.kind == .table && source.window == nil {
            config.retentionMilliseconds = nil
            if properties.retentionMilliseconds != nil {
                throw Diagnostic(
                    .invalidProperty,
                    "Invalid config variable in the WITH clause: RETENTION_MS. Non-windowed tables do not support retention.",
                    at: parsed.range)
            }
        }
        if let retention = properties.retentionMilliseconds { config.retentionMilliseconds = retention < 0 ? nil : retention }
        if let name = properties.compression {
            guard let compression = Compression(name: name) else {
                throw Diagnostic(
                    .invalidProperty, "unknown COMPRESSION_TYPE '\(name)': expected none, gzip, snappy, lz4 or zstd", at: parsed.range)
            }
            config.compression = compression
        }
        do throws(LogError) {
            let partitions = properties.partitions ?? sourcePartitions ?? fallback
            _ = try engine.log.createTopic(source.topic, partitions: partitions, config: config)
        } catch {
            throw Diagnostic(error)
        }
    }

    // MARK: Names that are taken

    /// What to do about a name that exists: nothing for a free name or a replacement, a no-op answer for IF NOT EXISTS.
    private func existing(
        _ name: Name, _ kind: Syntax.SourceKind, _ orReplace: Bool, _ ifNotExists: Bool, isSource: Bool
    ) throws(Diagnostic) -> AnswerSummary? {
        let word = kind.rawValue.lowercased()
        let replaces = orReplace && session.settings[.createOrReplace]
        if orReplace && (isSource || engine.catalog.sources[name.text]?.isReadOnly == true) {
            throw Diagnostic(
                .readOnly, "Cannot add \(word) '\(name.text)': CREATE OR REPLACE is not supported on source \(word)s.", category: .general,
                at: name.span.range)
        }
        guard let old = engine.catalog.sources[name.text] else { return nil }
        let taken = "Cannot add \(word) '\(name.text)': A \(old.kind.rawValue.lowercased()) with the same name already exists"
        if ifNotExists {
            sink.emit(.notice(taken + "."))
            return AnswerSummary(message: taken + ".")
        }
        guard replaces else {
            throw Diagnostic(.duplicateSource, taken, hint: "Use CREATE OR REPLACE, IF NOT EXISTS, or DROP it first.", at: name.span.range)
        }
        return nil
    }

    /// The rules of replacement that the catalog can see: same kind, same topic and formats, same columns with new ones behind.
    private func checkReplacement(_ old: SourceDefinition, by new: SourceDefinition) throws(Diagnostic) {
        func refuse(_ what: String) -> Diagnostic {
            Diagnostic(
                .incompatibleReplacement, "Cannot upgrade data source: DataSource '\(old.name)' has \(what)", at: parsed.range)
        }
        if old.kind != new.kind { throw refuse("type = \(old.kind.rawValue) which is not upgradeable to \(new.kind.rawValue)") }
        if old.topic != new.topic || old.keyFormat != new.keyFormat || old.valueFormat != new.valueFormat || old.window != new.window {
            throw refuse("topic = \(old.topic) or formats that are not upgradeable")
        }
        if old.timestamp != new.timestamp { throw refuse("another timestamp column, which is not upgradeable") }
        if old.schema.key != new.schema.key || !new.schema.value.starts(with: old.schema.value) {
            throw refuse("schema = \(old.schema.description) which is not upgradeable to \(new.schema.description)")
        }
        if old.queryID != nil, engine.catalog.writers(of: old.name).count > 1 {
            throw Diagnostic(.objectInUse, "Cannot replace \(old.name): more than one query writes to it", at: parsed.range)
        }
    }
}
