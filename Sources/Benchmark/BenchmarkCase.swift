// What is measured: the queries of Nexmark, what surrounds them, and how cost grows.

package import Pipelines

/// What cost may grow with.
package enum GrowthAxis: String, Hashable, Sendable, Codable, CaseIterable {
    case groups, queries, partitions
    /// Bytes that a log has before what is measured.
    case logBytes = "log bytes"
}

/// How much there is of what cost may grow with.
package struct GrowthPoint: Hashable, Sendable, Codable {
    /// Of what.
    package var axis: GrowthAxis
    /// How much.
    package var value: Int

    /// So much of it.
    package init(axis: GrowthAxis, value: Int) {
        self.axis = axis
        self.value = value
    }
}

/// One measurement.
package struct BenchmarkCase: Hashable, Sendable {
    /// What it does.
    package enum Work: Hashable, Sendable {
        /// From the start of a process with an empty directory to its end behind its first answer.
        case cold
        /// From opening an empty directory to the first answer.
        case start
        /// From INSERT to the row at a push query, one after the other.
        case latency
        /// The same between two connections to a server.
        case latencyOverTCP
        /// The disk's own time for a small write and its `fdatasync`.
        case sync
        /// From the moment at which a row is due to the row at a push query, so many rows a second for so many seconds.
        case rate(Int, seconds: Int)
        /// Records in memory to the log, without an engine's work.
        case append
        /// The log's records to memory.
        case scan
        /// JSON lines in memory to durable records.
        case load
        /// The same through a connection to a server.
        case loadOverTCP
        /// From the statement to the commit that covers the last input record.
        case query(NexmarkQuery)
        /// The same with rows of so many groups, met at random.
        case groups(Int)
        /// While so many groups are made: how long a worker is busy with one thing, by the clock or in time of the processor.
        case pauses(TurnPart, ofProcessor: Bool, groups: Int)
        /// From opening a directory with a table of so many groups to the first answer from that table.
        case restart(Int)
        /// From the statement that makes a filter to its acknowledgement, for each of so many.
        case creation(Int)
        /// Loading a stream with so many filters on it.
        case queries(Int)
        /// A GROUP BY over so many partitions.
        case partitions(Int)
        /// Loading rows behind so many bytes of others, and a GROUP BY over the new ones.
        case logEnd(Int)
    }

    /// The name of its result.
    package let name: String
    /// What it measures, as a phrase.
    package let meaning: String
    /// What is done.
    package let work: Work
    /// The word on the command line, where several results come of one.
    package var word: String

    init(_ name: String, _ meaning: String, _ work: Work, word: String? = nil) {
        self.name = name
        self.meaning = meaning
        self.work = work
        self.word = word ?? name
    }

    /// How much there is of what its cost may grow with; nil where that is not the question.
    package var point: GrowthPoint? {
        switch work {
        case .groups(let count), .restart(let count), .pauses(_, _, let count): GrowthPoint(axis: .groups, value: count)
        case .creation(let count), .queries(let count): GrowthPoint(axis: .queries, value: count)
        case .partitions(let count): GrowthPoint(axis: .partitions, value: count)
        case .logEnd(let bytes): GrowthPoint(axis: .logBytes, value: bytes)
        case .cold, .start, .latency, .latencyOverTCP, .sync, .rate, .append, .scan, .load, .loadOverTCP, .query: nil
        }
    }

    /// Those that run unless others are asked for, in the order in which they run.
    package static let usual: [BenchmarkCase] =
        [
            BenchmarkCase("cold", "process on an empty directory to its end behind the first answer", .cold),
            BenchmarkCase("start", "engine on an empty directory to its first answer", .start),
            BenchmarkCase("latency", "INSERT to the row at a push query", .latency),
            BenchmarkCase("latency-tcp", "the same between two connections to a server", .latencyOverTCP),
            sync,
            BenchmarkCase("append", "records to the log", .append),
            BenchmarkCase("scan", "records from the log", .scan),
            BenchmarkCase("load", "JSON lines to durable records", .load),
            BenchmarkCase("load-tcp", "the same through a connection to a server", .loadOverTCP),
        ] + NexmarkQuery.all.map { BenchmarkCase($0.name, $0.meaning, .query($0)) } + pauses(whileMaking: usualGroups)
        + [restart(ofGroups: usualGroups)]

    /// The groups of `restart` and `pauses` where nobody says how many.
    package static let usualGroups = 100_000

    /// What the disk does by itself, beside which the latencies of `fsync` can be seen.
    package static let sync = BenchmarkCase("sync", "the disk's own time for a write of 4 KiB and fdatasync", .sync)

    /// A restart over a table of so many groups.
    package static func restart(ofGroups count: Int) -> BenchmarkCase {
        BenchmarkCase("restart", "directory with \(count) groups to the first answer from them", .restart(count))
    }

    /// Rows of so many groups.
    package static func groups(_ count: Int) -> BenchmarkCase {
        BenchmarkCase("groups", "COUNT and SUM in \(count) groups met at random", .groups(count))
    }

    /// How long the workers are busy with one thing while so many groups are made, snapshots taken and topics compacted.
    package static func pauses(whileMaking count: Int) -> [BenchmarkCase] {
        func pauses(_ name: String, _ meaning: String, _ part: TurnPart, ofProcessor: Bool = true) -> BenchmarkCase {
            BenchmarkCase(name, meaning, .pauses(part, ofProcessor: ofProcessor, groups: count), word: "pauses")
        }
        return [
            pauses("pauses", "a worker's turn while \(count) groups are made", .turn, ofProcessor: false),
            pauses("pauses-cpu", "the same in processor time of its thread", .turn),
            pauses("pauses-slice", "of that: a task's slice", .slice),
            pauses("pauses-snapshot", "of the slices: a part of a snapshot", .snapshot),
            pauses("pauses-commit", "of the turns: putting commits together", .commit),
            pauses("pauses-flush", "of the commits: rows computed and written down", .flush),
            pauses("pauses-changelog", "of the commits: changes of state written down", .changelog),
            pauses("pauses-handover", "of the commits: the log takes them", .handover),
            pauses("pauses-messages", "of the turns: outcomes of commits and other messages", .messages),
        ]
    }

    /// So many filters: making them, and the work with them.
    package static func queries(_ count: Int) -> [BenchmarkCase] {
        [
            BenchmarkCase("create", "a filter, one of \(count)", .creation(count)),
            BenchmarkCase("queries", "load with \(count) filters on the stream", .queries(count)),
        ]
    }

    /// Rows at a fixed rate.
    package static func rate(_ rows: Int, seconds: Int) -> BenchmarkCase {
        BenchmarkCase("rate", "due row to the row at a push query, \(rows) a second", .rate(rows, seconds: seconds))
    }

    /// A GROUP BY over so many partitions.
    package static func partitions(_ count: Int) -> BenchmarkCase {
        BenchmarkCase("partitions", "COUNT and SUM by bidder over \(count) partitions", .partitions(count))
    }

    /// Rows at the end of a log of so many bytes.
    package static func logEnd(_ bytes: Int) -> BenchmarkCase {
        BenchmarkCase("log-end", "load and COUNT and SUM behind \(bytes >> 20) MiB of log", .logEnd(bytes))
    }
}
