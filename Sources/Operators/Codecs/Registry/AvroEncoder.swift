// Columns into Avro records, by the schema that the registry has for the topic.

import Bytes
import Formats
import Schemas
import Values

/// Avro, wrapped in a record or bare.
final class AvroSideEncoder: SteppedSideEncoder {
    private let parts: [AvroPart]

    /// Errors: the columns cannot be written by the schema.
    init(_ indexes: Range<Int>, _ definitions: [ColumnDefinition], _ writer: WriterSchema, isUnwrapped: Bool) throws(SchemaError) {
        let parts = try Self.parts(definitions, writer.document, isUnwrapped: isUnwrapped)
        self.parts = parts
        super.init(
            indexes, header: RegistrySideEncoder.header(writer.id), isUnwrapped: isUnwrapped, isFlat: false,
            parts.enumerated().map { Self.step($0.element, $0.offset, definitions) })
    }

    private static func parts(
        _ definitions: [ColumnDefinition], _ document: SchemaDocument, isUnwrapped: Bool
    ) throws(SchemaError) -> [AvroPart] {
        let schema = try AvroSchema(document)
        let compiler = AvroFormCompiler(schema: schema)
        if isUnwrapped, definitions.count == 1 {
            return [.column(0, try compiler.form(of: definitions[0].type, as: schema.root, definitions[0].name), ofNull: nil)]
        }
        let root = schema.resolved(schema.root)
        guard case .record(let record) = root else {
            throw SchemaError("its schema is no record but \(root.branchName)")
        }
        return try compiler.parts(of: record, definitions.map { StructField($0.name, $0.type) }, "")
    }

    private static func step(_ part: AvroPart, _ index: Int, _ definitions: [ColumnDefinition]) -> BinaryWriteStep {
        let general = BinaryWriteStep(kind: .general, column: 0, part: index)
        guard case .column(let column, var form, nil) = part else { return general }
        var step = BinaryWriteStep(kind: .general, column: column, part: index)
        if case .nullable(let inner, let branch, let null) = form {
            // A branch in one byte.
            guard branch < 64, null >= 0, null < 64 else { return general }
            form = inner
            step.putPrefix([UInt8(truncatingIfNeeded: branch << 1)])
            step.null = .byte(UInt8(truncatingIfNeeded: null << 1))
        }
        switch form {
        case .boolean: step.kind = .boolean
        case .int: step.kind = .int
        case .long: step.kind = .zigzag
        case .float: step.kind = .float
        case .double: step.kind = .double
        case .text: (step.kind, step.lengthShift) = (.text, 1)
        case .decimal(let scale, let precision, nil):
            // Where every value fits as it is.
            guard case .decimal(let ownPrecision, scale) = definitions[column].type, ownPrecision <= precision ?? .max else { return general }
            step.kind = .decimal
        default: return general
        }
        return step
    }

    override var obstacle: String? {
        for case .missing(let name) in parts { return "Unable to serialize record: the schema's field \(name) has no column and no default" }
        return nil
    }

    override func write(_ row: Int, to sink: ByteSink) -> String? { AvroForm.write(parts, columns, row, sink) }

    override func write(part: Int, _ row: Int, to sink: ByteSink) -> String? { AvroForm.write(parts[part], columns, row, sink) }
}
