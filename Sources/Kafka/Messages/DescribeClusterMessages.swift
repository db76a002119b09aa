// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DescribeClusterRequest: MessageRequest {
    static let key: Int16 = 60
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = 0

    var includeClusterAuthorizedOperations: Bool = false
    var endpointType: Int8 = 1

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        includeClusterAuthorizedOperations = try reader.bool()
        if version >= 1 { endpointType = try reader.int8() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(bool: includeClusterAuthorizedOperations)
        if version >= 1 { writer.put(int8: endpointType) }
        writer.put(MessageTags())
    }
}

struct DescribeClusterResponse: MessageResponse {
    static let key: Int16 = 60
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = 0

    struct Broker: Equatable {
        var brokerId: Int32 = 0
        var host: String = ""
        var port: Int32 = 0
        var rack: String? = nil

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            brokerId = try reader.int32()
            host = try reader.string()
            port = try reader.int32()
            rack = try reader.nullableString(isNullable: true)
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(int32: brokerId)
            writer.put(string: host)
            writer.put(int32: port)
            writer.put(string: rack, isNullable: true)
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var errorMessage: String? = nil
    var endpointType: Int8 = 1
    var clusterId: String = ""
    var controllerId: Int32 = -1
    var brokers: [Broker] = []
    var clusterAuthorizedOperations: Int32 = -2147483648

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        errorCode = try reader.int16()
        errorMessage = try reader.nullableString(isNullable: true)
        if version >= 1 { endpointType = try reader.int8() }
        clusterId = try reader.string()
        controllerId = try reader.int32()
        brokers = try reader.array { reader throws(MessageError) in try Broker(&reader, version: version) }
        clusterAuthorizedOperations = try reader.int32()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(error: errorCode)
        writer.put(string: errorMessage, isNullable: true)
        if version >= 1 { writer.put(int8: endpointType) }
        writer.put(string: clusterId)
        writer.put(int32: controllerId)
        writer.put(brokers) { $0.write(to: &$1, version: version) }
        writer.put(int32: clusterAuthorizedOperations)
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
