// What the tests of this room share: a log in memory, a short notation for records, and commits that are waited for.
import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

/// A log over `files`, with its threads under the scheduler of the calling thread: simulated where that is.
func openLog(
    _ files: any FileSystem, clock: SimulatedTime = SimulatedTime(wall: 1_000_000), change: (inout LogOptions) -> Void = { _ in }
) throws(LogError) -> SegmentedLog {
    var options = LogOptions()
    change(&options)
    return try SegmentedLog(
        directory: "data", files: files, clock: clock, random: SeededRandom(seed: 7), options: options,
        scheduler: SeededScheduler.current.map { $0 as any Scheduler } ?? HostScheduler())
}

/// "a=1 b=2 c=" is three records; "c" alone is a record with a null value, "=1" one with a null key.
func records(_ text: String, timestamp: Int64 = 1000) -> OutgoingRecords {
    var records = OutgoingRecords()
    for word in text.split(separator: " ") {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        records.append(
            key: parts[0].isEmpty ? nil : Array(parts[0].utf8), value: parts.count > 1 ? Array(parts[1].utf8) : nil,
            timestamp: timestamp)
    }
    return records
}

/// The same notation, of what was read.
func text(_ run: RecordRun) -> String {
    (0..<run.count).map { index in
        func piece(_ range: ByteRange) -> String? {
            range.isNull
                ? nil : String(decoding: run.bytes[Int(range.start)..<Int(range.start + range.length)], as: UTF8.self)
        }
        return (piece(run.keys[index]) ?? "") + (piece(run.values[index]).map { "=" + $0 } ?? "")
    }.joined(separator: " ")
}

/// Everything of a partition that is durable.
func everything(_ log: any EventLog, _ topic: TopicID, _ partition: PartitionIndex = 0, maxBytes: ByteCount = .mebibytes(1)) throws -> String {
    var parts: [String] = []
    var next = try log.bounds(of: topic, partition: partition).start
    while true {
        let run = try log.fetch(topic, partition: partition, from: next, maxBytes: maxBytes, upTo: .durable)
        if run.count > 0 { parts.append(text(run)) }
        if run.isAtEnd { return parts.joined(separator: " ") }
        #expect(run.nextOffset > next)
        next = run.nextOffset
    }
}

extension EventLog {
    /// Commits and waits.
    @discardableResult func commitAndWait(_ appends: [Append]) throws -> CommitReceipt {
        let result = Monitor<Result<CommitReceipt, LogError>?>(nil)
        commit(Commit(appends)) { outcome in result.update { $0 = outcome } }
        let outcome: Result<CommitReceipt, LogError>? = result.wait(until: { $0 != nil }, then: { $0 })
        return try #require(outcome).get()
    }

    @discardableResult func append(_ topic: TopicID, _ text: String, partition: PartitionIndex = 0, timestamp: Int64 = 1000) throws -> Offset {
        try commitAndWait([Append(topic: topic, partition: partition, records: records(text, timestamp: timestamp))]).baseOffsets[0]
    }

    func create(_ name: String, partitions: Int = 1, change: (inout TopicConfig) -> Void = { _ in }) throws -> TopicID {
        var config = TopicConfig()
        change(&config)
        return try createTopic(name, partitions: partitions, config: config).id
    }
}

/// The files as the system has them, when only the process ends.
///
/// The log may remove a journal file that it does not need meanwhile. What was copied then is of no one moment, and is copied again.
func copy(of files: MemoryFileSystem) throws -> MemoryFileSystem {
    while true {
        let copy = MemoryFileSystem(simulatingPowerCuts: true)
        let before = try paths(in: files)
        var isWhole = true
        do throws(SystemError) {
            for path in before {
                try copy.createDirectory(parent(of: path))
                try copy.replace(path, with: files.contents(of: path))
            }
        } catch {
            if error.kind != .notFound { throw error }
            isWhole = false
        }
        if isWhole, try paths(in: files) == before { return copy }
    }
}

/// All files below a directory.
func paths(in files: MemoryFileSystem, _ directory: String = "data") throws -> [String] {
    try files.list(directory).flatMap { name in
        let path = directory + "/" + name
        // Only a directory can be listed.
        return (try? files.list(path)) == nil ? [path] : try paths(in: files, path)
    }
}
