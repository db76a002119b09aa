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
    /// The stream of errors in the shape that ksqlDB gives them.
    static let processingLog = "KSQL_PROCESSING_LOG"

    /// The server's own topics, which no statement may write or delete.
    static let names: Set<String> = [catalog, consumerOffsetsTopic, transactionStateTopic, errorsTopic, LogRegistry.topicName, LoadPosition.topicName]

    /// Topics that listings leave out unless asked for all.
    static func isHidden(_ name: String) -> Bool { name.hasPrefix("__") || name.hasPrefix("_confluent") || name == LogRegistry.topicName }

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

    /// `MILLRACE_ERRORS`, rows that could not be processed, and the same records as ksqlDB's processing log.
    static var sources: [SourceDefinition] {
        let own = [
            ColumnDefinition("QUERY", .string), ColumnDefinition("SOURCE", .string), ColumnDefinition("PARTITION", .integer),
            ColumnDefinition("OFFSET", .bigint), ColumnDefinition("STEP", .string), ColumnDefinition("COLUMN", .string),
            ColumnDefinition("CAUSE", .string), ColumnDefinition("REASON", .string), ColumnDefinition("RAW", .bytes),
            ColumnDefinition("LEFT_OUT", .bigint),
        ]
        let known = [
            ColumnDefinition("LOGGER", .string), ColumnDefinition("LEVEL", .string), ColumnDefinition("TIME", .bigint),
            ColumnDefinition("MESSAGE", processingLogMessage),
        ]
        return [(errorsTopic, own), (processingLog, known)].map { name, columns in
            SourceDefinition(
                name: name, kind: .stream, isReadOnly: true, schema: SourceSchema(key: [], value: columns), topic: errorsTopic,
                keyFormat: FormatSpec(.none), valueFormat: FormatSpec(.json), window: nil, timestamp: nil, wrapsSingleValue: nil,
                statement: "-- made by the server: rows that queries could not process", queryID: nil)
        }
    }

    private static var processingLogMessage: SQLType {
        let text = StructField("ERRORMESSAGE", .string)
        let cause = StructField("CAUSE", .array(.string))
        let target = StructField("TARGET", .string)
        let record = StructField("RECORD", .string)
        let topic = StructField("TOPIC", .string)
        return .structure([
            StructField("TYPE", .integer),
            StructField("DESERIALIZATIONERROR", .structure([target, text, StructField("RECORDB64", .string), cause, topic])),
            StructField("RECORDPROCESSINGERROR", .structure([text, record, cause])),
            StructField("PRODUCTIONERROR", .structure([text])),
            StructField("SERIALIZATIONERROR", .structure([target, text, record, cause, topic])),
            StructField("KAFKASTREAMSTHREADERROR", .structure([text, StructField("THREADNAME", .string), cause])),
        ])
    }
}
