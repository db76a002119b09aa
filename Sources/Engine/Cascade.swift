// What has to go with something that is dropped, so that nothing is left without what it needs.

import Catalog
import Diagnostics
import Syntax
import Values

/// Sources, queries and functions that go together.
struct Cascade {
    let catalog: CatalogSnapshot
    private(set) var sources: [SourceDefinition] = []
    private(set) var queries: [QueryDefinition] = []
    private(set) var functions: [String] = []
    private(set) var views: [String] = []

    init(_ catalog: CatalogSnapshot) { self.catalog = catalog }

    /// Takes a source with what reads and writes it, and what reads that, and so on. Not by recursion: chains of queries may be long.
    mutating func take(source name: String) {
        var waiting = [name]
        while let next = waiting.popLast() {
            guard let source = catalog.sources[next], !sources.contains(where: { $0.name == next }) else { continue }
            sources.append(source)
            add(catalog.views(reading: next).map(\.name))
            for query in catalog.readers(of: next) + catalog.writers(of: next) where query.id != source.queryID {
                if let made = take(query) { waiting.append(made) }
            }
        }
    }

    /// Takes a query; gives the source that was made with it, which has to go too.
    private mutating func take(_ query: QueryDefinition) -> String? {
        if let made = catalog.sortedSources.first(where: { $0.queryID == query.id }) { return made.name }
        if !queries.contains(where: { $0.id == query.id }) { queries.append(query) }
        return nil
    }

    /// Takes a function of a user: what calls it as well.
    mutating func take(function name: String) {
        var waiting = [name]
        while let next = waiting.popLast() {
            guard !functions.contains(next) else { continue }
            functions.append(next)
            waiting += catalog.functions.values.filter { $0.calls.contains(next) }.map(\.name).sorted()
            for query in catalog.queriesCalling(next) { if let made = take(query) { take(source: made) } }
        }
    }

    /// Takes a view with the views that read it. Queries that were made over it have its question in them, and stay.
    mutating func take(view name: String) {
        add([name] + catalog.views(reading: name).map(\.name))
    }

    /// Takes views that could not be read without what goes; those that read them are among them.
    mutating func take(views: [ViewDefinition]) { add(views.map(\.name)) }

    /// Each view tells all that it reads, also by way of other views: nobody reads these beyond those who are named.
    private mutating func add(_ names: [String]) {
        let known = Set(views)
        views += names.filter { !known.contains($0) }
    }

    /// All of it.
    var change: CatalogChange {
        var remove: [CatalogKey] = []
        for query in queries { remove += catalog.keys(ofQuery: query.id) }
        for source in sources {
            remove += [.source(source.name)] + (source.queryID.map(catalog.keys) ?? []) + catalog.commentKeys(ofSource: source.name)
        }
        for function in functions { remove += [.function(function), .comment(CatalogComment.subject(function: function))] }
        remove += views.map { .view($0) }
        return CatalogChange(remove: remove)
    }

    /// What goes beside that which was named, for the answer.
    func names(beside name: String) -> [String] {
        queries.map { "query \($0.id)" }.sorted()
            + sources.filter { $0.name != name }.reversed().map { "\($0.kind.rawValue.lowercased()) \($0.name)" }
            + views.filter { $0 != name }.sorted().map { "view \($0)" } + functions.filter { $0 != name }.sorted().map { "function \($0)" }
    }
}

extension CatalogSnapshot {
    /// The queries whose statements call a function.
    func queriesCalling(_ function: String) -> [QueryDefinition] {
        queries(writtenWith: function) { $0.expressions.contains { $0.calls(function) } }
    }

    /// The queries whose statements have a name behind FROM.
    func queriesNaming(_ name: String) -> [QueryDefinition] {
        queries(writtenWith: name) { $0.sourceNames.contains { $0.text == name } }
    }

    private func queries(writtenWith name: String, where holds: (Query) -> Bool) -> [QueryDefinition] {
        sortedQueries.filter { query in
            // A cheap look first: most texts do not have the name in them at all.
            guard query.statement.uppercased().contains(name.uppercased()) else { return false }
            let parsed: Query?
            switch (try? parse(query.statement, options: .stored))?.first?.statement {
            case .createAs(let create)?: parsed = create.query
            case .insertSelect(let insert)?: parsed = insert.query
            default: parsed = nil
            }
            return parsed.map(holds) ?? false
        }
    }
}

extension Query {
    /// All expressions, as they were written.
    fileprivate var expressions: [Expression] {
        var all = items.compactMap { item -> Expression? in
            switch item {
            case .expression(let expression, _), .allFields(let expression): expression
            case .all, .allOf, .changedStar: nil
            }
        }
        all += (filter.map { [$0] } ?? []) + (groupBy ?? []) + (partitionBy ?? []) + (having.map { [$0] } ?? [])
        return all + from.conditions
    }
}

extension Relation {
    fileprivate var conditions: [Expression] {
        switch self {
        case .source: []
        case .join(let join): join.left.conditions + join.right.conditions + [join.condition]
        case .subquery(let query, _): query.expressions
        }
    }
}

extension Expression {
    fileprivate func calls(_ function: String) -> Bool {
        switch node {
        case .call(let name, _) where name.text == function, .modifiedCall(let name, _, _) where name.text == function: return true
        default:
            var found = false
            node.forEachChild { if !found { found = $0.calls(function) } }
            return found
        }
    }
}
