// Kernels: operators, casts, guards, lambdas and functions, one row at a time and in batches.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// The value of an expression over a row, nil when it fails.
private func value(_ expression: TypedExpression, _ row: [Value] = [], _ types: [SQLType] = []) throws -> Value? {
    let evaluator = try ExpressionEvaluator([expression])
    let columns = types.enumerated().map { ColumnDefinition("C\($0.offset)", $0.element) }
    return try? evaluator.evaluate(row, columns: columns).first
}

private func literal(_ value: Value) -> TypedExpression {
    let type: SQLType
    switch value {
    case .boolean: type = .boolean
    case .integer: type = .integer
    case .bigint: type = .bigint
    case .double: type = .double
    case .string: type = .string
    case .date: type = .date
    case .time: type = .time
    case .timestamp: type = .timestamp
    case .array: type = .array(.integer)
    default: type = .bytes
    }
    return .literal(value, type)
}

private func decimal(_ text: String, _ precision: Int, _ scale: Int) -> TypedExpression {
    .literal(.decimal(Decimal(text: text.utf8)!), .decimal(precision: precision, scale: scale))
}

private func arithmetic(_ operation: ArithmeticOperator, _ a: Value, _ b: Value) -> TypedExpression {
    TypedExpression(.arithmetic(operation, literal(a), literal(b)), literal(a).type)
}

private func cast(_ expression: TypedExpression, _ type: SQLType) -> TypedExpression { TypedExpression(.cast(expression), type) }
private func cast(_ text: String, _ type: SQLType) -> TypedExpression { cast(string(text), type) }
private let failing = TypedExpression(.arithmetic(.divide, number(1), number(0)), .integer)
private let null = TypedExpression.literal(.null, .boolean)
private let yes = literal(.boolean(true))
private let no = literal(.boolean(false))

@Suite struct ExpressionTests {
    /// Literals are looked up all at once, other items one by one; NULL is equal to neither kind.
    @Test func membership() throws {
        func isIn(_ value: TypedExpression, _ items: [TypedExpression], not: Bool = false) -> TypedExpression {
            TypedExpression(.isIn(value, items, negated: not), .boolean)
        }
        let lists: [(type: SQLType, in: [Value], out: Value)] = [
            (.bigint, [.bigint(.min), .bigint(0), .bigint(.max)], .bigint(1)),
            (.double, [.double(0), .double(-.infinity)], .double(.nan)),
            (.string, [.string(""), .string("a"), .string("\u{e9}")], .string("e\u{301}")),
            (.decimal(precision: 4, scale: 2), [.decimal(Decimal(unscaled: 150, scale: 2))], .decimal(Decimal(unscaled: 151, scale: 2))),
            (.array(.string), [.array([]), .array([.null, .string("a")])], .array([.string("a")])),
        ]
        for list in lists {
            let literals = list.in.map { TypedExpression.literal($0, list.type) }
            for items in [literals, literals.map { _ in column(1, list.type) }, [.literal(.null, list.type)] + literals] {
                for inside in list.in {
                    let row = [inside, inside]
                    #expect(try value(isIn(column(0, list.type), items), row, [list.type, list.type]) == .boolean(true))
                    #expect(try value(isIn(column(0, list.type), items, not: true), row, [list.type, list.type]) == .boolean(false))
                }
                for outside in [list.out, .null] {
                    let row = [outside, list.in[0]]
                    #expect(try value(isIn(column(0, list.type), items), row, [list.type, list.type]) == .boolean(false))
                    #expect(try value(isIn(column(0, list.type), items, not: true), row, [list.type, list.type]) == .boolean(true))
                }
            }
        }
        #expect(try value(isIn(number(1), [number(1), failing])) == nil)
        #expect(try value(isIn(literal(.double(-0.0)), [literal(.double(0))])) == .boolean(true))
    }

