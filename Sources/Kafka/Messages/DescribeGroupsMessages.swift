// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DescribeGroupsRequest: MessageRequest {
    static let key: Int16 = 15
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 5

    var groups: [String] = []
    var includeAuthorizedOperations: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groups = try reader.array { reader throws(MessageError) in try reader.string() }
        if version >= 3 { includeAuthorizedOperations = try reader.bool() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(groups) { $1.put(string: $0) }
        if version >= 3 { writer.put(bool: includeAuthorizedOperations) }
        writer.put(MessageTags())
    }
}

struct DescribeGroupsResponse: MessageResponse {
    static let key: Int16 = 15
    static let versions: ClosedRange<Int16> = 0...5
    static let firstFlexible: Int16 = 5

    struct Group: Equatable {
        struct Member: Equatable {
            var memberId: String = ""
            var groupInstanceId: String? = nil
            var clientId: String = ""
            var clientHost: String = ""
            var memberMetadata: [UInt8] = []
            var memberAssignment: [UInt8] = []

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                memberId = try reader.string()
                if version >= 4 { groupInstanceId = try reader.nullableString(isNullable: version >= 4) }
                clientId = try reader.string()
                clientHost = try reader.string()
                memberMetadata = try reader.bytes()
                memberAssignment = try reader.bytes()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(string: memberId)
                if version >= 4 { writer.put(string: groupInstanceId, isNullable: version >= 4) }
                writer.put(string: clientId)
                writer.put(string: clientHost)
                writer.put(bytes: memberMetadata)
                writer.put(bytes: memberAssignment)
                writer.put(MessageTags())
            }
        }

        var errorCode: Int16 = 0
        var groupId: String = ""
        var groupState: String = ""
        var protocolType: String = ""
        var protocolData: String = ""
        var members: [Member] = []
        var authorizedOperations: Int32 = -2147483648

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            errorCode = try reader.int16()
            groupId = try reader.string()
            groupState = try reader.string()
            protocolType = try reader.string()
            protocolData = try reader.string()
            members = try reader.array { reader throws(MessageError) in try Member(&reader, version: version) }
            if version >= 3 { authorizedOperations = try reader.int32() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(error: errorCode)
            writer.put(string: groupId)
            writer.put(string: groupState)
            writer.put(string: protocolType)
            writer.put(string: protocolData)
            writer.put(members) { $0.write(to: &$1, version: version) }
            if version >= 3 { writer.put(int32: authorizedOperations) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var groups: [Group] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 1 { throttleTimeMs = try reader.int32() }
        groups = try reader.array { reader throws(MessageError) in try Group(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        writer.put(groups) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
