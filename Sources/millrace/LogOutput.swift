// The server's log: one event a line on standard error, as key=value pairs behind the time and the level.

import Engine
import Platform

/// Writes log lines of at least one level.
struct LogOutput: Sendable {
    let least: LogLevel

    /// The level of that name on the command line.
    init(level name: String) {
        least =
            switch name {
            case "debug": .debug
            case "warn": .warning
            case "error": .error
            default: .info
            }
    }

    /// Writes a line, if its level counts.
    func write(_ level: LogLevel, _ line: String) {
        guard level >= least else { return }
        ByteStream.errors.print("time=\(LogOutput.text(of: SystemTime().wallMilliseconds())) level=\(level.name) \(line)\n")
    }

    /// RFC 3339 in UTC.
    static func text(of milliseconds: Int64) -> String {
        let days = Int(milliseconds / 86_400_000)
        let rest = Int(milliseconds % 86_400_000)
        // Days since 0000-03-01, in eras of 400 years (Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month < 10 ? month + 3 : month - 9, 2))-\(padded(day, 2))T"
            + "\(padded(rest / 3_600_000, 2)):\(padded(rest / 60_000 % 60, 2)):\(padded(rest / 1000 % 60, 2)).\(padded(rest % 1000, 3))Z"
    }
}
