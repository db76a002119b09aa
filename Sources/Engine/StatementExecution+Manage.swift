// TERMINATE, PAUSE and RESUME: changes of the catalog like others, one at a time with them.

import Analysis
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Platform
import Quantities
import Schemas
import Sessions
import Settings
import Syntax
import Values

extension StatementExecution {
    /// Commits a change and has what runs follow; what could not be done yet is told as notices.
    func apply(
        _ change: CatalogChange, appends: [Append] = [], generation: UInt64? = nil, starting: Set<String> = []
    ) throws(Diagnostic) {
        var change = change
        if let mark = session.state.withLock({ $0.scriptMark }) { change.set.append(.scriptMark(mark)) }
        for notice in try engine.apply(change, appends: appends, generation: generation, starting: starting) { sink.emit(.notice(notice)) }
    }

    func manage(_ action: QueryAction, _ target: QueryTarget) throws(Diagnostic) -> AnswerSummary {
        switch target {
        case .all:
            let ids = engine.catalog.sortedQueries.map(\.id).filter { action != .terminate || !isBehindSourceTable($0) }
            if action == .resumeSkipping {
                for id in ids { try resumeSkipping(id) }
            } else {
                try manage(action, ids)
            }
            return AnswerSummary(message: done(action))
        case .query(let name): return try manageOne(action, name)
        }
    }

    private func done(_ action: QueryAction) -> String {
        switch action {
        case .terminate: "Query terminated."
        case .pause: "Query paused."
        case .resume, .resumeSkipping: "Query resumed."
        }
    }

    private func isBehindSourceTable(_ id: String) -> Bool { id.hasPrefix(QueryIDs.Prefix.sourceTable.rawValue) }

    private func manageOne(_ action: QueryAction, _ name: Name) throws(Diagnostic) -> AnswerSummary {
        let id = name.text
        if let transient = engine.state.withLock({ $0.transient(named: name) }) {
            guard action == .terminate else {
                throw Diagnostic(.wrongState, "\(transient.id) is a transient query; it can only be terminated", at: name.span.range)
            }
            transient.cancel()
            return AnswerSummary(message: "Query terminated.", queryID: transient.id)
        }
        guard engine.catalog.queries[id] != nil else {
            if let broken = engine.state.withLock({ $0.broken.first { $0.queryID == id } }) {
                guard action == .terminate else {
                    throw Diagnostic(
                        .wrongState, "\(id) could not be brought back: \(broken.reason)", hint: "TERMINATE it and make it again.",
                        at: name.span.range)
                }
                try forget(broken, id)
                return AnswerSummary(message: done(action), queryID: id)
            }
            let known = engine.state.withLock { $0.queries.keys.sorted() + $0.transients.keys.sorted() }
            throw Diagnostic(
                .unknownQuery, "Unknown queryId: \(id)", hint: nameSuggestion(for: id, among: known),
                at: name.span.range)
        }
        if action == .terminate, isBehindSourceTable(id) {
            throw Diagnostic(
                .wrongState, "Cannot terminate query '\(id)' as it is linked to a source table", hint: "DROP the source table instead.",
                at: name.span.range)
        }
        if action == .resumeSkipping { try resumeSkipping(id) } else { try manage(action, [id]) }
        return AnswerSummary(message: done(action), queryID: id)
    }

    private func manage(_ action: QueryAction, _ ids: [String]) throws(Diagnostic) {
        let catalog = engine.catalog
        let ids = action == .resume || action == .resumeSkipping ? try thoseThatFit(ids) : ids
        var change = CatalogChange()
        var starting: Set<String> = []
        for id in ids {
            switch action {
            case .terminate: if let query = catalog.queries[id] { change.add(termination(of: query)) }
            case .pause: if !catalog.paused.contains(id) { change.set.append(.pause(id)) }
            case .resume, .resumeSkipping:
                if catalog.paused.contains(id) { change.remove.append(.pause(id)) }
                if catalog.memoryPauses.contains(id) { change.remove.append(.memoryPause(id)) }
                starting.insert(id)
            }
        }
        try apply(change, starting: starting)
        if !starting.isEmpty { session.state.withLock { $0.writes += 1 } }
    }

