// SHOW and LIST.

import Analysis
import Catalog
import Diagnostics
import Formats
import Functions
import JSONText
import LogStore
import Pipelines
import Plans
import Platform
import Quantities
import Sessions
import Settings
import Syntax
import Values

extension StatementExecution {
    func show(_ subject: ShowSubject) throws(Diagnostic) -> AnswerSummary {
        switch subject {
        case .streams, .tables, .queries, .types:
            if let obstacle = engine.state.withLock({ $0.catalogObstacle }) { sink.emit(.notice(obstacle)) }
        case .topics, .functions, .views, .variables, .properties, .limits, .schemas, .consumerGroups, .producers, .connectors, .connectorPlugins, .systemTables,
            .watermarks:
            break
        }
        switch subject {
        case .streams(let extended): return extended ? describeAll(.stream, extended: true) : answer(sources(.stream, title: "Stream Name"))
        case .tables(let extended): return extended ? describeAll(.table, extended: true) : answer(sources(.table, title: "Table Name"))
        case .topics(let all, let extended): return answer(topics(all: all, extended: extended))
        case .queries(let extended):
            let summary = answer(queries(extended: extended))
            tellPauseReasons()
            return summary
        case .functions:
            var listing = Listing(texts: ["Function Name", "Category"])
            let isFull = context.isFull
            let families = engine.configuration.functions.all.filter { isFull || !$0.isOwn }
            var names = families.map { (name: $0.name, category: $0.category) }
            for (alias, name) in isFull ? FunctionTable.aliases.sorted(by: { $0.key < $1.key }) : [] {
                if let family = families.first(where: { $0.name == name }) { names.append((alias, family.category)) }
            }
            if isFull { names += FunctionTable.written.filter { !$0.key.contains(" ") }.map { ($0.key, $0.value.category) } + [("DATE_DIFF", .dateTime)] }
            names.sort { $0.name < $1.name }
            for category in FunctionCategory.allCases {
                for entry in names where entry.category == category { listing.add(texts: [entry.name, category.rawValue]) }
            }
            for name in engine.catalog.functions.keys.sorted() { listing.add(texts: [name, "USER"]) }
            return answer(listing)
        case .views: return answer(views())
        case .types:
            var listing = Listing(texts: ["Type Name", "Schema"])
            for (name, type) in engine.catalog.types.sorted(by: { $0.key < $1.key }) { listing.add(texts: [name, type.description]) }
            return answer(listing)
        case .variables:
            var listing = Listing(texts: ["Variable Name", "Value"])
            for (name, value) in session.state.withLock({ $0.variables }).sorted(by: { $0.key < $1.key }) {
                listing.add(texts: [name, value])
            }
            return answer(listing)
        case .properties: return answer(properties())
        case .limits: return answer(limits())
        case .systemTables: return answer(systemTables())
        case .watermarks: return answer(watermarks())
        case .schemas: return answer(try schemas())
        case .consumerGroups: return answer(try consumerGroups())
        case .producers: return answer(try producers())
        case .connectors: return try noConnectors(["Connector Name", "Type", "Class", "Status"])
        case .connectorPlugins: return try noConnectors(["Class", "Type", "Version"])
        }
    }

    private func sources(_ kind: Values.SourceKind, title: String) -> Listing {
        var listing = Listing([
            (title, "STRING"), ("Kafka Topic", "STRING"), ("Key Format", "STRING"), ("Value Format", "STRING"), ("Windowed", "BOOLEAN"),
        ])
        for source in engine.catalog.sortedSources where source.kind == kind {
            listing.add([
                .string(source.name), .string(source.topic), .string(source.keyFormat.name.rawValue),
                .string(source.valueFormat.name.rawValue), .boolean(source.window != nil),
            ])
        }
        return listing
    }

    private func topics(all: Bool, extended: Bool) -> Listing {
        var columns = [("Kafka Topic", "STRING"), ("Partitions", "BIGINT"), ("Partition Replicas", "BIGINT")]
        if extended { columns += [("Offsets", "BIGINT"), ("Bytes", "BIGINT"), ("Cleanup Policy", "STRING"), ("Readers", "BIGINT")] }
        var listing = Listing(columns)
        let queries = engine.state.withLock { Array($0.queries.values) }
        for topic in engine.log.describeTopics() where all || !SystemTopics.isHidden(topic.name) {
            var cells: [JSONValue] = [.string(topic.name), .integer(topic.partitions.count), .integer(1)]
            if extended {
                let records = topic.partitions.reduce(Int64(0)) { $0 + ($1.bounds.durableEnd - $1.bounds.start) }
                cells += [
                    .integer(records), .integer(topic.partitions.reduce(ByteCount.zero) { $0 + $1.byteCount }.count),
                    .string(topic.config.cleanupPolicy.rawValue),
                    .integer(queries.count { $0.plan.sources.contains { $0.topic == topic.name } }),
                ]
            }
            listing.add(cells)
        }
        return listing
    }

