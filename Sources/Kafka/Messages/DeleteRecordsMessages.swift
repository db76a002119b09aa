// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DeleteRecordsRequest: MessageRequest {
    static let key: Int16 = 21
    static let versions: ClosedRange<Int16> = 0...2
    static let firstFlexible: Int16 = 2

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var offset: Int64 = 0

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                offset = try reader.int64()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(int64: offset)
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

    var topics: [Topic] = []
    var timeoutMs: Int32 = 0

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        timeoutMs = try reader.int32()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(int32: timeoutMs)
        writer.put(MessageTags())
    }
}

struct DeleteRecordsResponse: MessageResponse {
    static let key: Int16 = 21
    static let versions: ClosedRange<Int16> = 0...2
    static let firstFlexible: Int16 = 2

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var lowWatermark: Int64 = 0
            var errorCode: Int16 = 0

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                lowWatermark = try reader.int64()
                errorCode = try reader.int16()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(int64: lowWatermark)
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

    var throttleTimeMs: Int32 = 0
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
