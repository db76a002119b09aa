// Every signature of the function table has a body, and no body falls over damaged input.

import Functions
import Operators
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
        case .bigint: [.null, .bigint(0), .bigint(2), .bigint(.max), .bigint(.min)]
        case .double: [.null, .double(0), .double(-1.5), .double(.nan), .double(.infinity), .double(1e300)]
        case .decimal(let precision, let scale):
            [
                .null, .decimal(Decimal(unscaled: (Decimal.powerOfTen(precision) ?? 1) - 1, scale: scale)),
                .decimal(Decimal(unscaled: -7, scale: scale)),
            ]
        case .string:
            [
                .null, .string(""), .string("a"), .string("{\"a\":[1,"), .string("[1,-2.5e3,\"x\",null]"), .string("\\"), .string("(é|😀)*"),
                .string("http://[::1]:80/p?q=%zz#"), .string("yyyy-MM-dd'T'HH:mm[:ss][X"), .string("$.a[\"b"), .string("\u{0}\u{FFFF}"),
                .string("2020-02-30T25:61:61Z"),
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
}
