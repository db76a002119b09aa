// Queries: the SELECT of every statement that has one. What a query reads is a tree, so that subqueries can join it later.

/// A SELECT with its clauses, as written.
package struct Query: Hashable, Sendable {
    /// The SELECT list.
    package var items: [SelectItem]
    /// What follows FROM.
    package var from: Relation
    /// The WINDOW clause.
    package var window: WindowClause?
    /// What follows WHERE.
    package var filter: Expression?
    /// The GROUP BY list; empty for `GROUP BY ()`.
    package var groupBy: [Expression]?
    /// The PARTITION BY list.
    package var partitionBy: [Expression]?
    /// What follows HAVING.
    package var having: Expression?
    /// `SELECT DISTINCT`
    package var isDistinct = false
    /// What follows QUALIFY.
    package var qualify: Expression?
    /// The stream that LATE ROWS INTO names.
    package var lateRows: Name?
    /// nil when there is no EMIT: a pull query, or `CHANGES` by default in a persistent one.
    package var emit: Emit?
    /// The LIMIT; may be negative, which the analyser refuses.
    package var limit: Int64?
    /// Where the number of the LIMIT was written.
    package var limitSpan: SourceSpan = .none
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(
        items: [SelectItem], from: Relation, window: WindowClause? = nil, filter: Expression? = nil,
        groupBy: [Expression]? = nil, partitionBy: [Expression]? = nil, having: Expression? = nil, emit: Emit? = nil,
        limit: Int64? = nil, span: SourceSpan = .none
    ) {
        self.items = items
        self.from = from
        self.window = window
        self.filter = filter
        self.groupBy = groupBy
        self.partitionBy = partitionBy
        self.having = having
        self.emit = emit
        self.limit = limit
        self.span = span
    }

    /// What a query emits.
    package enum Emit: String, Hashable, Sendable, CaseIterable {
        case changes = "CHANGES"
        case final = "FINAL"
    }
}

/// One item of a SELECT list.
package enum SelectItem: Hashable, Sendable {
    /// `expression [AS alias]`
    case expression(Expression, alias: Name?)
    /// `*`
    case all(SourceSpan)
    /// `source.*`
    case allOf(source: Name)
    /// `expression->*`
    case allFields(of: Expression)
    /// `* EXCLUDE (a) REPLACE (b + 1 AS b) RENAME (c AS d)`, only in questions
    case changedStar(ChangedStar)
}

/// A star with changes.
package struct ChangedStar: Hashable, Sendable {
    /// The source whose columns it stands for; nil for all.
    package var source: Name?
    /// Columns that are left out.
    package var excluded: [Name] = []
    /// Columns that have another value.
    package var replaced: [Change] = []
    /// Columns that have another name, by the one that they have; each value is a column.
    package var renamed: [Change] = []
    /// Where it was written.
    package var span: SourceSpan = .none

    /// `value AS name`
    package struct Change: Hashable, Sendable {
        /// What stands before AS.
        package var value: Expression
        /// What follows AS.
        package var name: Name
    }
}

/// What a query reads: a tree of names and joins.
package indirect enum Relation: Hashable, Sendable {
    /// `NAME [[AS] ALIAS]`
    case source(name: Name, alias: Name?)
    /// `left JOIN right ON …`
    case join(Join)
    /// `(SELECT …) alias`
    case subquery(Query, alias: Name?)

    /// Whether a subquery stands in it.
    package var hasSubquery: Bool {
        switch self {
        case .source: false
        case .subquery: true
        case .join(let join): join.left.hasSubquery || join.right.hasSubquery
        }
    }
}

