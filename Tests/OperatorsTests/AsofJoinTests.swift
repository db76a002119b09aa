// ASOF joins, and joins of a source with itself: which rows meet, when they leave, what is late; one record at a time, merged and restarted.

import Bytes
import Formats
import Operators
import Plans
import Quantities
import TestSupport
import Testing
import Values

private func asof(_ type: JoinType = .left, before: Milliseconds = 100, after: Milliseconds = 0, grace: Milliseconds? = nil) -> Step {
    var window = JoinWindow(before: before, after: after, grace: grace ?? 1_000, hasGrace: grace != nil)
    window.asof = true
    return joinStep(type, .streamStream(window))
}

private func left(_ key: String?, _ value: String, at time: Int64) -> Arrival { fromLeft(key, #"{"A":"\#(value)"}"#, at: time) }
private func right(_ key: String?, _ value: String, at time: Int64) -> Arrival { fromRight(key, #"{"B":"\#(value)"}"#, at: time) }

/// `key|{"A":"a","B":"b"}@1` as `a b@1`.
private func short(_ lines: [String]) -> [String] {
    lines.map { line in
        let parts = line.split(separator: "\"").map(String.init)
        let b = line.contains("null") ? "-" : parts[7]
        return "\(parts[3]) \(b)@\(line.split(separator: "@").last ?? "")"
    }
}

@Suite struct AsofJoinTests {
    private let arrivals = [
        right("k", "r10", at: 10), right("k", "r20", at: 20), left("k", "l15", at: 15), left("k", "l20", at: 20), right("k", "r20b", at: 20),
        right("x", "x", at: 30), left("k", "l120", at: 120), left("k", "l121", at: 121), left("x", "l200", at: 200),
    ]

    /// A row that comes when its time is past leaves at once; else when stream time has passed it, by then with all that came before.
    @Test func theLastPartnerThatIsNotLater() throws {
        #expect(try short(joined(asof(), arrivals)) == ["l15 r10@15", "l20 r20b@20", "l120 r20b@120", "l121 -@121"])
        #expect(try short(joined(asof(.inner), arrivals)) == ["l15 r10@15", "l20 r20b@20", "l120 r20b@120"])
    }

    @Test func strictlyLater() throws {
        #expect(try short(joined(asof(after: -1), arrivals)) == ["l15 r10@15", "l20 r10@20", "l120 r20b@120", "l121 -@121"])
    }

    /// With a grace period rows wait for right rows that come late, and rows that come later than that are left out.
    @Test func gracePeriods() throws {
        let late = [
            left("k", "l50", at: 50), left("x", "l55", at: 55), right("k", "r40", at: 40), left("x", "l61", at: 61), left("k", "l50b", at: 50),
            left("k", "l71", at: 71),
        ]
        #expect(try short(joined(asof(grace: 10), late)) == ["l50 r40@50", "l55 -@55"])
        let dataflow = try Dataflow(root: asof(grace: 10), destination: sink())
        let run = run(late.filter(\.isLeft).map(\.line))
        try dataflow.process(input: 0, run: run, range: 0..<run.count, partition: 0)
        #expect(dataflow.errorCounts == [.late: 1])
    }

    @Test func rowsWithoutKeys() throws {
        let without = [left(nil, "l1", at: 1), right(nil, "r1", at: 1), left("k", "l2", at: 2)]
        #expect(try short(joined(asof(), without)) == ["l1 -@1"])
        #expect(try joined(asof(.inner), without) == [])
    }

    /// Whatever the order in which rows come, within the grace period, they meet as in a join over all of them.
    @Test(arguments: 0..<20) func modelled(round: Int) throws {
        var random = SplitMix(seed: UInt64(round) + 77)
        var rows: [(arrival: Arrival, key: String, time: Int64, name: String)] = []
        for number in 0..<200 {
            let time = Int64(number) * 3 + Int64(random.next() % 20)
            let key = ["a", "b", "c"][Int(random.next() % 3)]
            let isLeft = random.next() % 2 == 0
            let name = (isLeft ? "l" : "r") + "\(number)"
            rows.append((isLeft ? left(key, name, at: time) : right(key, name, at: time), key, time, name))
        }
        let end = (left("end", "end", at: 10_000), right("end", "end", at: 10_000))
        let lines = try short(joined(asof(before: 60, grace: 20), rows.map(\.arrival) + [end.0, end.1]))
        let expected = rows.filter(\.arrival.isLeft).map { row -> String in
            let partners = rows.filter { !$0.arrival.isLeft && $0.key == row.key && $0.time <= row.time && $0.time >= row.time - 60 }
            // Of one time the one that came last.
            let partner = partners.enumerated().max { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            return "\(row.name) \(partner?.element.name ?? "-")@\(row.time)"
        }
        #expect(lines.sorted() == expected.sorted(), "seed \(round + 77)")
    }
}

/// A small generator of numbers with a seed.
private struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct SelfJoinTests {
    private func itself(_ kind: JoinKind, _ sourceKind: SourceKind, _ type: JoinType = .inner) -> Step {
        let one = source([ColumnDefinition("A", .string)], kind: sourceKind, topic: "in")
        let schema = RowSchema(
            columns: [ColumnDefinition("ID", .string)] + one.output.columns + one.output.columns.map { ColumnDefinition("R_" + $0.name, $0.type) },
            keyCount: 1)
        let join = JoinStep(
            left: .source(one), right: .source(one), type: type, kind: kind, output: schema, leftStore: StoreDescription(name: "l"),
            rightStore: StoreDescription(name: "r"), keyFormat: FormatSpec(.kafka))
        return project(.join(join), [("ID", column(0, text)), ("A", column(2, text)), ("B", column(4, text))], isTable: sourceKind == .table)
    }

    /// The source is read once, and its rows take turns on both sides, however they are cut into batches.
    @Test(arguments: [1, 2, 4096]) func streams(batch: Int) throws {
        let window = JoinWindow(before: 10, after: 10, grace: 0, hasGrace: true)
        let root = itself(.streamStream(window), .stream, .left)
        let lines = [Line("k", #"{"A":"1"}"#, at: 1), Line("x", #"{"A":"2"}"#, at: 5), Line("k", #"{"A":"3"}"#, at: 8)]
        let dataflow = try Dataflow(root: root, destination: sink())
        #expect(dataflow.inputs.count == 1)
        #expect(
            try feed(dataflow, lines, batch: batch) == [
                #"k|{"A":"1","B":"1"}@1"#, #"x|{"A":"2","B":"2"}@5"#, #"k|{"A":"3","B":"1"}@8"#, #"k|{"A":"1","B":"3"}@8"#,
                #"k|{"A":"3","B":"3"}@8"#,
            ])
    }

    @Test(arguments: [1, 4096]) func tables(batch: Int) throws {
        let root = itself(.tableTable, .table)
        let lines = [Line("k", #"{"A":"1"}"#, at: 1), Line("k", #"{"A":"2"}"#, at: 2)]
        let destination = sink(kind: .table)
        let dataflow = try Dataflow(root: root, destination: destination)
        #expect(
            try feed(dataflow, lines, batch: batch) == [
                #"k|{"A":"1","B":"1"}@1"#, #"k|{"A":"2","B":"1"}@2"#, #"k|{"A":"2","B":"2"}@2"#,
            ])
    }
}
