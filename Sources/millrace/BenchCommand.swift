// `millrace bench`: the benchmark suite on this machine.

import Benchmark
import CommandLineTable
import Diagnostics
import Engine
import JSONText
import LogStore
import Platform
import Sessions
import Settings

/// The command with its arguments.
struct BenchCommand {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(CommandFailure) -> Int32 {
        let cases = try wantedCases()
        let earlier = try earlierReport()
        let directory = invocation[.data]?.text ?? Terminal.environment("TMPDIR") ?? "/tmp"
        var embedded = EmbeddedEngine()
        embedded.durability = invocation[.durability]?.text == "os" ? .os : .fsync
        embedded.threads = invocation[.threads]?.integer
        let template = embedded
        var report = BenchmarkReport(
            version: productVersion, inputRows: invocation[.rows]?.integer ?? 1, runs: invocation[.runs]?.integer ?? 1,
            partitions: invocation[.partitions]?.integer ?? 1, durability: embedded.durability == .os ? "os" : "fsync",
            threads: embedded.threads)
        let suite = BenchmarkSuite(
            rows: report.inputRows, runs: report.runs, partitions: report.partitions, directory: directory, program: "/proc/self/exe"
        ) { (place) throws(Diagnostic) in
            var embedded = template
            embedded.directory = place
            do throws(CommandFailure) {
                let opened = try embedded.openWithLog()
                return MeasuredEngine(opened.engine, over: opened.log)
            } catch {
                throw error.diagnostic
            }
        }
        let showsProgress = Terminal.isTerminal(2)
        do throws(Diagnostic) {
            report.results = try suite.run(cases) { line in if showsProgress { Terminal.write(line: line, to: 2) } }
        } catch {
            throw .cannotStart(error)
        }
        try show(report, earlier)
        return 0
    }

    private func show(_ report: BenchmarkReport, _ earlier: BenchmarkReport?) throws(CommandFailure) {
        let output = invocation[.output]?.text ?? "table"
        if invocation.isOn(.json) {
            do throws(JSONCodingError) {
                ByteStream.output.print(try JSONValue(encoding: report).text + "\n")
            } catch {
                throw .refused(Diagnostic(.dataError, "the figures cannot be written: \(error)", category: .general))
            }
        } else {
            ByteStream.output.print(BenchTables.results(report, isForPeople: output == "table").text(output))
        }
        guard let earlier else { return }
        if !report.isComparable(to: earlier) {
            let (then, now) = (BenchTables.settings(earlier), BenchTables.settings(report))
            ByteStream.errors.print("The earlier figures are of other settings: \(then); these: \(now).\n")
        }
        let comparison = BenchTables.comparison(BenchmarkComparison.all(of: report, with: earlier)).text(output)
        // The document on standard output stays one document.
        if invocation.isOn(.json) { ByteStream.errors.print(comparison) } else { ByteStream.output.print("\n" + comparison) }
    }

    // MARK: Arguments

    private func wantedCases() throws(CommandFailure) -> [BenchmarkCase] {
        let groups = invocation[.groups]?.integer
        var asked: [BenchmarkCase] = []
        if invocation[.rate] == nil, !invocation.all(.duration).isEmpty {
            throw .usage(Diagnostic(.usage, "--duration is that of --rate, which is not given", category: .general))
        }
        if let rate = invocation[.rate]?.integer { asked.append(.rate(rate, seconds: invocation[.duration]?.integer ?? 1)) }
        if let groups { asked += [.groups(groups), .restart(ofGroups: groups)] }
        if let queries = invocation[.queries]?.integer { asked += BenchmarkCase.queries(queries) }
        if invocation.operands.isEmpty { return asked.isEmpty ? BenchmarkCase.usual : asked }
        let names = BenchmarkCase.usual.map(\.name)
        for name in invocation.operands where !names.contains(name) {
            throw .usage(
                Diagnostic(
                    .usage, "there is no benchmark '\(name)'", category: .general,
                    hint: "The benchmarks are \(names.joined(separator: ", ")); --groups, --queries and --rate add others."))
        }
        let taken = asked.map(\.name)
        return BenchmarkCase.usual.filter { invocation.operands.contains($0.name) && !taken.contains($0.name) } + asked
    }

    /// The report of `--compare`, read before anything is measured.
    private func earlierReport() throws(CommandFailure) -> BenchmarkReport? {
        guard let path = invocation[.compare]?.text else { return nil }
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try HostFileSystem().contents(of: path) } catch {
            throw .usage(Diagnostic(.ioError, "\(error)", category: .general))
        }
        func noFigures(_ reason: String) -> CommandFailure {
            .usage(
                Diagnostic(
                    .usage, "\(path) holds no figures: \(reason)", category: .general, hint: "It has to be what bench --json printed."))
        }
        let document: JSONValue
        do throws(Diagnostic) { document = try JSONValue(parsing: bytes[...]) } catch { throw noFigures(error.message) }
        do throws(JSONCodingError) { return try document.decoded(as: BenchmarkReport.self) } catch { throw noFigures("\(error)") }
    }
}
