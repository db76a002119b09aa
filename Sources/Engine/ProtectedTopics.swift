// Topics that statements may neither write nor delete: those of the server, and those in which queries keep their state and pass rows on.
// It is checked where a source over such a topic is made, and again at each write and deletion: a definition may be older than the rule.

import Catalog
import Diagnostics
import Pipelines
import Plans

/// What a topic belongs to that statements may not write.
enum TopicOwner {
    case server
    case query

    /// Who owns a topic of that name; nil for the topics of users.
    init?(ofTopic name: String) {
        if SystemTopics.names.contains(name) {
            self = .server
        } else if InternalNames.isInternal(name) {
            self = .query
        } else {
            return nil
        }
    }

    /// The reason in messages.
    var reason: String {
        switch self {
        case .server: "it belongs to the server"
        case .query: "its name is one of those under which queries keep their state"
        }
    }
}

/// Why no stream or table of that name can be made over a topic; nil when it can. Without `isWritten`, for a source that no query of its
/// own fills, the topic of `MILLRACE_ERRORS` is allowed, since its records are there to be read.
func refusalOfSource(_ name: String, over topic: String, isWritten: Bool, at place: SourceRange?) -> Diagnostic? {
    guard let owner = TopicOwner(ofTopic: topic), isWritten || topic != errorsTopic else { return nil }
    return Diagnostic(
        .reservedName, "\(name) cannot be made over the topic \(topic): \(owner.reason)",
        hint: "Name another topic; PRINT shows what is in this one.", at: place)
}

/// Why nothing can be inserted into a source; nil when the topic under it is one of the users'.
func refusalOfWriting(to source: SourceDefinition, at place: SourceRange? = nil) -> Diagnostic? {
    guard let owner = TopicOwner(ofTopic: source.topic) else { return nil }
    return Diagnostic(
        .readOnly, "Cannot insert values into read-only topic: \(source.topic): \(owner.reason)", category: .general,
        hint: "\(source.name) can be read, and dropped without DELETE TOPIC.", at: place)
}

extension CatalogSnapshot {
    /// Why the topic of a source cannot be deleted with it; nil when nothing else needs the topic. What the source's own query does goes
    /// with the source.
    func refusalOfDeletion(ofTopicOf source: SourceDefinition, at place: SourceRange?) -> Diagnostic? {
        let topic = source.topic
        if let owner = TopicOwner(ofTopic: topic) {
            return Diagnostic(
                .readOnly, "Refusing to delete topic \(topic): \(owner.reason)", category: .general,
                hint: "DROP without DELETE TOPIC leaves the topic.", at: place)
        }
        func refused(_ users: String) -> Diagnostic {
            Diagnostic(
                .objectInUse, "Refusing to delete topic. Found \(users) using topic \(topic)", category: .general,
                hint: "Drop or terminate them first, or leave out DELETE TOPIC.", at: place)
        }
        let others = sortedSources.filter { $0.topic == topic && $0.name != source.name }
        if !others.isEmpty { return refused("other data sources (\(others.map(\.name).joined(separator: ", ")))") }
        let queries = sortedQueries.filter { $0.id != source.queryID && $0.plan.uses(topic: topic) }
        if !queries.isEmpty { return refused("queries (\(queries.map(\.id).joined(separator: ", ")))") }
        return nil
    }
}

extension QueryPlan {
    /// Whether the query reads or writes a topic of users.
    fileprivate func uses(topic: String) -> Bool {
        if case .sink(let sink) = destination, sink.topic == topic { return true }
        if lateRows?.topic == topic { return true }
        return sources.contains { $0.topic == topic }
    }
}

extension CatalogRecovery {
    /// Keeps queries from running that write where no statement may: they were made before that was refused.
    mutating func holdWritersOfProtectedTopics() {
        for var query in snapshot.sortedQueries where query.writes != nil {
            guard case .sink(let sink) = query.plan.destination, let owner = TopicOwner(ofTopic: sink.topic) else { continue }
            query.problem = "it writes to the topic \(sink.topic), which no query may: \(owner.reason). TERMINATE it"
            snapshot.set(.query(query))
        }
    }
}
