// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DescribeLogDirsRequest: MessageRequest {
    static let key: Int16 = 35
    static let versions: ClosedRange<Int16> = 1...4
    static let firstFlexible: Int16 = 2

    struct Topic: Equatable {
        var topic: String = ""
        var partitions: [Int32] = []

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            topic = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try reader.int32() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: topic)
            writer.put(partitions) { $1.put(int32: $0) }
            writer.put(MessageTags())
        }
    }

    var topics: [Topic]? = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        topics = try reader.nullableArray(isNullable: true) { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(topics, isNullable: true) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct DescribeLogDirsResponse: MessageResponse {
    static let key: Int16 = 35
    static let versions: ClosedRange<Int16> = 1...4
    static let firstFlexible: Int16 = 2

    struct Result: Equatable {
        struct Topic: Equatable {
            struct Partition: Equatable {
                var partitionIndex: Int32 = 0
                var partitionSize: Int64 = 0
                var offsetLag: Int64 = 0
                var isFutureKey: Bool = false

                init() {}

                init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                    partitionIndex = try reader.int32()
                    partitionSize = try reader.int64()
                    offsetLag = try reader.int64()
                    isFutureKey = try reader.bool()
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version _: Int16) {
                    writer.put(int32: partitionIndex)
                    writer.put(int64: partitionSize)
                    writer.put(int64: offsetLag)
                    writer.put(bool: isFutureKey)
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

        var errorCode: Int16 = 0
        var logDir: String = ""
        var topics: [Topic] = []
        var totalBytes: Int64 = -1
        var usableBytes: Int64 = -1

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            errorCode = try reader.int16()
            logDir = try reader.string()
            topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
            if version >= 4 { totalBytes = try reader.int64() }
            if version >= 4 { usableBytes = try reader.int64() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(error: errorCode)
            writer.put(string: logDir)
            writer.put(topics) { $0.write(to: &$1, version: version) }
            if version >= 4 { writer.put(int64: totalBytes) }
            if version >= 4 { writer.put(int64: usableBytes) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var results: [Result] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        if version >= 3 { errorCode = try reader.int16() }
        results = try reader.array { reader throws(MessageError) in try Result(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        if version >= 3 { writer.put(error: errorCode) }
        writer.put(results) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
