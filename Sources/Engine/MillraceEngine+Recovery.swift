// The catalog topic, written and replayed. Replay follows the order in which objects were made; what cannot be brought back stands
// apart with its reason, alone, and the server starts without it.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Settings
import Syntax
import Values

extension StatementExecution {
    /// Commits catalog entries, with whatever else belongs to the statement, and waits until that is durable.
    func commit(_ entries: [CatalogEntry], removing keys: [String] = [], extra: [Append]) throws(Diagnostic) {
        try engine.commitCatalog(entries, removing: keys, extra: extra)
    }
}

extension MillraceEngine {
    func commitCatalog(_ entries: [CatalogEntry], removing keys: [String], extra: [Append]) throws(Diagnostic) {
        guard let topic = log.describeTopic(named: SystemTopics.catalog) else {
            throw Diagnostic(.internalError, "the catalog topic is gone", category: .general)
        }
        var records = OutgoingRecords()
        let now = configuration.time.wallMilliseconds()
        let next = state.withLock { $0.nextQueryNumber == $0.storedQueryNumber ? nil : $0.nextQueryNumber }
        for entry in entries + (next.map { [.numbers(next: $0)] } ?? []) {
            let sequence = state.update { state in
                defer { state.nextSequence += 1 }
                return state.nextSequence
            }
            records.append(key: Array(entry.key.utf8), value: entry.encoded(sequence: sequence), timestamp: now)
        }
        for key in keys { records.append(key: Array(key.utf8), value: nil, timestamp: now) }
        try commitAndWait([Append(topic: topic.id, partition: 0, records: records)] + extra)
        if let next { state.withLock { $0.storedQueryNumber = next } }
        // What could not be brought back is replaced, or gone.
        let touched = Set(entries.map(\.key) + keys)
        state.update { state in state.broken.removeAll { touched.contains($0.key) } }
    }

    /// Brings back everything that the catalog topic says, and starts the queries.
    func recover() {
        var entries: [String: StoredEntry] = [:]
        var unread: [BrokenEntry] = []
        guard let topic = log.describeTopic(named: SystemTopics.catalog) else { return }
        do throws(LogError) {
            try readAll(of: log, PartitionKey(topic: topic.id, partition: 0)) { run in
                for index in 0..<run.count {
                    guard let key = run.bytes(of: run.keys[index]) else { continue }
                    let name = String(decoding: key, as: UTF8.self)
                    guard let value = run.bytes(of: run.values[index]) else {
                        entries[name] = nil
                        continue
                    }
                    if let entry = StoredEntry(key: key, value: value) {
                        entries[name] = entry
                    } else {
                        unread.append(
                            BrokenEntry(key: name, queryID: nil, statement: "", reason: "the entry is of a version that this server does not know"))
                    }
                }
            }
        } catch {
            unread.append(BrokenEntry(key: SystemTopics.catalog, queryID: nil, statement: "", reason: error.message))
        }
        for entry in entries.values { noteNumbers(of: entry) }
        let paused = Set(entries.values.filter { $0.key.hasPrefix(CatalogEntry.pausePrefix) }.compactMap(\.queryID))
        let objects = entries.values.filter { !$0.key.hasPrefix(CatalogEntry.pausePrefix) && $0.key != CatalogEntry.numbersKey }
        let (queries, broken) = replay(objects.sorted { $0.sequence < $1.sequence })
        unread += broken
        for broken in unread { configuration.logLine(.error, logText("catalog_entry_broken", ["key": broken.key, "reason": broken.reason])) }
        let reported = unread
        state.update { $0.broken = reported }
        let crashed = configuration.crashes?.queriesToPause ?? [:]
        for query in queries {
            if paused.contains(query.id) {
                query.run.pause {}
            } else if let reason = crashed[query.id] {
                configuration.logLine(.error, logText("query_left_paused", ["query": query.id, "reason": "\(reason)"]))
                query.run.pause(reason: reason) {}
            } else {
                begin(query)
            }
        }
    }

    /// Makes objects again, in the order of their statements, except that what needs something later waits for it: a source that was
    /// replaced or altered is younger than what reads it. What cannot be made even then is broken.
    private func replay(_ entries: [StoredEntry]) -> (queries: [PersistentQuery], broken: [BrokenEntry]) {
        var queries: [PersistentQuery] = []
        var waiting = entries
        while true {
            var failed: [(entry: StoredEntry, error: Diagnostic)] = []
            for entry in waiting {
                do throws(Diagnostic) { queries += try replay(entry) } catch { failed.append((entry, error)) }
            }
            if failed.isEmpty || failed.count == waiting.count {
                let broken = failed.map {
                    BrokenEntry(key: $0.entry.key, queryID: $0.entry.queryID, statement: $0.entry.statement, reason: $0.error.message)
                }
                return (queries, broken)
            }
            waiting = failed.map(\.entry)
        }
    }

