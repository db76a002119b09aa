// Conditions of inner joins that hold a subquery: they are conditions of the whole row, and so stand in WHERE as well.

import Syntax

extension SelectBlock {
    /// The block with those conditions in its WHERE. What stands inside an outer join stays where it is.
    var hoistingSubqueries: SelectBlock {
        guard let from else { return self }
        var hoisted: [Expression] = []
        var result = self
        result.from = from.hoisting(&hoisted)
        if hoisted.isEmpty { return self }
        result.filter = ((filter.map { [$0] } ?? []) + hoisted).joined { Expression(.logical(.and, $0, $1), span: $1.span) }
        return result
    }
}

extension TableExpression {
    fileprivate func hoisting(_ hoisted: inout [Expression]) -> TableExpression {
        guard case .join(var join) = self, !join.isAsof, join.kind == nil || join.kind == .inner else { return self }
        join.left = join.left.hoisting(&hoisted)
        join.right = join.right.hoisting(&hoisted)
        guard case .on(let condition) = join.condition else { return .join(join) }
        let parts = condition.writtenConjuncts
        let kept = parts.filter { !$0.hasSubquery }
        guard kept.count < parts.count else { return .join(join) }
        hoisted += parts.filter(\.hasSubquery)
        let rest = kept.joined { Expression(.logical(.and, $0, $1), span: condition.span) }
        join.condition = .on(rest ?? Expression(.literal(.boolean(true))))
        return .join(join)
    }
}

extension Expression {
    fileprivate var writtenConjuncts: [Expression] {
        if case .logical(.and, let left, let right) = node { return left.writtenConjuncts + right.writtenConjuncts }
        return [self]
    }

    fileprivate var hasSubquery: Bool {
        var found = false
        walk { part in
            switch part.node {
            case .subquery, .exists, .inSubquery: found = true
            default: break
            }
        }
        return found
    }
}
