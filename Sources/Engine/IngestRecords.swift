// Loads whose records are bytes and not text: each line is a record in base64. Records in the registry's formats come as their
// serializers write them, with the header that names a schema; messages come bare, and are of the schema of the source's values.

import Bytes
import Catalog
import Formats
import Operators
import Quantities
import Schemas
import Sessions
import Values

extension IngestFormat {
    /// The format of the records behind base64; nil where lines are records themselves.
    var recordFormat: FormatName? {
        switch self {
        case .json, .csv, .line: nil
        case .avro: .avro
        case .protobuf, .message: .protobuf
        case .jsonSR: .jsonSR
        }
    }
}

/// Makes records of lines. One owner, one thread.
final class IngestRecords {
    /// Records of a piece of lines.
    struct Piece {
        var bytes: [UInt8] = []
        var records: [ByteRange] = []
        /// The numbers of their lines.
        var lines: [Int64] = []
        /// The lines that are no base64, by their places in the piece.
        var rejected: [Int] = []
    }

    /// How the records are written.
    let format: FormatSpec
    private let registry: any SchemaRegistry
    /// Goes before each record; empty where they have a header.
    private let header: [UInt8]
    /// Numbers of schemas that need not be asked for again.
    private var asked: Set<Int32> = []
    private var latest: Int32?

    /// More than that are asked for again, which costs only time.
    private static let mostAsked = 4_096
    /// The number that bare messages name their schema by on their way. A registry begins with 1.
    private static let ownID = SchemaID(0)

    /// Nil where lines are records themselves. Errors: the source has no schema for bare messages.
    init?(_ load: IngestFormat, into source: SourceDefinition, _ registry: any SchemaRegistry) throws(DataflowError) {
        guard let name = load.recordFormat else { return nil }
        self.registry = registry
        guard load == .message else {
            format = FormatSpec(name)
            header = []
            return
        }
        do throws(SchemaError) {
            let schema = try IngestRecords.messages(of: source)
            let message = try ProtobufSchema(schema.document).message(named: schema.fullName)
            var bytes: [UInt8] = [0]
            bytes.append(int32: IngestRecords.ownID.number)
            bytes.append(varint: Int64(message.path.count))
            for step in message.path { bytes.append(varint: Int64(step)) }
            header = bytes
            var format = FormatSpec(name)
            format.writer = schema
            self.format = format
        } catch {
            throw DataflowError("\(source.name) has no schema for messages: \(error.description)")
        }
    }

    /// The schema of the source's values; where those have another format, the one that they would have in Protocol Buffers, keys among them.
    private static func messages(of source: SourceDefinition) throws(SchemaError) -> WriterSchema {
        let format = source.valueFormat
        if let writer = format.writer, writer.document.kind == .protobuf {
            return WriterSchema(id: ownID, document: writer.document, fullName: writer.fullName)
        }
        let isProtobuf = format.name == .protobuf || format.name == .protobufNoSR
        let columns = isProtobuf ? source.schema.value : source.schema.key + source.schema.value
        let shape = isProtobuf ? format.shape : SchemaShape(fullName: nil, isUnwrapped: false, nulls: nil)
        return WriterSchema(id: ownID, document: try SchemaDocument(.protobuf, of: columns, shape))
    }

    /// The records of `lines`, which lie in `bytes`; they count from `firstLine`. A blank line is a message
    /// without fields, and else no record. Schemas that records name are asked for,
    /// which may take a while. Errors: the registry does not answer.
    func records(of bytes: [UInt8], _ lines: [ByteRange], firstLine: Int) throws(DataflowError) -> Piece {
        var piece = Piece()
        piece.bytes.reserveCapacity(bytes.count)
        for (index, line) in lines.enumerated() where line.length > 0 || !header.isEmpty {
            let start = piece.bytes.count
            piece.bytes.append(contentsOf: header)
            guard Base64.decode(bytes[line.indexes], into: &piece.bytes),
                let record = ByteRange(exactly: start, count: piece.bytes.count - start)
            else {
                piece.bytes.removeLast(piece.bytes.count - start)
                piece.rejected.append(index)
                continue
            }
            if header.isEmpty { try fetchSchema(ofRecord: record, in: piece.bytes) }
            piece.records.append(record)
            piece.lines.append(Int64(firstLine + index))
        }
        piece.bytes.append(contentsOf: repeatElement(0, count: RecordRun.padding))
        return piece
    }

    private func fetchSchema(ofRecord record: ByteRange, in bytes: [UInt8]) throws(DataflowError) {
        var header = ByteReader(bytes, record.indexes)
        guard header.uint8() == 0, let number = header.int32(), number != latest else { return }
        if !asked.contains(number) {
            // What nobody has registered yet may be there for a later record.
            do throws(RegistryError) { guard try registry.schema(SchemaID(number)) != nil else { return } } catch {
                throw DataflowError("the schema registry does not answer: \(error.message)")
            }
            if asked.count >= IngestRecords.mostAsked { asked = [] }
            asked.insert(number)
        }
        latest = number
    }
}