    @Test func integerArithmetic() throws {
        #expect(try value(arithmetic(.add, .integer(.max), .integer(1))) == .integer(.min))
        #expect(try value(arithmetic(.multiply, .bigint(.max), .bigint(2))) == .bigint(-2))
        #expect(try value(arithmetic(.divide, .integer(-7), .integer(2))) == .integer(-3))
        #expect(try value(arithmetic(.modulo, .integer(-7), .integer(2))) == .integer(-1))
        #expect(try value(arithmetic(.divide, .bigint(.min), .bigint(-1))) == .bigint(.min))
        #expect(try value(arithmetic(.modulo, .bigint(.min), .bigint(-1))) == .bigint(0))
        #expect(try value(failing) == nil)
        #expect(try value(arithmetic(.divide, .double(1), .double(0))) == .double(.infinity))
        #expect(try value(TypedExpression(.negate(literal(.integer(.min))), .integer)) == .integer(.min))
        #expect(try value(arithmetic(.add, .string("a"), .string("b"))) == .string("ab"))
    }

    @Test func decimalArithmetic() throws {
        func compute(_ operation: ArithmeticOperator, _ a: String, _ b: String, _ precision: Int, _ scale: Int) throws -> String? {
            let expression = TypedExpression(
                .arithmetic(operation, decimal(a, 4, 2), decimal(b, 4, 2)), .decimal(precision: precision, scale: scale))
            guard case .decimal(let result) = try value(expression) else { return nil }
            return result.description
        }
        #expect(try compute(.add, "10.10", "2.05", 5, 2) == "12.15")
        #expect(try compute(.multiply, "10.10", "2.00", 9, 4) == "20.2000")
        #expect(try compute(.divide, "10.10", "2.00", 11, 7) == "5.0500000")
        #expect(try compute(.divide, "10.00", "3.00", 11, 7) == nil)
        #expect(try compute(.divide, "10.00", "0.00", 11, 7) == nil)
        #expect(try compute(.modulo, "-7.50", "2.00", 4, 2) == "-1.50")
    }

