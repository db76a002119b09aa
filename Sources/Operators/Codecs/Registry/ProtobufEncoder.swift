// Columns into Protocol Buffers, by a message of the schema that the registry has for the topic. Fields that no column has are left out.

import Bytes
import Formats
import Quantities
import Schemas
import Values

/// How a value of a column is written.
indirect enum ProtobufForm {
    case varint, signed, fixed32, fixed64, float, double, text
    /// The numbers of the names.
    case symbol([[UInt8]: Int32])
    case timestamp, date, time, decimal
    case wrapped(ProtobufForm)
    case message([ProtobufPart])
    /// A list in a message of its own.
    case alone(ProtobufPart)

    /// The wire type in which it is written.
    var wireType: UInt64 {
        switch self {
        case .varint, .signed, .symbol: 0
        case .fixed64, .double: 1
        case .fixed32, .float: 5
        case .text, .timestamp, .date, .time, .decimal, .wrapped, .message, .alone: 2
        }
    }
}

/// A field of a message and the column that fills it.
struct ProtobufPart {
    enum Shape {
        /// Zeros are not written.
        case plain
        /// Zeros are written, NULLs are not.
        case optional
        case repeated
        /// Repeated numbers one after the other.
        case packed
        /// Entries of a key and a value.
        case map(key: ProtobufForm)
        /// The STRUCT stands for a oneof: its field with that index.
        case choice(Int)
    }

    var number: UInt64
    var form: ProtobufForm
    var shape: Shape
    var column: Int
    var name: String
}

/// Compiles the forms of a schema.
struct ProtobufFormCompiler {
    let schema: ProtobufSchema

    /// The fields of a message in the order of their numbers. Errors: a column that the message does not have, or has as another type.
    func parts(of message: ProtobufMessage, _ columns: [StructField], _ path: String) throws(SchemaError) -> [ProtobufPart] {
        let match = FieldMatch(columns.map { protobufFieldName($0.name) })
        var left = Set(columns.indices)
        var parts: [ProtobufPart] = []
        for (index, name) in message.oneofs.enumerated() {
            guard let column = match.index(of: oneofFieldName(name, index)), case .structure(let fields) = columns[column].type else { continue }
            left.remove(column)
            let choices = FieldMatch(fields.map(\.name))
            for field in message.fields where field.oneof == index {
                guard let choice = choices.index(of: field.name) else { continue }
                parts.append(
                    ProtobufPart(
                        number: UInt64(field.number), form: try form(of: fields[choice].type, as: field.type, path + field.name),
                        shape: .choice(choice), column: column, name: field.name))
            }
        }
        for field in message.fields {
            guard let column = match.index(of: field.name), left.remove(column) != nil else { continue }
            parts.append(try part(field, column, columns[column].type, path))
        }
        if let column = left.min() { throw SchemaError("\(message.name) has no field for \(columns[column].name)") }
        return parts.sorted { $0.number < $1.number }
    }

    private func part(_ field: ProtobufField, _ column: Int, _ type: SQLType, _ path: String) throws(SchemaError) -> ProtobufPart {
        let place = path + field.name
        var result = ProtobufPart(number: UInt64(field.number), form: .text, shape: .plain, column: column, name: place)
        switch (field.type, field.label, type) {
        case (.map(let key, let value), _, .map(.string, let own)):
            result.shape = .map(key: try form(of: .string, as: key, place))
            result.form = try form(of: own, as: value, place)
        case (_, .repeated, .array(let element)):
            result.form = try form(of: element, as: field.type, place)
            result.shape = field.isPacked && field.type.isNumber ? .packed : .repeated
        case (.map, _, _), (_, .repeated, _): throw SchemaError("\(place): \(type) cannot be written as a repeated field")
        default:
            result.form = try form(of: type, as: field.type, place)
            if field.label != .plain || !field.type.isScalar { result.shape = .optional }
        }
        return result
    }

