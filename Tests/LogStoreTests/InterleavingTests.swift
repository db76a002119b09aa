// The log with all its threads under seeded interleavings, with faults of the disk and a power cut at a step that the seed decides. What
// was acknowledged is there afterwards, nothing is there twice, offsets are a chain, what was deleted stays deleted, and the log
// refuses only what it should.
import Bytes
import Foundation
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

/// How a topic of the workload is kept. Keys never repeat, so compaction rewrites segments and removes no record.
private enum Keeping: CaseIterable { case whole, compacted, bySize }

/// What was asked of the log and what it answered.
private final class Journalist: Sendable {
    struct Record: Hashable {
        var partition: PartitionKey
        var offset: Offset
        var word: String
    }
    struct State {
        var topics: [TopicID: Keeping] = [:]
        var live: [(name: String, id: TopicID)] = []
        var deletionsBegun: Set<TopicID> = []
        var deletions: Set<TopicID> = []
        var acknowledged: [Record] = []
        /// The words of each commit by partition, for those whose parts must be there together.
        var commits: [[(PartitionKey, String)]] = []
        var epochs: [String: Int64] = [:]
        var problems: [String] = []
        var faults = 0
        var powerCuts = 0
        var acknowledgedCommits = 0
    }
    let state = Mutex(State())

    func complain(_ what: String) { state.withLock { $0.problems.append(what) } }

    /// Whether an error is one that this run may bring.
    func check(_ error: any Error, _ what: String, _ allowed: [LogError.Kind]) {
        guard let error = error as? LogError else { return complain("\(what): \(error)") }
        let hasFaults = state.withLock { $0.faults + $0.powerCuts > 0 }
        let isOfDisk = [.diskFull, .storage, .stopped].contains(error.kind)
        if !allowed.contains(error.kind) && !(hasFaults && isOfDisk) { complain("\(what): \(error)") }
    }
}

/// One run of the workload with one seed.
private final class Interleaving: Sendable {
    let seed: UInt64
    let isDiskLying: Bool
    let model = Journalist()
    let memory = MemoryFileSystem(simulatingPowerCuts: true)
    let chance: SeededRandom

    init(seed: UInt64, isDiskLying: Bool) {
        (self.seed, self.isDiskLying) = (seed, isDiskLying)
        chance = SeededRandom(seed: seed &* 7919 &+ 1)
    }

    // MARK: The workload

    func run() throws {
        try SeededScheduler(seed: seed).run {
            let files = FaultyFileSystem(self.memory)
            let log = try openLog(files) { options in
                options.journalBytes = 3000
                options.extentBytes = 600
                options.tailBytes = self.chance.below(2) == 0 ? 0 : .mebibytes(1)
                options.maintenanceInterval = 5
            }
            for name in ["whole", "other"] { self.create(log, name, .whole) }
            files.setFaults(self.faults(from: files.operationCount))
            let scheduler = log.scheduler
            var threads = try (0..<3).map { number in
                try scheduler.start("committer \(number)") { self.commitAll(log, number) }
            }
            threads.append(try scheduler.start("administrator") { self.administer(log) })
            for thread in threads { thread.join() }
            let hadFaults = self.model.state.withLock { $0.faults + $0.powerCuts > 0 }
            if !hadFaults && log.generation != 0 { self.model.complain("the generation rose to \(log.generation) without a fault") }
            if self.chance.below(2) == 0 { log.close() }
        }
    }

    /// A third of the seeds has no faults but perhaps the power cut.
    private func faults(from start: Int) -> @Sendable (FileOperation) -> Fault? {
        let rarity = [0, 40, 150][chance.below(3)]
        let cut = chance.below(4) == 0 ? Int.max : start + chance.below(450)
        let luck = SeededRandom(seed: seed &+ 17)
        return { [model, isDiskLying] operation in
            if operation.number == cut {
                model.state.withLock { $0.powerCuts += 1 }
                return .powerCut
            }
            if isDiskLying && operation.kind == .synchronizeDirectory && operation.path.hasPrefix("data/log/") { return .lostSync }
            guard rarity > 0, luck.below(rarity) == 0, let fault = Self.fault(operation.kind, luck) else { return nil }
            model.state.withLock { $0.faults += 1 }
            return fault
        }
    }

    private static func fault(_ kind: FileOperation.Kind, _ chance: SeededRandom) -> Fault? {
        switch kind {
        case .synchronize, .synchronizeDirectory: .failedSync
        case .write: chance.below(2) == 0 ? .shortWrite : .fail(.noSpace)
        case .create, .createDirectory: .fail(.noSpace)
        case .rename, .remove: .fail(.inputOutput)
        case .truncate: nil
        }
    }

    private func create(_ log: SegmentedLog, _ name: String, _ keeping: Keeping) {
        do {
            let topic = try log.create(name, partitions: 2) { config in
                if keeping == .compacted { config = .compacted }
                if keeping == .bySize { config.retentionBytes = 3000 }
                config.segmentBytes = 1500
            }
            model.state.withLock { state in
                state.topics[topic] = keeping
                state.live.append((name, topic))
            }
        } catch {
            // The deletion of an older one may have failed.
            let hadFaults = model.state.withLock { $0.faults + $0.powerCuts > 0 }
            model.check(error, "create \(name)", hadFaults ? [.topicExists] : [])
        }
    }

