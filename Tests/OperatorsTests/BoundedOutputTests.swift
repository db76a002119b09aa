// What a batch makes is bounded: expanding operators emit chunks, give the thread back between slices, end when they are told to, and a
// record that makes too much goes without leaving half of what it did.

import Bytes
import Formats
import Operators
import Plans
import TestSupport
import Testing
import Values

private let strings = SQLType.array(.string)

/// `SELECT K, B, EXPLODE(L) AS E`
private let exploded: Step = {
    let input = source([ColumnDefinition("B", .string), ColumnDefinition("L", strings)])
    let whole = Step.explode(
        ExplodeStep(
            input: .source(input), functions: [TableFunctionCall(function: "EXPLODE", arguments: [column(2, strings)], result: .string)],
            output: RowSchema(columns: input.output.columns + [ColumnDefinition("E", .string)], keyCount: 1)))
    return project(whole, [("K", column(0, text)), ("B", column(1, text)), ("E", column(3, text))])
}()

private func record(_ body: String, _ elements: Int, at time: Int64 = 0) -> Line {
    Line("k", #"{"B":"\#(body)","L":[\#((0..<elements).map { "\"\($0)\"" }.joined(separator: ","))]}"#, at: time)
}

private func join(_ type: JoinType, _ kind: JoinKind, isTable: Bool = false) -> Step {
    let sourceKind: SourceKind = isTable ? .table : .stream
    let left = source([ColumnDefinition("A", .string)], kind: sourceKind, topic: "left")
    let right = source([ColumnDefinition("B", .string)], kind: sourceKind, topic: "right")
    return join(.source(left), .source(right), type, kind, stores: "l", "r")
}

/// Joins two steps; the rows have the columns ID, then those of both sides.
private func join(_ left: Step, _ right: Step, _ type: JoinType, _ kind: JoinKind, stores: String...) -> Step {
    let columns = [ColumnDefinition("ID", .string)] + left.output.columns + right.output.columns
    let unique = columns.enumerated().map { ColumnDefinition("C\($0.offset)", $0.element.type) }
    return .join(
        JoinStep(
            left: left, right: right, type: type, kind: kind, output: RowSchema(columns: unique, keyCount: 1),
            leftStore: StoreDescription(name: stores[0]), rightStore: StoreDescription(name: stores[1]), keyFormat: FormatSpec(.kafka)))
}

private let always = JoinWindow(before: 1_000_000, after: 1_000_000, grace: 0, hasGrace: false)

/// What a driver saw: rows in all, and the most rows and bytes that it had to hold at once.
private struct Drained {
    var rows = 0
    var mostRows = 0
    var mostBytes = 0
    var slices = 0

    mutating func take(_ dataflow: Dataflow) {
        let block = dataflow.takeRows()
        rows += block.count
        mostRows = max(mostRows, block.count)
        mostBytes = max(mostBytes, block.bytes.count)
        slices += 1
    }
}

/// Drives what is pending, at most `limit` slices of it.
private func drain(_ dataflow: Dataflow, atMost limit: Int = .max) throws -> Drained {
    var drained = Drained()
    drained.take(dataflow)
    while dataflow.hasPending, drained.slices < limit {
        try dataflow.resume()
        drained.take(dataflow)
    }
    return drained
}

private func client(_ root: Step) throws -> Dataflow {
    try Dataflow(
        root: root, destination: .client(limit: nil, order: Array(root.output.columns.indices)), options: DataflowOptions(hasSlices: true))
}

/// A slice may be passed by one chunk.
private func isBounded(_ drained: Drained) -> Bool {
    drained.mostRows <= OutputLimits.sliceRows + OutputLimits.chunkRows
        && drained.mostBytes <= OutputLimits.sliceBytes + 4 * OutputLimits.chunkBytes
}

/// Ends the pending work from outside and says whether it ended at once.
private func endsWhenCancelled(_ dataflow: Dataflow) -> Bool {
    guard dataflow.hasPending else { return false }
    dataflow.cancel.set()
    do throws(DataflowError) {
        try dataflow.resume()
        return false
    } catch {
        return error.isCancelled && dataflow.hasPending
    }
}

@Suite struct BoundedOutputTests {
    /// A lambda may make each element as large as the record; the value is given up at 16 MiB, whatever comes after.
    @Test func anArrayOfLargeElementsIsAnError() throws {
        let body = TypedExpression(
            .lambda(parameters: [LambdaParameter(slot: 0, name: "X", type: .string)], column(1, text)), .string)
        let array = TypedExpression(.call("TRANSFORM", [column(2, strings), body]), strings)
        let length = TypedExpression(.call("ARRAY_LENGTH", [array]), .integer)
        let root = project(
            .source(source([ColumnDefinition("B", .string), ColumnDefinition("L", strings)])), [("K", column(0, text)), ("N", length)])
        let dataflow = try Dataflow(root: root, destination: sink(), options: DataflowOptions(hasSlices: true))
        let lines = [record("a", 2), record(String(repeating: "x", count: 500_000), 9000), record("b", 3)]
        try dataflow.process(input: 0, run: run(lines), range: 0..<3, partition: 0)
        while dataflow.hasPending { try dataflow.resume() }
        #expect(texts(dataflow.takeOutput()) == [#"k|{"N":2}@0"#, #"k|{"N":null}@0"#, #"k|{"N":3}@0"#])
        #expect(dataflow.takeErrors().map(\.message) == ["the value has more than 16 MiB"])
    }

    /// 9,000 rows with a text of 500 KB each are 4.5 GB: an error of this record alone, given by itself.
    @Test func aRecordThatMakesTooMuchIsLeftOut() throws {
        let body = String(repeating: "x", count: 500_000)
        let lines = [record("a", 2), record(body, 9000), record("b", 1)]
        let dataflow = try Dataflow(root: exploded, destination: sink(), options: DataflowOptions(hasSlices: true))
        let records = run(lines)
        for index in 0..<3 {
            try dataflow.process(input: 0, run: records, range: index..<index + 1, partition: 0)
            while dataflow.hasPending { try dataflow.resume() }
        }
        #expect(texts(dataflow.takeOutput()) == [#"k|{"B":"a","E":"0"}@0"#, #"k|{"B":"a","E":"1"}@0"#, #"k|{"B":"b","E":"0"}@0"#])
        let errors = dataflow.takeErrors()
        #expect(errors.map(\.cause) == [.tooLarge] && errors.first?.offset == 1)
        #expect(errors.first?.message == "the record makes more than 256 MiB of output")
        // Among others it cannot be told apart: they are to come one by one.
        let error = #expect(throws: DataflowError.self) { try output(exploded, sink(), lines) }
        #expect(error?.isOutputTooLarge == true && error?.offset == nil)
    }

    /// One text that all rows show takes no memory until it is written.
    @Test func aLongLiteral() throws {
        let literal = String(repeating: "x", count: 1 << 20)
        let root = project(.source(source([ColumnDefinition("A", .string)])), [("K", column(0, text)), ("X", string(literal))])
        let error = #expect(throws: DataflowError.self) { try output(root, sink(), (0..<4096).map { _ in Line("k", "{}") }) }
        #expect(error?.isOutputTooLarge == true && error?.message == "the output of one commit is larger than 256 MiB")
    }

    /// A client's rows are handed on as they are made, however many there are.
    @Test func explodeInSlices() throws {
        let dataflow = try client(exploded)
        let records = run([record(String(repeating: "x", count: 20_000), 3000)])
        try dataflow.process(input: 0, run: records, range: 0..<1, partition: 0)
        #expect(dataflow.hasPending)
        let drained = try drain(dataflow)
        #expect(drained.rows == 3000 && drained.slices > 5 && isBounded(drained))
        try dataflow.process(input: 0, run: records, range: 0..<1, partition: 0)
        #expect(endsWhenCancelled(dataflow))
    }

    @Test func batchesGrowAndShrinkWithWhatTheyMake() throws {
        let dataflow = try client(exploded)
        #expect(dataflow.batchLimit == 16)
        let small = run((0..<64).map { _ in record("a", 2) })
        try dataflow.process(input: 0, run: small, range: 0..<16, partition: 0)
        #expect(dataflow.batchLimit == 32)
        // Half a batch says nothing of a whole one.
        try dataflow.process(input: 0, run: small, range: 0..<3, partition: 0)
        #expect(dataflow.batchLimit == 32)
        let large = run((0..<32).map { _ in record("a", 10_000) })
        try dataflow.process(input: 0, run: large, range: 0..<32, partition: 0)
        _ = try drain(dataflow)
        #expect(dataflow.batchLimit < 8)
        #expect(try client(.source(source([ColumnDefinition("A", .string)]))).batchLimit == 4096)
    }

    /// 4,096 rows of one key with 100,000 partners each: chunk by chunk, until somebody ends it.
    @Test func aHotKey() throws {
        let dataflow = try client(join(.inner, .streamStream(always)))
        let partners = run((0..<4096).map { _ in Line("k", #"{"B":"b"}"#, at: 1) })
        for _ in 0..<25 { try dataflow.process(input: 1, run: partners, range: 0..<4000, partition: 0) }
        // What comes next is to fit a commit, also after batches that have made nothing.
        #expect(dataflow.batchLimit == OutputLimits.rowsPerBatch / 100_000)
        let rows = run((0..<4096).map { _ in Line("k", #"{"A":"a"}"#, at: 1) })
        try dataflow.process(input: 0, run: rows, range: 0..<4096, partition: 0)
        let drained = try drain(dataflow, atMost: 4)
        #expect(drained.rows >= 4 * OutputLimits.sliceRows && isBounded(drained))
        #expect(endsWhenCancelled(dataflow))
    }

    @Test func aRowThatManyRefer() throws {
        let dataflow = try client(join(.inner, .foreignKey(column(1, text)), isTable: true))
        var first = 0
        while first < 200_000 {
            let rows = run((first..<first + 4000).map { Line("k\($0)", #"{"A":"r"}"#) })
            try dataflow.process(input: 0, run: rows, range: 0..<4000, partition: 0)
            first += 4000
        }
        let change = run([Line("r", #"{"B":"b"}"#)])
        try dataflow.process(input: 1, run: change, range: 0..<1, partition: 0)
        let drained = try drain(dataflow)
        #expect(drained.rows == 200_000 && drained.slices > 2 && isBounded(drained))
        try dataflow.process(input: 1, run: run([Line("r", #"{"B":"c"}"#)]), range: 0..<1, partition: 0)
        #expect(endsWhenCancelled(dataflow))
    }

    /// SIZE 1 DAY, ADVANCE BY 10 SECONDS: 8,640 windows a row.
    @Test func manyWindows() throws {
        let shape = WindowDescription.Shape.hopping(size: 86_400_000, advance: 10_000)
        let root = aggregate(events, [countAll], window: WindowDescription(shape: shape, grace: 0, retention: 86_400_000))
        let dataflow = try client(root)
        #expect(dataflow.batchLimit == OutputLimits.sliceRows / 8640)
        let records = run((0..<4096).map { _ in Line("k", #"{"V":1}"#, at: 100_000_000) })
        try dataflow.process(input: 0, run: records, range: 0..<2, partition: 0)
        let whole = try drain(dataflow)
        #expect(whole.rows == 2 * 8640)
        try dataflow.process(input: 0, run: records, range: 0..<4096, partition: 0)
        let drained = try drain(dataflow, atMost: 4)
        #expect(drained.rows >= 4 * OutputLimits.sliceRows && isBounded(drained))
        #expect(endsWhenCancelled(dataflow))
    }

    /// Groups that were held back leave in chunks, too.
    @Test func aFlushInSlices() throws {
        let root = aggregate(events, [countAll])
        let dataflow = try Dataflow(
            root: root, destination: .client(limit: nil, order: [0, 1]), options: DataflowOptions(coalesces: true, hasSlices: true))
        for first in stride(from: 0, to: 100_000, by: 4000) {
            let records = run((first..<first + 4000).map { Line("k\($0)", #"{"V":1}"#) })
            try dataflow.process(input: 0, run: records, range: 0..<4000, partition: 0)
        }
        try dataflow.flush()
        #expect(dataflow.hasPending)
        let drained = try drain(dataflow)
        #expect(drained.rows == 100_000 && isBounded(drained))
    }

    /// Three streams of one hot key: the chunks of the lower join wait for their turns. However the work is cut, the rows are the same.
    @Test(arguments: [false, true]) func joinsOfJoins(hasSlices: Bool) throws {
        let inner = join(.left, .streamStream(always))
        let third = Step.source(source([ColumnDefinition("D", .string)], topic: "third"))
        let root = join(inner, third, .full, .streamStream(always), stores: "l2", "r2")
        let runs = ["A", "B", "D"].map { name in
            run((0..<40).map { Line($0 % 5 == 0 ? "x\($0)" : "k", #"{"\#(name)":"\#(name)\#($0)"}"#, at: Int64($0)) })
        }
        let single = try Dataflow(root: root, destination: sink())
        for record in 0..<40 {
            for input in 0..<3 { try single.process(input: input, run: runs[input], range: record..<record + 1, partition: 0) }
        }
        let expected = texts(single.takeOutput())
        #expect(expected.count > 3 * OutputLimits.chunkRows)
        let merged = try Dataflow(root: root, destination: sink(), options: DataflowOptions(hasSlices: hasSlices))
        try merged.process(
            (0..<3).map { InputSlice(input: $0, run: runs[$0], range: 0..<40, partition: 0) }, order: (0..<120).map { Int32($0 % 3) })
        while merged.hasPending { try merged.resume() }
        #expect(texts(merged.takeOutput()) == expected)
    }

    /// A record of a plan with state cannot be taken back: the driver is told which one it is.
    @Test func aRecordThatMakesTooMuchIsNamed() throws {
        let body = String(repeating: "x", count: 400_000)
        let partner = String(repeating: "y", count: 100_000)
        let dataflow = try Dataflow(
            root: join(.inner, .streamStream(always)), destination: sink(), options: DataflowOptions(hasSlices: true))
        let partners = run((0..<1000).map { _ in Line("k", #"{"B":"\#(partner)"}"#, at: 1) })
        try dataflow.process(input: 1, run: partners, range: 0..<1000, partition: 0)
        _ = dataflow.takeOutput()
        let error = #expect(throws: DataflowError.self) {
            try dataflow.process(input: 0, run: run([Line("k", #"{"A":"\#(body)"}"#, at: 1)], offset: 7), range: 0..<1, partition: 3)
            while dataflow.hasPending { try dataflow.resume() }
        }
        #expect(error?.isOutputTooLarge == true && error?.offset == 7 && error?.partition == 3 && error?.input == 0)
    }
}
