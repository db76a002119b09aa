// The log with its own threads on the machine's files: many committers, readers that follow, checkpoints meanwhile.
import Bytes
import Foundation
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

@Suite struct ThreadedLogTests {
    @Test(arguments: Durability.allCases)
    func committersAndAReader(_ durability: Durability) throws {
        let directory = NSTemporaryDirectory() + "millrace-log-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = LogOptions()
        options.durability = durability
        options.journalBytes = 50_000
        options.tailBytes = 10_000
        options.extentBytes = 8000
        func open() throws(LogError) -> SegmentedLog {
            try SegmentedLog(
                directory: directory, files: HostFileSystem(), clock: SystemTime(), random: SystemRandom(), options: options)
        }
        let log = try open()
        let topic = try log.create("t", partitions: 2) { $0.segmentBytes = 40_000 }
        let (threadCount, commitCount) = (3, 200)
        let done = Monitor(0)
        let hasNews = Monitor(false)
        _ = log.subscribe { _ in hasNews.update { $0 = true } }
        let committers = try (0..<threadCount).map { number in
            try WorkerThread.start("committer") {
                for commit in 0..<commitCount {
                    let value = String(repeating: "v", count: commit % 40 == 0 ? 9000 : 100)
                    let word = records("\(number).\(commit)=\(value)")
                    let appends = PartitionIndex.all(of: 2).map { Append(topic: topic, partition: $0, records: word) }
                    log.commit(Commit(appends)) { outcome in
                        if case .success = outcome { done.update { $0 += 1 } }
                    }
                }
            }
        }
        var (next, keys): (Offset, [String]) = (0, [])
        while keys.count < threadCount * commitCount {
            let run = try log.fetch(topic, partition: 0, from: next, maxBytes: 5000, upTo: .durable)
            keys += text(run).split(separator: " ").map { String($0.split(separator: "=")[0]) }
            next = run.nextOffset
            if run.isAtEnd && keys.count < threadCount * commitCount { hasNews.wait(until: { $0 }, then: { $0 = false }) }
        }
        for thread in committers { thread.join() }
        done.wait(until: { $0 == threadCount * commitCount }, then: { _ in })
        for number in 0..<threadCount {
            let own = keys.filter { $0.hasPrefix("\(number).") }
            #expect(own == (0..<commitCount).map { "\(number).\($0)" })
        }
        log.close()
        let again = try open()
        #expect(again.recoveryNotes == [])
        for partition in PartitionIndex.all(of: 2) {
            let words = try everything(again, topic, partition).split(separator: " ").map { $0.split(separator: "=")[0] }
            #expect(words.map(String.init) == keys)
        }
        for report in try again.verify(topic) { #expect(report.problems == []) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/journal").count == 1)
        again.close()
    }
}
