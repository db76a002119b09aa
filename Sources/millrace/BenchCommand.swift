// `millrace bench`: the benchmark suite on this machine.

import Benchmark
import CommandLineTable
import Diagnostics
import Engine
import JSONText
import LogStore
import Pipelines
import Platform
import Sessions
import Settings

/// The command with its arguments.
struct BenchCommand {
    private let invocation: Invocation
    private let choice: BenchChoice
    /// What exists for the runs, and is taken away when the process is asked to end.
    private let places = TemporaryPlaces()

    init(_ given: Invocation) throws(CommandFailure) {
        invocation = try CommandSettings(given).invocation
        choice = BenchChoice(invocation)
    }

    func run() throws(CommandFailure) -> Int32 {
        if let peer = choice.peer { return try run(against: peer) }
        let cases = try choice.cases()
        let earlier = try earlierReport()
        try checkPlot()
        var report = emptyReport
        try measure { () throws(Diagnostic) in report.results = try suite(report).run(cases, progress: tell) }
        try show(report, earlier)
        if let path = invocation[.plot]?.text { try plot(report, to: path) }
        return 0
    }

    /// The queries beside those of a peer.
    private func run(against peer: Peer) throws(CommandFailure) -> Int32 {
        let queries = try choice.queries(beside: peer)
        var report = emptyReport
        report.peer = peer
        let named = Terminal.environment("MILLRACE_SHARED") ?? ""
        let programs = PeerPrograms(of: peer, in: named.isEmpty ? "../shared" : named)
        try measure { () throws(Diagnostic) in
            report.comparisons = try suite(report).run(
                queries, against: programs, threads: report.threads ?? processorCount(), progress: tell)
        }
        if invocation.isOn(.json) {
            try printDocument(report)
        } else {
            ByteStream.output.print(BenchTables.beside(peer, report.comparisons ?? []).text(invocation[.output]?.text ?? "table"))
        }
        return 0
    }

    private var emptyReport: BenchmarkReport {
        BenchmarkReport(
            version: productVersion, inputRows: invocation[.rows]?.integer ?? 1, runs: invocation[.runs]?.integer ?? 1,
            partitions: choice.partitions, durability: choice.durability == .os ? "os" : "fsync", threads: invocation[.threads]?.integer)
    }

    /// Measures, until it is done or the process is asked to end.
    private func measure(_ work: () throws(Diagnostic) -> Void) throws(CommandFailure) {
        try endOnSignals()
        do throws(Diagnostic) { try work() } catch {
            places.waitIfAbandoned()
            throw .cannotStart(error)
        }
        places.waitIfAbandoned()
    }

    private func tell(_ line: String) {
        if Terminal.isTerminal(2) { Terminal.write(line: line, to: 2) }
    }

    private func suite(_ report: BenchmarkReport) -> BenchmarkSuite {
        var template = EmbeddedEngine()
        template.durability = choice.durability
        template.threads = report.threads
        if invocation.isOn(.steady) { template.time = SimulatedTime(wall: SystemTime().wallMilliseconds()) }
        return BenchmarkSuite(
            rows: report.inputRows, runs: report.runs, partitions: report.partitions,
            directory: invocation[.data]?.text ?? Terminal.environment("TMPDIR") ?? "/tmp", program: "/proc/self/exe", places: places
        ) { [template] (place, turns) throws(Diagnostic) in
            var embedded = template
            embedded.directory = place
            embedded.turns = turns
            do throws(CommandFailure) {
                let opened = try embedded.openWithLog()
                return MeasuredEngine(opened.engine, over: opened.log)
            } catch {
                throw error.diagnostic
            }
        }
    }

    /// What is measured may be in the middle of minutes of work: it is not waited for.
    private func endOnSignals() throws(CommandFailure) {
        do throws(SystemError) {
            try onTermination { [places] number in
                places.abandon()
                abandonProcess(signalExitCode(number))
            }
        } catch {
            throw .cannotStart(Diagnostic(.ioError, "\(error)", category: .general))
        }
    }

    private func show(_ report: BenchmarkReport, _ earlier: BenchmarkReport?) throws(CommandFailure) {
        let output = invocation[.output]?.text ?? "table"
        if invocation.isOn(.json) {
            try printDocument(report)
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

    private func printDocument(_ report: BenchmarkReport) throws(CommandFailure) {
        do throws(JSONCodingError) {
            ByteStream.output.print(try JSONValue(encoding: report).text + "\n")
        } catch {
            throw .refused(Diagnostic(.dataError, "the figures cannot be written: \(error)", category: .general))
        }
    }

    /// The directory of the drawing has to be there before anything is measured.
    private func checkPlot() throws(CommandFailure) {
        guard let path = invocation[.plot]?.text else { return }
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        if !HostFileSystem().exists(directory) {
            throw .usage(Diagnostic(.noSuchFile, "there is no directory \(directory) for the drawing", category: .general))
        }
    }

    private func plot(_ report: BenchmarkReport, to path: String) throws(CommandFailure) {
        let drawing = GrowthDrawing.svg(of: GrowthPanel.all(of: report.results), note: BenchTables.settings(report))
        do throws(SystemError) { try HostFileSystem().replace(path, with: Array(drawing.utf8)) } catch {
            throw .refused(Diagnostic(.ioError, "\(error)", category: .general))
        }
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
