// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct CreateTopicsRequest: MessageRequest {
    static let key: Int16 = 19
    static let versions: ClosedRange<Int16> = 2...7
    static let firstFlexible: Int16 = 5

    struct Topic: Equatable {
        struct Assignment: Equatable {
            var partitionIndex: Int32 = 0
            var brokerIds: [Int32] = []

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                brokerIds = try reader.array { reader throws(MessageError) in try reader.int32() }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(brokerIds) { $1.put(int32: $0) }
                writer.put(MessageTags())
            }
        }

        struct Config: Equatable {
            var name: String = ""
            var value: String? = ""

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                name = try reader.string()
                value = try reader.nullableString(isNullable: true)
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(string: name)
                writer.put(string: value, isNullable: true)
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var numPartitions: Int32 = 0
        var replicationFactor: Int16 = 0
        var assignments: [Assignment] = []
        var configs: [Config] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            numPartitions = try reader.int32()
            replicationFactor = try reader.int16()
            assignments = try reader.array { reader throws(MessageError) in try Assignment(&reader, version: version) }
            configs = try reader.array { reader throws(MessageError) in try Config(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(int32: numPartitions)
            writer.put(int16: replicationFactor)
            writer.put(assignments) { $0.write(to: &$1, version: version) }
            writer.put(configs) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var topics: [Topic] = []
    var timeoutMs: Int32 = 60000
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

struct CreateTopicsResponse: MessageResponse {
    static let key: Int16 = 19
    static let versions: ClosedRange<Int16> = 2...7
    static let firstFlexible: Int16 = 5

    struct Topic: Equatable {
        struct Config: Equatable {
            var name: String = ""
            var value: String? = ""
            var readOnly: Bool = false
            var configSource: Int8 = -1
            var isSensitive: Bool = false

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                if version >= 5 { name = try reader.string() }
                if version >= 5 { value = try reader.nullableString(isNullable: version >= 5) }
                if version >= 5 { readOnly = try reader.bool() }
                if version >= 5 { configSource = try reader.int8() }
                if version >= 5 { isSensitive = try reader.bool() }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                if version >= 5 { writer.put(string: name) }
                if version >= 5 { writer.put(string: value, isNullable: version >= 5) }
                if version >= 5 { writer.put(bool: readOnly) }
                if version >= 5 { writer.put(int8: configSource) }
                if version >= 5 { writer.put(bool: isSensitive) }
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var topicId: MessageUUID = MessageUUID()
        var errorCode: Int16 = 0
        var errorMessage: String? = ""
        var topicConfigErrorCode: Int16 = 0
        var numPartitions: Int32 = -1
        var replicationFactor: Int16 = -1
        var configs: [Config]? = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            if version >= 7 { topicId = try reader.uuid() }
            errorCode = try reader.int16()
            errorMessage = try reader.nullableString(isNullable: true)
            if version >= 5 { numPartitions = try reader.int32() }
            if version >= 5 { replicationFactor = try reader.int16() }
            if version >= 5 { configs = try reader.nullableArray(isNullable: version >= 5) { reader throws(MessageError) in try Config(&reader, version: version) } }
            var section = try reader.tagSection()
            while let tag = try reader.nextTag(&section) {
                switch tag {
                case 0: topicConfigErrorCode = try reader.int16()
                default: reader.skip(section)
                }
            }
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            if version >= 7 { writer.put(uuid: topicId) }
            writer.put(error: errorCode)
            writer.put(string: errorMessage, isNullable: true)
            if version >= 5 { writer.put(int32: numPartitions) }
            if version >= 5 { writer.put(int16: replicationFactor) }
            if version >= 5 { writer.put(configs, isNullable: version >= 5) { $0.write(to: &$1, version: version) } }
            var tags = MessageTags()
            if version >= 5, topicConfigErrorCode != 0 { tags.put(0) { $0.put(error: topicConfigErrorCode) } }
            writer.put(tags)
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
