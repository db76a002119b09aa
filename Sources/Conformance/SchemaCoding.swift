// Records of the registry's formats between their bytes and the JSON of cases: what a schema says a record has, whatever columns a source
// declares over it.

import Bytes
import Formats
import JSONText
import Operators
import Pipelines
import Plans
import Schemas
import Values

/// Writes and reads one side of records by its schema.
struct SchemaCoding {
    let registry: any SchemaRegistry
    let format: FormatSpec
    /// The columns that the source declares: PROTOBUF_NOSR has no other schema.
    let columns: [ColumnDefinition]

    /// What a schema says: columns named as its fields are, and the format in which they are written.
    private func layout(_ document: SchemaDocument, _ id: SchemaID, fullName: String?) throws(SchemaError) -> ([ColumnDefinition], FormatSpec) {
        let found = try InferredColumns(
            document, fullName: fullName, naming: .asWritten, whole: WholeColumn(name: "VALUE", takesRecords: false))
        var own = FormatSpec(format.name, isUnwrapped: found.isAnonymous)
        own.writer = WriterSchema(id: id, document: document, fullName: fullName)
        return (found.columns, own)
    }

    // MARK: Writing

    /// The bytes of an input by the latest schema of its subject. Errors: there is none, or the value is none of it.
    func bytes(of node: JSONValue, subject: String) throws(CaseFailure) -> [UInt8] {
        var (fields, own) = (columns, format)
        do {
            if format.name != .protobufNoSR {
                guard let latest = try registry.latest(of: subject) else { throw CaseFailure("\(subject) has no schema") }
                if format.name == .jsonSR {
                    var bytes: [UInt8] = [0]
                    bytes.append(int32: latest.id.number)
                    return bytes + node.bytes
                }
                (fields, own) = try layout(latest.document, latest.id, fullName: format.name == .protobuf ? format.schemaFullName : nil)
            }
            let values = own.isUnwrapped ? [try value(node, fields[0].type)] : try fields.map { try value(member($0.name, node), $0.type) }
            let encoder = try RowEncoder(SourceSchema(key: [], value: fields), keyFormat: FormatSpec(.none), valueFormat: own)
            if let problem = encoder.append(key: [], values: values, timestamp: 0) { throw CaseFailure(problem) }
            let records = encoder.take()
            return records.valueBytes(0) ?? []
        } catch let failure as CaseFailure {
            throw failure
        } catch {
            throw CaseFailure("\(subject): \(error)")
        }
    }

    /// The member of that name, whatever its case.
    private func member(_ name: String, _ node: JSONValue) -> JSONValue {
        node[name] ?? node.objectValue?.first { $0.name.uppercased() == name.uppercased() }?.value ?? .null
    }

    private func value(_ node: JSONValue, _ type: SQLType) throws(CaseFailure) -> Value {
        if node.isNull { return .null }
        func invalid() -> CaseFailure { CaseFailure("\(node.text) is no \(type)") }
        func integer() throws(CaseFailure) -> Int64 {
            if let number = node.numberText.flatMap({ Int64($0) }) { return number }
            guard let text = node.numberText ?? node.stringValue, let number = Double(text), let whole = Int64(exactly: number.rounded(.towardZero))
            else { throw invalid() }
            return whole
        }
        switch type {
        case .boolean:
            guard let flag = node.booleanValue else { throw invalid() }
            return .boolean(flag)
        case .integer: return .integer(Int32(truncatingIfNeeded: try integer()))
        case .bigint: return .bigint(try integer())
        case .timestamp: return .timestamp(try integer())
        case .date: return .date(Int32(truncatingIfNeeded: try integer()))
        case .time: return .time(Int32(truncatingIfNeeded: try integer()))
        case .double:
            guard let number = (node.numberText ?? node.stringValue).flatMap({ Double($0) }) else { throw invalid() }
            return .double(number)
        case .decimal(let precision, let scale):
            let text = node.stringValue ?? node.numberText ?? ""
            guard let number = Decimal(text: text.utf8)?.converted(precision: precision, scale: scale, .halfUp) else { throw invalid() }
            return .decimal(number)
        case .string: return .string(node.stringValue ?? node.text)
        case .bytes:
            guard let bytes = node.stringValue.flatMap({ decodedBase64($0) }) else { throw invalid() }
            return .bytes(bytes)
        case .array(let element):
            guard let elements = node.arrayValue else { throw invalid() }
            return .array(try elements.map { node throws(CaseFailure) in try value(node, element) })
        case .map(_, let element):
            guard let members = node.objectValue else { throw invalid() }
            return .map(try members.map { member throws(CaseFailure) in MapEntry(.string(member.name), try value(member.value, element)) })
        case .structure(let fields):
            guard node.objectValue != nil else { throw invalid() }
            return .structure(try fields.map { field throws(CaseFailure) in try value(member(field.name, node), field.type) })
        }
    }

    // MARK: Reading

    /// The value that the bytes of an output stand for. Errors: they cannot be read.
    func value(of bytes: [UInt8]) throws(CaseFailure) -> (value: Value, type: SQLType) {
        do {
            var (fields, own) = (columns, format)
            if format.name != .protobufNoSR {
                var reader = ByteReader(bytes)
                guard reader.uint8() == 0, let number = reader.int32() else { throw CaseFailure("the bytes have no header") }
                let id = SchemaID(number)
                guard let document = try registry.schema(id) else { throw CaseFailure("there is no schema \(id)") }
                let name = format.name == .protobuf ? try messageName(&reader, document) : nil
                (fields, own) = try layout(document, id, fullName: name)
            }
            let step = SourceStep(
                sourceName: "", topic: "", kind: .stream, keyFormat: FormatSpec(.none), valueFormat: own,
                schema: SourceSchema(key: [], value: fields), timestamp: nil, window: nil, needed: fields.map { _ in true }, store: nil)
            var record = OutgoingRecords()
            record.append(key: nil, value: bytes, timestamp: 0)
            let (rows, errors) = try RowDecoder(step, schemas: registry).decode(record.asRun)
            guard let row = rows.first else { throw CaseFailure(errors.first?.message ?? "it cannot be read") }
            if own.isUnwrapped { return (row.values[0], fields[0].type) }
            return (.structure(row.values), .structure(fields.map { StructField($0.name, $0.type) }))
        } catch let failure as CaseFailure {
            throw failure
        } catch {
            throw CaseFailure("\(error)")
        }
    }

    /// The full name of the message that the header names.
    private func messageName(_ reader: inout ByteReader, _ document: SchemaDocument) throws -> String {
        guard let count = reader.varint(), count >= 0, count <= 64 else { throw CaseFailure("the header names no message") }
        var path: [Int] = count == 0 ? [0] : []
        for _ in 0..<count {
            guard let index = reader.varint() else { throw CaseFailure("the header names no message") }
            path.append(Int(index))
        }
        guard let message = try ProtobufSchema(document).message(at: path) else { throw CaseFailure("the schema has no message \(path)") }
        return message.name
    }
}
