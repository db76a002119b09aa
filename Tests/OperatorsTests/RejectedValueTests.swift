// What is said of values that do not fit their columns, and what a strict reader does not take.

import Bytes
import Formats
@testable import Operators
import Plans
import Testing
import Values

/// Why `text` is no row of `columns`: the column and the reason. Nil when it is one. With `readsAll` false no column is wanted.
private func problem(
    _ text: String, _ columns: [ColumnDefinition], _ format: FormatSpec, readsAll: Bool = true
) throws -> (String?, String)? {
    let decoder = try Codecs.decoder(format, columns, wanted: columns.map { _ in readsAll })
    let bytes = Array(text.utf8) + Array(repeating: 0, count: RecordRun.padding)
    let run = RecordRun(bytes: bytes, keys: [], values: [], headers: [], timestamps: [], offsets: [], nextOffset: 0, isAtEnd: false)
    decoder.begin(run, 1)
    let problem = bytes.withUnsafeBufferPointer { buffer -> DecodeProblem? in
        guard let base = buffer.baseAddress else { return nil }
        return decoder.decode(base, ByteRange(start: 0, length: Int32(text.utf8.count)), 0)
    }
    return problem.map { ($0.column, $0.message) }
}

private let person = SQLType.structure([
    StructField("NAME", .string), StructField("AGES", .array(.integer)), StructField("BY", .map(key: .string, value: .array(.bigint))),
])

