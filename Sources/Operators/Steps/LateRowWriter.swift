// Rows that come when their window is closed, as records of the stream that LATE ROWS INTO names. They are part of the commit that leaves them out.

import Bytes
import Plans
import Quantities
import Values

/// A row that no window takes any more: its index in its batch, the bounds of its window, and how far its time lies behind stream time.
struct LateRow: BitwiseCopyable {
    let row: Int32
    let start: Int64
    let end: Int64
    let delay: Int64
}

/// Writes the late rows of an aggregation.
final class LateRowWriter {
    private let late: LateRows
    private let sink: SinkOperator
    private let columns: [Column]
    private let batch = Batch()
    private var rows: [LateRow] = []

    init(_ late: LateRows, _ context: DataflowContext) throws(DataflowError) {
        self.late = late
        sink = try SinkOperator(late.sink, late.output, makesKeys: false, isBeside: true, context)
        columns = late.output.columns.map { Column($0.type) }
    }

    /// Records that have not been taken.
    var records: RecordSink { sink.records }

    /// Notes a row of the current batch.
    func note(_ row: Int, start: Int64, end: Int64, streamTime: Int64, time: Int64) {
        rows.append(
            LateRow(row: Int32(truncatingIfNeeded: row), start: start, end: end, delay: streamTime.subtractingSaturated(time)))
    }

    /// Writes what was noted of a batch.
    func write(_ input: Batch) throws(DataflowError) {
        guard !rows.isEmpty else { return }
        batch.gatherRows(of: input, rows.map(\.row))
        (batch.windowStarts, batch.windowEnds) = ([], [])
        for (column, expression) in zip(columns, late.columns) {
            guard case .column(let index) = expression.node else { continue }
            column.gather(input.columns[index], rows.map(\.row))
        }
        let added = columns[late.columns.count...]
        for column in added { column.reset(rows.count) }
        for (place, row) in rows.enumerated() {
            for (column, word) in zip(added, [row.start, row.end, row.delay]) { column.words[place] = word }
        }
        batch.columns = columns
        rows.removeAll(keepingCapacity: true)
        try sink.push(batch)
    }
}
