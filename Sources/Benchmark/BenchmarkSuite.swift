// Runs the cases: each run on a fresh data directory, records in the log, through a query, to records in the log, committed exactly once;
// everything that a user would see is part of the measurement.

package import Diagnostics
package import Engine
package import LogStore
package import Pipelines
import Platform
import Quantities
import Sessions

/// An engine that is measured, and the log beneath it.
package struct MeasuredEngine {
    let engine: MillraceEngine
    let log: any EventLog

    /// An engine over `log`, which it closes when it is closed itself.
    package init(_ engine: MillraceEngine, over log: any EventLog) {
        self.engine = engine
        self.log = log
    }
}

/// The suite with its settings.
package struct BenchmarkSuite {
    /// Bids of a run.
    package var rows: Int
    /// Runs of each case.
    package var runs: Int
    /// Partitions of the topics that queries read.
    package var partitions: Int
    /// Opens an engine on a directory of its own, with one who hears of the turns of its workers.
    private let open: (_ directory: String, _ turns: (any TurnObserver)?) throws(Diagnostic) -> MeasuredEngine
    /// What exists of the suite now.
    let places: TemporaryPlaces
    let directory: String
    /// The program that is measured from outside; nil where there is none.
    private let program: String?
    let files: any FileSystem
    let time: any TimeSource
    let texts: NexmarkTexts

    /// The first question.
    private static let question = "SHOW STREAMS;"
    /// A query that is slower than this (nanoseconds) is given up.
    static let patience: Int64 = 1_200_000_000_000

    /// A suite whose data directories lie in `directory`, one at a time.
    package init(
        rows: Int, runs: Int, partitions: Int = 1, directory: String, program: String? = nil, places: TemporaryPlaces = TemporaryPlaces(),
        open: @escaping (_ directory: String, _ turns: (any TurnObserver)?) throws(Diagnostic) -> MeasuredEngine
    ) {
        self.rows = rows
        self.runs = runs
        self.partitions = partitions
        self.directory = directory
        self.program = program
        self.places = places
        self.open = open
        files = HostFileSystem()
        time = SystemTime()
        texts = NexmarkTexts()
    }

    /// Runs the cases and gives their results in the order of the cases. `progress` takes a line about what is done now.
    package func run(_ cases: [BenchmarkCase], progress: (String) -> Void) throws(Diagnostic) -> [BenchmarkResult] {
        var book = BenchmarkBook()
        for run in 1...max(1, runs) {
            func tell(_ name: String) { progress("run \(run) of \(max(1, runs)): \(name)") }
            for one in cases {
                guard let measure = measurement(of: one.work) else { continue }
                tell(one.name)
                try measure(&book[one])
            }
            try log(cases, &book, tell)
            try nexmark(cases, &book, tell)
            try groups(cases, &book, tell)
            try manyQueries(cases, &book, tell)
            try manyPartitions(cases, &book, tell)
            try longLogs(cases, &book, tell)
        }
        return cases.compactMap { book[$0].result($0) }
    }

    /// Measures a case that shares nothing with others; nil for one that does.
    private func measurement(of work: BenchmarkCase.Work) -> ((inout BenchmarkSamples) throws(Diagnostic) -> Void)? {
        switch work {
        case .cold: cold
        case .start: start
        case .latency: latencies
        case .latencyOverTCP: latenciesOverTCP
        case .sync: sync
        case .loadOverTCP: loadOverTCP
        case .rate(let rate, let seconds): { (samples) throws(Diagnostic) in try rows(atRate: rate, seconds: seconds, &samples) }
        case .append, .scan, .load, .query, .groups, .pauses, .restart, .creation, .queries, .partitions, .logEnd: nil
        }
    }

    /// From the start of a process to its end, with one question.
    private func cold(_ samples: inout BenchmarkSamples) throws(Diagnostic) {
        guard let program else { return }
        samples.unit = BenchmarkResult.time
        try withDirectory { (place) throws(Diagnostic) in
            let began = time.monotonicNanoseconds()
            let status: Int?
            do throws(SystemError) { status = try runQuietly(program, ["--data", place, "-c", BenchmarkSuite.question]) } catch {
                throw Diagnostic(.ioError, "\(error)", category: .general)
            }
            let ended = time.monotonicNanoseconds()
            guard status == 0 else { throw Diagnostic(.wrongState, "the program did not answer the question", category: .general) }
            samples.figures.append(Double(ended - began) / 1000)
        }
    }

    /// From opening an empty directory to the first answer.
    private func start(_ samples: inout BenchmarkSamples) throws(Diagnostic) {
        let began = time.monotonicNanoseconds()
        var ended = began
        try withEngine { (_, session) throws(Diagnostic) in
            try carryOut(BenchmarkSuite.question, session)
            ended = time.monotonicNanoseconds()
        }
        samples.unit = BenchmarkResult.time
        samples.figures.append(Double(ended - began) / 1000)
    }

    // MARK: Measuring

    /// What something cost.
    struct Cost {
        var nanoseconds: Int64
        var processorNanoseconds: Int64
        var peak: ByteCount

        /// What nothing costs.
        static let nothing = Cost(nanoseconds: 0, processorNanoseconds: 0, peak: .zero)

        /// What both cost, one after the other.
        static func + (first: Cost, second: Cost) -> Cost {
            Cost(
                nanoseconds: first.nanoseconds + second.nanoseconds,
                processorNanoseconds: first.processorNanoseconds + second.processorNanoseconds, peak: max(first.peak, second.peak))
        }
    }

    /// Measures `work`, beginning without memory that others have left behind.
    func cost<Failure: Error>(of work: () throws(Failure) -> Void) throws(Failure) -> Cost {
        releaseFreedMemory(beyond: 0)
        ResidentMemory.forgetPeak()
        let (processor, began) = (processorNanoseconds(), time.monotonicNanoseconds())
        try work()
        let ended = time.monotonicNanoseconds()
        return Cost(
            nanoseconds: ended - began, processorNanoseconds: processorNanoseconds() - processor, peak: ResidentMemory.ofThisProcess.peak)
    }

    /// Waits until all queries have durably processed everything. Errors: one failed, or they need too long.
    func drain(_ opened: MeasuredEngine) throws(Diagnostic) {
        guard opened.engine.drain(nanoseconds: BenchmarkSuite.patience) else {
            throw Diagnostic(.wrongState, "the queries did not end in time", category: .general)
        }
        for status in opened.engine.queryStatuses {
            guard case .failed(let failure) = status.content.withLock({ $0.state }) else { continue }
            throw Diagnostic(.wrongState, "the query \(status.queryID) failed: \(failure.description)", category: .general)
        }
    }

    // MARK: Engines

    /// Gives `body` the name of a fresh directory, and removes it.
    func withDirectory(_ body: (String) throws(Diagnostic) -> Void) throws(Diagnostic) {
        let place = places.add(in: directory)
        defer { places.remove(place) }
        try body(place)
    }

    /// Gives `body` an engine on a directory. `turns` hears of the turns of its workers.
    func withEngine(
        on place: String, turns: (any TurnObserver)? = nil, _ body: (MeasuredEngine, EngineSession) throws(Diagnostic) -> Void
    ) throws(Diagnostic) {
        let opened = try open(place, turns)
        defer { opened.engine.close() }
        let session = opened.engine.openSession()
        try session.set("millrace.default.partitions", to: String(partitions))
        try body(opened, session)
    }

    /// Gives `body` an engine on a fresh directory, and removes both.
    func withEngine(_ body: (MeasuredEngine, EngineSession) throws(Diagnostic) -> Void) throws(Diagnostic) {
        try withDirectory { (place) throws(Diagnostic) in try withEngine(on: place, body) }
    }

    /// Carries out statements and gives the number of rows that they answered.
    @discardableResult
    func carryOut(_ statements: String, _ session: any StatementSession) throws(Diagnostic) -> Int {
        let sink = CollectingSink()
        let ended = Monitor(false)
        _ = session.submit(statements, into: sink) { _ in ended.update { $0 = true } }
        ended.wait(until: { $0 }, then: { _ in })
        if let failure = sink.failure { throw failure }
        return sink.rows
    }
}