@Suite struct RejectedValueTests {
    /// The reason names the place in the value, what was expected, and what was found.
    @Test(arguments: [
        (.array(.integer), #"[1,"x",3]"#, #"element 2: cannot convert "x" to INTEGER"#),
        (.array(.boolean), "[true,1]", "element 2: cannot convert 1 to BOOLEAN"),
        (.array(.double), #"[{"a":[1,2]}]"#, #"element 1: cannot convert {"a":[1,2]} to DOUBLE"#),
        (.array(.array(.bigint)), "[[1],[2,{}],[3]]", "element 2: element 2: cannot convert {} to BIGINT"),
        (.array(.date), #"["2024-01-01"]"#, #"element 1: cannot convert "2024-01-01" to DATE"#),
        (.array(.bytes), #"["AQI=","?"]"#, #"element 2: cannot convert "?" to BYTES"#),
        (.array(.decimal(precision: 4, scale: 2)), "[1.5,100]", "element 2: cannot convert 100 to DECIMAL(4, 2)"),
        (.array(.integer), #"{"a":1}"#, #"cannot convert {"a":1} to ARRAY<INTEGER>"#),
        (.map(key: .string, value: .integer), #"{"a":1,"b":true,"c":2}"#, "key 'b': cannot convert true to INTEGER"),
        (.map(key: .string, value: .integer), "[1]", "cannot convert [1] to MAP<STRING, INTEGER>"),
        (person, #"{"NAME":"x","AGES":[1,2,"old"],"BY":{}}"#, #"field AGES: element 3: cannot convert "old" to INTEGER"#),
        (person, #"{"by":{"k":[1,[2]]}}"#, "field BY: key 'k': element 2: cannot convert [2] to BIGINT"),
        (person, #"{"AGES":7,"more":[]}"#, "field AGES: cannot convert 7 to ARRAY<INTEGER>"),
    ] as [(SQLType, String, String)])
    func aNestedMismatchIsNamed(type: SQLType, value: String, reason: String) throws {
        let columns = [ColumnDefinition("A", .integer), ColumnDefinition("V", type), ColumnDefinition("Z", .string)]
        for readsAll in [true, false] {
            let found = try problem(#"{"A":1, "V": \#(value) ,"Z":"z"}"#, columns, FormatSpec(.json), readsAll: readsAll)
            #expect(found?.0 == "V" && found?.1 == reason, "\(value): \(String(describing: found))")
        }
        let bare = try problem(value, [ColumnDefinition("V", type)], FormatSpec(.json, isUnwrapped: true))
        #expect(bare?.0 == "V" && bare?.1 == reason)
        // What follows the value still has to be well-formed, and a later member of the same name still counts instead.
        #expect(try problem(#"{"V":\#(value),"Z":}"#, columns, FormatSpec(.json))?.1 == "malformed JSON")
        #expect(try problem(#"{"V":\#(value),"V":null}"#, columns, FormatSpec(.json)) == nil)
    }

    /// Where the text itself is broken, that is the reason, wherever a mismatch stands before it.
    @Test(arguments: [#"["x",]"#, #"["x" 1]"#, #"["x""#, #"["x",tru]"#, #"["x"}"#])
    func brokenTextIsMalformed(value: String) throws {
        let columns = [ColumnDefinition("V", .array(.integer))]
        for readsAll in [true, false] {
            #expect(try problem(#"{"V":\#(value)}"#, columns, FormatSpec(.json), readsAll: readsAll)?.1 == "malformed JSON")
        }
    }

    @Test func longValuesAreCut() throws {
        let columns = [ColumnDefinition("V", .map(key: .string, value: .integer))]
        let long = String(repeating: "y", count: 100_000)
        let found = try #require(try problem(#"{"V":{"\#(long)":"\#(long)"}}"#, columns, FormatSpec(.json)))
        #expect(found.1.utf8.count < 300 && found.1.hasSuffix("… to INTEGER"))
        #expect(try #require(try problem(#"["\#(long)"]"#, columns, FormatSpec(.json))).1.utf8.count < 300)
        #expect(try problem("[1,2]", columns, FormatSpec(.json))?.1 == "the JSON is no object but [1,2]")
    }

    // MARK: Lines that clients load

    private static let strictCSV: [(SQLType, good: [String], bad: [String])] = [
        (.boolean, ["true", "FALSE", "False", "\"true\""], ["yes", "no", "1", "0", " true", "true ", "t", "truex", "NULL"]),
        (.integer, ["1", "+1", "-2147483648"], ["1.0", "1x", " 1", "1 ", "2147483648", "0x1", "1_000", "--1", "+", "NaN"]),
        (.bigint, ["9223372036854775807"], ["9223372036854775808", "1.5", "1e3", "1L"]),
        (.double, ["1.5", "NaN", "Infinity", "-Infinity", " 1.5 ", "1e300"], ["1.5x", "nan", "inf", "1e999", "-1e999", " ", "1.5 2"]),
        (.decimal(precision: 4, scale: 2), ["1.5", "-99.99"], ["1.555", "100", "1.5x", " 1.5", "NaN", "1.5.5"]),
        (.date, ["19000"], ["2024-01-01", "19000.5", "99999999999"]), (.time, ["0"], ["12:00:00", "-1", "86400001"]),
        (.timestamp, ["1700000000000"], ["2024-01-01T00:00:00Z", "1.7e12"]), (.bytes, ["AQI="], ["?", "A", "AQI=x"]),
        (.string, [" a ", "yes"], []),
    ]

    @Test func noFieldOfALoadedLineIsChanged() throws {
        let format = FormatSpec(.delimited, refusesOverflow: true)
        for (type, good, bad) in RejectedValueTests.strictCSV {
            let columns = [ColumnDefinition("K", .integer), ColumnDefinition("V", type)]
            for text in good { #expect(try problem("1,\(text)", columns, format) == nil, "\(type) \(text)") }
            for text in bad {
                let found = try problem("1,\(text)", columns, format)
                #expect(found?.0 == "V" && found?.1 == "cannot convert '\(text)' to \(type)", "\(type) \(text)")
                #expect(try problem("1,\(text)", columns, format, readsAll: false)?.1 == found?.1)
            }
            #expect(try problem("1,", columns, format) == nil)
        }
        let two = [ColumnDefinition("K", .integer), ColumnDefinition("V", .boolean)]
        #expect(try problem("1,true\r2,false", two, format)?.1 == "text behind the end of the record")
        #expect(try problem("1,true\r\n", two, format) == nil)
    }

    /// A topic's records are read as ksqlDB reads them.
    @Test func aTopicIsReadAsKsqlDBReadsIt() throws {
        let columns = [ColumnDefinition("V", .boolean), ColumnDefinition("D", .double)]
        #expect(try problem("yes,1e999", columns, FormatSpec(.delimited)) == nil)
        #expect(try problem("true,1\rmore", columns, FormatSpec(.delimited)) == nil)
        #expect(try problem(#"{"V":true,"D":1e999}"#, columns, FormatSpec(.json)) == nil)
    }

    @Test(arguments: [
        (.integer, "1.5", "1.5 is no INTEGER"), (.integer, "2147483648", "2147483648 is out of the range of INTEGER"),
        (.bigint, "1e30", "1e30 is no BIGINT"), (.bigint, "9223372036854775808", "9223372036854775808 is out of the range of BIGINT"),
        (.double, "1e999", "1e999 is out of the range of DOUBLE"), (.double, #""-1e999""#, #"cannot convert "-1e999" to DOUBLE"#),
        (.timestamp, "1.5", "cannot convert 1.5 to TIMESTAMP"), (.timestamp, "1e30", "cannot convert 1e30 to TIMESTAMP"),
        (.boolean, #""yes""#, #"cannot convert "yes" to BOOLEAN"#), (.integer, #""1x""#, #"cannot convert "1x" to INTEGER"#),
    ] as [(SQLType, String, String)])
    func noMemberOfALoadedLineIsChanged(type: SQLType, value: String, reason: String) throws {
        let format = FormatSpec(.json, refusesOverflow: true)
        for readsAll in [true, false] {
            let found = try problem(#"{"V":\#(value)}"#, [ColumnDefinition("V", type)], format, readsAll: readsAll)
            #expect(found?.0 == "V" && found?.1 == reason)
            let nested = try problem(#"{"V":[\#(value)]}"#, [ColumnDefinition("V", .array(type))], format, readsAll: readsAll)
            #expect(nested?.1 == "element 1: \(reason)")
        }
    }

    @Test(arguments: [
        (.integer, "1.0"), (.integer, "1e3"), (.bigint, "9223372036854775807"), (.double, #""Infinity""#), (.double, #""NaN""#),
        (.timestamp, "-5"),
    ] as [(SQLType, String)])
    func whatIsNotChangedIsTaken(type: SQLType, value: String) throws {
        #expect(try problem(#"{"V":\#(value)}"#, [ColumnDefinition("V", type)], FormatSpec(.json, refusesOverflow: true)) == nil)
    }
}
