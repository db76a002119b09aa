// The broker over a log in memory, asked by frames: what goes in comes out, what waits is answered, and what cannot be is refused.

import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import Testing

@testable import Kafka

@Suite struct BrokerTests {
    private let log: SegmentedLog
    private let broker: KafkaBroker

    init() throws {
        log = try SegmentedLog(
            directory: "/data", files: MemoryFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 1), options: .inMemory)
        var options = KafkaOptions(host: "localhost", port: 9092)
        options.isReserved = { $0.hasPrefix("own") }
        options.isReservedGroup = { $0 == "QUERY_1" }
        options.obstacle = { $0 == "used" ? "it is used" : nil }
        broker = try KafkaBroker(log, options, clock: SystemTime(), random: SeededRandom(seed: 2), scheduler: HostScheduler())
    }

    // MARK: Asking

    private var client: KafkaClient { KafkaClient(broker: broker) }

    private func frame(_ request: some MessageRequest, _ version: Int16) -> [UInt8] { KafkaClient.frame(request, version) }

    private func reply(_ frame: [UInt8]) -> KafkaReply { client.reply(frame) }

    private func ask<Request: MessageRequest, Response: MessageResponse>(
        _ request: Request, as type: Response.Type, version: Int16 = Request.versions.upperBound
    ) throws -> Response { try client.ask(request, as: type, version: version) }

    private func read<Response: MessageResponse>(_ bytes: [UInt8], version: Int16) throws -> Response {
        try KafkaClient.read(bytes, version: version)
    }

    private func batch(_ records: [(key: String?, value: String)], at time: Int64 = 1000, producer: BatchProducer? = nil) -> [UInt8] {
        KafkaClient.batch(records, at: time, producer: producer)
    }

    private func produce(_ topic: String, _ records: [UInt8]?, partition: Int32 = 0, acks: Int16 = -1) throws -> (error: KafkaError?, offset: Int64) {
        try client.produce(topic, records, partition: partition, acks: acks)
    }

    private func fetching(_ topic: String, from offset: Int64, wait: Int32 = 0, atLeast: Int32 = 1) -> FetchRequest {
        KafkaClient.fetching(topic, from: offset, wait: wait, atLeast: atLeast)
    }

    private func fetch(_ topic: String, from offset: Int64) throws -> FetchResponse.Response.Partition { try client.fetch(topic, from: offset) }

    private func create(_ name: String, partitions: Int32 = 1, copies: Int16 = -1, configs: [String: String] = [:]) throws -> CreateTopicsResponse.Topic {
        try client.create(name, partitions: partitions, copies: copies, configs: configs)
    }

    // MARK: Versions

    @Test func everyVersionIsAnnouncedOrRefusedByAnAnswer() throws {
        let answered = try ask(ApiVersionsRequest(), as: ApiVersionsResponse.self)
        for (key, api) in APIs.all {
            #expect(answered.apiKeys.contains { $0.apiKey == key && $0.minVersion <= api.versions.lowerBound && $0.maxVersion == api.versions.upperBound })
        }
        // What librdkafka before 2.11 looks for.
        for (key, version) in [(0, 2), (1, 2), (2, 1), (8, 1), (9, 1), (10, 0), (11, 0), (12, 0), (13, 0), (14, 0), (18, 0), (22, 0)] as [(Int16, Int16)] {
            #expect(answered.apiKeys.contains { $0.apiKey == key && $0.minVersion <= version })
        }
        // A version that nobody knows: the oldest form, with an error and what there is.
        guard case .frame(let bytes) = reply(frame(ApiVersionsRequest(), 99)) else { throw MessageError(reason: "there is no answer") }
        let oldest: ApiVersionsResponse = try read(bytes, version: 0)
        #expect(oldest.errorCode == 35 && oldest.apiKeys.count == APIs.all.count)
        // One below what is read: an answer, not a closed connection.
        guard case .frame = reply(frame(ProduceRequest(), 2)) else { throw MessageError(reason: "there is no answer") }
        guard case .close = reply([0, 99, 0, 0, 0, 0, 0, 1, 0xff, 0xff]) else { throw MessageError(reason: "an API that is not there was answered") }
        guard case .close = reply([0, 3, 0, 9, 0, 0, 0, 1, 0xff]) else { throw MessageError(reason: "a header that ends early was answered") }
    }

    // MARK: Records

    @Test func whatIsProducedIsFetched() throws {
        #expect(try create("t").errorCode == 0)
        let first = batch([("a", "1"), ("b", "2"), (nil, "3")])
        #expect(try produce("t", first) == (KafkaError.none, 0))
        #expect(try produce("t", batch([("c", "4")])) == (KafkaError.none, 3))
        // From inside a batch: the whole batch.
        let fetched = try fetch("t", from: 2)
        #expect(fetched.highWatermark == 4 && fetched.lastStableOffset == 4 && fetched.errorCode == 0)
        let bytes = Array(fetched.records ?? [])
        #expect(bytes[17..<first.count].elementsEqual(first[17...]))
        #expect(try fetch("t", from: 4).records ?? [] == [])
        #expect(try fetch("t", from: 5).errorCode == KafkaError.offsetOutOfRange.rawValue)
        #expect(try fetch("none", from: 0).errorCode == KafkaError.unknownTopicOrPartition.rawValue)
        // What SQL reads is the same.
        let topic = try #require(log.describeTopic(named: "t"))
        let run = try log.fetch(topic.id, partition: .first, from: .first, maxBytes: .mebibytes(1), upTo: .durable)
        #expect(run.count == 4 && run.keys[2].isNull)
    }

    @Test func badBatchesAreRefused() throws {
        _ = try create("t")
        _ = try create("compacted", configs: ["cleanup.policy": "compact"])
        let good = batch([("a", "1")])
        var flipped = good
        flipped[good.count - 1] ^= 1
        var old = good
        old[16] = 1
        #expect(try produce("t", flipped).error == .corruptMessage)
        #expect(try produce("t", old).error == .corruptMessage)
        #expect(try produce("t", good + good).error == .invalidRecord)
        #expect(try produce("t", Array(good[..<40])).error == .corruptMessage)
        #expect(try produce("t", []).error == .invalidRecord && produce("t", nil).error == .invalidRecord)
        #expect(try produce("t", good, partition: 1).error == .unknownTopicOrPartition)
        #expect(try produce("t", good, partition: -1).error == .unknownTopicOrPartition)
        #expect(try produce("t", good, acks: 2).error == .invalidRequiredAcks)
        #expect(try produce("own", good).error == .topicAuthorizationFailed)
        #expect(try produce("compacted", batch([("a", "1"), (nil, "2")])).error == .invalidRecord)
        #expect(try produce("compacted", good).error == KafkaError.none)
        #expect(try fetch("t", from: 0).highWatermark == 0)
    }

    @Test func repeatedBatchesCountOnce() throws {
        _ = try create("t")
        let identity = try ask(
            { () -> InitProducerIdRequest in
                var request = InitProducerIdRequest()
                request.transactionalId = nil
                return request
            }(), as: InitProducerIdResponse.self)
        #expect(identity.errorCode == 0 && identity.producerId >= 0)
        func stamped(_ sequence: Int32, epoch: Int16 = 0) -> [UInt8] {
            batch([("a", "\(sequence)")], producer: BatchProducer(id: identity.producerId, epoch: epoch, baseSequence: sequence))
        }
        #expect(try produce("t", stamped(0)) == (KafkaError.none, 0))
        #expect(try produce("t", stamped(1)) == (KafkaError.none, 1))
        #expect(try produce("t", stamped(0)) == (KafkaError.none, 0))
        #expect(try produce("t", stamped(3)).error == .outOfOrderSequenceNumber)
        #expect(try produce("t", stamped(0, epoch: 1)) == (KafkaError.none, 2))
        #expect(try produce("t", stamped(2)).error == .invalidProducerEpoch)
        var transactional = InitProducerIdRequest()
        transactional.transactionalId = "x"
        #expect(try ask(transactional, as: InitProducerIdResponse.self).errorCode != 0)
    }

    /// Without acks there is no answer, and the next request is answered.
    @Test func acksZero() throws {
        _ = try create("t")
        var request = ProduceRequest()
        (request.acks, request.transactionalId) = (0, nil)
        var (data, place) = (ProduceRequest.TopicData(), ProduceRequest.TopicData.PartitionData())
        place.records = batch([("a", "1")])[...]
        (data.name, data.partitionData) = ("t", [place])
        request.topicData = [data]
        guard case .nothing = reply(frame(request, 9)) else { throw MessageError(reason: "there is an answer") }
        #expect(try fetch("t", from: 0).highWatermark == 1)
    }

    // MARK: Waiting

    @Test func aFetchWaitsForRecords() throws {
        _ = try create("t")
        let answers = Monitor<[KafkaReply]>([])
        for _ in 0..<50 {
            broker.answer(frame(fetching("t", from: 0, wait: 600_000), 12)) { reply in answers.update { $0.append(reply) } }
        }
        #expect(try produce("t", batch([("a", "1")])).error == KafkaError.none)
        let all = answers.wait(until: { $0.count == 50 }) { $0 }
        for case .frame(let bytes) in all {
            let response: FetchResponse = try read(bytes, version: 12)
            #expect(response.responses[0].partitions[0].records?.isEmpty == false)
        }
        // The time is up.
        let empty = try ask(fetching("t", from: 1, wait: 1), as: FetchResponse.self)
        #expect(empty.responses[0].partitions[0].records ?? [] == [])
        // The broker stops.
        broker.answer(frame(fetching("t", from: 1, wait: 600_000), 12)) { reply in answers.update { $0.append(reply) } }
        broker.close()
        answers.wait(until: { $0.count == 51 }) { _ in }
    }

    // MARK: Topics

    @Test func topics() throws {
        let made = try create("t", partitions: 3, copies: 3, configs: ["retention.ms": "60000", "min.insync.replicas": "2"])
        #expect(made.errorCode == 0 && made.numPartitions == 3 && made.replicationFactor == 1)
        #expect(made.configs?.contains { $0.name == "retention.ms" && $0.value == "60000" && $0.configSource == 1 } == true)
        #expect(try create("t").errorCode == KafkaError.topicAlreadyExists.rawValue)
        #expect(try create("own").errorCode == KafkaError.topicAuthorizationFailed.rawValue)
        #expect(try create("a/b").errorCode == KafkaError.invalidTopic.rawValue)
        #expect(try create("u", partitions: 0).errorCode == KafkaError.invalidPartitions.rawValue)
        #expect(try create("u", copies: 0).errorCode == KafkaError.invalidReplicationFactor.rawValue)
        #expect(try create("u", configs: ["retention.ms": "soon"]).errorCode == KafkaError.invalidConfig.rawValue)
        #expect(try create("u", configs: ["no.such": "1"]).errorCode == KafkaError.invalidConfig.rawValue)
        #expect(try create("u", partitions: -1).numPartitions == 1)

        var wanted = MetadataRequest()
        wanted.topics = ["t", "new", "own"].map { name in
            var topic = MetadataRequest.Topic()
            topic.name = name
            return topic
        }
        for version in MetadataRequest.versions {
            let answered = try ask(wanted, as: MetadataResponse.self, version: version)
            #expect(answered.brokers.map(\.nodeId) == [1] && answered.topics.map(\.errorCode) == [0, 0, 3])
            #expect(answered.topics[0].partitions.map(\.leaderId) == [1, 1, 1])
        }
        var deleting = DeleteTopicsRequest()
        deleting.topics = ["t", "none", "own"].map { name in
            var topic = DeleteTopicsRequest.Topic()
            topic.name = name
            return topic
        }
        _ = try create("used")
        var used = DeleteTopicsRequest.Topic()
        used.name = "used"
        deleting.topics.append(used)
        #expect(try ask(deleting, as: DeleteTopicsResponse.self).responses.map(\.errorCode) == [0, 3, 3, 44])
        #expect(log.describeTopic(named: "t") == nil && log.describeTopic(named: "used") != nil)
    }

    @Test func offsetsByTime() throws {
        _ = try create("t")
        for time in [1000, 5000, 3000] as [Int64] { _ = try produce("t", batch([("a", "\(time)")], at: time)) }
        func find(_ timestamp: Int64) throws -> (Int64, Int64) {
            var request = ListOffsetsRequest()
            var (topic, place) = (ListOffsetsRequest.Topic(), ListOffsetsRequest.Topic.Partition())
            place.timestamp = timestamp
            (topic.name, topic.partitions) = ("t", [place])
            request.topics = [topic]
            let answered = try ask(request, as: ListOffsetsResponse.self, version: 7).topics[0].partitions[0]
            return (answered.offset, answered.timestamp)
        }
        #expect(try find(-1) == (3, -1) && find(-2) == (0, -1) && find(-3) == (1, 5000))
        #expect(try find(0) == (0, 1000) && find(1001) == (1, 5000) && find(5001) == (-1, -1))
    }

    // MARK: Groups

    @Test func offsetsOfGroups() throws {
        _ = try create("t", partitions: 2)
        func commit(_ group: String, _ offsets: [Int32: Int64], metadata: String? = "m") throws -> [Int16] {
            var request = OffsetCommitRequest()
            (request.groupId, request.generationIdOrMemberEpoch) = (group, -1)
            var topic = OffsetCommitRequest.Topic()
            topic.name = "t"
            topic.partitions = offsets.sorted { $0.key < $1.key }.map { index, offset in
                var partition = OffsetCommitRequest.Topic.Partition()
                (partition.partitionIndex, partition.committedOffset, partition.committedMetadata) = (index, offset, metadata)
                return partition
            }
            request.topics = [topic]
            return try ask(request, as: OffsetCommitResponse.self).topics[0].partitions.map(\.errorCode)
        }
        func committed(_ group: String, version: Int16) throws -> [String] {
            var request = OffsetFetchRequest()
            (request.groupId, request.topics) = (group, nil)
            var wanted = OffsetFetchRequest.Group()
            (wanted.groupId, wanted.topics) = (group, nil)
            request.groups = [wanted]
            let answered = try ask(request, as: OffsetFetchResponse.self, version: version)
            if version >= 8 {
                return answered.groups[0].topics.flatMap { topic in
                    topic.partitions.map { "\(topic.name)-\($0.partitionIndex) \($0.committedOffset) \($0.metadata ?? "")" }
                }
            }
            return answered.topics.flatMap { topic in
                topic.partitions.map { "\(topic.name)-\($0.partitionIndex) \($0.committedOffset) \($0.metadata ?? "")" }
            }
        }
        #expect(try commit("g", [0: 5, 1: 6]) == [0, 0])
        #expect(try commit("g", [1: 9], metadata: nil) == [0])
        #expect(try commit("g", [2: 1]) == [3])
        #expect(try commit("g", [0: 1], metadata: String(repeating: "x", count: 4097)) == [12])
        // The group without a name is one, too, as on Kafka.
        #expect(try commit("", [0: 1]) == [0] && commit("QUERY_1", [0: 1]) == [30])
        for version in [2, 5, 7, 8] as [Int16] { #expect(try committed("g", version: version) == ["t-0 5 m", "t-1 9 "]) }
        // Another broker over the same log knows them.
        let again = try KafkaBroker(
            log, KafkaOptions(host: "localhost", port: 9092), clock: SystemTime(), random: SeededRandom(seed: 3), scheduler: HostScheduler())
        #expect(try again.groups.offsets.offsets(of: "g").count == 2)
        again.close()
        // What was committed of a topic is nothing to one that is made again under its name.
        let old = try #require(log.topicID(named: "t"))
        try log.deleteTopic(old)
        #expect(try committed("g", version: 8) == [])
        _ = try create("t", partitions: 2)
        #expect(try committed("g", version: 8) == [])
        #expect(try commit("g", [1: 3]) == [0])
        #expect(try committed("g", version: 8) == ["t-1 3 m"])
        var listing = ListGroupsRequest()
        for (types, states, count) in [([], [], 2), (["Classic"], ["EMPTY"], 2), (["Consumer"], [], 0), ([], ["Stable"], 0)] as [([String], [String], Int)] {
            (listing.typesFilter, listing.statesFilter) = (types, states)
            #expect(try ask(listing, as: ListGroupsResponse.self).groups.count == count)
        }
        var deleting = DeleteGroupsRequest()
        deleting.groupsNames = ["g", "none", "QUERY_1"]
        #expect(try ask(deleting, as: DeleteGroupsResponse.self).results.map(\.errorCode) == [0, 69, 30])
        #expect(try committed("g", version: 8) == [])
    }
}
