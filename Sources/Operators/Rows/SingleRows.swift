// Row-at-a-time wrappers of the batch operators: for INSERT VALUES, assertions and PRINT.

package import Bytes
package import Formats
package import Plans
package import Quantities
package import Schemas
package import Values

/// Evaluates expressions over boxed rows. One owner, one thread.
package final class ExpressionEvaluator {
    private let kernels: [Kernel]
    private let environment: DataflowEnvironment

    /// Throws when a function has no body.
    package init(_ expressions: [TypedExpression], environment: DataflowEnvironment = DataflowEnvironment()) throws(DataflowError) {
        kernels = try KernelCompiler.compileAll(expressions, environment.added)
        self.environment = environment
    }

    /// The expressions' values for one row, whose columns have these definitions. Throws the first failure that no guard takes.
    package func evaluate(_ row: [Value] = [], columns: [ColumnDefinition] = [], timestamp: Int64 = 0) throws(EvaluationError) -> [Value] {
        let batch = Batch()
        batch.rowCount = 1
        batch.selection = .all(1)
        batch.timestamps = [timestamp]
        batch.offsets = [0]
        batch.columns = zip(columns, row).map { Column($0.type, [$1]) }
        let frame = Frame(environment: environment)
        frame.show(batch)
        var message: String?
        frame.onFailure = { _, text in if message == nil { message = text } }
        var values: [Value] = []
        for kernel in kernels {
            message = nil
            let column = kernel.evaluate(frame, .all(1))
            if column.isFailed(0) { throw EvaluationError(message ?? "an operand is null") }
            values.append(column.value(0))
        }
        return values
    }
}

/// Writes boxed rows as records of a topic.
package final class RowEncoder {
    private let schema: SourceSchema
    private let key: SideEncoder
    private let value: SideEncoder
    private let records = RecordSink()

    /// Rows of `schema` (header columns aside) in these formats.
    package init(_ schema: SourceSchema, keyFormat: FormatSpec, valueFormat: FormatSpec) throws(DataflowError) {
        self.schema = schema
        let columns = (schema.key + schema.value)[...]
        key = try Codecs.encoder(keyFormat, columns[..<schema.key.count])
        value = try Codecs.encoder(valueFormat, columns[schema.key.count...])
    }

    /// Adds one row: the values of the key columns, then of the value columns; nil for `values` makes a record with a null value. Gives
    /// the reason where the format cannot write it; then the side in question is null.
    @discardableResult
    package func append(key keyValues: [Value], values: [Value]?, timestamp: Int64) -> String? {
        let given = keyValues + (values ?? schema.value.map { _ in .null })
        let columns = zip(schema.key + schema.value, given).map { Column($0.type, [$1]) }
        key.begin(columns)
        value.begin(columns)
        let keyRange = key.encode(0, to: records.bytes)
        let valueRange = values == nil ? .null : value.encode(0, to: records.bytes)
        records.append(key: keyRange, value: valueRange, timestamp: timestamp, header: .null)
        defer {
            key.failures = []
            value.failures = []
        }
        return (key.failures + value.failures).first?.message
    }

    /// The records since the last call.
    package func take() -> OutgoingRecords { records.take() }
}

/// One record, decoded.
package struct DecodedRow: Hashable, Sendable {
    /// Key columns, value columns, header columns. Without a value, the value columns are NULL.
    package var values: [Value]
    /// Whether the record has a value; false for tombstones and for events with a null value.
    package var hasValue: Bool
    /// Event time in milliseconds since the epoch, from the TIMESTAMP column where the source has one.
    package var timestamp: Int64
    /// The record's offset.
    package var offset: Offset
    /// Bounds of the row's window, for windowed sources.
    package var windowStart: Int64?
    /// The end of the window; of sessions the time of the last event.
    package var windowEnd: Int64?
}

/// Reads records of a topic as boxed rows.
package final class RowDecoder {
    private let source: SourceOperator
    private let collector: RowCollector
    private let context: DataflowContext

    /// Throws when a format is not supported.
    package init(_ step: SourceStep, schemas: (any SchemaLookup)? = nil) throws(DataflowError) {
        var whole = step
        whole.needed = step.needed.map { _ in true }
        var environment = DataflowEnvironment()
        environment.schemas = schemas
        context = DataflowContext(options: DataflowOptions(), environment: environment)
        collector = RowCollector(context, next: nil)
        source = try SourceOperator(whole, input: 0, context, next: collector)
    }

    /// The rows of all records that can be read, and why the others cannot.
    package func decode(_ run: RecordRun) throws(DataflowError) -> (rows: [DecodedRow], errors: [RowError]) {
        collector.rows = []
        if run.count > 0 { try source.process(run, 0..<run.count, partition: .first) }
        return (collector.rows, context.errors.take())
    }
}

/// Boxes the rows of a batch.
final class RowCollector: Operator {
    var rows: [DecodedRow] = []

    override func push(_ batch: Batch) throws(DataflowError) {
        batch.selection.forEach { row in
            rows.append(
                DecodedRow(
                    values: batch.columns.map { $0.value(row) }, hasValue: batch.hasValue(row), timestamp: batch.timestamps[row],
                    offset: Offset(clamping: batch.offsets[row]), windowStart: batch.isWindowed ? batch.windowStarts[row] : nil,
                    windowEnd: batch.isWindowed ? batch.windowEnds[row] : nil))
        }
    }
}
