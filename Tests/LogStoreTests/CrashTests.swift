// Crashes: the journal cut and damaged at every byte, the power cut at every operation, syncs that fail, disks that are full.
// What was acknowledged is there, commits are whole over all partitions, and nothing is served that was not written.
import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

/// Commits number i to both partitions of "pair", and remembers what was acknowledged.
private final class Workload: Sendable {
    static let filler = String(repeating: "x", count: 150)
    /// Long enough to be written to the segment first.
    static let largeFiller = String(repeating: "y", count: 3000)
    let acknowledged = Mutex<[Int]>([])

    let durability: Durability

    init(durability: Durability = .fsync) {
        self.durability = durability
    }

    func small(_ options: inout LogOptions) {
        options.durability = durability
        options.leastExtentBytes = 2500
        options.journalBytes = 6000
        options.extentBytes = 2500
        options.tailBytes = 0
    }

    /// Goes on with the commits after those that are there, `count` times, in one fixed interleaving; stops at the first error.
    func run(_ files: any FileSystem, count: Int) throws {
        try SeededScheduler(seed: 1).run { self.work(files, count) }
    }

    private func work(_ files: any FileSystem, _ count: Int) {
        do {
            let log = try openLog(files, change: small)
            let topic: TopicID
            if let known = log.describeTopic(named: "pair") {
                topic = known.id
            } else {
                topic = try log.create("pair", partitions: 2) { $0.segmentBytes = 8000 }
            }
            let first = Int(try log.bounds(of: topic, partition: 0).durableEnd.count)
            for number in first..<first + count {
                let filler = number % 5 == 3 ? Self.largeFiller : Self.filler
                try log.commitAndWait([
                    Append(topic: topic, partition: 0, records: records("\(number)=\(filler)")),
                    Append(topic: topic, partition: 1, records: records("\(number)=\(Self.filler) \(number)=again")),
                ])
                acknowledged.withLock { $0.append(number) }
            }
            log.close()
        } catch {
            // The end of the run; the check begins.
        }
    }

