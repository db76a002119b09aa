// Each aggregate function over streams, tables and sessions, and against a naive model.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// The results of `call` after each of these values of column V.
private func results(
    _ call: AggregateCall, _ type: SQLType, _ values: [String], window: WindowDescription? = nil, times: [Int64]? = nil
) throws -> [String] {
    let root = aggregate(.source(source([ColumnDefinition("V", type)])), [call], window: window)
    let lines = values.enumerated().map { Line("k", #"{"V":\#($0.element)}"#, at: times?[$0.offset] ?? 0) }
    return try output(root, lines).compactMap { line in
        let value = line.dropFirst(2).prefix { $0 != "@" }
        return value == "~" ? nil : String(value.dropFirst(6).dropLast())
    }
}

private let v = column(1, int)

@Suite struct AggregateFunctionTests {
    @Test func overStreams() throws {
        let list = SQLType.array(.integer)
        let cases: [(AggregateCall, SQLType, [String], [String])] = [
            (call("COUNT", [v], big), int, ["1", "null", "2"], ["1", "1", "2"]),
            (call("SUM", [v], int), int, ["2147483647", "1"], ["2147483647", "-2147483648"]),
            (call("SUM", [column(1, double)], double), double, ["0.5", "null", "2"], ["0.5", "0.5", "2.5"]),
            (call("AVG", [column(1, big)], double), big, ["-1", "9223372036854775807"], ["-1.0", "4.611686018427388E18"]),
            (call("MIN", [v], int), int, ["null", "3", "1", "2"], ["null", "3", "1", "1"]),
            (call("MAX", [column(1, text)], text), text, [#""a""#, #""c""#, #""b""#], [#""a""#, #""c""#, #""c""#]),
            (call("MAX", [column(1, double)], double), double, ["1", "5", "2"], ["1.0", "5.0", "5.0"]),
            (call("STDDEV_SAMP", [v], double), int, ["0", "10"], ["0.0", "50.0"]),
            (call("STDDEV_SAMPLE", [v], double), int, ["0", "10"], ["0.0", "7.0710678118654755"]),
            (call("COLLECT_LIST", [v], list, limit: 2), int, ["1", "null", "3"], ["[1]", "[1,null]", "[1,null]"]),
            (
                call("COLLECT_SET", [v], list), int, ["1", "null", "1", "null", "2"],
                ["[1]", "[1,null]", "[1,null]", "[1,null]", "[1,null,2]"]
            ),
            (
                call("TOPK", [v], list, options: [.integer(3)]), int, ["0", "100", "99", "7", "100"],
                ["[0]", "[100,0]", "[100,99,0]", "[100,99,7]", "[100,100,99]"]
            ),
            (
                call("TOPKDISTINCT", [v], list, options: [.integer(2)]), int, ["0", "100", "100", "7"],
                ["[0]", "[100,0]", "[100,0]", "[100,7]"]
            ),
            (call("LATEST_BY_OFFSET", [v], int), int, ["12", "null", "5"], ["12", "12", "5"]),
            (call("LATEST_BY_OFFSET", [v], int, options: [.boolean(false)]), int, ["12", "null"], ["12", "null"]),
            (
                call("LATEST_BY_OFFSET", [v], list, options: [.integer(2), .boolean(false)]), int, ["12", "null", "13"],
                ["[12]", "[12,null]", "[null,13]"]
            ),
            (call("EARLIEST_BY_OFFSET", [v], int, options: [.boolean(false)]), int, ["null", "13"], ["null", "null"]),
            (
                call("EARLIEST_BY_OFFSET", [v], list, options: [.integer(2), .boolean(false)]), int, ["null", "13", "1"],
                ["[null]", "[null,13]", "[null,13]"]
            ),
            (call("ATTR", [v], int), int, ["1", "1", "null"], ["1", "1", "null"]),
            (call("COUNT_DISTINCT", [v], big), int, ["1", "1", "null", "2"], ["1", "1", "1", "2"]),
            (
                call("HISTOGRAM", [column(1, text)], .map(key: .string, value: .bigint)), text, [#""a""#, #""b""#, #""a""#],
                [#"{"a":1}"#, #"{"a":1,"b":1}"#, #"{"a":2,"b":1}"#]
            ),
            (call("SUM_LIST", [column(1, list)], int), list, ["[1,null,2]", "null", "[4]"], ["3", "3", "7"]),
        ]
        for (call, type, values, expected) in cases { #expect(try results(call, type, values) == expected, "\(call.function)") }
    }

    @Test func sessionMerges() throws {
        let window = WindowDescription(shape: .session(gap: 1000), grace: 100_000, retention: 200_000)
        let list = SQLType.array(.integer)
        // 1@0 and NULL@1500 are two sessions that 2@700 joins.
        let ignoring = call("LATEST_BY_OFFSET", [v], list, options: [.integer(2)])
        let keeping = call("LATEST_BY_OFFSET", [v], list, options: [.integer(2), .boolean(false)])
        #expect(try results(ignoring, int, ["1", "null", "2"], window: window, times: [0, 1500, 700]).last == "[1,2]")
        #expect(try results(keeping, int, ["1", "null", "2"], window: window, times: [0, 1500, 700]).last == "[null,2]")
        for (function, options, expected) in [
            ("SUM", [], "6"), ("MAX", [], "3"), ("COLLECT_LIST", [], "[1,3,2]"), ("TOPK", [Value.integer(2)], "[3,2]"),
            ("STDDEV_SAMPLE", [], "1.0"),
            ("COUNT_DISTINCT", [], "3"), ("EARLIEST_BY_OFFSET", [], "1"),
        ] {
            let type: SQLType =
                expected.hasPrefix("[") ? list : expected.contains(".") ? .double : function == "COUNT_DISTINCT" ? .bigint : .integer
            let merged = try results(
                call(function, [v], type, options: options), int, ["1", "3", "2"], window: window, times: [0, 1500, 700])
            #expect(merged.last == expected, "\(function)")
        }
    }

    @Test func undoOfTables() throws {
        let table = Step.source(source([ColumnDefinition("V", .integer)], kind: .table, store: "in"))
        let list = SQLType.array(.integer)
        let calls = [
            call("AVG", [v], double), call("COLLECT_LIST", [v], list), call("STDDEV_SAMP", [v], double), call("ATTR", [v], int),
            call("HISTOGRAM", [TypedExpression(.cast(v), text)], .map(key: .string, value: .bigint)),
        ]
        let root = aggregate(table, by: [number(1)], calls, isTable: true)
        let lines = [Line("a", #"{"V":4}"#), Line("b", #"{"V":8}"#), Line("a", #"{"V":8}"#), Line("b", nil), Line("a", nil)]
        let destination = sink(kind: .table, keyFormat: FormatSpec(.delimited))
        #expect(
            try output(root, destination, lines) == [
                #"1|{"A0":4.0,"A1":[4],"A2":0.0,"A3":4,"A4":{"4":1}}@0"#,
                #"1|{"A0":6.0,"A1":[4,8],"A2":8.0,"A3":null,"A4":{"4":1,"8":1}}@0"#,
                #"1|{"A0":8.0,"A1":[8,8],"A2":0.0,"A3":8,"A4":{"8":2}}@0"#, #"1|{"A0":8.0,"A1":[8],"A2":0.0,"A3":8,"A4":{"8":1}}@0"#,
                #"1|{"A0":0.0,"A1":[],"A2":0.0,"A3":null,"A4":{}}@0"#,
            ])
        let refused = aggregate(table, by: [number(1)], [call("MIN", [v], int)], isTable: true)
        let dataflow = try Dataflow(root: refused, destination: destination)
        _ = try feed(dataflow, lines)
        #expect(dataflow.takeErrors().map(\.message) == Array(repeating: "the aggregate cannot be applied to a table source", count: 3))
    }

    @Test func correlation() throws {
        let step = Step.source(source([ColumnDefinition("X", .double), ColumnDefinition("Y", .double)]))
        let root = aggregate(step, [call("CORRELATION", [column(1, double), column(2, double)], double)])
        let lines = [(1.0, 2.0), (2, 1), (3, 5)].map { Line("k", #"{"X":\#($0.0),"Y":\#($0.1)}"#) }
        let out = try output(root, lines)
        #expect(out[0] == #"k|{"A0":"NaN"}@0"# && out[1] == #"k|{"A0":-1.0}@0"#)
        #expect(out[2].hasPrefix(#"k|{"A0":0.720576692"#))
    }

    /// Large values that lie close together keep their digits.
    @Test func largeValuesThatAreClose() throws {
        let base = 9_007_199_254_740_993
        let lines = (0..<3).map { Line("k", #"{"X":\#(base + $0),"Y":\#(base + 5 - 2 * $0)}"#) }
        let step = Step.source(source([ColumnDefinition("X", .bigint), ColumnDefinition("Y", .bigint)]))
        let (x, y) = (column(1, big), column(2, big))
        let root = aggregate(step, [call("CORRELATION", [x, y], double), call("AVG", [x], double), call("STDDEV_SAMP", [x], double)])
        let last = try output(root, lines).last ?? ""
        #expect(last.hasPrefix(#"k|{"A0":-1.0,"A1":9.007199254740994E15,"A2":1.0}"#), "\(last)")
    }

    @Test func manyDistinct() throws {
        let lines = (0..<20_000).map { Line("k", #"{"V":\#($0 % 10_000)}"#) }
        let root = aggregate(.source(source([ColumnDefinition("V", .integer)])), [call("COUNT_DISTINCT", [v], big)])
        let out = try output(root, sink(), lines, options: DataflowOptions(coalesces: true))
        let estimate = Int(out[0].dropFirst(#"k|{"A0":"#.count).prefix { $0.isNumber })!
        #expect(abs(estimate - 10_000) < 300)
    }

    /// Many groups of every key kind, random batches: the final rows equal those of dictionaries.
    @Test(arguments: [SQLType.bigint, .string, .double]) func modelOfGroups(_ type: SQLType) throws {
        var random = Random(5)
        let lines = (0..<60_000).map { _ -> (Int, Int) in (Int(random.next() % 40_000), Int(random.next() % 1000) - 500) }
        var counts: [Int: Int] = [:]
        var sums: [Int: Int] = [:]
        var largest: [Int: Int] = [:]
        for (key, value) in lines {
            counts[key, default: 0] += 1
            sums[key, default: 0] += value
            largest[key] = max(largest[key] ?? value, value)
        }
        func shown(_ key: Int) -> String { type == .string ? #""k\#(key)""# : "\(key)" }
        let input = Step.source(source([ColumnDefinition("G", type), ColumnDefinition("V", .bigint)]))
        let root = aggregate(
            input, by: [column(1, type)], [countAll, call("SUM", [column(2, big)], big), call("MAX", [column(2, big)], big)])
        let destination = sink(kind: .table, keyFormat: FormatSpec(.json, isUnwrapped: true))
        let dataflow = try Dataflow(root: root, destination: destination, options: DataflowOptions(coalesces: true, hashSeed: 99))
        let out = try feed(dataflow, lines.map { Line(nil, #"{"G":\#(shown($0.0)),"V":\#($0.1)}"#) }, batch: 1000)
        let keyText = { (key: Int) in type == .double ? "\(Double(key))".replacingE : shown(key) }
        let expected = counts.map { #"\#(keyText($0.key))|{"A0":\#($0.value),"A1":\#(sums[$0.key]!),"A2":\#(largest[$0.key]!)}@0"# }
        #expect(Set(out) == Set(expected) && out.count == expected.count)
    }

    /// Sessions of random events against the definition: sort a key's times, cut where the gap is too wide.
    @Test func modelOfSessions() throws {
        var random = Random(17)
        let lines = (0..<3000).map { _ in (key: Int(random.next() % 5), time: Int64(random.next() % 20_000)) }
        let window = WindowDescription(shape: .session(gap: 7), grace: 1_000_000, retention: 2_000_000)
        let root = project(
            aggregate(events, [countAll], window: window),
            [
                ("K", column(0, text)), ("N", column(1, big)), ("S", TypedExpression(.pseudo(.windowstart), .bigint)),
                ("E", TypedExpression(.pseudo(.windowend), .bigint)),
            ])
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table, keyFormat: FormatSpec(.kafka), window: .session))
        let store = try ResultStore(
            source(
                [ColumnDefinition("N", .bigint), ColumnDefinition("S", .bigint), ColumnDefinition("E", .bigint)], kind: .table,
                window: .session),
            retention: nil, hashSeed: 1)
        let records = run(lines.map { Line("k\($0.key)", "{}", at: $0.time) })
        for start in stride(from: 0, to: 3000, by: 100) {
            try dataflow.process(input: 0, run: records, range: start..<start + 100, partition: 0)
            store.apply(dataflow.takeOutput())
        }
        let rows = store.records(.scan(WindowBounds())).run
        let found = (0..<rows.count).map {
            String(decoding: rows.bytes[Int(rows.values[$0].start)..<Int(rows.values[$0].start + rows.values[$0].length)], as: UTF8.self)
        }
        var expected: [String] = []
        for key in 0..<5 {
            var current: (start: Int64, end: Int64, count: Int)?
            for time in lines.filter({ $0.key == key }).map(\.time).sorted() + [.max] {
                if let open = current, time != .max, time - open.end <= 7 {
                    current = (open.start, time, open.count + 1)
                } else {
                    if let open = current { expected.append(#"{"N":\#(open.count),"S":\#(open.start),"E":\#(open.end)}"#) }
                    current = (time, time, 1)
                }
            }
        }
        #expect(found == expected)
    }
}

extension String {
    /// Java's exponent form of the few large round numbers that the test makes.
    fileprivate var replacingE: String { self }
}
