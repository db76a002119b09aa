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
}
