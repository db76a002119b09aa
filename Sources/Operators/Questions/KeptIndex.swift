// Finds kept rows by the value of an expression.

import Plans
import Values

/// An equality of an expression over the row with a value.
struct ValueEquality {
    let expression: TypedExpression
    let value: Value
}

extension TypedExpression {
    /// The first part of the condition that says what an expression over the row is equal to.
    var equalityWithValue: ValueEquality? {
        switch node {
        case .and(let a, let b): return a.equalityWithValue ?? b.equalityWithValue
        case .compare(.equal, let a, let b) where a.type == b.type:
            if case .literal(let value) = b.node, !a.columnsRead.isEmpty { return ValueEquality(expression: a, value: value) }
            if case .literal(let value) = a.node, !b.columnsRead.isEmpty { return ValueEquality(expression: b, value: value) }
            return nil
        default: return nil
        }
    }
}

/// Kept rows by what an expression gives for them.
final class KeptIndex {
    /// Which rows, by their number, and which expression.
    struct Name: Hashable {
        let rows: Int
        let expression: TypedExpression
    }

    private let type: SQLType
    private let groups: RowGroups
    private let chains: RowChains

    init(_ rows: QuestionRows, by expression: TypedExpression, _ context: QuestionContext) throws(DataflowError) {
        type = expression.type
        groups = RowGroups([type], context, for: .subqueries)
        let batch = rows.batch
        let kernel = try KernelCompiler.compile(expression, context.environment.added)
        let column = RowGroups.comparable(kernel.evaluate(context.frame(showing: batch), batch.selection))
        let present = batch.allRows.filter { !column.isNull(Int($0)) }
        let numbers = try groups.assign([column], present)
        chains = RowChains(present, groups: numbers, groupCount: groups.count, rowCount: rows.count)
        try context.hold(rows.count * 4, for: .subqueries)
    }

    /// The rows for which the expression gives this value, in their order. Nothing is equal to NULL.
    func rows(_ value: Value) -> [Int32] {
        guard !value.isNull, let group = groups.find([RowGroups.withoutMinusZero(Column(type, [value]))], 0) else { return [] }
        var found: [Int32] = []
        var row = chains.first(of: group)
        while row >= 0 {
            found.append(row)
            row = chains.next(behind: row)
        }
        return found
    }
}
