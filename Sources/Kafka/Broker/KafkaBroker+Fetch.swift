// Records for consumers: whole batches, as they are stored.

import Bytes
import LogStore
import Platform
import Quantities
import Synchronization

/// A partition that is read, and from where.
struct FetchedPartition: Sendable {
    var place: PartitionKey
    /// Where the consumer goes on.
    var offset: Int64
    var isolation: Isolation

    /// Whether there is anything for the consumer in a partition that ends so.
    func isBefore(_ durableEnd: Offset, highWatermark: Offset) -> Bool {
        switch isolation {
        case .readCommitted: offset < durableEnd.count
        case .readUncommitted: offset < highWatermark.count
        }
    }
}

extension Isolation {
    /// By Kafka's numbers.
    init(_ level: Int8) { self = level == 1 ? .readCommitted : .readUncommitted }
}

extension KafkaBroker {
    /// Bytes of one answer, and milliseconds until it, whatever a client asks for: it asks again.
    private static let mostBytes = 16 << 20, longestWait: Int32 = 60_000

    func fetch(_ request: FetchRequest, _ reply: @escaping @Sendable (FetchResponse?) -> Void) {
        // Incremental sessions are not kept: session 0 in an answer tells a client that each request has to name all partitions.
        if request.sessionId != 0 {
            var response = FetchResponse()
            response.fail(.fetchSessionIDNotFound)
            return reply(response)
        }
        let (response, found) = read(request)
        let isEnough = found.bytes >= max(0, Int(request.minBytes)) || found.hasErrors || request.maxWaitMs <= 0 || found.waiting.isEmpty
        if isEnough { return reply(response) }
        waiting.wait(found.waiting, milliseconds: Int64(min(request.maxWaitMs, KafkaBroker.longestWait))) { [self] isLast in
            let (response, found) = read(request)
            if !isLast, found.bytes < Int(request.minBytes), !found.hasErrors { return false }
            reply(response)
            return true
        }
        timer.wake()
    }

    /// What a reading of all partitions has found.
    private struct Found {
        var bytes = 0
        var hasErrors = false
        /// Those that were read without an error: what may yet come for them.
        var waiting: [FetchedPartition] = []
    }

    private func read(_ request: FetchRequest) -> (FetchResponse, Found) {
        var response = FetchResponse()
        var found = Found()
        var left = min(KafkaBroker.mostBytes, max(0, Int(request.maxBytes)))
        for topic in request.topics {
            var answered = FetchResponse.Response()
            answered.topic = topic.topic
            let id = log.topicID(named: topic.topic)
            for wanted in topic.partitions {
                answered.partitions.append(read(id, wanted, Isolation(request.isolationLevel), &left, &found))
            }
            response.responses.append(answered)
        }
        return (response, found)
    }

    private func read(
        _ topic: TopicID?, _ wanted: FetchRequest.Topic.Partition, _ isolation: Isolation, _ left: inout Int, _ found: inout Found
    ) -> FetchResponse.Response.Partition {
        var partition = FetchResponse.Response.Partition()
        partition.partitionIndex = wanted.partition
        // Null for who is not to look.
        partition.abortedTransactions = nil
        partition.highWatermark = -1
        do throws(LogError) {
            let place = try place(topic, wanted.partition)
            let bounds = try log.bounds(of: place.topic, partition: place.partition)
            guard let offset = Offset(exactly: wanted.fetchOffset), offset >= bounds.start, offset <= bounds.highWatermark else {
                throw LogError(.offsetBeyondEnd(end: bounds.highWatermark), "the offset is outside the partition")
            }
            partition.highWatermark = bounds.highWatermark.count
            partition.lastStableOffset = bounds.durableEnd.count
            partition.logStartOffset = bounds.start.count
            if isolation == .readCommitted { partition.abortedTransactions = [] }
            let wish = FetchedPartition(place: place, offset: offset.count, isolation: isolation)
            found.waiting.append(wish)
            // The first batch is given whole, however little was asked for: else a consumer would stand still.
            guard wish.isBefore(bounds.durableEnd, highWatermark: bounds.highWatermark), left > 0 || found.bytes == 0 else { return partition }
            let most = max(0, min(left, Int(wanted.partitionMaxBytes)))
            let fetched = try log.fetchBatches(
                place.topic, partition: place.partition, from: offset, maxBytes: ByteCount(length: most), isolation)
            if isolation == .readCommitted {
                partition.abortedTransactions = fetched.aborted.map {
                    var aborted = FetchResponse.Response.Partition.AbortedTransaction()
                    (aborted.producerId, aborted.firstOffset) = ($0.producer, $0.first.count)
                    return aborted
                }
            }
            let batches = fetched.run.batches
            partition.records = fetched.run.bytes[batches]
            found.bytes += batches.count
            left -= batches.count
        } catch {
            found.hasErrors = true
            partition.errorCode = KafkaError(error).rawValue
            if case .damaged = error.kind { lines.warn("kafka_damage", kind: topic?.description ?? "", error.message) }
        }
        return partition
    }

