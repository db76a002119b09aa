// Faults that hit while the log's threads are between two steps: a journal that fails during a checkpoint, a segment's name that is not
// durable yet, a topic that is deleted while commits to it are in line, topics half made and half deleted.
import Bytes
import LogStore
import Platform
import Synchronization
import TestSupport
import Testing

/// Holds one operation of the file system up until it is let go.
private final class Gate: Sendable {
    private let state = Monitor((isReached: false, isOpen: false))

    func hold() {
        state.update { $0.isReached = true }
        state.wait(until: { $0.isOpen }, then: { _ in })
    }
    var isReached: Bool { state.withLock { $0.isReached } }
    func awaitReached() { state.wait(until: { $0.isReached }, then: { _ in }) }
    func open() { state.update { $0.isOpen = true } }
}

@Suite struct BackgroundFaultTests {
    private static let filler = String(repeating: "v", count: 300)

    /// The sync of a checkpoint ends after the journal that it began was left because of a failed sync: the journal that followed
    /// builds on segments which are not synced.
    @Test func aCheckpointWhoseJournalWasLeft() throws {
        for seed in 0..<10 as Range<UInt64> {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let (topic, other) = try SeededScheduler(seed: seed).run {
                let files = FaultyFileSystem(memory)
                let log = try openLog(files) { $0.journalBytes = 1000 }
                let (topic, other) = (try log.create("t"), try log.create("u"))
                let gate = Gate()
                let isHeld = Mutex(false)
                let isArmed = Mutex(false)
                files.setFaults { operation in
                    guard operation.kind == .synchronize else { return nil }
                    if operation.path.hasSuffix(".log") {
                        if !isHeld.withLock({ held in defer { held = true }; return held }) { gate.hold() }
                        return nil
                    }
                    return isArmed.withLock({ armed in defer { armed = false }; return armed }) ? .failedSync : nil
                }
                for number in 0..<3 { try log.append(topic, "k\(number)=\(Self.filler)") }
                gate.awaitReached()
                // Durable in the journal that the checkpoint began; its segment is not among those being synced.
                try log.append(other, "a=1")
                isArmed.withLock { $0 = true }
                try log.append(other, "b=2")
                #expect(!isArmed.withLock { $0 }, "the journal's sync has failed")
                gate.open()
                log.scheduler.sleep(nanoseconds: 1_000_000_000)
                return (topic, other)
            }
            let again = try openLog(memory.afterPowerCut())
            #expect(again.recoveryNotes.allSatisfy { !$0.isDamage }, "seed \(seed): \(again.recoveryNotes)")
            #expect(try everything(again, topic) == (0..<3).map { "k\($0)=\(Self.filler)" }.joined(separator: " "), "seed \(seed)")
            #expect(try everything(again, other) == "a=1 b=2", "seed \(seed)")
        }
    }

    /// While a checkpoint syncs the directory of a new segment, a large append to that segment is acknowledged.
    @Test func aNameThatIsNotDurableYet() throws {
        for seed in 0..<10 as Range<UInt64> {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let (topic, words) = try SeededScheduler(seed: seed).run {
                let files = FaultyFileSystem(memory)
                let log = try openLog(files) { $0.journalBytes = 1500; $0.extentBytes = 2000; $0.tailBytes = 0 }
                let topic = try log.create("t") { $0.segmentBytes = 1200 }
                let gate = Gate()
                let isHeld = Mutex(false)
                files.setFaults { operation in
                    guard operation.kind == .synchronizeDirectory, operation.path.hasSuffix("t-0") else { return nil }
                    if !isHeld.withLock({ held in defer { held = true }; return held }) { gate.hold() }
                    return nil
                }
                var words: [String] = []
                // Simulated time passes when all others wait, so the gate is reached before the next append or not by this one.
                while !gate.isReached && words.count < 30 {
                    words.append("k\(words.count)=\(Self.filler)")
                    try log.append(topic, words[words.count - 1])
                    log.scheduler.sleep(nanoseconds: 1_000_000)
                }
                try #require(gate.isReached)
                try log.alterTopic(topic, config: { var config = TopicConfig(); config.segmentBytes = .mebibytes(1); return config }())
                words.append("large=" + String(repeating: "w", count: 3000))
                try log.append(topic, words[words.count - 1])
                let survivor = memory.afterPowerCut()
                gate.open()
                log.close()
                return (topic, try everything(openLog(survivor), topic) == words.joined(separator: " ") ? words : [])
            }
            #expect(!words.isEmpty, "seed \(seed)")
            #expect(try everything(openLog(memory.afterPowerCut()), topic) == words.joined(separator: " "), "seed \(seed)")
        }
    }