    private func administer(_ log: SegmentedLog) {
        for step in 0..<10 {
            switch chance.below(5) {
            case 0:
                let name = "t\(chance.below(3))"
                if model.state.withLock({ state in state.live.contains { $0.name == name } }) { continue }
                create(log, name, Keeping.allCases[chance.below(3)])
            case 1:
                let place = 1 + chance.below(4)
                let topic: TopicID? = model.state.withLock { state in
                    guard place < state.live.count else { return nil }
                    let topic = state.live.remove(at: place).id
                    state.deletionsBegun.insert(topic)
                    return topic
                }
                guard let topic else { continue }
                do {
                    try log.deleteTopic(topic)
                    model.state.withLock { _ = $0.deletions.insert(topic) }
                } catch {
                    model.check(error, "delete in step \(step)", [])
                }
            case 2:
                for failure in log.maintain() { model.check(failure, "maintain", [.unknownTopic]) }
            case 3:
                let group = "group \(chance.below(2))"
                let epoch = log.beginEpoch(of: group)
                model.state.withLock { $0.epochs[group] = epoch }
            default:
                log.scheduler.sleep(nanoseconds: Int64(chance.below(3)) * 4_000_000)
            }
        }
    }

    private func commitAll(_ log: SegmentedLog, _ thread: Int) {
        let pending = Monitor(0)
        var sequences: [PartitionKey: Int32] = [:]
        for number in 0..<10 {
            let live = model.state.withLock { $0.live.map(\.id) }
            if live.isEmpty { return }
            var parts: [(PartitionKey, String)] = []
            for part in 0..<1 + chance.below(3) {
                let filler = String(repeating: "x", count: chance.below(4) == 0 ? 700 : 10 + chance.below(80))
                let partition = PartitionKey(topic: live[chance.below(live.count)], partition: PartitionIndex(index: chance.below(2)))
                parts.append((partition, "\(thread).\(number).\(part)=\(filler)"))
            }
            // The last committer is an idempotent producer, which repeats itself.
            let isProducer = thread == 2
            if isProducer { parts = [parts[0]] }
            let sequence = sequences[parts[0].0] ?? 0
            for _ in 0..<(isProducer ? 1 + chance.below(2) : 1) {
                commit(log, parts, isProducer ? sequence : nil, "\(thread).\(number)", pending)
                if isProducer {
                    pending.wait(until: { $0 == 0 }, then: { _ in })
                    let isThere = model.state.withLock { state in state.acknowledged.contains { $0.word == parts[0].1 } }
                    if isThere { sequences[parts[0].0] = sequence + 1 }
                }
            }
            if chance.below(3) == 0 { pending.wait(until: { $0 == 0 }, then: { _ in }) }
        }
        pending.wait(until: { $0 == 0 }, then: { _ in })
    }

    /// Half of the committers' commits belong to a run, some to one that may have been replaced.
    private func owner(_ log: SegmentedLog) -> CommitOwner? {
        guard chance.below(2) == 0 else { return nil }
        let group = "group \(chance.below(2))"
        let known = model.state.withLock { $0.epochs[group] }
        if let known { return CommitOwner(group: group, epoch: chance.below(5) == 0 ? known - 1 : known) }
        return nil
    }

    private func commit(
        _ log: SegmentedLog, _ parts: [(PartitionKey, String)], _ sequence: Int32?, _ name: String, _ pending: Monitor<Int>
    ) {
        let owner = owner(log)
        let appends = parts.map { partition, word in
            Append(
                topic: partition.topic, partition: partition.partition, records: records(word),
                producer: sequence.map { ProducerStamp(id: 50, epoch: 0, baseSequence: $0) })
        }
        let isStale = owner.map { owner in model.state.withLock { $0.epochs[owner.group] != owner.epoch } } ?? false
        if sequence == nil { model.state.withLock { $0.commits.append(parts) } }
        pending.update { $0 += 1 }
        log.commit(Commit(appends, owners: owner.map { [$0] } ?? [])) { [model] outcome in
            switch outcome {
            case .success(let receipt):
                if isStale { model.complain("commit \(name) of a run that was replaced was taken") }
                model.state.withLock { state in
                    state.acknowledgedCommits += 1
                    for (offset, part) in zip(receipt.baseOffsets, parts) {
                        state.acknowledged.append(Journalist.Record(partition: part.0, offset: offset, word: part.1))
                    }
                }
            case .failure(let error):
                let isDeleted = model.state.withLock { state in parts.contains { state.deletionsBegun.contains($0.0.topic) } }
                var allowed: [LogError.Kind] = []
                if owner != nil { allowed.append(.fencedOwner) }
                if isDeleted { allowed.append(.unknownTopic) }
                model.check(error, "commit \(name)", allowed)
            }
            pending.update { $0 -= 1 }
        }
    }

    // MARK: Afterwards

