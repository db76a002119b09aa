// INSERT INTO … VALUES: acknowledged when the rows are durable, all of them or none.

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
        let rows = try analyse(insert, in: context)
        guard let target = rows.first?.target else { return done(AnswerSummary(message: "0 rows inserted", changed: 0), whenDone) }
        if let refusal = refusalOfWriting(to: target, at: insert.target.span.range) { throw refusal }
        var records = OutgoingRecords()
        for row in rows {
            try refuseTimeless(row, at: insert.target.span.range)
            try refuseNulls(in: row, at: insert.target.span.range)
            let made = try ConstantEvaluator(engine: engine, place: insert.target.span.range).records(
                of: row.values, for: target, timestamp: try timestamp(of: row, at: insert.target.span.range), checksTime: context.isFull)
            for index in 0..<made.count {
                if target.kind == .table, made.keys[index].isNull {
                    throw Diagnostic(
                        .nullNotAllowed, "the primary key of \(target.name) must not be NULL", category: .general, at: insert.target.span.range)
                }
                records.append(key: made.keyBytes(index), value: made.valueBytes(index), timestamp: made.timestamps[index])
            }
        }
        try write(records, to: target, at: insert.target.span, rows.count == 1 ? "1 row inserted" : "\(rows.count) rows inserted", whenDone)
    }

    /// Writes records into a source's topic in one commit, and answers with `message` once that is durable, behind what `show` shows; it gives how many
    /// rows these are.
    func write(
        _ records: OutgoingRecords, to target: SourceDefinition, at place: SourceSpan, _ message: String,
        showing show: @escaping @Sendable () throws(Diagnostic) -> Int = { () throws(Diagnostic) in 0 }, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        guard let topic = engine.log.describeTopic(named: target.topic) else {
            throw Diagnostic(.unknownTopic, "the topic \(target.topic) of \(target.name) does not exist", at: place.range)
        }
        try refuseLarge(records, topic, at: place.range)
        // 31 bits, as many as there are.
        let keyless = PartitionIndex(clamping: Int64(truncatingIfNeeded: engine.configuration.random.next() >> 33))
        let output = OutputTopic(topic: topic.id, partitions: topic.partitions.count)
        let execution = self
        // An insert of a script is remembered in the commit that makes it.
        let mark = session.state.withLock { $0.scriptMark }
        let count = records.count
        let appends = try output.appends(of: records, keyless: keyless) + engine.markAppends(mark)
        engine.log.commit(Commit(appends)) { result in
            // The log's thread has no time for a client.
            execution.goOn(on: execution.engine.statements, whenDone) { () throws(Diagnostic) in
                if case .failure(let error) = result { throw Diagnostic(error, about: target.topic) }
                if let mark { execution.engine.state.withLock { $0.catalog.set(.scriptMark(mark)) } }
                execution.session.state.withLock { $0.noteRows() }
                execution.done(AnswerSummary(message: message, rows: try show(), changed: count), whenDone)
            }
        }
    }

    /// Errors: a record that makes a larger batch than the topic takes, as a producer would be told. What a codec makes of it is not known here.
    private func refuseLarge(_ records: OutgoingRecords, _ topic: TopicDescription, at place: SourceRange?) throws(Diagnostic) {
        guard topic.config.compression == .none else { return }
        for index in 0..<records.count {
            let size = RecordBatchHeader.byteCount + max(0, Int(records.keys[index].length)) + max(0, Int(records.values[index].length))
            guard ByteCount(length: size) > topic.config.largestBatch else { continue }
            throw Diagnostic(
                .tooLarge, "a row of \(size) bytes is too large for the topic \(topic.name), which takes \(topic.config.largestBatch) (max.message.bytes)",
                category: .general, at: place)
        }
    }

    /// Errors: the row has NULL where its source takes the times of rows from, so that no query would ever see it.
    private func refuseTimeless(_ row: InsertRow, at place: SourceRange?) throws(Diagnostic) {
        guard context.isFull, let timestamp = row.target.timestamp else { return }
        let columns = row.target.schema.key + row.target.schema.value
        guard let index = columns.firstIndex(where: { $0.name == timestamp.column }), row.values.indices.contains(index),
            try ConstantEvaluator(engine: engine).text(of: row.values[index]) == "null"
        else { return }
        throw Diagnostic(
            .nullNotAllowed, "\(timestamp.column) must not be NULL: \(row.target.name) takes the time of its rows from it",
            category: .general, at: place)
    }

    /// Errors: a column that is NOT NULL would be NULL. Literals have been looked at before.
    private func refuseNulls(in row: InsertRow, at place: SourceRange?) throws(Diagnostic) {
        let columns = row.target.schema.key + row.target.schema.value
        for name in row.target.required ?? [] {
            guard let index = columns.firstIndex(where: { $0.name == name }), row.values.indices.contains(index) else { continue }
            if case .literal = row.values[index].node { continue }
            guard try ConstantEvaluator(engine: engine).text(of: row.values[index]) == "null" else { continue }
            throw Diagnostic(.nullNotAllowed, "`\(name)` is NOT NULL", category: .general, at: place)
        }
    }

    /// The time of a row's record: its ROWTIME, or now. Errors: that is no time.
    private func timestamp(of row: InsertRow, at place: SourceRange?) throws(Diagnostic) -> Int64 {
        guard let expression = row.rowtime else { return engine.configuration.time.wallMilliseconds() }
        guard let value = Int64(try ConstantEvaluator(engine: engine).text(of: expression)) else {
            throw Diagnostic(.nullNotAllowed, "ROWTIME must not be NULL", at: place)
        }
        guard value >= 0, let time = EventTime(milliseconds: value) else {
            throw Diagnostic(
                .dataError, "ROWTIME \(value) is not a time between the years 1970 and 9999",
                hint: "ROWTIME counts milliseconds since 1970-01-01T00:00:00Z, from 0 to \(EventTime.latest.milliseconds).", at: place)
        }
        return time.milliseconds
    }
}
