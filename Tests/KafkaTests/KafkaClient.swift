// A client of the broker without a socket, for the tests of this room: requests as frames, and batches as producers make them.

import Bytes
import LogStore
import Platform
import Testing

@testable import Kafka

struct KafkaClient {
    let broker: KafkaBroker

    static func frame<Request: MessageRequest>(_ request: Request, _ version: Int16) -> [UInt8] {
        let isFlexible = version >= Request.firstFlexible
        var header = MessageWriter(isFlexible: false)
        header.put(int16: Request.key)
        header.put(int16: version)
        header.put(int32: 77)
        header.put(string: "test", isNullable: true)
        var body = MessageWriter(isFlexible: isFlexible)
        if isFlexible { body.put(MessageTags()) }
        request.write(to: &body, version: version)
        return header.bytes + body.bytes
    }

    func reply(_ frame: [UInt8]) -> KafkaReply {
        let result = Monitor<KafkaReply?>(nil)
        broker.answer(frame) { reply in result.update { $0 = reply } }
        return result.wait(until: { $0 != nil }) { $0 ?? .nothing }
    }

    func ask<Request: MessageRequest, Response: MessageResponse>(
        _ request: Request, as _: Response.Type, version: Int16 = Request.versions.upperBound
    ) throws -> Response {
        guard case .frame(let bytes) = reply(Self.frame(request, version)) else { throw MessageError(reason: "there is no answer") }
        return try Self.read(bytes, version: version)
    }

    static func read<Response: MessageResponse>(_ bytes: [UInt8], version: Int16) throws -> Response {
        let isFlexible = version >= Response.firstFlexible
        var header = MessageReader(bytes, 0..<bytes.count, isFlexible: isFlexible)
        #expect(try Int(header.int32()) == bytes.count - 4)
        #expect(try header.int32() == 77)
        if isFlexible, Response.key != ApiVersionsResponse.key { try header.skipTags() }
        var body = MessageReader(bytes, header.position..<bytes.count, isFlexible: isFlexible)
        let response = try Response(&body, version: version)
        #expect(body.remaining == 0)
        return response
    }

    /// A batch; `transaction`: it is part of one.
    static func batch(
        _ records: [(key: String?, value: String)], at time: Int64 = 1000, producer: BatchProducer? = nil, isTransactional: Bool = false
    ) -> [UInt8] {
        var outgoing = OutgoingRecords()
        for record in records { outgoing.append(key: record.key.map { Array($0.utf8) }, value: Array(record.value.utf8), timestamp: time) }
        let framed = BatchFraming(batchBytes: 1 << 20, compressionBits: 0, producer: producer).frameUncompressed(outgoing)
        guard let framed, var header = RecordBatchHeader(framed.bytes, at: 0) else { return [] }
        if isTransactional { header.attributes |= 0x10 }
        return header.sealed(section: Array(framed.bytes[RecordBatchHeader.byteCount..<framed.byteCount]))
    }

    func produce(
        _ topic: String, _ records: [UInt8]?, partition: Int32 = 0, acks: Int16 = -1, transaction: String? = nil
    ) throws -> (error: KafkaError?, offset: Int64) {
        var request = ProduceRequest()
        (request.acks, request.transactionalId) = (acks, transaction)
        var (data, place) = (ProduceRequest.TopicData(), ProduceRequest.TopicData.PartitionData())
        data.name = topic
        (place.index, place.records) = (partition, records.map { $0[...] })
        data.partitionData = [place]
        request.topicData = [data]
        let answered = try ask(request, as: ProduceResponse.self).responses[0].partitionResponses[0]
        return (KafkaError(rawValue: answered.errorCode), answered.baseOffset)
    }

    /// What a consumer that reads topics gives a group, as version 0 of `ConsumerProtocolSubscription`.
    static func subscription(_ topics: [String]) -> [UInt8] {
        var writer = MessageWriter(isFlexible: false)
        writer.put(int16: 0)
        writer.put(topics) { $1.put(string: $0) }
        writer.put(int32: -1)
        return writer.bytes
    }

    static func fetching(_ topic: String, from offset: Int64, wait: Int32 = 0, atLeast: Int32 = 1, isolation: Int8 = 0) -> FetchRequest {
        var request = FetchRequest()
        (request.maxWaitMs, request.minBytes, request.isolationLevel) = (wait, atLeast, isolation)
        var (wanted, place) = (FetchRequest.Topic(), FetchRequest.Topic.Partition())
        (place.fetchOffset, place.partitionMaxBytes) = (offset, 1 << 20)
        (wanted.topic, wanted.partitions) = (topic, [place])
        request.topics = [wanted]
        return request
    }

    func fetch(_ topic: String, from offset: Int64, isolation: Int8 = 0) throws -> FetchResponse.Response.Partition {
        try ask(Self.fetching(topic, from: offset, isolation: isolation), as: FetchResponse.self).responses[0].partitions[0]
    }

    func create(_ name: String, partitions: Int32 = 1, copies: Int16 = -1, configs: [String: String] = [:]) throws -> CreateTopicsResponse.Topic {
        var request = CreateTopicsRequest()
        var topic = CreateTopicsRequest.Topic()
        (topic.name, topic.numPartitions, topic.replicationFactor) = (name, partitions, copies)
        topic.configs = configs.map { name, value in
            var config = CreateTopicsRequest.Topic.Config()
            (config.name, config.value) = (name, value)
            return config
        }
        request.topics = [topic]
        return try ask(request, as: CreateTopicsResponse.self).topics[0]
    }
}
