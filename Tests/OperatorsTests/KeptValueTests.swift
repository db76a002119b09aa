// Aggregates that keep one of the values they see, against a model, over commits, restarts and replaced texts of changing lengths.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

@Suite struct KeptValueTests {
    private struct Model {
        var latest: String?
        var earliest: String?
        var latestOrNull: String?
        var earliestOrNull: String?
        var hasAny = false
        var smallest: String?
        var largest: String?

        mutating func add(_ text: String?) {
            latestOrNull = text
            if !hasAny { earliestOrNull = text }
            hasAny = true
            guard let text else { return }
            latest = text
            earliest = earliest ?? text
            smallest = smallest.map { min($0, text) } ?? text
            largest = largest.map { max($0, text) } ?? text
        }

        var row: String {
            let values = [latest, earliest, latestOrNull, earliestOrNull, smallest, largest, latest.map { String($0.utf8.count) }]
            return values.enumerated().map { place, value in
                let isNumber = place == values.count - 1
                return #""A\#(place)":\#(value.map { isNumber ? "\($0).00" : "\"\($0)\"" } ?? "null")"#
            }.joined(separator: ",")
        }
    }

    @Test(arguments: 0..<8) func textsAgainstAModel(seed: Int) throws {
        var random = Random(UInt64(seed))
        let decimal = SQLType.decimal(precision: 9, scale: 2)
        let input = Step.source(source([ColumnDefinition("V", .string), ColumnDefinition("D", decimal)]))
        let text = column(1, .string)
        let root = aggregate(
            input,
            [
                call("LATEST_BY_OFFSET", [text], .string), call("EARLIEST_BY_OFFSET", [text], .string),
                call("LATEST_BY_OFFSET", [text], .string, options: [.boolean(false)]),
                call("EARLIEST_BY_OFFSET", [text], .string, options: [.boolean(false)]), call("MIN", [text], .string),
                call("MAX", [text], .string), call("LATEST_BY_OFFSET", [column(2, decimal)], decimal),
            ])
        func make() throws -> Dataflow { try Dataflow(root: root, destination: sink(kind: .table), options: DataflowOptions(coalesces: true)) }
        var dataflow = try make()
        var log: [OutgoingRecords] = []
        var models: [String: Model] = [:]
        for commit in 0..<12 {
            var touched: Set<String> = []
            let lines = (0..<Int.random(in: 1...80, using: &random)).map { _ -> Line in
                let key = "k\(Int.random(in: 0..<4, using: &random))"
                touched.insert(key)
                let isNull = Int.random(in: 0..<5, using: &random) == 0
                let letter = Character(Unicode.Scalar(UInt8.random(in: 97...122, using: &random)))
                let value = isNull ? nil : String(repeating: letter, count: Int.random(in: 0..<3000, using: &random))
                models[key, default: Model()].add(value)
                return Line(key, value.map { #"{"V":"\#($0)","D":\#($0.utf8.count)}"# } ?? #"{"V":null,"D":null}"#)
            }
            try dataflow.process(input: 0, run: run(lines), range: 0..<lines.count, partition: 0)
            while dataflow.hasPending { try dataflow.resume() }
            try dataflow.flush()
            while dataflow.hasPending { try dataflow.resume() }
            let expected = touched.map { "\($0)|{\(models[$0]?.row ?? "")}@0" }
            #expect(Set(texts(dataflow.takeOutput())) == Set(expected))
            log += try dataflow.takeChangelog().map(\.records)
            // Everything starts anew, from the changelog, at every third commit.
            guard commit % 3 == 2 else { continue }
            dataflow = try make()
            for records in log { try dataflow.restore(store: "store", run: run(records)) }
        }
        // What was replaced is gone: four groups hold at most six texts each.
        #expect(dataflow.stateMemory < 2 << 20)
    }
}

extension KeptValueTests {
    /// A merge of two sessions whose texts are all NULL, and a row for another key behind it.
    @Test func sessionsWhoseListsHoldNullsMerge() throws {
        let root = aggregate(
            .source(source([ColumnDefinition("V", .string)])), [call("COLLECT_LIST", [column(1, .string)], .array(.string))],
            window: WindowDescription(shape: .session(gap: 5_000), grace: 86_400_000, retention: 90_000_000))
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table), options: DataflowOptions(coalesces: true))
        var output: [String] = []
        func commit(_ lines: [Line]) throws {
            try dataflow.process(input: 0, run: run(lines), range: 0..<lines.count, partition: 0)
            while dataflow.hasPending { try dataflow.resume() }
            try dataflow.flush()
            while dataflow.hasPending { try dataflow.resume() }
            output += texts(dataflow.takeOutput())
            _ = try dataflow.takeChangelog()
        }
        try commit([
            Line("1", #"{"V":null}"#, at: 40_000), Line("1", #"{"V":null}"#, at: 46_000), Line("1", #"{"V":"a"}"#, at: 43_000),
            Line("0", #"{"V":null}"#, at: 40_000),
        ])
        #expect(output.contains { $0.contains(#"{"A0":[null,null,"a"]}@46000"#) } && output.contains { $0.contains(#"{"A0":[null]}@40000"#) })
        try commit([Line("0", #"{"V":"b"}"#, at: 40_100)])
        #expect(output.last?.contains(#"{"A0":[null,"b"]}@40100"#) == true)
    }
}
