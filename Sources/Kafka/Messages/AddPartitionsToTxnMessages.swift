// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct AddPartitionsToTxnRequest: MessageRequest {
    static let key: Int16 = 24
    static let versions: ClosedRange<Int16> = 0...3
    static let firstFlexible: Int16 = 3

    struct Topic: Equatable {
        var name: String = ""
        var partitions: [Int32] = []

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            name = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try reader.int32() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: name)
            writer.put(partitions) { $1.put(int32: $0) }
            writer.put(MessageTags())
        }
    }

    var transactionalId: String = ""
    var producerId: Int64 = 0
    var producerEpoch: Int16 = 0
    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        transactionalId = try reader.string()
        producerId = try reader.int64()
        producerEpoch = try reader.int16()
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(string: transactionalId)
        writer.put(int64: producerId)
        writer.put(int16: producerEpoch)
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct AddPartitionsToTxnResponse: MessageResponse {
    static let key: Int16 = 24
    static let versions: ClosedRange<Int16> = 0...3
    static let firstFlexible: Int16 = 3

    struct ResultsByTopic: Equatable {
        struct ResultsByPartition: Equatable {
            var partitionIndex: Int32 = 0
            var partitionErrorCode: Int16 = 0

            init() {}

            init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                partitionErrorCode = try reader.int16()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version _: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(error: partitionErrorCode)
                writer.put(MessageTags())
            }
        }

        var name: String = ""
        var resultsByPartition: [ResultsByPartition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            name = try reader.string()
            resultsByPartition = try reader.array { reader throws(MessageError) in try ResultsByPartition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: name)
            writer.put(resultsByPartition) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var resultsByTopic: [ResultsByTopic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        resultsByTopic = try reader.array { reader throws(MessageError) in try ResultsByTopic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(resultsByTopic) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
