// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DescribeTransactionsRequest: MessageRequest {
    static let key: Int16 = 65
    static let versions: ClosedRange<Int16> = 0...0
    static let firstFlexible: Int16 = 0

    var transactionalIds: [String] = []

    init() {}

    init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
        transactionalIds = try reader.array { reader throws(MessageError) in try reader.string() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version _: Int16) {
        writer.put(transactionalIds) { $1.put(string: $0) }
        writer.put(MessageTags())
    }
}

struct DescribeTransactionsResponse: MessageResponse {
    static let key: Int16 = 65
    static let versions: ClosedRange<Int16> = 0...0
    static let firstFlexible: Int16 = 0

    struct TransactionState: Equatable {
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

        var errorCode: Int16 = 0
        var transactionalId: String = ""
        var transactionState: String = ""
        var transactionTimeoutMs: Int32 = 0
        var transactionStartTimeMs: Int64 = 0
        var producerId: Int64 = 0
        var producerEpoch: Int16 = 0
        var topics: [Topic] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            errorCode = try reader.int16()
            transactionalId = try reader.string()
            transactionState = try reader.string()
            transactionTimeoutMs = try reader.int32()
            transactionStartTimeMs = try reader.int64()
            producerId = try reader.int64()
            producerEpoch = try reader.int16()
            topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(error: errorCode)
            writer.put(string: transactionalId)
            writer.put(string: transactionState)
            writer.put(int32: transactionTimeoutMs)
            writer.put(int64: transactionStartTimeMs)
            writer.put(int64: producerId)
            writer.put(int16: producerEpoch)
            writer.put(topics) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var transactionStates: [TransactionState] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        transactionStates = try reader.array { reader throws(MessageError) in try TransactionState(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(transactionStates) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}
