// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DeleteTopicsRequest: MessageRequest {
    static let key: Int16 = 20
    static let versions: ClosedRange<Int16> = 1...6
    static let firstFlexible: Int16 = 4

    struct Topic: Equatable {
        var name: String? = nil
        var topicId: MessageUUID = MessageUUID()

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 6 { name = try reader.nullableString(isNullable: version >= 6) }
            if version >= 6 { topicId = try reader.uuid() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 6 { writer.put(string: name, isNullable: version >= 6) }
            if version >= 6 { writer.put(uuid: topicId) }
            writer.put(MessageTags())
        }
    }

    var topics: [Topic] = []
    var topicNames: [String] = []
    var timeoutMs: Int32 = 0

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 6 { topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) } }
        if version <= 5 { topicNames = try reader.array { reader throws(MessageError) in try reader.string() } }
        timeoutMs = try reader.int32()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 6 { writer.put(topics) { $0.write(to: &$1, version: version) } }
        if version <= 5 { writer.put(topicNames) { $1.put(string: $0) } }
        writer.put(int32: timeoutMs)
        writer.put(MessageTags())
    }
}

struct DeleteTopicsResponse: MessageResponse {
    static let key: Int16 = 20
    static let versions: ClosedRange<Int16> = 1...6
    static let firstFlexible: Int16 = 4

    struct Response: Equatable {
        var name: String? = ""
        var topicId: MessageUUID = MessageUUID()
        var errorCode: Int16 = 0
        var errorMessage: String? = nil

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.nullableString(isNullable: version >= 6)
            if version >= 6 { topicId = try reader.uuid() }
            errorCode = try reader.int16()
            if version >= 5 { errorMessage = try reader.nullableString(isNullable: version >= 5) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name, isNullable: version >= 6)
            if version >= 6 { writer.put(uuid: topicId) }
            writer.put(error: errorCode)
            if version >= 5 { writer.put(string: errorMessage, isNullable: version >= 5) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var responses: [Response] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        responses = try reader.array { reader throws(MessageError) in try Response(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(responses) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
