// The records of files into one source, through a session of an engine in this process or at a server: for `load` and for `\copy`.

import Bytes
import Client
import Diagnostics
import Engine
import Platform
import Quantities
import Sessions

/// How the records of files are written.
enum LoadFormat: String, Hashable, Sendable, CaseIterable {
    case json, csv, tsv, line, avro, protobuf

    /// What the ending of a file's name says, without that of a compression; JSON unless it is that of another one.
    init(ofFile path: String) {
        var words = path.lowercased().split(separator: ".").map(String.init)
        if let last = words.last, ["gz", "zst", "lz4"].contains(last) { words.removeLast() }
        self = words.last.flatMap { LoadFormat(rawValue: $0) }.flatMap { $0 == .line ? nil : $0 } ?? .json
    }
}

/// A bulk load.
struct BulkLoad {
    /// What has become of it.
    struct Outcome {
        var report: IngestReport
        /// What there is to say about the files beside their lines.
        var notes: [String] = []
        /// Why a file could be read no further. What came before is loaded.
        var damage: Diagnostic?
    }

    /// The stream or table.
    let source: String
    /// `-` is the standard input.
    let paths: [String]
    let format: LoadFormat
    /// Of CSV, instead of the comma.
    var delimiter: String?
    /// Of CSV and TSV: the text that stands for NULL.
    var null: String?
    /// Waits for more at the end of the last file.
    var follower: FollowedFile?
    /// Whether it goes on where an earlier load of the same files has ended.
    var resumes = false
    /// Whether a line with a member that no column takes is none.
    var isStrict = false

    /// Errors: a file is not there.
    func checkFiles() throws(Diagnostic) { _ = try LoadInput(paths) { PlainLines() } }

    /// Loads everything. Errors: something cannot be read, or there is no such source, or the connection ends.
    func run(in session: any StatementSession, showsProgress: Bool) throws(Diagnostic) -> Outcome {
        let (shaper, lines) = shaping(columns(in: session))
        let input = try LoadInput(paths, isText: format != .avro && format != .protobuf, mayGrow: resumes, follower: follower, shaper: shaper)
        let progress = ProgressBar(total: showsProgress && follower == nil ? input.size : nil, isWanted: showsProgress)
        input.onRead = { progress.advance($0) }
        defer { progress.clear() }
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        let rejections = follower == nil ? nil : RejectionNotices()
        if let local = session as? EngineSession {
            let ingest = try local.beginIngest(into: source, format: lines) { report in
                progress.show(durable: report.records)
                rejections?.take(report)
            }
            feed(ingest, from: input)
            ingest.finish { result in outcome.update { $0 = result } }
        } else if let remote = try (session as? ReconnectingSession)?.connected() {
            remote.beginLoad(
                into: source, format: lines,
                onProgress: { report in
                    progress.show(durable: report.records)
                    rejections?.take(report)
                },
                whenFinished: { result in outcome.update { $0 = result } })
            send(input, to: remote, isOver: { outcome.withLock { $0 != nil } })
        }
        let result = outcome.wait(until: { $0 != nil }) { $0 }
        switch result {
        case .success(var report)?:
            if var problem = report.firstProblem {
                (problem.file, problem.line) = input.place(ofLine: problem.line)
                report.firstProblem = problem
            }
            return Outcome(report: report, notes: input.notes, damage: input.damage)
        case .failure(let error)?: throw error
        case nil: return Outcome(report: IngestReport())
        }
    }

    // MARK: Going on

    /// What such a load is known by: where its files are, and how they are read. (That their lines are still the same is checked as they come.)
    /// Errors: one is not there, or is the standard input.
    func name() throws(Diagnostic) -> String {
        var parts = [format.rawValue, delimiter ?? "", null ?? "", isStrict ? "strict" : ""]
        for path in paths {
            guard path != "-", let place = canonicalPath(path) else {
                throw Diagnostic(.usage, "--resume knows files again; not standard input, nor \(path.prefix(40))", category: .general)
            }
            parts.append(place)
        }
        let name = parts.joined(separator: " ")
        func checksum(_ bytes: some Collection<UInt8>) -> UInt32 { crc32c(Array(bytes), 0..<bytes.count) }
        // Many files have a long name.
        return name.utf8.count <= 200 ? name : "\(paths.count) files, \(checksum(name.utf8)) \(checksum(name.utf8.reversed()))"
    }

    // MARK: What the lines become

    /// The columns of the source; nil when it cannot be described, which its load then says better.
    private func columns(in session: any StatementSession) -> ColumnTexts? {
        if format == .line || format == .protobuf { return nil }
        for name in source.contains("`") ? [source] : [source, "`\(source)`"] {
            do throws(CommandFailure) {
                let table = try TableAnswer().table(of: "DESCRIBE \(name);", from: session)
                return ColumnTexts(description: table.rows)
            } catch {
                continue
            }
        }
        return nil
    }

    /// What makes records of the bytes of a file, and how those records are written.
    private func shaping(_ columns: ColumnTexts?) -> (() -> any LineShaper, IngestFormat) {
        switch format {
        case .line: return ({ PlainLines() }, .line)
        case .avro: return (checked(columns) { AvroRecords() }, .json)
        case .protobuf: return ({ DelimitedMessages() }, .message)
        case .json: return (checked(columns) { JSONLines(times: columns.flatMap { $0.hasTimes ? $0 : nil }) }, .json)
        case .csv, .tsv:
            // One bare value a line may be no object to the source.
            guard let columns, columns.columns.count > 1 || format == .tsv else { return ({ PlainLines() }, .csv) }
            let form = delimitedForm
            return ({ DelimitedLines(columns, form) }, .json)
        }
    }

    /// Has the members of objects looked at, where it is known which there may be.
    private func checked(_ columns: ColumnTexts?, _ makeShaper: @escaping () -> any LineShaper) -> () -> any LineShaper {
        // The one column of a stream may be the whole line.
        guard let columns, columns.columns.count > 1 || columns.columns.first?.kind != .nested else { return makeShaper }
        let isStrict = isStrict
        return { CheckedMembers(makeShaper(), columns, isStrict: isStrict) }
    }

    /// How CSV or TSV is written.
    var delimitedForm: DelimitedLines.Form {
        var form = DelimitedLines.Form(null: null)
        if format == .tsv { form = DelimitedLines.Form(delimiter: 0x09, hasEscapes: true, null: null ?? "\\N") }
        if let byte = delimiter?.utf8.first { form.delimiter = byte }
        return form
    }

    // MARK: Into an engine of our own

    private func feed(_ ingest: Ingest, from input: LoadInput) {
        var line = 1
        var rest: [UInt8] = []
        var searched = 0
        while ingest.failure == nil, let piece = input.read() {
            let buffer = rest + piece
            var lines: [ByteRange] = []
            let stop = cutLines(buffer, from: 0, searched: searched, mark: nil, longest: .max, into: &lines)
            rest = Array(buffer[stop...])
            searched = rest.count
            let count = lines.count
            ingest.take(buffer, lines, firstLine: line)
            ingest.awaitRoom()
            line += count
        }
    }

    // MARK: Over the wire

    private func send(_ input: LoadInput, to session: RemoteSession, isOver: () -> Bool) {
        var isAtLineStart = true
        // Whatever happens: until the end comes the server takes all that is sent for records, also of a load that it has refused.
        defer {
            if !isAtLineStart { session.sendRecords([0x0A], 0..<1) }
            session.endLoad()
        }
        while !isOver(), let piece = input.read() {
            sendStuffed(piece, isAtLineStart, to: session)
            isAtLineStart = piece.last == UInt8(ascii: "\n")
        }
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
