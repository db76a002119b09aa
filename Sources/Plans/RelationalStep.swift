// The plan of a question: a tree of relational steps, each of which gives a finite bag (or, behind a sort, a sequence) of rows. Unlike the
// steps of continuous queries these rows have no key, no time and no versions: what a record carries beside its columns (ROWTIME, …) is an
// ordinary column of a scan.

package import Values

/// One step of a question's plan.
package indirect enum RelationalStep: Hashable, Sendable {
    /// The rows of a stream or a table.
    case scan(RelationalScan)
    /// The rows of a system table, by its name, as they are when the question is answered.
    case system(String, types: [SQLType])
    /// Rows that stand in the text; none of the expressions reads a column.
    case rows([[TypedExpression]], types: [SQLType])
    /// The rows for which `predicate` is true.
    case filter(RelationalStep, predicate: TypedExpression)
    /// One column an expression.
    case project(RelationalStep, [TypedExpression])
    /// The columns of the left side, then those of the right one.
    case join(RelationalJoin)
    /// The rows with one more column: what another question says about them.
    case apply(RelationalApply)
    /// Rows that were computed before, under a number of their own
    case kept(Int, types: [SQLType], filled: [Bool])
    /// The rows with those that a question about each of them gives: the columns of both.
    case lateral(RelationalLateral)
    /// The rows of a question that reads what it has given.
    case recursive(RelationalRecursion)
    /// In a recursion: the rows that its last round gave.
    case working(Int, types: [SQLType])
    /// The rows with each element of an array: its columns, then those of the results.
    case unnest(RelationalStep, [TableFunctionCall])
    /// The grouping columns, then the aggregates. Without grouping one row, also where there are none.
    case aggregate(RelationalAggregation)
    /// The columns, then those of the window functions.
    case window(RelationalStep, [WindowFunctionCall])
    /// Each different row once.
    case distinct(RelationalStep)
    /// Set operations over rows of the same types.
    case combine(RelationalCombination)
    /// The rows in order; with a limit only the first ones.
    case sort(RelationalStep, [RelationalSortKey], limit: Int?)
    /// Without the first `offset` rows, and at most `limit`.
    case limit(RelationalStep, offset: Int, limit: Int?)
}

/// The rows of a source: its columns in row order, then its pseudo columns in the order of `ScopeSource.pseudoColumns`.
package struct RelationalScan: Hashable, Sendable {
    /// The source's name in the catalog.
    package var source: String
    /// Its columns, then its pseudo columns.
    package var columns: [ColumnDefinition]
    /// The pseudo columns, which are the last ones.
    package var pseudoColumns: [PseudoColumn]
    /// Which columns are read; the others are empty.
    package var needed: [Bool]
    /// What rows must satisfy, over the source's own columns and `.pseudo` nodes; nil for all.
    package var filter: TypedExpression?
    /// Of a stream: nothing of what is there is read.
    package var isFromEnd = false
    /// Of a table: the time as of which it is looked at, in milliseconds; nil for now.
    package var asOf: Int64?

    package init(source: String, columns: [ColumnDefinition], pseudoColumns: [PseudoColumn]) {
        self.source = source
        self.columns = columns
        self.pseudoColumns = pseudoColumns
        needed = Array(repeating: true, count: columns.count)
    }
}

/// Rows of two sides that belong together.
package struct RelationalJoin: Hashable, Sendable {
    package var left: RelationalStep
    package var right: RelationalStep
    package var type: JoinType
    /// Pairs that must be equal, each over the row of its own side and of one type; empty for a nested loop.
    package var leftKeys: [TypedExpression]
    package var rightKeys: [TypedExpression]
    /// What must be true beside that, over the joined row.
    package var condition: TypedExpression?
    /// ASOF: of the right rows that a left row may meet it meets only one; nil where it meets all.
    package var choice: Choice?

    /// Which of the right rows a left row meets: that with the largest value, or the smallest.
    package struct Choice: Hashable, Sendable {
        /// Over the row of the right side.
        package var value: TypedExpression
        package var takesSmallest: Bool
        package init(value: TypedExpression, takesSmallest: Bool) {
            self.value = value
            self.takesSmallest = takesSmallest
        }
    }

    package init(
        left: RelationalStep, right: RelationalStep, type: JoinType, leftKeys: [TypedExpression] = [], rightKeys: [TypedExpression] = [],
        condition: TypedExpression? = nil
    ) {
        self.left = left
        self.right = right
        self.type = type
        self.leftKeys = leftKeys
        self.rightKeys = rightKeys
        self.condition = condition
    }
}

