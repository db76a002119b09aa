// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct ListGroupsRequest: MessageRequest {
    static let key: Int16 = 16
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 3

    var statesFilter: [String] = []
    var typesFilter: [String] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 4 { statesFilter = try reader.array { reader throws(MessageError) in try reader.string() } }
        if version >= 5 { typesFilter = try reader.array { reader throws(MessageError) in try reader.string() } }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 4 { writer.put(statesFilter) { $1.put(string: $0) } }
        if version >= 5 { writer.put(typesFilter) { $1.put(string: $0) } }
        writer.put(MessageTags())
    }
}

struct ListGroupsResponse: MessageResponse {
    static let key: Int16 = 16
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 3

    struct Group: Equatable {
        var groupId: String = ""
        var protocolType: String = ""
        var groupState: String = ""
        var groupType: String = ""

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            groupId = try reader.string()
            protocolType = try reader.string()
            if version >= 4 { groupState = try reader.string() }
            if version >= 5 { groupType = try reader.string() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: groupId)
            writer.put(string: protocolType)
            if version >= 4 { writer.put(string: groupState) }
            if version >= 5 { writer.put(string: groupType) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var groups: [Group] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 1 { throttleTimeMs = try reader.int32() }
        errorCode = try reader.int16()
        groups = try reader.array { reader throws(MessageError) in try Group(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        writer.put(error: errorCode)
        writer.put(groups) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
