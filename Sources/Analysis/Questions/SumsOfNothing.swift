// SUM and AVG of no row are NULL, as in SQL: ksqlDB, where those of NULLs alone are 0, has no group and no frame without rows.

import Plans
import Values

extension RelationalAggregate {
    var isSum: Bool { call.function == "SUM" || call.function == "AVG" }

    /// The number of rows that it counts.
    var countOfRows: RelationalAggregate {
        let count = AggregateCall(function: "COUNT", arguments: [.literal(.integer(1), .integer)], options: [], result: .bigint)
        return RelationalAggregate(call: count, filter: filter)
    }
}

extension WindowFunctionCall {
    /// Whether its frame may be empty.
    var mayHaveNoRows: Bool {
        if exclusion != .none { return true }
        return switch (start, end) {
        case (.following, _), (_, .preceding): true
        default: false
        }
    }
}

extension TypedExpression {
    /// NULL where a number of rows is 0.
    func unlessZero(_ rows: TypedExpression) -> TypedExpression {
        let isNothing = TypedExpression(.compare(.equal, rows, .literal(.bigint(0), .bigint)), .boolean)
        return TypedExpression(.searchedCase([CaseBranch(condition: isNothing, result: .literal(.null, type))], otherwise: self), type)
    }
}

extension QuestionParts {
    /// What an aggregate gives a group.
    func column(of aggregate: RelationalAggregate) -> TypedExpression {
        let result = TypedExpression.column(ExpressionAnalyser.aggregateBase + number(of: aggregate), aggregate.call.result)
        guard aggregate.isSum, !groupsHaveRows || aggregate.filter != nil else { return result }
        return result.unlessZero(.column(ExpressionAnalyser.aggregateBase + number(of: aggregate.countOfRows), .bigint))
    }

    /// What a window function gives a row.
    func column(of call: WindowFunctionCall) -> TypedExpression {
        if let known = windows.firstIndex(of: call) { return .column(QuestionColumns.windows + known, call.type) }
        windows.append(call)
        return .column(QuestionColumns.windows + windows.count - 1, call.type)
    }
}
