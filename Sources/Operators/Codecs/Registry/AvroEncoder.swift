// Columns into Avro records: the hot path. What stands at the top of a record and is no list, map or record is written in one loop over the row's
// fields; everything else by its form.

import Bytes
import Formats
import Schemas
import Values

/// One field of the root.
private struct AvroWriteStep {
    enum Kind: UInt8 {
        case boolean, int, long, double, text
        /// Written by its part.
        case general
    }

    var kind: Kind
    /// The column, or -1.
    var column: Int
    /// The branches of the value and of null as they are written, -1 for a field that is no union.
    var branch: Int8 = -1
    var null: Int8 = -1
    var part: Int
}

/// Avro, wrapped in a record or bare.
@safe final class AvroSideEncoder: RegistrySideEncoder {
    private let parts: [AvroPart]
    private let steps: [AvroWriteStep]
    /// Bytes of a row beside its texts and what its forms write.
    private let fixedBound: Int

    /// Errors: the columns cannot be written by the schema.
    init(_ indexes: Range<Int>, _ definitions: [ColumnDefinition], _ writer: WriterSchema, isUnwrapped: Bool) throws(SchemaError) {
        let schema = try AvroSchema(writer.document)
        let compiler = AvroFormCompiler(schema: schema)
        if isUnwrapped, definitions.count == 1 {
            parts = [.column(0, try compiler.form(of: definitions[0].type, as: schema.root, definitions[0].name), ofNull: nil)]
        } else {
            let root = schema.resolved(schema.root)
            guard case .record(let record) = root else {
                throw SchemaError("its schema is no record but \(root.branchName)")
            }
            parts = try compiler.parts(of: record, definitions.map { StructField($0.name, $0.type) }, "")
        }
        steps = parts.enumerated().map { AvroSideEncoder.step($0.element, $0.offset) }
        // A varint, a branch and the length of a text.
        fixedBound = 16 + parts.count * 24
        super.init(indexes, header: RegistrySideEncoder.header(writer.id), isUnwrapped: isUnwrapped)
    }

    private static func step(_ part: AvroPart, _ index: Int) -> AvroWriteStep {
        var step = AvroWriteStep(kind: .general, column: -1, part: index)
        guard case .column(let column, var form, nil) = part else { return step }
        step.column = column
        if case .nullable(let inner, let branch, let null) = form {
            // A branch in one byte.
            guard branch < 64, null >= 0, null < 64 else { return step }
            form = inner
            step.branch = Int8(truncatingIfNeeded: branch << 1)
            step.null = Int8(truncatingIfNeeded: null << 1)
        }
        switch form {
        case .boolean: step.kind = .boolean
        case .int: step.kind = .int
        case .long: step.kind = .long
        case .double: step.kind = .double
        case .text: step.kind = .text
        default: return AvroWriteStep(kind: .general, column: -1, part: index)
        }
        return step
    }

    override var obstacle: String? {
        for case .missing(let name) in parts { return "Unable to serialize record: the schema's field \(name) has no column and no default" }
        return nil
    }

    override func write(_ row: Int, to sink: ByteSink) -> String? { AvroForm.write(parts, columns, row, sink) }

    override func encodeRows(_ rows: Selection, present: [Bool], to sink: ByteSink, into ranges: inout [ByteRange]) {
        ranges.makeRoom(for: rows.count)
        var written: [ByteRange] = []
        swap(&written, &ranges)
        unsafe ColumnLane.with(columns) { lanes in
            rows.forEach { row in
                if !present.isEmpty, !present[row] {
                    written.append(.null)
                } else {
                    written.append(unsafe write(row, lanes, sink))
                }
            }
        }
        swap(&written, &ranges)
    }

    @inline(__always) @unsafe private func write(_ row: Int, _ lanes: UnsafeMutablePointer<ColumnLane>, _ sink: ByteSink) -> ByteRange {
        if isUnwrapped, unsafe lanes[0].isNull(row) { return .null }
        let start = sink.count
        var bound = fixedBound
        for step in steps where step.kind == .text && !(unsafe lanes[step.column].isNull(row)) {
            bound += unsafe Int(lanes[step.column].ranges[row].length)
        }
        var place = unsafe putHeader(sink.reserve(bound))
        for step in steps {
            if step.kind == .general {
                unsafe sink.commit(place)
                if let problem = AvroForm.write(parts[step.part], columns, row, sink) { return fail(row, problem, start, sink) }
                unsafe place = sink.reserve(bound)
                continue
            }
            let lane = unsafe lanes + step.column
            if unsafe lane.pointee.isNull(row) {
                guard step.null >= 0 else { return fail(row, "a value is NULL that must not be", start, sink) }
                unsafe place.pointee = UInt8(truncatingIfNeeded: step.null)
                unsafe place += 1
                continue
            }
            if step.branch >= 0 {
                unsafe place.pointee = UInt8(truncatingIfNeeded: step.branch)
                unsafe place += 1
            }
            switch step.kind {
            case .long: unsafe place = RowWriter.put(varint: zigzag(lane.pointee.words[row]), at: place)
            case .int:
                let value = unsafe lane.pointee.words[row]
                guard Int32(exactly: value) != nil else { return fail(row, "\(value) is no int", start, sink) }
                unsafe place = RowWriter.put(varint: zigzag(value), at: place)
            case .boolean:
                unsafe place.pointee = lane.pointee.words[row] != 0 ? 1 : 0
                unsafe place += 1
            case .double:
                unsafe UnsafeMutableRawPointer(place).storeBytes(of: lane.pointee.doubles[row].bitPattern.littleEndian, as: UInt64.self)
                unsafe place += 8
            case .text:
                let range = unsafe lane.pointee.ranges[row]
                unsafe place = RowWriter.put(varint: UInt64(UInt32(bitPattern: range.length)) << 1, at: place)
                unsafe place.update(from: lane.pointee.bytes + Int(range.start), count: Int(range.length))
                unsafe place += Int(range.length)
            case .general: break
            }
        }
        unsafe sink.commit(place)
        return sink.range(from: start)
    }

    /// Takes back what was written of a row, and notes why it cannot be written.
    @inline(never) private func fail(_ row: Int, _ problem: String, _ start: Int, _ sink: ByteSink) -> ByteRange {
        sink.truncate(to: start)
        failures.append((row, problem))
        return .null
    }
}
