// Transactions in a partition: who sees what while they are open, after their end, over a start, a power cut, retention and compaction.
import Bytes
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

/// A batch in a transaction, as a producer makes it.
private func batch(_ text: String, producer: Int64, sequence: Int32, epoch: Int16 = 0) throws -> ReceivedBatch {
    let stamp = BatchProducer(id: producer, epoch: epoch, baseSequence: sequence)
    let framed = try #require(BatchFraming(batchBytes: 1 << 20, compressionBits: 0, producer: stamp).frameUncompressed(records(text)))
    var header = try #require(RecordBatchHeader(framed.bytes, at: 0))
    header.attributes |= 0x10
    return try ReceivedBatch(header.sealed(section: Array(framed.bytes[RecordBatchHeader.byteCount..<framed.byteCount]))[...])
}

extension EventLog {
    fileprivate func write(_ topic: TopicID, _ text: String, producer: Int64, sequence: Int32, partition: PartitionIndex = 0) throws {
        try commitAndWait([Append(topic: topic, partition: partition, batch: try batch(text, producer: producer, sequence: sequence))])
    }

    fileprivate func marker(_ topic: TopicID, producer: Int64, isCommit: Bool, partition: PartitionIndex = 0) -> Append {
        Append(endOf: producer, epoch: 0, isCommit: isCommit, topic: topic, partition: partition, timestamp: 2000)
    }

    fileprivate func end(_ topic: TopicID, producer: Int64, isCommit: Bool) throws {
        try commitAndWait([marker(topic, producer: producer, isCommit: isCommit)])
    }

    fileprivate func aborted(_ topic: TopicID, from offset: Offset = 0) throws -> [AbortedTransaction] {
        try fetchBatches(topic, partition: 0, from: offset, maxBytes: .mebibytes(1), .readCommitted).aborted
    }
}

