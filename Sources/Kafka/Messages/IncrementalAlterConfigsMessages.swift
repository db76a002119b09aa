// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct IncrementalAlterConfigsRequest: MessageRequest {
    static let key: Int16 = 44
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = 1

    struct Resource: Equatable {
        struct Config: Equatable {
            var name: String = ""
            var configOperation: Int8 = 0
            var value: String? = ""

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                name = try reader.string()
                configOperation = try reader.int8()
                value = try reader.nullableString(isNullable: true)
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(string: name)
                writer.put(int8: configOperation)
                writer.put(string: value, isNullable: true)
                writer.put(MessageTags())
            }
        }

        var resourceType: Int8 = 0
        var resourceName: String = ""
        var configs: [Config] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            resourceType = try reader.int8()
            resourceName = try reader.string()
            configs = try reader.array { reader throws(MessageError) in try Config(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(int8: resourceType)
            writer.put(string: resourceName)
            writer.put(configs) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var resources: [Resource] = []
    var validateOnly: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        resources = try reader.array { reader throws(MessageError) in try Resource(&reader, version: version) }
        validateOnly = try reader.bool()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(resources) { $0.write(to: &$1, version: version) }
        writer.put(bool: validateOnly)
        writer.put(MessageTags())
    }
}

struct IncrementalAlterConfigsResponse: MessageResponse {
    static let key: Int16 = 44
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = 1

    struct Response: Equatable {
        var errorCode: Int16 = 0
        var errorMessage: String? = ""
        var resourceType: Int8 = 0
        var resourceName: String = ""

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            errorCode = try reader.int16()
            errorMessage = try reader.nullableString(isNullable: true)
            resourceType = try reader.int8()
            resourceName = try reader.string()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(error: errorCode)
            writer.put(string: errorMessage, isNullable: true)
            writer.put(int8: resourceType)
            writer.put(string: resourceName)
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var responses: [Response] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        responses = try reader.array { reader throws(MessageError) in try Response(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(responses) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
