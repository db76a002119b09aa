// The columns of an expression, replaced.

extension Expression {
    /// The expression with every column replaced by what `change` gives for it; lambda parameters stay as they are, and so does what is in
    /// subqueries.
    package func replacingColumns(_ change: (Name?, Name) -> Expression, parameters: Set<String> = []) -> Expression {
        func inside(_ part: Expression) -> Expression { part.replacingColumns(change, parameters: parameters) }
        if case .column(let source, let name) = node {
            return source == nil && parameters.contains(name.text) ? self : Expression(change(source, name).node, span: span)
        }
        let changed: Node =
            switch node {
            case .literal, .column, .timeUnit, .subquery, .exists: node
            case .inSubquery(let a, let question): .inSubquery(inside(a), question)
            case .modifiedCall(let name, let arguments, let modifiers): .modifiedCall(name, arguments.map(inside), modifiers)
            case .sign(let sign, let a): .sign(sign, inside(a))
            case .arithmetic(let operation, let a, let b): .arithmetic(operation, inside(a), inside(b))
            case .comparison(let operation, let a, let b): .comparison(operation, inside(a), inside(b))
            case .logical(let operation, let a, let b): .logical(operation, inside(a), inside(b))
            case .not(let a): .not(inside(a))
            case .isNull(let a, let negated): .isNull(inside(a), negated: negated)
            case .between(let a, let low, let high): .between(inside(a), low: inside(low), high: inside(high))
            case .isIn(let a, let list): .isIn(inside(a), list.map(inside))
            case .like(let a, let pattern, let escape): .like(inside(a), pattern: inside(pattern), escape: escape)
            case .searchedCase(let whens, let otherwise): .searchedCase(whens.map { mapped($0, inside) }, otherwise: otherwise.map(inside))
            case .simpleCase(let a, let whens, let otherwise):
                .simpleCase(inside(a), whens.map { mapped($0, inside) }, otherwise: otherwise.map(inside))
            case .cast(let a, let type): .cast(inside(a), type)
            case .call(let name, let arguments): .call(name, arguments.map { $0.asTimeUnit == nil ? inside($0) : $0 })
            case .subscripted(let a, let b): .subscripted(inside(a), inside(b))
            case .field(let a, let name): .field(inside(a), name)
            case .array(let items): .array(items.map(inside))
            case .map(let entries): .map(entries.map { MapEntry(key: inside($0.key), value: inside($0.value)) })
            case .structure(let entries): .structure(entries.map { StructEntry(name: $0.name, value: inside($0.value)) })
            case .lambda(let names, let body):
                .lambda(names, body.replacingColumns(change, parameters: parameters.union(names.map(\.text))))
            }
        return Expression(changed, span: span)
    }

    private func mapped(_ when: WhenClause, _ inside: (Expression) -> Expression) -> WhenClause {
        WhenClause(condition: inside(when.condition), result: inside(when.result))
    }
}
