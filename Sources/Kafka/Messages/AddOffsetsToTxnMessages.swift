// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct AddOffsetsToTxnRequest: MessageRequest {
    static let key: Int16 = 25
    static let versions: ClosedRange<Int16> = 0...3
    static let firstFlexible: Int16 = 3

    var transactionalId: String = ""
    var producerId: Int64 = 0
    var producerEpoch: Int16 = 0
    var groupId: String = ""

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        transactionalId = try reader.string()
        producerId = try reader.int64()
        producerEpoch = try reader.int16()
        groupId = try reader.string()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(string: transactionalId)
        writer.put(int64: producerId)
        writer.put(int16: producerEpoch)
        writer.put(string: groupId)
        writer.put(MessageTags())
    }
}

struct AddOffsetsToTxnResponse: MessageResponse {
    static let key: Int16 = 25
    static let versions: ClosedRange<Int16> = 0...3
    static let firstFlexible: Int16 = 3

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        errorCode = try reader.int16()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(error: errorCode)
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
