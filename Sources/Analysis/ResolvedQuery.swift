// A query with every name resolved: what the planner starts from. An unresolved name has no place to stand here.

package import Catalog
package import Plans
package import Syntax
package import Values

/// What a query reads.
package indirect enum ResolvedRelation: Hashable, Sendable {
    case source(SourceDefinition, alias: String)
}

/// One column of the result.
package struct ResolvedItem: Hashable, Sendable {
    package var name: String
    /// Over the row that the projection sees: the source's columns; after PARTITION BY the new keys and then those; after GROUP BY the
    /// grouping columns and then the aggregates; results of table functions last.
    package var expression: TypedExpression
    /// The text that it came from.
    package var source: Expression
    /// A NULL literal, which has no type of its own.
    package var isNull: Bool
}

/// Why the rows of a result have the key that they have: decides the words of messages about it.
package enum KeyOrigin: Hashable, Sendable {
    case source
    case partitioning
    case grouping
}

/// What a query is for, which decides some rules.
package enum QueryPurpose: Hashable, Sendable {
    case persistent
    case push
    /// Bounded: reads what is there and ends.
    case pull
}

/// A query after analysis.
package struct ResolvedQuery: Hashable, Sendable {
    package var relation: ResolvedRelation
    package var filter: TypedExpression?
    /// PARTITION BY that changes the key; empty for PARTITION BY NULL, nil for none.
    package var partitionBy: [TypedExpression]?
    package var grouping: [TypedExpression]?
    package var aggregates: [AggregateCall]
    package var window: WindowDescription?
    package var isFinal: Bool
    package var tableFunctions: [TableFunctionCall]
    /// Over the row of grouping columns and aggregates.
    package var having: TypedExpression?
    package var items: [ResolvedItem]
    /// The key of the rows that the projection sees: their first columns, with the name each has before the projection.
    package var key: [Values.ColumnDefinition]
    package var keyOrigin: KeyOrigin
    /// The key's expressions as messages show them.
    package var keyTexts: [String]
    package var resultKind: Values.SourceKind
    package var limit: Int?
    /// The query with stars expanded and everything qualified and named.
    package var normalised: Query

    /// The sources, left to right.
    package var sources: [SourceDefinition] {
        switch relation {
        case .source(let source, _): [source]
        }
    }
}
