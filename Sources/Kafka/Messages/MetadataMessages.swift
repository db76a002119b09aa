// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct MetadataRequest: MessageRequest {
    static let key: Int16 = 3
    static let versions: ClosedRange<Int16> = 0...12
    static let firstFlexible: Int16 = 9

    struct Topic: Equatable {
        var topicId: MessageUUID = MessageUUID()
        var name: String? = ""

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 10 { topicId = try reader.uuid() }
            name = try reader.nullableString(isNullable: version >= 10)
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 10 { writer.put(uuid: topicId) }
            writer.put(string: name, isNullable: version >= 10)
            writer.put(MessageTags())
        }
    }

    var topics: [Topic]? = []
    var allowAutoTopicCreation: Bool = true
    var includeClusterAuthorizedOperations: Bool = false
    var includeTopicAuthorizedOperations: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        topics = try reader.nullableArray(isNullable: version >= 1) { reader throws(MessageError) in try Topic(&reader, version: version) }
        if version >= 4 { allowAutoTopicCreation = try reader.bool() }
        if version >= 8, version <= 10 { includeClusterAuthorizedOperations = try reader.bool() }
        if version >= 8 { includeTopicAuthorizedOperations = try reader.bool() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(topics, isNullable: version >= 1) { $0.write(to: &$1, version: version) }
        if version >= 4 { writer.put(bool: allowAutoTopicCreation) }
        if version >= 8, version <= 10 { writer.put(bool: includeClusterAuthorizedOperations) }
        if version >= 8 { writer.put(bool: includeTopicAuthorizedOperations) }
        writer.put(MessageTags())
    }
}

struct MetadataResponse: MessageResponse {
    static let key: Int16 = 3
    static let versions: ClosedRange<Int16> = 0...12
    static let firstFlexible: Int16 = 9

    struct Broker: Equatable {
        var nodeId: Int32 = 0
        var host: String = ""
        var port: Int32 = 0
        var rack: String? = nil

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            nodeId = try reader.int32()
            host = try reader.string()
            port = try reader.int32()
            if version >= 1 { rack = try reader.nullableString(isNullable: version >= 1) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(int32: nodeId)
            writer.put(string: host)
            writer.put(int32: port)
            if version >= 1 { writer.put(string: rack, isNullable: version >= 1) }
            writer.put(MessageTags())
        }
    }

    struct Topic: Equatable {
        struct Partition: Equatable {
            var errorCode: Int16 = 0
            var partitionIndex: Int32 = 0
            var leaderId: Int32 = 0
            var leaderEpoch: Int32 = -1
            var replicaNodes: [Int32] = []
            var isrNodes: [Int32] = []
            var offlineReplicas: [Int32] = []

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                errorCode = try reader.int16()
                partitionIndex = try reader.int32()
                leaderId = try reader.int32()
                if version >= 7 { leaderEpoch = try reader.int32() }
                replicaNodes = try reader.array { reader throws(MessageError) in try reader.int32() }
                isrNodes = try reader.array { reader throws(MessageError) in try reader.int32() }
                if version >= 5 { offlineReplicas = try reader.array { reader throws(MessageError) in try reader.int32() } }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(error: errorCode)
                writer.put(int32: partitionIndex)
                writer.put(int32: leaderId)
                if version >= 7 { writer.put(int32: leaderEpoch) }
                writer.put(replicaNodes) { $1.put(int32: $0) }
                writer.put(isrNodes) { $1.put(int32: $0) }
                if version >= 5 { writer.put(offlineReplicas) { $1.put(int32: $0) } }
                writer.put(MessageTags())
            }
        }

        var errorCode: Int16 = 0
        var name: String? = ""
        var topicId: MessageUUID = MessageUUID()
        var isInternal: Bool = false
        var partitions: [Partition] = []
        var topicAuthorizedOperations: Int32 = -2147483648

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            errorCode = try reader.int16()
            name = try reader.nullableString(isNullable: version >= 12)
            if version >= 10 { topicId = try reader.uuid() }
            if version >= 1 { isInternal = try reader.bool() }
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            if version >= 8 { topicAuthorizedOperations = try reader.int32() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(error: errorCode)
            writer.put(string: name, isNullable: version >= 12)
            if version >= 10 { writer.put(uuid: topicId) }
            if version >= 1 { writer.put(bool: isInternal) }
            writer.put(partitions) { $0.write(to: &$1, version: version) }
            if version >= 8 { writer.put(int32: topicAuthorizedOperations) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var brokers: [Broker] = []
    var clusterId: String? = nil
    var controllerId: Int32 = -1
    var topics: [Topic] = []
    var clusterAuthorizedOperations: Int32 = -2147483648

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 3 { throttleTimeMs = try reader.int32() }
        brokers = try reader.array { reader throws(MessageError) in try Broker(&reader, version: version) }
        if version >= 2 { clusterId = try reader.nullableString(isNullable: version >= 2) }
        if version >= 1 { controllerId = try reader.int32() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        if version >= 8, version <= 10 { clusterAuthorizedOperations = try reader.int32() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 3 { writer.put(int32: throttleTimeMs) }
        writer.put(brokers) { $0.write(to: &$1, version: version) }
        if version >= 2 { writer.put(string: clusterId, isNullable: version >= 2) }
        if version >= 1 { writer.put(int32: controllerId) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        if version >= 8, version <= 10 { writer.put(int32: clusterAuthorizedOperations) }
        writer.put(MessageTags())
    }
}
