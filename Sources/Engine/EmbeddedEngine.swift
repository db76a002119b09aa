// An engine in this process: over a data directory, or in memory.

package import Diagnostics
package import LogStore
package import Pipelines
package import Platform
package import Schemas
import Settings
import Spill

/// How an engine of a process's own is to be opened.
package struct EmbeddedEngine: Sendable {
    /// Nil keeps everything in memory.
    package var directory: String?
    /// When a record counts as durable.
    package var durability = Durability.fsync
    /// Worker threads; one a core unless set.
    package var threads: Int?
    /// Settings of the server, under their bare names.
    package var properties: [String: String] = [:]
    /// Where push queries start.
    package var pushStart = "latest"
    /// Brings up all persistent queries paused.
    package var startsPaused = false
    /// Notes which query takes the process with it, by handlers of signals: for processes that are Millrace's own.
    package var recordsCrashes = true
    /// The engine's clock; that of the log and of waits is the machine's.
    package var time: any TimeSource = SystemTime()
    /// Hears how long the workers are busy with one thing.
    package var turns: (any TurnObserver)?
    /// Limits of front ends, for SHOW LIMITS.
    package var limits: [LimitDescription] = []
    /// Takes one line of the log, as `key=value` pairs.
    package var logLine: @Sendable (LogLevel, String) -> Void = { _, _ in }

    /// An engine over that directory, or in memory.
    package init(directory: String? = nil) { self.directory = directory }

    /// Opens only the log, to be looked at: nothing in the directory is changed. Fails with the advice to ask the server when another
    /// process has the directory.
    package func inspect() throws(Diagnostic) -> SegmentedLog {
        try opening { directory throws(LogError) in
            let log = try SegmentedLog.inspecting(
                directory: directory, files: HostFileSystem(), clock: SystemTime(), random: SystemRandom())
            for note in log.recoveryNotes { logLine(.warning, logText("recovery_due", ["detail": note.description])) }
            return log
        }
    }

    private func openLog() throws(Diagnostic) -> SegmentedLog {
        try opening { _ throws(LogError) in
            guard let directory else {
                return try SegmentedLog(
                    directory: "/memory", files: MemoryFileSystem(), clock: SystemTime(), random: SystemRandom(), options: .inMemory)
            }
            var options = LogOptions()
            options.durability = durability
            options.report = { [logLine] error in logLine(.error, logText("log_trouble", ["detail": error.message])) }
            let log = try SegmentedLog(
                directory: directory, files: HostFileSystem(), clock: SystemTime(), random: SystemRandom(), options: options)
            // Left by a server that was killed; it has no server now.
            AddressFile(directory).remove()
            for note in log.recoveryNotes { logLine(.warning, logText("recovery", ["detail": note.description])) }
            return log
        }
    }

    /// Opens the log and says what is in the way, when something is.
    private func opening(_ open: (String) throws(LogError) -> SegmentedLog) throws(Diagnostic) -> SegmentedLog {
        do throws(LogError) { return try open(directory ?? "") } catch {
            if error.kind == .directoryInUse {
                throw Diagnostic(
                    .objectInUse, "the data directory \(directory ?? "") is in use by another process", category: .general,
                    hint: AddressFile(directory ?? "").address.map { "Talk to the server that has it: --server \($0)" }
                        ?? "No server listens for it: a run, shell or load has it, or a server that is starting or ending.")
            }
            throw Diagnostic(.ioError, error.message, category: .general, hint: error.hint)
        }
    }

    /// The engine, running, and its log. Sessions see the settings as `shown` has them, without what is secret; all of them unless given.
    /// `registry` is that of schemas; the engine's own where nil.
    ///
    /// Errors: the directory is in use or damaged, or the machine refuses files or threads.
    package func start(
        registry: (any SchemaRegistry)? = nil, showing shown: [String: String]? = nil
    ) throws(Diagnostic) -> (engine: MillraceEngine, log: SegmentedLog) {
        let log = try openLog()
        var configuration = EngineConfiguration(properties: shown ?? properties, pushStart: pushStart, logLine: logLine)
        if let threads { configuration.workers = threads }
        configuration.registry = registry
        configuration.startsPaused = startsPaused
        configuration.turns = turns
        configuration.time = time
        configuration.frontEndLimits = limits
        if let directory { configuration.snapshots = SnapshotFolder(files: HostFileSystem(), directory: directory + "/snapshots") }
        if let directory { configuration.spills = spillFolder(in: directory) }
        if let directory, recordsCrashes { configuration.crashes = crashHistory(in: directory) }
        do throws(Diagnostic) {
            return (try MillraceEngine(configuration: configuration, log: log), log)
        } catch {
            log.close()
            throw error
        }
    }

    /// Where state goes that does not fit the memory. What an earlier process has left there is of no use; it is removed by the process that
    /// has the directory now.
    private func spillFolder(in directory: String) -> SpillFolder {
        let folder = SpillFolder(files: HostFileSystem(), directory: directory + "/spill")
        do throws(SystemError) { try folder.clear() } catch {
            logLine(.warning, logText("spill_not_cleared", ["reason": "\(error)"]))
        }
        return folder
    }

    /// Which queries took earlier processes with them. From here on the file notes those that take this one.
    private func crashHistory(in directory: String) -> CrashHistory? {
        do throws(SystemError) {
            let history = try CrashHistory(files: HostFileSystem(), path: directory + "/crashes")
            try CrashRecord.install(path: directory + "/crashes")
            return history
        } catch {
            logLine(.warning, logText("crash_record_unavailable", ["reason": "\(error)"]))
            return nil
        }
    }
}
