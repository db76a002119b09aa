// The ends of a dataflow: a topic, an internal topic, or a client.

import Bytes
import Formats
import Plans
import Quantities
import Values

/// Encodes rows as records of the sink topic.
final class SinkOperator: Operator {
    private let sink: SinkDescription
    private let key: SideEncoder
    private let value: SideEncoder
    private let timestamp: TimestampReader?
    private let timestampName: String
    private let keyCount: Int
    /// The query makes its keys itself (PARTITION BY).
    private let makesKeys: Bool
    /// It writes another topic than the dataflow's own.
    private let isBeside: Bool
    /// Why no row can be written at all, so that the query ends with the first; nil where rows can be.
    private let obstacle: String?
    let records = RecordSink()

    init(
        _ sink: SinkDescription, _ schema: RowSchema, makesKeys: Bool, isBeside: Bool = false, _ context: DataflowContext
    ) throws(DataflowError) {
        self.sink = sink
        self.isBeside = isBeside
        self.makesKeys = makesKeys
        keyCount = schema.keyCount
        key = try Codecs.encoder(sink.keyFormat, schema.key)
        value = try Codecs.encoder(sink.valueFormat, schema.value)
        obstacle = key.obstacle ?? value.obstacle
        timestamp = try sink.timestamp.map { column throws(DataflowError) in
            try TimestampReader(column, schema.columns[column.column].type)
        }
        timestampName = sink.timestamp.map { schema.columns[$0.column].name } ?? ""
        super.init(context, next: nil)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        let before = records.bytes.count
        if let obstacle, !batch.selection.isEmpty {
            let row = batch.selection[0]
            throw DataflowError(
                obstacle, input: batch.input, partition: batch.partition, offset: Offset(clamping: batch.offsets[row]))
        }
        key.begin(batch.columns)
        value.begin(batch.columns)
        if batch.shownText <= 4 * OutputLimits.sliceBytes {
            write(batch, batch.selection)
        } else {
            // Few rows at a time, until there is more than one commit may hold.
            var first = 0
            while first < batch.selection.count, !records.isFull {
                let last = min(first + 16, batch.selection.count)
                write(batch, .only((first..<last).map { Int32(truncatingIfNeeded: batch.selection[$0]) }))
                first = last
            }
        }
        if isBeside {
            context.budget.spendBeside(bytes: records.bytes.count - before)
        } else {
            context.budget.spend(bytes: records.bytes.count - before, held: records.bytes.count)
        }
    }

    override func releaseMemory() {
        key.end()
        value.end()
    }

    private func write(_ batch: Batch, _ selection: Selection) {
        var rows = selection
        if timestamp != nil {
            rows = timed(batch, selection)
        } else if rows.isDense {
            records.timestamps.append(contentsOf: batch.timestamps[..<rows.count])
        } else {
            rows.forEach { records.timestamps.append(batch.timestamps[$0]) }
        }
        if let window = sink.window, batch.isWindowed {
            let windows = WindowSuffix(starts: batch.windowStarts, ends: batch.windowEnds, isSession: window == .session)
            key.encodeWindowed(rows, windows, to: records.bytes, into: &records.keys)
        } else {
            key.encodeRows(rows, present: present(batch), to: records.bytes, into: &records.keys)
        }
        value.encodeRows(rows, present: batch.hasValue, to: records.bytes, into: &records.values)
        if !key.failures.isEmpty || !value.failures.isEmpty { rows = leaveOut(batch, rows) }
        if !batch.headers.isEmpty || !records.headers.isEmpty {
            while records.headers.count < records.count - rows.count { records.headers.append(.null) }
            rows.forEach { records.headers.append(batch.headers.isEmpty ? .null : copyHeader(batch, $0)) }
        }
    }

    /// Takes the rows that cannot be written out of the latest records, and reports them. Gives the others.
    private func leaveOut(_ batch: Batch, _ rows: Selection) -> Selection {
        var reasons: [Int: String] = [:]
        for failure in key.failures + value.failures where reasons[failure.row] == nil { reasons[failure.row] = failure.message }
        key.failures = []
        value.failures = []
        let first = records.count - rows.count
        var kept = first
        var left: [Int32] = []
        for place in 0..<rows.count {
            let row = rows[place]
            if let reason = reasons[row] {
                context.errors.add(.serialization, step: "Sink", column: nil, message: reason, batch: batch, row: row)
                continue
            }
            records.keys[kept] = records.keys[first + place]
            records.values[kept] = records.values[first + place]
            records.timestamps[kept] = records.timestamps[first + place]
            left.append(Int32(truncatingIfNeeded: row))
            kept += 1
        }
        let dropped = rows.count - left.count
        records.keys.removeLast(dropped)
        records.values.removeLast(dropped)
        records.timestamps.removeLast(dropped)
        return .only(left)
    }

