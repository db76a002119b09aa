// Snapshots of state stores: files that make restoring shorter than reading a whole changelog, and that let go of most of it: what stands
// before the older one of a store's two snapshots is released. So the state can be had twice, from either of them and the changelog behind
// it. One that is not whole is thrown away; without any, a state whose changelog has lost its beginning is built anew from the query's sources.
//
//     file    = header *slice end
//     header  = "MLSNAP02" topic-id (16 bytes) offset (8) checksum (4)             all numbers big-endian
//     slice   = length (4, at least 1) record-count (4) checksum (4) body         `length` bytes of body
//     body    = *record
//     record  = timestamp (8) key-length (4) key value-length (4, or -1 for null) value
//     end     = 0 (4) slice-count (4) checksum (4)
//     checksum = CRC-32C of what stands before it in its part; that of a slice, of its length, count and body
//
// `offset` is where replaying the changelog goes on. A file is named `<store>-<partition>.<offset, 20 digits>.snapshot`, written slice by
// slice under another name first; the two newest are kept.

package import Bytes
package import LogStore
package import Platform
package import Quantities

/// The snapshots of one data directory.
package struct SnapshotFolder: Sendable {
    let files: any FileSystem
    let directory: String
    /// How many snapshots of a store are kept.
    private static let kept = 2

    /// Changelog records of a store after which a new snapshot is taken.
    let changesBetween: Int

    package init(files: any FileSystem, directory: String, changesBetween: Int = 200_000) {
        self.files = files
        self.directory = directory
        self.changesBetween = changesBetween
    }

    /// Begins a snapshot of a store whose changelog is `changelog`; replay goes on at `offset`. Removes what an earlier attempt has left.
    package func create(_ store: String, _ changelog: PartitionKey, offset: Offset) throws(SystemError) -> SnapshotFile {
        if !files.exists(directory) { try files.createDirectory(directory) }
        let prefix = self.prefix(store, changelog)
        for name in try files.list(directory) where name.hasPrefix(prefix) && name.hasSuffix(SnapshotFile.unfinished) {
            try files.removeFile(directory + "/" + name)
        }
        let path = directory + "/" + prefix + zeroPadded(offset.count, width: 20) + ".snapshot"
        return try SnapshotFile(files, path: path, changelog, offset: offset)
    }

    /// Removes the snapshots of a store beyond those that are kept. Gives the offset of the changelog from which the oldest of these needs
    /// it; nil while there are fewer than are to be kept.
    package func removeOld(_ store: String, _ changelog: PartitionKey) throws(SystemError) -> Offset? {
        let prefix = prefix(store, changelog)
        let names = try names(prefix)
        for old in names.dropLast(Self.kept) { try files.removeFile(directory + "/" + old) }
        guard names.count >= Self.kept else { return nil }
        return names.suffix(Self.kept).first.flatMap { Int64($0.dropFirst(prefix.count).prefix(20)) }.flatMap(Offset.init(exactly:))
    }

    /// The snapshots that fit the changelog as it is now, newest first. Whether they are whole is found out by reading them. `warn` is told
    /// of those whose beginning is unreadable, which are removed: the changelog has it all.
    package func candidates(
        _ store: String, _ changelog: PartitionKey, _ bounds: PartitionBounds, warn: (String) -> Void
    ) -> [SnapshotReader] {
        let found: [String]
        do throws(SystemError) { found = try names(prefix(store, changelog)) } catch {
            warn("the snapshots of \(store) cannot be listed: \(error)")
            return []
        }
        return found.reversed().compactMap { name in
            let path = directory + "/" + name
            do throws(SystemError) {
                guard let reader = try SnapshotReader(files, path: path) else {
                    discard(path, "it does not begin as a snapshot of this version", warn: warn)
                    return nil
                }
                guard reader.topic == changelog.topic, reader.offset >= bounds.start, reader.offset <= bounds.durableEnd else { return nil }
                return reader
            } catch {
                discard(path, "\(error)", warn: warn)
                return nil
            }
        }
    }

    /// Says once that a snapshot is of no use, and removes it.
    func discard(_ path: String, _ reason: String, warn: (String) -> Void) {
        warn("the snapshot \(path) is not used, the changelog is read instead: \(reason)")
        // One that cannot be removed either is found unreadable again at the next start, and said again.
        try? files.removeFile(path)
    }

    /// Removes the snapshots of a store that is gone.
    package func remove(_ store: String, partitions: Int) {
        for partition in 0..<partitions {
            // What stays is never read again: its topic id is gone.
            for name in (try? names("\(store)-\(partition).")) ?? [] { try? files.removeFile(directory + "/" + name) }
        }
    }

    private func prefix(_ store: String, _ changelog: PartitionKey) -> String { "\(store)-\(changelog.partition)." }

    private func names(_ prefix: String) throws(SystemError) -> [String] {
        guard files.exists(directory) else { return [] }
        return try files.list(directory).filter { $0.hasPrefix(prefix) && $0.hasSuffix(".snapshot") }.sorted()
    }
}

/// A snapshot that is being written, by one thread at a time.
package final class SnapshotFile {
    /// The end of the names of snapshots that are not finished.
    static let unfinished = ".snapshot.new"
    static let magic = Array("MLSNAP02".utf8)
    static let headerBytes = 36
    static let sliceHeaderBytes = 12

    private let files: any FileSystem
    private let path: String
    private let file: any File
    private var size: Int64 = 0
    private var slices = 0

    init(_ files: any FileSystem, path: String, _ changelog: PartitionKey, offset: Offset) throws(SystemError) {
        self.files = files
        self.path = path
        file = try files.open(path + ".new", .truncate)
        var header = Self.magic
        header.append(uint64: changelog.topic.high)
        header.append(uint64: changelog.topic.low)
        header.append(int64: offset.count)
        header.append(int32: Int32(bitPattern: crc32c(header)))
        try put(header)
    }

    private func put(_ bytes: [UInt8]) throws(SystemError) {
        try file.write(bytes, at: size)
        size += Int64(bytes.count)
    }

    /// Writes a slice. One without records is left out.
    package func append(_ records: OutgoingRecords) throws(SystemError) {
        guard !records.isEmpty else { return }
        var body: [UInt8] = []
        body.reserveCapacity(records.bytes.count + records.count * 16)
        func append(_ range: ByteRange) {
            body.append(int32: range.length)
            if !range.isNull { body.append(contentsOf: records.bytes[Int(range.start)..<Int(range.start) + Int(range.length)]) }
        }
        for index in 0..<records.count {
            body.append(int64: records.timestamps[index])
            append(records.keys[index])
            append(records.values[index])
        }
        var head: [UInt8] = []
        head.append(int32: Int32(clamping: body.count))
        head.append(int32: Int32(clamping: records.count))
        head.append(int32: Int32(bitPattern: crc32c(head + body)))
        try put(head)
        try put(body)
        slices += 1
    }

    /// Writes the end, and makes the snapshot durable under its name.
    package func finish() throws(SystemError) {
        var end: [UInt8] = []
        end.append(int32: 0)
        end.append(int32: Int32(clamping: slices))
        end.append(int32: Int32(bitPattern: crc32c(end)))
        try put(end)
        try file.synchronize()
        file.close()
        try files.rename(path + ".new", to: path)
        try files.synchronizeDirectory(parent(of: path))
    }

    /// Removes what has been written.
    func abandon() {
        file.close()
        // What stays is removed when the next snapshot of the store begins.
        try? files.removeFile(path + ".new")
    }
}
