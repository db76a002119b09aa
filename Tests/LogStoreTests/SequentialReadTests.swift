// Reading a partition from its beginning to its end: each byte of a segment is read once, by each of several readers at different places.
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

@Suite struct SequentialReadTests {
    /// Batches of some 20 KB, so that none begins where a fetch of 64 KiB would end.
    private func fill(_ log: SegmentedLog) throws -> TopicID {
        let topic = try log.create("t")
        for batch in 0..<40 {
            try log.append(topic, (0..<20).map { "k\(batch)=" + String(repeating: "v", count: 900 + 37 * $0) }.joined(separator: " "))
        }
        return topic
    }

    @Test func everyByteIsReadOnce() throws {
        let files = CountingFileSystem(MemoryFileSystem())
        let first = try openLog(files)
        let topic = try fill(first)
        first.close()
        // Opened again, so that nothing is served from memory.
        let log = try openLog(files)
        let whole = try everything(log, topic)
        let path = try #require(try files.list("data/log/t-0").first { $0.hasSuffix(".log") }.map { "data/log/t-0/" + $0 })
        let size = try files.contents(of: path).count
        files.bytesRead.withLock { $0 = [:] }
        #expect(try everything(log, topic, maxBytes: .kibibytes(64)) == whole)
        #expect(files.bytesRead.withLock { $0[path] } == size)
        log.close()
    }

    /// Where a run ends follows from where it begins, no matter who has read what before: readers that meet go on together.
    @Test func runsOfOneOffsetEndAlike() throws {
        let files = MemoryFileSystem()
        let first = try openLog(files)
        let topic = try fill(first)
        first.close()
        var ends: [Offset: Set<Offset>] = [:]
        for start in 0..<40 {
            // Opened again, so that no place is remembered.
            let log = try openLog(files)
            var next = Offset(clamping: Int64(start * 20))
            while next < 800 {
                let run = try log.fetch(topic, partition: 0, from: next, maxBytes: .kibibytes(64), upTo: .durable)
                ends[next, default: []].insert(run.nextOffset)
                next = run.nextOffset
            }
            log.close()
        }
        #expect(ends.count == 40 && ends.values.allSatisfy { $0.count == 1 }, "\(ends.filter { $0.value.count > 1 }.sorted { $0.key < $1.key })")
    }

    /// Readers in each other's way, more of them than places are remembered.
    @Test func readersAtManyPlaces() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try fill(log)
        let whole = try everything(log, topic)
        var next = [Offset](repeating: .first, count: 12)
        var read = [[String]](repeating: [], count: 12)
        let random = SeededRandom(seed: 3)
        while true {
            let unfinished = next.indices.filter { next[$0] < 800 }
            if unfinished.isEmpty { break }
            let reader = unfinished[random.below(unfinished.count)]
            let run = try log.fetch(topic, partition: 0, from: next[reader], maxBytes: .kibibytes(Int64(1 + reader * 9)), upTo: .durable)
            read[reader].append(text(run))
            next[reader] = run.nextOffset
        }
        for parts in read { #expect(parts.joined(separator: " ") == whole) }
        log.close()
    }
}

/// Counts the bytes that are read from each file.
private final class CountingFileSystem: FileSystem {
    let base: MemoryFileSystem
    let bytesRead = Mutex<[String: Int]>([:])

    init(_ base: MemoryFileSystem) { self.base = base }

    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File { CountingFile(try base.open(path, mode), self) }
    func list(_ directory: String) throws(SystemError) -> [String] { try base.list(directory) }
    func exists(_ path: String) -> Bool { base.exists(path) }
    func createDirectory(_ path: String) throws(SystemError) { try base.createDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(SystemError) { try base.rename(path, to: newPath) }
    func removeFile(_ path: String) throws(SystemError) { try base.removeFile(path) }
    func removeDirectory(_ path: String) throws(SystemError) { try base.removeDirectory(path) }
    func synchronizeDirectory(_ path: String) throws(SystemError) { try base.synchronizeDirectory(path) }
    func lockDirectory(_ path: String) throws(SystemError) -> any DirectoryLock { try base.lockDirectory(path) }
}

private final class CountingFile: File {
    private let base: any File
    private let owner: CountingFileSystem

    init(_ base: any File, _ owner: CountingFileSystem) {
        self.base = base
        self.owner = owner
    }

    var path: String { base.path }
    func read(at position: Int64, count: Int, padding: Int) throws(SystemError) -> [UInt8] {
        let bytes = try base.read(at: position, count: count, padding: padding)
        owner.bytesRead.withLock { $0[path, default: 0] += bytes.count - padding }
        return bytes
    }
    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64) throws(SystemError) {
        try base.write(bytes, range, at: position)
    }
    func synchronize() throws(SystemError) { try base.synchronize() }
    func beginWriteback(_ range: Range<Int64>) { base.beginWriteback(range) }
    func truncate(to size: Int64) throws(SystemError) { try base.truncate(to: size) }
    func size() throws(SystemError) -> Int64 { try base.size() }
    func close() { base.close() }
}
