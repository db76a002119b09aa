// Formats both ways, against bytes and texts written by hand, and damaged input.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// Decodes one value of type `type` out of a JSON member V.
private func decoded(_ type: SQLType, _ json: String) throws -> Value? {
    let decoder = try RowDecoder(source([ColumnDefinition("V", type)]))
    return try decoder.decode(run([Line("k", #"{"V":\#(json)}"#)])).rows.first?.values[1]
}

@Suite struct CodecTests {
    @Test func jsonCoercions() throws {
        let array = SQLType.array(.integer)
        let map = SQLType.map(key: .string, value: .bigint)
        let structure = SQLType.structure([StructField("A", .integer), StructField("b", .string)])
        let cases: [(SQLType, String, Value?)] = [
            (.boolean, "true", .boolean(true)), (.boolean, #""true""#, nil), (.boolean, "1", nil),
            (.integer, "1.9", .integer(1)), (.integer, "-1.9", .integer(-1)), (.integer, "4294967297", .integer(1)),
            (.integer, #""12""#, .integer(12)),
            (.integer, #""1.5""#, nil), (.integer, "true", nil), (.integer, "01", nil), (.integer, "-", nil),
            (.integer, "1e3", .integer(1000)),
            (.bigint, "9223372036854775807", .bigint(.max)), (.bigint, "9223372036854775808", .bigint(.min)),
            (.double, "1", .double(1)), (.double, "-0.0", .double(-0.0)), (.double, "1e400", .double(.infinity)),
            (.double, #""1.5""#, .double(1.5)),
            (.double, #""NaN""#, .double(.nan)), (.double, "123456789012345680", .double(123_456_789_012_345_680)),
            (.double, "0.1", .double(0.1)),
            (.decimal(precision: 4, scale: 2), "1.5", .decimal(Decimal(unscaled: 150, scale: 2))),
            (.decimal(precision: 4, scale: 2), #""10.10""#, .decimal(Decimal(unscaled: 1010, scale: 2))),
            (.decimal(precision: 4, scale: 2), "1.555", nil), (.decimal(precision: 4, scale: 2), "100", nil),
            (.string, "12.50", .string("12.50")), (.string, "false", .string("false")),
            (.string, #"{"a" : [1, "x y"]}"#, .string(#"{"a":[1,"x y"]}"#)),
            (.string, #"[1, "x", [true]]"#, .string("[1, x, [true]]")), (.string, #""\u00e9\ud83d\ude00\ud800""#, .string("é😀\u{FFFD}")),
            (.bytes, #""AQI=""#, .bytes([1, 2])), (.bytes, #""?""#, nil), (.time, "86400000", .time(86_400_000)), (.time, "86400001", nil),
            (.date, #""3""#, .date(3)), (.timestamp, "-5", .timestamp(-5)),
            (array, "[1, null ,3]", .array([.integer(1), .null, .integer(3)])), (array, "{}", nil), (array, "[1,]", nil),
            (map, #"{"a":1,"A":2,"a":3}"#, .map([MapEntry(.string("a"), .bigint(3)), MapEntry(.string("A"), .bigint(2))])),
            (structure, #"{"a":1,"B":"x","A":7}"#, .structure([.integer(7), .null])), (structure, "null", .null),
        ]
        for (type, json, expected) in cases { #expect(try decoded(type, json) == expected, "\(type) \(json)") }
    }

    @Test func memberNames() throws {
        let decoder = try RowDecoder(source([ColumnDefinition("A", .integer), ColumnDefinition("b", .integer)]))
        let lines = [
            #"{"a":1,"B":2}"#, #"{"A":1,"a":2}"#, #"{"a":1,"A":2,"a":3}"#, #"{"a":"x","A":2}"#, #"{"\u0061":5 , "b" :6}"#,
            #"{"b":1,"a":9}"#, "{}",
            "null", "[]", "", #"{"a":1} x"#, #"{"a":1"#,
        ].map { Line("k", $0) }
        let (rows, errors) = try decoder.decode(run(lines))
        #expect(
            rows.map { Array($0.values[1...]) } == [
                [.integer(1), .null], [.integer(1), .null], [.integer(2), .null], [.integer(2), .null], [.integer(5), .integer(6)],
                [.integer(9), .integer(1)], [.null, .null], [.null, .null],
            ])
        #expect(errors.map(\.offset) == [8, 9, 10, 11])
        #expect(errors.allSatisfy { $0.cause == .valueDeserialization && $0.step == "Source" })
        #expect(errors[2].raw == Array(#"{"a":1} x"#.utf8))
    }

    @Test func errorNamesTheColumn() throws {
        let decoder = try RowDecoder(source([ColumnDefinition("A", .integer)]))
        let errors = try decoder.decode(run([Line("k", #"{"A":"x"}"#)])).errors
        #expect(errors.first?.column == "A" && errors.first?.message == #"cannot convert "x" to INTEGER"#)
    }

    @Test func numbersAsText() throws {
        let values: [(Double, String)] = [
            (10, "10.0"), (0.1, "0.1"), (1e7, "1.0E7"), (1e10, "1.0E10"), (9999999.5, "9999999.5"), (0.001, "0.001"), (0.00099, "9.9E-4"),
            (123.456, "123.456"), (-0.5, "-0.5"), (0, "0.0"), (-0.0, "-0.0"), (1.5e-7, "1.5E-7"), (2.1, "2.1"),
            (12345.678901, "12345.678901"), (.nan, #""NaN""#), (-.infinity, #""-Infinity""#),
            (1.7976931348623157e308, "1.7976931348623157E308"),
        ]
        let encoder = try RowEncoder(
            SourceSchema(key: [], value: [ColumnDefinition("V", .double)]), keyFormat: FormatSpec(.none),
            valueFormat: FormatSpec(.json, isUnwrapped: true))
        for (value, _) in values { encoder.append(key: [], values: [.double(value)], timestamp: 0) }
        let expected = values.map { "~|\($0.1)@0" }
        #expect(texts(encoder.take()) == expected)
    }

    @Test func allTypesRoundTrip() throws {
        let nested = SQLType.structure([
            StructField("L", .array(.map(key: .string, value: .double))), StructField("T", .timestamp), StructField("N", .string),
        ])
        let schema = SourceSchema(
            key: [ColumnDefinition("K", .bigint), ColumnDefinition("K2", .string)],
            value: [
                ColumnDefinition("B", .boolean), ColumnDefinition("I", .integer), ColumnDefinition("L", .bigint),
                ColumnDefinition("D", .double),
                ColumnDefinition("E", .decimal(precision: 30, scale: 3)), ColumnDefinition("S", .string), ColumnDefinition("Y", .bytes),
                ColumnDefinition("M", .time), ColumnDefinition("A", .date), ColumnDefinition("T", .timestamp),
                ColumnDefinition("N", nested),
            ])
        let values: [Value] = [
            .boolean(true), .integer(-7), .bigint(.min), .double(1.25),
            .decimal(Decimal(unscaled: -1_234_567_890_123_456_789_012, scale: 3)),
            .string("a\"b\\\n\u{1}é😀"), .bytes([0, 255, 16]), .time(5), .date(-3), .timestamp(1_700_000_000_000),
            .structure([.array([.map([MapEntry(.string("x\"y"), .double(0.5))]), .null]), .timestamp(5), .null]),
        ]
        let nulls = values.map { _ in Value.null }
        let encoder = try RowEncoder(schema, keyFormat: FormatSpec(.json), valueFormat: FormatSpec(.json))
        encoder.append(key: [.bigint(5), .string("k")], values: values, timestamp: 1)
        encoder.append(key: [.null, .string("k")], values: nulls, timestamp: 2)
        encoder.append(key: [.bigint(6), .null], values: nil, timestamp: 3)
        let decoder = try RowDecoder(
            SourceStep(
                sourceName: "S", topic: "t", kind: .stream, keyFormat: FormatSpec(.json), valueFormat: FormatSpec(.json), schema: schema,
                timestamp: nil, window: nil, needed: schema.columns.map { _ in true }, store: nil))
        let (rows, errors) = try decoder.decode(run(encoder.take()))
        #expect(errors.isEmpty)
        #expect(rows.map(\.values) == [[.bigint(5), .string("k")] + values, [.null, .string("k")] + nulls, [.bigint(6), .null] + nulls])
        #expect(rows.map(\.hasValue) == [true, true, false])
    }

    /// Numbers are read eight digits at a time: every length, with every kind of end behind it.
    @Test func numbersOfEveryLength() throws {
        for length in 1...20 {
            for first in ["1", "9", "-1", "-9"] {
                let text = first + (1..<max(1, length)).map { String($0 * 7 % 10) }.joined()
                let number = try #require(Int128(text))
                let expected = Value.bigint(Int64(truncatingIfNeeded: number))
                for end in ["", " ", "\n"] { #expect(try decoded(.bigint, text + end) == expected, "\(text)") }
                #expect(try decoded(.double, text) == .double(try #require(Double(text))), "\(text)")
                #expect(try decoded(.double, text + ".5e1") == .double(try #require(Double(text + ".5e1"))), "\(text)")
                #expect(try decoded(.string, text) == .string(text))
                for tail in ["x", "/", ":", "-", "0x", "\u{B0}"] { #expect(try decoded(.bigint, text + tail) == nil, "\(text)\(tail)") }
                // At a record's end, whatever stands behind it in the run.
                let bare = try RowDecoder(source([ColumnDefinition("V", .bigint)], valueFormat: FormatSpec(.json, isUnwrapped: true)))
                let rows = try bare.decode(run([Line("k", text), Line("1234567890123456", text), Line("k", "0" + text)]))
                #expect(rows.rows.map { $0.values[1] } == [expected, expected] && rows.errors.count == 1, "\(text)")
            }
        }
    }

    /// Texts are written sixteen, eight and four bytes at a time: every length, with what must be escaped at every place.
    @Test func textsOfEveryLength() throws {
        let schema = SourceSchema(key: [], value: [ColumnDefinition("V", .string), ColumnDefinition("W", .string)])
        let decoder = try RowDecoder(source(schema.value))
        for length in Array(0...40) + [63, 64, 110, 112, 113, 176, 240] {
            let encoder = try RowEncoder(schema, keyFormat: FormatSpec(.none), valueFormat: FormatSpec(.json))
            var texts: [String] = []
            for place in 0...length {
                for special in ["\"", "\\", "\u{0}", "\u{1F}", "\u{7F}", "é", " ", "!"] {
                    let text = String(repeating: "a", count: place) + special + String(repeating: "#", count: length - place)
                    texts.append(text)
                    encoder.append(key: [], values: [.string(text), .string(text)], timestamp: 0)
                }
            }
            let (rows, errors) = try decoder.decode(run(encoder.take()))
            #expect(errors.isEmpty && rows.map { $0.values[1] } == texts.map { .string($0) } && rows.map { $0.values[2] } == texts.map { .string($0) })
        }
    }

    /// A control character that is not escaped, or a byte that is no UTF-8, spoils the text wherever it stands, be the text read or skipped.
    @Test func spoiltTextsOfEveryLength() throws {
        for names in ["VW", "WV"] {
            let decoder = try RowDecoder(source(names.map { ColumnDefinition(String($0), .string) }))
            let lines = (0..<260).flatMap { place in
                ([0x1F, 0xFF] as [UInt8]).map { bad -> Line in
                    let text = String(repeating: "a", count: 260)
                    var bytes = Array("{\"V\":\"\(text)\",\"X\":\"\(text)\"}".utf8)
                    bytes[(place % 2 == 0 ? 6 : 273) + place] = bad
                    return Line(key: nil, value: bytes)
                }
            }
            let (rows, errors) = try decoder.decode(run(lines))
            #expect(rows.isEmpty && errors.count == lines.count)
        }
    }

    @Test func decimalsOfEveryScale() throws {
        for scale in 0...38 {
            let column = ColumnDefinition("V", .decimal(precision: 38, scale: scale))
            let encoder = try RowEncoder(SourceSchema(key: [], value: [column]), keyFormat: FormatSpec(.none), valueFormat: FormatSpec(.json))
            var unscaled: [Int128] = [0, 1, -1]
            for power in Decimal.powersOfTen { unscaled += [power - 1, power, -power + 1, power / 7] }
            for value in [Int128(UInt64.max), Int128(UInt64.max) + 1, Int128(Int64.min)] { unscaled.append(value) }
            for value in unscaled { encoder.append(key: [], values: [.decimal(Decimal(unscaled: value, scale: scale))], timestamp: 0) }
            let records = encoder.take()
            for (place, value) in unscaled.enumerated() {
                let digits = String(value.magnitude)
                let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
                let text = (value < 0 ? "-" : "") + padded.dropLast(scale) + (scale > 0 ? "." : "") + padded.suffix(scale)
                #expect(String(decoding: records.bytes[records.values[place].indexes], as: UTF8.self) == #"{"V":\#(text)}"#)
            }
        }
    }

    /// The names of one record are expected in the next, commas included: each is still found where they come otherwise.
    @Test func membersInAnyShape() throws {
        let decoder = try RowDecoder(source([ColumnDefinition("A", .integer), ColumnDefinition("LONG_NAME", .integer), ColumnDefinition("C", .string)]))
        let good = [
            #"{"A":1,"LONG_NAME":2,"C":"3"}"#, #"{"A":1,"LONG_NAME":2,"C":"3"}"#, #"{"A":1 ,"LONG_NAME":2, "C":"3"}"#,
            #"{ "A" : 1 , "LONG_NAME" : 2 , "C" : "3" }"#, #"{"LONG_NAME":2,"A":1,"C":"3"}"#, #"{"C":"3","LONG_NAME":2,"A":1}"#,
            #"{"A":1,"more":[{"x":1}],"LONG_NAME":2,"C":"3"}"#, #"{"A":1,"LONG_NAME":2,"LONG_NAMES":7,"C":"3"}"#,
            #"{"A":1,"LONG_NAME":2,"C":"3","A":1}"#,
        ]
        let bad = [
            #"{"A":1,,"LONG_NAME":2}"#, #"{"A":1,"LONG_NAME":2,}"#, #"{,"A":1}"#, #"{"A":1"LONG_NAME":2}"#, #"{"A":1,"LONG_NAME"2}"#,
            #"{"A":1,"LONG_NAME":2"#, #"{"A":1,"LONG_NAME":"#, #"{"A":1,"LONG_NA"#, #"{"A":1,"#,
        ]
        for broken in bad {
            let (rows, errors) = try decoder.decode(run((good + [broken] + good).map { Line("k", $0) }))
            let expected = [[Value]](repeating: [.integer(1), .integer(2), .string("3")], count: good.count * 2)
            #expect(rows.map { Array($0.values[1...]) } == expected, "\(broken)")
            #expect(errors.map { $0.offset?.count } == [Int64(good.count)], "\(broken)")
        }
    }

    /// Names are compared by words: one that differs in a single byte, wherever that is, is another one.
    @Test func namesOfEveryLength() throws {
        for length in 1...40 {
            let names = ["A", "B"].map { String(repeating: "N", count: length - 1) + $0 }
            let decoder = try RowDecoder(source(names.map { ColumnDefinition($0, .integer) }))
            let good = #"{"\#(names[0])":1,"\#(names[1])":2}"#
            var lines = [good, good], expected: [[Value]] = [[.integer(1), .integer(2)], [.integer(1), .integer(2)]]
            for place in 0..<length {
                for member in 0..<2 {
                    var other = Array(names[member].utf8)
                    other[place] = UInt8(ascii: "Z")
                    let text = String(decoding: other, as: UTF8.self)
                    lines.append(member == 0 ? #"{"\#(text)":1,"\#(names[1])":2}"# : #"{"\#(names[0])":1,"\#(text)":2}"#)
                    expected.append(member == 0 ? [.null, .integer(2)] : [.integer(1), .null])
                    lines.append(good)
                    expected.append([.integer(1), .integer(2)])
                }
            }
            let (rows, errors) = try decoder.decode(run(lines.map { Line("k", $0) }))
            #expect(errors.isEmpty && rows.map { Array($0.values[1...]) } == expected, "\(length)")
        }
    }

    @Test func kafkaBytes() throws {
        let cases: [(SQLType, Value, [UInt8])] = [
            (.integer, .integer(-2), [255, 255, 255, 254]), (.bigint, .bigint(258), [0, 0, 0, 0, 0, 0, 1, 2]),
            (.double, .double(1), [0x3F, 0xF0, 0, 0, 0, 0, 0, 0]), (.string, .string("é"), [0xC3, 0xA9]), (.bytes, .bytes([9]), [9]),
        ]
        for (type, value, bytes) in cases {
            let encoder = try RowEncoder(
                SourceSchema(key: [ColumnDefinition("K", type)], value: []), keyFormat: FormatSpec(.kafka), valueFormat: FormatSpec(.none))
            encoder.append(key: [value], values: [], timestamp: 0)
            let records = encoder.take()
            #expect(records.bytes == bytes)
            let decoder = try RowDecoder(source([], key: [ColumnDefinition("K", type)], valueFormat: FormatSpec(.none)))
            #expect(try decoder.decode(run(records)).rows.first?.values == [value])
        }
        let decoder = try RowDecoder(source([], key: [ColumnDefinition("K", .integer)], valueFormat: FormatSpec(.none)))
        #expect(try decoder.decode(run([Line("12345", nil)])).errors.first?.cause == .keyDeserialization)
    }

    @Test func delimited() throws {
        let columns = [
            ColumnDefinition("A", .string), ColumnDefinition("B", .integer), ColumnDefinition("C", .decimal(precision: 5, scale: 2)),
        ]
        let step = source(columns, valueFormat: FormatSpec(.delimited))
        let lines = [
            Line("k", "x,1,1.5"), Line("k", "\"a,\"\"b\",,\r\n"), Line("k", "x,1"), Line("k", ""), Line("k", "x,y,1"),
            Line("k", "x,1,1.555"),
        ]
        let sunk = sink(valueFormat: FormatSpec(.delimited, delimiter: "|"))
        let dataflow = try Dataflow(root: .source(step), destination: sunk)
        #expect(try feed(dataflow, lines) == ["k|x|1|1.50@0", #"k|"a,""b"||@0"#])
        #expect(dataflow.errorCounts == [.valueDeserialization: 4])
    }

    @Test func windowedKeys() throws {
        let key = Array("k".utf8) + [0, 0, 0, 0, 0, 0, 0, 20] + [0, 0, 0, 0, 0, 0, 0, 10]
        let step = source([ColumnDefinition("V", .integer)], window: .session)
        let decoder = try RowDecoder(step)
        let records = run([Line(key: key, value: Array(#"{"V":1}"#.utf8)), Line(key: [1], value: nil)])
        let (rows, errors) = try decoder.decode(records)
        #expect(rows.first?.windowStart == 10 && rows.first?.windowEnd == 20 && rows.first?.values == [.string("k"), .integer(1)])
        #expect(errors.map(\.cause) == [.keyDeserialization])
        let dataflow = try Dataflow(root: .source(step), destination: sink(window: .session))
        try dataflow.process(input: 0, run: records, range: 0..<1, partition: 0)
        let out = dataflow.takeOutput()
        #expect(Array(out.bytes[..<Int(out.keys[0].length)]) == key)
    }

    @Test func headers() throws {
        // Two headers: a = 1, b = null; varints are zigzag.
        let block: [UInt8] = [4, 2, 97, 2, 1, 2, 98, 1]
        let step = source(
            [], headers: [HeaderColumn(name: "H", key: nil), HeaderColumn(name: "A", key: "a"), HeaderColumn(name: "B", key: "b")])
        let records = run([Line(key: [107], value: Array("{}".utf8), headers: block), Line("k", "{}")])
        let rows = try RowDecoder(step).decode(records).rows
        #expect(
            rows.map { Array($0.values[1...]) } == [
                [
                    .array([.structure([.string("a"), .bytes([1])]), .structure([.string("b"), .null])]), .bytes([1]), .null,
                ], [.array([]), .null, .null],
            ])
        let dataflow = try Dataflow(root: .source(step), destination: sink())
        try dataflow.process(input: 0, run: records, range: 0..<2, partition: 0)
        let out = dataflow.takeOutput()
        #expect(out.headers.map(\.isNull) == [false, true])
        #expect(Array(out.bytes[Int(out.headers[0].start)..<Int(out.headers[0].start + out.headers[0].length)]) == block)
    }

    /// Whatever bytes arrive, decoding neither traps nor reads a neighbour: the same damaged record gives the same outcome whatever
    /// stands behind it.
    @Test func damagedRecords() throws {
        let nested = SQLType.structure([StructField("X", .array(.integer)), StructField("Y", .map(key: .string, value: .string))])
        let step = source([
            ColumnDefinition("A", .integer), ColumnDefinition("B", .string), ColumnDefinition("D", .double), ColumnDefinition("N", nested),
        ])
        let original = Array(#"{"A":12,"B":"x\n\u00e9é","D":-1.5e3,"N":{"X":[1,2,null],"Y":{"k":"v"}},"Z":[{"q":false}]}"#.utf8)
        var random = Random(11)
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0...random.next() % 3 {
                switch random.next() % 3 {
                case 0: bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(Int(random.next() % UInt64(bytes.count))...)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: Int(random.next() % UInt64(bytes.count + 1)))
                }
                if bytes.isEmpty { bytes = [0x7B] }
            }
            let damaged = Line(key: [107], value: bytes)
            let alone = try RowDecoder(step).decode(run([damaged])).rows
            let followed = try RowDecoder(step).decode(run([damaged, Line(key: [], value: Array(#"":1,"A":5}]}"x"}}"#.utf8))])).rows
            #expect(alone == followed, "\(bytes)")
        }
    }
}
