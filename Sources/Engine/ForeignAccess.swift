// What those who reach the log by another way than statements, Kafka's clients, may do with it.

import Catalog
package import LogStore
package import Platform

extension MillraceEngine {
    /// The log, for a listener beside the line protocol.
    package var eventLog: any EventLog { log }

    /// What the engine runs on.
    package var scheduler: any Scheduler { configuration.scheduler }

    /// Whether a topic is the engine's own, or internal to a query: read by everybody, written by it alone.
    package func isReserved(topic: String) -> Bool { TopicOwner(ofTopic: topic) != nil }

    /// Whether the offsets of a group are the position of a query.
    package func isQuery(group: String) -> Bool { catalog.queries[group] != nil }

    /// Why nobody may remove a topic; nil where nothing stands in the way.
    package func obstacle(toRemovalOf topic: String) -> String? {
        let users = catalog.sources.filter { $0.topic == topic }.map(\.name).sorted()
        guard let first = users.first else { return nil }
        return "'\(first)' is over the topic; DROP it first, with DELETE TOPIC to remove both"
    }
}