    /// Makes one object again: from its statement, or where that comes to something else by now, from what it meant then.
    private func replay(_ entry: StoredEntry) throws(Diagnostic) -> [PersistentQuery] {
        do throws(Diagnostic) { return try replay(entry, entry.statement) } catch {
            guard let expanded = entry.expanded else { throw error }
            do throws(Diagnostic) { return try replay(entry, expanded) } catch let second {
                // The statement that the user knows is the better one to complain about, unless it is only that its meaning has changed.
                throw error.code == .corruptData ? second : error
            }
        }
    }

    /// Numbers go on behind those that were used.
    private func noteNumbers(of entry: StoredEntry) {
        state.update { state in
            state.nextSequence = max(state.nextSequence, entry.sequence + 1)
            if let number = entry.queryID.flatMap(QueryIDs.number) { state.nextQueryNumber = max(state.nextQueryNumber, number + 1) }
            if let next = entry.nextNumber, next >= 0, next <= QueryIDs.numbersEnd {
                state.nextQueryNumber = max(state.nextQueryNumber, next)
                state.storedQueryNumber = next
            }
        }
    }

    /// Makes one object again by a statement; gives the queries that are to be started when everything is there.
    private func replay(_ entry: StoredEntry, _ statement: String) throws(Diagnostic) -> [PersistentQuery] {
        guard let parsed = try parse(statement + (statement.hasSuffix(";") ? "" : ";"), options: ParserOptions()).first else {
            throw Diagnostic(.corruptData, "the entry has no statement", category: .general)
        }
        let effective = effectiveSettings(of: entry)
        let settings = SettingValues(effective)
        let context = AnalysisContext(
            catalog: catalog, functions: configuration.functions, properties: effective, partitions: { [self] in partitions(of: $0) })
        let planning = PlanningContext(
            serviceID: settings[.serviceID], queryID: entry.queryID ?? "", failsOnInvalidTimestamp: settings[.failsOnInvalidTimestamp],
            defaultKeyFormat: FormatName(named: settings[.defaultKeyFormat]) ?? .kafka)
        switch parsed.statement {
        case .createType(let name, let type, _):
            let resolved = try context.type(type)
            state.update { $0.catalog.setType(name.text, resolved) }
            return []
        case .createSource(let create):
            var definition = try analyse(create, text: entry.statement, in: context).definition
            definition.queryID = entry.queryID
            definition.origin = entry.origin
            try check(definition, against: entry)
            let final = definition
            state.update { $0.catalog.set(final) }
            if let id = final.queryID { try startSourceTable(final, id, properties: entry.properties) }
            return []
        case .createAs(let create):
            let new = try analyse(create, text: entry.statement, in: context)
            var definition = new.definition
            definition.queryID = entry.queryID
            definition.origin = entry.origin
            try check(definition, against: entry)
            return [adopt(plan(new, in: planning), entry, reads: new.query.sources.map(\.name), writes: definition)]
        case .insertSelect(let insert):
            let new = try analyse(insert, in: context)
            return [adopt(plan(new, in: planning), entry, reads: new.query.sources.map(\.name), writes: new.target)]
        default: throw Diagnostic(.corruptData, "the entry's statement makes nothing", category: .general)
        }
    }

    private func adopt(_ plan: QueryPlan, _ entry: StoredEntry, reads: [String], writes: SourceDefinition) -> PersistentQuery {
        let query = makeQuery(plan, statement: entry.statement, properties: entry.properties, reads: reads, writes: writes.name)
        state.update { state in
            if writes.queryID == plan.id { state.catalog.set(writes) }
            state.queries[plan.id] = query
            state.catalog.set(QueryDefinition(id: plan.id, statement: entry.statement, reads: reads, writes: writes.name))
        }
        return query
    }

    /// The settings that a statement was made under: its own over the defaults. Values that would not be taken today are mended, with a
    /// line in the server's log.
    private func effectiveSettings(of entry: StoredEntry) -> [String: String] {
        let (own, notes) = SettingValues.mending(entry.properties)
        for note in notes { configuration.logLine(.warning, "event=setting_mended entry=\(entry.key) detail=\"\(note)\"") }
        var effective: [String: String] = [:]
        for setting in SettingTable.entries where setting.isRead { effective[setting.name] = setting.defaultText }
        return effective.merging(own) { _, new in new }
    }

    private func check(_ definition: SourceDefinition, against entry: StoredEntry) throws(Diagnostic) {
        guard let schema = entry.schema, schema != definition.schema.description else { return }
        throw Diagnostic(
            .corruptData, "the statement now comes to the schema \(definition.schema.description), but the catalog has \(schema)",
            category: .general)
    }
}
