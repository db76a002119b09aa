// The aggregates that only conformance cases call: sums over unusual argument lists.

import Functions
import Operators
import Values

extension HarnessFunctions {
    static let aggregateFamilies = [
        FunctionFamily(
            "test_udaf", .aggregate, "Sum", undo: true,
            [
                "(BIGINT value) BIGINT", "(INT value) BIGINT", "(DOUBLE value) DOUBLE", "(STRING value, STRING literal init) BIGINT",
                "(STRUCT<A INT, B INT> value) STRUCT<A INT, B INT>",
            ]),
        FunctionFamily("VAR_ARG", .aggregate, "Sum of a number and the lengths of texts", ["(BIGINT number, STRING... texts) BIGINT"]),
        FunctionFamily(
            "MID_VAR_ARG", .aggregate, "Sum of a number and the lengths of texts",
            ["(BIGINT number, STRING... texts, INT literal first, INT literal second) BIGINT"]),
        FunctionFamily(
            "MULTI_ARG", .aggregate, "Sum of a number and the lengths of texts",
            ["(BIGINT number, STRING text, INT literal first, STRING... literal others) BIGINT"]),
        FunctionFamily(
            "FOUR_ARG", .aggregate, "Sum of a number and the lengths of texts",
            ["(BIGINT number, STRING a, STRING b, STRING c, INT literal first, STRING... literal others) BIGINT"]),
        FunctionFamily(
            "FIVE_ARG", .aggregate, "Sum of numbers and the lengths of texts",
            ["(BIGINT number, STRING a, STRING b, STRING c, INT last, INT literal first, STRING... literal others) BIGINT"]),
        FunctionFamily("GENERIC_VAR_ARG", .aggregate, "First values of complete rows", ["(A first, B second, C... others) ARRAY<A>"]),
        FunctionFamily("OBJ_COL_ARG", .aggregate, "Numbers of complete rows", ["(INT number, ANY... others) ARRAY<INT>"]),
    ]

    static let aggregates: [String: @Sendable ([SQLType], [Value], SQLType) -> AddedAggregate] = [
        "TEST_UDAF": { types, options, result in
            switch result {
            case .double: return doubleSum
            case .structure: return structSum(result)
            default: return sum(startingAt: options.reduce(0) { $0 + amount($1) })
            }
        },
        "VAR_ARG": { _, _, _ in sum() },
        "MID_VAR_ARG": { _, options, _ in sum(addingToResult: options.reduce(0) { $0 + amount($1) }) },
        "MULTI_ARG": { _, options, _ in sum(startingAt: options.reduce(0) { $0 + amount($1) }) },
        "FOUR_ARG": { _, options, _ in sum(startingAt: options.reduce(0) { $0 + amount($1) }) },
        "FIVE_ARG": { _, options, _ in sum(startingAt: options.reduce(0) { $0 + amount($1) }) },
        "GENERIC_VAR_ARG": { _, _, result in list(result) },
        "OBJ_COL_ARG": { _, _, result in list(result) },
    ]

    /// A number itself, a text's length; NULL is nothing.
    private static func amount(_ value: Value) -> Int64 {
        switch value {
        case .integer(let number): Int64(number)
        case .bigint(let number): number
        case .string(let text): Int64(text.utf16.count)
        default: 0
        }
    }

    private static func number(_ value: Value) -> Double { if case .double(let number) = value { number } else { 0 } }

    private static func sum(startingAt start: Int64 = 0, addingToResult extra: Int64 = 0) -> AddedAggregate {
        AddedAggregate(
            stateType: .bigint, initial: .bigint(start),
            add: { state, arguments in .bigint(arguments.reduce(amount(state)) { $0 &+ amount($1) }) },
            undo: { state, arguments in .bigint(arguments.reduce(amount(state)) { $0 &- amount($1) }) },
            merge: { .bigint(amount($0) &+ amount($1)) }, result: { .bigint(amount($0) &+ extra) })
    }

    private static let doubleSum = AddedAggregate(
        stateType: .double, initial: .double(0), add: { .double(number($0) + number($1[0])) },
        undo: { .double(number($0) - number($1[0])) }, merge: { .double(number($0) + number($1)) })

    private static func structSum(_ type: SQLType) -> AddedAggregate {
        @Sendable func combined(_ a: Value, _ b: Value, _ sign: Int32) -> Value {
            guard case .structure(let left) = a, case .structure(let right) = b else { return a }
            return .structure(zip(left, right).map { .integer(Int32(truncatingIfNeeded: amount($0) + Int64(sign) * amount($1))) })
        }
        return AddedAggregate(
            stateType: type, initial: .structure([.integer(0), .integer(0)]), add: { combined($0, $1[0], 1) },
            undo: { combined($0, $1[0], -1) }, merge: { combined($0, $1, 1) })
    }

    /// The first arguments of all rows without a NULL.
    private static func list(_ type: SQLType) -> AddedAggregate {
        @Sendable func items(_ value: Value) -> [Value] { if case .array(let items) = value { items } else { [] } }
        return AddedAggregate(
            stateType: type, initial: .array([]),
            add: { state, arguments in arguments.contains(where: \.isNull) ? state : .array(items(state) + [arguments[0]]) },
            merge: { .array(items($0) + items($1)) })
    }
}
