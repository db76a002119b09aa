// Who holds whom: a dataflow of every kind of step goes when its owner lets it go, also after an error, and nothing of it stays.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// Held by the environment's closures, which every context, and through it every operator and frame of a dataflow, holds.
private final class Probe {
    func now() -> Int64 { 0 }
}

private let a = ColumnDefinition("A", .string)
private let left = source([a], topic: "left")

private func join(_ kind: JoinKind, leftKind: SourceKind = .stream, rightKind: SourceKind = .stream) -> Step {
    let leftStep = source([a], kind: leftKind, topic: "left")
    let rightStep = source([a], kind: rightKind, topic: "right")
    let columns = [ColumnDefinition("ID", .string)] + leftStep.output.columns + rightStep.output.columns
    return .join(
        JoinStep(
            left: .source(leftStep), right: .source(rightStep), type: .left, kind: kind, output: RowSchema(columns: columns, keyCount: 1),
            leftStore: StoreDescription(name: "l"), rightStore: StoreDescription(name: "r"), keyFormat: FormatSpec(.kafka)))
}

/// One plan a kind of step; the last field of each value is an expression that fails for the record `bad`.
private let plans: [(name: String, root: Step, destination: Destination)] = [
    ("source", .source(left), sink()),
    ("table", .source(source([a], kind: .table, store: "t")), sink(kind: .table)),
    ("client", .source(left), .client(limit: 3, order: [0, 1])),
    ("filter", .filter(FilterStep(input: .source(left), predicate: isBad, isTable: false)), sink()),
    ("project", project(.source(left), [("K", column(0, text)), ("N", quotient)]), sink()),
    (
        "rekey",
        .rekey(
            RekeyStep(
                input: .source(left), keys: [quotient],
                output: RowSchema(columns: [ColumnDefinition("N", .integer)] + left.output.columns, keyCount: 1), repartition: topic)),
        .exchange(topic)
    ),
    (
        "explode",
        .explode(
            ExplodeStep(
                input: .source(source([ColumnDefinition("A", .array(.string))])),
                functions: [TableFunctionCall(function: "EXPLODE", arguments: [column(1, .array(.string))], result: .string)],
                output: RowSchema(
                    columns: [ColumnDefinition("K", .string), ColumnDefinition("A", .array(.string)), ColumnDefinition("E", .string)],
                    keyCount: 1))),
        sink()
    ),
    ("aggregate", aggregate(events, [countAll, call("COLLECT_LIST", [column(1, big)], .array(.bigint))]), sink(kind: .table)),
    (
        "windows", aggregate(events, [countAll], window: WindowDescription(shape: .hopping(size: 10, advance: 5), grace: 8, retention: 18)),
        sink(kind: .table)
    ),
    ("sessions", aggregate(events, [countAll], window: session), sink(kind: .table)),
    (
        "table aggregate",
        aggregate(
            .source(source([ColumnDefinition("V", .bigint)], kind: .table, store: "in")), [call("SUM", [column(1, big)], big)], isTable: true),
        sink(kind: .table)
    ),
    ("streams", join(.streamStream(JoinWindow(before: 10, after: 10, grace: 0, hasGrace: true))), sink()),
    ("lookup", join(.streamTable, rightKind: .table), sink()),
    ("tables", join(.tableTable, leftKind: .table, rightKind: .table), sink(kind: .table)),
    ("foreign key", join(.foreignKey(column(1, text)), leftKind: .table, rightKind: .table), sink(kind: .table)),
]

private let topic = InternalTopic(name: "x", keyFormat: FormatSpec(.json, isUnwrapped: true))
private let isBad = TypedExpression(.compare(.notEqual, column(1, text), string("bad")), .boolean)
/// Ten by the length of A.
private let quotient = TypedExpression(.arithmetic(.divide, number(10), TypedExpression(.call("LEN", [column(1, text)]), .integer)), int)

@Suite struct OwnershipTests {
    @Test(arguments: plans.map(\.name)) func nothingOfADataflowStays(name: String) throws {
        let plan = try #require(plans.first { $0.name == name })
        weak var dataflow: Dataflow?
        weak var probe: Probe?
        try use(plan.root, plan.destination, &dataflow, &probe)
        #expect(dataflow == nil && probe == nil)
    }

