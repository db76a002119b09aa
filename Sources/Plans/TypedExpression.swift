// Expressions with every name resolved to a column and every node typed: what the hot room compiles into kernels.
//
// Operands are already coerced: both sides of an arithmetic or comparison node have types that its kernel takes, casts stand in the
// tree as nodes. What is guarded at run time (an error becomes NULL of that piece alone) follows from the shape: the result of a cast,
// each element of a constructor, each argument of a call that is itself a call or a field access.

package import Values

/// An expression with its type.
package struct TypedExpression: Hashable, Sendable, Codable {
    package var node: ExpressionNode
    package var type: SQLType

    package init(_ node: ExpressionNode, _ type: SQLType) {
        self.node = node
        self.type = type
    }

    /// A literal; NULL takes the type that its context gives it.
    package static func literal(_ value: Value, _ type: SQLType) -> TypedExpression { TypedExpression(.literal(value), type) }
    /// Column `index` of the input row.
    package static func column(_ index: Int, _ type: SQLType) -> TypedExpression { TypedExpression(.column(index), type) }
}

extension TypedExpression {
    /// Stands in a question's projection for a column that nobody needs, which is empty.
    package static func unneeded(_ type: SQLType) -> TypedExpression { .column(-1, type) }
    /// Whether it stands for a column that nobody needs.
    package var isUnneeded: Bool { node == .column(-1) }
}

/// `+ - * / %`.
package enum ArithmeticOperator: String, Hashable, Sendable, Codable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
}

/// The six comparisons.
package enum ComparisonOperator: String, Hashable, Sendable, Codable {
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
}

extension ComparisonOperator {
    /// The same comparison with its sides exchanged.
    package var turned: ComparisonOperator {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }
}

/// One node of a typed expression. The captions show the SQL that each stands for.
package indirect enum ExpressionNode: Hashable, Sendable, Codable {
    /// `42`, `'text'`, `NULL`
    case literal(Value)
    /// A column of the input row, by index into the step's input schema.
    case column(Int)
    /// `ROWTIME`, `WINDOWSTART`, … of the input row.
    case pseudo(PseudoColumn)
    /// `x` inside `x => …`, by slot; slots are numbered over the whole expression, outer lambdas first.
    case lambdaParameter(Int)
    /// `a + b`. INTEGER, BIGINT, DOUBLE: both operands have the node's type. DECIMAL: operands are decimals of their own precision and
    /// scale. STRING: `+` only, concatenation.
    case arithmetic(ArithmeticOperator, TypedExpression, TypedExpression)
    /// `-a`
    case negate(TypedExpression)
    /// `a < b`: both operands of one type, decimals aside, which keep their own scales.
    case compare(ComparisonOperator, TypedExpression, TypedExpression)
    /// `a IS DISTINCT FROM b`, negated `a IS NOT DISTINCT FROM b`
    case isDistinct(TypedExpression, TypedExpression, negated: Bool)
    /// `a AND b`
    case and(TypedExpression, TypedExpression)
    /// `a OR b`
    case or(TypedExpression, TypedExpression)
    /// `NOT a`
    case not(TypedExpression)
    /// `a IS NULL`, negated `a IS NOT NULL`
    case isNull(TypedExpression, negated: Bool)
    /// `x BETWEEN a AND b`; all three of one type (decimals aside)
    case between(TypedExpression, TypedExpression, TypedExpression, negated: Bool)
    /// `x IN (a, b)`: all of one type (decimals aside)
    case isIn(TypedExpression, [TypedExpression], negated: Bool)
    /// `x LIKE p ESCAPE 'c'`; the escape is one scalar
    case like(TypedExpression, pattern: TypedExpression, escape: String?, negated: Bool)
    /// `CASE WHEN c THEN r … ELSE e END`; a missing ELSE is a NULL literal
    case searchedCase([CaseBranch], otherwise: TypedExpression)
    /// `CAST(x AS t)`, t being the node's type; implicit coercions too
    case cast(TypedExpression)
    /// `a[i]` of an array (index INTEGER) or `m[k]` of a map
    case subscripted(TypedExpression, TypedExpression)
    /// `s->f`, by index into the struct type's fields
    case field(TypedExpression, Int)
    /// `ARRAY[a, b]`
    case makeArray([TypedExpression])
    /// `MAP(k := v)`, keys and values alternating pairs
    case makeMap([MapItem])
    /// `STRUCT(f := v)`, in the order of the node type's fields
    case makeStruct([TypedExpression])
    /// `F(a, b)`: a built-in scalar function by its upper-case name; the argument types (after coercion) choose the body
    case call(String, [TypedExpression])
    /// `(x, y) => body`: only as an argument of `call`; the node's type is the body's
    case lambda(parameters: [LambdaParameter], TypedExpression)
}

/// WHEN `condition` THEN `result`.
package struct CaseBranch: Hashable, Sendable, Codable {
    package var condition: TypedExpression
    package var result: TypedExpression
    package init(condition: TypedExpression, result: TypedExpression) {
        self.condition = condition
        self.result = result
    }
}

/// One `key := value` of a MAP constructor.
package struct MapItem: Hashable, Sendable, Codable {
    package var key: TypedExpression
    package var value: TypedExpression
    package init(key: TypedExpression, value: TypedExpression) {
        self.key = key
        self.value = value
    }
}

/// A parameter of a lambda: the slot that its body reads, its name for texts, and its type.
package struct LambdaParameter: Hashable, Sendable, Codable {
    package var slot: Int
    package var name: String
    package var type: SQLType
    package init(slot: Int, name: String, type: SQLType) {
        self.slot = slot
        self.name = name
        self.type = type
    }
}

extension TypedExpression {
    /// The expressions directly inside this one, left to right.
    package var children: [TypedExpression] {
        switch node {
        case .literal, .column, .pseudo, .lambdaParameter: []
        case .arithmetic(_, let a, let b), .compare(_, let a, let b), .isDistinct(let a, let b, _), .and(let a, let b), .or(let a, let b),
            .subscripted(let a, let b):
            [a, b]
        case .negate(let a), .not(let a), .isNull(let a, _), .cast(let a), .field(let a, _): [a]
        case .between(let x, let a, let b, _): [x, a, b]
        case .isIn(let x, let items, _): [x] + items
        case .like(let x, let pattern, _, _): [x, pattern]
        case .searchedCase(let branches, let otherwise): branches.flatMap { [$0.condition, $0.result] } + [otherwise]
        case .makeArray(let items), .makeStruct(let items), .call(_, let items): items
        case .makeMap(let items): items.flatMap { [$0.key, $0.value] }
        case .lambda(_, let body): [body]
        }
    }

    /// Calls `visit` for this expression and everything inside, parents first.
    package func walk(_ visit: (TypedExpression) -> Void) {
        visit(self)
        for child in children { child.walk(visit) }
    }

    /// The indexes of all columns that the expression reads.
    package var columnsRead: Set<Int> {
        var result: Set<Int> = []
        walk { if case .column(let index) = $0.node { result.insert(index) } }
        return result
    }
}
