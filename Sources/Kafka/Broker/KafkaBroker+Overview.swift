// Groups and transactions for those who look on without being clients: statements.

/// A consumer group with members.
package struct GroupOverview: Sendable {
    /// A member with the partitions that the leader has planned for it.
    package struct Member: Sendable {
        /// The identity that the coordinator gave it.
        package let id: String
        /// What the client calls itself.
        package let client: String
        /// Topics and indexes of partitions; none before the plan has come, and none for groups of other kinds than consumers'.
        package let partitions: [(topic: String, partition: Int32)]
    }

    /// Its name.
    package let name: String
    /// Kafka's name of its state.
    package let state: String
    /// Counts the plans.
    package let generation: Int32
    /// In the order of their joining.
    package let members: [Member]
}

/// A transactional producer.
package struct TransactionOverview: Hashable, Sendable {
    /// What the producer calls itself.
    package let id: String
    /// The producer id that it has now.
    package let producer: Int64
    /// Kafka's name of the transaction's state.
    package let state: String
}

extension KafkaBroker {
    /// The groups that have members now, by name.
    package var groupOverviews: [GroupOverview] {
        groups.withMembers().map { group in
            let isOfConsumers = group.protocolType == ConsumerGroup.consumers
            return GroupOverview(
                name: group.name, state: group.phase.rawValue, generation: group.generation,
                members: group.members.map { member in
                    GroupOverview.Member(
                        id: member.id, client: member.client,
                        partitions: isOfConsumers ? KafkaBroker.partitions(ofAssignment: member.assignment) : [])
                })
        }
    }

    /// The transactional producers that the coordinator knows, by id.
    package var transactionOverviews: [TransactionOverview] {
        transactions.states().sorted { $0.key < $1.key }.map {
            TransactionOverview(id: $0.key, producer: $0.value.producer, state: $0.value.phase.name)
        }
    }

    /// What stands in an assignment of Kafka's consumers (`ConsumerProtocolAssignment`, of which all versions begin alike); nothing where it
    /// cannot be read: it is between the members.
    static func partitions(ofAssignment bytes: [UInt8]) -> [(topic: String, partition: Int32)] {
        var reader = MessageReader(bytes, 0..<bytes.count, isFlexible: false)
        do throws(MessageError) {
            _ = try reader.int16()
            let topics = try reader.array { reader throws(MessageError) in
                let name = try reader.string()
                return (name, try reader.array { reader throws(MessageError) in try reader.int32() })
            }
            return topics.flatMap { name, partitions in partitions.map { (topic: name, partition: $0) } }
        } catch {
            return []
        }
    }
}
