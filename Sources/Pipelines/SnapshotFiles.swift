// Snapshots of state stores: files that make restoring shorter than reading a whole changelog. The changelog is the truth; a snapshot may
// be thrown away at any time, and one that is not whole is.
//
//     file      = header records checksum
//     header    = "MLSNAP01" topic-id (16 bytes) offset (8) record-count (8)       all numbers big-endian
//     record    = timestamp (8) key-length (4) key value-length (4, or -1 for null) value
//     checksum  = CRC-32C of everything before it (4)
//
// `offset` is where replaying the changelog goes on. A file is named `<store>-<partition>.<offset, 20 digits>.snapshot`, written under
// another name first; the two newest are kept.

package import Bytes
package import LogStore
package import Platform

/// The snapshots of one data directory.
package struct SnapshotFolder: Sendable {
    private let files: any FileSystem
    private let directory: String
    private static let magic = Array("MLSNAP01".utf8)
    /// How many snapshots of a store are kept.
    private static let kept = 2

    /// Changelog records of a store after which a new snapshot is worth while.
    let changesBetween: Int

    package init(files: any FileSystem, directory: String, changesBetween: Int = 200_000) {
        self.files = files
        self.directory = directory
        self.changesBetween = changesBetween
    }

    /// Writes a snapshot of a store whose changelog is `changelog`; replay goes on at `offset`.
    package func write(_ store: String, _ changelog: PartitionKey, offset: Int64, _ records: OutgoingRecords) throws(SystemError) {
        if !files.exists(directory) { try files.createDirectory(directory) }
        let prefix = self.prefix(store, changelog)
        try files.replace(directory + "/" + prefix + padded(offset) + ".snapshot", with: encoded(changelog, offset, records))
        for old in try names(prefix).dropLast(Self.kept) { try files.removeFile(directory + "/" + old) }
    }

    /// The newest snapshot that is whole and fits the changelog as it is now, and where replay goes on; nil when there is none.
    package func newest(_ store: String, _ changelog: PartitionKey, _ bounds: PartitionBounds) -> (records: RecordRun, offset: Int64)? {
        guard let names = try? names(prefix(store, changelog)) else { return nil }
        for name in names.reversed() {
            // One that cannot be read is as good as none.
            guard let bytes = try? files.contents(of: directory + "/" + name), let found = decoded(bytes, changelog) else { continue }
            if found.offset >= bounds.start && found.offset <= bounds.durableEnd { return found }
        }
        return nil
    }

    /// Removes the snapshots of a store that is gone.
    package func remove(_ store: String, partitions: Int) {
        for partition in 0..<partitions {
            // What stays is never read again: its topic id is gone.
            for name in (try? names("\(store)-\(partition).")) ?? [] { try? files.removeFile(directory + "/" + name) }
        }
    }

    private func prefix(_ store: String, _ changelog: PartitionKey) -> String { "\(store)-\(changelog.partition)." }

    private func padded(_ offset: Int64) -> String {
        let digits = String(offset)
        return String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits
    }

    private func names(_ prefix: String) throws(SystemError) -> [String] {
        guard files.exists(directory) else { return [] }
        return try files.list(directory).filter { $0.hasPrefix(prefix) && $0.hasSuffix(".snapshot") }.sorted()
    }

    // MARK: Bytes

    private func encoded(_ changelog: PartitionKey, _ offset: Int64, _ records: OutgoingRecords) -> [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(records.bytes.count + records.count * 16 + 64)
        bytes.append(uint64: changelog.topic.high)
        bytes.append(uint64: changelog.topic.low)
        bytes.append(int64: offset)
        bytes.append(int64: Int64(records.count))
        func append(_ range: ByteRange) {
            bytes.append(int32: range.length)
            if !range.isNull { bytes.append(contentsOf: records.bytes[Int(range.start)..<Int(range.start) + Int(range.length)]) }
        }
        for index in 0..<records.count {
            bytes.append(int64: records.timestamps[index])
            append(records.keys[index])
            append(records.values[index])
        }
        bytes.append(int32: Int32(bitPattern: crc32c(bytes)))
        return bytes
    }

    private func decoded(_ bytes: [UInt8], _ changelog: PartitionKey) -> (records: RecordRun, offset: Int64)? {
        guard bytes.count > Self.magic.count + 36, bytes.starts(with: Self.magic) else { return nil }
        let end = bytes.count - 4
        var tail = ByteReader(bytes, end..<bytes.count)
        guard let sum = tail.int32(), UInt32(bitPattern: sum) == crc32c(bytes, 0..<end) else { return nil }
        var reader = ByteReader(bytes, Self.magic.count..<end)
        guard let high = reader.uint64(), let low = reader.uint64(), TopicID(high: high, low: low) == changelog.topic,
            let offset = reader.int64(), let count = reader.int64()
        else { return nil }
        var records = OutgoingRecords()
        for _ in 0..<count {
            guard let timestamp = reader.int64(), let key = side(&reader), let value = side(&reader) else { return nil }
            records.append(key: key.bytes, value: value.bytes, timestamp: timestamp)
        }
        return (records.asRun, offset)
    }

    private struct Side { var bytes: [UInt8]? }

    private func side(_ reader: inout ByteReader) -> Side? {
        guard let length = reader.int32() else { return nil }
        if length < 0 { return Side(bytes: nil) }
        return reader.take(Int(length)).map { Side(bytes: Array($0)) }
    }
}
