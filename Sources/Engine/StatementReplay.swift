// Objects made again from statements: entries of version 1, which hold nothing else, and queries whose stored plan this
// server cannot read.

import Analysis
import Catalog
import Diagnostics
import Formats
import LogStore
import Planner
import Plans
import Settings
import Syntax
import Values

extension MillraceEngine {
    /// Makes the objects of version 1 again, in the order of their statements, except that one that needs a later one
    /// waits for it: a source that was replaced or altered is younger than what reads it. What cannot be made even then
    /// is broken.
    func replay(_ statements: [StatementRecord], in recovery: inout CatalogRecovery) {
        var waiting: [StatementRecord] = []
        for statement in statements.sorted(by: { $0.sequence < $1.sequence }) {
            switch CatalogKey(statement.key) {
            case .pause(let id)?: recovery.rewritten.append(.pause(id))
            case .numbers?: recovery.rewritten.append(.numbers(next: statement.nextNumber ?? 0))
            default: waiting.append(statement)
            }
        }
        for object in recovery.rewritten { recovery.snapshot.set(object) }
        while true {
            var failed: [(record: StatementRecord, error: Diagnostic)] = []
            for record in waiting {
                do throws(Diagnostic) {
                    let objects = try replay(record, in: recovery.snapshot)
                    for object in objects { recovery.snapshot.set(object) }
                    recovery.rewritten += objects
                } catch {
                    failed.append((record, error))
                }
            }
            if failed.isEmpty || failed.count == waiting.count {
                recovery.broken += failed.map {
                    BrokenEntry(key: $0.record.key, queryID: $0.record.queryID, statement: $0.record.statement, reason: $0.error.message)
                }
                return
            }
            waiting = failed.map(\.record)
        }
    }

    /// Plans a query again whose stored plan cannot be read. What its state is worth is decided by comparing layouts.
    func replan(_ definition: QueryDefinition, _ reason: String, in recovery: inout CatalogRecovery) {
        do throws(Diagnostic) {
            let planned = try firstMeaning(of: definition.statement, definition.expanded) { text throws(Diagnostic) in
                try planAgain(text, definition.id, definition.properties, in: recovery.snapshot)
            }
            var query = definition
            query.plan = planned.plan
            recovery.snapshot.set(.query(query))
            recovery.rewritten.append(.query(query))
            configuration.logLine(.warning, logText("query_planned_again", ["query": query.id, "reason": reason]))
        } catch {
            let broken = BrokenEntry(
                key: CatalogKey.query(definition.id).text, queryID: definition.id, statement: definition.statement,
                reason: "\(reason), and its statement cannot be planned again: \(error.message)")
            recovery.broken.append(broken)
        }
    }

    /// Makes the objects of one entry again: from its statement; if that now resolves differently, from the expanded
    /// statement beside it.
    private func replay(_ record: StatementRecord, in catalog: CatalogSnapshot) throws(Diagnostic) -> [CatalogObject] {
        try firstMeaning(of: record.statement, record.expanded) { text throws(Diagnostic) in try objects(of: record, text, in: catalog) }
    }

    private func firstMeaning<Result>(
        of statement: String, _ expanded: String?, _ make: (String) throws(Diagnostic) -> Result
    ) throws(Diagnostic) -> Result {
        do throws(Diagnostic) { return try make(statement) } catch {
            guard let expanded else { throw error }
            do throws(Diagnostic) { return try make(expanded) } catch let second {
                // The statement that the user knows is the better one to complain about, unless it is only that its
                // meaning has changed.
                throw error.code == .corruptData ? second : error
            }
        }
    }

    private func objects(of record: StatementRecord, _ text: String, in catalog: CatalogSnapshot) throws(Diagnostic) -> [CatalogObject] {
        let statement = try firstStatement(of: text)
        let context = context(record.properties, catalog)
        switch statement {
        case .createType(let name, let type, _):
            return [.type(CustomType(name: name.text, type: try context.type(type), statement: record.statement))]
        case .createSource(let create):
            var source = try analyse(create, text: record.statement, in: context).definition
            source.queryID = record.queryID
            try check(source, against: record)
            guard let id = source.queryID else { return [.source(source)] }
            var query = sourceTableQuery(source, id, record.properties)
            query.order = record.sequence
            return [.source(source), .query(query)]
        case .createAs(let create):
            var source = try analyse(create, text: record.statement, in: context).definition
            source.queryID = record.queryID
            source.origin = record.origin
            try check(source, against: record)
            return [.source(source), .query(try query(of: record, text, in: catalog))]
        case .insertSelect: return [.query(try query(of: record, text, in: catalog))]
        default: throw Diagnostic(.corruptData, "the entry's statement makes nothing", category: .general)
        }
    }

    private func query(of record: StatementRecord, _ text: String, in catalog: CatalogSnapshot) throws(Diagnostic) -> QueryDefinition {
        let planned = try planAgain(text, record.queryID ?? "", record.properties, in: catalog)
        // The state was written by a server that knew one layout only, the first of each kind.
        var query = QueryDefinition(
            id: planned.plan.id, statement: record.statement, expanded: record.expanded, properties: record.properties,
            reads: planned.reads, writes: planned.writes, plan: planned.plan, layouts: planned.plan.stateLayouts)
        query.order = record.sequence
        return query
    }

    /// The plan that a statement comes to, and what it reads and writes.
    private func planAgain(
        _ text: String, _ id: String, _ properties: [String: String], in catalog: CatalogSnapshot
    ) throws(Diagnostic) -> (plan: QueryPlan, reads: [String], writes: String) {
        let context = context(properties, catalog)
        let planning = PlanningContext(SettingValues(properties), queryID: id)
        switch try firstStatement(of: text) {
        case .createAs(let create):
            var new = try analyse(create, text: text, in: context)
            // The schemas that its sink was registered with stay.
            if let known = catalog.sources[new.definition.name] { new.definition.takeSchemas(of: known) }
            return (plan(new, in: planning), new.query.sources.map(\.name), new.definition.name)
        case .insertSelect(let insert):
            let new = try analyse(insert, in: context)
            return (plan(new, in: planning), new.query.sources.map(\.name), new.target.name)
        default: throw Diagnostic(.corruptData, "the entry's statement makes no query", category: .general)
        }
    }

    private func firstStatement(of text: String) throws(Diagnostic) -> Statement {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        guard let parsed = try parse(text, options: options).first else {
            throw Diagnostic(.corruptData, "the entry has no statement", category: .general)
        }
        return parsed.statement
    }

    private func context(_ properties: [String: String], _ catalog: CatalogSnapshot) -> AnalysisContext {
        var context = AnalysisContext(
            catalog: catalog, functions: configuration.functions, properties: SettingTable.defaultTexts.merging(properties) { _, new in new },
            partitions: { [self] in partitions(of: $0) })
        context.registry = registry
        return context
    }

    private func check(_ source: SourceDefinition, against record: StatementRecord) throws(Diagnostic) {
        guard let schema = record.schema, schema != source.schema.description else { return }
        throw Diagnostic(
            .corruptData, "the statement now comes to the schema \(source.schema.description), but the catalog has \(schema)",
            category: .general)
    }
}

extension PlanningContext {
    /// The options of planning that settings decide.
    init(_ settings: SettingValues, queryID: String) {
        self.init(
            serviceID: settings[.serviceID], queryID: queryID, failsOnInvalidTimestamp: settings[.failsOnInvalidTimestamp],
            defaultKeyFormat: FormatName(named: settings[.defaultKeyFormat]) ?? .kafka)
    }
}