    private func use(_ root: Step, _ destination: Destination, _ left: inout Dataflow?, _ witness: inout Probe?) throws {
        let probe = Probe()
        let environment = DataflowEnvironment(now: { probe.now() })
        let dataflow = try Dataflow(root: root, destination: destination, environment: environment)
        (left, witness) = (dataflow, probe)
        let records = run([
            Line("k", #"{"A":"a","V":1}"#, at: 1), Line("k", #"{"A":["x","y"],"V":2}"#, at: 2), Line("k", #"{"A":""}"#, at: 300_000_000),
            Line("k", "bad", at: 4), Line("k", nil, at: 5), Line(nil, #"{"A":"b"}"#, at: 6), Line("b", #"{"A":"k"}"#, at: 7),
        ])
        for input in dataflow.inputs.indices {
            for record in 0..<records.count { try dataflow.process(input: input, run: records, range: record..<record + 1, partition: 0) }
        }
        if dataflow.inputs.count == 2 {
            let order = (0..<records.count * 2).map { Int32($0 % 2) }
            let slices = (0..<2).map { InputSlice(input: $0, run: records, range: 0..<records.count, partition: 0) }
            try dataflow.process(slices, order: order)
        }
        try dataflow.flush()
        _ = (dataflow.takeOutput(), dataflow.takeRows(), dataflow.takeErrors())
        let log = try dataflow.takeChangelog()
        let copy = try Dataflow(root: root, destination: destination, environment: environment)
        for change in log { try copy.restore(store: change.store, run: run(change.records)) }
        #expect(throws: Never.self) { try copy.process(input: 0, run: records, range: 0..<records.count, partition: 0) }
    }

    /// After an error a dataflow is thrown away; it must go then, too.
    @Test func afterAnError() throws {
        weak var dataflow: Dataflow?
        weak var probe: Probe?
        func fail() throws {
            let held = Probe()
            let decimal = SQLType.decimal(precision: 2, scale: 0)
            let root = aggregate(.source(source([ColumnDefinition("V", decimal)])), [call("SUM", [column(1, decimal)], decimal)])
            var environment = DataflowEnvironment(now: { held.now() })
            environment.isQuestion = true
            let made = try Dataflow(root: root, destination: sink(), environment: environment)
            (dataflow, probe) = (made, held)
            let records = run([Line("a", #"{"V":60}"#), Line("a", #"{"V":60}"#)])
            #expect(throws: DataflowError.self) { try made.process(input: 0, run: records, range: 0..<2, partition: 0) }
        }
        try fail()
        #expect(dataflow == nil && probe == nil)
    }

    /// A query that waits holds nothing of the large runs that it has read, and goes on as one that never let go.
    @Test(arguments: plans.map(\.name)) func aWaitingDataflowHoldsNoRun(name: String) throws {
        let plan = try #require(plans.first { $0.name == name })
        func run(_ releases: Bool) throws -> (output: [String], errors: [String], held: Int) {
            let dataflow = try Dataflow(root: plan.root, destination: plan.destination)
            var (output, errors): ([String], [String]) = ([], [])
            weak var large: RecordRun?
            func feed(_ lines: [Line], offset: Int64) throws {
                let records = OperatorsTests.run(lines, offset: offset)
                if large == nil { large = records }
                for input in dataflow.inputs.indices { try dataflow.process(input: input, run: records, range: 0..<lines.count, partition: 0) }
                try dataflow.flush()
                while dataflow.hasPending { try dataflow.resume() }
                output += texts(dataflow.takeOutput())
                let rows = dataflow.takeRows()
                output += rows.rows.map { String(decoding: rows.bytes[$0.indexes], as: UTF8.self) }
                errors += dataflow.takeErrors().map(\.message)
                dataflow.discardChangelog()
                if releases { dataflow.releaseMemory() }
            }
            let filler = String(repeating: "x", count: 150_000)
            try feed(
                [
                    Line("k", #"{"A":"a","V":1,"F":"\#(filler)"}"#, at: 1), Line("k", #"{"A":["x","y"],"V":2}"#, at: 2), Line("k", "bad", at: 4),
                    Line("k", #"{"A":""}"#, at: 5),
                ], offset: 0)
            let held = large == nil ? 0 : 1
            try feed([Line("k", #"{"A":"b","V":3}"#, at: 6), Line("j", #"{"A":"k","V":4}"#, at: 7), Line("k", nil, at: 8)], offset: 4)
            return (output, errors, held)
        }
        let (released, kept) = (try run(true), try run(false))
        #expect(released.held == 0)
        #expect(released.output == kept.output && released.errors == kept.errors)
    }
}
