// KSQL_COL_0, KSQL_COL_1 …: what ksqlDB calls the columns of CREATE … AS SELECT that have no alias. Here they have the words of their expressions for
// names, unless the dialect is ksqldb; queries that were written for ksqlDB find them under its names all the same.

import Catalog
import Syntax
import Values

/// The names of the columns that the query of a source made up. The query is read only when somebody asks for one of them.
struct GeneratedNames: Hashable, Sendable {
    private static let prefix = "KSQL_COL_"

    /// The query as it was written, and with all names and aliases in it.
    private let statement: String
    private let expanded: String

    /// Nil for a source that no query writes.
    init?(of source: SourceDefinition, in catalog: CatalogSnapshot) {
        guard let id = source.queryID, let query = catalog.queries[id], let expanded = query.expanded else { return nil }
        (statement, self.expanded) = (query.statement, expanded)
    }

    /// The number in such a name; nil for every other name.
    static func number(in name: String) -> Int? {
        guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)), number >= 0 else { return nil }
        return number
    }

    /// The columns that the query gave no alias, by the number that they have in ksqlDB. Empty where that cannot be told: with more than
    /// one star in the SELECT list only what stands outside of them is known.
    var columns: [Int: String] {
        guard let written = Self.items(of: statement), let meant = Self.items(of: expanded) else { return [:] }
        var result: [Int: String] = [:]
        var number = 0
        let lastStar = written.lastIndex { !$0.isExpression }
        for (index, item) in written.enumerated() {
            guard case .expression(let expression, nil) = item, !expression.isNamed else { continue }
            let isBehindStar = lastStar.map { index > $0 } ?? false
            let place = isBehindStar ? meant.count - (written.count - index) : index
            let isKnown = isBehindStar || written[..<index].allSatisfy(\.isExpression)
            if isKnown, meant.indices.contains(place), case .expression(_, let alias?) = meant[place] { result[number] = alias.text }
            number += 1
        }
        return result
    }

    private static func items(of statement: String) -> [SelectItem]? {
        // What the catalog keeps has been taken once; should it not be any more, its columns still have the names that they have.
        guard let parsed = try? parse(statement, options: .stored).first?.statement, case .createAs(let create) = parsed else { return nil }
        return create.query.items
    }
}

extension SelectItem {
    fileprivate var isExpression: Bool { if case .expression = self { true } else { false } }
}

extension Expression {
    /// Whether the column that it becomes has a name of its own.
    fileprivate var isNamed: Bool {
        switch node {
        case .column, .field: true
        default: false
        }
    }
}