    /// Commits to other topics do not notice that one is deleted, nor do those to it that were taken before.
    @Test func aDeletionFailsOnlyItsOwnCommits() throws {
        for seed in 0..<30 as Range<UInt64> {
            try SeededScheduler(seed: seed).run {
                let log = try openLog(FaultyFileSystem(MemoryFileSystem()))
                let (doomed, other) = (try log.create("doomed"), try log.create("other"))
                let outcomes = Monitor<[TopicID: [Result<CommitReceipt, LogError>]]>([:])
                let committers = try [doomed, other].map { topic in
                    try log.scheduler.start("committer") {
                        for number in 0..<20 {
                            log.commit(Commit([Append(topic: topic, partition: 0, records: records("k=\(number)"))])) { outcome in
                                outcomes.update { $0[topic, default: []].append(outcome) }
                            }
                        }
                    }
                }
                let deleter = try log.scheduler.start("deleter") { #expect(throws: Never.self) { try log.deleteTopic(doomed) } }
                for thread in committers + [deleter] { thread.join() }
                let all = outcomes.wait(until: { $0[doomed]?.count == 20 && $0[other]?.count == 20 }, then: { $0 })
                for outcome in all[other] ?? [] { #expect(throws: Never.self) { try outcome.get() } }
                for case .failure(let error) in all[doomed] ?? [] { #expect(error.kind == .unknownTopic) }
                #expect(log.generation == 0)
                log.close()
            }
        }
    }

    /// A topic whose deletion could not be made durable goes on, and its records survive.
    @Test(arguments: [FileOperation.Kind.rename, .synchronizeDirectory])
    func aDeletionThatFails(_ kind: FileOperation.Kind) throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let log = try openLog(files)
        let topic = try log.create("t")
        try log.append(topic, "a=1")
        let hasFailed = Mutex(false)
        files.setFaults { operation in
            guard operation.kind == kind, operation.path.hasPrefix("data/topics") else { return nil }
            return hasFailed.withLock { failed in defer { failed = true }; return failed } ? nil : .failedSync
        }
        if kind == .rename {
            files.setFaults { $0.kind == .rename && $0.path.hasPrefix("data/topics") ? .fail(.inputOutput) : nil }
        }
        #expect { try log.deleteTopic(topic) } throws: { ($0 as? LogError)?.kind == .storage }
        files.setFaults { _ in nil }
        try log.append(topic, "b=2")
        #expect(try everything(openLog(memory.afterPowerCut()), topic) == "a=1 b=2")
        try log.deleteTopic(topic)
        #expect(try openLog(memory.afterPowerCut()).describeTopics().isEmpty)
    }

    /// Where neither the deletion nor its opposite can be made durable, nothing is acknowledged any more.
    @Test func aDeletionThatCannotBeUndone() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let log = try openLog(files)
        let topic = try log.create("t")
        files.setFaults { $0.kind == .synchronizeDirectory && $0.path.hasSuffix("topics") ? .failedSync : nil }
        #expect { try log.deleteTopic(topic) } throws: { ($0 as? LogError)?.kind == .stopped }
        #expect(throws: LogError.self) { try log.append(topic, "b=2") }
    }

    /// A topic that could not be made is not there, now and after a start; and the name is free.
    @Test func aTopicThatCouldNotBeMade() throws {
        let dry = FaultyFileSystem(MemoryFileSystem())
        let first = { (log: SegmentedLog) throws(LogError) in
            _ = try log.createTopic("t", partitions: 2, config: TopicConfig())
        }
        let dryLog = try openLog(dry)
        let start = dry.operationCount
        try first(dryLog)
        for number in start..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let files = FaultyFileSystem(memory)
            let log = try openLog(files)
            files.setFaults { $0.number == number ? ($0.kind == .synchronizeDirectory ? .failedSync : .fail(.noSpace)) : nil }
            do {
                try first(log)
            } catch {
                #expect(log.describeTopics().isEmpty, "operation \(number)")
                let survivor = memory.afterPowerCut()
                let again = try openLog(survivor)
                #expect(again.describeTopics().isEmpty && again.recoveryNotes.allSatisfy { !$0.isDamage }, "operation \(number)")
            }
            files.setFaults { _ in nil }
            if log.describeTopics().isEmpty { try first(log) }
            let topic = try #require(log.describeTopic(named: "t")).id
            try log.append(topic, "a=1")
            #expect(try everything(openLog(memory.afterPowerCut()), topic) == "a=1", "operation \(number)")
        }
    }

