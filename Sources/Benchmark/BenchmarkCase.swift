// What is measured: the queries of Nexmark, what surrounds them, and how cost grows.

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
        /// From opening a directory with a table of so many groups to the first answer from that table.
        case restart(Int)
        /// From the statement that makes a filter to its acknowledgement, for each of so many.
        case creation(Int)
        /// Loading a stream with so many filters on it.
        case queries(Int)
    }

    /// The word on the command line.
    package let name: String
    /// What it measures, as a phrase.
    package let meaning: String
    /// What is done.
    package let work: Work

    /// Those that run unless others are asked for, in the order in which they run.
    package static let usual: [BenchmarkCase] =
        [
            BenchmarkCase(name: "cold", meaning: "process on an empty directory to its end behind the first answer", work: .cold),
            BenchmarkCase(name: "start", meaning: "engine on an empty directory to its first answer", work: .start),
            BenchmarkCase(name: "latency", meaning: "INSERT to the row at a push query", work: .latency),
            BenchmarkCase(name: "latency-tcp", meaning: "the same between two connections to a server", work: .latencyOverTCP),
            BenchmarkCase(name: "append", meaning: "records to the log", work: .append),
            BenchmarkCase(name: "scan", meaning: "records from the log", work: .scan),
            BenchmarkCase(name: "load", meaning: "JSON lines to durable records", work: .load),
            BenchmarkCase(name: "load-tcp", meaning: "the same through a connection to a server", work: .loadOverTCP),
        ] + NexmarkQuery.all.map { BenchmarkCase(name: $0.name, meaning: $0.meaning, work: .query($0)) } + [restart(ofGroups: usualGroups)]

    /// The groups of `restart` where nobody says how many.
    package static let usualGroups = 100_000

    /// A restart over a table of so many groups.
    package static func restart(ofGroups count: Int) -> BenchmarkCase {
        BenchmarkCase(name: "restart", meaning: "directory with \(count) groups to the first answer from them", work: .restart(count))
    }

    /// Rows of so many groups.
    package static func groups(_ count: Int) -> BenchmarkCase {
        BenchmarkCase(name: "groups", meaning: "COUNT and SUM in \(count) groups met at random", work: .groups(count))
    }

    /// So many filters: making them, and the work with them.
    package static func queries(_ count: Int) -> [BenchmarkCase] {
        [
            BenchmarkCase(name: "create", meaning: "a filter, one of \(count)", work: .creation(count)),
            BenchmarkCase(name: "queries", meaning: "load with \(count) filters on the stream", work: .queries(count)),
        ]
    }

    /// Rows at a fixed rate.
    package static func rate(_ rows: Int, seconds: Int) -> BenchmarkCase {
        BenchmarkCase(name: "rate", meaning: "due row to the row at a push query, \(rows) a second", work: .rate(rows, seconds: seconds))
    }
}
