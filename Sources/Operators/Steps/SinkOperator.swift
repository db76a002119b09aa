// The ends of a dataflow: a topic, an internal topic, or a client.

package import Bytes
import Formats
import Plans
import Values

/// Encodes rows as records of the sink topic.
final class SinkOperator: Operator {
    private let sink: SinkDescription
    private let key: SideEncoder
    private let value: SideEncoder
    private let timestamp: TimestampReader?
    private let timestampName: String
    let records = RecordSink()

    init(_ sink: SinkDescription, _ schema: RowSchema, _ context: DataflowContext) throws(DataflowError) {
        self.sink = sink
        key = try Codecs.encoder(sink.keyFormat, schema.key)
        value = try Codecs.encoder(sink.valueFormat, schema.value)
        timestamp = try sink.timestamp.map { column throws(DataflowError) in
            try TimestampReader(column, schema.columns[column.column].type)
        }
        timestampName = sink.timestamp.map { schema.columns[$0.column].name } ?? ""
        super.init(context, next: nil)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        key.begin(batch.columns)
        value.begin(batch.columns)
        var rows = batch.selection
        if timestamp != nil {
            rows = timed(batch)
        } else if rows.isDense {
            records.timestamps.append(contentsOf: batch.timestamps[..<rows.count])
        } else {
            rows.forEach { records.timestamps.append(batch.timestamps[$0]) }
        }
        if let window = sink.window, batch.isWindowed {
            let windows = WindowSuffix(starts: batch.windowStarts, ends: batch.windowEnds, isSession: window == .session)
            key.encodeWindowed(rows, windows, to: records.bytes, into: &records.keys)
        } else {
            key.encodeRows(rows, present: [], to: records.bytes, into: &records.keys)
        }
        value.encodeRows(rows, present: batch.hasValue, to: records.bytes, into: &records.values)
        if !batch.headers.isEmpty || !records.headers.isEmpty {
            while records.headers.count < records.count - rows.count { records.headers.append(.null) }
            rows.forEach { records.headers.append(batch.headers.isEmpty ? .null : copyHeader(batch, $0)) }
        }
    }

    /// Appends the rows' times from the sink's TIMESTAMP column and gives the rows that have one.
    private func timed(_ batch: Batch) -> Selection {
        batch.selection.filtered { row in
            guard let time = time(of: row, batch, batch.hasValue(row)) else { return false }
            records.timestamps.append(time)
            return true
        }
    }

    /// The row's time, from the sink's TIMESTAMP column where it has one; nil, with a report, when that has no usable value.
    private func time(of row: Int, _ batch: Batch, _ hasValue: Bool) -> Int64? {
        guard let timestamp, hasValue else { return batch.timestamps[row] }
        if let time = timestamp.read(batch.columns[timestamp.column.column], row) { return time }
        context.errors.add(
            .timestamp, step: "Sink", column: timestampName, message: "the value of the timestamp column is null, unreadable or negative",
            batch: batch, row: row)
        return nil
    }

    private func copyHeader(_ batch: Batch, _ row: Int) -> ByteRange {
        let range = batch.headers[row]
        if range.isNull { return .null }
        let start = records.bytes.count
        records.bytes.append(batch.headerBytes[Int(range.start)..<Int(range.start + range.length)])
        return records.bytes.range(from: start)
    }
}

/// Rows as clients get them: JSON arrays, one after the other in one buffer.
package struct RowBlock: Hashable, Sendable {
    /// The UTF-8 text of all rows.
    package var bytes: [UInt8] = []
    /// The JSON array of each row, in `bytes`.
    package var rows: [ByteRange] = []
    /// Whether a row says that its key is gone; then only the key columns have values.
    package var deleted: [Bool] = []

    /// No rows.
    package init() {}

    /// Number of rows.
    package var count: Int { rows.count }

    /// The rows as texts, for tests and small answers.
    package var texts: [String] {
        rows.map { String(decoding: bytes[Int($0.start)..<Int($0.start + $0.length)], as: UTF8.self) }
    }
}

/// Writes rows as JSON arrays.
final class RowBlockWriter {
    private let bytes = ByteSink()
    private var rows: [ByteRange] = []
    private var deleted: [Bool] = []
    var count: Int { rows.count }

    /// Appends a row of `columns`; of a deleted row only the first `keyCount` columns have values.
    func append(_ columns: [Column], _ row: Int, isDeleted: Bool, keyCount: Int) {
        let start = bytes.count
        var bound = 16
        for (index, column) in columns.enumerated() { bound += isDeleted && index >= keyCount ? 5 : JSONWriter.bound(column, row) + 1 }
        var writer = unsafe JSONWriter(bytes.reserve(bound))
        writer.putByte(0x5B)
        for (index, column) in columns.enumerated() {
            if index > 0 { writer.putByte(0x2C) }
            if isDeleted && index >= keyCount { writer.put("null") } else { writer.put(column, row, .row) }
        }
        writer.putByte(0x5D)
        unsafe bytes.commit(writer.place)
        rows.append(bytes.range(from: start))
        deleted.append(isDeleted)
    }

    func take() -> RowBlock {
        var block = RowBlock()
        block.bytes = bytes.take()
        swap(&block.rows, &rows)
        swap(&block.deleted, &deleted)
        return block
    }
}

/// Gives rows to the client who asked.
final class ClientOperator: Operator {
    private let keyCount: Int
    private var remaining: Int?
    let rows = RowBlockWriter()

    init(limit: Int?, keyCount: Int, _ context: DataflowContext) {
        remaining = limit
        self.keyCount = keyCount
        super.init(context, next: nil)
    }

    /// Whether the limit is reached and nothing more will come.
    var isComplete: Bool { remaining == 0 }

    override func push(_ batch: Batch) throws(DataflowError) {
        for index in 0..<batch.selection.count {
            if let left = remaining {
                if left == 0 { return }
                remaining = left - 1
            }
            let row = batch.selection[index]
            rows.append(batch.columns, row, isDeleted: !batch.hasValue(row), keyCount: keyCount)
        }
    }
}
