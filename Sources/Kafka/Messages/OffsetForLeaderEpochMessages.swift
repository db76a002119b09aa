// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct OffsetForLeaderEpochRequest: MessageRequest {
    static let key: Int16 = 23
    static let versions: ClosedRange<Int16> = 2...4
    static let firstFlexible: Int16 = 4

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partition: Int32 = 0
            var currentLeaderEpoch: Int32 = -1
            var leaderEpoch: Int32 = 0

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partition = try reader.int32()
                currentLeaderEpoch = try reader.int32()
                leaderEpoch = try reader.int32()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partition)
                writer.put(int32: currentLeaderEpoch)
                writer.put(int32: leaderEpoch)
                writer.put(MessageTags())
            }
        }

        var topic: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            topic = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: topic)
            writer.put(partitions) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var replicaId: Int32 = -2
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 3 { replicaId = try reader.int32() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 3 { writer.put(int32: replicaId) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct OffsetForLeaderEpochResponse: MessageResponse {
    static let key: Int16 = 23
    static let versions: ClosedRange<Int16> = 2...4
    static let firstFlexible: Int16 = 4

    struct Topic: Equatable {
        struct Partition: Equatable {
            var errorCode: Int16 = 0
            var partition: Int32 = 0
            var leaderEpoch: Int32 = -1
            var endOffset: Int64 = -1

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                errorCode = try reader.int16()
                partition = try reader.int32()
                leaderEpoch = try reader.int32()
                endOffset = try reader.int64()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(error: errorCode)
                writer.put(int32: partition)
                writer.put(int32: leaderEpoch)
                writer.put(int64: endOffset)
                writer.put(MessageTags())
            }
        }

        var topic: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            topic = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: topic)
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
