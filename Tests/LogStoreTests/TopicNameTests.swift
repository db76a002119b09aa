// Names of topics against the machine's limit for names of files.
import Foundation
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

@Suite struct TopicNameTests {
    /// The longest name serves for everything that happens to a topic; one byte more is refused for its length, and nothing of it stays.
    @Test func theLongestNameServes() throws {
        let directory = NSTemporaryDirectory() + "millrace-names-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func open() throws(LogError) -> SegmentedLog {
            try SegmentedLog(directory: directory, files: HostFileSystem(), clock: SystemTime(), random: SystemRandom())
        }
        let name = String(repeating: "n", count: longestTopicName)
        let log = try open()
        let topic = try log.create(name, partitions: 10_000)
        let last: PartitionIndex = 9_999
        let isDurable = Monitor(false)
        log.commit(Commit([Append(topic: topic, partition: last, records: records("a=b"))])) { _ in isDurable.update { $0 = true } }
        isDurable.wait(until: { $0 }, then: { _ in })
        #expect {
            try log.create(name + "n", partitions: 1)
        } throws: { error in
            guard let error = error as? LogError else { return false }
            return error.kind == .invalidTopic && error.hint?.contains("1 to \(longestTopicName) letters") == true
        }
        log.close()
        let again = try open()
        #expect(again.describeTopics().map(\.name) == [name])
        #expect(text(try again.fetch(topic, partition: last, from: .first, maxBytes: 1000, upTo: .durable)) == "a=b")
        try again.deleteTopic(topic)
        again.close()
        let empty = try open()
        #expect(empty.describeTopics().isEmpty)
        empty.close()
    }
}
