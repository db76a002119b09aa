// What tools change: configurations, partitions, records, offsets of groups.

import Bytes
import LogStore
import Platform
import Quantities
import Testing

@testable import Kafka

@Suite struct AdminTests {
    private let files = MemoryFileSystem()
    private let log: SegmentedLog
    private let client: KafkaClient

    init() throws {
        log = try SegmentedLog(directory: "/data", files: files, clock: SystemTime(), random: SeededRandom(seed: 1), options: .inMemory)
        var options = KafkaOptions(host: "localhost", port: 9092)
        options.isReserved = { $0.hasPrefix("own") }
        options.isReservedGroup = { $0 == "QUERY_1" }
        options.obstacle = { $0 == "used" ? "it is used" : nil }
        client = KafkaClient(
            broker: try KafkaBroker(log, options, clock: SystemTime(), random: SeededRandom(seed: 2), scheduler: HostScheduler()))
        _ = try log.createTopic("own", partitions: 1, config: TopicConfig())
        #expect(try client.create("t", configs: ["retention.ms": "5000"]).errorCode == 0)
    }

    // MARK: Configurations

    private func config(_ name: String) throws -> (value: String?, source: Int8)? {
        var request = DescribeConfigsRequest()
        var resource = DescribeConfigsRequest.Resource()
        (resource.resourceType, resource.resourceName, resource.configurationKeys) = (2, "t", nil)
        request.resources = [resource]
        let found = try client.ask(request, as: DescribeConfigsResponse.self).results[0].configs.first { $0.name == name }
        return found.map { ($0.value, $0.configSource) }
    }

    private func alter(
        _ changes: [(name: String, operation: Int8, value: String?)], of topic: String = "t", type: Int8 = 2, isTrial: Bool = false
    ) throws -> KafkaError? {
        var request = IncrementalAlterConfigsRequest()
        request.validateOnly = isTrial
        var resource = IncrementalAlterConfigsRequest.Resource()
        (resource.resourceType, resource.resourceName) = (type, topic)
        resource.configs = changes.map { name, operation, value in
            var config = IncrementalAlterConfigsRequest.Resource.Config()
            (config.name, config.configOperation, config.value) = (name, operation, value)
            return config
        }
        request.resources = [resource]
        return KafkaError(rawValue: try client.ask(request, as: IncrementalAlterConfigsResponse.self).responses[0].errorCode)
    }

    @Test func configurationsAreChangedOneByOne() throws {
        #expect(try alter([("segment.ms", 0, "9000"), ("cleanup.policy", 2, "compact")]) == KafkaError.none)
        #expect(try config("segment.ms")?.value == "9000" && config("retention.ms")?.value == "5000")
        #expect(try config("cleanup.policy")?.value == "compact,delete" && config("cleanup.policy")?.source == 1)
        #expect(try alter([("cleanup.policy", 3, "compact"), ("retention.ms", 1, nil)]) == KafkaError.none)
        #expect(try config("cleanup.policy")?.value == "delete" && config("retention.ms")?.value == "604800000")
        #expect(try config("retention.ms")?.source == 5)
        // A list without words is none: nothing is deleted, nothing compacted.
        #expect(try alter([("cleanup.policy", 3, "delete")]) == KafkaError.none && config("cleanup.policy")?.value == "")
        let kept = try #require(log.describeTopic(named: "t")).config.cleanupPolicy
        #expect(!kept.deletes && !kept.compacts)
        #expect(try alter([("cleanup.policy", 2, "delete")]) == KafkaError.none && config("cleanup.policy")?.value == "delete")
        #expect(try alter([("segment.ms", 0, "7000")], isTrial: true) == KafkaError.none)
        #expect(try config("segment.ms")?.value == "9000")
        for wrong in [("segment.ms", 0, "x"), ("none", 0, "1"), ("none", 2, "1"), ("segment.ms", 2, "1"), ("segment.bytes", 0, "9999999999")] as [(String, Int8, String?)] {
            #expect(try alter([wrong]) == .invalidConfig, "\(wrong)")
        }
        // What is wrong by itself is said first, as Kafka does, whether the topic is there or not.
        #expect(try alter([("segment.ms", 2, "1")], of: "none") == .invalidConfig && alter([("none", 0, "1")], of: "none") == .invalidConfig)
        #expect(try alter([("segment.ms", 0, nil)]) == .invalidRequest && alter([("segment.ms", 0, nil)], of: "none") == .invalidRequest)
        #expect(try alter([("none", 1, nil)]) == KafkaError.none && alter([("none", 1, nil)], of: "none") == .unknownTopicOrPartition)
        #expect(try alter([("segment.ms", 0, "1")], of: "a/b") == .invalidTopic && alter([("segment.ms", 0, "1")], of: "") == .invalidRequest)
        #expect(try alter([("segment.ms", 7, "1")]) == .invalidRequest)
        #expect(try alter([("segment.ms", 0, "1")], type: 4) == .invalidRequest)
        #expect(try alter([("segment.ms", 0, "1")], of: "own") == .topicAuthorizationFailed)
        #expect(try alter([("segment.ms", 0, "1")], of: "none") == .unknownTopicOrPartition)
        #expect(try config("segment.ms")?.value == "9000")
    }

