// How cost grows: with the number of groups, with the number of queries, and what a restart costs over the state of many groups.

import Diagnostics
import Engine
import Platform
import Quantities
import Sessions

extension BenchmarkSuite {
    private static let makeEvents = "CREATE STREAM event (k BIGINT, v BIGINT) WITH (KAFKA_TOPIC='event', VALUE_FORMAT='JSON');"
    private static let makeGroups = "CREATE TABLE per_key AS SELECT k, COUNT(*) AS n, SUM(v) AS total FROM event GROUP BY k;"

    /// Makes a table of many groups, and opens its directory once more.
    func groups(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        for one in cases {
            if case .groups(let count) = one.work {
                tell(one.name)
                try withDirectory { (place) throws(Diagnostic) in _ = try makeTable(of: count, on: place, &book[one]) }
            }
            if case .restart(let count) = one.work {
                tell(one.name)
                try withDirectory { (place) throws(Diagnostic) in
                    var ignored = BenchmarkSamples()
                    let key = try makeTable(of: count, on: place, &ignored)
                    try restart(on: place, key: key, &book[one])
                }
            }
        }
    }

    /// Loads rows whose keys are drawn at random from `count`, and groups them. Gives one of the keys.
    private func makeTable(of count: Int, on place: String, _ samples: inout BenchmarkSamples) throws(Diagnostic) -> Int {
        let random = SeededRandom(seed: 42)
        var key = 0, number = 0
        try withEngine(on: place) { (opened, session) throws(Diagnostic) in
            try carryOut(BenchmarkSuite.makeEvents, session)
            _ = try load(rows, into: "EVENT", session) { window in
                var piece = NexmarkGenerator.Piece()
                var pieces: [NexmarkGenerator.Piece] = []
                for _ in 0..<window {
                    let start = piece.bytes.count
                    key = random.below(max(1, count))
                    piece.bytes.append(contentsOf: "{\"k\":\(key),\"v\":\(number)}".utf8)
                    piece.endLine(from: start)
                    number += 1
                    guard piece.bytes.count >= NexmarkGenerator.pieceBytes else { continue }
                    pieces.append(piece)
                    piece = NexmarkGenerator.Piece()
                }
                return pieces + [piece]
            }
            let cost = try cost { () throws(Diagnostic) in
                try carryOut(BenchmarkSuite.makeGroups, session)
                try drain(opened)
            }
            samples.add(cost, rows: rows)
        }
        return key
    }

    private func restart(on place: String, key: Int, _ samples: inout BenchmarkSamples) throws(Diagnostic) {
        let began = time.monotonicNanoseconds()
        try withEngine(on: place) { (_, session) throws(Diagnostic) in
            guard try carryOut("SELECT * FROM per_key WHERE k = \(key);", session) == 1 else {
                throw Diagnostic(.dataError, "the table has no row of the key \(key) after the restart", category: .general)
            }
            samples.figures.append(Double(time.monotonicNanoseconds() - began) / 1000)
        }
        samples.unit = BenchmarkResult.time
    }

    // MARK: Many queries

    /// Makes many filters on a stream, and then loads it.
    func manyQueries(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        var count: Int?
        for case .queries(let asked) in cases.map(\.work) { count = asked }
        for case .creation(let asked) in cases.map(\.work) { count = asked }
        guard let count else { return }
        try withEngine { (opened, session) throws(Diagnostic) in
            try carryOut(NexmarkQuery.sources, session)
            tell("create")
            var times = LatencyHistogram()
            for number in 0..<count {
                let began = time.monotonicNanoseconds()
                let condition = "auction % \(count) = \(number)"
                try carryOut("CREATE STREAM filter_\(number) AS SELECT auction, price FROM bid WHERE \(condition);", session)
                times.add(time.monotonicNanoseconds() - began)
            }
            for one in cases where one.work == .creation(count) {
                book[one].unit = BenchmarkResult.time
                book[one].times.add(times)
            }
            tell("queries")
            var generator = NexmarkGenerator(.bid, texts: texts)
            // All queries read what is loaded as it comes, so loading and drain are one.
            let loaded = try load(rows, into: "BID", session) { generator.pieces($0) }
            let cost = loaded + (try self.cost { () throws(Diagnostic) in try drain(opened) })
            for one in cases where one.work == .queries(count) { book[one].add(cost, rows: rows, queries: count) }
        }
    }
}
