// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct HeartbeatRequest: MessageRequest {
    static let key: Int16 = 12
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 4

    var groupId: String = ""
    var generationId: Int32 = 0
    var memberId: String = ""
    var groupInstanceId: String? = nil

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groupId = try reader.string()
        generationId = try reader.int32()
        memberId = try reader.string()
        if version >= 3 { groupInstanceId = try reader.nullableString(isNullable: version >= 3) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: groupId)
        writer.put(int32: generationId)
        writer.put(string: memberId)
        if version >= 3 { writer.put(string: groupInstanceId, isNullable: version >= 3) }
        writer.put(MessageTags())
    }
}

struct HeartbeatResponse: MessageResponse {
    static let key: Int16 = 12
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 4

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 1 { throttleTimeMs = try reader.int32() }
        errorCode = try reader.int16()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        writer.put(error: errorCode)
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
