// Consumer groups and what they have committed.

import LogStore
import Quantities

extension KafkaBroker {
    func findCoordinator(_ request: FindCoordinatorRequest) -> FindCoordinatorResponse {
        var response = FindCoordinatorResponse()
        // Of groups and of transactions.
        let isServed = request.keyType == 0 || request.keyType == 1
        let error = isServed ? KafkaError.none : .invalidRequest
        let message: String? = isServed ? nil : "there is no coordinator of kind \(request.keyType)"
        let (node, host, port) = isServed ? (KafkaBroker.node, options.host, Int32(clamping: options.port)) : (-1, "", -1)
        (response.errorCode, response.errorMessage) = (error.rawValue, message)
        (response.nodeId, response.host, response.port) = (node, host, port)
        response.coordinators = request.coordinatorKeys.map { key in
            var coordinator = FindCoordinatorResponse.Coordinator()
            (coordinator.key, coordinator.errorCode, coordinator.errorMessage) = (key, error.rawValue, message)
            (coordinator.nodeId, coordinator.host, coordinator.port) = (node, host, port)
            return coordinator
        }
        return response
    }

    func join(_ request: JoinGroupRequest, _ header: RequestHeader, _ reply: @escaping @Sendable (JoinGroupResponse?) -> Void) {
        let client = header.client ?? ""
        groups.join(request, version: header.version, client: client, host: "/\(options.host)", reply: reply)
        timer.wake()
    }

    func heartbeat(_ request: HeartbeatRequest) -> HeartbeatResponse {
        var response = HeartbeatResponse()
        response.errorCode = groups.heartbeat(request).rawValue
        return response
    }

    func leave(_ request: LeaveGroupRequest, _ version: Int16) -> LeaveGroupResponse {
        var response = LeaveGroupResponse()
        guard version >= 3 else {
            response.errorCode = groups.leave(request.groupId, member: request.memberId, instance: nil).rawValue
            return response
        }
        response.members = request.members.map { member in
            var left = LeaveGroupResponse.Member()
            (left.memberId, left.groupInstanceId) = (member.memberId, member.groupInstanceId)
            left.errorCode = groups.leave(request.groupId, member: member.memberId, instance: member.groupInstanceId).rawValue
            return left
        }
        return response
    }

    // MARK: Offsets

    /// Bytes of a text that a client keeps beside an offset (`offset.metadata.max.bytes`).
    private static let mostMetadata = 4096

    func commitOffsets(_ request: OffsetCommitRequest, _ reply: @escaping @Sendable (OffsetCommitResponse?) -> Void) {
        var error = groups.check(commit: request)
        // A query's position is its own.
        if error == .none, options.isReservedGroup(request.groupId) { error = .groupAuthorizationFailed }
        var response = OffsetCommitResponse()
        var offsets: [NamedPartition: CommittedOffset?] = [:]
        response.topics = request.topics.map { topic in
            var answered = OffsetCommitResponse.Topic()
            answered.name = topic.name
            answered.partitions = topic.partitions.map { wanted in
                var partition = OffsetCommitResponse.Topic.Partition()
                partition.partitionIndex = wanted.partitionIndex
                let place = NamedPartition(topic: topic.name, partition: wanted.partitionIndex)
                switch offset(wanted.committedOffset, wanted.committedMetadata, of: place, unless: error) {
                case .success(let offset): offsets[place] = offset
                case .failure(let problem): partition.errorCode = problem.rawValue
                }
                return partition
            }
            return answered
        }
        guard !offsets.isEmpty else { return reply(response) }
        groups.remember(request.groupId)
        groups.offsets.commit(request.groupId, offsets) { [response] problem in
            guard let problem else { return reply(response) }
            var failed = response
            for topic in failed.topics.indices {
                for index in failed.topics[topic].partitions.indices where failed.topics[topic].partitions[index].errorCode == 0 {
                    failed.topics[topic].partitions[index].errorCode = KafkaError(problem).rawValue
                }
            }
            reply(failed)
        }
    }

    /// An offset that a client commits, or what is wrong with it: a partition that is not there, before what is wrong with who commits.
    func offset(
        _ offset: Int64, _ metadata: String?, of place: NamedPartition, unless problem: KafkaError
    ) -> Result<CommittedOffset, KafkaError> {
        guard exists(place) else { return .failure(.unknownTopicOrPartition) }
        if problem != .none { return .failure(problem) }
        let metadata = metadata ?? ""
        guard metadata.utf8.count <= KafkaBroker.mostMetadata else { return .failure(.offsetMetadataTooLarge) }
        return .success(CommittedOffset(offset: max(0, offset), metadata: metadata))
    }

