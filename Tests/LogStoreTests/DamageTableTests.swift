// Each kind of damage to a data directory, and what is made of it: an inspection names it and changes no byte, a start says it where it
// can see it, and no record that is intact on the disk is lost, neither by that start nor for the one after it.
import Bytes
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

/// A kind of damage and what is to be said about it.
private struct Damage: CustomTestStringConvertible, Sendable {
    /// Sixty records of topic t, each a batch, and the state of the directory.
    struct Directory {
        let files: MemoryFileSystem
        let bases: [Int64]

        func segment(_ place: Int, _ suffix: String = ".log") -> String { segment(named: bases[place], suffix) }
        func segment(named base: Int64, _ suffix: String = ".log") -> String {
            "data/log/t-0/" + String(repeating: "0", count: 20 - "\(base)".count) + "\(base)" + suffix
        }
        func journal() throws -> String { "data/journal/" + (try #require(files.list("data/journal").last)) }
        func cut(_ path: String, by part: Int) throws {
            let size = try files.contents(of: path).count
            try files.open(path, .write).truncate(to: Int64(size - size / part))
        }
        func flip(_ path: String, at place: Int) throws { try FaultyFileSystem(files).flipBit(3, ofByteAt: Int64(place), in: path) }
        func remove(_ paths: String...) throws { for path in paths { try files.removeFile(path) } }
    }

    let testDescription: String
    /// Whether the process was killed, so that the journal has all commits, or ended well.
    var isKilled = true
    /// Words of what a start says; nil where only readers meet the damage.
    var start: String?
    /// Words of what an inspection says; nil where there is nothing to be said.
    var verify: String?
    /// Segments whose records are, in part, not there any more.
    var lost: Set<Int> = []
    /// Whether the topic is not served.
    var isAway = false
    let inflict: @Sendable (Directory) throws -> Void

    static let definition = "data/topics/t.topic"

    static let all: [Damage] = [
        Damage(testDescription: "nothing", start: nil, verify: nil) { _ in },
        Damage(testDescription: "a journal cut in the middle", start: "has lost its end", verify: "has lost its end") {
            try $0.cut($0.journal(), by: 2)
        },
        Damage(testDescription: "a journal of which the last byte is gone", start: "has lost its end", verify: "has lost its end") {
            try $0.files.open($0.journal(), .write).truncate(to: Int64($0.files.contents(of: $0.journal()).count - 1))
        },
        Damage(testDescription: "a journal cut to nothing", start: "nothing of the journal", verify: "nothing of the journal") {
            try $0.files.open($0.journal(), .write).truncate(to: 0)
        },
        Damage(
            testDescription: "a journal cut to nothing after a good end", isKilled: false, start: "nothing of the journal",
            verify: "nothing of the journal"
        ) { try $0.files.open($0.journal(), .write).truncate(to: 0) },
        Damage(testDescription: "no journal", start: "there is no journal", verify: "there is no journal") { try $0.remove($0.journal()) },
        Damage(
            testDescription: "no journal after a good end", isKilled: false, start: "there is no journal", verify: "there is no journal"
        ) { try $0.remove($0.journal()) },
        Damage(testDescription: "a flipped bit in the journal's state", start: "cannot be read", verify: "cannot be read") {
            try $0.flip($0.journal(), at: 50)
        },
        Damage(
            testDescription: "a flipped bit in the checkpoint after a good end", isKilled: false, start: "cannot be read",
            verify: "cannot be read"
        ) { try $0.flip($0.journal(), at: 50) },
        Damage(
            testDescription: "a checkpoint cut after a good end", isKilled: false, start: "nothing of the journal",
            verify: "nothing of the journal"
        ) { try $0.cut($0.journal(), by: 2) },
        Damage(testDescription: "a flipped bit in a commit", start: "a record fails its checksum", verify: "a record fails its checksum") {
            try $0.flip($0.journal(), at: $0.files.contents(of: $0.journal()).count / 2)
        },
        Damage(
            testDescription: "no definition and no copy", isKilled: false, start: "there is no topic", verify: "there is no topic", isAway: true
        ) { try $0.remove(definition, definition + ".copy") },
        Damage(
            testDescription: "neither definition nor copy can be read", isKilled: false, start: "left alone", verify: "left alone", isAway: true
        ) { for path in [definition, definition + ".copy"] { try $0.flip(path, at: 40) } },
        Damage(
            testDescription: "a flipped bit in the definition", isKilled: false, start: "restored from its copy",
            verify: "restored from its copy"
        ) { try $0.flip(definition, at: 40) },
        Damage(
            testDescription: "a definition cut to nothing", isKilled: false, start: "restored from its copy", verify: "restored from its copy"
        ) { try $0.files.open(definition, .write).truncate(to: 0) },
        Damage(testDescription: "a flipped bit in the copy", isKilled: false, start: "written anew", verify: "written anew") {
            try $0.flip(definition + ".copy", at: 40)
        },
        // The journal still tells of a topic that was made lately.
        Damage(testDescription: "no definition and no copy of a new topic", start: nil, verify: nil) {
            try $0.remove(definition, definition + ".copy")
        },
        Damage(testDescription: "an empty definition and copy of a new topic", start: nil, verify: nil) {
            for path in [definition, definition + ".copy"] { try $0.files.open(path, .write).truncate(to: 0) }
        },
        Damage(
            testDescription: "neither definition nor copy of a new topic can be read", start: "restored from the journal",
            verify: "restored from the journal"
        ) { for path in [definition, definition + ".copy"] { try $0.flip(path, at: 40) } },
        Damage(
            testDescription: "a flipped bit in the copy of a new topic", start: "restored from the journal", verify: "restored from the journal"
        ) { try $0.flip(definition + ".copy", at: 40) },
        Damage(testDescription: "no copy", start: nil, verify: nil) { try $0.remove(definition + ".copy") },
        Damage(testDescription: "a segment in the middle is gone", isKilled: false, start: nil, verify: "are missing", lost: [1]) {
            try $0.remove($0.segment(1))
        },
        Damage(
            testDescription: "a segment in the middle is empty", isKilled: false, start: "it is empty", verify: "it is empty", lost: [1]
        ) { try $0.files.open($0.segment(1), .write).truncate(to: 0) },
        Damage(testDescription: "the first segment is gone", isKilled: false, start: "at its start", verify: "at its start", lost: [0]) {
            try $0.remove($0.segment(0))
        },
        Damage(testDescription: "the last segment is gone", isKilled: false, start: "not at", verify: "not at", lost: [4]) {
            try $0.remove($0.segment($0.bases.count - 1))
        },
        Damage(testDescription: "the last segment is empty", isKilled: false, start: "not at", verify: "not at", lost: [4]) {
            try $0.files.open($0.segment($0.bases.count - 1), .write).truncate(to: 0)
        },
        Damage(testDescription: "the last segment is cut", isKilled: false, start: "not at", verify: "not at", lost: [4]) {
            try $0.cut($0.segment($0.bases.count - 1), by: 3)
        },
        Damage(testDescription: "a flipped bit in a segment", isKilled: false, start: nil, verify: "fails its checksum", lost: [1]) {
            try $0.flip($0.segment(1), at: 70)
        },
        Damage(testDescription: "a file of a foreign name", start: nil, verify: "does not belong to the log") {
            try $0.files.replace("data/log/t-0/notes.log", with: [1, 2, 3])
        },
        Damage(testDescription: "a foreign segment behind the end", isKilled: false, start: "kept as", verify: "kept as") {
            try $0.files.replace($0.segment(named: 900), with: Array("what is this".utf8))
        },
        Damage(testDescription: "a copied segment behind the end", isKilled: false, start: "kept as", verify: "kept as") {
            try $0.files.replace($0.segment(named: 900), with: $0.files.contents(of: $0.segment(1)))
        },
        Damage(testDescription: "an index cut to nothing", isKilled: false, start: nil, verify: nil) {
            for suffix in [".index", ".timeindex", ".batches"] { try $0.files.open($0.segment(1, suffix), .create).truncate(to: 0) }
        },
        Damage(testDescription: "a flipped bit in a side file", isKilled: false, start: nil, verify: nil) { directory in
            for place in directory.bases.indices { try directory.flip(directory.segment(place, ".batches"), at: 5) }
        },
    ]
}

@Suite struct DamageTableTests {
    private func directory(isKilled: Bool) throws -> (Damage.Directory, TopicID) {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) { $0.tailBytes = 0 }
        // Without retention, which could explain that a segment is gone.
        let topic = try log.create("t") { $0.segmentBytes = 1024; $0.retention = nil }
        for number in 0..<60 { try log.append(topic, "k\(number)=v") }
        let killed = try copy(of: files)
        log.close()
        let result = isKilled ? killed : files
        let bases = try result.list("data/log/t-0").filter { $0.hasSuffix(".log") }.compactMap { Int64($0.dropLast(4)) }
        #expect(bases.count == 5)
        return (Damage.Directory(files: result, bases: bases), topic)
    }

