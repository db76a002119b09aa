// What every format must do, whatever it looks like: the one contract that a new format has to pass. A format adds an entry to `formats`;
// the tests below run over all of them.

import Bytes
import Formats
@testable import Operators
import Plans
import Quantities
import Schemas
import Testing
import Values

/// A format as the contract sees it.
struct FormatUnderTest: Sendable, CustomTestStringConvertible {
    var name: String
    var format: FormatSpec
    /// What a record holds.
    var columns: [ColumnDefinition]
    /// Rows with their bytes. None of the values is NULL.
    var good: [(bytes: [UInt8], values: [Value])]
    /// Bytes that are no row.
    var bad: [[UInt8]]
    /// Makes a record of `texts`, one for each column and as it would stand there unquoted; nil where the format has no texts.
    var spelled: (@Sendable (_ texts: [String]) -> [UInt8])?
    /// What an empty record is: a row, or nil for no row.
    var empty: [Value]?
    /// Whether NULL fields survive writing and reading.
    var keepsNulls = true

    var testDescription: String { name }
    var nulls: [Value] { columns.map { _ in .null } }
}

private func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

private let flat = [
    ColumnDefinition("A", .string), ColumnDefinition("B", .integer), ColumnDefinition("C", .bigint), ColumnDefinition("D", .double),
    ColumnDefinition("E", .decimal(precision: 9, scale: 3)), ColumnDefinition("F", .boolean), ColumnDefinition("G", .bytes),
    ColumnDefinition("H", .time), ColumnDefinition("I", .date), ColumnDefinition("J", .timestamp),
]
private let flatValues: [[Value]] = [
    [
        .string("x"), .integer(1), .bigint(2), .double(1.5), .decimal(Decimal(unscaled: 1500, scale: 3)), .boolean(true), .bytes([1, 2]),
        .time(3), .date(4), .timestamp(5),
    ],
    [
        .string("é\"😀,\n"), .integer(.min), .bigint(.max), .double(-1e300), .decimal(Decimal(unscaled: -999_999_999, scale: 3)),
        .boolean(false), .bytes([0, 255, 128]), .time(86_400_000), .date(.min), .timestamp(.min),
    ],
]

private let nestedType = SQLType.structure([
    StructField("L", .array(.string)), StructField("M", .map(key: .string, value: .array(.integer))), StructField("N", .bigint),
])
private let nested = [ColumnDefinition("S", nestedType), ColumnDefinition("T", .array(.array(.string))), ColumnDefinition("U", .string)]

/// `values` in `format`, by its encoder.
private func encoded(_ values: [Value], _ columns: [ColumnDefinition], _ format: FormatSpec) -> [UInt8]? {
    let schema = SourceSchema(key: [], value: columns)
    guard let encoder = try? RowEncoder(schema, keyFormat: FormatSpec(.none), valueFormat: format) else { return nil }
    encoder.append(key: [], values: values, timestamp: 0)
    let records = encoder.take()
    return records.values[0].isNull ? nil : Array(records.bytes[records.values[0].indexes])
}

private func row(_ format: FormatSpec, _ columns: [ColumnDefinition], _ values: [Value]) -> (bytes: [UInt8], values: [Value]) {
    (encoded(values, columns, format) ?? [], values)
}

