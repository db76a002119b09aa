// Schemas from columns, as ksqlDB makes them for sinks and for sources that declare their columns.

import JSONText
package import Values

/// How Protocol Buffers tell a NULL from a zero.
package enum NullRepresentation: String, Hashable, Sendable, Codable {
    /// `optional` fields.
    case optional = "OPTIONAL"
    /// Messages such as `google.protobuf.Int32Value`.
    case wrapper = "WRAPPER"
}

/// What decides about a generated schema besides its columns.
package struct SchemaShape: Hashable, Sendable {
    /// The full name of the record or message, nil for the usual one.
    package var fullName: String?
    /// Whether a single column is written bare.
    package var isUnwrapped: Bool
    /// Of Protocol Buffers: how NULLs are kept; nil where they become zeros.
    package var nulls: NullRepresentation?

    package init(fullName: String? = nil, isUnwrapped: Bool = false, nulls: NullRepresentation? = nil) {
        self.fullName = fullName
        self.isUnwrapped = isUnwrapped
        self.nulls = nulls
    }
}

/// The full name of the records of Avro where nobody has chosen one: of values, or of the keys of the source with that name.
package func usualAvroName(keysOf source: String?) -> String {
    guard let source else { return AvroGeneration.namespace + ".KsqlDataSourceSchema" }
    // UPPER_UNDERSCORE as UpperCamel.
    let words = source.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
    return AvroGeneration.namespace + "." + words.joined() + "Key"
}

extension SchemaDocument {
    /// The schema of some columns. Errors: the language has no such names.
    package init(_ kind: SchemaKind, of columns: [ColumnDefinition], _ shape: SchemaShape) throws(SchemaError) {
        switch kind {
        case .avro:
            let generation = AvroGeneration(fullName: shape.fullName ?? usualAvroName(keysOf: nil))
            self.init(.avro, try generation.schema(of: columns, isUnwrapped: shape.isUnwrapped).text)
        case .json:
            self.init(.json, JSONSchemaGeneration().schema(of: columns, isUnwrapped: shape.isUnwrapped).text)
        case .protobuf:
            var fields = columns
            // A single STRUCT that is bare is the message itself.
            if shape.isUnwrapped, columns.count == 1, case .structure(let inner) = columns[0].type {
                fields = inner.map { ColumnDefinition($0.name, $0.type) }
            }
            self.init(.protobuf, try ProtobufGeneration(shape).text(of: fields))
        }
    }
}
