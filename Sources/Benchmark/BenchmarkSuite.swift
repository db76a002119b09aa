// Runs the cases: each run on a fresh data directory, records in the log, through a query, to records in the log, committed exactly once;
// everything that a user would see is part of the measurement.

package import Diagnostics
package import Engine
import Platform
import Sessions

/// The suite with its settings.
package struct BenchmarkSuite {
    /// Input records of a run.
    package var rows: Int
    /// Runs of each case.
    package var runs: Int
    /// Opens an engine on a directory of its own.
    private let open: (_ directory: String) throws(Diagnostic) -> MillraceEngine
    private let directory: String
    private let files: any FileSystem
    private let time: any TimeSource

    /// Inserts of a run of the latency case.
    private static let inserts = 1000
    /// A query that is slower than this (nanoseconds) is given up.
    private static let patience: Int64 = 600_000_000_000

    /// A suite whose data directories lie in `directory`, one at a time.
    package init(
        rows: Int, runs: Int, directory: String, open: @escaping (_ directory: String) throws(Diagnostic) -> MillraceEngine
    ) {
        self.rows = rows
        self.runs = runs
        self.directory = directory
        self.open = open
        files = HostFileSystem()
        time = SystemTime()
    }

    /// Runs the cases and reports the result of each as soon as it is known.
    package func run(_ cases: [BenchmarkCase], progress: (String) -> Void, report: (BenchmarkResult) -> Void) throws(Diagnostic) {
        var samples: [String: [Double]] = [:]
        for run in 1...runs {
            progress("run \(run) of \(runs)")
            for one in cases where one.work == .start { samples[one.name, default: []].append(try start()) }
            for one in cases where one.work == .latency { samples[one.name, default: []] += try latencies() }
            let loaded = cases.filter { one in if case .start = one.work { false } else { one.work != .latency } }
            if loaded.isEmpty { continue }
            try withEngine { (engine, session) throws(Diagnostic) in
                let rate = try load(session)
                for one in loaded {
                    if one.work == .load { samples[one.name, default: []].append(rate) }
                    guard case .query(let statement, let drop) = one.work else { continue }
                    progress("run \(run) of \(runs): \(one.name)")
                    samples[one.name, default: []].append(try query(statement, drop: drop, engine, session))
                }
            }
        }
        for one in cases {
            let isTime = one.work == .start || one.work == .latency
            report(BenchmarkResult(name: one.name, meaning: one.meaning, unit: isTime ? "µs" : "rows/s", samples: samples[one.name] ?? []))
        }
    }

    // MARK: Cases

    /// Microseconds.
    private func start() throws(Diagnostic) -> Double {
        let began = time.monotonicNanoseconds()
        var ended = began
        try withEngine { (_, session) throws(Diagnostic) in
            try carryOut("SHOW STREAMS;", session)
            ended = time.monotonicNanoseconds()
        }
        return Double(ended - began) / 1000
    }

    /// Microseconds of each insert.
    private func latencies() throws(Diagnostic) -> [Double] {
        var times: [Double] = []
        try withEngine { (engine, session) throws(Diagnostic) in
            try carryOut("CREATE STREAM ping (n BIGINT) WITH (KAFKA_TOPIC='ping', VALUE_FORMAT='JSON', PARTITIONS=1);", session)
            let arrivals = ArrivalSink()
            let push = engine.openSession().execute("SELECT n FROM ping EMIT CHANGES;", into: arrivals)
            defer { push.cancel() }
            arrivals.awaitColumns()
            for number in 1...BenchmarkSuite.inserts {
                let began = time.monotonicNanoseconds()
                try carryOut("INSERT INTO ping VALUES (\(number));", session)
                arrivals.await(rows: number)
                times.append(Double(time.monotonicNanoseconds() - began) / 1000)
            }
        }
        return times
    }

    /// Records a second, the records' making not counted.
    private func load(_ session: EngineSession) throws(Diagnostic) -> Double {
        try carryOut(BenchmarkCase.makeBids, session)
        var bids = NexmarkBids(seed: 42)
        var pieces = bids.pieces(rows)
        let began = time.monotonicNanoseconds()
        let ingest = try session.beginIngest(into: "BID", format: .json)
        var line = 1
        pieces.reverse()
        while let piece = pieces.popLast() {
            ingest.take(piece.bytes, piece.lines, firstLine: line)
            ingest.awaitRoom()
            line += piece.lines.count
        }
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        ingest.finish { result in outcome.update { $0 = result } }
        guard let result = outcome.wait(until: { $0 != nil }, then: { $0 }) else { return 0 }
        let report = try result.get()
        guard report.records == rows else {
            throw Diagnostic(.dataError, "the load kept \(report.records) of \(rows) records", category: .general)
        }
        return rate(since: began)
    }

    /// Input records a second.
    private func query(_ statement: String, drop: String, _ engine: MillraceEngine, _ session: EngineSession) throws(Diagnostic) -> Double {
        try carryOut(statement, session)
        let began = time.monotonicNanoseconds()
        guard engine.drain(nanoseconds: BenchmarkSuite.patience) else {
            throw Diagnostic(.wrongState, "the query did not end in time: \(statement)", category: .general)
        }
        let rate = rate(since: began)
        try carryOut(drop, session)
        return rate
    }

    private func rate(since began: Int64) -> Double { Double(rows) * 1e9 / Double(max(1, time.monotonicNanoseconds() - began)) }

    // MARK: Engines

    /// Gives `body` an engine on a fresh directory, and removes both.
    private func withEngine(_ body: (MillraceEngine, EngineSession) throws(Diagnostic) -> Void) throws(Diagnostic) {
        let place = directory + "/millrace-bench-" + String(SystemRandom().next(), radix: 36)
        // What stays behind when removing fails is the user's to see in the directory that they named.
        defer { try? files.removeTree(place) }
        let engine = try open(place)
        defer { engine.close() }
        try body(engine, engine.openSession())
    }

    private func carryOut(_ statement: String, _ session: EngineSession) throws(Diagnostic) {
        let sink = FailureSink()
        let ended = Monitor(false)
        session.execute(statement, into: sink) { _ in ended.update { $0 = true } }
        ended.wait(until: { $0 }, then: { _ in })
        if let failure = sink.failure { throw failure }
    }
}
