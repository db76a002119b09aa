// Joins: of streams in a window, of streams with tables, of tables by primary and by foreign key; one record at a time and merged.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// `(side, line)` in the order of arrival.
private typealias Arrival = (isLeft: Bool, line: Line)

private func left(_ key: String?, _ value: String?, at time: Int64 = 0) -> Arrival { (true, Line(key, value, at: time)) }
private func right(_ key: String?, _ value: String?, at time: Int64 = 0) -> Arrival { (false, Line(key, value, at: time)) }

private func join(_ type: JoinType, _ kind: JoinKind, leftKind: SourceKind = .stream, rightKind: SourceKind = .stream) -> Step {
    let l = source([ColumnDefinition("A", .string)], kind: leftKind, topic: "left")
    let r = source([ColumnDefinition("B", .string)], kind: rightKind, topic: "right")
    let schema = RowSchema(
        columns: [ColumnDefinition("ID", .string)] + l.output.columns + r.output.columns.map { ColumnDefinition("R_" + $0.name, $0.type) },
        keyCount: 1)
    let whole = Step.join(
        JoinStep(
            left: .source(l), right: .source(r), type: type, kind: kind, output: schema, leftStore: StoreDescription(name: "l"),
            rightStore: StoreDescription(name: "r"), keyFormat: FormatSpec(.kafka)))
    let isTable = leftKind == .table
    return project(whole, [("ID", column(0, text)), ("A", column(2, text)), ("B", column(4, text))], isTable: isTable)
}

/// The output for these arrivals, one record at a time; merged into one call it must be the same, as after a restart in the middle.
private func joined(_ root: Step, _ arrivals: [Arrival], isTable: Bool = false) throws -> [String] {
    let leftRun = run(arrivals.filter(\.isLeft).map(\.line))
    let rightRun = run(arrivals.filter { !$0.isLeft }.map(\.line))
    let destination = sink(kind: isTable ? .table : .stream)
    var places = [0, 0]
    var out: [String] = []
    var dataflow = try Dataflow(root: root, destination: destination)
    var log: [(store: String, records: OutgoingRecords)] = []
    for (count, arrival) in arrivals.enumerated() {
        let input = arrival.isLeft ? 0 : 1
        try dataflow.process(input: input, run: arrival.isLeft ? leftRun : rightRun, range: places[input]..<places[input] + 1, partition: 0)
        places[input] += 1
        out += texts(dataflow.takeOutput())
        log += try dataflow.takeChangelog()
        if count == arrivals.count / 2 {
            dataflow = try Dataflow(root: root, destination: destination)
            for change in log { try dataflow.restore(store: change.store, run: run(change.records)) }
        }
    }
    let merged = try Dataflow(root: root, destination: destination)
    try merged.process(
        [
            InputSlice(input: 0, run: leftRun, range: 0..<leftRun.count, partition: 0),
            InputSlice(input: 1, run: rightRun, range: 0..<rightRun.count, partition: 0),
        ], order: arrivals.map { $0.isLeft ? 0 : 1 })
    #expect(texts(merged.takeOutput()) == out)
    return out
}

@Suite struct JoinTests {
    let window = JoinWindow(before: 10_000, after: 10_000, grace: 86_380_000, hasGrace: false)