    private func queries(extended: Bool) -> Listing {
        var names = ["Query ID", "Query Type", "Status", "Sink Name", "Sink Kafka Topic", "Query String"]
        if extended { names += ["Counters", "Error"] }
        var listing = Listing(texts: names)
        let (queries, transients) = engine.state.withLock { ($0.queries, $0.transients) }
        for query in queries.values.sorted(by: { $0.id < $1.id }) {
            let content = query.run.status.content.withLock { $0 }
            var cells: [String?] = [
                query.id, "PERSISTENT", "\(content.state.name):1", query.writes ?? query.reads.first,
                query.writes.flatMap { engine.catalog.sources[$0]?.topic }, query.statement,
            ]
            if extended {
                let troubles = troubles(of: query.id, content)
                cells += [countersText(content.counters, query.run.status.memory), troubles.isEmpty ? nil : troubles.joined(separator: "; ")]
            }
            listing.add(texts: cells)
        }
        for query in transients.values.sorted(by: { $0.id < $1.id }) {
            var cells: [String?] = [query.id, query.isPush ? "PUSH" : "PULL", "RUNNING:1", nil, nil, query.statement]
            if extended { cells += [query.run.map { countersText($0.status.counters, $0.status.memory) }, nil] }
            listing.add(texts: cells)
        }
        for broken in engine.state.withLock({ $0.broken }) {
            var cells: [String?] = [broken.queryID ?? broken.key, "PERSISTENT", "ERROR:1", nil, nil, broken.statement]
            if extended { cells += [nil, broken.reason] }
            listing.add(texts: cells)
        }
        return listing
    }

    /// One notice for each query that the server did not start or has paused, or that waits, and why: the table has no column for that.
    private func tellPauseReasons() {
        for query in engine.state.withLock({ Array($0.queries.values) }).sorted(by: { $0.id < $1.id }) {
            let (reason, excess, schemas) = query.run.status.content.withLock { ($0.pauseReason, $0.excess, $0.awaitedSchemas) }
            if let reason { sink.emit(.notice("\(query.id) was left paused: \(reason)")) }
            if let excess { sink.emit(.notice("\(query.id) was paused by the server: \(excess.reason)")) }
            for reason in schemas.values.sorted() { sink.emit(.notice("\(query.id) waits for a schema: \(reason)")) }
        }
    }

    func failure(_ state: QueryState) -> String? {
        if case .failed(let failure) = state { failure.description } else { nil }
    }

    func countersText(_ counters: QueryCounters, _ memory: MemoryShare) -> String {
        var text =
            "read \(counters.recordsRead), written \(counters.recordsWritten), commits \(counters.commits), state \(memory.bytes) bytes"
        if memory.diskBytes > 0 { text += ", state on disk \(memory.diskBytes) bytes" }
        for (cause, count) in counters.errors.sorted(by: { $0.key < $1.key }) { text += ", \(cause): \(count)" }
        return text
    }

    private func properties() -> Listing {
        var listing = Listing(texts: ["Property", "Default override", "Effective Value", "Meaning"])
        let (own, server) = (session.state.withLock { $0.properties }, engine.serverProperties)
        // What changes nothing is listed where it was set, with the reason.
        let vain = Set(own.keys).union(server.keys).filter { SettingTable.entry($0)?.isRead == false }
        for name in (SettingTable.entries.filter(\.isRead).map(\.name) + vain).sorted() {
            let override = own[name] != nil ? "SESSION" : server[name] != nil ? "SERVER" : ""
            listing.add(texts: [name, override, session.property(name) ?? "NULL", SettingTable.entry(name)?.meaning ?? ""])
        }
        return listing
    }

    private func limits() -> Listing {
        var listing = Listing([("Limit", "STRING"), ("Value", "BIGINT"), ("Reason", "STRING")])
        listing.add([
            .string("statement bytes"), .integer(SyntaxLimits.maximumStatementBytes),
            .string("a longer text is a mistake, or a load that belongs to .put"),
        ])
        listing.add([.string("expression depth"), .integer(SyntaxLimits.maximumDepth), .string("keeps every stage within its stack")])
        listing.add([.string("records of a micro-batch"), .integer(TaskLimits.batchRecords), .string("fits the processor's caches")])
        listing.add([.string("bytes of an uncommitted query"), .integer(TaskLimits.commitBytes), .string("bounds memory and recovery")])
        listing.add([
            .string("bytes of rows behind one question to a table"), .integer(StatementExecution.mostBytes),
            .string("they are in memory at once"),
        ])
        listing.add([
            .string("bytes of the state of all queries"), engine.memory.limit.map { .integer($0) } ?? .null,
            .string("\(MemoryExcess.setting): a query that would pass it is paused"),
        ])
        listing.add([
            .string("error records a second, task and cause"), .integer(ErrorReporter.samplesPerSecond),
            .string("a poisoned topic must not fill the disk; counts stay exact"),
        ])
        for limit in engine.configuration.frontEndLimits {
            listing.add([.string(limit.name), .integer(limit.value), .string(limit.reason)])
        }
        return listing
    }
}
