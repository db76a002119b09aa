// Records from producers. Batches are stored as they come: their checksum and structure are held against what they say, the offset is set, and
// nothing else is touched.

import Bytes
import LogStore
import Platform
import Quantities
import Synchronization

enum ProduceLimits {
    /// Bytes of the largest batch (`max.message.bytes`).
    static let largestBatch = 8 << 20
}

extension KafkaBroker {
    func produce(_ request: ProduceRequest, _ reply: @escaping @Sendable (ProduceResponse?) -> Void) {
        let isAnswered = request.acks != 0
        let answer: @Sendable (ProduceResponse) -> Void = { response in reply(isAnswered ? response : nil) }
        var response = ProduceResponse()
        var waiting: [(place: (topic: Int, partition: Int), append: Append)] = []
        for (topicIndex, topic) in request.topicData.enumerated() {
            var answered = ProduceResponse.Response()
            answered.name = topic.name
            for (index, data) in topic.partitionData.enumerated() {
                var partition = ProduceResponse.Response.PartitionResponse()
                (partition.index, partition.baseOffset) = (data.index, -1)
                do throws(Refusal) {
                    if ![-1, 0, 1].contains(request.acks) { throw Refusal(.invalidRequiredAcks, "acks is \(request.acks)") }
                    let append = try self.append(topic.name, data, isTransactional: request.transactionalId != nil)
                    waiting.append(((topicIndex, index), append))
                } catch {
                    (partition.errorCode, partition.errorMessage) = (error.code.rawValue, error.message)
                }
                answered.partitionResponses.append(partition)
            }
            response.responses.append(answered)
        }
        guard !waiting.isEmpty else { return answer(response) }
        // Each partition is a commit of its own: one that fails harms no other.
        let state = Mutex((response: response, left: waiting.count))
        let shared = Shared(state)
        for (place, append) in waiting {
            log.commit(Commit([append])) { [self] result in
                let bounds = try? log.bounds(of: append.topic, partition: append.partition)
                let done = shared.value.withLock { state -> ProduceResponse? in
                    KafkaBroker.note(result, bounds, &state.response.responses[place.topic].partitionResponses[place.partition])
                    state.left -= 1
                    return state.left == 0 ? state.response : nil
                }
                if let done { answer(done) }
            }
        }
    }

    private static func note(
        _ result: Result<CommitReceipt, LogError>, _ bounds: PartitionBounds?, _ answered: inout ProduceResponse.Response.PartitionResponse
    ) {
        switch result {
        case .success(let receipt):
            answered.baseOffset = receipt.baseOffsets.first?.count ?? -1
            answered.logStartOffset = bounds?.start.count ?? -1
        case .failure(let error):
            answered.errorCode = KafkaError(error).rawValue
            answered.errorMessage = error.message
        }
    }

    /// The batch of one partition, checked.
    private func append(_ topic: String, _ data: ProduceRequest.TopicData.PartitionData, isTransactional: Bool) throws(Refusal) -> Append {
        if options.isReserved(topic) { throw Refusal(.topicAuthorizationFailed, "the topic belongs to Millrace") }
        guard let known = log.describeTopic(named: topic), let partition = PartitionIndex(exactly: Int64(data.index)),
            known.partitions.indices.contains(partition.index)
        else { throw Refusal(.unknownTopicOrPartition, "there is no partition \(data.index) of '\(topic)'") }
        guard let records = data.records, !records.isEmpty else { throw Refusal(.invalidRecord, "there is no batch") }
        if records.count > ProduceLimits.largestBatch {
            throw Refusal(.messageTooLarge, "a batch of \(records.count) bytes; the largest has \(ProduceLimits.largestBatch)")
        }
        do throws(BatchProblem) {
            let received = try ReceivedBatch(records)
            if received.header.isTransactional || isTransactional {
                throw BatchProblem(.isTransactional, "transactions are not served yet")
            }
            if known.config.cleanupPolicy.compacts, received.hasNullKey {
                throw BatchProblem(.invalid, "a record without a key in a compacted topic")
            }
            return Append(topic: known.id, partition: partition, batch: received)
        } catch {
            throw Refusal(KafkaError(error), error.message)
        }
    }

    /// An identity for an idempotent producer: random, so that none is given twice, also over restarts.
    func initProducer(_ request: InitProducerIdRequest) -> InitProducerIdResponse {
        var response = InitProducerIdResponse()
        if request.transactionalId != nil {
            response.fail(.transactionalIDAuthorizationFailed)
            options.report("kafka_transactions", "a transactional producer was refused: transactions are not served yet")
        } else if request.producerId >= 0, request.producerEpoch >= 0, request.producerEpoch < .max - 1 {
            (response.producerId, response.producerEpoch) = (request.producerId, request.producerEpoch + 1)
        } else {
            response.producerId = Int64(random.next() >> 1)
        }
        return response
    }
}

/// Something that several callbacks change.
private final class Shared<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}

extension KafkaError {
    /// What a batch that is not taken is to a client.
    init(_ problem: BatchProblem) {
        self =
            switch problem.kind {
            case .damaged: .corruptMessage
            case .invalid: .invalidRecord
            case .unknownCodec: .unsupportedCompressionType
            case .isTransactional: .unsupportedForMessageFormat
            }
    }
}