    private func contents(_ files: MemoryFileSystem) throws -> [String: [UInt8]] {
        try Dictionary(uniqueKeysWithValues: paths(in: files).map { ($0, try files.contents(of: $0)) })
    }

    /// The offsets that cannot be read, each of them with an error that says so.
    private func unreadable(_ log: SegmentedLog, _ topic: TopicID) throws -> Set<Int64> {
        var missing: Set<Int64> = []
        for offset in Int64(0)..<60 {
            do throws(LogError) {
                let run = try log.fetch(topic, partition: 0, from: Offset(clamping: offset), maxBytes: 1, upTo: .durable)
                #expect(run.offsets.first == offset && text(run).hasPrefix("k\(offset)=v"), "offset \(offset)")
            } catch {
                #expect(error.kind == .damaged, "\(error)")
                missing.insert(offset)
            }
        }
        return missing
    }

    @Test(arguments: Damage.all) fileprivate func isSaidAndLosesNothing(_ damage: Damage) throws {
        let (directory, topic) = try directory(isKilled: damage.isKilled)
        try damage.inflict(directory)
        let before = try contents(directory.files)
        let inspected = try SegmentedLog.inspecting(
            directory: "data", files: directory.files, clock: SimulatedTime(wall: 1_000_000), random: SeededRandom(seed: 3))
        var found = inspected.verifyDirectory().map { ($0.text, $0.isDamage) }
        for topic in inspected.describeTopics() { found += try inspected.verify(topic.id).flatMap(\.problems).map { ($0, true) } }
        let wanted = damage.verify
        #expect(found.contains { $0.0.contains(wanted ?? "") } == (wanted != nil), "\(found)")
        let isForeign = damage.verify == "does not belong to the log"
        #expect(found.contains { $0.1 } == (wanted != nil && !isForeign), "\(found)")
        inspected.close()
        #expect(try contents(directory.files) == before, "the inspection has changed something")

        var allowed: Set<Int64> = []
        for place in damage.lost {
            allowed.formUnion(directory.bases[place]..<(place + 1 < directory.bases.count ? directory.bases[place + 1] : 60))
        }
        for opening in 0..<2 {
            let log = try openLog(directory.files) { $0.tailBytes = 0 }
            let notes = log.recoveryNotes.filter(\.isDamage)
            if opening == 0 {
                #expect(notes.isEmpty == (damage.start == nil), "\(notes)")
                #expect(damage.start == nil || notes.contains { $0.detail.contains(damage.start ?? "") }, "\(notes)")
            }
            #expect((log.describeTopic(topic) == nil) == damage.isAway)
            if !damage.isAway {
                let missing = try unreadable(log, topic)
                #expect(missing.isSubset(of: allowed) && missing.isEmpty == allowed.isEmpty, "\(missing.sorted())")
                #expect(try log.append(topic, "more=\(opening)") == 60 + Int64(opening))
            } else {
                // A new topic does not take its place.
                #expect { try log.create("t") } throws: { ($0 as? LogError)?.kind == .damaged }
                for (path, bytes) in before where path.hasPrefix("data/log/") { #expect(try directory.files.contents(of: path) == bytes) }
            }
            log.close()
        }
    }

    /// A topic whose definition was lost is whole again when that is restored, also what only the journal had.
    @Test func aTopicComesBackWithItsDefinition() throws {
        for isKilled in [true, false] {
            let (directory, topic) = try directory(isKilled: isKilled)
            let definition = try directory.files.contents(of: Damage.definition)
            try directory.remove(Damage.definition, Damage.definition + ".copy")
            try openLog(directory.files).close()
            try directory.files.replace(Damage.definition, with: definition)
            let log = try openLog(directory.files)
            #expect(try unreadable(log, topic) == [])
        }
    }

    /// Whole batches behind the journal's end, where commits are not synced: they may be parts of commits, so they are kept beside.
    @Test func withoutSyncsWhatTheJournalLacksIsPutAside() throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) { $0.durability = .os }
        let topic = try log.create("t") { $0.segmentBytes = 1024 }
        for number in 0..<60 { try log.append(topic, "k\(number)=v") }
        let killed = try copy(of: files)
        let journal = "data/journal/" + (try #require(killed.list("data/journal").last))
        let segments = try killed.list("data/log/t-0").filter { $0.hasSuffix(".log") }
        let all = try segments.map { try killed.contents(of: "data/log/t-0/" + $0) }.reduce([], +)
        try killed.open(journal, .write).truncate(to: Int64(killed.contents(of: journal).count / 2))
        let again = try openLog(killed) { $0.durability = .os }
        let words = try everything(again, topic).split(separator: " ")
        #expect(words.count > 10 && words.count < 50 && words == (0..<words.count).map { "k\($0)=v" })
        #expect(again.recoveryNotes.contains { $0.kind == .cutRecords && $0.isDamage })
        let names = try killed.list("data/log/t-0")
        let kept = names.filter { $0.hasSuffix(".log") && $0.count == 24 } + names.filter { $0.contains(".cut") }
        #expect(try kept.map { try killed.contents(of: "data/log/t-0/" + $0) }.reduce([], +) == all)
        #expect(again.verifyDirectory().contains { $0.isDamage && $0.path.hasSuffix(".cut") })
        again.close()
        let third = try openLog(killed)
        #expect(third.recoveryNotes.isEmpty && third.verifyDirectory().contains { $0.isDamage && $0.path.hasSuffix(".cut") })
    }

