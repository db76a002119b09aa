// Questions: queries of the general form, which end. A SELECT that ksqlDB knows stays a `Query`; everything beyond that (WITH, VALUES,
// subqueries, set operations, ORDER BY, DISTINCT, window functions, …) is a `Question`.

/// `[WITH …] body [ORDER BY …] [LIMIT n] [OFFSET n]`
package struct Question: Hashable, Sendable {
    /// The named questions in front, each visible to those behind it.
    package var tables: [CommonTable]
    /// Whether RECURSIVE was written, so that each of them is visible to itself as well.
    package var isRecursive = false
    /// What gives the rows.
    package var body: QuestionBody
    /// The ORDER BY list; empty for none.
    package var orderBy: [SortKey]
    /// The most rows that are given; nil for all.
    package var limit: Int64?
    /// How many rows are left out in front.
    package var offset: Int64?
    /// Where the number of the LIMIT was written.
    package var limitSpan: SourceSpan
    /// An EMIT behind ORDER BY or LIMIT, which the analyser refuses, and where it was written.
    package var emit: Query.Emit?
    package var emitSpan: SourceSpan = .none
    /// Where it was written.
    package var span: SourceSpan

    package init(
        tables: [CommonTable] = [], body: QuestionBody, orderBy: [SortKey] = [], limit: Int64? = nil, offset: Int64? = nil,
        limitSpan: SourceSpan = .none, span: SourceSpan = .none
    ) {
        self.tables = tables
        self.body = body
        self.orderBy = orderBy
        self.limit = limit
        self.offset = offset
        self.limitSpan = limitSpan
        self.span = span
    }
}

extension Question {
    /// Whether EMIT stands at its end.
    var hasEmit: Bool {
        if case .select(let block) = body, block.emit != nil { return true }
        return emit != nil
    }

    /// Whether it is nothing but a body.
    package var isBare: Bool { tables.isEmpty && orderBy.isEmpty && limit == nil && offset == nil && emit == nil }
}

/// `name [(column, …)] AS (question)`
package struct CommonTable: Hashable, Sendable {
    /// Its name.
    package var name: Name
    /// Names of its columns; empty for those of the question.
    package var columns: [Name]
    /// What it stands for.
    package var question: Question

    package init(name: Name, columns: [Name], question: Question) {
        self.name = name
        self.columns = columns
        self.question = question
    }
}

/// What gives the rows of a question.
package indirect enum QuestionBody: Hashable, Sendable {
    /// `SELECT …`
    case select(SelectBlock)
    /// `VALUES (…), (…)`
    case values([[Expression]], SourceSpan)
    /// `a UNION [ALL] b`
    case combination(SetOperation, isAll: Bool, QuestionBody, QuestionBody, SourceSpan)
    /// `(question)`, with an ORDER BY or LIMIT of its own
    case nested(Question)
}

/// How two sets of rows are combined. The raw value is the word.
package enum SetOperation: String, Hashable, Sendable, CaseIterable {
    case union = "UNION"
    case intersect = "INTERSECT"
    case except = "EXCEPT"
}

/// One SELECT with its clauses.
package struct SelectBlock: Hashable, Sendable {
    /// Whether DISTINCT was written.
    package var isDistinct = false
    /// `DISTINCT ON (…)`; empty for none.
    package var distinctOn: [Expression] = []
    /// The SELECT list.
    package var items: [SelectItem]
    /// What follows FROM; nil for one row without columns.
    package var from: TableExpression?
    /// The WINDOW clause.
    package var window: WindowClause?
    /// What follows WHERE.
    package var filter: Expression?
    /// The GROUP BY list; nil for none.
    package var groupBy: [GroupingElement]?
    /// The PARTITION BY list.
    package var partitionBy: [Expression]?
    /// What follows HAVING.
    package var having: Expression?
    /// `WINDOW w AS (…), …`
    package var windows: [NamedWindow] = []
    /// What follows QUALIFY.
    package var qualify: Expression?
    /// What follows EMIT.
    package var emit: Query.Emit?
    /// The stream that LATE ROWS INTO names.
    package var lateRows: Name?
    /// Where EMIT was written.
    package var emitSpan: SourceSpan = .none
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(items: [SelectItem], from: TableExpression? = nil, span: SourceSpan = .none) {
        self.items = items
        self.from = from
        self.span = span
    }
}

/// One element of a GROUP BY list.
package enum GroupingElement: Hashable, Sendable {
    case expression(Expression)
    /// `ROLLUP (…)`
    case rollup([[Expression]])
    /// `CUBE (…)`
    case cube([[Expression]])
    /// `GROUPING SETS ((…), …)`
    case sets([[Expression]])
    /// `ALL`: every item of the SELECT list that has no aggregate
    case all
}

