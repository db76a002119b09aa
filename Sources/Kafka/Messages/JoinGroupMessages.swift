// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct JoinGroupRequest: MessageRequest {
    static let key: Int16 = 11
    static let versions: ClosedRange<Int16> = 0...7
    static let firstFlexible: Int16 = 6

    struct OfferedProtocol: Equatable {
        var name: String = ""
        var metadata: [UInt8] = []

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            name = try reader.string()
            metadata = try reader.bytes()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: name)
            writer.put(bytes: metadata)
            writer.put(MessageTags())
        }
    }

    var groupId: String = ""
    var sessionTimeoutMs: Int32 = 0
    var rebalanceTimeoutMs: Int32 = -1
    var memberId: String = ""
    var groupInstanceId: String? = nil
    var protocolType: String = ""
    var protocols: [OfferedProtocol] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groupId = try reader.string()
        sessionTimeoutMs = try reader.int32()
        if version >= 1 { rebalanceTimeoutMs = try reader.int32() }
        memberId = try reader.string()
        if version >= 5 { groupInstanceId = try reader.nullableString(isNullable: version >= 5) }
        protocolType = try reader.string()
        protocols = try reader.array { reader throws(MessageError) in try OfferedProtocol(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: groupId)
        writer.put(int32: sessionTimeoutMs)
        if version >= 1 { writer.put(int32: rebalanceTimeoutMs) }
        writer.put(string: memberId)
        if version >= 5 { writer.put(string: groupInstanceId, isNullable: version >= 5) }
        writer.put(string: protocolType)
        writer.put(protocols) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct JoinGroupResponse: MessageResponse {
    static let key: Int16 = 11
    static let versions: ClosedRange<Int16> = 0...7
    static let firstFlexible: Int16 = 6

    struct Member: Equatable {
        var memberId: String = ""
        var groupInstanceId: String? = nil
        var metadata: [UInt8] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            memberId = try reader.string()
            if version >= 5 { groupInstanceId = try reader.nullableString(isNullable: version >= 5) }
            metadata = try reader.bytes()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: memberId)
            if version >= 5 { writer.put(string: groupInstanceId, isNullable: version >= 5) }
            writer.put(bytes: metadata)
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var generationId: Int32 = -1
    var protocolType: String? = nil
    var protocolName: String? = ""
    var leader: String = ""
    var memberId: String = ""
    var members: [Member] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 2 { throttleTimeMs = try reader.int32() }
        errorCode = try reader.int16()
        generationId = try reader.int32()
        if version >= 7 { protocolType = try reader.nullableString(isNullable: version >= 7) }
        protocolName = try reader.nullableString(isNullable: version >= 7)
        leader = try reader.string()
        memberId = try reader.string()
        members = try reader.array { reader throws(MessageError) in try Member(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 2 { writer.put(int32: throttleTimeMs) }
        writer.put(error: errorCode)
        writer.put(int32: generationId)
        if version >= 7 { writer.put(string: protocolType, isNullable: version >= 7) }
        writer.put(string: protocolName, isNullable: version >= 7)
        writer.put(string: leader)
        writer.put(string: memberId)
        writer.put(members) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
