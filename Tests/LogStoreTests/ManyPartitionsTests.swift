// Topics of many partitions: one that has never had a record costs no file, and starts do not look for any.
import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

@Suite struct ManyPartitionsTests {
    /// How many changes of files there are while `body` runs.
    private func operations(_ files: FaultyFileSystem, _ body: () throws -> Void) rethrows -> Int {
        let before = files.operationCount
        try body()
        return files.operationCount - before
    }

    /// The directories of partitions.
    private func directories(_ files: any FileSystem) throws -> [String] { try files.list("data/log") }

    @Test func partitionsWithoutRecordsCostNothing() throws {
        func cost(partitions: Int) throws -> [Int] {
            let files = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
            let log = try openLog(files)
            let creation = try operations(files) { _ = try log.create("t", partitions: partitions) }
            let end = operations(files) { log.close() }
            #expect(try directories(files) == [])
            let start = try operations(files) {
                let again = try openLog(files)
                #expect(again.describeTopics()[0].partitions.count == partitions && again.recoveryNotes == [])
                again.close()
            }
            return [creation, end, start]
        }
        let (one, many) = (try cost(partitions: 1), try cost(partitions: 10_000))
        #expect(one == many)
    }

    @Test func theFirstRecordMakesTheFiles() throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        var log = try openLog(files)
        let topic = try log.create("t", partitions: 100)
        #expect(try everything(log, topic, 41) == "")
        #expect(try log.offset(of: topic, partition: 41, atOrAfter: 0) == nil)
        #expect(try log.verify(topic) == [])
        #expect(log.maintain() == [])
        var lines: [String] = []
        try log.dump(topic, partition: 41) { line in
            lines.append(line.text)
            return true
        }
        #expect(lines == [])
        #expect(try log.append(topic, "a=1", partition: 41) == 0)
        #expect(try log.append(topic, "b=2", partition: 41) == 1)
        #expect(try directories(files) == ["t-41"])
        for survivor in [try copy(of: files), files.afterPowerCut()] {
            let again = try openLog(survivor)
            #expect(try everything(again, topic, 41) == "a=1 b=2")
            #expect(try directories(survivor) == ["t-41"])
            #expect(try again.append(topic, "c=3", partition: 0) == 0)
            #expect(again.recoveryNotes.filter { $0.isDamage } == [])
        }
        log.close()
        log = try openLog(files)
        #expect(try everything(log, topic, 41) == "a=1 b=2")
        #expect(try log.append(topic, "d=4", partition: 41) == 2)
    }

    /// Large appends go to their segment ahead of the journal, so the whole way to that must be durable when they are acknowledged.
    @Test(arguments: [false, true]) func aPowerCutAfterALargeFirstRecord(beginsNewSegments: Bool) throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) { $0.extentBytes = 2500 }
        let topic = try log.create("t", partitions: 3) { if beginsNewSegments { $0.segmentBytes = .kibibytes(1) } }
        if beginsNewSegments { try log.append(topic, "a=small", partition: 2) }
        let value = String(repeating: "x", count: 3000)
        try log.append(topic, "b=\(value)", partition: 2)
        let survivor = files.afterPowerCut()
        let found = try everything(openLog(survivor), topic, 2)
        #expect(found == (beginsNewSegments ? "a=small " : "") + "b=\(value)")
    }

    /// A checkpoint takes the journal away from under the segments, whose directories must be durable by then.
    @Test(arguments: Durability.allCases) func aPowerCutAfterACheckpoint(_ durability: Durability) throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) { $0.durability = durability }
        let topic = try log.create("t", partitions: 20)
        for partition in PartitionIndex.all(of: 20) { try log.append(topic, "k=\(partition)", partition: partition) }
        log.close()
        let again = try openLog(files.afterPowerCut())
        for partition in PartitionIndex.all(of: 20) { #expect(try everything(again, topic, partition) == "k=\(partition)") }
    }

    /// The directory of a partition that only the system has is made durable by the start that relies on it.
    @Test func aPowerCutBehindTheStartAfterACrash() throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let topic = try {
            let log = try openLog(files)
            let topic = try log.create("t", partitions: 4)
            try log.append(topic, "a=1", partition: 3)
            return topic
        }()
        let killed = try copy(of: files)
        let log = try openLog(killed)
        let again = try openLog(killed.afterPowerCut())
        #expect(try everything(again, topic, 3) == "a=1")
        #expect(try everything(log, topic, 3) == "a=1")
    }

    /// What was synced before it was closed is not synced again.
    @Test func aStartSyncsOnlyWhatItChanges() throws {
        func start(written: Int) throws -> Int {
            let files = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
            let log = try openLog(files)
            let topic = try log.create("t", partitions: 50)
            for partition in PartitionIndex.all(of: written) { try log.append(topic, "a=1", partition: partition) }
            log.close()
            return try operations(files) { _ = try openLog(files) }
        }
        let (few, many) = (try start(written: 2), try start(written: 50))
        #expect(many - few == 48, "each is opened to be written to, and that is all")
    }

    @Test func aPartitionWhoseDirectoryIsLost() throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files)
        let topic = try log.create("t", partitions: 2)
        try log.append(topic, "a=1", partition: 1)
        log.close()
        try files.removeTree("data/log/t-1")
        let again = try openLog(files)
        #expect(again.recoveryNotes.contains { $0.isDamage && $0.path.hasPrefix("data/log/t-1") }, "\(again.recoveryNotes)")
        #expect(try again.append(topic, "b=2", partition: 1) == 1)
    }

    /// A disk that has no room for the first file of a partition refuses the commit, and nothing of it is in the way of the next one.
    @Test func aFullDiskAtTheFirstRecord() throws {
        let base = MemoryFileSystem(simulatingPowerCuts: true)
        for kind in [FileOperation.Kind.createDirectory, .create] {
            let files = FaultyFileSystem(base)
            let log = try openLog(files)
            let topic = try log.create("t", partitions: 2)
            files.setFaults { $0.kind == kind && $0.path.hasPrefix("data/log") ? .fail(.noSpace) : nil }
            #expect(throws: LogError.self) { try log.append(topic, "a=1", partition: 1) }
            files.setFaults { _ in nil }
            #expect(try log.append(topic, "b=2", partition: 1) == 0)
            #expect(try everything(log, topic, 1) == "b=2")
            try log.deleteTopic(topic)
            log.close()
            #expect(try directories(base) == [])
        }
    }
}
