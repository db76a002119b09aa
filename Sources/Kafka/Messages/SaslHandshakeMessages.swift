// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct SaslHandshakeRequest: MessageRequest {
    static let key: Int16 = 17
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = Int16.max

    var mechanism: String = ""

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        mechanism = try reader.string()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(string: mechanism)
        writer.put(MessageTags())
    }
}

struct SaslHandshakeResponse: MessageResponse {
    static let key: Int16 = 17
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = Int16.max

    var errorCode: Int16 = 0
    var mechanisms: [String] = []

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        errorCode = try reader.int16()
        mechanisms = try reader.array { reader throws(MessageError) in try reader.string() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(error: errorCode)
        writer.put(mechanisms) { $1.put(string: $0) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