/// A subquery, asked for each different list of the values that it takes from the row around it.
package struct RelationalApply: Hashable, Sendable {
    /// What becomes of the subquery's rows.
    package enum Kind: Hashable, Sendable {
        /// The only value of the only row; NULL where there is none, an error where there are several.
        case scalar
        /// Whether there is a row.
        case exists
        /// Whether the operand is among the values, with NULL where that is not known.
        case isIn(operand: TypedExpression)
    }

    package var input: RelationalStep
    /// Its rows have one column, but for `exists`. Column `RelationalApply.parameterBase + i` in it stands for `parameters[i]`.
    package var subquery: RelationalStep
    package var kind: Kind
    /// Over the input's row.
    package var parameters: [TypedExpression]
    package var type: SQLType

    /// From here on columns of a subquery are values of the row around it.
    package static let parameterBase = 3_000_000

    package init(input: RelationalStep, subquery: RelationalStep, kind: Kind, parameters: [TypedExpression], type: SQLType) {
        self.input = input
        self.subquery = subquery
        self.kind = kind
        self.parameters = parameters
        self.type = type
    }
}

/// A question about each row of its input, which may take values from it.
package struct RelationalLateral: Hashable, Sendable {
    package var input: RelationalStep
    /// Column `RelationalApply.parameterBase + i` in it stands for `parameters[i]`.
    package var subquery: RelationalStep
    /// Over the input's row.
    package var parameters: [TypedExpression]
    /// `.inner` or `.left`.
    package var type: JoinType
    /// What must be true of the joined row; nil for nothing.
    package var condition: TypedExpression?

    package init(
        input: RelationalStep, subquery: RelationalStep, parameters: [TypedExpression], type: JoinType, condition: TypedExpression? = nil
    ) {
        self.input = input
        self.subquery = subquery
        self.parameters = parameters
        self.type = type
        self.condition = condition
    }
}

/// `WITH RECURSIVE`: the rows of `base`, then again and again those that `step` makes of the rows of the round before, until there are none.
package struct RelationalRecursion: Hashable, Sendable {
    /// Its name, for messages.
    package var name: String
    /// By which `working` steps inside `step` name it.
    package var number: Int
    package var base: RelationalStep
    package var step: RelationalStep
    /// Whether rows may come again; otherwise each different row counts once.
    package var isAll: Bool

    package init(name: String, number: Int, base: RelationalStep, step: RelationalStep, isAll: Bool) {
        self.name = name
        self.number = number
        self.base = base
        self.step = step
        self.isAll = isAll
    }
}

/// An aggregate of a question.
package struct RelationalAggregate: Hashable, Sendable {
    package var call: AggregateCall
    /// Only different arguments count.
    package var isDistinct: Bool
    /// Which rows count; nil for all.
    package var filter: TypedExpression?

    package init(call: AggregateCall, isDistinct: Bool = false, filter: TypedExpression? = nil) {
        self.call = call
        self.isDistinct = isDistinct
        self.filter = filter
    }
}

/// Groups of rows.
package struct RelationalAggregation: Hashable, Sendable {
    package var input: RelationalStep
    package var grouping: [TypedExpression]
    /// For GROUPING SETS: which of the grouping expressions each set has, the others are NULL in it; nil for one set of all.
    package var sets: [[Int]]?
    package var aggregates: [RelationalAggregate]
    /// Whether a last column has the number of each row's grouping set.
    package var givesSet = false
    /// Whether rows in which one of these grouping expressions is NULL are left out, and counted, as in every GROUP BY with windows.
    package var neededKeys: [Int] = []

    package init(input: RelationalStep, grouping: [TypedExpression], sets: [[Int]]? = nil, aggregates: [RelationalAggregate]) {
        self.input = input
        self.grouping = grouping
        self.sets = sets
        self.aggregates = aggregates
    }
}

