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
    func mappingColumns(_ change: (Name?, Name) -> (Name?, Name)) -> Expression {
        replacingColumns { source, name in
            let (newSource, newName) = change(source, name)
            return Expression(.column(source: newSource, newName), span: name.span)
        }
    }
}
