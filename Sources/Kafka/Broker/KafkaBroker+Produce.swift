// Records from producers. Batches are stored as they come: their checksum and structure are held against what they say, the offset is set, and
// nothing else is touched.

import Bytes
import LogStore
import Platform
import Quantities
import Synchronization

extension KafkaBroker {
    func produce(_ request: ProduceRequest, _ reply: @escaping @Sendable (ProduceResponse?) -> Void) {
        let isAnswered = request.acks != 0
        let answer: @Sendable (ProduceResponse) -> Void = { response in reply(isAnswered ? response : nil) }
        var response = ProduceResponse()
        var waiting: [(place: (topic: Int, partition: Int), batch: CheckedBatch)] = []
        for (topicIndex, topic) in request.topicData.enumerated() {
            var answered = ProduceResponse.Response()
            answered.name = topic.name
            for (index, data) in topic.partitionData.enumerated() {
                var partition = ProduceResponse.Response.PartitionResponse()
                (partition.index, partition.baseOffset) = (data.index, -1)
                do throws(Refusal) {
                    let batch = try check(topic.name, data, request)
                    partition.logAppendTimeMs = batch.appendTime ?? -1
                    waiting.append(((topicIndex, index), batch))
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
        for (place, batch) in waiting {
            log.commit(Commit([batch.append], owners: batch.owners)) { [self] result in
                let bounds = try? log.bounds(of: batch.append.topic, partition: batch.append.partition)
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

    /// The batch of one partition, ready to be appended.
    private struct CheckedBatch {
        let append: Append
        /// The transaction that it belongs to, if any.
        let owners: [CommitOwner]
        /// The time that its records get, milliseconds since the epoch; nil where they have their own.
        let appendTime: Int64?
    }

    private func check(
        _ topic: String, _ data: ProduceRequest.TopicData.PartitionData, _ request: ProduceRequest
    ) throws(Refusal) -> CheckedBatch {
        if options.isReserved(topic) { throw Refusal(.topicAuthorizationFailed, "the topic belongs to Millrace") }
        guard let known = log.describeTopic(named: topic), let partition = PartitionIndex(exactly: Int64(data.index)),
            known.partitions.indices.contains(partition.index)
        else { throw Refusal(.unknownTopicOrPartition, "there is no partition \(data.index) of '\(topic)'") }
        if ![-1, 0, 1].contains(request.acks) { throw Refusal(.invalidRequiredAcks, "acks is \(request.acks)") }
        guard let records = data.records, !records.isEmpty else { throw Refusal(.invalidRecord, "there is no batch") }
        let most = known.config.largestBatch
        if ByteCount(length: records.count) > most {
            throw Refusal(.messageTooLarge, "a batch of \(records.count) bytes; the largest has \(most) (max.message.bytes)")
        }
        let received: ReceivedBatch
        do throws(BatchProblem) { received = try ReceivedBatch(records) } catch { throw Refusal(KafkaError(error), error.message) }
        // As in Kafka, whether the transaction may write here counts before what is written.
        let owner = try owner(of: received, request.transactionalId, NamedPartition(topic: topic, partition: data.index))
        if known.config.cleanupPolicy.compacts, received.hasNullKey {
            throw Refusal(.invalidRecord, "a record without a key in a compacted topic")
        }
        let appendTime = known.config.timestampType == .logAppendTime ? clock.wallMilliseconds() : nil
        return CheckedBatch(
            append: Append(topic: known.id, partition: partition, batch: received, appendTime: appendTime), owners: owner.map { [$0] } ?? [],
            appendTime: appendTime)
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
            }
    }
}
