// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct OffsetFetchRequest: MessageRequest {
    static let key: Int16 = 9
    static let versions: ClosedRange<Int16> = 1...8
    static let firstFlexible: Int16 = 6

    struct Topic: Equatable {
        var name: String = ""
        var partitionIndexes: [Int32] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version <= 7 { name = try reader.string() }
            if version <= 7 { partitionIndexes = try reader.array { reader throws(MessageError) in try reader.int32() } }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version <= 7 { writer.put(string: name) }
            if version <= 7 { writer.put(partitionIndexes) { $1.put(int32: $0) } }
            writer.put(MessageTags())
        }
    }

    struct Group: Equatable {
        struct Topic: Equatable {
            var name: String = ""
            var partitionIndexes: [Int32] = []

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                if version >= 8 { name = try reader.string() }
                if version >= 8 { partitionIndexes = try reader.array { reader throws(MessageError) in try reader.int32() } }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                if version >= 8 { writer.put(string: name) }
                if version >= 8 { writer.put(partitionIndexes) { $1.put(int32: $0) } }
                writer.put(MessageTags())
            }
        }

        var groupId: String = ""
        var topics: [Topic]? = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 8 { groupId = try reader.string() }
            if version >= 8 { topics = try reader.nullableArray(isNullable: version >= 8) { reader throws(MessageError) in try Topic(&reader, version: version) } }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 8 { writer.put(string: groupId) }
            if version >= 8 { writer.put(topics, isNullable: version >= 8) { $0.write(to: &$1, version: version) } }
            writer.put(MessageTags())
        }
    }

    var groupId: String = ""
    var topics: [Topic]? = []
    var groups: [Group] = []
    var requireStable: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version <= 7 { groupId = try reader.string() }
        if version <= 7 { topics = try reader.nullableArray(isNullable: version >= 2 && version <= 7) { reader throws(MessageError) in try Topic(&reader, version: version) } }
        if version >= 8 { groups = try reader.array { reader throws(MessageError) in try Group(&reader, version: version) } }
        if version >= 7 { requireStable = try reader.bool() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version <= 7 { writer.put(string: groupId) }
        if version <= 7 { writer.put(topics, isNullable: version >= 2 && version <= 7) { $0.write(to: &$1, version: version) } }
        if version >= 8 { writer.put(groups) { $0.write(to: &$1, version: version) } }
        if version >= 7 { writer.put(bool: requireStable) }
        writer.put(MessageTags())
    }
}

struct OffsetFetchResponse: MessageResponse {
    static let key: Int16 = 9
    static let versions: ClosedRange<Int16> = 1...8
    static let firstFlexible: Int16 = 6

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partitionIndex: Int32 = 0
            var committedOffset: Int64 = 0
            var committedLeaderEpoch: Int32 = -1
            var metadata: String? = ""
            var errorCode: Int16 = 0

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                if version <= 7 { partitionIndex = try reader.int32() }
                if version <= 7 { committedOffset = try reader.int64() }
                if version >= 5, version <= 7 { committedLeaderEpoch = try reader.int32() }
                if version <= 7 { metadata = try reader.nullableString(isNullable: version <= 7) }
                if version <= 7 { errorCode = try reader.int16() }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                if version <= 7 { writer.put(int32: partitionIndex) }
                if version <= 7 { writer.put(int64: committedOffset) }
                if version >= 5, version <= 7 { writer.put(int32: committedLeaderEpoch) }
                if version <= 7 { writer.put(string: metadata, isNullable: version <= 7) }
                if version <= 7 { writer.put(error: errorCode) }
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version <= 7 { name = try reader.string() }
            if version <= 7 { partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) } }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version <= 7 { writer.put(string: name) }
            if version <= 7 { writer.put(partitions) { $0.write(to: &$1, version: version) } }
            writer.put(MessageTags())
        }
    }

    struct Group: Equatable {
        struct Topic: Equatable {
            struct Partition: Equatable {
                var partitionIndex: Int32 = 0
                var committedOffset: Int64 = 0
                var committedLeaderEpoch: Int32 = -1
                var metadata: String? = ""
                var errorCode: Int16 = 0

                init() {}

                init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                    if version >= 8 { partitionIndex = try reader.int32() }
                    if version >= 8 { committedOffset = try reader.int64() }
                    if version >= 8 { committedLeaderEpoch = try reader.int32() }
                    if version >= 8 { metadata = try reader.nullableString(isNullable: version >= 8) }
                    if version >= 8 { errorCode = try reader.int16() }
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version: Int16) {
                    if version >= 8 { writer.put(int32: partitionIndex) }
                    if version >= 8 { writer.put(int64: committedOffset) }
                    if version >= 8 { writer.put(int32: committedLeaderEpoch) }
                    if version >= 8 { writer.put(string: metadata, isNullable: version >= 8) }
                    if version >= 8 { writer.put(error: errorCode) }
                    writer.put(MessageTags())
                }
            }

            var name: String = ""
            var partitions: [Partition] = []

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                if version >= 8 { name = try reader.string() }
                if version >= 8 { partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) } }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                if version >= 8 { writer.put(string: name) }
                if version >= 8 { writer.put(partitions) { $0.write(to: &$1, version: version) } }
                writer.put(MessageTags())
            }
        }

        var groupId: String = ""
        var topics: [Topic] = []
        var errorCode: Int16 = 0

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 8 { groupId = try reader.string() }
            if version >= 8 { topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) } }
            if version >= 8 { errorCode = try reader.int16() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 8 { writer.put(string: groupId) }
            if version >= 8 { writer.put(topics) { $0.write(to: &$1, version: version) } }
            if version >= 8 { writer.put(error: errorCode) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var topics: [Topic] = []
    var errorCode: Int16 = 0
    var groups: [Group] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 3 { throttleTimeMs = try reader.int32() }
        if version <= 7 { topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) } }
        if version >= 2, version <= 7 { errorCode = try reader.int16() }
        if version >= 8 { groups = try reader.array { reader throws(MessageError) in try Group(&reader, version: version) } }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 3 { writer.put(int32: throttleTimeMs) }
        if version <= 7 { writer.put(topics) { $0.write(to: &$1, version: version) } }
        if version >= 2, version <= 7 { writer.put(error: errorCode) }
        if version >= 8 { writer.put(groups) { $0.write(to: &$1, version: version) } }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
