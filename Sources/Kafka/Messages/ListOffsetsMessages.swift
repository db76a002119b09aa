// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct ListOffsetsRequest: MessageRequest {
    static let key: Int16 = 2
    static let versions: ClosedRange<Int16> = 1...8
    static let firstFlexible: Int16 = 6

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var currentLeaderEpoch: Int32 = -1
            var timestamp: Int64 = 0

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                if version >= 4 { currentLeaderEpoch = try reader.int32() }
                timestamp = try reader.int64()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: partitionIndex)
                if version >= 4 { writer.put(int32: currentLeaderEpoch) }
                writer.put(int64: timestamp)
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

    var replicaId: Int32 = 0
    var isolationLevel: Int8 = 0
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        replicaId = try reader.int32()
        if version >= 2 { isolationLevel = try reader.int8() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: replicaId)
        if version >= 2 { writer.put(int8: isolationLevel) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct ListOffsetsResponse: MessageResponse {
    static let key: Int16 = 2
    static let versions: ClosedRange<Int16> = 1...8
    static let firstFlexible: Int16 = 6

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var errorCode: Int16 = 0
            var timestamp: Int64 = -1
            var offset: Int64 = -1
            var leaderEpoch: Int32 = -1

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                errorCode = try reader.int16()
                timestamp = try reader.int64()
                offset = try reader.int64()
                if version >= 4 { leaderEpoch = try reader.int32() }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(error: errorCode)
                writer.put(int64: timestamp)
                writer.put(int64: offset)
                if version >= 4 { writer.put(int32: leaderEpoch) }
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
        if version >= 2 { throttleTimeMs = try reader.int32() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 2 { writer.put(int32: throttleTimeMs) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
