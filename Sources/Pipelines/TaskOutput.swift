// Where the rows of a task go: into partitions of a topic, or to a client.

package import Bytes
package import LogStore
package import Quantities

/// A topic that a task writes.
package struct OutputTopic: Sendable {
    package let topic: TopicID
    package let partitions: Int
    /// Bytes at the end of a key that say which window it belongs to; they do not take part in partitioning.
    package let windowSuffix: Int

    package init(topic: TopicID, partitions: Int, windowSuffix: Int = 0) {
        self.topic = topic
        self.partitions = partitions
        self.windowSuffix = windowSuffix
    }

    /// The records as appends to the partitions that their keys belong to. Records without a key go to partition
    /// `keyless` modulo the number of partitions.
    package func appends(of records: OutgoingRecords, keyless: PartitionIndex) -> [Append] {
        guard !records.isEmpty else { return [] }
        if partitions == 1 { return [Append(topic: topic, partition: .first, records: records)] }
        var split = Array(repeating: OutgoingRecords(), count: partitions)
        for index in 0..<records.count {
            let key = records.keys[index]
            var target = keyless.index % partitions
            if !key.isNull {
                let start = Int(key.start)
                let length = max(0, Int(key.length) - windowSuffix)
                target = Bytes.partition(ofKey: records.bytes, start..<start + length, among: partitions)
            }
            split[target].append(from: records, at: index)
        }
        return split.enumerated().filter { !$1.isEmpty }.map { Append(topic: topic, partition: PartitionIndex(index: $0), records: $1) }
    }
}

extension OutgoingRecords {
    /// Appends one record of another batch.
    mutating func append(from other: OutgoingRecords, at index: Int) {
        func place(_ range: ByteRange) -> ByteRange {
            guard !range.isNull else { return .null }
            let start = bytes.count
            bytes.append(contentsOf: other.bytes[Int(range.start)..<Int(range.start) + Int(range.length)])
            return ByteRange(start: Int32(truncatingIfNeeded: start), length: range.length)
        }
        let header = other.headers.isEmpty ? ByteRange.null : other.headers[index]
        if !header.isNull || !headers.isEmpty {
            while headers.count < timestamps.count { headers.append(.null) }
            headers.append(place(header))
        }
        keys.append(place(other.keys[index]))
        values.append(place(other.values[index]))
        timestamps.append(other.timestamps[index])
    }
}

/// Takes the rows of a transient query. Called on worker threads.
package protocol RowReceiver: AnyObject, Sendable {
    /// Whether it takes more rows now; when not, it calls `resume` once as soon as it does.
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool
    func receive(_ rows: RowBlock)
    /// The query ended: by itself (`failure` nil) or not. Called once, last.
    func finish(_ failure: QueryFailure?, _ counters: QueryCounters)
}
