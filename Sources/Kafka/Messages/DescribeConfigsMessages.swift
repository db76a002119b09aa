// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DescribeConfigsRequest: MessageRequest {
    static let key: Int16 = 32
    static let versions: ClosedRange<Int16> = 1...4
    static let firstFlexible: Int16 = 4

    struct Resource: Equatable {
        var resourceType: Int8 = 0
        var resourceName: String = ""
        var configurationKeys: [String]? = []

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            resourceType = try reader.int8()
            resourceName = try reader.string()
            configurationKeys = try reader.nullableArray(isNullable: true) { reader throws(MessageError) in try reader.string() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(int8: resourceType)
            writer.put(string: resourceName)
            writer.put(configurationKeys, isNullable: true) { $1.put(string: $0) }
            writer.put(MessageTags())
        }
    }

    var resources: [Resource] = []
    var includeSynonyms: Bool = false
    var includeDocumentation: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        resources = try reader.array { reader throws(MessageError) in try Resource(&reader, version: version) }
        includeSynonyms = try reader.bool()
        if version >= 3 { includeDocumentation = try reader.bool() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(resources) { $0.write(to: &$1, version: version) }
        writer.put(bool: includeSynonyms)
        if version >= 3 { writer.put(bool: includeDocumentation) }
        writer.put(MessageTags())
    }
}

struct DescribeConfigsResponse: MessageResponse {
    static let key: Int16 = 32
    static let versions: ClosedRange<Int16> = 1...4
    static let firstFlexible: Int16 = 4

    struct Result: Equatable {
        struct Config: Equatable {
            struct Synonym: Equatable {
                var name: String = ""
                var value: String? = ""
                var source: Int8 = 0

                init() {}

                init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                    name = try reader.string()
                    value = try reader.nullableString(isNullable: true)
                    source = try reader.int8()
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version _: Int16) {
                    writer.put(string: name)
                    writer.put(string: value, isNullable: true)
                    writer.put(int8: source)
                    writer.put(MessageTags())
                }
            }

            var name: String = ""
            var value: String? = ""
            var readOnly: Bool = false
            var configSource: Int8 = -1
            var isSensitive: Bool = false
            var synonyms: [Synonym] = []
            var configType: Int8 = 0
            var documentation: String? = ""

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                name = try reader.string()
                value = try reader.nullableString(isNullable: true)
                readOnly = try reader.bool()
                configSource = try reader.int8()
                isSensitive = try reader.bool()
                synonyms = try reader.array { reader throws(MessageError) in try Synonym(&reader, version: version) }
                if version >= 3 { configType = try reader.int8() }
                if version >= 3 { documentation = try reader.nullableString(isNullable: true) }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(string: name)
                writer.put(string: value, isNullable: true)
                writer.put(bool: readOnly)
                writer.put(int8: configSource)
                writer.put(bool: isSensitive)
                writer.put(synonyms) { $0.write(to: &$1, version: version) }
                if version >= 3 { writer.put(int8: configType) }
                if version >= 3 { writer.put(string: documentation, isNullable: true) }
                writer.put(MessageTags())
            }
        }

        var errorCode: Int16 = 0
        var errorMessage: String? = ""
        var resourceType: Int8 = 0
        var resourceName: String = ""
        var configs: [Config] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            errorCode = try reader.int16()
            errorMessage = try reader.nullableString(isNullable: true)
            resourceType = try reader.int8()
            resourceName = try reader.string()
            configs = try reader.array { reader throws(MessageError) in try Config(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(error: errorCode)
            writer.put(string: errorMessage, isNullable: true)
            writer.put(int8: resourceType)
            writer.put(string: resourceName)
            writer.put(configs) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var results: [Result] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        results = try reader.array { reader throws(MessageError) in try Result(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(results) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
