// Any file of the directory damaged anyhow: the log opens, serves what was written or says that it cannot, takes new records, and
// does the same when it is opened again. `MILLRACE_FUZZ_ROUNDS` sets how many tries.
import Bytes
import Foundation
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

@Suite struct DamageFuzzTests {
    private struct Original {
        var files: MemoryFileSystem
        /// What was written to each topic's partition, by offset.
        var topics: [TopicID: [String]] = [:]
    }

    /// Three topics over some segments and a journal that still has commits; one is compacted. Always the same files: no checkpoint is
    /// under way.
    private func original() throws -> Original {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        return try SeededScheduler(seed: 1).run {
            let log = try openLog(files) { $0.tailBytes = 0; $0.journalBytes = 6000; $0.extentBytes = 700 }
            var result = Original(files: files)
            let configs: [(String, CleanupPolicy)] = [("plain", .delete), ("table", .compact), ("other", .compactAndDelete)]
            let topics = try configs.map { name, policy in
                try log.create(name) { $0.cleanupPolicy = policy; $0.segmentBytes = 1500; $0.retention = nil }
            }
            for number in 0..<90 {
                let value = String(repeating: "v", count: number % 20 == 7 ? 900 : 10)
                try log.commitAndWait(topics.map { Append(topic: $0, partition: 0, records: records("k\(number % 40)=\(number)\(value)")) })
                for topic in topics { result.topics[topic, default: []].append("k\(number % 40)=\(number)\(value)") }
                if number == 70 { #expect(log.maintain() == []) }
            }
            // Simulated time passes when all threads of the log wait.
            log.scheduler.sleep(nanoseconds: 1_000_000)
            return result
        }
    }

    private func damage(_ files: MemoryFileSystem, _ chance: SeededRandom) throws -> String {
        let all = try paths(in: files).filter { !$0.hasSuffix("/lock") }
        let path = all[chance.below(all.count)]
        let bytes = try files.contents(of: path)
        let kind = bytes.isEmpty ? 0 : chance.below(4)
        let place = bytes.isEmpty ? 0 : chance.below(bytes.count)
        switch kind {
        case 0: try files.removeFile(path)
        case 1: try files.replace(path, with: Array(bytes[..<place]))
        case 2: try FaultyFileSystem(files).flipBit(chance.below(8), ofByteAt: Int64(place), in: path)
        default:
            let count = min(1 + chance.below(200), bytes.count - place)
            try files.open(path, .write).write((0..<count).map { _ in UInt8(truncatingIfNeeded: chance.next()) }, at: Int64(place))
        }
        return "\(["removed", "cut", "flipped", "overwritten"][kind]) \(path) at \(place) of \(bytes.count)"
    }

    /// Reads a partition from its start over whatever is damaged; all that comes must be what was written.
    private func check(_ log: SegmentedLog, _ original: Original, _ what: String) throws {
        for (topic, words) in original.topics {
            guard let description = log.describeTopic(topic) else {
                #expect(!log.recoveryNotes.isEmpty, "\(what): a topic is gone in silence")
                continue
            }
            var next = description.partitions[0].bounds.start
            #expect(description.name != "plain" || next == 0, "\(what)")
            while next < min(description.partitions[0].bounds.durableEnd, Offset(clamping: Int64(words.count))) {
                do {
                    let run = try log.fetch(topic, partition: 0, from: next, maxBytes: 1, upTo: .durable)
                    for (offset, word) in zip(run.offsets, text(run).split(separator: " ")) where offset < words.count {
                        // A journal that lost its end cannot be told from one that a power cut left unfinished, where the segments do
                        // not have what it lost either.
                        let isLost = offset == words.count - 1 || what.contains("after a power cut") && what.contains(".journal")
                        let mayBeNew = word == "more=1" && isLost
                        #expect(word == words[Int(offset)] || mayBeNew, "\(what): \(description.name) at \(offset)")
                    }
                    #expect(run.nextOffset > next, "\(what)")
                    // Nothing is stepped over where nothing is compacted.
                    #expect(description.name != "plain" || run.offsets.first == next.count, "\(what): \(next)")
                    next = max(run.nextOffset, next + 1)
                } catch {
                    #expect(error.kind == .damaged, "\(what): \(error)")
                    next = next + 1
                }
            }
            _ = try log.verify(topic)
        }
        _ = log.verifyDirectory()
        log.maintain()
    }

    @Test func anyFileDamagedAnyhow() throws {
        let rounds = ProcessInfo.processInfo.environment["MILLRACE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 200
        let original = try original()
        for seed in 0..<rounds {
            let chance = SeededRandom(seed: UInt64(seed))
            let files = seed % 3 == 0 ? original.files.afterPowerCut() : try copy(of: original.files)
            var what = "seed \(seed)\(seed % 3 == 0 ? ", after a power cut" : ""):"
            for _ in 0...chance.below(2) { what += " " + (try damage(files, chance)) }
            for opening in 0..<2 {
                let log = try openLog(files) { $0.tailBytes = 0 }
                try check(log, original, "\(what), opening \(opening)")
                for topic in original.topics.keys where log.describeTopic(topic) != nil {
                    let offset = try log.append(topic, "more=1")
                    let new = Result { text(try log.fetch(topic, partition: 0, from: offset, maxBytes: 1, upTo: .durable)) }
                    #expect((try? new.get()) == "more=1", "\(what), opening \(opening): offset \(offset) gives \(new)")
                }
                if opening == 0 { log.close() }
            }
        }
    }
}
