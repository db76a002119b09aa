// `millrace load`: the records of files or of standard input go into a stream. What can be read at once goes out at once, so that a slow
// pipe is live and a large file goes in large pieces.

import Bytes
import Client
import CommandLineTable
import Diagnostics
import Engine
import Platform
import Quantities
import Sessions
import Settings

/// The command with its arguments.
struct LoadCommand {
    private let settings: CommandSettings
    private let load: BulkLoad
    /// The stream is made first.
    private let creates: Bool
    /// `N` or `P%`: how many lines may be rejected.
    private let maxErrors: String

    init(_ given: Invocation) throws(CommandFailure) {
        settings = try CommandSettings(given)
        let invocation = settings.invocation
        maxErrors = invocation[.maxErrors]?.text ?? "0"
        creates = invocation.isOn(.create)
        if invocation.operands[0].isEmpty || invocation.operands[0] == "``" {
            throw .usage(Diagnostic(.usage, "the name of the stream is empty", category: .general))
        }
        let files = Array(invocation.operands.dropFirst())
        var load = BulkLoad(
            source: invocation.operands[0], paths: files.isEmpty ? ["-"] : files,
            format: invocation[.format]?.text.flatMap { LoadFormat(rawValue: $0) } ?? LoadFormat(ofFile: files.first ?? "-"), delimiter: invocation[.delimiter]?.text,
            null: invocation[.null]?.text)
        load.isStrict = invocation.isOn(.strict)
        load.resumes = invocation.isOn(.resume)
        if load.resumes, invocation.isOn(.follow) || invocation.isOn(.create) {
            throw .usage(Diagnostic(.usage, "--resume goes on with a load of files that end, into a stream that is there", category: .general))
        }
        if invocation.isOn(.follow) {
            guard load.paths.last != "-", load.format != .avro else {
                throw .usage(
                    Diagnostic(.usage, "--follow waits for more lines of a file; not of standard input, and not of Avro", category: .general))
            }
            load.follower = FollowedFile()
        }
        self.load = load
        if invocation[.server] == nil, invocation[.data] == nil {
            throw .usage(
                Diagnostic(
                    .usage, "load needs --server HOST:PORT or --data DIR", category: .general,
                    hint: "Records in memory would be gone when the command ends."))
        }
    }

    func run() throws(CommandFailure) -> Int32 {
        // Before anything is opened or made: that a file is not there is the likeliest mistake.
        let statement: String?
        do throws(Diagnostic) {
            try load.checkFiles()
            statement = creates ? try SchemaGuess.statement(for: load.source, from: load) : nil
        } catch {
            throw .refused(error)
        }
        if let follower = load.follower {
            do throws(SystemError) { try onTermination { _ in follower.end() } } catch {
                throw .cannotStart(Diagnostic(.ioError, "Ctrl-C cannot be watched for: \(error)", category: .general))
            }
        }
        let door = try Door.open(settings, makesData: creates)
        defer { door.close() }
        if load.resumes {
            let name: String
            do throws(Diagnostic) { name = try load.name() } catch { throw .refused(error) }
            _ = try TableAnswer().table(of: "SET '\(SettingKey<String>.loadName.name)' = \(Door.quoted(name));", from: door.session)
        }
        if let statement {
            _ = try TableAnswer().table(of: statement, from: door.session)
            ByteStream.output.print(statement + "\n")
        }
        let started = SystemTime().monotonicNanoseconds()
        let outcome: BulkLoad.Outcome
        do throws(Diagnostic) {
            outcome = try load.run(in: door.session, showsProgress: true)
        } catch {
            throw error.code == .connectionLost ? .cannotStart(error) : .refused(error)
        }
        door.drain()
        let status = summarise(outcome, nanoseconds: SystemTime().monotonicNanoseconds() - started)
        if let damage = outcome.damage { throw .refused(damage) }
        return status
    }

    private func summarise(_ outcome: BulkLoad.Outcome, nanoseconds: Int64) -> Int32 {
        let report = outcome.report
        let seconds = Double(nanoseconds) / 1e9
        let rate = seconds > 0 ? Int(Double(report.records) / seconds) : report.records
        let hundredths = Int(seconds * 100 + 0.5)
        let time = "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
        for note in outcome.notes { ByteStream.errors.print("note: \(note)\n") }
        ByteStream.errors.print("\(report.sentence), in \(time), \(rate) records/s\n")
        if report.rejected > 0 {
            let which = report.rejected > Ingest.keptPerSecond ? "the first \(Ingest.keptPerSecond) a second of the" : "all"
            ByteStream.errors.print("\(which) rejected lines, with the reasons: SELECT * FROM MILLRACE_ERRORS;\n")
        }
        if !isTolerable(report) {
            ByteStream.errors.print("error: more lines were rejected than --max-errors \(maxErrors) lets pass\n")
            return 1
        }
        return 0
    }

    private func isTolerable(_ report: IngestReport) -> Bool {
        guard maxErrors.hasSuffix("%") else { return report.rejected <= Int(maxErrors) ?? 0 }
        let percent = Double(maxErrors.dropLast()) ?? 0
        return Double(report.rejected) * 100 <= percent * (Double(report.rejected) + Double(report.records))
    }
}
