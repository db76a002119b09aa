// SHOW CONSUMER GROUPS, DESCRIBE CONSUMER GROUP and SHOW PRODUCERS. A group is a query, a group of Kafka's consumers, or what is left of one: the
// offsets that it has committed.

import Diagnostics
import JSONText
import LogStore
import Pipelines
import Platform
import Quantities
import Sessions
import Syntax

/// A group as the statements show it.
private struct ShownGroup {
    let name: String
    let isQuery: Bool
    let state: String
    let members: [ForeignClients.Member]
    /// The next offset of each partition that it has committed, of topics that are there.
    let positions: [PartitionKey: Offset]
}

extension StatementExecution {
    /// All groups by name. Errors: those of reading the committed offsets.
    private func shownGroups() throws(Diagnostic) -> [ShownGroup] {
        let (queries, clients) = engine.state.withLock { ($0.queries, $0.foreignClients) }
        var committed: [String: [PartitionKey: Offset]]
        do throws(LogError) {
            committed = try engine.positions.all()
            // What queries have left that are no more is being taken back, and is a group of nobody.
            for name in try engine.positions.ofQueries(except: Set(queries.keys)).keys { committed[name] = nil }
        } catch {
            throw Diagnostic(error)
        }
        let live = Dictionary((clients?.groups() ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(committed.keys).union(live.keys).union(queries.keys).sorted().compactMap { name in
            var positions = committed[name] ?? [:]
            let content = queries[name].map { $0.run.status.content.withLock { $0 } }
            if let content { positions.merge(content.durablePositions) { $1 } }
            positions = positions.filter { engine.log.partitionCount(of: $0.key.topic) != nil }
            let state = content.map(\.state.name) ?? live[name]?.state ?? "Empty"
            // Of a group without members and offsets, nothing is left.
            if content == nil, live[name] == nil, positions.isEmpty { return nil }
            return ShownGroup(name: name, isQuery: content != nil, state: state, members: live[name]?.members ?? [], positions: positions)
        }
    }

    /// Where a partition ends for readers of what is committed; nil for one that is gone.
    private func end(of key: PartitionKey) -> Offset? { try? engine.log.bounds(of: key.topic, partition: key.partition).durableEnd }

    func consumerGroups() throws(Diagnostic) -> Listing {
        var listing = Listing([
            ("Consumer Group", "STRING"), ("Kind", "STRING"), ("State", "STRING"), ("Members", "BIGINT"), ("Topics", "STRING"), ("Lag", "BIGINT"),
        ])
        for group in try shownGroups() {
            let topics = Set(group.positions.keys.compactMap { engine.log.describeTopic($0.topic)?.name })
                .union(group.members.flatMap { $0.partitions.map(\.topic) })
            let lag = group.positions.reduce(Int64(0)) { $0 + max(0, (end(of: $1.key) ?? $1.value) - $1.value) }
            listing.add([
                .string(group.name), .string(group.isQuery ? "QUERY" : "CLIENTS"), .string(group.state), .integer(group.members.count),
                .string(topics.sorted().joined(separator: ", ")), .integer(lag),
            ])
        }
        return listing
    }

    /// A row for each partition that a group has committed an offset of, or that one of its members reads; and one for each member without any.
    func describeConsumerGroup(_ name: Name) throws(Diagnostic) -> Listing {
        let groups = try shownGroups()
        let folded = groups.filter { $0.name.uppercased() == name.text.uppercased() }
        // Without quotes letters have no case, as long as that leaves one group.
        let isOne = !name.isQuoted && folded.count == 1
        guard let group = groups.first(where: { $0.name == name.text }) ?? (isOne ? folded.first : nil) else {
            throw Diagnostic(
                .unknownSource, "there is no consumer group '\(name.text)'",
                hint: nameSuggestion(for: name.text, among: groups.map(\.name)) ?? "SHOW CONSUMER GROUPS lists them.", at: name.span.range)
        }
        var listing = Listing([
            ("Topic", "STRING"), ("Partition", "INTEGER"), ("Offset", "BIGINT"), ("End", "BIGINT"), ("Lag", "BIGINT"), ("Member", "STRING"),
            ("Client", "STRING"),
        ])
        var readers: [PartitionKey: ForeignClients.Member] = [:]
        for member in group.members {
            let keys = member.partitions.compactMap { place -> PartitionKey? in
                guard let topic = engine.log.topicID(named: place.topic), let index = PartitionIndex(exactly: Int64(place.partition)) else { return nil }
                return PartitionKey(topic: topic, partition: index)
            }
            for key in keys { readers[key] = member }
            if keys.isEmpty { listing.add([.null, .null, .null, .null, .null, .string(member.id), .string(member.client)]) }
        }
        let rows = Set(group.positions.keys).union(readers.keys).compactMap { key in
            engine.log.describeTopic(key.topic).map { (name: $0.name, key: key) }
        }
        for (name, key) in rows.sorted(by: { ($0.name, $0.key.partition) < ($1.name, $1.key.partition) }) {
            let (offset, end) = (group.positions[key], end(of: key))
            let lag: Int64? = if let offset, let end { max(0, end - offset) } else { nil }
            listing.add([
                .string(name), .integer(key.partition.index), .optional(offset?.count), .optional(end?.count), .optional(lag),
                .optional(readers[key]?.id), .optional(readers[key]?.client),
            ])
        }
        return listing
    }

    /// Rows of one answer of SHOW PRODUCERS.
    private static let mostProducers = 10_000

    /// A row for each idempotent or transactional producer that a partition remembers.
    func producers() throws(Diagnostic) -> Listing {
        var listing = Listing([
            ("Producer ID", "BIGINT"), ("Epoch", "INTEGER"), ("Transactional ID", "STRING"), ("State", "STRING"), ("Topic", "STRING"),
            ("Partition", "INTEGER"), ("Last Sequence", "INTEGER"), ("Transaction Start", "BIGINT"),
        ])
        let clients = engine.state.withLock { $0.foreignClients }
        let transactions = Dictionary((clients?.transactions() ?? []).map { ($0.producer, $0) }, uniquingKeysWith: { first, _ in first })
        var left = StatementExecution.mostProducers
        for topic in engine.log.describeTopics() where !SystemTopics.isHidden(topic.name) {
            for partition in topic.partitionIndexes {
                let known: [ProducerDescription]
                do throws(LogError) { known = try engine.log.producers(of: topic.id, partition: partition) } catch {
                    // The topic has been removed meanwhile.
                    if error.kind == .unknownTopic { continue }
                    throw Diagnostic(error)
                }
                for producer in known.prefix(left) {
                    let transaction = transactions[producer.id]
                    listing.add([
                        .integer(producer.id), .integer(Int(producer.epoch)), .optional(transaction?.id), .optional(transaction?.state),
                        .string(topic.name), .integer(partition.index), .integer(Int(producer.lastSequence)),
                        .optional(producer.transactionStart?.count),
                    ])
                }
                if known.count > left {
                    sink.emit(.notice("more than \(StatementExecution.mostProducers) rows: the rest is left out"))
                    return listing
                }
                left -= known.count
            }
        }
        return listing
    }
}
