// How far a load with a name has come: kept in a topic, in the same commits as its records, so that the same load goes on where it was cut off
// and nothing of it is lost or doubled.

import Bytes
import Diagnostics
import LogStore
import Pipelines
import Platform
import Quantities

/// The position of one named load, while it runs. One at a time has a name.
final class LoadPosition: Sendable {
    /// One record a load, under the topic, whatever the source is called, and the name: how many lines were taken, and their checksum.
    static let topicName = "__millrace_loads"
    /// Longer names are none.
    static let longestName = 1_024

    private let engine: MillraceEngine
    private let name: String
    private let key: [UInt8]
    private let topic: TopicID
    /// Lines that an earlier load of that name has taken.
    let lines: Int
    /// Of those lines, as `LineChecksum` makes it.
    let checksum: UInt32

    /// Errors: the name is that of a load which is under way, or too long, or the positions cannot be read.
    init(_ name: String, into target: TopicID, of source: String, _ engine: MillraceEngine) throws(Diagnostic) {
        guard name.utf8.count <= LoadPosition.longestName else {
            throw Diagnostic(.invalidSetting, "a name of a load has \(LoadPosition.longestName) bytes at most", category: .general)
        }
        self.engine = engine
        let whole = "\(target)\u{0}\(name)"
        (self.name, key) = (whole, Array(whole.utf8))
        let isFree = engine.state.withLock { $0.namedLoads.insert(whole).inserted }
        guard isFree else {
            throw Diagnostic(
                .wrongState, "a load of the same name into \(source) is under way", category: .general,
                hint: "One that was cut off ends a moment later: try again.")
        }
        do throws(LogError) {
            let known = engine.log.topicID(named: LoadPosition.topicName)
            // Each load of a name reads all of it; only closed segments are compacted.
            var config = TopicConfig.compacted
            config.segmentBytes = .mebibytes(4)
            topic = if let known { known } else { try engine.log.createTopic(LoadPosition.topicName, partitions: 1, config: config).id }
            (lines, checksum) = try LoadPosition.read(key, of: topic, in: engine.log)
        } catch {
            engine.state.withLock { _ = $0.namedLoads.remove(whole) }
            throw Diagnostic(error, about: LoadPosition.topicName)
        }
    }

    private static func read(_ key: [UInt8], of topic: TopicID, in log: any EventLog) throws(LogError) -> (lines: Int, checksum: UInt32) {
        var found: (lines: Int, checksum: UInt32) = (0, 0)
        try readAll(of: log, PartitionKey(topic: topic, partition: .first)) { run in
            for index in 0..<run.count where run.bytes(of: run.keys[index]) == key {
                let parts = (run.bytes(of: run.values[index]) ?? []).split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
                found = (0, 0)
                if parts.count == 2, let lines = Int(parts[0]), lines > 0, let sum = Int(parts[1]), let checksum = UInt32(exactly: sum) { found = (lines, checksum) }
            }
        }
        return found
    }

    /// What says, in the commit of records, that all lines up to this one were taken, and what they were.
    func append(_ lines: Int, _ checksum: UInt32) -> Append {
        var records = OutgoingRecords()
        records.append(key: key, value: Array("\(lines) \(checksum)".utf8), timestamp: engine.configuration.time.wallMilliseconds())
        return Append(topic: topic, partition: .first, records: records)
    }

    /// Gives the name free.
    func end() { engine.state.withLock { _ = $0.namedLoads.remove(name) } }

    deinit { end() }
}

/// The checksum of the lines of a load, one after the other.
struct LineChecksum {
    private(set) var value: UInt32
    private static let end: [UInt8] = [0x0A]

    /// Adds lines that lie in `bytes`.
    mutating func add(_ lines: ArraySlice<ByteRange>, of bytes: [UInt8]) {
        for line in lines {
            value = crc32c(bytes, line.indexes, continuing: value)
            value = crc32c(LineChecksum.end, 0..<1, continuing: value)
        }
    }
}
