// The two ends of an exchange: rows leave one pipeline of a query as records of an internal topic, and enter another one.

import Bytes
import Plans
import Quantities
import Values

/// Writes rows to an internal topic: the key in the topic's key format, the value one flag byte (1: a row follows, 2: an old version
/// follows it) and the rows in the compact format. An old and a new version with different keys become two records.
final class ExchangeSinkOperator: Operator {
    private let schema: RowSchema
    private let key: SideEncoder
    private let oldKey: SideEncoder
    private var scratch: [UInt8] = []
    let records = RecordSink()

    init(_ topic: InternalTopic, _ schema: RowSchema, _ context: DataflowContext) throws(DataflowError) {
        self.schema = schema
        key = try Codecs.internalKeyEncoder(topic.keyFormat, schema.key)
        oldKey = try Codecs.internalKeyEncoder(topic.keyFormat, schema.key)
        super.init(context, next: nil)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        let before = records.bytes.count
        key.begin(batch.columns)
        if !batch.old.isEmpty { oldKey.begin(batch.old) }
        for index in 0..<batch.selection.count {
            // Rows of a batch may share long texts that every record has of its own.
            if index & 15 == 15, records.isFull { break }
            put(batch, batch.selection[index])
        }
        context.budget.spend(bytes: records.bytes.count - before, held: records.bytes.count)
    }

    override func releaseMemory() {
        key.end()
        oldKey.end()
    }

    private func put(_ batch: Batch, _ row: Int) {
        let hasValue = batch.hasValue(row)
        let hadOld = batch.hadOld(row) && !batch.old.isEmpty
        guard hadOld else {
            return append(batch, row, key, columns: hasValue ? batch.columns : nil, keyColumns: batch.columns, old: nil)
        }
        if hasValue, sameKey(batch, row) {
            return append(batch, row, key, columns: batch.columns, keyColumns: batch.columns, old: batch.old)
        }
        append(batch, row, oldKey, columns: nil, keyColumns: batch.old, old: batch.old)
        if hasValue { append(batch, row, key, columns: batch.columns, keyColumns: batch.columns, old: nil) }
    }

    private func sameKey(_ batch: Batch, _ row: Int) -> Bool {
        (0..<schema.keyCount).allSatisfy { index in
            let a = batch.columns[index]
            let b = batch.old[index]
            return a.isNull(row) || b.isNull(row) ? a.isNull(row) == b.isNull(row) : RowOrder.equal(a, row, to: b, row)
        }
    }

    private func append(_ batch: Batch, _ row: Int, _ encoder: SideEncoder, columns: [Column]?, keyColumns: [Column], old: [Column]?) {
        let keyRange = encoder.encode(row, to: records.bytes)
        scratch.removeAll(keepingCapacity: true)
        scratch.append((columns == nil ? 0 : 1) | (old == nil ? 0 : 2))
        if let columns {
            put(columns, row)
        } else if old == nil {
            // An event without a value: its key columns alone.
            put(Array(keyColumns[..<schema.keyCount]), row)
        }
        if let old { put(old, row) }
        let start = records.bytes.count
        records.bytes.append(scratch)
        let valueRange = records.bytes.range(from: start)
        var header = ByteRange.null
        if !batch.headers.isEmpty, !batch.headers[row].isNull {
            let range = batch.headers[row]
            let headerStart = records.bytes.count
            records.bytes.append(batch.headerBytes[Int(range.start)..<Int(range.start + range.length)])
            header = records.bytes.range(from: headerStart)
        }
        records.append(key: keyRange, value: valueRange, timestamp: batch.timestamps[row], header: header)
    }

    /// Columns that the query does not need are empty: they travel as NULL.
    private func put(_ columns: [Column], _ row: Int) {
        for column in columns {
            if column.count > 0 { RowWriter.put(column, row, to: &scratch) } else { scratch.append(0) }
        }
    }
}

/// Reads what an `ExchangeSinkOperator` wrote.
final class ExchangeSourceOperator: Operator {
    private let step: ExchangeStep
    private let input: Int
    private var batch = Batch()

    init(_ step: ExchangeStep, input: Int, _ context: DataflowContext, next: Operator) {
        self.step = step
        self.input = input
        super.init(context, next: next)
        releaseMemory()
    }

    override func releaseMemory() {
        batch = Batch()
        batch.columns = step.output.columns.map { Column($0.type) }
    }

    func process(_ run: RecordRun, _ range: Range<Int>, partition: PartitionIndex) throws(DataflowError) {
        begin(run, range, partition)
        for (row, record) in range.enumerated() {
            let place = run.values[record]
            var reader = RowReader(run.bytes, Int(place.start)..<Int(place.start + max(0, place.length)))
            guard let flags = reader.byte(), flags <= 3, read(flags, &reader, row) else {
                throw DataflowError(
                    "a record of the internal topic \(step.topic.name) is damaged", input: input, partition: partition,
                    offset: run.offset(at: record))
            }
            batch.hasValue.append(flags & 1 != 0)
            batch.hasOld.append(flags & 2 != 0)
        }
        if !batch.hasValue.contains(false) { batch.hasValue = [] }
        if !batch.hasOld.contains(true) { batch.hasOld = [] }
        if batch.rowCount > 0 { try emit(batch) }
    }

    private func begin(_ run: RecordRun, _ range: Range<Int>, _ partition: PartitionIndex) {
        batch.rowCount = range.count
        batch.selection = .all(range.count)
        batch.partition = partition
        batch.input = input
        batch.run = run
        batch.timestamps = Array(run.timestamps[range])
        batch.offsets = Array(run.offsets[range])
        batch.recordIndexes = range.map(Int32.init)
        batch.ranks = context.mergeOrder.map { $0[input] } ?? []
        batch.hasValue.removeAll(keepingCapacity: true)
        batch.hasOld.removeAll(keepingCapacity: true)
        batch.headers = run.headers.isEmpty ? [] : Array(run.headers[range])
        batch.headerBytes = run.headers.isEmpty ? [] : run.bytes
        if step.isTable && batch.old.isEmpty { batch.old = step.output.columns.map { Column($0.type) } }
        for column in batch.columns + batch.old { column.reset(range.count) }
    }

    private func read(_ flags: UInt8, _ reader: inout RowReader, _ row: Int) -> Bool {
        if flags == 0 {
            for (index, column) in batch.columns.enumerated() {
                if index < step.output.keyCount {
                    guard reader.read(into: column, row) else { return false }
                } else {
                    column.setNull(row)
                }
            }
        }
        if flags & 1 != 0 {
            for column in batch.columns where !reader.read(into: column, row) { return false }
        }
        if flags & 2 != 0 {
            guard step.isTable else { return false }
            for column in batch.old where !reader.read(into: column, row) { return false }
            if flags & 1 == 0 {
                // A pure undo: the key columns of the row are those of its old version.
                for index in 0..<step.output.keyCount { batch.columns[index].copy(batch.old[index], row, to: row) }
            }
        }
        return true
    }
}
