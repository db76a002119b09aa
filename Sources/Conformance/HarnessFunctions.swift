// The functions that only conformance cases call: they tell which overload was chosen, fail on purpose, or aggregate in unusual shapes.

import Functions
import Operators
import Values

/// Signatures and bodies of the functions that cases expect beside the built-in ones.
enum HarnessFunctions {
    /// The built-in functions and these.
    static let table = FunctionTable.builtIn.adding(scalarFamilies + tableFamilies + aggregateFamilies)

    static let bodies: AddedFunctions = {
        var added = AddedFunctions()
        added.scalars = scalars
        added.tables = tables
        added.aggregates = aggregates
        return added
    }()

    private static let scalarFamilies = [
        FunctionFamily(
            "test_udf", .other, "Tells which overload was chosen",
            [
                "(INT number, STRING text) STRING", "(BIGINT number, STRING text) STRING",
                "(BIGINT first, BIGINT second, STRING text) STRING",
                "(BIGINT... numbers) STRING", "(STRUCT<A STRING> value) STRING", "() STRUCT<A STRING>",
            ]),
        FunctionFamily(
            "bad_udf", .other, "Fails on purpose", ["(INT value) STRING", "(BOOLEAN fails) INT", "(STRING value) STRING"]),
        FunctionFamily("tostruct", .other, "A struct of one field", ["(STRING value) STRUCT<A STRING>"]),
        FunctionFamily(
            "WhenCondition", .other, "Fails when it is not expected to be evaluated", ["(BOOLEAN value, BOOLEAN expected) BOOLEAN"]),
        FunctionFamily("WhenResult", .other, "Fails when it is not expected to be evaluated", ["(INT value, BOOLEAN expected) INT"]),
        FunctionFamily("tostring", .other, "Text", ["(STRING value) STRING", "(INT value) STRING", "(BIGINT value) STRING"]),
        FunctionFamily(
            "multiply", .other, "Product",
            ["(INT first, INT second) BIGINT", "(BIGINT first, BIGINT second) BIGINT", "(DOUBLE first, DOUBLE second) DOUBLE"]),
        FunctionFamily("backward_concat", .other, "The second text before the first", ["(STRING first, STRING second) STRING"]),
    ]

    private static let scalars: [String: @Sendable ([SQLType]) -> AddedFunctions.Scalar] = [
        "TEST_UDF": chosenOverload,
        "BAD_UDF": failing,
        "TOSTRUCT": { _ in { .structure([$0[0]]) } },
        "WHENCONDITION": { _ in expecting },
        "WHENRESULT": { _ in expecting },
        "TOSTRING": { _ in { $0[0].isNull ? .null : .string(text($0[0])) } },
        "MULTIPLY": { _ in product },
        "BACKWARD_CONCAT": { _ in { .string(text($0[1]) + text($0[0])) } },
    ]

    /// A NULL for a parameter that cannot be NULL fails the call.
    static func requirePresent(_ arguments: some Sequence<Value>) throws(EvaluationError) {
        for argument in arguments where argument.isNull { throw EvaluationError("a parameter must not be null") }
    }

    @Sendable private static func chosenOverload(_ types: [SQLType]) -> AddedFunctions.Scalar {
        let name: String
        switch types {
        case []: return { _ in .structure([.string("foo")]) }
        case [.integer, .string]: name = "doStuffIntString"
        case [.bigint, .string]: name = "doStuffLongString"
        case [.bigint, .bigint, .string]: name = "doStuffLongLongString"
        case _ where types.allSatisfy { $0 == .bigint }: name = "doStuffLongVarargs"
        default:
            return { arguments in
                guard case .structure(let fields) = arguments[0] else { return .null }
                return fields[0]
            }
        }
        return { arguments throws(EvaluationError) in
            try requirePresent(zip(arguments, types).filter { $1 != .string }.map(\.0))
            return .string(name)
        }
    }

    @Sendable private static func failing(_ types: [SQLType]) -> AddedFunctions.Scalar {
        switch types {
        case [.string]:
            var calls = 0
            return { arguments in
                calls += 1
                return calls % 2 == 1 ? .null : arguments[0]
            }
        case [.boolean]:
            return { arguments throws(EvaluationError) in
                guard arguments[0] == .boolean(false) else { throw EvaluationError("failed on purpose") }
                return .integer(0)
            }
        default: return { _ throws(EvaluationError) in throw EvaluationError("failed on purpose") }
        }
    }

    private static func expecting(_ arguments: [Value]) throws(EvaluationError) -> Value {
        try requirePresent(arguments)
        guard arguments[1] == .boolean(true) else { throw EvaluationError("this was not expected to be evaluated") }
        return arguments[0]
    }

    private static func product(_ arguments: [Value]) -> Value {
        switch (arguments[0], arguments[1]) {
        case (.integer(let a), .integer(let b)): .bigint(Int64(a &* b))
        case (.bigint(let a), .bigint(let b)): .bigint(a &* b)
        case (.double(let a), .double(let b)): .double(a * b)
        default: .null
        }
    }

    /// A value as these functions print it.
    static func text(_ value: Value) -> String {
        switch value {
        case .boolean(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .bigint(let number): "\(number)"
        case .double(let number): "\(number)"
        case .decimal(let number): number.description
        case .string(let text): text
        case .structure(let fields): "Struct{A=\(text(fields[0]))}"
        case .array(let items): items.first.map(text) ?? "null"
        case .map(let entries): entries.first.map { text($0.value) } ?? "null"
        case .null, .bytes, .time, .date, .timestamp: "null"
        }
    }
}

// MARK: Table functions

extension HarnessFunctions {
    private static let printedTypes = ["INT", "BIGINT", "DOUBLE", "BOOLEAN", "STRING", "DECIMAL", "STRUCT<A STRING>"]

    private static func printed(_ types: [String]) -> String {
        "(" + types.enumerated().map { "\($1) f\($0)" }.joined(separator: ", ") + ") STRING"
    }

    private static let tableFamilies = [
        FunctionFamily(
            "test_udtf", .table, "One row of the argument, or a row of the text of each",
            [
                "(INT value) INT", "(BIGINT value) BIGINT", "(DOUBLE value) DOUBLE", "(BOOLEAN value) BOOLEAN", "(STRING value) STRING",
                "(DECIMAL value) DECIMAL(30, 10)", "(STRUCT<A STRING> value) STRUCT<A STRING>", printed(printedTypes),
                printed(printedTypes.map { "ARRAY<\($0)>" }), printed(printedTypes.map { "MAP<STRING, \($0)>" }),
                printed(["MAP<BIGINT, INT>"] + printedTypes.dropFirst().map { "MAP<STRING, \($0)>" }),
            ]),
        FunctionFamily("throwing_udtf", .table, "Fails when told to", ["(BOOLEAN fails) BOOLEAN"]),
    ]

    private static let tables: [String: @Sendable ([SQLType]) -> AddedFunctions.Table] = [
        "TEST_UDTF": { types in
            { arguments throws(EvaluationError) in
                for (argument, type) in zip(arguments, types) where argument.isNull {
                    if type == .integer || type == .bigint || type == .double || type == .boolean { try requirePresent([argument]) }
                }
                return arguments.count == 1 ? arguments : arguments.map { .string(text($0)) }
            }
        },
        "THROWING_UDTF": { _ in
            { arguments throws(EvaluationError) in
                guard arguments[0] == .boolean(false) else { throw EvaluationError("failed on purpose") }
                return arguments
            }
        },
    ]
}
