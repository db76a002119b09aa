// What a load that has no end says of lines that are no records: each time, not when somebody ends it.

import Platform
import Sessions

/// Says on standard error what was rejected since the last time.
final class RejectionNotices: Sendable {
    private let told = Monitor(0)

    /// Hears of what has become of the load so far.
    func take(_ report: IngestReport) {
        // Reports may overtake one another.
        let new = told.withLock { told -> Int in
            defer { told = max(told, report.rejected) }
            return report.rejected - told
        }
        guard new > 0, let problem = report.latestProblem ?? report.firstProblem else { return }
        let lines = new == 1 ? "1 line rejected" : "\(new) lines rejected, the last of them"
        ByteStream.errors.print("\(lines): line \(problem.line): \(problem.reason)\n")
    }
}
