// What a listener beside the line protocol knows of its clients, for the statements that list them.

import Catalog
import Diagnostics
import LogStore
import Platform
import Quantities

/// Asked anew by each statement. The listener outlives none of the calls.
package struct ForeignClients: Sendable {
    /// A consumer group that has members now.
    package struct Group: Sendable {
        /// Its name.
        package var name: String
        /// The protocol's name of its state.
        package var state: String
        /// Counts the plans of who reads what.
        package var generation: Int32
        /// In the order of their joining.
        package var members: [Member]

        package init(name: String, state: String, generation: Int32, members: [Member]) {
            (self.name, self.state, self.generation, self.members) = (name, state, generation, members)
        }
    }

    /// A member of a group.
    package struct Member: Sendable {
        /// The identity that the group's coordinator gave it.
        package var id: String
        /// What the client calls itself.
        package var client: String
        /// What it reads: topics and indexes of partitions.
        package var partitions: [(topic: String, partition: Int32)]

        package init(id: String, client: String, partitions: [(topic: String, partition: Int32)]) {
            (self.id, self.client, self.partitions) = (id, client, partitions)
        }
    }

    /// A transactional producer.
    package struct Transaction: Sendable {
        /// What the producer calls itself.
        package var id: String
        /// The producer id that it has now.
        package var producer: Int64
        /// The protocol's name of the transaction's state.
        package var state: String

        package init(id: String, producer: Int64, state: String) {
            (self.id, self.producer, self.state) = (id, producer, state)
        }
    }

    /// The groups with members.
    package var groups: @Sendable () -> [Group]
    /// The transactional producers.
    package var transactions: @Sendable () -> [Transaction]

    package init(groups: @escaping @Sendable () -> [Group], transactions: @escaping @Sendable () -> [Transaction]) {
        (self.groups, self.transactions) = (groups, transactions)
    }
}

extension MillraceEngine {
    /// From now on statements list these clients.
    package func setForeignClients(_ clients: ForeignClients) { state.update { $0.foreignClients = clients } }
}