private func json() -> FormatUnderTest {
    let format = FormatSpec(.json)
    return FormatUnderTest(
        name: "JSON", format: format, columns: flat, good: flatValues.map { row(format, flat, $0) },
        bad: [
            utf8("{"), utf8("[1]"), utf8(#"{"A":"left","B":"x"}"#), utf8(#"{"A":"left","C":true}"#), utf8(#"{"A":null,"B":null,"D":[]}"#),
            utf8(#"{"A":"a\nb","E":0.0001}"#), utf8(#"{"G":"AQI=","F":1}"#), utf8(#"{"G":"?"}"#), utf8(#"{"A":"a\tb","H":-1}"#),
            utf8(#"{"J":1,"I":"x"}"#), utf8(#"{"A":"x"} y"#), [0x7B, 0x22, 0x41, 0x22, 0x3A, 0x22, 0xFF, 0x22, 0x7D],
        ],
        spelled: { texts in
            utf8("{" + zip(flat, texts).map { #""\#($0.name)":\#($1.isEmpty ? #""""# : $1)"# }.joined(separator: ",") + "}")
        },
        empty: nil)
}

private func nestedJSON() -> FormatUnderTest {
    let format = FormatSpec(.json)
    let values: [[Value]] = [
        [
            .structure([
                .array([.string("a\n"), .string("b")]), .map([MapEntry(.string("k\t"), .array([.integer(1), .integer(2)]))]), .bigint(1),
            ]), .array([.array([.string("x")]), .array([])]), .string("u\n"),
        ],
        [.structure([.array([]), .map([]), .bigint(.max)]), .array([]), .string("")],
    ]
    return FormatUnderTest(
        name: "JSON, nested", format: format, columns: nested, good: values.map { row(format, nested, $0) },
        bad: [
            utf8(#"{"S":{"L":["left\n","over"],"M":{"k":[1,"x"]}}}"#), utf8(#"{"S":{"L":["left"],"N":true}}"#),
            utf8(#"{"T":[["a\n","b"],["c"],1]}"#), utf8(#"{"U":"left\n","T":{}}"#), utf8(#"{"S":null,"T":null,"U":null,"S":[]}"#),
            utf8(#"{"S":{"L":[null,null,{"#),
        ],
        spelled: nil, empty: nil)
}

private func bareJSON() -> FormatUnderTest {
    let format = FormatSpec(.json, isUnwrapped: true)
    let columns = [ColumnDefinition("A", .array(.bigint))]
    let values: [[Value]] = [[.array([.bigint(1), .bigint(-9)])], [.array([])]]
    return FormatUnderTest(
        name: "JSON, bare", format: format, columns: columns, good: values.map { row(format, columns, $0) },
        bad: [utf8("[1,2,true]"), utf8("{}"), utf8("[1"), utf8("1")], spelled: nil, empty: nil, keepsNulls: false)
}

private func delimited(_ delimiter: String) -> FormatUnderTest {
    let format = FormatSpec(.delimited, delimiter: delimiter)
    func line(_ fields: String...) -> [UInt8] { utf8(fields.joined(separator: delimiter)) }
    return FormatUnderTest(
        name: "DELIMITED by '\(delimiter)'", format: format, columns: flat, good: flatValues.map { row(format, flat, $0) },
        bad: [
            line("left", "x", "", "", "", "", "", "", "", ""), line("", "", "", "", "", "", "", "", "x", ""), line("a", "1"),
            line("", "", "", "", "", "", "AQI=", "", "", "", "more"), line("\"open"), line("\"a\"b", "1"),
            line("", "", "x", "", "", "", "", "", "", ""), line("left", "", "", "", "1.23456", "", "", "", "", ""),
            line("left", "", "", "", "", "", "?", "", "", ""), utf8("\r\n"), [0xFF],
        ],
        spelled: { texts in utf8(texts.map { $0.replacing("\"", with: "") }.joined(separator: delimiter)) }, empty: nil)
}

private func kafka(_ type: SQLType, _ good: [(bytes: [UInt8], values: [Value])], bad: [[UInt8]], empty: [Value]?) -> FormatUnderTest {
    FormatUnderTest(
        name: "KAFKA \(type)", format: FormatSpec(.kafka, isUnwrapped: true), columns: [ColumnDefinition("A", type)], good: good, bad: bad,
        spelled: nil, empty: empty, keepsNulls: false)
}

/// The values as far as Protocol Buffers can say them, whose dates are of the years 1 to 9999.
private let mildValues = flatValues.map { values in values.map { $0 == .date(.min) ? .date(-719_162) : $0 } }

/// A format of the registry with a schema for the columns; bytes of records without or with another header, cut short, or followed by more are bad.
private func registered(
    _ label: String, _ name: FormatName, _ columns: [ColumnDefinition], _ values: [[Value]], nulls: NullRepresentation? = nil,
    isUnwrapped: Bool = false, keepsNulls: Bool = true, bad: [[UInt8]] = []
) -> FormatUnderTest {
    var format = FormatSpec(name, isUnwrapped: isUnwrapped)
    format.nulls = nulls
    if let kind = name.schemaKind, let document = try? SchemaDocument(kind, of: columns, format.shape), name.usesRegistry {
        format.writer = WriterSchema(id: SchemaID(0x0102_0304), document: document)
    }
    let good = values.map { row(format, columns, $0) }
    var broken = bad
    for (bytes, _) in good where name.usesRegistry {
        broken.append(Array(bytes.dropLast(1)))
        broken.append([1] + Array(bytes.dropFirst()))
        broken.append(Array(bytes.prefix(4)) + [9] + Array(bytes.dropFirst(5)))
        broken.append(bytes + [0])
        broken.append(Array(bytes.prefix(5)))
    }
    return FormatUnderTest(
        name: "\(name.rawValue)\(label)", format: format, columns: columns, good: good, bad: broken, spelled: nil, empty: nil,
        keepsNulls: keepsNulls)
}

private let header: [UInt8] = [0, 1, 2, 3, 4]
private let manyBits = [UInt8](repeating: 0xFF, count: 10) + [1]

private func registryFormats() -> [FormatUnderTest] {
    let bare = [ColumnDefinition("A", .array(.bigint))]
    let bareValues: [[Value]] = [[.array([.bigint(1), .bigint(-9)])], [.array([])]]
    let nestedValues: [[Value]] = [
        [
            .structure([.array([.string("a\n"), .string("b")]), .map([MapEntry(.string("k"), .array([.integer(1), .integer(2)]))]), .bigint(1)]),
            .array([.array([.string("x")]), .array([])]), .string("u"),
        ],
        [.structure([.array([]), .map([]), .bigint(.max)]), .array([]), .string("é")],
    ]
    var unregistered = registered("", .protobufNoSR, flat, mildValues, nulls: .optional, bad: [[8], [0], [0x0A, 5, 65], [0x0A, 1, 0xFF], [0x0F]])
    unregistered.empty = flat.map { _ in .null }
    return [
        // A text that is none, a branch that is not there, a number of more than 64 bits, a length below zero, and one beyond the end.
        registered(
            "", .avro, flat, flatValues,
            bad: [[2, 2, 0xFF], [4], [2, 2, 65, 2] + manyBits, [2, 1], [2, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F]].map { header + $0 }),
        registered(", nested", .avro, nested, nestedValues, bad: [header + [2, 2, 3, 200, 1]]),
        registered(", bare", .avro, bare, bareValues, isUnwrapped: true, keepsNulls: false, bad: [header + [0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0]]),
        registered("", .protobuf, flat, mildValues, nulls: .optional, bad: [[0, 0x0A, 1, 0xFF], [0, 0x10] + manyBits, [2, 8, 0]].map { header + $0 }),
        registered(", wrappers", .protobuf, flat, mildValues, nulls: .wrapper),
        registered(", nested", .protobuf, nested, nestedValues, keepsNulls: false, bad: [header + [0, 0x0A, 3, 0x0A, 5, 65]]),
        unregistered,
        registered("", .jsonSR, flat, flatValues, bad: [header + utf8("{"), header + utf8(#"{"B":true}"#), utf8(#"{"A":"x"}"#)]),
    ]
}

private let formats: [FormatUnderTest] = registryFormats() + [
    json(), nestedJSON(), bareJSON(), delimited(","), delimited("|"), delimited("é"),
    kafka(.integer, [([0, 0, 0, 1], [.integer(1)]), ([128, 0, 0, 0], [.integer(.min)])], bad: [[1], [0, 0, 0, 0, 1]], empty: nil),
    kafka(
        .bigint, [([0, 0, 0, 0, 0, 0, 0, 1], [.bigint(1)]), ([127] + Array(repeating: 255, count: 7), [.bigint(.max)])],
        bad: [[1, 2, 3, 4]], empty: nil),
    kafka(.double, [([0x3F, 0xF0, 0, 0, 0, 0, 0, 0], [.double(1)])], bad: [[1]], empty: nil),
    kafka(
        .string, [(utf8("x"), [.string("x")]), (utf8("é😀"), [.string("é😀")])], bad: [[0xFF], utf8("left") + [0xC0]],
        empty: [.string("")]),
    kafka(.bytes, [([0xFF, 0], [.bytes([0xFF, 0])])], bad: [], empty: [.bytes([])]),
    FormatUnderTest(
        name: "NONE", format: FormatSpec(.none), columns: [], good: [(utf8("anything"), [])], bad: [], spelled: nil, empty: []),
]

/// The wanted columns of each row.
private final class Picker: Operator {
    var wanted: [Int] = []
    var rows: [(offset: Int64, values: [Value])] = []

    override func push(_ batch: Batch) throws(DataflowError) {
        batch.selection.forEach { row in rows.append((batch.offsets[row], wanted.map { batch.columns[$0].value(row) })) }
    }
}

/// A decoder of one format, as a source uses it.
private final class Subject {
    private let context = DataflowContext(options: DataflowOptions(), environment: DataflowEnvironment())
    private let picker: Picker
    private let source: SourceOperator

    /// `wanted` are indexes of columns; all when nil.
    init(_ test: FormatUnderTest, wanted: [Int]? = nil) throws {
        let indexes = wanted ?? Array(test.columns.indices)
        picker = Picker(context, next: nil)
        picker.wanted = indexes
        let step = SourceStep(
            sourceName: "S", topic: "t", kind: .stream, keyFormat: FormatSpec(.none), valueFormat: test.format,
            schema: SourceSchema(key: [], value: test.columns), timestamp: nil, window: nil,
            needed: test.columns.indices.map { indexes.contains($0) }, store: nil)
        source = try SourceOperator(step, input: 0, context, next: picker)
    }

    /// The rows of a batch by the index of the record, and the indexes of the records that are none.
    func decode(_ records: [[UInt8]]) throws -> (rows: [Int: [Value]], rejected: [Int]) {
        picker.rows = []
        let run = run(records.map { Line(key: nil, value: $0) })
        try source.process(run, 0..<run.count, partition: 0)
        let rows = Dictionary(uniqueKeysWithValues: picker.rows.map { (Int($0.offset), $0.values) })
        return (rows, context.errors.take().compactMap { $0.offset.map { Int($0.count) } }.sorted())
    }
}

/// Numbers, and texts that look like some, that break what does not bound first.
private let strangeTexts = [
    "999999999999999999", "-999999999999999999", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-1", "0", "",
    String(repeating: "9", count: 400), "1e999999999", "-1E-999999999", "1e18", "0.000000000000000000000000000000000000001",
    "\"999999999999999999\"", "\"-9223372036854775808\"", "\"1e999999999\"", "\"NaN\"", "\"Infinity\"", "true", "86400001", "2147483648",
]

@Suite struct CodecContractTests {
    @Test(arguments: formats) func goodRecordsAreRows(_ test: FormatUnderTest) throws {
        let (rows, rejected) = try Subject(test).decode(test.good.map(\.bytes))
        #expect(rejected.isEmpty)
        for (index, record) in test.good.enumerated() { #expect(rows[index] == record.values, "\(index)") }
    }

    /// Every pair of a bad and a good record in one batch, in every order, with rows before and behind.
    @Test(arguments: formats) func aRejectedRecordLeavesNothingBehind(_ test: FormatUnderTest) throws {
        let subject = try Subject(test)
        for bad in test.bad {
            for good in test.good {
                for order in [[false, true], [true, false], [true, false, true], [false, false, true, false, true]] {
                    let (rows, rejected) = try subject.decode(order.map { $0 ? good.bytes : bad })
                    #expect(rejected == order.indices.filter { !order[$0] }, "\(bad)")
                    for index in order.indices { #expect(rows[index] == (order[index] ? good.values : nil), "\(bad) \(order) \(index)") }
                }
            }
        }
    }

    /// The arenas of a batch hold what its rows hold, however many records are rejected between them.
    @Test(arguments: formats) func rejectedRecordsTakeNoMemory(_ test: FormatUnderTest) throws {
        func size(_ records: [[UInt8]]) throws -> Int {
            let decoder = try Codecs.decoder(test.format, test.columns, wanted: test.columns.map { _ in true })
            let run = run(records.map { Line(key: nil, value: $0) })
            decoder.begin(run, 6)
            var row = 0
            unsafe run.bytes.withUnsafeBufferPointer { bytes in
                for range in run.values {
                    if unsafe decoder.decode(bytes.baseAddress!, range, row) == nil { row += 1 } else { decoder.discard(row) }
                }
            }
            return decoder.columns.reduce(0) { $0 + $1.bytes.count + $1.children.reduce(0) { $0 + $1.contentSize } }
        }
        for good in test.good {
            let alone = try size([good.bytes, good.bytes])
            for bad in test.bad { #expect(try size([bad, good.bytes, bad, bad, good.bytes, bad]) == alone, "\(bad)") }
        }
    }

    /// Whether a record counts does not depend on the columns asked for, and neither do their values.
    @Test(arguments: formats) func projectionChangesNothingElse(_ test: FormatUnderTest) throws {
        let records = zip(test.good.map(\.bytes) + test.good.map(\.bytes), test.bad + test.bad).flatMap { [$0, $1] } + test.bad
        let whole = try Subject(test).decode(records)
        for wanted in [[]] + test.columns.indices.map({ [$0] }) {
            let part = try Subject(test, wanted: wanted).decode(records)
            #expect(part.rejected == whole.rejected, "\(wanted)")
            for (index, values) in whole.rows { #expect(part.rows[index] == wanted.map { values[$0] }, "\(wanted) \(index)") }
        }
    }

    @Test(arguments: formats) func nullsComeBack(_ test: FormatUnderTest) throws {
        guard test.keepsNulls else { return }
        let subject = try Subject(test)
        for good in test.good {
            for index in test.columns.indices {
                var values = good.values
                values[index] = .null
                let bytes = try #require(encoded(values, test.columns, test.format))
                let (rows, rejected) = try subject.decode([good.bytes, bytes, good.bytes])
                #expect(rejected.isEmpty && rows[0] == good.values && rows[1] == values && rows[2] == good.values, "\(index)")
                // A NULL in a row that is written again.
                for bad in test.bad { #expect(try subject.decode([bytes, bad, good.bytes]).rows[2] == good.values, "\(index) \(bad)") }
            }
        }
    }

    /// One decoder over many batches, each of which leaves NULLs, texts and rejected records, gives what new ones give.
    @Test(arguments: formats) func batchesDoNotMix(_ test: FormatUnderTest) throws {
        let subject = try Subject(test)
        let records = test.good.map(\.bytes) + test.bad + [[]]
        for start in records.indices {
            for length in 1...3 {
                let batch = (0..<length).map { records[(start + $0 * 2) % records.count] }
                let reused = try subject.decode(batch)
                let fresh = try Subject(test).decode(batch)
                #expect(reused.rows == fresh.rows && reused.rejected == fresh.rejected)
            }
        }
    }

    @Test(arguments: formats) func emptyRecords(_ test: FormatUnderTest) throws {
        let (rows, rejected) = try Subject(test).decode([[], []])
        #expect(rows[0] == test.empty && rows[1] == test.empty)
        #expect(rejected == (test.empty == nil ? [0, 1] : []))
    }

    /// Strange texts in every place: a row or a reason, and the neighbours are what they are.
    @Test(arguments: formats) func strangeTextsInEveryPlace(_ test: FormatUnderTest) throws {
        guard let spelled = test.spelled, let good = test.good.first else { return }
        let subject = try Subject(test)
        let plain = ["\"x\"", "1", "2", "1.5", "1.5", "true", "\"AQI=\"", "3", "4", "5"]
        for index in test.columns.indices {
            for text in strangeTexts {
                var texts = plain
                texts[index] = text
                let (rows, rejected) = try subject.decode([good.bytes, spelled(texts), good.bytes])
                #expect(rows[0] == good.values && rows[2] == good.values)
                #expect(rejected == (rows[1] == nil ? [1] : []))
                for wanted in [[], [(index + 1) % test.columns.count]] {
                    let part = try Subject(test, wanted: wanted).decode([good.bytes, spelled(texts), good.bytes])
                    #expect(part.rejected == rejected, "\(text) in \(test.columns[index].name), wanted \(wanted)")
                }
            }
        }
    }

    /// Every beginning of every record, alone and with others behind it.
    @Test(arguments: formats) func truncatedRecords(_ test: FormatUnderTest) throws {
        let subject = try Subject(test)
        for good in test.good {
            for length in 0..<good.bytes.count {
                let piece = Array(good.bytes[..<length])
                let alone = try subject.decode([piece])
                let followed = try subject.decode([piece, good.bytes])
                #expect(followed.rows[0] == alone.rows[0] && followed.rows[1] == good.values, "\(length)")
            }
        }
    }

    @Test(arguments: formats) func aTextOfOneMebibyte(_ test: FormatUnderTest) throws {
        guard let index = test.columns.firstIndex(where: { $0.type == .string }), let good = test.good.first else { return }
        var values = good.values
        values[index] = .string(String(repeating: "0123456\"é", count: 1 << 17))
        let bytes = try #require(encoded(values, test.columns, test.format))
        let (rows, rejected) = try Subject(test).decode([bytes, good.bytes])
        #expect(rejected.isEmpty && rows[0] == values && rows[1] == good.values)
    }

    /// What reads state and exchange topics: cut anywhere, it says so; whole, it gives the row.
    @Test func theRowCodec() throws {
        let columns = flat + nested
        let rows: [[Value]] = [
            flatValues[0] + [.structure([.array([.string("a")]), .map([]), .null]), .array([.array([])]), .null],
            flatValues[1] + [.null, .array([.null, .array([.string("é")])]), .string(String(repeating: "x", count: 1 << 20))],
            columns.map { _ in .null },
        ]
        for values in rows {
            let filled = zip(columns, values).map { Column($0.type, [$1]) }
            var bytes: [UInt8] = []
            RowWriter.put(filled, 0, to: &bytes)
            let ends = bytes.count < 1000 ? Array(0...bytes.count) : [0, 1, bytes.count / 2, bytes.count - 1, bytes.count]
            for end in ends {
                var reader = RowReader(bytes, 0..<end)
                let read = columns.map { Column($0.type) }
                for column in read { column.reset(2) }
                let isWhole = read.allSatisfy { reader.read(into: $0, 0) }
                #expect(isWhole == (end == bytes.count))
                if isWhole { #expect(read.map { $0.value(0) } == values) }
            }
        }
        var random = Random(5)
        for _ in 0..<2000 {
            let bytes = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var reader = RowReader(bytes, 0..<bytes.count)
            for column in columns.map({ Column($0.type) }) {
                column.reset(1)
                guard reader.read(into: column, 0) else { break }
            }
        }
    }
}
