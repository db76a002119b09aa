// Kafka's own dump tool reads what this log writes, at every compression. Needs a Kafka installation beside the package and Java;
// skipped where they are missing.
import Bytes
import Foundation
import LogStore
import Platform
import Quantities
import TestSupport
import Testing

private let tool = Surroundings.shared + "/kafka/kafka"

@Suite(
    .serialized,
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: tool) && Surroundings.hasProgram("java"),
        "Kafka's dump tool is not beside the project, or there is no Java"))
struct KafkaDumpTests {
    func dump(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: tool)
        process.arguments = ["dump"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// A topic of each compression with three commits, on the machine's files; the paths of their segments.
    func makeLog(_ directory: String) throws -> [(Compression, String)] {
        let log = try SegmentedLog(
            directory: directory, files: HostFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 1))
        var paths: [(Compression, String)] = []
        for codec in Compression.allCases {
            let topic = try log.create(codec.name) { $0.compression = codec }
            var big = OutgoingRecords()
            for number in 0..<2000 {
                let block = number % 10 == 0 ? headerBlock([RecordHeader(name: Array("trace".utf8), value: [1])]) : nil
                big.append(
                    key: Array("key-\(number)".utf8), value: Array(String(repeating: "value \(number) ", count: 20).utf8),
                    timestamp: 1_700_000_000_000 + Int64(number), headers: block)
            }
            try log.append(topic, "first=one second =nokey", timestamp: 1_700_000_000_000)
            try log.commitAndWait([
                Append(topic: topic, partition: 0, records: big, producer: ProducerStamp(id: 4, epoch: 2, baseSequence: 0))
            ])
            try log.append(topic, "last=three", timestamp: 1_700_000_009_000)
            paths.append((codec, directory + "/log/\(codec.name)-0/" + String(repeating: "0", count: 20)))
        }
        log.close()
        return paths
    }

    @Test func everyCompressionIsReadByKafka() throws {
        let directory = NSTemporaryDirectory() + "millrace-dump-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let paths = try makeLog(directory)
        let text = try dump(
            ["--files", paths.map { $0.1 + ".log" }.joined(separator: ","), "--print-data-log", "--deep-iteration"])
        let parts = text.components(separatedBy: "Dumping ").dropFirst()
        #expect(parts.count == paths.count, "\(text.prefix(2000))")
        for (part, (codec, _)) in zip(parts, paths) {
            #expect(!part.contains("isvalid: false"))
            #expect(part.contains("compresscodec: \(codec.name)"))
            let lines = part.split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("| offset: ") }.count == 2004, "\(codec.name): \(part.suffix(500))")
            #expect(part.contains("key: first payload: one") && part.contains("key: last payload: three"))
            #expect(part.contains("key: key-1999 payload: value 1999 value 1999"))
            #expect(part.contains("headerKeys: [trace]") && part.contains("producerId: 4 producerEpoch: 2"))
        }
    }

    /// Compacted segments too, with what compaction covers and with the empty batch of a segment of which nothing stayed.
    @Test(arguments: Compression.allCases) func compactedSegmentsAreReadByKafka(_ codec: Compression) throws {
        let directory = NSTemporaryDirectory() + "millrace-compacted-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = LogOptions()
        options.tailBytes = 0
        let log = try SegmentedLog(
            directory: directory, files: HostFileSystem(), clock: SimulatedTime(wall: 2_000_000), random: SeededRandom(seed: 1),
            options: options)
        let topic = try log.create("t", partitions: 2) { $0 = .compacted; $0.segmentBytes = 2048; $0.compression = codec }
        for number in 0..<120 {
            let (word, other) = (number < 40 ? "same=\(number)" : "k\(number % 50)=\(number) gone\(number % 9)", "x\(number % 7)=\(number)")
            try log.commitAndWait([
                Append(topic: topic, partition: 0, records: records(word)), Append(topic: topic, partition: 1, records: records(other)),
            ])
        }
        try log.append(topic, "same=last")
        #expect(log.maintain() == [])
        var expected: [[String]] = []
        for partition in PartitionIndex.all(of: 2) {
            var (offsets, next): ([String], Offset) = ([], 0)
            while true {
                let run = try log.fetch(topic, partition: partition, from: next, maxBytes: .mebibytes(1), upTo: .durable)
                offsets += run.offsets.map(String.init)
                next = run.nextOffset
                if run.isAtEnd { break }
            }
            expected.append(offsets)
        }
        log.close()
        for partition in 0..<2 {
            let folder = directory + "/log/t-\(partition)/"
            let segments = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".log") }.sorted()
            #expect(segments.count > 1)
            let text = try dump(["--files", segments.map { folder + $0 }.joined(separator: ","), "--print-data-log", "--deep-iteration"])
            #expect(!text.contains("isvalid: false") && text.contains("isvalid: true"), "\(text.prefix(2000))")
            #expect(partition == 1 || text.contains("count: 0"), "the first segment holds one empty batch")
            let lines = text.split(separator: "\n").filter { $0.hasPrefix("| offset: ") }
            #expect(lines.map { String($0.split(separator: " ")[2]) } == expected[partition], "\(codec.name), partition \(partition)")
        }
    }

    @Test func indexesPassKafkasSanityCheck() throws {
        let directory = NSTemporaryDirectory() + "millrace-index-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let stem = try makeLog(directory)[0].1
        let text = try dump(["--files", stem + ".index," + stem + ".timeindex"])
        #expect(text.contains("offset: ") && !text.lowercased().contains("mismatch") && !text.contains("Found"), "\(text)")
    }

    @Test func offsetRecordsAreKafkas() throws {
        let directory = NSTemporaryDirectory() + "millrace-offsets-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let log = try SegmentedLog(
            directory: directory, files: HostFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 1))
        let topic = try log.createTopic(consumerOffsetsTopic, partitions: 1, config: .compacted).id
        var records = OutgoingRecords()
        records.append(
            key: OffsetKey(group: "query-1", topic: "orders", partition: 3).encoded,
            value: OffsetValue(offset: 77, topic: topic, metadata: "m", committedAt: 5).encoded, timestamp: 5)
        try log.commitAndWait([Append(topic: topic, partition: 0, records: records)])
        log.close()
        let text = try dump([
            "--files", "\(directory)/log/\(consumerOffsetsTopic)-0/\(String(repeating: "0", count: 20)).log", "--offsets-decoder",
        ])
        #expect(text.contains("\"group\":\"query-1\"") && text.contains("\"topic\":\"orders\",\"partition\":3"), "\(text)")
        #expect(text.contains("\"offset\":77") && text.contains("\"metadata\":\"m\""), "\(text)")
    }
}