    @Test func configurationsAreReplaced() throws {
        var request = AlterConfigsRequest()
        var (resource, entry) = (AlterConfigsRequest.Resource(), AlterConfigsRequest.Resource.Config())
        (entry.name, entry.value) = ("segment.ms", "8000")
        (resource.resourceType, resource.resourceName, resource.configs) = (2, "t", [entry])
        request.resources = [resource]
        #expect(try client.ask(request, as: AlterConfigsResponse.self).responses[0].errorCode == 0)
        #expect(try config("segment.ms")?.value == "8000" && config("retention.ms")?.value == "604800000")
    }

    // MARK: Partitions

    private func grow(_ topic: String, to count: Int32, isTrial: Bool = false) throws -> KafkaError? {
        var request = CreatePartitionsRequest()
        var wanted = CreatePartitionsRequest.Topic()
        (wanted.name, wanted.count, wanted.assignments) = (topic, count, nil)
        (request.topics, request.validateOnly) = ([wanted], isTrial)
        return KafkaError(rawValue: try client.ask(request, as: CreatePartitionsResponse.self).results[0].errorCode)
    }

    @Test func topicsGetMorePartitions() throws {
        #expect(try client.create("used").errorCode == 0)
        #expect(try grow("t", to: 3, isTrial: true) == KafkaError.none && log.describeTopic(named: "t")?.partitions.count == 1)
        #expect(try grow("t", to: 3) == KafkaError.none)
        #expect(try client.produce("t", KafkaClient.batch([("a", "1")]), partition: 2) == (KafkaError.none, 0))
        #expect(try grow("t", to: 3) == .invalidPartitions)
        #expect(try grow("t", to: 1_000_000) == .invalidPartitions)
        #expect(try grow("used", to: 3) == .policyViolation)
        #expect(try grow("own", to: 3) == .topicAuthorizationFailed)
        #expect(try grow("none", to: 3) == .unknownTopicOrPartition)
        client.broker.close()
        log.close()
        // They are there after a start, with their records.
        let again = try SegmentedLog(directory: "/data", files: files, clock: SystemTime(), random: SeededRandom(seed: 3), options: .inMemory)
        #expect(again.recoveryNotes.filter(\.isDamage) == [])
        #expect(again.describeTopic(named: "t")?.partitions.map(\.bounds.durableEnd.count) == [0, 0, 1])
        again.close()
    }

    // MARK: Records and offsets

    private func delete(_ topic: String, before offset: Int64, partition: Int32 = 0) throws -> (start: Int64, error: KafkaError?) {
        var request = DeleteRecordsRequest()
        var (wanted, place) = (DeleteRecordsRequest.Topic(), DeleteRecordsRequest.Topic.Partition())
        (place.partitionIndex, place.offset) = (partition, offset)
        (wanted.name, wanted.partitions) = (topic, [place])
        request.topics = [wanted]
        let answered = try client.ask(request, as: DeleteRecordsResponse.self).topics[0].partitions[0]
        return (answered.lowWatermark, KafkaError(rawValue: answered.errorCode))
    }

    @Test func recordsAreRemoved() throws {
        for number in 0..<5 { _ = try client.produce("t", KafkaClient.batch([("a", "\(number)")])) }
        #expect(try delete("t", before: 3) == (3, KafkaError.none))
        #expect(try delete("t", before: 2) == (3, KafkaError.none))
        #expect(try delete("t", before: 6) == (-1, .offsetOutOfRange))
        #expect(try delete("t", before: 0, partition: 7) == (-1, .unknownTopicOrPartition))
        #expect(try delete("own", before: 0) == (-1, .topicAuthorizationFailed))
        #expect(try client.fetch("t", from: 2).errorCode == KafkaError.offsetOutOfRange.rawValue)
        #expect(try client.fetch("t", from: 3).logStartOffset == 3)
        client.broker.close()
        log.close()
        let again = try SegmentedLog(directory: "/data", files: files, clock: SystemTime(), random: SeededRandom(seed: 3), options: .inMemory)
        #expect(again.recoveryNotes.filter(\.isDamage) == [])
        #expect(again.describeTopic(named: "t")?.partitions.map(\.bounds.start.count) == [3])
        again.close()
    }

    @Test func allRecordsAreRemoved() throws {
        for number in 0..<5 { _ = try client.produce("t", KafkaClient.batch([("a", "\(number)")])) }
        #expect(try delete("t", before: -1) == (5, KafkaError.none))
        #expect(try client.create("compacted", configs: ["cleanup.policy": "compact"]).errorCode == 0)
        #expect(try delete("compacted", before: -1) == (-1, .policyViolation))
        #expect(try delete("compacted", before: -1, partition: 7) == (-1, .unknownTopicOrPartition))
    }

