// Tables, exchanges, table functions, clients and pull queries.

import Bytes
import Formats
import Operators
import Plans
import Quantities
import Testing
import Values

private let columns = [ColumnDefinition("A", .integer), ColumnDefinition("L", .array(.integer))]

@Suite struct TableTests {
    @Test(arguments: [1, 4096]) func filteredTable(batch: Int) throws {
        let root = Step.filter(
            FilterStep(
                input: .source(source(columns, kind: .table, store: "in")),
                predicate: TypedExpression(.compare(.greater, column(1, int), number(5)), .boolean), isTable: true))
        let lines = [
            Line("a", #"{"A":1}"#, at: 1), Line("a", #"{"A":9}"#, at: 2), Line("a", #"{"A":8}"#, at: 3), Line("a", #"{"A":2}"#, at: 4),
            Line("a", nil, at: 5), Line("b", nil, at: 6), Line("b", #"{"A":7}"#, at: 7), Line("b", nil, at: 8),
            Line(nil, #"{"A":7}"#, at: 9),
        ]
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table))
        #expect(
            try feed(dataflow, lines, batch: batch) == [
                #"a|{"A":9,"L":null}@2"#, #"a|{"A":8,"L":null}@3"#, "a|~@4", #"b|{"A":7,"L":null}@7"#, "b|~@8",
            ])
        #expect(dataflow.errorCounts == [.nullKey: 1])
        // The rows survive a restart.
        let again = try Dataflow(root: root, destination: sink(kind: .table))
        _ = try feed(dataflow, [Line("c", #"{"A":7}"#)])
        for change in try dataflow.takeChangelog() { try again.restore(store: change.store, run: run(change.records)) }
        #expect(try feed(again, [Line("c", nil), Line("b", nil)]) == ["c|~@0"])
    }

    @Test func plainTableForwardsEveryTombstone() throws {
        #expect(try output(.source(source([ColumnDefinition("A", .integer)], kind: .table)), [Line("a", nil, at: 3)]) == ["a|~@3"])
    }

    @Test(arguments: [1, 4096]) func explode(batch: Int) throws {
        func root(_ functions: [TableFunctionCall]) -> Step {
            let input = Step.source(source(columns))
            let added = functions.enumerated().map { ColumnDefinition("E\($0.offset)", $0.element.result) }
            let whole = Step.explode(
                ExplodeStep(input: input, functions: functions, output: RowSchema(columns: input.output.columns + added, keyCount: 1)))
            return project(
                whole,
                [("K", column(0, text)), ("A", column(1, int))]
                    + added.enumerated().map { ($0.element.name, column(3 + $0.offset, $0.element.type)) })
        }
        let list = column(2, .array(.integer))
        let one = TableFunctionCall(function: "EXPLODE", arguments: [list], result: .integer)
        let other = TableFunctionCall(
            function: "EXPLODE",
            arguments: [TypedExpression(.makeArray([column(1, int), column(1, int), column(1, int)]), .array(.integer))], result: .integer)
        let lines = [Line("k", #"{"A":7,"L":[1,null]}"#, at: 5), Line("k", #"{"A":8,"L":[]}"#), Line("k", #"{"A":9}"#), Line("k", nil)]
        #expect(try output(root([one]), lines, batch: batch) == [#"k|{"A":7,"E0":1}@5"#, #"k|{"A":7,"E0":null}@5"#])
        #expect(
            try output(root([one, other]), [lines[0]], batch: batch) == [
                #"k|{"A":7,"E0":1,"E1":7}@5"#, #"k|{"A":7,"E0":null,"E1":7}@5"#, #"k|{"A":7,"E0":null,"E1":7}@5"#,
            ])
        let cube = TableFunctionCall(function: "CUBE_EXPLODE", arguments: [list], result: .array(.integer))
        #expect(
            try output(root([cube]), [Line("k", #"{"L":[1,2]}"#), Line("k", #"{"L":[1,null]}"#)], batch: batch) == [
                #"k|{"A":null,"E0":[null,null]}@0"#, #"k|{"A":null,"E0":[null,2]}@0"#, #"k|{"A":null,"E0":[1,null]}@0"#,
                #"k|{"A":null,"E0":[1,2]}@0"#,
                #"k|{"A":null,"E0":[null,null]}@0"#, #"k|{"A":null,"E0":[1,null]}@0"#,
            ])
    }

    @Test func partitionBy() throws {
        let input = Step.source(source([ColumnDefinition("A", .integer)]))
        let topic = InternalTopic(name: "x", keyFormat: FormatSpec(.json, isUnwrapped: true))
        let output = RowSchema(
            columns: [ColumnDefinition("A2", .integer), ColumnDefinition("K", .string), ColumnDefinition("A", .integer)], keyCount: 1)
        let rekey = Step.rekey(
            RekeyStep(
                input: input, keys: [TypedExpression(.arithmetic(.divide, number(10), column(1, int)), int)], output: output,
                repartition: topic))
        let lines = [Line("a", #"{"A":2}"#, at: 1), Line("b", #"{"A":0}"#, at: 2), Line("c", nil, at: 3)]
        let dataflow = try Dataflow(root: rekey, destination: sink(keyFormat: FormatSpec(.json, isUnwrapped: true)))
        #expect(try feed(dataflow, lines) == [#"5|{"K":"a","A":2}@1"#, #"~|{"K":"b","A":0}@2"#, "~|~@3"])
        #expect(dataflow.takeErrors().map(\.message) == ["division by zero"])
        // The same through an internal topic.
        let before = try Dataflow(root: rekey, destination: .exchange(topic))
        let records = run(lines)
        try before.process(input: 0, run: records, range: 0..<3, partition: 0)
        let exchanged = run(before.takeOutput())
        let after = try Dataflow(
            root: .exchange(ExchangeStep(topic: topic, output: output, isTable: false)),
            destination: sink(keyFormat: FormatSpec(.json, isUnwrapped: true)))
        try after.process(input: 0, run: exchanged, range: 0..<exchanged.count, partition: 0)
        #expect(texts(after.takeOutput()) == [#"5|{"K":"a","A":2}@1"#, #"~|{"K":"b","A":0}@2"#, "~|~@3"])
    }

    /// A table's changes through an internal topic: undo and add meet again, or part when the key has changed.
    @Test func changesThroughAnExchange() throws {
        let table = Step.source(source([ColumnDefinition("G", .string), ColumnDefinition("V", .integer)], kind: .table, store: "in"))
        let topic = InternalTopic(name: "x", keyFormat: FormatSpec(.kafka))
        let grouped = project(table, [("G", column(1, text)), ("V", column(2, int))], isTable: true)
        let first = try Dataflow(root: grouped, destination: .exchange(topic))
        let lines = [Line("1", #"{"G":"x","V":1}"#), Line("1", #"{"G":"x","V":5}"#), Line("1", #"{"G":"y","V":5}"#), Line("1", nil)]
        let records = run(lines)
        try first.process(input: 0, run: records, range: 0..<4, partition: 0)
        let exchanged = run(first.takeOutput())
        let second = try Dataflow(
            root: aggregate(
                .exchange(ExchangeStep(topic: topic, output: grouped.output, isTable: true)), [call("SUM", [column(1, int)], int)],
                isTable: true),
            destination: sink(kind: .table))
        try second.process(input: 0, run: exchanged, range: 0..<exchanged.count, partition: 0)
        #expect(texts(second.takeOutput()) == [#"x|{"A0":1}@0"#, #"x|{"A0":5}@0"#, #"x|{"A0":0}@0"#, #"y|{"A0":5}@0"#, #"y|{"A0":0}@0"#])
    }

    @Test func clientRows() throws {
        let step = source([ColumnDefinition("T", .timestamp), ColumnDefinition("B", .bytes)], kind: .table)
        let dataflow = try Dataflow(root: .source(step), destination: .client(limit: 3, order: Array(step.output.columns.indices)))
        let records = run([Line("a", #"{"T":0,"B":"AQI="}"#), Line("a", nil), Line("b", #"{"T":null}"#), Line("c", "{}")])
        try dataflow.process(input: 0, run: records, range: 0..<4, partition: 0)
        let rows = dataflow.takeRows()
        #expect(rows.texts == [#"["a","1970-01-01T00:00:00.000","AQI="]"#, #"["a",null,null]"#, #"["b",null,null]"#])
        #expect(rows.deleted == [false, true, false] && dataflow.isComplete)
    }

    @Test func eventTime() throws {
        let pattern = TimestampColumn(column: 1, pattern: "yyyy-MM-dd'T'HH:mm:ssXXX", failsQuery: false)
        let step = source([ColumnDefinition("T", .string)], timestamp: pattern)
        let dataflow = try Dataflow(root: .source(step), destination: sink())
        let lines = [Line("a", #"{"T":"2024-03-01T10:15:30+01:00"}"#), Line("b", #"{"T":"x"}"#), Line("c", #"{"T":null}"#)]
        #expect(try feed(dataflow, lines) == [#"a|{"T":"2024-03-01T10:15:30+01:00"}@1709284530000"#])
        #expect(dataflow.errorCounts == [.timestamp: 2])
        var fatal = step
        fatal.timestamp?.failsQuery = true
        let strict = try Dataflow(root: .source(fatal), destination: sink())
        #expect(throws: DataflowError.self) { try feed(strict, lines) }
        let sunk = try Dataflow(
            root: .source(source([ColumnDefinition("T", .bigint)])),
            destination: sink(timestamp: TimestampColumn(column: 1, pattern: nil, failsQuery: false)))
        #expect(
            try feed(sunk, [Line("a", #"{"T":5}"#, at: 1), Line("a", #"{"T":-5}"#), Line("a", nil, at: 7)]) == [#"a|{"T":5}@5"#, "a|~@7"])
    }

    @Test func pullQueries() throws {
        let step = source([ColumnDefinition("A", .integer)], kind: .table, window: .time(kind: .tumbling, size: 10))
        let store = try ResultStore(step, retention: 100, hashSeed: 3)
        func suffix(_ start: UInt8) -> [UInt8] { [0, 0, 0, 0, 0, 0, 0, start] }
        func line(_ key: String, _ start: UInt8, _ value: String?, at time: Int64) -> Line {
            Line(key: Array(key.utf8) + suffix(start), value: value.map { Array($0.utf8) }, at: time)
        }
        store.apply(
            run([
                line("b", 20, #"{"A":1}"#, at: 20), line("a", 10, #"{"A":2}"#, at: 21), line("b", 0, #"{"A":3}"#, at: 22),
                line("b", 20, #"{"A":4}"#, at: 23),
                line("c", 20, #"{"A":5}"#, at: 24), line("c", 20, nil, at: 25),
            ]))
        var stream = step
        stream.kind = .stream
        func answer(_ scan: TableAccess) throws -> [String] {
            let root = project(
                .filter(
                    FilterStep(
                        input: .source(stream), predicate: TypedExpression(.compare(.greater, column(1, int), number(2)), .boolean),
                        isTable: false)),
                [("K", column(0, text)), ("W", TypedExpression(.pseudo(.windowstart), .bigint)), ("A", column(1, int))])
            let dataflow = try Dataflow(root: root, destination: .client(limit: nil, order: Array(root.output.columns.indices)))
            var position: Int? = 0
            while let from = position {
                let slice = store.records(scan, from: from, limit: 1)
                try dataflow.process(input: 0, run: slice.run, range: 0..<slice.run.count, partition: 0)
                position = slice.next
            }
            return dataflow.takeRows().texts
        }
        #expect(store.keyCount == 2)
        #expect(try answer(.scan(WindowBounds())) == [#"["b",0,3]"#, #"["b",20,4]"#])
        #expect(try answer(.keys([KeyRange(prefix: [.string("b")]), KeyRange(prefix: [.string("zz")])])) == [#"["b",0,3]"#, #"["b",20,4]"#])
        // A slice ends where its bytes do, and says that there is more.
        let small = store.records(.scan(WindowBounds()), mostBytes: 1)
        #expect(small.run.count > 0 && small.run.count < 3)
        #expect(store.records(.scan(WindowBounds()), mostBytes: 1 << 20).next == nil)
        // Stream time passes the retention of the first windows.
        store.apply(run([line("d", 105, #"{"A":9}"#, at: 115)]))
        #expect(try answer(.scan(WindowBounds())) == [#"["b",20,4]"#, #"["d",105,9]"#])
    }

    /// Keys that never come again do not stay for ever.
    @Test func expiredWindowsOfAllKeysGo() throws {
        let step = source([ColumnDefinition("A", .integer)], kind: .table, window: .time(kind: .tumbling, size: 10))
        let store = try ResultStore(step, retention: 1_000, hashSeed: 3)
        func put(_ key: Int, _ start: Int) {
            let suffix = stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: start >> $0) }
            store.apply(run([Line(key: Array("k\(key)".utf8) + suffix, value: Array(#"{"A":1}"#.utf8), at: Int64(start))]))
        }
        for key in 0..<500 { put(key, 10 * (key % 20)) }
        #expect(store.keyCount == 500)
        let full = store.memory
        put(1000, 1_150)
        #expect(store.records(.scan(WindowBounds())).run.count == 126)
        // Late, and expired already: nobody sees it, and it goes with the next of its time.
        put(1001, 0)
        #expect(store.records(.scan(WindowBounds())).run.count == 126)
        put(1000, 5_000)
        #expect(store.records(.scan(WindowBounds())).run.count == 1)
        #expect(store.keyCount == 1)
        #expect(store.memory < full)
    }

    /// Times and retentions at the ends of 64 bits: rows come and go, and nothing overflows.
    @Test(arguments: [100, Milliseconds(.max)]) func timesAtTheEnds(retention: Milliseconds) throws {
        let step = source([ColumnDefinition("A", .integer)], kind: .table, window: .time(kind: .tumbling, size: 1_000))
        let store = try ResultStore(step, retention: retention, hashSeed: 3)
        for (key, time) in [0, 9_223_372_036_854_770_000, Int64.max, Int64.min, -1].enumerated() {
            let suffix = stride(from: Int64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: time >> $0) }
            store.apply(run([Line(key: Array("k\(key)".utf8) + suffix, value: Array(#"{"A":1}"#.utf8), at: time)]))
        }
        #expect(store.keyCount == (retention == 100 ? 1 : 3))
        #expect(store.records(.scan(WindowBounds())).run.count == (retention == 100 ? 1 : 3))
    }

    @Test func badPlans() {
        #expect(throws: DataflowError.self) { 
            let two = [ColumnDefinition("A", .integer), ColumnDefinition("B", .integer)]
            return try Dataflow(root: .source(source(two, valueFormat: FormatSpec(.kafka))), destination: sink())
        }
        let root = project(.source(source([])), [("K", column(0, text)), ("X", TypedExpression(.call("NO_SUCH_FUNCTION", []), .integer))])
        #expect(throws: DataflowError.self) { try Dataflow(root: root, destination: sink()) }
    }
}