    @Test func comparisonsAndNull() throws {
        let missing = TypedExpression.literal(.null, .integer)
        func compare(_ operation: ComparisonOperator, _ a: TypedExpression, _ b: TypedExpression) throws -> Value? {
            try value(TypedExpression(.compare(operation, a, b), .boolean))
        }
        #expect(try compare(.equal, missing, number(1)) == .boolean(false))
        #expect(try compare(.notEqual, missing, number(1)) == .boolean(false))
        #expect(
            try value(TypedExpression(.not(TypedExpression(.compare(.less, missing, number(1)), .boolean)), .boolean)) == .boolean(true))
        #expect(try compare(.equal, decimal("1.0", 2, 1), decimal("1.00", 3, 2)) == .boolean(true))
        #expect(try compare(.equal, literal(.double(.nan)), literal(.double(.nan))) == .boolean(false))
        #expect(try compare(.less, string("a"), string("b")) == .boolean(true))
        // U+1F600 is a surrogate pair and stands before U+FFFD in UTF-16.
        #expect(try compare(.less, string("😀"), string("\u{FFFD}")) == .boolean(true))
        #expect(try value(TypedExpression(.isDistinct(missing, missing, negated: false), .boolean)) == .boolean(false))
        #expect(try value(TypedExpression(.isDistinct(missing, number(1), negated: true), .boolean)) == .boolean(false))
        #expect(try value(TypedExpression(.between(missing, number(1), number(2), negated: true), .boolean)) == .boolean(true))
        #expect(try value(TypedExpression(.isIn(missing, [number(1)], negated: true), .boolean)) == .boolean(true))
        #expect(try value(TypedExpression(.isIn(number(2), [number(1), missing, number(2)], negated: false), .boolean)) == .boolean(true))
        #expect(try value(TypedExpression(.isNull(missing, negated: false), .boolean)) == .boolean(true))
    }

    @Test func lazyLogic() throws {
        let bad = TypedExpression(.compare(.equal, failing, number(1)), .boolean)
        #expect(try value(TypedExpression(.and(no, bad), .boolean)) == .boolean(false))
        #expect(try value(TypedExpression(.or(yes, bad), .boolean)) == .boolean(true))
        #expect(try value(TypedExpression(.and(yes, bad), .boolean)) == nil)
        #expect(try value(TypedExpression(.and(null, yes), .boolean)) == nil)
        #expect(try value(TypedExpression(.or(no, null), .boolean)) == nil)
        #expect(try value(TypedExpression(.not(null), .boolean)) == nil)
        let choice = TypedExpression(
            .searchedCase(
                [
                    CaseBranch(condition: no, result: failing), CaseBranch(condition: yes, result: number(7)),
                    CaseBranch(condition: null, result: number(8)),
                ],
                otherwise: failing), .integer)
        #expect(try value(choice) == .integer(7))
    }

    @Test func guards() throws {
        #expect(try value(TypedExpression(.makeArray([failing, number(2)]), .array(.integer))) == .array([.null, .integer(2)]))
        let unparsable = cast("x", .integer)
        #expect(try value(TypedExpression(.call("COALESCE", [unparsable, number(7)]), .integer)) == .integer(7))
        #expect(try value(TypedExpression(.call("COALESCE", [failing, number(7)]), .integer)) == nil)
        let nested = TypedExpression(.call("ABS", [failing]), .integer)
        #expect(try value(TypedExpression(.call("COALESCE", [nested, number(7)]), .integer)) == .integer(7))
        #expect(try value(TypedExpression(.arithmetic(.add, number(1), unparsable), .integer)) == nil)
    }

    @Test func casts() throws {
        let cases: [(TypedExpression, SQLType, Value?)] = [
            (string(" 12 "), .integer, .integer(12)), (string("2147483648"), .integer, .null), (string("1.5"), .bigint, .null),
            (string("NaN"), .double, .null), (string("1e3"), .double, .double(1000)), (string("yEs"), .boolean, .boolean(true)),
            (string("nope"), .boolean, .boolean(false)), (string(""), .boolean, .boolean(false)),
            (string("12.345"), .decimal(precision: 4, scale: 2), .decimal(Decimal(unscaled: 1235, scale: 2))),
            (string("123"), .decimal(precision: 4, scale: 2), .null),
            (literal(.double(1.005)), .decimal(precision: 4, scale: 2), .decimal(Decimal(unscaled: 101, scale: 2))),
            (literal(.double(1e300)), .integer, .integer(.max)), (literal(.bigint(4_294_967_297)), .integer, .integer(1)),
            (literal(.double(1e10)), .string, .string("1.0E10")), (decimal("1.50", 3, 2), .string, .string("1.50")),
            (decimal("-1.99", 3, 2), .integer, .integer(-1)), (literal(.time(3_661_500)), .string, .string("01:01:01")),
            (literal(.time(3_600_000)), .string, .string("01:00")), (literal(.date(19_000)), .string, .string("2022-01-08")),
            (literal(.timestamp(1_700_000_000_123)), .string, .string("2023-11-14T22:13:20.123")),
            (string("2024-03"), .date, .date(19_783)),
            (string("2024-02-30"), .date, .null), (string("2024-03-01T10:15:30.250+01:00"), .timestamp, .timestamp(1_709_284_530_250)),
            (string("10:15"), .time, .time(36_900_000)), (literal(.timestamp(-1)), .date, .date(-1)),
            (literal(.date(-1)), .timestamp, .timestamp(-86_400_000)),
            (literal(.array([.integer(1), .null])), .string, .string("[1, null]")),
            (literal(.array([.integer(1), .null])), .array(.double), .array([.double(1), .null])),
            (string("AQI="), .bytes, .bytes([1, 2])),
        ]
        for (expression, type, expected) in cases { #expect(try value(cast(expression, type)) == expected, "\(expression) \(type)") }
    }

    @Test func like() throws {
        func like(_ text: String, _ pattern: String, escape: String? = nil) throws -> Value? {
            try value(TypedExpression(.like(string(text), pattern: string(pattern), escape: escape, negated: false), .boolean))
        }
        #expect(try like("abcd", "a%d") == .boolean(true))
        #expect(try like("abcd", "a_d") == .boolean(false))
        #expect(try like("a%d", "a!%d", escape: "!") == .boolean(true))
        #expect(try like("axd", "a!%d", escape: "!") == .boolean(false))
        #expect(try like("a\nd", "a%d") == .boolean(false))
        #expect(try like("😀", "__") == .boolean(true))
        #expect(try like("x", "x!", escape: "!") == nil)
        #expect(try like("aXbXc", "%X%c") == .boolean(true))
    }

    @Test func access() throws {
        let array = literal(.array([.integer(1), .integer(2), .integer(3)]))
        for (index, expected) in [(1, Value.integer(1)), (-1, .integer(3)), (0, .null), (4, .null), (-4, .null)] {
            #expect(try value(TypedExpression(.subscripted(array, number(Int32(index))), .integer)) == expected)
        }
        let map = TypedExpression(
            .makeMap([
                MapItem(key: string("a"), value: number(1)), MapItem(key: string("b"), value: number(2)),
                MapItem(key: string("a"), value: number(3)),
            ]),
            .map(key: .string, value: .integer))
        #expect(try value(TypedExpression(.subscripted(map, string("a")), .integer)) == .integer(3))
        #expect(try value(TypedExpression(.subscripted(map, string("z")), .integer)) == .null)
        let type = SQLType.structure([StructField("F", .integer), StructField("G", .string)])
        let structure = TypedExpression(.makeStruct([number(1), string("x")]), type)
        #expect(try value(TypedExpression(.field(structure, 1), .string)) == .string("x"))
        #expect(try value(TypedExpression(.field(.literal(.null, type), 1), .string)) == .null)
    }

    @Test func lambdas() throws {
        let array = TypedExpression.column(0, .array(.integer))
        let x = LambdaParameter(slot: 0, name: "X", type: .integer)
        let s = LambdaParameter(slot: 1, name: "S", type: .integer)
        let plus = TypedExpression(.arithmetic(.add, .init(.lambdaParameter(0), int), column(1, int)), int)
        let transform = TypedExpression(
            .call("TRANSFORM", [array, TypedExpression(.lambda(parameters: [x], plus), int)]), .array(.integer))
        let types: [SQLType] = [.array(.integer), .integer]
        #expect(try value(transform, [.array([.integer(1), .integer(2)]), .integer(10)], types) == .array([.integer(11), .integer(12)]))
        #expect(try value(transform, [.array([.integer(1), .null]), .integer(10)], types) == nil)
        #expect(try value(transform, [.null, .integer(10)], types) == .null)
        let greater = TypedExpression(.compare(.greater, .init(.lambdaParameter(0), int), number(1)), .boolean)
        let filter = TypedExpression(
            .call("FILTER", [array, TypedExpression(.lambda(parameters: [x], greater), .boolean)]), .array(.integer))
        #expect(try value(filter, [.array([.integer(1), .null, .integer(3)]), .integer(0)], types) == .array([.integer(3)]))
        let sum = TypedExpression(.arithmetic(.add, .init(.lambdaParameter(1), int), .init(.lambdaParameter(0), int)), int)
        let reduce = TypedExpression(
            .call("REDUCE", [array, column(1, int), TypedExpression(.lambda(parameters: [s, x], sum), int)]), int)
        #expect(try value(reduce, [.array([.integer(1), .integer(2), .integer(3)]), .integer(10)], types) == .integer(16))
        #expect(try value(reduce, [.null, .integer(10)], types) == .integer(10))
        #expect(try value(reduce, [.array([.integer(1), .null]), .integer(10)], types) == nil)
    }

    @Test func functions() throws {
        func call(_ name: String, _ type: SQLType, _ arguments: TypedExpression...) throws -> Value? {
            try value(TypedExpression(.call(name, arguments), type))
        }
        let missing = TypedExpression.literal(.null, .string)
        #expect(try call("CONCAT", text, string("a"), missing, string("b")) == .string("ab"))
        #expect(try call("CONCAT", text, missing) == .string(""))
        #expect(try call("UCASE", text, string("aß")) == .string("ASS"))
        #expect(try call("LEN", int, string("é😀")) == .integer(3))
        #expect(try call("TRIM", text, string(" \ta b\n")) == .string("a b"))
        #expect(try call("SUBSTRING", text, string("a test string"), number(-6), number(2)) == .string("st"))
        #expect(try call("SUBSTRING", text, string("hé😀llo"), number(2), number(3)) == .string("é😀"))
        #expect(try call("ROUND", big, literal(.double(-1.5))) == .bigint(-1))
        #expect(try call("ROUND", double, literal(.double(12345.678)), number(-2)) == .double(12300))
        #expect(try call("ROUND", double, literal(.double(2.675)), number(2)) == .double(2.68))
        #expect(try call("FLOOR", .decimal(precision: 2, scale: 1), decimal("-1.1", 2, 1)) == .decimal(Decimal(unscaled: -20, scale: 1)))
        #expect(try call("CEIL", .decimal(precision: 2, scale: 1), decimal("-1.7", 2, 1)) == .decimal(Decimal(unscaled: -10, scale: 1)))
        #expect(try call("REGEXP_EXTRACT", text, string("(.*) (.*)"), string("hello there"), number(2)) == .string("there"))
        #expect(try call("REGEXP_EXTRACT", text, string("z"), string("hello")) == .null)
        #expect(try call("REGEXP_EXTRACT", text, string("("), string("hello")) == nil)
        #expect(try call("REGEXP_EXTRACT", text, string("(a+)+$"), string(String(repeating: "a", count: 40) + "b")) != .string(""))
    }

    /// The same rows one by one and all at once: kernels over selections, NULLs and failures.
    @Test func batchesAgree() throws {
        let types: [SQLType] = [.integer, .double, .string, .boolean]
        let a = column(0, int)
        let b = column(1, double)
        let s = column(2, text)
        let f = column(3, .boolean)
        let quotient = TypedExpression(.arithmetic(.divide, number(100), a), int)
        let expressions: [TypedExpression] = [
            quotient, TypedExpression(.and(f, TypedExpression(.compare(.greater, quotient, number(3)), .boolean)), .boolean),
            TypedExpression(
                .searchedCase([CaseBranch(condition: f, result: s)], otherwise: TypedExpression(.call("UCASE", [s]), text)), text),
            TypedExpression(.arithmetic(.multiply, cast(a, .double), b), double),
            TypedExpression(.makeArray([quotient, a]), .array(.integer)),
            TypedExpression(.call("COALESCE", [s, string("-")]), text), cast(s, .integer),
        ]
        var random = Random(3)
        let rows: [[Value]] = (0..<200).map { _ in
            [
                random.next() % 5 == 0 ? .null : .integer(Int32(random.next() % 7)),
                random.next() % 5 == 0 ? .null : .double(Double(random.next() % 100) / 4),
                random.next() % 5 == 0 ? .null : .string("\(random.next() % 20)x".replacingX(random.next() % 2 == 0)),
                random.next() % 5 == 0 ? .null : .boolean(random.next() % 2 == 0),
            ]
        }
        let schema = types.enumerated().map { ColumnDefinition("C\($0.offset)", $0.element) }
        let encoder = try RowEncoder(SourceSchema(key: [], value: schema), keyFormat: FormatSpec(.none), valueFormat: FormatSpec(.json))
        for row in rows { encoder.append(key: [], values: row, timestamp: 0) }
        let records = run(encoder.take())
        let step = Step.project(
            ProjectStep(
                input: .source(source(schema, key: [], keyFormat: FormatSpec(.none))), expressions: expressions,
                output: RowSchema(
                    columns: expressions.enumerated().map { ColumnDefinition("E\($0.offset)", $0.element.type) }, keyCount: 0),
                isTable: false))
        var outputs: [[String]] = []
        var counts: [[RowErrorCause: Int]] = []
        for size in [1, 7, 4096] {
            let dataflow = try Dataflow(root: step, destination: .client(limit: nil, order: Array(step.output.columns.indices)))
            for start in stride(from: 0, to: records.count, by: size) {
                try dataflow.process(input: 0, run: records, range: start..<min(records.count, start + size), partition: 0)
            }
            outputs.append(dataflow.takeRows().texts)
            counts.append(dataflow.errorCounts)
        }
        #expect(outputs[0] == outputs[1] && outputs[0] == outputs[2] && outputs[0].count == 200)
        #expect(counts[0] == counts[1] && counts[0] == counts[2])
    }
}

extension String {
    /// Without its last letter, when told so.
    fileprivate func replacingX(_ drops: Bool) -> String { drops ? String(dropLast()) : self }
}
