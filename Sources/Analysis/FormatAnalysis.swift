// The formats of a source as its statement describes them: which properties go with which, and what follows from the columns.

import Diagnostics
import Formats
import Schemas
import Values

/// Errors: a property is given for a format that does not know it.
func checkFormatProperties(_ properties: SourceProperties, key: FormatName, value: FormatName) throws(Diagnostic) {
    func refuse(_ what: String, _ format: FormatName, _ names: String...) -> Diagnostic {
        let place = names.lazy.compactMap { properties.place(of: $0) }.first
        return Diagnostic(.invalidProperty, "\(format.rawValue) does not support the following configs: [\(what)]", at: place)
    }
    let sides = [
        ("KEY", key, properties.keyDelimiter, properties.keySchema), ("VALUE", value, properties.valueDelimiter, properties.valueSchema),
    ]
    for (side, format, delimiter, schema) in sides {
        if delimiter != nil, format != .delimited { throw refuse("delimiter", format, side + "_DELIMITER") }
        if schema.fullName != nil, !format.usesRegistry {
            throw refuse("fullSchemaName", format, side + "_SCHEMA_FULL_NAME", side + "_AVRO_SCHEMA_FULL_NAME")
        }
        if schema.nulls != nil, format.schemaKind != .protobuf {
            throw refuse("nullableRepresentation", format, side + "_PROTOBUF_NULLABLE_REPRESENTATION")
        }
        if schema.id != nil, !format.usesRegistry {
            throw Diagnostic(
                .invalidProperty,
                "\(side)_FORMAT should support schema inference when \(side)_SCHEMA_ID is provided. Current format is \(format.rawValue).",
                at: properties.place(of: side + "_SCHEMA_ID"))
        }
    }
}

/// The format of keys with these columns. Records of Avro have the name of their source.
func keyFormat(
    _ name: FormatName, _ properties: SourceProperties, _ columns: [ColumnDefinition], source: String, inheriting other: FormatSpec? = nil
) -> FormatSpec {
    var format = FormatSpec(
        name, delimiter: properties.keyDelimiter ?? inherited(name, other)?.delimiter ?? ",",
        isUnwrapped: columns.count == 1 && name.canUnwrap)
    format.apply(properties.keySchema, inheriting: inherited(name, other))
    if name == .avro, format.schemaFullName == nil { format.schemaFullName = usualAvroName(keysOf: source) }
    return format
}

/// The format of values with these columns. Errors: WRAP_SINGLE_VALUE does not go with them.
func valueFormat(
    _ name: FormatName, _ properties: SourceProperties, _ columns: [ColumnDefinition], _ context: AnalysisContext,
    inheriting other: FormatSpec? = nil
) throws(Diagnostic) -> FormatSpec {
    var format = FormatSpec(
        name, delimiter: properties.valueDelimiter ?? inherited(name, other)?.delimiter ?? ",",
        isUnwrapped: try unwrapsValue(properties, columns: columns.count, name, context))
    format.apply(properties.valueSchema, inheriting: inherited(name, other))
    return format
}

/// The format that a sink takes properties over from: that of its source, if it is the same.
private func inherited(_ name: FormatName, _ other: FormatSpec?) -> FormatSpec? { other?.name == name ? other : nil }

extension FormatSpec {
    fileprivate mutating func apply(_ schema: SourceProperties.SchemaProperties, inheriting other: FormatSpec?) {
        schemaID = schema.id
        schemaFullName = schema.fullName ?? (name == .protobuf ? other?.schemaFullName : nil)
        nulls = schema.nulls ?? (name == .protobufNoSR ? other?.nulls : nil)
    }
}

/// Errors: no schema can be made for the columns.
func checkSchema(of columns: [ColumnDefinition], _ format: FormatSpec) throws(Diagnostic) {
    guard let kind = format.name.schemaKind, !columns.isEmpty else { return }
    do throws(SchemaError) { _ = try SchemaDocument(kind, of: columns, format.shape) } catch {
        throw Diagnostic(.serialisationMismatch, error.message)
    }
}
