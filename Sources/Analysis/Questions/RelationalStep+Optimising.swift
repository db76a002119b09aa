// Rewrites of plans that change no result: conditions move down to the rows that they read, limits below what
// is computed of each row, equalities become keys of joins, scans read only
// the columns that are needed.

import Plans
import Values

extension RelationalStep {
    /// The plan with its conditions moved down and its scans narrowed.
    var optimised: RelationalStep { lowered.narrowed(to: nil) }

    // MARK: Conditions

    private var lowered: RelationalStep {
        switch self {
        case .filter(let input, let predicate): return input.lowered.filtered(by: predicate.conjuncts)
        // What a row beyond the limit would be is not computed.
        case .limit(.project(let input, let expressions), let offset, let limit):
            return .project(RelationalStep.limit(input, offset: offset, limit: limit).lowered, expressions)
        case .scan, .system, .rows, .kept, .working: return self
        default: return mappingInputs(\.lowered)
        }
    }

    /// The step with each of its inputs changed; the plans of subqueries are changed, too.
    private func mappingInputs(_ change: (RelationalStep) -> RelationalStep) -> RelationalStep {
        switch self {
        case .scan, .system, .rows, .kept, .working: return self
        case .lateral(var lateral):
            lateral.input = change(lateral.input)
            lateral.subquery = change(lateral.subquery)
            return .lateral(lateral)
        case .recursive(var recursion):
            recursion.base = change(recursion.base)
            recursion.step = change(recursion.step)
            return .recursive(recursion)
        case .filter(let input, let predicate): return .filter(change(input), predicate: predicate)
        case .project(let input, let expressions): return .project(change(input), expressions)
        case .join(var join):
            join.left = change(join.left)
            join.right = change(join.right)
            return .join(join)
        case .apply(var apply):
            apply.input = change(apply.input)
            apply.subquery = change(apply.subquery)
            return .apply(apply)
        case .unnest(let input, let calls): return .unnest(change(input), calls)
        case .aggregate(var aggregation):
            aggregation.input = change(aggregation.input)
            return .aggregate(aggregation)
        case .window(let input, let calls): return .window(change(input), calls)
        case .distinct(let input): return .distinct(change(input))
        case .combine(var combination):
            combination.left = change(combination.left)
            combination.right = change(combination.right)
            return .combine(combination)
        case .sort(let input, let keys, let limit): return .sort(change(input), keys, limit: limit)
        case .limit(let input, let offset, let limit): return .limit(change(input), offset: offset, limit: limit)
        }
    }

    /// The rows for which all conditions are true, each tested as far down as it can be.
    func filtered(by conditions: [TypedExpression]) -> RelationalStep {
        if conditions.isEmpty { return self }
        switch self {
        case .scan(var scan):
            let own = conditions.filter { $0.isOverOwnRow }
            scan.filter = .all((scan.filter.map { [$0] } ?? []) + own.map { $0.overPseudoColumns(of: scan) })
            return RelationalStep.scan(scan).kept(conditions.filter { !$0.isOverOwnRow })
        case .filter(let input, let predicate): return input.filtered(by: predicate.conjuncts + conditions)
        case .join(let join): return JoinOrder(join, conditions).reordered ?? join.filtered(by: conditions)
        case .lateral(var lateral):
            let width = lateral.input.types.count
            func isLower(_ condition: TypedExpression) -> Bool {
                condition.columnsRead.allSatisfy { $0 < width || $0 >= QuestionColumns.parameters }
            }
            lateral.input = lateral.input.filtered(by: conditions.filter(isLower))
            return RelationalStep.lateral(lateral).kept(conditions.filter { !isLower($0) })
        case .apply(var apply):
            let width = apply.input.types.count
            let lower = conditions.filter { !$0.columnsRead.contains(width) }
            apply.input = apply.input.filtered(by: lower)
            return RelationalStep.apply(apply).kept(conditions.filter { $0.columnsRead.contains(width) })
        default: return kept(conditions)
        }
    }

    func kept(_ conditions: [TypedExpression]) -> RelationalStep {
        TypedExpression.all(conditions).map { .filter(self, predicate: $0) } ?? self
    }

    // MARK: Columns

