// Transactions as clients ask for them.

import Bytes
import LogStore
import Quantities

extension KafkaBroker {
    /// What clients learn of a producer that was shut out: the error of its own came with later versions of the requests.
    private func fenced(_ error: KafkaError, _ version: Int16, since: Int16) -> Int16 {
        (error == .producerFenced && version < since ? .invalidProducerEpoch : error).rawValue
    }

    // MARK: Producers

    func initProducer(_ request: InitProducerIdRequest, _ version: Int16, _ reply: @escaping @Sendable (InitProducerIdResponse?) -> Void) {
        var response = InitProducerIdResponse()
        // Both, or neither of them.
        let isHalf = (request.producerId == -1) != (request.producerEpoch == -1)
        guard let id = request.transactionalId, !isHalf else {
            if isHalf { response.refuse(.invalidRequest) } else { response.producerId = transactions.newProducer() }
            return reply(response)
        }
        let problem: KafkaError? =
            if id.isEmpty {
                .invalidRequest
            } else if !(1...TransactionCoordinator.longestTransaction).contains(request.transactionTimeoutMs) {
                .invalidTransactionTimeout
            } else {
                nil
            }
        if let problem {
            response.refuse(problem)
            return reply(response)
        }
        let now = transactions.now
        let answer: @Sendable (Result<TransactionState, KafkaError>) -> Void = { [self] result in
            var response = InitProducerIdResponse()
            switch result {
            case .success(let state): (response.producerId, response.producerEpoch) = (state.producer, state.epoch)
            case .failure(let error):
                response.refuse(error)
                response.errorCode = fenced(error, version, since: 4)
            }
            reply(response)
        }
        transactions.change(id, completion: answer) { state in
            guard let state else {
                // Also for a producer that says who it was: its id is forgotten, and it begins anew.
                return .success(
                    .init(next: TransactionState(producer: transactions.newProducer(), timeout: request.transactionTimeoutMs, updatedAt: now)))
            }
            if request.producerId >= 0 {
                // It asks again, because the answer was lost.
                if state.producer == request.producerId, state.askedWith == request.producerEpoch, state.phase == .empty { return .success(nil) }
                if let problem = state.problem(producer: request.producerId, epoch: request.producerEpoch) {
                    return .failure(problem == .invalidProducerIDMapping ? .producerFenced : problem)
                }
            }
            var next = state
            let wasOpen = state.phase == .ongoing
            if wasOpen { next.end(isCommit: false, now: now) }
            next.fence(newProducer: transactions.newProducer())
            next.askedWith = request.producerId >= 0 ? request.producerEpoch : nil
            (next.phase, next.timeout, next.startedAt, next.updatedAt) = (.empty, request.transactionTimeoutMs, -1, now)
            return .success(.init(next: next, ends: wasOpen ? false : nil))
        }
    }

    // MARK: In a transaction

    /// What a change makes of the state of a producer that is the one.
    private func change(
        _ id: String, _ producer: Int64, _ epoch: Int16, completion: @escaping @Sendable (KafkaError) -> Void,
        _ decide: (TransactionState) -> Result<TransactionCoordinator.Change?, KafkaError>
    ) {
        let answer: @Sendable (Result<TransactionState, KafkaError>) -> Void = { result in
            if case .failure(let error) = result { completion(error) } else { completion(.none) }
        }
        transactions.change(id, completion: answer) { state in
            guard let state else { return .failure(.invalidProducerIDMapping) }
            if let problem = state.problem(producer: producer, epoch: epoch) { return .failure(problem) }
            return decide(state)
        }
        timer.wake()
    }

    func addPartitions(
        _ request: AddPartitionsToTxnRequest, _ version: Int16, _ reply: @escaping @Sendable (AddPartitionsToTxnResponse?) -> Void
    ) {
        let places = request.topics.map { topic in topic.partitions.map { NamedPartition(topic: topic.name, partition: $0) } }
        // One that cannot be written keeps the others out, too.
        let problems = Dictionary(
            places.joined().map { ($0, problem(withWriting: $0)) }, uniquingKeysWith: { first, _ in first })
        let answer: @Sendable (KafkaError) -> Void = { [self] error in
            var response = AddPartitionsToTxnResponse()
            response.resultsByTopic = request.topics.map { topic in
                var answered = AddPartitionsToTxnResponse.ResultsByTopic()
                answered.name = topic.name
                answered.resultsByPartition = topic.partitions.map { index in
                    var partition = AddPartitionsToTxnResponse.ResultsByTopic.ResultsByPartition()
                    partition.partitionIndex = index
                    let own = problems[NamedPartition(topic: topic.name, partition: index)] ?? .none
                    partition.partitionErrorCode = own != .none ? own.rawValue : fenced(error, version, since: 2)
                    return partition
                }
                return answered
            }
            reply(response)
        }
        if problems.values.contains(where: { $0 != .none }) { return answer(.operationNotAttempted) }
        let now = transactions.now
        change(request.transactionalId, request.producerId, request.producerEpoch, completion: answer) { state in
            var next = state
            next.partitions.formUnion(problems.keys)
            if next.partitions.count > TransactionState.mostPartitions { return .failure(.invalidRequest) }
            if state.phase == .ongoing, next.partitions == state.partitions { return .success(nil) }
            next.begin(now: now)
            return .success(.init(next: next))
        }
    }

