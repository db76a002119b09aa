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
        for entry in entries {
            let sequence = state.update { state in
                defer { state.nextSequence += 1 }
                return state.nextSequence
            }
            records.append(key: Array(entry.key.utf8), value: entry.encoded(sequence: sequence), timestamp: now)
        }
        for key in keys { records.append(key: Array(key.utf8), value: nil, timestamp: now) }
        try commitAndWait([Append(topic: topic.id, partition: 0, records: records)] + extra)
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
                            BrokenEntry(key: name, statement: "", reason: "the entry is of a version that this server does not know"))
                    }
                }
            }
        } catch {
            unread.append(BrokenEntry(key: SystemTopics.catalog, statement: "", reason: error.message))
        }
        var queries: [PersistentQuery] = []
        for entry in entries.values.sorted(by: { $0.sequence < $1.sequence }) {
            do throws(Diagnostic) { queries += try replay(entry) } catch {
                unread.append(BrokenEntry(key: entry.key, statement: entry.statement, reason: error.message))
            }
            noteNumbers(of: entry)
        }
        for broken in unread { configuration.logLine(.error, "event=catalog_entry_broken key=\(broken.key) reason=\"\(broken.reason)\"") }
        let reported = unread
        state.update { $0.broken = reported }
        if !configuration.isDriven { for query in queries { query.run.start() } }
    }

    /// Numbers go on behind those that were used.
    private func noteNumbers(of entry: StoredEntry) {
        state.update { state in
            state.nextSequence = max(state.nextSequence, entry.sequence + 1)
            if let id = entry.queryID, let number = id.split(separator: "_").last.flatMap({ Int($0) }) {
                state.nextQueryNumber = max(state.nextQueryNumber, number + 1)
            }
        }
    }

    /// Makes one object again; gives the queries that are to be started when everything is there.
    private func replay(_ entry: StoredEntry) throws(Diagnostic) -> [PersistentQuery] {
        guard let parsed = try parse(entry.statement + (entry.statement.hasSuffix(";") ? "" : ";"), options: ParserOptions()).first else {
            throw Diagnostic(.corruptData, "the entry has no statement", category: .general)
        }
        var effective = Dictionary(
            SettingTable.all.compactMap { setting in setting.defaultValue.map { (setting.name, $0) } }, uniquingKeysWith: { a, _ in a })
        effective.merge(entry.properties) { _, new in new }
        let context = AnalysisContext(
            catalog: catalog, functions: configuration.functions, properties: effective, partitions: { [self] in partitions(of: $0) })
        let planning = PlanningContext(
            serviceID: effective["ksql.service.id"] ?? "default_", queryID: entry.queryID ?? "",
            failsOnInvalidTimestamp: effective["ksql.timestamp.throw.on.invalid"]?.lowercased() == "true",
            defaultKeyFormat: FormatName(named: effective["ksql.persistence.default.format.key"] ?? "") ?? .kafka)
        switch parsed.statement {
        case .createType(let name, let type, _):
            let resolved = try context.type(type)
            state.update { $0.catalog.setType(name.text, resolved) }
            return []
        case .createSource(let create):
            var definition = try analyse(create, text: parsed.text, in: context).definition
            definition.queryID = entry.queryID
            try check(definition, against: entry)
            let final = definition
            state.update { $0.catalog.set(final) }
            if let id = final.queryID { try startSourceTable(final, id, properties: entry.properties) }
            return []
        case .createAs(let create):
            let new = try analyse(create, text: parsed.text, in: context)
            var definition = new.definition
            definition.queryID = entry.queryID
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

    private func check(_ definition: SourceDefinition, against entry: StoredEntry) throws(Diagnostic) {
        guard let schema = entry.schema, schema != definition.schema.description else { return }
        throw Diagnostic(
            .corruptData, "the statement now comes to the schema \(definition.schema.description), but the catalog has \(schema)",
            category: .general)
    }
}
