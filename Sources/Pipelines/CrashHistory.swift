// Which queries were running when the process died, start after start. A query that took the process with it three times in a row is not
// started again by itself: everything else runs.
//
//     file = *line        line = query-id LF          one a crash, in order; written by `CrashRecord`
//
// A commit of a query removes its lines: it got past what it died of.

package import Platform
import Synchronization

/// The crashes of one data directory.
package final class CrashHistory: Sendable {
    private let files: any FileSystem
    private let path: String
    /// Crashes of each query since its last commit.
    private let counts: Monitor<[String: Int]>
    private let isEmpty: Atomic<Bool>

    /// Crashes in a row after which a query is not started by itself: two may be bad luck, for example of a neighbour on the same worker.
    package static let mostCrashes = 3

    /// Reads the file at `path`; one that is not there holds no crashes. Errors: it cannot be read.
    package init(files: any FileSystem, path: String) throws(SystemError) {
        self.files = files
        self.path = path
        var counts: [String: Int] = [:]
        if files.exists(path) {
            for line in try files.contents(of: path).split(separator: UInt8(ascii: "\n")) {
                counts[String(decoding: line, as: UTF8.self), default: 0] += 1
            }
        }
        self.counts = Monitor(counts)
        isEmpty = Atomic(counts.isEmpty)
    }

    /// Crashes in a row of a query.
    package func crashes(of queryID: String) -> Int { counts.withLock { $0[queryID] ?? 0 } }

    /// The queries that are to be brought up paused, each with the reason for listings.
    package var queriesToPause: [String: String] {
        counts.withLock { $0.filter { $0.value >= Self.mostCrashes } }.mapValues { count in
            "it was running when the server crashed, \(count) times in a row; RESUME starts it again"
        }
    }

    /// Forgets the crashes of a query that has committed, or that a user starts again. Waits for the disk when there were any, else it
    /// costs one load. Errors: the file could not be written; the crashes count again after the next start.
    package func clear(_ queryID: String) throws(SystemError) {
        if isEmpty.load(ordering: .relaxed) { return }
        try forget { $0 == queryID }
    }

    /// Forgets the crashes of all queries but these: of clients' queries, and of those that no longer exist. Errors: as of `clear`.
    package func keep(only ids: Set<String>) throws(SystemError) { try forget { !ids.contains($0) } }

    private func forget(_ isGone: (String) -> Bool) throws(SystemError) {
        let left = counts.update { counts -> [String: Int]? in
            guard counts.keys.contains(where: isGone) else { return nil }
            counts = counts.filter { !isGone($0.key) }
            return counts
        }
        guard let left else { return }
        isEmpty.store(left.isEmpty, ordering: .relaxed)
        var bytes: [UInt8] = []
        for (id, count) in left.sorted(by: { $0.key < $1.key }) {
            for _ in 0..<count { bytes += Array(id.utf8) + [UInt8(ascii: "\n")] }
        }
        // In place, since the handler of signals has the file open.
        let file = try files.open(path, .write)
        defer { file.close() }
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        try file.synchronize()
    }
}