    @Test func offsetsAreRemoved() throws {
        var commit = OffsetCommitRequest()
        var (topic, place) = (OffsetCommitRequest.Topic(), OffsetCommitRequest.Topic.Partition())
        place.committedOffset = 4
        (topic.name, topic.partitions) = ("t", [place])
        (commit.groupId, commit.generationIdOrMemberEpoch, commit.topics) = ("g", -1, [topic])
        #expect(try client.ask(commit, as: OffsetCommitResponse.self).topics[0].partitions[0].errorCode == 0)
        func delete(_ group: String) throws -> KafkaError? {
            var request = OffsetDeleteRequest()
            var topic = OffsetDeleteRequest.Topic()
            (topic.name, topic.partitions) = ("t", [OffsetDeleteRequest.Topic.Partition()])
            (request.groupId, request.topics) = (group, [topic])
            return KafkaError(rawValue: try client.ask(request, as: OffsetDeleteResponse.self).errorCode)
        }
        #expect(try delete("none") == .groupIDNotFound)
        #expect(try delete("QUERY_1") == .groupAuthorizationFailed)
        #expect(try delete("g") == KafkaError.none)
        #expect(try client.broker.groups.offsets.offsets(of: "g").isEmpty)
        // The group is there without any, until it is deleted itself.
        #expect(try delete("g") == KafkaError.none)
    }

    /// The offsets of topics that a consumer reads stay; those of others may go, as in Kafka. Groups of another kind are left alone.
    @Test(arguments: [
        ("consumer", KafkaClient.subscription(["t"]), "t", 0, 86), ("consumer", KafkaClient.subscription(["u"]), "t", 0, 0),
        ("consumer", KafkaClient.subscription([]), "t", 0, 0), ("consumer", KafkaClient.subscription(["t"]), "none", 0, 3),
        // A subscription that cannot be read may be one of anything.
        ("consumer", [1], "t", 0, 86), ("connect", KafkaClient.subscription(["u"]), "t", 68, nil),
    ] as [(String, [UInt8], String, Int16, Int16?)])
    func offsetsOfMembersStay(kind: String, subscription: [UInt8], name: String, error: Int16, ofPartition: Int16?) throws {
        var join = JoinGroupRequest()
        (join.groupId, join.protocolType, join.sessionTimeoutMs, join.rebalanceTimeoutMs) = ("members", kind, 10_000, 10_000)
        var offered = JoinGroupRequest.OfferedProtocol()
        (offered.name, offered.metadata) = ("range", subscription)
        join.protocols = [offered]
        let member = try client.ask(join, as: JoinGroupResponse.self, version: 3)
        var sync = SyncGroupRequest()
        (sync.groupId, sync.generationId, sync.memberId) = ("members", member.generationId, member.memberId)
        #expect(try client.ask(sync, as: SyncGroupResponse.self, version: 3).errorCode == 0)
        var commit = OffsetCommitRequest()
        var (topic, place) = (OffsetCommitRequest.Topic(), OffsetCommitRequest.Topic.Partition())
        place.committedOffset = 4
        (topic.name, topic.partitions) = ("t", [place])
        (commit.groupId, commit.generationIdOrMemberEpoch, commit.memberId, commit.topics) = ("members", member.generationId, member.memberId, [topic])
        #expect(try client.ask(commit, as: OffsetCommitResponse.self).topics[0].partitions[0].errorCode == 0)
        var request = OffsetDeleteRequest()
        var wanted = OffsetDeleteRequest.Topic()
        (wanted.name, wanted.partitions) = (name, [OffsetDeleteRequest.Topic.Partition()])
        (request.groupId, request.topics) = ("members", [wanted])
        let answered = try client.ask(request, as: OffsetDeleteResponse.self)
        #expect(answered.errorCode == error && answered.topics.first?.partitions.first?.errorCode == ofPartition)
        let isRemoved = error == 0 && ofPartition == 0
        #expect(try client.broker.groups.offsets.offsets(of: "members").isEmpty == isRemoved)
    }

    @Test func directoriesAreDescribed() throws {
        _ = try client.produce("t", KafkaClient.batch([("a", "1")]))
        var request = DescribeLogDirsRequest()
        request.topics = nil
        let all = try client.ask(request, as: DescribeLogDirsResponse.self).results[0].topics
        #expect(all.map(\.name).contains("own") && all.first { $0.name == "t" }?.partitions.map(\.partitionIndex) == [0])
        var wanted = DescribeLogDirsRequest.Topic()
        (wanted.topic, wanted.partitions) = ("t", [0, 5])
        request.topics = [wanted]
        #expect(try client.ask(request, as: DescribeLogDirsResponse.self).results[0].topics.map(\.name) == ["t"])
    }
}