    /// Opens what a power cut leaves now, and compares.
    func check() throws -> [String] {
        let survivor = memory.afterPowerCut(keepingByChance: seed % 3 == 0 ? nil : SeededRandom(seed: seed))
        let log = try openLog(survivor)
        defer { log.close() }
        var state = model.state.withLock { $0 }
        for note in log.recoveryNotes where note.isDamage { state.problems.append("\(note)") }
        for topic in state.deletions where log.describeTopic(topic) != nil { state.problems.append("a deleted topic is back") }
        let kept = state.topics.filter { !state.deletionsBegun.contains($0.key) }
        var found: Set<String> = []
        for (topic, keeping) in kept.sorted(by: { $0.key < $1.key }) {
            guard log.describeTopic(topic) != nil else {
                state.problems.append("a topic is gone")
                continue
            }
            for partition in PartitionIndex.all(of: 2) {
                found.formUnion(check(log, PartitionKey(topic: topic, partition: partition), keeping, &state))
            }
            for report in try log.verify(topic) where !report.problems.isEmpty { state.problems.append("\(report.problems)") }
            do { try log.append(topic, "more=1") } catch { state.problems.append("appending afterwards: \(error)") }
        }
        // The parts of a commit are there together, as far as their topics are still there with all their records.
        for commit in state.commits {
            let parts = commit.filter { kept[$0.0.topic] != nil && kept[$0.0.topic] != .bySize }
            let there = parts.filter { found.contains("\($0.0) \($0.1)") }
            if !there.isEmpty && there.count < parts.count { state.problems.append("half a commit: \(parts.map(\.1))") }
        }
        return state.problems
    }

    /// Reads a partition whole; what was found in it.
    private func check(
        _ log: SegmentedLog, _ partition: PartitionKey, _ keeping: Keeping, _ state: inout Journalist.State
    ) -> Set<String> {
        var words: [Offset: String] = [:]
        do {
            let bounds = try log.bounds(of: partition.topic, partition: partition.partition)
            var next = bounds.start
            while next < bounds.durableEnd {
                let run = try log.fetch(partition.topic, partition: partition.partition, from: next, maxBytes: 2000, upTo: .durable)
                let read = text(run).split(separator: " ").map(String.init)
                for (offset, word) in zip((0..<run.count).map(run.offset(at:)), read) {
                    if offset != next { state.problems.append("offset \(offset) follows where \(next) belongs") }
                    words[offset] = word
                    next = offset + 1
                }
                if run.count == 0 { break }
            }
            if Set(words.values).count != words.count { state.problems.append("something is there twice") }
            for record in state.acknowledged where record.partition == partition && words[record.offset] != record.word {
                if keeping == .bySize && record.offset < bounds.start { continue }
                state.problems.append("\(record.word.prefix(8)) was acknowledged at \(record.offset) and is not there")
            }
        } catch {
            state.problems.append("reading: \(error)")
        }
        return Set(words.values.map { "\(partition) \($0)" })
    }
}

@Suite struct InterleavingTests {
    private static var seedCount: Int {
        let environment = ProcessInfo.processInfo.environment
        return environment["MILLRACE_SEEDS"].flatMap { Int($0) } ?? (environment["MILLRACE_LONG"] == "1" ? 20_000 : 60)
    }

    @Test func theLogUnderSeededInterleavings() throws {
        var (faults, cuts, commits) = (0, 0, 0)
        for seed in 0..<UInt64(Self.seedCount) {
            let run = Interleaving(seed: seed, isDiskLying: false)
            var problems: [String] = []
            do {
                try run.run()
                problems = try run.check()
            } catch {
                problems = ["\(error)"] + run.model.state.withLock { $0.problems }
            }
            #expect(problems == [], "seed \(seed)")
            let (more, cut, done) = run.model.state.withLock { ($0.faults, $0.powerCuts, $0.acknowledgedCommits) }
            (faults, cuts, commits) = (faults + more, cuts + cut, commits + done)
        }
        print("log: \(Self.seedCount) interleavings, \(commits) commits acknowledged, \(faults) faults, \(cuts) power cuts")
    }

    /// The same seed is the same run, so that a failure can be looked at again.
    @Test func aSeedIsARun() throws {
        for seed in [3, 8, 21] as [UInt64] {
            let runs = try (0..<2).map { _ in
                let run = Interleaving(seed: seed, isDiskLying: false)
                try run.run()
                return run.model.state.withLock { ($0.acknowledged, $0.faults) }
            }
            #expect(runs[0].0.map(\.word) == runs[1].0.map(\.word) && runs[0].0.map(\.offset) == runs[1].0.map(\.offset))
            #expect(runs[0].1 == runs[1].1)
        }
    }

    /// The canary: a disk that says that it has synced the names of segments, and has not, is found out within a few seeds.
    @Test func aLyingDiskIsFoundOut() throws {
        let seeds = (0..<UInt64(40)).filter { seed in
            let run = Interleaving(seed: seed, isDiskLying: true)
            do {
                try run.run()
                return try !run.check().isEmpty
            } catch {
                return true
            }
        }
        #expect(seeds.count > 5, "found with the seeds \(seeds)")
    }
}
