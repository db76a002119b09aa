// Continuous Top-N, LAG and its kind, and DISTINCT in windows: random rows against models, in batches of any size, restored in the middle.

import Bytes
import Formats
import Operators
import Plans
import Quantities
import Testing
import Values

/// Rows of a text key and a number.
private let rows = project(
    .source(source([ColumnDefinition("V", .bigint)])), [("K", column(0, text)), ("V", column(1, big))])

private func keyed(_ kind: KeyedStep.Kind, added: [(String, SQLType)], isTop: Bool = false, keyCount: Int = 1) -> Step {
    let columns = rows.output.columns
    let own = added.map { ColumnDefinition($0.0, $0.1) }
    let output =
        isTop
        ? RowSchema(columns: [columns[0]] + own + [columns[1]], keyCount: 2) : RowSchema(columns: columns + own, keyCount: 1)
    let step = KeyedStep(
        input: rows, keyCount: keyCount, kind: kind, output: output, repartition: nil, store: StoreDescription(name: "store"))
    return .keyed(step)
}

private let jsonKey = FormatSpec(.json)

/// The output of these lines in batches of `size`, with a restart from the changelog, and one from a snapshot, at a third each.
private func outputs(_ root: Step, _ lines: [Line], batch size: Int, _ destination: Destination) throws -> [String] {
    var dataflow = try Dataflow(root: root, destination: destination)
    var changes: [OutgoingRecords] = []
    var out: [String] = []
    let thirds = [lines.prefix(lines.count / 3), lines[(lines.count / 3)..<(lines.count * 2 / 3)], lines.suffix(from: lines.count * 2 / 3)]
    for (place, part) in thirds.enumerated() {
        out += try feed(dataflow, Array(part), batch: size)
        changes += try dataflow.takeChangelog().map(\.records)
        let next = try Dataflow(root: root, destination: destination)
        if place == 0 {
            for records in changes { try next.restore(store: "store", run: run(records)) }
        } else {
            var position: Int? = 0
            while let from = position {
                let slice = try dataflow.snapshot(store: "store", from: from, limit: 2)
                try next.restore(store: "store", run: run(slice.records))
                position = slice.next
            }
        }
        #expect(dataflow.stateMemory > 0)
        dataflow = next
    }
    return out
}

@Suite struct KeyedTests {
    private func lines(_ seed: UInt64) -> [Line] {
        var chance = Chance(seed)
        return (0..<90).map { number in
            let value = chance.below(12) == 0 ? "null" : "\(chance.below(40))"
            return Line("k\(chance.below(4))", #"{"V":\#(value)}"#, at: Int64(number * 10))
        }
    }

    private func value(_ line: Line) -> Int? {
        Int(String(decoding: line.value ?? [], as: UTF8.self).filter(\.isNumber))
    }

    private func key(_ line: Line) -> String { String(decoding: line.key ?? [], as: UTF8.self) }

    @Test(arguments: [1, 7, 4096], [1, 2, 3] as [UInt64]) func top(batch: Int, seed: UInt64) throws {
        let order = [SortColumn(column: 1, isDescending: true, nullsFirst: false)]
        let root = keyed(.top(order, count: 3), added: [("RN", .bigint)], isTop: true)
        let lines = lines(seed)
        // The table is what the last change of each of its keys says.
        var table: [String: String] = [:]
        for change in try outputs(root, lines, batch: batch, sink(kind: .table, keyFormat: jsonKey)) {
            let parts = change.split(separator: "|")
            table[String(parts[0])] = String(parts[1].split(separator: "@")[0])
        }
        var expected: [String: String] = [:]
        for (key, of) in Dictionary(grouping: lines.enumerated(), by: { self.key($0.element) }) {
            let sorted = of.sorted { a, b in
                let (x, y) = (value(a.element) ?? .min, value(b.element) ?? .min)
                return x == y ? a.offset < b.offset : x > y
            }
            for (place, line) in sorted.prefix(3).enumerated() {
                expected[#"{"K":"\#(key)","RN":\#(place + 1)}"#] = #"{"V":\#(value(line.element).map(String.init) ?? "null")}"#
            }
        }
        #expect(table == expected)
    }

    @Test(arguments: [1, 7, 4096], [1, 2, 3] as [UInt64]) func running(batch: Int, seed: UInt64) throws {
        let calls = [
            RunningCall(function: .lag(distance: 2), value: 1, otherwise: nil, result: .bigint),
            RunningCall(function: .firstValue, value: 1, otherwise: nil, result: .bigint),
            RunningCall(function: .rowNumber, value: nil, otherwise: nil, result: .bigint),
        ]
        let root = keyed(.running(calls), added: [("L", .bigint), ("F", .bigint), ("N", .bigint)])
        let lines = lines(seed)
        var earlier: [String: [Int?]] = [:]
        let expected = lines.map { line -> String in
            func shown(_ number: Int?) -> String { number.map { String($0) } ?? "null" }
            let before = earlier[key(line), default: []]
            let all = before + [value(line)]
            earlier[key(line)] = all
            let lag = before.count < 2 ? nil : before[before.count - 2]
            return #"\#(key(line))|{"V":\#(shown(value(line))),"L":\#(shown(lag)),"F":\#(shown(all[0])),"N":\#(all.count)}@\#(line.time)"#
        }
        #expect(try outputs(root, lines, batch: batch, sink()) == expected)
    }

    @Test(arguments: [1, 7, 4096], [1, 2, 3] as [UInt64]) func distinct(batch: Int, seed: UInt64) throws {
        let window = WindowDescription(shape: .tumbling(size: 100), grace: 20, retention: 120)
        let root = keyed(.distinct(window), added: [], keyCount: 2)
        let lines = lines(seed)
        var seen: Set<String> = []
        let expected = lines.filter { line in
            seen.insert("\(line.time / 100) \(key(line)) \(value(line) ?? -1)").inserted
        }.map { line in #"\#(key(line))|{"V":\#(value(line).map { String($0) } ?? "null")}@\#(line.time)"# }
        #expect(try outputs(root, lines, batch: batch, sink()) == expected)
    }

    /// A row of a window that is closed is late, also after a restart; and what is seen goes with its window.
    @Test func lateRows() throws {
        let window = WindowDescription(shape: .tumbling(size: 100), grace: 20, retention: 120)
        let root = keyed(.distinct(window), added: [], keyCount: 2)
        let first = try Dataflow(root: root, destination: sink())
        #expect(try feed(first, [Line("k", #"{"V":1}"#, at: 10), Line("k", #"{"V":1}"#, at: 119), Line("k", #"{"V":2}"#, at: 20)]).count == 3)
        let memory = first.stateMemory
        let changes = try first.takeChangelog()
        let second = try Dataflow(root: root, destination: sink())
        for change in changes { try second.restore(store: change.store, run: run(change.records)) }
        #expect(try feed(second, [Line("k", #"{"V":3}"#, at: 120), Line("k", #"{"V":4}"#, at: 30)]).count == 1)
        #expect(second.errorCounts == [.late: 1])
        _ = try second.takeChangelog()
        #expect(second.stateMemory < memory)
    }
}
