// A query with every name resolved: what the planner starts from. An unresolved name has no place to stand here.
//
// The expressions of a query over one source read the source's columns. Those of a join read one wide row: the result's key columns, then
// for each source, left to right, its columns and its pseudo columns. The planner narrows that row to what is read.

package import Catalog
package import Plans
package import Syntax
package import Values

/// What a query reads.
package indirect enum ResolvedRelation: Hashable, Sendable {
    case source(SourceDefinition, alias: String)
    case join(ResolvedJoin)

    /// The sources, left to right.
    package var sources: [SourceDefinition] {
        switch self {
        case .source(let source, _): [source]
        case .join(let join): join.left.sources + join.right.sources
        }
    }

    /// Whether the rows are events or the versions of a table's rows.
    package var kind: Values.SourceKind { sources.first?.kind ?? .stream }
}

/// Two inputs that meet where their keys are equal.
package struct ResolvedJoin: Hashable, Sendable {
    package var left: ResolvedRelation
    /// A single source: joins are left-deep.
    package var right: ResolvedRelation
    package var type: JoinType
    /// The foreign key of `.foreignKey` is `leftKey`.
    package var kind: JoinKind
    /// What must be equal, each over the query's wide row and reading columns of its own side only.
    package var leftKey: TypedExpression
    package var rightKey: TypedExpression
    /// Whether the rows of a side have that key already.
    package var isLeftKeyed: Bool
    package var isRightKeyed: Bool
    /// The columns of the wide row that hold the key of every row of the result; none when no column does.
    package var keys: [TypedExpression]
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
    /// The columns that a join compares.
    case joining
    /// A join that compares expressions only, or keeps rows of both sides: the key has a column of its own.
    case syntheticJoining
    /// The primary key of the left table, whose name this is.
    case foreignKeyJoining(left: String)
}

/// What a query is for, which decides some rules.
package enum QueryPurpose: Hashable, Sendable {
    case persistent
    case push
    /// Bounded: reads what is there and ends.
    case pull
}

/// DISTINCT, QUALIFY or OVER of a continuous query.
package struct ResolvedKeyed: Hashable, Sendable {
    package var kind: KeyedStep.Kind
    /// What the step's rows are made of, over the source's row: the key first.
    package var carried: [TypedExpression]
    package var names: [String]
    package var keyCount: Int
    /// The columns that the step adds; those of a Top-N stand behind the key, those of calls behind everything.
    package var added: [Values.ColumnDefinition]
    /// Whether rows of one key lie in one partition already.
    package var isKeyed: Bool
    /// The columns of the step's rows in the order in which the projection sees them.
    package var order: [Int]
}

/// A query after analysis.
package struct ResolvedQuery: Hashable, Sendable {
    package var relation: ResolvedRelation
    /// The sources as expressions see them, left to right: of a join, where each one's columns stand in the wide row.
    package var rowSources: [ScopeSource]
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
    /// The key's expressions as messages show them; of a join, all that can serve.
    package var keyTexts: [String]
    package var resultKind: Values.SourceKind
    package var limit: Int?
    /// What is kept of rows by a key: then the projection sees its columns.
    package var keyed: ResolvedKeyed?
    /// The stream that rows go to whose window is closed.
    package var lateRows: SourceDefinition?
    /// The query with stars expanded and everything qualified and named.
    package var normalised: Query

    /// The sources, left to right.
    package var sources: [SourceDefinition] { relation.sources }

    /// Whether the rows come from more than one source.
    package var isJoin: Bool { sources.count > 1 }

    /// Whether it aggregates a table with windows, over all of them.
    package var addsUpWindows: Bool { !aggregates.isEmpty && window == nil && relation.kind == .table && sources[0].window != nil }

    /// Columns of the row that expressions read; results of table functions stand behind them.
    package var rowWidth: Int { rowSources.last.map { $0.end } ?? 0 }
}