    private func form(of type: SQLType, as written: ProtobufType, _ path: String) throws(SchemaError) -> ProtobufForm {
        switch (type, written) {
        case (.boolean, .bool), (.integer, .int32), (.integer, .int64), (.integer, .uint32), (.integer, .uint64), (.bigint, .int32),
            (.bigint, .int64), (.bigint, .uint32), (.bigint, .uint64):
            return .varint
        case (.integer, .sint32), (.integer, .sint64), (.bigint, .sint32), (.bigint, .sint64): return .signed
        case (.integer, .fixed32), (.integer, .sfixed32), (.bigint, .fixed32), (.bigint, .sfixed32): return .fixed32
        case (.integer, .fixed64), (.integer, .sfixed64), (.bigint, .fixed64), (.bigint, .sfixed64): return .fixed64
        case (.double, .float): return .float
        case (.double, .double): return .double
        case (.string, .string), (.bytes, .bytes): return .text
        case (.string, .enumeration(let name)):
            let values = schema.enumerations[name]?.values ?? []
            return .symbol(Dictionary(values.map { (Array($0.name.utf8), $0.number) }, uniquingKeysWith: { first, _ in first }))
        case (_, .message(let name)): return try message(name, type, path)
        default: throw SchemaError("\(path): \(type) cannot be written so")
        }
    }

    private func message(_ name: String, _ type: SQLType, _ path: String) throws(SchemaError) -> ProtobufForm {
        switch (ProtobufWellKnown(name), type) {
        case (.timestamp?, .timestamp): return .timestamp
        case (.date?, .date): return .date
        case (.time?, .time): return .time
        case (.decimal?, .decimal): return .decimal
        case (.wrapper(let scalar)?, _): return .wrapped(try form(of: type, as: scalar, path))
        default: break
        }
        guard let message = schema.messages[name] else { throw SchemaError("\(path): \(name) is not declared") }
        if case .structure(let fields) = type { return .message(try parts(of: message, fields, path + ".")) }
        guard type.isNested, message.fields.count == 1, message.fields[0].label == .repeated else {
            throw SchemaError("\(path): \(type) cannot be written as \(name)")
        }
        return .alone(try part(message.fields[0], 0, type, path + "."))
    }
}

extension ProtobufType {
    /// Whether it is no message.
    fileprivate var isScalar: Bool { if case .message = self { false } else { true } }
}

/// PROTOBUF with the registry's header, and PROTOBUF_NOSR without one.
final class ProtobufSideEncoder: SteppedSideEncoder {
    private let parts: [ProtobufPart]

    /// Errors: the columns cannot be written as the schema's message. Without `writer` the schema is made of the columns.
    init(_ indexes: Range<Int>, _ definitions: [ColumnDefinition], _ writer: WriterSchema?, _ format: FormatSpec) throws(SchemaError) {
        let document: SchemaDocument
        if let writer { document = writer.document } else { document = try SchemaDocument(.protobuf, of: definitions, format.shape) }
        let schema = try ProtobufSchema(document)
        let message = try schema.message(named: writer?.fullName)
        var fields = definitions.map { StructField($0.name, $0.type) }
        var isFlat = false
        if format.isUnwrapped, definitions.count == 1, case .structure(let inner) = definitions[0].type {
            (isFlat, fields) = (true, inner)
        }
        let parts = try ProtobufFormCompiler(schema: schema).parts(of: message, fields, "")
        self.parts = parts
        super.init(
            indexes, header: writer.map { ProtobufSideEncoder.header($0.id, message.path) } ?? [], isUnwrapped: format.isUnwrapped,
            isFlat: isFlat, parts.enumerated().map { $0.element.step($0.offset, fields) })
    }

    /// The path to the message stands behind the number; that of the first one is a single zero.
    private static func header(_ id: SchemaID, _ path: [Int]) -> [UInt8] {
        var header = RegistrySideEncoder.header(id)
        if path == [0] {
            header.append(0)
        } else {
            header.append(varint: Int64(path.count))
            for index in path { header.append(varint: Int64(index)) }
        }
        return header
    }