    @Test func streamsInner() throws {
        let arrivals = [
            left("k", #"{"A":"a1"}"#, at: 0), right("k", #"{"B":"b1"}"#, at: 5000), right("x", #"{"B":"b2"}"#, at: 5000),
            left("k", #"{"A":"a2"}"#, at: 15_000), left("k", #"{"A":"a3"}"#, at: 15_001), right("k", nil, at: 1),
            left(nil, #"{"A":"a4"}"#, at: 1),
            right("k", #"{"B":"b3"}"#, at: 7000),
        ]
        #expect(
            try joined(join(.inner, .streamStream(window)), arrivals) == [
                #"k|{"A":"a1","B":"b1"}@5000"#, #"k|{"A":"a2","B":"b1"}@15000"#, #"k|{"A":"a1","B":"b3"}@7000"#,
                #"k|{"A":"a2","B":"b3"}@15000"#,
                #"k|{"A":"a3","B":"b3"}@15001"#,
            ])
    }

    /// Worked examples of all join types.
    @Test func streamsOuter() throws {
        let arrivals = [
            left("k", #"{"A":"a1"}"#, at: 0), right("k", #"{"B":"b1"}"#, at: 5000), left("k", #"{"A":"a2"}"#, at: 20_000),
            left("k", #"{"A":"a3"}"#, at: 40_000),
        ]
        #expect(
            try joined(join(.left, .streamStream(window)), arrivals) == [
                #"k|{"A":"a1","B":null}@0"#, #"k|{"A":"a1","B":"b1"}@5000"#, #"k|{"A":"a2","B":null}@20000"#,
                #"k|{"A":"a3","B":null}@40000"#,
            ])
        let patient = JoinWindow(before: 10_000, after: 10_000, grace: 0, hasGrace: true)
        #expect(
            try joined(join(.left, .streamStream(patient)), arrivals) == [#"k|{"A":"a1","B":"b1"}@5000"#, #"k|{"A":"a2","B":null}@20000"#])
        #expect(
            try joined(join(.full, .streamStream(window)), [right("k", #"{"B":"b1"}"#, at: 3), left("k", #"{"A":"a1"}"#, at: 4)]) == [
                #"k|{"A":null,"B":"b1"}@3"#, #"k|{"A":"a1","B":"b1"}@4"#,
            ])
        let skewed = JoinWindow(before: 0, after: 10, grace: 100, hasGrace: false)
        let pair = [left("k", #"{"A":"a"}"#, at: 0), right("k", #"{"B":"b"}"#, at: 5)]
        #expect(try joined(join(.left, .streamStream(skewed)), pair).last == #"k|{"A":"a","B":"b"}@5"#)
        // RIGHT joins measure from the right record.
        #expect(try joined(join(.right, .streamStream(skewed)), pair) == [#"k|{"A":null,"B":"b"}@5"#])
    }

    /// Rows without a key find no partner: an outer side lets them out at once, without it they are dropped.
    @Test func rowsWithoutKeys() throws {
        let arrivals = [left(nil, #"{"A":"a1"}"#, at: 1), right(nil, #"{"B":"b1"}"#, at: 2)]
        let patient = JoinWindow(before: 10_000, after: 10_000, grace: 0, hasGrace: true)
        #expect(try joined(join(.inner, .streamStream(patient)), arrivals) == [])
        #expect(try joined(join(.left, .streamStream(patient)), arrivals) == [#"~|{"A":"a1","B":null}@1"#])
        #expect(
            try joined(join(.full, .streamStream(patient)), arrivals) == [#"~|{"A":"a1","B":null}@1"#, #"~|{"A":null,"B":"b1"}@2"#])
        #expect(try joined(join(.left, .streamTable, rightKind: .table), [arrivals[0]]) == [#"~|{"A":"a1","B":null}@1"#])
    }

    /// Deletions alone give nothing where neither side has a row.
    @Test func deletionsOfNothing() throws {
        let arrivals = [left("k", nil, at: 1), right("k", nil, at: 2), right("k", #"{"B":"b"}"#, at: 3), left("k", nil, at: 4)]
        func results(_ type: JoinType) throws -> [String] {
            try joined(join(type, .tableTable, leftKind: .table, rightKind: .table), arrivals, isTable: true)
        }
        #expect(try results(.inner) == ["k|~@4"])
        #expect(try results(.left) == ["k|~@4"])
        #expect(try results(.full) == [#"k|{"A":null,"B":"b"}@3"#, #"k|{"A":null,"B":"b"}@4"#])
    }

    @Test func streamWithTable() throws {
        let arrivals = [
            left("k", #"{"A":"a1"}"#, at: 9), right("k", #"{"B":"b1"}"#, at: 20), left("k", #"{"A":"a2"}"#, at: 10),
            right("k", nil, at: 30),
            left("k", #"{"A":"a3"}"#, at: 11), left("k", nil, at: 12),
        ]
        #expect(
            try joined(join(.left, .streamTable, rightKind: .table), arrivals) == [
                #"k|{"A":"a1","B":null}@9"#, #"k|{"A":"a2","B":"b1"}@10"#, #"k|{"A":"a3","B":null}@11"#,
            ])
        #expect(try joined(join(.inner, .streamTable, rightKind: .table), arrivals) == [#"k|{"A":"a2","B":"b1"}@10"#])
    }

    @Test func tables() throws {
        let arrivals = [
            left("k", #"{"A":"a1"}"#, at: 1), right("k", #"{"B":"b1"}"#, at: 5), left("k", #"{"A":"a2"}"#, at: 3), right("k", nil, at: 6),
            right("k", nil, at: 7), left("k", nil, at: 8), right("z", #"{"B":"b2"}"#, at: 9),
        ]
        func results(_ type: JoinType) throws -> [String] {
            try joined(join(type, .tableTable, leftKind: .table, rightKind: .table), arrivals, isTable: true)
        }
        // A deletion of what is gone already is passed on while the other side has a row.
        #expect(try results(.inner) == [#"k|{"A":"a1","B":"b1"}@5"#, #"k|{"A":"a2","B":"b1"}@5"#, "k|~@6", "k|~@7"])
        #expect(
            try results(.left) == [
                #"k|{"A":"a1","B":null}@1"#, #"k|{"A":"a1","B":"b1"}@5"#, #"k|{"A":"a2","B":"b1"}@5"#, #"k|{"A":"a2","B":null}@6"#,
                #"k|{"A":"a2","B":null}@7"#, "k|~@8",
            ])
        #expect(
            try results(.right) == [
                #"k|{"A":"a1","B":"b1"}@5"#, #"k|{"A":"a2","B":"b1"}@5"#, "k|~@6", "k|~@7", #"z|{"A":null,"B":"b2"}@9"#,
            ])
        #expect(try results(.full).suffix(2) == ["k|~@8", #"z|{"A":null,"B":"b2"}@9"#])
    }

    @Test func foreignKeys() throws {
        let key = TypedExpression.column(1, .string)
        let arrivals = [
            left("2", #"{"A":"x"}"#, at: 1), left("1", #"{"A":"x"}"#, at: 2), right("x", #"{"B":"b1"}"#, at: 3), left("3", "{}", at: 4),
            left("1", #"{"A":"y"}"#, at: 5), right("x", #"{"B":"b2"}"#, at: 6), right("x", nil, at: 7), left("2", nil, at: 8),
            left("1", nil, at: 9),
        ]
        func results(_ type: JoinType) throws -> [String] {
            try joined(join(type, .foreignKey(key), leftKind: .table, rightKind: .table), arrivals, isTable: true)
        }
        #expect(
            try results(.inner) == [
                #"1|{"A":"x","B":"b1"}@3"#, #"2|{"A":"x","B":"b1"}@3"#, "1|~@5", #"2|{"A":"x","B":"b2"}@6"#, "2|~@7",
                // What a left row named is taken back, whether or not it was there.
                "2|~@8", "1|~@9",
            ])
        #expect(
            try results(.left) == [
                #"2|{"A":"x","B":null}@1"#, #"1|{"A":"x","B":null}@2"#, #"1|{"A":"x","B":"b1"}@3"#, #"2|{"A":"x","B":"b1"}@3"#,
                #"3|{"A":null,"B":null}@4"#, #"1|{"A":"y","B":null}@5"#, #"2|{"A":"x","B":"b2"}@6"#, #"2|{"A":"x","B":null}@7"#, "2|~@8",
                "1|~@9",
            ])
    }
}
