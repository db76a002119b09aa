// Rewrites of expression trees: columns moved to other places, parts replaced by the columns that hold them.

import Values

extension TypedExpression {
    /// The expression with each part for which `replacement` gives something replaced; the largest parts are asked first.
    package func replacing(_ replacement: (TypedExpression) -> TypedExpression?) -> TypedExpression {
        if let other = replacement(self) { return other }
        func inside(_ part: TypedExpression) -> TypedExpression { part.replacing(replacement) }
        let node: ExpressionNode =
            switch node {
            case .literal, .column, .pseudo, .lambdaParameter: self.node
            case .arithmetic(let operation, let a, let b): .arithmetic(operation, inside(a), inside(b))
            case .negate(let a): .negate(inside(a))
            case .compare(let operation, let a, let b): .compare(operation, inside(a), inside(b))
            case .isDistinct(let a, let b, let negated): .isDistinct(inside(a), inside(b), negated: negated)
            case .and(let a, let b): .and(inside(a), inside(b))
            case .or(let a, let b): .or(inside(a), inside(b))
            case .not(let a): .not(inside(a))
            case .isNull(let a, let negated): .isNull(inside(a), negated: negated)
            case .between(let x, let a, let b, let negated): .between(inside(x), inside(a), inside(b), negated: negated)
            case .isIn(let x, let items, let negated): .isIn(inside(x), items.map(inside), negated: negated)
            case .like(let x, let pattern, let escape, let negated):
                .like(inside(x), pattern: inside(pattern), escape: escape, negated: negated)
            case .searchedCase(let branches, let otherwise):
                .searchedCase(
                    branches.map { CaseBranch(condition: inside($0.condition), result: inside($0.result)) }, otherwise: inside(otherwise))
            case .cast(let a): .cast(inside(a))
            case .subscripted(let a, let b): .subscripted(inside(a), inside(b))
            case .field(let a, let index): .field(inside(a), index)
            case .makeArray(let items): .makeArray(items.map(inside))
            case .makeMap(let items): .makeMap(items.map { MapItem(key: inside($0.key), value: inside($0.value)) })
            case .makeStruct(let items): .makeStruct(items.map(inside))
            case .call(let name, let arguments): .call(name, arguments.map(inside))
            case .lambda(let parameters, let body): .lambda(parameters: parameters, inside(body))
            }
        return TypedExpression(node, type)
    }

    /// The expression with leaves (columns, pseudo columns, literals, lambda parameters) replaced where `replacement` gives something.
    package func replacingLeaves(_ replacement: (TypedExpression) -> TypedExpression?) -> TypedExpression {
        replacing { $0.children.isEmpty ? replacement($0) : nil }
    }

    /// The expression with every column moved.
    package func mappingColumns(_ place: (Int) -> Int) -> TypedExpression {
        replacing { part in
            if case .column(let index) = part.node { return .column(place(index), part.type) }
            return nil
        }
    }
}
