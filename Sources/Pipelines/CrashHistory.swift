// In which queries the process died, start after start. A query that took the process with it three times in a row is not started again by
// itself: everything else runs.
//
//     file = *line        line = query-id [" partition " number] LF          one a crash, in order; written by `CrashRecord`
//
// A line has a partition when the query's task of that partition worked. A commit of that task removes its lines: it got past what it died
// of. What other tasks of the query commit says nothing about that.

package import Platform
package import Quantities
import Synchronization

/// Where in the queries the process died: the query, and the partition of the task that worked; nil when none did.
struct CrashPlace: Hashable {
    let queryID: String
    let partition: PartitionIndex?

    init(queryID: String, partition: PartitionIndex?) {
        self.queryID = queryID
        self.partition = partition
    }

    /// Reads a line, without its line feed. An id has no spaces.
    init(line: String) {
        let words = line.split(separator: " ")
        if words.count == 3, words[1] == "partition", let partition = Int64(words[2]).flatMap({ PartitionIndex(exactly: $0) }) {
            self.init(queryID: String(words[0]), partition: partition)
        } else {
            self.init(queryID: line, partition: nil)
        }
    }

    /// Without the line feed.
    var line: String { partition.map { "\(queryID) partition \($0)" } ?? queryID }
}

/// The crashes of one data directory.
package final class CrashHistory: Sendable {
    private let files: any FileSystem
    private let path: String
    /// Crashes at each place since the last commit there.
    private let counts: Monitor<[CrashPlace: Int]>
    private let isEmpty: Atomic<Bool>

    /// Crashes in a row after which a query is not started by itself: two may be bad luck, for example of a neighbour on the same worker.
    package static let mostCrashes = 3

    /// Reads the file at `path`; one that is not there holds no crashes. Errors: it cannot be read.
    package init(files: any FileSystem, path: String) throws(SystemError) {
        self.files = files
        self.path = path
        var counts: [CrashPlace: Int] = [:]
        if files.exists(path) {
            for line in try files.contents(of: path).split(separator: UInt8(ascii: "\n")) {
                counts[CrashPlace(line: String(decoding: line, as: UTF8.self)), default: 0] += 1
            }
        }
        self.counts = Monitor(counts)
        isEmpty = Atomic(counts.isEmpty)
    }

    /// Crashes in a row of each query: of that task of it which has most.
    private var crashes: [String: Int] {
        counts.withLock { counts in
            Dictionary(counts.map { ($0.key.queryID, $0.value) }, uniquingKeysWith: max)
        }
    }

    /// Crashes in a row of a query.
    package func crashes(of queryID: String) -> Int { crashes[queryID] ?? 0 }

    /// The queries that are to be brought up paused, each with the reason for listings.
    package var queriesToPause: [String: String] {
        crashes.filter { $0.value >= Self.mostCrashes }.mapValues { count in
            "it was running when the server crashed, \(count) times in a row; RESUME starts it again"
        }
    }

    /// Forgets the crashes of a query that a user starts again. Waits for the disk when there were any, else it costs one load. Errors:
    /// the file could not be written; the crashes count again after the next start.
    package func clear(_ queryID: String) throws(SystemError) {
        if isEmpty.load(ordering: .relaxed) { return }
        try forget { $0.queryID == queryID }
    }

    /// Forgets the crashes of a query's task that has committed, and those from before the query's tasks worked. Waits and errors as of
    /// `clear`.
    package func clear(_ queryID: String, partition: PartitionIndex) throws(SystemError) {
        if isEmpty.load(ordering: .relaxed) { return }
        try forget { $0.queryID == queryID && ($0.partition ?? partition) == partition }
    }

    /// Forgets the crashes of all queries but these: of clients' queries, and of those that no longer exist. Errors: as of `clear`.
    package func keep(only ids: Set<String>) throws(SystemError) { try forget { !ids.contains($0.queryID) } }

    private func forget(_ isGone: (CrashPlace) -> Bool) throws(SystemError) {
        let left = counts.update { counts -> [CrashPlace: Int]? in
            guard counts.keys.contains(where: isGone) else { return nil }
            counts = counts.filter { !isGone($0.key) }
            return counts
        }
        guard let left else { return }
        isEmpty.store(left.isEmpty, ordering: .relaxed)
        var bytes: [UInt8] = []
        for (line, count) in left.map({ ($0.key.line, $0.value) }).sorted(by: { $0.0 < $1.0 }) {
            for _ in 0..<count { bytes += Array(line.utf8) + [UInt8(ascii: "\n")] }
        }
        // In place, since the handler of signals has the file open.
        let file = try files.open(path, .write)
        defer { file.close() }
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        try file.synchronize()
    }
}
