// WITH RECURSIVE: a question whose second half reads the rows that it gave in the round before.

import Diagnostics
import Plans
import Syntax
import Values

extension QuestionAnalysis {
    /// The rows that WITH RECURSIVE names; of a question that does not read itself those of an ordinary one.
    func recursion(_ table: CommonTable) throws(Diagnostic) -> QuestionRelation {
        let question = table.question
        guard case .combination(.union, let isAll, let first, let second, let span) = question.body, question.tables.isEmpty else {
            return try named(table)
        }
        var base = try inside(nil).relation(of: first)
        try rename(&base, to: table.columns, of: table.name)
        sources.recursions += 1
        let number = sources.recursions
        // What the step gives may need wider types than the beginning, and so may what it makes of those.
        for _ in 0..<4 {
            var seen = base
            seen.step = .working(number, types: base.columns.map(\.type))
            let step = try inside(table.name, seen: seen).relation(of: second)
            guard sources.ownReaders.contains(number) else { return try named(table) }
            guard step.columns.count == base.columns.count else {
                throw Diagnostic(
                    .statementError, "the sides of UNION have \(base.columns.count) and \(step.columns.count) columns", at: span.range)
            }
            var types: [SQLType] = []
            for (index, (a, b)) in zip(base.columns, step.columns).enumerated() {
                types.append(b.isNull ? a.type : try common(a, b.type, "column \(index + 1) of \(table.name.text)", span))
            }
            if types == base.columns.map(\.type) { return try relation(table, number, base, step, types, isAll, span) }
            base.coerce(to: types)
        }
        throw Diagnostic(
            .typeMismatch, "the types of \(table.name.text) grow with every round", hint: "CAST the columns of its second SELECT.",
            at: span.range)
    }

    private func relation(
        _ table: CommonTable, _ number: Int, _ base: QuestionRelation, _ step: QuestionRelation, _ types: [SQLType], _ isAll: Bool,
        _ span: SourceSpan
    ) throws(Diagnostic) -> QuestionRelation {
        let question = table.question
        guard question.orderBy.isEmpty, question.limit == nil, question.offset == nil else {
            throw Diagnostic(
                .featureNotSupported, "ORDER BY, LIMIT and OFFSET stand behind the question that reads \(table.name.text), not inside it",
                at: span.range)
        }
        var (result, step) = (base, step)
        step.coerce(to: types)
        result.step = .recursive(
            RelationalRecursion(name: table.name.text, number: number, base: base.step, step: step.step, isAll: isAll))
        result.depth = max(base.depth, step.depth) + 1
        try checkDepth(result.depth, span)
        for index in result.columns.indices { result.columns[index].isNull = false }
        return result
    }
}
