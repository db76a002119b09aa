import Bytes
import LogStore
import Pipelines
import Platform
import Quantities
import TestSupport
import Testing

private let changelog = PartitionKey(topic: TopicID(high: 1, low: 2), partition: 0)
private let bounds = PartitionBounds(start: 0, appendedEnd: 100, durableEnd: 100)

private func records(_ pairs: [(String, String?)]) -> OutgoingRecords {
    var records = OutgoingRecords()
    for (index, pair) in pairs.enumerated() {
        records.append(key: Array(pair.0.utf8), value: pair.1.map { Array($0.utf8) }, timestamp: Int64(index))
    }
    return records
}

private func texts(_ run: RecordRun) -> [String] {
    (0..<run.count).map { index in
        let key = run.bytes(of: run.keys[index]).map { String(decoding: $0, as: UTF8.self) } ?? "null"
        let value = run.bytes(of: run.values[index]).map { String(decoding: $0, as: UTF8.self) } ?? "null"
        return "\(key)=\(value)@\(run.timestamps[index])"
    }
}

private func write(_ folder: SnapshotFolder, offset: Offset, _ slices: [[(String, String?)]]) throws {
    let file = try folder.create("store", changelog, offset: offset)
    for slice in slices { try file.append(records(slice)) }
    try file.finish()
    _ = try folder.removeOld("store", changelog)
}

/// What the newest whole snapshot holds, and its offset; as a restore reads it.
private func newest(_ folder: SnapshotFolder, in bounds: PartitionBounds = bounds, of changelog: PartitionKey = changelog) throws -> (Offset, [String])? {
    for reader in folder.candidates("store", changelog, bounds, warn: { _ in }) {
        checking: while true {
            switch reader.checkSlice() {
            case .more: continue
            case .damaged: break checking
            case .whole:
                var found: [String] = []
                while let slice = try reader.nextSlice() { found += texts(slice) }
                return (reader.offset, found)
            }
        }
    }
    return nil
}

@Test func aSnapshotComesBack() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    #expect(try newest(folder) == nil)
    try write(folder, offset: 10, [[("a", "1")]])
    try write(folder, offset: 20, [[("a", "2"), ("b", nil)], [], [("c", "3")]])
    let found = try #require(try newest(folder))
    #expect(found.0 == 20)
    #expect(found.1 == ["a=2@0", "b=null@1", "c=3@0"])
    // Two are kept.
    try write(folder, offset: 30, [])
    #expect(try files.list("/snapshots").count == 2)
    #expect(try newest(folder)?.0 == 30)
}

@Test func aSnapshotThatDoesNotFitIsNoSnapshot() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    try write(folder, offset: 10, [[("a", "1")]])
    try write(folder, offset: 200, [[("a", "2")]])
    // Ahead of the log: the older one serves.
    #expect(try newest(folder)?.0 == 10)
    // Another topic of the same name.
    #expect(try newest(folder, of: PartitionKey(topic: TopicID(high: 9, low: 9), partition: 0)) == nil)
    // The changelog begins behind both.
    #expect(try newest(folder, in: PartitionBounds(start: 300, appendedEnd: 400, durableEnd: 400)) == nil)
}

@Test func everyDamagedByteIsNoticed() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    try write(folder, offset: 10, [[("key", "value")], [("other", nil)]])
    let name = try #require(try files.list("/snapshots").first)
    let whole = try files.contents(of: "/snapshots/" + name)
    for index in whole.indices {
        var damaged = whole
        damaged[index] ^= 0x10
        try files.replace("/snapshots/" + name, with: damaged)
        #expect(try newest(folder) == nil, "byte \(index)")
        try files.replace("/snapshots/" + name, with: Array(whole.prefix(index)))
        #expect(try newest(folder) == nil, "cut at \(index)")
    }
}

/// What was begun and not finished is gone when the next one begins.
@Test func anUnfinishedSnapshotIsRemoved() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    _ = try folder.create("store", changelog, offset: 10)
    #expect(try files.list("/snapshots").count == 1)
    try write(folder, offset: 20, [[("a", "1")]])
    #expect(try files.list("/snapshots").count == 1)
}

/// A query takes snapshots as it goes; one that cannot be read is said once, and the changelog has it all.
@Test func anUnreadableSnapshotIsSaidAndNotUsed() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots", changesBetween: 40)
    // So many that no second one is finished before the first is seen: with two, the changelog begins behind the older.
    let log = ScriptedLog()
    let first = try TestQuery(log: log, counts: true, snapshots: folder)
    first.run.start()
    var count = 0
    while try !files.exists("/snapshots") || !files.list("/snapshots").contains(where: { $0.hasSuffix(".snapshot") }) {
        first.put(["a"])
        count += 1
        #expect(log.wait(first.output) { $0.last == #"{"N":\#(count)}"# })
    }
    first.pool.stop()
    for name in try files.list("/snapshots") {
        var bytes = try files.contents(of: "/snapshots/" + name)
        bytes[bytes.count - 20] ^= 1
        try files.replace("/snapshots/" + name, with: bytes)
    }
    let second = try TestQuery(log: log, counts: true, snapshots: folder)
    second.run.start()
    second.put(["a"])
    #expect(log.wait(second.output) { $0.last == #"{"N":\#(count + 1)}"# })
    #expect(second.warnings.withLock { !$0.isEmpty && $0.allSatisfy { $0.contains("is not used") } })
    second.pool.stop()
}

/// Once there are two snapshots, the changelog before the older one is released; the state comes back from either of them. Without any, the
/// query says that its state is lost.
@Test func whatTwoSnapshotsHoldIsReleased() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots", changesBetween: 2)
    let log = ScriptedLog()
    let first = try TestQuery(log: log, counts: true, snapshots: folder)
    let changelog = try #require(log.describeTopic(named: "store-q")).id
    first.run.start()
    var count = 0
    func put(_ query: TestQuery) {
        query.put(["a"])
        count += 1
        #expect(log.wait(query.output) { $0.last == #"{"N":\#(count)}"# })
    }
    while try log.bounds(of: changelog, partition: 0).start == 0 { put(first) }
    first.pool.stop()
    func snapshots() throws -> [String] { try files.list("/snapshots").filter { $0.hasSuffix(".snapshot") } }
    func damage(_ names: some Sequence<String>) throws {
        for name in names {
            var bytes = try files.contents(of: "/snapshots/" + name)
            bytes[bytes.count - 20] ^= 1
            try files.replace("/snapshots/" + name, with: bytes)
        }
    }
    try damage(snapshots().suffix(1))
    let second = try TestQuery(log: log, counts: true, snapshots: folder)
    second.run.start()
    put(second)
    second.pool.stop()
    try damage(snapshots())
    let third = try TestQuery(log: log, counts: true, snapshots: folder)
    third.run.start()
    let failure = third.failures.wait(until: { !$0.isEmpty }, then: { $0[0].message })
    #expect(failure.contains("the changelog of store begins at offset"))
    third.pool.stop()
}
