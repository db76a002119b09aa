// A change of the catalog as one value: what is set and what is removed, together or not at all. It is checked against
// the snapshot that it applies to, then committed, and only then do queries and topics follow.

import Plans

/// One object of the catalog.
package enum CatalogObject: Hashable, Sendable {
    case source(SourceDefinition)
    case type(CustomType)
    case query(QueryDefinition)
    case function(UserFunction)
    case view(ViewDefinition)
    case comment(CatalogComment)
    /// The query of that id is not to run until it is resumed.
    case pause(String)
    /// The state of the query of that id did not fit the server's memory.
    case memoryPause(String)
    case removedTopic(RemovedTopic)
    /// A statement of a server's script has been carried out.
    case scriptMark(String)
    /// The number that the next query id gets.
    case numbers(next: Int64)

    /// Under which it is stored.
    package var key: CatalogKey {
        switch self {
        case .source(let source): .source(source.name)
        case .type(let type): .type(type.name)
        case .query(let query): .query(query.id)
        case .function(let function): .function(function.name)
        case .view(let view): .view(view.name)
        case .comment(let comment): .comment(comment.subject)
        case .pause(let id): .pause(id)
        case .memoryPause(let id): .memoryPause(id)
        case .removedTopic(let topic): .removedTopic(topic.name)
        case .scriptMark(let mark): .scriptMark(mark)
        case .numbers: .numbers
        }
    }
}

/// The key of an object: `kind/name` in the catalog topic.
package enum CatalogKey: Hashable, Sendable {
    case source(String)
    case type(String)
    case query(String)
    case function(String)
    case view(String)
    /// The key of what has the comment, or of a source with the name of a column behind it.
    case comment(String)
    case pause(String)
    case memoryPause(String)
    case removedTopic(String)
    case scriptMark(String)
    case numbers

    /// The key as text.
    package var text: String {
        switch self {
        case .source(let name): "source/" + name
        case .type(let name): "type/" + name
        case .query(let id): "query/" + id
        case .function(let name): "function/" + name
        case .view(let name): "view/" + name
        case .comment(let subject): "comment/" + subject
        case .pause(let id): "paused/" + id
        case .memoryPause(let id): "over-memory/" + id
        case .removedTopic(let name): "removed-topic/" + name
        case .scriptMark(let mark): "script/" + mark
        case .numbers: "numbers/query"
        }
    }

    /// Reads what `text` writes; nil for a key of another kind.
    package init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/") else { return nil }
        let name = String(text[text.index(after: slash)...])
        switch text[..<slash] {
        case "source": self = .source(name)
        case "type": self = .type(name)
        case "query": self = .query(name)
        case "function": self = .function(name)
        case "view": self = .view(name)
        case "comment": self = .comment(name)
        case "paused": self = .pause(name)
        case "over-memory": self = .memoryPause(name)
        case "removed-topic": self = .removedTopic(name)
        case "script": self = .scriptMark(name)
        case "numbers" where name == "query": self = .numbers
        default: return nil
        }
    }
}

/// What is set and what is removed by one change. Removals come first.
package struct CatalogChange: Hashable, Sendable {
    package var set: [CatalogObject]
    package var remove: [CatalogKey]

    package init(set: [CatalogObject] = [], remove: [CatalogKey] = []) {
        self.set = set
        self.remove = remove
    }

    /// Whether nothing changes.
    package var isEmpty: Bool { self.set.isEmpty && remove.isEmpty }

    /// Adds the parts of another change behind those of this one.
    package mutating func add(_ other: CatalogChange) {
        set += other.set
        remove += other.remove
    }

    /// The ids of the queries that the change may start, stop or replace.
    package var queryIDs: Set<String> {
        let changed = self.set.compactMap { object -> String? in
            switch object {
            case .query(let query): query.id
            case .pause(let id): id
            case .source, .type, .function, .view, .comment, .memoryPause, .removedTopic, .scriptMark, .numbers: nil
            }
        }
        let removed = remove.compactMap { key -> String? in
            switch key {
            case .query(let id), .pause(let id): id
            case .source, .type, .function, .view, .comment, .memoryPause, .removedTopic, .scriptMark, .numbers: nil
            }
        }
        return Set(changed + removed)
    }
}

/// A change that would leave the catalog in contradiction with itself. Statements check their own rules before and say
/// more; this is what must hold whatever they do.
package struct CatalogConflict: Error, Hashable, Sendable {
    /// A sentence without its full stop.
    package let reason: String
}

extension CatalogSnapshot {
    /// The snapshot after a change. Errors: what is set refers to what is not there, or what is removed is still
    /// referred to.
    package func applying(_ change: CatalogChange) throws(CatalogConflict) -> CatalogSnapshot {
        var next = self
        for key in change.remove { next.remove(key) }
        for object in change.set { next.set(object) }
        for object in change.set { try next.check(object) }
        for key in change.remove { try next.check(removed: key) }
        return next
    }

    private func check(_ object: CatalogObject) throws(CatalogConflict) {
        switch object {
        case .source(let source):
            if views[source.name] != nil { throw CatalogConflict(reason: "the source \(source.name) has the name of a view") }
            guard let id = source.queryID else { return }
            guard let query = queries[id], query.writes == source.name || (query.writes == nil && query.reads == [source.name]) else {
                throw CatalogConflict(reason: "the source \(source.name) belongs to the query \(id), which does not make it")
            }
        case .query(let query):
            for name in query.reads + query.sinks where sources[name] == nil {
                throw CatalogConflict(reason: "the query \(query.id) uses the source \(name), which does not exist")
            }
            if query.plan.id != query.id { throw CatalogConflict(reason: "the query \(query.id) has the plan of \(query.plan.id)") }
        case .pause(let id):
            if queries[id] == nil { throw CatalogConflict(reason: "the query \(id), which is to be paused, does not exist") }
        case .memoryPause(let id):
            if queries[id] == nil { throw CatalogConflict(reason: "the query \(id), which does not fit, does not exist") }
        case .view(let view):
            if sources[view.name] != nil { throw CatalogConflict(reason: "the view \(view.name) has the name of a source") }
        case .type, .function, .comment, .removedTopic, .scriptMark, .numbers: return
        }
    }

    private func check(removed key: CatalogKey) throws(CatalogConflict) {
        switch key {
        case .source(let name) where sources[name] == nil:
            if let user = (readers(of: name) + writers(of: name)).first {
                throw CatalogConflict(reason: "the source \(name) is removed, but the query \(user.id) uses it")
            }
        case .query(let id) where queries[id] == nil:
            if let source = sortedSources.first(where: { $0.queryID == id }) {
                throw CatalogConflict(reason: "the query \(id) is removed, but the source \(source.name) belongs to it")
            }
            if paused.contains(id) || memoryPauses.contains(id) {
                throw CatalogConflict(reason: "the query \(id) is removed, but stays paused")
            }
        case .source, .query, .type, .function, .view, .comment, .pause, .memoryPause, .removedTopic, .scriptMark, .numbers: return
        }
    }
}
