// Retention, compaction, inspection, and topics as things that change.
import Bytes
import Foundation
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

@Suite struct MaintenanceTests {
    @Test func retentionBySize() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files) { $0.tailBytes = 0 }
        let topic = try log.create("t") { $0.segmentBytes = 1024; $0.retentionBytes = 3000; $0.retention = nil }
        for number in 0..<100 { try log.append(topic, "k\(number)=v") }
        let before = log.describeTopics()[0].partitions[0]
        #expect(log.maintain() == [])
        let after = log.describeTopics()[0].partitions[0]
        #expect(after.byteCount < 5048 && after.byteCount >= 3000 && before.byteCount > 6000)
        #expect(after.bounds.start > 0 && after.bounds.durableEnd == 100)
        #expect {
            _ = try log.fetch(topic, partition: 0, from: 0, maxBytes: 1, upTo: .durable)
        } throws: {
            let error = $0 as? LogError
            return error?.kind == .offsetLost(first: 0, next: after.bounds.start)
                && error?.message.contains("\(after.bounds.start) records of t-0 were removed by retention") == true
        }
        let kept = try everything(log, topic)
        #expect(kept.hasPrefix("k\(after.bounds.start)=v"))
        log.close()
        #expect(try files.list("data/log/t-0").filter { $0.hasSuffix(".log") }.count == after.segmentCount)
        #expect(try everything(openLog(files), topic) == kept)
    }

    /// Of a topic that its reader releases, whole segments go; what is left is not compacted. Other topics are not released.
    @Test func whatItsReaderReleasesGoes() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files) { ($0.tailBytes, $0.maintenanceInterval) = (0, .max) }
        let topic = try log.create("t") { $0 = .released; $0.segmentBytes = 1024 }
        let other = try log.create("u") { $0.segmentBytes = 1024; $0.retention = nil }
        for number in 0..<100 {
            try log.append(topic, "k\(number % 5)=\(number)")
            try log.append(other, "k\(number % 5)=\(number)")
        }
        log.release(topic, partition: 0, before: 60)
        log.release(other, partition: 0, before: 60)
        #expect(log.maintain() == [])
        let start = try log.bounds(of: topic, partition: 0).start
        #expect(start > 40 && start <= 60)
        #expect(try log.bounds(of: other, partition: 0).start == 0)
        let kept = try everything(log, topic)
        #expect(kept.split(separator: " ").count == 100 - Int(start.count))
        log.close()
        let again = try openLog(files) { ($0.tailBytes, $0.maintenanceInterval) = (0, .max) }
        #expect(try again.bounds(of: topic, partition: 0).start == start && everything(again, topic) == kept)
        // The end is the most that can be released, and the active segment stays.
        again.release(topic, partition: 0, before: 10_000)
        #expect(again.maintain() == [])
        #expect(try everything(again, topic).hasSuffix("k4=99"))
        again.close()
    }

    /// Where records before an offset were removed they stay removed, wherever the power is cut behind that.
    @Test func removedRecordsStayRemoved() throws {
        func work(_ files: any FileSystem) throws -> Offset {
            var removed = Offset.first
            try SeededScheduler(seed: 1).run {
                do {
                    let log = try openLog(files, change: { ($0.journalBytes, $0.tailBytes) = (900, 0) })
                    let topic = try log.create("t")
                    for number in 0..<12 {
                        try log.append(topic, "k=\(number)")
                        if number % 3 == 2 { removed = try log.deleteRecords(of: topic, partition: 0, before: Offset(clamping: Int64(number))) }
                    }
                    log.close()
                } catch {
                    // The end of the run; the check begins.
                }
            }
            return removed
        }
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        #expect(try work(dry) == 11)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let removed = try work(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil })
            let log = try openLog(memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number))))
            defer { log.close() }
            guard let topic = log.describeTopic(named: "t")?.id else { continue }
            let bounds = try log.bounds(of: topic, partition: 0)
            #expect(bounds.start >= removed && bounds.start <= bounds.durableEnd, "cut at \(number)")
            #expect(try everything(log, topic).split(separator: " ").count == Int(bounds.durableEnd - bounds.start), "cut at \(number)")
        }
    }

    /// `min.compaction.lag.ms` keeps what is new as it is; `max.compaction.lag.ms` closes and compacts what would not be worth it.
    @Test func compactionKeepsItsTimes() throws {
        let clock = SimulatedTime(wall: 1_000_000)
        let log = try openLog(MemoryFileSystem(), clock: clock) { ($0.tailBytes, $0.maintenanceInterval) = (0, .max) }
        let young = try log.create("young") { ($0.cleanupPolicy, $0.segmentBytes, $0.leastCompactionLag) = (.compact, 1024, 60_000) }
        for number in 0..<40 { try log.append(young, "a=\(number)", timestamp: 1_000_000) }
        let all = try everything(log, young)
        #expect(log.maintain() == [])
        #expect(try everything(log, young) == all)
        clock.advance(milliseconds: 60_000)
        #expect(log.maintain() == [])
        #expect(try everything(log, young).split(separator: " ").count < 30)
        let late = try log.create("late") { ($0.cleanupPolicy, $0.mostCompactionLag) = (.compact, 5_000) }
        try log.append(late, "a=1 a=2 b=1")
        #expect(log.maintain() == [])
        #expect(try everything(log, late) == "a=1 a=2 b=1")
        for _ in 0..<3 {
            clock.advance(milliseconds: 6_000)
            #expect(log.maintain() == [])
        }
        #expect(try everything(log, late) == "a=2 b=1")
        log.close()
    }

    /// A round takes a part of what has never been compacted, the next one goes on; of each key the last record stays all the same.
    @Test func aRoundOfCompactionIsBounded() throws {
        let log = try openLog(MemoryFileSystem()) {
            // Only the rounds below.
            ($0.tailBytes, $0.maintenanceInterval) = (0, .max)
        }
        let topic = try log.create("t") { $0 = .compacted; $0.segmentBytes = .mebibytes(4) }
        let filler = String(repeating: "x", count: 1 << 20)
        for number in 0..<48 { try log.append(topic, "k\(number % 3)=\(number)\(filler)") }
        var sizes: [ByteCount] = []
        for _ in 0..<4 {
            #expect(log.maintain() == [])
            sizes.append(log.describeTopics()[0].partitions[0].byteCount)
        }
        #expect(sizes[0] > .mebibytes(14) && sizes[0] < .mebibytes(24) && sizes[3] < .mebibytes(10))
        let kept = try everything(log, topic).split(separator: " ").map { $0.prefix(5) }
        #expect(kept.filter { $0.hasPrefix("k0") }.last == "k0=45" && Set(kept.suffix(3)) == ["k0=45", "k1=46", "k2=47"])
        log.close()
    }

    @Test func retentionByAgeTouchesTheActiveSegmentWhenItIsOld() throws {
        let clock = SimulatedTime(wall: 100_000)
        let log = try openLog(MemoryFileSystem(), clock: clock)
        let topic = try log.create("t") { $0.segmentBytes = 1024; $0.retention = 5000 }
        for number in 0..<60 { try log.append(topic, "k\(number)=v", timestamp: 100_000 + Int64(number) * 100) }
        log.maintain()
        #expect(try log.bounds(of: topic, partition: 0).start == 0)
        clock.advance(milliseconds: 8000)
        log.maintain()
        let start = try log.bounds(of: topic, partition: 0).start
        #expect(start > 5 && start <= 30)
        clock.advance(milliseconds: 11_000)
        log.maintain()
        let left = log.describeTopics()[0].partitions[0]
        #expect(left.segmentCount == 1 && left.bounds.start < 60)
        #expect(try everything(log, topic).hasSuffix("k59=v"))
        clock.advance(milliseconds: 5_000)
        log.maintain()
        #expect(try everything(log, topic) == "" && log.bounds(of: topic, partition: 0).start == 60)
    }

    /// Records about long ago stay for as long as the topic keeps what is written to it, also when the log is opened again.
    @Test func whatIsOldMayBeNew() throws {
        let directory = NSTemporaryDirectory() + "millrace-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let now = SystemTime().wallMilliseconds()
        var options = LogOptions()
        options.maintenanceInterval = .max
        let chosen = options
        func open(at moment: Int64) throws -> SegmentedLog {
            try SegmentedLog(
                directory: directory, files: HostFileSystem(), clock: SimulatedTime(wall: moment), random: SeededRandom(seed: 7),
                options: chosen, scheduler: HostScheduler())
        }
        var log = try open(at: now)
        let topic = try log.create("t") { $0.segmentBytes = 1024 }
        for number in 0..<60 { try log.append(topic, "k\(number)=v", timestamp: 1_000_000) }
        #expect(log.maintain() == [] && log.describeTopics()[0].partitions[0].segmentCount > 2)
        log.close()
        log = try open(at: now + 60_000)
        #expect(log.maintain() == [])
        #expect(try log.bounds(of: topic, partition: 0).start == 0)
        log.close()
        log = try open(at: now + 8 * 86_400_000)
        #expect(log.maintain() == [])
        #expect(try log.bounds(of: topic, partition: 0).start > 0)
        log.close()
    }

    /// A topic that nobody has tuned keeps records at most a minute, or a tenth, longer than asked.
    @Test(arguments: [1_000, 10_000, 600_000, 36_000_000]) func retentionIsKept(milliseconds retention: Int64) throws {
        let clock = SimulatedTime(wall: 1_000_000)
        let log = try openLog(MemoryFileSystem(), clock: clock)
        let topic = try log.create("t") { $0.retention = Milliseconds(retention) }
        let most = retention + max(60_000, retention / 10)
        let step = max(5_000, retention / 100)
        var times: [Int64] = []
        for number in 0..<600 {
            let now = clock.wallMilliseconds()
            times.append(now)
            try log.append(topic, "k\(number)=v", timestamp: now)
            clock.advance(milliseconds: step)
            #expect(log.maintain() == [])
            let kept = times[Int(try log.bounds(of: topic, partition: 0).start.count)...]
            #expect(kept.allSatisfy { clock.wallMilliseconds() - $0 <= most + step }, "record \(number)")
            // Nothing goes before its time.
            #expect(kept.count == times.count || (times[times.count - kept.count - 1] <= clock.wallMilliseconds() - retention))
        }
        #expect(log.describeTopics()[0].partitions[0].segmentCount < 40)
    }

    /// With a retention of a day or more a few kilobytes are no reason for segments; a chosen size of segments is kept.
    @Test func segmentsAreSmallWhereCleaningNeedsThat() throws {
        var config = TopicConfig()
        #expect(config.segmentLimit == .mebibytes(256) && config.segmentAge(size: 1000) == config.segmentTime)
        #expect(config.segmentAge(size: 1 << 20) == config.segmentTime)
        config.retention = 864_000_000
        #expect(config.segmentAge(size: 1000) == config.segmentTime && config.segmentAge(size: 1 << 20) == 72_000_000)
        config.retentionBytes = .mebibytes(64)
        #expect(config.segmentLimit == .mebibytes(8))
        config.retentionBytes = 1000
        #expect(config.segmentLimit == .mebibytes(1))
        config.segmentBytes = .mebibytes(100)
        #expect(config.segmentLimit == .mebibytes(100))
        #expect(TopicConfig.compacted.segmentLimit == .mebibytes(16) && TopicConfig.released.segmentLimit == .mebibytes(16))
        #expect(TopicConfig.compacted.segmentAge(size: 1 << 30) == TopicConfig.compacted.segmentTime)
    }

    @Test func segmentsRollByTime() throws {
        let (files, clock) = (MemoryFileSystem(simulatingPowerCuts: true), SimulatedTime(wall: 1_000_000))
        let log = try openLog(files, clock: clock)
        let topic = try log.create("t") { $0.segmentTime = 5000; $0.retention = 20_000 }
        func segmentCount(_ log: SegmentedLog) -> Int { log.describeTopics()[0].partitions[0].segmentCount }
        try log.append(topic, "a=1", timestamp: 1_000_000)
        clock.advance(milliseconds: 4999)
        #expect(log.maintain() == [] && segmentCount(log) == 1)
        clock.advance(milliseconds: 1)
        #expect(log.maintain() == [] && segmentCount(log) == 2)
        // An empty segment is never old.
        clock.advance(milliseconds: 9000)
        #expect(log.maintain() == [] && segmentCount(log) == 2)
        try log.append(topic, "b=2", timestamp: 1_014_000)
        #expect(try everything(log, topic) == "a=1 b=2")
        for survivor in [files.afterPowerCut(), files.afterPowerCut(keepingByChance: SeededRandom(seed: 1))] {
            let again = try openLog(survivor, clock: clock)
            #expect(try everything(again, topic) == "a=1 b=2" && segmentCount(again) == 2)
            #expect(again.recoveryNotes.allSatisfy { $0.kind == .replayed }, "\(again.recoveryNotes)")
        }
        // The age of a segment survives the process, and the slow topic's records go at last.
        log.close()
        let again = try openLog(files, clock: clock)
        clock.advance(milliseconds: 7000)
        #expect(again.maintain() == [] && segmentCount(again) == 2)
        #expect(try everything(again, topic) == "b=2")
        clock.advance(milliseconds: 20_000)
        #expect(again.maintain() == [])
        #expect(try everything(again, topic) == "" && again.bounds(of: topic, partition: 0).start == 2)
        #expect(try again.append(topic, "c=3") == 2)
    }

    /// A log with threads cleans by itself, by its own clock, while it is committed to.
    @Test func aLiveLogCleansItself() throws {
        let clock = SimulatedTime(wall: 1_000_000)
        let reported = Monitor<[LogError]>([])
        let log = try openLog(MemoryFileSystem(), clock: clock) {
            $0.maintenanceInterval = 1
            $0.tailBytes = 0
            $0.report = { error in reported.update { $0.append(error) } }
        }
        let old = try log.create("old") { $0.segmentTime = 1000; $0.retention = 5000 }
        let table = try log.create("table") { $0 = .compacted; $0.segmentTime = 1000 }
        let starts = Monitor<[TopicID: Offset]>([:])
        _ = log.subscribe { [unowned log] news in
            guard news.topic == old, let start = try? log.bounds(of: old, partition: 0).start else { return }
            starts.update { $0[news.topic] = start }
        }
        for number in 0..<10 {
            try log.append(old, "k\(number)=v", timestamp: 1_000_000)
            try log.append(table, "same=\(number)", timestamp: 1_000_000)
        }
        clock.advance(milliseconds: 1000)
        // Nothing tells that a segment was begun but the next look.
        while log.describeTopics().contains(where: { $0.partitions[0].segmentCount < 2 }) {
            try log.append(old, "more=1", timestamp: 1_000_000)
        }
        clock.advance(milliseconds: 10_000)
        starts.wait(until: { $0[old, default: 0] >= 10 }, then: { _ in })
        while try everything(log, table) != "same=9" { try log.append(old, "more=1", timestamp: 1_000_000) }
        log.close()
        #expect(reported.withLock { $0 } == [])
    }

    /// Cleaning that meets damage leaves it alone and says so, once.
    @Test func aLiveLogReportsWhatItCannotClean() throws {
        let files = MemoryFileSystem()
        let first = try openLog(files)
        let topic = try first.create("t") { $0 = .compacted; $0.segmentBytes = 1024 }
        for number in 0..<60 { try first.append(topic, "k\(number % 5)=v") }
        first.close()
        try FaultyFileSystem(files).flipBit(1, ofByteAt: 100, in: "data/log/t-0/00000000000000000000.log")
        let reported = Monitor<[LogError]>([])
        let log = try openLog(files) {
            $0.maintenanceInterval = 1
            $0.report = { error in reported.update { $0.append(error) } }
        }
        reported.wait(until: { !$0.isEmpty }, then: { _ in })
        // Some rounds later it is still the one report.
        for _ in 0..<20 { log.maintain() }
        log.close()
        #expect(reported.withLock { $0.map(\.kind) } == [.damaged])
    }

    private func compactedLog(_ files: MemoryFileSystem, _ clock: SimulatedTime) throws -> (SegmentedLog, TopicID) {
        let log = try openLog(files, clock: clock) { $0.tailBytes = 0 }
        let topic = try log.create("t") {
            $0 = .compacted
            $0.segmentBytes = 1024
            $0.deleteRetention = 1000
        }
        return (log, topic)
    }

    @Test(arguments: [Compression.none, .zstd])
    func compactionKeepsTheLastOfEachKey(_ codec: Compression) throws {
        let (files, clock) = (MemoryFileSystem(), SimulatedTime(wall: 1000))
        let (log, topic) = try compactedLog(files, clock)
        var config = try #require(log.describeTopic(topic)).config
        config.compression = codec
        try log.alterTopic(topic, config: config)
        for number in 0..<60 { try log.append(topic, "k\(number % 7)=\(number) unique\(number)=u") }
        let before = try everything(log, topic).split(separator: " ").map(String.init)
        #expect(log.maintain() == [])
        let after = try everything(log, topic).split(separator: " ").map(String.init)
        #expect(after.count < before.count && after.filter { $0.hasPrefix("unique") }.count == 60)
        // Whoever reads it all ends with the same table.
        func table(_ words: [String]) -> [Substring: Substring] {
            Dictionary(words.map { ($0.split(separator: "=")[0], $0.split(separator: "=")[1]) }, uniquingKeysWith: { $1 })
        }
        #expect(table(after) == table(before))
        // Offsets stay, and a fetch from one that is gone goes on behind it.
        let run = try log.fetch(topic, partition: 0, from: 0, maxBytes: .mebibytes(1), upTo: .durable)
        #expect(run.offsets.first == 1 && run.offsets == run.offsets.sorted())
        for report in try log.verify(topic) { #expect(report.problems == []) }
        log.maintain()
        #expect(try everything(log, topic) == after.joined(separator: " "))
        log.close()
        let again = try openLog(files)
        #expect(try everything(again, topic) == after.joined(separator: " "))
        for report in try again.verify(topic) { #expect(report.problems == []) }
    }

    @Test func tombstonesStayForAWhile() throws {
        let (files, clock) = (MemoryFileSystem(), SimulatedTime(wall: 1000))
        let (log, topic) = try compactedLog(files, clock)
        try log.append(topic, "gone=1 kept=1", timestamp: 5)
        try log.append(topic, "gone", timestamp: 5)
        func fill(_ name: String) throws { for number in 0..<20 { try log.append(topic, "\(name)\(number)=v") } }
        try fill("x")
        log.maintain()
        #expect(try everything(log, topic).hasPrefix("kept=1 gone x0=v"))
        clock.advance(milliseconds: 999)
        try fill("y")
        try fill("z")
        log.maintain()
        #expect(try everything(log, topic).hasPrefix("kept=1 gone x0=v"))
        clock.advance(milliseconds: 2)
        for round in 0..<3 { try fill("w\(round)") }
        try fill("v")
        log.maintain()
        #expect(try everything(log, topic).hasPrefix("kept=1 x0=v"))
        let timestamps = try log.fetch(topic, partition: 0, from: 0, maxBytes: 100, upTo: .durable).timestamps
        #expect(timestamps.first == 5)
    }

    @Test func aDamagedHeaderInACompactedSegmentIsNoticed() throws {
        let (files, clock) = (MemoryFileSystem(), SimulatedTime(wall: 1000))
        let (log, topic) = try compactedLog(files, clock)
        for number in 0..<60 { try log.append(topic, "k\(number)=\(number)") }
        log.maintain()
        log.close()
        // The base offset is outside the checksum of a batch.
        try FaultyFileSystem(files).flipBit(2, ofByteAt: 7, in: "data/log/t-0/00000000000000000000.log")
        let again = try openLog(files)
        #expect { try everything(again, topic) } throws: { ($0 as? LogError)?.kind == .damaged }
    }

    @Test func dumpAndVerifySayWhatIsThere() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        var some = records("a=1")
        let block = headerBlock([RecordHeader(name: Array("h".utf8), value: nil)])
        some.append(key: [0, 255], value: nil, timestamp: 7, headers: block)
        try log.commitAndWait([Append(topic: topic, partition: 0, records: some)])
        try log.append(topic, "b=2")
        let report = try log.verify(topic)[0]
        #expect(report.batchCount == 2 && report.recordCount == 3 && report.lastOffset == 2 && report.problems == [])
        var lines: [String] = []
        try log.dump(topic, partition: 0, from: 1) { line in
            lines.append(line.text)
            return lines.count < 3
        }
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("baseOffset: 0 lastOffset: 1 count: 2 ") && lines[0].hasSuffix("isvalid: true"))
        #expect(lines[1] == "| offset: 1 CreateTime: 7 keySize: 2 valueSize: -1 headerKeys: [h] key: 0x00ff payload: null")
        #expect(lines[2].hasPrefix("baseOffset: 2 "))
    }

    @Test func topicsAreCheckedAndKept() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        #expect { try log.create("a/b") } throws: { ($0 as? LogError)?.kind == .invalidTopic }
        #expect { try log.create("a", partitions: 0) } throws: { ($0 as? LogError)?.kind == .invalidTopic }
        #expect { try log.create("a") { $0.segmentBytes = 5 } } throws: { ($0 as? LogError)?.kind == .invalidTopic }
        let topic = try log.create("a.b-c_D", partitions: 3)
        #expect { try log.create("a.b-c_D") } throws: { ($0 as? LogError)?.kind == .topicExists }
        var config = TopicConfig()
        try config.set("cleanup.policy", to: "delete, compact")
        try config.set("retention.ms", to: "-1")
        try config.set("compression.type", to: "LZ4")
        try config.set("segment.ms", to: "60000")
        #expect(throws: LogError.self) { try config.set("segment.ms", to: "0") }
        #expect(config.cleanupPolicy == .compactAndDelete && config.retention == nil && config.compression == .lz4)
        #expect(throws: LogError.self) { try config.set("retention.ms", to: "x") }
        #expect(throws: LogError.self) { try config.set("retention", to: "1") }
        try log.alterTopic(topic, config: config)
        log.close()
        let again = try openLog(files)
        let description = try #require(again.describeTopic(named: "a.b-c_D"))
        #expect(description.id == topic && description.config == config && description.partitions.count == 3)
        #expect(TopicID(topic.description) == topic)
    }

    @Test func anInterruptedRemovalIsFinished() throws {
        let dry = FaultyFileSystem(MemoryFileSystem())
        func remove(_ files: any FileSystem) throws -> TopicID {
            let log = try openLog(files)
            let topic = try log.create("t", partitions: 2)
            try log.append(topic, "a=1")
            try log.deleteTopic(topic)
            return topic
        }
        _ = try remove(dry)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            _ = try? remove(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil })
            let survivor = memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number)))
            let log = try openLog(survivor)
            if let topic = log.describeTopic(named: "t") {
                #expect(["a=1", ""].contains(try everything(log, topic.id)), "cut at \(number)")
            } else {
                let topic = try log.create("t")
                #expect(try everything(log, topic) == "", "cut at \(number)")
            }
        }
    }

    /// What the journal still holds is not replayed onto segments that were cleaned or removed meanwhile.
    @Test(arguments: CleanupPolicy.allCases)
    func aCrashAfterCleaning(_ policy: CleanupPolicy) throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) { $0.tailBytes = 0 }
        let topic = try log.create("t") { $0.cleanupPolicy = policy; $0.segmentBytes = 1024; $0.retentionBytes = 2000 }
        for number in 0..<60 { try log.append(topic, "k\(number % 9)=\(number)", timestamp: 1_000_000) }
        log.release(topic, partition: 0, before: 40)
        #expect(log.maintain() == [])
        let kept = try everything(log, topic)
        #expect((kept.split(separator: " ").count == 60) == (policy == .keep))
        for round in 0..<3 {
            let again = try openLog(files.afterPowerCut(keepingByChance: round == 0 ? nil : SeededRandom(seed: UInt64(round))))
            #expect(again.recoveryNotes.allSatisfy { !$0.isDamage }, "\(again.recoveryNotes)")
            #expect(try everything(again, topic) == kept)
            #expect(try again.verify(topic).flatMap(\.problems) == [])
        }
    }

    @Test func offsetRecordsComeBack() throws {
        let key = OffsetKey(group: "g", topic: "t", partition: 3)
        #expect(key.encoded == [0, 1, 0, 1, 0x67, 0, 1, 0x74, 0, 0, 0, 3])
        #expect(OffsetKey(key.encoded) == key)
        let value = OffsetValue(offset: 9, topic: TopicID(high: 1, low: 2), metadata: "m", committedAt: 77)
        #expect(OffsetValue(value.encoded) == value)
        let plain = OffsetValue(offset: 9, topic: nil, committedAt: 77)
        #expect(OffsetValue(plain.encoded) == plain)
        // Version 1, as older brokers wrote it.
        let old: [UInt8] = [0, 1] + [0, 0, 0, 0, 0, 0, 0, 9] + [0, 0] + [0, 0, 0, 0, 0, 0, 0, 77]
        #expect(OffsetValue(old + [UInt8](repeating: 255, count: 8)) == plain)
        for length in 0..<value.encoded.count - 20 { #expect(OffsetValue(Array(value.encoded[..<length])) == nil) }
        for length in 0..<key.encoded.count { #expect(OffsetKey(Array(key.encoded[..<length])) == nil) }
        // A place that no partition has.
        #expect(OffsetKey(Array(key.encoded.dropLast(4)) + [255, 255, 255, 255]) == nil)
        #expect(OffsetValue([0, 1] + [UInt8](repeating: 255, count: 8) + Array(old.dropFirst(10))) == nil)
    }
}
