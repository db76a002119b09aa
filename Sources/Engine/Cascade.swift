// What has to go with something that is dropped, in an order in which nothing is left without what it needs.

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

    init(_ catalog: CatalogSnapshot) { self.catalog = catalog }

    /// Takes a source: what reads it first, then what writes it, then itself.
    mutating func take(source name: String) {
        guard let source = catalog.sources[name], !sources.contains(where: { $0.name == name }) else { return }
        // Before the walk, which may come back here: a query may read what it writes.
        sources.append(source)
        let place = sources.count - 1
        for query in catalog.readers(of: name) where query.id != source.queryID { take(query) }
        for query in catalog.writers(of: name) where query.id != source.queryID { take(query) }
        sources.append(sources.remove(at: place))
    }

    /// Takes a query, with the source that was made with it.
    mutating func take(_ query: QueryDefinition) {
        if let made = catalog.sortedSources.first(where: { $0.queryID == query.id }) {
            take(source: made.name)
        } else if !queries.contains(where: { $0.id == query.id }) {
            queries.append(query)
        }
    }

    /// Takes a function of a user: what calls it first.
    mutating func take(function name: String) {
        guard !functions.contains(name) else { return }
        functions.append(name)
        for other in catalog.functions.values.sorted(by: { $0.name < $1.name }) where other.calls.contains(name) { take(function: other.name) }
        for query in catalog.queriesCalling(name) { take(query) }
    }

    /// All of it.
    var change: CatalogChange {
        var remove: [CatalogKey] = []
        for query in queries { remove += catalog.keys(ofQuery: query.id) }
        for source in sources {
            remove += [.source(source.name)] + (source.queryID.map(catalog.keys) ?? []) + catalog.commentKeys(ofSource: source.name)
        }
        for function in functions { remove += [.function(function), .comment(CatalogComment.subject(function: function))] }
        return CatalogChange(remove: remove)
    }

    /// What goes beside that which was named, for the answer.
    func names(beside name: String) -> [String] {
        queries.map { "query \($0.id)" } + sources.filter { $0.name != name }.map { "\($0.kind.rawValue.lowercased()) \($0.name)" }
            + functions.filter { $0 != name }.sorted().map { "function \($0)" }
    }
}

extension CatalogSnapshot {
    /// The queries whose statements call a function.
    func queriesCalling(_ function: String) -> [QueryDefinition] {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        options.substitutesVariables = false
        return sortedQueries.filter { query in
            // A cheap look first: most texts do not have the name in them at all.
            guard query.statement.uppercased().contains(function.uppercased()) else { return false }
            let parsed: Query?
            switch (try? parse(query.statement, options: options))?.first?.statement {
            case .createAs(let create)?: parsed = create.query
            case .insertSelect(let insert)?: parsed = insert.query
            default: parsed = nil
            }
            return parsed?.expressions.contains { $0.calls(function) } ?? false
        }
    }
}

extension Query {
    /// All expressions, as they were written.
    fileprivate var expressions: [Expression] {
        var all = items.compactMap { item -> Expression? in
            switch item {
            case .expression(let expression, _), .allFields(let expression): expression
            case .all, .allOf: nil
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
