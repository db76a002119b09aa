// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct ListTransactionsRequest: MessageRequest {
    static let key: Int16 = 66
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = 0

    var stateFilters: [String] = []
    var producerIdFilters: [Int64] = []
    var durationFilter: Int64 = -1

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        stateFilters = try reader.array { reader throws(MessageError) in try reader.string() }
        producerIdFilters = try reader.array { reader throws(MessageError) in try reader.int64() }
        if version >= 1 { durationFilter = try reader.int64() }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(stateFilters) { $1.put(string: $0) }
        writer.put(producerIdFilters) { $1.put(int64: $0) }
        if version >= 1 { writer.put(int64: durationFilter) }
        writer.put(MessageTags())
    }
}

struct ListTransactionsResponse: MessageResponse {
    static let key: Int16 = 66
    static let versions: ClosedRange<Int16> = 0...1
    static let firstFlexible: Int16 = 0

    struct TransactionState: Equatable {
        var transactionalId: String = ""
        var producerId: Int64 = 0
        var transactionState: String = ""

        init() {}

        init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
            transactionalId = try reader.string()
            producerId = try reader.int64()
            transactionState = try reader.string()
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version _: Int16) {
            writer.put(string: transactionalId)
            writer.put(int64: producerId)
            writer.put(string: transactionState)
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var unknownStateFilters: [String] = []
    var transactionStates: [TransactionState] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        errorCode = try reader.int16()
        unknownStateFilters = try reader.array { reader throws(MessageError) in try reader.string() }
        transactionStates = try reader.array { reader throws(MessageError) in try TransactionState(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        writer.put(error: errorCode)
        writer.put(unknownStateFilters) { $1.put(string: $0) }
        writer.put(transactionStates) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
