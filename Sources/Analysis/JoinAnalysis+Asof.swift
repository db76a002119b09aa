// ASOF JOIN … ON a.k = b.k AND a.t >= b.t: the equality, and the times that are compared.

import Catalog
import Diagnostics
import Plans
import Quantities
import Syntax
import Values

extension JoinAnalysis {
    /// The two parts of the condition: the equality and the comparison of times, in this order.
    private func parts(of join: WrittenJoin) throws(Diagnostic) -> (equality: Expression, times: Expression) {
        let condition = join.join.condition
        if case .logical(.and, let first, let second) = condition.node {
            if case .comparison(.equal, _, _) = first.node, case .comparison = second.node { return (first, second) }
            if case .comparison(.equal, _, _) = second.node, case .comparison = first.node { return (second, first) }
        }
        throw Diagnostic(
            .statementError, "an ASOF JOIN needs an equality and a comparison of times: ON a.k = b.k AND a.ROWTIME >= b.ROWTIME",
            hint: "Put other conditions into WHERE.", at: condition.span.range)
    }

    /// The equality of an ASOF join's condition.
    func asofEquality(of join: WrittenJoin) throws(Diagnostic) -> Expression { try parts(of: join).equality }

    /// Errors: the sides are not both streams without windows.
    func checkAsof(_ left: JoinNode, _ right: JoinNode, _ join: Join) throws(Diagnostic) {
        let range = join.span.range
        guard context.isFull else { throw Diagnostic(.featureNotSupported, "ASOF JOIN is not part of ksqlDB's dialect", at: range) }
        guard left.relation.kind == .stream, right.relation.kind == .stream, left.window == nil, right.window == nil else {
            throw Diagnostic(
                .statementError, "a continuous ASOF JOIN is one of two streams",
                hint: "CREATE STREAM over the topic of a table reads the versions of its rows.", at: range)
        }
        if join.within == nil {
            throw Diagnostic(
                .windowError, "a continuous ASOF JOIN needs WITHIN, which says how old the right row may be",
                hint: "ASOF JOIN … WITHIN 1 DAY finds a right row of the last day.", at: range)
        }
    }

    /// WITHIN of an ASOF join: how far back it looks, and whether a row of the same time counts.
    func describeAsof(_ within: Join.Within, _ join: WrittenJoin) throws(Diagnostic) -> JoinWindow {
        if within.isPair {
            throw Diagnostic(.windowError, "WITHIN of an ASOF JOIN is one length of time, back from the left row", at: within.span.range)
        }
        var window = try describe(within)
        let times = try parts(of: join).times
        window.before = try milliseconds(within.before)
        window.after = try isStrict(times, join) ? -1 : 0
        if !window.hasGrace { window.grace = Milliseconds(TemporalText.millisecondsPerDay) }
        window.asof = true
        guard window.before >= 0, window.before.checkedSum(window.grace) != nil else {
            throw Diagnostic(.windowError, "the time of the WITHIN clause must not be negative", at: within.span.range)
        }
        return window
    }

    /// Whether the left row must be later than the right one (`>`), not only as late (`>=`). Errors: the comparison is another.
    private func isStrict(_ times: Expression, _ join: WrittenJoin) throws(Diagnostic) -> Bool {
        guard case .comparison(let operation, let first, let second) = times.node else { return false }
        var analyser = ExpressionAnalyser(context: context, scope: from.scope)
        analyser.place = "JOIN ON column"
        let (a, b) = (source(ofTime: try analyser.typed(first)), source(ofTime: try analyser.typed(second)))
        switch (operation, a, b) {
        case (.greaterOrEqual, let left?, join.rightIndex?) where left < join.rightIndex: return false
        case (.greater, let left?, join.rightIndex?) where left < join.rightIndex: return true
        case (.lessOrEqual, join.rightIndex?, let left?) where left < join.rightIndex: return false
        case (.less, join.rightIndex?, let left?) where left < join.rightIndex: return true
        default:
            throw Diagnostic(
                .statementError, "a continuous ASOF JOIN compares the times of its rows: a.ROWTIME >= b.ROWTIME. Got \(text(times)).",
                hint: "TIMESTAMP in WITH makes a column the time of its rows; >, <= and < the other way round are fine, too.",
                at: times.span.range)
        }
    }

    /// The source whose time of rows the expression is; nil for any other value.
    private func source(ofTime expression: TypedExpression) -> Int? {
        guard case .column(let column) = expression.node, let index = from.source(ofColumn: column) else { return nil }
        let row = from.scope.sources[index]
        if let base = row.pseudoBase, column >= base { return row.pseudoColumns[column - base] == .rowtime ? index : nil }
        return from.sources[index].definition.timestamp?.column == row.columns[column - row.base].name ? index : nil
    }
}