/// The samples of all cases.
struct BenchmarkBook {
    private var pages: [BenchmarkCase: BenchmarkSamples] = [:]

    subscript(_ one: BenchmarkCase) -> BenchmarkSamples {
        get { pages[one] ?? BenchmarkSamples() }
        set { pages[one] = newValue }
    }
}

extension BenchmarkSamples {
    /// Takes a run over so many input rows.
    mutating func add(_ cost: BenchmarkSuite.Cost, rows: Int, queries: Int = 1) {
        figures.append(Double(rows) * 1e9 / Double(max(1, cost.nanoseconds)))
        add(processorOf: cost, rows: rows, queries: queries)
    }

    /// Takes all that others hold.
    mutating func add(_ other: BenchmarkSamples) {
        figures += other.figures
        times.add(other.times)
        processorSeconds += other.processorSeconds
        peakBytes = max(peakBytes, other.peakBytes)
        output += other.output
    }

    /// Takes what a run cost, for which another figure counts than its speed.
    mutating func add(processorOf cost: BenchmarkSuite.Cost, rows: Int, queries: Int = 1) {
        // Nanoseconds for a row are thousandths of seconds for a million.
        processorSeconds.append(Double(cost.processorNanoseconds) / 1000 / Double(max(1, rows)) / Double(max(1, queries)))
        peakBytes = max(peakBytes, cost.peak.count)
    }
}
