// Rewrites that give a clause its place in the query: grouped expressions become columns, names become qualified.

import Plans
package import Syntax
import Values

extension TypedExpression {
    /// Whether one of the aggregates stands inside.
    var hasAggregate: Bool { columnsRead.contains { $0 >= ExpressionAnalyser.aggregateBase && $0 < ExpressionAnalyser.tableFunctionBase } }
}

/// Turns expressions over the source row into expressions over the row of grouping columns and aggregates.
struct GroupRewriting {
    let grouping: [TypedExpression]
    let allowsWindowBounds: Bool

    /// The rewritten expression, and the source columns in it that are neither grouped nor aggregated.
    func rewrite(_ expression: TypedExpression) -> (TypedExpression, strays: [Int]) {
        var strays: [Int] = []
        let result = expression.replacing { part in
            if let key = grouping.firstIndex(of: part) { return .column(key, part.type) }
            switch part.node {
            case .column(let index) where index >= ExpressionAnalyser.aggregateBase:
                return .column(grouping.count + index - ExpressionAnalyser.aggregateBase, part.type)
            case .column(let index):
                if !strays.contains(index) { strays.append(index) }
                return part
            case .pseudo(let pseudo):
                if !allowsWindowBounds || (pseudo != .windowstart && pseudo != .windowend) { strays.append(Int.max) }
                return part
            default: return nil
            }
        }
        return (result, strays)
    }
}

extension Expression {
    /// Calls `visit` for this expression and everything inside it, but what is in subqueries.
    package func walk(_ visit: (Expression) -> Void) {
        visit(self)
        node.forEachChild { $0.walk(visit) }
    }

    /// The expression with every column reference rewritten; lambda parameters stay as they are.
    func mappingColumns(_ change: (Name?, Name) -> (Name?, Name), parameters: Set<String> = []) -> Expression {
        func inside(_ part: Expression) -> Expression { part.mappingColumns(change, parameters: parameters) }
        let changed: Node =
            switch node {
            case .literal, .timeUnit, .subquery, .exists: node
            case .inSubquery(let a, let question): .inSubquery(inside(a), question)
            case .modifiedCall(let name, let arguments, let modifiers): .modifiedCall(name, arguments.map(inside), modifiers)
            case .column(let source, let name):
                if source == nil && parameters.contains(name.text) {
                    node
                } else {
                    {
                        let (newSource, newName) = change(source, name)
                        return .column(source: newSource, newName)
                    }()
                }
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
                .lambda(names, body.mappingColumns(change, parameters: parameters.union(names.map(\.text))))
            }
        return Expression(changed, span: span)
    }

    private func mapped(_ when: WhenClause, _ inside: (Expression) -> Expression) -> WhenClause {
        WhenClause(condition: inside(when.condition), result: inside(when.result))
    }
}
