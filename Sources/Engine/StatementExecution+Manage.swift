// DROP, ALTER, CREATE TYPE, and TERMINATE, PAUSE, RESUME.

import Analysis
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Platform
import Sessions
import Syntax
import Values

extension StatementExecution {
    // MARK: Types

    func createType(_ name: Name, _ written: TypeName, ifNotExists: Bool) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            if engine.catalog.types[name.text] != nil {
                let taken =
                    "Cannot register custom type '\(name.text)' since it is already registered with type: "
                    + (engine.catalog.types[name.text]?.description ?? "")
                guard ifNotExists else { throw Diagnostic(.duplicateType, taken, at: name.span.range) }
                sink.emit(.notice(taken))
                return AnswerSummary(message: "\(name.text) is already registered")
            }
            let type = try context.type(written)
            try commit([.type(name: name.text, statement: parsed.text)], extra: [])
            engine.state.update { $0.catalog.setType(name.text, type) }
            return AnswerSummary(message: "Registered custom type with name '\(name.text)' and SQL type \(type)")
        }
    }

    func dropType(_ name: Name, ifExists: Bool) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            guard engine.catalog.types[name.text] != nil else {
                guard ifExists else { throw Diagnostic(.unknownType, "Type \(name.text) does not exist.", at: name.span.range) }
                return AnswerSummary(message: "Type '\(name.text)' does not exist")
            }
            try commit([], removing: ["type/\(name.text)"], extra: [])
            engine.state.update { $0.catalog.setType(name.text, nil) }
            return AnswerSummary(message: "Dropped type '\(name.text)'")
        }
    }

    // MARK: DROP and ALTER

    func perform(_ drop: DropSource) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            let kind = Values.SourceKind(drop.kind)
            let word = kind == .stream ? "Stream" : "Table"
            let name = drop.name.text
            guard let source = engine.catalog.sources[name] else {
                if try forget(key: "source/\(name)") { return AnswerSummary(message: "Source `\(name)`, which was in error, was dropped.") }
                guard drop.ifExists else {
                    throw Diagnostic(
                        .unknownSource, "\(word) \(name) does not exist.", category: .general,
                        hint: nameSuggestion(for: name, among: engine.catalog.sources.keys.sorted()),
                        at: drop.name.span.range)
                }
                return AnswerSummary(message: "Source `\(name)` does not exist.")
            }
            try checkDrop(source, drop, kind)
            if let id = source.queryID { removeQuery(id) }
            let keys = ["source/\(name)"] + (source.queryID.map { [CatalogEntry.pausePrefix + $0] } ?? [])
            try commit([], removing: keys, extra: [])
            engine.state.update { state in
                state.catalog.removeSource(name)
                if let id = source.queryID { state.catalog.removeQuery(id) }
            }
            if drop.deleteTopic { try deleteTopic(source.topic) }
            return AnswerSummary(message: "Source `\(name)` (topic: \(source.topic)) was dropped.")
        }
    }

    /// Removes an entry that could not be brought back; false when there is none.
    private func forget(key: String) throws(Diagnostic) -> Bool {
        guard engine.state.withLock({ $0.broken.contains { $0.key == key } }) else { return false }
        try commit([], removing: [key], extra: [])
        return true
    }

    private func checkDrop(_ source: SourceDefinition, _ drop: DropSource, _ kind: Values.SourceKind) throws(Diagnostic) {
        let range = drop.name.span.range
        if source.kind != kind {
            throw Diagnostic(
                .wrongObjectKind, "Incompatible data source type is \(source.kind.rawValue), but statement was DROP \(kind.rawValue)",
                at: range)
        }
        if SystemTopics.sources.contains(where: { $0.name == source.name }) {
            throw Diagnostic(.readOnly, "\(source.name) belongs to the server and cannot be dropped", at: range)
        }
        if drop.deleteTopic && source.isReadOnly {
            throw Diagnostic(.readOnly, "Cannot delete topic for read-only source: \(source.name)", category: .general, at: range)
        }
        let readers = engine.catalog.readers(of: source.name).filter { $0.id != source.queryID }
        let writers = engine.catalog.writers(of: source.name).filter { $0.id != source.queryID }
        guard readers.isEmpty && writers.isEmpty else {
            func list(_ queries: [QueryDefinition]) -> String { "[" + queries.map(\.id).joined(separator: ", ") + "]" }
            throw Diagnostic(
                .objectInUse,
                "Cannot drop \(source.name).\nThe following queries read from this source: \(list(readers)).\nThe following queries write into "
                    + "this source: \(list(writers)).\nYou need to terminate them before dropping \(source.name).",
                hint: "TERMINATE the queries, or DROP what they write to, first.", at: range)
        }
    }

    /// Stops a query for good and removes the topics that are its own.
    private func removeQuery(_ id: String) {
        guard let query = engine.state.withLock({ $0.queries[id] }) else { return }
        engine.stopQuery(id)
        for topic in QueryLauncher(engine: engine).internalTopics(of: query.plan) {
            if topic.hasSuffix("-changelog") {
                engine.configuration.snapshots?.remove(String(topic.dropLast(10)), partitions: engine.partitions(of: topic) ?? 1)
            }
            // A topic that will not go is reported; the query is gone all the same.
            do throws(Diagnostic) { try deleteTopic(topic) } catch { sink.emit(.notice("the topic \(topic) stays: \(error.message)")) }
        }
        _ = engine.state.update { $0.queries.removeValue(forKey: id) }
    }

    private func deleteTopic(_ name: String) throws(Diagnostic) {
        guard let topic = engine.log.describeTopic(named: name) else { return }
        do throws(LogError) { try engine.log.deleteTopic(topic.id) } catch { throw Diagnostic(error) }
    }

    func perform(_ alter: AlterSource) throws(Diagnostic) -> AnswerSummary {
        try engine.changingCatalog { () throws(Diagnostic) in
            let kind = Values.SourceKind(alter.kind)
            let word = kind.rawValue.lowercased()
            let name = alter.name.text
            guard var source = engine.catalog.sources[name] else {
                throw Diagnostic(
                    .unknownSource, "Source \(name) does not exist.",
                    hint: nameSuggestion(for: name, among: engine.catalog.sources.keys.sorted()),
                    at: alter.name.span.range)
            }
            if source.kind != kind {
                throw Diagnostic(
                    .wrongObjectKind, "Incompatible data source type is \(source.kind.rawValue), but statement was ALTER \(kind.rawValue)",
                    at: alter.name.span.range)
            }
            if source.isReadOnly {
                throw Diagnostic(
                    .readOnly, "Cannot alter \(word) '\(name)': ALTER operations are not supported on source \(word)s.", category: .general,
                    at: alter.name.span.range)
            }
            if source.queryID != nil {
                throw Diagnostic(
                    .wrongState, "ALTER command is not supported for CREATE ... AS statements.", hint: "Use CREATE OR REPLACE.",
                    at: alter.name.span.range)
            }
            for field in alter.added {
                if source.schema.columns.contains(where: { $0.name == field.name.text }) {
                    throw Diagnostic(
                        .duplicateColumn, "Cannot add column `\(field.name.text)` to schema. A column with the same name already exists.",
                        at: field.name.span.range)
                }
                source.schema.value.append(Values.ColumnDefinition(field.name.text, try context.type(field.type)))
            }
            if let reason = problem(of: source.schema.value, in: source.valueFormat.name, on: .value) {
                throw Diagnostic(
                    .serialisationMismatch, schemaMessage(source.schema.value, in: source.valueFormat.name, on: .value, reason: reason))
            }
            source.statement = try altered(source.statement, adding: alter.added)
            let final = source
            try commit([.source(final, properties: capturedProperties, expanded: nil)], extra: [])
            engine.state.update { $0.catalog.set(final) }
            return AnswerSummary(message: "\(kind == .stream ? "Stream" : "Table") \(name) altered.")
        }
    }

    /// The CREATE statement with the new columns, so that replaying it makes the altered source.
    private func altered(_ statement: String, adding fields: [TypeName.Field]) throws(Diagnostic) -> String {
        guard case .createSource(var create)? = try parse(statement + (statement.hasSuffix(";") ? "" : ";")).first?.statement else {
            return statement
        }
        create.columns += fields.map { Syntax.ColumnDefinition(name: $0.name, type: $0.type) }
        return CanonicalText.statement(.createSource(create))
    }

    // MARK: Queries

    func manage(_ action: QueryAction, _ target: QueryTarget) throws(Diagnostic) -> AnswerSummary {
        switch target {
        case .all:
            let ids = engine.state.withLock { $0.queries.keys.sorted() }
            for id in ids where !(action == .terminate && id.hasPrefix("CST_")) { try manage(action, id: id) }
        case .query(let name): return try manageOne(action, name)
        }
        return AnswerSummary(message: done(action))
    }

    private func done(_ action: QueryAction) -> String {
        switch action {
        case .terminate: "Query terminated."
        case .pause: "Query paused."
        case .resume, .resumeSkipping: "Query resumed."
        }
    }

    private func manageOne(_ action: QueryAction, _ name: Name) throws(Diagnostic) -> AnswerSummary {
        let id = name.text
        if let transient = engine.state.withLock({ $0.transients[id] }) {
            guard action == .terminate else {
                throw Diagnostic(.wrongState, "\(id) is a transient query; it can only be terminated", at: name.span.range)
            }
            transient.cancel()
            return AnswerSummary(message: "Query terminated.", queryID: id)
        }
        guard engine.state.withLock({ $0.queries[id] != nil }) else {
            if let broken = engine.state.withLock({ $0.broken.first { $0.queryID == id } }) {
                guard action == .terminate, try forget(key: broken.key) else {
                    throw Diagnostic(
                        .wrongState, "\(id) could not be brought back: \(broken.reason)", hint: "TERMINATE it and make it again.",
                        at: name.span.range)
                }
                return AnswerSummary(message: done(action), queryID: id)
            }
            let known = engine.state.withLock { $0.queries.keys.sorted() + $0.transients.keys.sorted() }
            throw Diagnostic(
                .unknownQuery, "Unknown queryId: \(id)", hint: nameSuggestion(for: id, among: known),
                at: name.span.range)
        }
        if action == .terminate, id.hasPrefix("CST_") {
            throw Diagnostic(
                .wrongState, "Cannot terminate query '\(id)' as it is linked to a source table", hint: "DROP the source table instead.",
                at: name.span.range)
        }
        try manage(action, id: id)
        return AnswerSummary(message: done(action), queryID: id)
    }

    private func manage(_ action: QueryAction, id: String) throws(Diagnostic) {
        guard let query = engine.state.withLock({ $0.queries[id] }) else { return }
        switch action {
        case .terminate: try terminate(query)
        case .pause:
            let isPaused = Monitor(false)
            query.run.pause { isPaused.update { $0 = true } }
            isPaused.wait(until: { $0 }, then: { _ in })
            try commit([.pause(queryID: id)], extra: [])
        case .resume:
            guard query.run.status.state != .running else { return }
            try commit([], removing: [CatalogEntry.pausePrefix + id], extra: [])
            query.run.start()
            session.state.withLock { $0.writes += 1 }
        case .resumeSkipping:
            try resumeSkipping(query)
            session.state.withLock { $0.writes += 1 }
        }
    }

    /// The sink stays; it is nobody's query any more.
    private func terminate(_ query: PersistentQuery) throws(Diagnostic) {
        try engine.changingCatalog { () throws(Diagnostic) in
            removeQuery(query.id)
            if query.run.status.state == .paused { try commit([], removing: [CatalogEntry.pausePrefix + query.id], extra: []) }
            var sink = query.writes.flatMap { engine.catalog.sources[$0] }
            if sink?.queryID == query.id {
                sink?.queryID = nil
                if var orphan = sink {
                    orphan.statement = plainStatement(of: orphan)
                    try commit([.source(orphan, properties: query.properties, expanded: nil)], extra: [])
                    let final = orphan
                    engine.state.update { $0.catalog.set(final) }
                }
            } else {
                try commit([], removing: ["query/\(query.id)"], extra: [])
            }
            engine.state.update { $0.catalog.removeQuery(query.id) }
        }
    }

    /// A CREATE statement that makes the same source without its query.
    private func plainStatement(of source: SourceDefinition) -> String {
        func identifier(_ name: String) -> String {
            "`" + name.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
        }
        let key = source.schema.key.map { "\(identifier($0.name)) \($0.type)" + (source.kind == .table ? " PRIMARY KEY" : " KEY") }
        let value = source.schema.value.map { "\(identifier($0.name)) \($0.type)" }
        func text(_ value: String) -> String {
            "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        }
        func delimiter(_ value: String) -> String { value == "\t" ? "'TAB'" : value == " " ? "'SPACE'" : text(value) }
        var properties = [
            "KAFKA_TOPIC=\(text(source.topic))", "KEY_FORMAT='\(source.keyFormat.name.rawValue)'",
            "VALUE_FORMAT='\(source.valueFormat.name.rawValue)'",
        ]
        if source.keyFormat.name == .delimited { properties.append("KEY_DELIMITER=\(delimiter(source.keyFormat.delimiter))") }
        if source.valueFormat.name == .delimited { properties.append("VALUE_DELIMITER=\(delimiter(source.valueFormat.delimiter))") }
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
        return
            "CREATE \(source.kind.rawValue) \(identifier(source.name)) (\((key + value).joined(separator: ", "))) WITH (\(properties.joined(separator: ", ")));"
    }

    /// RESUME … SKIP: the query goes on where it stood, and leaves out the record that it failed at. What lies between is processed.
    private func resumeSkipping(_ query: PersistentQuery) throws(Diagnostic) {
        guard case .failed(let failure) = query.run.status.state, let name = failure.topic, let offset = failure.offset,
            let topic = engine.log.describeTopic(named: name)
        else {
            throw Diagnostic(.wrongState, "\(query.id) did not fail at a record that could be skipped", at: parsed.range)
        }
        let partition = PartitionKey(topic: topic.id, partition: failure.partition ?? 0)
        query.run.skip(partition, offset: offset, reason: failure.message)
        sink.emit(.notice("skipped the record at offset \(offset) of \(name), partition \(partition.partition)"))
        query.run.start()
    }
}
