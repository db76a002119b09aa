// Configurations of topics that mean something: the largest batch, and whose times records have.

import Bytes
import LogStore
import Platform
import Quantities
import Testing

@testable import Kafka

@Suite struct TopicConfigTests {
    private let clock = SimulatedTime(wall: 5_000_000)
    private let log: SegmentedLog
    private let client: KafkaClient

    init() throws {
        log = try SegmentedLog(directory: "/data", files: MemoryFileSystem(), clock: clock, random: SeededRandom(seed: 1), options: .inMemory)
        client = KafkaClient(
            broker: try KafkaBroker(
                log, KafkaOptions(host: "localhost", port: 9092), clock: clock, random: SeededRandom(seed: 2), scheduler: HostScheduler()))
    }

    /// Traps 14 and 6: a batch that is larger than the topic takes.
    @Test func largestBatch() throws {
        #expect(try client.create("t", configs: ["max.message.bytes": "200"]).errorCode == 0)
        #expect(try client.produce("t", KafkaClient.batch([("a", "1")])) == (KafkaError.none, 0))
        let large = KafkaClient.batch([("a", String(repeating: "x", count: 200))])
        #expect(try client.produce("t", large).error == .messageTooLarge)
        #expect(try client.create("u", configs: ["max.message.bytes": "-1"]).errorCode == KafkaError.invalidConfig.rawValue)
        #expect(try client.create("u", configs: ["max.message.bytes": "999999999"]).errorCode == KafkaError.invalidConfig.rawValue)
    }

    @Test func timesOfAppending() throws {
        #expect(try client.create("t", configs: ["message.timestamp.type": "LogAppendTime"]).errorCode == 0)
        #expect(try client.create("u", configs: ["message.timestamp.type": "Never"]).errorCode == KafkaError.invalidConfig.rawValue)
        var request = ProduceRequest()
        (request.acks, request.transactionalId) = (-1, nil)
        var (data, place) = (ProduceRequest.TopicData(), ProduceRequest.TopicData.PartitionData())
        place.records = KafkaClient.batch([("a", "1"), ("b", "2")], at: 1000)[...]
        (data.name, data.partitionData) = ("t", [place])
        request.topicData = [data]
        let answered = try client.ask(request, as: ProduceResponse.self).responses[0].partitionResponses[0]
        #expect(answered.errorCode == 0 && answered.logAppendTimeMs == 5_000_000)
        let topic = try #require(log.topicID(named: "t"))
        // What statements write has it as well.
        var records = OutgoingRecords()
        records.append(key: nil, value: [1], timestamp: 7)
        try log.commitAndWait(Commit([Append(topic: topic, partition: .first, records: records)]))
        let run = try log.fetch(topic, partition: .first, from: .first, maxBytes: .mebibytes(1), upTo: .durable)
        #expect(run.timestamps == [5_000_000, 5_000_000, 5_000_000])
        #expect(try log.offset(of: topic, partition: .first, atOrAfter: 4_000_000) == .first)
        #expect(try log.offset(of: topic, partition: .first, atOrAfter: 5_000_001) == nil)
        // What consumers get is whole, and says whose times these are.
        let fetched = try client.fetch("t", from: 0)
        let bytes = Array(fetched.records ?? [])
        let header = try #require(RecordBatchHeader(bytes, at: 0))
        #expect(header.hasAppendTimestamps && header.maxTimestamp == 5_000_000 && header.isIntact(in: bytes, at: 0))
    }

    /// Trap 15: every documented configuration has a value and a source.
    @Test func standardValues() throws {
        _ = try client.create("t", configs: ["compression.type": "producer", "min.compaction.lag.ms": "5", "max.compaction.lag.ms": "60000"])
        var request = DescribeConfigsRequest()
        var resource = DescribeConfigsRequest.Resource()
        (resource.resourceType, resource.resourceName, resource.configurationKeys) = (2, "t", nil)
        request.resources = [resource]
        let found = try client.ask(request, as: DescribeConfigsResponse.self).results[0].configs
        let values = Dictionary(uniqueKeysWithValues: found.map { ($0.name, "\($0.value ?? "") \($0.configSource)") })
        #expect(values["compression.type"] == "producer 5" && values["message.timestamp.type"] == "CreateTime 5")
        #expect(values["min.compaction.lag.ms"] == "5 1" && values["max.compaction.lag.ms"] == "60000 1")
        #expect(values["max.message.bytes"] == "\(TopicConfig.usualBatch) 5" && values["min.insync.replicas"] == "1 5")
        #expect(try client.create("u", configs: ["min.compaction.lag.ms": "9", "max.compaction.lag.ms": "8"]).errorCode == 40)
    }
}
