// Expressions as they are written, before any name has a meaning. Every case is captioned with the SQL that it stands for.

/// An expression with its place. Equality ignores the place.
package struct Expression: Hashable, Sendable {
    /// The expression itself.
    package let node: Node
    /// Where it was written.
    package let span: SourceSpan
    /// Levels of the tree under and with this node; the parser keeps it at or below `SyntaxLimits.maximumDepth`.
    package let depth: Int

    package init(_ node: Node, span: SourceSpan = .none) {
        self.node = node
        self.span = span
        var deepest = 0
        node.forEachChild { deepest = max(deepest, $0.depth) }
        depth = deepest + 1
    }

    package static func == (left: Expression, right: Expression) -> Bool { left.node == right.node }
    package func hash(into hasher: inout Hasher) { hasher.combine(node) }

    /// The forms of an expression.
    package indirect enum Node: Hashable, Sendable {
        /// `5`, `'text'`, `1.50`, `1E3`, `TRUE`, `NULL`
        case literal(Literal)
        /// `name` or `source.name`
        case column(source: Name?, Name)
        /// `-a`, `+a`
        case sign(Sign, Expression)
        /// `a + b`, `a - b`, `a * b`, `a / b`, `a % b`, `a || b`
        case arithmetic(ArithmeticOperator, Expression, Expression)
        /// `a = b`, `a <> b`, `a IS DISTINCT FROM b` …
        case comparison(ComparisonOperator, Expression, Expression)
        /// `a AND b`, `a OR b`
        case logical(LogicalOperator, Expression, Expression)
        /// `NOT a`
        case not(Expression)
        /// `a IS NULL`, `a IS NOT NULL`
        case isNull(Expression, negated: Bool)
        /// `a BETWEEN low AND high`; the negated forms of BETWEEN, IN and LIKE are `not` of these
        case between(Expression, low: Expression, high: Expression)
        /// `a IN (b, c)`
        case isIn(Expression, [Expression])
        /// `a LIKE pattern ESCAPE '!'`
        case like(Expression, pattern: Expression, escape: String?)
        /// `CASE WHEN a THEN b ELSE c END`
        case searchedCase([WhenClause], otherwise: Expression?)
        /// `CASE x WHEN a THEN b ELSE c END`, which the analyser refuses
        case simpleCase(Expression, [WhenClause], otherwise: Expression?)
        /// `CAST(a AS type)`
        case cast(Expression, TypeName)
        /// `F(a, b)`; `F(*)` has no arguments
        case call(Name, [Expression])
        /// `a[b]`
        case subscripted(Expression, Expression)
        /// `a->b`
        case field(Expression, Name)
        /// `ARRAY[a, b]`
        case array([Expression])
        /// `MAP(a := b)`
        case map([MapEntry])
        /// `STRUCT(A := b)`
        case structure([StructEntry])
        /// `(X, Y) => body`, only as an argument
        case lambda([Name], Expression)
        /// `DAYS`, only as an argument
        case timeUnit(TimeUnit)
        /// `(SELECT …)`, a single value; like the following forms only in questions
        case subquery(Question)
        /// `EXISTS (SELECT …)`
        case exists(Question)
        /// `a IN (SELECT …)`
        case inSubquery(Expression, Question)
        /// `F(DISTINCT a) FILTER (WHERE c) OVER (…)`
        case modifiedCall(Name, [Expression], CallModifiers)
    }

    /// A sign before an operand that is no number.
    package enum Sign: String, Hashable, Sendable {
        case plus = "+"
        case minus = "-"
    }

    /// The raw value is the operator's text.
    package enum ArithmeticOperator: String, Hashable, Sendable, CaseIterable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case modulo = "%"
        case concatenate = "||"
    }

    /// The raw value is the operator's text.
    package enum ComparisonOperator: String, Hashable, Sendable, CaseIterable {
        case equal = "="
        case notEqual = "<>"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case isDistinctFrom = "IS DISTINCT FROM"
        case isNotDistinctFrom = "IS NOT DISTINCT FROM"
    }

    /// The raw value is the operator's text.
    package enum LogicalOperator: String, Hashable, Sendable, CaseIterable {
        case and = "AND"
        case or = "OR"
    }

    /// `WHEN condition THEN result`
    package struct WhenClause: Hashable, Sendable {
        /// What follows WHEN.
        package var condition: Expression
        /// What follows THEN.
        package var result: Expression

        package init(condition: Expression, result: Expression) {
            self.condition = condition
            self.result = result
        }
    }

    /// `key := value` of a MAP constructor.
    package struct MapEntry: Hashable, Sendable {
        /// What stands before `:=`.
        package var key: Expression
        /// What follows `:=`.
        package var value: Expression

        package init(key: Expression, value: Expression) {
            self.key = key
            self.value = value
        }
    }

    /// `name := value` of a STRUCT constructor.
    package struct StructEntry: Hashable, Sendable {
        /// The field.
        package var name: Name
        /// What follows `:=`.
        package var value: Expression

        package init(name: Name, value: Expression) {
            self.name = name
            self.value = value
        }
    }
}

extension Expression.Node {
    /// Calls `body` for each direct subexpression, from left to right.
    package func forEachChild(_ body: (Expression) -> Void) {
        switch self {
        case .literal, .column, .timeUnit, .subquery, .exists: return
        case .sign(_, let a), .not(let a), .isNull(let a, _), .cast(let a, _), .field(let a, _), .lambda(_, let a): body(a)
        case .arithmetic(_, let a, let b), .comparison(_, let a, let b), .logical(_, let a, let b), .subscripted(let a, let b):
            body(a)
            body(b)
        case .like(let a, let pattern, _):
            body(a)
            body(pattern)
        case .between(let a, let low, let high):
            body(a)
            body(low)
            body(high)
        case .inSubquery(let a, _): body(a)
        case .modifiedCall(_, let arguments, let modifiers):
            arguments.forEach(body)
            for key in modifiers.orderBy { body(key.expression) }
            if let filter = modifiers.filter { body(filter) }
            if let window = modifiers.window {
                window.partitionBy.forEach(body)
                for key in window.orderBy { body(key.expression) }
            }
        case .isIn(let a, let list):
            body(a)
            list.forEach(body)
        case .searchedCase(let whens, let otherwise):
            for when in whens {
                body(when.condition)
                body(when.result)
            }
            if let otherwise { body(otherwise) }
        case .simpleCase(let operand, let whens, let otherwise):
            body(operand)
            for when in whens {
                body(when.condition)
                body(when.result)
            }
            if let otherwise { body(otherwise) }
        case .call(_, let arguments), .array(let arguments): arguments.forEach(body)
        case .map(let entries):
            for entry in entries {
                body(entry.key)
                body(entry.value)
            }
        case .structure(let entries): entries.forEach { body($0.value) }
        }
    }
}

extension Expression {
    /// The time unit that this argument names where a function wants one: `DAYS`, or the plain word `DAY`, which parses as a column
    /// because DAY, HOUR, MINUTE and SECOND are also allowed as names.
    package var asTimeUnit: TimeUnit? {
        switch node {
        case .timeUnit(let unit): unit
        case .column(nil, let name) where !name.isQuoted: TimeUnit(word: name.text)
        default: nil
        }
    }
}
