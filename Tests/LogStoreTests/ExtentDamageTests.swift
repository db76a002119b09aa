// Damage to batches that were written ahead of their commits, when the process is killed while the journal still has those commits: a
// start takes nothing of what was acknowledged away but what is damaged, and what it cannot serve it keeps and names.
import Bytes
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

@Suite struct ExtentDamageTests {
    private static let perCommit = 20
    private static let commits = 10

    private func word(_ number: Int) -> String { "k\(number)=" + String(repeating: "v", count: 90) }

    /// Ten commits, each of twenty records in several batches to every partition, and the files as a killed process leaves them.
    private func killed(partitions: Int, _ durability: Durability) throws -> (MemoryFileSystem, TopicID) {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) {
            $0.durability = durability
            ($0.extentBytes, $0.leastExtentBytes, $0.batchBytes) = (1000, 1000, 500)
        }
        let topic = try log.create("t", partitions: partitions)
        for commit in 0..<Self.commits {
            let words = (0..<Self.perCommit).map { word(commit * Self.perCommit + $0) }.joined(separator: " ")
            try log.commitAndWait(PartitionIndex.all(of: partitions).map { Append(topic: topic, partition: $0, records: records(words)) })
        }
        return (try copy(of: files), topic)
    }

    private func segment(_ partition: PartitionIndex = 0) -> String { "data/log/t-\(partition)/00000000000000000000.log" }

    private func flip(_ files: MemoryFileSystem, _ place: Int, _ partition: PartitionIndex = 0) throws {
        try FaultyFileSystem(files).flipBit(3, ofByteAt: Int64(place), in: segment(partition))
    }

    /// What an inspection finds, of which it must not have changed anything.
    private func inspect(_ files: MemoryFileSystem) throws -> (damage: [String], reports: [SegmentReport], paths: [String]) {
        let log = try SegmentedLog.inspecting(
            directory: "data", files: files, clock: SimulatedTime(wall: 1_000_000), random: SeededRandom(seed: 3))
        defer { log.close() }
        let findings = log.verifyDirectory()
        let reports = try log.describeTopics().flatMap { try log.verify($0.id) }
        let damage = findings.filter(\.isDamage).map { "\($0.path): \($0.text)" } + reports.flatMap(\.problems)
        return (damage, reports, findings.map(\.path))
    }

    private func unreadable(_ log: SegmentedLog, _ topic: TopicID, _ partition: PartitionIndex = 0) throws -> [Int] {
        var missing: [Int] = []
        for offset in 0..<Int(try log.bounds(of: topic, partition: partition).durableEnd.count) {
            do throws(LogError) {
                let run = try log.fetch(topic, partition: partition, from: Offset(clamping: Int64(offset)), maxBytes: 1, upTo: .durable)
                #expect(run.offsets.first == Int64(offset) && text(run).hasPrefix(word(offset)), "offset \(offset)")
            } catch {
                #expect(error.kind == .damaged, "\(error)")
                missing.append(offset)
            }
        }
        return missing
    }

    private func cutFiles(_ files: MemoryFileSystem) throws -> [String] { try paths(in: files).filter { $0.contains(".cut") } }

    /// One batch is damaged, early or in the last commit: that batch cannot be read, everything else can.
    @Test(arguments: [Durability.os, .fsync], [0.05, 0.35, 0.98])
    func onlyTheDamagedBatchIsLost(_ durability: Durability, at part: Double) throws {
        let (files, topic) = try killed(partitions: 1, durability)
        let size = try files.contents(of: segment()).count
        // In the records of a batch, whichever it is: the values are the most of it.
        let bytes = try files.contents(of: segment())
        let place = try #require((Int(Double(size) * part)..<size).first { bytes[$0..<min($0 + 10, size)].allSatisfy { $0 == 0x76 } })
        try flip(files, place)
        let before = try files.contents(of: segment())
        let found = try inspect(files)
        #expect(found.damage.contains { $0.contains("fails its checksum") }, "\(found.damage)")
        #expect(!found.damage.contains { $0.contains("unfinished") })
        let counted = found.reports.reduce(0) { $0 + $1.recordCount }
        for opening in 0..<2 {
            let log = try openLog(files) { $0.durability = durability; $0.tailBytes = 0 }
            if opening == 0 {
                #expect(log.recoveryNotes.contains { $0.isDamage && $0.path == segment() }, "\(log.recoveryNotes)")
            }
            let missing = try unreadable(log, topic)
            #expect((1...8).contains(missing.count) && counted == 200 - missing.count, "\(missing), \(counted)")
            #expect(try log.bounds(of: topic, partition: 0).durableEnd.count == 200 + Int64(opening))
            #expect(try log.append(topic, word(200 + opening)) == 200 + Int64(opening))
            log.close()
            #expect(try files.contents(of: segment()).starts(with: before) && cutFiles(files) == [])
        }
        #expect(try inspect(files).damage.contains { $0.contains("fails its checksum") })
    }

    /// Whatever byte is wrong: it is said, and all bytes are there after the start, in the segment or beside it.
    @Test(arguments: [Durability.os, .fsync]) func noByteIsTakenAway(_ durability: Durability) throws {
        let (original, _) = try killed(partitions: 1, durability)
        let size = try original.contents(of: segment()).count
        for place in stride(from: 0, to: size, by: 61) {
            let files = try copy(of: original)
            try flip(files, place)
            let before = try files.contents(of: segment())
            #expect(try !inspect(files).damage.isEmpty, "byte \(place)")
            let log = try openLog(files) { $0.durability = durability; $0.tailBytes = 0 }
            #expect(log.recoveryNotes.contains { $0.isDamage }, "byte \(place)")
            log.close()
            let after = try ([segment()] + cutFiles(files)).map { try files.contents(of: $0) }.reduce([], +)
            #expect(after == before, "byte \(place): \(log.recoveryNotes)")
        }
    }

    /// One of two partitions of a commit is damaged: both are served, but for that batch.
    @Test func damageStaysInItsPartition() throws {
        let (files, topic) = try killed(partitions: 2, .os)
        let bytes = try files.contents(of: segment(1))
        let place = try #require((bytes.count / 2..<bytes.count).first { bytes[$0..<$0 + 10].allSatisfy { $0 == 0x76 } })
        try flip(files, place, 1)
        let found = try inspect(files)
        #expect(found.reports.filter { !$0.problems.isEmpty }.map(\.path) == [segment(1)])
        let log = try openLog(files) { $0.durability = .os; $0.tailBytes = 0 }
        #expect(try unreadable(log, topic, 0) == [] && log.bounds(of: topic, partition: 0).durableEnd == 200)
        #expect(try (1...8).contains(unreadable(log, topic, 1).count) && log.bounds(of: topic, partition: 1).durableEnd == 200)
        #expect(try cutFiles(files) == [])
    }

    /// More than one place of a commit is wrong, or its bytes are not there: the log ends before it, in all partitions; what is cut off is
    /// kept, also of the damaged partition, and every such file is named once it is there, not before.
    @Test(arguments: [true, false]) func whatCannotBeServedIsKept(isFlipped: Bool) throws {
        let (files, topic) = try killed(partitions: 2, .os)
        let partitions = PartitionIndex.all(of: 2)
        let sizes = try partitions.map { try files.contents(of: segment($0)).count }
        if isFlipped {
            for partition in partitions { try flip(files, sizes[partition.index] / 2, partition) }
        } else {
            try files.open(segment(1), .write).truncate(to: Int64(sizes[1] / 2))
        }
        let before = try partitions.map { try files.contents(of: segment($0)) }
        let found = try inspect(files)
        #expect(partitions.allSatisfy { partition in found.damage.contains { $0.hasPrefix(segment(partition) + ": ") } }, "\(found.damage)")
        #expect(found.damage.allSatisfy { !$0.contains("unfinished") })
        #expect(found.damage.contains { $0.contains("not whole in their segments") })
        #expect(found.paths.allSatisfy { files.exists($0) }, "\(found.paths)")
        let log = try openLog(files) { $0.durability = .os; $0.tailBytes = 0 }
        #expect(log.recoveryNotes.filter { $0.kind == .cutRecords }.count == 3, "\(log.recoveryNotes)")
        for partition in partitions {
            let end = try log.bounds(of: topic, partition: partition).durableEnd.count
            #expect(try unreadable(log, topic, partition) == [] && (80...100).contains(end) && end % 20 == 0)
            #expect(try files.contents(of: segment(partition)) + files.contents(of: segment(partition) + ".cut") == before[partition.index])
        }
        log.close()
        let after = try inspect(files)
        #expect(after.paths.filter { $0.hasSuffix(".log.cut") }.count == 2 && after.paths.contains { $0.hasSuffix(".journal.damaged") })
    }

    /// A batch that fails its checksum may claim any number of records: they are not counted, and none is missed behind it.
    @Test func claimedRecordsAreNotCounted() throws {
        let (files, _) = try killed(partitions: 1, .os)
        // The highest byte of the count, and that of the last offset.
        for place in [57, 23] { try FaultyFileSystem(files).flipBit(6, ofByteAt: Int64(place), in: segment()) }
        let report = try #require(inspect(files).reports.first)
        #expect((190..<200).contains(report.recordCount) && report.problems.count == 1, "\(report)")
    }
}
