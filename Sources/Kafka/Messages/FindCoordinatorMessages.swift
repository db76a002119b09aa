// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct FindCoordinatorRequest: MessageRequest {
    static let key: Int16 = 10
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 3

    var key: String = ""
    var keyType: Int8 = 0
    var coordinatorKeys: [String] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version <= 3 { key = try reader.string() }
        if version >= 1 { keyType = try reader.int8() }
        if version >= 4 { coordinatorKeys = try reader.array { reader throws(MessageError) in try reader.string() } }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version <= 3 { writer.put(string: key) }
        if version >= 1 { writer.put(int8: keyType) }
        if version >= 4 { writer.put(coordinatorKeys) { $1.put(string: $0) } }
        writer.put(MessageTags())
    }
}

struct FindCoordinatorResponse: MessageResponse {
    static let key: Int16 = 10
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 3

    struct Coordinator: Equatable {
        var key: String = ""
        var nodeId: Int32 = 0
        var host: String = ""
        var port: Int32 = 0
        var errorCode: Int16 = 0
        var errorMessage: String? = ""

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 4 { key = try reader.string() }
            if version >= 4 { nodeId = try reader.int32() }
            if version >= 4 { host = try reader.string() }
            if version >= 4 { port = try reader.int32() }
            if version >= 4 { errorCode = try reader.int16() }
            if version >= 4 { errorMessage = try reader.nullableString(isNullable: version >= 4) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 4 { writer.put(string: key) }
            if version >= 4 { writer.put(int32: nodeId) }
            if version >= 4 { writer.put(string: host) }
            if version >= 4 { writer.put(int32: port) }
            if version >= 4 { writer.put(error: errorCode) }
            if version >= 4 { writer.put(string: errorMessage, isNullable: version >= 4) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var errorMessage: String? = ""
    var nodeId: Int32 = 0
    var host: String = ""
    var port: Int32 = 0
    var coordinators: [Coordinator] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 1 { throttleTimeMs = try reader.int32() }
        if version <= 3 { errorCode = try reader.int16() }
        if version >= 1, version <= 3 { errorMessage = try reader.nullableString(isNullable: version >= 1 && version <= 3) }
        if version <= 3 { nodeId = try reader.int32() }
        if version <= 3 { host = try reader.string() }
        if version <= 3 { port = try reader.int32() }
        if version >= 4 { coordinators = try reader.array { reader throws(MessageError) in try Coordinator(&reader, version: version) } }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        if version <= 3 { writer.put(error: errorCode) }
        if version >= 1, version <= 3 { writer.put(string: errorMessage, isNullable: version >= 1 && version <= 3) }
        if version <= 3 { writer.put(int32: nodeId) }
        if version <= 3 { writer.put(string: host) }
        if version <= 3 { writer.put(int32: port) }
        if version >= 4 { writer.put(coordinators) { $0.write(to: &$1, version: version) } }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