    /// What was written ahead of a commit that did not come about is no batch of the log: no start takes it for one.
    @Test func whatWasWrittenAheadIsNotTakenForLost() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files) { $0.extentBytes = 2000; $0.batchBytes = 500 }
        let topic = try log.create("t")
        try log.append(topic, "a=1")
        // The process ends between the segment and the journal.
        files.setFaults { $0.kind == .write && $0.path.hasSuffix(".journal") ? .powerCut : nil }
        let words = (0..<40).map { "k\($0)=" + String(repeating: "v", count: 100) }.joined(separator: " ")
        #expect(throws: LogError.self) { try log.append(topic, words) }
        let left = try copy(of: memory)
        let again = try openLog(left)
        #expect(!again.recoveryNotes.contains { $0.isDamage }, "\(again.recoveryNotes)")
        #expect(again.recoveryNotes.contains { $0.kind == .cutSegment })
        #expect(try everything(again, topic) == "a=1")
        #expect(try again.append(topic, words) == 1)
        #expect(try everything(again, topic) == "a=1 " + words)
    }

    /// A crash at any step of making and deleting topics leaves nothing that a start takes for damage, nor anything in the way of a topic
    /// of the same name.
    @Test func crashesWhileTopicsComeAndGoAreNoDamage() throws {
        func live(_ files: any FileSystem) {
            do {
                let log = try openLog(files)
                for round in 0..<2 {
                    let topic = try log.create("t", partitions: 2)
                    for partition in PartitionIndex.all(of: 2) { try log.append(topic, "k=\(round)", partition: partition) }
                    try log.deleteTopic(topic)
                }
                log.close()
            } catch {
                // The end of the process.
            }
        }
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        try SeededScheduler(seed: 1).run { live(dry) }
        #expect(dry.operationCount > 60)
        for number in 0..<dry.operationCount {
            for seed in 0..<4 {
                let memory = MemoryFileSystem(simulatingPowerCuts: true)
                try SeededScheduler(seed: 1).run { live(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil }) }
                let isKilled = seed == 0 && memory.exists("data")
                let chance = SeededRandom(seed: UInt64(number * 4 + seed))
                let survivor = try isKilled ? copy(of: memory) : memory.afterPowerCut(keepingByChance: chance)
                let log = try openLog(survivor)
                // The simulated disk may lose both names of a renaming, where others keep one; then there is the copy.
                let notes = log.recoveryNotes.filter { $0.isDamage && $0.kind != .damagedTopic }
                #expect(notes == [], "cut at \(number), chance \(seed)")
                if let left = log.describeTopic(named: "t") {
                    try log.deleteTopic(left.id)
                } else {
                    #expect(try survivor.list("data/log") + survivor.list("data/topics") == [], "cut at \(number), chance \(seed)")
                }
                #expect(try log.append(log.create("t", partitions: 3), "k=v", partition: 2) == 0, "cut at \(number), chance \(seed)")
                log.close()
            }
        }
    }
}