    private func problem(withWriting place: NamedPartition) -> KafkaError {
        if options.isReserved(place.topic) { return .topicAuthorizationFailed }
        return exists(place) ? .none : .unknownTopicOrPartition
    }

    func addOffsets(_ request: AddOffsetsToTxnRequest, _ version: Int16, _ reply: @escaping @Sendable (AddOffsetsToTxnResponse?) -> Void) {
        let answer: @Sendable (KafkaError) -> Void = { [self] error in
            var response = AddOffsetsToTxnResponse()
            response.errorCode = fenced(error, version, since: 2)
            reply(response)
        }
        if request.groupId.isEmpty { return answer(.invalidGroupID) }
        if options.isReservedGroup(request.groupId) { return answer(.groupAuthorizationFailed) }
        let now = transactions.now
        change(request.transactionalId, request.producerId, request.producerEpoch, completion: answer) { state in
            if state.phase == .ongoing, state.offsets[request.groupId] != nil { return .success(nil) }
            if state.offsets.count >= TransactionState.mostOffsets { return .failure(.invalidRequest) }
            var next = state
            next.offsets[request.groupId] = [:]
            next.begin(now: now)
            return .success(.init(next: next))
        }
    }

    func commitOffsets(_ request: TxnOffsetCommitRequest, _ reply: @escaping @Sendable (TxnOffsetCommitResponse?) -> Void) {
        var membership = OffsetCommitRequest()
        (membership.groupId, membership.memberId) = (request.groupId, request.memberId)
        (membership.groupInstanceId, membership.generationIdOrMemberEpoch) = (request.groupInstanceId, request.generationId)
        // A producer that does not say which member it is speaks for the group.
        let isMember = request.generationId >= 0 || !request.memberId.isEmpty
        let error = isMember ? groups.check(commit: membership) : .none
        let (response, offsets) = checked(request, error)
        guard !offsets.isEmpty else { return reply(response) }
        groups.remember(request.groupId)
        let answer: @Sendable (KafkaError) -> Void = { error in
            var response = response
            guard error != .none else { return reply(response) }
            for topic in response.topics.indices {
                for index in response.topics[topic].partitions.indices where response.topics[topic].partitions[index].errorCode == 0 {
                    response.topics[topic].partitions[index].errorCode = (error == .producerFenced ? .invalidProducerEpoch : error).rawValue
                }
            }
            reply(response)
        }
        let now = transactions.now
        change(request.transactionalId, request.producerId, request.producerEpoch, completion: answer) { state in
            guard state.phase == .ongoing, let known = state.offsets[request.groupId] else { return .failure(.invalidTransactionState) }
            var next = state
            next.offsets[request.groupId] = known.merging(offsets) { $1 }
            if next.offsetCount > TransactionState.mostOffsets { return .failure(.invalidRequest) }
            next.updatedAt = now
            return .success(.init(next: next))
        }
    }

    /// The answer as far as single offsets decide it, and those that are in order.
    private func checked(
        _ request: TxnOffsetCommitRequest, _ error: KafkaError
    ) -> (TxnOffsetCommitResponse, [NamedPartition: CommittedOffset]) {
        var response = TxnOffsetCommitResponse()
        var offsets: [NamedPartition: CommittedOffset] = [:]
        response.topics = request.topics.map { topic in
            var answered = TxnOffsetCommitResponse.Topic()
            answered.name = topic.name
            answered.partitions = topic.partitions.map { wanted in
                var partition = TxnOffsetCommitResponse.Topic.Partition()
                partition.partitionIndex = wanted.partitionIndex
                let place = NamedPartition(topic: topic.name, partition: wanted.partitionIndex)
                switch self.offset(wanted.committedOffset, wanted.committedMetadata, of: place, unless: error) {
                case .success(let offset): offsets[place] = offset
                case .failure(let problem): partition.errorCode = problem.rawValue
                }
                return partition
            }
            return answered
        }
        return (response, offsets)
    }