    override func write(_ row: Int, to sink: ByteSink) -> String? { ProtobufPart.write(parts, fieldColumns, row, to: sink) }

    override func write(part: Int, _ row: Int, to sink: ByteSink) -> String? {
        parts[part].write(fieldColumns[parts[part].column], row, to: sink)
    }
}

extension ProtobufPart {
    /// How the loop over a row's fields writes it.
    fileprivate func step(_ index: Int, _ columns: [StructField]) -> BinaryWriteStep {
        var step = BinaryWriteStep(kind: .general, column: column, part: index)
        switch (shape, form) {
        case (.plain, .decimal): break
        case (.plain, _): step.leavesZero = true
        case (.optional, _): break
        default: return step
        }
        switch form {
        case .varint: step.kind = .varint
        case .signed: step.kind = .zigzag
        case .fixed32: step.kind = .fixed32
        case .fixed64: step.kind = .fixed64
        case .float: step.kind = .float
        case .double: step.kind = .double
        case .text: step.kind = .text
        case .decimal:
            guard case .decimal(let precision, let scale) = columns[column].type else { return step }
            // Both have less than seven bits. A scale of zero is not written.
            step.suffix = 2 << 3 | UInt64(precision) << 8 | (scale == 0 ? 0 : 3 << 19 | UInt64(scale) << 24)
            (step.kind, step.suffixCount) = (.decimalMessage, scale == 0 ? 2 : 4)
        default: return step
        }
        var tag: [UInt8] = []
        tag.append(unsignedVarint: number << 3 | form.wireType)
        step.putPrefix(tag)
        step.null = .left
        return step
    }
}

extension ProtobufPart {
    static func write(_ parts: [ProtobufPart], _ columns: [Column], _ row: Int, to sink: ByteSink) -> String? {
        for part in parts {
            if let problem = part.write(columns[part.column], row, to: sink) { return problem }
        }
        return nil
    }

    private func putTag(_ wireType: UInt64, _ sink: ByteSink) { sink.append(varint: number << 3 | wireType) }

    fileprivate func write(_ column: Column, _ row: Int, to sink: ByteSink) -> String? {
        if column.isNull(row) { return nil }
        switch shape {
        case .plain:
            if form.isZero(column, row) { return nil }
            putTag(form.wireType, sink)
            return form.write(column, row, to: sink)
        case .optional:
            putTag(form.wireType, sink)
            return form.write(column, row, to: sink)
        case .choice(let index):
            if column.children[index].isNull(row) { return nil }
            putTag(form.wireType, sink)
            return form.write(column.children[index], row, to: sink)
        case .repeated:
            for element in column.elements(row) {
                if column.children[0].isNull(element) { return "\(name): an element is NULL, which Protocol Buffers cannot write" }
                putTag(form.wireType, sink)
                if let problem = form.write(column.children[0], element, to: sink) { return problem }
            }
        case .packed:
            let elements = column.elements(row)
            if elements.isEmpty { return nil }
            putTag(2, sink)
            let start = sink.beginLength()
            for element in elements {
                if column.children[0].isNull(element) { return "\(name): an element is NULL, which Protocol Buffers cannot write" }
                if let problem = form.write(column.children[0], element, to: sink) { return problem }
            }
            sink.endLength(start)
        case .map(let key): return writeEntries(key, column, row, to: sink)
        }
        return nil
    }

    private func writeEntries(_ key: ProtobufForm, _ column: Column, _ row: Int, to sink: ByteSink) -> String? {
        for element in column.elements(row) {
            putTag(2, sink)
            let start = sink.beginLength()
            // What is NULL is left out, and reads as zero.
            for (number, form, child) in [(UInt64(1), key, column.children[0]), (2, form, column.children[1])] where !child.isNull(element) {
                sink.append(varint: number << 3 | form.wireType)
                if let problem = form.write(child, element, to: sink) { return problem }
            }
            sink.endLength(start)
        }
        return nil
    }
}

