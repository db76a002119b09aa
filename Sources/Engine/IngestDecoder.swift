// Lines of a bulk load to records of a stream. A record that is stored as it is written (keyless JSON, keyless CSV) is only checked and
// keeps its bytes; any other goes through a dataflow whose source has all columns in its value and whose sink is the stream.

import Bytes
import Catalog
import Diagnostics
import Formats
import LogStore
import Operators
import Pipelines
import Platform
import Plans
import Quantities
import Sessions
import Values

/// Decodes lines for one source. One owner, one thread.
final class IngestDecoder {
    private enum Mode {
        case copying(RecordValidator)
        case encoding(Dataflow)
    }

    /// Why a line is no row: it cannot be read as one.
    static let cause = RowErrorCause.valueDeserialization

    private let source: SourceDefinition
    private let mode: Mode
    private let skipsBlankLines: Bool
    /// Nil where lines are records themselves.
    private let records: IngestRecords?
    /// Whether a line may say that the one who sends it could not read what it was made of.
    private let takesRefusals: Bool
    /// Whether a line is the one column, and no object.
    private let takesBareValues: Bool
    /// Of a record in a batch of its own, in bytes; nil where a codec decides what becomes of it.
    private let largestBatch: ByteCount?

    init(_ source: SourceDefinition, format: IngestFormat, _ topic: TopicConfig, engine: MillraceEngine) throws(Diagnostic) {
        self.source = source
        largestBatch = topic.compression == .none ? topic.largestBatch : nil
        skipsBlankLines = format != .line
        takesRefusals = format == .json
        takesBareValues = source.schema.key.isEmpty && source.valueFormat.name == .json && source.valueFormat.isUnwrapped
        let schema = source.schema
        if format == .line {
            guard schema.key.isEmpty, schema.value.count == 1, schema.value[0].type == .string else {
                throw Diagnostic(
                    .typeMismatch,
                    "the format line needs a source with one VARCHAR column and no key; \(source.name) has (\(schema.description))",
                    hint: "Use the format json or csv.")
            }
        }
        do throws(DataflowError) { records = try IngestRecords(format, into: source, engine.registry) } catch {
            throw Diagnostic(.featureNotSupported, error.message)
        }
        let lines = records?.format ?? IngestDecoder.lineFormat(format, source)
        func strict(_ lines: FormatSpec) -> FormatSpec {
            var lines = lines
            lines.refusesOverflow = true
            return lines
        }
        do throws(DataflowError) {
            if schema.key.isEmpty, source.window == nil, records == nil, lines == source.valueFormat, format != .line {
                mode = .copying(try RecordValidator(schema.value, format: strict(lines)))
            } else {
                mode = .encoding(try IngestDecoder.dataflow(source, strict(lines), takesKeys: format != .csv, engine))
            }
        } catch {
            throw Diagnostic(.featureNotSupported, error.message)
        }
    }

    private static func lineFormat(_ format: IngestFormat, _ source: SourceDefinition) -> FormatSpec {
        switch format {
        case .json:
            // A bare value is a row of a stream that keeps its single column bare.
            let isBare = source.schema.key.isEmpty && source.valueFormat.name == .json && source.valueFormat.isUnwrapped
            return isBare ? source.valueFormat : FormatSpec(.json)
        case .csv: return FormatSpec(.delimited)
        case .line, .avro, .protobuf, .jsonSR, .message: return FormatSpec(.kafka)
        }
    }

    private static func dataflow(
        _ source: SourceDefinition, _ lines: FormatSpec, takesKeys: Bool, _ engine: MillraceEngine
    ) throws(DataflowError) -> Dataflow {
        // A key that a table makes for each row may be named, as by INSERT, but it is no field of those that come in order.
        let columns = takesKeys ? source.schema.key + source.schema.value : source.writtenColumns
        let ownKeys = source.hidesKey == true ? source.schema.key.count : 0
        let step = SourceStep(
            sourceName: source.name, topic: source.topic, kind: .stream, keyFormat: FormatSpec(.none), valueFormat: lines,
            schema: SourceSchema(key: [], value: columns), timestamp: nil, window: nil, needed: columns.map { _ in true }, store: nil)
        var expressions = columns.enumerated().map { TypedExpression.column($0, $1.type) }
        if ownKeys > 0 {
            let made = TypedExpression(.call("UUID", []), .string)
            let keys = takesKeys ? expressions.prefix(ownKeys).map { TypedExpression(.call("COALESCE", [$0, made]), $0.type) } : [made]
            expressions = keys + expressions.dropFirst(takesKeys ? ownKeys : 0)
        }
        let rows = ProjectStep(
            input: .source(step), expressions: expressions,
            output: RowSchema(columns: source.schema.key + source.schema.value, keyCount: source.schema.key.count), isTable: false)
        let sink = SinkDescription(
            sourceName: source.name, topic: source.topic, kind: .stream, keyFormat: source.keyFormat, valueFormat: source.valueFormat,
            timestamp: nil, window: nil)
        var environment = QueryLauncher(engine: engine).environment()
        environment.schemas = engine.registry
        return try Dataflow(
            root: .project(rows), destination: .sink(sink),
            options: DataflowOptions(hashSeed: engine.configuration.random.next()), environment: environment)
    }

