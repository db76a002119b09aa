// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct LeaveGroupRequest: MessageRequest {
    static let key: Int16 = 13
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 4

    struct Member: Equatable {
        var memberId: String = ""
        var groupInstanceId: String? = nil
        var reason: String? = nil

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 3 { memberId = try reader.string() }
            if version >= 3 { groupInstanceId = try reader.nullableString(isNullable: version >= 3) }
            if version >= 5 { reason = try reader.nullableString(isNullable: version >= 5) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 3 { writer.put(string: memberId) }
            if version >= 3 { writer.put(string: groupInstanceId, isNullable: version >= 3) }
            if version >= 5 { writer.put(string: reason, isNullable: version >= 5) }
            writer.put(MessageTags())
        }
    }

    var groupId: String = ""
    var memberId: String = ""
    var members: [Member] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groupId = try reader.string()
        if version <= 2 { memberId = try reader.string() }
        if version >= 3 { members = try reader.array { reader throws(MessageError) in try Member(&reader, version: version) } }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: groupId)
        if version <= 2 { writer.put(string: memberId) }
        if version >= 3 { writer.put(members) { $0.write(to: &$1, version: version) } }
        writer.put(MessageTags())
    }
}

struct LeaveGroupResponse: MessageResponse {
    static let key: Int16 = 13
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 4

    struct Member: Equatable {
        var memberId: String = ""
        var groupInstanceId: String? = ""
        var errorCode: Int16 = 0

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 3 { memberId = try reader.string() }
            if version >= 3 { groupInstanceId = try reader.nullableString(isNullable: version >= 3) }
            if version >= 3 { errorCode = try reader.int16() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 3 { writer.put(string: memberId) }
            if version >= 3 { writer.put(string: groupInstanceId, isNullable: version >= 3) }
            if version >= 3 { writer.put(error: errorCode) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var members: [Member] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 1 { throttleTimeMs = try reader.int32() }
        errorCode = try reader.int16()
        if version >= 3 { members = try reader.array { reader throws(MessageError) in try Member(&reader, version: version) } }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        writer.put(error: errorCode)
        if version >= 3 { writer.put(members) { $0.write(to: &$1, version: version) } }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
