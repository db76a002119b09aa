// What each format can carry. The checks answer with the reason that messages show, or nil when the format can carry it.

package import Schemas
package import Values

/// Which side of a record a format is used for.
package enum RecordSide: String, Hashable, Sendable {
    case key = "Key"
    case value = "Value"
}

extension FormatName {
    /// The format of that name, in any case of letters.
    package init?(named text: String) {
        guard let found = FormatName(rawValue: text.uppercased()) else { return nil }
        self = found
    }

    /// Whether schemas of the format live in a registry, from which columns can be inferred.
    package var usesRegistry: Bool { self == .avro || self == .protobuf || self == .jsonSR }

    /// The language of the format's schemas; nil for formats without schemas.
    package var schemaKind: SchemaKind? {
        switch self {
        case .avro: .avro
        case .protobuf, .protobufNoSR: .protobuf
        case .jsonSR: .json
        case .kafka, .none, .delimited, .json: nil
        }
    }

    /// Whether a single column can be written as a member of an object or record.
    package var canWrap: Bool {
        switch self {
        case .json, .jsonSR, .avro, .protobuf, .protobufNoSR: true
        case .kafka, .none, .delimited: false
        }
    }

    /// Whether a single column can be written bare.
    package var canUnwrap: Bool {
        switch self {
        case .kafka, .delimited, .json, .jsonSR, .avro, .protobufNoSR: true
        case .none, .protobuf: false
        }
    }

    /// Whether ARRAY, MAP and STRUCT columns can be written.
    package var carriesNestedTypes: Bool { canWrap }
}

/// Why the columns cannot be written in the format on that side of a record; nil when they can.
package func problem(of columns: [ColumnDefinition], in format: FormatName, on side: RecordSide) -> String? {
    func listed() -> String {
        "[" + columns.map { "`\($0.name)` \($0.type)" + (side == .key ? " KEY" : "") }.joined(separator: ", ") + "]"
    }
    switch format {
    case .none:
        return columns.isEmpty ? nil : "The 'NONE' format can only be used when no columns are defined. Got: \(listed())"
    case .kafka:
        if columns.count > 1 { return "The 'KAFKA' format only supports a single field. Got: \(listed())" }
        if let column = columns.first, !isPlainKafka(column.type) {
            return "The 'KAFKA' format does not support type '\(column.type.baseName)'"
        }
        return nil
    case .delimited:
        guard let column = columns.first(where: { $0.type.isNested }) else { return nil }
        return "The 'DELIMITED' format does not support type '\(column.type.baseName)', column: `\(column.name)`"
    case .avro:
        return columns.contains { hasKeyedMap($0.type) } ? "Avro only supports MAPs with STRING keys" : nil
    case .protobuf, .protobufNoSR:
        return columns.contains { hasKeyedMap($0.type) } ? "PROTOBUF format only supports MAP types with STRING keys" : nil
    case .json, .jsonSR:
        guard let column = columns.first(where: { hasKeyedMap($0.type) }) else { return nil }
        return "\(format.rawValue) only supports MAP types with STRING keys, but column `\(column.name)` is of type \(column.type)"
    }
}

/// The message about columns that a format cannot carry, as CREATE statements give it.
package func schemaMessage(_ columns: [ColumnDefinition], in format: FormatName, on side: RecordSide, reason: String) -> String {
    let listed = columns.map { "`\($0.name)` \($0.type)" + (side == .key ? " KEY" : "") }.joined(separator: ", ")
    return "\(side.rawValue) format does not support schema.\nformat: \(format.rawValue)\n"
        + "schema: Persistence{columns=[\(listed)], features=[]}\nreason: \(reason)"
}

private func isPlainKafka(_ type: SQLType) -> Bool {
    switch type {
    case .integer, .bigint, .double, .string, .bytes: true
    case .boolean, .decimal, .time, .date, .timestamp, .array, .map, .structure: false
    }
}

private func hasKeyedMap(_ type: SQLType) -> Bool {
    switch type {
    case .map(let key, let value): key != .string || hasKeyedMap(value)
    case .array(let element): hasKeyedMap(element)
    case .structure(let fields): fields.contains { hasKeyedMap($0.type) }
    case .boolean, .integer, .bigint, .double, .decimal, .string, .bytes, .time, .date, .timestamp: false
    }
}