    /// Which rows have a key; empty when all have. A row whose key columns are all NULL came without a key and leaves without one,
    /// unless PARTITION BY made the key: then the format decides what a key of NULLs is.
    private func present(_ batch: Batch) -> [Bool] {
        if keyCount == 0 { return Array(repeating: false, count: batch.rowCount) }
        if makesKeys || sink.keyFormat.name == .delimited && sink.kind == .table && sink.window == nil { return [] }
        if !batch.hasKey.isEmpty { return batch.hasKey }
        let columns = batch.columns[..<keyCount]
        guard columns.allSatisfy({ !$0.nulls.isEmpty }) else { return [] }
        return (0..<batch.rowCount).map { row in columns.contains { !$0.isNull(row) } }
    }

    /// Appends the rows' times from the sink's TIMESTAMP column and gives the rows that have one.
    private func timed(_ batch: Batch, _ selection: Selection) -> Selection {
        selection.filtered { row in
            guard let time = time(of: row, batch, batch.hasValue(row)) else { return false }
            records.timestamps.append(time)
            return true
        }
    }

    /// The row's time, from the sink's TIMESTAMP column where it has one; nil, with a report, when that has no usable value.
    private func time(of row: Int, _ batch: Batch, _ hasValue: Bool) -> Int64? {
        guard let timestamp, hasValue else { return batch.timestamps[row] }
        switch timestamp.read(batch.columns[timestamp.column.column], row) {
        case .time(let time): return time
        case .problem(let message):
            context.errors.add(.timestamp, step: "Sink", column: timestampName, message: message, batch: batch, row: row)
            return nil
        }
    }

    private func copyHeader(_ batch: Batch, _ row: Int) -> ByteRange {
        let range = batch.headers[row]
        if range.isNull { return .null }
        let start = records.bytes.count
        records.bytes.append(batch.headerBytes[Int(range.start)..<Int(range.start + range.length)])
        return records.bytes.range(from: start)
    }
}

/// Writes rows as JSON arrays.
final class RowBlockWriter {
    private let bytes = ByteSink()
    private var rows: [ByteRange] = []
    private var deleted: [Bool] = []
    var count: Int { rows.count }
    var byteCount: Int { bytes.count }

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

    /// Frees the memory of large blocks that have been taken.
    func releaseMemory() { bytes.releaseMemory() }

    func take() -> RowBlock {
        var block = RowBlock()
        block.bytes = bytes.take()
        swap(&block.rows, &rows)
        swap(&block.deleted, &deleted)
        return block
    }
}

/// Gives rows to a client.
final class ClientOperator: Operator {
    private let keyCount: Int
    private let order: [Int]
    /// Rows without a value are deletions; else they are no rows.
    private let showsDeletions: Bool
    private var remaining: Int?
    let rows = RowBlockWriter()

    init(limit: Int?, order: [Int], keyCount: Int, showsDeletions: Bool, _ context: DataflowContext) {
        self.showsDeletions = showsDeletions
        remaining = limit
        self.order = order
        self.keyCount = keyCount
        super.init(context, next: nil)
    }

    /// Whether the limit is reached and nothing more will come.
    var isComplete: Bool { remaining == 0 }

    override func push(_ batch: Batch) throws(DataflowError) {
        let before = rows.byteCount
        defer { context.budget.spend(bytes: rows.byteCount - before, held: rows.byteCount) }
        for index in 0..<batch.selection.count {
            if rows.byteCount > OutputLimits.heldBytes { return }
            let row = batch.selection[index]
            if !showsDeletions, !batch.hasValue(row) {
                context.errors.add(.nullValue, step: "Client", column: nil, message: "the record has no value", batch: batch, row: row)
                continue
            }
            if let left = remaining {
                if left == 0 { return }
                remaining = left - 1
            }
            rows.append(batch.columns, row, order: order, isDeleted: !batch.hasValue(row), keyCount: keyCount)
        }
    }
}
