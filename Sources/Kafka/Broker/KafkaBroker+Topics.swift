// What a client learns of the broker and its topics, and how it makes, changes and removes them.

import LogStore
import Quantities

extension KafkaBroker {
    // MARK: Metadata

    func metadata(_ request: MetadataRequest, _ version: Int16) -> MetadataResponse {
        var response = MetadataResponse()
        var broker = MetadataResponse.Broker()
        (broker.nodeId, broker.host, broker.port) = (KafkaBroker.node, options.host, Int32(clamping: options.port))
        response.brokers = [broker]
        response.clusterId = cluster
        response.controllerId = KafkaBroker.node
        // In the oldest version an empty list stands for all topics, later null does.
        guard let wanted = request.topics, !(version == 0 && wanted.isEmpty) else {
            response.topics = log.describeTopics().map(metadata)
            return response
        }
        response.topics = wanted.map { topic in
            guard let name = topic.name else { return missing(topic.topicId) }
            if let known = log.describeTopic(named: name) { return metadata(known) }
            let isMade = (version < 4 || request.allowAutoTopicCreation) && options.createsTopics && !options.isReserved(name)
            var described = MetadataResponse.Topic()
            described.name = name
            guard isMade else {
                described.errorCode = KafkaError.unknownTopicOrPartition.rawValue
                return described
            }
            do throws(LogError) {
                return metadata(try log.createTopic(name, partitions: options.partitions, config: TopicConfig()))
            } catch {
                // Another client may have been faster.
                if let known = log.describeTopic(named: name) { return metadata(known) }
                described.errorCode = KafkaError(error).rawValue
                return described
            }
        }
        return response
    }

    private func missing(_ id: MessageUUID) -> MetadataResponse.Topic {
        if let known = log.describeTopic(TopicID(high: id.high, low: id.low)) { return metadata(known) }
        var described = MetadataResponse.Topic()
        described.topicId = id
        described.errorCode = KafkaError.unknownTopicID.rawValue
        return described
    }

    private func metadata(_ topic: TopicDescription) -> MetadataResponse.Topic {
        var described = MetadataResponse.Topic()
        described.name = topic.name
        described.topicId = MessageUUID(high: topic.id.high, low: topic.id.low)
        described.isInternal = topic.name == consumerOffsetsTopic || topic.name == transactionStateTopic
        described.partitions = topic.partitions.indices.map { index in
            var partition = MetadataResponse.Topic.Partition()
            partition.partitionIndex = Int32(clamping: index)
            partition.leaderId = KafkaBroker.node
            partition.leaderEpoch = 0
            (partition.replicaNodes, partition.isrNodes) = ([KafkaBroker.node], [KafkaBroker.node])
            return partition
        }
        return described
    }

    func describeCluster() -> DescribeClusterResponse {
        var response = DescribeClusterResponse()
        response.clusterId = cluster
        response.controllerId = KafkaBroker.node
        var broker = DescribeClusterResponse.Broker()
        (broker.brokerId, broker.host, broker.port) = (KafkaBroker.node, options.host, Int32(clamping: options.port))
        response.brokers = [broker]
        return response
    }

    // MARK: Making and removing

    /// Topics that one request may make.
    private static let mostTopics = 10_000

    func createTopics(_ request: CreateTopicsRequest) -> CreateTopicsResponse {
        var response = CreateTopicsResponse()
        let names = request.topics.map(\.name)
        response.topics = request.topics.prefix(KafkaBroker.mostTopics).map { topic in
            let isTwice = names.count { $0 == topic.name } > 1
            return create(topic, isTwice: isTwice, isTrial: request.validateOnly)
        }
        return response
    }

    private func create(_ topic: CreateTopicsRequest.Topic, isTwice: Bool, isTrial: Bool) -> CreateTopicsResponse.Topic {
        var created = CreateTopicsResponse.Topic()
        created.name = topic.name
        created.errorMessage = nil
        do throws(Refusal) {
            if isTwice { throw Refusal(.invalidRequest, "the topic is in the request twice") }
            if options.isReserved(topic.name) { throw Refusal(.topicAuthorizationFailed, "the name belongs to Millrace") }
            if log.topicID(named: topic.name) != nil { throw Refusal(.topicAlreadyExists, "the topic '\(topic.name)' exists already") }
            let config = try config(topic)
            if topic.replicationFactor == 0 || topic.replicationFactor < -1 {
                throw Refusal(.invalidReplicationFactor, "the replication factor is \(topic.replicationFactor)")
            }
            let partitions = try partitionCount(topic)
            created.numPartitions = Int32(clamping: partitions)
            created.replicationFactor = 1
            created.configs = KafkaConfig.properties(of: config).map { property in
                var listed = CreateTopicsResponse.Topic.Config()
                (listed.name, listed.value) = property
                let isChosen = topic.configs.contains { $0.name == property.name }
                listed.configSource = (isChosen ? ConfigSource.topic : .standard).rawValue
                return listed
            }
            guard !isTrial else { return created }
            do throws(LogError) {
                let made = try log.createTopic(topic.name, partitions: partitions, config: config)
                created.topicId = MessageUUID(high: made.id.high, low: made.id.low)
            } catch {
                throw Refusal(KafkaError(error), error.message)
            }
            // There is one broker: a topic that was to have several copies has one, and the log says so.
            if topic.replicationFactor > 1 {
                lines.warn("kafka_replication", "topic '\(topic.name)' was asked for with \(topic.replicationFactor) replicas and has 1")
            }
        } catch {
            created.errorCode = error.code.rawValue
            created.errorMessage = error.message
            (created.numPartitions, created.replicationFactor, created.configs) = (-1, -1, [])
        }
        return created
    }

