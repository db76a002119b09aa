// Rows made by statements instead of queries: INSERT INTO … VALUES, and the keys of lookups. They go through the same dataflow as
// everything else: one event without columns comes in, a projection of constants makes the row, the sink writes it.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Formats
import Operators
import Pipelines
import Planner
import Plans
import Quantities
import Values

/// Turns constant expressions into records.
struct ConstantEvaluator {
    let engine: MillraceEngine
    /// Where errors point at.
    var place: SourceRange?

    /// The record of one row of `source`: `values` are its key columns, then its value columns. Errors: an expression that fails, a value
    /// that the format cannot write, and, if `checksTime`, a column that gives the row no time where it should.
    func records(
        of values: [TypedExpression], for source: SourceDefinition, timestamp: Int64, checksTime: Bool
    ) throws(Diagnostic) -> OutgoingRecords {
        let columns = source.schema.key + source.schema.value
        let sink = SinkDescription(
            sourceName: source.name, topic: source.topic, kind: source.kind, keyFormat: source.keyFormat, valueFormat: source.valueFormat,
            timestamp: checksTime ? sourceStep(for: source, store: nil, failsOnInvalidTimestamp: false).timestamp : nil, window: nil)
        let dataflow = try dataflow(
            values, RowSchema(columns: columns, keyCount: source.schema.key.count), .sink(sink), timestamp: timestamp)
        var records = dataflow.takeOutput()
        // The record has the time at which it is written: readers take that of the row from the column.
        records.timestamps = records.timestamps.map { _ in timestamp }
        return records
    }

    /// The value of a constant expression as JSON text.
    func text(of expression: TypedExpression) throws(Diagnostic) -> String {
        let schema = RowSchema(columns: [ColumnDefinition("VALUE", expression.type)], keyCount: 0)
        let rows = try dataflow([expression], schema, .client(limit: nil, order: [0]), timestamp: 0).takeRows()
        return rows.texts.first.map { String($0.dropFirst().dropLast()) } ?? "null"
    }

    private func dataflow(
        _ values: [TypedExpression], _ schema: RowSchema, _ destination: Destination, timestamp: Int64
    ) throws(Diagnostic) -> Dataflow {
        let event = SourceStep(
            sourceName: "VALUES", topic: "VALUES", kind: .stream, keyFormat: FormatSpec(.none), valueFormat: FormatSpec(.none),
            schema: SourceSchema(key: [], value: []), timestamp: nil, window: nil, needed: [], store: nil)
        let root = Step.project(ProjectStep(input: .source(event), expressions: values, output: schema, isTable: false))
        var record = OutgoingRecords()
        record.append(key: nil, value: [], timestamp: timestamp)
        do throws(QueryFailure) {
            let dataflow = try QueryLauncher(engine: engine).dataflow(PipelinePlan(root: root, destination: destination), properties: [:])
            try run(dataflow, record.asRun)
            if let error = dataflow.takeErrors().first {
                throw QueryFailure(message: (error.column.map { "column `\($0)`: " } ?? "") + error.message)
            }
            return dataflow
        } catch {
            throw Diagnostic(.dataError, error.message, at: place)
        }
    }

    private func run(_ dataflow: Dataflow, _ run: RecordRun) throws(QueryFailure) {
        do throws(DataflowError) {
            try dataflow.process(input: 0, run: run, range: 0..<run.count, partition: .first)
            try dataflow.flush()
        } catch {
            throw QueryFailure(message: error.message)
        }
    }
}
