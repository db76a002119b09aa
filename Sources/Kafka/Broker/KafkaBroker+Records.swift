// What tools do to the records of partitions and to the offsets of groups, and what they ask about the disk.

import LogStore
import Quantities

extension KafkaBroker {
    func deleteRecords(_ request: DeleteRecordsRequest) -> DeleteRecordsResponse {
        var response = DeleteRecordsResponse()
        response.topics = request.topics.map { topic in
            var answered = DeleteRecordsResponse.Topic()
            answered.name = topic.name
            answered.partitions = topic.partitions.map { wanted in
                var partition = DeleteRecordsResponse.Topic.Partition()
                (partition.partitionIndex, partition.lowWatermark) = (wanted.partitionIndex, -1)
                do throws(Refusal) {
                    partition.lowWatermark = try deleteRecords(topic.name, wanted.partitionIndex, before: wanted.offset)
                } catch {
                    partition.errorCode = error.code.rawValue
                }
                return partition
            }
            return answered
        }
        return response
    }

    /// Removes the records before an offset, -1 standing for the end, and returns where the partition begins.
    private func deleteRecords(_ name: String, _ index: Int32, before offset: Int64) throws(Refusal) -> Int64 {
        let known = try changeable(name)
        guard exists(NamedPartition(topic: name, partition: index)) else {
            throw Refusal(.unknownTopicOrPartition, "there is no partition \(index) of '\(name)'")
        }
        guard known.config.cleanupPolicy.deletes else { throw Refusal(.policyViolation, "the topic is compacted, and nothing of it deleted") }
        do throws(LogError) {
            let place = try place(known.id, index)
            let end = try log.bounds(of: place.topic, partition: place.partition).durableEnd
            guard let before = offset == -1 ? end : Offset(exactly: offset) else {
                throw LogError(.offsetBeyondEnd(end: end), "there is no offset \(offset)")
            }
            return try log.deleteRecords(of: place.topic, partition: place.partition, before: before).count
        } catch {
            throw Refusal(KafkaError(error), error.message)
        }
    }

    func deleteOffsets(_ request: OffsetDeleteRequest, _ reply: @escaping @Sendable (OffsetDeleteResponse?) -> Void) {
        var response = OffsetDeleteResponse()
        let group = groups.group(request.groupId)
        let known: [NamedPartition]
        do throws(LogError) { known = try groups.offsets.places(of: request.groupId) } catch {
            response.fail(KafkaError(error))
            return reply(response)
        }
        if options.isReservedGroup(request.groupId) {
            response.fail(.groupAuthorizationFailed)
        } else if group == nil, known.isEmpty, !groups.isRemembered(request.groupId) {
            response.fail(.groupIDNotFound)
        } else if let group, !group.isIdle, group.protocolType != ConsumerGroup.consumers {
            response.fail(.nonEmptyGroup)
        }
        guard response.errorCode == 0 else { return reply(response) }
        var removed: [NamedPartition: CommittedOffset?] = [:]
        response.topics = request.topics.map { topic in
            var answered = OffsetDeleteResponse.Topic()
            answered.name = topic.name
            answered.partitions = topic.partitions.map { wanted in
                var partition = OffsetDeleteResponse.Topic.Partition()
                partition.partitionIndex = wanted.partitionIndex
                let place = NamedPartition(topic: topic.name, partition: wanted.partitionIndex)
                if !exists(place) {
                    partition.errorCode = KafkaError.unknownTopicOrPartition.rawValue
                } else if group?.isSubscribed(to: topic.name) ?? false {
                    partition.errorCode = KafkaError.groupSubscribedToTopic.rawValue
                } else if known.contains(place) {
                    removed.updateValue(nil, forKey: place)
                }
                return partition
            }
            return answered
        }
        guard !removed.isEmpty else { return reply(response) }
        groups.offsets.commit(request.groupId, removed) { [response] problem in
            var response = response
            if let problem { response.fail(KafkaError(problem)) }
            reply(response)
        }
    }

    /// One directory, whose path is no business of clients.
    func describeLogDirs(_ request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
        var response = DescribeLogDirsResponse()
        var directory = DescribeLogDirsResponse.Result()
        directory.logDir = "/millrace"
        let wanted = request.topics.map { Dictionary($0.map { ($0.topic, Set($0.partitions)) }, uniquingKeysWith: { $0.union($1) }) }
        for known in log.describeTopics() {
            let chosen = wanted.map { $0[known.name] ?? [] }
            var topic = DescribeLogDirsResponse.Result.Topic()
            topic.name = known.name
            for (index, description) in known.partitions.enumerated() where chosen?.contains(Int32(clamping: index)) ?? true {
                var partition = DescribeLogDirsResponse.Result.Topic.Partition()
                (partition.partitionIndex, partition.partitionSize) = (Int32(clamping: index), description.byteCount.count)
                topic.partitions.append(partition)
            }
            if !topic.partitions.isEmpty { directory.topics.append(topic) }
        }
        response.results = [directory]
        return response
    }
}
