// Topics that are made, written, deleted and made again under the same name, with the power cut at every operation: what was acknowledged
// is there, what was deleted stays away, and a topic has no records of another one that had its name.
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

/// Steps over topics, and what each of them leaves.
private final class TopicWorkload: Sendable {
    enum Step {
        case create(String)
        case append(String, String)
        case delete(String)
    }

    /// The records of each topic.
    typealias Contents = [String: [String]]

    static let filler = String(repeating: "x", count: 120)
    static let steps: [Step] = [
        .create("a"), .append("a", "one"), .create("b"), .append("b", "two"), .delete("a"), .create("c"), .create("a"), .append("a", "three"),
        .append("c", "four"), .delete("b"), .append("a", "five"), .delete("c"), .create("b"), .append("b", "six"), .delete("a"), .create("a"),
    ]
    /// What there is before each of the steps, and after the last.
    static let contents: [Contents] = steps.reduce(into: [[:]]) { all, step in
        var next = all[all.count - 1]
        switch step {
        case .create(let name): next[name] = []
        case .append(let name, let word): next[name, default: []].append(word)
        case .delete(let name): next[name] = nil
        }
        all.append(next)
    }

    let durability: Durability
    /// Steps that were acknowledged.
    let acknowledged = Mutex(0)

    init(_ durability: Durability) { self.durability = durability }

    func small(_ options: inout LogOptions) {
        options.durability = durability
        options.journalBytes = 1500
        options.tailBytes = 0
    }

    /// Does all steps, up to the first error.
    func run(_ files: any FileSystem) throws {
        try SeededScheduler(seed: 1).run {
            do {
                let log = try openLog(files, change: self.small)
                for step in Self.steps {
                    try self.carryOut(step, log)
                    self.acknowledged.withLock { $0 += 1 }
                }
                log.close()
            } catch {
                // The end of the run; the check begins.
            }
        }
    }

    private func carryOut(_ step: Step, _ log: SegmentedLog) throws {
        func id(_ name: String) throws -> TopicID { try #require(log.describeTopic(named: name)).id }
        switch step {
        case .create(let name): _ = try log.create(name)
        case .append(let name, let word): try log.append(id(name), "\(word)=\(Self.filler)")
        case .delete(let name): try log.deleteTopic(id(name))
        }
    }

    /// Opens what is left and compares it with what was acknowledged.
    func check(_ files: any FileSystem, _ what: String) throws {
        let log = try openLog(files, change: small)
        let names = log.describeTopics().map(\.name)
        var found: Contents = [:]
        for name in names {
            let topic = try #require(log.describeTopic(named: name)).id
            found[name] = try everything(log, topic).split(separator: " ").map { String($0.split(separator: "=")[0]) }
            for report in try log.verify(topic) { #expect(report.problems == [], "\(what): \(name)") }
        }
        let done = acknowledged.withLock { $0 }
        // The step that was under way may have come about.
        let allowed = Self.contents[done...min(done + 1, Self.steps.count)]
        if durability == .fsync {
            #expect(allowed.contains(found), "\(what): \(found) after \(done) steps")
        } else {
            // The topics are as durable as ever; of their last records a power cut may take some.
            let fits = allowed.contains { wanted in
                wanted.keys == found.keys && found.allSatisfy { name, words in wanted[name]?.starts(with: words) ?? false }
            }
            #expect(fits, "\(what): \(found) after \(done) steps")
        }
        // The simulated power cut may take one half of a renaming, which deletions begin with: then the copy is what is left.
        var isDeleting = false
        if done < Self.steps.count, case .delete = Self.steps[done] { isDeleting = true }
        let isDamaged = log.recoveryNotes.contains {
            $0.isDamage && !($0.kind == .cutRecords && durability == .os) && !($0.kind == .damagedTopic && isDeleting)
        }
        #expect(!isDamaged, "\(what): \(log.recoveryNotes)")
        // What was left of deleted ones is in nobody's way.
        for name in ["a", "b", "c"] where !names.contains(name) { _ = try log.create(name) }
        for name in ["a", "b", "c"] { try log.append(#require(log.describeTopic(named: name)).id, "more=1") }
        log.close()
    }
}

struct TopicCrashTests {
    @Test(arguments: Durability.allCases) func powerCutsAtEveryOperation(_ durability: Durability) throws {
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        let whole = TopicWorkload(durability)
        try whole.run(dry)
        #expect(whole.acknowledged.withLock { $0 } == TopicWorkload.steps.count)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let workload = TopicWorkload(durability)
            try workload.run(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil })
            // The process is killed, and the system goes on.
            if memory.exists("data") { try workload.check(copy(of: memory), "killed at \(number)") }
            try workload.check(memory.afterPowerCut(), "cut at \(number)")
            for seed in 0..<4 {
                let survivor = memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number * 10 + seed)))
                try workload.check(survivor, "cut at \(number), chance \(seed)")
            }
        }
    }

    /// A second power cut while the first is recovered from.
    @Test func aSecondCutDuringRecovery() throws {
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        try TopicWorkload(.fsync).run(dry)
        for number in stride(from: 5, to: dry.operationCount, by: 5) {
            for second in 0..<30 {
                let memory = MemoryFileSystem(simulatingPowerCuts: true)
                let workload = TopicWorkload(.fsync)
                try workload.run(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil })
                let survivor = memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number)))
                try SeededScheduler(seed: 1).run {
                    _ = try? openLog(FaultyFileSystem(survivor) { $0.number == second ? .powerCut : nil }, change: workload.small)
                }
                try workload.check(
                    survivor.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(second))), "cut at \(number), then \(second)")
            }
        }
    }
}