    /// Those of the queries to be resumed whose state fits the memory limit, as far as that is known before it is read back. Errors: it is the
    /// only one, and does not fit; of several a notice says so.
    private func thoseThatFit(_ ids: [String]) throws(Diagnostic) -> [String] {
        var fitting: [String] = []
        for id in ids {
            guard let obstacle = engine.state.withLock({ $0.queries[id] })?.run.obstacleToResume else {
                fitting.append(id)
                continue
            }
            guard ids.count > 1 else { throw Diagnostic(obstacle, resuming: id) }
            sink.emit(.notice("\(id) stays paused: \(obstacle.reason)"))
        }
        return fitting
    }

    /// The sink stays, as a source that no query makes.
    private func termination(of query: QueryDefinition) -> CatalogChange {
        var change = CatalogChange(remove: engine.catalog.keys(ofQuery: query.id))
        let sink = query.writes.flatMap { engine.catalog.sources[$0] }
        if let sink, sink.queryID == query.id { change.set.append(.source(orphan(sink))) }
        return change
    }

    private func orphan(_ source: SourceDefinition) -> SourceDefinition {
        var orphan = source
        orphan.queryID = nil
        orphan.statement = plainStatement(of: source)
        return orphan
    }

    /// Removes the entry of a query that could not be brought back, and what still points to it.
    private func forget(_ broken: BrokenEntry, _ id: String) throws(Diagnostic) {
        var change = CatalogChange(remove: engine.catalog.keys(ofQuery: id))
        if let key = CatalogKey(broken.key), key != .query(id) { change.remove.append(key) }
        for source in engine.catalog.sortedSources where source.queryID == id { change.set.append(.source(orphan(source))) }
        try apply(change)
    }

    /// RESUME … SKIP: the query goes on where it stood, and skips the record that it failed at. What lies between is
    /// processed.
    private func resumeSkipping(_ id: String) throws(Diagnostic) {
        guard let query = engine.state.withLock({ $0.queries[id] }), case .failed(let failure) = query.run.status.state,
            let name = failure.topic, let offset = failure.offset, let topic = engine.log.describeTopic(named: name)
        else {
            throw Diagnostic(.wrongState, "\(id) did not fail at a record that could be skipped", at: parsed.range)
        }
        let partition = PartitionKey(topic: topic.id, partition: failure.partition ?? .first)
        if !skipLost(query) {
            query.run.skip(partition, offset: offset, reason: failure.message)
            sink.emit(.notice("skipped the record at offset \(offset) of \(name), partition \(partition.partition)"))
        }
        try manage(.resume, [id])
    }

    /// Has the query go on, in every partition where records were removed before it read them, with the first one that is there; whether
    /// there is such a partition.
    private func skipLost(_ query: PersistentQuery) -> Bool {
        var hasLost = false
        for (partition, position) in query.run.status.content.withLock({ $0.durablePositions }).sorted(by: { $0.key < $1.key }) {
            // Not from a description of the topic: this is asked for each of its partitions.
            guard let start = try? engine.log.bounds(of: partition.topic, partition: partition.partition).start, position < start,
                let topic = engine.log.describeTopic(partition.topic)
            else { continue }
            let reason = "\(start - position) records were removed by retention before they were read: offsets \(position) to \(start.previous)"
            query.run.skip(partition, offset: position, reason: reason)
            sink.emit(.notice("skipped what is gone of \(topic.name), partition \(partition.partition): \(reason)"))
            hasLost = true
        }
        return hasLost
    }

