// A dataflow that is cancelled ends wherever it is: between two chunks, between two rows of one, and in the middle of one value. Each of
// these expressions would take minutes to years; a test that does not end has found one that does not look.

import Bytes
import Foundation
import Operators
import Plans
import Testing
import Values

private let signal = TypedExpression(.call("UNIX_TIMESTAMP", []), big)

private func call(_ name: String, _ type: SQLType, _ arguments: TypedExpression...) -> TypedExpression {
    TypedExpression(.call(name, arguments), type)
}

private func long(_ value: Int64) -> TypedExpression { .literal(.bigint(value), .bigint) }

/// A text of so many times `unit`, made where it is used.
private func filled(_ unit: String, _ count: Int32) -> TypedExpression { call("LPAD", text, string(""), number(count), string(unit)) }

private func lambda(_ slots: [Int], _ body: TypedExpression) -> TypedExpression {
    TypedExpression(.lambda(parameters: slots.map { LambdaParameter(slot: $0, name: "P\($0)", type: .double) }, body), body.type)
}

/// Projects `expression` of so many rows, beside a column that calls `now` before, and says whether the cancellation ended that. Without a
/// `flag` one is set on another thread once `now` was called.
private func ends(
    _ expression: TypedExpression, rows: Int = 1, random: @escaping () -> UInt64 = { 0 }, flag given: CancelFlag? = nil
) throws -> Bool {
    let flag = given ?? CancelFlag()
    let isBegun = DispatchSemaphore(value: 0)
    let environment = DataflowEnvironment(
        now: {
            isBegun.signal()
            return 0
        }, random: random)
    let root = project(
        .source(source([ColumnDefinition("A", .string)])), [("K", column(0, text)), ("T", signal), ("X", expression)])
    let dataflow = try Dataflow(root: root, destination: sink(), options: DataflowOptions(hasSlices: true), environment: environment)
    dataflow.cancel = flag
    if given == nil {
        Thread.detachNewThread {
            isBegun.wait()
            flag.set()
        }
    }
    let records = run((0..<rows).map { _ in Line("k", "{}") })
    do throws(DataflowError) {
        try dataflow.process(input: 0, run: records, range: 0..<rows, partition: 0)
        while dataflow.hasPending { try dataflow.resume() }
        return false
    } catch {
        return error.isCancelled
    }
}

@Suite struct CancellationTests {
    @Test(.timeLimit(.minutes(20))) func likeOfALongText() throws {
        let pattern = call("CONCAT", text, string("%"), filled("a", 1 << 20), string("b%"))
        #expect(try ends(TypedExpression(.like(filled("a", 8 << 20), pattern: pattern, escape: nil, negated: false), .boolean)))
    }

    @Test(.timeLimit(.minutes(20))) func aSearchInALongText() throws {
        let needle = call("CONCAT", text, filled("a", 1 << 20), string("b"))
        #expect(try ends(call("INSTR", int, filled("a", 8 << 20), needle)))
        #expect(try ends(call("REPLACE", text, filled("a", 8 << 20), needle, string("c"))))
        #expect(try ends(call("SPLIT", .array(text), filled("a", 8 << 20), needle)))
    }

    @Test(.timeLimit(.minutes(20))) func aRegularExpressionWithManyMatches() throws {
        let expression = string("a(?=(a|aa)*c|)")
        #expect(try ends(call("REGEXP_REPLACE", text, filled("a", 4 << 20), expression, string("b"))))
        #expect(try ends(call("REGEXP_EXTRACT_ALL", .array(text), expression, filled("a", 4 << 20))))
    }

    /// Each row by itself is quick.
    @Test(.timeLimit(.minutes(20))) func manyRowsOfLargeValues() throws {
        #expect(try ends(filled("ab", 16 << 20), rows: 4096))
        let series = call("GENERATE_SERIES", .array(big), long(1), long(1 << 20))
        #expect(try ends(call("ARRAY_SORT", .array(big), series), rows: 4096))
        #expect(try ends(call("ARRAY_DISTINCT", .array(big), series), rows: 4096))
    }

    /// The lambda's body sets the flag in its thousandth step; it is not called many times more.
    @Test func reduceEndsWithTheStep() throws {
        let series = call("GENERATE_SERIES", .array(big), long(1), long(2_000_000))
        let step = TypedExpression(.arithmetic(.add, .init(.lambdaParameter(0), .double), call("RANDOM", .double)), .double)
        let flag = CancelFlag()
        var calls = 0
        let hasEnded = try ends(
            call("REDUCE", .double, series, .literal(.double(0), .double), lambda([0, 1], step)),
            random: {
                calls += 1
                if calls == 1000 { flag.set() }
                return 0
            }, flag: flag)
        #expect(hasEnded && calls == 1000)
    }

    /// The body of a lambda is evaluated for pieces of a long array, and not for another one once the flag is set.
    @Test(arguments: ["TRANSFORM", "FILTER"]) func aLambdaEndsWithThePiece(name: String) throws {
        let series = call("GENERATE_SERIES", .array(big), long(1), long(200_000))
        let random = call("RANDOM", .double)
        let body = name == "TRANSFORM" ? random : TypedExpression(.isNull(random, negated: true), .boolean)
        let parameters = [LambdaParameter(slot: 0, name: "P0", type: .bigint)]
        let function = TypedExpression(.lambda(parameters: parameters, body), body.type)
        let flag = CancelFlag()
        var calls = 0
        let hasEnded = try ends(
            call(name, .array(name == "TRANSFORM" ? .double : big), series, function),
            random: {
                calls += 1
                if calls == 1000 { flag.set() }
                return 0
            }, flag: flag)
        #expect(hasEnded && calls <= 1 << 14)
    }

    /// What is quick for each element looks whether it is to end once in a few thousand of them.
    @Test(arguments: longValues.indices) func longValuesLook(index: Int) throws {
        let (whole, parts) = longValues[index]
        func looks(_ expression: TypedExpression) throws -> Int {
            let flag = CancelFlag(countsLooks: true)
            #expect(try !ends(expression, flag: flag))
            return flag.looks
        }
        let given = try parts.reduce(0) { try $0 + looks($1) }
        #expect(try looks(whole) >= given + elements / 2048)
    }
}

/// Elements of the arrays, and letters of the texts.
private let elements = 1 << 16

/// Functions of long values, and the arguments that are long to make.
private let longValues: [(whole: TypedExpression, parts: [TypedExpression])] = {
    let series = call("GENERATE_SERIES", .array(big), long(1), long(Int64(elements)))
    let letters = filled("ab", Int32(elements))
    return [
        (series, []),
        (call("ARRAY_JOIN", text, series, string(",")), [series]),
        (call("ARRAY_SORT", .array(big), series, string("DESC")), [series]),
        (call("ARRAY_MAX", big, series), [series]),
        (call("ARRAY_CONTAINS", .boolean, series, long(0)), [series]),
        (call("ARRAY_CONCAT", .array(big), series, series), [series, series]),
        (call("MASK", text, letters), [letters]),
        (call("INITCAP", text, letters), [letters]),
        (call("REPLACE", text, letters, string("a"), string("c")), [letters]),
        (call("REPLACE", text, letters, string(""), string("c")), [letters]),
        (call("SPLIT", .array(text), letters, string("a")), [letters]),
        (call("SPLIT", .array(text), letters, string("")), [letters]),
        (call("REGEXP_SPLIT_TO_ARRAY", .array(text), letters, string("a")), [letters]),
    ]
}()