    /// The plan with scans that read only what is needed for the columns `needed`, all when nil. Places in rows stay as they are.
    private func narrowed(to needed: Set<Int>?) -> RelationalStep {
        func all(_ step: RelationalStep) -> Set<Int> { needed ?? Set(step.types.indices) }
        switch self {
        case .scan(var scan):
            let wanted = all(self)
            scan.needed = scan.columns.indices.map { wanted.contains($0) }
            return .scan(scan)
        case .system, .rows, .kept, .working: return self
        case .lateral(var lateral):
            let width = lateral.input.types.count
            let wanted = all(self).union(lateral.condition?.columnsRead ?? []).filter { $0 < width }
            lateral.input = lateral.input.narrowed(to: wanted.union(Self.read(by: lateral.parameters)))
            lateral.subquery = lateral.subquery.narrowed(to: nil)
            return .lateral(lateral)
        case .recursive: return mappingInputs { $0.narrowed(to: nil) }
        case .filter(let input, let predicate):
            return .filter(input.narrowed(to: all(input).union(predicate.columnsRead)), predicate: predicate)
        case .project(let input, var expressions):
            // What nobody needs is not computed; its place stays.
            if let needed {
                for index in expressions.indices where !needed.contains(index) { expressions[index] = .unneeded(expressions[index].type) }
            }
            return .project(input.narrowed(to: Self.read(by: expressions.filter { !$0.isUnneeded })), expressions)
        case .join(let join): return join.narrowed(to: needed)
        case .apply(var apply):
            var wanted = all(apply.input).filter { $0 < apply.input.types.count }.union(Self.read(by: apply.parameters))
            if case .isIn(let operand) = apply.kind { wanted.formUnion(operand.columnsRead) }
            apply.input = apply.input.narrowed(to: wanted)
            apply.subquery = apply.subquery.narrowed(to: apply.kind == .exists ? [] : nil)
            return .apply(apply)
        case .unnest(let input, let calls):
            let width = input.types.count
            return .unnest(input.narrowed(to: all(input).filter { $0 < width }.union(Self.read(by: calls.flatMap(\.arguments)))), calls)
        case .aggregate(var aggregation):
            let arguments = aggregation.aggregates.flatMap { $0.call.arguments + ($0.filter.map { [$0] } ?? []) }
            aggregation.input = aggregation.input.narrowed(to: Self.read(by: aggregation.grouping + arguments))
            return .aggregate(aggregation)
        case .window(let input, let calls):
            let width = input.types.count
            return .window(input.narrowed(to: all(input).filter { $0 < width }.union(Self.read(by: calls.flatMap(\.expressions)))), calls)
        case .distinct(let input): return .distinct(input.narrowed(to: nil))
        case .combine(var combination):
            combination.left = combination.left.narrowed(to: nil)
            combination.right = combination.right.narrowed(to: nil)
            return .combine(combination)
        case .sort(let input, let keys, let limit):
            return .sort(input.narrowed(to: all(input).union(Self.read(by: keys.map(\.expression)))), keys, limit: limit)
        case .limit(let input, let offset, let limit): return .limit(input.narrowed(to: needed), offset: offset, limit: limit)
        }
    }

    fileprivate func narrow(to needed: Set<Int>) -> RelationalStep { narrowed(to: needed) }

    fileprivate static func read(by expressions: [TypedExpression]) -> Set<Int> {
        expressions.reduce(into: []) { $0.formUnion($1.columnsRead.filter { $0 < QuestionColumns.parameters }) }
    }
}

extension RelationalJoin {
    /// Conditions on the joined rows that read one side go down to it where no rows of that side are made up of NULLs; of an inner join the
    /// others become keys and conditions.
    fileprivate func filtered(by conditions: [TypedExpression]) -> RelationalStep {
        let width = left.types.count
        var (lower, higher, kept): ([TypedExpression], [TypedExpression], [TypedExpression]) = ([], [], [])
        for condition in conditions {
            switch (condition.side(width), type) {
            case (false?, .inner), (false?, .left): lower.append(condition)
            // Before one of the right rows is chosen, all of them count.
            case (true?, .inner) where choice == nil, (true?, .right):
                higher.append(condition.mappingColumns { $0 < QuestionColumns.parameters ? $0 - width : $0 })
            default: kept.append(condition)
            }
        }
        let (first, second) = (left.filtered(by: lower), right.filtered(by: higher))
        guard type == .inner, choice == nil, !kept.isEmpty else {
            var join = self
            (join.left, join.right) = (first, second)
            return RelationalStep.join(join).kept(kept)
        }
        var join = RelationalJoin(
            left: first, right: second, type: .inner, conditions: kept + (condition.map { [$0] } ?? []), leftWidth: width)
        join.leftKeys = leftKeys + join.leftKeys
        join.rightKeys = rightKeys + join.rightKeys
        return .join(join)
    }

    fileprivate func narrowed(to needed: Set<Int>?) -> RelationalStep {
        let width = left.types.count
        let wanted = (needed ?? Set(0..<width + right.types.count)).union(condition?.columnsRead ?? [])
        var join = self
        join.left = left.narrow(to: wanted.filter { $0 < width }.union(RelationalStep.read(by: leftKeys)))
        let columns = wanted.filter { $0 >= width && $0 < QuestionColumns.parameters }.map { $0 - width }
        join.right = right.narrow(to: Set(columns).union(RelationalStep.read(by: rightKeys + (choice.map { [$0.value] } ?? []))))
        return .join(join)
    }
}

extension TypedExpression {
    /// Whether the expression reads nothing of a row around.
    fileprivate var isOverOwnRow: Bool { columnsRead.allSatisfy { $0 < QuestionColumns.parameters } }

    /// The condition over a source's own columns, with what records carry beside them as pseudo columns.
    fileprivate func overPseudoColumns(of scan: RelationalScan) -> TypedExpression {
        let base = scan.columns.count - scan.pseudoColumns.count
        return replacing { part in
            guard case .column(let index) = part.node, index >= base else { return nil }
            return TypedExpression(.pseudo(scan.pseudoColumns[index - base]), part.type)
        }
    }
}

extension WindowFunctionCall {
    /// All expressions that it reads.
    fileprivate var expressions: [TypedExpression] {
        let own: [TypedExpression] =
            switch function {
            case .rowNumber, .rank, .denseRank, .percentRank, .cumulativeDistribution: []
            case .ntile(let count): [count]
            case .lag(let value, let offset, let otherwise), .lead(let value, let offset, let otherwise): [value, offset, otherwise]
            case .firstValue(let value), .lastValue(let value): [value]
            case .nthValue(let value, let number): [value, number]
            case .aggregate(let aggregate): aggregate.call.arguments + (aggregate.filter.map { [$0] } ?? [])
            }
        return own + partitionBy + orderBy.map(\.expression)
    }
}