@Suite struct TransactionTests {
    @Test func nothingOfAnOpenTransactionIsSeenAndNothingBehindIt() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        try log.append(topic, "a=1")
        try log.write(topic, "b=2 c=3", producer: 7, sequence: 0)
        try log.append(topic, "d=4")
        #expect(try everything(log, topic) == "a=1")
        let bounds = try log.bounds(of: topic, partition: 0)
        #expect(bounds.durableEnd == 1 && bounds.appendedEnd == 1 && bounds.highWatermark == 4)
        #expect(try log.fetchBatches(topic, partition: 0, from: 0, maxBytes: .mebibytes(1), .readUncommitted).run.nextOffset == 4)
        #expect(try log.fetchBatches(topic, partition: 0, from: 0, maxBytes: .mebibytes(1), .readCommitted).run.nextOffset == 1)
        #expect(try log.producers(of: topic, partition: 0).map(\.transactionStart) == [1])
        try log.end(topic, producer: 7, isCommit: true)
        #expect(try everything(log, topic) == "a=1 b=2 c=3 d=4")
        #expect(try log.bounds(of: topic, partition: 0).durableEnd == 5)
        #expect(try log.aborted(topic) == [])
        log.close()
    }

    @Test func whatWasAbortedIsNeverSeen() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        try log.write(topic, "a=1", producer: 7, sequence: 0)
        try log.write(topic, "b=2", producer: 8, sequence: 0)
        try log.write(topic, "c=3", producer: 7, sequence: 1)
        try log.end(topic, producer: 7, isCommit: false)
        #expect(try everything(log, topic) == "")
        try log.write(topic, "d=4", producer: 7, sequence: 2)
        try log.end(topic, producer: 8, isCommit: true)
        #expect(try everything(log, topic) == "b=2")
        try log.end(topic, producer: 7, isCommit: true)
        #expect(try everything(log, topic, maxBytes: 1) == "b=2 d=4")
        #expect(try log.aborted(topic) == [AbortedTransaction(producer: 7, first: 0, marker: 3)])
        #expect(try log.aborted(topic, from: 4) == [])
        // By time: a record that counts.
        #expect(try log.offset(of: topic, partition: 0, atOrAfter: 0) == 1)
        log.close()
    }

    /// The end of the partition is a marker, and readers come past it.
    @Test func readersComePastMarkers() throws {
        let log = try openLog(MemoryFileSystem(), change: { $0.tailBytes = 0 })
        let topic = try log.create("t")
        for number in 0..<20 {
            try log.write(topic, "k\(number)=\(number)", producer: 7, sequence: Int32(number))
            try log.end(topic, producer: 7, isCommit: number % 3 == 0)
        }
        let end = try log.bounds(of: topic, partition: 0).durableEnd
        #expect(end == 40)
        let run = try log.fetch(topic, partition: 0, from: 38, maxBytes: 1, upTo: .durable)
        #expect(run.count == 0 && run.isAtEnd && run.nextOffset == 40)
        #expect(try everything(log, topic, maxBytes: 1) == "k0=0 k3=3 k6=6 k9=9 k12=12 k15=15 k18=18")
        log.close()
    }

    @Test func theyAreKnownAfterAStart() throws {
        let files = MemoryFileSystem()
        for journalBytes in [ByteCount.mebibytes(1), ByteCount(length: 300)] {
            let name = "t\(journalBytes.length)"
            let change: (inout LogOptions) -> Void = { $0.journalBytes = journalBytes }
            var log = try openLog(files, change: change)
            let topic = try log.create(name)
            try log.write(topic, "a=1", producer: 7, sequence: 0)
            try log.end(topic, producer: 7, isCommit: false)
            try log.write(topic, "b=2", producer: 8, sequence: 0)
            try log.append(topic, "c=3")
            log.close()
            log = try openLog(files, change: change)
            #expect(try log.bounds(of: topic, partition: 0).durableEnd == 2)
            #expect(try log.aborted(topic) == [AbortedTransaction(producer: 7, first: 0, marker: 1)])
            try log.end(topic, producer: 8, isCommit: true)
            #expect(try everything(log, topic) == "b=2 c=3")
            log.close()
        }
    }

    /// Where the journal is gone the batches themselves tell.
    @Test func theyAreKnownWithoutTheJournal() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        let topic = try log.create("t")
        try log.write(topic, "a=1", producer: 7, sequence: 0)
        try log.end(topic, producer: 7, isCommit: false)
        try log.write(topic, "b=2", producer: 8, sequence: 0)
        try log.end(topic, producer: 8, isCommit: true)
        try log.write(topic, "c=3", producer: 9, sequence: 0)
        log.close()
        for name in try files.list("data/journal") { try files.removeFile("data/journal/" + name) }
        log = try openLog(files)
        #expect(try everything(log, topic) == "b=2")
        #expect(try log.bounds(of: topic, partition: 0).durableEnd == 4)
        log.close()
    }

    /// Markers in two partitions are one commit: at whatever operation the power is cut, both count or neither.
    @Test func powerCutsLeaveAllOrNothing() throws {
        func work(_ files: any FileSystem) throws {
            try SeededScheduler(seed: 1).run {
                do {
                    let log = try openLog(files, change: { ($0.journalBytes, $0.tailBytes) = (600, 0) })
                    let topic = try log.create("pair", partitions: 2)
                    for number in 0..<8 {
                        for partition in [0, 1] as [PartitionIndex] {
                            try log.write(topic, "k=\(number)", producer: 7, sequence: Int32(number), partition: partition)
                        }
                        let ends = [0, 1].map { log.marker(topic, producer: 7, isCommit: number % 2 == 0, partition: $0) }
                        try log.commitAndWait(ends)
                    }
                    log.close()
                } catch {
                    // The end of the run; the check begins.
                }
            }
        }
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        try work(dry)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            try work(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil })
            let log = try openLog(memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number))))
            defer { log.close() }
            guard let topic = log.describeTopic(named: "pair")?.id else { continue }
            let (first, second) = (try everything(log, topic, 0), try everything(log, topic, 1))
            #expect(first == second, "cut at \(number)")
            #expect("k=0 k=2 k=4 k=6".hasPrefix(first), "cut at \(number)")
        }
    }

    /// A reader of batches that has them from before compaction still learns which of them were aborted.
    @Test func abortedOnesAreToldWithTheirBatches() throws {
        let log = try openLog(MemoryFileSystem(), change: { ($0.tailBytes, $0.maintenanceInterval) = (0, .max) })
        let topic = try log.create("t") { ($0.cleanupPolicy, $0.segmentBytes) = (.compact, 1024) }
        try log.write(topic, "a=1", producer: 7, sequence: 0)
        try log.end(topic, producer: 7, isCommit: false)
        for number in 0..<40 { try log.append(topic, "c=\(number)") }
        let fetched = try log.fetchBatches(topic, partition: 0, from: 0, maxBytes: .mebibytes(1), .readCommitted)
        #expect(log.maintain() == [])
        #expect(fetched.aborted == [AbortedTransaction(producer: 7, first: 0, marker: 1)])
        #expect(try log.aborted(topic) == [])
        log.close()
    }

    @Test func compactionKeepsWhatCounts() throws {
        let clock = SimulatedTime(wall: 1_000_000)
        let log = try openLog(MemoryFileSystem(), clock: clock, change: { $0.tailBytes = 0 })
        let topic = try log.create("t") {
            ($0.cleanupPolicy, $0.segmentBytes) = (.compact, 1024)
        }
        try log.append(topic, "a=1 b=1")
        try log.write(topic, "a=2", producer: 7, sequence: 0)
        try log.end(topic, producer: 7, isCommit: false)
        try log.write(topic, "b=2", producer: 7, sequence: 1)
        try log.end(topic, producer: 7, isCommit: true)
        for number in 0..<40 { try log.append(topic, "c=\(number)") }
        try log.write(topic, "a=3", producer: 8, sequence: 0)
        for number in 0..<40 { try log.append(topic, "d=\(number)") }
        #expect(log.maintain() == [])
        // The value that was aborted has not replaced the one before, and nothing behind the open transaction was touched.
        let kept = try everything(log, topic)
        #expect(kept.hasPrefix("a=1 b=2 "), "\(kept)")
        #expect(try log.aborted(topic) == [])
        try log.end(topic, producer: 8, isCommit: true)
        let all = try everything(log, topic)
        #expect(all.hasPrefix(kept + " a=3 d=0 d=1"), "\(all)")
        log.close()
    }
}
