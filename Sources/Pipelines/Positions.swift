// How far queries have got: committed offsets are records of `__consumer_offsets`, written in the same commit as the output.

package import Bytes
package import LogStore
import Platform
package import Quantities

/// The committed offsets of all groups, kept up to date by reading what is new: many queries that start together cost one pass over the
/// topic, and one that starts again later costs what was written meanwhile.
package final class CommittedPositions: Sendable {
    private struct Place: Hashable {
        var topic: String
        var partition: PartitionIndex
    }

    private struct Position {
        var partition: PartitionKey
        var offset: Offset
        var isOfQuery: Bool
    }

    private struct Table {
        var topic: TopicID?
        var next: [PartitionIndex: Offset] = [:]
        /// By the names of topics, as in the records' keys: what takes a position back names no other identity.
        var positions: [String: [Place: Position]] = [:]

        func positions(of group: String) -> [PartitionKey: Offset] {
            Dictionary((positions[group] ?? [:]).values.map { ($0.partition, $0.offset) }, uniquingKeysWith: { first, _ in first })
        }
    }

    private let log: any EventLog
    private let table = Monitor(Table())

    /// Reads nothing yet.
    package init(log: any EventLog) { self.log = log }

    /// The next offset of each partition that `group` has committed. Offsets of topics that have been deleted are of no use to anyone and
    /// may be among them. Errors: those of reading the topic.
    package func positions(of group: String) throws(LogError) -> [PartitionKey: Offset] { try reading { $0.positions(of: group) } }

    /// As `positions`, of all groups that have committed anything.
    package func all() throws(LogError) -> [String: [PartitionKey: Offset]] {
        try reading { table in Dictionary(uniqueKeysWithValues: table.positions.keys.map { ($0, table.positions(of: $0)) }) }
    }

    /// What queries have committed, and nobody else, by group; those of `groups` are left out. Errors: those of reading the topic.
    package func ofQueries(except groups: Set<String>) throws(LogError) -> [String: [OffsetKey]] {
        try reading { table in
            let others = table.positions.filter { name, positions in !groups.contains(name) && positions.values.allSatisfy(\.isOfQuery) }
            return Dictionary(uniqueKeysWithValues: others.map { name, positions in
                (name, positions.keys.map { OffsetKey(group: name, topic: $0.topic, partition: $0.partition) })
            })
        }
    }

    /// What `body` makes of the table, once everything that is durable has been read.
    private func reading<Found>(_ body: (borrowing Table) -> Found) throws(LogError) -> Found {
        let topic = log.describeTopic(named: consumerOffsetsTopic)
        let result = table.withLock { table -> Result<Found, LogError> in
            guard let topic else { return .success(body(Table())) }
            if table.topic != topic.id { table = Table(topic: topic.id) }
            do throws(LogError) {
                for partition in topic.partitionIndexes {
                    let key = PartitionKey(topic: topic.id, partition: partition)
                    try readAll(of: log, key, from: table.next[partition]) { run in
                        take(run, into: &table)
                        table.next[partition] = run.nextOffset
                    }
                }
            } catch {
                return .failure(error)
            }
            return .success(body(table))
        }
        return try result.get()
    }

    private func take(_ run: RecordRun, into table: inout Table) {
        for index in 0..<run.count {
            guard let key = run.bytes(of: run.keys[index]).flatMap({ OffsetKey($0) }) else { continue }
            let place = Place(topic: key.topic, partition: key.partition)
            guard let value = run.bytes(of: run.values[index]).flatMap({ OffsetValue($0) }) else {
                table.positions[key.group]?[place] = nil
                if table.positions[key.group]?.isEmpty == true { table.positions[key.group] = nil }
                continue
            }
            guard let id = value.topic ?? log.describeTopic(named: key.topic)?.id else { continue }
            table.positions[key.group, default: [:]][place] = Position(
                partition: PartitionKey(topic: id, partition: key.partition), offset: value.offset, isOfQuery: value.isOfQuery)
        }
    }
}

/// Appends the record that commits `offset` as the next one that the query `group` reads of a partition.
package func appendPosition(
    _ offset: Offset, of partition: PartitionKey, named topic: String, group: String, at time: Int64, to records: inout OutgoingRecords
) {
    let value = OffsetValue(offset: offset, topic: partition.topic, metadata: OffsetValue.queryMetadata, committedAt: time)
    records.append(
        key: OffsetKey(group: group, topic: topic, partition: partition.partition).encoded, value: value.encoded, timestamp: time)
}

extension OutgoingRecords {
    /// The records as if they had been read from a partition: offsets count from 0.
    package var asRun: RecordRun {
        RecordRun(
            bytes: bytes + Array(repeating: 0, count: RecordRun.padding), keys: keys, values: values, headers: headers,
            timestamps: timestamps, offsets: Array(0..<Int64(count)), nextOffset: .first + Int64(count), isAtEnd: true)
    }
}