    // MARK: Offsets

    func listOffsets(_ request: ListOffsetsRequest) -> ListOffsetsResponse {
        var response = ListOffsetsResponse()
        response.topics = request.topics.map { topic in
            var answered = ListOffsetsResponse.Topic()
            answered.name = topic.name
            let id = log.topicID(named: topic.name)
            answered.partitions = topic.partitions.map { wanted in
                var partition = ListOffsetsResponse.Topic.Partition()
                partition.partitionIndex = wanted.partitionIndex
                do throws(LogError) {
                    try find(wanted.timestamp, try place(id, wanted.partitionIndex), Isolation(request.isolationLevel), &partition)
                } catch {
                    partition.errorCode = KafkaError(error).rawValue
                }
                return partition
            }
            return answered
        }
        return response
    }

    private func find(
        _ timestamp: Int64, _ place: PartitionKey, _ isolation: Isolation, _ answered: inout ListOffsetsResponse.Topic.Partition
    ) throws(LogError) {
        let (topic, partition) = (place.topic, place.partition)
        let bounds = try log.bounds(of: topic, partition: partition)
        answered.leaderEpoch = 0
        switch timestamp {
        case -1: answered.offset = (isolation == .readCommitted ? bounds.durableEnd : bounds.highWatermark).count
        // The earliest, and the earliest that is kept on this machine.
        case -2, -4: answered.offset = bounds.start.count
        case -3:
            guard let largest = try log.largestTimestamp(of: topic, partition: partition, isolation) else { return }
            (answered.offset, answered.timestamp) = (largest.offset.count, largest.timestamp)
        case ..<0: throw LogError(.unknownPartition, "there is no such time")
        default:
            guard let place = try log.timedPlace(of: topic, partition: partition, atOrAfter: timestamp, isolation) else { return }
            (answered.offset, answered.timestamp) = (place.offset.count, place.timestamp)
        }
    }

    /// There has been one leader: what a consumer has read is what is there, up to the end.
    func offsetsForEpochs(_ request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
        var response = OffsetForLeaderEpochResponse()
        response.topics = request.topics.map { topic in
            var answered = OffsetForLeaderEpochResponse.Topic()
            answered.topic = topic.topic
            let id = log.topicID(named: topic.topic)
            answered.partitions = topic.partitions.map { wanted in
                var partition = OffsetForLeaderEpochResponse.Topic.Partition()
                partition.partition = wanted.partition
                do throws(LogError) {
                    let place = try place(id, wanted.partition)
                    let bounds = try log.bounds(of: place.topic, partition: place.partition)
                    (partition.leaderEpoch, partition.endOffset) = (0, bounds.highWatermark.count)
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

extension EventLog {
    /// The first record that has the largest timestamp of a partition; nil where there are no records.
    fileprivate func largestTimestamp(
        of topic: TopicID, partition: PartitionIndex, _ isolation: Isolation
    ) throws(LogError) -> TimedPlace? {
        // By halving: there is a record at or after a time exactly where the largest one is.
        var found = try timedPlace(of: topic, partition: partition, atOrAfter: 0, isolation)
        var (low, high) = (found?.timestamp ?? 0, found == nil ? 0 : Int64.max)
        while low < high {
            let middle = low + (high - low) / 2 + 1
            if let later = try timedPlace(of: topic, partition: partition, atOrAfter: middle, isolation) {
                (found, low) = (later, later.timestamp)
            } else {
                high = middle - 1
            }
        }
        return found
    }
}
