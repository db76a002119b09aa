// The one table of WITH properties: where each may stand and what it takes.

import Syntax

/// What a property takes.
package struct PropertyRule: Hashable, Sendable {
    /// The kinds of values.
    package enum Kind: Hashable, Sendable {
        case text
        case integer(ClosedRange<Int64>)
        /// A text such as `10 SECONDS`, at most `SyntaxLimits.longestDuration` long.
        case duration
        case flag
        case format
        case delimiter
        case windowType
        /// OPTIONAL or WRAPPER.
        case nullRepresentation
        /// Known from the dialect and refused, with a reason, whatever its value.
        case refused
    }

    /// The name in upper case.
    package let name: String
    /// What it takes.
    package let kind: Kind
    /// The statements that it may stand in.
    package let places: Set<SourceProperties.Place>
}

/// All properties.
package enum PropertyTable {
    /// More partitions than this are a mistake: each is a directory with open files.
    package static let partitions: ClosedRange<Int64> = 1...10_000
    /// -1 leaves it to the server. Any number is taken and means one copy.
    package static let replicas: ClosedRange<Int64> = -1...32_767
    /// Milliseconds; -1 keeps all records.
    package static let retention: ClosedRange<Int64> = -1...SyntaxLimits.longestDuration
    /// Numbers of schemas, which take four bytes in records.
    package static let schemaIDs: ClosedRange<Int64> = 0...Int64(Int32.max)
    /// The longest value of properties that are texts, in bytes.
    package static let longestText = 4_096

    /// The rules, sorted by name.
    package static let rules: [PropertyRule] = [
        both("CLEANUP_POLICY", .refused), both("COMPRESSION_TYPE", .text), both("FORMAT", .format), both("KAFKA_TOPIC", .text),
        both("KEY_DELIMITER", .delimiter), both("KEY_FORMAT", .format), both("KEY_PROTOBUF_NULLABLE_REPRESENTATION", .nullRepresentation),
        both("KEY_SCHEMA_FULL_NAME", .text), both("KEY_SCHEMA_ID", .integer(schemaIDs)), both("PARTITIONS", .integer(partitions)),
        PropertyRule(name: "QUERY_ID", kind: .text, places: [.insert]),
        both("REPLICAS", .integer(replicas)), both("RETENTION_MS", .integer(retention)),
        PropertyRule(name: "SOURCED_BY_CONNECTOR", kind: .text, places: [.create]),
        both("TIMESTAMP", .text), both("TIMESTAMP_FORMAT", .text), both("VALUE_AVRO_SCHEMA_FULL_NAME", .text),
        both("VALUE_DELIMITER", .delimiter), both("VALUE_FORMAT", .format),
        both("VALUE_PROTOBUF_NULLABLE_REPRESENTATION", .nullRepresentation), both("VALUE_SCHEMA_FULL_NAME", .text),
        both("VALUE_SCHEMA_ID", .integer(schemaIDs)),
        PropertyRule(name: "WINDOW_SIZE", kind: .duration, places: [.create]),
        PropertyRule(name: "WINDOW_TYPE", kind: .windowType, places: [.create]),
        both("WRAP_SINGLE_VALUE", .flag),
    ]

    private static func both(_ name: String, _ kind: PropertyRule.Kind) -> PropertyRule {
        PropertyRule(name: name, kind: kind, places: [.create, .createAs])
    }

    /// The rules of the properties that a statement may have.
    package static func rules(at place: SourceProperties.Place) -> [PropertyRule] { rules.filter { $0.places.contains(place) } }
}