    /// While topics are made and removed, segments cleaned and index files written, commits go on: the log's thread does none of it.
    @Test(arguments: ["create", "delete", "clean", "checkpoint"])
    func commitsDoNotWaitForHousekeeping(_ work: String) throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let log = try openLog(files) { $0.journalBytes = work == "checkpoint" ? 2000 : .mebibytes(1); $0.tailBytes = 0 }
        let busy = try log.create("busy", partitions: 3) { $0.segmentBytes = 1024; $0.retentionBytes = 1 }
        let quiet = try log.create("quiet")
        if work == "clean" || work == "delete" { for number in 0..<10 { try log.append(busy, "k\(number)=\(Self.filler)") } }
        let gate = Gate()
        let isHeld = Mutex(false)
        files.setFaults { operation in
            let isIt =
                switch work {
                case "create": operation.kind == .create && operation.path.contains("/new.topic")
                case "delete", "clean": operation.kind == .remove && operation.path.contains("busy-")
                default: operation.kind == .create && operation.path.hasSuffix(".index")
                }
            if isIt && !isHeld.withLock({ held in defer { held = true }; return held }) { gate.hold() }
            return nil
        }
        let thread = try log.scheduler.start("housekeeper") {
            switch work {
            case "create": #expect(throws: Never.self) { try log.create("new", partitions: 3) }
            case "delete": #expect(throws: Never.self) { try log.deleteTopic(busy) }
            case "clean": #expect(log.maintain() == [])
            default: #expect(throws: Never.self) { for number in 0..<10 { try log.append(busy, "k\(number)=\(Self.filler)") } }
            }
        }
        gate.awaitReached()
        for number in 0..<20 { try log.append(quiet, "k\(number)=v") }
        gate.open()
        thread.join()
        #expect(try everything(log, quiet) == (0..<20).map { "k\($0)=v" }.joined(separator: " "))
        log.close()
    }

    /// A receiver for one topic hears nothing of others, and hears of the topic's end.
    @Test func newsOfOneTopic() throws {
        let log = try openLog(MemoryFileSystem())
        let (mine, other) = (try log.create("mine"), try log.create("other"))
        let news = Mutex<[LogNews]>([])
        let subscription = log.subscribe(to: mine) { new in news.withLock { $0.append(new) } }
        try log.append(other, "a=1")
        #expect(news.withLock { $0 } == [])
        try log.append(mine, "b=2")
        #expect(news.withLock { $0.last } == LogNews(topic: mine, partition: 0, appendedEnd: 1, durableEnd: 1))
        let count = news.withLock { $0.count }
        try log.deleteTopic(mine)
        #expect(news.withLock { $0.count } > count)
        log.unsubscribe(subscription)
        #expect(log.topicID(named: "mine") == nil && log.topicID(named: "other") == other)
        #expect(log.partitionCount(of: other) == 1 && log.partitionCount(of: mine) == nil)
    }

    /// Index files that the disk refuses, and side files that cannot be read, are reported once.
    @Test func refusedIndexFilesAreReportedOnce() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let reported = Monitor<[LogError]>([])
        let log = try openLog(files) { options in
            options.journalBytes = 1000
            options.report = { error in reported.update { $0.append(error) } }
        }
        let topic = try log.create("t")
        files.setFaults { $0.kind == .create && $0.path.hasSuffix("index") ? .fail(.readOnly) : nil }
        for number in 0..<20 { try log.append(topic, "k\(number)=\(Self.filler)") }
        log.close()
        #expect(reported.withLock { $0.map(\.kind) } == [.storage])
    }
}
