// The engine's own topics, and the streams over them that every catalog has.

import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Plans
import Quantities
import Values

enum SystemTopics {
    /// The catalog: one record an object, compacted.
    static let catalog = "__millrace_catalog"
    /// The other name of the stream of errors.
    static let processingLog = "KSQL_PROCESSING_LOG"

    /// The server's own topics, which no statement may write or delete.
    static let names: Set<String> = [catalog, consumerOffsetsTopic, errorsTopic]

    /// Topics that listings leave out unless asked for all.
    static func isHidden(_ name: String) -> Bool { name.hasPrefix("__") || name.hasPrefix("_confluent") || name == "_schemas" }

    /// Makes those topics that are missing.
    ///
    /// Errors: the log refuses, or the catalog is gone from a directory that has had one: what queries keep there would be taken for
    /// nobody's, and deleted.
    static func ensure(in log: any EventLog) throws(Diagnostic) {
        if log.describeTopic(named: catalog) == nil, let kept = log.describeTopics().first(where: { InternalNames.isInternal($0.name) }) {
            throw Diagnostic(
                .corruptData, "the topic \(catalog) is gone, but there are topics of queries, like \(kept.name)", category: .general,
                hint: "Restore the topic's files, or move the topics of queries away to begin without any query.")
        }
        var errors = TopicConfig()
        errors.retention = 604_800_000
        // A start reads all of these two; only closed segments are compacted.
        var state = TopicConfig.compacted
        state.segmentBytes = .mebibytes(4)
        for (name, config) in [(catalog, state), (consumerOffsetsTopic, state), (errorsTopic, errors)] {
            guard log.describeTopic(named: name) == nil else { continue }
            do throws(LogError) { _ = try log.createTopic(name, partitions: 1, config: config) } catch { throw Diagnostic(error) }
        }
    }

    /// `MILLRACE_ERRORS` and its alias: rows that could not be processed.
    static var sources: [SourceDefinition] {
        let schema = SourceSchema(
            key: [],
            value: [
                ColumnDefinition("QUERY", .string), ColumnDefinition("SOURCE", .string), ColumnDefinition("PARTITION", .integer),
                ColumnDefinition("OFFSET", .bigint), ColumnDefinition("STEP", .string), ColumnDefinition("COLUMN", .string),
                ColumnDefinition("CAUSE", .string), ColumnDefinition("REASON", .string), ColumnDefinition("RAW", .bytes),
                ColumnDefinition("LEFT_OUT", .bigint),
            ])
        return [errorsTopic, processingLog].map { name in
            SourceDefinition(
                name: name, kind: .stream, isReadOnly: true, schema: schema, topic: errorsTopic, keyFormat: FormatSpec(.none),
                valueFormat: FormatSpec(.json), window: nil, timestamp: nil, wrapsSingleValue: nil,
                statement: "-- made by the server: rows that queries could not process", queryID: nil)
        }
    }
}
