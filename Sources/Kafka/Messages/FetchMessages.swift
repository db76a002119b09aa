// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.

struct FetchRequest: MessageRequest {
    static let key: Int16 = 1
    static let versions: ClosedRange<Int16> = 4...12
    static let firstFlexible: Int16 = 12

    struct Topic: Equatable {
        struct Partition: Equatable {
            var partition: Int32 = 0
            var currentLeaderEpoch: Int32 = -1
            var fetchOffset: Int64 = 0
            var lastFetchedEpoch: Int32 = -1
            var logStartOffset: Int64 = -1
            var partitionMaxBytes: Int32 = 0

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                partition = try reader.int32()
                if version >= 9 { currentLeaderEpoch = try reader.int32() }
                fetchOffset = try reader.int64()
                if version >= 12 { lastFetchedEpoch = try reader.int32() }
                if version >= 5 { logStartOffset = try reader.int64() }
                partitionMaxBytes = try reader.int32()
                try reader.skipTags()
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: partition)
                if version >= 9 { writer.put(int32: currentLeaderEpoch) }
                writer.put(int64: fetchOffset)
                if version >= 12 { writer.put(int32: lastFetchedEpoch) }
                if version >= 5 { writer.put(int64: logStartOffset) }
                writer.put(int32: partitionMaxBytes)
                writer.put(MessageTags())
            }
        }

        var topic: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            topic = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: topic)
            writer.put(partitions) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    struct ForgottenTopicsData: Equatable {
        var topic: String = ""
        var partitions: [Int32] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            if version >= 7 { topic = try reader.string() }
            if version >= 7 { partitions = try reader.array { reader throws(MessageError) in try reader.int32() } }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            if version >= 7 { writer.put(string: topic) }
            if version >= 7 { writer.put(partitions) { $1.put(int32: $0) } }
            writer.put(MessageTags())
        }
    }

    var clusterId: String? = nil
    var replicaId: Int32 = -1
    var maxWaitMs: Int32 = 0
    var minBytes: Int32 = 0
    var maxBytes: Int32 = 2147483647
    var isolationLevel: Int8 = 0
    var sessionId: Int32 = 0
    var sessionEpoch: Int32 = -1
    var topics: [Topic] = []
    var forgottenTopicsData: [ForgottenTopicsData] = []
    var rackId: String = ""

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        replicaId = try reader.int32()
        maxWaitMs = try reader.int32()
        minBytes = try reader.int32()
        maxBytes = try reader.int32()
        isolationLevel = try reader.int8()
        if version >= 7 { sessionId = try reader.int32() }
        if version >= 7 { sessionEpoch = try reader.int32() }
        topics = try reader.array { reader throws(MessageError) in try Topic(&reader, version: version) }
        if version >= 7 { forgottenTopicsData = try reader.array { reader throws(MessageError) in try ForgottenTopicsData(&reader, version: version) } }
        if version >= 11 { rackId = try reader.string() }
        var section = try reader.tagSection()
        while let tag = try reader.nextTag(&section) {
            switch tag {
            case 0: clusterId = try reader.nullableString(isNullable: version >= 12)
            default: reader.skip(section)
            }
        }
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: replicaId)
        writer.put(int32: maxWaitMs)
        writer.put(int32: minBytes)
        writer.put(int32: maxBytes)
        writer.put(int8: isolationLevel)
        if version >= 7 { writer.put(int32: sessionId) }
        if version >= 7 { writer.put(int32: sessionEpoch) }
        writer.put(topics) { $0.write(to: &$1, version: version) }
        if version >= 7 { writer.put(forgottenTopicsData) { $0.write(to: &$1, version: version) } }
        if version >= 11 { writer.put(string: rackId) }
        var tags = MessageTags()
        if version >= 12, clusterId != nil { tags.put(0) { $0.put(string: clusterId, isNullable: version >= 12) } }
        writer.put(tags)
    }
}

struct FetchResponse: MessageResponse {
    static let key: Int16 = 1
    static let versions: ClosedRange<Int16> = 4...12
    static let firstFlexible: Int16 = 12

    struct Response: Equatable {
        struct Partition: Equatable {
            struct DivergingEpoch: Equatable {
                var epoch: Int32 = -1
                var endOffset: Int64 = -1

                init() {}

                init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                    if version >= 12 { epoch = try reader.int32() }
                    if version >= 12 { endOffset = try reader.int64() }
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version: Int16) {
                    if version >= 12 { writer.put(int32: epoch) }
                    if version >= 12 { writer.put(int64: endOffset) }
                    writer.put(MessageTags())
                }
            }

            struct CurrentLeader: Equatable {
                var leaderId: Int32 = -1
                var leaderEpoch: Int32 = -1

                init() {}

