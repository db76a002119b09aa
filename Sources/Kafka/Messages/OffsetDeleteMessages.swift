// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct OffsetDeleteRequest: MessageRequest {
    static let key: Int16 = 47
    static let versions: ClosedRange<Int16> = 0...0
    static let firstFlexible: Int16 = Int16.max

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(partitions) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var groupId: String = ""
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groupId = try reader.string()
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: groupId)
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct OffsetDeleteResponse: MessageResponse {
    static let key: Int16 = 47
    static let versions: ClosedRange<Int16> = 0...0
    static let firstFlexible: Int16 = Int16.max

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var errorCode: Int16 = 0

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                errorCode = try reader.int16()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(error: errorCode)
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(partitions) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var errorCode: Int16 = 0
    var throttleTimeMs: Int32 = 0
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        errorCode = try reader.int16()
        throttleTimeMs = try reader.int32()
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(error: errorCode)
        writer.put(int32: throttleTimeMs)
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
