// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct SaslAuthenticateRequest: MessageRequest {
    static let key: Int16 = 36
    static let versions: ClosedRange<Int16> = 0...2
    static let firstFlexible: Int16 = 2

    var authBytes: [UInt8] = []

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        authBytes = try reader.bytes()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(bytes: authBytes)
        writer.put(MessageTags())
    }
}

struct SaslAuthenticateResponse: MessageResponse {
    static let key: Int16 = 36
    static let versions: ClosedRange<Int16> = 0...2
    static let firstFlexible: Int16 = 2

    var errorCode: Int16 = 0
    var errorMessage: String? = ""
    var authBytes: [UInt8] = []
    var sessionLifetimeMs: Int64 = 0

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        errorCode = try reader.int16()
        errorMessage = try reader.nullableString(isNullable: true)
        authBytes = try reader.bytes()
        if version >= 1 { sessionLifetimeMs = try reader.int64() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(error: errorCode)
        writer.put(string: errorMessage, isNullable: true)
        writer.put(bytes: authBytes)
        if version >= 1 { writer.put(int64: sessionLifetimeMs) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
