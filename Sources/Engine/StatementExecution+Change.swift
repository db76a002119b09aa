// INSERT INTO s (SELECT …), UPDATE and DELETE: what the question gives is written in one commit, all of it or nothing.

import Analysis
import Bytes
import Catalog
import Diagnostics
import LogStore
import Operators
import Pipelines
import Platform
import Plans
import Quantities
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
                change.question.step, schema, key: target.keyFormat, value: target.valueFormat, isDeletion: change.isDeletion, timestamp: now)
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
        let target = resolved.target
        let count = records.count
        let word: String
        switch change.action {
        case .insert: word = "inserted"
        case .update: word = "updated"
        case .delete: word = "deleted"
        }
        let message = count == 1 ? "1 row \(word)" : "\(count) rows \(word)"
        if records.isEmpty { return done(AnswerSummary(message: message), whenDone) }
        guard let topic = engine.log.describeTopic(named: target.topic) else {
            throw Diagnostic(.unknownTopic, "the topic \(target.topic) of \(target.name) does not exist", at: change.target.span.range)
        }
        // 31 bits, as many as there are.
        let keyless = PartitionIndex(clamping: Int64(truncatingIfNeeded: engine.configuration.random.next() >> 33))
        let output = OutputTopic(topic: topic.id, partitions: topic.partitions.count)
        let execution = self
        let mark = session.state.withLock { $0.scriptMark }
        let appends = try output.appends(of: records, keyless: keyless) + engine.markAppends(mark)
        engine.log.commit(Commit(appends)) { result in
            // The log's thread has no time for a client.
            execution.goOn(on: execution.engine.statements, whenDone) { () throws(Diagnostic) in
                if case .failure(let error) = result { throw Diagnostic(error, about: target.topic) }
                if let mark { execution.engine.state.withLock { $0.catalog.set(.scriptMark(mark)) } }
                execution.session.state.withLock { $0.noteRows() }
                execution.done(AnswerSummary(message: message), whenDone)
            }
        }
    }
}
