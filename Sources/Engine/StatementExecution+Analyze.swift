// EXPLAIN ANALYZE: carries a query out over what is there now, and says instead of its rows what each step has made of them, and how long
// that took.

import Analysis
import Diagnostics
import JSONText
import Operators
import Platform
import Quantities
import Sessions
import Syntax

extension StatementExecution {
    /// Carries out the query of a statement. One that would go on is carried out over what its sources hold, to their ends: what it would
    /// make, and keep, is not made.
    func analyze(_ statement: Statement, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let question: Question
        switch statement {
        case .question(let asked, _): question = asked
        case .query(let query): question = bounded(query)
        case .createAs(let create): question = bounded(create.query)
        case .insertSelect(let insert): question = bounded(insert.query)
        default: throw Diagnostic(.statementError, "EXPLAIN ANALYZE takes a query, CREATE … AS SELECT or INSERT INTO … SELECT", at: parsed.range)
        }
        let resolved = try analyse(question, in: context)
        try checkAllowed(over: resolved.sources, hasLimit: question.limit != nil, at: question.span.range)
        try whenReadable(resolved.sources, whenDone) { owners throws(Diagnostic) in
            let time = engine.configuration.time
            let profile = QuestionProfile { time.monotonicNanoseconds() }
            let (found, records, id) = try outcome(of: resolved, owners, profile: profile) { question throws(DataflowError) in
                try question.answer(resolved.step)
            }
            var summary = answer(listing(profile.result))
            let errors = records.errors.merging(found.errors) { $0 + $1 }
            summary.skipped = errors.values.reduce(0, +)
            summary.causes = errors.map { CauseCount(cause: $0.key.rawValue, count: $0.value) }.sorted { $0.cause < $1.cause }
            summary.queryID = id
            summary.readings = records.readings
            done(summary, whenDone)
        }
    }

    /// The query as a question about what is there now.
    private func bounded(_ query: Query) -> Question {
        if query.emit != nil {
            sink.emit(.notice("carried out once over what is there now, as a question; a continuous query does the same work as rows come"))
        }
        var query = query
        query.emit = nil
        return query.question
    }

    /// A row a step, the answer first, with the share of each in the time of all.
    private func listing(_ steps: [QuestionProfile.Step]) -> Listing {
        var listing = Listing([
            ("Step", "STRING"), ("Rows", "BIGINT"), ("Milliseconds", "DOUBLE"), ("Share", "STRING"), ("Most Bytes", "BIGINT"), ("Runs", "BIGINT"),
        ])
        let total = max(1, steps.reduce(0) { $0 + $1.nanoseconds })
        for step in steps {
            let indent = String(repeating: "  ", count: step.depth)
            let microseconds = step.nanoseconds / 1_000
            listing.add([
                .string(indent + step.heading), step.depth == 0 ? .null : .integer(step.rows), .number("\(Double(microseconds) / 1_000)"),
                .string("\(step.nanoseconds * 100 / total) %"), .integer(step.mostBytes), step.depth == 0 ? .null : .integer(step.runs),
            ])
        }
        return listing
    }
}