                init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                    if version >= 12 { leaderId = try reader.int32() }
                    if version >= 12 { leaderEpoch = try reader.int32() }
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version: Int16) {
                    if version >= 12 { writer.put(int32: leaderId) }
                    if version >= 12 { writer.put(int32: leaderEpoch) }
                    writer.put(MessageTags())
                }
            }

            struct SnapshotId: Equatable {
                var endOffset: Int64 = -1
                var epoch: Int32 = -1

                init() {}

                init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                    endOffset = try reader.int64()
                    epoch = try reader.int32()
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version _: Int16) {
                    writer.put(int64: endOffset)
                    writer.put(int32: epoch)
                    writer.put(MessageTags())
                }
            }

            struct AbortedTransaction: Equatable {
                var producerId: Int64 = 0
                var firstOffset: Int64 = 0

                init() {}

                init(_ reader: inout MessageReader, version _: Int16) throws(MessageError) {
                    producerId = try reader.int64()
                    firstOffset = try reader.int64()
                    try reader.skipTags()
                }

                func write(to writer: inout MessageWriter, version _: Int16) {
                    writer.put(int64: producerId)
                    writer.put(int64: firstOffset)
                    writer.put(MessageTags())
                }
            }

            var partitionIndex: Int32 = 0
            var errorCode: Int16 = 0
            var highWatermark: Int64 = 0
            var lastStableOffset: Int64 = -1
            var logStartOffset: Int64 = -1
            var divergingEpoch: DivergingEpoch = DivergingEpoch()
            var currentLeader: CurrentLeader = CurrentLeader()
            var snapshotId: SnapshotId = SnapshotId()
            var abortedTransactions: [AbortedTransaction]? = []
            var preferredReadReplica: Int32 = -1
            var records: ArraySlice<UInt8>? = []

            init() {}

            init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
                partitionIndex = try reader.int32()
                errorCode = try reader.int16()
                highWatermark = try reader.int64()
                lastStableOffset = try reader.int64()
                if version >= 5 { logStartOffset = try reader.int64() }
                abortedTransactions = try reader.nullableArray(isNullable: true) { reader throws(MessageError) in try AbortedTransaction(&reader, version: version) }
                if version >= 11 { preferredReadReplica = try reader.int32() }
                records = try reader.nullableRecords(isNullable: true)
                var section = try reader.tagSection()
                while let tag = try reader.nextTag(&section) {
                    switch tag {
                    case 0: divergingEpoch = try DivergingEpoch(&reader, version: version)
                    case 1: currentLeader = try CurrentLeader(&reader, version: version)
                    case 2: snapshotId = try SnapshotId(&reader, version: version)
                    default: reader.skip(section)
                    }
                }
            }

            func write(to writer: inout MessageWriter, version: Int16) {
                writer.put(int32: partitionIndex)
                writer.put(error: errorCode)
                writer.put(int64: highWatermark)
                writer.put(int64: lastStableOffset)
                if version >= 5 { writer.put(int64: logStartOffset) }
                writer.put(abortedTransactions, isNullable: true) { $0.write(to: &$1, version: version) }
                if version >= 11 { writer.put(int32: preferredReadReplica) }
                writer.put(records: records, isNullable: true)
                var tags = MessageTags()
                if version >= 12, divergingEpoch != DivergingEpoch() { tags.put(0) { divergingEpoch.write(to: &$0, version: version) } }
                if version >= 12, currentLeader != CurrentLeader() { tags.put(1) { currentLeader.write(to: &$0, version: version) } }
                if version >= 12, snapshotId != SnapshotId() { tags.put(2) { snapshotId.write(to: &$0, version: version) } }
                writer.put(tags)
            }
        }

        var topic: String = ""
        var partitions: [Partition] = []

        init() {}

        init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
            topic = try reader.string()
            partitions = try reader.array { reader throws(MessageError) in try Partition(&reader, version: version) }
            try reader.skipTags()
        }

        func write(to writer: inout MessageWriter, version: Int16) {
            writer.put(string: topic)
            writer.put(partitions) { $0.write(to: &$1, version: version) }
            writer.put(MessageTags())
        }
    }

    var throttleTimeMs: Int32 = 0
    var errorCode: Int16 = 0
    var sessionId: Int32 = 0
    var responses: [Response] = []

    init() {}

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError) {
        throttleTimeMs = try reader.int32()
        if version >= 7 { errorCode = try reader.int16() }
        if version >= 7 { sessionId = try reader.int32() }
        responses = try reader.array { reader throws(MessageError) in try Response(&reader, version: version) }
        try reader.skipTags()
    }

    func write(to writer: inout MessageWriter, version: Int16) {
        writer.put(int32: throttleTimeMs)
        if version >= 7 { writer.put(error: errorCode) }
        if version >= 7 { writer.put(int32: sessionId) }
        writer.put(responses) { $0.write(to: &$1, version: version) }
        writer.put(MessageTags())
    }

    mutating func fail(_ error: KafkaError) { errorCode = error.rawValue }
}
