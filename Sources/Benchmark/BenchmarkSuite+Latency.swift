// How long a row takes from the one who writes it to the one who watches: one after the other, and at a fixed rate.

import Bytes
import Diagnostics
import Engine
import Platform
import Quantities
import Sessions

extension BenchmarkSuite {
    private static let makePing = "CREATE STREAM ping (n BIGINT) WITH (KAFKA_TOPIC='ping', VALUE_FORMAT='JSON', PARTITIONS=1);"
    private static let watchPing = "SELECT n FROM ping EMIT CHANGES;"
    /// Inserts of a run of the latency case.
    private static let inserts = 1000
    /// Rows that are handed over at once when the writer is behind.
    private static let mostRows = 16_384

    /// The time of each insert; the next one begins when its row is there.
    func latencies(_ samples: inout BenchmarkSamples) throws(Diagnostic) {
        try withEngine { (opened, session) throws(Diagnostic) in
            try insertOneByOne(session, watchedBy: opened.engine.openSession(), &samples)
        }
    }

    /// The disk's own time for what each commit needs of it: some bytes in a file, and their way to the disk. The file has its room already:
    /// a longer one each time would measure the journal of the file system.
    func sync(_ samples: inout BenchmarkSamples) throws(Diagnostic) {
        samples.unit = BenchmarkResult.time
        try withDirectory { (place) throws(Diagnostic) in
            do throws(SystemError) {
                try files.createDirectory(place)
                let file = try files.open(place + "/sync", .truncate)
                defer { file.close() }
                let block = [UInt8](repeating: 0x5A, count: 4096)
                try file.write([UInt8](repeating: 0, count: BenchmarkSuite.inserts * block.count), at: 0)
                try file.synchronize()
                for number in 0..<BenchmarkSuite.inserts {
                    let began = time.monotonicNanoseconds()
                    try file.write(block, at: Int64(number * block.count))
                    try file.synchronize()
                    samples.times.add(time.monotonicNanoseconds() - began)
                }
            } catch {
                throw Diagnostic(.ioError, "\(error)", category: .general)
            }
        }
    }

    /// Inserts through one session and measures until each row is there in another.
    func insertOneByOne(
        _ session: any StatementSession, watchedBy watcher: any StatementSession, _ samples: inout BenchmarkSamples
    ) throws(Diagnostic) {
        samples.unit = BenchmarkResult.time
        try watching(session, watcher) { (arrivals) throws(Diagnostic) in
            for number in 1...BenchmarkSuite.inserts {
                let began = time.monotonicNanoseconds()
                try carryOut("INSERT INTO ping VALUES (\(number));", session)
                try arrivals.await(rows: number)
                samples.times.add(time.monotonicNanoseconds() - began)
            }
        }
    }

    /// The time of each row of a stream of so many a second. It counts from the moment at which the row is due, whether the writer is on
    /// time or not: where the system stops for a while, all rows that were due meanwhile are late, as they would be for their users.
    func rows(atRate rate: Int, seconds: Int, _ samples: inout BenchmarkSamples) throws(Diagnostic) {
        samples.unit = BenchmarkResult.time
        let count = rate * seconds
        try withEngine { (opened, session) throws(Diagnostic) in
            try watching(session, opened.engine.openSession()) { (arrivals) throws(Diagnostic) in
                let ingest = try session.beginIngest(into: "PING", format: .json)
                let cost = try cost { () throws(Diagnostic) in
                    let schedule = RowSchedule(start: time.monotonicNanoseconds(), rate: rate)
                    arrivals.expect(schedule)
                    try write(count, on: schedule, to: ingest)
                    try check(try finish(ingest), keptAllOf: count, "PING")
                    try arrivals.await(rows: count)
                }
                samples.add(processorOf: cost, rows: count)
                samples.times.add(arrivals.times)
            }
        }
    }

    /// Nanoseconds between two portions of rows at a fixed rate at least. A writer that woke for each of a hundred thousand rows a second
    /// would take more of the processor than all that it measures. It makes rows later by half of this, which counts.
    private static let betweenPortions: Int64 = 100_000

    /// Hands over every row when it is due, together with those that are due by then.
    private func write(_ count: Int, on schedule: RowSchedule, to ingest: Ingest) throws(Diagnostic) {
        let never = Monitor(false)
        var next = 0
        while next < count {
            let now = time.monotonicNanoseconds()
            let due = min(count, schedule.rows(dueBy: now), next + BenchmarkSuite.mostRows)
            guard due > next else {
                let pause = max(schedule.moment(of: next) - now, BenchmarkSuite.betweenPortions)
                never.wait(nanoseconds: pause, until: { $0 }, then: { _ in })
                continue
            }
            var piece = NexmarkGenerator.Piece()
            for number in next..<due {
                let start = piece.bytes.count
                piece.bytes.append(contentsOf: "{\"n\":\(number)}".utf8)
                piece.endLine(from: start)
            }
            ingest.take(piece.bytes, piece.lines, firstLine: next + 1)
            next = due
            if let failure = ingest.failure { throw failure }
            ingest.awaitRoom()
        }
    }

    /// Makes a stream, and gives `body` the rows of a push query on it that has begun.
    private func watching(
        _ session: any StatementSession, _ watcher: any StatementSession, _ body: (ArrivalSink) throws(Diagnostic) -> Void
    ) throws(Diagnostic) {
        try carryOut(BenchmarkSuite.makePing, session)
        let arrivals = ArrivalSink(time: time)
        let push = watcher.submit(BenchmarkSuite.watchPing, into: arrivals) { _ in }
        defer { push.cancel() }
        try arrivals.awaitColumns()
        try body(arrivals)
    }
}

/// When each row of a stream at a fixed rate is due.
struct RowSchedule: Sendable {
    /// Nanoseconds of the monotonic clock at which the first row is due.
    let start: Int64
    /// Rows a second.
    let rate: Int

    private static let second: Int64 = 1_000_000_000

    /// When a row is due, counted from 0.
    func moment(of row: Int) -> Int64 {
        start.addingSaturated(Int64(row).multipliedSaturated(by: RowSchedule.second) / Int64(max(1, rate)))
    }

    /// How many rows are due at a moment.
    func rows(dueBy now: Int64) -> Int {
        guard now >= start else { return 0 }
        return Int(now.subtractingSaturated(start).multipliedSaturated(by: Int64(rate)) / RowSchedule.second) + 1
    }
}
