// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct ApiVersionsRequest: MessageRequest {
    static let key: Int16 = 18
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 3

    var clientSoftwareName: String = ""
    var clientSoftwareVersion: String = ""

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        if version >= 3 { clientSoftwareName = try reader.string() }
        if version >= 3 { clientSoftwareVersion = try reader.string() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        if version >= 3 { writer.put(string: clientSoftwareName) }
        if version >= 3 { writer.put(string: clientSoftwareVersion) }
        writer.put(MessageTags())
    }
}

struct ApiVersionsResponse: MessageResponse {
    static let key: Int16 = 18
    static let versions: ClosedRange<Int16> = 0...4
    static let firstFlexible: Int16 = 3

    struct ApiKey: Equatable {
        var apiKey: Int16 = 0
        var minVersion: Int16 = 0
        var maxVersion: Int16 = 0

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            apiKey = try reader.int16()
            minVersion = try reader.int16()
            maxVersion = try reader.int16()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(int16: apiKey)
            writer.put(int16: minVersion)
            writer.put(int16: maxVersion)
            writer.put(MessageTags())
        }
    }

    struct SupportedFeature: Equatable {
        var name: String = ""
        var minVersion: Int16 = 0
        var maxVersion: Int16 = 0

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 3 { name = try reader.string() }
            if version >= 3 { minVersion = try reader.int16() }
            if version >= 3 { maxVersion = try reader.int16() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 3 { writer.put(string: name) }
            if version >= 3 { writer.put(int16: minVersion) }
            if version >= 3 { writer.put(int16: maxVersion) }
            writer.put(MessageTags())
        }
    }

    struct FinalizedFeature: Equatable {
        var name: String = ""
        var maxVersionLevel: Int16 = 0
        var minVersionLevel: Int16 = 0

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 3 { name = try reader.string() }
            if version >= 3 { maxVersionLevel = try reader.int16() }
            if version >= 3 { minVersionLevel = try reader.int16() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 3 { writer.put(string: name) }
            if version >= 3 { writer.put(int16: maxVersionLevel) }
            if version >= 3 { writer.put(int16: minVersionLevel) }
            writer.put(MessageTags())
        }
    }

    var errorCode: Int16 = 0
    var apiKeys: [ApiKey] = []
    var throttleTimeMs: Int32 = 0
    var supportedFeatures: [SupportedFeature] = []
    var finalizedFeaturesEpoch: Int64 = -1
    var finalizedFeatures: [FinalizedFeature] = []
    var zkMigrationReady: Bool = false

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        errorCode = try reader.int16()
        apiKeys = try reader.array { reader throws(MessageError) in try ApiKey(&reader, version: version) }
        if version >= 1 { throttleTimeMs = try reader.int32() }
        var section = try reader.tagSection()
        while let tag = try reader.nextTag(&section) {
            switch tag {
            case 0: supportedFeatures = try reader.array { reader throws(MessageError) in try SupportedFeature(&reader, version: version) }
            case 1: finalizedFeaturesEpoch = try reader.int64()
            case 2: finalizedFeatures = try reader.array { reader throws(MessageError) in try FinalizedFeature(&reader, version: version) }
            case 3: zkMigrationReady = try reader.bool()
            default: reader.skip(section)
            }
        }
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(error: errorCode)
        writer.put(apiKeys) { $0.write(to: &$1, version: version) }
        if version >= 1 { writer.put(int32: throttleTimeMs) }
        var tags = MessageTags()
        if version >= 3, supportedFeatures != [] { tags.put(0) { writer in writer.put(supportedFeatures) { $0.write(to: &$1, version: version) } } }
        if version >= 3, finalizedFeaturesEpoch != -1 { tags.put(1) { $0.put(int64: finalizedFeaturesEpoch) } }
        if version >= 3, finalizedFeatures != [] { tags.put(2) { writer in writer.put(finalizedFeatures) { $0.write(to: &$1, version: version) } } }
        if version >= 3, zkMigrationReady != false { tags.put(3) { $0.put(bool: zkMigrationReady) } }
        writer.put(tags)
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
