// `millrace bench`: the benchmark suite on this machine.

import Benchmark
import CommandLineTable
import Diagnostics
import Engine
import LogStore
import Platform
import Settings

/// The command with its arguments.
struct BenchCommand {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(CommandFailure) -> Int32 {
        let cases = try wantedCases()
        let directory = invocation[.data]?.text ?? Terminal.environment("TMPDIR") ?? "/tmp"
        var embedded = EmbeddedEngine()
        embedded.durability = invocation[.durability]?.text == "os" ? .os : .fsync
        embedded.threads = invocation[.threads]?.integer
        let template = embedded
        let suite = BenchmarkSuite(
            rows: invocation[.rows]?.integer ?? 1, runs: invocation[.runs]?.integer ?? 1, directory: directory
        ) { (place) throws(Diagnostic) in
            var embedded = template
            embedded.directory = place
            do throws(CommandFailure) { return try embedded.open() } catch { throw error.diagnostic }
        }
        var results: [BenchmarkResult] = []
        let showsProgress = Terminal.isTerminal(2)
        do throws(Diagnostic) {
            try suite.run(cases) { line in if showsProgress { Terminal.write(line: line, to: 2) } } report: { results.append($0) }
        } catch {
            throw .cannotStart(error)
        }
        ByteStream.output.print(table(of: results).text(invocation[.output]?.text ?? "table"))
        return 0
    }

    private func wantedCases() throws(CommandFailure) -> [BenchmarkCase] {
        if invocation.operands.isEmpty { return BenchmarkCase.all }
        let names = BenchmarkCase.all.map(\.name)
        for name in invocation.operands where !names.contains(name) {
            throw .usage(
                Diagnostic(
                    .usage, "there is no benchmark '\(name)'", category: .general, hint: "The benchmarks are \(names.joined(separator: ", "))."))
        }
        return BenchmarkCase.all.filter { invocation.operands.contains($0.name) }
    }

    private func table(of results: [BenchmarkResult]) -> RowTable {
        var table = RowTable("benchmark", "what", "unit", "median", "p99", "least", "most")
        for result in results {
            func figure(_ value: Double) -> String { String(Int(value.rounded())) }
            table.add(
                result.name, result.meaning, result.unit, figure(result.median), result.samples.count >= 100 ? figure(result.quantile(0.99)) : "",
                figure(result.quantile(0)), figure(result.quantile(1)))
        }
        return table
    }
}
