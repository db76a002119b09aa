// Aggregates that keep many values log what is new of them: what is read back is what was there, also behind a snapshot that was taken later
// than the changes that follow it.

import Bytes
import Plans
import Testing
import Values

@testable import Operators

@Suite struct ChangedStatesTests {
    private static let numbers = [
        call("COLLECT_LIST", [column(1, big)], .array(big)), call("COLLECT_LIST", [column(1, big)], .array(big), limit: 7),
        call("MEDIAN", [column(1, big)], double), call("PERCENTILE", [column(1, big)], double, options: [.double(0.9)]), countAll,
    ]
    private static let forever = [
        call("COLLECT_SET", [column(1, big)], .array(big)), call("COUNT_DISTINCT", [column(1, big)], big),
        call("STRING_AGG", [TypedExpression(.cast(column(1, big)), text)], text, options: [.string("; ")]),
        call("TOPK", [column(1, big)], .array(big), options: [.integer(4)]),
    ]
    private static let hopping = WindowDescription(shape: .hopping(size: 1000, advance: 500), grace: 100_000, retention: 200_000)
    private static let table = Step.source(source([ColumnDefinition("V", big)], kind: .table, store: "in"))

    /// Of streams, with windows and without, and of a table, whose rows also leave their groups.
    private static let roots = [
        aggregate(events, by: [TypedExpression(.arithmetic(.modulo, column(1, big), .literal(.bigint(5), big)), big)], numbers + forever),
        aggregate(events, numbers + forever, window: hopping), aggregate(events, forever),
        aggregate(
            table, by: [TypedExpression(.arithmetic(.modulo, column(1, big), .literal(.bigint(3), big)), big)], numbers, isTable: true, sendsOld: true),
    ]

    private func make(_ root: Step) throws -> Dataflow {
        var options = DataflowOptions(coalesces: true)
        options.packsChangelog = true
        return try Dataflow(root: root, destination: sink(kind: .table), options: options)
    }

    private func lines(_ count: Int, _ generator: inout Random) -> [Line] {
        (0..<count).map { index in
            let value = generator.next() % 11 == 0 ? "null" : "\(generator.next() % 2000)"
            return Line("k\(generator.next() % 40)", generator.next() % 13 == 0 ? nil : #"{"V":\#(value)}"#, at: Int64(index / 4))
        }
    }

    /// The whole state, an entry a record.
    private func state(_ dataflow: Dataflow, _ store: String = "store") throws -> [String] {
        texts(try dataflow.snapshot(store: store, from: 0, limit: .max).records).sorted()
    }

    @Test(arguments: roots.indices, 0..<4) func isReadBack(_ index: Int, seed: Int) throws {
        var generator = Random(UInt64(seed))
        let root = Self.roots[index]
        let dataflow = try make(root)
        let copy = try make(root)
        /// Begins with a snapshot that is taken while changes go on, and behind them.
        var late: (dataflow: Dataflow, changes: [(store: String, records: OutgoingRecords)])?
        for part in 0..<12 {
            _ = try feed(dataflow, lines(part % 3 == 0 ? 700 : 30, &generator), offset: Int64(part) * 700)
            while let slice = try dataflow.takeChangelogSlice(limit: 50) {
                try copy.restore(store: slice.store, run: run(slice.records))
                late?.changes.append((slice.store, slice.records))
            }
            if part == 3 { late = (try make(root), []) }
            if part == 7, let late {
                for store in dataflow.storeNames {
                    try late.dataflow.restore(store: store, run: run(dataflow.snapshot(store: store, from: 0, limit: .max).records))
                }
            }
        }
        let begun = try #require(late)
        for change in begun.changes { try begun.dataflow.restore(store: change.store, run: run(change.records)) }
        let expected = try state(dataflow)
        #expect(try state(copy) == expected)
        #expect(try state(begun.dataflow) == expected)
        // Both go on as the first one does.
        let more = lines(200, &generator)
        let output = try feed(dataflow, more, offset: 90_000)
        #expect(try feed(copy, more, offset: 90_000) == output && feed(begun.dataflow, more, offset: 90_000) == output)
    }

    /// What a commit writes follows from what is new, not from what is there.
    @Test func costsWhatIsNew() throws {
        let calls = [Self.numbers[0], Self.numbers[2], Self.forever[0], Self.forever[1]]
        let dataflow = try make(aggregate(events, calls))
        let rows = (0..<20_000).map { Line("k", #"{"V":\#($0)}"#) }
        _ = try feed(dataflow, rows)
        let first = try dataflow.takeChangelog().reduce(0) { $0 + $1.records.bytes.count }
        _ = try feed(dataflow, Array(rows[..<10]), offset: 20_000)
        let second = try dataflow.takeChangelog().reduce(0) { $0 + $1.records.bytes.count }
        #expect(first > 200_000 && second < 500)
    }

    /// A change that ends early is refused, and one whose bytes are others is refused or holds other values; nothing else happens.
    @Test func damageIsNoticed() throws {
        let root = aggregate(events, Self.numbers + Self.forever)
        let dataflow = try make(root)
        _ = try feed(dataflow, (0..<30).map { Line("k", #"{"V":\#($0)}"#) })
        let log = try dataflow.takeChangelog()[0].records
        let (key, value) = (Array(log.bytes[log.keys[0].indexes]), Array(log.bytes[log.values[0].indexes]))
        #expect(key.first == StateKeys.groupChange)
        func restore(_ value: [UInt8]) throws {
            var records = OutgoingRecords()
            records.append(key: key, value: value, timestamp: 0)
            try make(root).restore(store: "store", run: run(records))
        }
        try restore(value)
        for length in 0..<value.count { #expect(throws: DataflowError.self) { try restore(Array(value[..<length])) } }
        for place in value.indices {
            for bit in 0..<8 {
                var other = value
                other[place] ^= 1 << UInt8(bit)
                do { try restore(other) } catch { #expect(error is DataflowError) }
            }
        }
    }

    /// Against sorted arrays.
    @Test(arguments: 0..<8) func countsOfNumbers(seed: Int) {
        var generator = Random(UInt64(seed))
        var (counts, model): (SortedCounts, [Double]) = (SortedCounts(), [])
        let range = seed % 2 == 0 ? 20 : 100_000 as UInt64
        for _ in 0..<3000 {
            let value = generator.next() % 50 == 0 ? .nan : Double(generator.next() % range)
            if generator.next() % 3 == 0 {
                counts.change(value, by: -1)
                if let place = model.firstIndex(where: { $0 == value || $0.isNaN && value.isNaN }) { model.remove(at: place) }
            } else {
                counts.change(value, by: 1)
                model.insert(value, at: model.firstIndex { SortedCounts.isLess(value, $0) } ?? model.count)
            }
        }
        #expect(counts.total == Int64(model.count))
        for (place, value) in model.enumerated() {
            let found = counts.value(at: Int64(place))
            #expect(found == value || found.isNaN && value.isNaN)
        }
    }
}
