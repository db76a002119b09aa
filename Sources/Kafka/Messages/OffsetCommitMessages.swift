// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct OffsetCommitRequest: MessageRequest {
    static let key: Int16 = 8
    static let versions: ClosedRange<Int16> = 2...9
    static let firstFlexible: Int16 = 8

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var committedOffset: Int64 = 0
            var committedLeaderEpoch: Int32 = -1
            var committedMetadata: String? = ""

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                committedOffset = try reader.int64()
                if version >= 6 { committedLeaderEpoch = try reader.int32() }
                committedMetadata = try reader.nullableString(isNullable: true)
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(int64: committedOffset)
                if version >= 6 { writer.put(int32: committedLeaderEpoch) }
                writer.put(string: committedMetadata, isNullable: true)
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
    var generationIdOrMemberEpoch: Int32 = -1
    var memberId: String = ""
    var groupInstanceId: String? = nil
    var retentionTimeMs: Int64 = -1
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        groupId = try reader.string()
        generationIdOrMemberEpoch = try reader.int32()
        memberId = try reader.string()
        if version >= 7 { groupInstanceId = try reader.nullableString(isNullable: version >= 7) }
        if version <= 4 { retentionTimeMs = try reader.int64() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: groupId)
        writer.put(int32: generationIdOrMemberEpoch)
        writer.put(string: memberId)
        if version >= 7 { writer.put(string: groupInstanceId, isNullable: version >= 7) }
        if version <= 4 { writer.put(int64: retentionTimeMs) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct OffsetCommitResponse: MessageResponse {
    static let key: Int16 = 8
    static let versions: ClosedRange<Int16> = 2...9
    static let firstFlexible: Int16 = 8

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

    var throttleTimeMs: Int32 = 0
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 3 { throttleTimeMs = try reader.int32() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 3 { writer.put(int32: throttleTimeMs) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
