// Batches of every codec come back, and damaged ones do not.
import Bytes
import LogStore
import Platform
import TestSupport
import Testing

@Suite struct CompressionTests {
    @Test(arguments: Compression.allCases)
    func recordsComeBack(_ codec: Compression) throws {
        let files = MemoryFileSystem()
        let log = try openLog(files) { $0.tailBytes = 0; $0.batchBytes = 10_000 }
        let topic = try log.create("t") { $0.compression = codec }
        var expected: [String] = []
        for commit in 0..<20 {
            let words = (0..<200).map { "key\($0)=value\($0 * commit)" }
            try log.append(topic, words.joined(separator: " "))
            expected += words
        }
        #expect(try everything(log, topic) == expected.joined(separator: " "))
        #expect(try everything(log, topic, maxBytes: 1) == expected.joined(separator: " "))
        log.close()
        let again = try openLog(files)
        #expect(try everything(again, topic) == expected.joined(separator: " "))
        let middle = try again.fetch(topic, partition: 0, from: 1234, maxBytes: 1, upTo: .durable)
        #expect(middle.offsets.first == 1234)
    }

    @Test(arguments: Compression.allCases)
    func anEmptyValueAndABigOne(_ codec: Compression) throws {
        let log = try openLog(MemoryFileSystem())
        let topic = try log.create("t") { $0.compression = codec }
        var records = OutgoingRecords()
        records.append(key: [], value: [], timestamp: 0)
        records.append(key: nil, value: [UInt8](repeating: 65, count: 3_000_000), timestamp: 0)
        try log.commitAndWait([Append(topic: topic, partition: 0, records: records)])
        let first = try log.fetch(topic, partition: 0, from: 0, maxBytes: 1, upTo: .durable)
        #expect(first.keys[0].length == 0 && first.values[0].length == 0)
        let second = try log.fetch(topic, partition: 0, from: 1, maxBytes: 1, upTo: .durable)
        #expect(second.offsets == [1] && second.values[0].length == 3_000_000 && second.isAtEnd)
        #expect(second.bytes.suffix(RecordRun.padding).allSatisfy { $0 == 0 })
    }
}
