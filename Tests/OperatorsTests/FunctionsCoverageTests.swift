// Every signature of the function table has a body, and no body falls over damaged input.

import Bytes
import Formats
import Functions
import Operators
import Plans
import Testing
import Values

@Suite struct FunctionsCoverageTests {
    /// A type for each type variable, and for each pattern.
    private func type(_ pattern: TypePattern, _ variables: [String: SQLType]) -> SQLType? {
        switch pattern {
        case .exactly(let type): type
        case .anyDecimal, .wholeDecimal, .widestDecimal: .decimal(precision: 10, scale: 2)
        case .variable(let name): variables[name] ?? .integer
        case .any: .integer
        case .array(let element): type(element, variables).map { .array($0) }
        case .map(let key, let value): type(key, variables).flatMap { key in type(value, variables).map { .map(key: key, value: $0) } }
        case .structure, .lambda, .topEntries: nil
        case .intervalUnit: .string
        }
    }

    private let variants: [SQLType] = [
        .boolean, .integer, .bigint, .double, .decimal(precision: 4, scale: 2), .string, .bytes, .date, .time, .timestamp, .array(.string),
        .map(key: .string, value: .integer), .structure([StructField("A", .integer)]),
    ]

    /// The argument types of every signature without lambdas, in all variants of its type variables.
    private var calls: [(name: String, types: [SQLType])] {
        var calls: [(String, [SQLType])] = []
        for family in FunctionTable.builtIn.all where family.kind == .scalar && family.category != .lambda {
            for signature in family.signatures {
                for variant in variants {
                    let variables = Dictionary(uniqueKeysWithValues: ["T", "K", "V", "S", "R"].map { ($0, variant) })
                    let parameters = signature.parameters.flatMap { $0.isVariadic ? [$0, $0] : [$0] }
                    calls.append((family.name, parameters.compactMap { type($0.type, variables) }))
                }
            }
        }
        return calls
    }

