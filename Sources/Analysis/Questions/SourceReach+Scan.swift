// How far a source is read, as its statement says it: places of a stream become conditions on ROWOFFSET and ROWTIME, so that rows are the same
// ones whatever order their times have in the log.

import Catalog
import Diagnostics
import Plans
import Syntax
import Values

extension RelationalScan {
    /// Takes in what FROM … UNTIL or AS OF says. Errors: it is about another kind of source, or no time.
    mutating func limit(to reach: SourceReach, of source: SourceDefinition) throws(Diagnostic) {
        if let text = reach.asOf {
            guard source.kind == .table else {
                throw Diagnostic(
                    .wrongObjectKind, "AS OF is for tables, and \(source.name) is a stream",
                    hint: "FROM \(source.name) UNTIL TIMESTAMP '\(text)' has its rows before that time.", at: reach.span.range)
            }
            asOf = try milliseconds(text, reach)
            return
        }
        guard source.kind == .stream else {
            throw Diagnostic(
                .wrongObjectKind, "FROM and UNTIL are for streams, and \(source.name) is a table",
                hint: "FROM \(source.name) AS OF TIMESTAMP '…' has its rows as they were at that time.", at: reach.span.range)
        }
        var conditions: [TypedExpression] = []
        switch reach.start {
        case .earliest, nil: break
        case .latest: isFromEnd = true
        case .offset(let offset): conditions.append(.pseudo(.rowoffset, .greaterOrEqual, try counted(offset, reach)))
        case .timestamp(let text): conditions.append(.pseudo(.rowtime, .greaterOrEqual, try milliseconds(text, reach)))
        }
        switch reach.end {
        case .offset(let offset): conditions.append(.pseudo(.rowoffset, .less, try counted(offset, reach)))
        case .timestamp(let text): conditions.append(.pseudo(.rowtime, .less, try milliseconds(text, reach)))
        case .earliest, .latest, nil: break
        }
        filter = .all((filter.map { [$0] } ?? []) + conditions)
    }

    private func counted(_ offset: Int64, _ reach: SourceReach) throws(Diagnostic) -> Int64 {
        guard offset >= 0 else { throw Diagnostic(.statementError, "negative OFFSET: \(offset)", at: reach.span.range) }
        return offset
    }

    private func milliseconds(_ text: String, _ reach: SourceReach) throws(Diagnostic) -> Int64 {
        guard let time = TemporalText.timestamp(text.utf8) else {
            throw Diagnostic(
                .invalidDateTime, "'\(text)' is no TIMESTAMP", hint: "Write it like '2026-01-31T09:30:00' or '2026-01-31T09:30:00.000Z'.",
                at: reach.span.range)
        }
        return time
    }
}

extension TypedExpression {
    /// `ROWTIME >= value` and its kind.
    fileprivate static func pseudo(_ column: PseudoColumn, _ comparison: Plans.ComparisonOperator, _ value: Int64) -> TypedExpression {
        TypedExpression(.compare(comparison, TypedExpression(.pseudo(column), column.type), .literal(.bigint(value), .bigint)), .boolean)
    }
}
