// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct DescribeProducersRequest: MessageRequest {
    static let key: Int16 = 61
    static let versions: ClosedRange<Int16> = 0...0
    static let firstFlexible: Int16 = 0

    struct Topic: Equatable {
        var name: String = ""
        var partitionIndexes: [Int32] = []

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            name = try reader.string()
            partitionIndexes = try reader.array { reader throws(MessageError) in try reader.int32() }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: name)
            writer.put(partitionIndexes) { $1.put(int32: $0) }
            writer.put(MessageTags())
        }
    }

    var topics: [Topic] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(topics) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }
}

struct DescribeProducersResponse: MessageResponse {
    static let key: Int16 = 61
    static let versions: ClosedRange<Int16> = 0...0
    static let firstFlexible: Int16 = 0

    struct Topic: Equatable {
        struct Partition: Equatable {
            struct ActiveProducer: Equatable {
                var producerId: Int64 = 0
                var producerEpoch: Int32 = 0
                var lastSequence: Int32 = -1
                var lastTimestamp: Int64 = -1
                var coordinatorEpoch: Int32 = 0
                var currentTxnStartOffset: Int64 = -1

                init() {}

                init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                    producerId = try reader.int64()
                    producerEpoch = try reader.int32()
                    lastSequence = try reader.int32()
                    lastTimestamp = try reader.int64()
                    coordinatorEpoch = try reader.int32()
                    currentTxnStartOffset = try reader.int64()
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version _: Int16) {
                    writer.put(int64: producerId)
                    writer.put(int32: producerEpoch)
                    writer.put(int32: lastSequence)
                    writer.put(int64: lastTimestamp)
                    writer.put(int32: coordinatorEpoch)
                    writer.put(int64: currentTxnStartOffset)
                    writer.put(MessageTags())
                }
            }

            var partitionIndex: Int32 = 0
            var errorCode: Int16 = 0
            var errorMessage: String? = nil
            var activeProducers: [ActiveProducer] = []

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                errorCode = try reader.int16()
                errorMessage = try reader.nullableString(isNullable: true)
                activeProducers = try reader.array { reader throws(MessageError) in try ActiveProducer(&reader, version: version) }
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(error: errorCode)
                writer.put(string: errorMessage, isNullable: true)
                writer.put(activeProducers) { $0.write(to: &$1, version: version) }
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