    @Test func everySignatureHasABody() {
        for (name, types) in calls { #expect(hasScalarFunction(name, types), "\(name)(\(types))") }
    }

    private func samples(_ type: SQLType) -> [Value] {
        switch type {
        case .boolean: [.null, .boolean(true), .boolean(false)]
        case .integer: [.null, .integer(0), .integer(-1), .integer(3), .integer(.max), .integer(.min)]
        case .bigint: [.null, .bigint(0), .bigint(2), .bigint(.max), .bigint(.min), .bigint(-1), .bigint(999_999_999_999_999_999)]
        case .double:
            [
                .null, .double(0), .double(-1.5), .double(.nan), .double(.infinity), .double(1e300), .double(-.infinity), .double(-1e300),
                .double(.leastNonzeroMagnitude), .double(1e18),
            ]
        case .decimal(let precision, let scale):
            [
                .null, .decimal(Decimal(unscaled: (Decimal.powerOfTen(precision) ?? 1) - 1, scale: scale)),
                .decimal(Decimal(unscaled: -7, scale: scale)),
            ]
        case .string:
            [
                .null, .string(""), .string("a"), .string("{\"a\":[1,"), .string("[1,-2.5e3,\"x\",null]"), .string("\\"), .string("(é|😀)*"),
                .string("http://[::1]:80/p?q=%zz#"), .string("yyyy-MM-dd'T'HH:mm[:ss][X"), .string("$.a[\"b"), .string("\u{0}\u{FFFF}"),
                .string("2020-02-30T25:61:61Z"), .string("999999999999999999"), .string("-9223372036854775808"),
                .string("1/1/2024 1:999999999999999999"), .string("999999999-12-31"),
            ]
        case .bytes: [.null, .bytes([]), .bytes([0xFF, 0xC0, 0x00]), .bytes(Array(repeating: 0x80, count: 16))]
        case .time: [.null, .time(0), .time(86_399_999)]
        case .date: [.null, .date(0), .date(.max), .date(.min)]
        case .timestamp: [.null, .timestamp(0), .timestamp(.max), .timestamp(.min)]
        case .array(let element): [.null, .array([]), .array(Array(samples(element).prefix(4)))]
        case .map(_, let value):
            [.null, .map([]), .map([MapEntry(.string("k"), samples(value)[0]), MapEntry(.string("b"), samples(value)[1])])]
        case .structure(let fields): [.null, .structure(fields.map { samples($0.type)[1] })]
        }
    }

    /// Every function over strange values in all places: a result, NULL or a failure, but no end of the process.
    @Test func strangeValuesNeverStopTheProcess() {
        var state: UInt64 = 42
        func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for (name, types) in calls {
            for _ in 0..<(types.isEmpty ? 1 : 12) {
                let arguments = types.map { type in
                    let values = samples(type)
                    return Cell(values[next(values.count)], type)
                }
                _ = call(name, arguments: arguments)
            }
        }
    }

    /// Every function with each numeric and text argument at each of its ends in turn, the others as they usually are.
    @Test func everyArgumentAtItsEnds() {
        var seen: Set<String> = []
        for (name, types) in calls where seen.insert("\(name)\(types)").inserted {
            let usual = types.map { samples($0).first { !$0.isNull } ?? .null }
            for index in types.indices {
                for value in samples(types[index]) {
                    var values = usual
                    values[index] = value
                    _ = call(name, arguments: zip(values, types).map { Cell($0, $1) })
                    _ = call(name, arguments: types.map { Cell($0 == types[index] ? value : samples($0)[0], $0) })
                }
            }
        }
    }

    /// A text of 1 MiB in every text argument: an answer, and no more than a value may have.
    @Test func oneMebibyteInEveryTextArgument() {
        let large = Value.string(String(repeating: "aB1 ,", count: (1 << 20) / 5))
        var seen: Set<String> = []
        for (name, types) in calls where types.contains(.string) && seen.insert("\(name)\(types)").inserted {
            for index in types.indices where types[index] == .string {
                var values = types.map { type -> Value in
                    switch type {
                    case .string: .string(",")
                    case .integer: .integer(.max)
                    case .bigint: .bigint(.max)
                    default: samples(type).first { !$0.isNull } ?? .null
                    }
                }
                values[index] = large
                let result = call(name, arguments: zip(values, types).map { Cell($0, $1) })
                if case .string(let text) = result.value, result.problem == nil { #expect(text.utf8.count <= 16 << 20, "\(name)") }
            }
        }
    }

    @Test func valuesHaveOneLimit() {
        let large = Cell(.string(String(repeating: "x", count: 1 << 20)), .string)
        let many = Cell(array: Array(repeating: large, count: 20), of: .string)
        let calls: [Cell] = [
            call("CONCAT", arguments: Array(repeating: large, count: 20)), call("CONCAT_WS", arguments: Array(repeating: large, count: 20)),
            call("LPAD", "x", Cell(.integer(.max), .integer), "y"), call("RPAD", "x", 17_000_000, "y"), call("REPLACE", large, "x", large),
            call("REGEXP_REPLACE", large, "x", large), call("ARRAY_JOIN", many, large), call("ARRAY_CONCAT", many, many),
        ]
        for result in calls { #expect(result.problem == "the value has more than 16 MiB") }
        #expect(call("GENERATE_SERIES", big(0), big(.max)).problem == "the series has more than 2097152 elements")
        #expect(call("GENERATE_SERIES", big(.min), big(.max)) == .failure)
        #expect(call("ARRAY_LENGTH", call("GENERATE_SERIES", 1, 30_000)) == 30_000)
    }

    /// What a row gives does not depend on which others share its batch.
    @Test(arguments: [1, 64, 4096]) func rowsDoNotDependOnEachOther(batch: Int) throws {
        let series = TypedExpression(
            .call("GENERATE_SERIES", [.literal(.integer(1), .integer), .literal(.integer(30_000), .integer)]), .array(.integer))
        let length = TypedExpression(.call("ARRAY_LENGTH", [series]), .integer)
        let filler = Array(repeating: UInt8(7), count: 4096)
        let padded = TypedExpression(
            .call("LPAD", [.literal(.bytes([1]), .bytes), .literal(.integer(1 << 18), .integer), .literal(.bytes(filler), .bytes)]), .bytes)
        let root = project(
            .source(source([])), [("K", column(0, text)), ("N", length), ("L", TypedExpression(.call("LEN", [padded]), .integer))])
        let count = 600
        let lines = (0..<count).map { Line("\($0)", "{}") }
        let result = try output(root, lines, batch: batch)
        #expect(result == (0..<count).map { #"\#($0)|{"N":30000,"L":262144}@0"# })
    }
}
