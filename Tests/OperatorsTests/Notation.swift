// The notation of these tests: records and plans as texts and short calls, results as texts.

import Bytes
import Formats
import Operators
import Plans
import Quantities
import TestSupport
import Values

let int = SQLType.integer
let big = SQLType.bigint
let double = SQLType.double
let text = SQLType.string

/// `key|value@time` lines, `~` for null; the key in KAFKA STRING unless a test says otherwise.
struct Line {
    var key: [UInt8]?
    var value: [UInt8]?
    var time: Int64
    var headers: [UInt8]?

    init(_ key: String?, _ value: String?, at time: Int64 = 0) {
        self.key = key.map { Array($0.utf8) }
        self.value = value.map { Array($0.utf8) }
        self.time = time
    }

    init(key: [UInt8]?, value: [UInt8]?, at time: Int64 = 0, headers: [UInt8]? = nil) {
        self.key = key
        self.value = value
        self.time = time
        self.headers = headers
    }
}

/// A run of records; offsets count from `offset`.
func run(_ lines: [Line], offset: Int64 = 0) -> RecordRun {
    var records = OutgoingRecords()
    for line in lines { records.append(key: line.key, value: line.value, timestamp: line.time, headers: line.headers) }
    return run(records, offset: offset)
}

func run(_ records: OutgoingRecords, offset: Int64 = 0) -> RecordRun {
    RecordRun(
        bytes: records.bytes + [UInt8](repeating: 0, count: RecordRun.padding), keys: records.keys, values: records.values,
        headers: records.headers, timestamps: records.timestamps, offsets: (0..<Int64(records.count)).map { offset + $0 },
        nextOffset: Offset(clamping: offset) + Int64(records.count), isAtEnd: true)
}

/// Each record as `key|value@time`.
func texts(_ records: OutgoingRecords) -> [String] {
    func piece(_ range: ByteRange) -> String {
        range.isNull ? "~" : String(decoding: records.bytes[Int(range.start)..<Int(range.start + range.length)], as: UTF8.self)
    }
    return (0..<records.count).map { "\(piece(records.keys[$0]))|\(piece(records.values[$0]))@\(records.timestamps[$0])" }
}

/// A source with one STRING key column K in KAFKA format, and JSON values.
func source(
    _ columns: [ColumnDefinition], key: [ColumnDefinition] = [ColumnDefinition("K", .string)], kind: SourceKind = .stream,
    keyFormat: FormatSpec = FormatSpec(.kafka, isUnwrapped: true), valueFormat: FormatSpec = FormatSpec(.json), window: KeyWindow? = nil,
    timestamp: TimestampColumn? = nil, headers: [HeaderColumn] = [], needed: [Bool]? = nil, store: String? = nil, topic: String = "in"
) -> SourceStep {
    let schema = SourceSchema(key: key, value: columns, headers: headers)
    return SourceStep(
        sourceName: "S", topic: topic, kind: kind, keyFormat: keyFormat, valueFormat: valueFormat, schema: schema, timestamp: timestamp,
        window: window, needed: needed ?? schema.columns.map { _ in true }, store: store.map { StoreDescription(name: $0) })
}

/// A sink with KAFKA key and JSON value.
func sink(
    kind: SourceKind = .stream, keyFormat: FormatSpec = FormatSpec(.kafka, isUnwrapped: true), valueFormat: FormatSpec = FormatSpec(.json),
    timestamp: TimestampColumn? = nil, window: KeyWindow? = nil
) -> Destination {
    .sink(
        SinkDescription(
            sourceName: "T", topic: "out", kind: kind, keyFormat: keyFormat, valueFormat: valueFormat, timestamp: timestamp, window: window)
    )
}

/// Projects `expressions` (the key column K first) out of `input`.
func project(_ input: Step, _ items: [(String, TypedExpression)], keyCount: Int = 1, isTable: Bool = false) -> Step {
    .project(
        ProjectStep(
            input: input, expressions: items.map(\.1),
            output: RowSchema(columns: items.map { ColumnDefinition($0.0, $0.1.type) }, keyCount: keyCount), isTable: isTable))
}

/// The dataflow's output for these lines, cut into batches of `size`.
func output(
    _ root: Step, _ destination: Destination = sink(), _ lines: [Line], batch size: Int = 4096,
    options: DataflowOptions = DataflowOptions(),
    input: Int = 0
) throws -> [String] {
    let dataflow = try Dataflow(root: root, destination: destination, options: options)
    return try feed(dataflow, lines, batch: size, input: input)
}

func feed(_ dataflow: Dataflow, _ lines: [Line], batch size: Int = 4096, input: Int = 0, offset: Int64 = 0) throws -> [String] {
    let records = run(lines, offset: offset)
    var start = 0
    while start < records.count {
        let end = min(records.count, start + size)
        try dataflow.process(input: input, run: records, range: start..<end, partition: 0)
        start = end
    }
    try dataflow.flush()
    return texts(dataflow.takeOutput())
}

func column(_ index: Int, _ type: SQLType) -> TypedExpression { .column(index, type) }
func number(_ value: Int32) -> TypedExpression { .literal(.integer(value), .integer) }
func string(_ value: String) -> TypedExpression { .literal(.string(value), .string) }
