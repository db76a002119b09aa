// Damage to segments and their side files: never served, never cut, always reported.
import Bytes
import Foundation
import LogStore
import Platform
import Quantities
import TestSupport
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
        #expect(log.recoveryNotes[0].detail.contains("offset 3, not at \(size), offset 4"), "\(log.recoveryNotes)")
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

    /// A batch whose base offset was changed is an error where it is read, and in the way of nothing that follows it.
    @Test func aDamagedBatchIsNotInTheWayOfLaterOnes() throws {
        let (files, topic, stem) = try closedLog()
        try FaultyFileSystem(files).flipBit(4, ofByteAt: 6, in: stem + ".log")
        let log = try openLog(files) { $0.tailBytes = 0 }
        #expect { try everything(log, topic) } throws: { ($0 as? LogError)?.kind == .damaged }
        #expect(text(try log.fetch(topic, partition: 0, from: 3, maxBytes: 100, upTo: .durable)) == "d=4")
        #expect(try log.append(topic, "e=5") == 4)
        #expect(text(try log.fetch(topic, partition: 0, from: 4, maxBytes: 100, upTo: .durable)) == "e=5")
        #expect(log.describeTopics()[0].partitions[0].damage != nil)
    }

    /// A batch that says of itself that it goes on for longer than it does is in the way of nothing that follows it, either.
    @Test func aBatchThatClaimsLaterOffsetsIsNotInTheWay() throws {
        let (files, topic, stem) = try closedLog()
        try FaultyFileSystem(files).flipBit(0, ofByteAt: 25, in: stem + ".log")
        let log = try openLog(files) { $0.tailBytes = 0 }
        for offset in Int64(0)..<2 {
            #expect { try log.fetch(topic, partition: 0, from: Offset(clamping: offset), maxBytes: 1, upTo: .durable) } throws: {
                ($0 as? LogError)?.kind == .damaged
            }
        }
        #expect(text(try log.fetch(topic, partition: 0, from: 2, maxBytes: 1, upTo: .durable)).hasPrefix("c=3"))
        #expect(text(try log.fetch(topic, partition: 0, from: 3, maxBytes: 1, upTo: .durable)) == "d=4")
        #expect(try log.append(topic, "e=5") == 4)
        #expect(text(try log.fetch(topic, partition: 0, from: 4, maxBytes: 1, upTo: .durable)) == "e=5")
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
                let run = try again.fetch(topic, partition: 0, from: Offset(clamping: offset), maxBytes: 1, upTo: .durable)
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
        let (files, topic, _) = try closedLog()
        let (path, copy) = ("data/topics/t.topic", "data/topics/t.topic.copy")
        let bytes = try files.contents(of: path)
        #expect(try files.contents(of: copy) == bytes)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            try files.replace(path, with: changed)
            let log = try openLog(files)
            #expect(log.recoveryNotes.map(\.kind) == [.damagedTopic], "byte \(position)")
            #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4" && files.contents(of: path) == bytes, "byte \(position)")
            log.close()
            try files.replace(copy, with: changed)
            let again = try openLog(files)
            #expect(try again.recoveryNotes.map(\.kind) == [.damagedTopic] && files.contents(of: copy) == bytes, "byte \(position)")
            again.close()
        }
        try files.removeFile(path)
        #expect(try everything(openLog(files), topic) == "a=1 b=2 c=3 d=4")
    }

    /// The file and its copy are bad: the other topics are served, the topic is not touched, and it is whole again when its file is.
    @Test func aTopicThatIsAwayForAWhile() throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files)
        let (first, second) = (try log.create("first"), try log.create("second") { $0.segmentBytes = 1024 })
        for number in 0..<40 { try log.append(second, "k\(number)=v") }
        try log.append(first, "a=1")
        log.close()
        let expected = try everything(openLog(files.afterPowerCut()), second)
        let bytes = try files.contents(of: "data/topics/second.topic")
        for path in ["data/topics/second.topic", "data/topics/second.topic.copy"] { try files.replace(path, with: Array(bytes.dropLast(9))) }
        let crippled = try openLog(files)
        #expect(crippled.recoveryNotes.map(\.kind) == [.damagedTopic])
        #expect(try crippled.append(first, "b=2") == 1)
        #expect(crippled.describeTopic(second) == nil)
        #expect { try crippled.create("second") } throws: { ($0 as? LogError)?.kind == .damaged }
        #expect(crippled.verifyDirectory().contains { $0.isDamage && $0.path.hasSuffix("second.topic") })
        crippled.close()
        try files.replace("data/topics/second.topic", with: bytes)
        let whole = try openLog(files)
        #expect(try everything(whole, first) == "a=1 b=2")
        #expect(try everything(whole, second) == expected)
        #expect(try whole.append(second, "more=1") == 40)
    }

    @Test func foreignFilesAreLeftAlone() throws {
        let (files, topic, _) = try closedLog()
        let foreign = ["data/notes.txt", "data/journal/notes", "data/topics/notes", "data/log/t-0/notes.new", "data/log/other-0/notes"]
        try files.createDirectory("data/log/other-0")
        try files.createDirectory("data/journal/old")
        for path in foreign { try files.replace(path, with: [1]) }
        let log = try openLog(files)
        #expect(log.recoveryNotes.isEmpty)
        #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4")
        let findings = log.verifyDirectory()
        #expect(findings.count == 5 && findings.allSatisfy { !$0.isDamage }, "\(findings)")
        log.close()
        for path in foreign { #expect(files.exists(path), "\(path)") }
    }
}
