// Records of the registry's formats as PRINT shows them: decoded by the schema that their header names, as JSON.

import Bytes
import Formats
import JSONText
import Operators
import Pipelines
import Plans
import Schemas
import Values

/// Reads records by whatever schema they name. One owner, one thread.
final class RegistryRecords {
    private struct Reader {
        var format: FormatName
        /// Nil for JSON, which is text already, and where the schema comes to no columns.
        var decoder: RowDecoder?
        var fields: [StructField] = []
        /// Whether the one field is the whole record.
        var isBare = false
        /// The number of the schema, and the name of what it describes where it has one.
        var name = ""
    }

    private let schemas: any SchemaRegistry
    private var readers: [SchemaID: Reader] = [:]
    /// The registry has not answered: it is not asked any more, which would take its time for each record.
    private var isAway = false

    /// Asks a registry, on a thread that may wait.
    init(_ schemas: any SchemaRegistry) { self.schemas = schemas }

    /// The format of a record that begins with the header of a schema that is known; nil for all others.
    func format(of bytes: [UInt8]) -> FormatName? { reader(of: bytes)?.format }

    /// The schema that a record names, as its number and the name of what it describes; nil where none is known.
    func schemaName(of bytes: [UInt8]) -> String? { reader(of: bytes)?.name }

    /// The record as JSON; nil where it is none of a known schema, or cannot be read.
    func text(of bytes: [UInt8]) -> String? {
        guard let reader = reader(of: bytes) else { return nil }
        if reader.format == .jsonSR { return String(decoding: bytes.dropFirst(5), as: UTF8.self) }
        var record = OutgoingRecords()
        record.append(key: nil, value: bytes, timestamp: 0)
        guard let decoder = reader.decoder, let found = try? decoder.decode(record.asRun), let row = found.rows.first else { return nil }
        if reader.isBare { return json(row.values[0], reader.fields[0].type).text }
        return json(.structure(row.values), .structure(reader.fields)).text
    }

    private func reader(of bytes: [UInt8]) -> Reader? {
        var header = ByteReader(bytes)
        guard header.uint8() == 0, let number = header.int32() else { return nil }
        let id = SchemaID(number)
        if let known = readers[id] { return known }
        guard let document = schemas.knownSchema(id) ?? fetch(id) else { return nil }
        var made = make(document, id)
        made.name = "\(id)" + (document.recordName.map { " (\($0))" } ?? "")
        readers[id] = made
        return made
    }

    private func fetch(_ id: SchemaID) -> SchemaDocument? {
        if isAway { return nil }
        do throws(RegistryError) { return try schemas.schema(id) } catch {
            isAway = true
            return nil
        }
    }

    private func make(_ document: SchemaDocument, _ id: SchemaID) -> Reader {
        let name: FormatName =
            switch document.kind {
            case .avro: .avro
            case .protobuf: .protobuf
            case .json: .jsonSR
            }
        guard name != .jsonSR,
            let found = try? InferredColumns(document, naming: .asWritten, whole: WholeColumn(name: "VALUE", takesRecords: false))
        else { return Reader(format: name) }
        var format = FormatSpec(name, isUnwrapped: found.isAnonymous)
        format.writer = WriterSchema(id: id, document: document)
        let step = SourceStep(
            sourceName: "PRINT", topic: "PRINT", kind: .stream, keyFormat: FormatSpec(.none), valueFormat: format,
            schema: SourceSchema(key: [], value: found.columns), timestamp: nil, window: nil, needed: found.columns.map { _ in true }, store: nil)
        return Reader(
            format: name, decoder: try? RowDecoder(step, schemas: schemas), fields: found.columns.map { StructField($0.name, $0.type) },
            isBare: found.isAnonymous)
    }

    private func json(_ value: Value, _ type: SQLType) -> JSONValue {
        switch (value, type) {
        case (.null, _): .null
        case (.boolean(let flag), _): .boolean(flag)
        case (.integer(let number), _), (.time(let number), _), (.date(let number), _): .integer(number)
        case (.bigint(let number), _), (.timestamp(let number), _): .integer(number)
        case (.double(let number), _): number.isFinite ? .number("\(number)") : .string("\(number)")
        case (.decimal(let number), _): .number(number.description)
        case (.string(let text), _): .string(text)
        case (.bytes(let bytes), _): .string(Base64.text(of: bytes))
        case (.array(let values), .array(let element)): .array(values.map { json($0, element) })
        case (.map(let entries), .map(_, let element)):
            .object(
                entries.map { entry in
                    if case .string(let name) = entry.key { JSONValue.Member(name, json(entry.value, element)) } else { .init("", .null) }
                })
        case (.structure(let values), .structure(let fields)):
            .object(zip(fields, values).map { JSONValue.Member($0.name, json($1, $0.type)) })
        default: .null
        }
    }
}