    func endTransaction(_ request: EndTxnRequest, _ version: Int16, _ reply: @escaping @Sendable (EndTxnResponse?) -> Void) {
        let answer: @Sendable (KafkaError) -> Void = { [self] error in
            var response = EndTxnResponse()
            response.errorCode = fenced(error, version, since: 2)
            reply(response)
        }
        let now = transactions.now
        change(request.transactionalId, request.producerId, request.producerEpoch, completion: answer) { state in
            switch state.phase {
            case .ongoing:
                var next = state
                next.end(isCommit: request.committed, now: now)
                return .success(.init(next: next, ends: request.committed))
            // The answer was lost, and it asks again.
            case .completeCommit where request.committed, .completeAbort where !request.committed: return .success(nil)
            case .empty, .completeCommit, .completeAbort: return .failure(.invalidTransactionState)
            }
        }
    }

    /// On whose behalf a batch is appended; nil for one outside transactions. Errors: it belongs to none that is open.
    func owner(of batch: ReceivedBatch, _ transaction: String?, _ place: NamedPartition) throws(Refusal) -> CommitOwner? {
        guard batch.header.isTransactional else { return nil }
        guard let transaction else { throw Refusal(.invalidRequest, "a batch is part of a transaction, and the request names none") }
        switch transactions.owner(of: transaction, producer: batch.header.producerID, epoch: batch.header.producerEpoch, place) {
        case .success(let owner): return owner
        case .failure(let error): throw Refusal(error, "the partition is not in an open transaction of the producer")
        }
    }

    // MARK: For those who look on

    func describeTransactions(_ request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
        var response = DescribeTransactionsResponse()
        response.transactionStates = request.transactionalIds.map { id in
            var described = DescribeTransactionsResponse.TransactionState()
            described.transactionalId = id
            guard let state = transactions.state(id) else {
                described.errorCode = KafkaError.transactionalIDNotFound.rawValue
                return described
            }
            described.transactionState = state.phase.name
            (described.transactionTimeoutMs, described.transactionStartTimeMs) = (state.timeout, state.startedAt)
            (described.producerId, described.producerEpoch) = (state.producer, state.epoch)
            described.topics = Dictionary(grouping: state.partitions, by: \.topic).sorted { $0.key < $1.key }.map { name, places in
                var topic = DescribeTransactionsResponse.TransactionState.Topic()
                (topic.topic, topic.partitions) = (name, places.map(\.partition).sorted())
                return topic
            }
            return described
        }
        return response
    }

    func listTransactions(_ request: ListTransactionsRequest) -> ListTransactionsResponse {
        var response = ListTransactionsResponse()
        let known = Set(TransactionState.Phase.allCases.map(\.name)).union(TransactionState.unusedPhases)
        response.unknownStateFilters = request.stateFilters.filter { !known.contains($0) }
        let now = transactions.now
        for (id, state) in transactions.states().sorted(by: { $0.key < $1.key }) {
            if !request.stateFilters.isEmpty, !request.stateFilters.contains(state.phase.name) { continue }
            if !request.producerIdFilters.isEmpty, !request.producerIdFilters.contains(state.producer) { continue }
            if request.durationFilter >= 0, state.startedAt < 0 || now - state.startedAt <= request.durationFilter { continue }
            var listed = ListTransactionsResponse.TransactionState()
            (listed.transactionalId, listed.producerId, listed.transactionState) = (id, state.producer, state.phase.name)
            response.transactionStates.append(listed)
        }
        return response
    }

    func describeProducers(_ request: DescribeProducersRequest) -> DescribeProducersResponse {
        var response = DescribeProducersResponse()
        response.topics = request.topics.map { topic in
            var answered = DescribeProducersResponse.Topic()
            answered.name = topic.name
            let id = log.topicID(named: topic.name)
            answered.partitions = topic.partitionIndexes.map { index in
                var partition = DescribeProducersResponse.Topic.Partition()
                partition.partitionIndex = index
                do throws(LogError) {
                    let place = try place(id, index)
                    partition.activeProducers = try log.producers(of: place.topic, partition: place.partition).map { producer in
                        var active = DescribeProducersResponse.Topic.Partition.ActiveProducer()
                        (active.producerId, active.producerEpoch) = (producer.id, Int32(clamping: producer.epoch))
                        active.lastSequence = producer.lastSequence
                        // Which coordinator ended its last transaction is not kept: there is only one.
                        active.coordinatorEpoch = -1
                        active.currentTxnStartOffset = producer.transactionStart?.count ?? -1
                        return active
                    }
                } catch {
                    partition.errorCode = KafkaError(error).rawValue
                }
                return partition
            }
            return answered
        }
        return response
    }
}

extension InitProducerIdResponse {
    /// An error, without a producer.
    fileprivate mutating func refuse(_ error: KafkaError) { (errorCode, producerId, producerEpoch) = (error.rawValue, -1, -1) }
}
