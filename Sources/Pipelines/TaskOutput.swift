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
    /// The records that belong to each of `count` targets; `targets` tells whose each record is. The bytes stay where they are and belong
    /// to all parts.
    fileprivate func split(by targets: [Int32], into count: Int) -> [OutgoingRecords] {
        var ends = [Int](repeating: 0, count: count)
        for target in targets { ends[Int(target)] += 1 }
        if let only = ends.firstIndex(of: targets.count) {
            var parts = [OutgoingRecords](repeating: OutgoingRecords(), count: count)
            parts[only] = self
            return parts
        }
        // Where the records of each target stand, in their order: a counting sort.
        for target in 1..<count { ends[target] += ends[target - 1] }
        var places = [Int32](repeating: 0, count: targets.count)
        var next = [0] + ends.dropLast()
        for (index, target) in targets.enumerated() {
            places[next[Int(target)]] = Int32(truncatingIfNeeded: index)
            next[Int(target)] += 1
        }
        return ends.indices.map { target in part(places[(target == 0 ? 0 : ends[target - 1])..<ends[target]]) }
    }

    /// The records at `places`.
    private func part(_ places: ArraySlice<Int32>) -> OutgoingRecords {
        var part = OutgoingRecords()
        if places.isEmpty { return part }
        part.bytes = bytes
        part.keys = places.map { keys[Int($0)] }
        part.values = places.map { values[Int($0)] }
        part.timestamps = places.map { timestamps[Int($0)] }
        if !headers.isEmpty { part.headers = places.map { headers[Int($0)] } }
        return part
    }
}

/// Takes the rows of a transient query. Called on worker threads.
package protocol RowReceiver: AnyObject, Sendable {
    /// Whether it takes more rows now; when not, it calls `resume` once as soon as it does.
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool
    func receive(_ rows: RowBlock)
    /// All rows of what was read before these offsets have been handed over.
    func reached(_ offsets: () -> [(partition: PartitionIndex, offset: Offset)])
    /// The query ended: by itself (`failure` nil) or not. Called once, last.
    func finish(_ failure: QueryFailure?, _ counters: QueryCounters)
}

extension RowReceiver {
    /// Most do not ask.
    package func reached(_ offsets: () -> [(partition: PartitionIndex, offset: Offset)]) {}
}