    /// The records of `lines`, which lie in `bytes` in front of `RecordRun.padding` other bytes, and why some lines are none. The
    /// offsets of the errors are line numbers; lines count from `firstLine`. A line of JSON `!reason TAB text` is one that its sender could not
    /// read.
    func decode(
        _ bytes: [UInt8], _ lines: [ByteRange], firstLine: Int, now: Int64
    ) throws(DataflowError) -> (records: OutgoingRecords, rejected: Int, errors: [RowError]) {
        let refusals = takesRefusals ? lines.indices.filter { refusesItself(lines[$0], bytes) || isNoRow(lines[$0], bytes) } : []
        if refusals.isEmpty { return try decodeRecords(bytes, lines, firstLine: firstLine, now: now) }
        var others = lines
        let errors = refusals.map { index -> RowError in
            others[index].length = 0
            let place = Offset(clamping: Int64(firstLine + index))
            guard refusesItself(lines[index], bytes) else {
                return error(at: place, column: nil, reason: "the JSON is no object but null", raw: Array(bytes[range(lines[index])]))
            }
            let text = bytes[range(lines[index])].dropFirst()
            let reason = text.prefix { $0 != UInt8(ascii: "\t") }
            return error(
                at: place, column: nil, reason: String(decoding: reason, as: UTF8.self), raw: Array(text.dropFirst(reason.count + 1)))
        }
        var result = try decodeRecords(bytes, others, firstLine: firstLine, now: now)
        result.rejected += refusals.count
        result.errors = Array((result.errors + errors).sorted { $0.offset ?? .first < $1.offset ?? .first }.prefix(Dataflow.rowErrorLimit))
        return result
    }

    /// Whether a line is `!reason TAB text`, which begins as no JSON does.
    private func refusesItself(_ line: ByteRange, _ bytes: [UInt8]) -> Bool { line.length > 0 && bytes[Int(line.start)] == UInt8(ascii: "!") }

