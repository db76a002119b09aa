// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DeleteGroupsRequest: MessageRequest {
    static let key: Int16 = 42
    static let versions: ClosedRange<Int16> = 0...2
    static let firstFlexible: Int16 = 2

    var groupsNames: [String] = []

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        groupsNames = try reader.array { reader throws(MessageError) in try reader.string() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(groupsNames) { $1.put(string: $0) }
        writer.put(MessageTags())
    }
}

struct DeleteGroupsResponse: MessageResponse {
    static let key: Int16 = 42
    static let versions: ClosedRange<Int16> = 0...2
    static let firstFlexible: Int16 = 2

    struct Result: Equatable {
        var groupId: String = ""
        var errorCode: Int16 = 0

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            groupId = try reader.string()
            errorCode = try reader.int16()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: groupId)
            writer.put(error: errorCode)
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var results: [Result] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        results = try reader.array { reader throws(MessageError) in try Result(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(results) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