    /// A CREATE statement that makes the same source without its query, as listings show it.
    func plainStatement(of source: SourceDefinition) -> String {
        let (identifier, text) = (CanonicalText.backQuoted, CanonicalText.quoted)
        func delimiter(_ value: String) -> String { value == "\t" ? "'TAB'" : value == " " ? "'SPACE'" : text(value) }
        let key = source.schema.key.map { "\(identifier($0.name)) \($0.type)" + (source.kind == .table ? " PRIMARY KEY" : " KEY") }
        let value = source.schema.value.map { "\(identifier($0.name)) \($0.type)" }
        var properties = [
            "KAFKA_TOPIC=\(text(source.topic))", "KEY_FORMAT='\(source.keyFormat.name.rawValue)'",
            "VALUE_FORMAT='\(source.valueFormat.name.rawValue)'",
        ]
        if source.keyFormat.name == .delimited { properties.append("KEY_DELIMITER=\(delimiter(source.keyFormat.delimiter))") }
        if source.valueFormat.name == .delimited { properties.append("VALUE_DELIMITER=\(delimiter(source.valueFormat.delimiter))") }
        for (side, format) in [("KEY", source.keyFormat), ("VALUE", source.valueFormat)] {
            if let name = format.schemaFullName, name != usualAvroName(keysOf: side == "KEY" ? source.name : nil) {
                properties.append("\(side)_SCHEMA_FULL_NAME=\(text(name))")
            }
            if let nulls = format.nulls { properties.append("\(side)_PROTOBUF_NULLABLE_REPRESENTATION='\(nulls.rawValue)'") }
        }
        if let wraps = source.wrapsSingleValue { properties.append("WRAP_SINGLE_VALUE=\(wraps)") }
        if let timestamp = source.timestamp {
            properties.append("TIMESTAMP=\(text(identifier(timestamp.column)))")
            if let pattern = timestamp.pattern { properties.append("TIMESTAMP_FORMAT=\(text(pattern))") }
        }
        switch source.window {
        case nil: break
        case .session: properties.append("WINDOW_TYPE='SESSION'")
        case .time(let kind, let size): properties += ["WINDOW_TYPE='\(kind.rawValue)'", "WINDOW_SIZE='\(size) MILLISECONDS'"]
        }
        return "CREATE \(source.kind.rawValue) \(identifier(source.name)) (\((key + value).joined(separator: ", "))) "
            + "WITH (\(properties.joined(separator: ", ")));"
    }
}

extension StatementExecution {
    /// The sources whose queries must have read what this session was told is inserted before a statement about them is
    /// carried out: else the same script would come to different tables.
    func sourcesToRead(before statement: Statement) -> [String] {
        guard engine.pool != nil else { return [] }
        let catalog = engine.catalog
        func made(by query: QueryDefinition) -> [String] { query.writes.map { [$0] } ?? query.reads }
        switch statement {
        case .createAs(let create):
            let replaced = create.orReplace && catalog.sources[create.name.text] != nil ? [create.name.text] : []
            return replaced + (readsFromTheEnd ? streams(of: create.query.from) : [])
        case .insertSelect(let insert): return readsFromTheEnd ? streams(of: insert.query.from) : []
        case .dropSource(let drop): return ([drop.name] + drop.others).map(\.text).filter { catalog.sources[$0] != nil }
        case .manageQuery(.resume, _), .manageQuery(.resumeSkipping, _): return []
        case .manageQuery(_, .all): return Set(catalog.queries.values.flatMap(made)).sorted()
        case .manageQuery(_, .query(let name)): return catalog.queries[name.text].map(made) ?? []
        case .describe(.source(let name, extended: true)): return catalog.sources[name.text] != nil ? [name.text] : []
        default: return []
        }
    }

    /// Whether a persistent query that is made now begins at the ends of its streams: there, what this session was told is inserted has
    /// to lie before it, also what other queries make of that.
    private var readsFromTheEnd: Bool { session.settings[.offsetReset] == .latest }

    private func streams(of relation: Relation) -> [String] {
        switch relation {
        case .source(let name, _): return engine.catalog.sources[name.text]?.kind == .stream ? [name.text] : []
        case .join(let join): return streams(of: join.left) + streams(of: join.right)
        case .subquery(let query, _): return streams(of: query.from)
        }
    }

    /// Whether the statement ends a query, or has it stand still.
    func endsQuery(_ statement: Statement) -> Bool {
        switch statement {
        case .dropSource, .manageQuery(.terminate, _), .manageQuery(.pause, _): true
        default: false
        }
    }
}