/// `left KIND JOIN right [WITHIN …] ON condition`
package struct Join: Hashable, Sendable {
    /// Which rows without a partner are kept.
    package var kind: Kind
    /// What was joined so far.
    package var left: Relation
    /// What joins it.
    package var right: Relation
    /// How far apart in time partners may be.
    package var within: Within?
    /// What follows ON.
    package var condition: Expression
    /// ASOF: of the partners of a left row only the one that comes last before it.
    package var isAsof = false
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(kind: Kind, left: Relation, right: Relation, within: Within? = nil, condition: Expression, span: SourceSpan = .none) {
        self.kind = kind
        self.left = left
        self.right = right
        self.within = within
        self.condition = condition
        self.span = span
    }

    /// The raw value is how canonical text writes it.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case inner = "INNER"
        case left = "LEFT OUTER"
        case right = "RIGHT OUTER"
        case full = "FULL OUTER"
    }

    /// `WITHIN 5 MINUTES` (both equal) or `WITHIN (1 HOUR, 2 HOURS)`, with an optional grace period.
    package struct Within: Hashable, Sendable {
        /// How much earlier the right side may be.
        package var before: Duration
        /// How much later the right side may be.
        package var after: Duration
        /// How late rows may come.
        package var grace: Duration?
        /// Whether it was written with two durations. Takes part in equality because it prints differently.
        package var isPair: Bool
        /// Where it was written.
        package var span: SourceSpan = .none

        package init(before: Duration, after: Duration, grace: Duration? = nil, isPair: Bool, span: SourceSpan = .none) {
            self.before = before
            self.after = after
            self.grace = grace
            self.isPair = isPair
            self.span = span
        }
    }
}

/// `WINDOW …`
package struct WindowClause: Hashable, Sendable {
    /// The kind of window with its sizes.
    package var shape: Shape
    /// How long windows can be asked for.
    package var retention: Duration?
    /// How late rows may come.
    package var grace: Duration?
    /// The zone whose clock and calendar the windows follow.
    package var zone: ZoneName?
    /// How much later than the day, week, month … the windows begin.
    package var offset: Duration?
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(shape: Shape, retention: Duration? = nil, grace: Duration? = nil, span: SourceSpan = .none) {
        self.shape = shape
        self.retention = retention
        self.grace = grace
        self.span = span
    }

    /// The kinds of windows.
    package enum Shape: Hashable, Sendable {
        case tumbling(size: Duration)
        case hopping(size: Duration, advance: Duration)
        case session(gap: Duration)
        /// Tumbling windows of so many weeks, months, quarters or years.
        case calendar(size: CalendarDuration)
    }
}

/// `TIME ZONE 'Europe/Berlin'`
package struct ZoneName: Hashable, Sendable {
    /// The name as written.
    package var text: String
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(_ text: String, span: SourceSpan = .none) {
        self.text = text
        self.span = span
    }
}

/// `2 MONTHS`: a stretch of the calendar, whose length in time depends on where it begins.
package struct CalendarDuration: Hashable, Sendable {
    /// The units that windows may have beside those of fixed length.
    package enum Unit: String, Hashable, Sendable, CaseIterable {
        case weeks = "WEEKS"
        case months = "MONTHS"
        case quarters = "QUARTERS"
        case years = "YEARS"

        /// The unit of a word in upper case, in singular or plural.
        package init?(word: String) {
            guard let unit = Unit.allCases.first(where: { $0.rawValue == word || $0.rawValue.dropLast() == word }) else { return nil }
            self = unit
        }
    }
    /// How many units.
    package var count: Int64
    /// The unit.
    package var unit: Unit
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(count: Int64, unit: Unit, span: SourceSpan = .none) {
        self.count = count
        self.unit = unit
        self.span = span
    }
}

extension Query {
    /// Whether it has DISTINCT, OVER or QUALIFY, here or in the query behind FROM.
    package var keepsRows: Bool {
        if isDistinct || qualify != nil { return true }
        if case .subquery(let inner, _) = from, inner.keepsRows { return true }
        return items.contains(where: \.hasOver)
    }
}

extension SelectItem {
    /// Whether a call with OVER stands in it.
    var hasOver: Bool {
        if case .expression(let expression, _) = self { expression.hasOver } else { false }
    }
}

extension Expression {
    /// Whether a call with OVER stands in it.
    package var hasOver: Bool {
        if case .modifiedCall(_, _, let modifiers) = node, modifiers.window != nil { return true }
        var found = false
        node.forEachChild { found = found || $0.hasOver }
        return found
    }
}
