// `millrace load`: lines of a file or of standard input become records of a stream. What can be read at once goes out at once, so that
// a slow pipe is live and a large file goes in large pieces.

import Bytes
import Client
import CommandLineTable
import Diagnostics
import Engine
import LogStore
import Platform
import Server
import Sessions
import Settings
import Shell

/// A bulk load.
struct LoadCommand {
    private let settings: CommandSettings
    private let stream: String
    private let format: IngestFormat
    private let input: ByteStream
    /// `N` or `P%`: how many lines may be rejected.
    private let maxErrors: String
    private let progress: ProgressBar

    /// The most that is read at once.
    private static let pieceBytes = 1 << 20

    init(_ given: Invocation) throws(CommandFailure) {
        settings = try CommandSettings(given)
        let invocation = settings.invocation
        stream = invocation.operands[0]
        format = invocation[.format]?.text.flatMap { IngestFormat(rawValue: $0) } ?? .json
        maxErrors = invocation[.maxErrors]?.text ?? "0"
        let path = invocation.operands.count > 1 ? invocation.operands[1] : "-"
        do throws(SystemError) {
            input = path == "-" ? .input : try .reading(path)
        } catch {
            throw .refused(Diagnostic(.noSuchFile, error.description, category: .general))
        }
        if invocation[.server] == nil, invocation[.data] == nil {
            throw .usage(
                Diagnostic(
                    .usage, "load needs --server HOST:PORT or --data DIR", category: .general,
                    hint: "Records in memory would be gone when the command ends."))
        }
        progress = ProgressBar(total: input.size)
    }

    func run() throws(CommandFailure) -> Int32 {
        let door = try Door.open(settings)
        defer { door.close() }
        let started = SystemTime().monotonicNanoseconds()
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        switch door {
        case .remote(let session):
            session.beginLoad(
                into: stream, format: format, onProgress: { [progress] in progress.show(durable: $0.records) },
                whenFinished: { result in outcome.update { $0 = result } })
            try send(to: session, isOver: { outcome.withLock { $0 != nil } })
        case .embedded(_, let session):
            let ingest: Ingest
            do throws(Diagnostic) {
                ingest = try session.beginIngest(into: stream, format: format) { [progress] in progress.show(durable: $0.records) }
            } catch {
                throw .refused(error)
            }
            try feed(ingest)
            ingest.finish { result in outcome.update { $0 = result } }
        }
        let result = outcome.wait(until: { $0 != nil }) { $0 }
        progress.clear()
        switch result {
        case .success(let report)?:
            door.drain()
            return summarise(report, nanoseconds: SystemTime().monotonicNanoseconds() - started)
        case .failure(let error)?: throw error.code == .connectionLost ? .cannotStart(error) : .refused(error)
        case nil: return 1
        }
    }

    private func summarise(_ report: IngestReport, nanoseconds: Int64) -> Int32 {
        let seconds = Double(nanoseconds) / 1e9
        let rate = seconds > 0 ? Int(Double(report.records) / seconds) : report.records
        let hundredths = Int(seconds * 100 + 0.5)
        let time = "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
        ByteStream.errors.print("\(report.sentence), in \(time), \(rate) records/s\n")
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

    /// The first piece of the input, without the byte order mark that some editors write before a text. Empty at the end of the input.
    private func readStart() throws(CommandFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        // A pipe may give less at once than a mark has bytes.
        while ByteOrderMark.mayBegin(bytes), try read(into: &bytes) > 0 {}
        progress.advance(bytes.count)
        do throws(TextProblem) { return Array(try utf8Bytes(of: bytes)) } catch {
            throw .refused(Diagnostic(.dataError, "the input cannot be loaded: \(error)", category: .general))
        }
    }

    private func read(into buffer: inout [UInt8]) throws(CommandFailure) -> Int {
        do throws(SystemError) {
            return try input.read(upTo: LoadCommand.pieceBytes, into: &buffer)
        } catch {
            throw .refused(Diagnostic(.ioError, error.description, category: .general))
        }
    }

    // MARK: Into an engine of our own

    private func feed(_ ingest: Ingest) throws(CommandFailure) {
        var line = 1
        var rest = try readStart()
        var searched = 0
        while ingest.failure == nil {
            var buffer = rest
            let got = try read(into: &buffer)
            progress.advance(got)
            if got == 0 {
                guard !buffer.isEmpty else { return }
                if buffer.last != UInt8(ascii: "\n") { buffer.append(UInt8(ascii: "\n")) }
            }
            var lines: [ByteRange] = []
            let stop = cutLines(buffer, from: 0, searched: searched, mark: nil, longest: .max, into: &lines)
            rest = Array(buffer[stop...])
            searched = rest.count
            let count = lines.count
            ingest.take(buffer, lines, firstLine: line)
            ingest.awaitRoom()
            line += count
            if got == 0 { return }
        }
    }

    // MARK: Over the wire

    private func send(to session: RemoteSession, isOver: () -> Bool) throws(CommandFailure) {
        var isAtLineStart = true
        var buffer = try readStart()
        while !isOver() {
            if let last = buffer.last {
                sendStuffed(buffer, isAtLineStart, to: session)
                isAtLineStart = last == UInt8(ascii: "\n")
            }
            buffer = []
            let got = try read(into: &buffer)
            if got == 0 { break }
            progress.advance(got)
        }
        if isOver() { return }
        if !isAtLineStart { session.sendRecords([0x0A], 0..<1) }
        session.endLoad()
    }

    /// Sends a piece with a second dot before each line that begins with one.
    private func sendStuffed(_ bytes: [UInt8], _ isAtLineStart: Bool, to session: RemoteSession) {
        let dot = UInt8(ascii: ".")
        var sent = 0
        var search = 0
        if !isAtLineStart {
            guard let end = lineEnd(in: bytes, from: 0) else { return session.sendRecords(bytes, 0..<bytes.count) }
            search = end + 1
        }
        while let line = lineStart(with: dot, in: bytes, from: search) {
            session.sendRecords(bytes, sent..<line)
            session.sendRecords([dot], 0..<1)
            sent = line
            guard let end = lineEnd(in: bytes, from: line) else { break }
            search = end + 1
        }
        session.sendRecords(bytes, sent..<bytes.count)
    }
}