    private func partitionCount(_ topic: CreateTopicsRequest.Topic) throws(Refusal) -> Int {
        if !topic.assignments.isEmpty {
            let indexes = topic.assignments.map { Int($0.partitionIndex) }.sorted()
            guard indexes == Array(0..<indexes.count), topic.assignments.allSatisfy({ $0.brokerIds == [KafkaBroker.node] }) else {
                throw Refusal(.invalidReplicaAssignment, "partitions are numbered from 0 and lie on broker \(KafkaBroker.node)")
            }
            return indexes.count
        }
        if topic.numPartitions == -1 { return options.partitions }
        guard topic.numPartitions > 0, Int(topic.numPartitions) <= largestPartitionCount else {
            throw Refusal(.invalidPartitions, "a topic has 1 to \(largestPartitionCount) partitions")
        }
        return Int(topic.numPartitions)
    }

    private func config(_ topic: CreateTopicsRequest.Topic) throws(Refusal) -> TopicConfig {
        var config = TopicConfig()
        for entry in topic.configs {
            guard let value = entry.value else { throw Refusal(.invalidConfig, "'\(entry.name)' has no value") }
            try set(entry.name, to: value, in: &config, of: topic.name)
        }
        do throws(LogError) { try config.check() } catch { throw Refusal(.invalidConfig, error.message) }
        return config
    }

    func createPartitions(_ request: CreatePartitionsRequest) -> CreatePartitionsResponse {
        var response = CreatePartitionsResponse()
        let names = request.topics.map(\.name)
        response.results = request.topics.map { topic in
            var result = CreatePartitionsResponse.Result()
            result.name = topic.name
            do throws(Refusal) {
                if names.count(where: { $0 == topic.name }) > 1 { throw Refusal(.invalidRequest, "the topic is in the request twice") }
                try addPartitions(topic, isTrial: request.validateOnly)
            } catch {
                (result.errorCode, result.errorMessage) = (error.code.rawValue, error.message)
            }
            return result
        }
        return response
    }

    private func addPartitions(_ topic: CreatePartitionsRequest.Topic, isTrial: Bool) throws(Refusal) {
        let known = try changeable(topic.name)
        let before = known.partitions.count
        if options.obstacle(topic.name) != nil {
            throw Refusal(.policyViolation, "streams or tables are over the topic: their queries read the partitions that it has had")
        }
        guard Int(topic.count) > before, Int(topic.count) <= largestPartitionCount else {
            throw Refusal(.invalidPartitions, "the topic has \(before) partitions; it can have more, up to \(largestPartitionCount)")
        }
        if let assignments = topic.assignments {
            guard assignments.count == Int(topic.count) - before, assignments.allSatisfy({ $0.brokerIds == [KafkaBroker.node] }) else {
                throw Refusal(.invalidReplicaAssignment, "each new partition lies on broker \(KafkaBroker.node)")
            }
        }
        guard !isTrial else { return }
        do throws(LogError) { try log.addPartitions(to: known.id, until: Int(topic.count)) } catch { throw Refusal(KafkaError(error), error.message) }
    }

    /// A topic that clients may change.
    func changeable(_ name: String) throws(Refusal) -> TopicDescription {
        guard let known = log.describeTopic(named: name) else { throw Refusal(.unknownTopicOrPartition, "there is no topic '\(name)'") }
        if options.isReserved(name) { throw Refusal(.topicAuthorizationFailed, "the topic belongs to Millrace") }
        return known
    }

    func deleteTopics(_ request: DeleteTopicsRequest) -> DeleteTopicsResponse {
        var response = DeleteTopicsResponse()
        let wanted = request.topics.isEmpty ? request.topicNames.map { ($0 as String?, MessageUUID()) } : request.topics.map { ($0.name, $0.topicId) }
        response.responses = wanted.map { name, id in
            var deleted = DeleteTopicsResponse.Response()
            (deleted.name, deleted.topicId) = (name, id)
            do throws(Refusal) {
                let found = name.map { log.describeTopic(named: $0) } ?? log.describeTopic(TopicID(high: id.high, low: id.low))
                guard let topic = found else {
                    throw Refusal(name == nil ? .unknownTopicID : .unknownTopicOrPartition, "there is no such topic")
                }
                if options.isReserved(topic.name) { throw Refusal(.topicAuthorizationFailed, "the topic belongs to Millrace") }
                if let obstacle = options.obstacle(topic.name) { throw Refusal(.policyViolation, obstacle) }
                (deleted.name, deleted.topicId) = (topic.name, MessageUUID(high: topic.id.high, low: topic.id.low))
                do throws(LogError) { try log.deleteTopic(topic.id) } catch { throw Refusal(KafkaError(error), error.message) }
            } catch {
                deleted.errorCode = error.code.rawValue
                deleted.errorMessage = error.message
            }
            return deleted
        }
        return response
    }
}

/// Why a part of a request is not carried out.
struct Refusal: Error {
    let code: KafkaError
    let message: String

    init(_ code: KafkaError, _ message: String) {
        self.code = code
        self.message = message
    }
}
