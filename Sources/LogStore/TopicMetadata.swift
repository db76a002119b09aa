// What is kept about a topic beside its records: a small text file `topics/<name>.topic` of `key=value` lines, replaced whole, and
// `<name>.topic.copy`, the same once more, for the day on which the first cannot be read.
// Also the rules for names, and the properties of a configuration as users write them.
import Bytes
import Platform
package import Quantities

extension TopicConfig {
    /// Names of the properties, as `properties` lists them.
    package static let propertyNames = [
        "cleanup.policy", "compression.type", "delete.retention.ms", "max.compaction.lag.ms", "max.message.bytes", "message.timestamp.type",
        "min.compaction.lag.ms", "retention.bytes", "retention.ms", "segment.bytes", "segment.ms",
    ]

    /// All properties with their values as text, sorted by name.
    package var properties: [(name: String, value: String)] {
        [
            ("cleanup.policy", cleanupPolicy.rawValue),
            ("compression.type", compression.name),
            ("delete.retention.ms", deleteRetention.description),
            ("max.compaction.lag.ms", "\(mostCompactionLag?.count ?? .max)"),
            ("max.message.bytes", largestBatch.description),
            ("message.timestamp.type", timestampType.rawValue),
            ("min.compaction.lag.ms", leastCompactionLag.description),
            ("retention.bytes", retentionBytes?.description ?? "-1"),
            ("retention.ms", retention?.description ?? "-1"),
            ("segment.bytes", segmentBytes.description),
            ("segment.ms", segmentTime.description),
        ]
    }

    /// Sets one property from its text. Error: `invalidTopic` for a name or value that no topic has.
    package mutating func set(_ name: String, to value: String) throws(LogError) {
        func number(atLeast least: Int64) throws(LogError) -> Int64 {
            guard let number = Int64(value), number >= least else {
                throw LogError(.invalidTopic, "'\(name)' must be a whole number of at least \(least), found '\(value)'")
            }
            return number
        }
        switch name {
        case "cleanup.policy":
            let words = value.split(separator: ",").map { $0.filter { $0 != " " } }.sorted().joined(separator: ",")
            guard let policy = CleanupPolicy(rawValue: words) else {
                throw LogError(.invalidTopic, "'cleanup.policy' must be delete, compact, both, none of them or release, found '\(value)'")
            }
            cleanupPolicy = policy
        case "compression.type":
            guard let codec = Compression(name: value) else {
                let known = Compression.allCases.map(\.name).joined(separator: ", ")
                throw LogError(.invalidTopic, "'compression.type' must be one of \(known), found '\(value)'")
            }
            compression = codec
        case "delete.retention.ms": deleteRetention = Milliseconds(try number(atLeast: 0))
        case "max.compaction.lag.ms":
            let milliseconds = try number(atLeast: 1)
            // The largest number is Kafka's way to say that there is no limit.
            mostCompactionLag = milliseconds == .max ? nil : Milliseconds(milliseconds)
        case "max.message.bytes": largestBatch = ByteCount(clamping: try number(atLeast: 0))
        case "message.timestamp.type":
            guard let type = TimestampType(rawValue: value) else {
                throw LogError(.invalidTopic, "'message.timestamp.type' must be CreateTime or LogAppendTime, found '\(value)'")
            }
            timestampType = type
        case "min.compaction.lag.ms": leastCompactionLag = Milliseconds(try number(atLeast: 0))
        case "retention.bytes":
            // -1, which sets no limit, is no number of bytes.
            retentionBytes = ByteCount(exactly: try number(atLeast: -1))
        case "retention.ms":
            let milliseconds = try number(atLeast: -1)
            retention = milliseconds < 0 ? nil : Milliseconds(milliseconds)
        case "segment.ms": segmentTime = Milliseconds(try number(atLeast: 1))
        case "segment.bytes": segmentBytes = ByteCount(clamping: try number(atLeast: Self.smallestSegment.count))
        default:
            throw LogError(
                .invalidTopic, "unknown topic property '\(name)'",
                hint: "Known properties are \(Self.propertyNames.joined(separator: ", ")).")
        }
    }

    /// Below this, files would outnumber their use.
    package static let smallestSegment = ByteCount.kibibytes(1)
    /// Positions in Kafka's offset index are 31 bits wide.
    static let largestSegment = ByteCount.gibibytes(1)

    /// Errors: `invalidTopic` for values that no topic can have together.
    package func check() throws(LogError) {
        guard segmentBytes >= Self.smallestSegment, segmentBytes <= Self.largestSegment else {
            throw LogError(
                .invalidTopic,
                "'segment.bytes' must be from \(Self.smallestSegment) to \(Self.largestSegment), found \(segmentBytes)")
        }
        guard largestBatch <= Self.mostBatch else {
            throw LogError(.invalidTopic, "'max.message.bytes' must be \(Self.mostBatch) at most, found \(largestBatch)")
        }
        if let mostCompactionLag, mostCompactionLag < leastCompactionLag {
            throw LogError(.invalidTopic, "'max.compaction.lag.ms' must not be less than 'min.compaction.lag.ms'")
        }
    }
}

/// The most partitions of one topic; each that has records has a directory and an open file.
package let largestPartitionCount = 10_000

