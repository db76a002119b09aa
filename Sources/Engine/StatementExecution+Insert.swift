// INSERT INTO … VALUES: acknowledged when the row is durable.

import Analysis
import Bytes
import Catalog
import Diagnostics
import LogStore
import Pipelines
import Plans
import Platform
import Quantities
import Sessions
import Syntax
import Values

extension StatementExecution {
    func perform(_ insert: InsertValues, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let row = try analyse(insert, in: context)
        if let refusal = refusalOfWriting(to: row.target, at: insert.target.span.range) { throw refusal }
        guard let topic = engine.log.describeTopic(named: row.target.topic) else {
            throw Diagnostic(
                .unknownTopic, "the topic \(row.target.topic) of \(row.target.name) does not exist", at: insert.target.span.range)
        }
        var timestamp = engine.configuration.time.wallMilliseconds()
        if let expression = row.rowtime {
            guard let value = Int64(try ConstantEvaluator(engine: engine).text(of: expression)) else {
                throw Diagnostic(.nullNotAllowed, "ROWTIME must not be NULL", at: insert.target.span.range)
            }
            guard value >= 0, let time = EventTime(milliseconds: value) else {
                throw Diagnostic(
                    .dataError, "ROWTIME \(value) is not a time between the years 1970 and 9999",
                    hint: "ROWTIME counts milliseconds since 1970-01-01T00:00:00Z, from 0 to \(EventTime.latest.milliseconds).",
                    at: insert.target.span.range)
            }
            timestamp = time.milliseconds
        }
        let records = try ConstantEvaluator(engine: engine).records(of: row.values, for: row.target, timestamp: timestamp)
        // 31 bits, as many as there are.
        let keyless = PartitionIndex(clamping: Int64(truncatingIfNeeded: engine.configuration.random.next() >> 33))
        let output = OutputTopic(topic: topic.id, partitions: topic.partitions.count)
        let execution = self
        // An insert of a script is remembered in the commit that makes it.
        let mark = session.state.withLock { $0.scriptMark }
        let appends = try output.appends(of: records, keyless: keyless) + engine.markAppends(mark)
        engine.log.commit(Commit(appends)) { result in
            // The log's thread has no time for a client.
            execution.goOn(on: execution.engine.statements, whenDone) { () throws(Diagnostic) in
                if case .failure(let error) = result { throw Diagnostic(error, about: row.target.topic) }
                if let mark { execution.engine.state.withLock { $0.catalog.set(.scriptMark(mark)) } }
                execution.session.state.withLock { $0.noteRows() }
                execution.done(AnswerSummary(message: "1 row inserted"), whenDone)
            }
        }
    }
}
