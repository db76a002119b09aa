// What WHERE says of one side of a join alone: rows of that side for which it is not true need not be kept. The condition stays above the
// join, too, which judges what the sides let through.

import Analysis
import Plans
import Values

extension JoinStep {
    /// The step, told what of the predicate above it concerns one side alone. Only of joins of tables: of streams even a row that makes
    /// nothing moves their time on.
    func knowing(_ predicate: TypedExpression) -> JoinStep {
        guard isTable else { return self }
        let keyCount = output.keyCount
        let leftEnd = keyCount + left.output.columns.count
        let parts = predicate.conjuncts.filter(\.cannotFail)
        var step = self
        if type == .inner || type == .left { step.leftCondition = JoinStep.condition(parts, over: keyCount..<leftEnd) }
        if type == .inner || type == .right { step.rightCondition = JoinStep.condition(parts, over: leftEnd..<output.columns.count) }
        return step
    }

    /// Those of `parts` that read columns in `columns` alone, as one expression over a row of these.
    private static func condition(_ parts: [TypedExpression], over columns: Range<Int>) -> TypedExpression? {
        let own = parts.filter { !$0.columnsRead.isEmpty && $0.columnsRead.allSatisfy(columns.contains) }
        let moved = own.map { part in part.mappingColumns { $0 - columns.lowerBound } }
        return TypedExpression.all(moved)
    }
}

extension TypedExpression {
    /// The expressions that must all be true for this one to be.
    fileprivate var conjuncts: [TypedExpression] {
        if case .and(let a, let b) = node { return a.conjuncts + b.conjuncts }
        return [self]
    }

    /// Whether the expression has a value for every row: rows that would not have reached it are not reported.
    fileprivate var cannotFail: Bool {
        switch node {
        case .literal, .column: true
        case .compare, .isDistinct, .and, .or, .not, .isNull, .between, .isIn: children.allSatisfy(\.cannotFail)
        case .pseudo, .lambdaParameter, .arithmetic, .negate, .like, .searchedCase, .cast, .subscripted, .field, .makeArray, .makeMap,
            .makeStruct, .call, .lambda:
            false
        }
    }
}
