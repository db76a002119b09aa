// The figures of `millrace bench` as tables for people.

import Benchmark

enum BenchTables {
    private static let columns = [
        "benchmark", "what", "unit", "median", "p99", "least", "most", "p99.9", "p99.99", "ns/row", "CPU s/M", "peak MiB", "written",
        "rows", "checksum",
    ]

    /// All results. The first seven columns tell the figure of each; the others tell what queries cost and gave. People see no column in
    /// which nothing stands; programs find each where it always is.
    static func results(_ report: BenchmarkReport, isForPeople: Bool) -> RowTable {
        let rows = report.results.map(cells)
        let shown = columns.indices.filter { column in !isForPeople || rows.contains { !$0[column].isEmpty } }
        return RowTable(shown.map { columns[$0] }, rows.map { row in shown.map { row[$0] } })
    }

    private static func cells(_ result: BenchmarkResult) -> [String] {
        [
            result.name, result.meaning, result.unit, whole(result.median), whole(result.p99), whole(result.least), whole(result.most),
            whole(result.p999), whole(result.p9999), whole(result.nanosecondsPerRow), thousandths(result.processorSeconds),
            whole(result.peakMebibytes), result.written.map(String.init) ?? "", result.rows.map(String.init) ?? "", result.checksum ?? "",
        ]
    }

    /// The queries beside those of a peer.
    static func beside(_ peer: Peer, _ pairs: [PeerComparison]) -> RowTable {
        var table = RowTable(
            "query", "what", "rows/s", "\(peer.rawValue) rows/s", "ratio", "CPU s/M", "\(peer.rawValue) CPU s/M", "CPU ratio")
        for pair in pairs {
            table.add(
                pair.query, pair.meaning, whole(pair.rate), whole(pair.peerRate), thousandths(pair.ratio),
                thousandths(pair.processorSeconds), thousandths(pair.peerProcessorSeconds), thousandths(pair.processorRatio))
        }
        return table
    }

    /// What became of the figures of an earlier report.
    static func comparison(_ pairs: [BenchmarkComparison]) -> RowTable {
        var table = RowTable("benchmark", "unit", "before", "now", "ratio", "CPU ratio", "rows")
        for pair in pairs {
            table.add(
                pair.now.title, pair.now.unit, whole(pair.before.median), whole(pair.now.median), thousandths(pair.ratio),
                thousandths(pair.processorRatio), pair.hasSameRows.map { $0 ? "same" : "differ" } ?? "")
        }
        return table
    }

    /// How a report was made, in words.
    static func settings(_ report: BenchmarkReport) -> String {
        let threads = report.threads.map { "\($0) threads" } ?? "all cores"
        return "\(report.inputRows) rows, \(report.partitions) partitions, \(report.durability), \(threads)"
    }

    private static func whole(_ figure: Double?) -> String { figure.map { String(Int(exactly: $0.rounded()) ?? 0) } ?? "" }

    private static func thousandths(_ figure: Double?) -> String {
        guard let figure, let scaled = Int(exactly: (figure * 1e3).rounded()) else { return "" }
        let digits = String(scaled % 1000)
        return "\(scaled / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}
