// Rows of a question as records of a topic: what INSERT INTO s (SELECT …), UPDATE and DELETE write.

package import Bytes
import Formats
import Plans
import Values

/// Records that a question came to.
package struct QuestionWrites: Sendable {
    package var records: OutgoingRecords
    /// Rows and values that could not be read or computed, by cause, and the first of them.
    package var errors: [RowErrorCause: Int]
    package var firstError: RowError?
    /// What is shown of the rows; nil where nothing was asked for.
    package var returned: AnswerBlocks?
}

/// Encodes rows as records, and hands them on to what shows them, where there is such a stage.
final class QuestionRecordOutput: QuestionStage {
    private let key: SideEncoder
    private let value: SideEncoder
    private let columns: [ColumnDefinition]
    private let keyCount: Int
    private let isDeletion: Bool
    private let timestamp: Int64
    /// Reads the times of rows out of a column, where readers of the topic will do that.
    private let time: TimestampReader?
    /// Columns in which no row may have NULL.
    private let required: [Int]
    private(set) var records = OutgoingRecords()

    init(
        _ schema: RowSchema, _ key: FormatSpec, _ value: FormatSpec, isDeletion: Bool, _ timestamp: Int64,
        time: TimestampColumn?, required: [Int], _ context: QuestionContext, next: QuestionStage?
    ) throws(DataflowError) {
        self.required = isDeletion ? [] : required
        columns = schema.columns
        self.time = isDeletion ? nil : try time.map { time throws(DataflowError) in try TimestampReader(time, schema.columns[time.column].type) }
        self.key = try Codecs.encoder(key, schema.key)
        self.value = try Codecs.encoder(value, schema.value)
        keyCount = schema.keyCount
        self.isDeletion = isDeletion
        self.timestamp = timestamp
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        let before = records.bytes.count
        let sink = ByteSink()
        key.begin(chunk.columns)
        if !isDeletion { value.begin(chunk.columns) }
        if let time { check(time, chunk) }
        for column in required where !chunk.columns[column].nulls.isEmpty { refuseNulls(in: column, chunk) }
        for row in 0..<chunk.rowCount {
            let hasKey = keyCount > 0 && !chunk.columns[..<keyCount].allSatisfy { $0.isNull(row) }
            let keyBytes = hasKey ? bytes(of: row, key, sink) : nil
            records.append(key: keyBytes, value: isDeletion ? nil : bytes(of: row, value, sink), timestamp: timestamp)
        }
        key.end()
        if !isDeletion { value.end() }
        try context.hold(records.bytes.count - before, for: .answer)
        try next?.push(chunk)
    }

    /// Reports the rows without a usable time: no query would ever see them.
    private func check(_ time: TimestampReader, _ chunk: Batch) {
        for row in 0..<chunk.rowCount {
            guard case .problem(let message) = time.read(chunk.columns[time.column.column], row) else { continue }
            context.dataflow.errors.add(.timestamp, step: "Question", column: nil, message: message, batch: chunk, row: row)
        }
    }

    /// Reports the rows that have NULL where there may be none.
    private func refuseNulls(in column: Int, _ chunk: Batch) {
        for row in 0..<chunk.rowCount where chunk.columns[column].isNull(row) {
            context.dataflow.errors.add(
                .expression, step: "Question", column: nil, message: "`\(columns[column].name)` is NOT NULL", batch: chunk, row: row)
        }
    }

    private func bytes(of row: Int, _ encoder: SideEncoder, _ sink: ByteSink) -> [UInt8]? {
        encoder.encode(row, to: sink).isNull ? nil : sink.take()
    }

    override func end() throws(DataflowError) { try next?.end() }
}
