// Columns that a CREATE statement leaves to the registry: the fields of the schema of the topic's keys or values.

import Diagnostics
import Formats
import Schemas
import Syntax
import Values

/// Adds the columns that the statement does not list and that the registry knows. For each side whose columns come from there, gives what
/// is to be told about them. Errors: there is no such schema, or columns are listed where a schema is asked for.
func inferColumns(
    of schema: inout SourceSchema, _ create: CreateSource, _ properties: SourceProperties, topic: String, key: FormatName, value: FormatName,
    _ context: AnalysisContext
) throws(Diagnostic) -> (key: String?, value: String?) {
    var told: (key: String?, value: String?) = (nil, nil)
    for side in [RecordSide.key, .value] {
        let (format, asked, columns) =
            side == .key ? (key, properties.keySchema, schema.key) : (value, properties.valueSchema, schema.value)
        if asked.id != nil, !columns.isEmpty {
            let name = side == .key ? "KEY" : "VALUE"
            throw Diagnostic(
                .invalidProperty, "Table elements and \(name)_SCHEMA_ID cannot both exist for create statement.",
                hint: "Leave out the \(name.lowercased()) columns: they are those of the schema.", at: properties.place(of: name + "_SCHEMA_ID"))
        }
        guard columns.isEmpty, format.usesRegistry else { continue }
        let inference = SideInference(side: side, format: format, asked: asked, topic: topic, isWrapped: properties.wrapsSingleValue, context)
        let (found, notice) = try inference.columns()
        if side == .key {
            (schema.key, told.key) = (found, notice)
        } else {
            (schema.value, told.value) = (found, notice)
        }
    }
    try checkNames(schema, at: create.name.span.range)
    return told
}

/// The columns of one side of a topic's records.
private struct SideInference {
    let side: RecordSide
    let format: FormatName
    let asked: SourceProperties.SchemaProperties
    let topic: String
    /// WRAP_SINGLE_VALUE as it is given.
    let isWrapped: Bool?
    let context: AnalysisContext

    init(
        side: RecordSide, format: FormatName, asked: SourceProperties.SchemaProperties, topic: String, isWrapped: Bool?,
        _ context: AnalysisContext
    ) {
        self.side = side
        self.format = format
        self.asked = asked
        self.topic = topic
        self.isWrapped = isWrapped
        self.context = context
    }

    private var sideName: String { side == .key ? "key" : "value" }
    private var subject: String { side == .key ? SchemaSubject.key(of: topic) : SchemaSubject.value(of: topic) }

    func columns() throws(Diagnostic) -> (columns: [Values.ColumnDefinition], notice: String) {
        let document = try document()
        guard document.kind == format.schemaKind else {
            throw Diagnostic(
                .serialisationMismatch,
                "The schema of the \(sideName)s of topic '\(topic)' is one of \(document.kind.rawValue), but the format is \(format.rawValue).")
        }
        // Keys of one column are bare wherever that is possible: then a record is that column.
        let whole = WholeColumn(
            name: side == .key ? "ROWKEY" : "ROWVAL", takesRecords: side == .key ? format.canUnwrap : isWrapped == false)
        let found: InferredColumns
        do throws(SchemaError) {
            found = try InferredColumns(
                document, fullName: asked.fullName.flatMap { format == .protobuf ? $0 : nil },
                naming: asked.id == nil ? .upperCased : .asWritten, whole: whole)
        } catch {
            throw unusable(error.description)
        }
        if side == .value, found.isAnonymous, isWrapped != false {
            throw Diagnostic(
                .serialisationMismatch, "The schema of the values of topic '\(topic)' is no record, so that it is one column.",
                hint: "WRAP_SINGLE_VALUE=false reads such values; the column is called ROWVAL.")
        }
        guard !found.columns.isEmpty else { throw unusable(found.dropped.joined(separator: "; ")) }
        var notice = "the \(sideName) columns are those of \(asked.id.map { "schema \($0)" } ?? subject)"
        if !found.dropped.isEmpty { notice += ", without " + found.dropped.joined(separator: "; ") }
        return (found.columns, notice)
    }

    private func unusable(_ reason: String) -> Diagnostic {
        Diagnostic(.serialisationMismatch, "Unable to verify if the schema for the \(sideName)s of topic '\(topic)' has columns: \(reason)")
    }

    private func document() throws(Diagnostic) -> SchemaDocument {
        do throws(RegistryError) {
            let found = if let id = asked.id { try context.registry?.schema(id) } else { try context.registry?.latest(of: subject)?.document }
            if let found { return found }
        } catch {
            throw Diagnostic(.ioError, "the schema registry does not answer: \(error.message)", category: .general)
        }
        let name = side == .key ? "keys" : "values"
        throw Diagnostic(
            .serialisationMismatch,
            "Schema for message \(name) on topic '\(topic)' does not exist in the Schema Registry.\n"
                + (asked.id.map { "Schema ID: \($0)" } ?? "Subject: \(subject)"),
            hint: "List the \(sideName) columns, or register a schema first.")
    }
}

private func checkNames(_ schema: SourceSchema, at place: SourceRange?) throws(Diagnostic) {
    var names: Set<String> = []
    for column in schema.columns where !names.insert(column.name).inserted {
        throw Diagnostic(.duplicateColumn, "Duplicate column names: `\(column.name)`", at: place)
    }
}

/// Errors: the columns are none of the schema with that number, which a sink is to be written by.
func checkColumns(_ columns: [Values.ColumnDefinition], _ format: FormatSpec, _ side: RecordSide, _ context: AnalysisContext) throws(Diagnostic) {
    guard let id = format.schemaID else { return }
    let document: SchemaDocument?
    do throws(RegistryError) { document = try context.registry?.schema(id) } catch {
        throw Diagnostic(.ioError, "the schema registry does not answer: \(error.message)", category: .general)
    }
    guard let document, document.kind == format.name.schemaKind else {
        throw Diagnostic(.serialisationMismatch, "The registry has no schema of \(format.name.rawValue) with number \(id).")
    }
    let known: InferredColumns
    do throws(SchemaError) {
        known = try InferredColumns(
            document, fullName: format.name == .protobuf ? format.schemaFullName : nil, naming: .asWritten,
            whole: WholeColumn(name: columns.first?.name ?? "", takesRecords: format.isUnwrapped))
    } catch {
        throw Diagnostic(.serialisationMismatch, "Schema \(id) cannot be used: \(error.description)")
    }
    let changed = columns.indices.filter { !known.columns.indices.contains($0) || known.columns[$0] != columns[$0] }
    guard changed.isEmpty else {
        func listed(_ columns: [Values.ColumnDefinition]) -> String {
            "[" + columns.map { "`\($0.name)` \($0.type)" + (side == .key ? " KEY" : "") }.joined(separator: ", ") + "]"
        }
        throw Diagnostic(
            .serialisationMismatch,
            "The following \(side == .key ? "key" : "value") columns are changed, missing or reordered: \(listed(changed.map { columns[$0] })). "
                + "Schema from schema registry is \(listed(known.columns))")
    }
}