/// `expression [ASC|DESC] [NULLS FIRST|LAST]`
package struct SortKey: Hashable, Sendable {
    /// What is compared: an expression, the alias of an item, or the position of one.
    package var expression: Expression
    /// Whether DESC was written.
    package var isDescending: Bool
    /// Whether NULLS FIRST or NULLS LAST was written; nil for neither.
    package var nullsFirst: Bool?
    /// ALL: every item of the SELECT list, from the left; `expression` means nothing then.
    package var isAll = false

    /// `ORDER BY ALL`
    static var all: SortKey {
        var key = SortKey(expression: Expression(.literal(.null)))
        key.isAll = true
        return key
    }

    package init(expression: Expression, isDescending: Bool = false, nullsFirst: Bool? = nil) {
        self.expression = expression
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// What a question reads.
package indirect enum TableExpression: Hashable, Sendable {
    /// `name [FROM … UNTIL …] [[AS] alias [(column, …)]]`
    case source(name: Name, alias: TableAlias?, reach: SourceReach?)
    /// `[LATERAL] (question) [AS] alias [(column, …)]`; a lateral one may read what stands in front of it
    case question(Question, alias: TableAlias?, isLateral: Bool, span: SourceSpan)
    /// `FUNCTION(…) [AS] alias [(column, …)]`: a table function, whose arguments may read what stands in front of it
    case function(Name, [Expression], alias: TableAlias?, span: SourceSpan)
    /// `a JOIN b …`
    case join(TableJoin)
}

/// `alias [(column, …)]`
package struct TableAlias: Hashable, Sendable {
    /// The name by which columns are qualified.
    package var name: Name
    /// Other names for the columns, from the left; empty for their own.
    package var columns: [Name]

    package init(name: Name, columns: [Name] = []) {
        self.name = name
        self.columns = columns
    }
}

/// `left KIND JOIN right [ON condition | USING (column, …)]`
package struct TableJoin: Hashable, Sendable {
    /// Which rows without a partner are kept; nil for CROSS JOIN and a comma.
    package var kind: Join.Kind?
    /// What was joined so far.
    package var left: TableExpression
    /// What joins it.
    package var right: TableExpression
    /// When rows are partners.
    package var condition: Condition
    /// The WITHIN clause, which says how far apart in time partners may be.
    package var within: Join.Within?
    /// ASOF: of the partners of a left row only the one that comes last before it.
    package var isAsof = false
    /// Where it was written.
    package var span: SourceSpan

    package init(
        kind: Join.Kind?, left: TableExpression, right: TableExpression, condition: Condition, within: Join.Within? = nil,
        span: SourceSpan = .none
    ) {
        self.kind = kind
        self.left = left
        self.right = right
        self.condition = condition
        self.within = within
        self.span = span
    }

    /// When rows are partners.
    package enum Condition: Hashable, Sendable {
        case on(Expression)
        case using([Name])
        /// NATURAL: the columns of the names that both sides have are equal
        case natural
        /// Always.
        case none
    }
}

/// `name AS (specification)` in a WINDOW clause.
package struct NamedWindow: Hashable, Sendable {
    /// Its name.
    package var name: Name
    /// What it stands for.
    package var specification: WindowSpecification

    package init(name: Name, specification: WindowSpecification) {
        self.name = name
        self.specification = specification
    }
}

/// `OVER (PARTITION BY … ORDER BY … frame)`
package struct WindowSpecification: Hashable, Sendable {
    /// The named window that it begins with: `OVER (w …)`.
    package var base: Name?
    /// Whether it is that window and nothing else: `OVER w`.
    package var isName = false
    /// The PARTITION BY list.
    package var partitionBy: [Expression]
    /// The ORDER BY list.
    package var orderBy: [SortKey]
    /// The frame; nil for the default.
    package var frame: WindowFrame?

    package init(partitionBy: [Expression] = [], orderBy: [SortKey] = [], frame: WindowFrame? = nil) {
        self.partitionBy = partitionBy
        self.orderBy = orderBy
        self.frame = frame
    }
}

/// `ROWS BETWEEN … AND …`
package struct WindowFrame: Hashable, Sendable {
    /// What bounds count. The raw value is the word.
    package enum Unit: String, Hashable, Sendable, CaseIterable {
        case rows = "ROWS"
        case range = "RANGE"
        case groups = "GROUPS"
    }

    /// One end of a frame.
    package enum Bound: Hashable, Sendable {
        case unboundedPreceding
        case preceding(Expression)
        case currentRow
        case following(Expression)
        case unboundedFollowing
    }

    /// What of the frame is left out. The raw value is the words.
    package enum Exclusion: String, Hashable, Sendable, CaseIterable {
        case none = "NO OTHERS"
        case currentRow = "CURRENT ROW"
        /// The current row and those that are equal to it in the order.
        case group = "GROUP"
        /// Those that are equal to it, but not itself.
        case ties = "TIES"
    }

    /// What is left out.
    package var exclusion = Exclusion.none
    /// What the bounds count.
    package var unit: Unit
    /// The first row.
    package var start: Bound
    /// The last row.
    package var end: Bound

    package init(unit: Unit, start: Bound, end: Bound) {
        self.unit = unit
        self.start = start
        self.end = end
    }
}

/// What a call may have beside its arguments.
package struct CallModifiers: Hashable, Sendable {
    /// Whether DISTINCT stands in front of the arguments.
    package var isDistinct: Bool
    /// ORDER BY behind the arguments: in which order an aggregate takes the rows.
    package var orderBy: [SortKey] = []
    /// IGNORE NULLS: rows whose value is NULL are as if they were not there.
    package var ignoresNulls = false
    /// `FILTER (WHERE …)`
    package var filter: Expression?
    /// `OVER (…)`
    package var window: WindowSpecification?

    package init(isDistinct: Bool = false, filter: Expression? = nil, window: WindowSpecification? = nil) {
        self.isDistinct = isDistinct
        self.filter = filter
        self.window = window
    }
}
