// Schemas of sources: those of new columns are registered before the catalog says that the source exists, and the source keeps the schema
// that its records are written by.

import Catalog
import Diagnostics
import Formats
import Schemas
import Values

extension MillraceEngine {
    /// The source with the schemas that its records are written by. Those of a sink are versions of their subjects from then on; a source over a
    /// topic that has schemas takes the latest of these. Errors: the registry refuses, or does not answer.
    func registeringSchemas(of source: SourceDefinition, isSink: Bool) throws(Diagnostic) -> SourceDefinition {
        var source = source
        source.keyFormat.writer = try writer(
            source.keyFormat, source.schema.key, subject: SchemaSubject.key(of: source.topic), isSink: isSink)
        source.valueFormat.writer = try writer(
            source.valueFormat, source.schema.value, subject: SchemaSubject.value(of: source.topic), isSink: isSink)
        return source
    }

    private func writer(
        _ format: FormatSpec, _ columns: [ColumnDefinition], subject: String, isSink: Bool
    ) throws(Diagnostic) -> WriterSchema? {
        guard format.name.usesRegistry, let kind = format.name.schemaKind, !columns.isEmpty else { return nil }
        let fullName = format.name == .protobuf ? format.schemaFullName : nil
        do throws(RegistryError) {
            if let id = format.schemaID {
                guard let document = try registry.schema(id) else { throw RegistryError("there is no schema with number \(id)") }
                return WriterSchema(id: id, document: document, fullName: fullName)
            }
            if !isSink, let latest = try registry.latest(of: subject), latest.document.kind == kind {
                return WriterSchema(id: latest.id, document: latest.document, fullName: fullName)
            }
            let document: SchemaDocument
            do throws(SchemaError) { document = try SchemaDocument(kind, of: columns, format.shape) } catch {
                throw RegistryError(error.description)
            }
            let version = try registry.register(document, as: subject)
            return WriterSchema(id: version.id, document: version.document, fullName: fullName)
        } catch {
            throw Diagnostic(
                .serialisationMismatch, "Could not register schema for topic: the registry refuses \(subject): \(error.message)",
                category: .general)
        }
    }
}

extension SourceDefinition {
    /// Takes over the schemas that another definition of the source is written by.
    mutating func takeSchemas(of other: SourceDefinition) {
        if keyFormat.name == other.keyFormat.name { keyFormat.writer = other.keyFormat.writer }
        if valueFormat.name == other.valueFormat.name { valueFormat.writer = other.valueFormat.writer }
    }
}
