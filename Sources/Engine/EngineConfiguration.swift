// How an engine is set up, chosen by the embedding process.

package import Functions
package import Operators
package import Pipelines
package import Platform
import Quantities
package import Schemas
import Settings
package import Spill

/// How an engine is set up.
package struct EngineConfiguration: Sendable {
    /// Worker threads; one a core unless told otherwise.
    package var workers: Int
    /// Settings of the server, under their bare names; sessions start from them.
    package var properties: [String: String]
    /// Where push queries start unless `auto.offset.reset` says so: `latest` in shell and server, `earliest` in scripts and tests.
    package var pushStart: String
    package var functions: FunctionTable
    /// Bodies of those functions that are not built in.
    package var addedFunctions = AddedFunctions()
    package var time: any TimeSource
    /// Starts the engine's threads and tells the time.
    package var scheduler: any Scheduler = HostScheduler()
    package var random: any RandomSource
    /// Limits of the protocol and the command line, for SHOW LIMITS.
    package var frontEndLimits: [LimitDescription] = []
    /// Where snapshots of state are kept; nil for an engine in memory.
    package var snapshots: SnapshotFolder?
    /// Where state goes that does not fit the memory; nil where queries are paused instead.
    package var spills: SpillFolder?
    /// Which queries took earlier processes with them; nil for an engine in memory.
    package var crashes: CrashHistory?
    /// Hears how long the workers are busy with one thing; nil where nobody measures that.
    package var turns: (any TurnObserver)?
    /// The registry of schemas; nil for the engine's own, which it keeps in its log.
    package var registry: (any SchemaRegistry)?
    /// Persistent queries, those that are brought up and those that are made, do not run until they are resumed.
    package var startsPaused = false
    /// Takes one line of the server's log, as `key=value` pairs.
    package var logLine: @Sendable (_ level: LogLevel, _ line: String) -> Void

    package init(
        workers: Int = processorCount(), properties: [String: String] = [:], pushStart: String = "latest",
        functions: FunctionTable = .builtIn, time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
        logLine: @escaping @Sendable (_ level: LogLevel, _ line: String) -> Void = { _, _ in }
    ) {
        self.workers = workers
        self.properties = properties
        self.pushStart = pushStart
        self.functions = functions
        self.time = time
        self.random = random
        self.logLine = logLine
    }
}

extension EngineConfiguration {
    /// Bytes that the state of all queries may take; nil for any number. A quarter of the memory is left for everything else: batches and
    /// commits under way, the log, the answers of clients.
    package var memoryLimit: Int? {
        guard let bytes = SettingValues(properties)[.memoryLimit] else { return EngineConfiguration.defaultMemoryLimit }
        return bytes > 0 ? bytes : nil
    }

    /// Bytes that one question may hold in memory where what is more can go to disk.
    package var questionMemory: Int {
        SettingValues(properties)[.questionMemory] ?? min(EngineConfiguration.mostQuestionMemory, (memoryLimit ?? .max) / 8)
    }

    /// How long a statement may take before it is logged as a slow one; nil for as long as it likes.
    var slowStatement: Milliseconds? {
        let limit = SettingValues(properties)[.slowStatement]
        return limit > 0 ? limit : nil
    }

    private static let mostQuestionMemory = 512 << 20
    private static let defaultMemoryLimit = usableMemory() / 4 * 3
}

/// A limit as SHOW LIMITS tells it.
package struct LimitDescription: Hashable, Sendable {
    /// What is limited, with the unit: `line bytes`.
    package var name: String
    package var value: Int
    package var reason: String

    package init(name: String, value: Int, reason: String) {
        self.name = name
        self.value = value
        self.reason = reason
    }
}

/// How much a log line matters.
package enum LogLevel: Int, Comparable, Sendable {
    case debug, info, warning, error
    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
    /// The word in the line.
    package var name: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
}
