// The ends of a dataflow: a topic, an internal topic, or a client.

import Bytes
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
        var header = ByteRange.null
        for index in 0..<batch.selection.count {
            let row = batch.selection[index]
            let hasValue = batch.hasValue(row)
            guard let time = time(of: row, batch, hasValue) else { continue }
            var keyRange = key.encode(row, to: records.bytes)
            if sink.window != nil, batch.isWindowed { keyRange = appendWindow(batch, row, keyRange) }
            let valueRange = hasValue ? value.encode(row, to: records.bytes) : .null
            if !batch.headers.isEmpty { header = copyHeader(batch, row) }
            records.append(key: keyRange, value: valueRange, timestamp: time, header: header)
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

    private func appendWindow(_ batch: Batch, _ row: Int, _ range: ByteRange) -> ByteRange {
        let start = range.isNull ? records.bytes.count : Int(range.start)
        WindowSuffix.append(start: batch.windowStarts[row], end: batch.windowEnds[row], isSession: sink.window == .session, to: records.bytes)
        return records.bytes.range(from: start)
    }

    private func copyHeader(_ batch: Batch, _ row: Int) -> ByteRange {
        let range = batch.headers[row]
        if range.isNull { return .null }
        let start = records.bytes.count
        records.bytes.append(batch.headerBytes[Int(range.start)..<Int(range.start + range.length)])
        return records.bytes.range(from: start)
    }
}

/// The window behind the key bytes (formats.md §10).
enum WindowSuffix {
    static func append(start: Int64, end: Int64, isSession: Bool, to sink: ByteSink) {
        if isSession { putNumber(end, sink) }
        putNumber(start, sink)
    }

    private static func putNumber(_ value: Int64, _ sink: ByteSink) {
        let place = unsafe sink.reserve(8)
        for index in 0..<8 { unsafe place[index] = UInt8(truncatingIfNeeded: value >> Int64(56 - 8 * index)) }
        unsafe sink.commit(place + 8)
    }
}

/// Writes rows as JSON arrays.
final class RowBlockWriter {
    private let bytes = ByteSink()
    private var rows: [ByteRange] = []
    private var deleted: [Bool] = []
    var count: Int { rows.count }

    /// Appends a row of `columns`, shown in `order`; of a deleted row only the first `keyCount` columns have values.
    func append(_ columns: [Column], _ row: Int, order: [Int], isDeleted: Bool, keyCount: Int) {
        let start = bytes.count
        var bound = 16
        for index in order { bound += isDeleted && index >= keyCount ? 5 : JSONWriter.bound(columns[index], row) + 1 }
        var writer = unsafe JSONWriter(bytes.reserve(bound))
        writer.putByte(0x5B)
        for (place, index) in order.enumerated() {
            if place > 0 { writer.putByte(0x2C) }
            if isDeleted && index >= keyCount { writer.put("null") } else { writer.put(columns[index], row, .row) }
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
    private let order: [Int]
    private var remaining: Int?
    let rows = RowBlockWriter()

    init(limit: Int?, order: [Int], keyCount: Int, _ context: DataflowContext) {
        remaining = limit
        self.order = order
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
            rows.append(batch.columns, row, order: order, isDeleted: !batch.hasValue(row), keyCount: keyCount)
        }
    }
}
