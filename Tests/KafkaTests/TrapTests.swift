// The traps that other brokers which speak Kafka's protocol have fallen into, each a test by its name. Some stand where what they are about is
// tested: wrong bodies of versions in MessageTests, rebalances under way in ConsumerGroupTests, what was aborted in TransactionalProducerTests,
// names of clients' software in BrokerLinesTests, requests without an answer in BrokerTests, two mechanisms for one user in LoginTests.

import Bytes
import LogStore
import Platform
import Quantities
import Testing

@testable import Kafka

@Suite struct TrapTests {
    private let log: SegmentedLog
    private let client: KafkaClient

    init() throws {
        var options = LogOptions.inMemory
        // Consumers read what is in the segments.
        options.tailBytes = .zero
        log = try SegmentedLog(directory: "/data", files: MemoryFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 1), options: options)
        client = KafkaClient(
            broker: try KafkaBroker(
                log, KafkaOptions(host: "broker.example", port: 9999), clock: SystemTime(), random: SeededRandom(seed: 2),
                scheduler: HostScheduler()))
    }

    private func versions(_ key: Int16) -> ClosedRange<Int16>? {
        APIs.versions.apiKeys.first { $0.apiKey == key }.map { $0.minVersion...$0.maxVersion }
    }

    // MARK: Versions

    /// librdkafka before 2.11 looks for these very versions in what a broker says of itself.
    @Test func minimaAreNotRaised() {
        let wanted: [(Int16, ClosedRange<Int16>)] = [
            (0, 0...7), (1, 0...10), (2, 1...1), (8, 1...2), (9, 1...1), (10, 0...0), (11, 0...0), (12, 0...0), (13, 0...0), (14, 0...0),
            (17, 0...1), (18, 0...0), (22, 0...0), (36, 0...0),
        ]
        for (key, range) in wanted {
            #expect(versions(key).map { $0.contains(range.lowerBound) && $0.contains(range.upperBound) } == true, "API \(key)")
        }
    }

    /// From version 10 on topics have ids in these two, and clients that take the highest break.
    @Test func offsetsHaveNamesOfTopics() {
        #expect(versions(8)?.upperBound ?? 99 <= 9 && versions(9)?.upperBound ?? 99 <= 9)
    }

    /// Newer group protocols are left out until they are whole, with them metrics of clients and DescribeTopicPartitions.
    @Test func whatIsNotWholeIsLeftOut() {
        for key in [68, 69, 71, 72, 75, 76, 77, 78, 79, 88, 89] as [Int16] { #expect(versions(key) == nil, "API \(key)") }
    }

    /// kafkajs does not look at our minimum: it gets an error, and the connection stays.
    @Test func aVersionBelowOursGetsAnAnswer() throws {
        for (key, api) in APIs.all where api.versions.lowerBound > 0 {
            var header = MessageWriter(isFlexible: false)
            header.put(int16: key)
            header.put(int16: api.versions.lowerBound - 1)
            header.put(int32: 77)
            header.put(string: "test", isNullable: true)
            guard case .frame(let bytes) = client.reply(header.bytes) else { throw MessageError(reason: "\(api.name) is not answered") }
            #expect(bytes.count > 8)
        }
    }

    /// aiokafka begins with version 0; who asks in a version of the future is told in version 0 what there is.
    @Test func versionsOfVersions() throws {
        #expect(try client.ask(ApiVersionsRequest(), as: ApiVersionsResponse.self, version: 0).apiKeys.count == APIs.all.count)
        var header = MessageWriter(isFlexible: false)
        header.put(int16: ApiVersionsRequest.key)
        header.put(int16: 99)
        header.put(int32: 77)
        header.put(string: "test", isNullable: true)
        guard case .frame(let bytes) = client.reply(header.bytes + [0, 0, 0]) else { throw MessageError(reason: "there is no answer") }
        let response: ApiVersionsResponse = try KafkaClient.read(bytes, version: 0)
        #expect(response.errorCode == 35 && response.apiKeys.count == APIs.all.count)
    }

    @Test func everyServedMessageHasGoldenFrames() {
        let keys = Set(MessageTests.types.map { $0.key })
        for (key, api) in APIs.all { #expect(keys.contains(key), "\(api.name)") }
    }

    // MARK: Records

    /// An offset in the middle of a batch gives the whole batch.
    @Test func fetchInsideABatch() throws {
        _ = try client.create("t")
        _ = try client.produce("t", KafkaClient.batch([("a", "1"), ("b", "2"), ("c", "3")]))
        let records = try client.fetch("t", from: 2).records ?? []
        #expect(RecordBatchHeader(Array(records), at: 0)?.baseOffset == .first)
    }

    /// Offsets follow one another, and consumers come past those that compaction has taken out.
    @Test func offsetsAreDenseAndMayHaveGaps() throws {
        _ = try client.create("t", configs: ["cleanup.policy": "compact", "segment.bytes": "1024"])
        for number in 0..<40 { #expect(try client.produce("t", KafkaClient.batch([("a", "\(number)")])) == (KafkaError.none, Int64(number))) }
        #expect(log.maintain() == [])
        var (offset, seen) = (Int64(0), 0)
        while offset < 40 {
            let bytes = Array(try client.fetch("t", from: offset).records ?? [])
            let header = try #require(RecordBatchHeader(bytes, at: 0))
            #expect(header.lastOffset.count >= offset)
            offset = header.lastOffset.count + 1
            seen += Int(header.recordCount)
        }
        #expect(offset == 40 && seen < 40 && seen > 0)
    }

    @Test func recordsWithoutKeysInACompactedTopic() throws {
        _ = try client.create("t", configs: ["cleanup.policy": "compact"])
        #expect(try client.produce("t", KafkaClient.batch([(nil, "1")])).error == .invalidRecord)
    }

    @Test(arguments: ListOffsetsRequest.versions) func offsetsByTimeInEveryVersion(_ version: Int16) throws {
        _ = try client.create("t")
        for time in [1000, 5000, 3000] as [Int64] { _ = try client.produce("t", KafkaClient.batch([("a", "\(time)")], at: time)) }
        for (timestamp, expected) in [(-1, 3), (-2, 0), (0, 0), (1001, 1), (3000, 1), (5001, -1), (-3, 1)] as [(Int64, Int64)] {
            if timestamp == -3, version < 7 { continue }
            var request = ListOffsetsRequest()
            var (topic, place) = (ListOffsetsRequest.Topic(), ListOffsetsRequest.Topic.Partition())
            place.timestamp = timestamp
            (topic.name, topic.partitions) = ("t", [place])
            request.topics = [topic]
            let answered = try client.ask(request, as: ListOffsetsResponse.self, version: version).topics[0].partitions[0]
            #expect(answered.offset == expected && answered.errorCode == 0, "\(timestamp)")
        }
    }

    /// A consumer that knows of a session which is not kept begins anew with all of its partitions.
    @Test func fetchSessionsAreRefused() throws {
        _ = try client.create("t")
        var request = KafkaClient.fetching("t", from: 0)
        (request.sessionId, request.sessionEpoch) = (0, 0)
        #expect(try client.ask(request, as: FetchResponse.self).sessionId == 0)
        (request.sessionId, request.sessionEpoch) = (5, 1)
        let refused = try client.ask(request, as: FetchResponse.self)
        #expect(refused.errorCode == KafkaError.fetchSessionIDNotFound.rawValue && refused.responses.isEmpty)
    }

    // MARK: Who and where

    /// The coordinator is a broker of the metadata, at the address that clients are told to come to.
    @Test func identitiesAndAddressesAgree() throws {
        let metadata = try client.ask(MetadataRequest(), as: MetadataResponse.self)
        for type in [0, 1] as [Int8] {
            var request = FindCoordinatorRequest()
            (request.keyType, request.key) = (type, "x")
            let found = try client.ask(request, as: FindCoordinatorResponse.self, version: 2)
            #expect(found.nodeId == metadata.brokers[0].nodeId && found.host == "broker.example" && found.port == 9999)
        }
        #expect(metadata.brokers[0].host == "broker.example" && metadata.controllerId == metadata.brokers[0].nodeId)
        #expect(try client.ask(DescribeClusterRequest(), as: DescribeClusterResponse.self).brokers[0].port == 9999)
    }

    /// The replication factor that is shown is the one that can be asked for.
    @Test func replicationFactorsAgree() throws {
        let made = try client.create("t", copies: -1)
        #expect(made.replicationFactor == 1 && made.numPartitions == 1 && made.configs?.isEmpty == false)
        var all = MetadataRequest()
        all.topics = nil
        #expect(try client.ask(all, as: MetadataResponse.self).topics.first { $0.name == "t" }?.partitions[0].replicaNodes == [1])
        var request = DescribeConfigsRequest()
        var resource = DescribeConfigsRequest.Resource()
        (resource.resourceType, resource.resourceName, resource.configurationKeys) = (4, "1", ["default.replication.factor"])
        request.resources = [resource]
        #expect(try client.ask(request, as: DescribeConfigsResponse.self).results[0].configs.map(\.value) == ["1"])
    }

    /// Metadata tells of a new topic at once; with the flag it makes one.
    @Test func topicsAreThereAtOnce() throws {
        _ = try client.create("t", partitions: 3)
        var request = MetadataRequest()
        request.topics = ["t", "new"].map { name in
            var topic = MetadataRequest.Topic()
            topic.name = name
            return topic
        }
        request.allowAutoTopicCreation = false
        #expect(try client.ask(request, as: MetadataResponse.self).topics.map(\.errorCode) == [0, 3])
        request.allowAutoTopicCreation = true
        let made = try client.ask(request, as: MetadataResponse.self).topics
        #expect(made.map(\.errorCode) == [0, 0] && made.map { $0.partitions.count } == [3, 1])
        // "Authorized operations" were not asked for.
        #expect(made[0].topicAuthorizedOperations == .min)
    }

    // MARK: Groups

    /// A new member begins where the last commit was, and the text beside it is kept.
    @Test func theNewestCommitCounts() throws {
        _ = try client.create("t")
        for offset in [5, 9] as [Int64] {
            var request = OffsetCommitRequest()
            (request.groupId, request.generationIdOrMemberEpoch) = ("g", -1)
            var (topic, place) = (OffsetCommitRequest.Topic(), OffsetCommitRequest.Topic.Partition())
            (place.committedOffset, place.committedMetadata) = (offset, "m\(offset)")
            (topic.name, topic.partitions) = ("t", [place])
            request.topics = [topic]
            #expect(try client.ask(request, as: OffsetCommitResponse.self).topics[0].partitions[0].errorCode == 0)
        }
        for version in OffsetFetchRequest.versions where version < 8 {
            var request = OffsetFetchRequest()
            var topic = OffsetFetchRequest.Topic()
            (topic.name, topic.partitionIndexes) = ("t", [0])
            (request.groupId, request.topics) = ("g", [topic])
            let found = try client.ask(request, as: OffsetFetchResponse.self, version: version).topics[0].partitions[0]
            #expect(found.committedOffset == 9 && found.metadata == "m9", "version \(version)")
        }
    }

    /// A group of one is there at once (`group.initial.rebalance.delay.ms` is 0), and a large plan comes whole.
    @Test func joiningIsQuickAndPlansComeWhole() throws {
        var request = JoinGroupRequest()
        (request.groupId, request.protocolType, request.sessionTimeoutMs, request.rebalanceTimeoutMs) = ("g", "consumer", 10_000, 60_000)
        var offered = JoinGroupRequest.OfferedProtocol()
        offered.name = "range"
        request.protocols = [offered]
        let joined = try client.ask(request, as: JoinGroupResponse.self, version: 3)
        #expect(joined.errorCode == 0 && joined.generationId == 1)
        var sync = SyncGroupRequest()
        (sync.groupId, sync.memberId, sync.generationId) = ("g", joined.memberId, 1)
        var planned = SyncGroupRequest.Assignment()
        (planned.memberId, planned.assignment) = (joined.memberId, [UInt8](repeating: 7, count: 900_000))
        sync.assignments = [planned]
        for version in SyncGroupRequest.versions {
            // The protocol's name comes with version 5.
            (sync.protocolType, sync.protocolName) = version >= 5 ? ("consumer", "range") : (nil, nil)
            #expect(try client.ask(sync, as: SyncGroupResponse.self, version: version).assignment.count == 900_000)
        }
    }

    // MARK: Transactions

    @Test func timeoutsOfTransactionsAreChecked() throws {
        for (timeout, error) in [(0, 50), (900_001, 50), (900_000, 0)] as [(Int32, Int16)] {
            var request = InitProducerIdRequest()
            (request.transactionalId, request.transactionTimeoutMs) = ("x", timeout)
            let answered = try client.ask(request, as: InitProducerIdResponse.self)
            #expect(answered.errorCode == error && (answered.producerEpoch == -1) == (error != 0))
        }
        #expect(versions(26) == 0...3)
    }

    /// Who says which producer it was says both its id and its epoch; one that nobody remembers begins anew.
    @Test func producersSayBothOrNeither() throws {
        for (name, id, epoch, error) in [
            (nil, 7, -1, 42), (nil, -1, 3, 42), ("new", 7, -1, 42), ("new", 7, 3, 0), ("new", 8, 3, 90), (nil, 7, 3, 0),
        ] as [(String?, Int64, Int16, Int16)] {
            var request = InitProducerIdRequest()
            (request.transactionalId, request.transactionTimeoutMs, request.producerId, request.producerEpoch) = (name, 1_000, id, epoch)
            let answered = try client.ask(request, as: InitProducerIdResponse.self)
            #expect(answered.errorCode == error && answered.producerEpoch == (error == 0 ? 0 : -1), "\(id) \(epoch)")
            #expect((answered.producerId >= 0) == (error == 0) && answered.producerId != 7)
        }
    }

    /// Idempotence is what the Java client begins with: without an id every send would fail.
    @Test(arguments: InitProducerIdRequest.versions) func producersGetIds(_ version: Int16) throws {
        var request = InitProducerIdRequest()
        request.transactionalId = nil
        let answered = try client.ask(request, as: InitProducerIdResponse.self, version: version)
        #expect(answered.errorCode == 0 && answered.producerId >= 0 && answered.producerEpoch == 0)
    }
}
