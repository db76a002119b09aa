// Makes the codecs that formats name.

import Formats
import Schemas
import Values

/// Makes the codecs that formats name.
enum Codecs {
    /// Reads records of a format; `schemas` knows those that records of the registry's formats name.
    static func decoder(
        _ format: FormatSpec, _ columns: [ColumnDefinition], wanted: [Bool], schemas: (any SchemaLookup)? = nil
    ) throws(DataflowError) -> SideDecoder {
        switch format.name {
        case .json: return JSONSideDecoder(columns, wanted: wanted, format: format)
        case .kafka:
            guard columns.count <= 1 else { throw DataflowError("the KAFKA format carries a single column") }
            return KafkaSideDecoder(columns.map { Column($0.type) })
        case .none: return NoneSideDecoder(columns.map { Column($0.type) })
        case .delimited: return DelimitedSideDecoder(columns, wanted: wanted, format: format)
        case .jsonSR: return JSONSchemaSideDecoder(columns, wanted: wanted, format: format, lookup: schemas)
        case .avro: return AvroSideDecoder(columns, wanted: wanted, format: format, lookup: schemas)
        case .protobuf, .protobufNoSR:
            do throws(SchemaError) {
                return try ProtobufSideDecoder(reading: columns, wanted: wanted, format: format, lookup: schemas)
            } catch {
                throw DataflowError(error, format.name)
            }
        }
    }

    /// Writes records of a format. Formats of the registry must have their schema.
    static func encoder(_ format: FormatSpec, _ columns: ArraySlice<ColumnDefinition>) throws(DataflowError) -> SideEncoder {
        let indexes = columns.startIndex..<columns.endIndex
        switch format.name {
        case .json: return JSONSideEncoder(indexes, Array(columns), isUnwrapped: format.isUnwrapped)
        case .kafka: return KafkaSideEncoder(indexes)
        case .none: return SideEncoder(indexes)
        case .delimited: return DelimitedSideEncoder(indexes, delimiter: format.delimiter)
        case .jsonSR, .avro, .protobuf, .protobufNoSR:
            if columns.isEmpty { return SideEncoder(indexes) }
            do throws(SchemaError) { return try registryEncoder(format, indexes, Array(columns)) } catch {
                throw DataflowError(error, format.name)
            }
        }
    }

    private static func registryEncoder(
        _ format: FormatSpec, _ indexes: Range<Int>, _ columns: [ColumnDefinition]
    ) throws(SchemaError) -> SideEncoder {
        if format.name == .protobufNoSR { return try ProtobufSideEncoder(indexes, columns, nil, format) }
        guard let writer = format.writer else { throw SchemaError("no schema is registered for what is written") }
        switch format.name {
        case .avro: return try AvroSideEncoder(indexes, columns, writer, isUnwrapped: format.isUnwrapped)
        case .protobuf: return try ProtobufSideEncoder(indexes, columns, writer, format)
        default: return JSONSchemaSideEncoder(indexes, columns, writer, isUnwrapped: format.isUnwrapped)
        }
    }

    /// Writes the keys of state and of a query's own topics, which nobody else reads: in the registry's formats as JSON, so that they need
    /// no schema and equal keys have equal bytes.
    static func internalKeyEncoder(_ format: FormatSpec, _ columns: ArraySlice<ColumnDefinition>) throws(DataflowError) -> SideEncoder {
        switch format.name {
        case .jsonSR, .avro, .protobuf, .protobufNoSR:
            try encoder(FormatSpec(.json, isUnwrapped: columns.count == 1), columns)
        case .json, .kafka, .none, .delimited: try encoder(format, columns)
        }
    }
}
