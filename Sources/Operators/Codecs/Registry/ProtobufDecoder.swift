// Protocol Buffers into columns: the hot path. Fields are known by their numbers; numbers and texts go to the cells of their columns, all else is
// read into its column by the general reader.

import Bytes
import Formats
import Schemas
import Values

/// What a schema comes to for some columns: a plan for each of its messages that records have been of.
final class ProtobufPlan {
    private let schema: ProtobufSchema
    private let columns: [StructField]
    private var plans: [[Int]: ProtobufMessagePlan] = [:]
    /// That of the first message, which nearly all records are of.
    let first: ProtobufMessagePlan?

    init(_ schema: ProtobufSchema, _ columns: [StructField]) {
        self.schema = schema
        self.columns = columns
        first = schema.message(at: [0]).map { ProtobufCompiler(schema).plan($0, columns, "") }
    }

    /// The plan of the message at a path of the header; nil where there is none.
    func message(at path: [Int]) -> ProtobufMessagePlan? {
        if let known = plans[path] { return known }
        guard let message = schema.message(at: path) else { return nil }
        let plan = ProtobufCompiler(schema).plan(message, columns, "")
        plans[path] = plan
        return plan
    }
}

/// PROTOBUF with the registry's header, and PROTOBUF_NOSR without one.
final class ProtobufSideDecoder: RegistrySideDecoder<ProtobufPlan> {
    private let wanted: [Bool]
    private let fields: [StructField]
    /// The single column is a STRUCT, whose fields are those of the message.
    private let isFlat: Bool
    /// Where values of columns that are not wanted are read to and left.
    private let scratch: [Column]
    /// Of PROTOBUF_NOSR: the plan of all records.
    private let only: ProtobufMessagePlan?

    /// Errors: the columns have names that the language does not have.
    init(
        reading definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec, lookup: (any SchemaLookup)?
    ) throws(SchemaError) {
        self.wanted = wanted
        scratch = definitions.map { Column($0.type) }
        if format.isUnwrapped, definitions.count == 1, case .structure(let inner) = definitions[0].type {
            isFlat = true
            fields = inner
        } else {
            isFlat = false
            fields = definitions.map { StructField($0.name, $0.type) }
        }
        if format.name == .protobufNoSR {
            let schema = try ProtobufSchema(SchemaDocument(.protobuf, of: definitions, format.shape))
            only = ProtobufPlan(schema, fields).first
        } else {
            only = nil
        }
        super.init(definitions, wanted: wanted, format: format, lookup: lookup)
    }