/// The most bytes of a topic's name. Kafka's limit is 249, but of the 255 bytes that the name of a file may have, the longest ending of a
/// topic's files takes 15: that of its copy while that is being written.
package let longestTopicName = 255 - ".topic.copy.new".utf8.count

/// Kafka's rule for names of topics, which keeps them good names of files. Error: `invalidTopic`.
package func checkTopicName(_ name: String) throws(LogError) {
    let isLegal = name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
    guard isLegal, !name.isEmpty, name.utf8.count <= longestTopicName, name != ".", name != ".." else {
        throw LogError(
            .invalidTopic, "'\(name)' cannot be the name of a topic",
            hint: "Names have 1 to \(longestTopicName) letters, digits, dots, underscores and dashes.")
    }
}

/// A topic without its records.
struct TopicMetadata: Hashable {
    var id: TopicID
    var name: String
    var partitionCount: Int
    var config: TopicConfig

    /// The text of the file: a version, then the fields, then the checksum of all lines before it.
    var text: [UInt8] {
        var lines = "millrace.topic=1\nid=\(id)\nname=\(name)\npartitions=\(partitionCount)\n"
        for (name, value) in config.properties { lines += "\(name)=\(value)\n" }
        let bytes = Array(lines.utf8)
        return bytes + Array("crc=\(crc32c(bytes))\n".utf8)
    }

    init(id: TopicID, name: String, partitionCount: Int, config: TopicConfig) {
        self.id = id
        self.name = name
        self.partitionCount = partitionCount
        self.config = config
    }

    /// Reads `text`; says what is wrong with it otherwise.
    init(_ bytes: [UInt8]) throws(LogError) {
        func damaged(_ what: String) -> LogError { LogError(.damaged, what) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw damaged("not UTF-8") }
        var fields: [String: String] = [:]
        var config = TopicConfig()
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw damaged("'\(line)' is not key=value") }
            let (key, value) = (String(parts[0]), String(parts[1]))
            if TopicConfig.propertyNames.contains(key) {
                try config.set(key, to: value)
            } else {
                fields[key] = value
            }
        }
        guard let crc = fields["crc"], let end = text.range(of: "crc=")?.lowerBound,
            crc == String(crc32c(Array(text.utf8[..<end])))
        else { throw damaged("its checksum is wrong") }
        guard fields["millrace.topic"] == "1" else { throw damaged("written by a later version") }
        guard let id = fields["id"].flatMap({ TopicID($0) }), let name = fields["name"],
            let partitions = fields["partitions"].flatMap({ Int($0) }), partitions > 0
        else { throw damaged("a field is missing") }
        self.init(id: id, name: name, partitionCount: partitions, config: config)
    }
}

extension String {
    /// The first occurrence of `pattern` at the start of a line.
    fileprivate func range(of pattern: String) -> Range<String.Index>? {
        var line = startIndex
        while line < endIndex {
            if self[line...].hasPrefix(pattern) { return line..<index(line, offsetBy: pattern.count) }
            guard let newline = self[line...].firstIndex(of: "\n") else { return nil }
            line = index(after: newline)
        }
        return nil
    }
}

/// Names of files in a data directory.
struct DataDirectory: Hashable {
    let root: String

    var topics: String { root + "/topics" }
    var log: String { root + "/log" }
    var journal: String { root + "/journal" }

    func topicFile(_ name: String) -> String { "\(topics)/\(name).topic" }
    func topicCopy(_ name: String) -> String { topicFile(name) + ".copy" }
    /// Stands for the file of a topic whose deletion has begun.
    func deletionMark(_ name: String) -> String { topicFile(name) + ".deleted" }
    func partition(_ name: String, _ index: PartitionIndex) -> String { "\(log)/\(name)-\(index)" }
    func journalFile(_ number: UInt64) -> String { "\(journal)/\(fileNumber(Int64(clamping: number))).journal" }
}

/// 20 digits, so that names sort as numbers do.
func fileNumber(_ number: Int64) -> String { zeroPadded(number, width: 20) }

/// The number in a file's name, when it is 20 digits and this extension.
func number(in name: String, extension suffix: String) -> Int64? {
    guard name.hasSuffix(suffix), name.utf8.count == 20 + suffix.utf8.count else { return nil }
    return Int64(name.dropLast(suffix.count)).flatMap { $0 >= 0 ? $0 : nil }
}

extension LogError {
    /// What the file system refused, in this room's words.
    init(_ error: SystemError) {
        switch error.kind {
        case .noSpace:
            self.init(
                .diskFull, "the disk is full: \(error)",
                hint: "Make room on that file system. Nothing that was acknowledged is lost; what was not may be sent again.")
        case .inUse:
            self.init(
                .directoryInUse, "\(error.path) is in use by another process",
                hint: "Talk to that server with --server HOST:PORT, or choose another directory with --data DIR.")
        case .tooManyOpenFiles:
            self.init(
                .storage, "\(error)",
                hint: "Each partition with records keeps a file open. Raise the limit (ulimit -n) and start again, or drop topics.")
        case .notFound, .alreadyExists, .permissionDenied, .notADirectory, .isADirectory, .readOnly, .inputOutput, .other:
            self.init(.storage, "\(error)")
        }
    }
}

/// Runs file work and translates what it throws.
func translating<Result>(_ body: () throws(SystemError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw LogError(error) }
}
