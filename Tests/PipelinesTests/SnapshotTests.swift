import Bytes
import LogStore
import Pipelines
import Platform
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

@Test func aSnapshotComesBack() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    #expect(folder.newest("store", changelog, bounds) == nil)
    try folder.write("store", changelog, offset: 10, records([("a", "1")]))
    try folder.write("store", changelog, offset: 20, records([("a", "2"), ("b", nil)]))
    let found = try #require(folder.newest("store", changelog, bounds))
    #expect(found.offset == 20)
    #expect(texts(found.records) == ["a=2@0", "b=null@1"])
    // Two are kept.
    try folder.write("store", changelog, offset: 30, records([]))
    #expect(try files.list("/snapshots").count == 2)
}

@Test func aSnapshotThatDoesNotFitIsNoSnapshot() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    try folder.write("store", changelog, offset: 10, records([("a", "1")]))
    try folder.write("store", changelog, offset: 200, records([("a", "2")]))
    // Ahead of the log: the older one serves.
    #expect(folder.newest("store", changelog, bounds)?.offset == 10)
    // Another topic of the same name.
    #expect(folder.newest("store", PartitionKey(topic: TopicID(high: 9, low: 9), partition: 0), bounds) == nil)
    // The changelog begins behind both.
    #expect(folder.newest("store", changelog, PartitionBounds(start: 300, appendedEnd: 400, durableEnd: 400)) == nil)
}

@Test func everyDamagedByteIsNoticed() throws {
    let files = MemoryFileSystem()
    let folder = SnapshotFolder(files: files, directory: "/snapshots")
    try folder.write("store", changelog, offset: 10, records([("key", "value"), ("other", nil)]))
    let name = try #require(try files.list("/snapshots").first)
    let whole = try files.contents(of: "/snapshots/" + name)
    for index in whole.indices {
        var damaged = whole
        damaged[index] ^= 0x10
        try files.replace("/snapshots/" + name, with: damaged)
        #expect(folder.newest("store", changelog, bounds) == nil, "byte \(index)")
        try files.replace("/snapshots/" + name, with: Array(whole.prefix(index)))
        #expect(folder.newest("store", changelog, bounds) == nil, "cut at \(index)")
    }
}
