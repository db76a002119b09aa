// How cost grows with the number of groups, what a restart costs over their state, and how long the workers are busy with one thing while
// they are made.

import Diagnostics
import Engine
import Platform
import Quantities
import Sessions

extension BenchmarkSuite {
    private static let makeEvents = "CREATE STREAM event (k BIGINT, v BIGINT) WITH (KAFKA_TOPIC='event', VALUE_FORMAT='JSON');"
    private static let makeGroups = "CREATE TABLE per_key AS SELECT k, COUNT(*) AS n, SUM(v) AS total FROM event GROUP BY k;"

    /// Makes tables of many groups, and opens the directory of each once more.
    func groups(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        let all = cases.filter { $0.point?.axis == .groups }
        for count in BenchmarkSuite.distinct(all.compactMap { $0.point?.value }) {
            let wanted = all.filter { $0.point?.value == count }
            tell("\(count) groups")
            let turns = TurnHistograms()
            try withDirectory { (place) throws(Diagnostic) in
                var samples = BenchmarkSamples()
                let key = try makeTable(of: count, on: place, turns, &samples)
                for one in wanted {
                    switch one.work {
                    case .groups: book[one].add(samples)
                    case .pauses(let part, let ofProcessor, _):
                        book[one].unit = BenchmarkResult.time
                        book[one].times.add(turns.times(of: part, ofProcessor: ofProcessor))
                    default: try restart(on: place, key: key, &book[one])
                    }
                }
            }
        }
    }

    /// The same numbers, each once, in their order.
    static func distinct(_ numbers: [Int]) -> [Int] {
        var seen: Set<Int> = []
        return numbers.filter { seen.insert($0).inserted }
    }

    /// Loads rows, `count` at least, whose keys are drawn at random from `count`, and groups them. Gives one of the keys.
    private func makeTable(
        of count: Int, on place: String, _ turns: TurnHistograms, _ samples: inout BenchmarkSamples
    ) throws(Diagnostic) -> Int {
        let random = SeededRandom(seed: 42)
        // With fewer rows than groups, there would be no more groups than rows.
        let rows = max(self.rows, count)
        var key = 0, number = 0
        try withEngine(on: place, turns: turns) { (opened, session) throws(Diagnostic) in
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
            guard try firstAnswer("SELECT * FROM per_key WHERE k = \(key);", session, began) == 1 else {
                throw Diagnostic(.dataError, "the table has no row of the key \(key) after the restart", category: .general)
            }
            samples.figures.append(Double(time.monotonicNanoseconds() - began) / 1000)
        }
        samples.unit = BenchmarkResult.time
    }

    /// The rows of a question that is asked again while the table's state is not read back.
    private func firstAnswer(_ question: String, _ session: EngineSession, _ began: Int64) throws(Diagnostic) -> Int {
        while true {
            do throws(Diagnostic) { return try carryOut(question, session) } catch {
                // Each time the engine itself waits for a while before it says so.
                guard error.code == .wrongState, time.monotonicNanoseconds() - began < BenchmarkSuite.patience else { throw error }
            }
        }
    }
}
