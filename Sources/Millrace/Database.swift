// The engine inside another program: streams, tables and continuous queries in a directory or in memory, without a server.

@_exported public import AsyncSessions
import Bytes
import Diagnostics
import Engine
import LogStore
import Platform
import Sessions
import Settings

/// An engine in this process, with everything that it keeps.
///
/// One process at a time has a directory. What a program does wrong is thrown; the program goes on. Queries of the directory run while it is
/// open, on threads of their own, one for each core unless the setting `millrace.threads` says otherwise.
///
/// ```swift
/// let database = try await Database.open(.directory("events"))
/// let session = database.openSession()
/// try await session.execute("CREATE STREAM s (id INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');")
/// await database.close()
/// ```
public final class Database: Sendable {
    /// Where an engine keeps what it has.
    public enum Place: Hashable, Sendable {
        /// In memory, until it is closed.
        case memory
        /// In this directory, which is made where it is missing.
        case directory(String)
    }

    private let engine: MillraceEngine
    private let isClosed = Monitor(false)

    private init(_ engine: MillraceEngine) { self.engine = engine }

    /// Opens an engine and starts its queries.
    ///
    /// `settings` are those of a server's file of properties, by their names (`millrace help settings`); those about listening and logging have
    /// no effect. `log` takes lines of the engine's log, each as `key=value` pairs, from threads of the engine.
    ///
    /// Errors: `55006` where another process has the directory, `F0000` for a wrong setting, `58030` and others where the directory cannot be
    /// used; a query that cannot be brought back is no error, but stands in `SHOW QUERIES`.
    public static func open(
        _ place: Place, settings: [String: String] = [:], log: @escaping @Sendable (_ line: String) -> Void = { _ in }
    ) async throws -> Database {
        try await onThread { () throws(Diagnostic) in
            var embedded = EmbeddedEngine()
            if case .directory(let path) = place { embedded.directory = path }
            for (name, text) in settings.sorted(by: { $0.key < $1.key }) {
                let accepted = try SettingTable.listed(name, text)
                embedded.properties[accepted.name] = accepted.text
                if let notice = accepted.notice { log(logText("setting_ignored", ["detail": notice])) }
            }
            let values = SettingValues(embedded.properties)
            guard values[.schemaRegistry] == nil else {
                throw Diagnostic(
                    .featureNotSupported, "an engine inside a program keeps its schemas itself", category: .general,
                    hint: "Leave \(SettingKey<String?>.schemaRegistry.name) out, or use a server.")
            }
            embedded.durability = values[.durability] == .os ? .os : .fsync
            embedded.threads = values[.threads]
            // The signals of the process are those of the program.
            embedded.recordsCrashes = false
            embedded.logLine = { _, line in log(line) }
            return Database(try embedded.start().engine)
        }
    }

    deinit {
        guard !isClosed.withLock({ $0 }) else { return }
        // Closing waits for commits: not on the thread that let go of it. Where there is no thread, what is durable stays so.
        _ = try? WorkerThread.start("closing") { [engine] in engine.close() }
    }

    /// A new session. Sessions see the same streams and tables, and have settings and variables of their own.
    public func openSession() -> Session { Session(EngineDoor(engine.openSession(), of: self)) }

    /// Ends what runs, commits what queries have, and closes the files. Sessions take no statements afterwards. It should be called before the
    /// process ends; a directory that was not closed recovers when it is opened again.
    public func close() async {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        // Where there is no thread, what is durable stays so.
        try? await onThread { [engine] in engine.close() }
    }
}

/// The way to an engine in this process.
private final class EngineDoor: SessionDoor {
    private let session: EngineSession
    /// Open as long as somebody has a session.
    private let database: Database
    var connection: SharedConnection? { nil }
    var mostStatements: Int? { nil }
    var statements: any StatementSession { session }

    init(_ session: EngineSession, of database: Database) {
        self.session = session
        self.database = database
    }

    /// Bytes of records that are decoded at once.
    private static let pieceBytes = 1 << 20

    func load(_ lines: [UInt8], into source: String, whenFinished: @escaping @Sendable (Result<IngestReport, Diagnostic>) -> Void) {
        do throws(Diagnostic) {
            let ingest = try session.beginIngest(into: source, format: .json)
            var start = 0
            var line = 1
            while start < lines.count, ingest.failure == nil {
                // Up to the end of a line.
                let least = min(start + EngineDoor.pieceBytes, lines.count) - 1
                let end = (lines[least...].firstIndex(of: UInt8(ascii: "\n")) ?? lines.count - 1) + 1
                let piece = Array(lines[start..<end])
                var ranges: [ByteRange] = []
                _ = cutLines(piece, from: 0, searched: 0, mark: nil, longest: .max, into: &ranges)
                ingest.take(piece, ranges, firstLine: line)
                ingest.awaitRoom()
                (start, line) = (end, line + ranges.count)
            }
            ingest.finish(whenFinished)
        } catch {
            whenFinished(.failure(error))
        }
    }

    /// What runs in the session ends with its readers; the engine goes on.
    func close() {}
}
