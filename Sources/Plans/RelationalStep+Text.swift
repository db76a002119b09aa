// The text form of a question's plan: one line a step, inputs below and indented.

import Values

extension RelationalStep {
    /// The plan, a step a line, each step's inputs below it with two blanks more.
    package var lines: [String] {
        [heading] + inputs.flatMap(\.lines).map { "  " + $0 }
    }

    /// The steps right below, from the left, those of subqueries included.
    package var inputs: [RelationalStep] {
        switch self {
        case .scan, .system, .rows, .kept, .working: []
        case .lateral(let lateral): [lateral.input, lateral.subquery]
        case .recursive(let recursion): [recursion.base, recursion.step]
        case .filter(let input, _), .project(let input, _), .unnest(let input, _), .window(let input, _), .distinct(let input),
            .sort(let input, _, _), .limit(let input, _, _):
            [input]
        case .join(let join): [join.left, join.right]
        case .apply(let apply): [apply.input, apply.subquery]
        case .aggregate(let aggregation): [aggregation.input]
        case .combine(let combination): [combination.left, combination.right]
        }
    }

    /// The step alone, in one line.
    package var heading: String {
        switch self {
        case .scan(let scan):
            let read = zip(scan.columns, scan.needed).filter(\.1).map(\.0.name).joined(separator: ", ")
            return "SCAN \(scan.source) (reads \(read.isEmpty ? "no column" : read))" + (scan.isFromEnd ? " FROM LATEST" : "")
                + (scan.asOf.map { " AS OF \($0)" } ?? "") + (scan.filter.map { " WHERE \(text($0, scan.columns))" } ?? "")
        case .system(let name, _): return "SYSTEM TABLE \(name)"
        case .rows(let rows, _): return "ROWS (\(rows.count))"
        case .kept(let number, _, _): return "KEPT \(number)"
        case .lateral(let lateral):
            return "\(lateral.type.rawValue) LATERAL"
                + (lateral.parameters.isEmpty ? ", once" : ", once for each \(texts(lateral.parameters))")
                + (lateral.condition.map { " WITH \(text($0))" } ?? "")
        case .recursive(let recursion): return "RECURSION \(recursion.name)" + (recursion.isAll ? "" : ", each different row once")
        case .working: return "ROWS OF THE ROUND BEFORE"
        case .filter(_, let predicate): return "FILTER \(text(predicate))"
        case .project(_, let expressions): return "PROJECT \(texts(expressions))"
        case .join(let join):
            let keys = zip(join.leftKeys, join.rightKeys).map { "\(text($0)) = \(text($1))" }.joined(separator: " AND ")
            let name = join.leftKeys.isEmpty ? "NESTED LOOP" : "HASH"
            return (join.choice == nil ? "" : "ASOF ") + "\(join.type.rawValue) JOIN, \(name)" + (keys.isEmpty ? "" : " ON \(keys)")
                + (join.condition.map { " WITH \(text($0))" } ?? "")
        case .apply(let apply):
            return "SUBQUERY" + (apply.parameters.isEmpty ? ", once" : ", once for each \(texts(apply.parameters))")
        case .unnest(_, let calls): return "UNNEST \(calls.map(\.function).joined(separator: ", "))"
        case .aggregate(let aggregation):
            return "AGGREGATE \(aggregation.aggregates.map(\.call.function).joined(separator: ", "))"
                + (aggregation.grouping.isEmpty ? "" : " BY \(texts(aggregation.grouping))")
                + (aggregation.sets.map { " IN \($0.count) SETS" } ?? "")
        case .window(_, let calls): return "WINDOW (\(calls.count) functions)"
        case .distinct: return "DISTINCT"
        case .combine(let combination): return combination.operation.rawValue + (combination.isAll ? " ALL" : "")
        case .sort(_, let keys, let limit):
            let order = keys.map { text($0.expression) + ($0.isDescending ? " DESC" : "") }.joined(separator: ", ")
            return (limit.map { "FIRST \($0)" } ?? "SORT") + " BY \(order)"
        case .limit(_, let offset, let limit): return "LIMIT \(limit.map(String.init) ?? "ALL") OFFSET \(offset)"
        }
    }

    private func texts(_ expressions: [TypedExpression]) -> String { expressions.map { text($0) }.joined(separator: ", ") }

    /// An expression over the input's row, whose columns have numbers only where they have no names.
    private func text(_ expression: TypedExpression, _ columns: [ColumnDefinition]? = nil) -> String {
        expression.isUnneeded ? "_" : expression.text(over: RowSchema(columns: columns ?? [], keyCount: 0))
    }
}