    override func compile(_ document: SchemaDocument) throws(SchemaError) -> ProtobufPlan {
        ProtobufPlan(try ProtobufSchema(document), fields)
    }

    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        guard let only else { return unsafe super.decode(base, range, row) }
        var cursor = unsafe BinaryCursor(base, start: Int(range.start), end: Int(range.start) + Int(range.length))
        if unsafe readMessage(only, &cursor, row) { return nil }
        return DecodeProblem(column: nil, message: cursor.problem ?? "malformed PROTOBUF")
    }

    override func read(_ plan: ProtobufPlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        guard let count = cursor.zigzag() else { return false }
        if count == 0, let first = plan.first { return unsafe readMessage(first, &cursor, row) }
        guard (0...Int64(SchemaLimits.depth)).contains(count) else { return cursor.fail("the path of a message has \(count) steps") }
        var path: [Int] = count == 0 ? [0] : []
        for _ in 0..<count {
            guard let index = cursor.zigzag() else { return false }
            path.append(Int(index))
        }
        guard let message = plan.message(at: path) else { return cursor.fail("the schema has no message at \(path)") }
        return unsafe readMessage(message, &cursor, row)
    }

    @inline(__always) @unsafe private func readMessage(_ plan: ProtobufMessagePlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        if isFlat { return readWhole(plan, &cursor, row) }
        for index in columns.indices where wanted[index] { setAbsent(plan.absences[index], index, row) }
        while !cursor.isAtEnd {
            guard let (number, wireType) = ProtobufReader.tag(&cursor) else { return false }
            guard let field = plan.field(number) else {
                guard ProtobufReader.skip(&cursor, wireType, number) else { return false }
                continue
            }
            let usesCell = unsafe cells.fields[field.column].usesCells
            let isRead =
                usesCell && wireType == field.action.wireType && field.choice == nil && !field.isRepeated
                ? readCell(field, &cursor, row) : readGeneral(field, wireType, number, &cursor, row)
            guard isRead else { return false }
        }
        return true
    }

    /// A record that is one STRUCT.
    private func readWhole(_ plan: ProtobufMessagePlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        if wanted[0] { return ProtobufReader.readFields(plan, &cursor, columns[0].children, row) }
        scratch[0].reset(1)
        return ProtobufReader.readFields(plan, &cursor, scratch[0].children, 0)
    }

    @inline(__always) private func setAbsent(_ absence: ProtobufAbsence, _ index: Int, _ row: Int) {
        guard unsafe cells.fields[index].usesCells else { return ProtobufReader.setAbsent(absence, columns[index], row) }
        switch absence {
        case .null: cells.setNull(index, row)
        // A text of no bytes, the number 0 and false are the same word.
        case .zero: if unsafe cells.fields[index].ownsTexts { cells.setText(index, row, start: 0, length: 0) } else { cells.setWord(index, row, 0) }
        case .text(let text): cells.setOwnText(index, row, text)
        }
    }

    @inline(__always) private func readCell(_ field: ProtobufFieldPlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        let index = field.column
        let isWanted = unsafe cells.fields[index].isWanted
        switch field.action {
        case .varint32, .varint64, .unsigned32, .zigzag32, .zigzag64, .fixed32, .fixedUnsigned32, .fixed64, .boolean:
            guard let value = ProtobufReader.word(field.action, &cursor) else { return false }
            if isWanted { cells.setWord(index, row, UInt64(bitPattern: value)) }
            return true
        case .float, .double:
            guard let value = ProtobufReader.double(field.action, &cursor) else { return false }
            if isWanted { cells.setWord(index, row, value.bitPattern) }
            return true
        case .text, .bytes:
            guard let length = ProtobufReader.length(&cursor), let start = cursor.take(Int64(length)) else { return false }
            if case .text = field.action, !cursor.isText(start, length) { return false }
            if isWanted { cells.setText(index, row, start: start, length: length) }
            return true
        default: return readThroughColumn(field, &cursor, row)
        }
    }

    /// Names of enumerations, times and wrappers: read into a column of one row, and from there into the cell.
    @inline(never) private func readThroughColumn(_ field: ProtobufFieldPlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        let index = field.column
        let column = scratch[index]
        column.reset(1)
        guard ProtobufReader.read(field.action, &cursor, into: column, 0) else { return false }
        guard wanted[index] else { return true }
        switch column.lane {
        case .word: cells.setWord(index, row, UInt64(bitPattern: column.words[0]))
        case .double: cells.setWord(index, row, column.doubles[0].bitPattern)
        default: cells.setOwnText(index, row, column.text(0))
        }
        return true
    }

    @inline(never) private func readGeneral(
        _ field: ProtobufFieldPlan, _ wireType: UInt64, _ number: UInt64, _ cursor: inout BinaryCursor, _ row: Int
    ) -> Bool {
        let index = field.column
        if case .mismatch(let message) = field.action { return cursor.fail(message) }
        if unsafe cells.fields[index].usesCells { return ProtobufReader.skip(&cursor, wireType, number) }
        guard !wanted[index] else {
            return ProtobufReader.readField(field, wireType, number, &cursor, columns[index], row)
        }
        scratch[index].reset(1)
        return ProtobufReader.readField(field, wireType, number, &cursor, scratch[index], 0)
    }
}
