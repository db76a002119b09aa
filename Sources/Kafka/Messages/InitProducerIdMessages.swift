// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct InitProducerIdRequest: MessageRequest {
    static let key: Int16 = 22
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 2

    var transactionalId: String? = ""
    var transactionTimeoutMs: Int32 = 0
    var producerId: Int64 = -1
    var producerEpoch: Int16 = -1

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        transactionalId = try reader.nullableString(isNullable: true)
        transactionTimeoutMs = try reader.int32()
        if version >= 3 { producerId = try reader.int64() }
        if version >= 3 { producerEpoch = try reader.int16() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: transactionalId, isNullable: true)
        writer.put(int32: transactionTimeoutMs)
        if version >= 3 { writer.put(int64: producerId) }
        if version >= 3 { writer.put(int16: producerEpoch) }
        writer.put(MessageTags())
    }
}

struct InitProducerIdResponse: MessageResponse {
    static let key: Int16 = 22
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 2

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var producerId: Int64 = -1
    var producerEpoch: Int16 = 0

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        errorCode = try reader.int16()
        producerId = try reader.int64()
        producerEpoch = try reader.int16()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(error: errorCode)
        writer.put(int64: producerId)
        writer.put(int16: producerEpoch)
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