    /// Whether a line is a bare null. As the value of a record it stands for none: of a stream such a record is no row, and of a table it deletes the
    /// key that a line does not have. (Where a column is kept bare, null is a value of it.)
    private func isNoRow(_ line: ByteRange, _ bytes: [UInt8]) -> Bool {
        guard !takesBareValues, line.length >= 4, line.length < 64 else { return false }
        let text = bytes[range(line)].drop { $0 == 0x20 || $0 == 0x09 }
        return text.first == UInt8(ascii: "n") && String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace) == ["null"]
    }

    private func decodeRecords(
        _ bytes: [UInt8], _ lines: [ByteRange], firstLine: Int, now: Int64
    ) throws(DataflowError) -> (records: OutgoingRecords, rejected: Int, errors: [RowError]) {
        switch mode {
        case .copying(let validator): copy(with: validator, bytes, lines, firstLine: firstLine, now: now)
        case .encoding(let dataflow):
            if let records {
                try encode(with: dataflow, try records.records(of: bytes, lines, firstLine: firstLine), bytes, lines, firstLine, now)
            } else {
                try encode(with: dataflow, bytes, lines, firstLine: firstLine, now: now)
            }
        }
    }

    /// Records that are bytes; `lines` are those that they came in.
    private func encode(
        with dataflow: Dataflow, _ piece: IngestRecords.Piece, _ bytes: [UInt8], _ lines: [ByteRange], _ firstLine: Int, _ now: Int64
    ) throws(DataflowError) -> (records: OutgoingRecords, rejected: Int, errors: [RowError]) {
        let found = try encode(with: dataflow, piece.bytes, piece.records, numbers: piece.lines, now: now)
        let bad = piece.rejected.prefix(Dataflow.rowErrorLimit).map { index in
            error(
                at: Offset(clamping: Int64(firstLine + index)), column: nil, reason: "the line is no base64",
                raw: Array(bytes[range(lines[index])]))
        }
        let errors = (found.errors + bad).sorted { $0.offset ?? .first < $1.offset ?? .first }
        return (found.records, found.rejected + piece.rejected.count, errors)
    }

    private func copy(
        with validator: RecordValidator, _ bytes: [UInt8], _ lines: [ByteRange], firstLine: Int, now: Int64
    ) -> (records: OutgoingRecords, rejected: Int, errors: [RowError]) {
        var errors: [RowError] = []
        var rejected = 0
        var lines = lines
        for index in lines.indices {
            guard let reason = excess(of: Int(lines[index].length)) else { continue }
            rejected += 1
            if errors.count < Dataflow.rowErrorLimit {
                errors.append(error(at: Offset(clamping: Int64(firstLine + index)), column: nil, reason: reason, raw: nil))
            }
            // A blank line is no record.
            lines[index].length = 0
        }
        let rows = validator.rows(in: bytes, lines) { index, column, reason in
            rejected += 1
            if errors.count < Dataflow.rowErrorLimit {
                let line = Offset(clamping: Int64(firstLine + index))
                errors.append(error(at: line, column: column, reason: reason, raw: Array(bytes[range(lines[index])])))
            }
        }
        var records = OutgoingRecords()
        records.keys = Array(repeating: .null, count: rows.count)
        records.timestamps = Array(repeating: now, count: rows.count)
        records.values = rows
        if !rows.isEmpty { records.bytes = bytes }
        return (records, rejected, errors)
    }

    private func encode(
        with dataflow: Dataflow, _ bytes: [UInt8], _ lines: [ByteRange], firstLine: Int, now: Int64
    ) throws(DataflowError) -> (records: OutgoingRecords, rejected: Int, errors: [RowError]) {
        var values: [ByteRange] = []
        var numbers: [Int64] = []
        values.reserveCapacity(lines.count)
        numbers.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated() where line.length > 0 || !skipsBlankLines {
            values.append(line)
            numbers.append(Int64(firstLine + index))
        }
        return try encode(with: dataflow, bytes, values, numbers: numbers, now: now)
    }

    /// `numbers` are those of the lines of `values`.
    private func encode(
        with dataflow: Dataflow, _ bytes: [UInt8], _ values: [ByteRange], numbers: [Int64], now: Int64
    ) throws(DataflowError) -> (records: OutgoingRecords, rejected: Int, errors: [RowError]) {
        guard !values.isEmpty else { return (OutgoingRecords(), 0, []) }
        // Line numbers travel as timestamps, so that a row still knows its line when it is a record.
        let run = RecordRun(
            bytes: bytes, keys: Array(repeating: .null, count: values.count), values: values, headers: [], timestamps: numbers,
            offsets: numbers, nextOffset: Offset(clamping: numbers[numbers.count - 1]) + 1, isAtEnd: false)
        try dataflow.process(input: 0, run: run, range: 0..<run.count, partition: .first)
        try dataflow.flush()
        var errors = dataflow.takeErrors().map { error(at: $0.offset, column: $0.column, reason: $0.message, raw: $0.raw) }
        var records = dataflow.takeOutput()
        if source.kind == .table { dropKeyless(&records, &errors) }
        dropLarge(&records, &errors)
        let rejected = values.count - records.count
        records.timestamps = Array(repeating: now, count: records.count)
        return (records, rejected, errors.sorted { $0.offset ?? .first < $1.offset ?? .first })
    }

    private func dropKeyless(_ records: inout OutgoingRecords, _ errors: inout [RowError]) {
        guard records.keys.contains(where: \.isNull) else { return }
        var kept: [Int] = []
        for index in 0..<records.count {
            if records.keys[index].isNull {
                errors.append(
                    error(
                        at: Offset(clamping: records.timestamps[index]), column: source.schema.key.first?.name,
                        reason: "the key of a table must not be NULL", raw: nil))
            } else {
                kept.append(index)
            }
        }
        keep(kept, of: &records)
    }

    /// Why a record with so many bytes of key and value is not taken; nil when it is.
    private func excess(of byteCount: Int) -> String? {
        let size = ByteCount(length: RecordBatchHeader.byteCount + byteCount)
        guard let largestBatch, size > largestBatch else { return nil }
        return "the row makes a record of \(size) bytes, and the topic \(source.topic) takes \(largestBatch) (max.message.bytes)"
    }

    private func dropLarge(_ records: inout OutgoingRecords, _ errors: inout [RowError]) {
        // Most pieces are smaller as a whole.
        guard excess(of: records.bytes.count) != nil else { return }
        var kept: [Int] = []
        for index in 0..<records.count {
            let size = max(0, Int(records.keys[index].length)) + max(0, Int(records.values[index].length))
            if let reason = excess(of: size) {
                if errors.count < Dataflow.rowErrorLimit {
                    errors.append(error(at: Offset(clamping: records.timestamps[index]), column: nil, reason: reason, raw: nil))
                }
            } else {
                kept.append(index)
            }
        }
        keep(kept, of: &records)
    }

    private func keep(_ kept: [Int], of records: inout OutgoingRecords) {
        records.keys = kept.map { records.keys[$0] }
        records.values = kept.map { records.values[$0] }
        records.timestamps = kept.map { records.timestamps[$0] }
    }

    private func error(at line: Offset?, column: String?, reason: String, raw: [UInt8]?) -> RowError {
        RowError(
            step: "Ingest", column: column, cause: IngestDecoder.cause, message: reason, input: 0, partition: nil,
            offset: line, raw: raw)
    }

    private func range(_ range: ByteRange) -> Range<Int> { Int(range.start)..<Int(range.start + range.length) }
}
