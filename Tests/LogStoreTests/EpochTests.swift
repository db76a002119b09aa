// Run epochs: a commit of a run that was replaced is refused, and an empty commit is a barrier.
import Bytes
import LogStore
import Platform
import Synchronization
import TestSupport
import Testing

@Suite struct EpochTests {
    private func outcome(_ log: SegmentedLog, _ commit: Commit) -> Result<CommitReceipt, LogError>? {
        let result = Monitor<Result<CommitReceipt, LogError>?>(nil)
        log.commit(commit) { outcome in result.update { $0 = outcome } }
        return result.wait(until: { $0 != nil }, then: { $0 })
    }

    private func kind(_ outcome: Result<CommitReceipt, LogError>?) -> LogError.Kind? {
        if case .failure(let error)? = outcome { error.kind } else { nil }
    }

    @Test func aNewerRunFencesTheOlder() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        func commit(_ text: String, _ owners: [CommitOwner]) -> Result<CommitReceipt, LogError>? {
            outcome(log, Commit([Append(topic: topic, partition: 0, records: records(text))], owners: owners))
        }
        let first = CommitOwner(group: "q", epoch: log.beginEpoch(of: "q"))
        let other = CommitOwner(group: "r", epoch: log.beginEpoch(of: "r"))
        #expect(kind(commit("a=1", [first, other])) == nil)
        let second = CommitOwner(group: "q", epoch: log.beginEpoch(of: "q"))
        #expect(second.epoch > first.epoch)
        let generation = log.generation
        #expect(kind(commit("b=2", [first])) == .fencedOwner)
        // One of two owners is enough to refuse all of it, and nothing of it stays.
        #expect(kind(commit("c=3", [other, first])) == .fencedOwner)
        #expect(kind(commit("d=4", [second, other])) == nil)
        #expect(kind(commit("e=5", [])) == nil)
        #expect(try everything(log, topic) == "a=1 d=4 e=5")
        #expect(log.generation == generation)
        log.endEpoch(of: "q")
        #expect(kind(commit("f=6", [second])) == .fencedOwner)
        #expect(kind(commit("g=7", [other])) == nil)
        let third = CommitOwner(group: "q", epoch: log.beginEpoch(of: "q"))
        #expect(third.epoch > second.epoch)
        #expect(kind(commit("h=8", [third])) == nil)
        // An epoch that was never given is refused as well.
        #expect(kind(commit("i=9", [CommitOwner(group: "q", epoch: third.epoch + 1)])) == .fencedOwner)
        #expect(kind(commit("j=1", [CommitOwner(group: "unknown", epoch: 0)])) == .fencedOwner)
    }

    /// What was taken before the newer run began is carried out, also when it is not durable yet.
    @Test func whatWasTakenBeforeIsCarriedOut() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let log = try openLog(files)
        let topic = try log.create("t")
        let epoch = log.beginEpoch(of: "q")
        let hasBegun = Mutex(false)
        files.setFaults { [weak log] operation in
            // While the first commit is being synced, the newer run begins.
            if operation.kind == .synchronize && !hasBegun.withLock({ began in defer { began = true }; return began }) {
                _ = log?.beginEpoch(of: "q")
            }
            return nil
        }
        let owner = CommitOwner(group: "q", epoch: epoch)
        let append = Append(topic: topic, partition: 0, records: records("a=1"))
        #expect(kind(outcome(log, Commit([append], owners: [owner]))) == nil)
        #expect(kind(outcome(log, Commit([append], owners: [owner]))) == .fencedOwner)
        #expect(try everything(log, topic) == "a=1")
    }

    @Test func anEmptyCommitCompletesAfterThoseBefore() throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t")
        let order = Monitor<[Int]>([])
        for number in 0..<100 {
            log.commit(Commit([Append(topic: topic, partition: 0, records: records("k=\(number)"))])) { _ in
                order.update { $0.append(number) }
            }
        }
        log.commit(Commit()) { outcome in
            if case .success(let receipt) = outcome { #expect(receipt == CommitReceipt(baseOffsets: [], wereRepeats: [])) }
            order.update { $0.append(100) }
        }
        let seen = order.wait(until: { $0.count == 101 }, then: { $0 })
        #expect(seen == Array(0...100))
        // It may be fenced like any other.
        let epoch = log.beginEpoch(of: "q")
        #expect(kind(outcome(log, Commit(owners: [CommitOwner(group: "q", epoch: epoch)]))) == nil)
        log.endEpoch(of: "q")
        #expect(kind(outcome(log, Commit(owners: [CommitOwner(group: "q", epoch: epoch)]))) == .fencedOwner)
        log.close()
    }
}
