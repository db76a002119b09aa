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
            let made = try writes(of: resolved, owners)
            try write(made, change, resolved, whenDone)
        }
    }

    /// Shows what RETURNING asks for in front of the end of the answer, once the rows are written.
    private func show(_ blocks: AnswerBlocks, _ returning: ReturnedRows) throws(Diagnostic) {
        sink.emit(.columns(returning.columns.map { ResultColumn($0.name, $0.type.description) }, .rows))
        for index in 0..<blocks.count {
            do throws(DataflowError) { sink.emit(.rows(try blocks.block(index))) } catch { throw Diagnostic(.ioError, error.message, category: .general) }
        }
    }

    /// Errors: a row cannot be read or computed, or would have no key where it needs one.
    private func writes(of change: ResolvedChange, _ owners: [PersistentQuery]) throws(Diagnostic) -> QuestionWrites {
        let target = change.target
        let columns = change.isDeletion ? target.schema.key : target.schema.key + target.schema.value
        let schema = RowSchema(columns: columns, keyCount: target.schema.key.count)
        let now = engine.configuration.time.wallMilliseconds()
        let (made, read, _) = try outcome(of: change.question, owners) { question throws(DataflowError) in
            try question.records(
                change.question.step, schema, key: target.keyFormat, value: target.valueFormat, isDeletion: change.isDeletion, timestamp: now,
                time: sourceStep(for: target, store: nil, failsOnInvalidTimestamp: false).timestamp,
                required: columns.indices.filter { target.required?.contains(columns[$0].name) ?? false }, returning: change.returning?.expressions)
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
        if change.refusesRepeatedKeys { try refuseRepeatedKeys(in: made.records) }
        return made
    }

    /// Errors: ON CONFLICT DO UPDATE gives two rows with one key, of which neither has seen the other.
    private func refuseRepeatedKeys(in records: OutgoingRecords) throws(Diagnostic) {
        var seen: Set<[UInt8]> = []
        for index in 0..<records.count {
            guard let key = records.keyBytes(index), !seen.insert(key).inserted else { continue }
            throw Diagnostic(
                .dataError, "nothing was written: two rows have one key, and ON CONFLICT DO UPDATE changes a row once", category: .general,
                hint: "Give each key once, or write the rows by several statements.", at: parsed.range)
        }
    }

    private func write(
        _ made: QuestionWrites, _ change: RowChange, _ resolved: ResolvedChange, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let count = made.records.count
        let word: String
        switch change.action {
        case .insert: word = "inserted"
        case .update: word = "updated"
        case .delete: word = "deleted"
        }
        let message = count == 1 ? "1 row \(word)" : "\(count) rows \(word)"
        let show: @Sendable () throws(Diagnostic) -> Int = { () throws(Diagnostic) in
            guard let returning = resolved.returning, let blocks = made.returned else { return 0 }
            try self.show(blocks, returning)
            return count
        }
        if made.records.isEmpty { return done(AnswerSummary(message: message, rows: try show(), changed: 0), whenDone) }
        try write(made.records, to: resolved.target, at: change.target.span, message, showing: show, whenDone)
    }
}