/// One ORDER BY expression.
package struct RelationalSortKey: Hashable, Sendable {
    package var expression: TypedExpression
    package var isDescending: Bool
    package var nullsFirst: Bool

    package init(expression: TypedExpression, isDescending: Bool, nullsFirst: Bool) {
        self.expression = expression
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// A function over the rows around each row.
package struct WindowFunctionCall: Hashable, Sendable {
    /// Which one.
    package enum Function: Hashable, Sendable {
        case rowNumber
        case rank
        case denseRank
        case ntile(TypedExpression)
        case lag(TypedExpression, offset: TypedExpression, otherwise: TypedExpression)
        case lead(TypedExpression, offset: TypedExpression, otherwise: TypedExpression)
        case firstValue(TypedExpression)
        case lastValue(TypedExpression)
        case nthValue(TypedExpression, TypedExpression)
        case percentRank
        case cumulativeDistribution
        case aggregate(RelationalAggregate)
    }

    /// One end of a frame.
    package enum Bound: Hashable, Sendable {
        case unboundedPreceding
        case preceding(TypedExpression)
        case currentRow
        case following(TypedExpression)
        case unboundedFollowing
    }

    /// Rows of a frame that do not count.
    package enum Exclusion: Hashable, Sendable {
        case none
        case currentRow
        /// The current row and those that are equal to it in the order.
        case group
        /// Those that are equal to it, but not itself.
        case ties
    }

    /// What the bounds count.
    package enum Unit: Hashable, Sendable {
        case rows
        case range
        case groups
    }

    package var function: Function
    package var partitionBy: [TypedExpression]
    package var orderBy: [RelationalSortKey]
    package var unit: Unit
    package var start: Bound
    package var end: Bound
    /// What of the frame is left out.
    package var exclusion = Exclusion.none
    /// Whether rows whose value is NULL are as if they were not there.
    package var ignoresNulls = false
    package var type: SQLType

    package init(
        function: Function, partitionBy: [TypedExpression], orderBy: [RelationalSortKey], unit: Unit, start: Bound, end: Bound, type: SQLType
    ) {
        self.function = function
        self.partitionBy = partitionBy
        self.orderBy = orderBy
        self.unit = unit
        self.start = start
        self.end = end
        self.type = type
    }
}

/// A set operation.
package struct RelationalCombination: Hashable, Sendable {
    /// Which one.
    package enum Operation: String, Hashable, Sendable {
        case union = "UNION"
        case intersect = "INTERSECT"
        case except = "EXCEPT"
    }

    package var operation: Operation
    package var isAll: Bool
    package var left: RelationalStep
    package var right: RelationalStep

    package init(operation: Operation, isAll: Bool, left: RelationalStep, right: RelationalStep) {
        self.operation = operation
        self.isAll = isAll
        self.left = left
        self.right = right
    }
}

extension RelationalStep {
    /// Which columns of its rows are there: those of a scan that nobody needs are empty.
    package var filled: [Bool] {
        switch self {
        case .scan(let scan): scan.needed
        case .filter(let input, _), .distinct(let input), .sort(let input, _, _), .limit(let input, _, _): input.filled
        case .join(let join): join.left.filled + join.right.filled
        case .apply(let apply): apply.input.filled + [true]
        case .unnest(let input, let calls): input.filled + calls.map { _ in true }
        case .window(let input, let calls): input.filled + calls.map { _ in true }
        case .kept(_, _, let filled): filled
        case .lateral(let lateral): lateral.input.filled + lateral.subquery.types.map { _ in true }
        case .project(_, let expressions): expressions.map { !$0.isUnneeded }
        case .system, .rows, .aggregate, .combine, .recursive, .working: types.map { _ in true }
        }
    }

    /// The types of the columns of its rows.
    package var types: [SQLType] {
        switch self {
        case .scan(let scan): scan.columns.map(\.type)
        case .system(_, let types), .rows(_, let types): types
        case .filter(let input, _), .distinct(let input), .sort(let input, _, _), .limit(let input, _, _): input.types
        case .project(_, let expressions): expressions.map(\.type)
        case .join(let join): join.left.types + join.right.types
        case .apply(let apply): apply.input.types + [apply.type]
        case .kept(_, let types, _), .working(_, let types): types
        case .lateral(let lateral): lateral.input.types + lateral.subquery.types
        case .recursive(let recursion): recursion.base.types
        case .unnest(let input, let calls): input.types + calls.map(\.result)
        case .aggregate(let aggregation):
            aggregation.grouping.map(\.type) + aggregation.aggregates.map(\.call.result)
            + (aggregation.givesSet ? [.bigint] : [])
        case .window(let input, let calls): input.types + calls.map(\.type)
        case .combine(let combination): combination.left.types
        }
    }
}

extension RelationalStep {
    /// Whether the step does little: it computes something of a few rows that the question itself holds.
    package var isSmall: Bool {
        switch self {
        case .rows(let rows, _): rows.count <= 1_000
        case .filter(let input, _), .project(let input, _), .distinct(let input), .sort(let input, _, _), .limit(let input, _, _): input.isSmall
        case .scan, .system, .kept, .working, .lateral, .recursive, .join, .apply, .unnest, .aggregate, .window, .combine: false
        }
    }
}
