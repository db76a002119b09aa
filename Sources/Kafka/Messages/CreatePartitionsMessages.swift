// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct CreatePartitionsRequest: MessageRequest {
    static let key: Int16 = 37
    static let versions: ClosedRange<Int16> = 0...3
    static let firstFlexible: Int16 = 2

    struct Topic: Equatable {
        struct Assignment: Equatable {
            var brokerIds: [Int32] = []

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                brokerIds = try reader.array { reader throws(MessageError) in try reader.int32() }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(brokerIds) { $1.put(int32: $0) }
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var count: Int32 = 0
        var assignments: [Assignment]? = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            count = try reader.int32()
            assignments = try reader.nullableArray(isNullable: true) { reader throws(MessageError) in try Assignment(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(int32: count)
            writer.put(assignments, isNullable: true) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var topics: [Topic] = []
    var timeoutMs: Int32 = 0
    var validateOnly: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        timeoutMs = try reader.int32()
        validateOnly = try reader.bool()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(int32: timeoutMs)
        writer.put(bool: validateOnly)
        writer.put(MessageTags())
    }
}

struct CreatePartitionsResponse: MessageResponse {
    static let key: Int16 = 37
    static let versions: ClosedRange<Int16> = 0...3
    static let firstFlexible: Int16 = 2

    struct Result: Equatable {
        var name: String = ""
        var errorCode: Int16 = 0
        var errorMessage: String? = nil

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            name = try reader.string()
            errorCode = try reader.int16()
            errorMessage = try reader.nullableString(isNullable: true)
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: name)
            writer.put(error: errorCode)
            writer.put(string: errorMessage, isNullable: true)
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
