// INSERT INTO s (SELECT …), UPDATE and DELETE: what the question gives is written in one commit, all of it or nothing.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Operators
import Pipelines
import Planner
import Platform
import Plans
import Sessions
import Syntax
import Values

extension StatementExecution {
    func perform(_ change: RowChange, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let resolved = try analyse(change, in: context)
        if let refusal = refusalOfWriting(to: resolved.target, at: change.target.span.range) { throw refusal }
        try whenReadable(resolved.question.sources, whenDone) { owners throws(Diagnostic) in
            let records = try records(of: resolved, owners)
            try write(records, change, resolved, whenDone)
        }
    }

    /// Errors: a row cannot be read or computed, or would have no key where it needs one.
    private func records(of change: ResolvedChange, _ owners: [PersistentQuery]) throws(Diagnostic) -> OutgoingRecords {
        let target = change.target
        let columns = change.isDeletion ? target.schema.key : target.schema.key + target.schema.value
        let schema = RowSchema(columns: columns, keyCount: target.schema.key.count)
        let now = engine.configuration.time.wallMilliseconds()
        let (made, read, _) = try outcome(of: change.question, owners) { question throws(DataflowError) in
            try question.records(
                change.question.step, schema, key: target.keyFormat, value: target.valueFormat, isDeletion: change.isDeletion, timestamp: now,
                time: sourceStep(for: target, store: nil, failsOnInvalidTimestamp: false).timestamp,
                required: columns.indices.filter { target.required?.contains(columns[$0].name) ?? false })
        }
        if let problem = read.firstError ?? made.firstError {
            let count = made.errors.values.reduce(0, +) + read.errors.values.reduce(0, +)
            throw Diagnostic(
                .dataError, "nothing was written: \(count == 1 ? "a row" : "\(count) rows") could not be read or computed: "
                    + problem.text(topic: change.question.sources.first?.topic), category: .general, at: parsed.range)
        }
        if target.kind == .table, made.records.keys.contains(where: \.isNull) {
            throw Diagnostic(
                .nullNotAllowed, "nothing was written: the primary key of \(target.name) must not be NULL", category: .general, at: parsed.range)
        }
        return made.records
    }

    private func write(
        _ records: OutgoingRecords, _ change: RowChange, _ resolved: ResolvedChange, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let count = records.count
        let word: String
        switch change.action {
        case .insert: word = "inserted"
        case .update: word = "updated"
        case .delete: word = "deleted"
        }
        let message = count == 1 ? "1 row \(word)" : "\(count) rows \(word)"
        if records.isEmpty { return done(AnswerSummary(message: message, changed: 0), whenDone) }
        try write(records, to: resolved.target, at: change.target.span, message, whenDone)
    }
}
