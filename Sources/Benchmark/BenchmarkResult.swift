// What was measured, as values that can be written down and compared with those of another day.

/// The result of a case over all runs.
package struct BenchmarkResult: Hashable, Sendable, Codable {
    /// Which case.
    package var name: String
    /// What it measures.
    package var meaning: String
    /// How much there was of what the cost may grow with.
    package var point: GrowthPoint?
    /// `rows/s` or `µs`.
    package var unit: String
    /// The figure in the middle, one a run or one an insert.
    package var median: Double
    /// The lowest figure.
    package var least: Double
    /// The highest figure.
    package var most: Double
    /// Of latencies: what 99 of 100, 999 of 1,000 and 9,999 of 10,000 do not exceed.
    package var p99: Double?
    package var p999: Double?
    package var p9999: Double?
    /// Seconds of processor time, of all threads, for a million input rows: the median of the runs. Of many queries: and for each of them.
    package var processorSeconds: Double?
    /// MiB of the process that were in memory at most.
    package var peakMebibytes: Double?
    /// Records that were written in the last run.
    package var written: Int?
    /// Rows of the result: of a table its keys.
    package var rows: Int?
    /// The sum over the rows, equal in all runs, or `differs`.
    package var checksum: String?

    /// A result of these figures, without what it cost.
    package init(
        name: String, meaning: String, point: GrowthPoint? = nil, unit: String, median: Double, least: Double, most: Double
    ) {
        self.name = name
        self.meaning = meaning
        self.point = point
        self.unit = unit
        self.median = median
        self.least = least
        self.most = most
    }

    /// Its name, with how much there was of what the cost may grow with.
    package var title: String { point.map { "\(name) \($0.value)" } ?? name }

    /// Whether both are of the same thing. Older reports do not tell how much there was of what the cost may grow with.
    func isComparable(to other: BenchmarkResult) -> Bool {
        name == other.name && unit == other.unit && (point == other.point || point == nil || other.point == nil)
    }

    /// Nanoseconds for an input row, of those that are measured by rate.
    package var nanosecondsPerRow: Double? { unit == BenchmarkResult.rate && median > 0 ? 1e9 / median : nil }

    /// The unit of those of which more is better.
    package static let rate = "rows/s"
    /// The unit of those of which less is better.
    package static let time = "µs"
    /// The checksum of runs that do not agree.
    package static let differs = "differs"
}

/// A run of the suite: how it was set up, and what came of it.
package struct BenchmarkReport: Hashable, Sendable, Codable {
    /// The version of the program.
    package var version: String
    /// Bids of each run.
    package var inputRows: Int
    package var runs: Int
    package var partitions: Int
    package var durability: String
    /// Worker threads; nil where it was left to the engine.
    package var threads: Int?
    package var results: [BenchmarkResult]
    /// Beside whom the queries were run, where they were.
    package var peer: Peer?
    /// The queries of both, where they were.
    package var comparisons: [PeerComparison]?

    /// A report without results.
    package init(version: String, inputRows: Int, runs: Int, partitions: Int, durability: String, threads: Int?) {
        self.version = version
        self.inputRows = inputRows
        self.runs = runs
        self.partitions = partitions
        self.durability = durability
        self.threads = threads
        results = []
    }

    /// Whether the figures of another report were made in the same way.
    package func isComparable(to other: BenchmarkReport) -> Bool {
        (inputRows, partitions, durability) == (other.inputRows, other.partitions, other.durability) && threads == other.threads
    }
}

/// A case of two reports.
package struct BenchmarkComparison: Hashable, Sendable {
    /// The earlier result.
    package let before: BenchmarkResult
    /// The later one, of the same name and unit.
    package let now: BenchmarkResult

    /// The later figure by the earlier one: above 1 a rate has become better, a time worse.
    package var ratio: Double? { before.median > 0 ? now.median / before.median : nil }
    /// The same of the processor time.
    package var processorRatio: Double? {
        guard let before = before.processorSeconds, let now = now.processorSeconds, before > 0 else { return nil }
        return now / before
    }
    /// Whether both gave the same rows; nil where one has no checksum.
    package var hasSameRows: Bool? {
        guard let before = before.checksum, let now = now.checksum else { return nil }
        return before == now && now != BenchmarkResult.differs
    }

    /// The cases that are in both reports and measured in the same unit, in the order of the later one.
    package static func all(of now: BenchmarkReport, with before: BenchmarkReport) -> [BenchmarkComparison] {
        now.results.compactMap { result in
            before.results.first { $0.isComparable(to: result) }.map { BenchmarkComparison(before: $0, now: result) }
        }
    }
}

/// What the runs of one case gave so far.
struct BenchmarkSamples {
    var unit = BenchmarkResult.rate
    /// One a run, where there is no histogram.
    var figures: [Double] = []
    /// Nanoseconds, where each run measures many times.
    var times = LatencyHistogram()
    var processorSeconds: [Double] = []
    var peakBytes: Int64 = 0
    var output: [QueryOutput] = []

    /// What is told of them; nil where nothing was measured.
    func result(_ one: BenchmarkCase) -> BenchmarkResult? {
        var result = BenchmarkResult(
            name: one.name, meaning: one.meaning, point: one.point, unit: unit, median: 0, least: 0, most: 0)
        if times.count > 0 {
            func microseconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1000 }
            result.median = microseconds(times.quantile(0.5))
            result.least = microseconds(times.least)
            result.most = microseconds(times.most)
            result.p99 = microseconds(times.quantile(0.99))
            result.p999 = microseconds(times.quantile(0.999))
            result.p9999 = microseconds(times.quantile(0.9999))
        } else if let least = figures.min(), let most = figures.max() {
            (result.median, result.least, result.most) = (median(figures), least, most)
        } else {
            return nil
        }
        if !processorSeconds.isEmpty { result.processorSeconds = median(processorSeconds) }
        if peakBytes > 0 { result.peakMebibytes = Double(peakBytes) / 1_048_576 }
        if let last = output.last {
            (result.written, result.rows) = (last.written, last.rows)
            let isSame = output.allSatisfy { ($0.rows, $0.checksum) == (last.rows, last.checksum) }
            result.checksum = isSame ? last.checksum : BenchmarkResult.differs
        }
        return result
    }
}

/// What a query wrote in one run.
struct QueryOutput: Hashable {
    var written: Int
    var rows: Int
    var checksum: String
}

/// The figure in the middle, of an even number the mean of the two there; 0 of none.
func median(_ figures: [Double]) -> Double {
    let sorted = figures.sorted()
    guard let last = sorted.indices.last else { return 0 }
    return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
}
