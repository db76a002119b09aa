// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct ProduceRequest: MessageRequest {
    static let key: Int16 = 0
    static let versions: ClosedRange<Int16> = 3...9
    static let firstFlexible: Int16 = 9

    struct TopicData: Equatable {
        struct PartitionData: Equatable {
            var index: Int32 = 0
            var records: ArraySlice<UInt8>? = []

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                index = try reader.int32()
                records = try reader.nullableRecords(isNullable: true)
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: index)
                writer.put(records: records, isNullable: true)
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var partitionData: [PartitionData] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            partitionData = try reader.array { reader throws(MessageError) in try PartitionData(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(partitionData) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var transactionalId: String? = nil
    var acks: Int16 = 0
    var timeoutMs: Int32 = 0
    var topicData: [TopicData] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        transactionalId = try reader.nullableString(isNullable: true)
        acks = try reader.int16()
        timeoutMs = try reader.int32()
        topicData = try reader.array { reader throws(MessageError) in try TopicData(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: transactionalId, isNullable: true)
        writer.put(int16: acks)
        writer.put(int32: timeoutMs)
        writer.put(topicData) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct ProduceResponse: MessageResponse {
    static let key: Int16 = 0
    static let versions: ClosedRange<Int16> = 3...9
    static let firstFlexible: Int16 = 9

    struct Response: Equatable {
        struct PartitionResponse: Equatable {
            struct RecordError: Equatable {
                var batchIndex: Int32 = 0
                var batchIndexErrorMessage: String? = nil

                init() {}

                init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                    if version >= 8 { batchIndex = try reader.int32() }
                    if version >= 8 { batchIndexErrorMessage = try reader.nullableString(isNullable: version >= 8) }
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version: Int16) {
                    if version >= 8 { writer.put(int32: batchIndex) }
                    if version >= 8 { writer.put(string: batchIndexErrorMessage, isNullable: version >= 8) }
                    writer.put(MessageTags())
                }
            }

            var index: Int32 = 0
            var errorCode: Int16 = 0
            var baseOffset: Int64 = 0
            var logAppendTimeMs: Int64 = -1
            var logStartOffset: Int64 = -1
            var recordErrors: [RecordError] = []
            var errorMessage: String? = nil

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                index = try reader.int32()
                errorCode = try reader.int16()
                baseOffset = try reader.int64()
                logAppendTimeMs = try reader.int64()
                if version >= 5 { logStartOffset = try reader.int64() }
                if version >= 8 { recordErrors = try reader.array { reader throws(MessageError) in try RecordError(&reader, version: version) } }
                if version >= 8 { errorMessage = try reader.nullableString(isNullable: version >= 8) }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: index)
                writer.put(error: errorCode)
                writer.put(int64: baseOffset)
                writer.put(int64: logAppendTimeMs)
                if version >= 5 { writer.put(int64: logStartOffset) }
                if version >= 8 { writer.put(recordErrors) { $0.write(to: &$1, version: version) } }
                if version >= 8 { writer.put(string: errorMessage, isNullable: version >= 8) }
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var partitionResponses: [PartitionResponse] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            partitionResponses = try reader.array { reader throws(MessageError) in try PartitionResponse(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(partitionResponses) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var responses: [Response] = []
    var throttleTimeMs: Int32 = 0

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        responses = try reader.array { reader throws(MessageError) in try Response(&reader, version: version) }
        throttleTimeMs = try reader.int32()
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(responses) { $0.write(to: &$1, version: version) }
        writer.put(int32: throttleTimeMs)
        writer.put(MessageTags())
    }
}
