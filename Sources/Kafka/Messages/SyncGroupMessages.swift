// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct SyncGroupRequest: MessageRequest {
    static let key: Int16 = 14
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 4

    struct Assignment: Equatable {
        var memberId: String = ""
        var assignment: [UInt8] = []

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            memberId = try reader.string()
            assignment = try reader.bytes()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: memberId)
            writer.put(bytes: assignment)
            writer.put(MessageTags())
        }
    }

    var groupId: String = ""
    var generationId: Int32 = 0
    var memberId: String = ""
    var groupInstanceId: String? = nil
    var protocolType: String? = nil
    var protocolName: String? = nil
    var assignments: [Assignment] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groupId = try reader.string()
        generationId = try reader.int32()
        memberId = try reader.string()
        if version >= 3 { groupInstanceId = try reader.nullableString(isNullable: version >= 3) }
        if version >= 5 { protocolType = try reader.nullableString(isNullable: version >= 5) }
        if version >= 5 { protocolName = try reader.nullableString(isNullable: version >= 5) }
        assignments = try reader.array { reader throws(MessageError) in try Assignment(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: groupId)
        writer.put(int32: generationId)
        writer.put(string: memberId)
        if version >= 3 { writer.put(string: groupInstanceId, isNullable: version >= 3) }
        if version >= 5 { writer.put(string: protocolType, isNullable: version >= 5) }
        if version >= 5 { writer.put(string: protocolName, isNullable: version >= 5) }
        writer.put(assignments) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct SyncGroupResponse: MessageResponse {
    static let key: Int16 = 14
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 4

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var protocolType: String? = nil
    var protocolName: String? = nil
    var assignment: [UInt8] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 1 { throttleTimeMs = try reader.int32() }
        errorCode = try reader.int16()
        if version >= 5 { protocolType = try reader.nullableString(isNullable: version >= 5) }
        if version >= 5 { protocolName = try reader.nullableString(isNullable: version >= 5) }
        assignment = try reader.bytes()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        writer.put(error: errorCode)
        if version >= 5 { writer.put(string: protocolType, isNullable: version >= 5) }
        if version >= 5 { writer.put(string: protocolName, isNullable: version >= 5) }
        writer.put(bytes: assignment)
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
