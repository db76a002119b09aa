// A table on disk of sorted runs: what is put is written once, in order, as a new run, and now and then some runs are merged into one.
//
// This is the log-structured merge-tree of P. O'Neil et al. (1996), merged in tiers: as soon as there are eight runs of a tier they become one of
// the next, so an entry is written about as often as there are tiers, and a look finds few runs. No log of what is put is needed, because
// the table is no store of record. Runs go as a whole when all of their sections have been removed. Readers hold on to the runs that were
// there when they began.

import Bytes
package import Platform
import Synchronization

/// A table of runs, each in a file that has no name: all of them go with the last references, or with the process.
package final class RunTable: DiskTable {
    /// Runs of a tier that are merged.
    private static let mergedRuns = 8
    /// Bytes that are merged in one go.
    private static let workBytes: Int64 = 1 << 20
    /// A run of fewer bytes is not worth being written anew without what was removed from it.
    private static let leastTidied: Int64 = 1 << 20

    private let files: any FileSystem
    private let path: String
    private let room: DiskRoom
    fileprivate let sectionBytes: Int
    /// From the newest run to the oldest.
    private let places = Mutex<[RunPlace]>([])
    private let merge = Mutex<RunMerge?>(nil)
    private let made = Mutex(0)
    /// A merge found no room on the disk; it is not tried again before something else has been written.
    private let lacksRoom = Mutex(false)

    /// An empty table whose files begin with `path`, in a directory that exists. Entries are removed by the first `sectionBytes` bytes of their
    /// keys, at most 8; 0: none are removed.
    package init(path: String, sectionBytes: Int, files: any FileSystem) {
        precondition(0...DiskTableLimits.sectionBytes ~= sectionBytes, "a section has at most \(DiskTableLimits.sectionBytes) bytes")
        self.path = path
        self.sectionBytes = sectionBytes
        self.files = files
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        room = DiskRoom(files: files, directory: directory)
    }

    fileprivate func makeRun(atMost count: Int) throws(DiskTableError) -> RunWriter {
        let number = made.withLock { made in
            made += 1
            return made
        }
        return try RunWriter(files: files, path: "\(path)-\(number)", room: room, atMost: count, sectionBytes: sectionBytes)
    }

    package func makeWriter(atMost count: Int) throws(DiskTableError) -> any DiskTableWriter {
        RunTableWriter(self, try makeRun(atMost: count))
    }

    fileprivate func add(_ run: SortedRun) {
        places.withLock { $0.insert(RunPlace(run, tier: 0), at: 0) }
        lacksRoom.withLock { $0 = false }
    }

    package func remove(section bytes: [UInt8]) {
        precondition(sectionBytes > 0 && bytes.count == sectionBytes, "a section has \(sectionBytes) bytes")
        let number = section(bytes, 0..<bytes.count, of: sectionBytes)
        let gone = places.withLock { places in
            for place in places.indices { places[place].remove(number) }
            defer { places.removeAll { $0.liveCount == 0 } }
            return places
        }
        merge.withLock { _ = $0?.removed.insert(number) }
        // Files are closed without the lock.
        withExtendedLifetime(gone) {}
    }

    package func read() -> any DiskTableReading { RunReading(places.withLock { $0 }, sectionBytes: sectionBytes) }

    package var byteCount: Int {
        let runs = places.withLock { $0.reduce(0) { $0 + $1.run.index.byteCount } }
        return Int(clamping: runs + merge.withLock { $0?.output.byteCount ?? 0 })
    }

    package var memory: Int {
        places.withLock { $0.reduce(0) { $0 + $1.run.index.memory } } + merge.withLock { $0?.output.memory ?? 0 }
    }

    // MARK: Merging

    package var hasWork: Bool {
        merge.withLock { $0 != nil } || !lacksRoom.withLock { $0 } && places.withLock { RunTable.toMerge($0) != nil }
    }

    /// The runs that are to be merged: neighbours, of which the older ones are of higher tiers.
    private static func toMerge(_ places: [RunPlace]) -> Range<Int>? {
        var start = 0
        while start < places.count {
            let end = places[start...].firstIndex { $0.tier != places[start].tier } ?? places.count
            if end - start >= mergedRuns { return end - mergedRuns..<end }
            start = end
        }
        let wasteful = places.firstIndex { $0.isMostlyRemoved && $0.run.index.byteCount >= leastTidied }
        return wasteful.map { $0..<$0 + 1 }
    }

    package func doWork() throws(DiskTableError) {
        guard hasWork else { return }
        do throws(DiskTableError) {
            var next = merge.withLock { $0.take() }
            if next == nil { next = try begin() }
            guard var current = next else { return }
            // After an error the merge begins anew, from the runs that are still there.
            guard try current.goOn(for: RunTable.workBytes) else { return merge.withLock { [current] in $0 = current } }
            end(current, try current.output.finish())
        } catch {
            // Runs that cannot be merged are read as they are.
            guard error.isFull else { throw error }
            lacksRoom.withLock { $0 = true }
        }
    }

    private func begin() throws(DiskTableError) -> RunMerge? {
        let chosen = places.withLock { places in RunTable.toMerge(places).map { Array(places[$0]) } }
        guard let chosen else { return nil }
        let count = chosen.reduce(0) { $0 + $1.liveCount }
        return RunMerge(
            inputs: chosen, source: try MergedRuns(chosen, sectionBytes: sectionBytes, from: []), output: try makeRun(atMost: count))
    }

    private func end(_ merge: RunMerge, _ run: SortedRun?) {
        var merged = run.map { RunPlace($0, tier: merge.inputs.count == 1 ? merge.inputs[0].tier : merge.inputs[0].tier + 1) }
        for section in merge.removed { merged?.remove(section) }
        let gone = places.withLock { places in
            let old = places
            let inputs = Set(merge.inputs.map { ObjectIdentifier($0.run) })
            let first = places.firstIndex { inputs.contains(ObjectIdentifier($0.run)) }
            places.removeAll { inputs.contains(ObjectIdentifier($0.run)) }
            // Where all inputs have gone meanwhile, so has everything in what they were merged into.
            if let first, let merged, merged.liveCount > 0 { places.insert(merged, at: first) }
            return old
        }
        withExtendedLifetime(gone) {}
    }
}

/// A merge that is under way. Of the thread that changes the table.
private struct RunMerge: @unchecked Sendable {
    let inputs: [RunPlace]
    var source: MergedRuns
    let output: RunWriter
    /// Sections that were removed since it began.
    var removed: Set<UInt64> = []

    /// Merges so many bytes; whether nothing is left.
    mutating func goOn(for count: Int64) throws(DiskTableError) -> Bool {
        var left = count
        while !source.isAtEnd {
            if left <= 0 { return false }
            let size = try source.withEntry { (bytes, key, value) throws(DiskTableError) in
                try output.put(bytes, key: key, value: value)
                return key.count + value.count
            }
            left -= Int64(size)
            try source.advance()
        }
        return true
    }
}

/// Puts one new run into a table.
private final class RunTableWriter: DiskTableWriter {
    private let table: RunTable
    private let run: RunWriter

    init(_ table: RunTable, _ run: RunWriter) {
        self.table = table
        self.run = run
    }

    func put(_ entries: EntryList) throws(DiskTableError) {
        for place in 0..<entries.count {
            try run.put(entries.bytes, key: entries.keys[place].indexes, value: entries.values[place].indexes)
        }
    }

    func finish() throws(DiskTableError) { if let finished = try run.finish() { table.add(finished) } }
}
