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
            if error.isNoAnswer { throw Diagnostic(.ioError, "the schema registry does not answer: \(error.message)", category: .general) }
            throw Diagnostic(
                .serialisationMismatch, "Could not register schema for topic: the registry refuses \(subject): \(error.message)",
                category: .general)
        }
    }
}

extension SourceDefinition {
    /// Where the columns say something else than the schemas that records are written by, in words.
    var contradictions: [String] {
        contradictions(keyFormat, schema.key, "key") + contradictions(valueFormat, schema.value, "value")
    }

    private func contradictions(_ format: FormatSpec, _ columns: [ColumnDefinition], _ side: String) -> [String] {
        guard let writer = format.writer,
            let found = try? InferredColumns(
                writer.document, fullName: writer.fullName, naming: .upperCased, whole: WholeColumn(name: "ROWVAL", takesRecords: false)),
            !found.isAnonymous, !format.isUnwrapped
        else { return [] }
        let known = Dictionary(found.columns.map { ($0.name.uppercased(), $0.type) }, uniquingKeysWith: { first, _ in first })
        return columns.compactMap { column in
            let place = "the schema of the topic's \(side)s, number \(writer.id),"
            guard let type = known[column.name.replacing(".", with: "_").uppercased()] else {
                if found.dropped.contains(where: { $0.uppercased().hasPrefix(column.name.uppercased() + ":") }) { return nil }
                return "\(place) has no field \(column.name), which is NULL in all of its records"
            }
            if type.isReadable(as: column.type) { return nil }
            return "\(place) has \(column.name) as \(type), and the statement as \(column.type): its records cannot be read so"
        }
    }

    /// What the schemas ask of those who write and read by them, and Millrace does not do, in words.
    var rulesLeftOut: [String] {
        [keyFormat.writer, valueFormat.writer].compactMap { writer in
            guard let writer, let rules = writer.document.ruleNames else { return nil }
            return "schema \(writer.id) has rules that Millrace does not carry out, neither on rows that it writes nor on those that it reads: \(rules)"
        }
    }

    /// Takes over the schemas that another definition of the source is written by.
    mutating func takeSchemas(of other: SourceDefinition) {
        if keyFormat.name == other.keyFormat.name { keyFormat.writer = other.keyFormat.writer }
        if valueFormat.name == other.valueFormat.name { valueFormat.writer = other.valueFormat.writer }
    }
}

extension SQLType {
    /// Whether a value that a schema declares so may be read as a column of another type. Those of nested types are looked at where they are
    /// read.
    fileprivate func isReadable(as column: SQLType) -> Bool {
        func family(_ type: SQLType) -> Int {
            switch type {
            case .boolean: 0
            case .integer, .bigint, .double, .decimal, .time, .date, .timestamp: 1
            case .string, .bytes: 2
            case .array: 3
            case .map: 4
            case .structure: 5
            }
        }
        return family(self) == family(column)
    }
}
