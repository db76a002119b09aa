// Remembers, for one partition, what idempotent producers appended last, so that a repeated append is recognised. Kafka's rule:
// the last five batches of a producer are known; the next sequence follows the last; a new epoch starts at any sequence.
import Bytes
import Quantities

/// The producers of one partition. Grows with the number of producers up to `capacity`, then forgets the one idle longest.
struct ProducerTable: Hashable {
    struct AppendRecord: Hashable {
        var baseSequence: Int32
        var recordCount: Int32
        var baseOffset: Offset

        var nextSequence: Int32 { sequence(baseSequence, advancedBy: Int(recordCount)) }
        var lastSequence: Int32 { sequence(baseSequence, advancedBy: Int(recordCount) - 1) }
    }

    struct Producer: Hashable {
        var epoch: Int16
        /// Oldest first, at most `remembered`.
        var recent: [AppendRecord]
    }

    enum Verdict: Hashable {
        case isNew
        case isRepeat(baseOffset: Offset)
        case hasGap(expected: Int32)
        case isFenced(epoch: Int16)
    }

    static let remembered = 5
    static let capacity = 4096
    private(set) var producers: [Int64: Producer] = [:]
    /// What those of them do that work in transactions.
    var transactions = TransactionTable()

    /// What an append of `count` records is.
    func verdict(on stamp: ProducerStamp, count: Int) -> Verdict {
        guard let producer = producers[stamp.id] else { return .isNew }
        if stamp.epoch < producer.epoch { return .isFenced(epoch: producer.epoch) }
        if stamp.epoch > producer.epoch { return .isNew }
        if let old = producer.recent.last(where: { $0.baseSequence == stamp.baseSequence && $0.recordCount == count }) {
            return .isRepeat(baseOffset: old.baseOffset)
        }
        guard let last = producer.recent.last else { return .isNew }
        return last.nextSequence == stamp.baseSequence ? .isNew : .hasGap(expected: last.nextSequence)
    }

    /// Notes an append that is new.
    mutating func note(_ stamp: ProducerStamp, count: Int, baseOffset: Offset) {
        if producers[stamp.id] == nil && producers.count >= Self.capacity { forgetOldest() }
        var producer = producers[stamp.id] ?? Producer(epoch: stamp.epoch, recent: [])
        if producer.epoch != stamp.epoch { producer = Producer(epoch: stamp.epoch, recent: []) }
        producer.recent.append(
            AppendRecord(baseSequence: stamp.baseSequence, recordCount: Int32(clamping: count), baseOffset: baseOffset))
        if producer.recent.count > Self.remembered { producer.recent.removeFirst() }
        producers[stamp.id] = producer
    }

    /// Puts a producer back to what it was.
    mutating func restore(_ id: Int64, to producer: Producer?) {
        producers[id] = producer
    }

    /// Forgets all appends at or above `offset`, which were withdrawn.
    mutating func forget(from offset: Offset) {
        transactions.forget(from: offset)
        for (id, producer) in producers {
            let kept = producer.recent.filter { $0.baseOffset < offset }
            if kept.count == producer.recent.count { continue }
            producers[id] = kept.isEmpty ? nil : Producer(epoch: producer.epoch, recent: kept)
        }
    }

    private mutating func forgetOldest() {
        let oldest = producers.min { ($0.value.recent.last?.baseOffset ?? .first) < ($1.value.recent.last?.baseOffset ?? .first) }
        if let oldest { producers[oldest.key] = nil }
    }

    // MARK: As bytes, in the journal's state

    func append(to bytes: inout [UInt8]) {
        bytes.append(unsignedVarint: UInt64(producers.count))
        for (id, producer) in producers.sorted(by: { $0.key < $1.key }) {
            bytes.append(int64: id)
            bytes.append(int16: producer.epoch)
            bytes.append(unsignedVarint: UInt64(producer.recent.count))
            for record in producer.recent {
                bytes.append(int32: record.baseSequence)
                bytes.append(int32: record.recordCount)
                bytes.append(int64: record.baseOffset.count)
            }
        }
    }

    init() {}

    init?(_ reader: inout ByteReader) {
        guard let count = reader.unsignedVarint() else { return nil }
        for _ in 0..<count {
            guard let id = reader.int64(), let epoch = reader.int16(), let recentCount = reader.unsignedVarint() else { return nil }
            var producer = Producer(epoch: epoch, recent: [])
            for _ in 0..<recentCount {
                guard let base = reader.int32(), let count = reader.int32(), let offset = reader.offset() else { return nil }
                producer.recent.append(AppendRecord(baseSequence: base, recordCount: count, baseOffset: offset))
            }
            producers[id] = producer
        }
    }
}