    /// Opens what is left and compares it with what was acknowledged.
    func check(_ files: any FileSystem, _ what: String) throws {
        let log = try openLog(files, change: small)
        let acknowledged = acknowledged.withLock { $0 }
        guard let topic = log.describeTopic(named: "pair")?.id else {
            #expect(acknowledged.isEmpty, "\(what): the topic is gone")
            return
        }
        let first = try everything(log, topic, 0).split(separator: " ").map { $0.split(separator: "=")[0] }
        let second = try everything(log, topic, 1).split(separator: " ").map { $0.split(separator: "=")[0] }
        #expect(first == (0..<first.count).map { "\($0)" }, "\(what): partition 0")
        #expect(second == (0..<first.count).flatMap { ["\($0)", "\($0)"] }, "\(what): both partitions have the same commits")
        if durability == .fsync {
            #expect(first.count >= (acknowledged.last ?? -1) + 1, "\(what): \(acknowledged.count) were acknowledged")
        }
        // Without syncs a power cut may take commits whose batches are in segments already: those are put aside.
        let isDamaged = log.recoveryNotes.contains { $0.isDamage && !($0.kind == .cutRecords && durability == .os) }
        #expect(!isDamaged, "\(what): \(log.recoveryNotes)")
        for report in try log.verify(topic) { #expect(report.problems == [], "\(what)") }
        try log.append(topic, "more=1")
    }
}

@Suite struct CrashTests {
    @Test func powerCutsAtEveryOperation() throws {
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        try Workload().run(dry, count: 24)
        let operations = dry.operationCount
        #expect(operations > 100)
        for number in 0..<operations {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let workload = Workload()
            try workload.run(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil }, count: 24)
            try workload.check(memory.afterPowerCut(), "cut at \(number)")
            for seed in 0..<3 {
                let survivor = memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number * 10 + seed)))
                try workload.check(survivor, "cut at \(number), chance \(seed)")
            }
        }
    }

    @Test func powerCutsWithoutSyncsLeaveWholeCommits() throws {
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        try Workload(durability: .os).run(dry, count: 24)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let workload = Workload(durability: .os)
            try workload.run(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil }, count: 24)
            for seed in 0..<3 {
                let survivor = memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number * 10 + seed)))
                try workload.check(survivor, "cut at \(number), chance \(seed)")
            }
        }
    }

    @Test func aSecondCutDuringRecovery() throws {
        for number in stride(from: 40, to: 160, by: 7) {
            for second in 0..<25 {
                let memory = MemoryFileSystem(simulatingPowerCuts: true)
                let workload = Workload()
                try workload.run(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil }, count: 24)
                let survivor = memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number)))
                try workload.run(FaultyFileSystem(survivor) { $0.number == second ? .powerCut : nil }, count: 3)
                try workload.check(
                    survivor.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(second))), "cut at \(number), then \(second)")
            }
        }
    }

    @Test func everySyncFailsOnce() throws {
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        try Workload().run(dry, count: 24)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let workload = Workload()
            let hasFailed = Mutex(false)
            let files = FaultyFileSystem(memory) { operation in
                guard operation.number == number, operation.kind == .synchronize || operation.kind == .synchronizeDirectory
                else { return nil }
                hasFailed.withLock { $0 = true }
                return .failedSync
            }
            try workload.run(files, count: 24)
            if hasFailed.withLock({ $0 }) { try workload.check(memory.afterPowerCut(), "failed sync at \(number)") }
        }
    }

    @Test func allSyncsFailFromNowOn() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files)
        let topic = try log.create("t")
        try log.append(topic, "a=1")
        files.setFaults { $0.kind == .synchronize ? .failedSync : nil }
        #expect { try log.append(topic, "b=2") } throws: { ($0 as? LogError)?.kind == .stopped }
        files.setFaults { _ in nil }
        #expect { try log.append(topic, "c=3") } throws: { ($0 as? LogError)?.kind == .stopped }
        #expect(try everything(log, topic) == "a=1")
        #expect(try everything(openLog(memory.afterPowerCut()), topic) == "a=1")
    }

    /// Without syncs of commits the journal is synced when it is cut. When that fails it is not tried again: once is all that Linux
    /// tells, and the segments hold the same.
    @Test func aFailedSyncOfTheJournalIsNotTriedAgain() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files) { $0.durability = .os; $0.journalBytes = 2000 }
        let topic = try log.create("t")
        let first = "data/journal/" + (try #require(memory.list("data/journal").last))
        let syncs = Mutex([first: 1])
        files.setFaults { operation in
            guard operation.kind == .synchronize, operation.path.hasSuffix(".journal") else { return nil }
            return syncs.withLock { syncs in
                syncs[operation.path, default: 0] += 1
                return operation.path == first ? .failedSync : nil
            }
        }
        // Journals are cut behind the commits, by another thread: as many commits as it needs.
        var count = 0
        while count < 60 || syncs.withLock({ $0.count <= 2 }) && count < 100_000 {
            try log.append(topic, "k\(count)=" + String(repeating: "v", count: 100))
            count += 1
        }
        #expect(syncs.withLock { $0[first] == 2 && $0.count > 2 }, "\(syncs.withLock { $0 })")
        #expect(try everything(log, topic).split(separator: " ").count == count)
        #expect(try everything(openLog(copy(of: memory)), topic).split(separator: " ").count == count)
    }

    @Test func aFullDiskRefusesAndRecovers() throws {
        for fault in [Fault.fail(.noSpace), .shortWrite] {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let files = FaultyFileSystem(memory)
            let log = try openLog(files)
            let topic = try log.create("t")
            try log.append(topic, "a=1")
            let generation = log.generation
            files.setFaults { $0.kind == .write ? fault : nil }
            #expect { try log.append(topic, "b=2") } throws: { ($0 as? LogError)?.kind == .diskFull }
            #expect(try log.bounds(of: topic, partition: 0).appendedEnd == 1)
            files.setFaults { _ in nil }
            #expect(log.generation == generation + 1)
            let result = Mutex<LogError?>(nil)
            log.commit(Commit([Append(topic: topic, partition: 0, records: records("c=3"))], generation: generation)) { outcome in
                if case .failure(let error) = outcome { result.withLock { $0 = error } }
            }
            #expect(result.withLock { $0?.kind } == .withdrawn)
            #expect(try log.append(topic, "d=4") == 1)
            #expect(try everything(log, topic) == "a=1 d=4")
            #expect(try everything(openLog(memory.afterPowerCut()), topic) == "a=1 d=4")
        }
    }

    /// A power cut at every byte of the journal's writes: what follows is not there, or is there as zeros.
    @Test(arguments: [false, true]) func theJournalCutAtEveryByte(isZeroed: Bool) throws {
        let (memory, topic, journal, size) = try journalOfFourCommits()
        var counts: Set<Int> = []
        for length in 0..<size {
            let files = memory.afterPowerCut()
            try files.open(journal, .write).truncate(to: Int64(length))
            if isZeroed { try files.open(journal, .write).write([UInt8](repeating: 0, count: size - length), at: Int64(length)) }
            let log = try openLog(files)
            let first = try everything(log, topic, 0).split(separator: " ").map(String.init)
            let second = try everything(log, topic, 1).split(separator: " ").map(String.init)
            #expect(first == (0..<first.count).map { "a\($0)=1" } && second == (0..<first.count).map { "b\($0)=2" })
            // Cut inside the state that the journal begins with: nothing says what was durable.
            if log.recoveryNotes.contains(where: \.isDamage) {
                #expect(counts.isEmpty && first == [], "length \(length)")
            } else {
                counts.insert(first.count)
            }
            #expect(try log.append(topic, "next=1") == Offset(clamping: Int64(first.count)))
        }
        // The last byte is a zero: without it, or with it, the last commit is whole.
        #expect(counts == (isZeroed ? [0, 1, 2, 3, 4] : [0, 1, 2, 3]))
    }

    /// Whatever byte of the journal is bad, the log opens, serves right records or the error, and says what happened. The segments
    /// may have nothing of the commits, as after a power cut, or everything, as after the end of the process.
    @Test(arguments: [false, true]) func theJournalDamagedAtEveryByte(segmentsHaveAll: Bool) throws {
        let (memory, topic, journal, size) = try journalOfFourCommits()
        let segments = try (0..<2).map { try memory.contents(of: segmentPath($0)) }
        for position in 0..<size {
            let files = memory.afterPowerCut()
            if segmentsHaveAll {
                for partition in 0..<2 {
                    try files.createDirectory("data/log/t-\(partition)")
                    try files.open(segmentPath(partition), .create).write(segments[partition], at: 0)
                }
            }
            try FaultyFileSystem(files).flipBit(position % 8, ofByteAt: Int64(position), in: journal)
            let log = try openLog(files)
            let isDamage = log.recoveryNotes.contains { $0.kind == .damagedJournal }
            #expect(isDamage || log.recoveryNotes.contains { $0.kind == .tornJournal }, "byte \(position)")
            #expect(try files.list("data/journal").contains { $0.hasSuffix(".damaged") } == isDamage, "byte \(position)")
            for partition in PartitionIndex.all(of: 2) {
                let end = try log.bounds(of: topic, partition: partition).durableEnd
                // Only the last record may be taken for one that was never finished.
                #expect(end == (isDamage ? 4 : 3), "byte \(position)")
                var missing: [Int64] = []
                for offset in 0..<end.count {
                    do {
                        let run = try log.fetch(topic, partition: partition, from: Offset(clamping: offset), maxBytes: 1, upTo: .durable)
                        let word = text(run).split(separator: " ").first ?? ""
                        #expect(word == ["a\(offset)=1", "b\(offset)=2"][partition.index], "byte \(position)")
                    } catch {
                        #expect(error.kind == .damaged, "byte \(position): \(error)")
                        missing.append(offset)
                    }
                }
                #expect(!segmentsHaveAll || missing.isEmpty, "byte \(position): the segments had them all")
                #expect(missing.isEmpty == (try log.verify(topic).allSatisfy { $0.partition != partition || $0.problems.isEmpty }))
                #expect(try log.append(topic, "next=1", partition: partition) == end, "byte \(position)")
            }
            log.close()
            let again = try openLog(files)
            #expect(again.recoveryNotes.isEmpty, "byte \(position): \(again.recoveryNotes)")
            #expect(try again.fetch(topic, partition: 0, from: isDamage ? 4 : 3, maxBytes: 100, upTo: .durable).count == 1)
            #expect(try files.list("data/journal").contains { $0.hasSuffix(".damaged") } == isDamage, "byte \(position)")
        }
    }

    private func segmentPath(_ partition: Int) -> String { "data/log/t-\(partition)/" + String(repeating: "0", count: 20) + ".log" }

    /// Four commits that stand in the journal only.
    private func journalOfFourCommits() throws -> (MemoryFileSystem, TopicID, String, Int) {
        let first = MemoryFileSystem(simulatingPowerCuts: true)
        _ = try openLog(first).create("t", partitions: 2)
        let files = first.afterPowerCut()
        let log = try openLog(files)
        let topic = try #require(log.describeTopic(named: "t")).id
        for number in 0..<4 {
            try log.commitAndWait([
                Append(topic: topic, partition: 0, records: records("a\(number)=1")),
                Append(topic: topic, partition: 1, records: records("b\(number)=2")),
            ])
        }
        let journal = "data/journal/" + (try #require(files.list("data/journal").last))
        return (files, topic, journal, try files.contents(of: journal).count)
    }
}
