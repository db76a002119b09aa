// Damage to segments and their side files: never served, never cut, always reported.
import Bytes
import Foundation
import LogStore
import Platform
import Testing

@Suite struct DamageTests {
    /// A closed log with a few batches in one segment.
    private func closedLog() throws -> (MemoryFileSystem, TopicID, String) {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files)
        let topic = try log.create("t")
        for word in ["a=1 b=2", "c=3", "d=4"] { try log.append(topic, word) }
        log.close()
        return (files, topic, "data/log/t-0/" + String(repeating: "0", count: 20))
    }

    @Test func everyBitOfASegment() throws {
        let (base, topic, stem) = try closedLog()
        let size = try base.contents(of: stem + ".log").count
        for position in 0..<size {
            let files = base.afterPowerCut()
            for name in try base.list("data/log/t-0") {
                try files.open("data/log/t-0/" + name, .truncate).write(base.contents(of: "data/log/t-0/" + name), at: 0)
            }
            let damaged = FaultyFileSystem(files)
            let log = try openLog(files) { $0.tailBytes = 0 }
            try damaged.flipBit(position % 8, ofByteAt: Int64(position), in: stem + ".log")
            do {
                // The leader's epoch is in no checksum that readers of an active segment look at; inspection sees it.
                #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4", "byte \(position)")
            } catch let error as LogError {
                #expect(error.kind == .damaged && error.message.contains(stem), "byte \(position): \(error)")
            }
            #expect(try log.verify(topic).contains { !$0.problems.isEmpty }, "byte \(position)")
        }
    }

    @Test func missingDurableBytesAreQuarantined() throws {
        let (files, topic, stem) = try closedLog()
        let size = try files.contents(of: stem + ".log").count
        try files.open(stem + ".log", .write).truncate(to: Int64(size - 1))
        let log = try openLog(files)
        #expect(log.recoveryNotes.map(\.kind) == [.quarantinedSegment])
        #expect { try everything(log, topic) } throws: { ($0 as? LogError)?.kind == .damaged }
        #expect(log.describeTopics()[0].partitions[0].damage != nil)
        // The partition goes on behind the damage, in a segment of its own.
        #expect(try log.append(topic, "e=5") == 4)
        #expect(text(try log.fetch(topic, partition: 0, from: 4, maxBytes: 100, upTo: .durable)) == "e=5")
        log.close()
        let again = try openLog(files)
        #expect(text(try again.fetch(topic, partition: 0, from: 4, maxBytes: 100, upTo: .durable)) == "e=5")
        #expect(try files.contents(of: stem + ".log").count == size - 1)
    }

    @Test func bytesBehindTheEndAreCut() throws {
        let (files, topic, stem) = try closedLog()
        let bytes = try files.contents(of: stem + ".log")
        try files.open(stem + ".log", .write).write(Array(bytes[..<40]), at: Int64(bytes.count))
        _ = try files.open("data/log/t-0/00000000000000000009.log", .create)
        let log = try openLog(files)
        #expect(Set(log.recoveryNotes.map(\.kind)) == [.cutSegment, .removedFile])
        #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4")
        #expect(try files.contents(of: stem + ".log") == bytes)
    }

    @Test func indexesAreMadeAnew() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files) { $0.batchBytes = 300 }
        let topic = try log.create("t") { $0.segmentBytes = 30_000 }
        var expected: [String] = []
        for number in 0..<900 {
            let words = (0..<3).map { "k\(number * 3 + $0)=" + String(repeating: "v", count: 20) }
            try log.append(topic, words.joined(separator: " "), timestamp: Int64(number))
            expected += words
        }
        log.close()
        let names = try files.list("data/log/t-0")
        #expect(names.filter { $0.hasSuffix(".index") }.count > 3)
        for damage in 0..<4 {
            for name in names where name.hasSuffix("index") || name.hasSuffix(".batches") && damage == 3 {
                let path = "data/log/t-0/" + name
                switch damage {
                case 0: break
                case 1: try files.open(path, .write).write([0x7f, 1, 2], at: 9)
                case 2: try files.open(path, .write).truncate(to: 5)
                default: try files.removeFile(path)
                }
            }
            let again = try openLog(files)
            #expect(try everything(again, topic) == expected.joined(separator: " "), "damage \(damage)")
            for offset: Int64 in [0, 1, 700, 1500, 2699] {
                let run = try again.fetch(topic, partition: 0, from: offset, maxBytes: 1, upTo: .durable)
                #expect(run.offsets.first == offset, "damage \(damage)")
            }
            #expect(try again.offset(of: topic, partition: 0, atOrAfter: 450) == 1350)
            #expect(try again.offset(of: topic, partition: 0, atOrAfter: -5) == 0)
            #expect(try again.offset(of: topic, partition: 0, atOrAfter: 900) == nil)
            again.close()
        }
    }

    @Test func withoutAJournalTheSegmentsCount() throws {
        let (files, topic, _) = try closedLog()
        for name in try files.list("data/journal") { try files.removeFile("data/journal/" + name) }
        let log = try openLog(files)
        #expect(log.recoveryNotes.map(\.kind) == [.missingJournal])
        #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4")
        #expect(try log.append(topic, "e=5") == 4)
    }

    @Test func aDirectoryInUseSaysSo() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        #expect {
            _ = try openLog(files)
        } throws: {
            let error = $0 as? LogError
            return error?.kind == .directoryInUse && error?.message == "data is in use by another process"
        }
        log.close()
        _ = try openLog(files)
    }

    @Test func aDirectoryThatCannotBeWritten() throws {
        let files = FaultyFileSystem(MemoryFileSystem()) { _ in .fail(.permissionDenied) }
        #expect {
            _ = try openLog(files)
        } throws: {
            let error = $0 as? LogError
            return error?.kind == .storage && error?.message.contains("Permission denied") == true
        }
    }

    @Test func aTopicFileThatWasChanged() throws {
        let (files, _, _) = try closedLog()
        let path = "data/topics/t.topic"
        let bytes = try files.contents(of: path)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            try files.replace(path, with: changed)
            #expect("byte \(position)") {
                _ = try openLog(files)
            } throws: {
                let kind = ($0 as? LogError)?.kind
                return kind == .damaged || kind == .invalidTopic
            }
        }
    }
}
