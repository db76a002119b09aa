// Names that are taken: what CREATE makes of a source that exists, and of a topic that exists.

import Analysis
import Catalog
import Diagnostics
import Formats
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
    /// What to do about a name that exists: nothing for a free name or a replacement, a no-op answer for IF NOT EXISTS.
    func existing(
        _ name: Name, _ kind: Syntax.SourceKind, _ orReplace: Bool, _ ifNotExists: Bool, isSource: Bool
    ) throws(Diagnostic) -> AnswerSummary? {
        let word = kind.rawValue.lowercased()
        let replaces = orReplace && session.settings[.createOrReplace]
        if orReplace && (isSource || engine.catalog.sources[name.text]?.isReadOnly == true) {
            throw Diagnostic(
                .readOnly, "Cannot add \(word) '\(name.text)': CREATE OR REPLACE is not supported on source \(word)s.", category: .general,
                at: name.span.range)
        }
        if engine.catalog.views[name.text] != nil {
            throw Diagnostic(
                .duplicateSource, "Cannot add \(word) '\(name.text)': A view with the same name already exists", hint: "DROP VIEW \(name.text) first.",
                at: name.span.range)
        }
        guard let old = engine.catalog.sources[name.text] else {
            try checkReadable(name)
            return nil
        }
        let taken = "Cannot add \(word) '\(name.text)': A \(old.kind.rawValue.lowercased()) with the same name already exists"
        if ifNotExists {
            sink.emit(.notice(taken + "."))
            return AnswerSummary(message: taken + ".")
        }
        guard replaces else {
            let setting = SettingKey<Bool>.createOrReplace.name
            throw Diagnostic(
                .duplicateSource, taken,
                hint: orReplace
                    ? "\(setting) is false, so that CREATE OR REPLACE makes only what does not exist yet. DROP it first."
                    : "Use CREATE OR REPLACE, IF NOT EXISTS, or DROP it first.", at: name.span.range)
        }
        return nil
    }

    /// Refuses the name of an entry that could not be read: it may be anything.
    private func checkReadable(_ name: Name) throws(Diagnostic) {
        let key = CatalogKey.source(name.text).text
        guard let broken = engine.state.withLock({ $0.broken.first { $0.key == key } }) else { return }
        throw Diagnostic(
            .duplicateSource, "\(name.text) exists already, but could not be brought back: \(broken.reason)", hint: "DROP it first.",
            at: name.span.range)
    }

    /// The rules of replacement that the catalog can see: same kind, same topic and formats, same columns with new ones
    /// behind.
    func checkReplacement(_ old: SourceDefinition, by new: SourceDefinition) throws(Diagnostic) {
        func refuse(_ what: String) -> Diagnostic {
            Diagnostic(
                .incompatibleReplacement, "Cannot upgrade data source: DataSource '\(old.name)' has \(what)", at: parsed.range)
        }
        if old.kind != new.kind { throw refuse("type = \(old.kind.rawValue) which is not upgradeable to \(new.kind.rawValue)") }
        if old.topic != new.topic || old.keyFormat.withoutWriter != new.keyFormat.withoutWriter
            || old.valueFormat.withoutWriter != new.valueFormat.withoutWriter || old.window != new.window {
            throw refuse("topic = \(old.topic) or formats that are not upgradeable")
        }
        if old.timestamp != new.timestamp { throw refuse("another timestamp column, which is not upgradeable") }
        if old.schema.key != new.schema.key || !new.schema.value.starts(with: old.schema.value) {
            throw refuse("schema = \(old.schema.description) which is not upgradeable to \(new.schema.description)")
        }
        if old.queryID != nil, engine.catalog.writers(of: old.name).count > 1 {
            throw Diagnostic(.objectInUse, "Cannot replace \(old.name): more than one query writes to it", at: parsed.range)
        }
        try checkViews(engine.catalog.views(reading: old.name), of: old.name, with: CatalogChange(set: [.source(new)]), at: parsed.range)
    }

    // MARK: Topics

    /// The topic of a new source: used as it is when it exists, made otherwise. Gives the topic if it was made now; the commit
    /// that keeps it has to take back its announcement.
    func ensureSinkTopic(
        _ source: SourceDefinition, _ properties: SourceProperties, sourcePartitions: Int?, writtenBy plan: QueryPlan? = nil
    ) throws(Diagnostic) -> TopicDescription? {
        if let topic = engine.log.describeTopic(named: source.topic) {
            if engine.catalog.removedTopics[source.topic]?.topicID == topic.id.description {
                throw Diagnostic(
                    .wrongState, "the topic \(source.topic) has been removed, but could not be deleted yet", category: .general,
                    hint: "The next change of the catalog tries it again.", at: parsed.range)
            }
            if let wanted = properties.partitions, wanted != topic.partitions.count {
                throw Diagnostic(
                    .invalidProperty,
                    "A Kafka topic with the name '\(source.topic)' already exists, with different partition/replica configuration than "
                        + "required. KSQL expects \(wanted) partitions (topic has \(topic.partitions.count))",
                    at: properties.place(of: "PARTITIONS") ?? parsed.range)
            }
            return nil
        }
        do throws(LogError) { try checkTopicName(source.topic) } catch {
            throw Diagnostic(error, at: properties.place(of: "KAFKA_TOPIC") ?? parsed.range)
        }
        let config = try topicConfig(of: source, properties, windowRetention: plan?.root.retention)
        let fallback = session.settings[.defaultPartitions]
        let id = engine.log.newTopicID()
        try engine.announce(RemovedTopic(name: source.topic, topicID: id.description))
        do throws(LogError) {
            if let replicas = properties.replicas, replicas > 1 {
                sink.emit(.notice("REPLICAS=\(replicas) changes nothing: Millrace keeps one copy of each topic"))
            }
            let partitions = properties.partitions ?? sourcePartitions ?? fallback
            return try engine.log.createTopic(NewTopic(name: source.topic, id: id, partitions: partitions, config: config))
        } catch {
            throw Diagnostic(error)
        }
    }

    /// How the topic of a source is kept. The rows of a windowed table stay at least as long as its windows.
    private func topicConfig(
        of source: SourceDefinition, _ properties: SourceProperties, windowRetention: Milliseconds?
    ) throws(Diagnostic) -> TopicConfig {
        var config = TopicConfig()
        if let windowRetention, let usual = config.retention { config.retention = max(usual, windowRetention) }
        if source.kind == .table { config.cleanupPolicy = source.window == nil ? .compact : .compactAndDelete }
        if source.kind == .table && source.window == nil {
            config.retention = nil
            if properties.retention != nil {
                throw Diagnostic(
                    .invalidProperty,
                    "Invalid config variable in the WITH clause: RETENTION_MS. Non-windowed tables do not support retention.",
                    at: properties.place(of: "RETENTION_MS") ?? parsed.range)
            }
        }
        if let retention = properties.retention { config.retention = retention < 0 ? nil : retention }
        if let name = properties.compression {
            guard let compression = Compression(name: name) else {
                throw Diagnostic(
                    .invalidProperty, "unknown COMPRESSION_TYPE '\(name)': expected none, gzip, snappy, lz4 or zstd",
                    at: properties.place(of: "COMPRESSION_TYPE") ?? parsed.range)
            }
            config.compression = compression
        }
        return config
    }
}
