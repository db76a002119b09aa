// Rewrites that give a clause its place in the query: grouped expressions become columns, names become qualified.

import Diagnostics
import Functions
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

extension Expression {
    /// What kind of call stands in an item of a SELECT list.
    enum CallKind {
        case window, aggregate, plain
    }

    /// The kind of call that decides when the expression can be computed.
    var kindOfCall: CallKind {
        var kind = CallKind.plain
        walk { part in
            switch part.node {
            case .modifiedCall(_, _, let modifiers): kind = modifiers.window != nil || kind == .window ? .window : .aggregate
            case .call(let name, _) where kind == .plain:
                if FunctionTable.builtIn.family(named: name.text, withAliases: true)?.kind == .aggregate { kind = .aggregate }
            default: break
            }
        }
        return kind
    }
}

extension [SelectItem] {
    /// The items that have an alias of their own, by that.
    var byAlias: [String: Expression] {
        var found: [String: Expression] = [:]
        var twice: Set<String> = []
        for case .expression(let expression, let alias?) in self {
            if found.updateValue(expression, forKey: alias.text) != nil { twice.insert(alias.text) }
        }
        for name in twice { found[name] = nil }
        return found
    }
}

extension Diagnostic {
    /// The complaint about a condition of WHERE, with what to do where it names an item of the SELECT list, which is computed later.
    func advised(about filter: Expression, _ aliases: [String: Expression]) -> Diagnostic {
        guard code == .unknownColumn, hint == nil else { return self }
        var advised = self
        filter.walk { part in
            guard advised.hint == nil, case .column(nil, let name) = part.node, name.span.range?.start == range?.start,
                let item = aliases[name.text]
            else { return }
            let advice =
                switch item.kindOfCall {
                case .window: "QUALIFY in its place filters by it."
                case .aggregate: "HAVING, behind GROUP BY, filters by it."
                case .plain: "write its expression here."
                }
            advised.hint = "\(name.text) is an item of the SELECT list, which is computed behind WHERE: \(advice)"
        }
        return advised
    }
}
