// Protocol Buffers into columns: the hot path. Fields are known by their numbers; numbers and texts go to the cells of their columns, all else is
// read into its column by the general reader.

import Bytes
import Formats
import Schemas
import Values

/// What a schema comes to for some columns: a plan for each of its messages that records have been of.
final class ProtobufPlan {
    private let schema: ProtobufSchema
    private let make: (ProtobufMessage) -> ProtobufRecordPlan
    private var plans: [[Int]: ProtobufRecordPlan] = [:]
    /// That of the first message, which nearly all records are of.
    let first: ProtobufRecordPlan?

    init(_ schema: ProtobufSchema, _ columns: [StructField], wanted: [Bool], usesCells: [Bool]) {
        self.schema = schema
        let compiler = ProtobufCompiler(schema)
        make = { ProtobufRecordPlan(compiler.plan($0, columns, ""), wanted: wanted, usesCells: usesCells) }
        first = schema.message(at: [0]).map(make)
    }

    /// The plan of the message at a path of the header; nil where there is none.
    func message(at path: [Int]) -> ProtobufRecordPlan? {
        if let known = plans[path] { return known }
        guard let message = schema.message(at: path) else { return nil }
        let plan = make(message)
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
    private let only: ProtobufRecordPlan?
    /// For each field whether its values are cells, and whether those are wanted.
    private let usesCells: [Bool]
    private let wantedFields: [Bool]

    /// Errors: the columns have names that the language does not have.
    init(
        reading definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec, lookup: (any SchemaLookup)?
    ) throws(SchemaError) {
        self.wanted = wanted
        scratch = definitions.map { Column($0.type) }
        let usesCells: [Bool]
        if format.isUnwrapped, definitions.count == 1, case .structure(let inner) = definitions[0].type {
            isFlat = true
            fields = inner
            usesCells = inner.map { _ in false }
        } else {
            isFlat = false
            fields = definitions.map { StructField($0.name, $0.type) }
            usesCells = scratch.map(ColumnCells.holds)
        }
        self.usesCells = usesCells
        // The fields of a single STRUCT are no columns: none of them is read by steps.
        wantedFields = isFlat ? usesCells : wanted
        if format.name == .protobufNoSR {
            let schema = try ProtobufSchema(SchemaDocument(.protobuf, of: definitions, format.shape))
            only = ProtobufPlan(schema, fields, wanted: wantedFields, usesCells: usesCells).first
        } else {
            only = nil
        }
        super.init(definitions, wanted: wanted, format: format, lookup: lookup)
    }

    override func compile(_ document: SchemaDocument) throws(SchemaError) -> ProtobufPlan {
        ProtobufPlan(try ProtobufSchema(document), fields, wanted: wantedFields, usesCells: usesCells)
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

    @inline(__always) @unsafe private func readMessage(_ plan: ProtobufRecordPlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        if isFlat { return readWhole(plan.message, &cursor, row) }
        for index in plan.filledFirst { setAbsent(plan.message.absences[index], index, row) }
        let cells = cells
        var missing = plan.filledLast
        while !cursor.isAtEnd {
            let step = unsafe plan.steps[Int(cursor.base[cursor.at])]
            if step.kind == .other {
                guard readOther(plan.message, &cursor, row, &missing) else { return false }
                continue
            }
            cursor.at &+= 1
            let column = Int(step.column)
            missing &= ~(1 &<< UInt64(truncatingIfNeeded: column))
            if step.kind == .text || step.kind == .bytes {
                guard let length = ProtobufReader.length(&cursor), let start = cursor.take(Int64(length)) else { return false }
                if step.kind == .text, !cursor.isText(start, length) { return false }
                if step.isWanted { cells.setText(column, row, start: start, length: length) }
            } else {
                guard let word = ProtobufReader.word(step.kind, &cursor) else { return false }
                if step.isWanted { cells.setWord(column, row, word) }
            }
        }
        while missing != 0 {
            let index = missing.trailingZeroBitCount
            setAbsent(plan.message.absences[index], index, row)
            missing &= missing &- 1
        }
        return true
    }

    /// A field for whose tag there is no step.
    @inline(never) private func readOther(
        _ plan: ProtobufMessagePlan, _ cursor: inout BinaryCursor, _ row: Int, _ missing: inout UInt64
    ) -> Bool {
        guard let (number, wireType) = ProtobufReader.tag(&cursor) else { return false }
        guard let field = plan.field(number) else { return ProtobufReader.skip(&cursor, wireType, number) }
        let usesCell = usesCells[field.column]
        guard usesCell, wireType == field.action.wireType, field.choice == nil, !field.isRepeated else {
            return readGeneral(field, wireType, number, &cursor, row)
        }
        if field.column < UInt64.bitWidth { missing &= ~(1 << UInt64(field.column)) }
        return readCell(field, &cursor, row)
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

    private func readCell(_ field: ProtobufFieldPlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        let index = field.column
        let kind = ProtobufStep.Kind(field.action)
        switch kind {
        case .other: return readThroughColumn(field, &cursor, row)
        case .text, .bytes:
            guard let length = ProtobufReader.length(&cursor), let start = cursor.take(Int64(length)) else { return false }
            if kind == .text, !cursor.isText(start, length) { return false }
            if wanted[index] { cells.setText(index, row, start: start, length: length) }
        default:
            guard let value = ProtobufReader.word(kind, &cursor) else { return false }
            if wanted[index] { cells.setWord(index, row, value) }
        }
        return true
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
