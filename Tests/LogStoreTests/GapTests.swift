// Segments that are gone or end too early. Offsets that were durable and are missing are an error to whoever reaches them, never a
// step over them; what stands before and behind is served.
import Bytes
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

@Suite struct GapTests {
    /// A closed log of 60 records, each a batch, in segments of about fourteen.
    private func closedLog(_ change: @escaping (inout TopicConfig) -> Void = { _ in }) throws -> (MemoryFileSystem, TopicID, [Int64]) {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files)
        let topic = try log.create("t") {
            $0.segmentBytes = 1024
            change(&$0)
        }
        for number in 0..<60 { try log.append(topic, "k\(number)=v") }
        log.close()
        return (files, topic, try bases(files))
    }

    private func bases(_ files: MemoryFileSystem) throws -> [Int64] {
        try files.list("data/log/t-0").filter { $0.hasSuffix(".log") }.compactMap { Int64($0.dropLast(4)) }
    }

    private func path(_ base: Int64, _ suffix: String = ".log") -> String {
        let digits = String(base)
        return "data/log/t-0/" + String(repeating: "0", count: 20 - digits.count) + digits + suffix
    }

    /// Reads from every offset: those of `missing` are an error that names the partition, all others are there.
    private func expect(_ log: SegmentedLog, _ topic: TopicID, missing: Range<Int64>, end: Int64 = 60) throws {
        for offset in 0..<end {
            do {
                let run = try log.fetch(topic, partition: 0, from: Offset(clamping: offset), maxBytes: 1, upTo: .durable)
                #expect(run.offsets.first == offset && !missing.contains(offset), "offset \(offset)")
            } catch {
                #expect(error.kind == .damaged && missing.contains(offset), "offset \(offset): \(error)")
                #expect(error.message.contains("t-0") && error.message.contains("\(missing.lowerBound)"), "\(error)")
            }
        }
    }

    @Test func aSegmentInTheMiddleIsGone() throws {
        let (files, topic, bases) = try closedLog()
        for suffix in [".log", ".index", ".timeindex", ".batches"] { try files.removeFile(path(bases[1], suffix)) }
        let log = try openLog(files)
        try expect(log, topic, missing: bases[1]..<bases[2])
        let problems = try log.verify(topic).flatMap(\.problems)
        #expect(problems.count == 1 && problems[0].contains("offsets \(bases[1]) to \(bases[2] - 1) are missing"), "\(problems)")
        #expect(log.describeTopics()[0].partitions[0].damage?.contains("are missing") == true)
        #expect(try log.append(topic, "more=1") == 60)
    }

    @Test func aSegmentEndsAtEveryByte() throws {
        let (base, topic, bases) = try closedLog()
        let size = try base.contents(of: path(bases[1])).count
        for length in 0..<size {
            let files = base.afterPowerCut()
            try files.open(path(bases[1]), .write).truncate(to: Int64(length))
            let log = try openLog(files)
            // Nothing behind the cut is stepped over: reading on from the start ends in the error.
            #expect("length \(length)") { _ = try everything(log, topic) } throws: { ($0 as? LogError)?.kind == .damaged }
            #expect(try log.verify(topic).contains { !$0.problems.isEmpty }, "length \(length)")
            let behind = try log.fetch(topic, partition: 0, from: Offset(clamping: bases[2]), maxBytes: 1, upTo: .durable)
            #expect(behind.offsets.first == bases[2], "length \(length)")
            #expect(log.maintain() == [], "length \(length)")
        }
    }

    @Test func compactionDoesNotStepOverAGap() throws {
        for isGone in [true, false] {
            let (files, topic, bases) = try closedLog { $0.cleanupPolicy = .compact }
            if isGone {
                try files.removeFile(path(bases[1]))
            } else {
                try files.open(path(bases[1]), .write).truncate(to: Int64(0))
            }
            let log = try openLog(files)
            let failures = log.maintain()
            #expect(failures.count == 1 && failures[0].kind == .damaged, "\(failures)")
            log.close()
            let again = try openLog(files)
            try expect(again, topic, missing: bases[1]..<bases[2])
        }
    }

    @Test func theFirstSegmentOfACompactedTopicIsGone() throws {
        let (files, topic, bases) = try closedLog { $0.cleanupPolicy = .compact }
        try files.removeFile(path(0))
        let log = try openLog(files)
        try expect(log, topic, missing: 0..<bases[1])
        #expect(try log.verify(topic).flatMap(\.problems).contains { $0.contains("offsets 0 to \(bases[1] - 1) are missing") })
    }

    /// Compaction leaves a chain without gaps, whatever it removes: whole segments, the ends of segments, the first of all.
    @Test func aCompactedPartitionHasNoGaps() throws {
        for kept in 0..<6 {
            let files = MemoryFileSystem(simulatingPowerCuts: true)
            let clock = SimulatedTime(wall: 1000)
            let log = try openLog(files, clock: clock) { $0.tailBytes = 0 }
            let topic = try log.create("t") { $0 = .compacted; $0.segmentBytes = 1024 }
            // Only some segments hold a key that stays.
            for number in 0..<80 { try log.append(topic, number / 14 % 6 == kept ? "k\(number)=v" : "same=\(number)") }
            let before = try everything(log, topic).split(separator: " ")
            #expect(log.maintain() == [])
            let after = try everything(log, topic).split(separator: " ")
            #expect(after.count < before.count && Set(after).isSubset(of: before) && after.last == before.last)
            for offset in 0..<Int64(80) {
                let run = try log.fetch(topic, partition: 0, from: Offset(clamping: offset), maxBytes: 1, upTo: .durable)
                #expect(run.count > 0 && run.offsets[0] >= offset, "an empty run would look like the end")
            }
            #expect(try log.verify(topic).flatMap(\.problems) == [], "kept \(kept)")
            #expect(log.maintain() == [])
            log.close()
            let again = try openLog(files.afterPowerCut())
            #expect(try everything(again, topic).split(separator: " ") == after)
            #expect(try again.verify(topic).flatMap(\.problems) == [], "kept \(kept)")
        }
    }

    /// A crash at any moment of a compaction leaves a partition that reads as before or as after.
    @Test func powerCutsDuringCompaction() throws {
        func prepare() throws -> (MemoryFileSystem, TopicID) {
            let files = MemoryFileSystem(simulatingPowerCuts: true)
            let log = try openLog(files) { $0.tailBytes = 0 }
            let topic = try log.create("t") { $0 = .compacted; $0.segmentBytes = 1024 }
            for number in 0..<60 { try log.append(topic, number < 16 || number > 40 ? "k\(number % 20)=\(number)" : "same=\(number)") }
            log.close()
            return (files.afterPowerCut(), topic)
        }
        func table(_ text: String) -> [Substring: Substring] {
            Dictionary(text.split(separator: " ").map { ($0.split(separator: "=")[0], $0.split(separator: "=")[1]) }, uniquingKeysWith: { $1 })
        }
        let (dryFiles, topic) = try prepare()
        let dry = FaultyFileSystem(dryFiles)
        let dryLog = try openLog(dry)
        let expected = table(try everything(dryLog, topic))
        let start = dry.operationCount
        dryLog.maintain()
        for number in start..<dry.operationCount {
            for seed in 0..<3 {
                let (files, topic) = try prepare()
                let faulty = FaultyFileSystem(files) { $0.number == number ? .powerCut : nil }
                let log = try openLog(faulty)
                log.maintain()
                let survivor = files.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number * 3 + seed)))
                let again = try openLog(survivor)
                #expect(table(try everything(again, topic)) == expected, "cut at \(number), chance \(seed)")
                #expect(try again.verify(topic).flatMap(\.problems) == [], "cut at \(number), chance \(seed)")
                #expect(again.maintain() == [])
                #expect(table(try everything(again, topic)) == expected, "cut at \(number), chance \(seed), compacted again")
            }
        }
    }
}
