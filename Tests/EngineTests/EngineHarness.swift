import Bytes
import Diagnostics
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Schemas
import Sessions
import Spill
import TestSupport
import Testing

/// Collects the events of answers as text lines, in the spirit of the line protocol, and lets tests wait for them.
final class EventCollector: AnswerSink {
    private let lines = Monitor<[String]>([])
    private let failures = Monitor(0)

    /// How many rows the answers so far left out because they could not be processed.
    var skipped: Int { failures.withLock { $0 } }

    private let records = Monitor(0)

    /// How many records the answers so far say that they read.
    var recordsRead: Int { records.withLock { $0 } }

    func emit(_ event: AnswerEvent) {
        if case .done(let summary) = event {
            failures.update { $0 += summary.skipped }
            records.update { $0 += summary.readings.reduce(0) { $0 + $1.records } }
        }
        lines.update { lines in
            switch event {
            case .columns(let columns, let kind):
                lines.append("= " + columns.map { "\($0.name) \($0.type)\($0.isKey ? " KEY" : "")" }.joined(separator: ", ") + " (\(kind.rawValue))")
            case .rows(let block):
                for (index, text) in block.texts.enumerated() { lines.append((block.isDeleted(index) ? "! " : ": ") + text) }
            case .notice(let text): lines.append("? " + text)
            case .position(let text): lines.append("~ " + text)
            case .done(let summary): lines.append("+ " + (summary.message ?? "\(summary.rows) rows"))
            case .failed(let error): lines.append("- \(error.code.rawValue) \(error.message)")
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    /// The lines, once `holds` is true of them.
    func wait(until holds: ([String]) -> Bool) -> [String] { lines.wait(until: { holds($0) }, then: { $0 }) }
    var soFar: [String] { lines.withLock { $0 } }
}

/// An engine over a log in memory.
struct Millrace {
    let files: any FileSystem
    /// The log under the engine, for what comes past it.
    let log: any EventLog
    let engine: MillraceEngine
    let session: EngineSession

    init(
        files: any FileSystem = MemoryFileSystem(), pushStart: String = "latest", properties: [String: String] = [:],
        snapshots: SnapshotFolder? = nil, spills: SpillFolder? = nil, time: any TimeSource = SystemTime(), workers: Int = 2, options: LogOptions = .inMemory,
        scheduler: any Scheduler = HostScheduler(), random: any RandomSource = SystemRandom(), crashes: CrashHistory? = nil, registry: (any SchemaRegistry)? = nil,
        logLine: @escaping @Sendable (LogLevel, String) -> Void = { _, _ in }
    ) throws {
        self.files = files
        let log = try SegmentedLog(
            directory: "/data", files: files, clock: scheduler.time, random: random, options: options, scheduler: scheduler)
        self.log = log
        var configuration = EngineConfiguration(
            workers: workers, properties: properties, pushStart: pushStart, time: time, random: SeededRandom(seed: 1), logLine: logLine)
        configuration.snapshots = snapshots
        configuration.spills = spills
        configuration.crashes = crashes
        configuration.scheduler = scheduler
        configuration.registry = registry
        engine = try MillraceEngine(configuration: configuration, log: log)
        session = engine.openSession()
    }

    /// Another session of the same engine.
    init(sharing other: Millrace) {
        files = other.files
        log = other.log
        engine = other.engine
        session = other.engine.openSession()
    }

    /// Ends the engine and its log, which lets go of the files.
    func close() {
        engine.close()
        log.close()
    }

    /// Carries out `sql` and gives the events as lines once all of it is done. What goes on for ever is cancelled and says so.
    func run(_ sql: String, patience seconds: Int64 = 10) -> [String] {
        let collector = EventCollector()
        let finished = Monitor(false)
        let request = session.execute(sql, into: collector) { _ in finished.update { $0 = true } }
        if !finished.wait(nanoseconds: seconds * 1_000_000_000, until: { $0 }, then: { $0 }) { request.cancel() }
        return collector.soFar
    }

    /// Starts `sql` and gives its events as they come.
    func start(_ sql: String) -> (EventCollector, Request) {
        let collector = EventCollector()
        return (collector, session.execute(sql, into: collector))
    }

    /// The committed positions of all groups, as soon as `holds` is true of them, or after some thousand commits in which it was not.
    func positions(until holds: ([String: [PartitionKey: Offset]]) -> Bool) -> [String: [PartitionKey: Offset]] {
        let committed = CommittedPositions(log: log)
        var found: [String: [PartitionKey: Offset]] = [:]
        for _ in 0..<5_000 {
            // What was handed to the log before it is durable with it.
            try? log.commitAndWait(Commit())
            found = (try? committed.all()) ?? [:]
            if holds(found) { break }
        }
        return found
    }
}

/// Compares with `Tests/Golden/Engine/<name>.txt`.
func checkGolden(_ name: String, _ output: (String) -> String) throws {
    for mismatch in try goldenMismatches("Engine/\(name)", output) { Issue.record("\(mismatch)") }
}