extension ProtobufForm {
    fileprivate func isZero(_ column: Column, _ row: Int) -> Bool {
        switch self {
        case .varint, .signed, .fixed32, .fixed64: column.words[row] == 0
        case .float, .double: column.doubles[row].bitPattern == 0
        case .text: column.ranges[row].length == 0
        case .symbol(let numbers): numbers[Array(column.text(row))] == 0
        case .timestamp, .date, .time, .decimal, .wrapped, .message, .alone: false
        }
    }

    /// Writes a value that is not NULL, without its tag.
    fileprivate func write(_ column: Column, _ row: Int, to sink: ByteSink) -> String? {
        switch self {
        case .varint: sink.append(varint: UInt64(bitPattern: column.words[row]))
        case .signed: sink.append(varint: zigzag(column.words[row]))
        case .fixed32: sink.append(littleEndian: UInt64(bitPattern: column.words[row]), count: 4)
        case .fixed64: sink.append(littleEndian: UInt64(bitPattern: column.words[row]), count: 8)
        case .float: sink.append(littleEndian: UInt64(Float(column.doubles[row]).bitPattern), count: 4)
        case .double: sink.append(littleEndian: column.doubles[row].bitPattern, count: 8)
        case .text:
            sink.append(varint: UInt64(column.text(row).count))
            sink.append(column.text(row))
        case .symbol(let numbers):
            guard let number = numbers[Array(column.text(row))] else {
                return "'\(String(decoding: column.text(row), as: UTF8.self))' is no name of the schema's enum"
            }
            sink.append(varint: UInt64(bitPattern: Int64(number)))
        case .timestamp, .date, .time, .decimal, .wrapped, .message, .alone:
            let start = sink.beginLength()
            if let problem = writeContent(column, row, to: sink) { return problem }
            sink.endLength(start)
        }
        return nil
    }

    private func writeContent(_ column: Column, _ row: Int, to sink: ByteSink) -> String? {
        switch self {
        case .timestamp:
            let (seconds, rest) = floorDivide(column.words[row], 1000)
            ProtobufForm.put(1, seconds, sink)
            ProtobufForm.put(2, rest.multipliedSaturated(by: 1_000_000), sink)
        case .date:
            let date = CivilDate(daysSinceEpoch: column.words[row])
            guard (1...9999).contains(date.year) else { return "Protocol Buffers write dates of the years 1 to 9999, not of \(date.year)" }
            ProtobufForm.put(1, date.year, sink)
            ProtobufForm.put(2, date.month, sink)
            ProtobufForm.put(3, date.day, sink)
        case .time:
            let (seconds, rest) = floorDivide(column.words[row], 1000)
            ProtobufForm.put(1, seconds / 3600, sink)
            ProtobufForm.put(2, seconds / 60 % 60, sink)
            ProtobufForm.put(3, seconds % 60, sink)
            ProtobufForm.put(4, rest.multipliedSaturated(by: 1_000_000), sink)
        case .decimal:
            guard case .decimal(let precision, let scale) = column.type else { return "no decimal" }
            let value = column.wides[row]
            let count = ByteSink.bigEndianCount(value)
            sink.append(varint: 1 << 3 | 2)
            sink.append(varint: UInt64(count))
            sink.append(bigEndian: value, count: count)
            ProtobufForm.put(2, Int64(precision), sink)
            ProtobufForm.put(3, Int64(scale), sink)
        case .wrapped(let form):
            if form.isZero(column, row) { return nil }
            sink.append(varint: 1 << 3 | form.wireType)
            return form.write(column, row, to: sink)
        case .message(let parts): return ProtobufPart.write(parts, column.children, row, to: sink)
        case .alone(let part): return part.write(column, row, to: sink)
        default: return "no message"
        }
        return nil
    }

    /// A whole number as a field of a message; zero is left out.
    private static func put(_ field: UInt64, _ value: Int64, _ sink: ByteSink) {
        if value == 0 { return }
        sink.append(varint: field << 3)
        sink.append(varint: UInt64(bitPattern: value))
    }
}
