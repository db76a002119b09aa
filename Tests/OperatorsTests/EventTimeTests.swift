// Event times outside the years 1970 to 9999 are an error of their row at the source, wherever they come from, so that no operator meets one.

import Bytes
import Formats
import Operators
import Plans
import Quantities
import Testing
import Values

private let strange: [Int64] = [
    .min, -1, EventTime.latest.milliseconds + 1, 9_223_372_036_854_770_000, .max, 999_999_999_999_999_999, EventTime.bounds.lowerBound,
]

@Suite struct EventTimeTests {
    /// A windowed table over records with such times gives what it gives without them.
    @Test(arguments: [1, 4096]) func recordTimes(batch: Int) throws {
        let window = WindowDescription(shape: .tumbling(size: 1000), grace: 86_400_000, retention: 86_400_000)
        let root = aggregate(events, [countAll], window: window)
        let dataflow = try Dataflow(root: root, destination: sink(window: .time(kind: .tumbling, size: 1000)))
        let lines = [Line("a", #"{"V":1}"#, at: 5)] + strange.map { Line("a", #"{"V":1}"#, at: $0) } + [Line("a", #"{"V":1}"#, at: 7)]
        let output = try feed(dataflow, lines, batch: batch)
        #expect(output.last?.hasSuffix(#"{"A0":2}@7"#) == true)
        #expect(dataflow.errorCounts == [.timestamp: strange.count])
        let messages = dataflow.takeErrors().map(\.message)
        #expect(messages.contains("the record's timestamp is after the year 9999: 9223372036854770000"))
        #expect(messages.contains("the record's timestamp is negative: -9223372036854775808"))
    }

    @Test func timestampColumns() throws {
        let step = source([ColumnDefinition("T", .bigint)], timestamp: TimestampColumn(column: 1, pattern: nil, failsQuery: false))
        let lines = [Line("k", #"{"T":3}"#)] + strange.map { Line("k", #"{"T":\#($0)}"#) } + [Line("k", #"{"T":null}"#)]
        let (rows, errors) = try RowDecoder(step).decode(run(lines))
        #expect(rows.map(\.timestamp) == [3])
        #expect(errors.count == strange.count + 1 && errors.allSatisfy { $0.cause == .timestamp && $0.column == "T" })
        #expect(errors.last?.message == "the value of the timestamp column is null")
    }

    @Test func timestampTexts() throws {
        let step = source(
            [ColumnDefinition("T", .string)], timestamp: TimestampColumn(column: 1, pattern: "y-M-d H:m:s", failsQuery: false))
        let texts = [
            "2024-1-2 3:4:5", "1-1-1 0:0:0", "10000-1-1 0:0:0", "999999999999999999-1-1 0:0:0", "2024-1-1 1:999999999999999999:0",
            "2024-1-1 1:1:999999999999999999", "2024-1-1 999999999999999999:1:1", "2024-999999999999999999-1 1:1:1", "", "x",
        ]
        let (rows, errors) = try RowDecoder(step).decode(run(texts.map { Line("k", #"{"T":"\#($0)"}"#) }))
        #expect(rows.map(\.timestamp) == [1_704_164_645_000])
        #expect(errors.count == texts.count - 1)
        #expect(errors.last?.message == "the value of the timestamp column is unreadable: 'x'")
    }

    /// Windows at the ends of keys come from outside as well.
    @Test func windowsOfKeys() throws {
        func key(_ numbers: Int64...) -> [UInt8] {
            [107] + numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * Int64($0))) } }
        }
        let time = try RowDecoder(source([ColumnDefinition("V", .integer)], window: .time(kind: .tumbling, size: Milliseconds(.max))))
        let value = Array(#"{"V":1}"#.utf8)
        let (rows, errors) = try time.decode(run(([5] + strange).map { Line(key: key($0), value: value) }))
        #expect(rows.map(\.windowStart) == [5] && rows.first?.windowEnd == .max)
        #expect(errors.count == strange.count && errors.allSatisfy { $0.cause == .keyDeserialization })
        let session = try RowDecoder(source([ColumnDefinition("V", .integer)], window: .session))
        let keys = [key(20, 10), key(10, 20), key(.max, 0), key(0, .min)]
        #expect(try session.decode(run(keys.map { Line(key: $0, value: value) })).rows.map(\.windowEnd) == [20])
    }
}

@Suite struct DatePatternTests {
    private static let letters = "GyYuMLDdQqEecaHhKkmsSAnNXxZzVOwWFpB"
    private static let texts = [
        "", "0", "-1", "1", "12", "999999999999999999", "-999999999999999999", "9223372036854775807", "9223372036854775808", "x", "+99:99",
        "GMT+99:99", "+18:00", "America/New_York", String(repeating: "9", count: 1 << 20), String(repeating: "a", count: 1 << 20),
    ]

    /// Every letter in every width, before a letter that multiplies what it reads, over every strange text: a value or a failure.
    @Test func everyLetterReadsEveryText() {
        let functions = ["PARSE_TIMESTAMP", "PARSE_DATE", "PARSE_TIME", "STRINGTODATE", "STRINGTOTIMESTAMP"]
        for letter in Self.letters {
            for width in 1...6 {
                let field = String(repeating: letter, count: width)
                for text in Self.texts {
                    if text.utf8.count > 1000 {
                        guard width == 1 else { continue }
                        for function in ["PARSE_TIMESTAMP", "PARSE_DATE"] {
                            _ = call(function, arguments: [Cell(.string(text), .string), Cell(.string(field), .string)])
                        }
                        continue
                    }
                    for function in functions {
                        for (pattern, full) in [
                            (field, text), ("y-M-d H:" + field, "2024-1-1 1:" + text), (field + " H:m:s", text + " 1:2:3"),
                        ] {
                            _ = call(function, arguments: [Cell(.string(full), .string), Cell(.string(pattern), .string)])
                        }
                    }
                }
            }
        }
    }

    @Test func everyLetterWritesEveryValue() {
        for letter in Self.letters {
            for width in 1...6 {
                let pattern = Cell(.string(String(repeating: letter, count: width)), .string)
                for value in [Int64.min, .max, -1, 0, 999_999_999_999_999_999, -62_135_596_800_001, 253_402_300_800_000] {
                    _ = call("FORMAT_TIMESTAMP", arguments: [timestamp(value), pattern])
                    _ = call("TIMESTAMPTOSTRING", arguments: [big(value), pattern])
                    _ = call("FORMAT_DATE", arguments: [date(Int32(truncatingIfNeeded: value)), pattern])
                    _ = call("FORMAT_TIME", arguments: [time(Int32(truncatingIfNeeded: value)), pattern])
                }
            }
        }
    }

    @Test func timesAreBoundedBeforeTheyAreMultiplied() {
        for text in ["1/1/2024 1:999999999999999999", "1/1/2024 999999999999999999:1", "1/1/2024 1:60", "1/1/2024 24:01", "1/1/2024 25:00"] {
            #expect(call("PARSE_TIMESTAMP", .init(stringLiteral: text), "d/M/yyyy H:m") == .failure, "\(text)")
        }
        #expect(call("PARSE_TIMESTAMP", "1/1/2024 24:0", "d/M/yyyy H:m") == timestamp(1_704_153_600_000))
    }

    @Test func patternsThatAreNoneSayWhere() {
        for (text, offset) in [("bad", 0), ("yyyy-bb", 5), ("yyyy{", 4), ("yyyy'T", 4), ("HH]", 2), ("dddd", 0), ("V", 0)] {
            #expect { try DatePattern(text) } throws: { ($0 as? DatePatternError)?.offset == offset }
        }
    }
}
