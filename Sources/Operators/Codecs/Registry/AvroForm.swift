// Columns into Avro, by the schema that the registry has for the topic: its fields need not be the columns in their order. What a schema
// asks for and the columns do not have is written as its default, or as null.

import Bytes
import JSONText
import Schemas
import Values

/// How a value of a column is written.
indirect enum AvroForm {
    case boolean, int, long, float, double, text
    /// Bytes of a given length.
    case fixed(Int)
    /// The places of the symbols.
    case symbol([[UInt8]: Int64])
    /// With the scale that is written, the digits that it may have, and the size where it is fixed.
    case decimal(scale: Int, precision: Int?, size: Int?)
    case list(AvroForm)
    case map(AvroForm)
    /// A list of records; each part is the key, the value, or bytes that are always the same.
    case entries([AvroPart])
    case record([AvroPart])
    /// The type beside null, with the branches of both.
    case nullable(AvroForm, branch: Int64, null: Int64)
}

/// A part of a record.
enum AvroPart {
    /// The column, or the field of the STRUCT, with that index; what is written for NULL where the schema has a default and no null.
    case column(Int, AvroForm, ofNull: [UInt8]?)
    /// What is written for a field that no column has.
    case constant([UInt8])
    /// A field that no column has, and that has no default.
    case missing(String)
}

/// Compiles the forms of a schema.
struct AvroFormCompiler {
    let schema: AvroSchema

    private func mismatch(_ type: SQLType, _ written: AvroType, _ path: String) -> SchemaError {
        SchemaError("\(path): \(type) cannot be written as \(written.branchName)")
    }

    func form(of type: SQLType, as written: AvroType, _ path: String) throws(SchemaError) -> AvroForm {
        let resolved = schema.resolved(written)
        switch (type, resolved) {
        case (_, .union(let types)): return try union(type, types, path)
        case (.boolean, .boolean): return .boolean
        case (.integer, .int), (.date, .date), (.time, .timeMillis): return .int
        case (.integer, .long), (.bigint, .long), (.timestamp, .timestampMillis): return .long
        case (.bigint, .int): return .int
        case (.double, .float): return .float
        case (.double, .double): return .double
        case (.string, .string), (.bytes, .bytes): return .text
        case (.bytes, .fixed(_, let size)): return .fixed(size)
        case (.string, .enumeration(_, let symbols)):
            return .symbol(Dictionary(symbols.enumerated().map { (Array($0.element.utf8), Int64($0.offset)) }, uniquingKeysWith: { $1 }))
        case (.decimal, .decimal(let precision, let scale, let size)): return .decimal(scale: scale, precision: precision, size: size)
        case (.array(let element), .array(let items)): return .list(try form(of: element, as: items, path + "[]"))
        case (.map(.string, let value), .map(let values)): return .map(try form(of: value, as: values, path + "{}"))
        case (.map(.string, let value), .array(let items)):
            guard case .record(let entry) = schema.resolved(items) else { throw mismatch(type, resolved, path) }
            return .entries(try parts(of: entry, [StructField("key", .string), StructField("value", value)], path))
        case (.structure(let fields), .record(let record)): return .record(try parts(of: record, fields, path))
        default: throw mismatch(type, resolved, path)
        }
    }

