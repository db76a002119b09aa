// Work that stopped half-way: a segment, a journal file or the offset of a batch that was begun and not finished, and a start after it.
import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

@Suite struct HalfwayTests {
    private static let filler = String(repeating: "v", count: 600)
    private static func words(_ range: Range<Int>) -> String { range.map { "k\($0)=\(filler)" }.joined(separator: " ") }
    private func path(_ base: Int) -> String { "data/log/t-0/" + String(repeating: "0", count: 19) + "\(base).log" }

    /// A journal file whose sync fails is no part of the journal: what is committed to the one before it counts.
    @Test func aJournalFileThatCouldNotBeBegun() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files) { $0.journalBytes = 3000 }
        let topic = try log.create("t")
        let failures = Mutex(0)
        files.setFaults { operation in
            guard operation.kind == .synchronize, operation.path.hasSuffix("2.journal"), failures.withLock({ $0 }) == 0 else { return nil }
            failures.withLock { $0 += 1 }
            return .failedSync
        }
        var count = 0
        // The commit behind the failed one goes to the first file.
        var behind = 0
        while behind < 2 {
            if failures.withLock({ $0 }) > 0 {
                behind += 1
                // Only the one file is looked at: no second attempt.
                files.setFaults { $0.kind == .create && $0.path.hasSuffix("2.journal") ? .fail(.noSpace) : nil }
            }
            try log.append(topic, "k\(count)=\(Self.filler)")
            count += 1
        }
        for survivor in [try copy(of: memory), memory.afterPowerCut()] {
            let again = try openLog(survivor)
            #expect(again.recoveryNotes.filter { $0.isDamage } == [])
            #expect(try everything(again, topic) == Self.words(0..<count))
        }
    }

    /// The offset of a batch lies across two sectors, of which a power cut has left the second as it was.
    @Test(arguments: [1, 4, 7]) func anOffsetThatWasWrittenInPart(byteCount: Int) throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files) { $0.extentBytes = 500 }
        let topic = try log.create("t")
        for number in 0..<3 { try log.append(topic, "k\(number)=\(Self.filler)") }
        let killed = try copy(of: files)
        let file = try killed.open(path(0), .write)
        try file.write([UInt8](repeating: 0xFF, count: 8 - byteCount), at: Int64(byteCount))
        let again = try openLog(killed)
        #expect(again.recoveryNotes.filter { $0.isDamage } == [])
        #expect(try everything(again, topic) == Self.words(0..<3))
        #expect(try again.verify(topic).allSatisfy { $0.problems == [] })
    }

    /// A segment that was begun for a commit which failed, and could not be removed or is back after a power cut, is no damage. One that has
    /// lost its records is.
    @Test(arguments: [[], [UInt8](repeating: 0xFF, count: 8) + [1, 2, 3]]) func aSegmentWithinAnother(_ content: [UInt8]) throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        let log = try openLog(files)
        let topic = try log.create("t") { $0.segmentBytes = 2048 }
        for number in 0..<8 { try log.append(topic, "k\(number)=\(Self.filler)") }
        log.close()
        #expect(files.exists(path(3)) && files.exists(path(6)) && !files.exists(path(4)))
        let emptied = try copy(of: files)
        try files.open(path(4), .create).write(content, at: 0)
        let again = try openLog(files)
        #expect(again.recoveryNotes.filter { $0.isDamage } == [] && !files.exists(path(4)))
        #expect(try everything(again, topic) == Self.words(0..<8))
        #expect(try again.verify(topic).allSatisfy { $0.problems == [] })
        again.close()
        try emptied.open(path(3), .truncate).close()
        #expect(try openLog(emptied).recoveryNotes.contains { $0.isDamage && $0.path == path(3) })
    }

    /// While the disk takes no segments, retention does not take a segment whose records are still in the journal for an empty one.
    @Test func retentionBesideADiskThatRefuses() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files)
        let topic = try log.create("t") { $0.segmentBytes = 1024 }
        files.setFaults { $0.kind == .write && $0.path.hasPrefix("data/log/") ? .fail(.noSpace) : nil }
        for number in 0..<3 { try log.append(topic, "k\(number)=\(Self.filler)") }
        #expect(log.maintain() == [])
        files.setFaults { _ in nil }
        try log.append(topic, "k3=\(Self.filler)")
        #expect(try everything(log, topic) == Self.words(0..<4))
        log.close()
        #expect(try everything(openLog(memory.afterPowerCut()), topic) == Self.words(0..<4))
    }

    /// What a failed commit wrote ahead of the journal is cut off again, also while earlier commits wait for the disk.
    @Test func aFailedCommitBehindOneThatWaits() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files) { $0.extentBytes = 500 }
        let topic = try log.create("t")
        let other = try log.create("other")
        try log.append(topic, "k0=\(Self.filler)")
        files.setFaults { $0.kind == .write && $0.path.hasPrefix("data/log/other") ? .fail(.noSpace) : nil }
        try log.append(other, "waits=1")
        files.setFaults { $0.kind == .write && ($0.path.hasPrefix("data/log/other") || $0.path.hasPrefix("data/journal")) ? .fail(.noSpace) : nil }
        let size = try memory.contents(of: path(0)).count
        #expect(throws: LogError.self) { try log.append(topic, "failed=\(Self.filler)") }
        #expect(try memory.contents(of: path(0)).count == size)
        files.setFaults { _ in nil }
        try log.append(topic, "k1=\(Self.filler)")
        #expect(try everything(log, topic) == Self.words(0..<2))
        #expect(try log.verify(topic).allSatisfy { $0.problems == [] })
    }
}
