// Commits: offsets, moments, atomicity, repeats, refusals.
import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

@Suite struct CommitTests {
    @Test func recordsComeBackInOrder() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("orders")
        #expect(try log.append(topic, "a=1 b=2") == 0)
        #expect(try log.append(topic, "c =3") == 2)
        #expect(try everything(log, topic) == "a=1 b=2 c =3")
        #expect(try log.bounds(of: topic, partition: 0) == PartitionBounds(start: 0, appendedEnd: 4, durableEnd: 4))
    }

    @Test func aCommitSpansPartitionsAndTopics() throws {
        let log = try openLog(MemoryFileSystem())
        let (first, second) = (try log.create("first", partitions: 2), try log.create("second"))
        let receipt = try log.commitAndWait([
            Append(topic: first, partition: 1, records: records("a=1")),
            Append(topic: second, partition: 0, records: records("b=2 c=3")),
            Append(topic: first, partition: 1, records: records("d=4")),
            Append(topic: first, partition: 0, records: records("")),
        ])
        #expect(receipt.baseOffsets == [0, 0, 1, 0])
        #expect(try everything(log, first, 1) == "a=1 d=4")
        #expect(try everything(log, second) == "b=2 c=3")
    }

    /// What is made ready before its commit has its offsets and its place with it, and is committed once.
    @Test func appendsAreMadeReadyAhead() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        let (topic, packed) = (try log.create("t"), try log.create("packed") { $0.compression = .gzip })
        let early = try log.prepared(Append(topic: topic, partition: 0, records: records("c=3 d=4")))
        let small = try log.prepared(Append(topic: packed, partition: 0, records: records("x=1 y")))
        #expect(early.records.isEmpty)
        #expect(try log.prepared(Append(topic: topic, partition: 0, records: records(""))).records.isEmpty)
        try log.append(topic, "a=1 b=2")
        #expect(try everything(log, topic) == "a=1 b=2")
        let receipt = try log.commitAndWait([early, small, Append(topic: topic, partition: 0, records: records("e=5"))])
        #expect(receipt.baseOffsets == [2, 0, 4])
        #expect(throws: LogError.self) { try log.commitAndWait([early]) }
        #expect(throws: LogError.self) { try log.prepared(Append(topic: topic, partition: 1, records: records("a=1"))) }
        log.close()
        let again = try openLog(files)
        #expect(try everything(again, topic) == "a=1 b=2 c=3 d=4 e=5")
        #expect(try everything(again, packed) == "x=1 y")
    }

    /// Batches of many commits, whose arrays lie anywhere in memory, are read as one run.
    @Test func oneRunSpansManyCommits() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t", partitions: 2)
        var wanted = ["", ""]
        for number in 0..<200 {
            let words = (0..<2).map { partition in (0...number % (3 + partition)).map { "k\($0)=\(number)" }.joined(separator: " ") }
            // The partitions take turns at the front of the commit's array, so that positions rise and fall between commits.
            let order = number % 2 == 0 ? [0, 1] : [1, 0]
            try log.commitAndWait(order.map { Append(topic: topic, partition: PartitionIndex(index: $0), records: records(words[$0])) })
            for partition in 0..<2 { wanted[partition] += (wanted[partition].isEmpty ? "" : " ") + words[partition] }
        }
        for partition in PartitionIndex.all(of: 2) {
            let wanted = wanted[partition.index]
            #expect(text(try log.fetch(topic, partition: partition, from: 0, maxBytes: .mebibytes(1), upTo: .durable)) == wanted)
            for size: ByteCount in [1, 100, 1000] { #expect(try everything(log, topic, partition, maxBytes: size) == wanted) }
        }
    }

    @Test func appendedComesBeforeDurable() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let log = try openLog(files)
        let topic = try log.create("t")
        let seen = Mutex<[String]>([])
        // While the journal is being synced the records can be read as appended and not as durable.
        files.setFaults { [weak log] operation in
            if operation.kind == .synchronize, let log {
                let appended = (try? log.fetch(topic, partition: 0, from: 0, maxBytes: 100, upTo: .appended)).map(text)
                let durable = (try? log.fetch(topic, partition: 0, from: 0, maxBytes: 100, upTo: .durable)).map(text)
                seen.withLock { $0.append("appended \(appended ?? "?"), durable \(durable ?? "?")") }
            }
            return nil
        }
        let done = Monitor(0)
        log.commit(
            Commit(
                [Append(topic: topic, partition: 0, records: records("a=1"))],
                onAppended: { _ in done.update { $0 += 1 } })
        ) { _ in
            seen.withLock { $0.append("done") }
            done.update { $0 += 1 }
        }
        done.wait(until: { $0 == 2 }, then: { _ in })
        #expect(seen.withLock { $0 } == ["appended a=1, durable ", "done"])
    }

    @Test func newsTellsBothEnds() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t", partitions: 2)
        let news = Mutex<[LogNews]>([])
        let subscription = log.subscribe { new in news.withLock { $0.append(new) } }
        try log.append(topic, "a=1 b=2", partition: 1)
        log.unsubscribe(subscription)
        try log.append(topic, "c=3")
        let all = news.withLock { $0 }
        #expect(all.allSatisfy { $0.partition == 1 && $0.appendedEnd == 2 && $0.durableEnd <= 2 } && all.count <= 2, "\(all)")
        #expect(all.contains(LogNews(topic: topic, partition: 1, appendedEnd: 2, durableEnd: 2)))
    }

    @Test func repeatsAreDropped() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        func send(_ text: String, sequence: Int32, epoch: Int16 = 0) throws -> CommitReceipt {
            let stamp = ProducerStamp(id: 9, epoch: epoch, baseSequence: sequence)
            return try log.commitAndWait([Append(topic: topic, partition: 0, records: records(text), producer: stamp)])
        }
        #expect(try send("a=1 b=2", sequence: 0).baseOffsets == [0])
        #expect(try send("c=3", sequence: 2).baseOffsets == [2])
        #expect(try send("a=1 b=2", sequence: 0) == CommitReceipt(baseOffsets: [0], wereRepeats: [true]))
        #expect(throws: LogError.self) { try send("x=9", sequence: 7) }
        #expect(try send("d=4", sequence: 0, epoch: 1).baseOffsets == [3])
        #expect(throws: LogError.self) { try send("e=5", sequence: 3, epoch: 0) }
        #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4")
    }

    @Test func aRefusedAppendRefusesTheWholeCommit() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        func stamped(_ text: String, _ sequence: Int32) -> Append {
            let stamp = ProducerStamp(id: 1, epoch: 0, baseSequence: sequence)
            return Append(topic: topic, partition: 0, records: records(text), producer: stamp)
        }
        #expect(throws: LogError.self) {
            try log.commitAndWait([
                stamped("a=1", 0),
                Append(topic: topic, partition: 5, records: records("b=2")),
            ])
        }
        #expect(throws: LogError.self) {
            try log.commitAndWait([
                stamped("a=1", 0),
                stamped("b=2", 5),
            ])
        }
        #expect(try log.bounds(of: topic, partition: 0).appendedEnd == 0)
        // The first append's sequence was taken back as well.
        let stamp = ProducerStamp(id: 1, epoch: 0, baseSequence: 0)
        let receipt = try log.commitAndWait([Append(topic: topic, partition: 0, records: records("a=1"), producer: stamp)])
        #expect(receipt == CommitReceipt(baseOffsets: [0], wereRepeats: [false]))
    }

    @Test func reopeningKeepsEverything() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        let topic = try log.create("t") { $0.segmentBytes = 1024 }
        var expected: [String] = []
        for number in 0..<100 {
            let stamp = ProducerStamp(id: 3, epoch: 0, baseSequence: Int32(number))
            try log.commitAndWait([Append(topic: topic, partition: 0, records: records("k\(number)=v"), producer: stamp)])
            expected.append("k\(number)=v")
        }
        log.close()
        #expect(throws: LogError.self) { try log.append(topic, "x=1") }
        let again = try openLog(files)
        #expect(again.recoveryNotes.isEmpty)
        #expect(try everything(again, topic) == expected.joined(separator: " "))
        #expect(try everything(again, topic, maxBytes: 1) == expected.joined(separator: " "))
        #expect(again.describeTopics()[0].partitions[0].segmentCount > 3)
        let stamp = ProducerStamp(id: 3, epoch: 0, baseSequence: 99)
        let receipt = try again.commitAndWait([Append(topic: topic, partition: 0, records: records("k99=v"), producer: stamp)])
        #expect(receipt == CommitReceipt(baseOffsets: [99], wereRepeats: [true]))
    }

    @Test func aRecreatedTopicIsNotTheOldOne() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        let old = try log.create("t")
        try log.append(old, "a=1")
        try log.deleteTopic(old)
        let new = try log.create("t")
        #expect(throws: LogError.self) { try log.append(old, "b=2") }
        #expect(throws: LogError.self) { try log.fetch(old, partition: 0, from: 0, maxBytes: 1, upTo: .durable) }
        #expect(try everything(log, new) == "")
        try log.append(new, "c=3")
        log.close()
        #expect(try everything(openLog(files), new) == "c=3")
    }

    @Test func manyCommitsWithoutWaiting() throws {
        let log = try openLog(MemoryFileSystem()) { $0.journalBytes = 4096 }
        let topic = try log.create("t")
        let done = Monitor(0)
        for number in 0..<500 {
            log.commit(Commit([Append(topic: topic, partition: 0, records: records("k=\(number)"))])) { outcome in
                if case .success = outcome { done.update { $0 += 1 } }
            }
        }
        done.wait(until: { $0 == 500 }, then: { _ in })
        #expect(try everything(log, topic) == (0..<500).map { "k=\($0)" }.joined(separator: " "))
        log.close()
    }
}