    /// A type that may be null or not. Of several types the first that can be written is.
    private func union(_ type: SQLType, _ types: [AvroType], _ path: String) throws(SchemaError) -> AvroForm {
        var failure: SchemaError?
        for (index, branch) in types.enumerated() where branch != .null {
            do throws(SchemaError) {
                let form = try form(of: type, as: branch, path)
                let null = types.firstIndex(of: .null)
                return .nullable(form, branch: Int64(index), null: null.map(Int64.init) ?? -1)
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? SchemaError("\(path): the schema has nothing but null")
    }

    /// The parts of a record in the order of the schema. Errors: a column that the schema does not have.
    func parts(of record: AvroRecord, _ columns: [StructField], _ path: String) throws(SchemaError) -> [AvroPart] {
        let match = FieldMatch(columns.map { avroFieldName($0.name) })
        var left = Set(columns.indices)
        var parts: [AvroPart] = []
        for field in record.fields {
            let place = path.isEmpty ? field.name : path + "." + field.name
            if let column = match.index(of: field.name), left.remove(column) != nil {
                let form = try form(of: columns[column].type, as: field.type, place)
                var ofNull: [UInt8]?
                if !form.takesNull, let value = field.defaultValue {
                    var bytes: [UInt8] = []
                    try append(value, as: field.type, place, to: &bytes)
                    ofNull = bytes
                }
                parts.append(.column(column, form, ofNull: ofNull))
            } else if let value = field.defaultValue {
                var bytes: [UInt8] = []
                try append(value, as: field.type, place, to: &bytes)
                parts.append(.constant(bytes))
            } else if case .union(let types) = schema.resolved(field.type), let null = types.firstIndex(of: .null) {
                var bytes: [UInt8] = []
                bytes.append(varint: Int64(null))
                parts.append(.constant(bytes))
            } else {
                parts.append(.missing(place))
            }
        }
        if let column = left.min() { throw SchemaError("the schema has no field for \(columns[column].name)") }
        return parts
    }

    /// Appends a default value; that of a union is one of its first type.
    private func append(_ value: JSONValue, as written: AvroType, _ path: String, to bytes: inout [UInt8]) throws(SchemaError) {
        func invalid() -> SchemaError { SchemaError("\(path): the default \(value.text) is none of its type") }
        switch (schema.resolved(written), value) {
        case (.union(let types), _):
            guard let first = types.first else { throw invalid() }
            bytes.append(varint: 0)
            try append(value, as: first, path, to: &bytes)
        case (.null, .null): break
        case (.boolean, .boolean(let flag)): bytes.append(flag ? 1 : 0)
        case (.int, .number), (.long, .number), (.date, .number), (.timeMillis, .number), (.timestampMillis, .number):
            guard let number = value.intValue else { throw invalid() }
            bytes.append(varint: Int64(number))
        case (.float, .number):
            let bits = Float(value.doubleValue ?? 0).bitPattern
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        case (.double, .number): RowWriter.putFixed((value.doubleValue ?? 0).bitPattern, to: &bytes)
        case (.string, .string(let text)):
            bytes.append(varint: Int64(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        case (.bytes, .string(let text)), (.decimal(_, _, nil), .string(let text)):
            // One byte a character.
            bytes.append(varint: Int64(text.unicodeScalars.count))
            bytes.append(contentsOf: text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        case (.fixed, .string(let text)), (.decimal, .string(let text)):
            bytes.append(contentsOf: text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        case (.enumeration(_, let symbols), .string(let text)):
            guard let index = symbols.firstIndex(of: text) else { throw invalid() }
            bytes.append(varint: Int64(index))
        case (.array(let items), .array(let elements)):
            if !elements.isEmpty { bytes.append(varint: Int64(elements.count)) }
            for element in elements { try append(element, as: items, path, to: &bytes) }
            bytes.append(0)
        case (.map(let values), .object(let members)):
            if !members.isEmpty { bytes.append(varint: Int64(members.count)) }
            for member in members {
                try append(.string(member.name), as: .string, path, to: &bytes)
                try append(member.value, as: values, path, to: &bytes)
            }
            bytes.append(0)
        case (.record(let record), .object):
            for field in record.fields {
                guard let own = value[field.name] ?? field.defaultValue else { throw invalid() }
                try append(own, as: field.type, path + "." + field.name, to: &bytes)
            }
        default: throw invalid()
        }
    }
}

extension AvroForm {
    /// Whether NULL can be written.
    var takesNull: Bool { if case .nullable(_, _, let null) = self { null >= 0 } else { false } }

    /// Writes a value; the reason why it cannot be written, or nil.
    func write(_ column: Column, _ row: Int, to sink: ByteSink) -> String? {
        if case .nullable(let form, let branch, let null) = self {
            if column.isNull(row) {
                guard null >= 0 else { return "a value is NULL that must not be" }
                AvroForm.put(null, sink)
                return nil
            }
            AvroForm.put(branch, sink)
            return form.writePresent(column, row, to: sink)
        }
        if column.isNull(row) { return "a value is NULL that must not be" }
        return writePresent(column, row, to: sink)
    }

    @inline(__always) private static func put(_ number: Int64, _ sink: ByteSink) {
        let place = unsafe sink.reserve(10)
        unsafe sink.commit(RowWriter.put(varint: zigzag(number), at: place))
    }

    private static func put(_ text: ArraySlice<UInt8>, _ sink: ByteSink) {
        put(Int64(text.count), sink)
        sink.append(text)
    }

    private func writePresent(_ column: Column, _ row: Int, to sink: ByteSink) -> String? {
        switch self {
        case .boolean: sink.append(column.words[row] != 0 ? 1 : 0)
        case .int:
            guard Int32(exactly: column.words[row]) != nil else { return "\(column.words[row]) is no int" }
            AvroForm.put(column.words[row], sink)
        case .long: AvroForm.put(column.words[row], sink)
        case .float:
            let place = unsafe sink.reserve(4)
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: Float(column.doubles[row]).bitPattern.littleEndian, as: UInt32.self)
            unsafe sink.commit(place + 4)
        case .double:
            let place = unsafe sink.reserve(8)
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: column.doubles[row].bitPattern.littleEndian, as: UInt64.self)
            unsafe sink.commit(place + 8)
        case .text: AvroForm.put(column.text(row), sink)
        case .fixed(let size):
            guard column.text(row).count == size else { return "\(column.text(row).count) bytes where the schema has \(size)" }
            sink.append(column.text(row))
        case .symbol(let places):
            guard let place = places[Array(column.text(row))] else {
                return "'\(String(decoding: column.text(row), as: UTF8.self))' is no symbol of the schema's enum"
            }
            AvroForm.put(place, sink)
        case .decimal(let scale, let precision, let size): return writeDecimal(column, row, scale, precision, size, sink)
        case .list(let form):
            return writeBlock(column.elements(row), sink) { form.write(column.children[0], $0, to: sink) }
        case .map(let form):
            return writeBlock(column.elements(row), sink) { element in
                if column.children[0].isNull(element) { return "a key is NULL" }
                AvroForm.put(column.children[0].text(element), sink)
                return form.write(column.children[1], element, to: sink)
            }
        case .entries(let parts):
            return writeBlock(column.elements(row), sink) { AvroForm.write(parts, column.children, $0, sink) }
        case .record(let parts): return AvroForm.write(parts, column.children, row, sink)
        case .nullable: return write(column, row, to: sink)
        }
        return nil
    }

    static func write(_ parts: [AvroPart], _ columns: [Column], _ row: Int, _ sink: ByteSink) -> String? {
        for part in parts {
            if let problem = write(part, columns, row, sink) { return problem }
        }
        return nil
    }

    static func write(_ part: AvroPart, _ columns: [Column], _ row: Int, _ sink: ByteSink) -> String? {
        switch part {
        case .column(let index, let form, let ofNull):
            if let ofNull, columns[index].isNull(row) {
                sink.append(ofNull)
                return nil
            }
            return form.write(columns[index], row, to: sink)
        case .constant(let bytes):
            sink.append(bytes)
            return nil
        case .missing(let name): return "the schema's field \(name) has no column and no default"
        }
    }

    private func writeBlock(_ elements: Range<Int>, _ sink: ByteSink, _ element: (Int) -> String?) -> String? {
        if !elements.isEmpty { AvroForm.put(Int64(elements.count), sink) }
        for place in elements {
            if let problem = element(place) { return problem }
        }
        sink.append(0)
        return nil
    }

    private func writeDecimal(_ column: Column, _ row: Int, _ scale: Int, _ precision: Int?, _ size: Int?, _ sink: ByteSink) -> String? {
        let own = column.type.asDecimal?.scale ?? 0
        guard let value = Decimal(unscaled: column.wides[row], scale: own).rescaled(to: scale, .exact),
            precision.map({ value.fits(precision: $0) }) ?? true
        else { return "a decimal does not fit the schema's" }
        let count = ByteSink.bigEndianCount(value.unscaled)
        if let size {
            guard count <= size else { return "a decimal does not fit the schema's \(size) bytes" }
            for _ in count..<size { sink.append(value.unscaled < 0 ? 0xFF : 0) }
        } else {
            AvroForm.put(Int64(count), sink)
        }
        sink.append(bigEndian: value.unscaled, count: count)
        return nil
    }
}
