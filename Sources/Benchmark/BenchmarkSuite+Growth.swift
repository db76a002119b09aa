// How cost grows with the number of queries, with the number of partitions, and with the length of the log behind which it is measured.

import Diagnostics
import Engine
import Platform
import Quantities
import Sessions

extension BenchmarkSuite {
    /// The numbers of an axis that are asked for, each once.
    private func values(_ axis: GrowthAxis, of cases: [BenchmarkCase]) -> [Int] {
        BenchmarkSuite.distinct(cases.compactMap(\.point).filter { $0.axis == axis }.map(\.value))
    }

    /// Makes many filters on a stream, and then loads it.
    func manyQueries(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        for count in values(.queries, of: cases) {
            try withEngine { (opened, session) throws(Diagnostic) in
                try carryOut(NexmarkQuery.sources, session)
                tell("create \(count)")
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
                guard let one = cases.first(where: { $0.work == .queries(count) }) else { return }
                tell("\(count) queries")
                // All queries read what is loaded as it comes, so loading and drain are one.
                book[one].add(try loadBids(opened, session), rows: rows, queries: count)
            }
        }
    }

    /// Groups bids that lie in many partitions.
    func manyPartitions(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        for count in values(.partitions, of: cases) {
            guard let one = cases.first(where: { $0.work == .partitions(count) }) else { continue }
            tell("\(count) partitions")
            try withEngine { (opened, session) throws(Diagnostic) in
                try session.set("millrace.default.partitions", to: String(count))
                try carryOut(NexmarkQuery.sources, session)
                _ = try loadBids(opened, session)
                let cost = try cost { () throws(Diagnostic) in
                    try carryOut(BenchmarkSuite.grouping, session)
                    try drain(opened)
                }
                book[one].add(cost, rows: rows)
            }
        }
    }

    private static let grouping = "CREATE TABLE per_bidder AS SELECT bidder, COUNT(*) AS n, SUM(price) AS total FROM bid GROUP BY bidder;"

    private func loadBids(_ opened: MeasuredEngine, _ session: EngineSession) throws(Diagnostic) -> Cost {
        var generator = NexmarkGenerator(.bid, texts: texts)
        let loaded = try load(rows, into: "BID", session) { generator.pieces($0) }
        return loaded + (try cost { () throws(Diagnostic) in try drain(opened) })
    }

    // MARK: Long logs

    /// What a log takes on the disk beyond its records: the journal, and what the query writes.
    private static let spareBytes = Int64(1) << 30
    /// Bids whose lines are loaded again and again to make a log long.
    private static let fillingRows = 100_000

    /// Makes a log longer and longer, and at each length looks at what a query costs that begins at its end.
    func longLogs(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        let sizes = values(.logBytes, of: cases).sorted()
        guard let most = sizes.last else { return }
        try checkRoom(forLogOf: most)
        try withEngine { (opened, session) throws(Diagnostic) in
            try carryOut(NexmarkQuery.sources, session)
            try session.set("auto.offset.reset", to: "latest")
            var generator = NexmarkGenerator(.bid, texts: texts)
            let filling = generator.pieces(BenchmarkSuite.fillingRows)
            let portion = filling.map(\.bytes.count).reduce(0, +)
            var bytes = 0
            for size in sizes {
                guard let one = cases.first(where: { $0.work == .logEnd(size) }) else { continue }
                tell("\(size >> 20) MiB of log")
                while bytes < size {
                    _ = try load(BenchmarkSuite.fillingRows, into: "BID", session) { _ in filling }
                    bytes += portion
                }
                try carryOut(BenchmarkSuite.grouping, session)
                try drain(opened)
                book[one].add(try loadBids(opened, session), rows: rows)
                try carryOut("DROP TABLE per_bidder DELETE TOPIC;", session)
            }
        }
    }

    /// Errors: the disk has not enough room, which is better said before an hour's work than behind it.
    private func checkRoom(forLogOf bytes: Int) throws(Diagnostic) {
        let needed = Int64(bytes).addingSaturated(BenchmarkSuite.spareBytes).addingSaturated(Int64(rows).multipliedSaturated(by: 512))
        // The directory is made with the first run.
        var place = directory
        while !files.exists(place), parent(of: place) != place { place = parent(of: place) }
        let free: ByteCount
        do throws(SystemError) { free = try files.freeBytes(in: place) } catch {
            throw Diagnostic(.ioError, "\(error)", category: .general)
        }
        guard free.count < needed else { return }
        throw Diagnostic(
            .diskFull, "a log of \(bytes >> 20) MiB needs \(needed >> 20) MiB in \(directory), where \(free.count >> 20) MiB are free",
            category: .general, hint: "Name a directory with more room with --data, or ask for a shorter log with --log-size.")
    }
}