    func fetchOffsets(_ request: OffsetFetchRequest, _ version: Int16) -> OffsetFetchResponse {
        var response = OffsetFetchResponse()
        guard version >= 8 else {
            do throws(LogError) {
                let found = try committed(request.groupId, request.topics?.map { ($0.name, $0.partitionIndexes) })
                let unstable = request.requireStable ? transactions.pending(of: request.groupId) : []
                response.topics = found.map { name, partitions in
                    var topic = OffsetFetchResponse.Topic()
                    topic.name = name
                    topic.partitions = partitions.map { index, committed in
                        var partition = OffsetFetchResponse.Topic.Partition()
                        partition.partitionIndex = index
                        (partition.committedOffset, partition.metadata) = (committed?.offset ?? -1, committed?.metadata ?? "")
                        if unstable.contains(NamedPartition(topic: name, partition: index)) {
                            (partition.committedOffset, partition.errorCode) = (-1, KafkaError.unstableOffsetCommit.rawValue)
                        }
                        return partition
                    }
                    return topic
                }
            } catch {
                response.fail(KafkaError(error))
            }
            return response
        }
        response.groups = request.groups.map { wanted in
            var group = OffsetFetchResponse.Group()
            group.groupId = wanted.groupId
            do throws(LogError) {
                let found = try committed(wanted.groupId, wanted.topics?.map { ($0.name, $0.partitionIndexes) })
                let unstable = request.requireStable ? transactions.pending(of: wanted.groupId) : []
                group.topics = found.map { name, partitions in
                    var topic = OffsetFetchResponse.Group.Topic()
                    topic.name = name
                    topic.partitions = partitions.map { index, committed in
                        var partition = OffsetFetchResponse.Group.Topic.Partition()
                        partition.partitionIndex = index
                        (partition.committedOffset, partition.metadata) = (committed?.offset ?? -1, committed?.metadata ?? "")
                        if unstable.contains(NamedPartition(topic: name, partition: index)) {
                            (partition.committedOffset, partition.errorCode) = (-1, KafkaError.unstableOffsetCommit.rawValue)
                        }
                        return partition
                    }
                    return topic
                }
            } catch {
                group.errorCode = KafkaError(error).rawValue
            }
            return group
        }
        return response
    }

    /// What a group has committed of the partitions that are asked for, or of all.
    private func committed(
        _ group: String, _ wanted: [(topic: String, partitions: [Int32])]?
    ) throws(LogError) -> [(topic: String, partitions: [(index: Int32, offset: CommittedOffset?)])] {
        let offsets = try groups.offsets.offsets(of: group)
        if let wanted {
            return wanted.map { topic, partitions in
                (topic, partitions.map { ($0, offsets[NamedPartition(topic: topic, partition: $0)]) })
            }
        }
        let byTopic = Dictionary(grouping: offsets, by: \.key.topic)
        return byTopic.sorted { $0.key < $1.key }.map { topic, entries in
            (topic, entries.sorted { $0.key.partition < $1.key.partition }.map { ($0.key.partition, $0.value) })
        }
    }

    // MARK: For those who look on

    func describeGroups(_ request: DescribeGroupsRequest) -> DescribeGroupsResponse {
        var response = DescribeGroupsResponse()
        let known = Set((try? groups.names()) ?? [])
        response.groups = request.groups.map { name in
            var described = DescribeGroupsResponse.Group()
            described.groupId = name
            guard let group = groups.group(name) else {
                described.groupState = known.contains(name) ? ConsumerGroup.Phase.empty.rawValue : "Dead"
                return described
            }
            described.groupState = group.phase.rawValue
            described.protocolType = group.protocolType ?? ""
            described.protocolData = group.protocolName ?? ""
            described.members = group.members.map { member in
                var listed = DescribeGroupsResponse.Group.Member()
                (listed.memberId, listed.groupInstanceId) = (member.id, member.instance)
                (listed.clientId, listed.clientHost) = (member.client, member.host)
                listed.memberMetadata = member.metadata(of: group.protocolName ?? "")
                listed.memberAssignment = member.assignment
                return listed
            }
            return described
        }
        return response
    }

    func listGroups(_ request: ListGroupsRequest) -> ListGroupsResponse {
        var response = ListGroupsResponse()
        do throws(LogError) {
            // In any case of letters, as clients write them.
            let states = request.statesFilter.map { $0.lowercased() }
            let types = request.typesFilter.map { $0.lowercased() }
            for name in try groups.names() {
                let group = groups.group(name)
                var listed = ListGroupsResponse.Group()
                listed.groupId = name
                listed.protocolType = group?.protocolType ?? ""
                listed.groupState = (group?.phase ?? .empty).rawValue
                listed.groupType = "classic"
                let isWanted = states.isEmpty || states.contains(listed.groupState.lowercased())
                if isWanted, types.isEmpty || types.contains(listed.groupType) { response.groups.append(listed) }
            }
        } catch {
            response.fail(KafkaError(error))
        }
        return response
    }

    func deleteGroups(_ request: DeleteGroupsRequest, _ reply: @escaping @Sendable (DeleteGroupsResponse?) -> Void) {
        delete(request.groupsNames[...], DeleteGroupsResponse(), reply)
    }

    private func delete(
        _ names: ArraySlice<String>, _ response: DeleteGroupsResponse, _ reply: @escaping @Sendable (DeleteGroupsResponse?) -> Void
    ) {
        guard let name = names.first else { return reply(response) }
        let note: @Sendable (KafkaError) -> Void = { [self] error in
            var response = response
            var result = DeleteGroupsResponse.Result()
            (result.groupId, result.errorCode) = (name, error.rawValue)
            response.results.append(result)
            delete(names.dropFirst(), response, reply)
        }
        if options.isReservedGroup(name) { note(.groupAuthorizationFailed) } else { groups.delete(name, completion: note) }
    }
}
