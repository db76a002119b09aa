// Other engines beside which the queries are run: the scripts of a folder of peers, what they need, and what they say.

import Diagnostics
import Platform

/// An engine of others.
package enum Peer: String, Hashable, Sendable, CaseIterable, Codable {
    /// SQL over the whole of the files at once, without anything kept for the next event.
    case duckdb
    /// Flink SQL over files, in one process.
    case flink
    /// Kafka Streams over a broker.
    case kafka

    /// The queries that its scripts know.
    package var queries: [String] {
        switch self {
        case .duckdb, .flink: ["q0", "q1", "q2", "q3", "q5", "q7", "q8", "q11", "q12"]
        case .kafka: ["q0", "q1", "q2", "q5", "q12"]
        }
    }

    /// The script, in the folder of peers.
    var script: String {
        switch self {
        case .duckdb: "run_duckdb.py"
        case .flink: "run_flink.py"
        case .kafka: "kafka/Streams.java"
        }
    }

    /// A module that the script needs and Python does not have by itself, and the package that brings it.
    var module: (name: String, package: String)? {
        switch self {
        case .duckdb: ("duckdb", "duckdb")
        case .flink: ("pyflink", "apache-flink")
        case .kafka: nil
        }
    }

    /// Programs that must be in `PATH`, with what brings each.
    var programs: [(name: String, source: String)] {
        let python = ("python3", "apt-get install python3 python3-venv")
        return switch self {
        case .duckdb: [python]
        case .flink: [python, ("java", "apt-get install openjdk-17-jre-headless")]
        case .kafka: [("java", "apt-get install openjdk-17-jdk-headless"), ("javac", "apt-get install openjdk-17-jdk-headless")]
        }
    }
}

/// What a peer made of one run.
struct PeerFigure: Hashable {
    /// Input rows a second.
    var rate: Double
    /// Seconds of processor time for a million rows, where it is told.
    var processorSeconds: Double?

    /// The last line of a script that begins with `RESULT`, a JSON object with `eps` and `cpu_per_m`; nil where there is none.
    init?(ofScript output: String) {
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("RESULT ") }) else { return nil }
        guard let rate = PeerFigure.number(behind: "\"eps\":", in: line), rate > 0 else { return nil }
        self.rate = rate
        processorSeconds = PeerFigure.number(behind: "\"cpu_per_m\":", in: line)
    }

    /// What the program for Kafka Streams prints: `q0 … all 157,000/s, … CPU 12.4 s for 1,000,000`; nil for anything else.
    init?(ofStreams output: String, rows: Int) {
        guard let line = output.split(separator: "\n").last(where: { $0.contains(" all ") }) else { return nil }
        let plain = line.filter { $0 != "," }
        guard let rate = PeerFigure.number(behind: " all ", in: plain[...]), rate > 0 else { return nil }
        self.rate = rate
        processorSeconds = PeerFigure.number(behind: " CPU ", in: plain[...]).map { $0 / Double(max(1, rows)) * 1e6 }
    }

    private static func number(behind mark: String, in line: Substring) -> Double? {
        guard let place = line.firstRange(of: mark) else { return nil }
        return Double(line[place.upperBound...].drop { $0 == " " }.prefix { $0.isNumber || $0 == "." })
    }
}

/// A query of both.
package struct PeerComparison: Hashable, Sendable, Codable {
    /// The query's name.
    package var query: String
    /// What it does.
    package var meaning: String
    /// Input rows a second, the median of the runs.
    package var rate: Double
    /// The same of the peer.
    package var peerRate: Double
    /// Seconds of processor time for a million rows, where they were measured.
    package var processorSeconds: Double?
    /// The same of the peer, where it tells them.
    package var peerProcessorSeconds: Double?

    /// How many times as fast as the peer.
    package var ratio: Double? { peerRate > 0 ? rate / peerRate : nil }
    /// How many times the peer's processor time.
    package var processorRatio: Double? {
        guard let mine = processorSeconds, let others = peerProcessorSeconds, others > 0 else { return nil }
        return mine / others
    }
}
