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

    /// Some of the records as appends; see `appends(of:keyless:)`.
    func appends(of records: OutgoingRecords, _ range: Range<Int>, keyless: PartitionIndex) -> [Append] {
        appends(of: range.count == records.count ? records : records.part(range), keyless: keyless)
    }

    /// The records as appends to the partitions that their keys belong to. Records without a key go to partition
    /// `keyless` modulo the number of partitions.
    package func appends(of records: OutgoingRecords, keyless: PartitionIndex) -> [Append] {
        guard !records.isEmpty else { return [] }
        if partitions == 1 { return [Append(topic: topic, partition: .first, records: records)] }
        let targets = (0..<records.count).map { Int32(truncatingIfNeeded: target(of: records, at: $0, keyless: keyless)) }
        return records.split(by: targets, into: partitions).enumerated().filter { !$1.isEmpty }
            .map { Append(topic: topic, partition: PartitionIndex(index: $0), records: $1) }
    }

    private func target(of records: OutgoingRecords, at index: Int, keyless: PartitionIndex) -> Int {
        let key = records.keys[index]
        guard !key.isNull else { return keyless.index % partitions }
        let start = Int(key.start)
        let length = max(0, Int(key.length) - windowSuffix)
        return Bytes.partition(ofKey: records.bytes, start..<start + length, among: partitions)
    }
}

extension OutgoingRecords {
    /// The records that belong to each of `count` targets; `targets` tells whose each record is.
    fileprivate func split(by targets: [Int32], into count: Int) -> [OutgoingRecords] {
        var parts = Array(repeating: OutgoingRecords(), count: count)
        var sizes = Array(repeating: (records: 0, bytes: 0), count: count)
        var haveHeaders = Array(repeating: false, count: count)
        for (index, target) in targets.enumerated() {
            let target = Int(target)
            sizes[target].records += 1
            sizes[target].bytes += max(0, Int(keys[index].length)) + max(0, Int(values[index].length))
            if !headers.isEmpty, !headers[index].isNull {
                sizes[target].bytes += Int(headers[index].length)
                haveHeaders[target] = true
            }
        }
        for target in 0..<count {
            parts[target].bytes.reserveCapacity(sizes[target].bytes)
            parts[target].keys.reserveCapacity(sizes[target].records)
            parts[target].values.reserveCapacity(sizes[target].records)
            parts[target].timestamps.reserveCapacity(sizes[target].records)
        }
        for (index, target) in targets.enumerated() {
            let target = Int(target)
            if haveHeaders[target] { parts[target].headers.append(parts[target].place(headers[index], of: self)) }
            parts[target].keys.append(parts[target].place(keys[index], of: self))
            parts[target].values.append(parts[target].place(values[index], of: self))
            parts[target].timestamps.append(timestamps[index])
        }
        return parts
    }

    /// Copies a piece of another batch and gives its place here.
    private mutating func place(_ range: ByteRange, of other: OutgoingRecords) -> ByteRange {
        guard !range.isNull else { return .null }
        let start = bytes.count
        bytes.append(contentsOf: other.bytes[range.indexes])
        return ByteRange(start: Int32(truncatingIfNeeded: start), length: range.length)
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
