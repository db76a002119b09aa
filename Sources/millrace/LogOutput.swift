// The server's log: one event a line on standard error, as key=value pairs behind the time and the level.

import Engine
import Platform
import Values

/// Writes log lines of at least one level.
struct LogOutput: Sendable {
    private let least: Monitor<LogLevel>

    /// The level of that name on the command line.
    init(level name: String) { least = Monitor(LogOutput.level(name)) }

    private static func level(_ name: String) -> LogLevel {
        switch name {
        case "debug": .debug
        case "warn": .warning
        case "error": .error
        default: .info
        }
    }

    /// From now on another level counts, for all who write to it.
    func setLevel(_ name: String) { least.update { $0 = LogOutput.level(name) } }

    /// Writes a line, with the time by RFC 3339 in UTC, if its level counts.
    func write(_ level: LogLevel, _ line: String) {
        guard level >= least.withLock({ $0 }) else { return }
        ByteStream.errors.print("time=\(TemporalText.text(timestamp: SystemTime().wallMilliseconds()))Z level=\(level.name) \(line)\n")
    }
}
