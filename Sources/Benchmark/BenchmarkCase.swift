// What is measured: the continuous queries by their Nexmark names, and what surrounds them.

/// One measurement.
package struct BenchmarkCase: Hashable, Sendable {
    /// What it does.
    package enum Work: Hashable, Sendable {
        /// From opening an empty directory to the first answer.
        case start
        /// From INSERT to the row at a push query, one after the other.
        case latency
        /// JSON lines in memory to durable records.
        case load
        /// From the statement's acknowledgement to the commit that covers the last input record.
        case query(statement: String, drop: String)
    }

    /// The word on the command line.
    package let name: String
    /// What it measures, as a phrase.
    package let meaning: String
    /// What is done.
    package let work: Work

    /// All of them, in the order in which they run.
    package static let all: [BenchmarkCase] = [
        BenchmarkCase(name: "start", meaning: "engine on an empty directory to its first answer", work: .start),
        BenchmarkCase(name: "latency", meaning: "INSERT to the row at a push query", work: .latency),
        BenchmarkCase(name: "load", meaning: "JSON lines to durable records", work: .load),
        stream("q0", "pass-through", "SELECT * FROM bid"),
        stream("q1", "currency", "SELECT auction, bidder, price * 0.908 AS price, channel, url, date_time, extra FROM bid"),
        stream("q2", "filter", "SELECT auction, price FROM bid WHERE auction % 123 = 0"),
        table(
            "q5", "hopping count",
            "SELECT auction, COUNT(*) AS bids FROM bid WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS) GROUP BY auction"),
        table("q11", "sessions", "SELECT bidder, COUNT(*) AS bids FROM bid WINDOW SESSION (10 SECONDS) GROUP BY bidder"),
        table("q12", "running group-by", "SELECT bidder, COUNT(*) AS bids, SUM(price) AS total FROM bid GROUP BY bidder"),
    ]

    /// The stream of bids that the queries read.
    static let makeBids =
        "CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT, extra VARCHAR) "
        + "WITH (KAFKA_TOPIC='bid', VALUE_FORMAT='JSON', TIMESTAMP='date_time', PARTITIONS=1);"

    private static func stream(_ name: String, _ meaning: String, _ select: String) -> BenchmarkCase {
        BenchmarkCase(
            name: name, meaning: meaning,
            work: .query(statement: "CREATE STREAM \(name) AS \(select);", drop: "DROP STREAM \(name) DELETE TOPIC;"))
    }

    private static func table(_ name: String, _ meaning: String, _ select: String) -> BenchmarkCase {
        BenchmarkCase(
            name: name, meaning: meaning,
            work: .query(statement: "CREATE TABLE \(name) AS \(select);", drop: "DROP TABLE \(name) DELETE TOPIC;"))
    }
}

/// The result of a case.
package struct BenchmarkResult: Hashable, Sendable {
    /// Which case.
    package let name: String
    /// What it measures.
    package let meaning: String
    /// `rows/s` or `µs`.
    package let unit: String
    /// One figure a run, or one an insert.
    package let samples: [Double]

    /// The figure in the middle; of latencies half are better.
    package var median: Double { quantile(0.5) }

    /// The figure that a share of the samples do not exceed.
    package func quantile(_ share: Double) -> Double {
        let sorted = samples.sorted()
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
}
